package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/resource"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/template"
)

const (
	// stackPatience is how long a request waits for the stack that it began.
	stackPatience = 2 * time.Second
	// stackSession names the sessions of roles that stacks are given.
	stackSession = "AWSCloudFormation"
	stackService = "cloudformation.amazonaws.com"
)

// openStacks opens the stacks over the services that their resources belong to.
func (s *Server) openStacks(ctx context.Context) error {
	domain, err := s.state.vault.Domain(ctx, "cloudformation")
	if err != nil {
		return err
	}
	admin := identity.NewAdmin(s.identity, s.gate)
	s.stacks = stack.New(stack.Config{
		Records: s.state.records, Domain: domain, Gate: s.gate, Clock: s.clock, Log: s.log, SoleWriter: true, Patience: stackPatience,
		Assume: s.assumeForStacks(admin), Parameter: s.resolveForStacks, Fetch: s.fetchForStacks,
		Providers: resource.Providers(resource.Services{
			Keys: s.keys, Buckets: s.buckets, Delivery: s.delivery, Identity: admin, Parameters: s.parameters,
			Secrets: s.secrets, Functions: s.lambda, Trails: s.trails, SayObjects: s3.Message,
		}),
	})
	return s.stacks.Resume(ctx)
}

// assumeForStacks assumes roles as CloudFormation: the role's trust policy has to
// let that service.
func (s *Server) assumeForStacks(admin *identity.Admin) func(context.Context, string, arn.AccountID, string) (access.Caller, error) {
	return func(ctx context.Context, role string, account arn.AccountID, region string) (who access.Caller, err error) {
		service := access.Caller{
			Principal: policy.Principal{Kind: policy.Service, Service: stackService, Account: account},
			Region:    region, At: s.clock.Now(), UserAgent: stackService,
		}
		session, err := admin.AssumeRole(ctx, service, identity.AssumeRole{Role: role, Session: stackSession})
		if err != nil {
			return who, unusable("Role %s is invalid or cannot be assumed", role)
		}
		credential, err := s.identity.Lookup(session.ID, session.SessionToken, service.At)
		if err != nil {
			return who, err
		}
		return access.Caller{
			Principal: credential.Principal, AccessKeyID: session.ID, Region: region, At: service.At,
			Tags: credential.Tags, Session: credential.Session,
		}, nil
	}
}

// unusable says to who reads a stack's events why a role or a reference of its
// template is of no use.
func unusable(format string, args ...any) error {
	return refusal.New(stack.ErrInvalid, format, args...)
}

// unreadable is why what a reference means cannot be read: for who reads a stack's
// events, or a fault of ours.
func unreadable(what, name string, err error) error {
	if _, refused := errors.AsType[*refusal.Error](err); refused || errors.Is(err, access.ErrDenied) {
		return unusable("%s %s cannot be read: %v", what, name, err)
	}
	return fmt.Errorf("read %s %s: %w", what, name, err)
}

// fetchForStacks reads the template at the URL of an object here. A URL of another
// host is refused: the server goes nowhere for its callers.
func (s *Server) fetchForStacks(ctx context.Context, who access.Caller, url string) (string, error) {
	at, err := s3.ParseURL(url, s.cfg.S3Domains)
	if err != nil {
		return "", unusable("TemplateURL must be a supported URL.")
	}
	o, err := s.buckets.Get(ctx, bucket.Caller{Caller: who}, bucket.Get{Bucket: at.Bucket, Key: at.Key, VersionID: at.VersionID})
	if err != nil {
		return "", unusable("S3 error: %s", s3.Message(err))
	}
	defer o.Close()
	text, err := io.ReadAll(io.LimitReader(o, template.MaxBytes+1))
	if err != nil {
		return "", fmt.Errorf("read template: %w", err)
	}
	return string(text), nil
}

// resolveForStacks reads what a dynamic reference means:
//
//	ssm:name[:version]            ssm-secure:name[:version]
//	secretsmanager:id[:SecretString[:key[:stage[:version]]]]
//
// Source: AWS CloudFormation User Guide, "Get values stored in other services
// using dynamic references".
func (s *Server) resolveForStacks(ctx context.Context, who access.Caller, ref string) (string, error) {
	service, rest, _ := strings.Cut(ref, ":")
	if service != "secretsmanager" {
		v, err := s.parameters.Get(ctx, who, rest, service == "ssm-secure")
		if err != nil {
			return "", unreadable("Parameter", rest, err)
		}
		if service == "ssm" && v.Type == "SecureString" {
			return "", unusable("SSM Secure reference is required for parameter %s", rest)
		}
		return v.Value, nil
	}
	// The colons of an ARN are its own.
	id := ""
	if strings.HasPrefix(rest, "arn:") {
		parts := strings.SplitN(rest, ":", 8)
		if len(parts) < 7 {
			return "", unusable("%.256s is not the ARN of a secret", rest)
		}
		id, rest = strings.Join(parts[:7], ":"), strings.Join(parts[7:], "")
	} else {
		id, rest, _ = strings.Cut(rest, ":")
	}
	var part [4]string
	copy(part[:], strings.SplitN(rest, ":", 4))
	if part[0] != "" && part[0] != "SecretString" {
		return "", unusable("Only the SecretString of a secret can be referred to")
	}
	v, err := s.secrets.Get(ctx, who, id, part[3], part[2])
	if err != nil {
		return "", unreadable("Secret", id, err)
	}
	if v.Value == nil || !v.Value.Text {
		return "", unusable("Secret %s has no SecretString", id)
	}
	text := string(v.Value.Bytes.Reveal())
	if part[1] == "" {
		return text, nil
	}
	var members map[string]any
	if json.Unmarshal([]byte(text), &members) != nil {
		return "", unusable("Secret %s is not a JSON object", id)
	}
	member, ok := members[part[1]]
	if !ok {
		return "", unusable("Could not find a value associated with JSONKey in SecretString of %s", id)
	}
	if of, ok := member.(string); ok {
		return of, nil
	}
	encoded, err := json.Marshal(member)
	return string(encoded), err
}
