//go:build unix

package store_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/store"
)

// holdEnv makes the test program hold the folder it names until it is killed.
const holdEnv = "KEYFRONT_TEST_HOLD_FOLDER"

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		if _, err := store.OpenFolder(path); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Println("held")
		io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestFolderIsHeldByOneProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), holdEnv+"="+path)
	if _, err := child.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	stdout, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer child.Process.Kill()
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if line != "held\n" {
		t.Fatalf("child said %q, %v", line, err)
	}

	_, err = store.OpenFolder(path)
	if !errors.Is(err, store.ErrLocked) {
		t.Fatalf("OpenFolder of a held folder = %v, want ErrLocked", err)
	}
	if want := "pid " + strconv.Itoa(child.Process.Pid); !strings.Contains(err.Error(), want) {
		t.Errorf("OpenFolder of a held folder = %v, want %q in it", err, want)
	}

	child.Process.Kill()
	child.Wait()
	f, err := store.OpenFolder(path)
	if err != nil {
		t.Fatalf("OpenFolder after its holder was killed = %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestFolderIsHeldOnceInAProcess(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data")
	f, err := store.OpenFolder(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.OpenFolder(path); !errors.Is(err, store.ErrLocked) {
		t.Errorf("second OpenFolder = %v, want ErrLocked", err)
	}
	for name, want := range map[string]os.FileMode{".": 0o700 | os.ModeDir, "lock": 0o600} {
		info, err := f.Root().Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode() != want {
			t.Errorf("mode of %s = %v, want %v", name, info.Mode(), want)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	f, err = store.OpenFolder(path)
	if err != nil {
		t.Fatalf("OpenFolder after Close = %v", err)
	}
	if f.Path() != path {
		t.Errorf("Path() = %q, want %q", f.Path(), path)
	}
	f.Close()
	if err := f.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

func TestFolderNeedsItsParent(t *testing.T) {
	_, err := store.OpenFolder(filepath.Join(t.TempDir(), "absent", "data"))
	if !errors.Is(err, os.ErrNotExist) {
		t.Errorf("OpenFolder below an absent folder = %v, want ErrNotExist", err)
	}
}

func TestFolderIsNoFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if f, err := store.OpenFolder(path); err == nil {
		f.Close()
		t.Error("OpenFolder of a file succeeded")
	}
}
