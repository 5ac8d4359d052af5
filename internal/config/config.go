// Package config turns a file, the environment and flags into one Config.
// Later sources win: file, then environment, then flags. A key that is unknown,
// a pair that is half set, or a setting that this version lacks is an error.
package config

import (
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit/archive"
	"github.com/keyfront-project/keyfront/internal/delivery"
)

// Config is everything that `keyfront serve` can be told. The zero value is not
// usable; start from Default.
type Config struct {
	// DataDir is the folder of all state. It is made if absent.
	DataDir string `yaml:"dataDir"`
	// APIAddr is the address of all AWS services, host:port.
	APIAddr string `yaml:"apiAddr"`
	// APITLSAddr is the same for https; empty is off. It needs APITLS.
	APITLSAddr string `yaml:"apiTLSAddr"`
	// APITLS has the certificate that callers of the AWS services are shown.
	APITLS KeyPair `yaml:"apiTLS"`
	// EdgeAddr is the address that viewers use, host:port.
	EdgeAddr string `yaml:"edgeAddr"`
	// EdgeTLSAddr is the same for https; empty is off. It needs EdgeTLS.
	EdgeTLSAddr string `yaml:"edgeTLSAddr"`
	// EdgeTLS has the viewer certificates.
	EdgeTLS ViewerTLS `yaml:"edgeTLS"`
	// VerifyAddr is where other servers ask whether a viewer is let in, host:port;
	// empty is off.
	VerifyAddr string `yaml:"verifyAddr"`
	// EdgeDomain is the parent of the distributions' own domain names.
	EdgeDomain string `yaml:"edgeDomain"`
	// Account is the default account, 12 digits.
	Account string `yaml:"account"`
	// RootPassphraseFrom says where the passphrase comes from under which the
	// root key is kept: "prompt", "env" (KEYFRONT_ROOT_PASSPHRASE) or
	// "file:NAME". Empty keeps the root key in a file without one.
	RootPassphraseFrom string `yaml:"rootPassphraseFrom"`
	// TestClock lets anyone who reaches the API address move the clock.
	TestClock bool `yaml:"testClock"`
	// MetricsToken lets peers other than loopback read the metrics; empty lets none.
	MetricsToken string `yaml:"metricsToken"`
	// S3Domains are further domains that serve buckets in virtual-host style.
	S3Domains []string `yaml:"s3Domains"`
	// Keys bounds the key service.
	Keys Keys `yaml:"keys"`
	// Trails says when CloudTrail delivers.
	Trails Trails `yaml:"trails"`
	// Audit says where the audit log goes.
	Audit Audit `yaml:"audit"`
	// Cache bounds what the edge keeps.
	Cache Cache `yaml:"cache"`
	// Quotas change what an account may have of CloudFront's resources; the
	// names are those of delivery.NewQuotas. Default: AWS's quotas.
	Quotas map[string]int `yaml:"quotas"`
	// AccessLog is where access logs go beside the distributions' own buckets.
	AccessLog AccessLog `yaml:"accessLog"`
	// TrustedProxies name the viewers and callers behind them.
	TrustedProxies TrustedProxies `yaml:"trustedProxies"`
	// Functions bounds what functions may do.
	Functions Functions `yaml:"functions"`

	// RootAccessKeyID and RootSecretAccessKey, set together, are the root user's
	// access key. They come from the environment only.
	RootAccessKeyID     string `yaml:"-"`
	RootSecretAccessKey string `yaml:"-"`
}

// KeyPair is a certificate, and behind it those that lead to its root, and its
// private key: PEM files, both or neither.
type KeyPair struct {
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
}

// ViewerTLS has the certificates that viewers are shown: the one whose ARN the
// distribution names, else the first that is good for the name the viewer asks
// for, else the first.
type ViewerTLS struct {
	// CertFile and KeyFile are PEM files, both or neither, and ARN is the name
	// that distributions may ask for them by, or empty.
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
	ARN      string `yaml:"arn"`
	// More are further ones.
	More []Certificate `yaml:"more"`
}

// Certificate is a pair of PEM files, and what distributions call it.
type Certificate struct {
	CertFile string `yaml:"certFile"`
	KeyFile  string `yaml:"keyFile"`
	ARN      string `yaml:"arn"`
}

