package signer_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/rotation"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/signedurl"
)

// day is as long as the profile's signatures may be good.
const day = 24 * time.Hour

func (w *world) sign(valid time.Duration) (url, keyPairID string) {
	w.t.Helper()
	out, err := w.SignURLs(w.t.Context(), w.me(), "links", []string{film}, "", signer.Grant{ValidFor: valid})
	if err != nil {
		w.t.Fatal(err)
	}
	return out.URLs[0], out.KeyPairID
}

// alone wants the profile to have one key, which signs, and no other left anywhere.
func (w *world) alone(what string) {
	w.t.Helper()
	st := w.status()
	if len(st.Keys) != 1 || st.Keys[0].Phase != rotation.Signing {
		w.t.Fatalf("%s: keys %+v, problem %q, want one that signs", what, st.Keys, st.Problem)
	}
	if trusted := w.trusted(st.Group); len(trusted) != 1 || w.publics() != 1 || w.enabled() != 1 {
		w.t.Errorf("%s: %d keys in the group, %d public keys, %d in the key service, want one of each", what, len(trusted), w.publics(), w.enabled())
	}
}

func TestRotatesUnseen(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	w.alone("made")
	w.clock.Advance(signer.DefaultPeriod - time.Hour)
	url, old := w.sign(day)
	w.Settle(t.Context())
	w.alone("before the period is over")
	w.clock.Advance(time.Hour)
	w.Settle(t.Context())
	_, young := w.sign(time.Hour)
	if young == old || len(w.status().Keys) != 2 || !w.admits(st.Group, url) {
		t.Fatalf("after the period: signs by %s, had %s; keys %+v", young, old, w.status().Keys)
	}
	// What was signed lives to its end, the key no longer.
	w.clock.Advance(day - time.Hour - 2*time.Second)
	w.Settle(t.Context())
	if !w.admits(st.Group, url) {
		t.Error("a URL died of the rotation")
	}
	w.clock.Advance(5 * time.Minute)
	w.Settle(t.Context())
	w.alone("after the last URL")
}

// A key stays no longer than what it signed, rounded up a little.
func TestKeysLeaveSoon(t *testing.T) {
	w := newWorld(t)
	w.profile()
	_, old := w.sign(time.Hour)
	if _, err := w.Rotate(t.Context(), w.me(), "links"); err != nil {
		t.Fatal(err)
	}
	until := w.status().Rotation.Find(old).SignedUntil.Sub(w.clock.Now())
	if until < time.Hour-time.Minute || until > time.Hour+day/8 {
		t.Errorf("the old key is kept for %v, want about an hour", until)
	}
	w.clock.Advance(until + 2*time.Minute)
	w.Settle(t.Context())
	w.alone("after what it signed")
}

func TestTrafficHoldsAKey(t *testing.T) {
	w := newWorld(t)
	w.profile()
	_, old := w.sign(time.Hour)
	if _, err := w.Rotate(t.Context(), w.me(), "links"); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(day)
	w.seen[old] = w.clock.Now()
	w.clock.Advance(time.Hour)
	w.Settle(t.Context())
	st := w.status()
	if len(st.Keys) != 2 || !strings.Contains(st.Keys[0].Waits, "viewers to stay away") || !st.Keys[0].LastUse.Equal(w.seen[old]) {
		t.Fatalf("keys %+v, want the old one held by its traffic", st.Keys)
	}
	if _, err := w.Release(t.Context(), w.me(), "links", old); err != nil {
		t.Fatal(err)
	}
	w.alone("told to remove")

	if _, err := w.Release(t.Context(), w.me(), "links", w.status().Keys[0].ID); !errors.Is(err, signer.ErrStillSigns) {
		t.Errorf("Release of the key that signs = %v, want ErrStillSigns", err)
	}
	if _, err := w.Release(t.Context(), w.me(), "links", old); !errors.Is(err, signer.ErrNoKey) {
		t.Errorf("Release of a key that is gone = %v, want ErrNoKey", err)
	}
}

// When the edge saw a key is known after a restart.
func TestUsesSurvive(t *testing.T) {
	w := newWorld(t)
	w.profile()
	_, id := w.sign(time.Hour)
	w.seen[id] = w.clock.Now().Truncate(time.Second)
	signer.NoteUses(w.Service, t.Context())
	want := w.seen[id]
	delete(w.seen, id)
	w.open(w.records)
	if got := w.status().Keys[0]; !got.FirstUse.Equal(want) || !got.LastUse.Equal(want) {
		t.Errorf("after a restart first and last use are %v and %v, want %v", got.FirstUse, got.LastUse, want)
	}
}

