package iam

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

// noneOfUser answers a list of credentials that no user has here with empty.
func (s *service) noneOfUser(operation string, empty any) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		name := f.Given("UserName")
		_, _ = pageOf(f), f.Given("ServiceName") // of nothing
		return func(ctx context.Context, who access.Caller) (any, error) {
			return empty, s.admin.NoneOfUser(ctx, who, policy.Action("iam:"+operation), name)
		}
	}
}

// noneOfAccount is noneOfUser for what an account has.
func (s *service) noneOfAccount(operation string, empty any) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		_, _ = pageOf(f), f.Given("PathPrefix") // of nothing
		return func(ctx context.Context, who access.Caller) (any, error) {
			return empty, s.admin.NoneOfAccount(ctx, who, policy.Action("iam:"+operation))
		}
	}
}

func (s *service) noLoginProfile(operation string) querydoor.Operation {
	return func(f query.Form) querydoor.Run {
		name := f.Given("UserName")
		return done(func(ctx context.Context, who access.Caller) error {
			return s.admin.NoLoginProfile(ctx, who, policy.Action("iam:"+operation), name)
		})
	}
}

func (s *service) getAccountPasswordPolicy(query.Form) querydoor.Run {
	return done(s.admin.NoPasswordPolicy)
}

// The answers that there is nothing. Of a list only its name differs.
type (
	noSSHPublicKeys struct {
		SSHPublicKeys query.List[string]
		cut
	}
	noCertificates struct {
		Certificates query.List[string]
		cut
	}
	noServiceCredentials struct {
		ServiceSpecificCredentials query.List[string]
		cut
	}
	noServerCertificates struct {
		ServerCertificateMetadataList query.List[string]
		cut
	}
	noOpenIDProviders struct{ OpenIDConnectProviderList query.List[string] }
	noSAMLProviders   struct{ SAMLProviderList query.List[string] }
)
