package keyring

import (
	"context"
	"slices"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
)

// maxImportDays is how far ahead imported material may expire.
const maxImportDays = 365

// ImportType says whether imported material is new to its key.
type ImportType string

// The import types.
const (
	NewMaterial      ImportType = "NEW_KEY_MATERIAL"
	ExistingMaterial ImportType = "EXISTING_KEY_MATERIAL"
)

// ImportParameters are what key material is to be wrapped with.
type ImportParameters struct {
	KeyARN string
	// Token goes with the material to ImportMaterial.
	Token []byte
	// PublicKey is a SubjectPublicKeyInfo.
	PublicKey []byte
	ValidTo   time.Time
}

// checkExternal says whether the key takes imported material.
func (k *key) checkExternal() error {
	if k.Origin != External {
		return fail(ErrUnsupported, "%s origin is %s which is not valid for this operation.", k.arn, k.Origin)
	}
	return nil
}

// ParametersForImport makes an RSA key pair of the spec to wrap material for a
// key of origin External. The pair is good for a day, and for this key only.
//
// Source: AWS KMS API Reference, GetParametersForImport.
func (r *Ring) ParametersForImport(ctx context.Context, who access.Caller, ref string, algorithm WrappingAlgorithm, spec KeySpec) (out ImportParameters, err error) {
	call := r.begin(&who, opGetParametersForImport)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Note("wrappingAlgorithm", string(algorithm))
	call.Note("wrappingKeySpec", string(spec))
	call.Keys.Set("kms:WrappingAlgorithm", string(algorithm))
	call.Keys.Set("kms:WrappingKeySpec", string(spec))
	k, err := r.admit(call, &who, opGetParametersForImport, ref)
	if err != nil {
		return out, err
	}
	if err := k.checkExternal(); err != nil {
		return out, err
	}
	info := specs[spec]
	if info == nil || info.family != rsaKey {
		return out, fail(ErrInvalid, "%s is no wrapping key spec.", spec)
	}
	if err := k.checkWrapping(algorithm, info.bits); err != nil {
		return out, err
	}
	pair, err := r.pairs.take(info.bits)
	if err != nil {
		return out, err
	}
	expires := toMillis(r.clock.Now().Add(importWindow))
	defer pair.private.Wipe()
	return ImportParameters{
		KeyARN: k.arn, ValidTo: expires.time(), PublicKey: pair.public,
		Token: r.sealImportToken(k.path, wrappings[algorithm].id, expires, pair.private),
	}, nil
}

// ImportInput is key material on its way into a key.
type ImportInput struct {
	Key     string
	Token   []byte
	Wrapped []byte
	// Model is Expires if empty; then ValidTo is at most 365 days ahead.
	Model   ExpirationModel
	ValidTo time.Time
	// Type is NewMaterial if empty and nothing was imported before, else
	// ExistingMaterial.
	Type        ImportType
	Description string
	// MaterialID, which may be empty, is the existing material that it must be.
	MaterialID string
}

// Imported names a key and its material; the id is empty unless the key is
// symmetric.
type Imported struct{ KeyARN, MaterialID string }

// ImportMaterial gives a key of origin External its material, or material that
// it had before. A symmetric key takes new material too, which becomes current
// by RotateNow. The key is Enabled once all its material is there.
//
// It returns ErrImportToken or ErrImportTokenExpired about the token,
// ErrInvalidCiphertext about material that does not unwrap, and
// ErrIncorrectMaterial about material that does not suit the key.
//
// Source: AWS KMS API Reference, ImportKeyMaterial.
func (r *Ring) ImportMaterial(ctx context.Context, who access.Caller, in ImportInput) (out Imported, err error) {
	call := r.begin(&who, opImportKeyMaterial)
	defer call.End(ctx, &err)
	if in.Model == "" {
		in.Model = Expires
	}
	in.note(call)
	k, err := r.admit(call, &who, opImportKeyMaterial, in.Key)
	if err != nil {
		return out, err
	}
	if err := k.checkExternal(); err != nil {
		return out, err
	}
	now := r.clock.Now()
	if err := in.check(k, now); err != nil {
		return out, err
	}
	token, err := r.openImportToken(k.path, in.Token, now)
	if err != nil {
		return out, err
	}
	secret, err := token.open(in.Wrapped)
	if err != nil {
		return out, err
	}
	defer secret.Wipe()
	material, err := k.spec.adopt(secret)
	if err != nil {
		return out, err
	}
	defer material.Wipe()
	added := importRecord{Material: materialID(k.id, material), Description: in.Description, ValidTo: toMillis(in.ValidTo)}
	if in.MaterialID != "" && in.MaterialID != added.Material {
		return out, fail(ErrIncorrectMaterial, "")
	}
	add := func(rec *keyRecord) error {
		return rec.addImport(k.path, k.spec.family == symmetricKey, added, in.Type)
	}
	trial := k.keyRecord
	trial.Imports = slices.Clone(trial.Imports)
	if err := add(&trial); err != nil {
		return out, err
	}
	k.noteOutcome(call, added.Material)
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opImportKeyMaterial, func(c *change, rec *keyRecord) error {
			if err := add(rec); err != nil {
				return err
			}
			if err := c.shareImports(k.path, rec); err != nil {
				return err
			}
			return r.putMaterial(c, k.path, added.Material, material, toMillis(now))
		})
	})
	return k.outcome(added.Material), err
}

