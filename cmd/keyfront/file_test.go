package main

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// keyfront runs the command in this process.
func keyfront(ctx context.Context, args ...string) (code int, stdout, stderr string) {
	var out, words bytes.Buffer
	code = run(ctx, env{strings.NewReader(""), &out, &words, os.Getenv}, args)
	return code, out.String(), words.String()
}

// inFolder works in an empty folder that has two files and a key pair.
func inFolder(t *testing.T) {
	t.Helper()
	t.Chdir(t.TempDir())
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	private, err1 := x509.MarshalPKCS8PrivateKey(key)
	public, err2 := x509.MarshalPKIXPublicKey(key.Public())
	err = errors.Join(
		err1, err2,
		os.WriteFile("private.pem", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}), 0o600),
		os.WriteFile("public.pem", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}), 0o600),
		os.WriteFile("film", bytes.Repeat([]byte("film"), 100_000), 0o600),
		os.WriteFile("other", []byte("other"), 0o600),
	)
	if err != nil {
		t.Fatal(err)
	}
}

// names lists the files of the working folder, hidden ones too.
func names(t *testing.T) string {
	t.Helper()
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range entries {
		all = append(all, e.Name())
	}
	return strings.Join(all, " ")
}

func TestFileUsage(t *testing.T) {
	inFolder(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	before := names(t)
	for _, tt := range []struct {
		line string
		code int
		want string
	}{
		{"sign film", exitUsage, "kms-key"},
		{"sign --kms-key k", exitUsage, "file"},
		{"sign --kms-key k --algorithm ML_DSA_SHAKE_256 film", exitUsage, "RSASSA_PKCS1_V1_5_SHA_256, "},
		{"sign --kms-key k --out x film other", exitUsage, "--out is for one file"},
		{"sign --kms-key k film film", exitUsage, "film.sig would be written twice"},
		{"sign --kms-key k --s3 b --force film", exitUsage, "not for --s3"},
		{"sign --kms-key k --timeout 0s film", exitUsage, "--timeout"},
		{"sign --kms-key k missing", exitFailed, "missing: no such file"},
		{"sign --kms-key k .", exitFailed, ". is a folder"},
		{"verify film", exitUsage, "give --kms-key or --public-key"},
		{"verify --kms-key k --public-key public.pem film", exitUsage, "can't be used together"},
		{"verify --public-key public.pem film", exitFailed, "there is no signature film.sig"},
		{"verify --public-key missing film", exitFailed, "missing: no such file"},
		{"verify --public-key film film", exitFailed, "film: no such key in the file"},
		{"verify --public-key public.pem --signature film film", exitFailed, "film is no signature"},
		{"verify --public-key public.pem --signature x film other", exitUsage, "--signature is for one file"},
		{"seal film", exitUsage, "kms-key"},
		{"seal --public-key public.pem --encryption-context a=b film", exitUsage, "symmetric"},
		{"seal --public-key private.pem film", exitFailed, "this is a private key"},
		{"open film", exitUsage, "does not end in .sealed"},
		{"open --private-key public.pem --out x film", exitFailed, "this is a public key"},
		{"open --private-key private.pem --out x film", exitFailed, "not a sealed file"},
		{"open --private-key private.pem --out no/such/folder film", exitFailed, "no such file"},
	} {
		code, stdout, stderr := keyfront(t.Context(), append([]string{"file"}, strings.Fields(tt.line)...)...)
		if code != tt.code || stdout != "" && tt.code == exitFailed || !strings.Contains(stderr, tt.want) {
			t.Errorf("file %s = %d, %q, %q; want %d and %q", tt.line, code, stdout, stderr, tt.code, tt.want)
		}
	}
	if got := names(t); got != before {
		t.Errorf("the folder has %s, had %s", got, before)
	}
}

func TestSealedFileThatDoesNotOpenLeavesNothing(t *testing.T) {
	inFolder(t)
	if code, _, stderr := keyfront(t.Context(), "file", "seal", "--public-key", "public.pem", "film"); code != exitDone {
		t.Fatal(stderr)
	}
	whole, err := os.ReadFile("film.sealed")
	if err != nil {
		t.Fatal(err)
	}
	bad := bytes.Clone(whole)
	bad[len(bad)-1] ^= 1
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		what string
		ctx  context.Context
		file []byte
		out  string
		code int
	}{
		{"changed", t.Context(), bad, "plain", exitFailed},
		{"cut", t.Context(), whole[:len(whole)-70_000], "plain", exitFailed},
		{"extended", t.Context(), append(bytes.Clone(whole), 0), "plain", exitFailed},
		{"interrupted", cancelled, whole, "plain", exitFailed},
		{"name taken", t.Context(), whole, "other", exitFailed},
	} {
		if err := os.WriteFile("film.sealed", tt.file, 0o600); err != nil {
			t.Fatal(err)
		}
		before := names(t)
		code, stdout, stderr := keyfront(tt.ctx, "file", "open", "--private-key", "private.pem", "--out", tt.out, "film.sealed")
		if code != tt.code || stdout != "" || !strings.HasPrefix(stderr, "keyfront: error: ") {
			t.Errorf("%s: open = %d, %q, %q", tt.what, code, stdout, stderr)
		}
		if got := names(t); got != before {
			t.Errorf("%s: the folder has %s, had %s", tt.what, got, before)
		}
	}
	if got, err := os.ReadFile("other"); string(got) != "other" || err != nil {
		t.Errorf("other = %q, %v", got, err)
	}

	if err := os.WriteFile("film.sealed", whole, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, _, stderr := keyfront(t.Context(), "file", "open", "--force", "--private-key", "private.pem", "--out", "other", "film.sealed"); code != exitDone {
		t.Errorf("open --force: %s", stderr)
	}
	film, _ := os.ReadFile("film")
	if got, err := os.ReadFile("other"); err != nil || !bytes.Equal(got, film) {
		t.Errorf("other = %d bytes, %v, want the film", len(got), err)
	}
	if info, err := os.Stat("other"); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the plaintext has mode %v, %v", info.Mode(), err)
	}
}

