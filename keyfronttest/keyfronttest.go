// Package keyfronttest runs a whole Keyfront inside a Go test: key service,
// object store and edge, on loopback addresses of their own.
//
//	srv := keyfronttest.Start(t)
//	client := kms.NewFromConfig(srv.AWSConfig())
//
// It is the server of keyfront serve, so a test fails for the reasons that
// production does: an expired link, a wrong encryption context, a policy that
// says no. The root user, as whom AWSConfig calls, may everything; to test a
// policy, make a user or a role and call as that. Functions run inside the test's
// process. A start takes some 50 milliseconds, and servers do not share anything,
// so tests may run in parallel with one each.
package keyfronttest

import (
	"context"
	"net"
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/server"
)

// Server is a running Keyfront. It ends with its test.
type Server struct {
	// APIURL is the endpoint of all AWS services, EdgeURL the viewers' address.
	APIURL, EdgeURL string
	// AccessKeyID and SecretAccessKey are the root user's of Account.
	AccessKeyID, SecretAccessKey string
	Account                      string
	// Region is the one that AWSConfig uses; every region works.
	Region string

	server *server.Server
}

// Option changes how Start runs the server.
type Option func(*options)

type options struct {
	config   config.Config
	inMemory bool
}

// OnDisk keeps the state in dir, which a later Start may use again after the
// first server's Stop. Without it the state is in memory.
func OnDisk(dir string) Option {
	return func(o *options) { o.config.DataDir, o.inMemory = dir, false }
}

// Start runs a server until the test ends. Its clock can be moved.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	o := options{config: config.Default(), inMemory: true}
	o.config.DataDir = t.TempDir()
	o.config.APIAddr, o.config.EdgeAddr = "127.0.0.1:0", "127.0.0.1:0"
	o.config.TestClock = true
	for _, opt := range opts {
		opt(&o)
	}
	s, err := server.Start(context.Background(), o.config, server.Options{InMemory: o.inMemory})
	if err != nil {
		t.Fatalf("keyfronttest: %v", err)
	}
	srv := &Server{APIURL: s.APIURL(), EdgeURL: s.EdgeURL(), Account: o.config.Account, Region: "us-east-1", server: s}
	t.Cleanup(func() {
		if err := srv.Stop(); err != nil {
			t.Errorf("keyfronttest: stop: %v", err)
		}
	})
	key, err := s.RootKey()
	if err != nil {
		t.Fatalf("keyfronttest: %v", err)
	}
	srv.AccessKeyID, srv.SecretAccessKey = key.ID, string(key.Secret.Reveal())
	return srv
}

// Stop ends the server before its test does. A second Stop does nothing.
func (s *Server) Stop() error {
	if s.server == nil {
		return nil
	}
	running := s.server
	s.server = nil
	return running.Stop()
}

// Advance moves the server's clock on: what would expire, rotate or be deleted
// in d has done so. Clients that sign by the machine's time are still let in; what
// they presign is judged by the moved clock.
func (s *Server) Advance(d time.Duration) { s.server.Clock().Advance(d) }

// Now is the time by the server's clock.
func (s *Server) Now() time.Time { return s.server.Clock().Now() }

// AWSConfig is the configuration of AWS SDK clients as the root user. S3 clients
// also want UsePathStyle.
func (s *Server) AWSConfig() aws.Config {
	return aws.Config{
		Region:       s.Region,
		BaseEndpoint: aws.String(s.APIURL),
		Credentials:  credentials.NewStaticCredentialsProvider(s.AccessKeyID, s.SecretAccessKey, ""),
	}
}

// Viewer returns an HTTP client for which every host is the edge, so that
// distributions and their aliases answer without DNS. It follows no redirects.
func (s *Server) Viewer() *http.Client {
	edge := s.EdgeURL[len("http://"):]
	return &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, edge)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
