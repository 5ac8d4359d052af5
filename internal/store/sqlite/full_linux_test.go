package sqlite_test

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

// TestFullDisk fills the disk within one transaction, and expects ErrFull, and
// reads and writes that go on.
func TestFullDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 4<<20)
	if disk == nil {
		return
	}
	folder := storetest.OpenFolder(t, filepath.Join(disk.Path, "data"))
	s := openRecords(t, folder)
	if err := crashUpdate(s, "first"); err != nil {
		t.Fatal(err)
	}
	value := bytes.Repeat([]byte("v"), 50_000)
	for name, fill := range map[string]func() error{
		"one Update": func() error {
			return s.Update(ctx, func(tx store.Writer) error {
				for i := range 200 {
					if err := tx.Put("fill", fmt.Sprintf("one.%d", i), value); err != nil {
						return err
					}
				}
				return nil
			})
		},
		"one Update that hides it": func() error {
			return s.Update(ctx, func(tx store.Writer) error {
				for i := range 200 {
					tx.Put("fill", fmt.Sprintf("hides.%d", i), value)
				}
				return nil
			})
		},
	} {
		before, err := s.Changes(ctx, "fill")
		if err != nil {
			t.Fatal(err)
		}
		err = fill()
		if !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUncertain) {
			t.Errorf("%s on a full disk = %v, want ErrFull", name, err)
		}
		if after, err := s.Changes(ctx, "fill"); after != before || err != nil {
			t.Errorf("%s: Changes = %d, %v, before %d", name, after, err, before)
		}
		err = s.View(ctx, func(tx store.Reader) error {
			for record, err := range tx.Scan("fill", store.Range{}) {
				return fmt.Errorf("record %s is there, %w", record.Key, err)
			}
			return nil
		})
		if err != nil {
			t.Errorf("%s: after it failed, %v", name, err)
		}
		if err := crashUpdate(s, name); err != nil {
			t.Errorf("%s: Update after it = %v", name, err)
		}
	}
	s.Close()
	if n := len(checkWhole(t, "after reopening", openRecords(t, folder))); n != 3 {
		t.Errorf("%d records after reopening, want 3", n)
	}
}

// TestFillingDisk fills the disk by many Updates beside another's file, makes room,
// and expects every one that was acknowledged.
func TestFillingDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 4<<20)
	if disk == nil {
		return
	}
	folder := storetest.OpenFolder(t, filepath.Join(disk.Path, "data"))
	s := openRecords(t, folder)
	if err := folder.Root().WriteFile("ballast", make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	put := func(i int) error {
		return s.Update(ctx, func(tx store.Writer) error {
			return tx.Put("fill", fmt.Sprintf("%03d", i), bytes.Repeat([]byte{byte(i)}, 20_000))
		})
	}
	acknowledged := 0
	var err error
	for ; err == nil && acknowledged < 300; acknowledged++ {
		err = put(acknowledged)
	}
	acknowledged-- // the last failed
	if !errors.Is(err, store.ErrFull) || errors.Is(err, store.ErrUncertain) {
		t.Fatalf("Update %d on a filling disk = %v, want ErrFull", acknowledged, err)
	}
	check := func(when string) {
		t.Helper()
		n := 0
		err := s.View(ctx, func(tx store.Reader) error {
			for record, err := range tx.Scan("fill", store.Range{}) {
				if err != nil {
					return err
				}
				if !bytes.Equal(record.Value, bytes.Repeat([]byte{byte(n)}, 20_000)) {
					t.Errorf("%s: record %s has wrong bytes", when, record.Key)
				}
				n++
			}
			return nil
		})
		if n != acknowledged || err != nil {
			t.Errorf("%s: %d records, %v, want %d", when, n, err, acknowledged)
		}
	}
	check("on the full disk")
	if err := folder.Root().Remove("ballast"); err != nil {
		t.Fatal(err)
	}
	if err := put(acknowledged); err != nil {
		t.Errorf("Update after there was room = %v", err)
	}
	acknowledged++
	check("with room")
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	s = openRecords(t, folder)
	check("after reopening")
}

// TestOpenOnFullDisk fills the disk while the database is closed: the file in which
// connections share what they know of the log then finds no room.
func TestOpenOnFullDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 1<<20)
	if disk == nil {
		return
	}
	folder := storetest.OpenFolder(t, filepath.Join(disk.Path, "data"))
	s := openRecords(t, folder)
	if err := crashUpdate(s, "first"); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	ballast, err := folder.Root().Create("ballast")
	if err != nil {
		t.Fatal(err)
	}
	for page := make([]byte, 4096); err == nil; {
		_, err = ballast.Write(page)
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("filling the disk ends with %v, want %v", err, syscall.ENOSPC)
	}
	if s, err := sqlite.Open(folder); !errors.Is(err, store.ErrFull) {
		t.Errorf("Open on a full disk = %v, %v, want %v", s, err, store.ErrFull)
	}
	if err := errors.Join(ballast.Close(), folder.Root().Remove("ballast")); err != nil {
		t.Fatal(err)
	}
	checkWhole(t, "with room", openRecords(t, folder))
}
