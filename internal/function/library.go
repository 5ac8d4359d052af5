package function

import (
	"embed"

	"modernc.org/quickjs"
)

// The library is JavaScript: core.js is the event loop, the loader and the
// globals of Node.js, cloudfront.js those of CloudFront functions, and each
// other file is a module that core.js evaluates when a function asks for it.
//
//go:embed js
var sources embed.FS

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
