package keyring

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// AliasPrefix begins the name of every alias.
const AliasPrefix = "alias/"

// reservedPrefix begins the names of aliases of AWS managed keys.
const reservedPrefix = "alias/aws/"

// validKeyID reports whether s has the form of a key id: a lower-case UUID, or
// "mrk-" and 32 lower-case hexadecimal digits.
func validKeyID(s string) bool {
	if digits, ok := strings.CutPrefix(s, "mrk-"); ok {
		return len(digits) == 32 && lowerHex(digits)
	}
	return len(s) == 36 && s[8] == '-' && s[13] == '-' && s[18] == '-' && s[23] == '-' &&
		lowerHex(s[:8]) && lowerHex(s[9:13]) && lowerHex(s[14:18]) && lowerHex(s[19:23]) && lowerHex(s[24:])
}

// validRegion reports whether s may be a region: it becomes a part of the names
// of records, and whoever signs a request chooses it.
func validRegion(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return 0 < len(s) && len(s) <= 32
}

func lowerHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// target is what a caller's reference stands for. Without a key, missing says
// why; the arn and owner are there all the same, since callers of other accounts
// must not learn whether it exists.
type target struct {
	key     *key
	arn     string
	owner   arn.AccountID
	alias   string // the alias's name, if one was used
	missing error

	// What grants depend on: the encryption context, and for CreateGrant what is
	// to be granted.
	bind  map[string]string
	child *grantRecord
}

// resolve finds what ref names for a caller: a key id, a key ARN and, where op
// takes them, the name or ARN of an alias. It fails when ref is none of these.
func (r *Ring) resolve(who *access.Caller, op operation, ref string) (target, error) {
	own := realm{who.Account(), who.Region}
	switch {
	case strings.HasPrefix(ref, "arn:"):
		return r.resolveARN(who, op, ref)
	case strings.HasPrefix(ref, AliasPrefix):
		if operations[op].flags&byAlias == 0 {
			return target{}, invalidKeyID(ref)
		}
		return r.aliasTarget(own, ref), nil
	case validKeyID(ref):
		return r.keyTarget(path{own, KeyID(ref)}), nil
	default:
		return target{}, invalidKeyID(ref)
	}
}

func (r *Ring) resolveARN(who *access.Caller, op operation, ref string) (target, error) {
	parts, ok := arn.Split(ref)
	if !ok || parts[0] != "arn" || parts[1] != partition || parts[2] != "kms" {
		return target{}, fail(ErrInvalidARN, "Invalid arn %s", ref)
	}
	owner, resource := realm{arn.AccountID(parts[4]), parts[3]}, parts[5]
	if owner.region != who.Region {
		return target{}, fail(ErrNotFound, "Invalid arn %s", owner.region)
	}
	var t target
	if id, ok := strings.CutPrefix(resource, "key/"); ok {
		if !validKeyID(id) {
			return target{}, invalidKeyID(id)
		}
		t = r.keyTarget(path{owner, KeyID(id)})
	} else if strings.HasPrefix(resource, AliasPrefix) {
		if operations[op].flags&byAlias == 0 {
			return target{}, invalidKeyID(ref)
		}
		t = r.aliasTarget(owner, resource)
	} else {
		return target{}, fail(ErrInvalidARN, "Invalid arn %s", ref)
	}
	if owner.account != who.Account() && operations[op].flags&crossAccount == 0 {
		t.key = nil
	}
	return t, nil
}

func (r *Ring) keyTarget(p path) target {
	t := target{key: r.index.key(p.region, p.id), owner: p.account}
	if t.key != nil && (t.key.account != p.account || t.key.gone(r.clock.Now())) {
		t.key = nil
	}
	if t.key != nil {
		t.arn = t.key.arn
	} else {
		t.arn, t.missing = p.arn(), keyNotFound(p)
	}
	return t
}

func (r *Ring) aliasTarget(m realm, name string) target {
	t := target{key: r.index.alias(m, name), owner: m.account, alias: name}
	if t.key != nil && t.key.gone(r.clock.Now()) {
		t.key = nil
	}
	if t.key != nil {
		t.arn = t.key.arn
	} else {
		t.arn, t.missing = kmsARN(m.region, m.account, name), aliasNotFound(m, name)
	}
	return t
}

