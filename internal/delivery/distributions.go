package delivery

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// identityPrefix goes before the id in S3OriginConfig.AccessIdentity.
const identityPrefix = "origin-access-identity/cloudfront/"

// DistributionInfo is a distribution as its owner sees it. The edge's view of
// it is Distribution.
type DistributionInfo struct {
	Meta
	Config DistributionConfig
	// Label is the first label of the distribution's own domain name.
	Label string
	Tags  map[string]string
}

// ARN is the distribution's resource name.
func (d *DistributionInfo) ARN() string {
	return name{kindDistribution, d.Account, d.ID}.arn()
}

// references are the objects that the distribution depends on, each once.
func (d *DistributionInfo) references() []name {
	all := make(map[name]bool)
	for _, b := range d.Config.behaviors() {
		for _, id := range b.TrustedKeyGroups.Items {
			all[name{kindGroup, d.Account, id}] = true
		}
		if b.CachePolicyID != "" {
			all[name{kindPolicy, d.Account, b.CachePolicyID}] = true
		}
		if b.OriginRequestPolicyID != "" {
			all[name{kindOriginRequest, d.Account, b.OriginRequestPolicyID}] = true
		}
		if b.ResponseHeadersPolicyID != "" {
			all[name{kindResponseHeaders, d.Account, b.ResponseHeadersPolicyID}] = true
		}
	}
	for i := range d.Config.Origins {
		o := &d.Config.Origins[i]
		if o.AccessControlID != "" {
			all[name{kindControl, d.Account, o.AccessControlID}] = true
		}
		if o.S3 != nil && o.S3.AccessIdentity != "" {
			all[name{kindIdentity, d.Account, strings.TrimPrefix(o.S3.AccessIdentity, identityPrefix)}] = true
		}
	}
	return slices.Collect(maps.Keys(all))
}

// DomainName is the name under which the distribution always answers.
func (s *Service) DomainName(d *DistributionInfo) string { return d.Label + "." + s.cfg.EdgeDomain }

// ActiveKeys returns the public keys of each key group that the distribution's
// behaviours trust.
func (s *Service) ActiveKeys(d *DistributionInfo) map[string][]string {
	s.mu.RLock()
	defer s.mu.RUnlock()
	active := make(map[string][]string)
	for _, b := range d.Config.behaviors() {
		for _, id := range b.TrustedKeyGroups.Items {
			if g, ok := s.shelves[kindGroup][d.Account][id].(*KeyGroup); ok {
				active[id] = g.Config.Keys
			}
		}
	}
	return active
}

// CreateDistribution keeps a distribution and serves it when it returns. A used
// caller reference is ErrDistributionExists.
func (s *Service) CreateDistribution(ctx context.Context, who access.Caller, c DistributionConfig) (*DistributionInfo, error) {
	return s.createDistribution(ctx, who, c, nil)
}

// CreateDistributionWithTags is CreateDistribution with tags; it wants the
// permission for TagResource as well.
func (s *Service) CreateDistributionWithTags(ctx context.Context, who access.Caller, c DistributionConfig, tags map[string]string) (*DistributionInfo, error) {
	return s.createDistribution(ctx, who, c, tags)
}

func (s *Service) createDistribution(ctx context.Context, who access.Caller, c DistributionConfig, tags map[string]string) (_ *DistributionInfo, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateDistribution")
	defer call.End(ctx, &err)
	account := who.Account()
	target := access.Target{ARN: name{kindDistribution, account, "*"}.arn(), Rule: policy.IdentityOnly}
	if err := decideTagged(call, target, tags); err != nil {
		return nil, err
	}
	if err := checkTags(&who, tags); err != nil {
		return nil, err
	}
	if err := s.accept(ctx, call, who.Account(), nil, &c); err != nil {
		return nil, err
	}
	n := name{kindDistribution, account, newID("E")}
	label := newLabel()
	var made *DistributionInfo
	err = s.change(ctx, call, func(t *txn) error {
		made = &DistributionInfo{Meta: Meta{ID: n.id, Account: account, ETag: newID("E")}, Config: c, Label: label, Tags: tags}
		if err := t.claim(referenceKey(account, kindDistribution, c.CallerReference), n.id, ErrDistributionExists); err != nil {
			return err
		}
		if err := t.count(account, kindDistribution, 1, s.cfg.Quotas.Distributions, ErrTooManyDistributions); err != nil {
			return err
		}
		return s.putDistribution(t, n, nil, made)
	})
	if err != nil {
		return nil, err
	}
	s.warn(ctx, made)
	return made, nil
}

// accept normalises and validates a configuration, without changing what the
// caller still holds. old is the one that it replaces, or nil.
func (s *Service) accept(ctx context.Context, call *access.Call, account arn.AccountID, old, c *DistributionConfig) error {
	*c = c.clone()
	c.normalize()
	if err := c.validate(&s.cfg.Quotas, s.cfg.EdgeDomain, s.cfg.Certificates); err != nil {
		return err
	}
	return s.checkFunctions(ctx, call, account, old, c)
}

