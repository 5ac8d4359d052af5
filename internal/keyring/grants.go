package keyring

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Bounds of grants.
const (
	MaxGrantsPerKey         = 50_000
	maxConstraintPairs      = 8
	maxConstraintCharacters = 384
)

// GrantInput says what to grant.
type GrantInput struct {
	// Key is a key id or a key ARN.
	Key string
	// Grantee is the ARN of an account, user, role, session or federated user,
	// or an account's id. Retiring, which may be empty, too.
	Grantee, Retiring string
	Operations        []GrantOperation
	Constraints       GrantConstraints
	// Name makes the call idempotent: with equal parameters the same grant is
	// returned again.
	Name string
	// GrantTokens and DryRun are those of Use.
	GrantTokens []string
	DryRun      bool
}

// Grant is a grant as listings show it.
type Grant struct {
	ID             string
	KeyARN         string
	Name           string
	Created        time.Time
	Grantee        string
	Retiring       string
	IssuingAccount arn.AccountID
	Operations     []GrantOperation
	Constraints    GrantConstraints
}

func (g *grantRecord) grant(at changed) Grant {
	return Grant{
		ID: string(at.grant), KeyARN: at.arn(), Name: g.Name, Created: g.Created.time(), Grantee: g.Grantee,
		Retiring: g.Retiring, IssuingAccount: g.Issuer, Operations: g.Operations, Constraints: g.Constraints,
	}
}

// CreateGrant lets a principal use a key, beside what policies say, and returns
// the grant's id with a token for it. The grant counts on this node at once, on
// others within Config.Poll, or at once for whoever shows them the token.
//
// The caller needs kms:CreateGrant. Who has it by a grant can only pass on what
// that grant allows, under constraints at least as strict. It returns
// ErrInvalidARN about a principal that is none, ErrInvalid about operations and
// constraints that do not suit the key, ErrLimit about a key with
// MaxGrantsPerKey.
//
// Source: AWS KMS API Reference, CreateGrant.
func (r *Ring) CreateGrant(ctx context.Context, who access.Caller, in GrantInput) (id, token string, err error) {
	call := r.begin(&who, opCreateGrant)
	defer call.End(ctx, &err)
	rec := &grantRecord{
		Created: toMillis(r.clock.Now()), Name: in.Name, Issuer: who.Account(),
		Grantee: arn.NormalizePrincipal(in.Grantee), Retiring: arn.NormalizePrincipal(in.Retiring),
		Operations: slices.Compact(slices.Sorted(slices.Values(in.Operations))), Constraints: in.Constraints,
	}
	if err := rec.note(call, &in, who.Via != ""); err != nil {
		return "", "", err
	}
	t, err := r.resolve(&who, opCreateGrant, in.Key)
	if err != nil {
		return "", "", err
	}
	if err := r.bindGrant(rec); err != nil {
		return "", "", err
	}
	if err := r.checkGrantTokens(ctx, in.GrantTokens); err != nil {
		return "", "", err
	}
	t.child = rec
	k, err := r.admitTarget(call, &who, opCreateGrant, t)
	if err != nil {
		return "", "", err
	}
	if err := rec.check(k); err != nil {
		return "", "", err
	}
	at := changed{k.path, grantID(hex.EncodeToString(sealed.RandomSecret(32).Reveal()))}
	if rec.Name != "" {
		at.grant = rec.id(k.path)
	}
	again := k.grants.get(at.grant) != nil
	if !again && k.grants.size.Load() >= MaxGrantsPerKey {
		return "", "", fail(ErrLimit, "%s has %d grants, which is the limit.", k.arn, MaxGrantsPerKey)
	}
	if in.DryRun {
		return "", "", dryRun()
	}
	call.NoteAnswer("grantId", string(at.grant))
	if !again {
		err = call.Effect(ctx, func() error {
			return r.mutate(ctx, func(c *change) error {
				if _, err := c.key(k.path, opCreateGrant); err != nil {
					return err
				}
				return c.putGrant(at, rec)
			})
		})
	}
	if err != nil {
		return "", "", err
	}
	return string(at.grant), r.grantToken(at), nil
}

