package server_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/internal/store/storetest"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

// On a full disk every call ends with its service's own error, since none can
// be recorded; with space again the same server goes on, and nothing is lost.
func TestFullDisk(t *testing.T) {
	disk := storetest.SmallDisk(t, 24<<20)
	if disk == nil {
		return
	}
	data := filepath.Join(disk.Path, "data")
	srv := keyfronttest.Start(t, keyfronttest.OnDisk(data))
	cfg := srv.AWSConfig()
	cfg.RetryMaxAttempts = 1
	keys := kms.NewFromConfig(cfg)
	objects := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })

	made, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := objects.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	content := bytes.Repeat([]byte("film "), 20_000)
	calls := []struct {
		name, code string
		do         func(context.Context) error
	}{
		{"Encrypt", "KMSInternalException", func(ctx context.Context) error {
			_, err := keys.Encrypt(ctx, &kms.EncryptInput{KeyId: made.KeyMetadata.Arn, Plaintext: []byte("x")})
			return err
		}},
		{"CreateKey", "KMSInternalException", func(ctx context.Context) error {
			_, err := keys.CreateKey(ctx, &kms.CreateKeyInput{})
			return err
		}},
		{"PutObject", "InternalError", func(ctx context.Context) error {
			_, err := objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("films"), Key: aws.String("film"), Body: bytes.NewReader(content)})
			return err
		}},
		{"GetObject", "InternalError", func(ctx context.Context) error {
			out, err := objects.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("films"), Key: aws.String("film")})
			if err != nil {
				return err
			}
			defer out.Body.Close()
			b, err := io.ReadAll(out.Body)
			if err == nil && !bytes.Equal(b, content) {
				t.Errorf("the object has changed: %d bytes, want %d", len(b), len(content))
			}
			return err
		}},
	}
	succeed := func(when string) {
		t.Helper()
		for _, call := range calls {
			if err := call.do(t.Context()); err != nil {
				t.Fatalf("%s, %s = %v", call.name, when, err)
			}
		}
	}
	health := func(when string, want int) {
		t.Helper()
		res, err := http.Get(srv.APIURL + "/_keyfront/health")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("health %s = %s, want %d", when, res.Status, want)
		}
	}
	succeed("before")
	health("before", http.StatusOK)
	filler := filepath.Join(disk.Path, "filler")
	fill(t, filler)
	// The audit log and the database have some room of their own; use it up. What
	// is too little for one call's record may do for another's.
	for _, call := range calls {
		for i := 0; call.do(t.Context()) == nil; i++ {
			if i == 10_000 {
				t.Fatal("calls go on on a full disk")
			}
		}
	}
	for _, call := range calls {
		err := call.do(t.Context())
		var answer smithy.APIError
		if !errors.As(err, &answer) || answer.ErrorCode() != call.code {
			t.Errorf("%s on a full disk = %v, want %s", call.name, err, call.code)
		}
	}
	health("on a full disk", http.StatusServiceUnavailable)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	health("with space again", http.StatusOK)
	succeed("with space again")
	if err := srv.Stop(); err != nil {
		t.Errorf("Stop = %v", err)
	}
	roots, err := server.RootKeySource(data, nil).Load(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	headKeys, err := server.AuditHeadKeys(roots)
	if err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), filepath.Join(data, server.AuditFolder), headKeys); err != nil || rep.Records < 10 {
		t.Errorf("Verify = %+v, %v", rep, err)
	}
}

// fill writes into a new file until the disk has no byte left.
func fill(t *testing.T, name string) {
	t.Helper()
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); err != nil {
			size /= 2
		}
	}
}
