// Package form has the forms that names and other small texts must have, as
// regular expressions that cost nothing before the first text is held against
// them: the program starts for each command and for each process that runs
// functions, and most need none of them.
package form

import (
	"regexp"
	"sync"
)

// Form is a regular expression in the syntax of package regexp, compiled when it
// is first used. It is safe for concurrent use.
type Form struct {
	expr     string
	once     sync.Once
	compiled *regexp.Regexp
}

// New returns the form that expr describes. An expr that does not compile panics
// at its first use.
func New(expr string) *Form { return &Form{expr: expr} }

func (f *Form) regexp() *regexp.Regexp {
	f.once.Do(func() { f.compiled = regexp.MustCompile(f.expr) })
	return f.compiled
}

// MatchString reports whether a part of s has the form.
func (f *Form) MatchString(s string) bool { return f.regexp().MatchString(s) }

// FindStringSubmatch is that of package regexp, and so are the others below.
func (f *Form) FindStringSubmatch(s string) []string { return f.regexp().FindStringSubmatch(s) }

// FindAllStringSubmatch finds the first n parts, or all if n is negative.
func (f *Form) FindAllStringSubmatch(s string, n int) [][]string {
	return f.regexp().FindAllStringSubmatch(s, n)
}

// FindAllStringSubmatchIndex finds where they are.
func (f *Form) FindAllStringSubmatchIndex(s string, n int) [][]int {
	return f.regexp().FindAllStringSubmatchIndex(s, n)
}
