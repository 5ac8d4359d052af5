package signedurl

import (
	"net/http"
	"strings"
)

// CookieSent tells whether a browser would send a cookie with a request, given
// the value of the Set-Cookie header that set it on the request's host. If not,
// it returns the mistake; ok is false for a text that is no Set-Cookie value.
//
// Source: RFC 6265, sections 5.1.3, 5.1.4 and 5.4.
func CookieSent(setCookie string, r *Request) (wrong *Mistake, ok bool) {
	c, err := http.ParseSetCookie(setCookie)
	if err != nil {
		return nil, false
	}
	host, _ := splitPort(lower(r.Host))
	domain := lower(strings.TrimPrefix(c.Domain, "."))
	because := func(text string) (*Mistake, bool) {
		return &Mistake{HintCookieScope, "a browser does not send " + c.Name + " here: " + text}, true
	}
	switch {
	case strings.Contains(c.Path, "*") && !pathCovers(c.Path, r.Path):
		return because("its Path " + c.Path + " is a prefix, and '*' in it an ordinary character")
	case c.Path != "" && !pathCovers(c.Path, r.Path):
		return because("its Path " + c.Path + " does not cover " + r.Path)
	case domain == "cloudfront.net":
		return because("no browser takes cookies for all of cloudfront.net")
	case domain != "" && host != domain && !strings.HasSuffix(host, "."+domain):
		return because("its Domain " + c.Domain + " does not cover " + host)
	case c.Secure && r.Scheme == "http":
		return because("it is Secure, and the request comes over http")
	}
	return nil, true
}

// pathCovers is the path-match of RFC 6265, section 5.1.4.
func pathCovers(prefix, path string) bool {
	if !strings.HasPrefix(prefix, "/") {
		return true // browsers take the folder of the URL that set the cookie
	}
	rest, ok := strings.CutPrefix(path, prefix)
	return ok && (rest == "" || strings.HasSuffix(prefix, "/") || rest[0] == '/')
}
