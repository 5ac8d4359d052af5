package rootkey

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// File is a Source: a text file that only the server's user can read. The folder
// must exist. A symbolic link at Path is followed when reading, since what is
// checked is the file that was opened.
type File struct{ Path string }

var _ Source = File{}

// Load reads the file. It returns ErrExposed when the mode lets others in, or
// when the file belongs neither to this user nor to root; ErrMalformed when it
// is no regular file or not as docs/spec/rootkey.md says; or ErrAbsent.
func (f File) Load(context.Context) ([]sealed.Secret, error) {
	text, err := readPrivate(f.Path)
	defer clear(text)
	var keys []sealed.Secret
	if err == nil {
		keys, err = parse(text)
	}
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", f.Path, err)
	}
	return keys, nil
}

// readPrivate reads a file that nobody else may read.
func readPrivate(path string) ([]byte, error) {
	// A pipe in the place of the file must not block the start.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrAbsent
	case err != nil:
		return nil, cause(err)
	}
	defer file.Close()
	info, err := file.Stat()
	if err != nil {
		return nil, cause(err)
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	text, err := io.ReadAll(io.LimitReader(file, maxFileBytes+1))
	if err != nil {
		clear(text)
		return nil, cause(err)
	}
	return text, nil
}

func checkFile(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%w: it is no regular file", ErrMalformed)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return fmt.Errorf("%w: its mode is %04o, want 0600 (chmod 600)", ErrExposed, mode)
	}
	if uid, known := owner(info); known && uid != os.Geteuid() && uid != 0 {
		return fmt.Errorf("%w: it belongs to user %d, and this is user %d (chown)", ErrExposed, uid, os.Geteuid())
	}
	return nil
}

// Create makes a random key and writes the file with mode 0600.
func (f File) Create(context.Context) (sealed.Secret, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	text, err := format([]sealed.Secret{key})
	if err == nil {
		err = createPrivate(f.Path, text)
	}
	if err != nil {
		return sealed.Secret{}, fmt.Errorf("create %s: %w", f.Path, err)
	}
	return key, nil
}

// createPrivate writes a file that is not there; otherwise it is ErrExists. It
// wipes the text.
func createPrivate(path string, text []byte) error {
	// A link, unlike a rename, never replaces what has the name already.
	err := writePrivate(path, text, os.Link)
	if errors.Is(err, fs.ErrExist) {
		return ErrExists
	}
	return err
}

// Replace writes the file anew. The old keys are no longer in any file, but
// their bytes may survive on the medium. A symbolic link at Path is replaced,
// not followed.
func (f File) Replace(_ context.Context, keys ...sealed.Secret) error {
	text, err := format(keys)
	if err == nil {
		err = writePrivate(f.Path, text, os.Rename)
	}
	if err != nil {
		return fmt.Errorf("replace %s: %w", f.Path, err)
	}
	return nil
}

// writePrivate gives the file its name only after its bytes are on the medium, so
// no crash leaves half a key under it. It wipes the text.
func writePrivate(path string, text []byte, publish func(from, to string) error) error {
	defer clear(text)
	folder, name := filepath.Split(path)
	folder = filepath.Clean(folder)
	unfinished := name + ".new-"
	file, err := os.CreateTemp(folder, unfinished+"*") // mode 0600
	if err != nil {
		return cause(err)
	}
	_, err = file.Write(text)
	err = errors.Join(err, file.Sync(), file.Close())
	if err == nil {
		err = publish(file.Name(), path)
	}
	// Also what a crash left behind: it may hold the key in use.
	err = errors.Join(cause(err), removeAll(folder, unfinished))
	if err != nil {
		return err
	}
	return syncFolder(folder)
}

// removeAll removes the files in folder whose names begin with prefix.
func removeAll(folder, prefix string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return cause(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), prefix) {
			continue
		}
		if err := os.Remove(filepath.Join(folder, e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder durable.
func syncFolder(folder string) error {
	d, err := os.Open(folder)
	if err != nil {
		return cause(err)
	}
	return errors.Join(d.Sync(), d.Close())
}

// cause strips the path, which Load, Create and Replace name, from an error.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	if link, ok := errors.AsType[*os.LinkError](err); ok {
		return link.Err
	}
	return err
}
