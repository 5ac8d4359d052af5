package delivery_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func TestPatternMatch(t *testing.T) {
	cases := []struct {
		pattern, path string
		want          bool
	}{
		{"*", "/", true},
		{"*", "/a/b/c.mp4", true},
		{"/*", "/a", true},
		{"images/*.jpg", "/images/a.jpg", true},
		{"/images/*.jpg", "/images/a.jpg", true},
		{"images/*.jpg", "/images/deep/er/a.jpg", true},
		{"images/*.jpg", "/images/a.JPG", false},
		{"images/*.jpg", "/img/images/a.jpg", false},
		{"images/*.jpg", "/images/.jpg", true},
		{"a?c", "/abc", true},
		{"a?c", "/ac", false},
		{"a?c", "/a/c", true},
		{"a*b*c", "/a--b--c", true},
		{"a*b*c", "/a--c--b", false},
		{"a*bc*bc", "/abc", false},
		{"a*bc*bc", "/abcbc", true},
		{"*.mp4", "/v/x.mp4", true},
		{"*.mp4", "/v/x.mp4.txt", false},
		{"/private/*", "/private", false},
		{"/private*", "/private", true},
		{"/a/b", "/a/b", true},
		{"/a/b", "/a/bc", false},
		{"*/x?z/*", "/1/xyz/2", true},
		{"//a", "//a", true},
		{"?", "/", false},
		{"/", "/", true},
		{"/", "/a", false},
		{"**", "/a", true},
		{"a[b", "/a[b", true},
	}
	for _, c := range cases {
		if got := delivery.CompilePattern(c.pattern).Match(c.path); got != c.want {
			t.Errorf("CompilePattern(%q).Match(%q) = %v, want %v", c.pattern, c.path, got, c.want)
		}
	}
}

func TestValidPattern(t *testing.T) {
	for pattern, want := range map[string]bool{
		"": false, "*": true, "/a b": false, "/ä": false, "/a[1]": false, "/a%20b": false,
		"/A-z_0.*$/~\"'@:+&?": true, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false,
	} {
		if got := delivery.ValidPattern(pattern); got != want {
			t.Errorf("ValidPattern(%q) = %v, want %v", pattern, got, want)
		}
	}
}

// FuzzPattern holds Match against the regular expression that says the same.
func FuzzPattern(f *testing.F) {
	f.Add("images/*.j?g", "/images/a/b.jpg")
	f.Add("a*a*a", "/aaaa")
	f.Add("?*?", "/ab")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if !delivery.ValidPattern(pattern) || !strings.HasPrefix(path, "/") || strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Skip()
		}
		re := regexp.QuoteMeta(strings.TrimPrefix(pattern, "/"))
		re = strings.NewReplacer(`\*`, `.*`, `\?`, `.`).Replace(re)
		want := regexp.MustCompile(`^` + re + `$`).MatchString(path[1:])
		if got := delivery.CompilePattern(pattern).Match(path); got != want {
			t.Fatalf("CompilePattern(%q).Match(%q) = %v, want %v", pattern, path, got, want)
		}
	})
}

func TestSelection(t *testing.T) {
	type row struct {
		mode  delivery.Select
		wild  bool
		names []string
		has   string
		want  bool
	}
	for _, r := range []row{
		{delivery.SelectNone, false, nil, "a", false},
		{delivery.SelectAll, false, nil, "a", true},
		{delivery.SelectWhitelist, false, []string{"b", "a"}, "a", true},
		{delivery.SelectWhitelist, false, []string{"b", "a"}, "A", false},
		{delivery.SelectAllExcept, false, []string{"b", "a"}, "a", false},
		{delivery.SelectAllExcept, false, []string{"b", "a"}, "c", true},
		{delivery.SelectWhitelist, true, []string{"sess_*"}, "sess_1", true},
		{delivery.SelectWhitelist, true, []string{"sess_*"}, "/sess_1", false},
		{delivery.SelectWhitelist, true, []string{"s?"}, "s", false},
		{delivery.SelectWhitelist, false, []string{"sess_*"}, "sess_1", false},
	} {
		s := delivery.NewSelection(r.mode, r.wild, r.names...)
		if got := s.Has(r.has); got != r.want {
			t.Errorf("%+v: Has = %v, want %v", r, got, r.want)
		}
	}
}
