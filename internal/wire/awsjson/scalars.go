package awsjson

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"
)

// stringPtrCodec is pointerCodec for the commonest member, without reflection.
type stringPtrCodec struct{}

func (stringPtrCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	s, err := d.str()
	if err != nil {
		return err
	}
	*v.Addr().Interface().(**string) = &s
	return nil
}

func (stringPtrCodec) append(dst []byte, v reflect.Value) []byte {
	return appendString(dst, v.Elem().String())
}

func (stringPtrCodec) absent(v reflect.Value) bool { return v.IsNil() }

type stringCodec struct{}

func (d *decoder) str() (string, *DecodeError) {
	if d.peek() != '"' {
		return "", d.mismatch("String")
	}
	b, err := d.text()
	return string(b), err
}

func (stringCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	s, err := d.str()
	if err != nil {
		return err
	}
	v.SetString(s)
	return nil
}

func (stringCodec) append(dst []byte, v reflect.Value) []byte { return appendString(dst, v.String()) }
func (stringCodec) absent(v reflect.Value) bool               { return v.Len() == 0 }

type boolCodec struct{}

func (boolCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	switch d.peek() {
	case 't':
		v.SetBool(true)
		return d.literal("true")
	case 'f':
		v.SetBool(false)
		return d.literal("false")
	}
	return d.mismatch("Boolean")
}

func (boolCodec) append(dst []byte, v reflect.Value) []byte { return strconv.AppendBool(dst, v.Bool()) }
func (boolCodec) absent(reflect.Value) bool                 { return false }

type intCodec struct{ name string }

func integerName(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Int8:
		return "Byte"
	case reflect.Int16:
		return "Short"
	case reflect.Int32:
		return "Integer"
	default:
		return "Long"
	}
}

func (c intCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if k := d.peek(); k != '-' && (k < '0' || k > '9') {
		return d.mismatch(c.name)
	}
	start := d.pos
	digits, integer, err := d.number()
	if err != nil {
		return err
	}
	n, ok := parseInt(digits, integer)
	if !ok || v.OverflowInt(n) {
		return &DecodeError{Problem: Range, Offset: start, Want: c.name}
	}
	v.SetInt(n)
	return nil
}

// parseInt also takes spellings such as 3.0 and 1e3, exactly.
func parseInt(digits []byte, integer bool) (int64, bool) {
	if integer {
		n, err := strconv.ParseInt(string(digits), 10, 64)
		return n, err == nil
	}
	const exact = 1 << 53
	f, err := strconv.ParseFloat(string(digits), 64)
	return int64(f), err == nil && f == math.Trunc(f) && -exact <= f && f <= exact
}

func (intCodec) append(dst []byte, v reflect.Value) []byte {
	return strconv.AppendInt(dst, v.Int(), 10)
}
func (intCodec) absent(reflect.Value) bool { return false }

type floatCodec struct{}

func (floatCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() == '"' {
		switch s, err := d.text(); {
		case err != nil:
			return err
		case string(s) == "NaN":
			v.SetFloat(math.NaN())
		case string(s) == "Infinity":
			v.SetFloat(math.Inf(1))
		case string(s) == "-Infinity":
			v.SetFloat(math.Inf(-1))
		default:
			return &DecodeError{Problem: Type, Offset: d.pos, Got: "STRING_VALUE", Want: "Double"}
		}
		return nil
	}
	start := d.pos
	f, err := d.float("Double")
	if err != nil {
		return err
	}
	if v.OverflowFloat(f) {
		return &DecodeError{Problem: Range, Offset: start, Want: "Double"}
	}
	v.SetFloat(f)
	return nil
}

func (d *decoder) float(want string) (float64, *DecodeError) {
	if k := d.peek(); k != '-' && (k < '0' || k > '9') {
		return 0, d.mismatch(want)
	}
	start := d.pos
	digits, _, err := d.number()
	if err != nil {
		return 0, err
	}
	f, failed := strconv.ParseFloat(string(digits), 64)
	if failed != nil {
		return 0, &DecodeError{Problem: Range, Offset: start, Want: want}
	}
	return f, nil
}

func (floatCodec) append(dst []byte, v reflect.Value) []byte {
	switch f := v.Float(); {
	case math.IsNaN(f):
		return append(dst, `"NaN"`...)
	case math.IsInf(f, 1):
		return append(dst, `"Infinity"`...)
	case math.IsInf(f, -1):
		return append(dst, `"-Infinity"`...)
	default:
		return strconv.AppendFloat(dst, f, 'g', -1, v.Type().Bits())
	}
}

func (floatCodec) absent(reflect.Value) bool { return false }

type timeCodec struct{}

// maxSeconds keeps times within years of four digits, before and after 1970.
const maxSeconds = 253402300799

func (timeCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	start := d.pos
	f, err := d.float("Timestamp")
	if err != nil {
		return err
	}
	if math.Abs(f) > maxSeconds {
		return &DecodeError{Problem: Range, Offset: start, Want: "Timestamp"}
	}
	*v.Addr().Interface().(*time.Time) = time.UnixMilli(int64(math.Round(f * 1000))).UTC()
	return nil
}

func (timeCodec) append(dst []byte, v reflect.Value) []byte {
	t := v.Interface().(time.Time)
	ms := t.UnixMilli()
	if ms < 0 {
		dst, ms = append(dst, '-'), -ms
	}
	dst = strconv.AppendInt(dst, ms/1000, 10)
	if ms %= 1000; ms != 0 {
		dst = append(dst, '.', byte('0'+ms/100), byte('0'+ms/10%10), byte('0'+ms%10))
		for dst[len(dst)-1] == '0' {
			dst = dst[:len(dst)-1]
		}
	}
	return dst
}

func (timeCodec) absent(reflect.Value) bool { return false }

type blobCodec struct{}

func (blobCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() != '"' {
		return d.mismatch("Blob")
	}
	start := d.pos
	s, err := d.text()
	if err != nil {
		return err
	}
	b := make([]byte, base64.StdEncoding.DecodedLen(len(s)))
	n, failed := base64.StdEncoding.Decode(b, s)
	// The decoder would pass over line breaks.
	if failed != nil || slices.Contains(s, '\n') || slices.Contains(s, '\r') {
		return &DecodeError{Problem: Base64, Offset: start}
	}
	v.SetBytes(b[:n])
	return nil
}

func (blobCodec) append(dst []byte, v reflect.Value) []byte {
	dst = append(dst, '"')
	dst = base64.StdEncoding.AppendEncode(dst, v.Bytes())
	return append(dst, '"')
}

func (blobCodec) absent(v reflect.Value) bool { return v.IsNil() }

// appendString appends s as a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const digits = "0123456789abcdef"
	dst = append(dst, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c >= utf8.RuneSelf {
			r, size := utf8.DecodeRuneInString(s[i:])
			if r == utf8.RuneError && size == 1 {
				dst = append(append(dst, s[start:i]...), "\ufffd"...)
				start = i + 1
			}
			i += size
			continue
		}
		dst = append(dst, s[start:i]...)
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\n':
			dst = append(dst, '\\', 'n')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\t':
			dst = append(dst, '\\', 't')
		default:
			dst = append(dst, '\\', 'u', '0', '0', digits[c>>4], digits[c&15])
		}
		i++
		start = i
	}
	return append(append(dst, s[start:]...), '"')
}
