package store_test

import (
	"errors"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

func TestReadOnlyFolder(t *testing.T) {
	disk := storetest.SmallDisk(t, 1<<20)
	if disk == nil {
		return
	}
	path := filepath.Join(disk.Path, "data")
	for _, readOnly := range []bool{true, false, true, false} {
		disk.SetReadOnly(readOnly)
		f, err := store.OpenFolder(path)
		if readOnly {
			if !errors.Is(err, syscall.EROFS) {
				t.Errorf("OpenFolder on a read-only disk = %v, want EROFS", err)
			}
			continue
		}
		if err != nil {
			t.Fatalf("OpenFolder after the disk became writable = %v", err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
