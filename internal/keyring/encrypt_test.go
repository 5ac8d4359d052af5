package keyring_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

const hidden = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."

// Decrypt gives back what Encrypt took, for any plaintext and context, and for
// no other context.
func TestEncryptRoundTrip(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	contexts := rapid.MapOfN(rapid.String(), rapid.String(), 0, 5)
	rapid.Check(t, func(t *rapid.T) {
		plaintext := rapid.SliceOfN(rapid.Byte(), 1, 100).Draw(t, "plaintext")
		bind := contexts.Draw(t, "context")
		sealed, err := r.Encrypt(w.t.Context(), root(), keyring.Use{Key: string(key.ID), Context: bind}, plaintext)
		if err != nil {
			t.Fatal(err)
		}
		// A map made in another order is the same context.
		again := make(map[string]string)
		names := slices.Collect(maps.Keys(bind))
		rand.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
		for _, n := range names {
			again[n] = bind[n]
		}
		got, err := r.Decrypt(w.t.Context(), root(), keyring.Use{Context: again}, sealed.Blob)
		if err != nil || !bytes.Equal(got.Plaintext, plaintext) || got.KeyARN != key.ARN || got.MaterialID != key.MaterialID {
			t.Fatalf("Decrypt = %+v, %v", got, err)
		}
		wrong := contexts.Draw(t, "wrong")
		if !maps.Equal(wrong, bind) {
			if got, err := r.Decrypt(w.t.Context(), root(), keyring.Use{Context: wrong}, sealed.Blob); !errors.Is(err, keyring.ErrInvalidCiphertext) || got.Plaintext != nil {
				t.Fatalf("Decrypt with another context = %v, %v", got, err)
			}
		}
		i := rapid.IntRange(0, len(sealed.Blob)-1).Draw(t, "byte")
		sealed.Blob[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
		got, err = r.Decrypt(w.t.Context(), root(), keyring.Use{Context: bind}, sealed.Blob)
		if !errors.Is(err, keyring.ErrInvalidCiphertext) && !errors.Is(err, access.ErrDenied) || got.Plaintext != nil {
			t.Fatalf("Decrypt with byte %d changed = %v, %v", i, got, err)
		}
	})
}

func TestEncryptErrors(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	symmetric := create(t, r, keyring.Symmetric, "")
	rsaKey := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	signing := create(t, r, keyring.P256, keyring.SignVerify)
	for _, tt := range []struct {
		name      string
		use       keyring.Use
		plaintext int
		kind      error
		message   string
	}{
		{"unknown key", keyring.Use{Key: unknownID}, 1, keyring.ErrNotFound, "Key 'arn:aws:kms:eu-west-1:111122223333:key/" + unknownID + "' does not exist"},
		{"no key id", keyring.Use{Key: "fake-key-id"}, 1, keyring.ErrNotFound, "Invalid keyId 'fake-key-id'"},
		{"id without dashes", keyring.Use{Key: strings.ReplaceAll(unknownID, "-", "")}, 1, keyring.ErrNotFound, "Invalid keyId '" + strings.ReplaceAll(unknownID, "-", "") + "'"},
		{"no multi-region id", keyring.Use{Key: "mrk-fake"}, 1, keyring.ErrNotFound, "Invalid keyId 'mrk-fake'"},
		{"upper case", keyring.Use{Key: strings.ToUpper("aa" + unknownID[2:])}, 1, keyring.ErrNotFound, "Invalid keyId 'AA" + unknownID[2:] + "'"},
		{"unknown alias", keyring.Use{Key: "alias/none"}, 1, keyring.ErrNotFound, "Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found."},
		{"unknown alias by ARN", keyring.Use{Key: "arn:aws:kms:eu-west-1:111122223333:alias/none"}, 1, keyring.ErrNotFound, "Alias arn:aws:kms:eu-west-1:111122223333:alias/none is not found."},
		{"another region", keyring.Use{Key: "arn:aws:kms:us-west-2:111122223333:key/" + unknownID}, 1, keyring.ErrNotFound, "Invalid arn us-west-2"},
		{"malformed ARN", keyring.Use{Key: "arn:aws:kms"}, 1, keyring.ErrInvalidARN, "Invalid arn arn:aws:kms"},
		{"another service", keyring.Use{Key: "arn:aws:s3:eu-west-1:111122223333:key/" + unknownID}, 1, keyring.ErrInvalidARN, "Invalid arn arn:aws:s3:eu-west-1:111122223333:key/" + unknownID},
		{"wrong usage", keyring.Use{Key: signing.ARN}, 1, keyring.ErrUsage, signing.ARN + " key usage is SIGN_VERIFY which is not valid for Encrypt."},
		{"wrong algorithm", keyring.Use{Key: symmetric.ARN, Algorithm: keyring.AlgOAEPSHA1}, 1, keyring.ErrUsage, "Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT."},
		{"default algorithm of RSA", keyring.Use{Key: rsaKey.ARN}, 1, keyring.ErrUsage, "Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048."},
		{"too long for OAEP", keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA256}, 191, keyring.ErrInvalid, "Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes."},
		{"too long for OAEP with SHA-1", keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA1}, 215, keyring.ErrInvalid, "Algorithm RSAES_OAEP_SHA_1 and key spec RSA_2048 cannot encrypt data larger than 214 bytes."},
		{"context with RSA", keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA1, Context: map[string]string{"a": "b"}}, 1, keyring.ErrInvalid, "An encryption context is valid only for symmetric encryption keys, and " + rsaKey.ARN + " has the key spec RSA_2048."},
		{"context too long", keyring.Use{Key: symmetric.ARN, Context: map[string]string{"a": strings.Repeat("x", 8192)}}, 1, keyring.ErrInvalid, "The encryption context is longer than 8192 bytes."},
		{"nothing", keyring.Use{Key: symmetric.ARN}, 0, keyring.ErrInvalid, "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length greater than or equal to 1"},
		{"too long", keyring.Use{Key: symmetric.ARN}, 4097, keyring.ErrInvalid, "1 validation error detected: Value at 'plaintext' failed to satisfy constraint: Member must have length less than or equal to 4096"},
		{"dry run", keyring.Use{Key: symmetric.ARN, DryRun: true}, 1, keyring.ErrDryRun, "The request would have succeeded, but the DryRun option is set."},
		{"grant token", keyring.Use{Key: symmetric.ARN, GrantTokens: []string{"x"}}, 1, keyring.ErrInvalidGrantToken, ""},
	} {
		out, err := r.Encrypt(t.Context(), root(), tt.use, make([]byte, tt.plaintext))
		wantError(t, tt.name, err, tt.kind, tt.message)
		if out.Blob != nil {
			t.Errorf("%s: there is a ciphertext", tt.name)
		}
		if got := w.recorder.Last(); got.Error == "" || got.Action != "kms:Encrypt" {
			t.Errorf("%s is recorded as %+v", tt.name, got)
		}
	}
	// The limits themselves are within them.
	for use, n := range map[*keyring.Use]int{
		{Key: symmetric.ARN}: 4096,
		{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA256}: 190,
		{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA1}:   214,
	} {
		if _, err := r.Encrypt(t.Context(), root(), *use, make([]byte, n)); err != nil {
			t.Errorf("Encrypt of %d bytes with %s = %v", n, use.Algorithm, err)
		}
	}
}

