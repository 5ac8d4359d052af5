package keyring

import (
	"context"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// multiRecord says where the related keys of a multi-Region key are: keys with
// one id, one account and the same material. All their records say the same.
type multiRecord struct {
	Primary  string   `json:"primary"`            // a region
	Replicas []string `json:"replicas,omitempty"` // regions, ascending
}

// MultiRegion describes the related keys of a multi-Region key by their ARNs
// and regions.
type MultiRegion struct {
	Primary  RegionalKey
	Replicas []RegionalKey
}

// RegionalKey is one of several related keys.
type RegionalKey struct{ ARN, Region string }

func (k *key) multiRegion() *MultiRegion {
	if k.Multi == nil {
		return nil
	}
	in := func(region string) RegionalKey { return RegionalKey{k.in(region).arn(), region} }
	m := &MultiRegion{Primary: in(k.Multi.Primary)}
	for _, region := range k.Multi.Replicas {
		m.Replicas = append(m.Replicas, in(region))
	}
	return m
}

// in is the path of a related key.
func (p path) in(region string) path {
	p.region = region
	return p
}

// multiRegionID makes a key id into one that is good in every region.
func multiRegionID(id KeyID) KeyID {
	return KeyID("mrk-" + strings.ReplaceAll(string(id), "-", ""))
}

// primaryAt reports whether the record at p decides for its related keys: all
// but replicas do.
func (rec *keyRecord) primaryAt(p path) bool {
	return rec.Multi == nil || rec.Multi.Primary == p.region
}

// checkPrimary says whether what the related keys share can be changed at p.
func (rec *keyRecord) checkPrimary(p path) error {
	if !rec.primaryAt(p) {
		return notPrimary(p)
	}
	return nil
}

func notPrimary(p path) error {
	return fail(ErrUnsupported, "%s is not a multi-region primary key.", p.arn())
}

// primary is the key that decides for k, which may be k itself.
func (r *Ring) primary(k *key) *key {
	if k.Multi != nil {
		if p := r.index.key(k.Multi.Primary, k.id); p != nil {
			return p
		}
	}
	return k
}

// related changes the other keys that are related to the one at p.
func (c *change) related(p path, rec *keyRecord, fn func(p path, rec *keyRecord) error) error {
	if rec.Multi == nil {
		return nil
	}
	for _, region := range append([]string{rec.Multi.Primary}, rec.Multi.Replicas...) {
		if region == p.region {
			continue
		}
		other, err := c.get(p.in(region))
		if err != nil {
			return err
		}
		if err := fn(p.in(region), other); err != nil {
			return err
		}
		if err := c.putKey(p.in(region), other); err != nil {
			return err
		}
	}
	return nil
}

// ReplicaInput says how a replica is to differ from its primary key.
type ReplicaInput struct {
	Key           string
	Region        string
	Policy        string // empty means DefaultPolicy
	BypassLockout bool
	Description   string
	Tags          []Tag
}

// describe fills in the condition keys about what the request asks for.
func (in *ReplicaInput) describe(keys *policy.Context) {
	keys.Set("kms:ReplicaRegion", in.Region)
	if in.BypassLockout {
		keys.Set("kms:BypassPolicyLockoutSafetyCheck", "true")
	}
	setTagConditions(keys, in.Tags)
}

// Replica is a key that Replicate made, with its policy and tags. Its state
// reads Creating, as that of every replica at first.
type Replica struct {
	Metadata
	Policy string
	Tags   []Tag
}

// Replicate makes a related key of a multi-Region primary key in another
// region: with the same id and material, and a policy, tags and state of its
// own. The caller needs kms:ReplicateKey on the primary key, and what Create
// needs. A replica of an External key waits for its material. It returns
// ErrExists when the region has a related key.
//
// Source: AWS KMS API Reference, ReplicateKey.
func (r *Ring) Replicate(ctx context.Context, who access.Caller, in ReplicaInput) (out Replica, err error) {
	call := r.begin(&who, opReplicateKey)
	defer call.End(ctx, &err)
	call.Note("keyId", in.Key)
	call.Note("replicaRegion", in.Region)
	notePolicy(call, in.Policy)
	if len(in.Tags) > MaxTagsPerKey {
		return out, fail(ErrTag, "Too many tags")
	}
	in.describe(&call.Keys)
	k, err := r.admit(call, &who, opReplicateKey, in.Key)
	if err != nil {
		return out, err
	}
	call.ResetKeys() // they told of the primary key
	in.describe(&call.Keys)
	for _, action := range []policy.Action{"kms:CreateKey", "kms:TagResource"} {
		if action == "kms:TagResource" && len(in.Tags) == 0 {
			continue
		}
		if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly, Action: action}); err != nil {
			return out, err
		}
	}
	if k.Multi == nil || k.Multi.Primary != k.region {
		return out, notPrimary(k.path)
	}
	if !validRegion(in.Region) {
		return out, fail(ErrInvalid, "%.64q is no region.", in.Region)
	}
	to := k.in(in.Region)
	if in.Region == k.region || slices.Contains(k.Multi.Replicas, in.Region) {
		return out, keyExists(to)
	}
	if err := checkTags(&who, in.Tags); err != nil {
		return out, err
	}
	if err := r.checkQuota(to.realm); err != nil {
		return out, err
	}
	if in.Policy == "" {
		in.Policy = DefaultPolicy(k.account)
	}
	principals, err := r.checkPolicy(call, to, in.Policy, in.BypassLockout)
	if err != nil {
		return out, err
	}
	call.On(to.arn())
	now := toMillis(r.clock.Now())
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opReplicateKey, func(c *change, rec *keyRecord) error {
			return r.replicate(c, k.path, rec, &in, principals, now)
		})
	})
	if err != nil {
		return out, err
	}
	out = Replica{r.index.key(to.region, to.id).metadata(r.clock.Now()), in.Policy, in.Tags}
	out.State, out.MaterialID, out.Expiration = Creating, "", ""
	return out, nil
}