// Whenever the process dies in a rotation, the next one goes on and leaves
// nothing behind; no URL dies meanwhile.
func TestCrashInRotation(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			st := w.profile()
			url, _ := w.sign(day)
			dying := &mortal{Records: w.records, dieAt: at, after: after}
			w.open(dying)
			_, _ = w.Rotate(t.Context(), w.me(), "links") // dies somewhere

			w.open(w.records)
			w.Settle(t.Context())
			if !w.admits(st.Group, url) {
				t.Errorf("died at update %d, after it %v: a URL died too", at, after)
			}
			if young, _ := w.sign(time.Hour); !w.admits(st.Group, young) {
				t.Errorf("died at update %d, after it %v: signs by a key that the edge does not know", at, after)
			}
			w.clock.Advance(2 * day)
			died := dying.updates >= at
			dying = &mortal{Records: w.records, dieAt: at, after: after}
			w.open(dying)
			w.Settle(t.Context()) // dies while the old key leaves
			w.open(w.records)
			w.Settle(t.Context())
			w.alone("died at update")
			if !died && dying.updates < at {
				if at < 8 {
					t.Errorf("only %d updates were tried", at)
				}
				break
			}
		}
	}
}

func TestCrashInTheBeginning(t *testing.T) {
	for _, after := range []bool{false, true} {
		for at := 1; ; at++ {
			w := newWorld(t)
			dying := &mortal{Records: w.records, dieAt: at, after: after}
			w.open(dying)
			c := signer.ProfileConfig{Resources: []string{"https://example.com/films/*"}}
			_, _ = w.Create(t.Context(), w.me(), "links", c)
			w.open(w.records)
			if _, err := w.Create(t.Context(), w.me(), "links", c); err != nil && !errors.Is(err, signer.ErrExists) {
				t.Fatal(err)
			}
			w.Settle(t.Context())
			w.alone("died in the beginning")
			if dying.updates < at {
				break
			}
		}
	}
}

func TestDelete(t *testing.T) {
	for _, now := range []bool{false, true} {
		w := newWorld(t)
		st := w.profile()
		url, _ := w.sign(day)
		if err := w.Delete(t.Context(), w.me(), "links", now); err != nil {
			t.Fatal(err)
		}
		if _, err := w.SignURLs(t.Context(), w.me(), "links", []string{film}, "", signer.Grant{}); !errors.Is(err, signer.ErrDeleting) && !errors.Is(err, signer.ErrNoProfile) {
			t.Errorf("SignURLs of a deleted profile = %v", err)
		}
		if !now {
			if !w.admits(st.Group, url) {
				t.Error("a URL died of the deletion of its profile")
			}
			w.clock.Advance(2 * day)
			w.Settle(t.Context())
		}
		if _, err := w.Get(t.Context(), w.me(), "links"); !errors.Is(err, signer.ErrNoProfile) {
			t.Errorf("Get after its keys left = %v, want ErrNoProfile", err)
		}
		if _, err := w.groups.GetKeyGroup(t.Context(), w.me(), st.Group); !errors.Is(err, delivery.ErrNoKeyGroup) || w.publics() != 0 || w.enabled() != 0 {
			t.Errorf("key group: %v, %d public keys, %d in the key service, want none", err, w.publics(), w.enabled())
		}
	}
}

// The keys go into a key group that is there, and take no other's place.
func TestForeignKeyGroup(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	other, err := w.Create(t.Context(), w.me(), "second", signer.ProfileConfig{KeyGroup: st.Group, Resources: []string{"https://example.com/*"}})
	if err != nil || other.Group != st.Group || len(w.trusted(st.Group)) != 2 {
		t.Fatalf("Create = %+v, %v", other, err)
	}
	if err := w.Delete(t.Context(), w.me(), "second", true); err != nil {
		t.Fatal(err)
	}
	w.alone("the second profile is gone")

	if _, err := w.Create(t.Context(), w.me(), "third", signer.ProfileConfig{KeyGroup: "absent", Resources: []string{"https://example.com/*"}}); !errors.Is(err, signer.ErrInvalid) {
		t.Errorf("Create with an absent key group = %v", err)
	}
	// Who may not change the group must not have a profile change it.
	clerk := w.user("clerk", `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["keyfront:*","kms:*"],"Resource":"*"}}`)
	if _, err := w.Create(t.Context(), clerk, "third", signer.ProfileConfig{KeyGroup: st.Group, Resources: []string{"https://example.com/*"}}); err == nil {
		t.Error("Create without cloudfront:UpdateKeyGroup succeeded")
	}
}

// A full key group is told, and does not stop the key that signs.
func TestFullKeyGroup(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	for _, name := range []string{"b", "c", "d", "e"} {
		if _, err := w.Create(t.Context(), w.me(), name, signer.ProfileConfig{KeyGroup: st.Group, Resources: []string{"https://example.com/*"}}); err != nil {
			t.Fatal(err)
		}
	}
	got, err := w.Rotate(t.Context(), w.me(), "links")
	if err != nil || len(got.Keys) != 2 || !strings.Contains(got.Problem, "at most 5 public keys") {
		t.Fatalf("Rotate in a full group = %+v, %v", got, err)
	}
	if url, _ := w.sign(time.Hour); !w.admits(st.Group, url) {
		t.Error("the old key stopped signing")
	}
	if err := w.Delete(t.Context(), w.me(), "e", true); err != nil {
		t.Fatal(err)
	}
	w.Settle(t.Context())
	if got := w.status(); got.Problem != "" || got.Rotation.Wanted {
		t.Errorf("with room in the group: %+v", got)
	}
}