func TestDecryptErrors(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	symmetric, another := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
	rsaKey := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: symmetric.ARN}, []byte("x"))).Blob
	rsaBlob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA1}, []byte("x"))).Blob
	foreign := bytes.Clone(blob)
	foreign[2] ^= 0xff // another key id
	material := bytes.Clone(blob)
	material[20] ^= 0xff // another material of the same key

	const incorrect = "The key ID in the request does not identify a CMK that can perform this operation."
	for _, tt := range []struct {
		name    string
		use     keyring.Use
		blob    []byte
		kind    error
		message string
	}{
		{"another key", keyring.Use{Key: another.ARN}, blob, keyring.ErrIncorrectKey, incorrect},
		{"an RSA key", keyring.Use{Key: rsaKey.ARN}, blob, keyring.ErrIncorrectKey, incorrect},
		{"no blob", keyring.Use{}, []byte("nonsense"), keyring.ErrInvalidCiphertext, ""},
		{"no blob, with key", keyring.Use{Key: symmetric.ARN}, []byte("nonsense"), keyring.ErrInvalidCiphertext, ""},
		{"unknown material", keyring.Use{}, material, keyring.ErrInvalidCiphertext, ""},
		{"wrong context", keyring.Use{Context: map[string]string{"a": "b"}}, blob, keyring.ErrInvalidCiphertext, ""},
		{"cut", keyring.Use{}, blob[:len(blob)-1], keyring.ErrInvalidCiphertext, ""},
		{"RSA with the wrong hash", keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA256}, rsaBlob, keyring.ErrInvalidCiphertext, ""},
		{"RSA cut", keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA1}, rsaBlob[1:], keyring.ErrInvalidCiphertext, ""},
		{"RSA without algorithm", keyring.Use{Key: rsaKey.ARN}, rsaBlob, keyring.ErrInvalidCiphertext, ""},
		{"RSA without key", keyring.Use{Algorithm: keyring.AlgOAEPSHA1}, rsaBlob, keyring.ErrInvalid, "KeyId is required for the algorithm RSAES_OAEP_SHA_1."},
		{"dry run", keyring.Use{DryRun: true}, blob, keyring.ErrDryRun, "The request would have succeeded, but the DryRun option is set."},
	} {
		out, err := r.Decrypt(t.Context(), root(), tt.use, tt.blob)
		wantError(t, tt.name, err, tt.kind, tt.message)
		if out.Plaintext != nil {
			t.Errorf("%s: there is a plaintext", tt.name)
		}
	}

	// Whoever may not use the key cannot tell it from one that is not there.
	for name, try := range map[string]func() error{
		"unknown key": func() error {
			_, err := r.Decrypt(t.Context(), root(), keyring.Use{}, foreign)
			return err
		},
		"not allowed": func() error {
			_, err := r.Decrypt(t.Context(), w.user(account, "nobody", ""), keyring.Use{}, blob)
			return err
		},
		"another account": func() error {
			_, err := r.Decrypt(t.Context(), w.user(other, "stranger", allowAll), keyring.Use{}, blob)
			return err
		},
		"another region": func() error {
			who := root()
			who.Region = "us-east-1"
			_, err := r.Decrypt(t.Context(), who, keyring.Use{}, blob)
			return err
		},
	} {
		if err := try(); !errors.Is(err, access.ErrDenied) || err.Error() != hidden {
			t.Errorf("%s = %v, want %q", name, err, hidden)
		}
	}
}