// replicate makes the replica of the primary key at p.
func (r *Ring) replicate(c *change, p path, rec *keyRecord, in *ReplicaInput, principals map[string]string, now millis) error {
	if err := rec.checkPrimary(p); err != nil {
		return err
	}
	to := p.in(in.Region)
	if err := c.free(to); err != nil {
		return err
	}
	multi := &multiRecord{Primary: p.region, Replicas: with(rec.Multi.Replicas, in.Region)}
	err := c.related(p, rec, func(_ path, other *keyRecord) error {
		other.Multi = multi
		return nil
	})
	if err != nil {
		return err
	}
	rec.Multi = multi
	replica := &keyRecord{
		Created: now, Spec: rec.Spec, Usage: rec.Usage, Origin: rec.Origin, Manager: rec.Manager, State: Enabled,
		Description: in.Description, Policy: in.Policy, Principals: principals, Tags: in.Tags, Multi: rec.Multi,
		Materials: rec.Materials, Rotated: rec.Rotated, Pending: rec.Pending,
	}
	if rec.Origin == External {
		replica.State = PendingImport
		for _, i := range rec.Imports {
			replica.Imports = append(replica.Imports, importRecord{Material: i.Material, Missing: true})
		}
	} else {
		for _, id := range rec.Materials {
			if err := r.copyMaterial(c, p, to, id); err != nil {
				return err
			}
		}
	}
	return c.putKey(to, replica)
}

// copyMaterial wraps a key's material anew for a related key.
func (r *Ring) copyMaterial(c *change, from, to path, id string) error {
	rec, err := getMaterial(c, from.materialName(id))
	if err != nil {
		return err
	}
	secret, err := r.domain.Unwrap(materialPurpose, from.materialName(id), rec.Wrapped)
	if err != nil {
		return err
	}
	defer secret.Wipe()
	return r.putMaterial(c, to, id, secret, rec.Created)
}

