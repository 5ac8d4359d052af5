package awsjson

import (
	"unicode/utf16"
	"unicode/utf8"
)

// decoder reads one body from front to back. Its methods leave pos behind what
// they read, and return *DecodeError typed as such: a nil one is success.
type decoder struct {
	data  []byte
	pos   int
	depth int
}

func (d *decoder) fail(p Problem) *DecodeError {
	return &DecodeError{Problem: p, Offset: d.pos}
}

func (d *decoder) syntax() *DecodeError { return d.fail(Syntax) }

func (d *decoder) space() {
	for d.pos < len(d.data) {
		switch d.data[d.pos] {
		case ' ', '\t', '\n', '\r':
			d.pos++
		default:
			return
		}
	}
}

// peek is the next byte, 0 at the end.
func (d *decoder) peek() byte {
	if d.pos < len(d.data) {
		return d.data[d.pos]
	}
	return 0
}

// mismatch describes the value at pos where a want was needed.
func (d *decoder) mismatch(want string) *DecodeError {
	e := d.fail(Type)
	e.Want = want
	switch c := d.peek(); {
	case c == '{':
		e.Got = "START_OBJECT"
	case c == '[':
		e.Got = "START_ARRAY"
	case c == '"':
		e.Got = "STRING_VALUE"
	case c == 't':
		e.Got = "TRUE_VALUE"
	case c == 'f':
		e.Got = "FALSE_VALUE"
	case c == 'n':
		e.Got = "VALUE_NULL"
	case c == '-' || '0' <= c && c <= '9':
		e.Got = "NUMBER_VALUE"
	default:
		e.Problem = Syntax
	}
	return e
}

func (d *decoder) literal(word string) *DecodeError {
	if len(d.data)-d.pos < len(word) || string(d.data[d.pos:d.pos+len(word)]) != word {
		return d.syntax()
	}
	d.pos += len(word)
	return nil
}

// null reads a null, if there is one.
func (d *decoder) null() (bool, *DecodeError) {
	if d.peek() != 'n' {
		return false, nil
	}
	return true, d.literal("null")
}

// elements calls each for every element or member, with pos at the element, and
// reads the brackets and commas around them.
func (d *decoder) elements(open, end byte, each func() *DecodeError) *DecodeError {
	if d.peek() != open {
		return d.syntax()
	}
	if d.depth++; d.depth > MaxDepth {
		return d.fail(TooDeep)
	}
	d.pos++
	d.space()
	if d.peek() == end {
		d.pos++
		d.depth--
		return nil
	}
	for {
		if err := each(); err != nil {
			return err
		}
		d.space()
		switch d.peek() {
		case ',':
			d.pos++
			d.space()
		case end:
			d.pos++
			d.depth--
			return nil
		default:
			return d.syntax()
		}
	}
}

// name reads a member's name and the colon, and stops at the value. The bytes
// are good until the next read.
func (d *decoder) name() ([]byte, *DecodeError) {
	name, err := d.text()
	if err != nil {
		return nil, err
	}
	d.space()
	if d.peek() != ':' {
		return nil, d.syntax()
	}
	d.pos++
	d.space()
	return name, nil
}

// text reads a string. The bytes are those of the body when it has no escapes.
func (d *decoder) text() ([]byte, *DecodeError) {
	if d.peek() != '"' {
		return nil, d.syntax()
	}
	d.pos++
	start, ascii := d.pos, true
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			s := d.data[start:d.pos]
			if !ascii && !utf8.Valid(s) {
				return nil, d.syntax()
			}
			d.pos++
			return s, nil
		case c == '\\':
			return d.escapedText(start)
		case c < ' ':
			return nil, d.syntax()
		case c >= utf8.RuneSelf:
			ascii = false
		}
		d.pos++
	}
	return nil, d.syntax()
}

// escapedText goes on where text met the first escape.
func (d *decoder) escapedText(start int) ([]byte, *DecodeError) {
	b := append(make([]byte, 0, d.pos-start+64), d.data[start:d.pos]...)
	for d.pos < len(d.data) {
		switch c := d.data[d.pos]; {
		case c == '"':
			if !utf8.Valid(b) {
				return nil, d.syntax()
			}
			d.pos++
			return b, nil
		case c < ' ':
			return nil, d.syntax()
		case c == '\\':
			d.pos++
			var err *DecodeError
			if b, err = d.escape(b); err != nil {
				return nil, err
			}
		default:
			b = append(b, c)
			d.pos++
		}
	}
	return nil, d.syntax()
}

func (d *decoder) escape(b []byte) ([]byte, *DecodeError) {
	c := d.peek()
	d.pos++
	switch c {
	case '"', '\\', '/':
		return append(b, c), nil
	case 'b':
		return append(b, '\b'), nil
	case 'f':
		return append(b, '\f'), nil
	case 'n':
		return append(b, '\n'), nil
	case 'r':
		return append(b, '\r'), nil
	case 't':
		return append(b, '\t'), nil
	case 'u':
		r, ok := d.hex4()
		if ok && utf16.IsSurrogate(r) {
			// Half a pair stands for no character: two readers would make two things of it.
			var low rune
			if ok = d.literal(`\u`) == nil; ok {
				low, ok = d.hex4()
			}
			if r = utf16.DecodeRune(r, low); r == utf8.RuneError {
				ok = false
			}
		}
		if ok {
			return utf8.AppendRune(b, r), nil
		}
	}
	return nil, d.syntax()
}

func (d *decoder) hex4() (rune, bool) {
	if len(d.data)-d.pos < 4 {
		return 0, false
	}
	var r rune
	for _, c := range d.data[d.pos : d.pos+4] {
		r <<= 4
		switch {
		case '0' <= c && c <= '9':
			r |= rune(c - '0')
		case 'a' <= c && c <= 'f':
			r |= rune(c - 'a' + 10)
		case 'A' <= c && c <= 'F':
			r |= rune(c - 'A' + 10)
		default:
			return 0, false
		}
	}
	d.pos += 4
	return r, true
}

// number reads a number and returns its digits, and whether it is an integer in
// form.
func (d *decoder) number() (digits []byte, integer bool, err *DecodeError) {
	start := d.pos
	if d.peek() == '-' {
		d.pos++
	}
	switch c := d.peek(); {
	case c == '0':
		d.pos++
	case '1' <= c && c <= '9':
		d.digits()
	default:
		return nil, false, d.syntax()
	}
	integer = true
	if d.peek() == '.' {
		integer = false
		d.pos++
		if !d.digits() {
			return nil, false, d.syntax()
		}
	}
	if c := d.peek(); c == 'e' || c == 'E' {
		integer = false
		d.pos++
		if c := d.peek(); c == '+' || c == '-' {
			d.pos++
		}
		if !d.digits() {
			return nil, false, d.syntax()
		}
	}
	return d.data[start:d.pos], integer, nil
}

func (d *decoder) digits() bool {
	start := d.pos
	for '0' <= d.peek() && d.peek() <= '9' {
		d.pos++
	}
	return d.pos > start
}

// skip reads a value of any kind.
func (d *decoder) skip() *DecodeError {
	switch d.peek() {
	case '{':
		return d.elements('{', '}', func() *DecodeError {
			if _, err := d.name(); err != nil {
				return err
			}
			return d.skip()
		})
	case '[':
		return d.elements('[', ']', d.skip)
	case '"':
		_, err := d.text()
		return err
	case 't':
		return d.literal("true")
	case 'f':
		return d.literal("false")
	case 'n':
		return d.literal("null")
	default:
		_, _, err := d.number()
		return err
	}
}
