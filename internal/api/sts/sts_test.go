package sts_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/sts"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

type tape struct{ actions []string }

func (t *tape) Append(_ context.Context, r *audit.Record) error {
	t.actions = append(t.actions, r.Action)
	return nil
}

type nobody struct{}

func (nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}

func request(body string) *front.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	return &front.Request{Request: r, ID: "id-1", Body: []byte(body), Caller: access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
	}}
}

func TestServe(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		want       []string
	}{
		{"caller identity", "Action=GetCallerIdentity&Version=2011-06-15", 200, []string{
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`, "<Arn>arn:aws:iam::111122223333:root</Arn>",
			"<UserId>111122223333</UserId>", "<Account>111122223333</Account>", "<RequestId>id-1</RequestId>",
		}},
		{"unknown action", "Action=Nothing&Version=2011-06-15", 400, []string{"<Code>InvalidAction</Code>"}},
		{"not a form", "Action=%zz", 400, []string{"<Code>ValidationError</Code>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var tape tape
			d := sts.New(access.NewGate(access.Config{Identities: nobody{}, Record: &tape}), slog.New(slog.DiscardHandler))
			w := httptest.NewRecorder()
			d.Serve(w, request(tt.body))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d", w.Code, tt.status)
			}
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("body %s lacks %s", w.Body, want)
				}
			}
			if recorded := len(tape.actions) == 1; recorded != (tt.status == 200) {
				t.Errorf("records %v", tape.actions)
			}
		})
	}
}

func TestRefuse(t *testing.T) {
	at := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	tests := []struct {
		err    error
		status int
		want   string
	}{
		{front.ErrNoAuthentication, 403, "<Code>MissingAuthenticationToken</Code>"},
		{front.ErrUnknownAccessKey, 403, "<Code>InvalidClientTokenId</Code><Message>The security token included in the request is invalid.</Message>"},
		{front.ErrExpiredToken, 403, "<Code>ExpiredToken</Code>"},
		{&sigv4.MismatchError{}, 403, "<Code>SignatureDoesNotMatch</Code>"},
		{
			&sigv4.SkewError{RequestTime: at.Add(-time.Hour), ServerTime: at, MaxSkew: 15 * time.Minute}, 403,
			"Signature expired: 20261121T230000Z is now earlier than 20261121T234500Z (20261122T000000Z - 15 min.)",
		},
		{errors.New("secret detail"), 500, "<Code>InternalFailure</Code>"},
	}
	for _, tt := range tests {
		w := httptest.NewRecorder()
		d := sts.New(nil, slog.New(slog.DiscardHandler))
		d.Refuse(w, request(""), tt.err)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("Refuse(%v) = %d %s, want %d %s", tt.err, w.Code, w.Body, tt.status, tt.want)
		}
	}
}
