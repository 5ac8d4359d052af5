package s3_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/s3"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	account     = arn.AccountID("000000000000")
	accessKeyID = "AKIAIOSFODNN7EXAMPLE"
	secretKey   = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	keyARN      = "arn:aws:kms:us-east-1:000000000000:key/1"
)

// keys is a key service with one key, which may be disabled.
type keys struct {
	secret   sealed.Secret
	disabled atomic.Bool
}

func (k *keys) pad(bind map[string]string) []byte {
	mac := hmac.New(sha256.New, k.secret.Reveal())
	json.NewEncoder(mac).Encode(bind)
	return mac.Sum(nil)
}

func (k *keys) check(ref string) error {
	if k.disabled.Load() {
		return &refusal.Error{Kind: keyring.ErrDisabled, Sentence: keyARN + " is disabled."}
	}
	if ref == "alias/none" {
		return &refusal.Error{Kind: keyring.ErrNotFound, Sentence: "Alias arn:aws:kms:us-east-1:000000000000:alias/none is not found."}
	}
	return nil
}

func (k *keys) NewDataKey(_ context.Context, who access.Caller, ref string, bind map[string]string) (sealed.Secret, []byte, string, error) {
	if err := k.check(ref); err != nil {
		return sealed.Secret{}, nil, "", err
	}
	data := sealed.RandomSecret(sealed.KeyBytes)
	wrapped := k.pad(bind)
	for i, b := range data.Reveal() {
		wrapped[i] ^= b
	}
	return data, wrapped, keyARN, nil
}

func (k *keys) OpenDataKey(_ context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	if err := k.check(""); err != nil {
		return sealed.Secret{}, err
	}
	data := k.pad(bind)
	for i := range data {
		data[i] ^= wrapped[i]
	}
	return sealed.NewSecret(data), nil
}

func (k *keys) ManagedKey(context.Context, access.Caller, string) (string, error) { return keyARN, nil }

// server is a door behind a front of a few lines, with one root user.
type server struct {
	*httptest.Server
	door    *s3.Door
	buckets *bucket.Service
	keys    *keys
	journal *accesstest.Journal
	clock   *clock.Clock
	root    policy.Principal
	// trusted makes unsigned requests the root user's.
	trusted bool
	ids     atomic.Int64
	uses    atomic.Int64 // of the access key, with a form or by version 2
	upload  string       // the id of one
	// operation is the name of the last one.
	operation atomic.Value
}

func newServer(t testing.TB, change func(*s3.Config), rotten ...*rottenBlobs) *server {
	t.Helper()
	var blobs store.Blobs = memory.NewBlobs()
	for _, r := range rotten {
		r.Blobs, blobs = blobs, r
	}
	records := memory.NewRecords()
	vault, err := sealed.Open(t.Context(), records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(t.Context(), "s3")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{
		keys: &keys{secret: sealed.RandomSecret(32)}, journal: new(accesstest.Journal), clock: clock.System(),
		root: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::000000000000:root", UserID: string(account)},
	}
	s.buckets, err = bucket.Open(t.Context(), bucket.Config{
		Records: records, Blobs: blobs, Keys: s.keys, Vault: domain, Clock: s.clock, SoleWriter: true,
		Gate: access.NewGate(access.Config{
			Identities: accesstest.Nobody{}, Record: s.journal,
			ErrorCode: func(_ policy.Action, err error) string { return s3.ErrorCode(err) },
		}),
		Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	cfg := s3.Config{Buckets: s.buckets, Log: slog.New(slog.DiscardHandler), Poster: func(id, _ string, _ time.Time) (s3.Poster, error) {
		if id != accessKeyID {
			return s3.Poster{}, identity.ErrUnknownKey
		}
		return s3.Poster{Principal: s.root, Secret: sealed.NewSecret([]byte(secretKey)), Used: func(region string, at time.Time) {
			if region == "us-east-1" && !at.IsZero() {
				s.uses.Add(1)
			}
		}}, nil
	}}
	if change != nil {
		change(&cfg)
	}
	s.door = s3.New(cfg)
	s.Server = httptest.NewServer(s)
	t.Cleanup(func() {
		s.Server.Close()
		s.buckets.Close()
	})
	return s
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	now := s.clock.Now()
	req := &front.Request{Request: r, ID: fmt.Sprintf("REQUEST%09d", s.ids.Add(1))}
	req.Caller = access.Caller{Region: "us-east-1", RequestID: req.ID, At: now}
	defer func() { s.operation.Store(req.Exchange.Operation) }()
	auth, err := sigv4.Parse(r)
	if errors.Is(err, sigv4.ErrSigV2) && r.Header["Authorization"] == nil {
		req.Version2 = true
		s.door.Serve(w, req)
		return
	}
	if err != nil {
		s.door.Refuse(w, req, err)
		return
	}
	if auth.Form == sigv4.FormNone {
		if s.trusted {
			req.Caller.Principal = s.root
		}
		s.door.Serve(w, req)
		return
	}
	if auth.Scope.AccessKeyID != accessKeyID {
		s.door.Refuse(w, req, front.ErrUnknownAccessKey)
		return
	}
	key := sigv4.DeriveKey([]byte(secretKey), auth.Scope)
	req.Auth = auth
	req.Payload, err = req.Auth.Verify(r, nil, key, now, sigv4.Profile{Service: "s3", Style: sigv4.S3})
	if err != nil {
		s.door.Refuse(w, req, err)
		return
	}
	req.Caller.Region, req.Caller.Principal = auth.Scope.Region, s.root
	s.door.Serve(w, req)
}

// do sends an unsigned request as it is written, header lines and all.
func (s *server) do(t testing.TB, method, target, body string, header ...string) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+target, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range header {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Add(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func (s *server) bucket(t testing.TB, name string) {
	t.Helper()
	who := bucket.Caller{Caller: access.Caller{Principal: s.root, Region: "us-east-1", At: time.Now()}}
	if _, err := s.buckets.CreateBucket(t.Context(), who, bucket.NewBucket{Name: name}); err != nil {
		t.Fatal(err)
	}
}

// rottenBlobs changes every byte of a blob from an offset on, if it is not 0.
type rottenBlobs struct {
	store.Blobs
	from int64
}

func (r *rottenBlobs) Open(ctx context.Context, name string) (store.Blob, error) {
	b, err := r.Blobs.Open(ctx, name)
	return rottenBlob{b, r.from}, err
}

type rottenBlob struct {
	store.Blob
	from int64
}

func (b rottenBlob) ReadAt(p []byte, off int64) (int, error) {
	n, err := b.Blob.ReadAt(p, off)
	for i := range p[:n] {
		if b.from > 0 && off+int64(i) >= b.from {
			p[i] ^= 0xff
		}
	}
	return n, err
}
