package keyring

import (
	"context"
	"encoding/binary"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// CreateInput says what key to make. Its zero value is a symmetric key with the
// default policy.
type CreateInput struct {
	// Spec is Symmetric if empty.
	Spec KeySpec
	// Origin is FromKMS if empty. An External key waits for its material.
	Origin Origin
	// MultiRegion keys can be replicated into other regions.
	MultiRegion bool
	// Usage may be empty for symmetric keys only.
	Usage       KeyUsage
	Description string
	// Policy is the key policy; empty means DefaultPolicy.
	Policy string
	// BypassLockout lets a policy through that locks its author out.
	BypassLockout bool
	Tags          []Tag
	// ID is that of the key, if it is not to be drawn: a service that may have to
	// repeat a call knows by it what the first one made.
	ID KeyID
}

// Create makes a key and its first material. It returns ErrInvalid about spec
// and usage, ErrUnsupported about specs that this Ring lacks, ErrMalformedPolicy,
// ErrLimit about a policy of more than MaxPolicyBytes, ErrTag, ErrExists about an
// ID that a key has, and access.ErrDenied.
//
// Source: AWS KMS API Reference, CreateKey.
func (r *Ring) Create(ctx context.Context, who access.Caller, in CreateInput) (m Metadata, err error) {
	r.calls.Add(1)
	call := r.gate.Begin(who, "kms:CreateKey")
	defer call.End(ctx, &err)
	spec := in.settle()
	in.note(call)
	if len(in.Tags) > MaxTagsPerKey {
		return m, fail(ErrTag, "Too many tags")
	}
	if err := r.permitCreation(call, &in); err != nil {
		return m, err
	}
	if err := in.check(&who, spec); err != nil {
		return m, err
	}
	p, err := r.nameNew(&who, &in)
	if err != nil {
		return m, err
	}
	if in.Policy == "" {
		in.Policy = DefaultPolicy(p.account)
	}
	principals, err := r.checkPolicy(call, p, in.Policy, in.BypassLockout)
	if err != nil {
		return m, err
	}
	rec := in.record(p, principals, r.clock.Now())
	put := (*change).putKey
	if in.Origin != External {
		secret, err := r.generate(spec)
		if err != nil {
			return m, fmt.Errorf("make material of %s: %w", in.Spec, err)
		}
		defer secret.Wipe()
		put = func(c *change, p path, rec *keyRecord) error { return r.putNew(c, p, rec, secret) }
	}
	call.On(p.arn())
	err = call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			if err := c.free(p); err != nil {
				return err
			}
			return put(c, p, rec)
		})
	})
	if err != nil {
		return m, err
	}
	return r.index.key(p.region, p.id).metadata(r.clock.Now()), nil
}

// settle fills in what was left to the default, and returns what the spec is; nil if
// there is none of that name.
func (in *CreateInput) settle() *specInfo {
	if in.Spec == "" {
		in.Spec = Symmetric
	}
	if in.Origin == "" {
		in.Origin = FromKMS
	}
	spec := specs[in.Spec]
	if in.Usage == "" && spec != nil && spec.implied {
		in.Usage = spec.uses[0].usage
	}
	return spec
}

// record is the record of the new key at p.
func (in *CreateInput) record(p path, principals map[string]string, now time.Time) *keyRecord {
	rec := &keyRecord{
		Created: toMillis(now), Spec: in.Spec, Usage: in.Usage, Origin: in.Origin, Manager: Customer,
		State: Enabled, Description: in.Description, Policy: in.Policy, Principals: principals, Tags: in.Tags,
	}
	if in.Origin == External {
		rec.State = PendingImport
	}
	if in.MultiRegion {
		rec.Multi = &multiRecord{Primary: p.region}
	}
	return rec
}

// nameNew names the key that is to be made, if there may be one more and none has
// the id.
func (r *Ring) nameNew(who *access.Caller, in *CreateInput) (path, error) {
	p, err := r.newPath(who)
	if err != nil {
		return p, err
	}
	if err := r.checkQuota(p.realm); err != nil {
		return p, err
	}
	switch {
	case in.ID == "" && in.MultiRegion:
		p.id = multiRegionID(p.id)
	case in.ID == "":
	case !validKeyID(string(in.ID)):
		return p, fail(ErrInvalid, "%.64q is no key id.", in.ID)
	default:
		if p.id = in.ID; r.index.key(p.region, p.id) != nil {
			return p, keyExists(p)
		}
	}
	return p, nil
}

