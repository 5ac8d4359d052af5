package keyring

import (
	"context"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Alias is a name of a key.
type Alias struct {
	Name    string // "alias/…"
	ARN     string // of the alias
	Target  KeyID
	Created time.Time
	Updated time.Time
}

func (rec *aliasRecord) alias(m realm, name string) Alias {
	return Alias{
		Name: name, ARN: kmsARN(m.region, m.account, name), Target: rec.Target,
		Created: rec.Created.time(), Updated: rec.Updated.time(),
	}
}

// checkAliasName says whether name may be a caller's alias.
func checkAliasName(name string) error {
	rest, ok := strings.CutPrefix(name, AliasPrefix)
	switch {
	case !ok:
		return fail(ErrInvalid, `Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html`)
	case strings.HasPrefix(name, reservedPrefix):
		return fail(ErrReserved, "")
	case rest == "":
		return fail(ErrInvalid, "Invalid identifier")
	case len(name) > 256 || strings.ContainsFunc(rest, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '/' && c != '_' && c != '-'
	}):
		return fail(ErrInvalid, "%s contains invalid characters for an alias", name)
	}
	return nil
}

// aliasTarget resolves the key that an alias is to point to.
func (r *Ring) resolveAliasTarget(who *access.Caller, op operation, ref string) (target, error) {
	if strings.HasPrefix(ref, AliasPrefix) || strings.Contains(ref, ":"+AliasPrefix) {
		return target{}, fail(ErrInvalid, "Aliases must refer to keys. Not aliases")
	}
	return r.resolve(who, op, ref)
}

func (r *Ring) permitAlias(call *access.Call, m realm, name string) error {
	return call.Decide(access.Target{ARN: kmsARN(m.region, m.account, name), Rule: policy.IdentityOnly})
}

// CreateAlias gives a key of the caller's account one more name. It needs the
// permission on the alias and on the key. It returns ErrExists about a name that
// is taken, ErrReserved about those of AWS managed keys, ErrLimit about a key
// with MaxAliasesPerKey.
//
// Source: AWS KMS API Reference, CreateAlias.
func (r *Ring) CreateAlias(ctx context.Context, who access.Caller, name, ref string) (err error) {
	call := r.begin(&who, opCreateAlias)
	defer call.End(ctx, &err)
	call.Note("aliasName", name)
	call.Note("targetKeyId", ref)
	if err := checkAliasName(name); err != nil {
		return err
	}
	t, err := r.resolveAliasTarget(&who, opCreateAlias, ref)
	if err != nil {
		return err
	}
	own := realm{who.Account(), who.Region}
	if err := r.permitAlias(call, own, name); err != nil {
		return err
	}
	k, err := r.admitTarget(call, &who, opCreateAlias, t)
	if err != nil {
		return err
	}
	now := toMillis(r.clock.Now())
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opCreateAlias, func(c *change, rec *keyRecord) error {
			return c.addAlias(k.path, rec, name, aliasRecord{Created: now, Updated: now})
		})
	})
}

// addAlias points a new name to the key.
func (c *change) addAlias(p path, rec *keyRecord, name string, alias aliasRecord) error {
	if _, err := getAlias(c, p.realm, name); err == nil {
		return fail(ErrExists, "An alias with the name %s already exists", kmsARN(p.region, p.account, name))
	} else if !isNotFound(err) {
		return err
	}
	if len(rec.Aliases) >= MaxAliasesPerKey {
		return fail(ErrLimit, "A key can have at most %d aliases.", MaxAliasesPerKey)
	}
	alias.Target = p.id
	rec.Aliases = with(rec.Aliases, name)
	return c.Put(aliasSpace, p.prefix()+name, encode(alias))
}

