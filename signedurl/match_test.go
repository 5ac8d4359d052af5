package signedurl_test

import (
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/signedurl"
	"pgregory.net/rapid"
)

func TestMatch(t *testing.T) {
	const (
		d1 = "https://d1.cloudfront.net"
		q  = d1 + "/h.jpg?size=large&license=yes"
	)
	rows := []struct {
		resource, url string
		want          bool
	}{
		// The worked examples of the Developer Guide.
		{d1 + "/*game_download.zip*", d1 + "/game_download.zip", true},
		{d1 + "/*game_download.zip*", d1 + "/test_game_download.zip?license=temp", true},
		{"https://www.example.com/hello*world", "https://www.example.com/hello-world", true},
		{"https://www.example.com/hello*world", "https://www.example.com/hello?world", false},
		{"http://example.com/hello*", "http://example.com/hello/x?y=1", true},
		{"https://*", d1 + "/x", true},
		{"https://*", "https://other.example/a/b?c=d", true},
		{"https://*", "http://d1.cloudfront.net/x", false},
		{"http*://d1.cloudfront.net/a/*", "http://d1.cloudfront.net/a/b/c?q", true},
		{"http*://d1.cloudfront.net/a/*", "https://d1.cloudfront.net/a/b/c?q", true},
		{"*://example.com/a.jpg", "https://example.com/a.jpg?x=1", false},
		{"*://example.com/a.jpg", "https://example.com/a.jpg", true},
		{d1 + `/h.jpg\?size=large&license=yes`, q, true},
		{q, q, true},
		{"https://example.com/a/../b", "https://example.com/b", false},

		// '*' and '?' stay within their section.
		{d1 + "/*", d1 + "/a/b", true},
		{"https://d*t/x", d1 + "/x", true},
		{"https://d*/x", d1 + "/a/x", false},
		{d1 + "/?.jpg", d1 + "/a.jpg", true},
		{d1 + "/?.jpg", d1 + "/.jpg", false},
		{d1 + "/?.jpg", d1 + "/ab.jpg", false},
		{d1 + "/a?b", d1 + "/a/b", true},
		{"https://d?.cloudfront.net/x", d1 + "/x", true},
		{"http?://d1.cloudfront.net/x", d1 + "/x", true},
		{"http?://d1.cloudfront.net/x", "http://d1.cloudfront.net/x", false},

		// Backslashes.
		{d1 + `/a\*b`, d1 + "/a*b", true},
		{d1 + `/a\*b`, d1 + "/axb", false},
		{d1 + `/a\b`, d1 + `/a\b`, true},
		{d1 + `/a\b`, d1 + "/ab", false},
		{d1 + `/a\?b=c\?d`, d1 + "/a?b=c?d", true},
		{d1 + `/a\?b=c\?d`, d1 + "/a?b=cxd", false},

		// Everything.
		{"*", q, true},
		{"*", "http://x/", true},
		{"", q, false},

		// Protocol.
		{"HTTPS://d1.cloudfront.net/x", d1 + "/x", true},
		{"ftp://d1.cloudfront.net/x", d1 + "/x", false},
		{"*example.com", "https://www.example.com/", true},
		{"*example.com", "https://www.example.com/a", false},
		{"*example.com", "https://www.example.com/?a", false},
		{"*.example.com/a*", "http://www.example.com/ab?c", true},
		{`*example.com/a\?u=http://x`, "http://example.com/a?u=http://x", true},
		{"example.com/x", "https://example.com/x", false},
		{"images/image.jpg", "http://abc.cloudfront.net/images/image.jpg", false},

		// Domain.
		{"https://D1.CloudFront.net/x", d1 + "/x", true},
		{d1 + "/x", "https://D1.CLOUDFRONT.NET/x", true},
		{"http://example.com*", "http://example.com/", true},
		{"http://example.com*", "http://example.com.org/a/b?c", true},
		{"http://example.com*", "http://www.example.com/", false},
		{"http://example.com", "http://example.com/", true},
		{"http://example.com", "http://example.com", true},
		{"http://example.com", "http://example.com/a", false},
		{`http://example.com\?a`, "http://example.com/?a", true},
		{"http://localhost:8080/*", "http://localhost:8080/x", true},
		{"http://localhost:8080/*", "http://localhost:8081/x", false},
		{"https://cloudfront.net/x", d1 + "/x", false},

		// Path.
		{d1 + "/A", d1 + "/a", false},
		{d1 + "/a%2Fb", d1 + "/a%2fb", false},
		{d1 + "/a//b", d1 + "/a/b", false},
		{d1 + "/a*c*e", d1 + "/abcde", true},
		{d1 + "/a*c*e", d1 + "/abcd", false},
		{d1 + "/ab*ba", d1 + "/aba", false},
		{d1 + "/*a?c*", d1 + "/xaabcx", true},
		{d1 + "/**", d1 + "/", true},

		// Query.
		{d1 + "/a", d1 + "/a?", false},
		{d1 + `/a\?*`, d1 + "/a", true},
		{d1 + `/a\?*`, d1 + "/a?b", true},
		{d1 + `/a\?`, d1 + "/a", true},
		{d1 + `/a\?`, d1 + "/a?b", false},
		{d1 + `/a*\?b=?`, d1 + "/ac?b=1", true},
		{d1 + `/a*\?b=?`, d1 + "/ac", false},
		{d1 + `/a\?b=*&c=1`, d1 + "/a?b=x/y&c=1", true},

		// An unescaped '?' may begin the query, once.
		{d1 + "/a?b=c?d", d1 + "/a?b=c1d", true},
		{d1 + "/a*?x=1", d1 + "/ab?x=1", true},
		{d1 + "/a*?x=1", d1 + "/ab?x=2", false},
	}
	for _, row := range rows {
		if got := signedurl.Match(row.resource, row.url); got != row.want {
			t.Errorf("Match(%q, %q) = %v, want %v", row.resource, row.url, got, row.want)
		}
	}
}

