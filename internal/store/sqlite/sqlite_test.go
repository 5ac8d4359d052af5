package sqlite_test

import (
	"fmt"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

func openRecords(t testing.TB, folder *store.Folder) *sqlite.Records {
	t.Helper()
	s, err := sqlite.Open(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func TestRecords(t *testing.T) {
	storetest.TestRecords(t, func(t *testing.T) (store.Records, func() store.Records) {
		// Characters that mean something in a URL, which a DSN is.
		folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data ?%20#&=é"))
		reopen := func() store.Records { return openRecords(t, folder) }
		return reopen(), reopen
	})
}

// BenchmarkGetLarge reads one of 100,000 values of 4 KiB, as those of small objects are,
// and reports the processor time of a View.
func BenchmarkGetLarge(b *testing.B) {
	const records, perUpdate = 100_000, 1000
	s := openRecords(b, storetest.OpenFolder(b, filepath.Join(b.TempDir(), "data")))
	key := func(i int) string { return fmt.Sprintf("%016x", i) }
	value := make([]byte, 4<<10)
	for begin := 0; begin < records; begin += perUpdate {
		err := s.Update(b.Context(), func(tx store.Writer) error {
			for i := range perUpdate {
				if err := tx.Put("large", key(begin+i), value); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	cpuTime := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	b.ReportAllocs()
	b.ResetTimer()
	before, n := cpuTime(), 0
	for ; b.Loop(); n++ {
		if got, err := get(s, "large", key(n*7919%records)); len(got) != len(value) {
			b.Fatal(len(got), err)
		}
	}
	b.ReportMetric(float64((cpuTime()-before).Nanoseconds())/float64(n)/1000, "cpu-µs/op")
}

func BenchmarkRecords(b *testing.B) {
	storetest.BenchmarkRecords(b, openRecords(b, storetest.OpenFolder(b, filepath.Join(b.TempDir(), "data"))))
}
