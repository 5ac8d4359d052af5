package policy

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a document. The grammar needs seven levels.
const maxDepth = 16

// node is one JSON value and where its text stands in the source.
type node struct {
	kind       kind
	text       string // of a string (unescaped), a number (as written) or a boolean
	keys       []string
	kids       []node // of an object, beside keys; of an array
	start, end int
}

type kind uint8

const (
	nullNode kind = iota
	stringNode
	numberNode
	boolNode
	arrayNode
	objectNode
)

var errJSON = errors.New("not valid JSON")

type reader struct {
	src string
	pos int
}

// readJSON reads one JSON value with nothing after it. It is stricter than
// RFC 8259 asks: names in an object are unique, text is valid UTF-8, and
// nesting is bounded.
func readJSON(src string) (node, error) {
	if !utf8.ValidString(src) {
		return node{}, errJSON
	}
	r := reader{src: src}
	n, err := r.value(0)
	if err != nil {
		return node{}, err
	}
	if r.space(); r.pos != len(src) {
		return node{}, errJSON
	}
	return n, nil
}

func (r *reader) space() {
	for r.pos < len(r.src) && strings.IndexByte(" \t\r\n", r.src[r.pos]) >= 0 {
		r.pos++
	}
}

// take consumes c, after white space, if it is next.
func (r *reader) take(c byte) bool {
	r.space()
	if r.pos < len(r.src) && r.src[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func (r *reader) value(depth int) (n node, err error) {
	if depth > maxDepth {
		return node{}, errors.New("nested too deeply")
	}
	r.space()
	if r.pos == len(r.src) {
		return node{}, errJSON
	}
	n.start = r.pos
	switch c := r.src[r.pos]; {
	case c == '{':
		err = r.object(&n, depth)
	case c == '[':
		err = r.array(&n, depth)
	case c == '"':
		n.kind = stringNode
		n.text, err = r.str()
	case c == '-' || c >= '0' && c <= '9':
		n.kind = numberNode
		n.text, err = r.number()
	default:
		err = r.word(&n)
	}
	n.end = r.pos
	return n, err
}

func (r *reader) object(n *node, depth int) error {
	n.kind = objectNode
	r.pos++
	if r.take('}') {
		return nil
	}
	seen := map[string]bool{}
	for {
		r.space()
		if r.pos == len(r.src) || r.src[r.pos] != '"' {
			return errJSON
		}
		key, err := r.str()
		if err != nil {
			return err
		}
		if seen[key] {
			return errors.New("the name " + quote(key) + " stands twice in one object")
		}
		seen[key] = true
		if !r.take(':') {
			return errJSON
		}
		kid, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.keys, n.kids = append(n.keys, key), append(n.kids, kid)
		if r.take('}') {
			return nil
		}
		if !r.take(',') {
			return errJSON
		}
	}
}

func (r *reader) array(n *node, depth int) error {
	n.kind = arrayNode
	r.pos++
	if r.take(']') {
		return nil
	}
	for {
		kid, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.kids = append(n.kids, kid)
		if r.take(']') {
			return nil
		}
		if !r.take(',') {
			return errJSON
		}
	}
}

func (r *reader) word(n *node) error {
	rest := r.src[r.pos:]
	switch {
	case strings.HasPrefix(rest, "true"):
		n.kind, n.text = boolNode, "true"
	case strings.HasPrefix(rest, "false"):
		n.kind, n.text = boolNode, "false"
	case strings.HasPrefix(rest, "null"):
		r.pos += len("null")
		return nil
	default:
		return errJSON
	}
	r.pos += len(n.text)
	return nil
}

// number reads by RFC 8259: no leading zero, no bare point, no plus sign.
func (r *reader) number() (string, error) {
	start := r.pos
	if r.src[r.pos] == '-' {
		r.pos++
	}
	whole := r.digits()
	if whole == 0 || whole > 1 && r.src[r.pos-whole] == '0' {
		return "", errJSON
	}
	if r.pos < len(r.src) && r.src[r.pos] == '.' {
		r.pos++
		if r.digits() == 0 {
			return "", errJSON
		}
	}
	if r.pos < len(r.src) && r.src[r.pos]|0x20 == 'e' {
		r.pos++
		if r.pos < len(r.src) && (r.src[r.pos] == '+' || r.src[r.pos] == '-') {
			r.pos++
		}
		if r.digits() == 0 {
			return "", errJSON
		}
	}
	return r.src[start:r.pos], nil
}

func (r *reader) digits() (n int) {
	for r.pos < len(r.src) && r.src[r.pos] >= '0' && r.src[r.pos] <= '9' {
		r.pos++
		n++
	}
	return n
}

// str reads a string, the quotes included, and unescapes it.
func (r *reader) str() (string, error) {
	r.pos++
	start := r.pos
	for r.pos < len(r.src) && r.src[r.pos] != '"' && r.src[r.pos] != '\\' && r.src[r.pos] >= ' ' {
		r.pos++
	}
	if r.pos < len(r.src) && r.src[r.pos] == '"' {
		r.pos++
		return r.src[start : r.pos-1], nil
	}
	b := []byte(r.src[start:r.pos])
	for r.pos < len(r.src) {
		switch c := r.src[r.pos]; {
		case c == '"':
			r.pos++
			return string(b), nil
		case c < ' ':
			return "", errJSON
		case c != '\\':
			b = append(b, c)
			r.pos++
		default:
			ch, err := r.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, ch)
		}
	}
	return "", errJSON
}

func (r *reader) escape() (rune, error) {
	if r.pos+1 >= len(r.src) {
		return 0, errJSON
	}
	c := r.src[r.pos+1]
	if c != 'u' {
		r.pos += 2
		at := strings.IndexByte(`"\/bfnrt`, c)
		if at < 0 {
			return 0, errJSON
		}
		return rune("\"\\/\b\f\n\r\t"[at]), nil
	}
	ch, err := r.hex4()
	if err != nil || !utf16.IsSurrogate(ch) {
		return ch, err
	}
	// Half a surrogate pair is no character; replacing it would let two
	// different names become one.
	low, err := r.hex4()
	if err != nil {
		return 0, err
	}
	if ch = utf16.DecodeRune(ch, low); ch == utf8.RuneError {
		return 0, errJSON
	}
	return ch, nil
}

// hex4 reads \uXXXX.
func (r *reader) hex4() (rune, error) {
	if r.pos+6 > len(r.src) || r.src[r.pos:r.pos+2] != `\u` {
		return 0, errJSON
	}
	v, err := strconv.ParseUint(r.src[r.pos+2:r.pos+6], 16, 16)
	if err != nil {
		return 0, errJSON
	}
	r.pos += 6
	return rune(v), nil
}

// quote shows a piece of a document in an error, cut short.
func quote(s string) string {
	if len(s) > 64 {
		s = strings.ToValidUTF8(s[:64], "") + "…"
	}
	return strconv.Quote(s)
}
