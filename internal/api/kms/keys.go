package kms

//lint:file-ignore SA1019 clients still send and read the deprecated CustomerMasterKeySpec

import (
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

func createKey(c call, in *kms.CreateKeyInput) (*kms.CreateKeyOutput, error) {
	spec := keyring.KeySpec(in.KeySpec)
	switch {
	case in.KeySpec != "" && in.CustomerMasterKeySpec != "":
		return nil, invalid("You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.")
	case in.KeySpec == "":
		spec = keyring.KeySpec(in.CustomerMasterKeySpec)
	}
	switch {
	case in.CustomKeyStoreId != nil:
		return nil, unsupported("CustomKeyStoreId is not supported.")
	case in.XksKeyId != nil:
		return nil, unsupported("XksKeyId is not supported.")
	}
	create := keyring.CreateInput{
		Spec: spec, Origin: keyring.Origin(in.Origin), MultiRegion: aws.ToBool(in.MultiRegion), Usage: keyring.KeyUsage(in.KeyUsage), Description: aws.ToString(in.Description),
		Policy: aws.ToString(in.Policy), BypassLockout: in.BypassPolicyLockoutSafetyCheck, Tags: domainTags(in.Tags),
	}
	m, err := c.ring.Create(c.Context, c.who, create)
	if err != nil {
		return nil, err
	}
	return &kms.CreateKeyOutput{KeyMetadata: metadata(&m)}, nil
}

func describeKey(c call, in *kms.DescribeKeyInput) (*kms.DescribeKeyOutput, error) {
	m, err := c.ring.Describe(c.Context, c.who, keyring.Use{Key: *in.KeyId, GrantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	return &kms.DescribeKeyOutput{KeyMetadata: metadata(&m)}, nil
}

func metadata(m *keyring.Metadata) *types.KeyMetadata {
	out := &types.KeyMetadata{
		AWSAccountId:             aws.String(string(m.Account)),
		KeyId:                    aws.String(string(m.ID)),
		Arn:                      aws.String(m.ARN),
		CreationDate:             &m.Created,
		Enabled:                  m.State == keyring.Enabled,
		Description:              aws.String(m.Description),
		KeyUsage:                 types.KeyUsageType(m.Usage),
		KeyState:                 types.KeyState(m.State),
		Origin:                   types.OriginType(m.Origin),
		KeyManager:               types.KeyManagerType(m.Manager),
		CustomerMasterKeySpec:    types.CustomerMasterKeySpec(m.Spec),
		KeySpec:                  types.KeySpec(m.Spec),
		MultiRegion:              aws.Bool(m.Multi != nil),
		MultiRegionConfiguration: multiRegion(m.ARN, m.Multi),
	}
	if !m.Deletion.IsZero() {
		out.DeletionDate = &m.Deletion
	}
	if m.Window != 0 {
		out.PendingDeletionWindowInDays = aws.Int32(int32(m.Window))
	}
	if m.MaterialID != "" {
		out.CurrentKeyMaterialId = aws.String(m.MaterialID)
	}
	out.ExpirationModel = types.ExpirationModelType(m.Expiration)
	if !m.ValidTo.IsZero() {
		out.ValidTo = &m.ValidTo
	}
	a := listAlgorithms(m.Usage, m.Algorithms)
	out.EncryptionAlgorithms, out.SigningAlgorithms = a.encryption, a.signing
	out.MacAlgorithms, out.KeyAgreementAlgorithms = a.mac, a.agreement
	out.EncapsulationAlgorithms = a.kem
	return out
}

// algorithms are a key's algorithms in the one list that suits its usage.
type algorithms struct {
	encryption []types.EncryptionAlgorithmSpec
	signing    []types.SigningAlgorithmSpec
	mac        []types.MacAlgorithmSpec
	kem        []types.EncapsulationAlgorithmSpec
	agreement  []types.KeyAgreementAlgorithmSpec
}

func listAlgorithms(usage keyring.KeyUsage, of []keyring.Algorithm) (a algorithms) {
	switch usage {
	case keyring.EncryptDecrypt:
		a.encryption = spell[types.EncryptionAlgorithmSpec](of)
	case keyring.SignVerify:
		a.signing = spell[types.SigningAlgorithmSpec](of)
	case keyring.MACUsage:
		a.mac = spell[types.MacAlgorithmSpec](of)
	case keyring.EncapsulateDecapsulate:
		a.kem = spell[types.EncapsulationAlgorithmSpec](of)
	case keyring.KeyAgreement:
		a.agreement = spell[types.KeyAgreementAlgorithmSpec](of)
	}
	return a
}

func spell[T, S ~string](of []S) []T {
	out := make([]T, len(of))
	for i, a := range of {
		out[i] = T(a)
	}
	return out
}

func getPublicKey(c call, in *kms.GetPublicKeyInput) (*kms.GetPublicKeyOutput, error) {
	k, err := c.ring.PublicKey(c.Context, c.who, keyring.Use{Key: *in.KeyId, GrantTokens: in.GrantTokens})
	if err != nil {
		return nil, err
	}
	a := listAlgorithms(k.Usage, k.Algorithms)
	return &kms.GetPublicKeyOutput{
		KeyId: &k.KeyARN, PublicKey: k.DER, KeyUsage: types.KeyUsageType(k.Usage),
		KeySpec: types.KeySpec(k.Spec), CustomerMasterKeySpec: types.CustomerMasterKeySpec(k.Spec),
		EncryptionAlgorithms: a.encryption, SigningAlgorithms: a.signing, KeyAgreementAlgorithms: a.agreement,
		EncapsulationAlgorithms: a.kem,
	}, nil
}

func getKeyLastUsage(c call, in *kms.GetKeyLastUsageInput) (*kms.GetKeyLastUsageOutput, error) {
	u, err := c.ring.LastUsage(c.Context, c.who, *in.KeyId)
	if err != nil {
		return nil, err
	}
	// Uses are tracked from the key's creation on.
	out := &kms.GetKeyLastUsageOutput{KeyId: &u.KeyARN, KeyCreationDate: &u.Created, TrackingStartDate: &u.Created}
	if u.Operation != "" {
		out.KeyLastUsage = &types.KeyLastUsageData{
			Operation: types.KeyLastUsageTrackingOperation(u.Operation), Timestamp: &u.At, KmsRequestId: optional(u.RequestID),
			CloudTrailEventId: optional(u.EventID),
		}
	}
	return out, nil
}

func listKeys(c call, in *kms.ListKeysInput) (*kms.ListKeysOutput, error) {
	l, err := c.ring.Keys(c.Context, c.who, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &kms.ListKeysOutput{Keys: make([]types.KeyListEntry, len(l.Items)), Truncated: l.Next != "", NextMarker: optional(l.Next)}
	for i, k := range l.Items {
		out.Keys[i] = types.KeyListEntry{KeyId: aws.String(string(k.ID)), KeyArn: aws.String(k.ARN)}
	}
	return out, nil
}

func page(limit *int32, marker *string) keyring.Page {
	return keyring.Page{Limit: int(aws.ToInt32(limit)), Marker: aws.ToString(marker)}
}

// optional is s, or nil so that the member is left out.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func enableKey(c call, in *kms.EnableKeyInput) error {
	return c.ring.Enable(c.Context, c.who, *in.KeyId)
}

func disableKey(c call, in *kms.DisableKeyInput) error {
	return c.ring.Disable(c.Context, c.who, *in.KeyId)
}

func updateKeyDescription(c call, in *kms.UpdateKeyDescriptionInput) error {
	return c.ring.SetDescription(c.Context, c.who, *in.KeyId, *in.Description)
}

func scheduleKeyDeletion(c call, in *kms.ScheduleKeyDeletionInput) (*kms.ScheduleKeyDeletionOutput, error) {
	d, err := c.ring.ScheduleDeletion(c.Context, c.who, *in.KeyId, int(aws.ToInt32(in.PendingWindowInDays)))
	if err != nil {
		return nil, err
	}
	out := &kms.ScheduleKeyDeletionOutput{KeyId: &d.KeyARN, KeyState: types.KeyState(d.State), PendingWindowInDays: aws.Int32(int32(d.Days))}
	if !d.At.IsZero() {
		out.DeletionDate = &d.At
	}
	return out, nil
}

func cancelKeyDeletion(c call, in *kms.CancelKeyDeletionInput) (*kms.CancelKeyDeletionOutput, error) {
	keyARN, err := c.ring.CancelDeletion(c.Context, c.who, *in.KeyId)
	if err != nil {
		return nil, err
	}
	return &kms.CancelKeyDeletionOutput{KeyId: &keyARN}, nil
}

func getKeyPolicy(c call, in *kms.GetKeyPolicyInput) (*kms.GetKeyPolicyOutput, error) {
	text, err := c.ring.Policy(c.Context, c.who, *in.KeyId, aws.ToString(in.PolicyName))
	if err != nil {
		return nil, err
	}
	return &kms.GetKeyPolicyOutput{Policy: &text, PolicyName: aws.String(keyring.PolicyName)}, nil
}

func putKeyPolicy(c call, in *kms.PutKeyPolicyInput) error {
	return c.ring.SetPolicy(c.Context, c.who, *in.KeyId, aws.ToString(in.PolicyName), *in.Policy, in.BypassPolicyLockoutSafetyCheck)
}

func listKeyPolicies(c call, in *kms.ListKeyPoliciesInput) (*kms.ListKeyPoliciesOutput, error) {
	l, err := c.ring.PolicyNames(c.Context, c.who, *in.KeyId, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	return &kms.ListKeyPoliciesOutput{PolicyNames: l.Items, Truncated: l.Next != "", NextMarker: optional(l.Next)}, nil
}

func tagResource(c call, in *kms.TagResourceInput) error {
	return c.ring.Tag(c.Context, c.who, *in.KeyId, domainTags(in.Tags))
}

func untagResource(c call, in *kms.UntagResourceInput) error {
	return c.ring.Untag(c.Context, c.who, *in.KeyId, slices.Clone(in.TagKeys))
}

func listResourceTags(c call, in *kms.ListResourceTagsInput) (*kms.ListResourceTagsOutput, error) {
	l, err := c.ring.Tags(c.Context, c.who, *in.KeyId, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	return &kms.ListResourceTagsOutput{Tags: wireTags(l.Items), Truncated: l.Next != "", NextMarker: optional(l.Next)}, nil
}

func wireTags(tags []keyring.Tag) []types.Tag {
	out := make([]types.Tag, len(tags))
	for i, t := range tags {
		out[i] = types.Tag{TagKey: aws.String(t.Key), TagValue: aws.String(t.Value)}
	}
	return out
}

func domainTags(tags []types.Tag) []keyring.Tag {
	out := make([]keyring.Tag, len(tags))
	for i, t := range tags {
		out[i] = keyring.Tag{Key: aws.ToString(t.TagKey), Value: aws.ToString(t.TagValue)}
	}
	return out
}

func createAlias(c call, in *kms.CreateAliasInput) error {
	return c.ring.CreateAlias(c.Context, c.who, *in.AliasName, *in.TargetKeyId)
}

func updateAlias(c call, in *kms.UpdateAliasInput) error {
	return c.ring.MoveAlias(c.Context, c.who, *in.AliasName, *in.TargetKeyId)
}

func deleteAlias(c call, in *kms.DeleteAliasInput) error {
	return c.ring.DeleteAlias(c.Context, c.who, *in.AliasName)
}

func listAliases(c call, in *kms.ListAliasesInput) (*kms.ListAliasesOutput, error) {
	l, err := c.ring.Aliases(c.Context, c.who, aws.ToString(in.KeyId), page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &kms.ListAliasesOutput{Aliases: make([]types.AliasListEntry, len(l.Items)), Truncated: l.Next != "", NextMarker: optional(l.Next)}
	for i := range l.Items {
		a := &l.Items[i]
		out.Aliases[i] = types.AliasListEntry{
			AliasName: &a.Name, AliasArn: &a.ARN, TargetKeyId: aws.String(string(a.Target)),
			CreationDate: &a.Created, LastUpdatedDate: &a.Updated,
		}
	}
	return out, nil
}
