package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"path"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/schollz/progressbar/v3"
)

// file is one file to publish.
type file struct {
	Name      string // the object's key
	SizeBytes int64
}

// leftOut is what a folder has and is not published, and why.
type leftOut struct {
	Name string
	Why  error
}

var (
	errLink    = errors.New("a symbolic link")
	errSpecial = errors.New("no regular file")
	errName    = errors.New("S3 takes names of UTF-8, of 1,024 bytes at most")
)

// maxNameBytes bounds an object's key.
const maxNameBytes = 1024

// filesIn lists the regular files below root, without hidden ones, and what else
// is there.
func filesIn(root fs.FS) (files []file, left []leftOut, err error) {
	err = fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil {
			if name == "." {
				return err
			}
			left = append(left, leftOut{name, errors.Unwrap(err)})
			return nil
		}
		if strings.HasPrefix(d.Name(), ".") && name != "." {
			if d.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		if d.IsDir() {
			return nil
		}
		size, err := publishable(root, name, d)
		if err != nil {
			left = append(left, leftOut{name, err})
			return nil
		}
		files = append(files, file{name, size})
		return nil
	})
	return files, left, err
}

// publishable tells the size of a file, or why it cannot be published.
func publishable(root fs.FS, name string, d fs.DirEntry) (sizeBytes int64, err error) {
	switch {
	case d.Type()&fs.ModeSymlink != 0:
		return 0, errLink
	case !d.Type().IsRegular():
		return 0, errSpecial
	case !utf8.ValidString(name) || len(name) > maxNameBytes:
		return 0, errName
	}
	f, err := root.Open(name)
	if err != nil {
		if at, ok := errors.AsType[*fs.PathError](err); ok {
			err = at.Err
		}
		return 0, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return info.Size(), nil
}

// maxTold bounds how many files that are left out are named.
const maxTold = 10

// tell names what is not published.
func tell(w io.Writer, left []leftOut) {
	for _, l := range left[:min(len(left), maxTold)] {
		fmt.Fprintf(w, "keyfront: not published: %q: %v\n", l.Name, l.Why)
	}
	if more := len(left) - maxTold; more > 0 {
		fmt.Fprintf(w, "keyfront: not published: %d more\n", more)
	}
}

// uploadsAtOnce share the commits of the store.
const uploadsAtOnce = 8

// uploadAll puts the files into the bucket, or stops at the first that fails.
func uploadAll(ctx context.Context, to *objects, root fs.FS, files []file, e env) error {
	total := int64(0)
	for _, f := range files {
		total += f.SizeBytes
	}
	bar := newBar(e.stderr, "publishing", total)
	defer bar.Finish()
	ctx, fail := context.WithCancelCause(ctx)
	defer fail(nil)
	next := make(chan file)
	var workers sync.WaitGroup
	for range min(uploadsAtOnce, len(files)) {
		workers.Go(func() {
			for f := range next {
				if err := uploadFile(ctx, to, root, f, bar); err != nil {
					fail(fmt.Errorf("upload %s: %w", f.Name, err))
				}
			}
		})
	}
	for _, f := range files {
		if ctx.Err() != nil {
			break
		}
		next <- f
	}
	close(next)
	workers.Wait()
	return context.Cause(ctx)
}

// uploadFile puts one file as long as it was when it was listed.
func uploadFile(ctx context.Context, to *objects, root fs.FS, f file, bar *progressbar.ProgressBar) error {
	opened, err := root.Open(f.Name)
	if err != nil {
		return err
	}
	defer opened.Close()
	content, ok := opened.(io.ReaderAt)
	if !ok {
		return errors.New("cannot be read at an offset")
	}
	return to.put(ctx, upload{name: f.Name, content: content, bytes: f.SizeBytes, contentType: typeOf(f.Name), bar: bar})
}

// uploadText puts what was made in memory.
func uploadText(ctx context.Context, to *objects, name string, text []byte) error {
	return to.put(ctx, upload{
		name: name, content: bytes.NewReader(text), bytes: int64(len(text)), contentType: typeOf(name), bar: newBar(io.Discard, "", int64(len(text))),
	})
}

// mediaTypes are those that browsers play or show, and that Go knows only where
// the system lists them.
var mediaTypes = map[string]string{
	".csv": "text/csv; charset=utf-8", ".flac": "audio/flac", ".m3u8": "application/vnd.apple.mpegurl", ".m4a": "audio/mp4", ".m4v": "video/mp4",
	".md": "text/markdown; charset=utf-8", ".mov": "video/quicktime", ".mp3": "audio/mpeg", ".mp4": "video/mp4", ".mpd": "application/dash+xml",
	".ogg": "audio/ogg", ".ogv": "video/ogg", ".txt": "text/plain; charset=utf-8", ".vtt": "text/vtt; charset=utf-8", ".wav": "audio/wav", ".webm": "video/webm",
}

func typeOf(name string) *string {
	extension := strings.ToLower(path.Ext(name))
	for _, t := range []string{mediaTypes[extension], mime.TypeByExtension(extension), "application/octet-stream"} {
		if t != "" {
			return &t
		}
	}
	return nil
}
