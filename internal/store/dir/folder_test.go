package dir_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

var (
	ctx     = context.Background()
	errDisk = errors.New("the disk is broken")
)

func putAll(s *dir.Blobs, name string, content []byte) error {
	w, err := s.Create(ctx, name)
	if err != nil {
		return err
	}
	defer w.Abort()
	if _, err := w.Write(content); err != nil {
		return err
	}
	return w.Commit(ctx)
}

func readAll(s *dir.Blobs, name string) ([]byte, error) {
	b, err := s.Open(ctx, name)
	if err != nil {
		return nil, err
	}
	defer b.Close()
	return io.ReadAll(io.NewSectionReader(b, 0, b.SizeBytes()))
}

func expectNoLeftovers(t *testing.T, folder *store.Folder) {
	t.Helper()
	files, err := fs.ReadDir(folder.Root().FS(), "blobs/tmp")
	if len(files) != 0 || err != nil {
		t.Errorf("unfinished blobs = %v, %v, want none", files, err)
	}
}

func TestAbortGivesSpaceBack(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	s := openBlobs(t, folder)
	for _, end := range []func(store.BlobWriter) error{
		store.BlobWriter.Abort,
		func(w store.BlobWriter) error { return w.Commit(ctx) },
		func(w store.BlobWriter) error { // the name is taken by now
			if err := w.Commit(ctx); !errors.Is(err, store.ErrExists) {
				return fmt.Errorf("Commit of a taken name = %w", err)
			}
			return nil
		},
		func(store.BlobWriter) error { return s.Close() },
	} {
		w, err := s.Create(ctx, "b")
		if err != nil {
			t.Fatal(err)
		}
		w.Write(make([]byte, 1<<20))
		if err := end(w); err != nil {
			t.Error(err)
		}
		expectNoLeftovers(t, folder)
	}
}

func TestLayout(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	s := openBlobs(t, folder)
	names := []string{"a", "a/b", "/", strings.Repeat("z/", 100)}
	for _, name := range names {
		if err := putAll(s, name, []byte(name)); err != nil {
			t.Fatal(err)
		}
	}
	// From docs/spec/folder.md; sha256sum gives the folders.
	want := map[string]string{
		"ca/a":                            "a",
		"c1/a_b":                          "a/b",
		"8a/_":                            "/",
		"16/" + strings.Repeat("z_", 100): strings.Repeat("z/", 100),
		"format":                          "keyfront blobs 1\n",
	}
	got := map[string]string{}
	folders := 0
	root := filepath.Join(folder.Path(), "blobs")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if entry.IsDir() {
			folders++
			if info.Mode().Perm() != 0o700 {
				t.Errorf("mode of folder %s = %v", path, info.Mode())
			}
			return nil
		}
		if info.Mode() != 0o600 {
			t.Errorf("mode of file %s = %v", path, info.Mode())
		}
		content, err := os.ReadFile(path)
		relative, _ := filepath.Rel(root, path)
		got[relative] = string(content)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if folders != 1+1+256 {
		t.Errorf("%d folders, want the root, tmp and those for blobs", folders)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("files = %q, want %q", got, want)
	}
}

func TestNewerFormat(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	openBlobs(t, folder).Close()
	if err := folder.Root().WriteFile("blobs/format", []byte("keyfront blobs 2\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := dir.Open(folder); !errors.Is(err, dir.ErrNewer) {
		t.Errorf("Open of a newer format = %v, want ErrNewer", err)
	}
}

// TestHalfMade opens what a crash in the first Open may have left.
func TestHalfMade(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	for _, name := range []string{"blobs", "blobs/tmp", "blobs/00", "blobs/07"} {
		if err := folder.Root().Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := folder.Root().WriteFile("blobs/tmp/format", []byte("keyf"), 0o600); err != nil {
		t.Fatal(err)
	}
	s := openBlobs(t, folder)
	if err := putAll(s, "b", []byte("b")); err != nil {
		t.Error(err)
	}
	expectNoLeftovers(t, folder)
}

// TestListWindow lists with every size of window, among files that are not ours.
func TestListWindow(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	s := openBlobs(t, folder)
	var want []string
	for i := range 41 {
		name := fmt.Sprintf("%c/%d", 'a'+i%3, i)
		want = append(want, name)
		if err := putAll(s, name, nil); err != nil {
			t.Fatal(err)
		}
	}
	slices.Sort(want)
	if err := putAll(s, "a", nil); err != nil { // to have its folder
		t.Fatal(err)
	}
	want = slices.Insert(want, 0, "a")
	for _, name := range []string{"blobs/ca/.nfs0001", "blobs/ca/lost+found"} {
		if err := folder.Root().WriteFile(name, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for window := 1; window <= 45; window++ {
		s.SetListWindow(window)
		for _, prefix := range []string{"", "b/"} {
			var got []string
			for info, err := range s.List(ctx, prefix) {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, info.Name)
			}
			expect := slices.DeleteFunc(slices.Clone(want), func(name string) bool { return !strings.HasPrefix(name, prefix) })
			if !slices.Equal(got, expect) {
				t.Errorf("List(%q) by windows of %d = %q, want %q", prefix, window, got, expect)
			}
		}
	}
}

// TestListWholeWindowDeleted deletes a window's blobs before they are yielded.
func TestListWholeWindowDeleted(t *testing.T) {
	s := openBlobs(t, storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data")))
	for i := range 9 {
		if err := putAll(s, fmt.Sprint(i), nil); err != nil {
			t.Fatal(err)
		}
	}
	s.SetListWindow(3)
	var got []string
	for info, err := range s.List(ctx, "") {
		if err != nil {
			t.Fatal(err)
		}
		if got = append(got, info.Name); len(got) == 1 {
			for _, name := range []string{"1", "2", "3", "4", "5"} {
				s.Delete(ctx, name)
			}
		}
	}
	if want := []string{"0", "6", "7", "8"}; !slices.Equal(got, want) {
		t.Errorf("List = %q, want %q", got, want)
	}
}