// The state of a key shows in every operation that uses it.
func TestOperationsByState(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	symmetric := create(t, r, keyring.Symmetric, "")
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: symmetric.ARN}, []byte("x"))).Blob
	signing := create(t, r, keyring.P256, keyring.SignVerify)
	sign := keyring.Use{Key: signing.ARN, Algorithm: keyring.AlgECDSASHA256}
	signature := must[keyring.Signed](t)(r.Sign(t.Context(), root(), sign, keyring.Raw, []byte("m"))).Signature
	mac := create(t, r, keyring.HMAC256, keyring.MACUsage)
	use := keyring.Use{Key: symmetric.ARN}
	calls := []struct {
		name string
		key  string
		do   func() error
	}{
		{"Encrypt", symmetric.ARN, func() error { _, err := r.Encrypt(t.Context(), root(), use, []byte("x")); return err }},
		{"Decrypt", symmetric.ARN, func() error { _, err := r.Decrypt(t.Context(), root(), keyring.Use{}, blob); return err }},
		{"GenerateDataKey", symmetric.ARN, func() error { _, err := r.GenerateDataKey(t.Context(), root(), use, 32); return err }},
		{"GenerateDataKeyWithoutPlaintext", symmetric.ARN, func() error { _, err := r.GenerateDataKeyWithoutPlaintext(t.Context(), root(), use, 32); return err }},
		{"GenerateDataKeyPair", symmetric.ARN, func() error { _, err := r.GenerateDataKeyPair(t.Context(), root(), use, keyring.P256); return err }},
		{"GenerateDataKeyPairWithoutPlaintext", symmetric.ARN, func() error {
			_, err := r.GenerateDataKeyPairWithoutPlaintext(t.Context(), root(), use, keyring.P256)
			return err
		}},
		{"ReEncrypt", symmetric.ARN, func() error { _, err := r.ReEncrypt(t.Context(), root(), keyring.Use{}, use, blob); return err }},
		{"Sign", signing.ARN, func() error { _, err := r.Sign(t.Context(), root(), sign, keyring.Raw, []byte("m")); return err }},
		{"Verify", signing.ARN, func() error {
			_, err := r.Verify(t.Context(), root(), sign, keyring.Raw, []byte("m"), signature)
			return err
		}},
		{"GetPublicKey", signing.ARN, func() error { _, err := r.PublicKey(t.Context(), root(), keyring.Use{Key: signing.ARN}); return err }},
		{"GenerateMac", mac.ARN, func() error {
			_, err := r.GenerateMAC(t.Context(), root(), keyring.Use{Key: mac.ARN, Algorithm: keyring.AlgHMAC256}, []byte("m"))
			return err
		}},
		{"TagResource", symmetric.ARN, func() error { return r.Tag(t.Context(), root(), symmetric.ARN, []keyring.Tag{{Key: "a", Value: "b"}}) }},
		{"UpdateKeyDescription", symmetric.ARN, func() error { return r.SetDescription(t.Context(), root(), symmetric.ARN, "d") }},
		{"DescribeKey", symmetric.ARN, func() error { _, err := r.Describe(t.Context(), root(), use); return err }},
		{"PutKeyPolicy", symmetric.ARN, func() error {
			return r.SetPolicy(t.Context(), root(), symmetric.ARN, "", keyring.DefaultPolicy(account), false)
		}},
	}
	all := []string{symmetric.ARN, signing.ARN, mac.ARN}
	check := func(state keyring.State) {
		t.Helper()
		for _, c := range calls {
			want := keyring.CheckState(c.name, c.key, state)
			got := c.do()
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s in %s = %v, want %v", c.name, state, got, want)
			}
		}
	}
	check(keyring.Enabled)
	for _, k := range all {
		if err := r.Disable(t.Context(), root(), k); err != nil {
			t.Fatal(err)
		}
	}
	check(keyring.Disabled)
	for _, k := range all {
		if _, err := r.ScheduleDeletion(t.Context(), root(), k, 7); err != nil {
			t.Fatal(err)
		}
	}
	check(keyring.PendingDeletion)
	wantError(t, "ScheduleDeletion again", second(r.ScheduleDeletion(t.Context(), root(), symmetric.ARN, 7)), keyring.ErrInvalidState, symmetric.ARN+" is pending deletion.")
	for _, k := range all {
		if _, err := r.CancelDeletion(t.Context(), root(), k); err != nil {
			t.Fatal(err)
		}
	}
	check(keyring.Disabled)
	wantError(t, "CancelDeletion again", second(r.CancelDeletion(t.Context(), root(), symmetric.ARN)), keyring.ErrInvalidState, symmetric.ARN+" is not pending deletion.")
	for _, k := range all {
		if err := r.Enable(t.Context(), root(), k); err != nil {
			t.Fatal(err)
		}
	}
	check(keyring.Enabled)
}

