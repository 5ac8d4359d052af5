package sts_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	awssts "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/api/sts"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const account = "111122223333"

var at = time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)

// open returns the door over a new register, and the tape.
func open(t *testing.T) (*querydoor.Door, *identity.Admin, *accesstest.Journal) {
	t.Helper()
	ctx := t.Context()
	records := memory.NewRecords()
	vault, err := sealed.Open(ctx, records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(ctx, "identity")
	if err != nil {
		t.Fatal(err)
	}
	ids, err := identity.Open(ctx, identity.Config{Records: records, Domain: domain, Account: account})
	if err != nil {
		t.Fatal(err)
	}
	tape := new(accesstest.Journal)
	admin := identity.NewAdmin(ids, access.NewGate(access.Config{Identities: ids, Record: tape}))
	return sts.New(admin, slog.New(slog.DiscardHandler)), admin, tape
}

func root() access.Caller {
	return access.Caller{At: at, Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account}}
}

// user makes a user who may everything, and is the caller as that user.
func user(t *testing.T, admin *identity.Admin, name string) access.Caller {
	t.Helper()
	u, err := admin.CreateUser(t.Context(), root(), identity.NewUser{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	ref := identity.Ref{Kind: identity.KindUser, Name: name}
	if err := admin.AttachPolicy(t.Context(), root(), ref, "arn:aws:iam::aws:policy/AdministratorAccess"); err != nil {
		t.Fatal(err)
	}
	return access.Caller{At: at, Principal: policy.Principal{
		Kind: policy.User, Account: account, ARN: u.ARN(), UniqueID: u.ID, UserID: u.ID, Name: name,
	}}
}

func request(who access.Caller, body string) *front.Request {
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	return &front.Request{Request: r, ID: "id-1", Body: []byte(body), Caller: who}
}

func TestServe(t *testing.T) {
	d, admin, tape := open(t)
	alice := user(t, admin, "alice")
	trust := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":["sts:AssumeRole","sts:TagSession"],"Condition":{"StringEqualsIfExists":{"sts:ExternalId":"e1"}}}}`
	if _, err := admin.CreateRole(t.Context(), root(), identity.NewRole{Name: "r", Path: "/a/", Trust: trust}); err != nil {
		t.Fatal(err)
	}
	federated := access.Caller{At: at, Session: &access.Session{}, Principal: policy.Principal{Kind: policy.FederatedUser, Account: account, ARN: "f"}}
	const assume = "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/a/r&RoleSessionName=job"
	tests := []struct {
		name, body string
		who        access.Caller
		status     int
		want       []string
	}{
		{"caller identity", "Action=GetCallerIdentity&Version=2011-06-15", root(), 200, []string{
			`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`, "<Arn>arn:aws:iam::111122223333:root</Arn>",
			"<UserId>111122223333</UserId>", "<Account>111122223333</Account>", "<RequestId>id-1</RequestId>",
		}},
		{"unknown action", "Action=Nothing&Version=2011-06-15", root(), 400, []string{
			"<Code>InvalidAction</Code><Message>Could not find operation Nothing for version 2011-06-15</Message>",
		}},
		{"unknown version", "Action=GetCallerIdentity&Version=2010-05-08", root(), 400, []string{"<Code>InvalidAction</Code>"}},
		{"not a form", "Action=%zz", root(), 400, []string{"<Code>ValidationError</Code>"}},
		{"parameter that we lack", "Action=GetCallerIdentity&Color=red", root(), 400, []string{"<Code>ValidationError</Code><Message>The parameter Color is not supported"}},
		{"assume", assume, alice, 200, []string{
			"<Arn>arn:aws:sts::111122223333:assumed-role/r/job</Arn>", ":job</AssumedRoleId>", "<AccessKeyId>ASIA", "<Expiration>2026-11-22T01:00:00Z</Expiration>", "<SessionTokenUtilization>",
		}},
		{"external id", assume + "&ExternalId=e1", alice, 200, []string{"<SessionToken>"}},
		{"wrong external id", assume + "&ExternalId=e2", alice, 403, []string{
			"<Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/a/r</Message>",
		}},
		{"root", assume, root(), 403, []string{"<Code>AccessDenied</Code>"}},
		{"federated user", assume, federated, 403, []string{"<Code>AccessDenied</Code>"}},
		{"role of another path", strings.Replace(assume, "/a/", "/b/", 1), alice, 403, []string{
			"<Code>AccessDenied</Code><Message>User: arn:aws:iam::111122223333:user/alice is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::111122223333:role/b/r</Message>",
		}},
		{"a bad session name of no role", "Action=AssumeRole&RoleArn=arn:a:b:::something/test-role&RoleSessionName=job:2", alice, 400, []string{
			"Value &#39;job:2&#39; at &#39;roleSessionName&#39; failed to satisfy constraint",
		}},
		{"not a role", "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:user/alice&RoleSessionName=job", alice, 400, []string{
			"<Code>ValidationError</Code><Message>arn:aws:iam::111122223333:user/alice is invalid</Message>",
		}},
		{"session name", strings.Replace(assume, "=job", "=x:y", 1), alice, 400, []string{
			"1 validation error detected: Value &#39;x:y&#39; at &#39;roleSessionName&#39; failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*",
		}},
		{"no session name", "Action=AssumeRole&RoleArn=arn:aws:iam::111122223333:role/a/r", alice, 400, []string{
			"Value null at &#39;roleSessionName&#39; failed to satisfy constraint: Member must not be null",
		}},
		{"too short", assume + "&DurationSeconds=899", alice, 400, []string{"Member must have value greater than or equal to 900"}},
		{"zero", assume + "&DurationSeconds=0", alice, 400, []string{"<Code>ValidationError</Code>"}},
		{"longer than the role allows", assume + "&DurationSeconds=3601", alice, 400, []string{
			"<Message>The requested DurationSeconds exceeds the MaxSessionDuration set for this role.</Message>",
		}},
		{"transitive key without tag", assume + "&TransitiveTagKeys.member.1=k", alice, 400, []string{
			"<Code>InvalidParameterValue</Code><Message>The specified transitive tag key must be included in the requested tags.</Message>",
		}},
		{"malformed session policy", assume + "&Policy=%7B", alice, 400, []string{"<Code>MalformedPolicyDocument</Code><Message>This policy contains invalid Json</Message>"}},
		{"long session policy", assume + "&Policy=" + strings.Repeat("+", 2048) + `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}`, alice, 400, []string{
			"<Code>ValidationError</Code>",
		}},
		{"source identity without permission", assume + "&SourceIdentity=me", alice, 403, []string{"sts:SetSourceIdentity"}},
		{"MFA of nobody", assume + "&SerialNumber=arn:aws:iam::111122223333:mfa/x&TokenCode=123456", alice, 403, []string{"<Code>AccessDenied</Code><Message>MultiFactorAuthentication failed"}},
		{"a code without a device", assume + "&TokenCode=123456", alice, 403, []string{"<Code>AccessDenied</Code><Message>MultiFactorAuthentication failed, must provide both MFA serial number"}},
		{"a device without a code", assume + "&SerialNumber=arn:aws:iam::111122223333:mfa/x", alice, 403, []string{"must provide both MFA serial number"}},
		{"short code", assume + "&SerialNumber=arn:aws:iam::111122223333:mfa/x&TokenCode=12345", alice, 400, []string{
			"Value &#39;*****&#39; at &#39;tokenCode&#39; failed to satisfy constraint: Member must have length greater than or equal to 6",
		}},
		{"code of letters", assume + "&SerialNumber=arn:aws:iam::111122223333:mfa/x&TokenCode=12345a", alice, 400, []string{"Member must satisfy regular expression pattern: [\\d]*"}},
		{"MFA of root", "Action=GetSessionToken&SerialNumber=arn:aws:iam::111122223333:mfa/x&TokenCode=123456", root(), 403, []string{"unable to validate MFA code"}},
		{"short role", "Action=AssumeRole&RoleArn=garbage&RoleSessionName=job", alice, 400, []string{
			"Value &#39;garbage&#39; at &#39;roleArn&#39; failed to satisfy constraint: Member must have length greater than or equal to 20",
		}},
		{"empty session policy", assume + "&Policy=", alice, 400, []string{
			"Value &#39;&#39; at &#39;policy&#39; failed to satisfy constraint: Member must have length greater than or equal to 1",
		}},
		{"empty tag key", assume + "&Tags.member.1.Key=&Tags.member.1.Value=v", alice, 400, []string{"at &#39;tags.1.member.key&#39;"}},
		{"tag without a key", assume + "&Tags.member.1.Value=v", alice, 400, []string{"Value null at &#39;tags.1.member.key&#39;"}},
		{"session token", "Action=GetSessionToken", alice, 200, []string{"<Expiration>2026-11-22T12:00:00Z</Expiration>"}},
		{"session token of root", "Action=GetSessionToken", root(), 200, []string{"<Expiration>2026-11-22T01:00:00Z</Expiration>"}},
		{"session token of a session", "Action=GetSessionToken", federated, 403, []string{"<Message>Cannot call GetSessionToken with session credentials</Message>"}},
		{"federation", "Action=GetFederationToken&Name=bob", alice, 200, []string{
			"<PackedPolicySize>0</PackedPolicySize>",
			"<Arn>arn:aws:sts::111122223333:federated-user/bob</Arn>", "<FederatedUserId>111122223333:bob</FederatedUserId>",
		}},
		{"access key asked by a federated user", "Action=GetAccessKeyInfo&AccessKeyId=AKIAIOSFODNN7EXAMPLE", federated, 403, []string{
			"<Message>Cannot call GetAccessKeyInfo with session credentials</Message>",
		}},
		{"access key of nobody", "Action=GetAccessKeyInfo&AccessKeyId=AKIAIOSFODNN7EXAMPLE", alice, 400, []string{"<Code>ValidationError</Code>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before := len(tape.Records())
			w := httptest.NewRecorder()
			d.Serve(w, request(tt.who, tt.body))
			if w.Code != tt.status {
				t.Errorf("status %d, want %d: %s", w.Code, tt.status, w.Body)
			}
			if form, _ := url.ParseQuery(tt.body); w.Code == http.StatusOK {
				doortest.Heard(t, awssts.NewFromConfig, form.Get("Action"), w.Header(), w.Body.Bytes())
			}
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("body %s lacks %s", w.Body, want)
				}
			}
			if made := tape.Records()[before:]; tt.status == 200 && len(made) != 1 {
				t.Errorf("records %v, want one", made)
			}
		})
	}
}

