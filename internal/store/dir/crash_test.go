package dir_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/dir"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
)

func TestMain(m *testing.M) { storetest.Main(m, crashWork) }

// crashContent is large enough that a torn write would show.
func crashContent(i int) []byte { return bytes.Repeat(fmt.Appendf(nil, "blob %d.", i), 3000) }

// crashWork puts blobs one after the other, each in two writes, deletes the
// second, and prints each answer before it goes on.
func crashWork(folder *store.Folder, step storetest.Step) error {
	s, err := dir.OpenStepwise(folder, step)
	if err != nil {
		return err
	}
	for i := range 2 {
		w, err := s.Create(ctx, fmt.Sprintf("crash/%d", i))
		if err != nil {
			return err
		}
		content := crashContent(i)
		w.Write(content[:len(content)/2])
		w.Write(content[len(content)/2:])
		if err := w.Commit(ctx); err != nil {
			return err
		}
		fmt.Println("put", i)
		if i == 1 {
			fmt.Println("deleting", i)
			if err := s.Delete(ctx, fmt.Sprintf("crash/%d", i)); err != nil {
				return err
			}
			fmt.Println("deleted", i)
		}
	}
	return nil
}

// TestKill kills a child between every two steps of its work, reopens, and expects
// what was acknowledged to be there, and anything else to be absent or whole.
func TestKill(t *testing.T) {
	storetest.Kill(t, 19, func(folder *store.Folder, at int, said []string, _ bool) {
		s := openBlobs(t, folder)
		checkCrash(t, at, folder, s, said)
		s.Close()
	})
}

func checkCrash(t *testing.T, at int, folder *store.Folder, s *dir.Blobs, said []string) {
	t.Helper()
	for i := range 2 {
		content, err := readAll(s, fmt.Sprintf("crash/%d", i))
		there := err == nil
		if err != nil && !errors.Is(err, store.ErrNotFound) || there && !bytes.Equal(content, crashContent(i)) {
			t.Errorf("killed at %d: blob %d has %d bytes, %v", at, i, len(content), err)
		}
		if slices.Contains(said, fmt.Sprint("put ", i)) && !slices.Contains(said, fmt.Sprint("deleting ", i)) && !there {
			t.Errorf("killed at %d: blob %d was acknowledged and is lost", at, i)
		}
		if slices.Contains(said, fmt.Sprint("deleted ", i)) && there {
			t.Errorf("killed at %d: blob %d was deleted and is back", at, i)
		}
		// What is there may be deleted, what is not may be put again.
		name := fmt.Sprintf("crash/%d", i)
		if err := s.Delete(ctx, name); err != nil {
			t.Errorf("killed at %d: %v", at, err)
		}
		if err := putAll(s, name, content); err != nil {
			t.Errorf("killed at %d: %v", at, err)
		}
	}
	expectNoLeftovers(t, folder)
}

// TestFailures fails every step of a change, once before it is done and once after,
// and expects the state from before or the new one, as the answer said.
func TestFailures(t *testing.T) {
	for _, step := range []string{"create", "write", "sync", "make folders", "link", "sync folder", "remove", "delete"} {
		for _, done := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/done=%v", step, done), func(t *testing.T) {
				folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
				s := openBlobs(t, folder)
				if err := putAll(s, "before", []byte("before")); err != nil {
					t.Fatal(err)
				}
				s.Close()
				removeEmptyFolders(t, folder)

				failing, failed := true, 0
				s, err := dir.OpenStepwise(folder, func(got string, do func() error) error {
					if !failing || got != step || failed > 0 {
						return do()
					}
					failed++
					if done {
						if err := do(); err != nil {
							return err
						}
					}
					return errDisk
				})
				if err != nil {
					t.Fatal(err)
				}
				defer s.Close()
				putErr := putAll(s, "new", []byte("new"))
				deleteErr := s.Delete(ctx, "before")
				failing = false
				if failed != 1 {
					t.Fatalf("step %q was failed %d times", step, failed)
				}
				// Removing the unfinished file after a commit is housekeeping.
				if wantErr := step != "delete" && step != "remove"; errors.Is(putErr, errDisk) != wantErr {
					t.Errorf("put = %v, want an error: %v", putErr, wantErr)
				}
				if errors.Is(putErr, store.ErrUncertain) {
					t.Errorf("put = %v, though the failure could be undone", putErr)
				}
				if wantErr := step == "delete"; errors.Is(deleteErr, errDisk) != wantErr {
					t.Errorf("Delete = %v, want an error: %v", deleteErr, wantErr)
				}

				check := func(s *dir.Blobs) {
					t.Helper()
					content, err := readAll(s, "new")
					if visible := err == nil; visible != (putErr == nil) || visible && string(content) != "new" {
						t.Errorf("new = %q, %v, after put = %v", content, err, putErr)
					}
					content, err = readAll(s, "before")
					if visible := err == nil; deleteErr == nil && visible || visible && string(content) != "before" {
						t.Errorf("before = %q, %v, after Delete = %v", content, err, deleteErr)
					}
				}
				check(s)
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				s = openBlobs(t, folder)
				check(s)
				expectNoLeftovers(t, folder)
				if putErr != nil {
					if err := putAll(s, "new", []byte("new")); err != nil {
						t.Errorf("put after the failure = %v", err)
					}
				}
			})
		}
	}
}

// removeEmptyFolders removes folders that hold no blob, as if they had not been
// made yet.
func removeEmptyFolders(t *testing.T, folder *store.Folder) {
	t.Helper()
	shards, err := filepath.Glob(filepath.Join(folder.Path(), "blobs", "[0-9a-f][0-9a-f]"))
	if err != nil || len(shards) != 256 {
		t.Fatalf("%d folders for blobs, %v", len(shards), err)
	}
	for _, shard := range shards {
		if err := os.Remove(shard); err != nil && !errors.Is(err, syscall.ENOTEMPTY) {
			t.Fatal(err)
		}
	}
}

// TestDiskStaysBroken fails the sync of the name and everything after it.
func TestDiskStaysBroken(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	broken := false
	s, err := dir.OpenStepwise(folder, func(step string, do func() error) error {
		if broken = broken || step == "sync folder"; broken {
			return errDisk
		}
		return do()
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := putAll(s, "b", []byte("b")); !errors.Is(err, store.ErrUncertain) || !errors.Is(err, errDisk) {
		t.Errorf("Commit that can be neither done nor undone = %v, want ErrUncertain", err)
	}
}

// TestFailedCommitSparesOthers lets a second writer win a name between the steps of
// a first one that then fails.
func TestFailedCommitSparesOthers(t *testing.T) {
	folder := storetest.OpenFolder(t, filepath.Join(t.TempDir(), "data"))
	var s *dir.Blobs
	nested := false
	s, err := dir.OpenStepwise(folder, func(step string, do func() error) error {
		if step != "link" || nested {
			return do()
		}
		nested = true
		if err := putAll(s, "b", []byte("second")); err != nil {
			t.Error(err)
		}
		return errDisk
	})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := putAll(s, "b", []byte("first")); !errors.Is(err, errDisk) {
		t.Errorf("failing Commit = %v", err)
	}
	if got, err := readAll(s, "b"); string(got) != "second" {
		t.Errorf("blob = %q, %v, want the second writer's", got, err)
	}
}
