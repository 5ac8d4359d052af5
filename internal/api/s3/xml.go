package s3

import (
	"strconv"
	"time"
	"unicode/utf8"
)

// namespace is the one of all success documents; errors have none.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

const xmlHeader = `<?xml version="1.0" encoding="UTF-8"?>` + "\n"

// document writes one XML document. Clients depend on the order of elements,
// and listings are the hot path, so answers are written and not marshalled.
type document struct {
	b    []byte
	open []string
}

// newDocument begins a success document.
func newDocument(root string) *document {
	d := &document{b: append(make([]byte, 0, 512), xmlHeader...)}
	d.root(root)
	return d
}

func (d *document) root(name string) {
	d.b = append(d.b, '<')
	d.b = append(d.b, name...)
	d.b = append(d.b, ` xmlns="`+namespace+`">`...)
	d.open = append(d.open, name)
}

func newErrorDocument() *document {
	d := &document{b: []byte(xmlHeader)}
	d.begin("Error")
	return d
}

func (d *document) begin(name string) {
	d.b = append(d.b, '<')
	d.b = append(d.b, name...)
	d.b = append(d.b, '>')
	d.open = append(d.open, name)
}

// end closes the innermost element.
func (d *document) end() {
	last := len(d.open) - 1
	d.b = append(d.b, "</"...)
	d.b = append(d.b, d.open[last]...)
	d.b = append(d.b, '>')
	d.open = d.open[:last]
}

// text writes an element that holds text, also when that is empty.
func (d *document) text(name, value string) {
	d.begin(name)
	d.b = appendEscaped(d.b, value)
	d.end()
}

// optional writes nothing for an empty value.
func (d *document) optional(name, value string) {
	if value != "" {
		d.text(name, value)
	}
}

func (d *document) number(name string, n int64) { d.text(name, strconv.FormatInt(n, 10)) }

func (d *document) boolean(name string, v bool) { d.text(name, strconv.FormatBool(v)) }

func (d *document) time(name string, t time.Time) {
	d.begin(name)
	d.b = t.UTC().AppendFormat(d.b, "2006-01-02T15:04:05.")
	d.b = append(d.b, "000Z"...) // S3 counts in whole seconds
	d.end()
}

// etag writes an ETag in its quotes.
func (d *document) etag(etag string) {
	d.begin("ETag")
	d.b = append(d.b, "&quot;"...)
	d.b = appendEscaped(d.b, etag)
	d.b = append(d.b, "&quot;"...)
	d.end()
}

// bytes closes what is open.
func (d *document) bytes() []byte {
	for len(d.open) > 0 {
		d.end()
	}
	return d.b
}

// appendEscaped writes characters that XML 1.0 forbids as references, as S3
// does: parsers that insist fail on them, but no other character is invented.
func appendEscaped(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		c := s[i]
		if c < utf8.RuneSelf {
			i++
			switch {
			case c == '&':
				b = append(b, "&amp;"...)
			case c == '<':
				b = append(b, "&lt;"...)
			case c == '>':
				b = append(b, "&gt;"...)
			case c == '"':
				b = append(b, "&quot;"...)
			case c < 0x20:
				b = append(b, "&#x"...)
				b = strconv.AppendUint(b, uint64(c), 16)
				b = append(b, ';')
			default:
				b = append(b, c)
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if r == 0xfffe || r == 0xffff {
			b = append(b, "&#x"...)
			b = strconv.AppendUint(b, uint64(r), 16)
			b = append(b, ';')
		} else {
			b = utf8.AppendRune(b, r)
		}
		i += n
	}
	return b
}
