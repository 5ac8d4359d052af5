package doortest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/smithy-go"
)

// Sent is the HTTP client of an SDK: it keeps the body of the last request, and
// answers none.
type Sent struct{ body []byte }

var errSent = errors.New("doortest: nothing is sent")

// Do keeps the body of a request.
func (s *Sent) Do(r *http.Request) (*http.Response, error) {
	var err error
	if s.body, err = io.ReadAll(r.Body); err != nil {
		return nil, err
	}
	return nil, errSent
}

// Required asks a door of the AWS query protocol for each operation that client has,
// a client of the SDK with sent as its HTTP client, without each of the members that
// its model requires: the refusal has to name the member. What the door does not have
// is passed over.
func Required(t *testing.T, client any, sent *Sent, door func(form []byte) *httptest.ResponseRecorder) {
	t.Helper()
	asked := 0
	for i := range reflect.TypeOf(client).NumMethod() {
		method := reflect.TypeOf(client).Method(i)
		if method.Type.NumIn() != 4 || method.Type.In(1) != reflect.TypeFor[context.Context]() {
			continue
		}
		input := method.Type.In(2).Elem()
		request := func(has func(field string) bool) (url.Values, error) {
			in := reflect.New(input)
			for j := range input.NumField() {
				if f := input.Field(j); f.IsExported() && has(f.Name) {
					in.Elem().Field(j).Set(filled(f.Type, 0))
				}
			}
			out := method.Func.Call([]reflect.Value{reflect.ValueOf(client), reflect.ValueOf(t.Context()), in})
			err, _ := out[1].Interface().(error)
			form, parseErr := url.ParseQuery(string(sent.body))
			return form, errors.Join(err, parseErr)
		}
		var invalid smithy.InvalidParamsError
		if _, err := request(func(string) bool { return true }); errors.As(err, &invalid) {
			continue // a member is a union, which no operation of a door has
		}
		required := map[string]bool{}
		for j := range input.NumField() {
			name := input.Field(j).Name
			_, err := request(func(field string) bool { return field != name })
			required[name] = errors.As(err, &invalid)
		}
		form, err := request(func(field string) bool { return required[field] })
		if !errors.Is(err, errSent) {
			t.Fatalf("%s: %v", method.Name, err)
		}
		if w := door([]byte(form.Encode())); bytes.Contains(w.Body.Bytes(), []byte("InvalidAction")) {
			continue
		}
		for name := range required {
			if !required[name] {
				continue
			}
			without := url.Values{}
			for parameter, values := range form {
				if parameter != name && !strings.HasPrefix(parameter, name+".") {
					without[parameter] = values
				}
			}
			asked++
			w := door([]byte(without.Encode()))
			if text := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(strings.ToLower(text), strings.ToLower(name)) {
				t.Errorf("%s without %s: %d %s, want a refusal that names it", method.Name, name, w.Code, text)
			}
		}
	}
	if asked == 0 {
		t.Errorf("%T has no operation that requires anything", client)
	}
}

// filled is a value of t of which every member has one.
func filled(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(filled(t.Elem(), depth))
	case reflect.String:
		v.SetString("xxx")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int32, reflect.Int64:
		v.SetInt(1)
	case reflect.Map:
		v.Set(reflect.MakeMap(t))
		v.SetMapIndex(filled(t.Key(), depth), filled(t.Elem(), depth))
	case reflect.Slice:
		v.Set(reflect.Append(v, filled(t.Elem(), depth)))
	case reflect.Struct:
		if t == reflect.TypeFor[time.Time]() {
			break
		}
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && depth < 9 {
				v.Field(i).Set(filled(f.Type, depth+1))
			}
		}
	}
	return v
}
