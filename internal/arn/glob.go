package arn

import (
	"strings"
	"unicode/utf8"
)

// Wildcards inside a Glob. Neither byte occurs in valid UTF-8, so whatever
// else a Glob holds is literal, the characters * and ? included.
const (
	wildAny = '\xff'
	wildOne = '\xfe'
)

// Glob is a compiled pattern: * stands for any run of characters, an empty one
// too, and ? for exactly one. Matching is case-sensitive. Globs are immutable,
// and the zero Glob matches the empty string alone.
type Glob struct {
	text string
	form form
}

// form names the patterns that need no search.
type form uint8

const (
	formExact  form = iota // no wildcard
	formPrefix             // one wildAny, at the end
	formSearch
)

// Compile makes a Glob of a pattern as a user writes it.
func Compile(pattern string) Glob {
	pattern = strings.ToValidUTF8(pattern, "\ufffd")
	if strings.IndexByte(pattern, '*') < 0 && strings.IndexByte(pattern, '?') < 0 {
		return Glob{text: pattern}
	}
	text := make([]byte, 0, len(pattern))
	for i := range len(pattern) {
		switch c := pattern[i]; {
		case c == '?':
			text = append(text, wildOne)
		case c != '*':
			text = append(text, c)
		case len(text) == 0 || text[len(text)-1] != wildAny:
			text = append(text, wildAny)
		}
	}
	return globOf(string(text))
}

// Literal is the Glob that matches s alone, wildcards in it or not. Bytes that
// are not UTF-8 match nothing that has them.
func Literal(s string) Glob {
	return Glob{text: strings.ToValidUTF8(s, "\ufffd")}
}

// Join is the Glob of its parts, one after the other.
func Join(parts ...Glob) Glob {
	var b strings.Builder
	for _, p := range parts {
		b.WriteString(p.text)
	}
	return globOf(b.String())
}

func globOf(text string) Glob {
	first := wildAt(text)
	switch {
	case first < 0:
		return Glob{text: text}
	case first == len(text)-1 && text[first] == wildAny:
		return Glob{text: text, form: formPrefix}
	}
	return Glob{text: text, form: formSearch}
}

// wildAt is the place of the first wildcard in text, or -1.
func wildAt(text string) int {
	for i := range len(text) {
		if text[i] >= wildOne {
			return i
		}
	}
	return -1
}

// IsLiteral reports whether g has no wildcard.
func (g Glob) IsLiteral() bool { return g.form == formExact }

// MatchesAll reports whether g is "*".
func (g Glob) MatchesAll() bool { return g.form == formPrefix && len(g.text) == 1 }

// Match reports whether g covers the whole of s. Its time is linear in
// len(s) plus the length of the pattern, times the longest run of the pattern
// that holds a ?; nothing is allocated.
func (g Glob) Match(s string) bool {
	switch g.form {
	case formExact:
		return s == g.text
	case formPrefix:
		return strings.HasPrefix(s, g.text[:len(g.text)-1])
	}
	return search(g.text, s)
}

// search matches run by run: the first at the start of s, the last at its end,
// and each between at the leftmost place left. Leftmost is enough, since a
// later place leaves less of s for the runs that follow.
func search(p, s string) bool {
	star := strings.IndexByte(p, wildAny)
	if star < 0 {
		n, ok := runAt(p, s)
		return ok && n == len(s)
	}
	n, ok := runAt(p[:star], s)
	if !ok {
		return false
	}
	p, s = p[star+1:], s[n:]
	for {
		star = strings.IndexByte(p, wildAny)
		if star < 0 {
			return runAtEnd(p, s)
		}
		if n, ok = findRun(p[:star], s); !ok {
			return false
		}
		p, s = p[star+1:], s[n:]
	}
}

// runAt matches a run, a pattern without wildAny, at the start of s and
// returns how many bytes it took.
func runAt(run, s string) (n int, ok bool) {
	for i := range len(run) {
		switch {
		case n >= len(s):
			return 0, false
		case run[i] == wildOne:
			n += charLen(s[n:])
		case run[i] == s[n]:
			n++
		default:
			return 0, false
		}
	}
	return n, true
}

// findRun finds a run at its leftmost place in s and returns where it ends.
func findRun(run, s string) (end int, ok bool) {
	if wildAt(run) < 0 {
		at := strings.Index(s, run)
		return at + len(run), at >= 0
	}
	for at := 0; at < len(s); at += charLen(s[at:]) {
		if n, ok := runAt(run, s[at:]); ok {
			return at + n, true
		}
	}
	return 0, false
}

// runAtEnd matches a run with the end of s.
func runAtEnd(run, s string) bool {
	if wildAt(run) < 0 {
		return strings.HasSuffix(s, run)
	}
	at := len(s)
	for i := len(run) - 1; i >= 0; i-- {
		if run[i] != wildOne {
			if at == 0 || s[at-1] != run[i] {
				return false
			}
			at--
			continue
		}
		if at == 0 {
			return false
		}
		_, n := utf8.DecodeLastRuneInString(s[:at])
		at -= n
	}
	return true
}

// charLen is the length in bytes of the first character of s, which is not empty.
func charLen(s string) int {
	if s[0] < utf8.RuneSelf {
		return 1
	}
	_, n := utf8.DecodeRuneInString(s)
	return n
}
