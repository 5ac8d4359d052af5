package own_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
	"github.com/keyfront-project/keyfront/signedurl"
)

var root = access.Caller{
	Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
	RequestID: "denied-1",
}

// denyOnce leaves one denial behind, of request denied-1.
func denyOnce(g *access.Gate) {
	var err error
	call := g.Begin(root, "kms:Decrypt")
	defer call.End(context.Background(), &err)
	doc, _ := policy.Parse(policy.UseKey, `{"Version":"2012-10-17","Statement":[{"Sid":"NoMore","Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`)
	err = call.Decide(access.Target{ARN: "arn:aws:kms:us-east-1:111122223333:key/1", Rule: policy.KeyPolicy, Policy: doc})
}

func serve(t *testing.T, g *access.Gate, method, path, body string) (int, string) {
	t.Helper()
	w := httptest.NewRecorder()
	r := &front.Request{Request: httptest.NewRequest(method, path, strings.NewReader(body)), ID: "id-1", Body: []byte(body), Caller: root}
	own.New(own.Config{Gate: g, Log: slog.New(slog.DiscardHandler)}).Serve(w, r)
	return w.Code, w.Body.String()
}

func TestExplain(t *testing.T) {
	g := access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: new(accesstest.Journal)})
	denyOnce(g)
	status, body := serve(t, g, http.MethodPost, "/_keyfront/explain", `{"requestId":"denied-1"}`)
	var got own.Explanation
	if err := json.Unmarshal([]byte(body), &got); err != nil || status != http.StatusOK || len(got.Denials) != 1 {
		t.Fatalf("explain = %d %s", status, body)
	}
	f := got.Denials[0].Findings[0]
	if f.Sid != "NoMore" || f.Effect != "Deny" || !f.Applied || !f.Conditions[0].Held || f.Conditions[0].Present[0] != "false" {
		t.Errorf("finding = %+v", f)
	}
	tests := []struct {
		method, path, body string
		status             int
		code               string
	}{
		{http.MethodPost, "/_keyfront/explain", `{"requestId":"another"}`, 404, `"NoSuchDenial","message":"No denial`},
		{http.MethodPost, "/_keyfront/explain", `{"requestID":"denied-1"}`, 200, ""},
		{http.MethodPost, "/_keyfront/explain", `{"nonsense":1}`, 400, "MalformedRequest"},
		{http.MethodPost, "/_keyfront/explain", `{}`, 400, "MalformedRequest"},
		{http.MethodPost, "/_keyfront/explain", ``, 400, "MalformedRequest"},
		{http.MethodGet, "/_keyfront/explain", ``, 404, "NoSuchRoute"},
		{http.MethodPost, "/_keyfront/", ``, 404, "NoSuchRoute"},
	}
	for _, tt := range tests {
		if status, body := serve(t, g, tt.method, tt.path, tt.body); status != tt.status || !strings.Contains(body, tt.code) {
			t.Errorf("%s %s %s = %d %s, want %d %s", tt.method, tt.path, tt.body, status, body, tt.status, tt.code)
		}
	}
}

// A viewer's request is handed on as described, and its explanation back.
func TestExplainViewer(t *testing.T) {
	var asked edge.Question
	door := own.New(own.Config{Log: slog.New(slog.DiscardHandler), ExplainViewer: func(_ context.Context, who access.Caller, q edge.Question) (*edge.Explanation, error) {
		asked = q
		switch {
		case who.RequestID != root.RequestID:
			t.Errorf("asked by %+v", who)
		case q.URL == "bad":
			return nil, signedurl.ErrURL
		}
		return &edge.Explanation{Cause: "expired"}, nil
	}})
	for _, tt := range []struct {
		body   string
		status int
		answer string
	}{
		{`{"url":"http://a/","method":"HEAD","ip":"192.0.2.1","at":"2026-01-02T03:04:05Z","headers":{"host":["b"]},"cookies":["a=b; c=d","e=f; Path=/"]}`, 200, `{"viewer":{"admitted":false,"cause":"expired"`},
		{`{"url":"bad"}`, 400, "NoSuchRequest"},
		{`{"url":"http://a/","ip":"nowhere"}`, 400, "nowhere"},
		{`{"url":"http://a/","at":"tomorrow"}`, 400, "MalformedRequest"},
		{`{"url":"http://a/","requestId":"1"}`, 400, "MalformedRequest"},
		{`{"url":"http://a/","principal":"p","action":"a","resource":"r"}`, 400, "MalformedRequest"},
	} {
		w := httptest.NewRecorder()
		door.Serve(w, &front.Request{Request: httptest.NewRequest(http.MethodPost, "/_keyfront/explain", nil), ID: "id-1", Body: []byte(tt.body), Caller: root})
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.answer) {
			t.Errorf("%s = %d %s, want %d %s", tt.body, w.Code, w.Body, tt.status, tt.answer)
		}
		if tt.status != 200 {
			continue
		}
		want := edge.Question{
			URL: "http://a/", Method: "HEAD", Header: http.Header{"Host": {"b"}, "Cookie": {"a=b; c=d"}}, SetCookies: []string{"e=f; Path=/"},
			Peer: netip.MustParseAddr("192.0.2.1"), At: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
		}
		if !reflect.DeepEqual(asked, want) {
			t.Errorf("asked %+v, want %+v", asked, want)
		}
	}
}

func TestRefuse(t *testing.T) {
	tests := []struct {
		err    error
		status int
		code   string
	}{
		{front.ErrNoAuthentication, 403, "MissingAuthenticationToken"},
		{front.ErrUnknownAccessKey, 403, "InvalidClientTokenId"},
		{&sigv4.MismatchError{}, 403, "SignatureDoesNotMatch"},
		{&sigv4.MalformedError{}, 400, "IncompleteSignature"},
		{errors.New("secret detail"), 500, "InternalFailure"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		r := &front.Request{Request: httptest.NewRequest(http.MethodPost, "/_keyfront/explain", nil), ID: "id-1"}
		own.New(own.Config{Log: slog.New(slog.DiscardHandler)}).Refuse(w, r, tt.err)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.code) || strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("Refuse(%v) = %d %s, want %d %s", tt.err, w.Code, w.Body, tt.status, tt.code)
		}
	}
}
