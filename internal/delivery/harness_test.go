package delivery_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"log/slog"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/signedurl"
)

const testAccount arn.AccountID = "000000000000"

type fixture struct {
	*delivery.Service
	t       testing.TB
	records store.Records
	journal *accesstest.Journal
	cfg     delivery.Config
	log     *strings.Builder
}

func open(t testing.TB, edit ...func(*delivery.Config)) *fixture {
	t.Helper()
	f := &fixture{t: t, records: memory.NewRecords(), journal: new(accesstest.Journal), log: new(strings.Builder)}
	f.cfg = delivery.Config{
		Records:    f.records,
		Gate:       access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: f.journal}),
		Clock:      clock.Movable(),
		Log:        slog.New(slog.NewTextHandler(f.log, nil)),
		EdgeDomain: "cloudfront.localhost",
	}
	for _, e := range edit {
		e(&f.cfg)
	}
	f.Service = f.reopen()
	return f
}

// reopen returns a second service over the same records.
func (f *fixture) reopen() *delivery.Service {
	f.t.Helper()
	s, err := delivery.Open(f.t.Context(), f.cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return s
}

func root(account arn.AccountID) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + string(account) + ":root", UserID: string(account)},
		Region:    "us-east-1",
	}
}

var me = root(testAccount)

// must panics if err is not nil: what a test only stands on.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func newPEM(t testing.TB) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public, err := signedurl.NewPublicKey(private.Public())
	if err != nil {
		t.Fatal(err)
	}
	return string(public.PEM())
}

// config returns a small distribution over an HTTP server.
func config(reference string, edit ...func(*delivery.DistributionConfig)) delivery.DistributionConfig {
	c := delivery.NewDistributionConfig()
	c.CallerReference, c.Comment, c.Enabled = reference, "a test", true
	o := delivery.NewOriginConfig()
	custom := delivery.NewCustomOriginConfig()
	custom.HTTPPort, custom.HTTPSPort, custom.ProtocolPolicy = 80, 443, "http-only"
	o.ID, o.DomainName, o.Custom = "web", "origin.example.com", &custom
	c.Origins = []delivery.OriginConfig{o}
	c.DefaultBehavior.TargetOriginID = "web"
	c.DefaultBehavior.ViewerProtocolPolicy = "allow-all"
	c.DefaultBehavior.ForwardedValues = &delivery.ForwardedValues{Cookies: "none"}
	for _, e := range edit {
		e(&c)
	}
	return c
}
