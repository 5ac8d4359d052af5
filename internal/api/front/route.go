package front

import (
	"encoding/json"
	"encoding/xml"
	"fmt"
	"net/http"
	"strings"
)

// route finds the service that a request is for: by the credential scope, and
// for unsigned requests by what only one service's clients send. Our own routes are
// not for viewers: what the edge asks for below OwnPrefix is an object of a bucket. What
// viewers send through it is for no other service, whatever they signed it for: policies
// that trust the edge's address would trust them.
func (f *Front) route(r *Request, scopeService string) *Service {
	if r.hop != nil && r.hop.service != "" {
		return f.services[r.hop.service]
	}
	if s := f.paths[r.URL.Path]; s != nil {
		return s
	}
	if strings.HasPrefix(r.URL.Path, OwnPrefix) && r.hop == nil {
		return f.services["keyfront"]
	}
	if scopeService != "" {
		return f.services[scopeService]
	}
	if target := r.Header.Get("X-Amz-Target"); target != "" {
		// The part after the last dot is the operation; SDKs differ in what
		// stands before it.
		prefix, _, _ := strings.Cut(target, ".")
		if prefix == "TrentService" {
			return f.services["kms"]
		}
		return nil
	}
	if strings.HasPrefix(r.URL.Path, "/2020-05-31/") {
		return f.services["cloudfront"]
	}
	if r.Method == http.MethodPost && r.URL.Path == "/" && isForm(r.Request) {
		return f.services["sts"]
	}
	return f.services["s3"]
}

// isForm reports whether the operation of a request stands in its body.
func isForm(r *http.Request) bool {
	return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
}

// refuseUnknown answers a request for a service that this server does not have,
// in the form that the client can read.
func refuseUnknown(w http.ResponseWriter, r *Request, service string) {
	h := w.Header()
	h.Set("x-amzn-RequestId", r.ID)
	if service == "" {
		service, _, _ = strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	}
	message := fmt.Sprintf("Keyfront has no service %.64q.", service)
	if r.Header.Get("X-Amz-Target") != "" {
		h.Set("Content-Type", "application/x-amz-json-1.1")
		w.WriteHeader(http.StatusBadRequest)
		text, _ := json.Marshal(message) // strings always encode
		fmt.Fprintf(w, `{"__type":"UnknownOperationException","message":%s}`, text)
		return
	}
	h.Set("Content-Type", "text/xml")
	w.WriteHeader(http.StatusBadRequest)
	fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>UnsupportedOperation</Code><Message>`)
	xml.EscapeText(w, []byte(message))
	fmt.Fprintf(w, "</Message></Error><RequestId>%s</RequestId></ErrorResponse>", r.ID)
}
