package sealedfile_test

import (
	"bytes"
	"context"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/sealedfile"
)

const (
	someARN   = "arn:aws:kms:us-east-1:000000000000:key/" + someUUID
	someUUID  = "1234abcd-12ab-34cd-56ef-1234567890ab"
	someAlias = "alias/films"
)

type keys struct {
	rsa              *rsa.PrivateKey
	p256, p384, p521 *ecdsa.PrivateKey
}

// someKeys are made once for all tests: an RSA key takes a while.
var someKeys = sync.OnceValue(func() (k keys) {
	var err [4]error
	k.rsa, err[0] = rsa.GenerateKey(rand.Reader, 2048)
	k.p256, err[1] = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	k.p384, err[2] = ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	k.p521, err[3] = ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	if err := errors.Join(err[:]...); err != nil {
		panic(err)
	}
	return k
})

// way is one way to seal and to open again.
type way struct {
	to  sealedfile.Recipient
	by  sealedfile.Opener
	kms sealedfile.Opener // also by the key service
}

func ways(t testing.TB, k *keyService) map[string]way {
	t.Helper()
	kms, err := sealedfile.ToKeyService(k, someAlias, map[string]string{"tenant": "a", "": "empty"})
	if err != nil {
		t.Fatal(err)
	}
	byKMS := sealedfile.ByKeyService(k, "", nil)
	all := map[string]way{"kms": {kms, byKMS, byKMS}}
	pairs := someKeys()
	add := func(name string, public, private any) {
		to, err := sealedfile.ToPublicKey(public, someARN)
		if err != nil {
			t.Fatal(err)
		}
		by, err := sealedfile.ByPrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		all[name] = way{to, by, byKMS}
	}
	add("rsa", pairs.rsa.Public(), pairs.rsa)
	add("p256", pairs.p256.Public(), pairs.p256)
	add("p384", pairs.p384.Public(), pairs.p384)
	add("p521", pairs.p521.Public(), pairs.p521)
	exchange, err := pairs.p256.ECDH()
	if err != nil {
		t.Fatal(err)
	}
	add("p256 for exchange", exchange.Public(), exchange)
	return all
}

