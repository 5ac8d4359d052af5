package function

import (
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/big"
	"strings"
)

// cryptography are the services behind the modules crypto and zlib. They see no
// key but what the function gives them.
var cryptography = map[string]func(args []any) (any, error){
	"hash":    digest,
	"hmac":    mac,
	"equal":   equal,
	"random":  random,
	"pbkdf2":  stretch,
	"hkdf":    expand,
	"key":     describeKey,
	"sign":    sign,
	"verify":  verify,
	"encrypt": encrypt,
	"decrypt": decrypt,
	"zip":     compress,
	"unzip":   decompress,
}

// maxUnzipped bounds what a function inflates at once.
const maxUnzipped = 32 << 20

var hashes = map[string]crypto.Hash{
	"md5": crypto.MD5, "sha1": crypto.SHA1, "sha224": crypto.SHA224, "sha256": crypto.SHA256, "sha384": crypto.SHA384, "sha512": crypto.SHA512,
	"sha512224": crypto.SHA512_224, "sha512256": crypto.SHA512_256,
	"sha3224": crypto.SHA3_224, "sha3256": crypto.SHA3_256, "sha3384": crypto.SHA3_384, "sha3512": crypto.SHA3_512,
}

// hashOf finds a digest by the names that Node.js knows it by: "sha256",
// "SHA-256", "RSA-SHA256".
func hashOf(name string) (crypto.Hash, error) {
	plain := strings.ReplaceAll(strings.TrimPrefix(strings.ToLower(name), "rsa-"), "-", "")
	h, ok := hashes[plain]
	if !ok {
		return 0, errors.New("digest method not supported")
	}
	return h, nil
}

func newHash(h crypto.Hash) func() hash.Hash {
	switch h {
	case crypto.MD5:
		return md5.New
	case crypto.SHA1:
		return sha1.New
	case crypto.SHA224:
		return sha256.New224
	case crypto.SHA384:
		return sha512.New384
	case crypto.SHA512:
		return sha512.New
	case crypto.SHA512_224:
		return sha512.New512_224
	case crypto.SHA512_256:
		return sha512.New512_256
	case crypto.SHA3_224:
		return func() hash.Hash { return sha3.New224() }
	case crypto.SHA3_256:
		return func() hash.Hash { return sha3.New256() }
	case crypto.SHA3_384:
		return func() hash.Hash { return sha3.New384() }
	case crypto.SHA3_512:
		return func() hash.Hash { return sha3.New512() }
	default:
		return sha256.New
	}
}

// encoded returns a digest as the library asked for it: "hex", or base64.
func encoded(sum []byte, form string) string {
	if form == "hex" {
		return hex.EncodeToString(sum)
	}
	return base64.StdEncoding.EncodeToString(sum)
}

// digest: algorithm, form, data.
func digest(args []any) (any, error) {
	name, _ := text(args, 0)
	form, _ := text(args, 1)
	h, err := hashOf(name)
	if err != nil {
		return nil, err
	}
	b, err := data(args, 2)
	if err != nil {
		return nil, err
	}
	if h == crypto.SHA256 { // most are
		sum := sha256.Sum256(b)
		return encoded(sum[:], form), nil
	}
	sum := newHash(h)()
	sum.Write(b)
	return encoded(sum.Sum(nil), form), nil
}

// mac: algorithm, form, key, data.
func mac(args []any) (any, error) {
	name, _ := text(args, 0)
	form, _ := text(args, 1)
	h, err := hashOf(name)
	if err != nil {
		return nil, err
	}
	key, err := data(args, 2)
	if err != nil {
		return nil, err
	}
	b, err := data(args, 3)
	if err != nil {
		return nil, err
	}
	sum := hmac.New(newHash(h), key)
	sum.Write(b)
	return encoded(sum.Sum(nil), form), nil
}

// maxDerived bounds a key that is derived.
const maxDerived = 1 << 20

// stretch is PBKDF2: algorithm, password, salt, rounds, bytes.
func stretch(args []any) (any, error) {
	name, _ := text(args, 0)
	h, err := hashOf(name)
	if err != nil {
		return nil, err
	}
	password, err := data(args, 1)
	if err != nil {
		return nil, err
	}
	salt, err := data(args, 2)
	if err != nil {
		return nil, err
	}
	rounds, ok := number64(args, 3)
	n, ok2 := number64(args, 4)
	if !ok || !ok2 || rounds < 1 || n < 0 || rounds > 1<<31-1 || n > maxDerived {
		return nil, errors.New("the value of \"iterations\" or \"keylen\" is out of range")
	}
	key, err := pbkdf2.Key(newHash(h), string(password), salt, int(rounds), int(n))
	return base64.StdEncoding.EncodeToString(key), err
}