// A name that was taken while the bytes were written is not taken over.
func TestOutputReplacesNothingUnasked(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, replace := range []bool{false, true} {
		o, err := newOutput("name", 0o600, replace)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := o.Write([]byte("mine")); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile("name", []byte("theirs"), 0o600); err != nil {
			t.Fatal(err)
		}
		err = o.finish(nil)
		got, readErr := os.ReadFile("name")
		if readErr != nil || (err == nil) != replace || (string(got) == "mine") != replace {
			t.Errorf("replace %v: finish = %v, and the file has %q", replace, err, got)
		}
		if got := names(t); got != "name" {
			t.Errorf("replace %v: the folder has %s", replace, got)
		}
	}
	o, err := newOutput("second", 0o600, false)
	if err != nil {
		t.Fatal(err)
	}
	if err := o.finish(fs.ErrInvalid); !errors.Is(err, fs.ErrInvalid) || names(t) != "name" {
		t.Errorf("finish with an error = %v, and the folder has %s", err, names(t))
	}
}

// A key service that takes calls and never answers.
func TestFileServiceSilent(t *testing.T) {
	inFolder(t)
	silent := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then does the server see the caller leave
		<-r.Context().Done()
	}))
	defer silent.Close()
	awsEnv(t, silent.URL, "AKIAIOSFODNN7EXAMPLE", "secret")
	before := names(t)
	for _, line := range []string{"sign --kms-key k film", "seal --kms-key k film", "verify --kms-key k --signature other film"} {
		code, stdout, stderr := keyfront(t.Context(), append([]string{"file"}, strings.Fields(line+" --timeout 20ms")...)...)
		if code != exitFailed || stdout != "" || !strings.Contains(stderr, "no answer within 20ms") || !strings.Contains(stderr, "hint: is the service up") {
			t.Errorf("%s = %d, %q, %q", line, code, stdout, stderr)
		}
	}
	if got := names(t); got != before {
		t.Errorf("the folder has %s, had %s", got, before)
	}
}

func awsEnv(t *testing.T, endpoint, id, secret string) {
	t.Helper()
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": secret, "AWS_SESSION_TOKEN": "", "AWS_REGION": "us-east-1",
		"AWS_PROFILE": "", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_MAX_ATTEMPTS": "1",
	} {
		t.Setenv(name, value)
	}
}

// A file beyond one request goes in parts, and its signature with it.
func TestSignLargeIntoBucket(t *testing.T) {
	inFolder(t)
	srv := keyfronttest.Start(t)
	cfg := srv.AWSConfig()
	awsEnv(t, srv.APIURL, srv.AccessKeyID, srv.SecretAccessKey)
	keys := kms.NewFromConfig(cfg)
	key, err := keys.CreateKey(t.Context(), &kms.CreateKeyInput{KeyUsage: types.KeyUsageTypeSignVerify, KeySpec: types.KeySpecEccNistEdwards25519})
	if err != nil {
		t.Fatal(err)
	}
	store := s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = true })
	if _, err := store.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("films")}); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate("film", wholeBytes+1); err != nil {
		t.Fatal(err)
	}
	id := *key.KeyMetadata.KeyId
	if code, stdout, stderr := keyfront(t.Context(), "file", "sign", "--kms-key", id, "--s3", "films", "film"); code != exitDone || stdout != "s3://films/film\n" {
		t.Fatalf("sign = %d, %q, %q", code, stdout, stderr)
	}
	head, err := store.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("films"), Key: aws.String("film")})
	if err != nil || *head.ContentLength != wholeBytes+1 || !strings.HasSuffix(*head.ETag, `-2"`) || head.Metadata[metaKey] != id || head.Metadata[metaAlgorithm] != "ED25519_PH_SHA_512" {
		t.Errorf("HeadObject = %+v, %v", head, err)
	}
	code, stdout, stderr := keyfront(t.Context(), "file", "verify", "--kms-key", id, "--s3", "films", "film")
	if code != exitDone || stdout != "film: verified (ED25519_PH_SHA_512, "+id+")\n" {
		t.Errorf("verify = %d, %q, %q", code, stdout, stderr)
	}
	public, err := keys.GetPublicKey(t.Context(), &kms.GetPublicKeyInput{KeyId: &id})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile("ed.der", public.PublicKey, 0o600); err != nil {
		t.Fatal(err)
	}
	if code, stdout, stderr := keyfront(t.Context(), "file", "verify", "--public-key", "ed.der", "--s3", "films", "film"); code != exitDone {
		t.Errorf("verify with the public key = %d, %q, %q", code, stdout, stderr)
	}
}