// MoveAlias points an alias to another key of the same kind and usage. It needs
// the permission on the alias and on both keys.
//
// Source: AWS KMS API Reference, UpdateAlias.
func (r *Ring) MoveAlias(ctx context.Context, who access.Caller, name, ref string) (err error) {
	call := r.begin(&who, opUpdateAlias)
	defer call.End(ctx, &err)
	call.Note("aliasName", name)
	call.Note("targetKeyId", ref)
	if err := checkAliasName(name); err != nil {
		return err
	}
	t, err := r.resolveAliasTarget(&who, opUpdateAlias, ref)
	if err != nil {
		return err
	}
	own := realm{who.Account(), who.Region}
	if err := r.permitAlias(call, own, name); err != nil {
		return err
	}
	from := r.aliasTarget(own, name)
	// The key that loses the name may be in any state.
	if err := r.permit(call, &who, opUpdateAlias, from); err != nil {
		return err
	}
	call.ResetKeys() // they told of that key
	next, err := r.admitTarget(call, &who, opUpdateAlias, t)
	if err != nil {
		return err
	}
	if err := sameKind(kmsARN(own.region, own.account, name), from.key, next); err != nil {
		return err
	}
	now := toMillis(r.clock.Now())
	return call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error { return c.moveAlias(own, name, from.key.id, next.path, now) })
	})
}

// moveAlias points an alias to another key than from, the one about which the
// caller was asked.
func (c *change) moveAlias(m realm, name string, from KeyID, to path, now millis) error {
	alias, err := getAlias(c, m, name)
	if isNotFound(err) || err == nil && alias.Target != from {
		return aliasNotFound(m, name)
	} else if err != nil {
		return err
	}
	next, err := c.key(to, opUpdateAlias)
	if err != nil {
		return err
	}
	if alias.Target != to.id {
		if len(next.Aliases) >= MaxAliasesPerKey {
			return fail(ErrLimit, "A key can have at most %d aliases.", MaxAliasesPerKey)
		}
		old := path{m, alias.Target}
		rec, err := c.get(old)
		if err != nil {
			return err
		}
		rec.Aliases = without(rec.Aliases, name)
		if err := c.putKey(old, rec); err != nil {
			return err
		}
		next.Aliases = with(next.Aliases, name)
	}
	alias.Target, alias.Updated = to.id, now
	if err := c.Put(aliasSpace, m.prefix()+name, encode(alias)); err != nil {
		return err
	}
	return c.putKey(to, next)
}

// sameKind says whether an alias may move between two keys.
func sameKind(aliasARN string, from, to *key) error {
	kind := func(k *key) string {
		switch k.spec.family {
		case symmetricKey:
			return "SYMMETRIC"
		case hmacKey:
			return "HMAC"
		default:
			return "ASYMMETRIC"
		}
	}
	const text = "Alias %s cannot be changed from a CMK with key %s %s to a CMK with key %s %s. The key %s of the current CMK and the new CMK must be the same."
	if a, b := kind(from), kind(to); a != b {
		return fail(ErrInvalid, text, aliasARN, "type", a, "type", b, "type")
	}
	if from.Usage != to.Usage {
		return fail(ErrInvalid, text, aliasARN, "usage", from.Usage, "usage", to.Usage, "usage")
	}
	return nil
}

// DeleteAlias removes a name. The key stays. It needs the permission on the
// alias and on the key.
//
// Source: AWS KMS API Reference, DeleteAlias.
func (r *Ring) DeleteAlias(ctx context.Context, who access.Caller, name string) (err error) {
	call := r.begin(&who, opDeleteAlias)
	defer call.End(ctx, &err)
	call.Note("aliasName", name)
	if err := checkAliasName(name); err != nil {
		return err
	}
	own := realm{who.Account(), who.Region}
	if err := r.permitAlias(call, own, name); err != nil {
		return err
	}
	k, err := r.admitTarget(call, &who, opDeleteAlias, r.aliasTarget(own, name))
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opDeleteAlias, func(c *change, rec *keyRecord) error {
			alias, err := getAlias(c, own, name)
			if isNotFound(err) || err == nil && alias.Target != k.id {
				return aliasNotFound(own, name)
			}
			if err != nil {
				return err
			}
			rec.Aliases = without(rec.Aliases, name)
			return c.Delete(aliasSpace, own.prefix()+name)
		})
	})
}
