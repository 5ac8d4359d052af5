package signer_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/signedurl"
)

func TestCovers(t *testing.T) {
	for _, tt := range []struct {
		pattern, resource string
		want              bool
	}{
		{"https://h/films/*", "https://h/films/a", true},
		{"https://h/films/*", "https://h/films/a?x=1", true},
		{"https://h/films/*", "https://h/films/*", true},
		{"https://h/films/*", "https://h/films/a*b", true},
		{"https://h/films/a*", "https://h/films/*", false},
		{"https://h/films/*", "https://h/*", false},
		{"https://h/films/a", "https://h/films/a", true},
		{"https://h/films/a", "https://h/films/a*", false},
		{"https://h/films/a", "https://h/films/a?x=1", false},
		{"https://*.h/*", "https://a.h/*", true},
		{"https://*.h/*", "https://*/*", false},
		{"*://h/*", "http*://h/*", true},
		{"https://h/*", "http*://h/*", false},
	} {
		if got := signer.Covers(tt.pattern, tt.resource); got != tt.want {
			t.Errorf("covers(%s, %s) = %v, want %v", tt.pattern, tt.resource, got, tt.want)
		}
	}
}

// What a covered resource grants, its pattern grants too.
func TestCoversIsSound(t *testing.T) {
	part := rapid.StringOfN(rapid.SampledFrom([]rune("ab*/.")), 0, 6, -1)
	filled := rapid.StringOfN(rapid.SampledFrom([]rune("ab/.?")), 0, 4, -1)
	covered := 0
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom([]string{"http", "https", "http*", "*"})
		host := rapid.SampledFrom([]string{"a", "b.a", "*.a", "*", "a*"})
		pattern := scheme.Draw(t, "scheme") + "://" + host.Draw(t, "host") + "/" + part.Draw(t, "path")
		// Something like the pattern, so that it is often covered.
		var like strings.Builder
		for i := range len(pattern) {
			switch {
			case pattern[i] == '*':
				like.WriteString(rapid.SampledFrom([]string{"*", "", "a", "a*", "*b*", "b/", "/*"}).Draw(t, "for a star"))
			case rapid.IntRange(0, 20).Draw(t, "spoil") == 0:
				like.WriteString(part.Draw(t, "spoilt"))
			default:
				like.WriteByte(pattern[i])
			}
		}
		resource := like.String()
		if rapid.Bool().Draw(t, "query") {
			resource += "?a"
		}
		if signer.CheckPattern(pattern) != nil {
			return
		}
		resource, err := signer.Normal(resource)
		if err != nil || !signer.Covers(pattern, resource) {
			return
		}
		covered++
		var b strings.Builder
		for i := range len(resource) {
			if resource[i] == '*' {
				b.WriteString(filled.Draw(t, "star"))
			} else {
				b.WriteByte(resource[i])
			}
		}
		if url := b.String(); signedurl.Match(resource, url) && !signedurl.Match(pattern, url) {
			t.Fatalf("%s covers %s, but only the latter grants %s", pattern, resource, url)
		}
	})
	if covered == 0 {
		t.Error("nothing was covered")
	}
}

func FuzzNormal(f *testing.F) {
	for _, s := range []string{film, "https://example.com/*", "HTTPS://H:443/a*?b", "*", "https://h/%2e%2e/a", "https://h/a?b=*", "a*://b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		once, err := signer.Normal(s)
		if err != nil {
			return
		}
		twice, err := signer.Normal(once)
		if err != nil || twice != once {
			t.Errorf("Normal(%q) = %q, and of that %q, %v", s, once, twice, err)
		}
		if !strings.Contains(s, "*") && !signer.Covers(once, once) {
			t.Errorf("%q does not cover itself", once)
		}
	})
}
