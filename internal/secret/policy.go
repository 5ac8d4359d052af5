package secret

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Policy returns a secret's own policy, "" if it has none.
//
// Source: AWS Secrets Manager API Reference, GetResourcePolicy.
func (s *Service) Policy(ctx context.Context, who access.Caller, ref string) (out Made, source string, err error) {
	call := s.begin(&who, "GetResourcePolicy", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, "", err
	}
	out = r.made()
	doc, err := r.document()
	if err != nil || doc == nil {
		return out, "", err
	}
	return out, doc.Render(s.cfg.Principals.NameOf), nil
}

// SetPolicy replaces a secret's own policy. It returns ErrMalformed, or, if public
// policies are to be blocked, ErrPublicPolicy.
//
// Source: AWS Secrets Manager API Reference, PutResourcePolicy.
func (s *Service) SetPolicy(ctx context.Context, who access.Caller, ref, source string, blockPublic bool) (out Made, err error) {
	call := s.begin(&who, "PutResourcePolicy", ref)
	defer call.End(ctx, &err)
	if blockPublic {
		call.Keys.Set("secretsmanager:BlockPublicPolicy", "true")
	} else {
		call.Keys.Set("secretsmanager:BlockPublicPolicy", "false")
	}
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	doc, err := s.parse(source)
	if err != nil {
		return out, err
	}
	if blockPublic && doc.Public() {
		return out, fail(ErrPublicPolicy, "You can't use this resource policy because it grants broad access to the secret.")
	}
	out = r.made()
	return out, s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Policy, now.Bound = source, doc.Bindings()
		return nil
	})
}

func (s *Service) parse(source string) (*policy.Document, error) {
	if len(source) > MaxPolicyBytes {
		return nil, fail(ErrLimit, "The resource policy has more than 20480 bytes.")
	}
	doc, err := policy.Parse(policy.UseResource, source)
	if err != nil {
		return nil, fail(ErrMalformed, "This resource policy contains a syntax error.")
	}
	if doc, err = doc.Bind(s.cfg.Principals.Identify); err != nil {
		return nil, fail(ErrMalformed, "This resource policy contains an unsupported principal.")
	}
	return doc, nil
}

// RemovePolicy removes a secret's own policy; having none is no error.
//
// Source: AWS Secrets Manager API Reference, DeleteResourcePolicy.
func (s *Service) RemovePolicy(ctx context.Context, who access.Caller, ref string) (out Made, err error) {
	call := s.begin(&who, "DeleteResourcePolicy", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	out = r.made()
	return out, s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		now.Policy, now.Bound = "", nil
		return nil
	})
}

// CheckPolicy says what is wrong with a policy, "" if nothing. ref may be empty.
//
// Source: AWS Secrets Manager API Reference, ValidateResourcePolicy.
func (s *Service) CheckPolicy(ctx context.Context, who access.Caller, ref, source string) (problem string, err error) {
	call := s.begin(&who, "ValidateResourcePolicy", ref)
	defer call.End(ctx, &err)
	if ref == "" {
		err = call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly})
	} else {
		_, err = s.admit(ctx, call, &who, ref)
	}
	if err != nil {
		return "", err
	}
	doc, err := s.parse(source)
	switch {
	case err != nil:
		return err.Error(), nil
	case doc.Public():
		return "The resource policy grants broad access to the secret.", nil
	}
	return "", nil
}
