package sealedfile

import (
	"context"
	"crypto/ecdh"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// formatPair is in the encryption context of every sealed file, and not stored: no
// ciphertext that a KMS made for another purpose can pass for a file's data key.
var formatPair = [2]string{"keyfront:format", "sealed-file/1"}

// DataKeys is what sealing needs of a KMS.
type DataKeys interface {
	// DataKey makes a data key of 32 bytes under the symmetric key that key names,
	// by id, ARN or alias, and returns it, its ciphertext and the key's ARN.
	DataKey(ctx context.Context, key string, context map[string]string) (plain sealed.Secret, wrapped []byte, keyARN string, err error)
}

// PrivateKeys is what opening needs of a KMS.
type PrivateKeys interface {
	// Decrypt opens ciphertext under the key that key names. algorithm is
	// SYMMETRIC_DEFAULT or RSAES_OAEP_SHA_256.
	Decrypt(ctx context.Context, key, algorithm string, ciphertext []byte, context map[string]string) (sealed.Secret, error)
	// SharedSecret agrees, by ECDH, with the holder of the private half of peer, a
	// SubjectPublicKeyInfo.
	SharedSecret(ctx context.Context, key string, peer []byte) (sealed.Secret, error)
}

type toKeyService struct {
	keys    DataKeys
	key     string
	context map[string]string
}

// ToKeyService seals to a symmetric KMS key. context is what the KMS binds the
// data key to; it stands in the header in clear, and the opener's policies and
// audit log see it.
func ToKeyService(keys DataKeys, key string, context map[string]string) (Recipient, error) {
	if _, ok := context[formatPair[0]]; ok {
		return nil, fmt.Errorf("the encryption context has %s already, which every sealed file sets", formatPair[0])
	}
	return toKeyService{keys, key, context}, nil
}

func (r toKeyService) wrap(ctx context.Context) (sealed.Secret, *Header, error) {
	key, wrapped, arn, err := r.keys.DataKey(ctx, r.key, withFormat(r.context))
	if err != nil {
		return sealed.Secret{}, nil, err
	}
	h := &Header{Method: MethodKMS, Key: arn, Context: r.context, Wrapped: wrapped}
	if !h.sound() || key.Len() != sealed.KeyBytes {
		return sealed.Secret{}, nil, errors.New("the key service answered with a data key that is none")
	}
	return key, h, nil
}

func withFormat(context map[string]string) map[string]string {
	all := map[string]string{formatPair[0]: formatPair[1]}
	maps.Copy(all, context)
	return all
}

type byKeyService struct {
	keys    PrivateKeys
	key     string
	context map[string]string
}

// ByKeyService opens with a key that a KMS keeps: a symmetric one, an RSA key for
// decryption, or a NIST curve key for key agreement. key names it; if it is
// empty, the name in the file's header does, so that whoever made the file
// chooses which of the caller's keys is tried. The pairs of context must be in
// the file's, or it is ErrContext; a file may have more.
func ByKeyService(keys PrivateKeys, key string, context map[string]string) Opener {
	return byKeyService{keys, key, context}
}

func (o byKeyService) unwrap(ctx context.Context, h *Header, head []byte) (sealed.Secret, error) {
	for name, value := range o.context {
		if has, ok := h.Context[name]; !ok || has != value {
			return sealed.Secret{}, fmt.Errorf("%w: it lacks %s=%s", ErrContext, name, value)
		}
	}
	name := o.key
	if name == "" {
		name = h.Key
	}
	if name == "" {
		return sealed.Secret{}, fmt.Errorf("%w: the file does not name its key", ErrRecipient)
	}
	switch h.Method {
	case MethodKMS:
		return o.dataKey(ctx, name, "SYMMETRIC_DEFAULT", h, withFormat(h.Context))
	case MethodRSA:
		return o.dataKey(ctx, name, "RSAES_OAEP_SHA_256", h, nil)
	}
	public, err := h.point()
	if err != nil {
		return sealed.Secret{}, err
	}
	remote := &exchanger{ctx: ctx, keys: o.keys, key: name, public: public}
	key, err := openHPKE(remote, h, head)
	if remote.err != nil {
		return sealed.Secret{}, remote.err
	}
	return key, err
}

func (o byKeyService) dataKey(ctx context.Context, name, algorithm string, h *Header, context map[string]string) (sealed.Secret, error) {
	key, err := o.keys.Decrypt(ctx, name, algorithm, h.Wrapped, context)
	if err == nil && key.Len() != sealed.KeyBytes {
		key.Wipe()
		return sealed.Secret{}, ErrChanged
	}
	return key, err
}

// exchanger is a private key in a KMS, for HPKE. It lives for one unwrap.
type exchanger struct {
	ctx    context.Context
	keys   PrivateKeys
	key    string
	public *ecdh.PublicKey
	err    error // of the KMS; HPKE need not pass it on
}

func (e *exchanger) PublicKey() *ecdh.PublicKey { return e.public }
func (e *exchanger) Curve() ecdh.Curve          { return e.public.Curve() }

func (e *exchanger) ECDH(peer *ecdh.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(peer)
	if err != nil {
		return nil, err
	}
	secret, err := e.keys.SharedSecret(e.ctx, e.key, der)
	if err != nil {
		e.err = err
		return nil, err
	}
	return secret.Reveal(), nil
}
