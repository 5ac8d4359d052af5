// Package server assembles Keyfront: configuration in, listeners and background
// work out, and an orderly stop. It and config are the only packages that know
// everyone.
package server

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"net"
	"os"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/accesslog"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/archive"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/certificate"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/journal"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/trail"
	"github.com/keyfront-project/keyfront/internal/wire/forwarded"
)

const (
	// defaultStopWithin is how long requests under way may take to end at a stop.
	defaultStopWithin = 10 * time.Second
	// followEvery is how often state is compared with the store's, for the
	// changes of other nodes.
	followEvery = 250 * time.Millisecond
	// scrubEvery is the time between two checks of every object at rest.
	scrubEvery = 24 * time.Hour
)

// Options are what does not come from the operator.
type Options struct {
	// Version is what the figures call this program.
	Version string
	// Log receives what happens; nil discards it.
	Log *slog.Logger
	// Passphrase asks for the passphrase of the root key; nil keeps the root key
	// in a file without one.
	Passphrase Passphrase
	// StopWithin is how long requests under way may take to end at a stop, before
	// their connections are cut; 0 means 10 s.
	StopWithin time.Duration
	// FunctionWorker starts a process that runs functions: one that calls
	// function.Work. Empty: functions run inside this process, which is for
	// tests of the operator's own code.
	FunctionWorker []string
	// InMemory keeps records and blobs in memory. The audit log is still
	// written below the configuration's DataDir, which must exist.
	InMemory bool
}

// Server is a running Keyfront.
type Server struct {
	cfg     config.Config
	version string
	log     *slog.Logger
	clock   *clock.Clock

	state *state
	gate  *access.Gate
	// inspecting leaves identity as it is: the folder is looked at, not served.
	inspecting   bool
	rotating     sync.Mutex // held while the root key is replaced
	metrics      *metrics
	identity     *identity.Service
	keys         *keyring.Ring
	buckets      *bucket.Service
	delivery     *delivery.Service
	values       *keyvalue.Service
	parameters   *parameter.Service
	functions    *function.Pool
	functionLogs *journal.Journal
	lambda       *lambda.Service
	secrets      *secret.Service
	stacks       *stack.Service
	signers      *signer.Service
	edge         *edge.Edge

	auditReader *audit.Reader
	catalog     *catalog.Catalog
	tree        *merkle.Tree
	archive     *archive.Archive
	trails      *trail.Service

	api, viewers    listener
	apiTLS          listener
	apiCertificates *certificate.Set // nil without apiTLS
	viewersTLS      listener
	certificates    *certificate.Set // nil without viewersTLS
	verify          listener
	hop             string // the secret of the edge and the front; see hopHeader

	accessLog *accesslog.Log
	logFolder *os.Root // nil if none is configured

	background context.CancelFunc
	work       sync.WaitGroup
	failed     chan struct{}
	failOnce   sync.Once
	failure    error

	stopWithin time.Duration
}