func seal(t testing.TB, to sealedfile.Recipient, plaintext []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := sealedfile.Seal(t.Context(), &out, bytes.NewReader(plaintext), to); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func open(ctx context.Context, file []byte, by sealedfile.Opener) ([]byte, error) {
	var out bytes.Buffer
	err := sealedfile.Open(ctx, &out, bytes.NewReader(file), int64(len(file)), by)
	return out.Bytes(), err
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

// headerLen is where the sealed object begins.
func headerLen(t testing.TB, file []byte) int {
	t.Helper()
	_, raw, err := sealedfile.ReadHeader(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	return len(raw)
}

func TestEveryWayOpensAgain(t *testing.T) {
	k := newKeyService(t)
	for name, w := range ways(t, k) {
		for _, n := range []int{0, 1, sealed.ChunkBytes, 16 * sealed.ChunkBytes, 16*sealed.ChunkBytes + 1, 33*sealed.ChunkBytes - 1} {
			plaintext := randomBytes(n)
			file := seal(t, w.to, plaintext)
			for _, by := range []sealedfile.Opener{w.by, w.kms} {
				if got, err := open(t.Context(), file, by); err != nil || !bytes.Equal(got, plaintext) {
					t.Errorf("%s, %d bytes: Open = %d bytes, %v", name, n, len(got), err)
				}
			}
		}
	}
}

func TestNoTwoFilesAreAlike(t *testing.T) {
	for name, w := range ways(t, newKeyService(t)) {
		a, b := seal(t, w.to, []byte("the same")), seal(t, w.to, []byte("the same"))
		n := headerLen(t, a)
		if bytes.Equal(a[:n], b[:n]) || bytes.Equal(a[n:], b[n:]) {
			t.Errorf("%s: two files have a part in common that must be fresh", name)
		}
	}
}

// refusals are all that Open says about a file that is not whole.
func refused(err error) bool {
	return errors.Is(err, sealedfile.ErrChanged) || errors.Is(err, sealedfile.ErrNotSealed) ||
		errors.Is(err, sealedfile.ErrVersion) || errors.Is(err, sealedfile.ErrRecipient) ||
		errors.Is(err, sealed.ErrCorrupt) || errors.Is(err, rsa.ErrDecryption) || errors.Is(err, errNoAccess)
}

func TestEveryByteOfTheHeaderCounts(t *testing.T) {
	for name, w := range ways(t, newKeyService(t)) {
		file := seal(t, w.to, []byte("plain"))
		for i := range headerLen(t, file) {
			bad := bytes.Clone(file)
			bad[i] ^= 1
			for _, by := range []sealedfile.Opener{w.by, w.kms} {
				if got, err := open(t.Context(), bad, by); !refused(err) || len(got) > 0 {
					t.Fatalf("%s: Open with byte %d flipped = %q, %v", name, i, got, err)
				}
			}
		}
	}
}

func TestCutReorderedExtended(t *testing.T) {
	const chunk = sealed.ChunkBytes + 16
	for name, w := range ways(t, newKeyService(t)) {
		plaintext := randomBytes(3*sealed.ChunkBytes + 100)
		file, other := seal(t, w.to, plaintext), seal(t, w.to, plaintext)
		n := headerLen(t, file)
		head, body := file[:n+50], file[n+50:]
		for what, bad := range map[string][]byte{
			"nothing":           nil,
			"header alone":      file[:n],
			"cut in the header": file[:n-1],
			"cut by a byte":     file[:len(file)-1],
			"cut by a chunk":    slices.Concat(head, body[:3*chunk]),
			"first chunk gone":  slices.Concat(head, body[chunk:]),
			"two exchanged":     slices.Concat(head, body[chunk:2*chunk], body[:chunk], body[2*chunk:]),
			"a chunk twice":     slices.Concat(head, body[:chunk], body),
			"a byte more":       append(bytes.Clone(file), 0),
			"a chunk more":      slices.Concat(file, body[:chunk]),
			"itself again":      slices.Concat(file, file),
			"other's body":      slices.Concat(file[:n], other[n:]),
			"other's header":    slices.Concat(other[:n], file[n:]),
		} {
			got, err := open(t.Context(), bad, w.by)
			if !refused(err) {
				t.Errorf("%s, %s: Open = %v, want a refusal", name, what, err)
			}
			if !bytes.HasPrefix(plaintext, got) {
				t.Errorf("%s, %s: wrong bytes came out before the error", name, what)
			}
		}
	}
}

func TestSealedToAnother(t *testing.T) {
	k := newKeyService(t)
	all := ways(t, k)
	for name, w := range all {
		file := seal(t, w.to, []byte("plain"))
		for other, o := range all {
			if name == other || (name == "p256" || name == "p256 for exchange") && (other == "p256" || other == "p256 for exchange") {
				continue
			}
			if other == "kms" { // it has all the keys
				continue
			}
			if got, err := open(t.Context(), file, o.by); !errors.Is(err, sealedfile.ErrRecipient) || len(got) > 0 {
				t.Errorf("sealed to %s, opened by %s: %v, want ErrRecipient", name, other, err)
			}
		}
	}
}

func TestKeysThatCannot(t *testing.T) {
	edPublic, edPrivate, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	x, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	for name, pair := range map[string][2]any{
		"Ed25519": {edPublic, edPrivate}, "P-224": {p224.Public(), p224}, "X25519": {x.Public(), x},
		"short RSA": {short.Public(), short}, "nothing": {nil, nil},
	} {
		if _, err := sealedfile.ToPublicKey(pair[0], ""); !errors.Is(err, sealedfile.ErrKeyType) {
			t.Errorf("%s: ToPublicKey = %v, want ErrKeyType", name, err)
		}
		if _, err := sealedfile.ByPrivateKey(pair[1]); !errors.Is(err, sealedfile.ErrKeyType) {
			t.Errorf("%s: ByPrivateKey = %v, want ErrKeyType", name, err)
		}
	}
}

func TestHeaderTooLong(t *testing.T) {
	k := newKeyService(t)
	for name, context := range map[string]map[string]string{
		"value": {"a": string(make([]byte, 1<<16))}, "all": {"a": string(make([]byte, 8000)), "b": string(make([]byte, 200))},
	} {
		to, err := sealedfile.ToKeyService(anyContext{k}, someAlias, context)
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		if err := sealedfile.Seal(t.Context(), &out, bytes.NewReader(nil), to); err == nil || out.Len() > 0 {
			t.Errorf("%s: Seal = %v after %d bytes", name, err, out.Len())
		}
	}
	to, err := sealedfile.ToPublicKey(someKeys().p256.Public(), string(bytes.Repeat([]byte("x"), 2049)))
	if err != nil {
		t.Fatal(err)
	}
	if err := sealedfile.Seal(t.Context(), io.Discard, bytes.NewReader(nil), to); err == nil {
		t.Error("Seal took a name that is too long")
	}
}

func TestContextEnds(t *testing.T) {
	k := newKeyService(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for name, w := range ways(t, k) {
		file := seal(t, w.to, randomBytes(100))
		if err := sealedfile.Seal(ctx, io.Discard, bytes.NewReader([]byte("x")), w.to); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: Seal = %v, want context.Canceled", name, err)
		}
		if got, err := open(ctx, file, w.by); !errors.Is(err, context.Canceled) || len(got) > 0 {
			t.Errorf("%s: Open = %v, want context.Canceled", name, err)
		}
	}
}

func TestDiskErrorsPass(t *testing.T) {
	errDisk := errors.New("disk")
	w := ways(t, newKeyService(t))["p256"]
	broken := iotestReader{errDisk}
	if err := sealedfile.Seal(t.Context(), io.Discard, broken, w.to); !errors.Is(err, errDisk) {
		t.Errorf("Seal of a source that fails = %v", err)
	}
	for left := range 4 {
		if err := sealedfile.Seal(t.Context(), &fullDisk{left, errDisk}, bytes.NewReader(make([]byte, 12*sealed.ChunkBytes)), w.to); !errors.Is(err, errDisk) {
			t.Errorf("Seal onto a disk that is full after %d writes = %v", left, err)
		}
	}
	file := seal(t, w.to, make([]byte, 4*sealed.ChunkBytes))
	if err := sealedfile.Open(t.Context(), &fullDisk{2, errDisk}, bytes.NewReader(file), int64(len(file)), w.by); !errors.Is(err, errDisk) {
		t.Errorf("Open onto a full disk = %v", err)
	}
	if err := sealedfile.Open(t.Context(), io.Discard, broken, int64(len(file)), w.by); !errors.Is(err, errDisk) {
		t.Errorf("Open of a source that fails = %v", err)
	}
}

type iotestReader struct{ err error }

func (r iotestReader) Read([]byte) (int, error)          { return 0, r.err }
func (r iotestReader) ReadAt([]byte, int64) (int, error) { return 0, r.err }

// fullDisk takes so many writes.
type fullDisk struct {
	left int
	err  error
}

func (d *fullDisk) Write(p []byte) (int, error) {
	if d.left--; d.left < 0 {
		return 0, d.err
	}
	return len(p), nil
}

func TestAnyPlaintext(t *testing.T) {
	w := ways(t, newKeyService(t))["p256"]
	rapid.Check(t, func(rt *rapid.T) {
		n := rapid.IntRange(0, 3*sealed.ChunkBytes).Draw(rt, "bytes")
		plaintext := randomBytes(n)
		file := seal(t, w.to, plaintext)
		if got, err := open(t.Context(), file, w.by); err != nil || !bytes.Equal(got, plaintext) {
			rt.Fatalf("Open = %v", err)
		}
		bad := bytes.Clone(file)
		bad[rapid.IntRange(0, len(bad)-1).Draw(rt, "at")] ^= byte(rapid.IntRange(1, 255).Draw(rt, "xor"))
		if _, err := open(t.Context(), bad, w.by); !refused(err) {
			rt.Fatalf("Open of a changed file = %v", err)
		}
	})
}

func FuzzOpen(f *testing.F) {
	k := newKeyService(f)
	openers := map[sealedfile.Method][]sealedfile.Opener{}
	for _, w := range ways(f, k) {
		file := seal(f, w.to, []byte("plain"))
		f.Add(file)
		h, _, err := sealedfile.ReadHeader(bytes.NewReader(file))
		if err != nil {
			f.Fatal(err)
		}
		openers[h.Method] = append(openers[h.Method], w.by, w.kms)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		h, raw, err := sealedfile.ReadHeader(bytes.NewReader(file))
		if err != nil {
			if !errors.Is(err, sealedfile.ErrNotSealed) && !errors.Is(err, sealedfile.ErrVersion) {
				t.Fatalf("ReadHeader = %v", err)
			}
			return
		}
		if len(raw) > sealedfile.MaxHeaderBytes || !bytes.HasPrefix(file, raw) {
			t.Fatalf("ReadHeader took %d bytes", len(raw))
		}
		if again, err := sealedfile.EncodeHeader(h); err != nil || !bytes.Equal(again, raw) {
			t.Fatalf("the header is not canonical: %x, %v", again, err)
		}
		for _, by := range openers[h.Method] {
			open(t.Context(), file, by)
		}
	})
}