func (g *grantRecord) note(call *access.Call, in *GrantInput, forService bool) error {
	names := make([]string, len(g.Operations))
	for i, op := range g.Operations {
		if _, ok := grantable[op]; !ok {
			return fail(ErrInvalid, "%.64q is no operation that can be granted.", op)
		}
		names[i] = string(op)
	}
	if len(names) == 0 {
		return fail(ErrInvalid, "A grant allows at least one operation.")
	}
	call.Note("keyId", in.Key)
	call.Note("granteePrincipal", in.Grantee)
	call.Keys.Set("kms:GranteePrincipal", g.Grantee)
	if in.Retiring != "" {
		call.Note("retiringPrincipal", in.Retiring)
		call.Keys.Set("kms:RetiringPrincipal", g.Retiring)
	}
	call.Note("operations", strings.Join(names, ","))
	call.Keys.SetList("kms:GrantOperations", names)
	call.Keys.Set("kms:GrantIsForAWSResource", strconv.FormatBool(forService))
	if in.Name != "" {
		call.Note("name", in.Name)
	}
	if in.DryRun {
		call.Note("dryRun", "true")
	}
	return g.Constraints.note(call)
}

func (c *GrantConstraints) note(call *access.Call) error {
	for _, side := range []struct {
		name  string
		pairs map[string]string
	}{{"EncryptionContextEquals", c.Equals}, {"EncryptionContextSubset", c.Subset}} {
		if len(side.pairs) == 0 {
			continue
		}
		if len(side.pairs) > maxConstraintPairs {
			return fail(ErrInvalid, "%s has more than %d pairs.", side.name, maxConstraintPairs)
		}
		for name, value := range side.pairs {
			if max(utf8.RuneCountInString(name), utf8.RuneCountInString(value)) > maxConstraintCharacters {
				return fail(ErrInvalid, "%s has a key or value of more than %d characters.", side.name, maxConstraintCharacters)
			}
			call.Note("constraints."+side.name+"."+name, value)
		}
		call.Keys.Set("kms:GrantConstraintType", side.name)
		setContextConditions(&call.Keys, side.pairs)
	}
	return nil
}

// bindGrant checks the principals of a grant, and ties users and roles to their
// unique ids.
func (r *Ring) bindGrant(g *grantRecord) (err error) {
	if g.GranteeID, err = r.principalID(g.Grantee); err == nil && g.Retiring != "" {
		g.RetiringID, err = r.principalID(g.Retiring)
	}
	return err
}

// principalID is the unique id behind the ARN of a principal, empty for those
// that have none here.
func (r *Ring) principalID(name string) (id string, err error) {
	a, err := arn.Parse(name)
	known := err == nil && a.Partition == partition && a.Principal() != arn.NotPrincipal
	if kind := a.Principal(); known && r.principals != nil && (kind == arn.UserPrincipal || kind == arn.RolePrincipal) {
		id, known = r.principals.Identify(name)
	}
	if !known {
		return "", fail(ErrInvalidARN, "ARN does not refer to a valid principal: %s", name)
	}
	return id, nil
}

// check says whether the grant suits the key.
func (g *grantRecord) check(k *key) error {
	for _, name := range g.Operations {
		if !k.grantable().has(grantable[name]) {
			return fail(ErrInvalid, "The operation %s cannot be granted on %s, which has the key spec %s and the key usage %s.", name, k.arn, k.Spec, k.Usage)
		}
	}
	if !g.Constraints.empty() && k.spec.family != symmetricKey {
		return fail(ErrInvalid, "Grant constraints are valid only for symmetric encryption keys, and %s has the key spec %s.", k.arn, k.Spec)
	}
	return nil
}

// grantTokenPurpose is what grant tokens are sealed for.
const grantTokenPurpose = "grant token"

// grantToken seals a grant's name. Each call gives another token; all are good
// for as long as the grant is.
func (r *Ring) grantToken(at changed) string {
	return base64.RawURLEncoding.EncodeToString(r.domain.Wrap(grantTokenPurpose, "", sealed.NewSecret([]byte(at.String()))))
}

// openGrantToken finds the grant that a token names. A grant that this node has
// not seen yet is looked for in the store.
func (r *Ring) openGrantToken(ctx context.Context, token string) (at changed, g *grant, err error) {
	blob, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return at, nil, fail(ErrInvalidGrantToken, "")
	}
	name, err := r.domain.Unwrap(grantTokenPurpose, "", blob)
	if err != nil {
		return at, nil, fail(ErrInvalidGrantToken, "")
	}
	if at, err = parseChanged(string(name.Reveal())); err != nil {
		return at, nil, err
	}
	if g = r.index.grant(at); g == nil {
		if err := r.refresh(ctx, 0); err != nil {
			return at, nil, err
		}
		if g = r.index.grant(at); g == nil {
			return at, nil, fail(ErrInvalidGrantToken, "")
		}
	}
	return at, g, nil
}

