package signedurl

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"
)

// SignerOptions changes how a Signer works. Nil is like the zero SignerOptions.
type SignerOptions struct {
	// Hash is SHA1 if empty. SHA256 is announced in Hash-Algorithm.
	Hash Hash
}

// ContextSigner is a crypto.Signer that can give up: one whose private key
// answers over a network. A Signer calls SignContext instead of Sign if its key
// has it. digest and opts are as for crypto.Signer.
type ContextSigner interface {
	crypto.Signer
	SignContext(ctx context.Context, digest []byte, opts crypto.SignerOpts) ([]byte, error)
}

// Signer signs URLs and cookies with one private key. It is safe for concurrent
// use if the key is, as those of the standard library are. A Signer comes from
// [NewSigner]; the zero Signer fails with [ErrKey].
type Signer struct {
	id   KeyID
	key  crypto.Signer
	hash Hash
}

// NewSigner returns a Signer whose signatures name id, the id that CloudFront
// gave the public half of key. key is RSA of 2048 bits or ECDSA P-256, such as
// [ParsePrivateKey] returns. Errors wrap [ErrKey].
func NewSigner(id KeyID, key crypto.Signer, opts *SignerOptions) (*Signer, error) {
	s := &Signer{id: id, key: key, hash: SHA1}
	if opts != nil && opts.Hash != "" {
		s.hash = opts.Hash
	}
	if s.hash != SHA1 && s.hash != SHA256 {
		return nil, fmt.Errorf("%w: hash is %q, want SHA1 or SHA256", ErrKey, s.hash)
	}
	if !isKeyID(id) {
		return nil, fmt.Errorf("%w: a key id has letters and digits only", ErrKey)
	}
	if absent(key) {
		return nil, fmt.Errorf("%w: there is no private key", ErrKey)
	}
	if _, err := NewPublicKey(key.Public()); err != nil {
		return nil, err
	}
	return s, nil
}

// absent reports whether key is nil, or a nil pointer of the standard library's.
func absent(key crypto.Signer) bool {
	switch key := key.(type) {
	case nil:
		return true
	case *rsa.PrivateKey:
		return key == nil
	case *ecdsa.PrivateKey:
		return key == nil
	}
	return false
}

// isKeyID reports whether id can stand in a URL and a cookie as it is.
func isKeyID(id KeyID) bool {
	for i := range len(id) {
		if c := id[i] | 0x20; (c < 'a' || c > 'z') && (id[i] < '0' || id[i] > '9') {
			return false
		}
	}
	return id != ""
}

// Sign returns rawURL with the parameters that let its bearer in under p.
//
// rawURL is an absolute http, https, ws or wss URL as a viewer will ask for it,
// percent-encoded where needed. The result differs from it only as a browser
// would anyway: scheme and host become lower case, a default port goes, an empty
// path becomes "/", an apostrophe in the query "%27". Sign refuses what would
// not survive the way or means something else: fragments, user names, spaces,
// controls, anything beyond ASCII, the characters that RFC 3986 has no
// place for, and the reserved parameters.
//
// The policy is canned, short and bound to this URL, unless p asks for more: a
// Resource other than rawURL or with a star, NotBefore, or Source. A Resource
// must cover rawURL. If it is empty, a question mark in the URL goes into a
// custom policy unescaped, as AWS's SDKs write it, and a star is refused, since
// it would widen the policy.
//
// Errors wrap [ErrURL] or [ErrPolicy], or are the key's.
//
// Source: CloudFront Developer Guide, "Use signed URLs".
func (s *Signer) Sign(ctx context.Context, rawURL string, p Policy) (string, error) {
	url, err := spell(rawURL)
	if err != nil {
		return "", err
	}
	if err := p.check(); err != nil {
		return "", err
	}
	custom := !p.NotBefore.IsZero() || p.Source.IsValid()
	if p.Resource == "" || p.Resource == rawURL && !strings.Contains(rawURL, "*") {
		p.Resource = url
		if custom && strings.Contains(url, "*") {
			return "", fmt.Errorf("%w: the URL holds a '*', which a custom policy takes for a wildcard: set Resource", ErrPolicy)
		}
	} else {
		if err := p.checkResource(); err != nil {
			return "", err
		}
		if !Match(p.Resource, url) {
			return "", fmt.Errorf("%w: Resource %q does not cover the URL", ErrPolicy, p.Resource)
		}
		custom = true
	}
	var room [codedRSABytes]byte
	signed, err := s.signPolicy(ctx, &p, custom, room[:0])
	if err != nil {
		return "", err
	}

	const names = "&Expires=2147483647&Signature=&Key-Pair-Id=&Hash-Algorithm=SHA256"
	var out strings.Builder
	out.Grow(len(url) + len(names) + len(signed.policy) + len(signed.signature) + len(s.id))
	out.WriteString(url)
	if strings.Contains(url, "?") {
		out.WriteByte('&')
	} else {
		out.WriteByte('?')
	}
	if custom {
		out.WriteString("Policy=")
		out.Write(signed.policy)
	} else {
		var digits [20]byte
		out.WriteString("Expires=")
		out.Write(strconv.AppendInt(digits[:0], p.Expires.Unix(), 10))
	}
	out.WriteString("&Signature=")
	out.Write(signed.signature)
	out.WriteString("&Key-Pair-Id=")
	out.WriteString(string(s.id))
	if s.hash != SHA1 {
		out.WriteString("&Hash-Algorithm=")
		out.WriteString(string(s.hash))
	}
	return out.String(), nil
}

