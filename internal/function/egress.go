package function

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/keyfront-project/keyfront/internal/address"
)

// Egress says which requests functions may make to the outside.
type Egress struct {
	// Hosts is the operator's list: names, names with a port, or "*.example.com"
	// for all below a name. Without a port, 80 and 443 are meant.
	// Names lead to addresses of the public Internet only, unless they are
	// localhost or below it; addresses are what they are.
	Hosts []string
	// PrivateHosts are like Hosts, and may lead to private addresses and to this
	// machine as well, though to none that clouds hand out credentials under.
	PrivateHosts []string
	// Local returns the base URL of the service behind an AWS name that lives on
	// this server, and false for others. These are always allowed. Nil: there
	// are none.
	Local func(ctx context.Context, host string) (base string, ok bool)
	// LocalHeader is added to requests to these by scheme, "http" or "https": the way
	// to them has no TLS, and policies are asked as if it were that scheme's. Nil adds
	// none.
	LocalHeader func(scheme string) http.Header
	// Resolver looks names up. Nil: the system's.
	Resolver *net.Resolver
	// RootCAs are what certificates are checked with. Nil: the system's.
	RootCAs *x509.CertPool
}

const (
	egressConnect   = 5 * time.Second
	maxEgressHeader = 64 << 10
)

// errNotAllowed is what a function reads when it asks for another host.
var errNotAllowed = errors.New("connect ECONNREFUSED: host is not on the list of hosts that functions may reach")

// errNotPublic is what a function reads when a host on the list leads elsewhere.
var errNotPublic = errors.New("connect ECONNREFUSED: host leads to an address that is not public")

// egress makes the requests of functions.
type egress struct {
	Egress
	// What may lead where: public to the Internet only, private not to a cloud's
	// metadata, direct everywhere.
	public, private, direct *http.Transport
}

func newEgress(e Egress) *egress {
	return &egress{e, e.transport(address.Public), e.transport(address.NotMetadata), e.transport(nil)}
}

// transport makes connections that control lets pass; it sees the address when
// its name is resolved.
func (e Egress) transport(control func(network, address string, c syscall.RawConn) error) *http.Transport {
	dialer := net.Dialer{Timeout: egressConnect, Resolver: e.Resolver, Control: control}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSClientConfig:        &tls.Config{RootCAs: e.RootCAs, MinVersion: tls.VersionTLS12},
		TLSHandshakeTimeout:    egressConnect,
		IdleConnTimeout:        30 * time.Second,
		MaxIdleConnsPerHost:    8,
		MaxResponseHeaderBytes: maxEgressHeader,
		DisableCompression:     true,
	}
}

func (e *egress) close() {
	for _, t := range []*http.Transport{e.public, e.private, e.direct} {
		t.CloseIdleConnections()
	}
}

// outgoing is a request as the worker writes it, in JSON.
type outgoing struct {
	Method string      `json:"method"`
	URL    string      `json:"url"`
	Header [][2]string `json:"headers"`
}

// incoming is the answer.
type incoming struct {
	Status int         `json:"status"`
	Reason string      `json:"reason"`
	Header [][2]string `json:"headers"`
}

// do makes a request. It follows no redirect: the library of the function does.
func (e *egress) do(ctx context.Context, request, body []byte) (head, answer []byte, err error) {
	var out outgoing
	if err := json.Unmarshal(request, &out); err != nil {
		return nil, nil, err
	}
	req, by, err := e.request(ctx, &out, body)
	if err != nil {
		return nil, nil, err
	}
	resp, err := by.RoundTrip(req)
	if err != nil {
		return nil, nil, describe(ctx, err)
	}
	defer resp.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(resp.Body, MaxPayloadBytes+1))
	if err != nil {
		return nil, nil, describe(ctx, err)
	}
	if len(answer) > MaxPayloadBytes {
		return nil, nil, fmt.Errorf("response is larger than %d bytes", MaxPayloadBytes)
	}
	in := incoming{Status: resp.StatusCode, Reason: strings.TrimSpace(strings.TrimPrefix(resp.Status, fmt.Sprint(resp.StatusCode)))}
	for name, values := range resp.Header {
		for _, v := range values {
			in.Header = append(in.Header, [2]string{name, v})
		}
	}
	head, err = json.Marshal(&in)
	return head, answer, err
}