// All lists the certificates, none or at least one.
func (t *ViewerTLS) All() []Certificate {
	if t.CertFile == "" {
		return nil
	}
	return append([]Certificate{{t.CertFile, t.KeyFile, t.ARN}}, t.More...)
}

func (t *ViewerTLS) check() error {
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return errors.New("edgeTLS needs both certFile and keyFile")
	case t.CertFile == "" && (len(t.More) > 0 || t.ARN != ""):
		return errors.New("edgeTLS.more and edgeTLS.arn need edgeTLS.certFile and edgeTLS.keyFile")
	}
	for _, c := range t.More {
		if c.CertFile == "" || c.KeyFile == "" {
			return errors.New("edgeTLS.more needs both certFile and keyFile in each entry")
		}
	}
	for _, c := range t.All() {
		if a, err := arn.Parse(c.ARN); c.ARN != "" && (err != nil || a.Service != "acm" || a.Region != "us-east-1") {
			return fmt.Errorf("edgeTLS has the arn %q, which is none of a certificate in us-east-1: arn:aws:acm:us-east-1:<account>:certificate/<id>", c.ARN)
		}
	}
	return nil
}

// Keys bounds the key service.
type Keys struct {
	// MaxPerRegion is how many keys of its own an account may have in a region.
	// They are held in memory, about 2.5 KiB each. Default 100,000, the quota of AWS.
	MaxPerRegion int `yaml:"maxPerRegion"`
	// Pool is how many RSA key pairs are kept ready.
	Pool KeyPool `yaml:"pool"`
}

// KeyPool is how many RSA key pairs of each size are made in idle time and kept:
// so many in memory and as many more, encrypted, in the store. A call that finds
// none waits while one is made. Each is from 0 to 1,000; default 4, 1 and 1.
type KeyPool struct {
	RSA2048 int `yaml:"rsa2048"`
	RSA3072 int `yaml:"rsa3072"`
	RSA4096 int `yaml:"rsa4096"`
}

func (p KeyPool) check() error {
	const most = 1000
	for _, size := range []struct {
		name string
		n    int
	}{{"rsa2048", p.RSA2048}, {"rsa3072", p.RSA3072}, {"rsa4096", p.RSA4096}} {
		if size.n < 0 || size.n > most {
			return fmt.Errorf("keys.pool.%s %d is not between 0 and %d", size.name, size.n, most)
		}
	}
	return nil
}

// Trails says when trails deliver to their buckets.
type Trails struct {
	// DeliverEvery is the time between two log files, such as "5m". Default 5
	// minutes, at least a second.
	DeliverEvery Duration `yaml:"deliverEvery"`
	// DigestEvery is the time between two digests. Default one hour, at least a
	// second.
	DigestEvery Duration `yaml:"digestEvery"`
}

// Audit says how long the audit log stays on this machine, and where it goes.
type Audit struct {
	// SegmentBytes is the size with which a file of the log is full. Default 64
	// MiB, from 64 KiB to 1 GiB.
	SegmentBytes int64 `yaml:"segmentBytes"`
	// KeepFor is how long a file stays on this machine after it was full, such as
	// "2160h". It needs Archive, and is at least an hour. Default 0: for ever.
	KeepFor Duration `yaml:"keepFor"`
	// Archive is where files go when they are full.
	Archive AuditArchive `yaml:"archive"`
}

// AuditArchive is a bucket of this server that gets the audit log's full files.
type AuditArchive struct {
	// Bucket is its name. Empty: files go nowhere.
	Bucket string `yaml:"bucket"`
	// Prefix begins the objects' keys; with a folder, it ends in a slash. It has at
	// most 200 characters.
	Prefix string `yaml:"prefix"`
	// KMSKeyID is the ARN or alias of the key that encrypts them; empty leaves
	// that to the bucket.
	KMSKeyID string `yaml:"kmsKeyId"`
}

