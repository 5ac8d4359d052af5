package signedurl

import (
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// Bounds of a policy's JSON. Real policies nest five deep and have three members.
const (
	maxJSONDepth   = 16
	maxJSONMembers = 64
)

// jsonReader reads RFC 8259 more strictly than encoding/json: names are
// case-sensitive and must not repeat, invalid UTF-8 and lone surrogates are
// errors, depth and members are bounded. On one point it is laxer, see escape.
type jsonReader struct {
	src   []byte
	pos   int
	depth int
}

// fail makes the error for the present position. problem holds no policy text:
// it may end up in logs.
func (r *jsonReader) fail(problem string) *PolicyError {
	return &PolicyError{Offset: r.pos, Problem: problem}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (r *jsonReader) peek() byte {
	for ; r.pos < len(r.src); r.pos++ {
		switch c := r.src[r.pos]; c {
		case ' ', '\t', '\n', '\r':
		default:
			return c
		}
	}
	return 0
}

func (r *jsonReader) end() *PolicyError {
	if r.peek() != 0 || r.pos < len(r.src) {
		return r.fail("text after the policy")
	}
	return nil
}

func (r *jsonReader) accept(c byte) bool {
	if r.peek() != c || r.pos == len(r.src) {
		return false
	}
	r.pos++
	return true
}

// list reads what stands between opening and closing, separated by commas.
func (r *jsonReader) list(opening, closing byte, item func() *PolicyError) *PolicyError {
	if !r.accept(opening) {
		if opening == '{' {
			return r.fail("want an object")
		}
		return r.fail("want an array")
	}
	if r.depth++; r.depth > maxJSONDepth {
		return r.fail("nested too deeply")
	}
	if !r.accept(closing) {
		for {
			if err := item(); err != nil {
				return err
			}
			if r.accept(closing) {
				break
			}
			if !r.accept(',') {
				return r.fail("want ',' or '" + string(rune(closing)) + "'")
			}
		}
	}
	r.depth--
	return nil
}

func (r *jsonReader) array(item func() *PolicyError) *PolicyError { return r.list('[', ']', item) }

// object calls member with each name; member reads the value.
func (r *jsonReader) object(member func(name string) *PolicyError) *PolicyError {
	var few [8]string
	names := few[:0]
	return r.list('{', '}', func() *PolicyError {
		start := r.pos
		name, err := r.string()
		if err != nil {
			return err
		}
		if slices.Contains(names, name) {
			r.pos = start
			return r.fail("the same member twice")
		}
		if names = append(names, name); len(names) > maxJSONMembers {
			return r.fail("too many members")
		}
		if !r.accept(':') {
			return r.fail("want ':'")
		}
		r.peek()
		return member(name)
	})
}

// skip reads any value.
func (r *jsonReader) skip() *PolicyError {
	switch c := r.peek(); {
	case c == '{':
		return r.object(func(string) *PolicyError { return r.skip() })
	case c == '[':
		return r.array(r.skip)
	case c == '"':
		_, err := r.string()
		return err
	case c == '-' || '0' <= c && c <= '9':
		_, err := r.number()
		return err
	}
	for _, word := range [...]string{"true", "false", "null"} {
		if end := r.pos + len(word); end <= len(r.src) && string(r.src[r.pos:end]) == word {
			r.pos = end
			return nil
		}
	}
	return r.fail("want a value")
}

// number reads a JSON number and returns its text.
func (r *jsonReader) number() (string, *PolicyError) {
	r.peek()
	start := r.pos
	if r.at('-') {
		r.pos++
	}
	if r.at('0') {
		r.pos++
	} else if !r.digits() {
		return "", r.fail("want a number")
	}
	if r.at('.') {
		r.pos++
		if !r.digits() {
			return "", r.fail("want a digit")
		}
	}
	if r.at('e') || r.at('E') {
		r.pos++
		if r.at('+') || r.at('-') {
			r.pos++
		}
		if !r.digits() {
			return "", r.fail("want a digit")
		}
	}
	return string(r.src[start:r.pos]), nil
}

func (r *jsonReader) at(c byte) bool { return r.pos < len(r.src) && r.src[r.pos] == c }

func (r *jsonReader) digits() bool {
	start := r.pos
	for r.pos < len(r.src) && '0' <= r.src[r.pos] && r.src[r.pos] <= '9' {
		r.pos++
	}
	return r.pos > start
}

func (r *jsonReader) string() (string, *PolicyError) {
	if !r.accept('"') {
		return "", r.fail("want a string")
	}
	start := r.pos
	var text []byte // nil while the string has no escapes
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == '"':
			if text == nil {
				text = r.src[start:r.pos]
			}
			r.pos++
			return intern(text), nil
		case c < ' ':
			return "", r.fail("a control character in a string")
		case c == '\\':
			if text == nil {
				text = append(make([]byte, 0, len(r.src)-start), r.src[start:r.pos]...)
			}
			var err *PolicyError
			if text, err = r.escape(text); err != nil {
				return "", err
			}
		case c < utf8.RuneSelf:
			r.pos++
			if text != nil {
				text = append(text, c)
			}
		default:
			_, size := utf8.DecodeRune(r.src[r.pos:])
			if size == 1 {
				return "", r.fail("text is not UTF-8")
			}
			if text != nil {
				text = append(text, r.src[r.pos:r.pos+size]...)
			}
			r.pos += size
		}
	}
	return "", r.fail("the string does not end")
}

// intern is string(text), without allocation for the names in every policy.
func intern(text []byte) string {
	for _, name := range [...]string{
		"Statement", "Resource", "Condition", "DateLessThan", "DateGreaterThan", "IpAddress", "AWS:EpochTime", "AWS:SourceIp",
	} {
		if string(text) == name {
			return name
		}
	}
	return string(text)
}

// escape reads one escape and appends what it stands for.
func (r *jsonReader) escape(text []byte) ([]byte, *PolicyError) {
	if r.pos+1 >= len(r.src) {
		return nil, r.fail("the string does not end")
	}
	c := r.src[r.pos+1]
	switch c {
	case '"', '\\', '/':
	case 'b':
		c = '\b'
	case 'f':
		c = '\f'
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case '?':
		// Not JSON, but AWS documents escaped question marks like this, and
		// signers paste it. No other reading is possible.
		text = append(text, '\\')
	case 'u':
		char, ok := r.unit()
		if ok && utf16.IsSurrogate(char) {
			var low rune
			if low, ok = r.unit(); ok {
				char = utf16.DecodeRune(char, low)
				ok = char != utf8.RuneError
			}
		}
		if !ok {
			return nil, r.fail("a bad \\u escape")
		}
		return utf8.AppendRune(text, char), nil
	default:
		return nil, r.fail("an escape that JSON does not know")
	}
	r.pos += 2
	return append(text, c), nil
}

// unit reads one \uXXXX.
func (r *jsonReader) unit() (char rune, ok bool) {
	if r.pos+6 > len(r.src) || r.src[r.pos] != '\\' || r.src[r.pos+1] != 'u' {
		return 0, false
	}
	for _, c := range r.src[r.pos+2 : r.pos+6] {
		if unhex[c] < 0 {
			return 0, false
		}
		char = char<<4 | rune(unhex[c])
	}
	r.pos += 6
	return char, true
}
