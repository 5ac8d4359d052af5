package compress_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/edge/compress"
)

var codings = []compress.Coding{compress.Brotli, compress.Gzip}

// decode undoes a coding.
func decode(t testing.TB, c compress.Coding, body []byte) []byte {
	t.Helper()
	var r io.Reader = brotli.NewReader(bytes.NewReader(body))
	if c == compress.Gzip {
		z, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r = z
	}
	out, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestRoundTrip compresses bodies that come in pieces of any size, with encoders
// that others have used before.
func TestRoundTrip(t *testing.T) {
	pool := compress.NewPool(1, 0)
	rapid.Check(t, func(r *rapid.T) {
		c := rapid.SampledFrom(codings).Draw(r, "coding")
		text := bytes.Repeat(rapid.SliceOfN(rapid.Byte(), 0, 50).Draw(r, "text"), rapid.IntRange(0, 3000).Draw(r, "times"))
		body := io.Reader(bytes.NewReader(text))
		if rapid.Bool().Draw(r, "bytewise") && len(text) < 5000 {
			body = iotest.OneByteReader(body)
		}
		if rapid.Bool().Draw(r, "early end") {
			body = iotest.DataErrReader(body)
		}
		in := pool.Reader(t.Context(), body, c)
		out, err := io.ReadAll(in)
		in.Close()
		if err != nil {
			r.Fatal(err)
		}
		if !bytes.Equal(decode(t, c, out), text) {
			r.Errorf("%s changed %d bytes", c, len(text))
		}
	})
}

// TestBodyThatBreaksOff never looks complete.
func TestBodyThatBreaksOff(t *testing.T) {
	broken := errors.New("broken")
	for _, c := range codings {
		body := io.MultiReader(strings.NewReader(strings.Repeat("text ", 100_000)), iotest.ErrReader(broken))
		in := compress.NewPool(1, 0).Reader(t.Context(), body, c)
		out, err := io.ReadAll(in)
		in.Close()
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v, want the body's error", c, err)
		}
		var r io.Reader = brotli.NewReader(bytes.NewReader(out))
		if c == compress.Gzip {
			if z, err := gzip.NewReader(bytes.NewReader(out)); err == nil {
				r = z
			}
		}
		if _, err := io.Copy(io.Discard, r); err == nil {
			t.Errorf("%s: what came of a broken body is a complete one", c)
		}
		if _, err := in.Read(make([]byte, 1)); err == nil {
			t.Error("read after Close")
		}
	}
}

// TestPoolIsBounded lends out no more encoders than it has.
func TestPoolIsBounded(t *testing.T) {
	pool := compress.NewPool(2, 0)
	a := pool.Reader(t.Context(), strings.NewReader("a"), compress.Gzip)
	b := pool.Reader(t.Context(), strings.NewReader("b"), compress.Brotli)
	if pool.Reader(t.Context(), strings.NewReader("c"), compress.Gzip) != nil {
		t.Error("a third encoder")
	}
	a.Close()
	a.Close()
	c := pool.Reader(t.Context(), strings.NewReader("c"), compress.Gzip)
	if c == nil {
		t.Fatal("an encoder that was given back is not lent out again")
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if compress.NewPool(0, 1<<40).Reader(ended, strings.NewReader("d"), compress.Gzip) != nil {
		t.Error("an encoder for nobody")
	}
	b.Close()
	c.Close()

	// Whoever waits gets what others give back.
	patient := compress.NewPool(2, 1<<40)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			r := patient.Reader(t.Context(), strings.NewReader("text"), compress.Gzip)
			if _, err := io.Copy(io.Discard, r); err != nil {
				t.Error(err)
			}
			r.Close()
		})
	}
	all.Wait()
}

func TestPickAndType(t *testing.T) {
	for accepted, want := range map[string]compress.Coding{"br,gzip": "br", "br": "br", "gzip": "gzip", "": "", "brr": ""} {
		if got := compress.Pick(accepted); got != want {
			t.Errorf("Pick(%q) = %q, want %q", accepted, got, want)
		}
	}
	for kind, want := range map[string]bool{
		"text/html": true, "Text/HTML; charset=utf-8": true, "application/json ;x": true, "image/svg+xml": true,
		"image/png": false, "": false, "text/html2": false, "application/gzip": false,
	} {
		if got := compress.Type(kind); got != want {
			t.Errorf("Type(%q) = %v, want %v", kind, got, want)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	var list strings.Builder
	for i := range uint32(3000) {
		fmt.Fprintf(&list, `{"id": %d, "name": "film %x", "tags": ["new", "4k"], "url": "https://example.com/films/%d"}`+"\n", i*7919, i*2654435761, i)
	}
	text := list.String()
	for _, c := range codings {
		b.Run(string(c), func(b *testing.B) {
			pool := compress.NewPool(1, 0)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				r := pool.Reader(b.Context(), strings.NewReader(text), c)
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
				r.Close()
			}
		})
	}
}
