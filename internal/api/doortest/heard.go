package doortest

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/smithy-go"
)

// Heard has a client of the SDK, which newClient makes, call an operation, gives it
// one successful answer, and wants every value of the answer in the output: an SDK
// drops elements, members and headers that the service's model does not have, or has
// elsewhere, without a word. Enumerations must have a value of the model. Operations
// without a method of their name, and streamed bodies, are passed over.
func Heard[C, O any](t testing.TB, newClient func(aws.Config, ...func(*O)) *C, operation string, header http.Header, body []byte) {
	t.Helper()
	client := reflect.ValueOf(newClient(aws.Config{
		Region: "us-east-1", HTTPClient: answer{header, body},
		BaseEndpoint: aws.String("http://127.0.0.1"),
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "AKIDEXAMPLE", SecretAccessKey: "secret"}, nil
		}),
	}))
	method := client.MethodByName(operation)
	if !method.IsValid() {
		return
	}
	in := reflect.New(method.Type().In(1).Elem())
	call := func() (output any, err error) {
		out := method.Call([]reflect.Value{reflect.ValueOf(t.Context()), in})
		err, _ = out[1].Interface().(error)
		return out[0].Interface(), err
	}
	output, err := call()
	if invalid, ok := errors.AsType[smithy.InvalidParamsError](err); ok {
		for _, missing := range invalid.Errs() {
			_, name, _ := strings.Cut(missing.(smithy.InvalidParamError).Field(), ".")
			field := in.Elem().FieldByName(name)
			field.Set(filled(field.Type(), 0))
		}
		output, err = call()
	}
	if err != nil {
		t.Errorf("%s: %v in answer to %s", operation, err, body)
		return
	}
	h := heard{values: make(map[string]int)}
	h.add(reflect.ValueOf(output))
	h.compare(operation, header, body)
	for _, problem := range h.problems {
		t.Errorf("%s: %s", operation, problem)
	}
}

// Listener is an HTTP client for SDK clients of newClient: it has Heard look at every
// successful answer on its way.
func Listener[C, O any](t testing.TB, newClient func(aws.Config, ...func(*O)) *C) aws.HTTPClient {
	return listener(func(r *http.Request) (*http.Response, error) {
		answer, err := http.DefaultClient.Do(r)
		if err != nil || answer.StatusCode >= http.StatusMultipleChoices {
			return answer, err
		}
		body, err := io.ReadAll(answer.Body)
		_ = answer.Body.Close() // it was read to its end, or has failed
		if err == nil {
			Heard(t, newClient, middleware.GetOperationName(r.Context()), answer.Header, body)
		}
		answer.Body = io.NopCloser(bytes.NewReader(body))
		return answer, err
	})
}

type listener func(*http.Request) (*http.Response, error)

func (l listener) Do(r *http.Request) (*http.Response, error) { return l(r) }

// answer is the HTTP client of an SDK that has the same answer to everything.
type answer struct {
	header http.Header
	body   []byte
}

func (a answer) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: a.header, Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)), Request: r}, nil
}

// beyondModel are headers and values that AWS sends as well, though its models do not
// have them.
var beyondModel = map[string]bool{
	// S3 tells the region of every bucket that it lists, and of which version a list of
	// grants is.
	"ListObjects X-Amz-Bucket-Region": true, "ListObjectsV2 X-Amz-Bucket-Region": true,
	"GetObjectAcl X-Amz-Version-Id": true, "PutObjectAcl X-Amz-Version-Id": true,
	// The model has the version of a function in ETtag, where it is, too.
	"UpdateFunction Etag": true,
	"HttpVersion HTTP2":   true, // of lists; the model has http2
	// Stacks have events, with their own states.
	"ResourceStatus REVIEW_IN_PROGRESS": true, "ResourceStatus UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": true,
	"PermissionsBoundaryAttachmentType Policy": true, "PolicySourceType IAM Policy": true,
}

// transportHeaders are of no operation, though some have members of these names.
var transportHeaders = []string{
	"Content-Type", "Content-Length", "Date", "Cache-Control", "Pragma", "Expires", "Vary", "Accept-Ranges", "Last-Modified", "Location", "Server",
	"X-Amzn-Requestid", "X-Amz-Request-Id", "X-Amz-Id-2", "X-Content-Type-Options",
}

// heard is the values of an output, and how often each is there.
type heard struct {
	values   map[string]int
	streams  bool
	problems []string
}

