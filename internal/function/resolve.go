package function

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

const (
	// taskRoot is where a function believes its package to be.
	taskRoot = "/var/task/"
	// cloudFrontFile is the one file of a CloudFront function.
	cloudFrontFile = "function.js"
)

// CloudFrontCode returns the package of a CloudFront function.
func CloudFrontCode(code string) (*Package, error) {
	return NewPackage(map[string]string{cloudFrontFile: code})
}

// builtins are the modules that the library has. Those of the last line are
// there so that packages load that only might use them: what they have throws.
var builtins = []string{
	"assert", "assert/strict", "async_hooks", "buffer", "cloudfront", "constants", "crypto", "events", "fs", "fs/promises", "http", "https", "module", "os", "path",
	"path/posix", "perf_hooks", "process", "querystring", "stream", "stream/consumers", "stream/promises", "string_decoder", "timers", "timers/promises", "tty",
	"url", "util", "util/types", "zlib",
	"child_process", "cluster", "dgram", "dns", "http2", "inspector", "net", "readline", "tls", "v8", "vm", "worker_threads",
}

// tree knows the files of a package and finds modules among them as Node.js does.
//
// Source: Node.js documentation, "Modules: CommonJS modules", and "Modules:
// Packages".
type tree struct {
	files    map[string]bool
	folders  map[string]bool
	manifest func(dir string) *manifest
}

// manifest is what counts of a package.json.
type manifest struct {
	Type    string          `json:"type"`
	Main    string          `json:"main"`
	Exports json.RawMessage `json:"exports"`
}

func (m *machine) tree() *tree {
	if m.files != nil {
		return m.files
	}
	t := &tree{files: make(map[string]bool), folders: map[string]bool{"": true}}
	for _, name := range m.program.Files {
		t.files[name] = true
		for dir := path.Dir(name); dir != "." && !t.folders[dir]; dir = path.Dir(dir) {
			t.folders[dir] = true
		}
	}
	manifests := make(map[string]*manifest)
	t.manifest = func(dir string) *manifest {
		if kept, ok := manifests[dir]; ok {
			return kept
		}
		var found *manifest
		if name := path.Join(dir, "package.json"); t.files[name] {
			if text, err := m.read(name); err == nil {
				found = &manifest{}
				if json.Unmarshal(text, found) != nil {
					found = &manifest{}
				}
			}
		}
		manifests[dir] = found
		return found
	}
	m.files = t
	return t
}

func (t *tree) has(name string) bool { return t.files[name] }

// relative is the file that an absolute path means.
func relative(name string) (string, bool) { return strings.CutPrefix(name, taskRoot) }

func dirOf(name string) string { return strings.TrimSuffix(path.Dir(name), "/") }

func stripHashbang(code string) string {
	if strings.HasPrefix(code, "#!") {
		return "//" + code
	}
	return code
}

// find returns the file, or "node:" and the name of a module of the library,
// that name means in a folder of the package.
func (t *tree) find(dir, name string, importing bool) (string, error) {
	if bare := strings.TrimPrefix(name, "node:"); slices.Contains(builtins, bare) {
		return "node:" + bare, nil
	}
	missing := fmt.Errorf("MODULE_NOT_FOUND:%s", name)
	name = strings.TrimPrefix(name, "file://")
	switch {
	case strings.HasPrefix(name, "/"):
		file, inside := relative(path.Clean(name))
		if !inside {
			return "", missing
		}
		return t.file(file, importing, missing)
	case name == "." || name == ".." || strings.HasPrefix(name, "./") || strings.HasPrefix(name, "../"):
		file, inside := relative(path.Join(taskRoot, dir, name))
		if !inside && path.Join(taskRoot, dir, name)+"/" != taskRoot {
			return "", missing
		}
		return t.file(file, importing, missing)
	case strings.HasPrefix(name, "node:"):
		return "", missing
	}
	scope, rest, _ := strings.Cut(name, "/")
	if strings.HasPrefix(name, "@") {
		second, after, _ := strings.Cut(rest, "/")
		scope, rest = scope+"/"+second, after
	}
	for {
		if home := path.Join(dir, "node_modules", scope); t.folders[home] {
			if file, err := t.inPackage(home, rest, importing, missing); err == nil {
				return file, nil
			}
		}
		if dir == "" || dir == "." {
			return "", missing
		}
		if dir = path.Dir(dir); dir == "." {
			dir = ""
		}
	}
}

