package kms

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

func enableKeyRotation(c call, in *kms.EnableKeyRotationInput) error {
	return c.ring.EnableRotation(c.Context, c.who, *in.KeyId, int(aws.ToInt32(in.RotationPeriodInDays)))
}

func disableKeyRotation(c call, in *kms.DisableKeyRotationInput) error {
	return c.ring.DisableRotation(c.Context, c.who, *in.KeyId)
}

func getKeyRotationStatus(c call, in *kms.GetKeyRotationStatusInput) (*kms.GetKeyRotationStatusOutput, error) {
	s, err := c.ring.RotationStatus(c.Context, c.who, *in.KeyId)
	if err != nil {
		return nil, err
	}
	out := &kms.GetKeyRotationStatusOutput{KeyId: &s.KeyARN, KeyRotationEnabled: s.Enabled}
	if s.Enabled {
		out.RotationPeriodInDays, out.NextRotationDate = aws.Int32(int32(s.Days)), &s.Next
	}
	return out, nil
}

func rotateKeyOnDemand(c call, in *kms.RotateKeyOnDemandInput) (*kms.RotateKeyOnDemandOutput, error) {
	keyARN, err := c.ring.RotateNow(c.Context, c.who, *in.KeyId)
	if err != nil {
		return nil, err
	}
	return &kms.RotateKeyOnDemandOutput{KeyId: &keyARN}, nil
}

func listKeyRotations(c call, in *kms.ListKeyRotationsInput) (*kms.ListKeyRotationsOutput, error) {
	all := in.IncludeKeyMaterial == types.IncludeKeyMaterialAllKeyMaterial
	l, err := c.ring.Rotations(c.Context, c.who, *in.KeyId, all, page(in.Limit, in.Marker))
	if err != nil {
		return nil, err
	}
	out := &kms.ListKeyRotationsOutput{Rotations: make([]types.RotationsListEntry, len(l.Items)), Truncated: l.Next != "", NextMarker: optional(l.Next)}
	for i := range l.Items {
		r := &l.Items[i]
		entry := types.RotationsListEntry{
			KeyId: aws.String(string(r.KeyID)), KeyMaterialId: &r.MaterialID, KeyMaterialState: types.KeyMaterialState(r.State),
			RotationType: types.RotationType(r.Kind), ExpirationModel: types.ExpirationModelType(r.Expiration),
			KeyMaterialDescription: optional(r.Description),
		}
		if r.Imported {
			entry.ImportState = types.ImportStateImported
		}
		if r.Missing {
			entry.ImportState = types.ImportStatePendingImport
		}
		if !r.ValidTo.IsZero() {
			entry.ValidTo = &r.ValidTo
		}
		if !r.At.IsZero() {
			entry.RotationDate = &r.At
		}
		out.Rotations[i] = entry
	}
	return out, nil
}
