package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"syscall"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/config"
	"github.com/keyfront-project/keyfront/internal/rootkey"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/sqlite"
)

type serveCmd struct {
	Config             string  `help:"Configuration file (YAML). Environment and flags win over it ($KEYFRONT_CONFIG)." placeholder:"FILE"`
	DataDir            *string `help:"Folder of all state, made if absent: ./keyfront-data ($KEYFRONT_DATA_DIR)." placeholder:"DIR"`
	APIAddr            *string `help:"Address of the AWS services: 127.0.0.1:4566 ($KEYFRONT_API_ADDR)." placeholder:"HOST:PORT"`
	APITLSAddr         *string `name:"api-tls-addr" help:"The same for https; needs apiTLS in the configuration file. Off ($KEYFRONT_API_TLS_ADDR)." placeholder:"HOST:PORT"`
	EdgeAddr           *string `help:"Address that viewers use: 127.0.0.1:8080 ($KEYFRONT_EDGE_ADDR)." placeholder:"HOST:PORT"`
	EdgeTLSAddr        *string `name:"edge-tls-addr" help:"The same for https; needs edgeTLS in the configuration file. Off ($KEYFRONT_EDGE_TLS_ADDR)." placeholder:"HOST:PORT"`
	VerifyAddr         *string `help:"Address where other servers ask whether a viewer is let in. Off ($KEYFRONT_VERIFY_ADDR)." placeholder:"HOST:PORT"`
	EdgeDomain         *string `help:"Parent of the distributions' domain names: cloudfront.localhost ($KEYFRONT_EDGE_DOMAIN)." placeholder:"DOMAIN"`
	Account            *string `help:"Default account: 000000000000 ($KEYFRONT_ACCOUNT)." placeholder:"NUMBER"`
	RootPassphraseFrom *string `help:"Keep the root key under a passphrase: prompt, env (KEYFRONT_ROOT_PASSPHRASE) or file:NAME. Off ($KEYFRONT_ROOT_PASSPHRASE_FROM)." placeholder:"SOURCE"`
	TestClock          *bool   `help:"Let POST /_keyfront/clock move the clock. For tests only ($KEYFRONT_TEST_CLOCK)."`
	MetricsToken       *string `help:"Bearer token for peers other than loopback at /_keyfront/metrics ($KEYFRONT_METRICS_TOKEN)." placeholder:"TOKEN"`
}

// Help gives examples.
func (*serveCmd) Help() string {
	return examples(
		`keyfront serve`,
		`keyfront serve --data-dir /var/lib/keyfront --edge-addr 0.0.0.0:80`,
		`keyfront serve --config /etc/keyfront.yaml`,
	)
}

// flags are those that were given, by name.
func (c *serveCmd) flags() map[string]string {
	given := map[string]string{}
	for name, value := range map[string]*string{
		"data-dir": c.DataDir, "api-addr": c.APIAddr, "api-tls-addr": c.APITLSAddr, "edge-addr": c.EdgeAddr, "edge-tls-addr": c.EdgeTLSAddr,
		"verify-addr": c.VerifyAddr, "edge-domain": c.EdgeDomain, "account": c.Account, "metrics-token": c.MetricsToken, "root-passphrase-from": c.RootPassphraseFrom,
	} {
		if value != nil {
			given[name] = *value
		}
	}
	if c.TestClock != nil {
		given["test-clock"] = strconv.FormatBool(*c.TestClock)
	}
	return given
}

// headroomBytes is memory that is reserved and never touched, so it is none of
// the process's own. The collector counts it, and so runs when about as much
// garbage has come together, not after each few hundred requests of a server
// whose keys take some megabytes.
const headroomBytes = 32 << 20

// gcPercent is what GOGC is when the environment does not say: more than Go's 100,
// since a collection among 100,000 keys goes over a million pieces of memory.
const gcPercent = 150