// slowMatch is Match by the book: the sections are found by hand, and each is
// compared by trying every length for every star.
func slowMatch(resource, url string) bool {
	if slowSections(resource, url) {
		return true
	}
	for i := range len(resource) {
		if resource[i] == '?' && (i == 0 || resource[i-1] != '\\') {
			return resource != "*" && slowSections(resource[:i]+`\`+resource[i:], url)
		}
	}
	return false
}

func slowSections(resource, url string) bool {
	if resource == "*" {
		return true
	}
	slash := strings.Index(resource, "/")
	protocol, rest := "*", resource
	if slash > 0 && strings.HasPrefix(resource[slash-1:], "://") {
		protocol, rest = resource[:slash-1], resource[slash+2:]
	} else if !strings.HasPrefix(resource, "*") {
		return false
	}
	rest, query, hasQuery := strings.Cut(rest, `\?`)
	domain, path := rest, ""
	if i := strings.Index(rest, "/"); i >= 0 {
		domain, path = rest[:i], rest[i:]
	}
	endsInStar := func(s string) bool { return strings.HasSuffix(s, "*") && !strings.HasSuffix(s, `\*`) }
	switch {
	case path == "" && endsInStar(domain) && !hasQuery:
		path, query, hasQuery = "/*", "*", true
	case path == "":
		path = "/"
	case endsInStar(path) && !hasQuery:
		query, hasQuery = "*", true
	}
	urlScheme, urlRest, _ := strings.Cut(url, "://")
	urlRest, urlQuery, urlHasQuery := strings.Cut(urlRest, "?")
	urlHost, urlPath, _ := strings.Cut(urlRest, "/")
	return slowGlob(strings.ToLower(protocol), strings.ToLower(urlScheme)) &&
		slowGlob(strings.ToLower(domain), strings.ToLower(urlHost)) &&
		slowGlob(path, "/"+urlPath) &&
		(hasQuery || !urlHasQuery) &&
		(!hasQuery || slowGlob(query, urlQuery))
}

func slowGlob(pattern, s string) bool {
	switch {
	case pattern == "":
		return s == ""
	case pattern[0] == '*':
		return slowGlob(pattern[1:], s) || s != "" && slowGlob(pattern, s[1:])
	case s == "":
		return false
	case strings.HasPrefix(pattern, `\*`), strings.HasPrefix(pattern, `\?`):
		return s[0] == pattern[1] && slowGlob(pattern[2:], s[1:])
	case pattern[0] == '?':
		return slowGlob(pattern[1:], s[1:])
	}
	return pattern[0] == s[0] && slowGlob(pattern[1:], s[1:])
}

func TestMatchProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := func(alphabet string, most int) string {
			return string(rapid.SliceOfN(rapid.SampledFrom([]byte(alphabet)), 0, most).Draw(t, "text"))
		}
		url := rapid.SampledFrom([]string{"http://", "https://"}).Draw(t, "scheme") +
			"a" + text("ab.", 4) + "/" + text("ab/", 6)
		if rapid.Bool().Draw(t, "query") {
			url += "?" + text("ab=&", 5)
		}
		// Most patterns are made of the URL, so that many of them match.
		resource := url
		for range rapid.IntRange(0, 4).Draw(t, "edits") {
			i := rapid.IntRange(0, len(resource)).Draw(t, "from")
			j := rapid.IntRange(i, min(len(resource), i+3)).Draw(t, "to")
			resource = resource[:i] + rapid.SampledFrom([]string{"*", "?", `\`, "a", `\?`, `\*`, "/", "**"}).Draw(t, "edit") + resource[j:]
		}
		if got, want := signedurl.Match(resource, url), slowMatch(resource, url); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", resource, url, got, want)
		}
	})
}

func FuzzMatch(f *testing.F) {
	f.Add("https://*", "https://a/b?c")
	f.Add(`*a/b\?c*`, "http://a/b?cd")
	f.Add("http://a*?b", "http://a/b")
	f.Fuzz(func(t *testing.T, resource, url string) {
		// The slow matcher is exponential and wants a URL with all its parts.
		host, ok := strings.CutPrefix(url, "http://")
		if len(resource) > 24 || len(url) > 32 || !ok || strings.IndexAny(host, "/?#") < 1 || host[strings.IndexAny(host, "/?#")] != '/' {
			return
		}
		for i := range len(resource) + len(url) {
			if (resource + url)[i] >= 0x80 {
				return // ToLower of the slow matcher knows more than ASCII
			}
		}
		if strings.Count(resource, "*") > 6 {
			return
		}
		if got, want := signedurl.Match(resource, url), slowMatch(resource, url); got != want {
			t.Fatalf("Match(%q, %q) = %v, want %v", resource, url, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	const star = "https://d111111abcdef8.cloudfront.net/videos/*/master.m3u8"
	url := "https://d111111abcdef8.cloudfront.net/videos/2026/the-film/master.m3u8"
	b.Run("star", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !signedurl.Match(star, url) {
				b.Fatal("no match")
			}
		}
	})
	// Many stars over a long run of one letter is where naive matchers explode.
	hostile := "https://d/" + strings.Repeat("a*", 500) + "b"
	long := "https://d/" + strings.Repeat("a", 8000)
	b.Run("hostile", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if signedurl.Match(hostile, long) {
				b.Fatal("match")
			}
		}
	})
}
