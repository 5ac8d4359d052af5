package awsjson

import (
	"encoding/base64"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// codec is the plan of one type.
type codec interface {
	// decode reads the value at d.pos, which is not null, into v.
	decode(d *decoder, v reflect.Value) *DecodeError

	// append encodes v.
	append(dst []byte, v reflect.Value) []byte

	// absent reports whether a member that is v is left out.
	absent(v reflect.Value) bool
}

// compiler makes the plans of one Of. Struct types may contain themselves.
type compiler map[reflect.Type]*structCodec

func (c compiler) of(t reflect.Type) codec {
	switch t {
	case reflect.TypeFor[*string]():
		return stringPtrCodec{}
	case reflect.TypeFor[time.Time]():
		return timeCodec{}
	case reflect.TypeFor[[]byte]():
		return blobCodec{}
	case reflect.TypeFor[map[string]string]():
		return stringMapCodec{}
	}
	switch t.Kind() {
	case reflect.String:
		return stringCodec{}
	case reflect.Bool:
		return boolCodec{}
	case reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Int:
		return intCodec{integerName(t)}
	case reflect.Float32, reflect.Float64:
		return floatCodec{}
	case reflect.Pointer:
		return pointerCodec{t.Elem(), c.of(t.Elem())}
	case reflect.Slice:
		return sliceCodec{c.of(t.Elem())}
	case reflect.Map:
		if t.Key().Kind() == reflect.String {
			return mapCodec{t, c.of(t.Elem())}
		}
	case reflect.Struct:
		return c.structOf(t)
	}
	panic("awsjson: the protocol cannot carry " + t.String())
}

func (c compiler) structOf(t reflect.Type) *structCodec {
	if s, ok := c[t]; ok {
		return s
	}
	s := &structCodec{byName: map[string]int{}}
	c[t] = s
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if !f.IsExported() || f.Anonymous || name == "-" || name == "" && f.Name == "ResultMetadata" {
			continue
		}
		if name == "" {
			name = f.Name
		}
		s.byName[name] = len(s.fields)
		s.fields = append(s.fields, field{
			name:   name,
			prefix: append(appendString(nil, name), ':'),
			index:  i,
			codec:  c.of(f.Type),
		})
	}
	if len(s.fields) > 64 {
		panic("awsjson: more than 64 members in " + t.String())
	}
	return s
}

type field struct {
	name   string
	prefix []byte // "name":
	index  int
	codec  codec
}

type structCodec struct {
	fields []field
	byName map[string]int
}

func (s *structCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() != '{' {
		return d.mismatch("Structure")
	}
	var seen uint64
	return d.elements('{', '}', func() *DecodeError {
		name, err := d.name()
		if err != nil {
			return err
		}
		i, ok := s.byName[string(name)]
		if !ok {
			return d.skip()
		}
		f := &s.fields[i]
		if seen&(1<<i) != 0 {
			return d.fail(Duplicate).in(f.name)
		}
		seen |= 1 << i
		isNull, err := d.null()
		if err == nil && !isNull {
			err = f.codec.decode(d, v.Field(f.index))
		}
		if err != nil {
			return err.in(f.name)
		}
		return nil
	})
}

func (s *structCodec) append(dst []byte, v reflect.Value) []byte {
	dst = append(dst, '{')
	first := true
	for i := range s.fields {
		f := &s.fields[i]
		member := v.Field(f.index)
		if f.codec.absent(member) {
			continue
		}
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = append(dst, f.prefix...)
		dst = f.codec.append(dst, member)
	}
	return append(dst, '}')
}

func (*structCodec) absent(reflect.Value) bool { return false }

type pointerCodec struct {
	elem reflect.Type
	to   codec
}

func (c pointerCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	p := reflect.New(c.elem)
	if err := c.to.decode(d, p.Elem()); err != nil {
		return err
	}
	v.Set(p)
	return nil
}

func (c pointerCodec) append(dst []byte, v reflect.Value) []byte {
	return c.to.append(dst, v.Elem())
}

func (pointerCodec) absent(v reflect.Value) bool { return v.IsNil() }

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

type sliceCodec struct{ elem codec }

func (c sliceCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() != '[' {
		return d.mismatch("List")
	}
	v.Set(reflect.MakeSlice(v.Type(), 0, 4))
	return d.elements('[', ']', func() *DecodeError {
		n := v.Len()
		if n == v.Cap() {
			v.Grow(n)
		}
		v.SetLen(n + 1)
		if d.peek() == 'n' {
			return d.mismatch("an element").in(strconv.Itoa(n))
		}
		if err := c.elem.decode(d, v.Index(n)); err != nil {
			return err.in(strconv.Itoa(n))
		}
		return nil
	})
}

func (c sliceCodec) append(dst []byte, v reflect.Value) []byte {
	dst = append(dst, '[')
	for i := range v.Len() {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = c.elem.append(dst, v.Index(i))
	}
	return append(dst, ']')
}

func (sliceCodec) absent(v reflect.Value) bool { return v.IsNil() }

type mapCodec struct {
	typ  reflect.Type
	elem codec
}

func (c mapCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() != '{' {
		return d.mismatch("Map")
	}
	v.Set(reflect.MakeMap(c.typ))
	return d.elements('{', '}', func() *DecodeError {
		name, err := d.name()
		if err != nil {
			return err
		}
		key := reflect.ValueOf(string(name)).Convert(c.typ.Key())
		if v.MapIndex(key).IsValid() {
			return d.fail(Duplicate).in(key.String())
		}
		if d.peek() == 'n' {
			return d.mismatch("a value").in(key.String())
		}
		elem := reflect.New(c.typ.Elem()).Elem()
		if err := c.elem.decode(d, elem); err != nil {
			return err.in(key.String())
		}
		v.SetMapIndex(key, elem)
		return nil
	})
}

func (c mapCodec) append(dst []byte, v reflect.Value) []byte {
	keys := v.MapKeys()
	slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k.String()), ':')
		dst = c.elem.append(dst, v.MapIndex(k))
	}
	return append(dst, '}')
}

func (mapCodec) absent(v reflect.Value) bool { return v.IsNil() }

// stringMapCodec is mapCodec for encryption contexts, without reflection.
type stringMapCodec struct{}

func (stringMapCodec) decode(d *decoder, v reflect.Value) *DecodeError {
	if d.peek() != '{' {
		return d.mismatch("Map")
	}
	m := map[string]string{}
	*v.Addr().Interface().(*map[string]string) = m
	return d.elements('{', '}', func() *DecodeError {
		name, err := d.name()
		if err != nil {
			return err
		}
		if _, ok := m[string(name)]; ok {
			return d.fail(Duplicate).in(string(name))
		}
		key := string(name)
		value, err := d.str()
		if err != nil {
			return err.in(key)
		}
		m[key] = value
		return nil
	})
}

func (stringMapCodec) append(dst []byte, v reflect.Value) []byte {
	m := v.Interface().(map[string]string)
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	dst = append(dst, '{')
	for i, k := range keys {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, k), ':')
		dst = appendString(dst, m[k])
	}
	return append(dst, '}')
}

func (stringMapCodec) absent(v reflect.Value) bool { return v.IsNil() }

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
