package dir_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

func TestFullDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 2<<20)
	if disk == nil {
		return
	}
	folder := storetest.OpenFolder(t, filepath.Join(disk.Path, "data"))
	s := openBlobs(t, folder)
	content := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, 300_000) }
	for round := range 3 {
		full := 0
		for ; ; full++ {
			err := putAll(s, fmt.Sprint(full), content(full))
			if errors.Is(err, store.ErrFull) && !errors.Is(err, store.ErrUncertain) {
				break
			}
			if err != nil || full > 10 {
				t.Fatalf("round %d, put %d on a small disk = %v, want ErrFull in the end", round, full, err)
			}
		}
		if full == 0 {
			t.Fatal("nothing fits on the small disk")
		}
		expectNoLeftovers(t, folder)
		if _, err := readAll(s, fmt.Sprint(full)); !errors.Is(err, store.ErrNotFound) {
			t.Errorf("the blob that did not fit = %v", err)
		}
		for i := range full {
			name := fmt.Sprint(i)
			if got, err := readAll(s, name); !bytes.Equal(got, content(i)) {
				t.Errorf("blob %d on the full disk has %d bytes, %v", i, len(got), err)
			}
			if err := s.Delete(ctx, name); err != nil {
				t.Errorf("Delete on the full disk = %v", err)
			}
		}
	}
}
