package forwarded_test

import (
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
)

// behind is proxies in networks that speak by header.
func behind(header forwarded.Header, networks ...string) forwarded.Proxies {
	p := forwarded.Proxies{Header: header}
	for _, n := range networks {
		p.Networks = append(p.Networks, netip.MustParsePrefix(n))
	}
	return p
}

// senderOf tells who sends a request from peer, and by which scheme. headers are
// "Name: value".
func senderOf(p forwarded.Proxies, peer string, headers ...string) (addr, scheme string) {
	r := httptest.NewRequest("GET", "/", nil)
	r.RemoteAddr = peer
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		r.Header.Add(name, value)
	}
	s := p.Sender(r)
	if s.HTTPS {
		return s.String(), "https"
	}
	return s.String(), "http"
}

func TestSender(t *testing.T) {
	const xff, proto, fwd = "X-Forwarded-For: ", "X-Forwarded-Proto: ", "Forwarded: "
	nobody := behind(forwarded.XForwarded)
	x := behind(forwarded.XForwarded, "10.0.0.0/8", "fd00::/8")
	f := behind(forwarded.Forwarded, "10.0.0.0/8", "fd00::/8")
	for _, tt := range []struct {
		name    string
		trust   forwarded.Proxies
		peer    string
		headers []string
		want    string
	}{
		{"no proxies", nobody, "192.0.2.1:5", []string{xff + "203.0.113.9", proto + "https"}, "http 192.0.2.1:5"},
		{"no proxies, loopback", nobody, "127.0.0.1:5", []string{xff + "203.0.113.9"}, "http 127.0.0.1:5"},
		{"mapped peer", nobody, "[::ffff:192.0.2.1]:5", nil, "http 192.0.2.1:5"},
		{"no peer", nobody, "@", nil, "http "},
		{"a stranger's word", x, "192.0.2.1:5", []string{xff + "203.0.113.9", proto + "https"}, "http 192.0.2.1:5"},
		{"a proxy's word", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "https"}, "https 203.0.113.9"},
		{"a proxy on IPv6", x, "[fd00::1]:5", []string{xff + "2001:db8::9"}, "http 2001:db8::9"},
		{"a proxy without a word", x, "10.0.0.1:5", nil, "http 10.0.0.1:5"},
		{"the viewer's own word", x, "10.0.0.1:5", []string{xff + "1.1.1.1, 203.0.113.9"}, "http 203.0.113.9"},
		{"two headers", x, "10.0.0.1:5", []string{xff + "1.1.1.1", xff + "203.0.113.9"}, "http 203.0.113.9"},
		{"two proxies", x, "10.0.0.1:5", []string{xff + "1.1.1.1,203.0.113.9,10.2.3.4"}, "http 203.0.113.9"},
		{"proxies only", x, "10.0.0.1:5", []string{xff + "10.9.9.9, 10.2.3.4"}, "http 10.9.9.9"},
		{"with port", x, "10.0.0.1:5", []string{xff + "203.0.113.9:77"}, "http 203.0.113.9:77"},
		{"IPv6 with port", x, "10.0.0.1:5", []string{xff + "[2001:db8::9]:77"}, "http [2001:db8::9]:77"},
		{"bracketed", x, "10.0.0.1:5", []string{xff + "[2001:db8::9]"}, "http 2001:db8::9"},
		{"mapped", x, "10.0.0.1:5", []string{xff + "::ffff:203.0.113.9"}, "http 203.0.113.9"},
		{"no address", x, "10.0.0.1:5", []string{xff + "203.0.113.9, unknown"}, "http "},
		{"empty entry", x, "10.0.0.1:5", []string{xff + "203.0.113.9,"}, "http "},
		{"other scheme", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "gopher"}, "http 203.0.113.9"},
		{"scheme in step", x, "10.0.0.1:5", []string{xff + "1.1.1.1, 203.0.113.9, 10.2.3.4", proto + "http, https, http"}, "https 203.0.113.9"},
		{"one scheme for all", x, "10.0.0.1:5", []string{xff + "203.0.113.9, 10.2.3.4", proto + "https"}, "https 203.0.113.9"},
		{"the viewer's scheme", x, "10.0.0.1:5", []string{xff + "203.0.113.9", proto + "https, http"}, "http 203.0.113.9"},
		{"the other header", x, "10.0.0.1:5", []string{fwd + "for=1.1.1.1;proto=https"}, "http 10.0.0.1:5"},

		{"forwarded", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9;proto=https;by=10.0.0.1"}, "https 203.0.113.9"},
		{"forwarded, capitals", f, "10.0.0.1:5", []string{fwd + `Proto=HTTPS; For="[2001:db8::9]:77"`}, "https [2001:db8::9]:77"},
		{"forwarded twice", f, "10.0.0.1:5", []string{fwd + "for=1.1.1.1;proto=https, for=203.0.113.9;proto=http"}, "http 203.0.113.9"},
		{"forwarded by two", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9;proto=https, for=10.2.3.4;proto=http"}, "https 203.0.113.9"},
		{"forwarded, hidden", f, "10.0.0.1:5", []string{fwd + "for=203.0.113.9, for=_hidden"}, "http "},
		{"forwarded, nobody", f, "10.0.0.1:5", []string{fwd + "proto=https"}, "https "},
		{"the other header again", f, "10.0.0.1:5", []string{xff + "1.1.1.1"}, "http 10.0.0.1:5"},
		{"a separator in quotes", f, "10.0.0.1:5", []string{fwd + `for="1.1.1.1, for=203.0.113.9"`}, "http 203.0.113.9"},
	} {
		addr, scheme := senderOf(tt.trust, tt.peer, tt.headers...)
		if got := scheme + " " + addr; got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzSender(f *testing.F) {
	f.Add("203.0.113.9, 10.1.2.3", "https", "for=203.0.113.9;proto=https, for=10.1.1.1")
	f.Add(",,", ",", `for="[::1]:80";;=,`)
	f.Fuzz(func(t *testing.T, xff, proto, fwd string) {
		for _, h := range []forwarded.Header{forwarded.XForwarded, forwarded.Forwarded} {
			p := behind(h, "10.0.0.0/8")
			_, scheme := senderOf(p, "10.0.0.1:5", "X-Forwarded-For: "+xff, "X-Forwarded-Proto: "+proto, "Forwarded: "+fwd)
			if scheme != "http" && scheme != "https" {
				t.Errorf("scheme %q", scheme)
			}
			// What stands left of an entry that a trusted proxy wrote about a
			// stranger never counts.
			addr, _ := senderOf(p, "10.0.0.1:5", "X-Forwarded-For: "+xff+", 198.51.100.7", "Forwarded: "+fwd+", for=198.51.100.7")
			if addr != "198.51.100.7" {
				t.Errorf("with %q and %q the sender is %q", xff, fwd, addr)
			}
		}
	})
}
