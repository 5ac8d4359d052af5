package delivery

import (
	"slices"
	"strings"
)

// Select says how a Selection's names are meant.
type Select uint8

const (
	SelectNone      Select = iota
	SelectWhitelist        // those named
	SelectAllExcept        // all but those named
	SelectAll
)

// Selection picks parameters, headers or cookies by name. Its zero value picks none.
type Selection struct {
	Mode Select
	// Names is sorted. Header names are in lower case. Cookie names may hold
	// the wildcards of a Pattern; then the Selection comes from NewSelection.
	Names []string

	globs []Pattern
	also  *Selection // picks as well
}

// union picks what a or b picks. Its mode is that of what picks more.
func union(a, b Selection) Selection {
	if a.Mode < b.Mode {
		a, b = b, a
	}
	if b.Mode != SelectNone && a.Mode != SelectAll {
		a.also = &b
	}
	return a
}

// NewSelection returns a selection of names; wildcards says that "*" and "?"
// in them are not meant literally.
func NewSelection(mode Select, wildcards bool, names ...string) Selection {
	s := Selection{Mode: mode}
	for _, n := range names {
		if wildcards && strings.ContainsAny(n, "*?") {
			// The slash keeps Pattern from taking one off the name itself.
			s.globs = append(s.globs, CompilePattern("/"+n))
			continue
		}
		s.Names = append(s.Names, n)
	}
	slices.Sort(s.Names)
	return s
}

// Has reports whether the selection picks name. It does not allocate.
func (s *Selection) Has(name string) bool {
	return s.has(name) || s.also != nil && s.also.Has(name)
}

func (s *Selection) has(name string) bool {
	switch s.Mode {
	case SelectAll:
		return true
	case SelectWhitelist:
		return s.named(name)
	case SelectAllExcept:
		return !s.named(name)
	default:
		return false
	}
}

func (s *Selection) named(name string) bool {
	if _, ok := slices.BinarySearch(s.Names, name); ok {
		return true
	}
	for i := range s.globs {
		if matchParts(s.globs[i].parts, name) {
			return true
		}
	}
	return false
}
