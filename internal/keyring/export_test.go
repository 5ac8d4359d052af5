package keyring

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha3"
	"crypto/x509"
	"slices"
	"testing"

	"filippo.io/mldsa"
	"gitlab.com/yawning/secp256k1-voi/secec"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// CheckState asks the table of states about an operation by its name.
func CheckState(name, keyARN string, s State) error {
	for op, info := range operations {
		if string(info.action) == "kms:"+name {
			return checkState(operation(op), keyARN, s)
		}
	}
	panic("no operation " + name)
}

// OperationNames lists the rows of the table of states.
func OperationNames() (names []string) {
	for _, info := range operations {
		names = append(names, string(info.action)[len("kms:"):])
	}
	return names
}

// Verifies checks a signature of a message, as Verify does inside.
func Verifies(public crypto.PublicKey, algorithm Algorithm, message, signature []byte) bool {
	return verifies(public, algorithm, prepare(algorithm, Raw, message), signature)
}

// DecryptOAEP decrypts as Decrypt does inside.
func DecryptOAEP(private *rsa.PrivateKey, algorithm Algorithm, ciphertext []byte) ([]byte, error) {
	return decryptOAEP(private, algorithm, ciphertext)
}

// EncryptOAEPTo encrypts as Encrypt does inside, to any public key.
func EncryptOAEPTo(t testing.TB, public []byte, algorithm Algorithm, plaintext []byte) []byte {
	parsed, err := x509.ParsePKIXPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	out, err := encryptOAEP(parsed.(*rsa.PublicKey), algorithm, plaintext)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// ComputeMAC computes as GenerateMAC does inside.
func ComputeMAC(algorithm Algorithm, secret, message []byte) []byte {
	return computeMAC(algorithm, secret, message)
}

// Agree derives as DeriveSharedSecret does inside.
var Agree = agree

// JournalLength is after how many changes a node that slept reads everything.
const JournalLength = journalLength

// Refresh follows the store once, as Run does again and again.
var Refresh = (*Ring).refresh

// DoDue does what is due, as Run does again and again.
var DoDue = (*Ring).doDue

// PairsReady counts the pairs of a size in the pool.
func (r *Ring) PairsReady(bits int) int { return len(r.pairs.ready[bits]) }

// ReencodeChange reads a record of the journal and writes it again.
func ReencodeChange(b []byte) ([]byte, error) {
	touched, err := decodeChange("fuzz", b)
	return encodeChange(touched), err
}

// UnwrapKWP opens a key wrapped as RFC 5649 says.
var UnwrapKWP = unwrapKWP

// WriteUsage makes the last uses durable, as Run does again and again.
var WriteUsage = (*Ring).writeUsage

// MLDSAPublicKey reads the raw public key of a spec.
func MLDSAPublicKey(spec KeySpec, raw []byte) (crypto.PublicKey, error) {
	return mldsa.NewPublicKey(parameters(specs[spec]), raw)
}

// Mu is μ of a message without a context: FIPS 204, algorithm 7.
func Mu(public, message []byte) []byte {
	tr := sha3.SumSHAKE256(public, 64)
	return sha3.SumSHAKE256(append(append(tr, 0, 0), message...), 64)
}

// NewDecapsulator makes a private key of a spec of its seed.
func NewDecapsulator(spec KeySpec, seed []byte) (crypto.Decapsulator, error) {
	return specs[spec].newDecapsulator(seed)
}

// ParsePublic reads a SubjectPublicKeyInfo of any curve.
func ParsePublic(der []byte) (crypto.PublicKey, error) {
	if k, err := secec.ParseASN1PublicKey(der); err == nil {
		return k, nil
	}
	return x509.ParsePKIXPublicKey(der)
}

// FillOne adds one pair to the pool, as Run does again and again.
func FillOne(r *Ring, ctx context.Context) (bool, error) { return r.pairs.fillOne(ctx, r.calls.Load) }

// Adopt makes material of a spec of imported bytes.
func Adopt(spec KeySpec, raw []byte) ([]byte, error) {
	s, err := specs[spec].adopt(sealed.NewSecret(raw))
	return s.Reveal(), err
}

// Order is the sorted ids of a realm.
type Order struct{ order }

func (o *Order) Add(id KeyID)    { o.add(id) }
func (o *Order) Remove(id KeyID) { o.remove(id) }

// After collects the ids that follow last.
func (o *Order) After(last KeyID) []KeyID { return slices.Collect(o.after(last)) }