func (a *Audit) check() error {
	switch to := &a.Archive; {
	case a.SegmentBytes < archive.MinSegmentBytes || a.SegmentBytes > 1<<30:
		return fmt.Errorf("audit.segmentBytes %d is not between 64 KiB and 1 GiB", a.SegmentBytes)
	case to.Bucket == "" && (to.Prefix != "" || to.KMSKeyID != ""):
		return errors.New("audit.archive.prefix and audit.archive.kmsKeyId need audit.archive.bucket")
	case to.Bucket == "" && a.KeepFor != 0:
		return errors.New("audit.keepFor needs audit.archive.bucket: no record is removed that is not kept elsewhere")
	case a.KeepFor != 0 && a.KeepFor < Duration(time.Hour):
		return fmt.Errorf("audit.keepFor %v is less than an hour", a.KeepFor)
	case len(to.Prefix) > 200 || strings.HasPrefix(to.Prefix, "/"):
		return fmt.Errorf("audit.archive.prefix %.200q begins with a slash or has more than 200 characters", to.Prefix)
	}
	return nil
}

// Cache bounds the edge's cache.
type Cache struct {
	// MemoryBytes bounds the bodies kept in memory. Default 256 MiB.
	MemoryBytes int64 `yaml:"memoryBytes"`
	// DiskBytes bounds the bodies kept in files. Default 10 GiB.
	DiskBytes int64 `yaml:"diskBytes"`
}

// Functions bounds what functions may do.
type Functions struct {
	// Workers is how many of them run at one time, each in a process of its own,
	// of about 15 MiB. Default 32.
	Workers int `yaml:"workers"`
	// Events is how many invocations of one account wait that nobody waits for, of
	// at most 256 KiB each. Default 10,000.
	Events int `yaml:"events"`
	// Hosts are the names that functions may send requests to, beside the AWS
	// names that live on this server: "api.example.com", "*.example.com",
	// "example.com:8443". None: no others. Names lead to public addresses only,
	// but for localhost.
	Hosts []string `yaml:"hosts"`
	// PrivateHosts are like Hosts, and may lead to your own network and to this
	// machine, though to no link-local address.
	PrivateHosts []string `yaml:"privateHosts"`
}

func (f *Functions) check() error {
	if f.Workers < 1 {
		return fmt.Errorf("functions.workers %d is less than 1", f.Workers)
	}
	if f.Events < 1 {
		return fmt.Errorf("functions.events %d is less than 1", f.Events)
	}
	if err := checkHosts("hosts", f.Hosts); err != nil {
		return err
	}
	return checkHosts("privateHosts", f.PrivateHosts)
}

func checkHosts(setting string, hosts []string) error {
	for _, h := range hosts {
		name, port, hasPort := strings.Cut(strings.TrimPrefix(h, "*."), ":")
		if !isDomain(strings.ToLower(name)) || hasPort && !isPort(port) {
			return fmt.Errorf("functions.%s has %q, which is none of example.com, *.example.com and example.com:8443", setting, h)
		}
	}
	return nil
}

// AccessLog is where the access logs of all distributions go.
type AccessLog struct {
	// Folder is made if absent. Empty: only the buckets of distributions that log.
	Folder string `yaml:"folder"`
	// RedactSignatures keeps signatures of URLs and cookies out of all logs, so
	// that who reads them cannot use them. CloudFront logs them.
	RedactSignatures bool `yaml:"redactSignatures"`
}

// TrustedProxies are the servers in front of the edge and of the AWS services
// whose word counts on who asks and whether it came by https.
type TrustedProxies struct {
	// Networks are their addresses, such as "10.0.0.0/8". None: nobody is trusted.
	Networks Networks `yaml:"networks"`
	// Header is where they say it: "x-forwarded-for", which goes with
	// X-Forwarded-Proto, or "forwarded" (RFC 7239). Empty is "x-forwarded-for"; it
	// needs Networks.
	Header string `yaml:"header"`
}

func (p *TrustedProxies) check() error {
	switch {
	case p.Header != "" && len(p.Networks) == 0:
		return errors.New("trustedProxies.header needs trustedProxies.networks: nobody is trusted")
	case p.Header != "" && p.Header != "x-forwarded-for" && p.Header != "forwarded":
		return fmt.Errorf("trustedProxies.header %q is neither x-forwarded-for nor forwarded", p.Header)
	}
	return nil
}

