package delivery

import "strings"

// MaxPatternBytes bounds a path pattern.
const MaxPatternBytes = 255

// Pattern is a compiled path pattern: "*" stands for any characters, also none
// and also slashes, "?" for exactly one; all others for themselves. A leading
// slash makes no difference. The zero value matches only "/".
//
// Source: CloudFront Developer Guide, "Cache behavior settings", Path pattern.
type Pattern struct {
	text string
	// parts are the pieces between stars, the first anchored to the path's
	// start and the last to its end. There is one part if there is no star.
	parts []part
}

type part struct {
	text string
	any  bool // text holds a "?"
}

// CompilePattern compiles any text; validPattern says whether CloudFront takes it.
func CompilePattern(text string) Pattern {
	p := Pattern{text: text}
	for piece := range strings.SplitSeq(strings.TrimPrefix(text, "/"), "*") {
		p.parts = append(p.parts, part{piece, strings.Contains(piece, "?")})
	}
	return p
}

// validPattern reports whether text has 1 to MaxPatternBytes characters, all of
// those that a path pattern may hold.
func validPattern(text string) bool {
	if text == "" || len(text) > MaxPatternBytes {
		return false
	}
	for i := range len(text) {
		c := text[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte("_-.*?$/~\"'@:+&", c) >= 0:
		default:
			return false
		}
	}
	return true
}

// String is the pattern as it was written.
func (p Pattern) String() string { return p.text }

// Match reports whether the pattern matches the whole of path. It does not
// allocate, and never looks at more than len(path) places for each piece
// between two stars: no pattern makes it slow.
func (p Pattern) Match(path string) bool {
	return matchParts(p.parts, strings.TrimPrefix(path, "/"))
}

func matchParts(parts []part, s string) bool {
	if len(parts) == 0 {
		return s == ""
	}
	first, last := parts[0], parts[len(parts)-1]
	if len(parts) == 1 {
		return len(s) == len(first.text) && first.at(s)
	}
	if !first.at(s) {
		return false
	}
	s = s[len(first.text):]
	if len(s) < len(last.text) {
		return false
	}
	end := len(s) - len(last.text)
	if !last.at(s[end:]) {
		return false
	}
	s = s[:end]
	// The leftmost place of each middle piece leaves most for the others, so
	// there is nothing to go back to.
	for _, p := range parts[1 : len(parts)-1] {
		i := p.index(s)
		if i < 0 {
			return false
		}
		s = s[i+len(p.text):]
	}
	return true
}

// at reports whether s begins with p.
func (p part) at(s string) bool {
	if !p.any {
		return strings.HasPrefix(s, p.text)
	}
	if len(s) < len(p.text) {
		return false
	}
	for i := range len(p.text) {
		if p.text[i] != '?' && p.text[i] != s[i] {
			return false
		}
	}
	return true
}

// index is the first place where p stands in s, or -1.
func (p part) index(s string) int {
	if !p.any {
		return strings.Index(s, p.text)
	}
	for i := 0; i+len(p.text) <= len(s); i++ {
		if p.at(s[i:]) {
			return i
		}
	}
	return -1
}
