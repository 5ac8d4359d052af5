package function

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"math/big"
)

var errKey = errors.New("unsupported or malformed key")

// maxKeyBits bounds RSA keys: a larger one is only a way to burn time.
const maxKeyBits = 8192

// privateKey reads a PEM text: PKCS #8, PKCS #1 or SEC 1.
func privateKey(text string) (crypto.PrivateKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errKey
	}
	var key any
	var err error
	switch block.Type {
	case "PRIVATE KEY":
		key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
	case "RSA PRIVATE KEY":
		key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
	case "EC PRIVATE KEY":
		key, err = x509.ParseECPrivateKey(block.Bytes)
	default:
		return nil, errKey
	}
	if err != nil {
		return nil, errKey
	}
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if k.N.BitLen() > maxKeyBits {
			return nil, errKey
		}
		return k, nil
	case *ecdsa.PrivateKey, ed25519.PrivateKey:
		return k, nil
	}
	return nil, errKey
}

// unsignedKey reads an RSA public key in the form of RFC 5280 (SubjectPublicKeyInfo)
// whose modulus lacks the zero that makes it positive. OpenSSL, and so Node.js, takes
// it for positive, and aws-jwt-verify 2 makes such keys of JWKs.
func unsignedKey(der []byte) (*rsa.PublicKey, error) {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	var key struct{ N, E asn1.RawValue }
	rest, err := asn1.Unmarshal(der, &info)
	if err != nil || len(rest) > 0 {
		return nil, errKey
	}
	if rest, err = asn1.Unmarshal(info.Key.RightAlign(), &key); err != nil || len(rest) > 0 {
		return nil, errKey
	}
	n, e := new(big.Int).SetBytes(key.N.Bytes), new(big.Int).SetBytes(key.E.Bytes)
	if !info.Algorithm.Algorithm.Equal(rsaEncryption) || key.N.Tag != asn1.TagInteger || key.E.Tag != asn1.TagInteger ||
		n.Bit(0) == 0 || e.Bit(0) == 0 || e.BitLen() < 2 || e.BitLen() > 31 {
		return nil, errKey
	}
	return &rsa.PublicKey{N: n, E: int(e.Int64())}, nil
}

// rsaEncryption is RFC 8017, appendix A.1.
var rsaEncryption = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}

// publicKey reads a PEM text: SPKI, PKCS #1, a certificate, or the public half
// of a private key.
func publicKey(text string) (crypto.PublicKey, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil {
		return nil, errKey
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		if key, err = x509.ParsePKIXPublicKey(block.Bytes); err != nil {
			key, err = unsignedKey(block.Bytes)
		}
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		var c *x509.Certificate
		if c, err = x509.ParseCertificate(block.Bytes); err == nil {
			key = c.PublicKey
		}
	default:
		var private crypto.PrivateKey
		if private, err = privateKey(text); err == nil {
			key = private.(crypto.Signer).Public()
		}
	}
	if err != nil {
		return nil, errKey
	}
	switch k := key.(type) {
	case *rsa.PublicKey:
		if k.N.BitLen() > maxKeyBits {
			return nil, errKey
		}
		return k, nil
	case *ecdsa.PublicKey, ed25519.PublicKey:
		return k, nil
	}
	return nil, errKey
}

// jwk is a JSON Web Key.
//
// Source: RFC 7518, section 6; RFC 8037.
type jwk struct {
	Kty string `json:"kty"`
	Crv string `json:"crv,omitempty"`
	N   string `json:"n,omitempty"`
	E   string `json:"e,omitempty"`
	X   string `json:"x,omitempty"`
	Y   string `json:"y,omitempty"`
	D   string `json:"d,omitempty"`
	P   string `json:"p,omitempty"`
	Q   string `json:"q,omitempty"`
}

var curves = map[string]elliptic.Curve{"P-256": elliptic.P256(), "P-384": elliptic.P384(), "P-521": elliptic.P521()}