func (r *Ring) checkGrantTokens(ctx context.Context, tokens []string) error {
	for _, token := range tokens {
		if _, _, err := r.openGrantToken(ctx, token); err != nil {
			return err
		}
	}
	return nil
}

// RevokeGrant ends a grant. The caller needs kms:RevokeGrant on the key.
//
// Source: AWS KMS API Reference, RevokeGrant.
func (r *Ring) RevokeGrant(ctx context.Context, who access.Caller, ref, id string, asDryRun bool) (err error) {
	call := r.begin(&who, opRevokeGrant)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Note("grantId", id)
	call.Keys.Set("kms:GrantIsForAWSResource", strconv.FormatBool(who.Via != ""))
	if !validGrantID(id) {
		return fail(ErrInvalidGrantID, "Invalid grant id %.128s", id)
	}
	k, err := r.admit(call, &who, opRevokeGrant, ref)
	if err != nil {
		return err
	}
	if k.grants.get(grantID(id)) == nil {
		return grantNotFound(id)
	}
	if asDryRun {
		return dryRun()
	}
	return r.endGrant(ctx, call, changed{k.path, grantID(id)})
}

// RetireGrant ends a grant, named by its token or by the key's ARN or id and the
// grant's id, on behalf of those whom it concerns: its retiring principal, its
// grantee if it allows RetireGrant, and the account that made it. Key policies
// neither allow nor deny it; a Deny in an identity policy does.
//
// Source: AWS KMS API Reference, RetireGrant; Developer Guide, "Retiring and
// revoking grants".
func (r *Ring) RetireGrant(ctx context.Context, who access.Caller, token, ref, id string, asDryRun bool) (err error) {
	call := r.begin(&who, opRetireGrant)
	defer call.End(ctx, &err)
	if id != "" {
		call.Note("grantId", id)
	}
	var at changed
	var g *grant
	switch {
	case token != "":
		if at, g, err = r.openGrantToken(ctx, token); err != nil {
			return err
		}
		call.Note("grantId", string(at.grant))
	case ref == "" || id == "":
		return fail(ErrInvalid, "Specify either GrantToken, or KeyId and GrantId.")
	case !validGrantID(id):
		return fail(ErrInvalidGrantID, "Invalid grant id %.128s", id)
	default:
		t, err := r.resolve(&who, opRetireGrant, ref)
		if err != nil {
			return err
		}
		if t.key == nil {
			return r.permit(call, &who, opRetireGrant, t)
		}
		at = changed{t.key.path, grantID(id)}
		g = t.key.grants.get(at.grant)
	}
	if err := call.Decide(g.retirableBy(&who, at)); err != nil {
		return err
	}
	if g == nil {
		return grantNotFound(id)
	}
	if asDryRun {
		return dryRun()
	}
	return r.endGrant(ctx, call, at)
}

// retirableBy is what the gate is to be asked about the retirement of a grant.
// g is nil when there is none.
func (g *grant) retirableBy(who *access.Caller, at changed) access.Target {
	t := access.Target{ARN: at.arn(), Owner: who.Account(), Rule: policy.KeyPolicy}
	p := &who.Principal
	is := func(name, id string) bool {
		return name != "" && (name == p.ARN || name == p.IssuerARN) && means(id, p)
	}
	switch {
	case g == nil:
		if who.Account() == at.account {
			t.Rule = policy.IdentityOnly
		}
	case is(g.Retiring, g.RetiringID), is(g.Grantee, g.GranteeID) && g.ops.has(opRetireGrant):
		t.Granted = true
	case who.Account() == g.Issuer:
		t.Rule = policy.IdentityOnly
	case g.Retiring == arn.Root(who.Account()).String(), g.Grantee == arn.Root(who.Account()).String() && g.ops.has(opRetireGrant):
		t.GrantedAccount = true
	}
	return t
}

func (r *Ring) endGrant(ctx context.Context, call *access.Call, at changed) error {
	return call.Effect(ctx, func() error {
		return r.mutate(ctx, func(c *change) error {
			g, err := getGrant(c, at)
			if isNotFound(err) {
				return grantNotFound(string(at.grant))
			}
			if err != nil {
				return err
			}
			c.touch(at)
			return c.deleteGrant(at.String(), at.region, g)
		})
	})
}

