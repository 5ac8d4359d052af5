package keyring

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"

	"gitlab.com/yawning/secp256k1-voi/secec"
)

// secp256k1 is not in the standard library, nor are its encodings. The curve's
// arithmetic comes from secp256k1-voi, whose signing takes constant time.

var (
	oidECPublicKey = asn1.ObjectIdentifier{1, 2, 840, 10045, 2, 1}
	oidSecp256k1   = asn1.ObjectIdentifier{1, 3, 132, 0, 10}

	errSecp256k1 = errors.New("keyring: malformed secp256k1 private key")
)

// privateKeyInfo is PrivateKeyInfo, RFC 5958 section 2, without attributes.
type privateKeyInfo struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	PrivateKey []byte
}

// ecPrivateKey is ECPrivateKey, RFC 5915 section 3.
type ecPrivateKey struct {
	Version    int
	PrivateKey []byte
	Curve      asn1.ObjectIdentifier `asn1:"optional,explicit,tag:0"`
	PublicKey  asn1.BitString        `asn1:"optional,explicit,tag:1"`
}

func encodeSecp256k1(private *secec.PrivateKey) ([]byte, error) {
	scalar := private.Bytes()
	defer clear(scalar)
	inner, err := asn1.Marshal(ecPrivateKey{
		Version: 1, PrivateKey: scalar, PublicKey: asn1.BitString{Bytes: private.PublicKey().Bytes(), BitLength: 8 * len(private.PublicKey().Bytes())},
	})
	if err != nil {
		return nil, err
	}
	defer clear(inner)
	curve, err := asn1.Marshal(oidSecp256k1)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(privateKeyInfo{
		Algorithm: pkix.AlgorithmIdentifier{Algorithm: oidECPublicKey, Parameters: asn1.RawValue{FullBytes: curve}}, PrivateKey: inner,
	})
}

func parseSecp256k1(der []byte) (*secec.PrivateKey, error) {
	var outer privateKeyInfo
	if rest, err := asn1.Unmarshal(der, &outer); err != nil || len(rest) > 0 {
		return nil, errSecp256k1
	}
	var curve asn1.ObjectIdentifier
	rest, err := asn1.Unmarshal(outer.Algorithm.Parameters.FullBytes, &curve)
	if err != nil || len(rest) > 0 || !outer.Algorithm.Algorithm.Equal(oidECPublicKey) || !curve.Equal(oidSecp256k1) {
		return nil, errSecp256k1
	}
	var inner ecPrivateKey
	if rest, err := asn1.Unmarshal(outer.PrivateKey, &inner); err != nil || len(rest) > 0 || inner.Version != 1 ||
		inner.Curve != nil && !inner.Curve.Equal(oidSecp256k1) || len(inner.PrivateKey) != secec.PrivateKeySize {
		return nil, errSecp256k1
	}
	private, err := secec.NewPrivateKey(inner.PrivateKey)
	if err != nil {
		return nil, errSecp256k1
	}
	return private, nil
}
