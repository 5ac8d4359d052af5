package function

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"modernc.org/quickjs"
)

// serve is what the library calls: the name of a service, and its arguments.
// Bytes go in and out as base64 texts. Errors are thrown as TypeErrors, whose
// text the library turns into what Node.js would say.
func (m *machine) serve(args []any) (any, error) {
	name, ok := text(args, 0)
	if !ok {
		return nil, errors.New("no service")
	}
	args = args[1:]
	switch name {
	case "now":
		return float64(time.Now().UnixMilli()), nil
	case "end":
		return nil, m.settle(args)
	case "loaded":
		m.loadedAt = time.Now()
		return nil, nil
	case "log":
		return nil, m.log(args)
	case "builtin":
		return nil, m.builtin(args)
	case "builtins":
		list, err := json.Marshal(builtins)
		return string(list), err
	case "resolve":
		return m.resolve(args)
	case "file":
		return m.file(args)
	case "ask":
		return m.ask(args)
	case "sync":
		return m.askAndWait(args)
	case "utf8":
		s, _ := text(args, 0)
		return base64.StdEncoding.EncodeToString([]byte(s)), nil
	case "text":
		b, err := data(args, 0)
		return wellFormed(b), err
	default:
		if f, ok := cryptography[name]; ok {
			return f(args)
		}
		return nil, fmt.Errorf("no service %q", name)
	}
}

// wellFormed makes a text of bytes. What begins a character and does not end it
// becomes one U+FFFD, as does each other byte that has no place.
//
// Source: WHATWG Encoding Standard, "UTF-8 decoder".
func wellFormed(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	var out strings.Builder
	for len(b) > 0 {
		r, size := utf8.DecodeRune(b)
		if r == utf8.RuneError && size == 1 {
			for size < len(b) && begins(b[:size+1]) {
				size++
			}
		}
		out.WriteRune(r)
		b = b[size:]
	}
	return out.String()
}

// begins reports whether b, at most three bytes, could go on to be a character.
func begins(b []byte) bool {
	var whole [utf8.UTFMax]byte
	n := copy(whole[:], b)
	for ; n < len(whole); n++ {
		whole[n] = 0x80
	}
	if r, size := utf8.DecodeRune(whole[:]); size > len(b) && r != utf8.RuneError {
		return true
	}
	// The second byte of some must be 0x90 and more: those have it in b already.
	return false
}

// text is an argument that is a string.
func text(args []any, i int) (string, bool) {
	if i >= len(args) {
		return "", false
	}
	s, ok := args[i].(string)
	return s, ok
}

// data is an argument of bytes: base64, or, with a colon before it, text.
func data(args []any, i int) ([]byte, error) {
	s, ok := text(args, i)
	if !ok {
		return nil, errors.New("bytes expected")
	}
	if len(s) > 0 && s[0] == ':' {
		return []byte(s[1:]), nil
	}
	return base64.StdEncoding.DecodeString(s)
}

// settle ends the invocation: "ok", the result and perhaps an origin, or
// "failed" and an error, in JSON.
func (m *machine) settle(args []any) error {
	if m.end != nil {
		return nil
	}
	status, _ := text(args, 0)
	body, _ := text(args, 1)
	o := &outcome{status: status}
	switch status {
	case "ok":
		m.payload = []byte(body)
		if origin, ok := text(args, 2); ok {
			o.origin = []byte(origin)
		}
	case "failed":
		o.failure = &Failure{}
		if err := json.Unmarshal([]byte(body), o.failure); err != nil {
			return err
		}
		where, _ := text(args, 2)
		o.loading, o.dropped = where == "loading", where == "fatal" || where == "loading"
		if o.failure.Message == "out of memory" {
			o.status, o.dropped = "memory", true
		}
	case "exited":
		o.status, o.dropped = "failed", true
		o.failure = &Failure{Type: ExitError, Message: "Runtime exited without providing a reason"}
		if body != "0" {
			o.failure.Message = "Runtime exited with error: exit status " + body
		}
	default:
		return errors.New("no such end")
	}
	m.end = o
	return nil
}

