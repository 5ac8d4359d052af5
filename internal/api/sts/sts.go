// Package sts is the door of the security token service: the AWS query protocol
// over package identity.
//
// Source: AWS STS API Reference 2011-06-15.
package sts

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

const version = "2011-06-15"

// service decodes requests for sessions.
type service struct{ admin *identity.Admin }

// New returns the door.
func New(admin *identity.Admin, log *slog.Logger) *querydoor.Door {
	s := &service{admin}
	return querydoor.New(querydoor.Service{
		Namespace: query.STSNamespace, Version: version, Failures: failures, Log: log, JSON: true,
		Operations: map[string]querydoor.Operation{
			"AssumeRole":         s.assumeRole,
			"GetAccessKeyInfo":   s.getAccessKeyInfo,
			"GetCallerIdentity":  s.getCallerIdentity,
			"GetFederationToken": s.getFederationToken,
			"GetSessionToken":    s.getSessionToken,
		},
	})
}

// ErrorCode is the name that err has on the wire, for the audit record.
func ErrorCode(err error) string { return querydoor.ErrorCode(failures, err) }

// failures gives every error of the domain that sessions can have its form.
var failures = []querydoor.Failure{
	{Err: identity.ErrMalformedPolicy, Status: http.StatusBadRequest, Code: "MalformedPolicyDocument"},
	{Err: identity.ErrPackedTooLarge, Status: http.StatusBadRequest, Code: "PackedPolicyTooLarge"},
	{Err: identity.ErrInvalidParameter, Status: http.StatusBadRequest, Code: "InvalidParameterValue"},
	{Err: identity.ErrInvalidInput, Status: http.StatusBadRequest, Code: "InvalidParameterValue"},
	{Err: identity.ErrLimit, Status: http.StatusBadRequest, Code: "ValidationError"},
	{Err: identity.ErrValidation, Status: http.StatusBadRequest, Code: "ValidationError"},
	{Err: identity.ErrSessionDenied, Status: http.StatusForbidden, Code: "AccessDenied"},
}

type callerIdentityResult struct {
	Arn     string
	UserID  string `xml:"UserId" json:"UserId"`
	Account string
}

func (s *service) getCallerIdentity(query.Form) querydoor.Run {
	return func(ctx context.Context, who access.Caller) (any, error) {
		id, err := s.admin.WhoAmI(ctx, who)
		if err != nil {
			return nil, err
		}
		return callerIdentityResult{Arn: id.ARN, UserID: id.UserID, Account: string(id.Account)}, nil
	}
}

func (s *service) getAccessKeyInfo(f query.Form) querydoor.Run {
	id := f.String("AccessKeyId")
	return func(ctx context.Context, who access.Caller) (any, error) {
		account, err := s.admin.AccessKeyAccount(ctx, who, id)
		if err != nil {
			return nil, err
		}
		return struct{ Account string }{account}, nil
	}
}

type credentialsDocument struct {
	AccessKeyID     string `xml:"AccessKeyId" json:"AccessKeyId"`
	SecretAccessKey string
	SessionToken    string
	Expiration      query.Time
}

func credentialsOf(s identity.Session) credentialsDocument {
	return credentialsDocument{s.ID, string(s.Secret.Reveal()), s.SessionToken, query.Time{Time: s.Expires}}
}

// tokenDocument is the end of every answer with credentials.
type tokenDocument struct {
	SessionTokenSize        int // bytes
	SessionTokenUtilization int // percent of what a token may have
}

func tokenOf(s identity.Session) tokenDocument {
	n := len(s.SessionToken)
	return tokenDocument{n, (n*100 + identity.MaxTokenBytes - 1) / identity.MaxTokenBytes}
}

type assumedRoleDocument struct {
	AssumedRoleID string `xml:"AssumedRoleId" json:"AssumedRoleId"`
	Arn           string
}

type assumeRoleResult struct {
	Credentials      credentialsDocument
	AssumedRoleUser  assumedRoleDocument
	PackedPolicySize int    `xml:",omitempty" json:",omitempty"` // percent
	SourceIdentity   string `xml:",omitempty" json:",omitempty"`
	tokenDocument
}

func (s *service) assumeRole(f query.Form) querydoor.Run {
	in := identity.AssumeRole{
		Role: f.String("RoleArn"), Session: f.String("RoleSessionName"), Duration: duration(f, 3600),
		SessionLimits: limits(f), Transitive: f.Strings("TransitiveTagKeys"),
		ExternalID: f.Given("ExternalId"), SourceIdentity: f.Given("SourceIdentity"), MFA: mfa(f),
	}
	return func(ctx context.Context, who access.Caller) (any, error) {
		session, err := s.admin.AssumeRole(ctx, who, in)
		if err != nil {
			return nil, err
		}
		return assumeRoleResult{
			credentialsOf(session), assumedRoleDocument{session.UserID, session.ARN}, session.PackedPercent, session.SourceIdentity, tokenOf(session),
		}, nil
	}
}

type sessionTokenResult struct {
	Credentials credentialsDocument
	tokenDocument
}

func (s *service) getSessionToken(f query.Form) querydoor.Run {
	d, code := duration(f, 12*3600), mfa(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		session, err := s.admin.SessionToken(ctx, who, d, code)
		if err != nil {
			return nil, err
		}
		return sessionTokenResult{credentialsOf(session), tokenOf(session)}, nil
	}
}

type federatedDocument struct {
	FederatedUserID string `xml:"FederatedUserId" json:"FederatedUserId"`
	Arn             string
}

type federationResult struct {
	Credentials      credentialsDocument
	FederatedUser    federatedDocument
	PackedPolicySize int // percent
	tokenDocument
}

func (s *service) getFederationToken(f query.Form) querydoor.Run {
	name, d, in := f.String("Name"), duration(f, 12*3600), limits(f)
	return func(ctx context.Context, who access.Caller) (any, error) {
		session, err := s.admin.FederationToken(ctx, who, name, d, in)
		if err != nil {
			return nil, err
		}
		return federationResult{credentialsOf(session), federatedDocument{session.UserID, session.ARN}, session.PackedPercent, tokenOf(session)}, nil
	}
}

// duration reads DurationSeconds, which is otherwise if absent.
func duration(f query.Form, otherwise int) time.Duration {
	d := time.Duration(f.Int("DurationSeconds", otherwise)) * time.Second
	if d == 0 {
		// Zero is shorter than any, while the domain takes it as not given.
		d = 1
	}
	return d
}

func mfa(f query.Form) identity.MFA {
	return identity.MFA{Serial: f.Given("SerialNumber"), Code: f.Given("TokenCode")}
}

func limits(f query.Form) identity.SessionLimits {
	var in identity.SessionLimits
	if f.Has("Policy") {
		// An empty one is refused: it would be no limit where one was meant.
		in.Policy = f.String("Policy")
	}
	for _, p := range f.List("PolicyArns") {
		in.PolicyARNs = append(in.PolicyARNs, p.String("arn"))
	}
	for _, t := range f.List("Tags") {
		t.Require("Value")
		in.Tags = append(in.Tags, identity.Tag{Key: t.String("Key"), Value: t.Optional("Value")})
	}
	return in
}
