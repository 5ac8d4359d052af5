// Package rotation replaces the keys that viewers' URLs and cookies are signed
// with, so that nobody notices. A key goes through its phases:
//
//	making      its pair is made in the key service
//	publishing  its public half is registered where the edge learns of it
//	admitting   it goes into the key group
//	waiting     until the edge serves with it
//	signing     it signs
//	retired     another signs; what this one signed is still good
//	leaving     it goes out of the key group
//	forgetting  its public half is deleted
//	destroying  its pair is destroyed
//
// What the package promises:
//
//   - No key signs before the edge serves with it.
//   - No key leaves before all that it signed has expired, nor while viewers still
//     come in by it, unless its owner says so.
//   - A Machine may die at any moment. Each phase is stored before its work
//     begins, each work can be done twice, and every key has a name before
//     anything is made under it. So the next Machine goes on, and nothing is left over.
//
// The package knows neither a store nor AWS; signing profiles and keyfront
// rotate-cloudfront bring their own.
package rotation

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Phase is where a key stands in its life.
type Phase string

// The phases, in their order.
const (
	Making     Phase = "making"
	Publishing Phase = "publishing"
	Admitting  Phase = "admitting"
	Waiting    Phase = "waiting"
	Signing    Phase = "signing"
	Retired    Phase = "retired"
	Leaving    Phase = "leaving"
	Forgetting Phase = "forgetting"
	Destroying Phase = "destroying"
)

// Pending reports whether the key has yet to sign.
func (p Phase) Pending() bool {
	return p == Making || p == Publishing || p == Admitting || p == Waiting
}

// Key is one signing key. Its times are zero until they have come.
type Key struct {
	// Name is drawn before anything is made: whoever makes something under it
	// twice makes it once.
	Name  string `json:"name"`
	Phase Phase  `json:"phase"`
	// Ref names the pair in the key service, Public is its public half in PEM,
	// ID its name at the edge: the Key-Pair-Id. Empty until they are known.
	Ref    string `json:"ref,omitempty"`
	Public string `json:"public,omitempty"`
	ID     string `json:"id,omitempty"`

	Made      time.Time `json:"made,omitzero"`
	Since     time.Time `json:"since,omitzero"` // when it began to sign
	RetiredAt time.Time `json:"retiredAt,omitzero"`
	// SignedUntil is not before the end of the longest validity that it signed.
	SignedUntil time.Time `json:"signedUntil,omitzero"`
	// FirstUse and LastUse are when viewers came in by it, as far as was noted.
	FirstUse time.Time `json:"firstUse,omitzero"`
	LastUse  time.Time `json:"lastUse,omitzero"`
	// Released keys leave whatever they signed and whoever still comes in by them.
	Released bool `json:"released,omitempty"`
}

// State is the keys of one rotation, oldest first.
type State struct {
	Keys []Key `json:"keys,omitempty"`
	// Wanted asks for a new key before the period is over.
	Wanted bool `json:"wanted,omitempty"`
	// Ending says that no key is to sign any more.
	Ending bool `json:"ending,omitempty"`
}

// Signer returns the key that signs, or nil.
func (s *State) Signer() *Key {
	for i := range s.Keys {
		if s.Keys[i].Phase == Signing {
			return &s.Keys[i]
		}
	}
	return nil
}

// Find returns the key with that id at the edge, or nil.
func (s *State) Find(id string) *Key {
	for i := range s.Keys {
		if s.Keys[i].ID == id && id != "" {
			return &s.Keys[i]
		}
	}
	return nil
}

func (s *State) index(name string) int {
	return slices.IndexFunc(s.Keys, func(k Key) bool { return k.Name == name })
}

// Clone returns a copy that shares nothing.
func (s State) Clone() State {
	s.Keys = slices.Clone(s.Keys)
	return s
}

// Rules say when a key has to go.
type Rules struct {
	// Period is how long a key signs.
	Period time.Duration
	// Validity is the longest validity of what is signed by a key that others
	// use without saying; a retired key is kept as long. Zero for those
	// whose SignedUntil is kept by who signs.
	Validity time.Duration
	// Quiet is how long nobody may have come in by a key before it leaves.
	Quiet time.Duration
}

// grace is how much longer a key is kept than what it signed is good, for
// clocks that differ.
const grace = time.Minute

