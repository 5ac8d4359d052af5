package main

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/keyfront-project/keyfront/kmssigner"
	"github.com/keyfront-project/keyfront/signedurl"
)

// maxKeyFileBytes bounds a file with a key.
const maxKeyFileBytes = 64 << 10

// maxClockSkew is by how much this machine's clock may differ from the key
// service's, when a validity is counted from it.
const maxClockSkew = 5 * time.Minute

// signingKey says which private key signs, and under which name.
type signingKey struct {
	KMSKey            string            `name:"kms-key" required:"" xor:"key" help:"Sign in a key service, by the key of this id, ARN or alias (RSA_2048 or ECC_NIST_P256)." placeholder:"KEY"`
	PrivateKey        string            `required:"" xor:"key" help:"Sign by a private key in PEM (PKCS#1, PKCS#8 or SEC1)." placeholder:"FILE"`
	DataKey           string            `required:"" xor:"key" help:"Sign by a data key pair that the key service decrypts: the file of keyfront keypair create, or the answer of kms generate-data-key-pair-without-plaintext." placeholder:"FILE"`
	EncryptionContext map[string]string `mapsep:"," help:"Encryption context of the data key pair." placeholder:"NAME=VALUE,..."`
	KeyPairID         string            `name:"key-pair-id" required:"" help:"Id that CloudFront gave the public key." placeholder:"ID"`
	Hash              signedurl.Hash    `enum:"SHA1,SHA256" default:"SHA256" help:"SHA256, or SHA1 for verifiers older than 2026."`
	awsFlags
}

// signer returns the signer, and whether a validity may be counted from this
// machine's clock: nil, or an error about the clock.
func (k *signingKey) signer(ctx context.Context) (_ *signedurl.Signer, clock, err error) {
	var key crypto.Signer
	switch {
	case k.PrivateKey != "":
		key, err = readPrivateKey(k.PrivateKey)
	case k.DataKey != "":
		key, err = k.dataKey(ctx)
	case k.Hash != signedurl.SHA256:
		return nil, nil, fmt.Errorf("%w: a key service signs SHA-256 only; leave out --hash", errUsage)
	default:
		key, err = k.serviceKey(ctx)
	}
	if err != nil {
		return nil, nil, err
	}
	if remote, ok := key.(*kmssigner.Signer); ok && remote.ClockSkew().Abs() > maxClockSkew {
		clock = hinted{
			fmt.Errorf("this machine's clock differs from the key service's by %v, so a validity counted from it means nothing", remote.ClockSkew().Round(time.Second).Abs()),
			"set the clock, or give the time itself: --expires 2027-01-31T18:00:00Z",
		}
	}
	signer, err := signedurl.NewSigner(signedurl.KeyID(k.KeyPairID), key, &signedurl.SignerOptions{Hash: k.Hash})
	return signer, clock, err
}

func (k *signingKey) serviceKey(ctx context.Context) (crypto.Signer, error) {
	service, err := k.keyService(ctx)
	if err != nil {
		return nil, err
	}
	key, err := kmssigner.New(ctx, service.client, k.KMSKey, &kmssigner.Options{Timeout: k.Timeout})
	if errors.Is(err, kmssigner.ErrKey) {
		return nil, hinted{err, hintSigningKey}
	}
	if hasCode(err, "UnsupportedOperationException") { // it has no public half
		return nil, hinted{fmt.Errorf("the key %s is symmetric, and signs nothing", k.KMSKey), hintSigningKey}
	}
	if err != nil {
		return nil, k.explain(ctx, "GetPublicKey with key "+k.KMSKey, err)
	}
	return key, nil
}

const hintSigningKey = "make one: aws kms create-key --key-usage SIGN_VERIFY --key-spec ECC_NIST_P256"

func readPrivateKey(name string) (crypto.Signer, error) {
	text, err := readKeyFile(name)
	if err != nil {
		return nil, err
	}
	defer clear(text)
	key, err := signedurl.ParsePrivateKey(text)
	if err != nil {
		return nil, hinted{fmt.Errorf("%s: %w", name, err), "CloudFront takes RSA of 2048 bits and P-256: openssl ecparam -genkey -noout -name prime256v1 -out FILE"}
	}
	return key, nil
}

func readKeyFile(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFileBytes+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeyFileBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes, so no key", name, maxKeyFileBytes)
	}
	return text, nil
}

// dataKeyPair is a data key pair as the key service answers it, private half
// encrypted, in the JSON of the aws CLI.
type dataKeyPair struct {
	PrivateKeyCiphertextBlob []byte
	PublicKey                []byte
	KeyID                    string `json:"KeyId"`
	KeyPairSpec              string
	// KeyMaterialID tells which version of the key encrypted the private half.
	KeyMaterialID string `json:"KeyMaterialId,omitempty"`
}

func (k *signingKey) dataKey(ctx context.Context) (crypto.Signer, error) {
	text, err := readKeyFile(k.DataKey)
	if err != nil {
		return nil, err
	}
	var pair dataKeyPair
	if err := json.Unmarshal(text, &pair); err != nil || len(pair.PrivateKeyCiphertextBlob) == 0 || pair.KeyID == "" {
		return nil, hinted{fmt.Errorf("%s: no data key pair with an encrypted private half", k.DataKey), "make one: keyfront keypair create --kms-key KEY NAME"}
	}
	service, err := k.keyService(ctx)
	if err != nil {
		return nil, err
	}
	plain, err := service.Decrypt(ctx, pair.KeyID, "", pair.PrivateKeyCiphertextBlob, k.EncryptionContext)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.DataKey, err)
	}
	defer plain.Wipe()
	private := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain.Reveal()})
	defer clear(private)
	key, err := signedurl.ParsePrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", k.DataKey, err)
	}
	public, err := x509.ParsePKIXPublicKey(pair.PublicKey)
	half, ok := key.Public().(interface{ Equal(crypto.PublicKey) bool })
	if err != nil || !ok || !half.Equal(public) {
		return nil, fmt.Errorf("%s: the private half does not belong to the public one", k.DataKey)
	}
	return key, nil
}
