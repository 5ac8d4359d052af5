package own_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

type nobody struct{}

func (nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}

type discard struct{}

func (discard) Append(context.Context, *audit.Record) error { return nil }

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
	g := access.NewGate(access.Config{Identities: nobody{}, Record: discard{}})
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
		{http.MethodPost, "/_keyfront/explain", `{"requestId":"another"}`, 404, "NoSuchDenial"},
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
