package keyring_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/keyring"
)

// The record of a call says which version of the material served it.
func TestRecordedMaterial(t *testing.T) {
	w := newWorld(t)
	r := w.open()
	key := create(t, r, keyring.Symmetric, "")
	use := keyring.Use{Key: key.ARN}
	old := must[keyring.Encrypted](t)(r.Encrypt(t.Context(), root(), use, []byte("x"))).Blob
	must[string](t)(r.RotateNow(t.Context(), root(), key.ARN))
	now := must[keyring.Metadata](t)(r.Describe(t.Context(), root(), use)).MaterialID
	rsa := create(t, r, keyring.RSA2048, keyring.EncryptDecrypt)
	underRSA := keyring.Use{Key: rsa.ARN, Algorithm: keyring.AlgOAEPSHA256}

	tests := []struct {
		name string
		call func() error
		want []string
	}{
		{"Encrypt", func() error { return second(r.Encrypt(t.Context(), root(), use, []byte("x"))) }, []string{"keyMaterialId=" + now}},
		{"Decrypt", func() error { return second(r.Decrypt(t.Context(), root(), keyring.Use{}, old)) }, []string{"keyMaterialId=" + key.MaterialID}},
		{"GenerateDataKey", func() error { return second(r.GenerateDataKey(t.Context(), root(), use, 32)) }, []string{"keyMaterialId=" + now}},
		{
			"GenerateDataKeyPairWithoutPlaintext",
			func() error {
				return second(r.GenerateDataKeyPairWithoutPlaintext(t.Context(), root(), use, keyring.P256))
			},
			[]string{"keyMaterialId=" + now},
		},
		{
			"ReEncrypt",
			func() error { return second(r.ReEncrypt(t.Context(), root(), keyring.Use{}, use, old)) },
			[]string{"sourceKeyMaterialId=" + key.MaterialID, "destinationKeyMaterialId=" + now},
		},
		{
			"ReEncrypt to RSA",
			func() error { return second(r.ReEncrypt(t.Context(), root(), keyring.Use{}, underRSA, old)) },
			[]string{"sourceKeyMaterialId=" + key.MaterialID},
		},
		{"Encrypt under RSA", func() error { return second(r.Encrypt(t.Context(), root(), underRSA, []byte("x"))) }, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if err := tt.call(); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, p := range w.recorder.Last().Parameters {
				if name, ok := strings.CutPrefix(p.Name, audit.ResponsePrefix); ok {
					got = append(got, name+"="+p.Value)
				}
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("the record answers %q, want %q", got, tt.want)
			}
		})
	}
}