func second[T any](_ T, err error) error { return err }

func TestReEncrypt(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	a, b := create(t, r, keyring.Symmetric, ""), create(t, r, keyring.Symmetric, "")
	rsaKey := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	from, to := map[string]string{"a": "1"}, map[string]string{"b": "2"}
	blob := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: a.ARN, Context: from}, []byte("secret"))).Blob

	moved := must[keyring.ReEncrypted](t)(r.ReEncrypt(t.Context(), root(), keyring.Use{Context: from}, keyring.Use{Key: b.ARN, Context: to}, blob))
	if moved.KeyARN != b.ARN || moved.Source.KeyARN != a.ARN || moved.MaterialID != b.MaterialID || moved.Source.MaterialID != a.MaterialID || moved.Source.Plaintext != nil {
		t.Errorf("ReEncrypt = %+v", moved)
	}
	got := must[keyring.Decrypted](t)(r.Decrypt(t.Context(), root(), keyring.Use{Context: to}, moved.Blob))
	if string(got.Plaintext) != "secret" || got.KeyARN != b.ARN {
		t.Errorf("Decrypt after ReEncrypt = %+v", got)
	}
	if rec := w.recorder.Records(); !slices.Equal(rec[len(rec)-2].Resources, []string{a.ARN, b.ARN}) {
		t.Errorf("ReEncrypt is recorded on %v", rec[len(rec)-2].Resources)
	}
	toRSA := must[keyring.ReEncrypted](t)(r.ReEncrypt(t.Context(), root(), keyring.Use{Context: from}, keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA256}, blob))
	back := must[keyring.ReEncrypted](t)(r.ReEncrypt(t.Context(), root(), keyring.Use{Key: rsaKey.ARN, Algorithm: keyring.AlgOAEPSHA256}, keyring.Use{Key: a.ARN}, toRSA.Blob))
	if got := must[keyring.Decrypted](t)(r.Decrypt(t.Context(), root(), keyring.Use{}, back.Blob)); string(got.Plaintext) != "secret" {
		t.Errorf("through RSA and back = %q", got.Plaintext)
	}

	// Each side is decided by its own action, key and context.
	for _, tt := range []struct {
		name, policy string
		allowed      bool
	}{
		{"both", `{"Effect":"Allow","Action":["kms:ReEncryptFrom","kms:ReEncryptTo"],"Resource":"*"}`, true},
		{"from only", `{"Effect":"Allow","Action":"kms:ReEncryptFrom","Resource":"*"}`, false},
		{"to only", `{"Effect":"Allow","Action":"kms:ReEncryptTo","Resource":"*"}`, false},
		{"contexts", `[{"Effect":"Allow","Action":"kms:ReEncryptFrom","Resource":"` + a.ARN + `","Condition":{"StringEquals":{"kms:EncryptionContext:a":"1"}}},
			{"Effect":"Allow","Action":"kms:ReEncryptTo","Resource":"` + b.ARN + `","Condition":{"StringEquals":{"kms:EncryptionContext:b":"2"},"Null":{"kms:EncryptionContext:a":"true"}}}]`, true},
		{"contexts swapped", `[{"Effect":"Allow","Action":"kms:ReEncryptFrom","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:b":"2"}}},
			{"Effect":"Allow","Action":"kms:ReEncryptTo","Resource":"*"}]`, false},
		{"same key", `{"Effect":"Allow","Action":"kms:ReEncrypt*","Resource":"*","Condition":{"Bool":{"kms:ReEncryptOnSameKey":"true"}}}`, false},
		{"another key", `{"Effect":"Allow","Action":"kms:ReEncrypt*","Resource":"*","Condition":{"Bool":{"kms:ReEncryptOnSameKey":"false"}}}`, true},
	} {
		who := w.user(account, "mover", `{"Version":"2012-10-17","Statement":`+tt.policy+`}`)
		_, err := r.ReEncrypt(t.Context(), who, keyring.Use{Context: from}, keyring.Use{Key: b.ARN, Context: to}, blob)
		if tt.allowed != (err == nil) || !tt.allowed && !errors.Is(err, access.ErrDenied) {
			t.Errorf("ReEncrypt with %s = %v, want allowed %v", tt.name, err, tt.allowed)
		}
	}
}