// log sends a line to the function's log, until that is full.
func (m *machine) log(args []any) error {
	level, _ := text(args, 0)
	line, _ := text(args, 1)
	if m.logged >= MaxLogBytes {
		return nil
	}
	if len(line) > maxLogLine {
		line = line[:maxLogLine]
		for len(line) > 0 && !utf8.ValidString(line[max(0, len(line)-4):]) && !utf8.RuneStart(line[len(line)-1]) {
			line = line[:len(line)-1]
		}
	}
	if m.logged += len(line) + 1; m.logged >= MaxLogBytes {
		line = "[log truncated]"
	}
	return m.host.write(frameLog, []byte(level), []byte(line))
}

// builtin evaluates a module of the library, which leaves its function in
// globalThis.__module.
func (m *machine) builtin(args []any) error {
	name, _ := text(args, 0)
	return m.eval(name + ".js")
}

// ask puts a question to the parent, whose answer the loop delivers, and returns
// its number.
func (m *machine) ask(args []any) (any, error) {
	what, _ := text(args, 0)
	request, _ := text(args, 1)
	body, err := data(args, 2)
	if err != nil {
		return nil, err
	}
	if m.asks >= maxAsks-1 {
		return nil, errors.New("too many requests at one time")
	}
	seq, err := m.host.ask(what, []byte(request), body)
	if err != nil {
		m.broken = err
		return nil, err
	}
	m.asks++
	return float64(seq), nil
}

// askAndWait puts a question to the parent and waits for the answer.
func (m *machine) askAndWait(args []any) (any, error) {
	what, _ := text(args, 0)
	request, _ := text(args, 1)
	a, err := m.question(what, []byte(request))
	if err != nil {
		return nil, err
	}
	return string(a.data), nil
}

func (m *machine) question(what string, request []byte) (*answer, error) {
	seq, err := m.host.ask(what, request, nil)
	if err == nil {
		var a *answer
		if a, err = m.host.wait(seq, m.deadline.Add(grace/2)); err == nil {
			if a.err != "" {
				return nil, errors.New(a.err)
			}
			return a, nil
		}
	}
	m.broken = err
	return nil, err
}

// file returns a file of the package: as text, or with "bytes" in base64. With
// "list" it returns the names of all.
func (m *machine) file(args []any) (any, error) {
	name, _ := text(args, 0)
	how, _ := text(args, 1)
	switch how {
	case "list":
		list, err := json.Marshal(m.program.Files)
		return string(list), err
	case "bytes":
		b, err := m.read(name)
		return base64.StdEncoding.EncodeToString(b), err
	default:
		b, err := m.read(name)
		return string(b), err
	}
}

func (m *machine) read(name string) ([]byte, error) {
	if !m.tree().has(name) {
		return nil, errors.New("ENOENT")
	}
	a, err := m.question("file", []byte(name))
	if err != nil {
		return nil, err
	}
	return a.body, nil
}

// resolve finds what require(name) means in a folder: the file, and its kind.
func (m *machine) resolve(args []any) (any, error) {
	dir, _ := text(args, 0)
	name, _ := text(args, 1)
	file, err := m.tree().find(dir, name, false)
	if err != nil {
		return nil, err
	}
	return []any{file, m.tree().kind(file)}, nil
}

// normalizeModule finds what import of name means in the module base.
func (m *machine) normalizeModule(_ *quickjs.VM, base, name string) (string, error) {
	return m.tree().importing(base, name)
}

// loadModule returns the source of a module: a file, or the names of one that
// require loads.
func (m *machine) loadModule(vm *quickjs.VM, name string) (string, error) {
	if m.program.Runtime == CloudFrontJS2 && name == taskRoot+cloudFrontFile {
		code, err := m.read(cloudFrontFile)
		return string(code) + "\n;export { handler as __handler };", err
	}
	file, inside := relative(name)
	if inside && m.tree().kind(file) == "module" {
		code, err := m.read(file)
		if err != nil {
			return "", err
		}
		meta, err := json.Marshal(map[string]string{"url": "file://" + name, "filename": name, "dirname": dirOf(name)})
		return "Object.assign(import.meta," + string(meta) + ");" + stripHashbang(string(code)), err
	}
	quoted, err := json.Marshal(name)
	if err != nil {
		return "", err
	}
	names, err := vm.Call(bridge+".names", name)
	if err != nil {
		return "", err
	}
	list, _ := names.(string)
	return "const m=" + bridge + ".require(" + string(quoted) + ");export default m;" + list, nil
}

// bridge is how the source of a module reaches the library.
const bridge = `globalThis[Symbol.for("keyfront.bridge")]`