func TestUpdate(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	_, old := w.sign(time.Hour)
	got, err := w.Update(t.Context(), w.me(), "links", signer.ProfileConfig{Algorithm: signer.RSA, Resources: []string{"https://example.com/*"}, LongestValidity: time.Hour})
	if err != nil || got.Config.LongestValidity != time.Hour {
		t.Fatalf("Update = %+v, %v", got, err)
	}
	if url, id := w.sign(time.Hour); id != old || !w.admits(st.Group, url) {
		t.Error("the key that was there no longer signs")
	}
	if _, err := w.Rotate(t.Context(), w.me(), "links"); err != nil {
		t.Fatal(err)
	}
	if url, id := w.sign(time.Hour); id == old || len(url) < 300 || !w.admits(st.Group, url) {
		t.Errorf("after a rotation the profile signs %s", url)
	}
	if _, err := w.Update(t.Context(), w.me(), "links", signer.ProfileConfig{KeyGroup: st.Group, Resources: []string{"https://example.com/*"}}); err != nil {
		t.Errorf("Update that names the key group = %v", err)
	}
	if _, err := w.Update(t.Context(), w.me(), "links", signer.ProfileConfig{KeyGroup: "other", Resources: []string{"https://example.com/*"}}); !errors.Is(err, signer.ErrInvalid) {
		t.Errorf("Update of the key group = %v, want ErrInvalid", err)
	}
}

func TestRefusesProfiles(t *testing.T) {
	w := newWorld(t)
	w.profile()
	good := signer.ProfileConfig{Resources: []string{"https://example.com/*"}}
	for _, tt := range []struct {
		name string
		edit func(*signer.ProfileConfig)
		want error
	}{
		{"links", func(*signer.ProfileConfig) {}, signer.ErrExists},
		{"", func(*signer.ProfileConfig) {}, signer.ErrInvalid},
		{"a/b", func(*signer.ProfileConfig) {}, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = nil }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"*"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"https://example.com"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"https:///a"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"https://example.com/a?b"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"https://example.com/../*"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Resources = []string{"https://example.com/a b"} }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Algorithm = "ED25519" }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.LongestValidity = time.Second }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.Period = time.Minute }, signer.ErrInvalid},
		{"a", func(c *signer.ProfileConfig) { c.AddressBits = 33 }, signer.ErrInvalid},
	} {
		c := good
		tt.edit(&c)
		if _, err := w.Create(t.Context(), w.me(), tt.name, c); !errors.Is(err, tt.want) {
			t.Errorf("Create(%q, %+v) = %v, want %v", tt.name, c, err, tt.want)
		}
	}
	all, err := w.List(t.Context(), w.me())
	if err != nil || len(all) != 1 || all[0].Name != "links" {
		t.Errorf("List = %v, %v", all, err)
	}
	elsewhere := w.me()
	elsewhere.Region = "eu-west-1"
	if all, err := w.List(t.Context(), elsewhere); err != nil || len(all) != 0 {
		t.Errorf("List of another region = %v, %v", all, err)
	}
}

// Another process's changes are taken over.
func TestFollowsOthers(t *testing.T) {
	w := newWorld(t)
	w.profile()
	mine := w.Service
	w.open(w.records)
	theirs := w.Service
	if _, err := theirs.Rotate(t.Context(), w.me(), "links"); err != nil {
		t.Fatal(err)
	}
	if err := signer.Refresh(mine, t.Context()); err != nil {
		t.Fatal(err)
	}
	a, err := mine.Get(t.Context(), w.me(), "links")
	b, berr := theirs.Get(t.Context(), w.me(), "links")
	if err != nil || berr != nil || a.Rotation.Signer().ID != b.Rotation.Signer().ID {
		t.Errorf("one signs by %+v, the other by %+v", a.Rotation, b.Rotation)
	}
}

// Whoever signs while keys rotate gets URLs that work, all the time.
func TestSignsWhileRotating(t *testing.T) {
	w := newWorld(t)
	st := w.profile()
	var (
		signers sync.WaitGroup
		mu      sync.Mutex
		urls    []string
	)
	done := make(chan struct{})
	for range 4 {
		signers.Go(func() {
			for {
				out, err := w.SignURLs(t.Context(), w.me(), "links", []string{film}, "", signer.Grant{ValidFor: time.Hour})
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				urls = append(urls, out.URLs...)
				mu.Unlock()
				select {
				case <-done:
					return
				default:
				}
			}
		})
	}
	for range 3 {
		if _, err := w.Rotate(t.Context(), w.me(), "links"); err != nil {
			t.Error(err)
		}
	}
	close(done)
	signers.Wait()
	trusted := w.trusted(st.Group)
	for _, url := range urls {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		q := signedurl.Request{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery}
		if result := signedurl.Verify(&q, trusted, w.clock.Now(), nil); !result.Allowed() {
			t.Fatalf("the edge refuses %s: %v", url, result.Reason)
		}
	}
}
