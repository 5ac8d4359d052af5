package sealed

import (
	"encoding/binary"
	"fmt"
)

// A wrapped secret, as docs/spec/wrap.md describes it:
//
//	0   1  format version, 1
//	1   4  version of the wrapping key, big-endian; 0 for the root key
//	5   …  box (see box.go)
//
// with the associated data
//
//	first five bytes ‖ part(domain) ‖ part(purpose) ‖ part(name)
//
// where a part is a string after its length, as a big-endian uint32.
const (
	wrapVersion     = 1
	wrapHeaderBytes = 5
	wrapOverhead    = wrapHeaderBytes + boxOverhead
)

// place says where a wrapped secret belongs.
type place struct{ domain, purpose, name string }

func (p place) appendTo(b []byte) []byte {
	b = appendPart(b, p.domain)
	b = appendPart(b, p.purpose)
	return appendPart(b, p.name)
}

func (k *kdf) wrap(e entropy, keyVersion uint32, p place, secret Secret) []byte {
	blob := make([]byte, 0, wrapOverhead+secret.Len())
	blob = append(blob, wrapVersion)
	blob = binary.BigEndian.AppendUint32(blob, keyVersion)
	aad := p.appendTo(append([]byte(nil), blob...))
	return k.sealBox(blob, e, labelWrap, secret.Reveal(), aad)
}

func (k *kdf) unwrap(p place, blob []byte) (Secret, error) {
	if _, err := wrapKeyVersion(blob); err != nil {
		return Secret{}, err
	}
	aad := p.appendTo(append([]byte(nil), blob[:wrapHeaderBytes]...))
	plaintext, err := k.openBox(blob[wrapHeaderBytes:], labelWrap, aad)
	if err != nil {
		return Secret{}, err
	}
	return holdSecret(plaintext), nil
}

// wrapKeyVersion returns the version of the key that wrapped blob. It is not
// authenticated before unwrap has succeeded.
func wrapKeyVersion(blob []byte) (uint32, error) {
	if len(blob) < wrapOverhead || blob[0] != wrapVersion {
		return 0, ErrCorrupt
	}
	return binary.BigEndian.Uint32(blob[1:wrapHeaderBytes]), nil
}

// Domain wraps the secrets of one part of the product under a key of its own.
// It may be used concurrently, and never touches the store.
type Domain struct {
	name    string
	keys    map[uint32]*kdf
	current uint32
}

// Wrap seals secret under the newest key of the domain. The result is
// WrapOverheadBytes longer than the secret and opens only in the same domain
// with the same purpose and name; name is whatever tells this secret from
// others of its purpose, such as the id of the record that holds it.
func (d *Domain) Wrap(purpose, name string, secret Secret) []byte {
	p := place{d.name, purpose, name}
	return d.keys[d.current].wrap(newEntropy(), d.current, p, secret)
}

// WrapOverheadBytes is by how much a wrapped secret is longer than the secret.
const WrapOverheadBytes = wrapOverhead

// Unwrap opens what Wrap made with the same purpose and name, whichever version
// of the domain's key sealed it. It returns ErrCorrupt about anything else.
func (d *Domain) Unwrap(purpose, name string, blob []byte) (Secret, error) {
	secret, err := d.unwrap(place{d.name, purpose, name}, blob)
	if err != nil {
		return Secret{}, fmt.Errorf("unwrap %s of domain %s: %w", purpose, d.name, err)
	}
	return secret, nil
}

func (d *Domain) unwrap(p place, blob []byte) (Secret, error) {
	version, err := wrapKeyVersion(blob)
	if err != nil {
		return Secret{}, err
	}
	k, ok := d.keys[version]
	if !ok {
		return Secret{}, ErrCorrupt
	}
	return k.unwrap(p, blob)
}
