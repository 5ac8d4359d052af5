package kms

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

func replicateKey(c call, in *kms.ReplicateKeyInput) (*kms.ReplicateKeyOutput, error) {
	out, err := c.ring.Replicate(c.Context, c.who, keyring.ReplicaInput{
		Key: *in.KeyId, Region: *in.ReplicaRegion, Policy: aws.ToString(in.Policy), BypassLockout: in.BypassPolicyLockoutSafetyCheck,
		Description: aws.ToString(in.Description), Tags: domainTags(in.Tags),
	})
	if err != nil {
		return nil, err
	}
	return &kms.ReplicateKeyOutput{ReplicaKeyMetadata: metadata(&out.Metadata), ReplicaPolicy: &out.Policy, ReplicaTags: wireTags(out.Tags)}, nil
}

func updatePrimaryRegion(c call, in *kms.UpdatePrimaryRegionInput) error {
	return c.ring.SetPrimary(c.Context, c.who, *in.KeyId, *in.PrimaryRegion)
}

// multiRegion describes the related keys of the key of this ARN.
func multiRegion(keyARN string, m *keyring.MultiRegion) *types.MultiRegionConfiguration {
	if m == nil {
		return nil
	}
	regional := func(k keyring.RegionalKey) types.MultiRegionKey {
		return types.MultiRegionKey{Arn: &k.ARN, Region: &k.Region}
	}
	primary := regional(m.Primary)
	out := &types.MultiRegionConfiguration{
		MultiRegionKeyType: types.MultiRegionKeyTypeReplica, PrimaryKey: &primary, ReplicaKeys: make([]types.MultiRegionKey, len(m.Replicas)),
	}
	if keyARN == m.Primary.ARN {
		out.MultiRegionKeyType = types.MultiRegionKeyTypePrimary
	}
	for i, k := range m.Replicas {
		out.ReplicaKeys[i] = regional(k)
	}
	return out
}
