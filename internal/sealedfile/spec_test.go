package sealedfile_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"flag"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/sealedfile"
)

// What follows reads a sealed file by docs/spec/sealed-file.md and the documents
// that it names alone, as a second implementation would.

type specFile struct {
	method                           byte
	key, recipient, context, wrapped []byte
	head                             []byte // up to the wrapped key
	header, body                     []byte
}

func specParse(file []byte) (f specFile, err error) {
	if len(file) < 18 || string(file[:8]) != "KFSEALED" || file[8] != 1 {
		return f, errors.New("no sealed file")
	}
	f.method = file[9]
	at := 18
	for i, part := range []*[]byte{&f.key, &f.recipient, &f.context, &f.wrapped} {
		if i == 3 {
			f.head = file[:at]
		}
		n := int(binary.BigEndian.Uint16(file[10+2*i:]))
		*part = file[at : at+n]
		at += n
	}
	f.header, f.body = file[:at], file[at:]
	return f, nil
}

func specPart(s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func specKDF(secret []byte, label string, context []byte, n int) (out []byte) {
	for i := uint32(1); len(out) < n; i++ {
		m := hmac.New(sha256.New, secret)
		m.Write(slices.Concat(binary.BigEndian.AppendUint32(nil, i), []byte(label), []byte{0}, context, binary.BigEndian.AppendUint32(nil, uint32(8*n))))
		out = m.Sum(out)
	}
	return out[:n]
}

func specGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return gcm
}

func (f specFile) open(dataKey []byte) ([]byte, error) {
	digest := sha256.Sum256(f.header)
	binding := sha256.Sum256(slices.Concat(specPart([]byte("keyfront/file/1")), specPart(digest[:])))
	place := sha256.Sum256(slices.Concat(f.body[:18], binding[:]))
	keys := specKDF(dataKey, "keyfront/object/1", place[:], 64)
	if !bytes.Equal(keys[32:], f.body[18:50]) {
		return nil, errors.New("bad commitment")
	}
	var plaintext []byte
	for i, rest := uint64(0), f.body[50:]; ; i++ {
		n := min(len(rest), 65552)
		final := byte(0)
		if n == len(rest) {
			final = 1
		}
		nonce := append(binary.BigEndian.AppendUint64([]byte{0, 0, 0}, i), final)
		var err error
		if plaintext, err = specGCM(keys[:32]).Open(plaintext, nonce, rest[:n], place[:]); err != nil {
			return nil, err
		}
		if rest = rest[n:]; final == 1 {
			return plaintext, nil
		}
	}
}

// specSuite is HPKE by RFC 9180: sections 4.1, 5.1 and 7.
type specSuite struct {
	kem, kdf uint16
	hash     func() hash.Hash
	curve    ecdh.Curve
	secret   int // Nsecret
}

var specSuites = map[byte]specSuite{
	3: {0x0010, 1, sha256.New, ecdh.P256(), 32},
	4: {0x0011, 2, sha512.New384, ecdh.P384(), 48},
	5: {0x0012, 3, sha512.New, ecdh.P521(), 64},
}

func (s specSuite) extract(suite []byte, salt []byte, label string, ikm []byte) []byte {
	out, err := hkdf.Extract(s.hash, slices.Concat([]byte("HPKE-v1"), suite, []byte(label), ikm), salt)
	if err != nil {
		panic(err)
	}
	return out
}

func (s specSuite) expand(suite, prk []byte, label string, info []byte, n int) []byte {
	labeled := slices.Concat(binary.BigEndian.AppendUint16(nil, uint16(n)), []byte("HPKE-v1"), suite, []byte(label), info)
	out, err := hkdf.Expand(s.hash, prk, string(labeled), n)
	if err != nil {
		panic(err)
	}
	return out
}