// A record that cannot be written means no answer, whatever was computed.
func TestUnrecordedIsUnanswered(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	w.recorder.Fail(errors.New("disk full"))
	if _, err := r.Encrypt(t.Context(), root(), keyring.Use{Key: key.ARN}, []byte("x")); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("Encrypt = %v, want ErrNotRecorded", err)
	}
	if err := r.Disable(t.Context(), root(), key.ARN); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("Disable = %v, want ErrNotRecorded", err)
	}
	w.recorder.Fail(nil)
	if m := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), keyring.Use{Key: key.ARN})); m.State != keyring.Enabled {
		t.Errorf("the unrecorded Disable made the key %s", m.State)
	}
}

// Nothing secret reaches the record.
func TestRecordHoldsNoSecrets(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	sealed := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), keyring.Use{Key: key.ARN, Context: map[string]string{"who": "me"}}, []byte("plain secret")))
	must[keyring.Decrypted](t)(r.Decrypt(t.Context(), root(), keyring.Use{Context: map[string]string{"who": "me"}}, sealed.Blob))
	signing := create(t, r, keyring.P256, keyring.SignVerify)
	must[keyring.Signed](t)(r.Sign(t.Context(), root(), keyring.Use{Key: signing.ARN, Algorithm: keyring.AlgECDSASHA256}, keyring.Raw, []byte("signed secret")))
	for _, rec := range w.recorder.Records() {
		if text := fmt.Sprintf("%+v", rec); strings.Contains(text, "secret") {
			t.Errorf("record holds a secret: %s", text)
		}
	}
	rec := w.recorder.Records()[1]
	want := []audit.Pair{{Name: "keyId", Value: key.ARN}, {Name: "encryptionAlgorithm", Value: "SYMMETRIC_DEFAULT"}, {Name: "response.keyMaterialId", Value: key.MaterialID}}
	if rec.Action != "kms:Encrypt" || !slices.Equal(rec.Parameters, want) || !slices.Equal(rec.Context, []audit.Pair{{Name: "who", Value: "me"}}) || !slices.Equal(rec.Resources, []string{key.ARN}) {
		t.Errorf("Encrypt is recorded as %+v", rec)
	}
}