func invalidKeyID(ref string) error { return fail(ErrNotFound, "Invalid keyId '%s'", ref) }

func keyNotFound(p path) error { return fail(ErrNotFound, "Key '%s' does not exist", p.arn()) }

func aliasNotFound(m realm, name string) error {
	return fail(ErrNotFound, "Alias %s is not found.", kmsARN(m.region, m.account, name))
}

// begin opens a call. End is the caller's to defer.
func (r *Ring) begin(who *access.Caller, op operation) *access.Call {
	r.calls.Add(1)
	return r.gate.Begin(*who, operations[op].action)
}

// admit finds the key that ref names, asks whether the caller may do op with it,
// and whether its state allows op. The condition keys of the request are set
// before.
func (r *Ring) admit(call *access.Call, who *access.Caller, op operation, ref string) (*key, error) {
	t, err := r.resolve(who, op, ref)
	if err != nil {
		return nil, err
	}
	return r.admitTarget(call, who, op, t)
}

func (r *Ring) admitTarget(call *access.Call, who *access.Caller, op operation, t target) (*key, error) {
	if err := r.permit(call, who, op, t); err != nil {
		return nil, err
	}
	return t.key, checkState(op, t.arn, t.key.stateAt(r.clock.Now()))
}

// permit decides whether the caller may do op to the target, by policies and
// grants. After nil there is a key.
func (r *Ring) permit(call *access.Call, who *access.Caller, op operation, t target) error {
	action := operations[op].action
	if t.key == nil {
		if t.owner == who.Account() {
			call.On(t.arn)
			return t.missing
		}
		// A stranger gets the answer of a key whose policy is silent.
		if err := call.Decide(access.Target{ARN: t.arn, Owner: t.owner, Rule: policy.KeyPolicy, Action: action}); err != nil {
			return err
		}
		if t.missing == nil {
			return fail(ErrUnsupported, "%s belongs to another account.", t.arn)
		}
		return t.missing
	}
	setKeyConditions(&call.Keys, who, t)
	granted, grantedAccount := t.key.granted(&who.Principal, op, &t)
	return call.Decide(access.Target{
		ARN: t.key.arn, Owner: t.key.account, Policy: t.key.policy, Rule: policy.KeyPolicy, Action: action,
		Granted: granted, GrantedAccount: grantedAccount,
	})
}

// setKeyConditions sets the condition keys that follow from the key and from
// how it was named. IAM User Guide, "Condition keys for AWS KMS".
func setKeyConditions(c *policy.Context, who *access.Caller, t target) {
	k := t.key
	c.Set("kms:CallerAccount", string(who.Account()))
	c.Set("kms:KeySpec", string(k.Spec))
	c.Set("kms:CustomerMasterKeySpec", string(k.Spec))
	c.Set("kms:KeyUsage", string(k.Usage))
	c.Set("kms:CustomerMasterKeyUsage", string(k.Usage))
	c.Set("kms:KeyOrigin", string(k.Origin))
	switch {
	case k.Multi == nil:
		c.Set("kms:MultiRegion", "false")
	case k.Multi.Primary == k.region:
		c.Set("kms:MultiRegion", "true")
		c.Set("kms:MultiRegionKeyType", "PRIMARY")
	default:
		c.Set("kms:MultiRegion", "true")
		c.Set("kms:MultiRegionKeyType", "REPLICA")
	}
	if len(k.Aliases) > 0 {
		c.SetList("kms:ResourceAliases", k.Aliases)
	}
	for _, tag := range k.Tags {
		c.SetIn("aws:ResourceTag/", tag.Key, tag.Value)
	}
	if t.alias != "" {
		c.Set("kms:RequestAlias", t.alias)
	}
	if who.Via != "" {
		c.Set("kms:ViaService", who.Via)
	}
}

// setContextConditions sets the condition keys of an encryption context.
func setContextConditions(c *policy.Context, bind map[string]string) {
	if len(bind) == 0 {
		return
	}
	names := make([]string, 0, len(bind))
	for name, value := range bind {
		c.SetIn("kms:EncryptionContext:", name, value)
		names = append(names, name)
	}
	c.SetList("kms:EncryptionContextKeys", names)
}
