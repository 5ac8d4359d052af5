package keyring

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// PolicyName is the name of the one policy that a key has.
const PolicyName = "default"

// DefaultPolicy is the policy of keys that are made without one: it leaves the
// decision to the account's own policies.
//
// Source: AWS KMS Developer Guide, "Default key policy".
func DefaultPolicy(account arn.AccountID) string {
	return `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::` +
		string(account) + `:root"},"Action":"kms:*","Resource":"*"}]}`
}

// Policy returns the text of a key's policy as it was put, but for users and
// roles that are gone: they show as their unique ids. name is PolicyName or
// empty; another one returns ErrNotFound.
//
// Source: AWS KMS API Reference, GetKeyPolicy.
func (r *Ring) Policy(ctx context.Context, who access.Caller, ref, name string) (text string, err error) {
	call := r.begin(&who, opGetKeyPolicy)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opGetKeyPolicy, ref)
	if err != nil {
		return "", err
	}
	text = k.policy.String()
	if r.principals != nil {
		text = k.policy.Render(r.principals.NameOf)
	}
	return text, checkPolicyName(name)
}

// PolicyOf returns the policy of the key that an ARN names, nil if there is
// none. It is for whoever explains decisions to the owner, and no access path:
// nothing of it goes to a caller but what its statements said.
func (r *Ring) PolicyOf(name string) *policy.Document {
	a, err := arn.Parse(name)
	id, isKey := strings.CutPrefix(a.Resource, "key/")
	if err != nil || a.Service != "kms" || !isKey {
		return nil
	}
	if k := r.index.key(a.Region, KeyID(id)); k != nil && k.account == a.Account {
		return k.policy
	}
	return nil
}

// PolicyNames lists the names of a key's policies, which is PolicyName.
//
// Source: AWS KMS API Reference, ListKeyPolicies.
func (r *Ring) PolicyNames(ctx context.Context, who access.Caller, ref string, page Page) (out Listing[string], err error) {
	call := r.begin(&who, opListKeyPolicies)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if err := page.check(1000, 100); err != nil {
		return out, err
	}
	k, err := r.admit(call, &who, opListKeyPolicies, ref)
	if err != nil {
		return out, err
	}
	if _, err := r.openMarker(opListKeyPolicies, k.path.String(), page.Marker); err != nil {
		return out, err
	}
	return Listing[string]{Items: []string{PolicyName}}, nil
}

// SetPolicy replaces a key's policy. It returns ErrMalformedPolicy about a text
// that is no key policy, or one under which who could not replace it again,
// unless bypassLockout says that this is wanted; ErrLimit about one of more than
// MaxPolicyBytes.
//
// Source: AWS KMS API Reference, PutKeyPolicy.
func (r *Ring) SetPolicy(ctx context.Context, who access.Caller, ref, name, text string, bypassLockout bool) (err error) {
	call := r.begin(&who, opPutKeyPolicy)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Note("policyName", PolicyName)
	notePolicy(call, text)
	call.Note("bypassPolicyLockoutSafetyCheck", strconv.FormatBool(bypassLockout))
	if bypassLockout {
		call.Keys.Set("kms:BypassPolicyLockoutSafetyCheck", "true")
	}
	k, err := r.admit(call, &who, opPutKeyPolicy, ref)
	if err != nil {
		return err
	}
	if err := checkPolicyName(name); err != nil {
		return err
	}
	principals, err := r.checkPolicy(call, k.path, text, bypassLockout)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opPutKeyPolicy, func(_ *change, rec *keyRecord) error {
			rec.Policy, rec.Principals = text, principals
			return nil
		})
	})
}

// notePolicy puts a policy into the record, unless it is too long to be one.
func notePolicy(call *access.Call, text string) {
	if text != "" && len(text) <= MaxPolicyBytes {
		call.Note("policy", text)
	}
}

func checkPolicyName(name string) error {
	if name != "" && name != PolicyName {
		return fail(ErrNotFound, "No such policy exists")
	}
	return nil
}

// checkPolicy says whether text may become the policy of the key at p, and
// which users and roles it names, by unique id.
func (r *Ring) checkPolicy(call *access.Call, p path, text string, bypassLockout bool) (principals map[string]string, err error) {
	if len(text) > MaxPolicyBytes {
		return nil, fail(ErrLimit, "The key policy is longer than %d bytes.", MaxPolicyBytes)
	}
	document, err := r.index.document(p.account, text)
	if err == nil && r.principals != nil {
		document, err = document.Bind(r.principals.Identify)
	}
	if problem, ok := errors.AsType[*policy.Error](err); ok {
		return nil, &refusal.Error{Kind: ErrMalformedPolicy, Sentence: problem.Problem}
	}
	if err != nil {
		return nil, err
	}
	if bypassLockout {
		return document.Bindings(), nil
	}
	may := call.Allows(access.Target{
		ARN: p.arn(), Owner: p.account, Policy: document, Rule: policy.KeyPolicy, Action: "kms:PutKeyPolicy",
	})
	if !may {
		return nil, fail(ErrMalformedPolicy, "The new key policy will not allow you to update the key policy in the future.")
	}
	return document.Bindings(), nil
}