// expand is HKDF: algorithm, key, salt, info, bytes.
func expand(args []any) (any, error) {
	name, _ := text(args, 0)
	h, err := hashOf(name)
	if err != nil {
		return nil, err
	}
	var in [3][]byte // key, salt, info
	for i := range in {
		if in[i], err = data(args, 1+i); err != nil {
			return nil, err
		}
	}
	n, ok := number64(args, 4)
	if !ok || n < 0 || n > maxDerived {
		return nil, errors.New("the value of \"length\" is out of range")
	}
	key, err := hkdf.Key(newHash(h), in[0], in[1], string(in[2]), int(n))
	return base64.StdEncoding.EncodeToString(key), err
}

// equal: two of the same length.
func equal(args []any) (any, error) {
	a, err := data(args, 0)
	if err != nil {
		return nil, err
	}
	b, err := data(args, 1)
	if err != nil {
		return nil, err
	}
	return subtle.ConstantTimeCompare(a, b) == 1, nil
}

// random: number of bytes.
func random(args []any) (any, error) {
	n, ok := number64(args, 0)
	if !ok || n < 0 || n > 1<<20 {
		return nil, errors.New("the value of \"size\" is out of range")
	}
	b := make([]byte, int(n))
	rand.Read(b)
	return base64.StdEncoding.EncodeToString(b), nil
}

func number64(args []any, i int) (float64, bool) {
	if i >= len(args) {
		return 0, false
	}
	switch n := args[i].(type) {
	case int:
		return float64(n), true
	case float64:
		return n, true
	default:
		return 0, false
	}
}

// signing is how to sign or verify, in JSON.
type signing struct {
	Hash string `json:"hash"` // empty for Ed25519
	Key  string `json:"key"`  // PEM
	// PSS asks for RSASSA-PSS; Salt is its salt's length, or -1 for the digest's.
	PSS  bool `json:"pss"`
	Salt int  `json:"salt"`
	// P1363 asks for r and s side by side in place of their DER form.
	P1363 bool `json:"p1363"`
}

func readSigning(args []any) (s signing, h crypto.Hash, sum []byte, err error) {
	request, _ := text(args, 0)
	if err = json.Unmarshal([]byte(request), &s); err != nil {
		return s, 0, nil, err
	}
	message, err := data(args, 1)
	if err != nil {
		return s, 0, nil, err
	}
	if s.Hash == "" {
		return s, 0, message, nil
	}
	if h, err = hashOf(s.Hash); err != nil {
		return s, 0, nil, err
	}
	d := newHash(h)()
	d.Write(message)
	return s, h, d.Sum(nil), nil
}

func (s *signing) saltLength() int {
	if s.Salt < 0 {
		return rsa.PSSSaltLengthEqualsHash
	}
	return s.Salt
}

// sign: a signing, the message. It answers the signature.
func sign(args []any) (any, error) {
	s, h, sum, err := readSigning(args)
	if err != nil {
		return nil, err
	}
	private, err := privateKey(s.Key)
	if err != nil {
		return nil, err
	}
	var signature []byte
	switch k := private.(type) {
	case *rsa.PrivateKey:
		if s.PSS {
			signature, err = rsa.SignPSS(rand.Reader, k, h, sum, &rsa.PSSOptions{SaltLength: s.saltLength()})
		} else {
			signature, err = rsa.SignPKCS1v15(nil, k, h, sum)
		}
	case *ecdsa.PrivateKey:
		signature, err = ecdsa.SignASN1(rand.Reader, k, sum)
		if err == nil && s.P1363 {
			signature, err = toP1363(signature, (k.Params().BitSize+7)/8)
		}
	case ed25519.PrivateKey:
		signature = ed25519.Sign(k, sum)
	}
	if err != nil {
		return nil, errors.New("signing failed")
	}
	return base64.StdEncoding.EncodeToString(signature), nil
}

// verify: a signing, the message, the signature.
func verify(args []any) (any, error) {
	s, h, sum, err := readSigning(args)
	if err != nil {
		return nil, err
	}
	signature, err := data(args, 2)
	if err != nil {
		return nil, err
	}
	public, err := publicKey(s.Key)
	if err != nil {
		return nil, err
	}
	switch k := public.(type) {
	case *rsa.PublicKey:
		if s.PSS {
			return rsa.VerifyPSS(k, h, sum, signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthAuto}) == nil, nil
		}
		return rsa.VerifyPKCS1v15(k, h, sum, signature) == nil, nil
	case *ecdsa.PublicKey:
		if s.P1363 {
			if signature, err = fromP1363(signature, (k.Params().BitSize+7)/8); err != nil {
				return false, nil
			}
		}
		return ecdsa.VerifyASN1(k, sum, signature), nil
	case ed25519.PublicKey:
		return s.Hash == "" && ed25519.Verify(k, sum, signature), nil
	}
	return false, nil
}