func TestConcurrentUse(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 20 {
				switch i {
				case 0:
					if err := r.SetDescription(t.Context(), root(), key.ARN, "d"); err != nil {
						t.Error(err)
					}
				case 1:
					must[keyring.Metadata](t)(r.Create(t.Context(), root(), keyring.CreateInput{}))
				case 2:
					if err := r.SetPolicy(t.Context(), root(), key.ARN, "", keyring.DefaultPolicy(account), false); err != nil {
						t.Error(err)
					}
				default:
					blob, err := r.Encrypt(t.Context(), root(), keyring.Use{Key: key.ARN}, []byte("x"))
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := r.Decrypt(t.Context(), root(), keyring.Use{}, blob.Blob); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	wg.Wait()
	if got := must[keyring.Listing[keyring.KeyName]](t)(r.Keys(t.Context(), root(), keyring.Page{})); len(got.Items) != 21 {
		t.Errorf("%d keys, want 21", len(got.Items))
	}
}

// A dry run may ask about the key alone.
func TestDryRunWithoutCiphertext(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "").ARN
	if _, err := r.Decrypt(t.Context(), root(), keyring.Use{Key: key, DryRun: true, IgnoreCiphertext: true}, nil); !errors.Is(err, keyring.ErrDryRun) {
		t.Errorf("Decrypt = %v", err)
	}
	if _, err := r.Decrypt(t.Context(), w.user(account, "eve", ""), keyring.Use{Key: key, DryRun: true, IgnoreCiphertext: true}, nil); !errors.Is(err, access.ErrDenied) {
		t.Errorf("Decrypt of a stranger = %v", err)
	}
	if _, err := r.ReEncrypt(t.Context(), root(), keyring.Use{Key: key, DryRun: true, IgnoreCiphertext: true}, keyring.Use{Key: key}, nil); !errors.Is(err, keyring.ErrDryRun) {
		t.Errorf("ReEncrypt = %v", err)
	}
	for _, use := range []keyring.Use{{Key: key, IgnoreCiphertext: true}, {DryRun: true, IgnoreCiphertext: true}} {
		if _, err := r.Decrypt(t.Context(), root(), use, nil); !errors.Is(err, keyring.ErrInvalid) {
			t.Errorf("Decrypt(%+v) = %v", use, err)
		}
	}
}
