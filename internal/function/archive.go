package function

import (
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Bounds of a package.
const (
	// MaxUnzippedBytes bounds what a zip unpacks to.
	//
	// Source: AWS Lambda Developer Guide, "Lambda quotas".
	MaxUnzippedBytes = 250 << 20
	// MaxFileBytes bounds one file that a function reads.
	MaxFileBytes = 50 << 20
	// MaxFiles bounds the number of files.
	MaxFiles = 20_000
	// maxRatio is how much smaller than its content a file may be in a zip.
	// Deflate cannot do better than 1,032.
	maxRatio = 1_032
)

// ErrPackage means that a zip is none, or holds what a package must not: names
// that lead out of it, links, or more than the bounds.
var ErrPackage = errors.New("function: package")

// Package is the code of a function: files by their paths, which are relative,
// clean, and separated by slashes. It is immutable and safe for concurrent use.
type Package struct {
	names []string
	open  map[string]func() (io.ReadCloser, error)
	size  map[string]int64
}

// NewPackage returns a package of the files, which it keeps.
func NewPackage(files map[string]string) (*Package, error) {
	p := newPackage()
	for name, text := range files {
		err := p.add(name, int64(len(text)), func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil })
		if err != nil {
			return nil, err
		}
	}
	slices.Sort(p.names)
	return p, nil
}

// ReadZip returns the package in a zip of size bytes. It keeps r, and reads of
// it when a function does.
func ReadZip(r io.ReaderAt, size int64) (*Package, error) {
	z, err := zip.NewReader(r, size)
	if err != nil && !errors.Is(err, zip.ErrInsecurePath) {
		return nil, fmt.Errorf("%w: %w", ErrPackage, err)
	}
	if len(z.File) > MaxFiles {
		return nil, fmt.Errorf("%w: more than %d files", ErrPackage, MaxFiles)
	}
	p := newPackage()
	var total uint64
	for _, f := range z.File {
		switch mode := f.Mode(); {
		case mode.IsDir():
			continue
		case mode&fs.ModeSymlink != 0 || !mode.IsRegular():
			return nil, fmt.Errorf("%w: %.256q is not a regular file", ErrPackage, f.Name)
		}
		// What the directory says bounds what can be read: archive/zip stops there.
		total += f.UncompressedSize64
		if f.UncompressedSize64 > MaxUnzippedBytes || total > MaxUnzippedBytes {
			return nil, fmt.Errorf("%w: unzipped size must be smaller than %d bytes", ErrPackage, MaxUnzippedBytes)
		}
		if f.UncompressedSize64/maxRatio > f.CompressedSize64 {
			return nil, fmt.Errorf("%w: %.256q cannot be that small", ErrPackage, f.Name)
		}
		if err := p.add(f.Name, int64(f.UncompressedSize64), f.Open); err != nil {
			return nil, err
		}
	}
	if len(p.names) == 0 {
		return nil, fmt.Errorf("%w: empty", ErrPackage)
	}
	slices.Sort(p.names)
	return p, nil
}

func newPackage() *Package {
	return &Package{open: make(map[string]func() (io.ReadCloser, error)), size: make(map[string]int64)}
}

func (p *Package) add(name string, size int64, open func() (io.ReadCloser, error)) error {
	clean := strings.TrimPrefix(name, "./")
	if !fs.ValidPath(clean) || clean == "." || path.Clean(clean) != clean || strings.ContainsAny(clean, "\\\x00") {
		return fmt.Errorf("%w: name %.256q", ErrPackage, name)
	}
	if _, twice := p.open[clean]; twice {
		return fmt.Errorf("%w: %.256q twice", ErrPackage, name)
	}
	p.names = append(p.names, clean)
	p.open[clean], p.size[clean] = open, size
	return nil
}

// Names lists the files in order. The caller must not change the list.
func (p *Package) Names() []string { return p.names }

// Read returns the content of a file. The error wraps fs.ErrNotExist if there is
// none, or ErrPackage.
func (p *Package) Read(name string) ([]byte, error) {
	open, ok := p.open[name]
	if !ok {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	if p.size[name] > MaxFileBytes {
		return nil, fmt.Errorf("%w: %.256q is larger than %d bytes", ErrPackage, name, MaxFileBytes)
	}
	r, err := open()
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPackage, err)
	}
	defer r.Close()
	b, err := io.ReadAll(io.LimitReader(r, MaxFileBytes))
	if err != nil {
		return nil, fmt.Errorf("%w: %.256q: %w", ErrPackage, name, err)
	}
	return b, nil
}
