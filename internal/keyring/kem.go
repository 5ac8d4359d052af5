package keyring

import (
	"context"
	"crypto"
	"crypto/mlkem"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"

	"github.com/cloudflare/circl/kem/mlkem/mlkem512"

	"github.com/keyfront-project/keyfront/internal/access"
)

// Encapsulated is a shared secret of 32 bytes.
type Encapsulated struct {
	Secret []byte
	// Ciphertext, for Decapsulate, is missing there.
	Ciphertext []byte
	KeyARN     string
	Algorithm  Algorithm
}

// Encapsulate makes a shared secret for whoever may Decapsulate with the key.
//
// Source: AWS KMS API Reference, Encapsulate; FIPS 203, algorithm 20.
func (r *Ring) Encapsulate(ctx context.Context, who access.Caller, use Use) (out Encapsulated, err error) {
	call := r.begin(&who, opEncapsulate)
	defer call.End(ctx, &err)
	k, private, err := r.admitKEM(ctx, call, &who, opEncapsulate, &use)
	if err != nil {
		return out, err
	}
	out = Encapsulated{KeyARN: k.arn, Algorithm: use.Algorithm}
	out.Secret, out.Ciphertext = private.Encapsulator().Encapsulate()
	r.used(k, opEncapsulate, &who)
	return out, nil
}

// Decapsulate returns the shared secret in a ciphertext. It returns
// ErrInvalidCiphertext about one of another length only: any other that
// Encapsulate did not make yields a secret that nobody else has.
//
// Source: AWS KMS API Reference, Decapsulate; FIPS 203, algorithm 21.
func (r *Ring) Decapsulate(ctx context.Context, who access.Caller, use Use, ciphertext []byte) (out Encapsulated, err error) {
	call := r.begin(&who, opDecapsulate)
	defer call.End(ctx, &err)
	k, private, err := r.admitKEM(ctx, call, &who, opDecapsulate, &use)
	if err != nil {
		return out, err
	}
	out = Encapsulated{KeyARN: k.arn, Algorithm: use.Algorithm}
	if out.Secret, err = private.Decapsulate(ciphertext); err != nil {
		return Encapsulated{}, fail(ErrInvalidCiphertext, "")
	}
	r.used(k, opDecapsulate, &who)
	return out, nil
}

func (r *Ring) admitKEM(ctx context.Context, call *access.Call, who *access.Caller, op operation, use *Use) (*key, crypto.Decapsulator, error) {
	if err := use.note(call); err != nil {
		return nil, nil, err
	}
	call.Note("encapsulationAlgorithm", string(use.Algorithm))
	call.Keys.Set("kms:EncapsulationAlgorithm", string(use.Algorithm))
	k, err := r.admitUse(ctx, call, who, op, use)
	if err != nil {
		return nil, nil, err
	}
	if err := k.checkUse(op, EncapsulateDecapsulate, use.Algorithm); err != nil {
		return nil, nil, err
	}
	if use.DryRun {
		return nil, nil, dryRun()
	}
	private, err := k.current().decapsulator()
	return k, private, err
}

// newDecapsulator makes a private key of its seed, d ‖ z of FIPS 203.
func (s *specInfo) newDecapsulator(seed []byte) (crypto.Decapsulator, error) {
	switch s.bits {
	case 512:
		if len(seed) != mlkem512.KeySeedSize {
			return nil, fmt.Errorf("keyring: a seed of %d bytes", len(seed))
		}
		public, private := mlkem512.NewKeyFromSeed(seed)
		return &decapsulator512{private, public}, nil
	case 768:
		return mlkem.NewDecapsulationKey768(seed)
	default:
		return mlkem.NewDecapsulationKey1024(seed)
	}
}

// decapsulator512 is a private key of the parameter set that the standard
// library lacks, in the shape of those that it has.
type decapsulator512 struct {
	private *mlkem512.PrivateKey
	public  *mlkem512.PublicKey
}

func (d *decapsulator512) Encapsulator() crypto.Encapsulator { return encapsulator512{d.public} }

func (d *decapsulator512) Decapsulate(ciphertext []byte) ([]byte, error) {
	if len(ciphertext) != mlkem512.CiphertextSize {
		return nil, fmt.Errorf("keyring: a ciphertext of %d bytes", len(ciphertext))
	}
	shared := make([]byte, mlkem512.SharedKeySize)
	d.private.DecapsulateTo(shared, ciphertext)
	return shared, nil
}

type encapsulator512 struct{ public *mlkem512.PublicKey }

func (e encapsulator512) Bytes() []byte {
	b, err := e.public.MarshalBinary()
	if err != nil {
		panic("keyring: " + err.Error()) // it has no error to return
	}
	return b
}

func (e encapsulator512) Encapsulate() (shared, ciphertext []byte) {
	shared, ciphertext = make([]byte, mlkem512.SharedKeySize), make([]byte, mlkem512.CiphertextSize)
	e.public.EncapsulateTo(ciphertext, shared, nil)
	return shared, ciphertext
}

// encodeKEM is the SubjectPublicKeyInfo of an ML-KEM key, RFC 9935 section 4.
func (s *specInfo) encodeKEM(public crypto.Encapsulator) ([]byte, error) {
	set := map[int]int{512: 1, 768: 2, 1024: 3}[s.bits]
	b := public.Bytes()
	return asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		PublicKey asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 4, set}},
		asn1.BitString{Bytes: b, BitLength: 8 * len(b)},
	})
}
