package function_test

import (
	"archive/zip"
	"bytes"
	"errors"
	"io/fs"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
)

// zipped makes a zip of files; a name that ends in "@" is a link to its content.
func zipped(t testing.TB, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		h := &zip.FileHeader{Name: strings.TrimSuffix(files[i], "@"), Method: zip.Deflate}
		h.SetMode(0o644)
		if strings.HasSuffix(files[i], "@") {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestReadZip(t *testing.T) {
	p, err := function.ReadZip(bytes.NewReader(zipped(t, "index.js", "code", "./lib/a.js", "a", "dir/", "")), int64(len(zipped(t, "index.js", "code", "./lib/a.js", "a", "dir/", ""))))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Names(), " "); got != "index.js lib/a.js" {
		t.Errorf("names = %s", got)
	}
	if b, err := p.Read("index.js"); err != nil || string(b) != "code" {
		t.Errorf("Read = %q, %v", b, err)
	}
	if _, err := p.Read("absent"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read(absent) = %v", err)
	}
}

func TestReadZipRefuses(t *testing.T) {
	bomb := zipped(t, "zeros", strings.Repeat("\x00", 100<<20), "more", strings.Repeat("\x00", 100<<20), "most", strings.Repeat("\x00", 100<<20))
	for name, b := range map[string][]byte{
		"no zip":        []byte("not a zip"),
		"empty":         zipped(t),
		"parent":        zipped(t, "../x", ""),
		"parent inside": zipped(t, "a/../../x", ""),
		"absolute":      zipped(t, "/etc/x", ""),
		"backslash":     zipped(t, `a\b`, ""),
		"link":          zipped(t, "x@", "/etc/passwd"),
		"twice":         zipped(t, "x", "1", "./x", "2"),
		"bomb":          bomb,
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := function.ReadZip(bytes.NewReader(b), int64(len(b))); !errors.Is(err, function.ErrPackage) {
				t.Errorf("error = %v, want ErrPackage", err)
			}
		})
	}
}

func FuzzReadZip(f *testing.F) {
	f.Add(zipped(f, "index.js", "code"))
	f.Add(zipped(f, "../x", "code"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := function.ReadZip(bytes.NewReader(b), int64(len(b)))
		if err != nil {
			return
		}
		for _, name := range p.Names() {
			if !fs.ValidPath(name) {
				t.Errorf("name %q", name)
			}
			_, _ = p.Read(name) // it may be damaged, and must not hang or panic
		}
	})
}

func FuzzFrames(f *testing.F) {
	f.Add(function.AppendFrame(nil, 'I', []byte("1"), []byte("{}"), []byte("x")))
	f.Add(function.AppendFrame(nil, 'E', []byte("failed"), []byte(`{"errorType":"Error"}`), nil, []byte("1000"), []byte("4096"), []byte("cd"), []byte("null")))
	f.Add([]byte{0, 0, 0, 2, 'L', 0xff})
	f.Fuzz(func(t *testing.T, b []byte) { function.ReadFrames(b) })
}
