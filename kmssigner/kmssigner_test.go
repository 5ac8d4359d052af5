package kmssigner_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/keyfronttest"
	"github.com/keyfront-project/keyfront/kmssigner"
	"github.com/keyfront-project/keyfront/signedurl"
)

func newKey(t *testing.T, api *kms.Client, spec types.KeySpec, usage types.KeyUsageType) string {
	t.Helper()
	key, err := api.CreateKey(t.Context(), &kms.CreateKeyInput{KeySpec: spec, KeyUsage: usage})
	if err != nil {
		t.Fatal(err)
	}
	return *key.KeyMetadata.Arn
}

func TestSignsURLs(t *testing.T) {
	srv := keyfronttest.Start(t)
	api := kms.NewFromConfig(srv.AWSConfig())
	for _, spec := range []types.KeySpec{types.KeySpecRsa2048, types.KeySpecEccNistP256} {
		t.Run(string(spec), func(t *testing.T) {
			arn := newKey(t, api, spec, types.KeyUsageTypeSignVerify)
			key, err := kmssigner.New(t.Context(), api, arn, nil)
			if err != nil {
				t.Fatal(err)
			}
			s, err := signedurl.NewSigner("K1", key, &signedurl.SignerOptions{Hash: signedurl.SHA256})
			if err != nil {
				t.Fatal(err)
			}
			url, err := s.Sign(t.Context(), "https://example.com/a.mp4", signedurl.Policy{Expires: srv.Now().Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			public, err := signedurl.NewPublicKey(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			r, err := http.NewRequest(http.MethodGet, url, nil)
			if err != nil {
				t.Fatal(err)
			}
			result := signedurl.Verify(&signedurl.Request{Scheme: "https", Host: r.Host, Path: r.URL.Path, RawQuery: r.URL.RawQuery},
				signedurl.KeySet{"K1": public}, srv.Now(), nil)
			if !result.Allowed() {
				t.Errorf("Verify(%s) = %v", url, result.Reason)
			}
			if key.KeyARN() != arn {
				t.Errorf("KeyARN = %s, want %s", key.KeyARN(), arn)
			}
		})
	}
}

// An alias that moves on takes no signer along: its key pair id would be wrong.
func TestStaysWithItsKey(t *testing.T) {
	srv := keyfronttest.Start(t)
	api := kms.NewFromConfig(srv.AWSConfig())
	first := newKey(t, api, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
	second := newKey(t, api, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
	if _, err := api.CreateAlias(t.Context(), &kms.CreateAliasInput{AliasName: aws.String("alias/links"), TargetKeyId: &first}); err != nil {
		t.Fatal(err)
	}
	s, err := kmssigner.New(t.Context(), api, "alias/links", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := api.UpdateAlias(t.Context(), &kms.UpdateAliasInput{AliasName: aws.String("alias/links"), TargetKeyId: &second}); err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("policy"))
	if _, err := s.Sign(nil, digest[:], crypto.SHA256); err != nil || s.KeyARN() != first {
		t.Errorf("Sign = %v by %s, want a signature by %s", err, s.KeyARN(), first)
	}
}

func TestRefusesOtherKeys(t *testing.T) {
	srv := keyfronttest.Start(t)
	api := kms.NewFromConfig(srv.AWSConfig())
	for _, tt := range []struct {
		spec  types.KeySpec
		usage types.KeyUsageType
	}{
		{types.KeySpecRsa2048, types.KeyUsageTypeEncryptDecrypt},
		{types.KeySpecRsa3072, types.KeyUsageTypeSignVerify},
		{types.KeySpecEccNistP384, types.KeyUsageTypeSignVerify},
		{types.KeySpecEccNistP256, types.KeyUsageTypeKeyAgreement},
	} {
		if _, err := kmssigner.New(t.Context(), api, newKey(t, api, tt.spec, tt.usage), nil); !errors.Is(err, kmssigner.ErrKey) {
			t.Errorf("New(%s for %s) = %v, want ErrKey", tt.spec, tt.usage, err)
		}
	}
	var missing *types.NotFoundException
	if _, err := kmssigner.New(t.Context(), api, "alias/nobody", nil); !errors.As(err, &missing) {
		t.Errorf("New of an absent key = %v, want NotFoundException", err)
	}

	s, err := kmssigner.New(t.Context(), api, newKey(t, api, types.KeySpecRsa2048, types.KeyUsageTypeSignVerify), nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, opts := range map[string]crypto.SignerOpts{
		"SHA-1": crypto.SHA1, "SHA-512": crypto.SHA512, "PSS": &rsa.PSSOptions{Hash: crypto.SHA256},
	} {
		if _, err := s.Sign(nil, make([]byte, opts.HashFunc().Size()), opts); !errors.Is(err, kmssigner.ErrKey) {
			t.Errorf("Sign with %s = %v, want ErrKey", name, err)
		}
	}
	if _, err := s.Sign(nil, []byte("short"), crypto.SHA256); !errors.Is(err, kmssigner.ErrKey) {
		t.Errorf("Sign of a short digest = %v, want ErrKey", err)
	}
}

// forger answers with what it was told, in place of the key service.
type forger struct {
	*kms.Client
	signature []byte
	fail      func(context.Context) error
}

func (f *forger) Sign(ctx context.Context, _ *kms.SignInput, _ ...func(*kms.Options)) (*kms.SignOutput, error) {
	if f.fail != nil {
		return nil, f.fail(ctx)
	}
	return &kms.SignOutput{Signature: f.signature}, nil
}

func TestBelievesNoAnswer(t *testing.T) {
	srv := keyfronttest.Start(t)
	f := &forger{Client: kms.NewFromConfig(srv.AWSConfig()), signature: []byte("no signature")}
	digest := sha256.Sum256([]byte("policy"))
	for _, spec := range []types.KeySpec{types.KeySpecRsa2048, types.KeySpecEccNistP256} {
		s, err := kmssigner.New(t.Context(), f, newKey(t, f.Client, spec, types.KeyUsageTypeSignVerify), nil)
		if err != nil {
			t.Fatal(err)
		}
		if sig, err := s.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, kmssigner.ErrSignature) || sig != nil {
			t.Errorf("%s: Sign = %x, %v, want ErrSignature", spec, sig, err)
		}
	}
}

func TestGivesUp(t *testing.T) {
	srv := keyfronttest.Start(t)
	f := &forger{Client: kms.NewFromConfig(srv.AWSConfig()), fail: func(ctx context.Context) error { <-ctx.Done(); return ctx.Err() }}
	s, err := kmssigner.New(t.Context(), f, newKey(t, f.Client, types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify), nil)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("policy"))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.SignContext(ctx, digest[:], crypto.SHA256); !errors.Is(err, context.Canceled) {
		t.Errorf("Sign of a canceled call = %v", err)
	}
	s, err = kmssigner.New(t.Context(), f.Client, s.KeyARN(), nil)
	if err != nil {
		t.Fatal(err)
	}
	silent := &forger{Client: f.Client, fail: f.fail}
	short, err := kmssigner.New(t.Context(), patient{silent}, s.KeyARN(), &kmssigner.Options{Timeout: time.Nanosecond})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := short.Sign(nil, digest[:], crypto.SHA256); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Sign by a silent key service = %v, want DeadlineExceeded", err)
	}
}

// patient lets GetPublicKey take its time.
type patient struct{ *forger }

func (p patient) GetPublicKey(_ context.Context, in *kms.GetPublicKeyInput, o ...func(*kms.Options)) (*kms.GetPublicKeyOutput, error) {
	return p.Client.GetPublicKey(context.Background(), in, o...)
}

// What may pass is tried again, as often as was said.
func TestTriesAgain(t *testing.T) {
	srv := keyfronttest.Start(t)
	arn := newKey(t, kms.NewFromConfig(srv.AWSConfig()), types.KeySpecEccNistP256, types.KeyUsageTypeSignVerify)
	var calls atomic.Int32
	broken := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		calls.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer broken.Close()
	cfg := srv.AWSConfig()
	cfg.BaseEndpoint = &broken.URL
	// No pause between the attempts.
	api := kms.NewFromConfig(cfg, func(o *kms.Options) {
		o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
			o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
		})
	})
	if _, err := kmssigner.New(t.Context(), api, arn, &kmssigner.Options{Attempts: 4}); err == nil {
		t.Error("New at a broken key service succeeded")
	}
	if n := calls.Load(); n != 4 {
		t.Errorf("%d calls, want 4", n)
	}
}
