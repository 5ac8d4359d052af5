package sealed_test

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// The functions spec… below are a second implementation of the reading side,
// written from docs/spec alone. They share no code with the package.

func specKDF(secret []byte, label string, context []byte, n int) []byte {
	var out []byte
	for i := uint32(1); len(out) < n; i++ {
		mac := hmac.New(sha256.New, secret)
		binary.Write(mac, binary.BigEndian, i)
		mac.Write([]byte(label))
		mac.Write([]byte{0})
		mac.Write(context)
		binary.Write(mac, binary.BigEndian, uint32(8*n))
		out = mac.Sum(out)
	}
	return out[:n]
}

func specPart(s string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(s))), s...)
}

func specGCM(key []byte) cipher.AEAD {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	return aead
}

func specOpenBox(secret, box []byte, label string, aad []byte) ([]byte, error) {
	if len(box) < 44 {
		return nil, errors.New("short box")
	}
	return specGCM(specKDF(secret, label, box[:16], 32)).Open(nil, box[16:28], box[28:], aad)
}

func specUnwrap(secret, blob []byte, domain, purpose, name string) (uint32, []byte, error) {
	if len(blob) < 5 || blob[0] != 1 {
		return 0, nil, errors.New("bad header")
	}
	aad := slices.Concat(blob[:5], specPart(domain), specPart(purpose), specPart(name))
	plaintext, err := specOpenBox(secret, blob[5:], "keyfront/wrap/1", aad)
	return binary.BigEndian.Uint32(blob[1:]), plaintext, err
}

func specOpenBlob(material, blob []byte, context map[string]string) (keyID string, materialID, plaintext []byte, err error) {
	if len(blob) < 94 || len(blob) > 6144 || blob[0] != 1 || blob[1] > 1 {
		return "", nil, nil, errors.New("bad header")
	}
	x := hex.EncodeToString(blob[2:18])
	keyID = "mrk-" + x
	if blob[1] == 0 {
		keyID = fmt.Sprintf("%s-%s-%s-%s-%s", x[:8], x[8:12], x[12:16], x[16:20], x[20:])
	}
	aad := slices.Clone(blob[:50])
	for _, k := range slices.Sorted(maps.Keys(context)) {
		for _, s := range []string{k, context[k]} {
			aad = append(binary.BigEndian.AppendUint16(aad, uint16(len(s))), s...)
		}
	}
	plaintext, err = specOpenBox(material, blob[50:], "keyfront/blob/1", aad)
	return keyID, blob[18:50], plaintext, err
}

// writeGolden makes files that are missing. No file that was released may
// ever change, so it replaces none.
var writeGolden = flag.Bool("golden", false, "write the golden files that are missing")

// hexBytes are bytes that the golden files show as hexadecimal digits.
type hexBytes []byte

func (h hexBytes) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h), nil }

func (h *hexBytes) UnmarshalText(text []byte) (err error) {
	*h, err = hex.DecodeString(string(text))
	return err
}

// golden reads the vectors in a file of testdata.
func golden[V any](t *testing.T, name string, fresh func() []V) []V {
	t.Helper()
	path := filepath.Join("testdata", name)
	if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) && *writeGolden {
		data, err := json.MarshalIndent(fresh(), "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(data, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var vectors []V
	if err := json.Unmarshal(data, &vectors); err != nil {
		t.Fatal(err)
	}
	if len(vectors) != len(fresh()) {
		t.Fatalf("%s has %d vectors, want %d", name, len(vectors), len(fresh()))
	}
	return vectors
}

// pattern is n bytes that start at first and count up.
func pattern(first byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = first + byte(i)
	}
	return b
}

type wrapVector struct {
	Key        hexBytes `json:"key"`
	KeyVersion uint32   `json:"keyVersion"`
	Domain     string   `json:"domain"`
	Purpose    string   `json:"purpose"`
	Name       string   `json:"name"`
	Random     hexBytes `json:"nonceAndIV"`
	Secret     hexBytes `json:"secret"`
	Wrapped    hexBytes `json:"wrapped"`
}

func (v wrapVector) wrap() []byte {
	return sealed.WrapFixed([28]byte(v.Random), sealed.NewSecret(v.Key), v.KeyVersion, v.Domain, v.Purpose, v.Name, sealed.NewSecret(v.Secret))
}