// checkQuota says whether there may be one more key. It counts those that this
// node has seen, so that several nodes together may pass the limit by a few.
func (r *Ring) checkQuota(m realm) error {
	if r.index.count(m).Load() >= int64(r.maxKeys) {
		return fail(ErrLimit, "The account %s has %d keys in %s, which is the limit.", m.account, r.maxKeys, m.region)
	}
	return nil
}

// newPath names a key that is to be made for who.
func (r *Ring) newPath(who *access.Caller) (path, error) {
	if who.Account() == "" || !validRegion(who.Region) {
		return path{}, fail(ErrInvalid, "Keys belong to an account and a region; %.64q is no region, or the caller has no account.", who.Region)
	}
	return path{realm{who.Account(), who.Region}, newKeyID(r.clock.Now())}, nil
}

// newKeyID is a UUID of version 4, as clients expect of a key id, but its first
// 32 bits are the low ones of the moment in milliseconds, so that keys made one
// after the other are neighbours in the store: each commit then changes a few
// pages, not one of a large tree for every key. Nothing stands above those bits,
// since clients tell keys apart by the first eight digits: step names an alias
// by them. 90 bits are random.
func newKeyID(now time.Time) KeyID {
	id := uuid.New()
	binary.BigEndian.PutUint32(id[:4], uint32(now.UnixMilli()))
	return KeyID(id.String())
}

// putNew writes a key and its first material.
func (r *Ring) putNew(c *change, p path, rec *keyRecord, secret sealed.Secret) error {
	id := materialID(p.id, secret)
	if err := r.putMaterial(c, p, id, secret, rec.Created); err != nil {
		return err
	}
	rec.Materials = []string{id}
	return c.putKey(p, rec)
}

// putMaterial writes one version of a key's material.
func (r *Ring) putMaterial(c *change, p path, id string, secret sealed.Secret, now millis) error {
	name := p.materialName(id)
	return c.Put(materialSpace, name, encode(materialRecord{Created: now, Wrapped: r.domain.Wrap(materialPurpose, name, secret)}))
}

func (in *CreateInput) note(call *access.Call) {
	call.Note("keySpec", string(in.Spec))
	call.Note("keyUsage", string(in.Usage))
	call.Note("origin", string(in.Origin))
	call.Note("multiRegion", strconv.FormatBool(in.MultiRegion))
	if in.Description != "" {
		call.Note("description", in.Description)
	}
	notePolicy(call, in.Policy)
	call.Note("bypassPolicyLockoutSafetyCheck", strconv.FormatBool(in.BypassLockout))
}

func (r *Ring) permitCreation(call *access.Call, in *CreateInput) error {
	c := &call.Keys
	c.Set("kms:KeySpec", string(in.Spec))
	c.Set("kms:CustomerMasterKeySpec", string(in.Spec))
	c.Set("kms:KeyUsage", string(in.Usage))
	c.Set("kms:CustomerMasterKeyUsage", string(in.Usage))
	c.Set("kms:KeyOrigin", string(in.Origin))
	c.Set("kms:MultiRegion", strconv.FormatBool(in.MultiRegion))
	if in.MultiRegion {
		c.Set("kms:MultiRegionKeyType", "PRIMARY")
	}
	if in.BypassLockout {
		c.Set("kms:BypassPolicyLockoutSafetyCheck", "true")
	}
	setTagConditions(c, in.Tags)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return err
	}
	if len(in.Tags) == 0 {
		return nil
	}
	return call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly, Action: "kms:TagResource"})
}

func (in *CreateInput) check(who *access.Caller, spec *specInfo) error {
	switch {
	case spec == nil:
		return fail(ErrUnsupported, "KeySpec %s is not supported.", in.Spec)
	case in.Origin != FromKMS && in.Origin != External:
		return fail(ErrUnsupported, "Origin %s is not supported.", in.Origin)
	case in.Origin == External && !spec.secret() && spec.bytes > 0:
		return fail(ErrUnsupported, "Origin %s is not supported for the KeySpec %s.", in.Origin, in.Spec)
	case in.Usage == "":
		return fail(ErrInvalid, "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.")
	case spec.algorithms(in.Usage) == nil:
		return fail(ErrInvalid, "KeyUsage %s is not compatible with KeySpec %s", in.Usage, in.Spec)
	}
	return checkTags(who, in.Tags)
}
