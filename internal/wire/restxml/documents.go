package restxml

import (
	"bytes"
	"encoding/xml"
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