func TestGoldenWrap(t *testing.T) {
	vectors := golden(t, "wrap-v1.json", func() []wrapVector {
		vs := []wrapVector{
			{Key: pattern(0, 32), Domain: "root", Purpose: "domain key", Name: "key/kms/00000001", Random: pattern(32, 28), Secret: pattern(64, 32)},
			{Key: pattern(1, 32), KeyVersion: 0x01020304, Domain: "kms", Purpose: "material", Name: "ä", Random: pattern(33, 28), Secret: []byte("secret")},
			{Key: pattern(2, 32), KeyVersion: 1, Domain: "s3", Random: pattern(34, 28), Secret: nil},
		}
		for i := range vs {
			vs[i].Wrapped = vs[i].wrap()
		}
		return vs
	})
	for i, v := range vectors {
		if got := v.wrap(); !bytes.Equal(got, v.Wrapped) {
			t.Errorf("vector %d: Wrap = %x, want %x", i, got, v.Wrapped)
		}
		version, secret, err := specUnwrap(v.Key, v.Wrapped, v.Domain, v.Purpose, v.Name)
		if err != nil || version != v.KeyVersion || !bytes.Equal(secret, v.Secret) {
			t.Errorf("vector %d: by the document: version %d, %x, %v", i, version, secret, err)
		}
	}
}

// TestSpecVault reads what a vault has stored by the document alone.
func TestSpecVault(t *testing.T) {
	r, root := newRecords(), sealed.RandomSecret(sealed.KeyBytes)
	blob := mustDomain(t, mustOpen(t, r, root), "kms").Wrap("material", "k1", sealed.NewSecret([]byte("m")))

	id := append([]byte{1}, specKDF(root.Reveal(), "keyfront/root-id/1", nil, 16)...)
	if got := r.kept[recordKey{"seal.domain", "root"}]; !bytes.Equal(got, id) {
		t.Errorf("record root = %x, want %x", got, id)
	}
	const record = "key/kms/00000001"
	_, key, err := specUnwrap(root.Reveal(), r.kept[recordKey{"seal.domain", record}], "root", "domain key", record)
	if err != nil {
		t.Fatalf("domain key: %v", err)
	}
	version, secret, err := specUnwrap(key, blob, "kms", "material", "k1")
	if err != nil || version != 1 || string(secret) != "m" {
		t.Errorf("secret: version %d, %q, %v", version, secret, err)
	}
}

type blobVector struct {
	Material   hexBytes          `json:"material"`
	KeyID      string            `json:"keyId"`
	MaterialID hexBytes          `json:"materialId"`
	Context    map[string]string `json:"context"`
	Random     hexBytes          `json:"nonceAndIV"`
	Plaintext  hexBytes          `json:"plaintext"`
	Blob       hexBytes          `json:"blob"`
}

func (v blobVector) key() (*sealed.BlobKey, error) {
	return sealed.NewBlobKey(sealed.NewSecret(v.Material), sealed.BlobHeader{KeyID: v.KeyID, MaterialID: [32]byte(v.MaterialID)})
}

func (v blobVector) seal() ([]byte, error) {
	k, err := v.key()
	if err != nil {
		return nil, err
	}
	return sealed.SealBlobFixed([28]byte(v.Random), k, v.Context, v.Plaintext)
}

