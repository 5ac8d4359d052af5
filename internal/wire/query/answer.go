package query

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"time"
)

// Namespaces of the services' documents.
const (
	IAMNamespace = "https://iam.amazonaws.com/doc/2010-05-08/"
	STSNamespace = "https://sts.amazonaws.com/doc/2011-06-15/"
)

// ContentType is the media type of answers.
const ContentType = "text/xml"

// Answer is what every successful answer has around its result.
type Answer struct {
	Namespace string
	Action    string
	RequestID string
}

// Append appends the document with result, a struct with the tags of
// encoding/xml or a pointer to one, in its result element. A nil result is an
// operation without output.
//
//	<ActionResponse xmlns="…"><ActionResult>…</ActionResult><ResponseMetadata><RequestId>…</RequestId></ResponseMetadata></ActionResponse>
func (a Answer) Append(dst []byte, result any) ([]byte, error) {
	b := bytes.NewBuffer(dst)
	open(b, a.Action+"Response", a.Namespace)
	if result != nil {
		start := xml.StartElement{Name: xml.Name{Local: a.Action + "Result"}}
		if err := xml.NewEncoder(b).EncodeElement(result, start); err != nil {
			return nil, fmt.Errorf("query: encode the result of %s: %w", a.Action, err)
		}
	}
	b.WriteString("<ResponseMetadata>")
	element(b, "RequestId", a.RequestID)
	b.WriteString("</ResponseMetadata></" + a.Action + "Response>")
	return b.Bytes(), nil
}

// ErrorAnswer is the document of an error.
type ErrorAnswer struct {
	Namespace string
	Type      string // "Sender", or "Receiver" for our own faults
	Code      string
	Message   string
	RequestID string
}

// Append appends the document.
func (e ErrorAnswer) Append(dst []byte) []byte {
	b := bytes.NewBuffer(dst)
	open(b, "ErrorResponse", e.Namespace)
	b.WriteString("<Error>")
	element(b, "Type", e.Type)
	element(b, "Code", e.Code)
	element(b, "Message", e.Message)
	b.WriteString("</Error>")
	element(b, "RequestId", e.RequestID)
	b.WriteString("</ErrorResponse>")
	return b.Bytes()
}

func open(b *bytes.Buffer, name, namespace string) {
	b.WriteString("<" + name + ` xmlns="`)
	escape(b, namespace)
	b.WriteString(`">`)
}

func element(b *bytes.Buffer, name, value string) {
	b.WriteString("<" + name + ">")
	escape(b, value)
	b.WriteString("</" + name + ">")
}

func escape(b *bytes.Buffer, s string) {
	// A buffer's writes do not fail.
	_ = xml.EscapeText(b, []byte(s))
}

// List is a list in a result: its element is there also when it has no members,
// as clients expect.
type List[T any] struct {
	Members []T `xml:"member"`
}

// Time is a time in a result: ISO 8601 in UTC, in whole seconds.
type Time struct{ time.Time }

// MarshalText makes 2006-01-02T15:04:05Z.
func (t Time) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}