// shareMaterial gives the related keys what has just become the key's current
// material. Without a secret it is imported, and there already.
func (r *Ring) shareMaterial(c *change, p path, rec *keyRecord, id string, secret sealed.Secret, now millis) error {
	return c.related(p, rec, func(at path, other *keyRecord) error {
		other.Materials, other.Rotated, other.Pending = rec.Materials, rec.Rotated, ""
		if rec.Origin != External {
			return r.putMaterial(c, at, id, secret, now)
		}
		if i := other.imported(id); i == nil || i.Missing {
			return fail(ErrInvalidState, "Key material %s of %s has to be imported into %s before it is rotated.", id, p.arn(), at.arn())
		}
		return nil
	})
}

// shareImports tells the replicas which material the primary key has, so that
// it can be imported there, or that its pending material is forgotten.
func (c *change) shareImports(p path, rec *keyRecord) error {
	if !rec.primaryAt(p) {
		return nil
	}
	return c.related(p, rec, func(at path, other *keyRecord) error {
		if other.Pending != "" && other.Pending != rec.Pending {
			if err := c.Delete(materialSpace, at.materialName(other.Pending)); err != nil {
				return err
			}
		}
		var known []importRecord
		for _, i := range rec.Imports {
			if old := other.imported(i.Material); old != nil {
				known = append(known, *old)
			} else {
				known = append(known, importRecord{Material: i.Material, Missing: true})
			}
		}
		other.Imports, other.Materials, other.Pending = known, rec.Materials, rec.Pending
		other.settle()
		return nil
	})
}

// SetPrimary makes the related key in another region the primary one, with the
// rotation that the old one had. The caller needs kms:UpdatePrimaryRegion on
// both keys.
//
// Source: AWS KMS API Reference, UpdatePrimaryRegion.
func (r *Ring) SetPrimary(ctx context.Context, who access.Caller, ref, region string) (err error) {
	call := r.begin(&who, opUpdatePrimaryRegion)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Note("primaryRegion", region)
	call.Keys.Set("kms:PrimaryRegion", region)
	k, err := r.admit(call, &who, opUpdatePrimaryRegion, ref)
	if err != nil {
		return err
	}
	if k.Multi == nil || k.Multi.Primary != k.region {
		return notPrimary(k.path)
	}
	if region == k.region {
		return fail(ErrUnsupported, "%s is the primary key already.", k.arn)
	}
	call.ResetKeys()
	call.Keys.Set("kms:PrimaryRegion", region)
	next, err := r.admitTarget(call, &who, opUpdatePrimaryRegion, r.keyTarget(k.in(region)))
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opUpdatePrimaryRegion, func(c *change, rec *keyRecord) error {
			if err := rec.checkPrimary(k.path); err != nil {
				return err
			}
			if _, err := c.key(next.path, opUpdatePrimaryRegion); err != nil {
				return err
			}
			multi := &multiRecord{Primary: region, Replicas: with(without(rec.Multi.Replicas, region), k.region)}
			err := c.related(k.path, rec, func(at path, other *keyRecord) error {
				other.Multi = multi
				if at.region == region {
					other.Rotation = rec.Rotation
				}
				return nil
			})
			rec.Multi, rec.Rotation = multi, nil
			return err
		})
	})
}

// leave takes a key that is destroyed out of the records of its related keys. A
// primary key that waited for its last replica begins its own waiting period.
func (c *change) leave(p path, rec *keyRecord, now millis) error {
	if rec.Multi == nil {
		return nil
	}
	multi := &multiRecord{Primary: rec.Multi.Primary, Replicas: without(rec.Multi.Replicas, p.region)}
	return c.related(p, rec, func(_ path, other *keyRecord) error {
		other.Multi = multi
		if other.State == PendingReplicaDeletion && len(multi.Replicas) == 0 {
			other.State, other.Deletion, other.Window = PendingDeletion, toMillis(now.time().AddDate(0, 0, other.Window)), 0
		}
		return nil
	})
}