func TestGoldenBlob(t *testing.T) {
	vectors := golden(t, "keyblob-v1.json", func() []blobVector {
		vs := []blobVector{
			{Material: pattern(0, 32), KeyID: someUUID, MaterialID: pattern(32, 32), Random: pattern(64, 28), Plaintext: []byte("hello")},
			{
				Material: pattern(1, 32), KeyID: someMRK, MaterialID: pattern(33, 32), Random: pattern(65, 28), Plaintext: pattern(0, 300),
				Context: map[string]string{"b": "2", "a": "1", "B": "", "": "ä", "aa": "aws:s3:arn"},
			},
			{Material: pattern(2, 32), KeyID: someUUID, MaterialID: pattern(34, 32), Random: pattern(66, 28), Context: map[string]string{"k": "v"}},
		}
		for i := range vs {
			blob, err := vs[i].seal()
			if err != nil {
				t.Fatal(err)
			}
			vs[i].Blob = blob
		}
		return vs
	})
	for i, v := range vectors {
		if got, err := v.seal(); err != nil || !bytes.Equal(got, v.Blob) {
			t.Errorf("vector %d: Seal = %x, %v, want %x", i, got, err, v.Blob)
		}
		k, err := v.key()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := k.Open(v.Context, v.Blob); err != nil || !bytes.Equal(got, v.Plaintext) {
			t.Errorf("vector %d: Open = %x, %v", i, got, err)
		}
		keyID, materialID, plaintext, err := specOpenBlob(v.Material, v.Blob, v.Context)
		if err != nil || keyID != v.KeyID || !bytes.Equal(materialID, v.MaterialID) || !bytes.Equal(plaintext, v.Plaintext) {
			t.Errorf("vector %d: by the document: %s, %x, %x, %v", i, keyID, materialID, plaintext, err)
		}
	}
}

func specReadObject(dataKey, object []byte, parts ...string) ([]byte, error) {
	if len(object) < 66 || object[0] != 1 || object[1] != 16 {
		return nil, errors.New("bad header")
	}
	var list []byte
	for _, p := range parts {
		list = append(list, specPart(p)...)
	}
	binding := sha256.Sum256(list)
	place := sha256.Sum256(slices.Concat(object[:18], binding[:]))
	keys := specKDF(dataKey, "keyfront/object/1", place[:], 64)
	if !bytes.Equal(keys[32:], object[18:50]) {
		return nil, errors.New("bad commitment")
	}
	var plaintext []byte
	rest := object[50:]
	for i := uint64(0); ; i++ {
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

// An objectVector has its sealed bytes in the file object-v1.bin, one object
// after the other.
type objectVector struct {
	Key        hexBytes `json:"dataKey"`
	Parts      []string `json:"binding"`
	Salt       hexBytes `json:"salt"`
	PlainBytes int      `json:"plainBytes"`
	PlainFirst byte     `json:"plainFirst"`
	Offset     int      `json:"offset"`
	Bytes      int      `json:"bytes"`
}

func (v objectVector) seal(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	w, err := sealed.NewWriterFixed([16]byte(v.Salt), &out, sealed.NewSecret(v.Key), sealed.Bind(v.Parts...))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pattern(v.PlainFirst, v.PlainBytes)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestGoldenObject(t *testing.T) {
	bin := filepath.Join("testdata", "object-v1.bin")
	vectors := golden(t, "object-v1.json", func() []objectVector {
		vs := []objectVector{
			{Key: pattern(0, 32), Parts: []string{"object", "bucket", "empty", "v1"}, Salt: pattern(32, 16)},
			{Key: pattern(1, 32), Parts: []string{"part", "bucket", "ä/b", "upload", "1"}, Salt: pattern(33, 16), PlainBytes: 100, PlainFirst: 7},
			{Key: pattern(2, 32), Parts: []string{}, Salt: pattern(34, 16), PlainBytes: 65536 + 100, PlainFirst: 9},
		}
		var all []byte
		for i := range vs {
			vs[i].Offset = len(all)
			all = append(all, vs[i].seal(t)...)
			vs[i].Bytes = len(all) - vs[i].Offset
		}
		if _, err := os.Stat(bin); errors.Is(err, os.ErrNotExist) && *writeGolden {
			if err := os.WriteFile(bin, all, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return vs
	})
	objects, err := os.ReadFile(bin)
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range vectors {
		object, want := objects[v.Offset:v.Offset+v.Bytes], pattern(v.PlainFirst, v.PlainBytes)
		if !bytes.Equal(v.seal(t), object) {
			t.Errorf("vector %d: the Writer makes other bytes", i)
		}
		if got, err := readObject(object, sealed.NewSecret(v.Key), sealed.Bind(v.Parts...)); err != nil || !bytes.Equal(got, want) {
			t.Errorf("vector %d: the Reader: %v", i, err)
		}
		if got, err := specReadObject(v.Key, object, v.Parts...); err != nil || !bytes.Equal(got, want) {
			t.Errorf("vector %d: by the document: %v", i, err)
		}
	}
}
