package edge_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// FuzzPath checks what the guard of restricted behaviours rests on: whatever a
// path looks like, if a server behind the edge could read it as a restricted
// one, somebody without a signature does not get it.
func FuzzPath(f *testing.F) {
	for _, a := range attacks {
		f.Add(a.target)
	}
	open := &delivery.Behavior{Pattern: delivery.CompilePattern("*")}
	private := &delivery.Behavior{Pattern: delivery.CompilePattern("/private/*"), Restricted: true}
	d := &delivery.Distribution{Behaviors: []*delivery.Behavior{private, open}}
	f.Fuzz(func(t *testing.T, raw string) {
		path, ok := edge.ParsePath(raw)
		if !ok {
			return
		}
		normal := edge.NormalPath(path)
		if again := edge.NormalPath(normal); again != normal && !strings.Contains(normal, "%") {
			t.Errorf("NormalPath(%q) = %q, whose normal path is %q", path, normal, again)
		}
		for segment := range strings.SplitSeq(normal, "/") {
			if segment == ".." || segment == "." {
				t.Errorf("NormalPath(%q) = %q has a dot segment", path, normal)
			}
		}
		guarded := edge.Guarded(d, path)
		standard := standardReading(path)
		for _, reading := range []string{path, normal, standard, standardReading(standard)} {
			if strings.HasPrefix(reading, "/private/") && !guarded {
				t.Errorf("%q is open, but may be read as %q", path, reading)
			}
		}
	})
}

// standardReading is what net/http's own servers make of a path.
func standardReading(raw string) string {
	u, err := url.ParseRequestURI(raw)
	if err != nil {
		return raw
	}
	return u.JoinPath().Path
}

// TestKeyProperty: two requests have one key if and only if all that the
// behaviour selects is equal.
func TestKeyProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		mode := rapid.SampledFrom([]delivery.Select{
			delivery.SelectNone, delivery.SelectWhitelist, delivery.SelectAllExcept, delivery.SelectAll,
		})
		names := func(of ...string) []string {
			return rapid.SliceOfDistinct(rapid.SampledFrom(of), rapid.ID).Draw(t, "names")
		}
		b := &delivery.Behavior{Pattern: delivery.CompilePattern("*")}
		b.Key.Query = delivery.NewSelection(mode.Draw(t, "query"), false, names("a", "b", "c")...)
		b.Key.Cookies = delivery.NewSelection(mode.Draw(t, "cookies"), true, names("a", "b*", "c")...)
		b.Key.Headers = delivery.NewSelection(rapid.SampledFrom([]delivery.Select{
			delivery.SelectNone, delivery.SelectWhitelist,
		}).Draw(t, "headers"), false, names("x-a", "x-b")...)
		b.Key.Gzip, b.Key.Brotli = rapid.Bool().Draw(t, "gzip"), rapid.Bool().Draw(t, "br")
		d := &delivery.Distribution{ID: "E1", DomainName: host, Enabled: true, Behaviors: []*delivery.Behavior{b}}
		e, err := edge.New(edge.Config{Feed: newFeed(d), Clock: clock.System(), CacheMemoryBytes: 1 << 20, RememberedSignatures: 2})
		if err != nil {
			t.Fatal(err)
		}
		defer e.Close()

		part := rapid.SampledFrom([]string{"a=1", "a=2", "b=1", "c", "d=1", "a", "%61=1", "b1=2"})
		draw := func() (*http.Request, string) {
			r := httptest.NewRequest("GET", "http://"+host+"/", nil)
			r.RequestURI = rapid.SampledFrom([]string{"/a", "/a/", "/b", "/%61"}).Draw(t, "path")
			path := r.RequestURI
			query := rapid.SliceOfN(part, 0, 3).Draw(t, "params")
			if len(query) > 0 {
				r.RequestURI += "?" + strings.Join(query, "&")
			}
			cookies := rapid.SliceOfN(part, 0, 3).Draw(t, "pairs")
			if len(cookies) > 0 {
				secret := "CloudFront-Signature=" + rapid.SampledFrom([]string{"x", "y"}).Draw(t, "secret")
				r.Header["Cookie"] = []string{strings.Join(append(cookies, secret), "; ")}
			}
			for _, name := range []string{"X-A", "X-B", "X-C"} {
				if v := rapid.SampledFrom([]string{"", "1", "2"}).Draw(t, name); v != "" {
					r.Header[name] = []string{v}
				}
			}
			accept := rapid.SampledFrom([]string{"", "gzip", "br", "gzip, br", "br;q=0, gzip;q=0.5", "identity"}).Draw(t, "accept")
			if accept != "" {
				r.Header["Accept-Encoding"] = []string{accept}
			}
			return r, selected(b, path, query, cookies, r.Header, accept)
		}
		r1, s1 := draw()
		r2, s2 := draw()
		if k1, k2 := e.Key(r1), e.Key(r2); (k1 == k2) != (s1 == s2) {
			t.Fatalf("keys equal: %v, but selected parts are\n%s\n%s", k1 == k2, s1, s2)
		}
	})
}

// selected is all that the key may depend on, found the slow way.
func selected(b *delivery.Behavior, path string, query, cookies []string, h http.Header, accept string) string {
	pick := func(s *delivery.Selection, pairs []string) (out []string) {
		for _, p := range pairs {
			name, _, _ := strings.Cut(strings.Replace(p, "%61", "a", 1), "=")
			if s.Has(name) {
				out = append(out, p)
			}
		}
		return out
	}
	raw := func(s *delivery.Selection, pairs []string) (out []string) {
		for _, p := range pairs {
			name, _, _ := strings.Cut(p, "=")
			if s.Has(name) {
				out = append(out, p)
			}
		}
		return out
	}
	headers := map[string][]string{}
	for _, name := range []string{"X-A", "X-B"} {
		if b.Key.Headers.Has(strings.ToLower(name)) {
			headers[name] = h[name]
		}
	}
	gzip := b.Key.Gzip && strings.Contains(accept, "gzip")
	brotli := b.Key.Brotli && strings.Contains(accept, "br") && !strings.Contains(accept, "br;q=0")
	return fmt.Sprintf("%q %q %q %q %v %v", path, pick(&b.Key.Query, query), raw(&b.Key.Cookies, cookies), headers, gzip, brotli)
}

// FuzzTarget sends any request target, Cookie and Range header through a whole
// edge: it answers, and the restricted path stays closed.
func FuzzTarget(f *testing.F) {
	f.Add("/a?b=c", "a=b; CloudFront-Policy=x", "bytes=0-1,3-")
	f.Add("http://"+host+"/%2e%2e/private", "", "bytes=-1")
	o := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, digits) }))
	f.Cleanup(o.Close)
	everything := func(b *delivery.Behavior) {
		b.Key.Query.Mode, b.Forward.Query.Mode = delivery.SelectAll, delivery.SelectAll
		b.Key.Cookies.Mode, b.Forward.Cookies.Mode = delivery.SelectAll, delivery.SelectAll
	}
	e, err := edge.New(edge.Config{Feed: newFeed(distribution(o.URL, last(everything))), Clock: clock.System(), CacheMemoryBytes: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { e.Close() })
	f.Fuzz(func(t *testing.T, target, cookie, ranges string) {
		r := httptest.NewRequest("GET", "http://"+host+"/", nil)
		r.RequestURI, r.Header["Cookie"], r.Header["Range"] = target, []string{cookie}, []string{ranges}
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		switch w.Code {
		case 200, 206, 400, 413, 416, 502:
		default:
			t.Errorf("got %d", w.Code)
		}
	})
}