// Service is where pairs are made. Its methods may be called again with the same
// arguments and then find their work done.
type Service interface {
	// Make makes the pair called name and returns its reference and its public
	// half in PEM.
	Make(ctx context.Context, name string) (ref, public string, err error)
	// Destroy destroys a pair, as soon as the service allows.
	Destroy(ctx context.Context, ref string) error
}

// Edge is where public halves go. As for Service, each method may be repeated.
type Edge interface {
	// Publish registers the public half of the key called name, and returns its id.
	Publish(ctx context.Context, name, public string) (id string, err error)
	// Admit puts the key into the key group.
	Admit(ctx context.Context, id string) error
	// Serving reports whether every edge lets in what the key signs.
	Serving(ctx context.Context, id string) (bool, error)
	// Seen tells when viewers first and last came in by the key, zero if never.
	Seen(ctx context.Context, id string) (first, last time.Time, err error)
	// Expel takes the key out of the key group.
	Expel(ctx context.Context, id string) error
	// Forget deletes the public half.
	Forget(ctx context.Context, id string) error
}

// Store keeps the State of one rotation.
type Store interface {
	Load(ctx context.Context) (State, error)
	// Change runs fn on the newest State and keeps the outcome before it
	// returns, or nothing of it when fn or Change fails. fn may run more than once.
	Change(ctx context.Context, fn func(*State) error) error
}

// Machine does the work of one rotation. It is for one goroutine. Two
// machines over one Store do no harm, but the same work.
type Machine struct {
	Store   Store
	Service Service
	Edge    Edge
	Rules   Rules
	Now     func() time.Time
	// NewName draws a name that no key ever had.
	NewName func() string
}

// errMoved says that another machine was faster.
var errMoved = errors.New("rotation: moved on meanwhile")

// Run does everything that is due. What fails of one key stops no other; the
// errors come joined, each with its key.
func (m *Machine) Run(ctx context.Context) error {
	for {
		did, err := m.step(ctx)
		if err != nil || !did {
			return err
		}
	}
}

// step brings each key that can be by one phase on, and begins a new one if that is due.
func (m *Machine) step(ctx context.Context) (did bool, err error) {
	s, err := m.Store.Load(ctx)
	if err != nil {
		return false, err
	}
	var errs []error
	if s.due(m.Now(), m.Rules) {
		errs = append(errs, m.begin(ctx))
		did = errs[0] == nil
	}
	for i := range s.Keys {
		moved, err := m.advance(ctx, &s, s.Keys[i])
		did = did || moved
		if err != nil && !errors.Is(err, errMoved) {
			errs = append(errs, fmt.Errorf("key %s, %s: %w", named(s.Keys[i]), s.Keys[i].Phase, err))
		}
	}
	return did, errors.Join(errs...)
}

// named is how a key is called before and after it has an id.
func named(k Key) string {
	if k.ID != "" {
		return k.ID
	}
	return k.Name
}

// due reports whether a new key is to be begun.
func (s *State) due(now time.Time, r Rules) bool {
	if s.Ending || slices.ContainsFunc(s.Keys, func(k Key) bool { return k.Phase.Pending() }) {
		return false
	}
	k := s.Signer()
	return k == nil || s.Wanted || !now.Before(k.Since.Add(r.Period))
}

func (m *Machine) begin(ctx context.Context) error {
	key := Key{Name: m.NewName(), Phase: Making, Made: m.Now()}
	return m.Store.Change(ctx, func(s *State) error {
		if s.due(m.Now(), m.Rules) {
			s.Keys = append(s.Keys, key)
		}
		return nil
	})
}

// advance does the work of k's phase and stores the next one. moved is false
// when there is nothing to do yet.
func (m *Machine) advance(ctx context.Context, s *State, k Key) (moved bool, err error) {
	next := k
	switch k.Phase {
	case Making:
		next.Ref, next.Public, err = m.Service.Make(ctx, k.Name)
		next.Phase = pick(s.Ending, Destroying, Publishing)
	case Publishing:
		next.ID, err = m.Edge.Publish(ctx, k.Name, k.Public)
		next.Phase = pick(s.Ending, Forgetting, Admitting)
	case Admitting:
		if !s.Ending {
			err = m.Edge.Admit(ctx, k.ID)
		}
		next.Phase = pick(s.Ending, Leaving, Waiting)
	case Waiting:
		if s.Ending {
			next.Phase = Leaving
			break
		}
		serving, err := m.Edge.Serving(ctx, k.ID)
		if err != nil || !serving {
			return false, err
		}
		return true, m.relieve(ctx, k)
	case Signing:
		if !s.Ending {
			return false, nil
		}
		m.retire(&next)
	case Retired:
		return m.release(ctx, k)
	case Leaving:
		err = m.Edge.Expel(ctx, k.ID)
		next.Phase = Forgetting
	case Forgetting:
		err = m.Edge.Forget(ctx, k.ID)
		next.Phase = Destroying
	case Destroying:
		if err := m.Service.Destroy(ctx, k.Ref); err != nil {
			return false, err
		}
		return true, m.Store.Change(ctx, func(s *State) error {
			s.Keys = slices.DeleteFunc(s.Keys, func(have Key) bool { return have.Name == k.Name && have.Phase == Destroying })
			return nil
		})
	}
	if err != nil {
		return false, err
	}
	return true, m.change(ctx, k, func(_ *State, have *Key) {
		have.Ref, have.Public, have.ID, have.Phase = next.Ref, next.Public, next.ID, next.Phase
		if next.Phase == Retired {
			m.retire(have)
		}
	})
}