// putDistribution stores d in place of old, nil for a new one, with its
// aliases and references, all of which it checks.
func (s *Service) putDistribution(t *txn, n name, old, d *DistributionInfo) error {
	var before []name
	var had DistributionConfig
	if old != nil {
		before, had = old.references(), old.Config
		for _, alias := range old.Config.Aliases {
			if !slices.Contains(d.Config.Aliases, alias) {
				t.release(aliasKey(alias))
			}
		}
	}
	for _, alias := range d.Config.Aliases {
		taken := refuse(ErrAliasTaken, "One or more of the CNAMEs you provided are already associated with a different resource: %s.", alias)
		if err := t.claim(aliasKey(alias), string(n.account)+"/"+n.id, taken); err != nil {
			return err
		}
		if slices.Contains(had.Aliases, alias) {
			continue
		}
		if elsewhere, err := t.overlapsElsewhere(n.account, alias); err != nil {
			return err
		} else if elsewhere {
			return taken
		}
	}
	if err := t.checkFunctions(n.account, &had, &d.Config); err != nil {
		return err
	}
	for i := range d.Config.Origins {
		if err := t.checkAccess(n.account, &d.Config.Origins[i]); err != nil {
			return err
		}
	}
	after := d.references()
	for _, ref := range after {
		if err := t.checkReference(ref); err != nil {
			return err
		}
	}
	q := &s.cfg.Quotas
	for _, limit := range []struct {
		kind kind
		max  int
		over error
	}{
		{kindGroup, q.DistributionsPerKeyGroup, ErrTooManyDistributionsOfKeyGroup},
		{kindControl, q.DistributionsPerControl, ErrTooManyDistributionsOfControl},
		{kindPolicy, q.DistributionsPerPolicy, ErrTooManyDistributionsOfPolicy},
		{kindOriginRequest, q.DistributionsPerPolicy, ErrTooManyDistributionsOfOriginRequest},
		{kindResponseHeaders, q.DistributionsPerPolicy, ErrTooManyDistributionsOfResponseHeaders},
		{kindIdentity, unlimited, nil},
	} {
		if err := t.link(n.id, ofKind(before, limit.kind), ofKind(after, limit.kind), limit.max, limit.over); err != nil {
			return err
		}
	}
	return t.put(n, d)
}

func ofKind(names []name, k kind) []name {
	var some []name
	for _, n := range names {
		if n.kind == k {
			some = append(some, n)
		}
	}
	return some
}

// checkReference checks that what a behaviour refers to exists, and that the
// edge can do it.
func (t *txn) checkReference(ref name) error {
	switch ref.kind {
	case kindGroup:
		_, err := lookup[*KeyGroup](t, ref, refuse(ErrNoTrustedKeyGroup, "The specified key group %.64q does not exist.", ref.id))
		return err
	case kindPolicy:
		return cachePolicies.lookup(t, ref)
	case kindOriginRequest:
		return originRequestPolicies.lookup(t, ref)
	case kindResponseHeaders:
		return responseHeadersPolicies.lookup(t, ref)
	default:
		return nil
	}
}

// checkAccess checks an origin's access control and access identity.
func (t *txn) checkAccess(account arn.AccountID, o *OriginConfig) error {
	if o.S3 != nil && o.S3.AccessIdentity != "" {
		if o.AccessControlID != "" {
			return refuse(ErrAccessConflict, "The origin %s cannot have both an origin access control and an origin access identity.", o.ID)
		}
		id, ok := strings.CutPrefix(o.S3.AccessIdentity, identityPrefix)
		missing := refuse(ErrInvalidAccessIdentity, "The specified origin access identity %.128q does not exist or is not valid.", o.S3.AccessIdentity)
		if !ok {
			return missing
		}
		if _, err := lookup[*AccessIdentity](t, name{kindIdentity, account, id}, missing); err != nil {
			return err
		}
	}
	if o.AccessControlID == "" {
		return nil
	}
	control, err := lookup[*AccessControl](t, name{kindControl, account, o.AccessControlID},
		refuse(ErrInvalidAccessControl, "The specified origin access control %.64q does not exist.", o.AccessControlID))
	if err != nil {
		return err
	}
	host := strings.ToLower(o.DomainName)
	fits := false
	switch control.Config.OriginType {
	case "s3":
		fits = bucketHost.MatchString(host)
	case "lambda":
		fits = strings.Contains(host, ".lambda-url.") && strings.HasSuffix(host, ".on.aws")
	case "mediastore":
		fits = strings.Contains(host, ".mediastore.")
	case "mediapackagev2":
		fits = strings.Contains(host, ".mediapackagev2.")
	}
	if !fits {
		return refuse(ErrInvalidAccessDomain, "The domain name %s does not fit an origin access control for %s.", o.DomainName, control.Config.OriginType)
	}
	return nil
}

