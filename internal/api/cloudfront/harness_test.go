package cloudfront_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/xml"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/cloudfront"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/cloudfront"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/signedurl"
)

type noPolicies struct{}

func (noPolicies) PoliciesOf(*policy.Principal, *policy.Policies) {}

type noRecord struct{}

func (noRecord) Append(context.Context, *audit.Record) error { return nil }

// fixture is a door with a front that believes every request to be root's.
type fixture struct {
	t       testing.TB
	service *delivery.Service
	door    *cloudfront.Door
	log     *bytes.Buffer
	caller  access.Caller
}

func start(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, log: new(bytes.Buffer)}
	f.caller.Principal = policy.Principal{Kind: policy.Root, Account: "000000000000", ARN: "arn:aws:iam::000000000000:root"}
	log := slog.New(slog.NewTextHandler(f.log, nil))
	var err error
	f.service, err = delivery.Open(t.Context(), delivery.Config{
		Records:    memory.NewRecords(),
		Gate:       access.NewGate(access.Config{Identities: noPolicies{}, Record: noRecord{}}),
		Clock:      clock.System(),
		Log:        log,
		EdgeDomain: "cloudfront.localhost",
		Quotas:     delivery.Quotas{Distributions: 100_000, PublicKeys: 100},
	})
	if err != nil {
		t.Fatal(err)
	}
	f.door = cloudfront.New(f.service, log)
	return f
}

func (f *fixture) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		f.t.Error(err)
	}
	answer := httptest.NewRecorder()
	req := &front.Request{Request: r, ID: "REQUEST", Caller: f.caller, Body: body}
	f.door.Serve(answer, req)
	if answer.Code < 300 {
		doortest.Heard(f.t, sdk.NewFromConfig, req.Exchange.Operation, answer.Header(), answer.Body.Bytes())
	}
	maps.Copy(w.Header(), answer.Header())
	w.WriteHeader(answer.Code)
	_, _ = answer.Body.WriteTo(w) // an empty body writes nothing
}

// call sends one request; header is "Name: value" or "".
func (f *fixture) call(method, path, header, body string) *httptest.ResponseRecorder {
	f.t.Helper()
	r := httptest.NewRequestWithContext(f.t.Context(), method, "http://127.0.0.1:4566/2020-05-31"+path, strings.NewReader(body))
	if name, value, ok := strings.Cut(header, ": "); ok {
		r.Header.Set(name, value)
	}
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// errorOf reads an error document.
func errorOf(t testing.TB, w *httptest.ResponseRecorder) (code, message string) {
	t.Helper()
	var doc struct {
		XMLName xml.Name `xml:"http://cloudfront.amazonaws.com/doc/2020-05-31/ ErrorResponse"`
		Error   struct{ Type, Code, Message string }
	}
	if err := xml.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatalf("answer %d is no error document: %v\n%s", w.Code, err, w.Body)
	}
	return doc.Error.Code, doc.Error.Message
}

func newPEM(t testing.TB) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := signedurl.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(public.PEM())
}