// Start opens the data folder and the listeners and serves until Stop. When it
// fails, nothing is left running or open.
func Start(ctx context.Context, cfg config.Config, opts Options) (_ *Server, err error) {
	s := &Server{cfg: cfg, version: opts.Version, log: opts.Log, clock: clock.System(), metrics: newMetrics(), failed: make(chan struct{}), stopWithin: opts.StopWithin, hop: rand.Text()}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.TestClock {
		s.clock = clock.Movable()
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.background = cancel
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	// Listeners come first: a taken address must not leave a new data folder.
	if err := s.listen(); err != nil {
		return nil, err
	}
	if s.state, err = openState(ctx, &cfg, opts, s.log); err != nil {
		return nil, err
	}
	if err := s.state.settleRootKey(ctx); err != nil {
		return nil, err
	}
	s.openFunctions(opts.FunctionWorker)
	if err := s.openDomains(ctx); err != nil {
		return nil, err
	}
	if err := s.keepCredentials(); err != nil {
		return nil, err
	}
	if err := s.openStacks(ctx); err != nil {
		return nil, err
	}
	s.openFront()
	s.watchState()
	if err := s.openEdge(); err != nil {
		return nil, err
	}
	s.runBackground(background)
	s.serve()
	return s, nil
}

// openDomains opens the services from the ground up.
func (s *Server) openDomains(ctx context.Context) error {
	domain := func(name string) (d *sealed.Domain, err error) { return s.state.vault.Domain(ctx, name) }
	identityDomain, err := domain("identity")
	if err != nil {
		return err
	}
	keyDomain, err := domain("kms")
	if err != nil {
		return err
	}
	objectDomain, err := domain("s3")
	if err != nil {
		return err
	}
	if err := s.openIdentity(ctx, identityDomain); err != nil {
		return err
	}
	s.gate = access.NewGate(access.Config{Identities: s.identity, Record: counted{s.state.audit, s.metrics}, ErrorCode: errorCode, PolicyNames: s.identity.PolicyNames})
	s.keys, err = keyring.Open(ctx, keyring.Config{
		Records: s.state.records, Domain: keyDomain, Gate: s.gate, Clock: s.clock, Log: s.log, Principals: s.identity,
		MaxKeys: s.cfg.Keys.MaxPerRegion, Poll: followEvery, Pool: keyring.PoolSize(s.cfg.Keys.Pool),
		UseOf: func(ctx context.Context, keyARN, operation, request string, at time.Time) (string, error) {
			return s.trails.UseOf(ctx, keyARN, operation, request, at)
		},
	})
	if err != nil {
		return err
	}
	s.buckets, err = bucket.Open(ctx, bucket.Config{
		Records: s.state.records, Blobs: s.state.blobs, Keys: s.keys, Vault: objectDomain,
		Gate: s.gate, Clock: s.clock, Log: s.log, Principals: s.identity, KeyChanges: s.keys.Changes,
		SoleWriter: true, ScrubEvery: scrubEvery,
	})
	if err != nil {
		return err
	}
	if s.lambda, err = s.openLambda(ctx); err != nil {
		return err
	}
	s.secrets = secret.New(secret.Config{
		Records: s.state.records, Keys: s.keys, Gate: s.gate, Clock: s.clock, Log: s.log, Principals: s.identity,
		Functions: rotators{s.lambda},
	})
	s.parameters = parameter.New(parameter.Config{Records: s.state.records, Keys: s.keys, Gate: s.gate, Clock: s.clock, Secrets: referred{s.secrets}})
	services, err := policy.Parse(policy.UseKey, signer.GroupPolicy)
	if err != nil {
		return err
	}
	quotas, err := delivery.NewQuotas(s.cfg.Quotas)
	if err != nil {
		return err
	}
	s.delivery, err = delivery.Open(ctx, delivery.Config{
		Records: s.state.records, Gate: s.gate, Clock: s.clock, Log: s.log, EdgeDomain: s.cfg.EdgeDomain, Services: services, Quotas: quotas, Functions: edgeFunctions{s}, Pool: s.functions,
		Certificates: s.hasCertificate, Objects: imports{s.buckets},
	})
	if err != nil {
		return err
	}
	s.values = keyvalue.New(keyvalue.Config{Records: s.state.records, Gate: s.gate, Clock: s.clock})
	s.signers, err = s.openSigners(ctx)
	if err != nil {
		return err
	}
	return s.openTrails(ctx)
}

// openFront opens the doors over the domains.
func (s *Server) openFront() {
	s.api.http.Handler = front.New(front.Config{
		Identity: s.identity, Clock: s.clock, Log: s.log, Services: s.doors(s.gate),
		Open: openRoutes(s.clock, s.metrics.handler(s.cfg.MetricsToken), s.state.audit.Ready), Count: s.metrics.count, Refused: s.gate.Refused,
		Proxies: s.proxies(), Hop: s.hop, Folder: s.cfg.DataDir,
	})
	if s.apiTLS.net != nil {
		s.apiTLS.http.Handler, s.apiTLS.http.TLSConfig = s.api.http.Handler, apiTLSConfig(s.apiCertificates)
	}
}

func (s *Server) openIdentity(ctx context.Context, d *sealed.Domain) (err error) {
	configured := identity.AccessKey{ID: s.cfg.RootAccessKeyID, Secret: sealed.NewSecret([]byte(s.cfg.RootSecretAccessKey))}
	s.identity, err = identity.Open(ctx, identity.Config{
		Records: s.state.records, Domain: d, Account: arn.AccountID(s.cfg.Account), RootKey: configured, Existing: s.inspecting,
	})
	return err
}

// proxies are the servers in front of this one that are believed.
func (s *Server) proxies() forwarded.Proxies {
	p := forwarded.Proxies{Networks: s.cfg.TrustedProxies.Networks}
	if s.cfg.TrustedProxies.Header == "forwarded" {
		p.Header = forwarded.Forwarded
	}
	return p
}

// hasCertificate reports whether viewers can be shown a certificate with that ARN.
func (s *Server) hasCertificate(arn string) bool {
	return s.certificates != nil && s.certificates.Has(arn)
}

// openEdge opens the viewers' door over the control plane.
func (s *Server) openEdge() (err error) {
	if err := s.openAccessLog(); err != nil {
		return err
	}
	cfg := edge.Config{
		AccessLog: s.accessLog, AccessLogFolder: s.logFolder != nil, RedactSignatures: s.cfg.AccessLog.RedactSignatures,
		Feed: s.delivery, Functions: edgeFunctions{s}, Clock: s.clock, Log: s.log,
		Credentials:      originCredentials{s.identity, s.clock},
		Buckets:          s.ownBuckets(),
		CacheMemoryBytes: s.cfg.Cache.MemoryBytes,
		CacheDir:         s.state.cacheDir,
		CacheDiskBytes:   s.cfg.Cache.DiskBytes,
		Proxies:          s.proxies(),
		Metrics:          s.metrics.registry,
	}
	if s.viewersTLS.net != nil {
		cfg.HTTPSPort = s.viewersTLS.net.Addr().(*net.TCPAddr).Port
	}
	if s.edge, err = edge.New(cfg); err != nil {
		return err
	}
	s.viewers.http.Handler = s.edge
	if s.viewersTLS.net != nil {
		s.viewersTLS.http.Handler, s.viewersTLS.http.TLSConfig = s.edge, s.edge.TLS(s.certificates)
	}
	if s.verify.net != nil {
		s.verify.http.Handler = s.edge.Subrequests()
	}
	return nil
}

// runBackground starts the work that goes on beside requests.
func (s *Server) runBackground(ctx context.Context) {
	s.work.Go(func() { s.keys.Run(ctx) })
	s.work.Go(func() { s.lambda.Run(ctx) })
	s.work.Go(func() { s.secrets.Run(ctx) })
	s.work.Go(func() { s.identity.Run(ctx, s.log) })
	s.work.Go(func() { s.signers.Run(ctx) })
	s.work.Go(func() { s.edge.Run(ctx) })
	for _, set := range []*certificate.Set{s.apiCertificates, s.certificates} {
		if set != nil {
			s.work.Go(func() { set.Run(ctx, s.log) })
		}
	}
	s.work.Go(func() { s.settleCatalog(ctx) })
	s.work.Go(func() { s.trails.Run(ctx) })
	s.work.Go(func() { s.signCheckpoints(ctx) })
	s.work.Go(func() { s.archive.Run(ctx) })
	s.work.Go(func() { s.followStore(ctx) })
}

// followStore takes over what other nodes changed in the shared store.
func (s *Server) followStore(ctx context.Context) {
	tick := time.NewTicker(followEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if err := s.delivery.Refresh(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("state not refreshed", slog.Any("err", err))
		}
	}
}

func (s *Server) fail(err error) {
	s.failOnce.Do(func() {
		s.failure = err
		close(s.failed)
	})
}

// Failed is closed when a listener failed; Stop then returns why.
func (s *Server) Failed() <-chan struct{} { return s.failed }

// APIURL is the address of the AWS services, "http://127.0.0.1:4566".
func (s *Server) APIURL() string { return "http://" + s.api.net.Addr().String() }

// EdgeURL is the address that viewers use.
func (s *Server) EdgeURL() string { return "http://" + s.viewers.net.Addr().String() }

// APITLSURL is the address of the AWS services for https, or "".
func (s *Server) APITLSURL() string {
	if s.apiTLS.net == nil {
		return ""
	}
	return "https://" + s.apiTLS.net.Addr().String()
}

// VerifyURL is where other servers ask about viewers, or "".
func (s *Server) VerifyURL() string {
	if s.verify.net == nil {
		return ""
	}
	return "http://" + s.verify.net.Addr().String()
}

// Clock is the server's clock.
func (s *Server) Clock() *clock.Clock { return s.clock }

// RootKey is an access key of the default account's root user.
func (s *Server) RootKey() (identity.AccessKey, error) { return s.identity.RootKey() }

// Stop lets requests under way end, for a while, and closes everything.
func (s *Server) Stop() error { return errors.Join(s.failure, s.stop()) }

// finish waits for the background work. A function that an event runs may take a
// quarter of an hour: at the end of ctx it is ended, and its event stays queued.
func (s *Server) finish(ctx context.Context) {
	ended := context.AfterFunc(ctx, func() {
		if s.functions != nil {
			s.functions.Close()
		}
	})
	defer ended()
	s.work.Wait()
}

func (s *Server) stop() error {
	ctx, cancel := context.WithTimeout(context.Background(), cmp.Or(s.stopWithin, defaultStopWithin))
	defer cancel()
	// All at once, so that a busy viewer takes no time from the API.
	listeners := []*listener{&s.viewers, &s.viewersTLS, &s.verify, &s.api, &s.apiTLS}
	errs := make([]error, len(listeners))
	var closing sync.WaitGroup
	for i, l := range listeners {
		closing.Go(func() { errs[i] = l.close(ctx) })
	}
	closing.Wait()
	s.background()
	s.finish(ctx)
	if s.stacks != nil {
		s.stacks.Close()
	}
	if s.edge != nil {
		errs = append(errs, s.edge.Close())
	}
	if s.functions != nil {
		s.functions.Close()
	}
	errs = append(errs, s.closeTrails()...)
	errs = append(errs, s.closeAccessLog())
	if s.buckets != nil {
		errs = append(errs, s.buckets.Close())
	}
	if s.state != nil {
		errs = append(errs, s.state.close())
	}
	return errors.Join(errs...)
}
