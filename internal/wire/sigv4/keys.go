package sigv4

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"strings"
	"sync"
)

// SigningKey is the secret that one day's requests of one access key to one
// service in one region are signed with, or for Signature Version 4A what they are
// verified with. It does not give the access key's own secret away. It is safe for
// concurrent use and prints as nothing.
type SigningKey struct {
	// A closure, since fmt reads unexported fields by reflection.
	mac func() *pooledMAC
	// public stands in for mac in Signature Version 4A.
	public *ecdsa.PublicKey
}

// pooledMAC is an HMAC that goes back to its key's pool: setting one up costs
// more than using it.
type pooledMAC struct {
	hash.Hash
	home *sync.Pool
	sum  [sha256.Size]byte
}

// DeriveKey derives the signing key of a scope. It keeps no part of secret.
func DeriveKey(secret []byte, s Scope) SigningKey {
	if s.Asymmetric() {
		return SigningKey{public: derivePublicKey(secret, s.AccessKeyID)}
	}
	k := append(append(make([]byte, 0, 4+len(secret)), "AWS4"...), secret...)
	for _, part := range [...]string{s.Date, s.Region, s.Service, terminator} {
		m := hmac.New(sha256.New, k)
		io.WriteString(m, part)
		clear(k)
		k = m.Sum(nil)
	}
	home := new(sync.Pool)
	home.New = func() any { return &pooledMAC{Hash: hmac.New(sha256.New, k), home: home} }
	return SigningKey{mac: func() *pooledMAC { return home.Get().(*pooledMAC) }}
}

// sign writes the signature of toSign in lower-case hexadecimal.
func (k SigningKey) sign(signature *[2 * sha256.Size]byte, toSign []byte) {
	if k.mac == nil {
		panic("sigv4: the zero SigningKey signs nothing")
	}
	m := k.mac()
	m.Reset()
	m.Write(toSign)
	hex.Encode(signature[:], m.Sum(m.sum[:0]))
	m.home.Put(m)
}

// verify reports whether signature is the key's of toSign.
func (k SigningKey) verify(toSign []byte, signature string) bool {
	if k.public != nil {
		return verifyECDSA(k.public, toSign, signature)
	}
	var want [2 * sha256.Size]byte
	k.sign(&want, toSign)
	return equal(want[:], signature)
}

// equal compares in constant time.
func equal(want []byte, got string) bool {
	return subtle.ConstantTimeCompare(want, []byte(got)) == 1
}

func (SigningKey) Format(s fmt.State, _ rune)   { io.WriteString(s, "[secret]") }
func (SigningKey) LogValue() slog.Value         { return slog.StringValue("[secret]") }
func (SigningKey) MarshalText() ([]byte, error) { return nil, errSecret }

var errSecret = errors.New("sigv4: a signing key is not for writing down")

// SigningKeys keeps derived keys, so that a call costs one HMAC instead of five
// and the access key's secret need not be unsealed for it. It never holds a
// secret. It is safe for concurrent use.
//
// Each entry belongs to a version of its access key: any number that the owner
// of access keys changes whenever the secret does. An entry of another version
// is not found. The access key's existence and state are for the caller to check
// at each call, before Get; Forget drops what a deleted one left behind.
type SigningKeys struct {
	max int

	mu sync.RWMutex
	// Two generations stand in for an order of use: when young is full it becomes
	// old, and what is still used is taken back from there.
	young, old map[Scope]versionedKey
}

type versionedKey struct {
	version uint64
	key     SigningKey
}

// NewSigningKeys returns a cache of at most max keys, at least two.
func NewSigningKeys(max int) *SigningKeys {
	return &SigningKeys{max: max, young: map[Scope]versionedKey{}}
}

// Get returns the key of a scope, if it is kept for that version.
func (c *SigningKeys) Get(s Scope, version uint64) (SigningKey, bool) {
	c.mu.RLock()
	e, ok := c.young[s]
	if ok {
		c.mu.RUnlock()
		return e.key, e.version == version
	}
	e, ok = c.old[s]
	c.mu.RUnlock()
	if !ok || e.version != version {
		return SigningKey{}, false
	}
	c.Put(s, version, e.key)
	return e.key, true
}

// Put keeps a key. Call it only after a signature made with the key has been
// verified: then nobody without the secret can push others out.
func (c *SigningKeys) Put(s Scope, version uint64, key SigningKey) {
	// The scope's strings are parts of a request's header, which they would keep alive.
	s = Scope{strings.Clone(s.AccessKeyID), strings.Clone(s.Date), strings.Clone(s.Region), strings.Clone(s.Service)}
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, ok := c.young[s]; !ok && len(c.young) >= max(c.max/2, 1) {
		c.old, c.young = c.young, make(map[Scope]versionedKey, len(c.young))
	}
	delete(c.old, s)
	c.young[s] = versionedKey{version, key}
}

// Forget drops every key of an access key.
func (c *SigningKeys) Forget(accessKeyID string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, generation := range []map[Scope]versionedKey{c.young, c.old} {
		for s := range generation {
			if s.AccessKeyID == accessKeyID {
				delete(generation, s)
			}
		}
	}
}

// Len is the number of keys kept.
func (c *SigningKeys) Len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