func (h *heard) compare(operation string, header http.Header, body []byte) {
	for name, values := range header {
		transport := strings.HasPrefix(name, "Access-Control-") || slices.Contains(transportHeaders, name)
		if !transport && !beyondModel[operation+" "+name] && !h.take(values[0]) {
			h.problems = append(h.problems, fmt.Sprintf("nobody hears the header %s: %s", name, values[0]))
		}
	}
	// Some bodies are one member.
	if len(body) == 0 || h.streams || h.take(string(body)) || h.take(base64.StdEncoding.EncodeToString(body)) {
		return
	}
	told, err := tellings(body)
	if err != nil {
		h.problems = append(h.problems, fmt.Sprintf("%v in %s", err, body))
	}
	for _, v := range told {
		if !h.take(v.text) {
			h.problems = append(h.problems, fmt.Sprintf("nobody hears %s: %.100q", v.name, v.text))
		}
	}
}

// take uses up one value: as it stands, or as the time that it is. Nothing is told by
// an empty one.
func (h *heard) take(text string) bool {
	if text == "" {
		return true
	}
	for _, v := range [...]string{text, moment(text)} {
		if v != "" && h.values[v] > 0 {
			h.values[v]--
			return true
		}
	}
	return false
}

// moment is the one form of times: from seconds of the epoch, RFC 3339 and HTTP.
func moment(text string) string {
	if seconds, err := strconv.ParseFloat(text, 64); err == nil && math.Abs(seconds) < math.MaxInt32 {
		return time.UnixMilli(int64(math.Round(seconds * 1000))).UTC().Format(time.RFC3339)
	}
	for _, layout := range [...]string{time.RFC3339, http.TimeFormat} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Format(time.RFC3339)
		}
	}
	return ""
}

// add counts all values below v.
func (h *heard) add(v reflect.Value) {
	switch x := v.Interface().(type) {
	case time.Time:
		h.values[x.UTC().Format(time.RFC3339)]++
		return
	case []byte:
		h.values[base64.StdEncoding.EncodeToString(x)]++
		return
	case io.Reader:
		h.streams = true
		return
	}
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !v.IsNil() {
			h.add(v.Elem())
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() && f.Name != "ResultMetadata" {
				h.add(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			h.add(v.Index(i))
		}
	case reflect.Map:
		for key, value := range v.Seq2() {
			h.add(key)
			h.add(value)
		}
	case reflect.String:
		h.values[v.String()]++
		h.known(v)
	default:
		h.values[fmt.Sprint(v.Interface())]++
	}
}

// known sees that the value of an enumeration is one.
func (h *heard) known(v reflect.Value) {
	list := v.MethodByName("Values")
	if v.Len() == 0 || !list.IsValid() || beyondModel[v.Type().Name()+" "+v.String()] {
		return
	}
	for _, one := range list.Call(nil)[0].Seq2() {
		if one.String() == v.String() {
			return
		}
	}
	h.problems = append(h.problems, fmt.Sprintf("%q is no %s", v.String(), v.Type().Name()))
}

// telling is one value of a document, and the name that it stands under.
type telling struct{ name, text string }

// tellings finds the values of a document but for the request's id.
func tellings(body []byte) ([]telling, error) {
	if bytes.HasPrefix(body, []byte("<")) {
		return xmlTellings(body)
	}
	var document any
	in := json.NewDecoder(bytes.NewReader(body))
	in.UseNumber()
	if err := in.Decode(&document); err != nil {
		return nil, err
	}
	return jsonTellings(nil, "", document), nil
}

func jsonTellings(found []telling, name string, v any) []telling {
	switch v := v.(type) {
	case map[string]any:
		for key, value := range v {
			found = jsonTellings(found, key, value)
		}
	case []any:
		for _, value := range v {
			found = jsonTellings(found, name, value)
		}
	default:
		found = append(found, telling{name, fmt.Sprint(v)})
	}
	return found
}

func xmlTellings(body []byte) (found []telling, err error) {
	in := xml.NewDecoder(bytes.NewReader(body))
	leaf, text := false, ""
	for {
		token, err := in.Token()
		switch token := token.(type) {
		case nil:
			if err == io.EOF {
				return found, nil
			}
			return nil, err
		case xml.StartElement:
			leaf, text = true, ""
		case xml.CharData:
			text += string(token)
		case xml.EndElement:
			if leaf && text != "" && token.Name.Local != "RequestId" {
				found = append(found, telling{token.Name.Local, text})
			}
			leaf, text = false, ""
		}
	}
}
