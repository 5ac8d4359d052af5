package function

import (
	"embed"

	"modernc.org/quickjs"
)

// The library is JavaScript: clock.js is the time, core.js is the event loop, the
// loader and the globals of Node.js, cloudfront.js those of CloudFront functions,
// and each other file is a module that core.js evaluates when a function asks for it.
//
//go:embed js
var sources embed.FS

// usual are the files that most functions come to need, the first ones first.
var usual = []string{
	"clock.js", "core.js", "events.js", "buffer.js", "encoding.js", "crypto.js", "util.js", "cloudfront.js", "querystring.js", "url.js", "path.js",
	"stream.js", "http.js", "fetch.js", "fs.js",
}

// library keeps its files compiled. One goroutine uses it.
type library struct{ compiled map[string][]byte }

func newLibrary() *library { return &library{make(map[string][]byte)} }

// code returns the compiled form of a file, which any machine of this process
// can run.
func (l *library) code(vm *quickjs.VM, name string) ([]byte, error) {
	if code, ok := l.compiled[name]; ok {
		return code, nil
	}
	text, err := sources.ReadFile("js/" + name)
	if err != nil {
		return nil, err
	}
	code, err := vm.Compile(string(text), quickjs.EvalGlobal)
	if err != nil {
		return nil, err
	}
	l.compiled[name] = code
	return code, nil
}

// prepare compiles what is usual for as long as nobody wants anything else. What
// cannot be compiled says so when it is needed.
func (l *library) prepare(wanted func() bool) {
	vm, err := quickjs.NewVM()
	if err != nil {
		return
	}
	defer vm.Close()
	for _, name := range usual {
		if wanted() {
			return
		}
		if _, err := l.code(vm, name); err != nil {
			return
		}
	}
}