// Run serves until ctx ends or a listener fails.
func (c *serveCmd) Run(ctx context.Context, e env) error {
	headroom := make([]byte, headroomBytes)
	defer runtime.KeepAlive(headroom)
	if e.getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	file := c.Config
	if file == "" {
		file = e.getenv("KEYFRONT_CONFIG")
	}
	cfg, err := config.Load(file, e.getenv, c.flags())
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	log := slog.New(slog.NewTextHandler(e.stderr, nil))
	if unknown := config.UnknownVariables(os.Environ()); len(unknown) > 0 {
		log.Warn("variables that nothing reads", slog.Any("names", unknown))
	}
	if err := rootkey.Harden(); err != nil {
		log.Warn("memory is not protected from dumps and debuggers", slog.Any("err", err))
	}
	worker, err := functionWorker()
	if err != nil {
		return err
	}
	s, err := server.Start(ctx, cfg, server.Options{Version: programVersion(), Log: log, Passphrase: passphrase(e, cfg.RootPassphraseFrom), FunctionWorker: worker})
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) { // told to end before it began
		return nil
	}
	if err != nil {
		return explainStart(err, cfg)
	}
	more := ""
	if url := s.VerifyURL(); url != "" {
		more = " verify=" + url
	}
	if url := s.APITLSURL(); url != "" {
		more += " api-tls=" + url
	}
	fmt.Fprintf(e.stderr, "keyfront: ready api=%s edge=%s%s\n", s.APIURL(), s.EdgeURL(), more)
	if err := notify(e, "READY=1"); err != nil {
		log.Warn("service manager not told", slog.Any("err", err))
	}
	select {
	case <-ctx.Done():
	case <-s.Failed():
	}
	_ = notify(e, "STOPPING=1") // who could not be told before has been named
	told := time.AfterFunc(time.Second, func() {
		fmt.Fprintln(e.stderr, "keyfront: ending when the requests under way are done; Ctrl-C again ends at once")
	})
	defer told.Stop()
	return s.Stop()
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && !info.IsDir()
}

// explainStart adds to a failed start what the operator can do about it.
func explainStart(err error, cfg config.Config) error {
	hint := ""
	switch {
	case errors.Is(err, store.ErrLocked):
		hint = "another keyfront serves this data folder; stop it, or choose another --data-dir"
	case errors.Is(err, sealed.ErrWrongRootKey):
		hint = "put back the root-key file that was made with this data folder"
	case errors.Is(err, rootkey.ErrExposed):
		hint = "chmod 600 the root-key file and own it: nobody else may read it"
	case errors.Is(err, rootkey.ErrPassphrase):
		hint = "give the passphrase under which this data folder's root key was made"
	case errors.Is(err, rootkey.ErrWeak):
		hint = fmt.Sprintf("choose a passphrase of at least %d bytes", rootkey.MinPassphraseBytes)
	case errors.Is(err, rootkey.ErrMalformed):
		hint = "a root key that was made under a passphrase needs --root-passphrase-from, and one that was not does not; a damaged one must come from a copy"
	case errors.Is(err, rootkey.ErrAbsent):
		hint = "this data folder was made with a root-key file; without it nothing in it can be read"
	case errors.Is(err, sqlite.ErrNewer):
		hint = "this keyfront is older than the one that used the folder last: take that one, or a newer one"
	case errors.Is(err, server.ErrRecordsLost):
		hint = "put records.db, with records.db-wal if there is one, back from the same copy as the rest; to begin anew, choose an empty --data-dir"
	case errors.Is(err, audit.ErrTampered):
		hint = "put the audit folder back from a copy; if it is lost, keyfront audit begin makes a new one"
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		hint = "the data folder " + cfg.DataDir + " must be writable by this user"
	case errors.Is(err, syscall.EADDRINUSE):
		hint = "choose another port there; port 0 takes a free one"
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		hint = "this machine has no such address; 0.0.0.0 or [::] takes all that it has"
	case isFile(cfg.DataDir):
		hint = "--data-dir names a folder; keyfront serve makes it and all that is in it"
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, store.ErrFull):
		hint = "the disk that holds " + cfg.DataDir + " is full"
	}
	if hint == "" {
		return err
	}
	return hinted{err, hint}
}
