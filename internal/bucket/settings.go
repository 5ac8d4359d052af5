package bucket

import (
	"context"
	"slices"
	"strings"
)

// PublicAccessBlock says which public access a bucket refuses. There are no
// access control lists here, so the two settings about those are only kept.
//
// Source: Amazon S3 API Reference, PublicAccessBlockConfiguration.
type PublicAccessBlock struct {
	BlockPublicACLs  bool `json:"blockPublicAcls,omitempty"`
	IgnorePublicACLs bool `json:"ignorePublicAcls,omitempty"`
	// BlockPublicPolicy refuses a bucket policy that is public.
	BlockPublicPolicy bool `json:"blockPublicPolicy,omitempty"`
	// RestrictPublicBuckets limits a public policy to the owner's account and to
	// services.
	RestrictPublicBuckets bool `json:"restrictPublicBuckets,omitempty"`
}

// PublicAccessBlock returns the bucket's, or ErrNoPublicAccessBlock.
func (s *Service) PublicAccessBlock(ctx context.Context, who Caller, name string) (p PublicAccessBlock, err error) {
	call := s.begin(&who, "s3:GetBucketPublicAccessBlock")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	switch {
	case err != nil:
		return PublicAccessBlock{}, err
	case c.PublicAccess == nil:
		return PublicAccessBlock{}, ErrNoPublicAccessBlock
	}
	return *c.PublicAccess, nil
}

// SetPublicAccessBlock replaces the bucket's; nil removes it, which allows all
// that a policy allows.
//
// Source: Amazon S3 API Reference, PutPublicAccessBlock.
func (s *Service) SetPublicAccessBlock(ctx context.Context, who Caller, name string, p *PublicAccessBlock) (err error) {
	call := s.begin(&who, "s3:PutBucketPublicAccessBlock")
	defer call.End(ctx, &err)
	return s.setConfig(ctx, call, name, func(c *config) { c.PublicAccess = p })
}

// Ownership says who owns what others write into a bucket.
type Ownership string

// BucketOwnerEnforced is the only ownership there is: the bucket's owner owns
// every object, and access control lists do not exist.
const BucketOwnerEnforced Ownership = "BucketOwnerEnforced"

// Ownership returns the bucket's ownership control, or ErrNoOwnership once it was
// removed.
func (s *Service) Ownership(ctx context.Context, who Caller, name string) (o Ownership, err error) {
	call := s.begin(&who, "s3:GetBucketOwnershipControls")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	switch {
	case err != nil:
		return "", err
	case c.Ownership == "":
		return "", ErrNoOwnership
	}
	return c.Ownership, nil
}

// SetOwnership replaces the bucket's ownership control; an empty one removes it,
// and changes nothing else: there are no access control lists. It returns
// ErrUnsupported about any but BucketOwnerEnforced.
//
// Source: Amazon S3 API Reference, PutBucketOwnershipControls.
func (s *Service) SetOwnership(ctx context.Context, who Caller, name string, o Ownership) (err error) {
	call := s.begin(&who, "s3:PutBucketOwnershipControls")
	defer call.End(ctx, &err)
	call.Note("ObjectOwnership", string(o))
	if o != "" && o != BucketOwnerEnforced {
		return fail(ErrUnsupported, "ObjectOwnership %s", o)
	}
	return s.setConfig(ctx, call, name, func(c *config) { c.Ownership = o })
}

// Acceleration says whether a bucket is reached through the nearest of S3's edges.
type Acceleration string

// AccelerationSuspended is the only one there is, next to none.
const AccelerationSuspended Acceleration = "Suspended"

// Acceleration returns the bucket's, or "" if it never had any.
func (s *Service) Acceleration(ctx context.Context, who Caller, name string) (a Acceleration, err error) {
	call := s.begin(&who, "s3:GetAccelerateConfiguration")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return "", err
	}
	return c.Acceleration, nil
}

// SetAcceleration keeps a, so that it is read back, and does no more. It returns
// ErrUnsupported about any but AccelerationSuspended.
//
// Source: Amazon S3 API Reference, PutBucketAccelerateConfiguration.
func (s *Service) SetAcceleration(ctx context.Context, who Caller, name string, a Acceleration) (err error) {
	call := s.begin(&who, "s3:PutAccelerateConfiguration")
	defer call.End(ctx, &err)
	call.Note("Status", string(a))
	if a != AccelerationSuspended {
		return fail(ErrUnsupported, "AccelerateConfiguration %s", a)
	}
	return s.setConfig(ctx, call, name, func(c *config) { c.Acceleration = a })
}

// MaxCORSRules is how many CORS rules a bucket may have.
const MaxCORSRules = 100

// CORSRule says which pages of other origins a browser may let read the bucket.
//
// Source: Amazon S3 API Reference, CORSRule.
type CORSRule struct {
	ID             string   `json:"id,omitempty"`
	AllowedHeaders []string `json:"allowedHeaders,omitempty"` // "*" stands for any run, at most once each
	AllowedMethods []string `json:"allowedMethods"`
	AllowedOrigins []string `json:"allowedOrigins"` // as AllowedHeaders
	ExposeHeaders  []string `json:"exposeHeaders,omitempty"`
	MaxAgeSeconds  *int     `json:"maxAgeSeconds,omitempty"`
}

func (r *CORSRule) check() error {
	if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 {
		return fail(ErrInvalidCORS, "a rule needs an AllowedMethod and an AllowedOrigin")
	}
	for _, m := range r.AllowedMethods {
		if !slices.Contains([]string{"GET", "PUT", "HEAD", "POST", "DELETE"}, m) {
			return fail(ErrInvalidCORS, "Found unsupported HTTP method in CORS config. Unsupported method is %s", m)
		}
	}
	for what, patterns := range map[string][]string{"AllowedOrigin": r.AllowedOrigins, "AllowedHeader": r.AllowedHeaders} {
		for _, p := range patterns {
			if strings.Count(p, "*") > 1 {
				return fail(ErrInvalidCORS, "%s %q can not have more than one wildcard", what, p)
			}
		}
	}
	for _, h := range r.ExposeHeaders {
		if strings.Contains(h, "*") {
			return fail(ErrInvalidCORS, "ExposeHeader %q contains wildcard, which is not supported for ExposeHeader", h)
		}
	}
	return nil
}

// CORS returns the bucket's CORS rules, or ErrNoCORS.
func (s *Service) CORS(ctx context.Context, who Caller, name string) (rules []CORSRule, err error) {
	call := s.begin(&who, "s3:GetBucketCORS")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	switch {
	case err != nil:
		return nil, err
	case len(c.CORS) == 0:
		return nil, ErrNoCORS
	}
	return c.CORS, nil
}

// SetCORS replaces the bucket's CORS rules; none removes them. It returns
// ErrInvalidCORS, ErrNoBucket and access.ErrDenied.
//
// Source: Amazon S3 API Reference, PutBucketCors.
func (s *Service) SetCORS(ctx context.Context, who Caller, name string, rules []CORSRule) (err error) {
	call := s.begin(&who, "s3:PutBucketCORS")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return err
	}
	if len(rules) > MaxCORSRules {
		return fail(ErrInvalidCORS, "more than %d rules", MaxCORSRules)
	}
	for i := range rules {
		if err := rules[i].check(); err != nil {
			return err
		}
	}
	return call.Effect(ctx, func() error {
		return s.changeConfig(ctx, c, func(c *config) { c.CORS = rules })
	})
}
