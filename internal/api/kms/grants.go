package kms

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

func createGrant(c call, in *kms.CreateGrantInput) (*kms.CreateGrantOutput, error) {
	switch {
	case in.GranteeServicePrincipal != nil:
		return nil, unsupported("GranteeServicePrincipal is not supported.")
	case in.RetiringServicePrincipal != nil:
		return nil, unsupported("RetiringServicePrincipal is not supported.")
	case in.GranteePrincipal == nil:
		return nil, missing("granteePrincipal")
	}
	grant := keyring.GrantInput{
		Key: *in.KeyId, Grantee: *in.GranteePrincipal, Retiring: aws.ToString(in.RetiringPrincipal),
		Operations: make([]keyring.GrantOperation, len(in.Operations)), Name: aws.ToString(in.Name),
		GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}
	for i, op := range in.Operations {
		grant.Operations[i] = keyring.GrantOperation(op)
	}
	if limits := in.Constraints; limits != nil {
		if limits.SourceArn != nil {
			return nil, unsupported("SourceArn is not supported.")
		}
		grant.Constraints = keyring.GrantConstraints{Equals: limits.EncryptionContextEquals, Subset: limits.EncryptionContextSubset}
	}
	id, token, err := c.ring.CreateGrant(c.Context, c.who, grant)
	if err != nil {
		return nil, err
	}
	return &kms.CreateGrantOutput{GrantId: &id, GrantToken: &token}, nil
}

func retireGrant(c call, in *kms.RetireGrantInput) error {
	return c.ring.RetireGrant(c.Context, c.who, aws.ToString(in.GrantToken), aws.ToString(in.KeyId), aws.ToString(in.GrantId), aws.ToBool(in.DryRun))
}

func revokeGrant(c call, in *kms.RevokeGrantInput) error {
	return c.ring.RevokeGrant(c.Context, c.who, *in.KeyId, *in.GrantId, aws.ToBool(in.DryRun))
}

func listGrants(c call, in *kms.ListGrantsInput) (*kms.ListGrantsOutput, error) {
	if in.GranteeServicePrincipal != nil {
		return nil, unsupported("GranteeServicePrincipal is not supported.")
	}
	of := keyring.GrantFilter{ID: aws.ToString(in.GrantId), Grantee: aws.ToString(in.GranteePrincipal)}
	l, err := c.ring.Grants(c.Context, c.who, *in.KeyId, of, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	return &kms.ListGrantsOutput{Grants: grantEntries(l.Items), Truncated: l.Next != "", NextMarker: optional(l.Next)}, nil
}

func listRetirableGrants(c call, in *kms.ListRetirableGrantsInput) (*kms.ListRetirableGrantsOutput, error) {
	switch {
	case in.RetiringServicePrincipal != nil:
		return nil, unsupported("RetiringServicePrincipal is not supported.")
	case in.RetiringPrincipal == nil:
		return nil, missing("retiringPrincipal")
	}
	l, err := c.ring.RetirableGrants(c.Context, c.who, *in.RetiringPrincipal, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	return &kms.ListRetirableGrantsOutput{Grants: grantEntries(l.Items), Truncated: l.Next != "", NextMarker: optional(l.Next)}, nil
}

func grantEntries(grants []keyring.Grant) []types.GrantListEntry {
	out := make([]types.GrantListEntry, len(grants))
	for i := range grants {
		g := &grants[i]
		out[i] = types.GrantListEntry{
			GrantId: &g.ID, KeyId: &g.KeyARN, Name: &g.Name, CreationDate: &g.Created,
			GranteePrincipal: &g.Grantee, RetiringPrincipal: optional(g.Retiring),
			IssuingAccount: aws.String(arn.Root(g.IssuingAccount).String()),
			Operations:     spell[types.GrantOperation](g.Operations),
		}
		if c := &g.Constraints; len(c.Equals)+len(c.Subset) > 0 {
			out[i].Constraints = &types.GrantConstraints{EncryptionContextEquals: c.Equals, EncryptionContextSubset: c.Subset}
		}
	}
	return out
}