// inPackage finds the subpath rest of the package in home.
func (t *tree) inPackage(home, rest string, importing bool, missing error) (string, error) {
	if p := t.manifest(home); p != nil && len(p.Exports) > 0 {
		target, ok := exported(p.Exports, rest, importing)
		if !ok {
			return "", missing
		}
		file := path.Join(home, target)
		if !strings.HasPrefix(file, home+"/") || !t.files[file] {
			return "", missing
		}
		return file, nil
	}
	return t.file(path.Join(home, rest), importing, missing)
}

// file tries name as a file and then as a folder.
func (t *tree) file(name string, importing bool, missing error) (string, error) {
	for _, ending := range []string{"", ".js", ".json", ".cjs", ".mjs"} {
		if t.files[name+ending] {
			return name + ending, nil
		}
	}
	if t.folders[name] {
		if p := t.manifest(name); p != nil && p.Main != "" {
			main := path.Join(name, p.Main)
			for _, ending := range []string{"", ".js", ".json", ".cjs", ".mjs", "/index.js"} {
				if t.files[main+ending] {
					return main + ending, nil
				}
			}
		}
		for _, index := range []string{"index.js", "index.json", "index.cjs", "index.mjs"} {
			if file := path.Join(name, index); t.files[file] {
				return file, nil
			}
		}
	}
	return "", missing
}

// maxConditions bounds how deep the conditions of exports are nested.
const maxConditions = 16

// exported finds a subpath in the exports of a package.json.
func exported(exports json.RawMessage, rest string, importing bool) (string, bool) {
	want := "."
	if rest != "" {
		want = "./" + rest
	}
	keys, values := object(exports)
	if len(keys) == 0 || !strings.HasPrefix(keys[0], ".") {
		if want != "." {
			return "", false
		}
		return condition(exports, "", importing, maxConditions)
	}
	if i := slices.Index(keys, want); i >= 0 {
		return condition(values[i], "", importing, maxConditions)
	}
	best, star := -1, ""
	for i, key := range keys {
		before, after, ok := strings.Cut(key, "*")
		if ok && len(want) >= len(before)+len(after) && strings.HasPrefix(want, before) && strings.HasSuffix(want, after) &&
			(best < 0 || len(before) > strings.IndexByte(keys[best], '*')) {
			best, star = i, want[len(before):len(want)-len(after)]
		}
	}
	if best < 0 {
		return "", false
	}
	return condition(values[best], star, importing, maxConditions)
}

// condition picks the target for this runtime.
func condition(value json.RawMessage, star string, importing bool, depth int) (string, bool) {
	var target string
	if json.Unmarshal(value, &target) == nil {
		return strings.ReplaceAll(target, "*", star), strings.HasPrefix(target, "./")
	}
	if depth == 0 {
		return "", false
	}
	var list []json.RawMessage
	if json.Unmarshal(value, &list) == nil {
		for _, v := range list {
			if target, ok := condition(v, star, importing, depth-1); ok {
				return target, true
			}
		}
		return "", false
	}
	keys, values := object(value)
	for i, key := range keys {
		if key == "node" || key == "default" || importing && key == "import" || !importing && key == "require" {
			if target, ok := condition(values[i], star, importing, depth-1); ok {
				return target, true
			}
		}
	}
	return "", false
}

// object returns the members of a JSON object in their order, which counts here.
func object(text json.RawMessage) (keys []string, values []json.RawMessage) {
	d := json.NewDecoder(strings.NewReader(string(text)))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, nil
	}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, nil
		}
		var v json.RawMessage
		if d.Decode(&v) != nil {
			return nil, nil
		}
		keys, values = append(keys, key.(string)), append(values, v)
	}
	return keys, values
}

// kind says how a file is loaded: "module", "json", "builtin" or "script".
func (t *tree) kind(file string) string {
	switch {
	case strings.HasPrefix(file, "node:"):
		return "builtin"
	case strings.HasSuffix(file, ".mjs"):
		return "module"
	case strings.HasSuffix(file, ".json"):
		return "json"
	case strings.HasSuffix(file, ".cjs"):
		return "script"
	}
	for dir := path.Dir(file); ; dir = path.Dir(dir) {
		if dir == "." {
			dir = ""
		}
		if p := t.manifest(dir); p != nil {
			if p.Type == "module" {
				return "module"
			}
			return "script"
		}
		if dir == "" {
			return "script"
		}
	}
}

// importing finds what import of name means in the module base.
func (t *tree) importing(base, name string) (string, error) {
	file, inside := relative(base)
	dir := ""
	if inside {
		if dir = path.Dir(file); dir == "." {
			dir = ""
		}
	}
	found, err := t.find(dir, name, true)
	if err != nil || strings.HasPrefix(found, "node:") {
		return found, err
	}
	return taskRoot + found, nil
}