func pick(ending bool, then, otherwise Phase) Phase {
	if ending {
		return then
	}
	return otherwise
}

// change stores what fn makes of k, if k is still where it was.
func (m *Machine) change(ctx context.Context, k Key, fn func(*State, *Key)) error {
	return m.Store.Change(ctx, func(s *State) error {
		i := s.index(k.Name)
		if i < 0 || s.Keys[i].Phase != k.Phase {
			return errMoved
		}
		fn(s, &s.Keys[i])
		return nil
	})
}

// relieve lets k sign in place of whoever does.
func (m *Machine) relieve(ctx context.Context, k Key) error {
	return m.change(ctx, k, func(s *State, have *Key) {
		for i := range s.Keys {
			if s.Keys[i].Phase == Signing {
				m.retire(&s.Keys[i])
			}
		}
		have.Phase, have.Since, s.Wanted = Signing, m.Now(), false
	})
}

func (m *Machine) retire(k *Key) {
	now := m.Now()
	k.Phase, k.RetiredAt = Retired, now
	if until := now.Add(m.Rules.Validity); m.Rules.Validity > 0 && until.After(k.SignedUntil) {
		k.SignedUntil = until
	}
}

// release lets a retired key leave when nothing holds it.
func (m *Machine) release(ctx context.Context, k Key) (moved bool, err error) {
	first, last, err := m.Edge.Seen(ctx, k.ID)
	if err != nil {
		return false, err
	}
	k.Note(first, last)
	if k.Held(m.Now(), m.Rules) != NotHeld {
		return false, nil
	}
	return true, m.change(ctx, k, func(_ *State, have *Key) {
		have.Note(first, last)
		have.Phase = Leaving
	})
}

// Note takes over when viewers came in by k; zero times say nothing.
func (k *Key) Note(first, last time.Time) {
	if !first.IsZero() && (k.FirstUse.IsZero() || first.Before(k.FirstUse)) {
		k.FirstUse = first
	}
	if last.After(k.LastUse) {
		k.LastUse = last
	}
}

// Hold is why a retired key stays.
type Hold uint8

// What holds a retired key.
const (
	NotHeld       Hold = iota
	HeldBySigned       // what it signed is still good, until SignedUntil
	HeldByTraffic      // viewers came in by it lately
)

// Held tells what holds a retired key at a moment.
func (k *Key) Held(now time.Time, r Rules) Hold {
	switch {
	case k.Released:
		return NotHeld
	case now.Before(k.SignedUntil.Add(grace)):
		return HeldBySigned
	case !k.LastUse.IsZero() && now.Before(k.LastUse.Add(r.Quiet)):
		return HeldByTraffic
	}
	return NotHeld
}

// Waits says in words what k waits for.
func (k *Key) Waits(now time.Time, r Rules) string {
	switch k.Phase {
	case Making:
		return "its pair to be made"
	case Publishing:
		return "its public half to be registered"
	case Admitting:
		return "its place in the key group"
	case Waiting:
		return "the edge to serve with it"
	case Signing:
		return "its rotation on " + stamp(k.Since.Add(r.Period))
	case Retired:
		switch k.Held(now, r) {
		case HeldBySigned:
			return "what it signed to expire on " + stamp(k.SignedUntil)
		case HeldByTraffic:
			return "viewers to stay away: the last came on " + stamp(k.LastUse)
		}
		return "its removal"
	case Leaving, Forgetting:
		return "its removal"
	case Destroying:
		return "its pair to be destroyed"
	}
	return ""
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
