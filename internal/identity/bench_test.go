package identity_test

import (
	"context"
	"path/filepath"
	"runtime"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

// BenchmarkOpen loads 100,000 users, each with an access key, an inline policy, a
// managed one and a group, from SQLite.
func BenchmarkOpen(b *testing.B) {
	folder, err := store.OpenFolder(filepath.Join(b.TempDir(), "data"))
	if err != nil {
		b.Fatal(err)
	}
	defer folder.Close()
	records, err := sqlite.Open(folder)
	if err != nil {
		b.Fatal(err)
	}
	defer records.Close()
	if err := identity.Seed(b.Context(), open(b, records, identity.AccessKey{}), 25, 4000); err != nil {
		b.Fatal(err)
	}
	var s *identity.Service
	before := heap()
	b.ReportAllocs()
	for b.Loop() {
		s = nil
		s = open(b, records, identity.AccessKey{})
	}
	b.ReportMetric(float64(heap()-before)/(1<<20), "MiB")
	runtime.KeepAlive(s)
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func seeded(tb testing.TB) *identity.Service {
	tb.Helper()
	s := open(tb, newRecords(), identity.AccessKey{})
	if err := identity.Seed(context.Background(), s, 1, 1000); err != nil {
		tb.Fatal(err)
	}
	return s
}

func BenchmarkLookupAndPolicies(b *testing.B) {
	s := seeded(b)
	id := identity.AnyUserKey(s)
	b.ReportAllocs()
	for b.Loop() {
		c, err := s.Lookup(id, "", now)
		if err != nil {
			b.Fatal(err)
		}
		var p policy.Policies
		s.PoliciesOf(&c.Principal, &p)
		if len(p.Identity) != 3 {
			b.Fatalf("%d policies, want 3", len(p.Identity))
		}
	}
}

// BenchmarkLookupSession looks up a session that was seen before.
func BenchmarkLookupSession(b *testing.B) {
	w := newWorld(b)
	s, err := w.admin.SessionToken(b.Context(), w.caller(w.user(b, "alice")), time.Hour, identity.MFA{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := w.service.Lookup(s.ID, s.SessionToken, now); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkLookupNewSession opens a token each time.
func BenchmarkLookupNewSession(b *testing.B) {
	w := newWorld(b)
	who := w.caller(w.user(b, "alice"))
	s, err := w.admin.SessionToken(b.Context(), who, time.Hour, identity.MFA{})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		w.service.ForgetSessions()
		if _, err := w.service.Lookup(s.ID, s.SessionToken, now); err != nil {
			b.Fatal(err)
		}
	}
}

func TestLookupAllocatesNothing(t *testing.T) {
	s := seeded(t)
	id := identity.AnyUserKey(s)
	allocs := testing.AllocsPerRun(100, func() {
		c, err := s.Lookup(id, "", now)
		if err != nil {
			t.Fatal(err)
		}
		var p policy.Policies
		s.PoliciesOf(&c.Principal, &p)
	})
	if allocs != 0 {
		t.Errorf("%v allocations, want none", allocs)
	}
}

var _ access.Identities = (*identity.Service)(nil)