// noteOutcome says which material of a symmetric key came or went.
func (k *key) noteOutcome(call *access.Call, material string) {
	if done := k.outcome(material); done.MaterialID != "" {
		call.NoteAnswer(materialNote, done.MaterialID)
	}
}

func (k *key) outcome(material string) Imported {
	if k.spec.family != symmetricKey {
		material = ""
	}
	return Imported{k.arn, material}
}

func (in *ImportInput) note(call *access.Call) {
	call.Note("keyId", in.Key)
	call.Note("expirationModel", string(in.Model))
	call.Keys.Set("kms:ExpirationModel", string(in.Model))
	if !in.ValidTo.IsZero() {
		validTo := in.ValidTo.UTC().Format(time.RFC3339)
		call.Note("validTo", validTo)
		call.Keys.Set("kms:ValidTo", validTo)
	}
	if in.Type != "" {
		call.Note("importType", string(in.Type))
	}
	if in.Description != "" {
		call.Note("keyMaterialDescription", in.Description)
	}
}

func (in *ImportInput) check(k *key, now time.Time) error {
	switch {
	case in.Model == DoesNotExpire && !in.ValidTo.IsZero():
		return fail(ErrInvalid, "A validTo date cannot be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE")
	case in.Model == DoesNotExpire:
	case in.ValidTo.IsZero():
		return fail(ErrInvalid, "A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES")
	case !in.ValidTo.After(now), in.ValidTo.After(now.AddDate(0, 0, maxImportDays)):
		return fail(ErrInvalid, "The validTo date must be in the future, by no more than %d days.", maxImportDays)
	}
	if in.MaterialID != "" && in.Type == NewMaterial {
		return fail(ErrInvalid, "KeyMaterialId cannot be set if the ImportType is NEW_KEY_MATERIAL")
	}
	if in.MaterialID != "" && k.spec.family != symmetricKey {
		return fail(ErrInvalid, "KeyMaterialId is valid only for symmetric encryption keys, and %s has the key spec %s.", k.arn, k.Spec)
	}
	return nil
}

// DeleteImported deletes material of a key of origin External: the one of that
// id, or the current one. Unless it was only waiting for its rotation, the key
// is PendingImport until the same material is imported again. Deleting what is
// not there does nothing.
//
// Source: AWS KMS API Reference, DeleteImportedKeyMaterial.
func (r *Ring) DeleteImported(ctx context.Context, who access.Caller, ref, material string) (out Imported, err error) {
	call := r.begin(&who, opDeleteImportedKeyMaterial)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if material != "" {
		call.Note("keyMaterialId", material)
	}
	k, err := r.admit(call, &who, opDeleteImportedKeyMaterial, ref)
	if err != nil {
		return out, err
	}
	if err := k.checkExternal(); err != nil {
		return out, err
	}
	switch {
	case material == "" && len(k.Materials) == 0:
		return k.outcome(""), nil
	case material == "":
		material = k.current().id
	case k.imported(material) == nil:
		return out, fail(ErrNotFound, "Key material %s of %s does not exist", material, k.arn)
	}
	k.noteOutcome(call, material)
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opDeleteImportedKeyMaterial, func(c *change, rec *keyRecord) error {
			return c.dropMaterial(k.path, rec, material)
		})
	})
	return k.outcome(material), err
}

// dropMaterial deletes imported material, if it is there.
func (c *change) dropMaterial(p path, rec *keyRecord, material string) error {
	if !rec.dropImport(p, material) {
		return nil
	}
	if err := c.shareImports(p, rec); err != nil {
		return err
	}
	return c.Delete(materialSpace, p.materialName(material))
}

// expire deletes what expires at a moment.
func (c *change) expire(p path, rec *keyRecord, at millis) error {
	for _, i := range slices.Clone(rec.Imports) {
		if i.ValidTo == at {
			if err := c.dropMaterial(p, rec, i.Material); err != nil {
				return err
			}
		}
	}
	return c.putKey(p, rec)
}