// signed is a policy and its signature in CloudFront's alphabet. policy is empty
// for a canned one, which is not sent.
type signed struct {
	policy, signature []byte
}

// codedRSABytes is how long the signature of a 2048-bit RSA key is in
// CloudFront's alphabet; those of P-256 are shorter.
const codedRSABytes = (rsaBits/8 + 2) / 3 * 4

// signPolicy signs p, whose Resource for a canned policy is the URL. It appends
// the coded signature to buf.
func (s *Signer) signPolicy(ctx context.Context, p *Policy, custom bool, buf []byte) (signed, error) {
	if s.key == nil {
		return signed{}, fmt.Errorf("%w: the Signer has no private key", ErrKey)
	}
	var (
		out  signed
		room [1024]byte
	)
	// A URL has no byte that JSON escapes, so the canned policy is the shortest custom one.
	text := p.appendCustom(room[:0])
	if custom {
		if len(text) > MaxPolicyBytes {
			return signed{}, fmt.Errorf("%w: the policy has %d bytes, want at most %d", ErrPolicy, len(text), MaxPolicyBytes)
		}
		out.policy = appendCoded(nil, text)
	}
	sum := new([sha256.Size]byte)
	digest, id := sumInto(sum, s.hash, text)
	var (
		sig []byte
		err error
	)
	if key, ok := s.key.(ContextSigner); ok {
		sig, err = key.SignContext(ctx, digest, id)
	} else if err = ctx.Err(); err == nil {
		sig, err = s.key.Sign(rand.Reader, digest, id)
	}
	if err != nil {
		return signed{}, fmt.Errorf("sign with key %s: %w", s.id, err)
	}
	out.signature = appendCoded(buf, sig)
	return out, nil
}

// checkResource refuses a pattern that covers nothing or that JSON would respell.
func (p *Policy) checkResource() error {
	for i := range len(p.Resource) {
		if c := p.Resource[i]; c <= ' ' || c > '~' || c == '"' {
			return fmt.Errorf("%w: Resource has byte %#02x at %d; percent-encode it as in the URL", ErrPolicy, c, i)
		}
	}
	if compile(p.Resource).broken {
		return fmt.Errorf("%w: Resource %q is no URL pattern: it has no \"://\" and does not begin with '*'", ErrPolicy, p.Resource)
	}
	return nil
}

// Normalize checks a URL by the rules of [Signer.Sign] and returns it as it is
// signed. Errors wrap [ErrURL].
func Normalize(rawURL string) (string, error) { return spell(rawURL) }

// notInURL marks the bytes that a URL cannot hold, or that never reach a server.
var notInURL = func() (table [256]bool) {
	for c := range table {
		table[c] = c <= ' ' || c > '~'
	}
	for _, c := range []byte("#\"<>\\^`{|}") {
		table[c] = true
	}
	return table
}()

// spell checks a URL and returns it as a browser would ask for it.
func spell(rawURL string) (string, error) {
	for i := range len(rawURL) {
		switch c := rawURL[i]; {
		case !notInURL[c]:
		case c == '#':
			return "", fmt.Errorf("%w: a fragment never reaches the server; add it after signing", ErrURL)
		default:
			return "", fmt.Errorf("%w: byte %#02x at %d has no place in a URL; percent-encode it", ErrURL, c, i)
		}
	}
	t, ok := splitURL(rawURL)
	if !ok || t.host == "" {
		return "", fmt.Errorf("%w: want scheme://host/path", ErrURL)
	}
	given := t
	t.scheme, t.host = lower(t.scheme), lower(t.host)
	name, port := splitPort(t.host)
	switch t.scheme {
	case "http", "ws":
		if port == ":80" {
			t.host = name
		}
	case "https", "wss":
		if port == ":443" {
			t.host = name
		}
	default:
		return "", fmt.Errorf("%w: scheme is %q, want http, https, ws or wss", ErrURL, t.scheme)
	}
	if name == "" || port == ":" || strings.ContainsAny(t.host, "@%*") {
		return "", fmt.Errorf("%w: host is %q, want a name or address and perhaps a port", ErrURL, t.host)
	}
	if t.path == "" {
		t.path = "/"
	}
	if t.hasQuery {
		if f, _, _ := splitQuery(t.query); f.present != 0 {
			for p, name := range paramNames {
				if f.has(param(p)) {
					return "", fmt.Errorf("%w: the query has a parameter %s, a name that CloudFront reserves", ErrURL, name)
				}
			}
		}
		// Browsers send the apostrophe of a query escaped, and then the
		// signature over the bare one is worth nothing.
		t.query = strings.ReplaceAll(t.query, "'", "%27")
	}
	if t == given {
		return rawURL, nil
	}
	return t.String(), nil
}
