package arn_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/arn"

	"pgregory.net/rapid"
)

func TestGlob(t *testing.T) {
	for _, test := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true},
		{"", "a", false},
		{"*", "", true},
		{"***", "abc", true},
		{"?", "", false},
		{"?", "é", true},
		{"*??", "日", false},
		{"*??", "日本", true},
		{"a*b*c", "abbc", true},
		{"a*b*c", "acb", false},
		{"*ab", "aab", true},
		{"a*a", "a", false},
		{"*.mp4", "x.mp4.txt", false},
		{"v?deo/*", "video/", true},
		{"V*", "video", false},
	} {
		if got := arn.Compile(test.pattern).Match(test.s); got != test.want {
			t.Errorf("Compile(%q).Match(%q) = %v, want %v", test.pattern, test.s, got, test.want)
		}
	}
}

func TestGlobParts(t *testing.T) {
	g := arn.Join(arn.Compile("home/"), arn.Literal("*"), arn.Compile("/*"))
	for s, want := range map[string]bool{"home/*/a": true, "home/bob/a": false, "home/*": false} {
		if got := g.Match(s); got != want {
			t.Errorf("Match(%q) = %v, want %v", s, got, want)
		}
	}
	if !arn.Literal("*?").IsLiteral() || arn.Compile("a?").IsLiteral() || !arn.Compile("**").MatchesAll() || arn.Literal("*").MatchesAll() {
		t.Error("wildcards and literal stars are mixed up")
	}
	// Bytes that mean a wildcard inside a Glob mean nothing from outside.
	for _, s := range []string{"\xff", "\xfe"} {
		if arn.Compile(s).Match("a") || arn.Literal(s).Match("a") {
			t.Errorf("%q acts as a wildcard", s)
		}
	}
}

// regexpOf says the same as a pattern in the language of package regexp.
func regexpOf(pattern string) *regexp.Regexp {
	s := regexp.QuoteMeta(pattern)
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(strings.ReplaceAll(s, `\*`, ".*"), `\?`, ".") + "$")
}

func TestGlobAgainstRegexp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab日*?]{0,12}`).Draw(t, "pattern")
		s := rapid.StringMatching(`[ab日]{0,16}`).Draw(t, "s")
		if got, want := arn.Compile(pattern).Match(s), regexpOf(pattern).MatchString(s); got != want {
			t.Fatalf("Compile(%q).Match(%q) = %v, want %v", pattern, s, got, want)
		}
		cut := rapid.IntRange(0, len(pattern)).Draw(t, "cut")
		if joined := arn.Join(arn.Compile(strings.ToValidUTF8(pattern[:cut], "")), arn.Compile(strings.ToValidUTF8(pattern[cut:], ""))); len(strings.ToValidUTF8(pattern[:cut], "")) == cut {
			if got, want := joined.Match(s), arn.Compile(pattern).Match(s); got != want {
				t.Fatalf("Join of %q at %d: Match(%q) = %v, want %v", pattern, cut, s, got, want)
			}
		}
	})
}

func FuzzGlob(f *testing.F) {
	f.Add("a*b?c", "aXbYc")
	f.Add("*??", "日")
	f.Fuzz(func(t *testing.T, pattern, s string) {
		pattern, s = strings.ToValidUTF8(pattern, ""), strings.ToValidUTF8(s, "")
		if len(pattern) > 1000 {
			return
		}
		if got, want := arn.Compile(pattern).Match(s), regexpOf(pattern).MatchString(s); got != want {
			t.Fatalf("Compile(%q).Match(%q) = %v, want %v", pattern, s, got, want)
		}
		if !arn.Literal(s).Match(s) || !arn.Join(arn.Literal(s), arn.Compile("*")).Match(s) {
			t.Fatalf("Literal(%q) does not match itself", s)
		}
	})
}

func BenchmarkGlob(b *testing.B) {
	g, s := arn.Compile("videos/*/hls/*.m3u?"), "videos/2026/07/a-fairly-long-title/hls/1080p/index.m3u8"
	b.ReportAllocs()
	for b.Loop() {
		if !g.Match(s) {
			b.Fatal("no match")
		}
	}
}

// BenchmarkGlobBomb is a pattern of 20 kB on a name of 1 kB, the worst that a
// bucket policy can hold.
func BenchmarkGlobBomb(b *testing.B) {
	g, s := arn.Compile(strings.Repeat("*a?", 6800)+"b"), strings.Repeat("a", 1024)
	for b.Loop() {
		if g.Match(s) {
			b.Fatal("match")
		}
	}
}
