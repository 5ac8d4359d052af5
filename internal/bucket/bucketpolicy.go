package bucket

import (
	"context"
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// MaxPolicyBytes is the longest bucket policy.
const MaxPolicyBytes = policy.MaxBucketBytes

// Principals ties the users and roles that a policy names to their unique ids, so
// that a later one of the same name is not meant; see policy.Document.Bind.
type Principals interface {
	Identify(name string) (id string, ok bool)
	NameOf(id string) (name string, ok bool)
}

// Policy returns the bucket's policy as it was written, or ErrNoPolicy. Users and
// roles stand there under the names that they have now.
func (s *Service) Policy(ctx context.Context, who Caller, name string) (source string, err error) {
	call := s.begin(&who, "s3:GetBucketPolicy")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return "", err
	}
	if c.Policy == "" {
		return "", ErrNoPolicy
	}
	if s.cfg.Principals == nil {
		return c.Policy, nil
	}
	return c.policy.Render(s.cfg.Principals.NameOf), nil
}

// PolicyIsPublic tells whether the bucket's policy admits callers that it does
// not pin down, or returns ErrNoPolicy.
//
// Source: Amazon S3 API Reference, GetBucketPolicyStatus.
func (s *Service) PolicyIsPublic(ctx context.Context, who Caller, name string) (public bool, err error) {
	call := s.begin(&who, "s3:GetBucketPolicyStatus")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return false, err
	}
	if c.policy == nil {
		return false, ErrNoPolicy
	}
	return c.public, nil
}

// SetPolicy replaces the bucket's policy. It returns ErrPolicyTooLarge, and
// ErrMalformedPolicy, among others about a policy that speaks of another bucket. A
// public policy is access.ErrDenied where the bucket blocks those.
//
// Source: Amazon S3 API Reference, PutBucketPolicy.
func (s *Service) SetPolicy(ctx context.Context, who Caller, name, source string) (err error) {
	call := s.begin(&who, "s3:PutBucketPolicy")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return err
	}
	if len(source) > MaxPolicyBytes {
		return ErrPolicyTooLarge
	}
	doc, err := policy.Parse(policy.UseBucket, source)
	if err == nil {
		err = doc.CheckBucket(name)
	}
	if err == nil && s.cfg.Principals != nil {
		doc, err = doc.Bind(s.cfg.Principals.Identify)
	}
	if problem, ok := errors.AsType[*policy.Error](err); ok {
		return &refusal.Error{Kind: ErrMalformedPolicy, Sentence: problem.Problem}
	}
	if err != nil {
		return err
	}
	public := doc.Public()
	return call.Effect(ctx, func() error {
		return s.changeConfigIf(ctx, c, func(c *config) error {
			if public && c.publicAccess().BlockPublicPolicy {
				return &access.Denied{Message: "User: " + who.Principal.ARN + " is not authorized to perform: s3:PutBucketPolicy on resource: \"arn:aws:s3:::" +
					name + "\" because public policies are prevented by the BlockPublicPolicy setting in S3 Block Public Access."}
			}
			c.Policy, c.Principals = source, doc.Bindings()
			return nil
		})
	})
}

// DeletePolicy removes the bucket's policy; having none is no error.
func (s *Service) DeletePolicy(ctx context.Context, who Caller, name string) (err error) {
	call := s.begin(&who, "s3:DeleteBucketPolicy")
	defer call.End(ctx, &err)
	return s.setConfig(ctx, call, name, func(c *config) { c.Policy, c.Principals = "", nil })
}

// PolicyOf returns the policy of a bucket, nil if it has none, and its owner. It
// is for whoever explains decisions to the owner, and no access path: nothing
// of it goes to a caller but what its statements said.
func (s *Service) PolicyOf(ctx context.Context, name string) (*policy.Document, arn.AccountID, error) {
	c, err := s.config(ctx, name)
	if err != nil {
		return nil, "", err
	}
	return c.policy, c.Owner, nil
}
