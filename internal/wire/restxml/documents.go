package restxml

import (
	"bytes"
	"encoding/xml"
	"time"
)

// ErrorResponse is the error document of CloudFront.
type ErrorResponse struct {
	Namespace string
	Type      string // "Sender", or "Receiver" for our own faults
	Code      string
	Message   string
	RequestID string
}

// Append appends the document.
func (e ErrorResponse) Append(dst []byte) []byte {
	b := writer{bytes.NewBuffer(append(dst, "<?xml version=\"1.0\"?>\n<ErrorResponse xmlns=\""...))}
	b.text(e.Namespace)
	b.WriteString("\"><Error>")
	b.element("Type", e.Type)
	b.element("Code", e.Code)
	b.element("Message", e.Message)
	b.WriteString("</Error>")
	b.element("RequestId", e.RequestID)
	b.WriteString("</ErrorResponse>")
	return b.Bytes()
}

type writer struct{ *bytes.Buffer }

func (w writer) element(name, value string) {
	w.WriteString("<" + name + ">")
	w.text(value)
	w.WriteString("</" + name + ">")
}

func (w writer) text(s string) {
	// A buffer's writes do not fail.
	_ = xml.EscapeText(w, []byte(s))
}

// Millis is a time as S3 and CloudFront write it: ISO 8601 in UTC with
// milliseconds. It reads any fraction and offset.
type Millis struct{ time.Time }

// MarshalText makes 2006-01-02T15:04:05.000Z.
func (t Millis) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05.000Z"), nil
}

// UnmarshalText reads ISO 8601.
func (t *Millis) UnmarshalText(b []byte) (err error) {
	t.Time, err = parseTime(b)
	return err
}

// Seconds is a time in ISO 8601 in UTC without a fraction. It reads what Millis
// reads.
type Seconds struct{ time.Time }

// MarshalText makes 2006-01-02T15:04:05Z.
func (t Seconds) MarshalText() ([]byte, error) {
	return t.UTC().AppendFormat(nil, "2006-01-02T15:04:05Z"), nil
}

// UnmarshalText reads ISO 8601.
func (t *Seconds) UnmarshalText(b []byte) (err error) {
	t.Time, err = parseTime(b)
	return err
}

func parseTime(b []byte) (time.Time, error) {
	t, err := time.Parse(time.RFC3339Nano, string(bytes.TrimSpace(b)))
	return t.UTC(), err
}
