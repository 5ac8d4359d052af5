package awsjson

import (
	"reflect"
	"slices"
	"strconv"
	"strings"
)

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
