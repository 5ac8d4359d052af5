// Package doortest helps to test the doors of package api: it asks them, sees that
// nothing which a domain can refuse is without a form on the wire, and that the SDK
// takes up all of what they answer.
package doortest

import (
	"go/ast"
	"go/parser"
	"go/token"
	"iter"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// Errors finds the sentinels that the package in a folder exports, the variables
// Err… made by errors.New, and gives their texts by their names. It fails the test
// when there are none.
func Errors(t testing.TB, dir string) map[string]string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]string)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if spec, ok := n.(*ast.ValueSpec); ok {
				if name, text, ok := sentinel(spec); ok {
					found[name] = text
				}
			}
			return true
		})
	}
	if len(found) == 0 {
		t.Fatalf("%s exports no errors", dir)
	}
	return found
}

// EveryError wants each of the Errors of the package in dir to be one of those that a
// door has a form for, or to stand apart by its name.
func EveryError(t testing.TB, dir string, known iter.Seq[error], apart ...string) {
	t.Helper()
	texts := make(map[string]bool)
	for err := range known {
		texts[err.Error()] = true
	}
	for name, text := range Errors(t, dir) {
		if !texts[text] && !slices.Contains(apart, name) {
			t.Errorf("%s.%s (%q) has no form on the wire", filepath.Base(dir), name, text)
		}
	}
}

// sentinel reads a specification such as ErrGone = errors.New("gone").
func sentinel(spec *ast.ValueSpec) (name, text string, ok bool) {
	if len(spec.Names) != 1 || len(spec.Values) != 1 || !strings.HasPrefix(spec.Names[0].Name, "Err") {
		return "", "", false
	}
	call, ok := spec.Values[0].(*ast.CallExpr)
	if !ok || len(call.Args) != 1 {
		return "", "", false
	}
	literal, ok := call.Args[0].(*ast.BasicLit)
	if !ok {
		return "", "", false
	}
	text, err := strconv.Unquote(literal.Value)
	return spec.Names[0].Name, text, err == nil
}
