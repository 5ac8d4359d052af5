package delivery

import (
	"context"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// AssociateAlias gives an alias to a distribution of the caller's, and takes it
// away from the one that had it, in one step. The caller needs the permission
// for both. ErrAliasElsewhere is about an alias of another account.
//
// Source: CloudFront API Reference, AssociateAlias.
func (s *Service) AssociateAlias(ctx context.Context, who access.Caller, id, alias string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:AssociateAlias")
	defer call.End(ctx, &err)
	alias = strings.ToLower(alias)
	call.Note("alias", alias)
	to := name{kindDistribution, who.Account(), id}
	if err := s.decide(call, to); err != nil {
		return err
	}
	// Only who may take it away learns more of another distribution than that
	// there is one.
	from, held := s.Snapshot().holder(alias)
	if held && from.account != to.account {
		return ErrAliasElsewhere
	}
	if held && from != to {
		call.ResetKeys() // they told of the other
		if err := s.decide(call, from); err != nil {
			return err
		}
	}
	return s.change(ctx, call, func(t *txn) error {
		holder, err := t.value(aliasKey(alias))
		if err != nil {
			return err
		}
		if want := string(from.account) + "/" + from.id; held && holder != want || !held && holder != "" {
			return ErrStale // changed since the decision
		}
		if held && from == to {
			return nil
		}
		if held {
			err := s.editAliases(t, from, func(have []string) []string {
				return slices.DeleteFunc(have, func(a string) bool { return a == alias })
			})
			if err != nil {
				return err
			}
		}
		return s.editAliases(t, to, func(have []string) []string { return append(have, alias) })
	})
}

// editAliases stores a distribution with other aliases.
func (s *Service) editAliases(t *txn, n name, edit func([]string) []string) error {
	old, err := lookup[*DistributionInfo](t, n, ErrNoDistribution)
	if err != nil {
		return err
	}
	made := *old
	made.ETag = newID("E")
	made.Config.Aliases = edit(slices.Clone(old.Config.Aliases))
	if err := made.Config.validateAliases(&s.cfg.Quotas, s.cfg.EdgeDomain); err != nil {
		return err
	}
	return s.putDistribution(t, n, old, &made)
}

// overlapsElsewhere tells whether an alias takes hosts from a wildcard of another
// account, or as a wildcard those that another account's aliases stand for.
//
// Source: CloudFront Developer Guide, "Requirements for using alternate domain
// names": overlapping ones belong to one account.
func (t *txn) overlapsElsewhere(account arn.AccountID, alias string) (bool, error) {
	other := func(holder string) bool {
		owner, _, _ := strings.Cut(holder, "/")
		return holder != "" && owner != string(account)
	}
	for rest := strings.TrimPrefix(alias, "*"); ; {
		_, parent, ok := strings.Cut(strings.TrimPrefix(rest, "."), ".")
		if !ok {
			break
		}
		rest = "." + parent
		if holder, err := t.value(aliasKey("*" + rest)); err != nil || other(holder) {
			return err == nil, err
		}
	}
	if !strings.HasPrefix(alias, "*") {
		return false, nil
	}
	for rec, err := range t.r.Scan(space, store.Prefix(aliasKey(""))) {
		if err != nil {
			return false, err
		}
		if wildcardOver(alias, rec.Key[len(aliasKey("")):]) && other(string(rec.Value)) {
			return true, nil
		}
	}
	return false, nil
}

// ConflictingAlias is an alias that overlaps with another.
type ConflictingAlias struct {
	Alias string
	// Distribution and Account are partly hidden by stars: their owners
	// recognise them.
	Distribution, Account string
}

// ListConflictingAliases returns the aliases that overlap with one that the
// distribution is to have, ordered by name: those of the account, and of other
// accounts the same alias only.
//
// Source: CloudFront API Reference, ListConflictingAliases.
func (s *Service) ListConflictingAliases(ctx context.Context, who access.Caller, id, alias string, p Page) (_ *List[ConflictingAlias], err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:ListConflictingAliases")
	defer call.End(ctx, &err)
	n, err := s.admit(call, &who, id)
	if err != nil {
		return nil, err
	}
	if alias = strings.ToLower(alias); !validAlias(alias) {
		return nil, invalidValue("Alias", alias)
	}
	var all []ConflictingAlias
	for _, d := range s.Snapshot().distributions {
		for _, other := range d.Aliases {
			if other <= p.After || string(d.ID) == id || other != alias && (d.Account != n.account || !overlap(alias, other)) {
				continue
			}
			all = append(all, ConflictingAlias{other, mask(string(d.ID)), mask(string(d.Account))})
		}
	}
	slices.SortFunc(all, func(a, b ConflictingAlias) int { return strings.Compare(a.Alias, b.Alias) })
	return paginate(all, func(c ConflictingAlias) string { return c.Alias }, p)
}

// overlap reports whether some host could be meant by both aliases.
func overlap(a, b string) bool {
	return a == b || wildcardOver(a, b) || wildcardOver(b, a)
}

// wildcardOver reports whether wildcard stands for all that alias does.
func wildcardOver(wildcard, alias string) bool {
	suffix, ok := strings.CutPrefix(wildcard, "*")
	return ok && strings.HasSuffix(alias, suffix)
}

// mask hides the first half of an id.
func mask(id string) string {
	half := len(id) / 2
	return strings.Repeat("*", half) + id[half:]
}

// holder returns the distribution that has an alias.
func (s *Snapshot) holder(alias string) (name, bool) {
	d := s.exact[alias]
	if suffix, ok := strings.CutPrefix(alias, "*"); ok {
		d = s.wildcard[suffix]
	}
	if d == nil || !slices.Contains(d.Aliases, alias) {
		return name{}, false
	}
	return name{kindDistribution, arn.AccountID(d.Account), string(d.ID)}, true
}
