package resource

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

// document is a property that is a JSON document, such as a policy: as an object,
// or as its text.
type document string

var documentType = reflect.TypeFor[document]()

// read fills a struct from properties. A property goes into the field of its
// name. As in CloudFormation, numbers and booleans may be given as strings and the
// other way round; what has no field is an error that names it, as is what the
// field's tag "only" does not permit: the value that says what is so anyway.
func read(properties map[string]any, into any) error {
	return readStruct("", properties, reflect.ValueOf(into).Elem())
}

// recall is read for what a resource was to be before: an update that failed says so
// too when it is taken back. A property that cannot be read was never made, and is
// passed over.
func recall(properties map[string]any, into any) {
	v := reflect.ValueOf(into).Elem()
	for name, value := range properties {
		of, ok := v.Type().FieldByName(name)
		if !ok {
			continue
		}
		field := reflect.New(of.Type).Elem()
		if readValue(name, value, field) == nil {
			v.FieldByIndex(of.Index).Set(field)
		}
	}
}

func readStruct(path string, m map[string]any, v reflect.Value) error {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		of, ok := v.Type().FieldByName(name)
		if !ok {
			return refusal("Encountered unsupported property " + path + name)
		}
		field := v.FieldByIndex(of.Index)
		if err := readValue(path+name, m[name], field); err != nil {
			return err
		}
		if only, ok := of.Tag.Lookup("only"); ok && m[name] != nil && fmt.Sprint(field.Interface()) != only {
			return refusal("Value of property " + path + name + " is not supported: it must be " + only)
		}
	}
	return nil
}

func readValue(path string, value any, v reflect.Value) error {
	if value == nil {
		return nil
	}
	if v.Type() == documentType {
		return readDocument(value, v)
	}
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		return readValue(path, value, v.Elem())
	case reflect.Struct:
		if m, ok := value.(map[string]any); ok {
			return readStruct(path+".", m, v)
		}
	case reflect.Map:
		if m, ok := value.(map[string]any); ok {
			return readMap(path+".", m, v)
		}
	case reflect.Slice:
		if list, ok := value.([]any); ok {
			return readList(path+".", list, v)
		}
	default:
		if text, ok := scalar(value); ok && setScalar(text, v) {
			return nil
		}
	}
	return refusal("Value of property " + path + " must be of type " + word(v.Type()))
}

func readDocument(value any, v reflect.Value) error {
	text, ok := value.(string)
	if !ok {
		encoded, err := json.Marshal(value)
		if err != nil {
			return err
		}
		text = string(encoded)
	}
	v.SetString(text)
	return nil
}

func readMap(path string, m map[string]any, v reflect.Value) error {
	v.Set(reflect.MakeMapWithSize(v.Type(), len(m)))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		item := reflect.New(v.Type().Elem()).Elem()
		if err := readValue(path+name, m[name], item); err != nil {
			return err
		}
		v.SetMapIndex(reflect.ValueOf(name), item)
	}
	return nil
}

func readList(path string, list []any, v reflect.Value) error {
	v.Set(reflect.MakeSlice(v.Type(), len(list), len(list)))
	for i := range list {
		if err := readValue(path+strconv.Itoa(i), list[i], v.Index(i)); err != nil {
			return err
		}
	}
	return nil
}

// setScalar sets v to what text says, and reports whether it is of v's type.
func setScalar(text string, v reflect.Value) bool {
	var err error
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		var b bool
		if b, err = strconv.ParseBool(text); err == nil {
			v.SetBool(b)
		}
	case reflect.Int, reflect.Int64:
		var n int64
		if n, err = strconv.ParseInt(text, 10, 64); err == nil {
			v.SetInt(n)
		}
	case reflect.Float64:
		var n float64
		if n, err = strconv.ParseFloat(text, 64); err == nil {
			v.SetFloat(n)
		}
	default:
		panic("resource: no such kind of field: " + v.Type().String())
	}
	return err == nil
}

func scalar(value any) (string, bool) {
	switch value := value.(type) {
	case string:
		return value, true
	case json.Number:
		return value.String(), true
	case bool:
		return strconv.FormatBool(value), true
	default:
		return "", false
	}
}

// word is what CloudFormation calls a type.
func word(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Pointer:
		return word(t.Elem())
	case reflect.Struct, reflect.Map:
		return "Object"
	case reflect.Slice:
		return "List"
	case reflect.Bool:
		return "Boolean"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "Number"
	default:
		return "String"
	}
}