func grantNotFound(id string) error { return fail(ErrNotFound, "Grant ID %s not found", id) }

// GrantFilter narrows a listing of grants; the zero value does not.
type GrantFilter struct{ ID, Grantee string }

// Grants lists the grants of a key, in order of their ids. A page has 1 to 100
// grants, 50 by default.
//
// Source: AWS KMS API Reference, ListGrants.
func (r *Ring) Grants(ctx context.Context, who access.Caller, ref string, of GrantFilter, page Page) (out Listing[Grant], err error) {
	call := r.begin(&who, opListGrants)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Keys.Set("kms:GrantIsForAWSResource", strconv.FormatBool(who.Via != ""))
	if err := page.check(100, 50); err != nil {
		return out, err
	}
	if of.ID != "" && !validGrantID(of.ID) {
		return out, fail(ErrInvalidGrantID, "Invalid grant id %.128s", of.ID)
	}
	k, err := r.admit(call, &who, opListGrants, ref)
	if err != nil {
		return out, err
	}
	of.Grantee = arn.NormalizePrincipal(of.Grantee)
	prefix := k.path.String() + "/"
	filter := prefix + of.ID + "/" + of.Grantee
	last, err := r.openMarker(opListGrants, filter, page.Marker)
	if err != nil {
		return out, err
	}
	err = r.records.View(ctx, func(tx store.Reader) error {
		out = Listing[Grant]{}
		for rec, err := range tx.Scan(grantSpace, after(prefix, last)) {
			if err != nil {
				return err
			}
			at := changed{k.path, grantID(rec.Key[len(prefix):])}
			if of.ID != "" && of.ID != string(at.grant) {
				continue
			}
			g := new(grantRecord)
			if err := decode(grantSpace, rec.Key, rec.Value, g); err != nil {
				return err
			}
			if of.Grantee != "" && of.Grantee != g.Grantee {
				continue
			}
			if len(out.Items) == page.Limit {
				out.Next = r.marker(opListGrants, filter, out.Items[page.Limit-1].ID)
				return nil
			}
			out.Items = append(out.Items, g.grant(at))
		}
		return nil
	})
	return out, err
}

// opListRetirableGrants is not about one key.
const opListRetirableGrants = opListKeys + 1

// RetirableGrants lists the grants of the region that a principal of the
// caller's account may retire, whosever the keys are. A page has 1 to 100
// grants, 50 by default.
//
// Source: AWS KMS API Reference, ListRetirableGrants.
func (r *Ring) RetirableGrants(ctx context.Context, who access.Caller, retiring string, page Page) (out Listing[Grant], err error) {
	r.calls.Add(1)
	call := r.gate.Begin(who, "kms:ListRetirableGrants")
	defer call.End(ctx, &err)
	call.Note("retiringPrincipal", retiring)
	if err := page.check(100, 50); err != nil {
		return out, err
	}
	retiring = arn.NormalizePrincipal(retiring)
	switch a, err := arn.Parse(retiring); {
	case err != nil || a.Principal() == arn.NotPrincipal:
		return out, fail(ErrInvalidARN, "ARN does not refer to a valid principal: %s", retiring)
	case a.Account != who.Account():
		return out, fail(ErrInvalid, "RetiringPrincipal must belong to the account %s.", who.Account())
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	prefix := retirableKey(who.Region, retiring, "")
	last, err := r.openMarker(opListRetirableGrants, prefix, page.Marker)
	if err != nil {
		return out, err
	}
	now := r.clock.Now()
	err = r.records.View(ctx, func(tx store.Reader) error {
		out = Listing[Grant]{}
		end := ""
		for rec, err := range tx.Scan(retirable, after(prefix, last)) {
			if err != nil {
				return err
			}
			at, err := parseChanged(rec.Key[len(prefix):])
			if err != nil {
				return err
			}
			if k := r.index.key(at.region, at.id); k != nil && k.gone(now) {
				continue
			}
			if len(out.Items) == page.Limit {
				out.Next = r.marker(opListRetirableGrants, prefix, end)
				return nil
			}
			g, err := getGrant(tx, at)
			if err != nil {
				return err
			}
			out.Items, end = append(out.Items, g.grant(at)), at.String()
		}
		return nil
	})
	return out, err
}
