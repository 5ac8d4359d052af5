// Package s3 is the door of the object store: it reads requests of the Amazon
// S3 REST API, calls package bucket, and writes S3's answers.
//
// Buckets are found in the path and in the Host header. Keys are decoded once
// and never cleaned. What a request asks for and this server lacks is refused
// with NotImplemented and its name; nothing is dropped in silence.
//
// Source: Amazon S3 API Reference, version 2006-03-01.
package s3

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Config is what a Door needs. Buckets and Log are required.
type Config struct {
	Buckets *bucket.Service
	Log     *slog.Logger
	// Domains are further domains below which a bucket may stand in the Host
	// header, next to localhost and amazonaws.com.
	Domains []string
	// RequireTLS refuses SSE-KMS over plain HTTP, as Amazon S3 does. It is off
	// by default, since a server on the loopback has no TLS.
	RequireTLS bool
	// Poster finds who has an access key, with the session token that came along,
	// for forms that browsers post and for Signature Version 2; errors are
	// identity's. Without it neither is implemented.
	Poster func(accessKeyID, sessionToken string, now time.Time) (Poster, error)
}

// Door serves S3. It may be used concurrently.
type Door struct {
	cfg   Config
	hosts hosts
}

// New returns a door over cfg.
func New(cfg Config) *Door { return &Door{cfg: cfg, hosts: newHosts(cfg.Domains)} }

// exchange is one request and its answer.
type exchange struct {
	*Door
	w   http.ResponseWriter
	r   *front.Request
	ctx context.Context
	who bucket.Caller
	target
	query url.Values
	op    *operation
}

func (d *Door) newExchange(w http.ResponseWriter, r *front.Request) *exchange {
	x := &exchange{Door: d, w: w, r: r, ctx: r.Context(), who: bucket.Caller{Caller: r.Caller}}
	h := w.Header()
	h["X-Amz-Request-Id"] = []string{r.ID}
	h["X-Amz-Id-2"] = []string{hostID(r.ID)}
	h["Server"] = []string{"Keyfront"}
	switch r.Auth.Form {
	case sigv4.FormHeader:
		x.who.AuthType = "REST-HEADER"
	case sigv4.FormQuery:
		x.who.AuthType = "REST-QUERY-STRING"
	}
	x.who.SignedAt = r.Auth.Time
	if r.TLS != nil {
		x.who.TLSVersion = strings.TrimPrefix(tls.VersionName(r.TLS.Version), "TLS ")
	}
	if r.Auth.Form != sigv4.FormQuery || r.Auth.Signs("x-amz-content-sha256") {
		x.who.ContentSHA256 = r.Header.Get("X-Amz-Content-Sha256")
	}
	return x
}

