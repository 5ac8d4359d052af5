package lambda

import (
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
)

// CodePath is where the code that GetFunction tells of can be downloaded.
const CodePath = front.OwnPrefix + "lambda/code"

// locationOf is the URL of a ticket's code, at the address that the client has
// reached this server by.
func locationOf(r *front.Request, ticket string) string {
	u := url.URL{Scheme: "http", Host: r.Host, Path: CodePath, RawQuery: url.Values{"token": {ticket}}.Encode()}
	if r.Caller.TLS {
		u.Scheme = "https"
	}
	return u.String()
}

// CodeDoor serves CodePath: a GET with the ticket in the query, by whom it may be.
// It may be used concurrently.
type CodeDoor struct{ *Door }

var _ front.Door = CodeDoor{}

// Serve implements front.Door.
func (d CodeDoor) Serve(w http.ResponseWriter, r *front.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		d.Refuse(w, r, errUnsupported)
		return
	}
	r.Exchange.Operation = "DownloadFunctionCode"
	zip, err := d.service.Download(r.Context(), r.Caller, r.URL.Query().Get("token"))
	if err != nil {
		d.Refuse(w, r, err)
		return
	}
	defer zip.Close()
	h := w.Header()
	h.Set("x-amzn-RequestId", r.ID)
	h.Set("Content-Type", "application/zip")
	h.Set("Cache-Control", "no-store")
	http.ServeContent(w, r.Request, "", time.Time{}, io.NewSectionReader(zip, 0, zip.Size()))
}