// Default is the configuration of `keyfront serve` without any setting.
func Default() Config {
	return Config{
		DataDir:    "./keyfront-data",
		APIAddr:    "127.0.0.1:4566",
		EdgeAddr:   "127.0.0.1:8080",
		EdgeDomain: "cloudfront.localhost",
		Account:    "000000000000",
		Keys:       Keys{MaxPerRegion: 100_000, Pool: KeyPool{RSA2048: 4, RSA3072: 1, RSA4096: 1}},
		Trails:     Trails{DeliverEvery: Duration(5 * time.Minute), DigestEvery: Duration(time.Hour)},
		Audit:      Audit{SegmentBytes: 64 << 20},
		Cache:      Cache{MemoryBytes: 256 << 20, DiskBytes: 10 << 30},
		Functions:  Functions{Workers: 32, Events: 10_000},
	}
}

// Setting is one value that the environment and a flag can set.
type Setting struct {
	// Flag is the flag's name without dashes; the variable is KEYFRONT_ and the
	// name in capitals with underscores.
	Flag string
	set  func(c *Config, value string) error
}

// Env is the name of the environment variable.
func (s Setting) Env() string {
	return "KEYFRONT_" + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_"))
}

// Settings lists them all.
func Settings() []Setting {
	text := func(field func(*Config) *string) func(*Config, string) error {
		return func(c *Config, v string) error { *field(c) = v; return nil }
	}
	return []Setting{
		{"data-dir", text(func(c *Config) *string { return &c.DataDir })},
		{"api-addr", text(func(c *Config) *string { return &c.APIAddr })},
		{"api-tls-addr", text(func(c *Config) *string { return &c.APITLSAddr })},
		{"edge-addr", text(func(c *Config) *string { return &c.EdgeAddr })},
		{"edge-tls-addr", text(func(c *Config) *string { return &c.EdgeTLSAddr })},
		{"verify-addr", text(func(c *Config) *string { return &c.VerifyAddr })},
		{"edge-domain", text(func(c *Config) *string { return &c.EdgeDomain })},
		{"account", text(func(c *Config) *string { return &c.Account })},
		{"root-passphrase-from", text(func(c *Config) *string { return &c.RootPassphraseFrom })},
		{"metrics-token", text(func(c *Config) *string { return &c.MetricsToken })},
		{"test-clock", func(c *Config, v string) error {
			on, err := strconv.ParseBool(v)
			if err != nil {
				return fmt.Errorf("%q is neither true nor false", v)
			}
			c.TestClock = on
			return nil
		}},
	}
}

// UnknownVariables are the names in environ, of os.Environ's form, that look like
// ours and that nothing reads. Kubernetes sets KEYFRONT_PORT… and
// KEYFRONT_SERVICE_… by itself where a service is called keyfront.
func UnknownVariables(environ []string) (unknown []string) {
	known := []string{"KEYFRONT_CONFIG", "KEYFRONT_ROOT_PASSPHRASE", "KEYFRONT_ROOT_ACCESS_KEY_ID", "KEYFRONT_ROOT_SECRET_ACCESS_KEY"}
	for _, s := range Settings() {
		known = append(known, s.Env())
	}
	for _, pair := range environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, "KEYFRONT_") && !slices.Contains(known, name) &&
			!strings.HasPrefix(name, "KEYFRONT_PORT") && !strings.HasPrefix(name, "KEYFRONT_SERVICE_") {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	return unknown
}

// Load builds the configuration. file is a YAML file, or empty; getenv is
// os.Getenv; flags holds the flags that were given, by name.
func Load(file string, getenv func(string) string, flags map[string]string) (Config, error) {
	c := Default()
	if file != "" {
		if err := c.readFile(file); err != nil {
			return Config{}, err
		}
	}
	for _, s := range Settings() {
		if v := getenv(s.Env()); v != "" {
			if err := s.set(&c, v); err != nil {
				return Config{}, fmt.Errorf("%s: %w", s.Env(), err)
			}
		}
		if v, ok := flags[s.Flag]; ok {
			if err := s.set(&c, v); err != nil {
				return Config{}, fmt.Errorf("--%s: %w", s.Flag, err)
			}
		}
	}
	c.RootAccessKeyID = getenv("KEYFRONT_ROOT_ACCESS_KEY_ID")
	c.RootSecretAccessKey = getenv("KEYFRONT_ROOT_SECRET_ACCESS_KEY")
	return c, c.Check()
}

