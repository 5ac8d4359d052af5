package delivery

import (
	"context"
	"maps"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/signedurl"
)

// Inspection is what the owner of a distribution may know of it, to understand
// what the edge decides.
type Inspection struct {
	// Snapshot holds the one distribution that answers to the host, if it is the
	// asker's, else none.
	Snapshot *Snapshot
	// Trusted are the ids of the key groups that each behaviour trusts, by
	// Behavior.Index.
	Trusted [][]string
	// Groups are the ids of the account's key groups that hold each of the
	// account's public keys. A key that is in none has none.
	Groups map[signedurl.KeyID][]string
	// Hosts are names of the account's distributions, those of the one in
	// Snapshot first: at most MaxInspectedHosts.
	Hosts []string
}

// MaxInspectedHosts bounds the names in an Inspection.
const MaxInspectedHosts = 64

// Inspect looks at the distribution that answers to host, which is spelled as
// for Snapshot.Lookup, and at its surroundings in the asker's account. A
// distribution of another account is as good as none.
//
// The asker needs keyfront:Explain on the distribution, or on "*" without one.
func (s *Service) Inspect(ctx context.Context, who access.Caller, host string) (_ *Inspection, err error) {
	call := s.cfg.Gate.Begin(who, "keyfront:Explain")
	defer call.End(ctx, &err)
	call.Note("host", host)
	d := s.Snapshot().Lookup(host)
	if d != nil && d.Account != who.Account() {
		d = nil
	}
	target := access.Target{ARN: "*", Rule: policy.IdentityOnly}
	if d != nil {
		target.ARN, target.Owner = d.ARN, d.Account
	}
	if err := call.Decide(target); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	account := who.Account()
	found := &Inspection{Snapshot: NewSnapshot(0, nil), Groups: make(map[signedurl.KeyID][]string)}
	for id := range s.shelves[kindKey][account] {
		found.Groups[signedurl.KeyID(id)] = nil
	}
	for _, id := range slices.Sorted(maps.Keys(s.shelves[kindGroup][account])) {
		for _, key := range s.shelves[kindGroup][account][id].(*KeyGroup).Config.Keys {
			found.Groups[signedurl.KeyID(key)] = append(found.Groups[signedurl.KeyID(key)], id)
		}
	}
	if d != nil {
		found.lookAtLocked(s, d)
	}
	for id := range s.shelves[kindDistribution][account] {
		if other := s.compiled[DistributionID(id)]; other != nil && (d == nil || other.ID != d.ID) {
			found.addHosts(other)
		}
	}
	return found, nil
}

// lookAtLocked fills in what concerns the distribution itself.
func (i *Inspection) lookAtLocked(s *Service, d *Distribution) {
	info, ok := s.shelves[kindDistribution][d.Account][string(d.ID)].(*DistributionInfo)
	if !ok {
		return // deleted since
	}
	d = s.compiled[d.ID]
	i.Snapshot = NewSnapshot(0, []*Distribution{d})
	for _, b := range info.Config.behaviors() {
		i.Trusted = append(i.Trusted, b.TrustedKeyGroups.Items)
	}
	i.addHosts(d)
}

func (i *Inspection) addHosts(d *Distribution) {
	for _, name := range append([]string{d.DomainName}, d.Aliases...) {
		if len(i.Hosts) < MaxInspectedHosts && name[0] != '*' {
			i.Hosts = append(i.Hosts, name)
		}
	}
}