// key makes the Go key of j.
func (j *jwk) key() (any, error) {
	switch j.Kty {
	case "RSA":
		n, e := number256(j.N), number256(j.E)
		if n.BitLen() < 512 || n.BitLen() > maxKeyBits || !e.IsInt64() || e.Int64() < 3 || e.BitLen() > 31 {
			return nil, errKey
		}
		public := rsa.PublicKey{N: n, E: int(e.Int64())}
		if j.D == "" {
			return &public, nil
		}
		k := &rsa.PrivateKey{PublicKey: public, D: number256(j.D), Primes: []*big.Int{number256(j.P), number256(j.Q)}}
		if k.Validate() != nil {
			return nil, errKey
		}
		k.Precompute()
		return k, nil
	case "EC":
		curve := curves[j.Crv]
		if curve == nil {
			return nil, errKey
		}
		size := (curve.Params().BitSize + 7) / 8
		if j.D != "" {
			return ecdsa.ParseRawPrivateKey(curve, padded(j.D, size))
		}
		point := append([]byte{4}, padded(j.X, size)...)
		return ecdsa.ParseUncompressedPublicKey(curve, append(point, padded(j.Y, size)...))
	case "OKP":
		if j.Crv != "Ed25519" {
			return nil, errKey
		}
		if seed := unbase64(j.D); len(seed) == ed25519.SeedSize {
			return ed25519.NewKeyFromSeed(seed), nil
		}
		if x := unbase64(j.X); len(x) == ed25519.PublicKeySize {
			return ed25519.PublicKey(x), nil
		}
	}
	return nil, errKey
}

func unbase64(s string) []byte {
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		return nil
	}
	return b
}

func number256(s string) *big.Int { return new(big.Int).SetBytes(unbase64(s)) }

// padded is a coordinate in its full length; what is too long stays so, and is
// refused later.
func padded(s string, size int) []byte {
	b := unbase64(s)
	if len(b) >= size {
		return b
	}
	return append(make([]byte, size-len(b)), b...)
}

// keyDescription is what the library knows of a key.
type keyDescription struct {
	Type string `json:"type"` // private or public
	Kind string `json:"kind"` // rsa, ec or ed25519
	PEM  string `json:"pem"`
	Bits int    `json:"bits"`
	JWK  *jwk   `json:"jwk"`
}

// describeKey: "pem", "der-spki", "der-pkcs8", "der-pkcs1" or "jwk"; the key;
// "public" or "private". It answers a keyDescription.
func describeKey(args []any) (any, error) {
	form, _ := text(args, 0)
	raw, err := data(args, 1)
	if err != nil {
		return nil, err
	}
	want, _ := text(args, 2)
	if block := map[string]string{"der-spki": "PUBLIC KEY", "der-pkcs8": "PRIVATE KEY", "der-pkcs1": "RSA PRIVATE KEY"}[form]; block != "" {
		raw = pem.EncodeToMemory(&pem.Block{Type: block, Bytes: raw})
	}
	var key any
	switch {
	case form == "jwk":
		var j jwk
		if err := json.Unmarshal(raw, &j); err != nil {
			return nil, errKey
		}
		key, err = j.key()
	case want == "public":
		key, err = publicKey(string(raw))
	default:
		key, err = privateKey(string(raw))
	}
	if err != nil {
		return nil, errKey
	}
	if signer, ok := key.(crypto.Signer); ok && want == "public" {
		key = signer.Public()
	} else if !ok && want == "private" {
		return nil, errKey
	}
	d, err := described(key)
	if err != nil {
		return nil, errKey
	}
	out, err := json.Marshal(d)
	return string(out), err
}

func described(key any) (*keyDescription, error) {
	d := &keyDescription{Type: "public"}
	public := key
	if signer, ok := key.(crypto.Signer); ok {
		d.Type, public = "private", signer.Public()
		der, err := x509.MarshalPKCS8PrivateKey(key)
		if err != nil {
			return nil, err
		}
		d.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	} else {
		der, err := x509.MarshalPKIXPublicKey(key)
		if err != nil {
			return nil, err
		}
		d.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
	}
	text := base64.RawURLEncoding.EncodeToString
	switch k := public.(type) {
	case *rsa.PublicKey:
		d.Kind, d.Bits = "rsa", k.N.BitLen()
		d.JWK = &jwk{Kty: "RSA", N: text(k.N.Bytes()), E: text(big.NewInt(int64(k.E)).Bytes())}
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, err
		}
		size := (len(point) - 1) / 2
		d.Kind, d.Bits = "ec", k.Params().BitSize
		d.JWK = &jwk{Kty: "EC", Crv: k.Params().Name, X: text(point[1 : 1+size]), Y: text(point[1+size:])}
	case ed25519.PublicKey:
		d.Kind, d.Bits = "ed25519", 256
		d.JWK = &jwk{Kty: "OKP", Crv: "Ed25519", X: text(k)}
	default:
		return nil, errKey
	}
	return d, nil
}