// hostID makes the second id that S3's clients show with the request id.
func hostID(requestID string) string {
	sum := sha256.Sum256([]byte(requestID))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// Serve implements front.Door.
func (d *Door) Serve(w http.ResponseWriter, r *front.Request) {
	x := d.newExchange(w, r)
	if err := x.serve(); err != nil {
		x.fail(err)
	}
}

// Refuse implements front.Door.
func (d *Door) Refuse(w http.ResponseWriter, r *front.Request, err error) {
	x := d.newExchange(w, r)
	x.target, _ = d.hosts.target(r.Request)
	// A page of another origin shall learn that its presigned URL has expired.
	if x.bucket != "" && r.Header.Get("Origin") != "" {
		if b, err := d.cfg.Buckets.Lookup(x.ctx, x.bucket); err == nil {
			x.setCORS(&b)
		}
	}
	x.fail(err)
}

func (x *exchange) serve() (err error) {
	if x.target, err = x.hosts.target(x.r.Request); err != nil {
		return err
	}
	// A bad escape in the query fails here, not as an absent parameter.
	if x.query, err = url.ParseQuery(x.r.URL.RawQuery); err != nil {
		return errURI
	}
	if x.r.Version2 {
		if err := x.authenticateURL(); err != nil {
			return err
		}
	}
	if x.op = route(x.r.Method, x.target, x.query, x.r.Method == put && x.headerWith("X-Amz-Copy-Source") != ""); x.op == nil {
		return &apiError{
			code: "MethodNotAllowed", status: http.StatusMethodNotAllowed,
			message: "The specified method is not allowed against this resource.",
			extra:   []bucket.Pair{{Name: "Method", Value: x.r.Method}},
		}
	}
	x.r.Exchange.Operation = x.op.name
	if err := checkWrite(x.r.Method, x.query); err != nil {
		return x.beforeBucket(err)
	}
	if x.op.run == nil {
		return x.beforeBucket(notImplemented(x.op.name))
	}
	if v, ok := x.query["versionId"]; ok && v[0] == "" && x.key != "" {
		return invalidArgument("Version id cannot be the empty string", "versionId", "")
	}
	if err := x.checkBucket(); err != nil {
		return err
	}
	x.continueEmpty()
	return x.beforeBucket(x.op.run(x))
}

// beforeBucket is err, but for a refusal of what a request wants to set on a bucket
// that does not exist: S3 looks for the bucket first.
func (x *exchange) beforeBucket(err error) error {
	api, ok := errors.AsType[*apiError](err)
	if err == nil || x.bucket == "" || x.op.name == "CreateBucket" || !errors.Is(err, errXML) && !(ok && api.status == http.StatusNotImplemented) {
		return err
	}
	if _, absent := x.cfg.Buckets.Lookup(x.ctx, x.bucket); errors.Is(absent, bucket.ErrNoBucket) {
		return absent
	}
	return err
}

// continueEmpty sends the 100 that a client waits for before it sends an empty
// body; net/http leaves it out. botocore, when its first answer on a connection is
// the final one, mistakes the status line of the next.
func (x *exchange) continueEmpty() {
	if x.r.ContentLength == 0 && strings.EqualFold(x.r.Header.Get("Expect"), "100-continue") {
		x.w.WriteHeader(http.StatusContinue)
	}
}

// checkBucket sends callers to the bucket's region and checks the owner that
// they expect. Both come before the decision, as on S3.
func (x *exchange) checkBucket() error {
	if x.bucket == "" || x.op.name == "CreateBucket" {
		return nil
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		// Absent buckets are the operation's to report, so that it is recorded.
		return nil
	}
	x.setCORS(&b)
	switch x.op.name {
	case "HeadBucket", "ListObjects", "ListObjectsV2":
		x.w.Header()["X-Amz-Bucket-Region"] = []string{b.Region}
	}
	signed := x.r.Auth.Form != sigv4.FormNone
	if scope := x.r.Auth.Scope.Region; signed && scope != b.Region && x.op.name != "GetBucketLocation" {
		x.w.Header()["X-Amz-Bucket-Region"] = []string{b.Region}
		return wrongRegion(scope, b.Region)
	}
	if !signed && x.who.Principal.Kind == policy.Anonymous {
		x.who.Region = b.Region
	}
	return x.checkOwner("X-Amz-Expected-Bucket-Owner", &b)
}

// checkOwner checks the account that the header says to be the bucket's.
func (x *exchange) checkOwner(header string, b *bucket.Bucket) error {
	want := x.header(header)
	switch {
	case want == "" || want == string(b.Owner):
		return nil
	case len(want) != len(b.Owner) || strings.Trim(want, "0123456789") != "":
		return badRequest("InvalidBucketOwnerAWSAccountID", "The value of the expected bucket owner parameter must be an AWS Account ID... ["+want+"]")
	}
	return accessDenied("Access Denied")
}

// header returns a request header; one that is there more than once is a list, so that
// none of its values is passed over. In a presigned URL, SDKs move x-amz-* headers and
// conditions into the query.
func (x *exchange) header(name string) string {
	if v := x.r.Header[name]; len(v) > 0 {
		return strings.Join(v, ",")
	}
	if x.r.Auth.Form == sigv4.FormQuery && (strings.HasPrefix(name, "X-Amz-") || strings.HasPrefix(name, "If-")) {
		for q, v := range x.query {
			if strings.EqualFold(q, name) {
				return v[0]
			}
		}
	}
	return ""
}

// headerWith returns the name, in lower case, of a header that begins with the prefix
// and that header would return; "" if there is none.
func (x *exchange) headerWith(prefix string) string {
	for name := range x.r.Header {
		if strings.HasPrefix(name, prefix) {
			return strings.ToLower(name)
		}
	}
	if x.r.Auth.Form == sigv4.FormQuery && strings.HasPrefix(prefix, "X-Amz-") {
		for name := range x.query {
			if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
				return strings.ToLower(name)
			}
		}
	}
	return ""
}

// send answers with an XML document.
func (x *exchange) send(d *document) error {
	b := d.bytes()
	h := x.w.Header()
	h["Content-Type"] = []string{"application/xml"}
	setInt(h, "Content-Length", int64(len(b)))
	x.w.WriteHeader(http.StatusOK)
	_, err := x.w.Write(b)
	return x.sent(err)
}

// sent ends an exchange whose status has left: a failure can only cut the
// connection.
func (x *exchange) sent(err error) error {
	if err == nil {
		return nil
	}
	// Damage was logged by the domain; a client that went away is no event.
	if !errors.Is(err, bucket.ErrCorrupt) {
		x.cfg.Log.LogAttrs(x.ctx, slog.LevelDebug, "answer cut short", slog.String("request", x.r.ID), slog.Any("error", err))
	}
	panic(http.ErrAbortHandler)
}

// ok answers without a body.
func (x *exchange) ok() error {
	x.w.Header()["Content-Length"] = []string{"0"}
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func (x *exchange) noContent() error {
	x.w.WriteHeader(http.StatusNoContent)
	return nil
}