// Check reports the first setting that cannot be obeyed, by name.
func (c *Config) Check() error {
	for _, part := range []interface{ check() error }{&c.EdgeTLS, &c.Audit, &c.Keys.Pool, &c.TrustedProxies, &c.Functions} {
		if err := part.check(); err != nil {
			return err
		}
	}
	switch {
	case c.DataDir == "":
		return errors.New("data-dir is empty")
	case !isDomain(c.EdgeDomain):
		return fmt.Errorf("edge-domain %q is not a lower-case domain name", c.EdgeDomain)
	case len(c.Account) != 12 || strings.Trim(c.Account, "0123456789") != "":
		return fmt.Errorf("account %q is not a number of 12 digits (in a file, in quotes: it may begin with 0)", c.Account)
	case (c.APITLS.CertFile == "") != (c.APITLS.KeyFile == ""):
		return errors.New("apiTLS needs both certFile and keyFile")
	case c.APITLSAddr != "" && c.APITLS.CertFile == "":
		return errors.New("api-tls-addr needs a certificate: set apiTLS.certFile and apiTLS.keyFile in the configuration file")
	case c.APITLSAddr == "" && c.APITLS.CertFile != "":
		return errors.New("apiTLS is set, but api-tls-addr is not")
	case c.EdgeTLSAddr != "" && c.EdgeTLS.CertFile == "":
		return errors.New("edge-tls-addr needs a certificate: set edgeTLS.certFile and edgeTLS.keyFile in the configuration file")
	case c.EdgeTLSAddr == "" && c.EdgeTLS.CertFile != "":
		return errors.New("edgeTLS is set, but edge-tls-addr is not")
	case c.RootPassphraseFrom != "" && c.RootPassphraseFrom != "prompt" && c.RootPassphraseFrom != "env" &&
		!(strings.HasPrefix(c.RootPassphraseFrom, "file:") && len(c.RootPassphraseFrom) > len("file:")):
		return fmt.Errorf("root-passphrase-from %q is none of prompt, env and file:NAME", c.RootPassphraseFrom)
	case (c.RootAccessKeyID == "") != (c.RootSecretAccessKey == ""):
		return errors.New("set KEYFRONT_ROOT_ACCESS_KEY_ID and KEYFRONT_ROOT_SECRET_ACCESS_KEY together, or neither")
	case c.Keys.MaxPerRegion < 1:
		return fmt.Errorf("keys.maxPerRegion %d is less than 1", c.Keys.MaxPerRegion)
	case c.Trails.DeliverEvery < Duration(time.Second):
		return fmt.Errorf("trails.deliverEvery %v is less than a second", c.Trails.DeliverEvery)
	case c.Trails.DigestEvery < Duration(time.Second):
		return fmt.Errorf("trails.digestEvery %v is less than a second", c.Trails.DigestEvery)
	case c.Cache.MemoryBytes < 1<<20:
		return fmt.Errorf("cache.memoryBytes %d is less than 1 MiB", c.Cache.MemoryBytes)
	case c.Cache.DiskBytes < 1<<20:
		return fmt.Errorf("cache.diskBytes %d is less than 1 MiB", c.Cache.DiskBytes)
	}
	if _, err := delivery.NewQuotas(c.Quotas); err != nil {
		return fmt.Errorf("quotas: %w", err)
	}
	for _, d := range c.S3Domains {
		if !isDomain(d) {
			return fmt.Errorf("s3Domains has %q, which is not a lower-case domain name", d)
		}
	}
	return c.checkAddresses()
}

func (c *Config) checkAddresses() error {
	for _, a := range []struct {
		name, addr string
		optional   bool
	}{
		{"api-addr", c.APIAddr, false},
		{"api-tls-addr", c.APITLSAddr, true},
		{"edge-addr", c.EdgeAddr, false},
		{"edge-tls-addr", c.EdgeTLSAddr, true},
		{"verify-addr", c.VerifyAddr, true},
	} {
		if a.addr == "" && a.optional {
			continue
		}
		if _, port, err := net.SplitHostPort(a.addr); err != nil || !isPort(port) {
			return fmt.Errorf("%s %q is not host:port", a.name, a.addr)
		}
	}
	return nil
}

// isDomain reports whether s can be a domain name, in lower case.
func isDomain(s string) bool {
	return s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-_.") == "" &&
		!strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".") && !strings.Contains(s, "..")
}

// isPort reports whether s is the number of a port.
func isPort(s string) bool {
	_, err := strconv.ParseUint(s, 10, 16)
	return err == nil
}