func (s specSuite) unwrap(private *ecdh.PrivateKey, f specFile) ([]byte, error) {
	n := len(private.PublicKey().Bytes())
	enc, sealedKey := f.wrapped[:n], f.wrapped[n:]
	peer, err := s.curve.NewPublicKey(enc)
	if err != nil {
		return nil, err
	}
	dh, err := private.ECDH(peer)
	if err != nil {
		return nil, err
	}
	kem := binary.BigEndian.AppendUint16([]byte("KEM"), s.kem)
	shared := s.expand(kem, s.extract(kem, nil, "eae_prk", dh), "shared_secret", slices.Concat(enc, private.PublicKey().Bytes()), s.secret)

	suite := binary.BigEndian.AppendUint16([]byte("HPKE"), s.kem)
	suite = binary.BigEndian.AppendUint16(suite, s.kdf)
	suite = binary.BigEndian.AppendUint16(suite, 2) // AES-256-GCM
	info := slices.Concat([]byte("keyfront/file/1"), f.head)
	context := slices.Concat([]byte{0}, s.extract(suite, nil, "psk_id_hash", nil), s.extract(suite, nil, "info_hash", info))
	secret := s.extract(suite, shared, "secret", nil)
	key := s.expand(suite, secret, "key", context, 32)
	nonce := s.expand(suite, secret, "base_nonce", context, 12)
	return specGCM(key).Open(nil, nonce, sealedKey, nil)
}

func (f specFile) dataKey(private any) ([]byte, error) {
	switch f.method {
	case 2:
		return rsa.DecryptOAEP(sha256.New(), nil, private.(*rsa.PrivateKey), f.wrapped, nil)
	case 3, 4, 5:
		key, err := private.(*ecdsa.PrivateKey).ECDH()
		if err != nil {
			return nil, err
		}
		return specSuites[f.method].unwrap(key, f)
	}
	return nil, errors.New("unknown method")
}

// specContext reads the encryption context, with the pair that is implied.
func (f specFile) specContext() map[string]string {
	context := map[string]string{"keyfront:format": "sealed-file/1"}
	var strings []string
	for b := f.context; len(b) > 0; {
		n := 2 + int(binary.BigEndian.Uint16(b))
		strings, b = append(strings, string(b[2:n])), b[n:]
	}
	for i := 0; i < len(strings); i += 2 {
		context[strings[i]] = strings[i+1]
	}
	return context
}

// writeGolden makes files that are missing. No file that was released may ever
// change, so it replaces none.
var writeGolden = flag.Bool("golden", false, "write the golden files that are missing")

// goldenPlaintext is n bytes that count up.
func goldenPlaintext(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

var goldens = []struct {
	name  string
	bytes int
}{{"kms", 100}, {"rsa", 0}, {"p256", 65536 + 100}, {"p384", 100}, {"p521", 65536}}

// fresh writes a golden file of today's, and its private key.
func fresh(t *testing.T, k *keyService, name string, n int) {
	pairs := someKeys()
	private := map[string]any{"rsa": pairs.rsa, "p256": pairs.p256, "p384": pairs.p384, "p521": pairs.p521}[name]
	if private != nil {
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join("testdata", name+".pem"), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join("testdata", name+".sealed"), seal(t, ways(t, k)[name].to, goldenPlaintext(n)), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestGolden(t *testing.T) {
	k := newKeyService(t)
	for _, g := range goldens {
		path := filepath.Join("testdata", g.name+".sealed")
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && *writeGolden {
			fresh(t, k, g.name, g.bytes)
		}
		file, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var private any
		by := sealedfile.ByKeyService(k, "", nil)
		if g.name != "kms" {
			text, err := os.ReadFile(strings.TrimSuffix(path, ".sealed") + ".pem")
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(text)
			if private, err = x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
				t.Fatal(err)
			}
			if by, err = sealedfile.ByPrivateKey(private); err != nil {
				t.Fatal(err)
			}
		}
		want := goldenPlaintext(g.bytes)
		if got, err := open(t.Context(), file, by); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: Open = %d bytes, %v", g.name, len(got), err)
		}

		f, err := specParse(file)
		if err != nil {
			t.Fatal(err)
		}
		var dataKey []byte
		if private == nil {
			dataKey, err = k.symmetric.Open(f.specContext(), f.wrapped)
		} else {
			dataKey, err = f.dataKey(private)
		}
		if err != nil || len(dataKey) != sealed.KeyBytes {
			t.Errorf("%s: by the document: data key of %d bytes, %v", g.name, len(dataKey), err)
			continue
		}
		if got, err := f.open(dataKey); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: by the document: %d bytes, %v", g.name, len(got), err)
		}
	}
}