// ecSignature is the DER form of an ECDSA signature.
type ecSignature struct{ R, S *big.Int }

func toP1363(der []byte, size int) ([]byte, error) {
	var s ecSignature
	if rest, err := asn1.Unmarshal(der, &s); err != nil || len(rest) > 0 {
		return nil, errors.New("malformed signature")
	}
	out := make([]byte, 2*size)
	s.R.FillBytes(out[:size])
	s.S.FillBytes(out[size:])
	return out, nil
}

func fromP1363(raw []byte, size int) ([]byte, error) {
	if len(raw) != 2*size {
		return nil, errors.New("malformed signature")
	}
	return asn1.Marshal(ecSignature{new(big.Int).SetBytes(raw[:size]), new(big.Int).SetBytes(raw[size:])})
}

// encryption is how to encrypt or decrypt, in JSON.
type encryption struct {
	Key  string `json:"key"`
	Hash string `json:"hash"` // OAEP's; empty is SHA-1
}

func readEncryption(args []any) (e encryption, h hash.Hash, message []byte, err error) {
	request, _ := text(args, 0)
	if err = json.Unmarshal([]byte(request), &e); err != nil {
		return e, nil, nil, err
	}
	if e.Hash == "" {
		e.Hash = "sha1"
	}
	id, err := hashOf(e.Hash)
	if err != nil {
		return e, nil, nil, err
	}
	message, err = data(args, 1)
	return e, newHash(id)(), message, err
}

// encrypt: an encryption, the plaintext. It is RSA-OAEP.
func encrypt(args []any) (any, error) {
	e, h, message, err := readEncryption(args)
	if err != nil {
		return nil, err
	}
	public, err := publicKey(e.Key)
	if err != nil {
		return nil, err
	}
	k, ok := public.(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("operation not supported for this keytype")
	}
	b, err := rsa.EncryptOAEP(h, rand.Reader, k, message, nil)
	if err != nil {
		return nil, errors.New("data too large for key size")
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// decrypt: an encryption, the ciphertext.
func decrypt(args []any) (any, error) {
	e, h, message, err := readEncryption(args)
	if err != nil {
		return nil, err
	}
	private, err := privateKey(e.Key)
	if err != nil {
		return nil, err
	}
	k, ok := private.(*rsa.PrivateKey)
	if !ok {
		return nil, errors.New("operation not supported for this keytype")
	}
	b, err := rsa.DecryptOAEP(h, nil, k, message, nil)
	if err != nil {
		return nil, errors.New("oaep decoding error")
	}
	return base64.StdEncoding.EncodeToString(b), nil
}

// compress: "gzip", "deflate" or "raw", the data.
func compress(args []any) (any, error) {
	format, _ := text(args, 0)
	b, err := data(args, 1)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	var w io.WriteCloser
	switch format {
	case "gzip":
		w = gzip.NewWriter(&out)
	case "deflate":
		w = zlib.NewWriter(&out)
	default:
		if w, err = flate.NewWriter(&out, flate.DefaultCompression); err != nil {
			return nil, err
		}
	}
	_, err = w.Write(b)
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	return base64.StdEncoding.EncodeToString([]byte(out.String())), nil
}

// decompress: "gzip", "deflate" or "raw", the data.
func decompress(args []any) (any, error) {
	format, _ := text(args, 0)
	b, err := data(args, 1)
	if err != nil {
		return nil, err
	}
	in := strings.NewReader(string(b))
	var r io.Reader
	switch format {
	case "gzip":
		r, err = gzip.NewReader(in)
	case "deflate":
		r, err = zlib.NewReader(in)
	case "raw":
		r = flate.NewReader(in)
	default:
		return nil, fmt.Errorf("format %q not supported", format)
	}
	short := errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF)
	if short && (format != "gzip" || len(b) < 2 || string(b[:2]) == "\x1f\x8b") {
		return nil, errors.New("unexpected end of file")
	}
	if err != nil {
		return nil, errors.New("incorrect header check")
	}
	out, err := io.ReadAll(io.LimitReader(r, maxUnzipped+1))
	if err != nil {
		return nil, errors.New("unexpected end of file")
	}
	if len(out) > maxUnzipped {
		return nil, errors.New("cannot create a Buffer larger than the limit")
	}
	return base64.StdEncoding.EncodeToString(out), nil
}