// admit decides about a call on what goes with a distribution of the caller's, which
// has to be there.
func (s *Service) admit(call *access.Call, who *access.Caller, id string) (name, error) {
	n := name{kindDistribution, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return n, err
	}
	_, err := find[*DistributionInfo](s, n, ErrNoDistribution)
	return n, err
}

// GetDistribution returns a distribution, or ErrNoDistribution.
func (s *Service) GetDistribution(ctx context.Context, who access.Caller, id string) (*DistributionInfo, error) {
	return get[*DistributionInfo](ctx, s, who, "cloudfront:GetDistribution", kindDistribution, id, ErrNoDistribution)
}

// GetDistributionConfig is GetDistribution under its own permission.
func (s *Service) GetDistributionConfig(ctx context.Context, who access.Caller, id string) (*DistributionInfo, error) {
	return get[*DistributionInfo](ctx, s, who, "cloudfront:GetDistributionConfig", kindDistribution, id, ErrNoDistribution)
}

// ListDistributions returns the caller's distributions.
func (s *Service) ListDistributions(ctx context.Context, who access.Caller, p Page) (*List[*DistributionInfo], error) {
	return list[*DistributionInfo](ctx, s, who, "cloudfront:ListDistributions", kindDistribution, p)
}

// UpdateDistribution replaces the configuration and serves it when it returns.
// Another caller reference is ErrImmutable.
func (s *Service) UpdateDistribution(ctx context.Context, who access.Caller, id, version string, c DistributionConfig) (_ *DistributionInfo, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:UpdateDistribution")
	defer call.End(ctx, &err)
	n := name{kindDistribution, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return nil, err
	}
	var before *DistributionConfig
	if old, err := find[*DistributionInfo](s, n, ErrNoDistribution); err == nil {
		before = &old.Config
	}
	if err := s.accept(ctx, call, who.Account(), before, &c); err != nil {
		return nil, err
	}
	var made *DistributionInfo
	err = s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*DistributionInfo](t, n, ErrNoDistribution)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if c.CallerReference != old.Config.CallerReference {
			return refuse(ErrImmutable, "The parameter CallerReference cannot be changed.")
		}
		made = &DistributionInfo{Meta: old.Meta, Config: c, Label: old.Label, Tags: old.Tags}
		made.ETag = newID("E")
		return s.putDistribution(t, n, old, made)
	})
	if err != nil {
		return nil, err
	}
	s.warn(ctx, made)
	return made, nil
}

// DeleteDistribution removes a disabled distribution with its invalidations, or
// returns ErrNotDisabled.
func (s *Service) DeleteDistribution(ctx context.Context, who access.Caller, id, version string) (err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:DeleteDistribution")
	defer call.End(ctx, &err)
	n := name{kindDistribution, who.Account(), id}
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*DistributionInfo](t, n, ErrNoDistribution)
		if err != nil {
			return err
		}
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if old.Config.Enabled {
			return ErrNotDisabled
		}
		if err := t.eraseInvalidations(n); err != nil {
			return err
		}
		for _, alias := range old.Config.Aliases {
			t.release(aliasKey(alias))
		}
		if err := t.link(n.id, old.references(), nil, unlimited, nil); err != nil {
			return err
		}
		t.release(referenceKey(n.account, kindDistribution, old.Config.CallerReference))
		t.delete(n)
		return t.count(n.account, kindDistribution, -1, 0, nil)
	})
}

// listUsers returns the ids of the distributions that refer to of, if it exists.
func (s *Service) listUsers(ctx context.Context, who access.Caller, action policy.Action, of name, exists func() error, p Page) (_ *List[string], err error) {
	call := s.cfg.Gate.Begin(who, action)
	defer call.End(ctx, &err)
	if err := s.decide(call, of); err != nil {
		return nil, err
	}
	if err := exists(); err != nil {
		return nil, err
	}
	var ids []string
	for _, d := range shelf[*DistributionInfo](s, kindDistribution, of.account, p.After) {
		if slices.Contains(d.references(), of) {
			ids = append(ids, d.ID)
		}
	}
	return paginate(ids, func(id string) string { return id }, p)
}

// warn tells the log of behaviours that are signed in vain: an unsigned one
// before them takes all their requests.
func (s *Service) warn(ctx context.Context, d *DistributionInfo) {
	var open []*BehaviorConfig
	for _, b := range d.Config.behaviors() {
		if !b.TrustedKeyGroups.Enabled {
			open = append(open, b)
			continue
		}
		for _, before := range open {
			if covers(before.PathPattern, b.PathPattern) {
				s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "signed behaviour is never reached",
					slog.String("distribution", d.ID), slog.String("pattern", b.PathPattern), slog.String("behind", before.PathPattern))
			}
		}
	}
}

// covers reports whether pattern surely matches all that other matches.
func covers(pattern, other string) bool {
	if pattern == "" || other == "" {
		return false
	}
	// A star of other stands for many texts, so no "?" may take it: spell it as
	// two, and it is as long as a "?" is not.
	return CompilePattern(pattern).Match("/" + strings.ReplaceAll(strings.TrimPrefix(other, "/"), "*", "**"))
}
