package storetest

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

func testBlobNames(t *testing.T, s store.Blobs) {
	long := strings.Repeat("z", store.MaxNameBytes)
	for _, name := range []string{"a", "a/a", "a//a", "/", "//", "/a", "a/", "-", "a-a", "0", long, long[1:]} {
		putBlob(t, s, name, []byte(name))
	}
	for _, info := range list(t, s, "") {
		expectBlob(t, s, info.Name, []byte(info.Name))
	}
	for _, name := range []string{"", long + "z", "A", ".", "..", "../a", "a/../b", "a_a", "a\x00", "é", "a b"} {
		_, createErr := s.Create(t.Context(), name)
		_, openErr := s.Open(t.Context(), name)
		for call, err := range map[string]error{
			"Create": createErr,
			"Open":   openErr,
			"Delete": s.Delete(t.Context(), name),
		} {
			if !errors.Is(err, store.ErrName) {
				t.Errorf("%s(%q) = %v, want ErrName", call, name, err)
			}
		}
	}
}

func testBlobList(t *testing.T, s store.Blobs) {
	if got := list(t, s, ""); len(got) != 0 {
		t.Errorf("List of an empty store = %v", got)
	}
	names := []string{"-", "/", "/a", "0", "a", "a-b", "a/", "a/-", "a/b", "a/b/c", "a0", "aa", "b", "zz"}
	for _, n := range rand.New(rand.NewPCG(1, 2)).Perm(len(names)) {
		putBlob(t, s, names[n], noise(n))
	}
	for _, prefix := range []string{"", "a", "a/", "a/b", "a/b/c", "a/b/c/d", "/", "zz", "zzz", "z-", "A", "a_", "\xff"} {
		want := []store.BlobInfo{}
		for n, name := range names {
			if strings.HasPrefix(name, prefix) {
				want = append(want, store.BlobInfo{Name: name, SizeBytes: int64(n)})
			}
		}
		if got := list(t, s, prefix); !slices.Equal(got, want) {
			t.Errorf("List(%q) = %v, want %v", prefix, got, want)
		}
	}
	for info, err := range s.List(t.Context(), "a") {
		if info.Name != "a" || err != nil {
			t.Errorf("List(a) begins with %v, %v", info, err)
		}
		break
	}
}

// testBlobListAndDelete sweeps while it walks, as an owner does.
func testBlobListAndDelete(t *testing.T, s store.Blobs) {
	const n = 120
	for i := range n {
		putBlob(t, s, fmt.Sprintf("sweep/%03d", i), nil)
	}
	met := 0
	for info, err := range s.List(t.Context(), "sweep/") {
		if err != nil {
			t.Fatal(err)
		}
		met++
		if err := s.Delete(t.Context(), info.Name); err != nil {
			t.Fatal(err)
		}
	}
	if left := list(t, s, ""); met != n || len(left) != 0 {
		t.Errorf("List met %d of %d while they were deleted, left %v", met, n, left)
	}
}

func testBlobOneWinner(t *testing.T, s store.Blobs) {
	const writers = 8
	for round := range 10 {
		name := fmt.Sprintf("race/%d", round)
		var mu sync.Mutex
		winners := []int{}
		var group sync.WaitGroup
		for w := range writers {
			group.Go(func() {
				err := tryPutBlob(t.Context(), s, name, noise(1000+w))
				if err == nil {
					mu.Lock()
					winners = append(winners, w)
					mu.Unlock()
				} else if !errors.Is(err, store.ErrExists) {
					t.Errorf("Commit among others = %v", err)
				}
			})
		}
		group.Wait()
		if len(winners) != 1 {
			t.Fatalf("winners of one name = %v, want one", winners)
		}
		expectBlob(t, s, name, noise(1000+winners[0]))
	}
}

func testBlobConcurrency(t *testing.T, s store.Blobs) {
	const workers, rounds = 8, 20
	var group sync.WaitGroup
	for w := range workers {
		group.Go(func() {
			for i := range rounds {
				name := fmt.Sprintf("w%d/%d", w, i)
				if err := tryPutBlob(t.Context(), s, name, noise(w*1000+i)); err != nil {
					t.Errorf("blob %s: %v", name, err)
					return
				}
				if got, err := getBlob(t.Context(), s, name); !bytes.Equal(got, noise(w*1000+i)) || err != nil {
					t.Errorf("blob %s has %d bytes, %v", name, len(got), err)
				}
				if i%2 == 1 {
					if err := s.Delete(t.Context(), name); err != nil {
						t.Errorf("Delete(%s) = %v", name, err)
					}
				}
			}
		})
	}
	group.Wait()
	if got, want := len(list(t, s, "w")), workers*rounds/2; got != want {
		t.Errorf("%d blobs are left, want %d", got, want)
	}
}