// request makes the request, to wherever its host lives, and says what sends it.
func (e *egress) request(ctx context.Context, out *outgoing, body []byte) (*http.Request, *http.Transport, error) {
	u, err := url.Parse(out.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, nil, errors.New("invalid URL")
	}
	u.User = nil
	host, scheme := u.Host, u.Scheme
	base, local := "", false
	if e.Local != nil {
		base, local = e.Local(ctx, strings.ToLower(u.Hostname()))
	}
	by := e.sender(u)
	if local {
		at, err := url.Parse(base)
		if err != nil {
			return nil, nil, errors.New("service has no address")
		}
		u.Scheme, u.Host, by = at.Scheme, at.Host, e.direct
	}
	if by == nil {
		return nil, nil, errNotAllowed
	}
	req, err := http.NewRequestWithContext(ctx, out.Method, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, errors.New("invalid URL or method")
	}
	if len(body) == 0 {
		req.Body, req.ContentLength = http.NoBody, 0
	}
	req.Host = host
	for _, h := range out.Header {
		switch name := http.CanonicalHeaderKey(h[0]); name {
		case "Host":
			req.Host = h[1]
		case "Content-Length", "Transfer-Encoding", "Connection", "Keep-Alive":
		default:
			req.Header.Add(name, h[1])
		}
	}
	if local && req.Header["Via"] == nil {
		// To this server, a function is no peer on the same machine: what it tells
		// those, such as metrics, it does not tell whom somebody else forwards.
		req.Header.Set("Via", "1.1 keyfront-function")
	}
	if local && e.LocalHeader != nil {
		maps.Copy(req.Header, e.LocalHeader(scheme))
	}
	if req.Header.Get("User-Agent") == "" {
		req.Header["User-Agent"] = nil // Node.js sends none
	}
	// A name that is allowed must not vouch for another one behind the same address.
	if !local && !strings.EqualFold(req.Host, host) {
		req.Host = host
	}
	return req, by, nil
}

// sender is what goes to the host of u; nil if the operator's lists lack it.
func (e *egress) sender(u *url.URL) *http.Transport {
	if lists(e.PrivateHosts, u) {
		return e.private
	}
	if !lists(e.Hosts, u) {
		return nil
	}
	name := strings.ToLower(u.Hostname())
	if _, err := netip.ParseAddr(name); err == nil || name == "localhost" || strings.HasSuffix(name, ".localhost") {
		return e.direct
	}
	return e.public
}

// lists reports whether one of the operator's lists has the host of u.
func lists(hosts []string, u *url.URL) bool {
	name, port := strings.ToLower(u.Hostname()), u.Port()
	for _, allowed := range hosts {
		host, want, _ := strings.Cut(strings.ToLower(allowed), ":")
		if want != port && (want != "" || port != "80" && port != "443" && port != "") {
			continue
		}
		if suffix, ok := strings.CutPrefix(host, "*"); ok && strings.HasPrefix(suffix, ".") {
			if len(name) > len(suffix) && strings.HasSuffix(name, suffix) {
				return true
			}
			continue
		}
		if name == host {
			return true
		}
	}
	return false
}

// describe says what went wrong, in words that tell nothing of this process.
func describe(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return errors.New("ETIMEDOUT")
	}
	var dns *net.DNSError
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("connect ECONNREFUSED")
	case errors.As(err, &dns):
		return errors.New("getaddrinfo ENOTFOUND")
	case errors.Is(err, address.ErrPrivate), errors.Is(err, address.ErrMetadata):
		return errNotPublic
	}
	return fmt.Errorf("request failed: %w", err)
}
