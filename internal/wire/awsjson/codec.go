package awsjson

import (
	"reflect"
	"strings"
	"time"
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
			enum:   f.Type.Kind() == reflect.String && f.Type != reflect.TypeFor[string](),
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
	enum   bool
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
			member := v.Field(f.index)
			if err = f.codec.decode(d, member); err == nil && f.enum && member.Len() == 0 {
				err = d.fail(Empty)
			}
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