// Kubernetes' authenticator accepts JSON only.
func TestServeJSON(t *testing.T) {
	d, admin, _ := open(t)
	alice := user(t, admin, "alice")
	for body, want := range map[string]string{
		"Action=GetCallerIdentity": `{"GetCallerIdentityResponse":{"GetCallerIdentityResult":{"Arn":"` + alice.Principal.ARN + `","UserId":"` + alice.Principal.UserID + `","Account":"111122223333"},"ResponseMetadata":{"RequestId":"id-1"}}}`,
		"Action=GetSessionToken":   `"Expiration":1795348800}`,
		"Action=Nothing":           `{"Error":{"Code":"InvalidAction","Message":"Could not find operation Nothing for version ","Type":"Sender"},"RequestId":"id-1"}`,
	} {
		r := request(alice, body)
		r.Header.Set("Accept", "application/json")
		w := httptest.NewRecorder()
		d.Serve(w, r)
		if !strings.Contains(w.Body.String(), want) || w.Header().Get("Content-Type") != "application/json" {
			t.Errorf("%s: %s %s, want %s", body, w.Header().Get("Content-Type"), w.Body, want)
		}
	}
	r := request(alice, "Action=GetCallerIdentity")
	r.Header.Set("Accept", "application/json, text/plain, */*")
	w := httptest.NewRecorder()
	if d.Serve(w, r); w.Header().Get("Content-Type") != "text/xml" {
		t.Errorf("who accepts anything gets %s", w.Header().Get("Content-Type"))
	}
}

// What AWS takes without a signature is refused by its name.
func TestRefuseUnsigned(t *testing.T) {
	d := sts.New(nil, slog.New(slog.DiscardHandler))
	for body, want := range map[string]string{
		"Action=AssumeRoleWithWebIdentity&Version=2011-06-15&RoleArn=arn%3Aa": "<Code>InvalidAction</Code><Message>Could not find operation AssumeRoleWithWebIdentity for version 2011-06-15</Message>",
		"Version=2011-06-15&Action=AssumeRoleWithSAML":                        "<Message>Could not find operation AssumeRoleWithSAML for version",
		"Action=AssumeRole&Version=2011-06-15":                                "<Code>MissingAuthenticationToken</Code>",
		"":                                                                    "<Code>MissingAuthenticationToken</Code>",
	} {
		w := httptest.NewRecorder()
		d.Refuse(w, request(access.Caller{}, body), front.ErrNoAuthentication)
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %s, want %s", body, w.Body, want)
		}
	}
}

func TestRefuse(t *testing.T) {
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
		d.Refuse(w, request(root(), ""), tt.err)
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "secret detail") {
			t.Errorf("Refuse(%v) = %d %s, want %d %s", tt.err, w.Code, w.Body, tt.status, tt.want)
		}
	}
}
