package config_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/config"
)

func file(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "keyfront.yaml")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func env(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestLaterSourcesWin(t *testing.T) {
	name := file(t, "apiAddr: 127.0.0.1:1\nedgeAddr: 127.0.0.1:1\nedgeDomain: a.example\ncache:\n  memoryBytes: 2097152\n")
	got, err := config.Load(name,
		env("KEYFRONT_API_ADDR", "127.0.0.1:2", "KEYFRONT_EDGE_ADDR", "127.0.0.1:2", "KEYFRONT_TEST_CLOCK", "1"),
		map[string]string{"edge-addr": "127.0.0.1:3"})
	if err != nil {
		t.Fatal(err)
	}
	want := config.Default()
	want.APIAddr, want.EdgeAddr, want.EdgeDomain = "127.0.0.1:2", "127.0.0.1:3", "a.example"
	want.TestClock, want.Cache.MemoryBytes = true, 2<<20
	if !equal(got, want) {
		t.Errorf("Load = %+v, want %+v", got, want)
	}
}

func TestTrustedProxies(t *testing.T) {
	got, err := config.Load(file(t, "trustedProxies:\n  networks: [10.0.0.0/8, \"fd00::/8\"]\n  header: forwarded\n"), env(), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	if p := got.TrustedProxies; !slices.Equal([]netip.Prefix(p.Networks), want) || p.Header != "forwarded" {
		t.Errorf("TrustedProxies = %+v, want %v by forwarded", p, want)
	}
}

func TestDurationsAndHosts(t *testing.T) {
	got, err := config.Load(file(t, "trails: {deliverEvery: 90s}\nfunctions:\n  hosts: [api.example.com, \"*.Example.com\", \"api.example.com:8443\"]\ns3Domains: [s3.example.com]\n"), env(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got.Trails.DeliverEvery != config.Duration(90*time.Second) || got.Trails.DigestEvery != config.Duration(time.Hour) || len(got.Functions.Hosts) != 3 {
		t.Errorf("Load = %v and %v, want 1m30s and 1h", got.Trails, got.Functions.Hosts)
	}
}

// A file that sets nothing, such as one with all of its lines commented out, is
// like none.
func TestKeysWithoutValues(t *testing.T) {
	for _, text := range []string{"", "\n", "# dataDir: x\n", "---\n", "---\n# nothing\n...\n", "{}\n", "cache:\n  # memoryBytes: 1\naudit:\n  archive:\ntrails:\ndataDir:\n", "~\n", "\ufeff# a mark\n", "trails:\n", "audit:\n  archive:\n"} {
		got, err := config.Load(file(t, text), env(), nil)
		if err != nil || !reflect.DeepEqual(got, config.Default()) {
			t.Errorf("Load of %q = %+v, %v, want the defaults", text, got, err)
		}
	}
}

func equal(a, b config.Config) bool {
	if len(a.S3Domains) != 0 || len(b.S3Domains) != 0 {
		return false
	}
	a.S3Domains, b.S3Domains = nil, nil
	return a.DataDir == b.DataDir && a.APIAddr == b.APIAddr && a.EdgeAddr == b.EdgeAddr && a.EdgeDomain == b.EdgeDomain &&
		a.TestClock == b.TestClock && a.Cache == b.Cache && a.Account == b.Account
}

func TestWhatCannotBeObeyedIsNamed(t *testing.T) {
	tests := []struct {
		name, file string
		env        []string
		flags      map[string]string
		want       string
	}{
		{name: "unknown key", file: "apiAdr: x\n", want: "apiAdr"},
		{name: "unknown nested key", file: "cache:\n  bytes: 1\n", want: "bytes"},
		{name: "half a certificate", file: "edgeTLS:\n  certFile: a.pem\n", want: "certFile and keyFile"},
		{name: "more certificates without the first", file: "edgeTLS:\n  more: [{certFile: a.pem, keyFile: a.key}]\n", want: "need edgeTLS.certFile"},
		{name: "half of a further certificate", file: "edgeTLS:\n  certFile: a.pem\n  keyFile: a.key\n  more: [{certFile: b.pem}]\n", want: "in each entry"},
		{name: "certificate of another service", file: "edgeTLS:\n  certFile: a.pem\n  keyFile: a.key\n  arn: arn:aws:iam::1:server-certificate/a\n", want: "edgeTLS has the arn"},
		{name: "https without a certificate", flags: map[string]string{"edge-tls-addr": "127.0.0.1:8443"}, want: "certificate"},
		{name: "half a certificate of the API", file: "apiTLS:\n  certFile: a.pem\n", want: "apiTLS needs both"},
		{name: "API by https without a certificate", flags: map[string]string{"api-tls-addr": "127.0.0.1:8443"}, want: "apiTLS.certFile"},
		{name: "certificate of an API without https", file: "apiTLS:\n  certFile: a.pem\n  keyFile: a.key\n", want: "api-tls-addr is not"},
		{name: "API address for https", file: "apiTLSAddr: localhost\napiTLS:\n  certFile: a.pem\n  keyFile: a.key\n", want: "api-tls-addr \"localhost\""},
		{name: "half a root key", env: []string{"KEYFRONT_ROOT_ACCESS_KEY_ID", "AKIA"}, want: "together"},
		{name: "verify address", flags: map[string]string{"verify-addr": "localhost"}, want: "verify-addr"},
		{name: "passphrase", flags: map[string]string{"root-passphrase-from": "file:"}, want: "root-passphrase-from"},
		{name: "account", flags: map[string]string{"account": "12"}, want: "account"},
		{name: "address", env: []string{"KEYFRONT_API_ADDR", "localhost"}, want: "api-addr"},
		{name: "clock", env: []string{"KEYFRONT_TEST_CLOCK", "perhaps"}, want: "KEYFRONT_TEST_CLOCK"},
		{name: "domain", flags: map[string]string{"edge-domain": "A.example:80"}, want: "edge-domain"},
		{name: "no keys", file: "keys:\n  maxPerRegion: 0\n", want: "keys.maxPerRegion"},
		{name: "fewer than no pairs", file: "keys:\n  pool: {rsa3072: -1}\n", want: "keys.pool.rsa3072"},
		{name: "too many pairs", file: "keys:\n  pool: {rsa4096: 1001}\n", want: "keys.pool.rsa4096"},
		{name: "unknown quota", file: "quotas:\n  distribution: 5\n", want: `quotas: there is no quota "distribution"`},
		{name: "quota of nothing", file: "quotas:\n  aliases: 0\n", want: "aliases"},
		{name: "no cache", file: "cache:\n  memoryBytes: 0\n", want: "memoryBytes"},
		{name: "proxies", file: "trustedProxies:\n  networks: [10.0.0.1]\n", want: `[2:14] "10.0.0.1": want a network`},
		{name: "proxies alone", file: "trustedProxies:\n  networks: 10.0.0.0/8\n", want: `[2:13] "10.0.0.0/8": want a list`},
		{name: "proxies' header", file: "trustedProxies:\n  networks: [10.0.0.0/8]\n  header: x-real-ip\n", want: "trustedProxies.header"},
		{name: "header of no proxies", file: "trustedProxies:\n  header: forwarded\n", want: "needs trustedProxies.networks"},
		{name: "duration", file: "account: \"000000000000\"\ntrails:\n  deliverEvery: 5x\n", want: `[3:17] "5x": want a duration`},
		{name: "duration without a unit", file: "trails:\n  digestEvery: 5\n", want: `[2:16] "5": want a duration`},
		{name: "duration that is a list", file: "audit:\n  keepFor: [1h]\n", want: "[2:12] "},
		{name: "type", file: "dataDir: a\nkeys:\n  maxPerRegion: many\n", want: "[3:17] "},
		{name: "number for a switch", file: "testClock: 7\n", want: `[1:12] "7": want true or false`},
		{name: "unit", file: "cache:\n  memoryBytes: 1GiB\n", want: `[2:16] "1GiB": want a whole number`},
		{name: "part of a worker", file: "functions:\n  workers: 1.5\n", want: `[2:12] "1.5": want a whole number`},
		{name: "more workers than can be counted", file: "functions:\n  workers: 99999999999999999999\n", want: `[2:12] "99999999999999999999": the number is too large`},
		{name: "endless", file: "cache:\n  diskBytes: .inf\n", want: `[2:14] ".inf": want a whole number`},
		{name: "list for a text", file: "dataDir: [a]\n", want: "want a text"},
		{name: "unknown key without a value", file: "cache:\n  # none\nlogLevel:\n", want: "logLevel"},
		{name: "account that YAML takes for a number", file: "account: 000000000001\n", want: "in quotes"},
		{name: "key twice", file: "dataDir: a\ndataDir: b\n", want: "[2:1] "},
		{name: "two documents", file: "dataDir: a\n---\nedgeDomain: b.example\n", want: "more than one document"},
		{name: "S3 domain", file: "s3Domains: [\"https://s3.example\"]\n", want: "s3Domains"},
		{name: "functions' events", file: "functions:\n  events: -1\n", want: "functions.events"},
		{name: "functions' host", file: "functions:\n  hosts: [\"https://api.example.com\"]\n", want: "functions.hosts"},
		{name: "functions' private host", file: "functions:\n  privateHosts: [\"http://db\"]\n", want: "functions.privateHosts"},
		{name: "functions' port", file: "functions:\n  hosts: [\"api.example.com:https\"]\n", want: "functions.hosts"},
		{name: "port", flags: map[string]string{"edge-addr": "127.0.0.1:99999"}, want: "edge-addr"},
		{name: "small log files", file: "audit:\n  segmentBytes: 65535\n", want: "audit.segmentBytes"},
		{name: "huge log files", file: "audit:\n  segmentBytes: 1073741825\n", want: "audit.segmentBytes"},
		{name: "records removed and kept nowhere", file: "audit:\n  keepFor: 2160h\n", want: "audit.keepFor needs audit.archive.bucket"},
		{name: "records removed at once", file: "audit:\n  keepFor: 59m\n  archive: {bucket: record}\n", want: "audit.keepFor"},
		{name: "archive's prefix alone", file: "audit:\n  archive: {prefix: log/}\n", want: "need audit.archive.bucket"},
		{name: "archive's key alone", file: "audit:\n  archive: {kmsKeyId: alias/record}\n", want: "need audit.archive.bucket"},
		{name: "archive's prefix", file: "audit:\n  archive: {bucket: record, prefix: /log}\n", want: "audit.archive.prefix"},
		{name: "not YAML", file: "{{{{", want: "configuration file"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := ""
			if tt.file != "" {
				name = file(t, tt.file)
			}
			_, err := config.Load(name, env(tt.env...), tt.flags)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Load = %v, want an error with %q", err, tt.want)
			}
		})
	}
	if _, err := config.Load("no/such/file.yaml", env(), nil); err == nil || !strings.Contains(err.Error(), "does not exist") {
		t.Errorf("Load of an absent file = %v", err)
	}
}

func TestUnknownVariables(t *testing.T) {
	got := config.UnknownVariables([]string{
		"PATH=/bin", "KEYFRONT_DATADIR=x", "KEYFRONT_DATA_DIR=x", "KEYFRONT_CONFIG=", "KEYFRONT_ROOT_PASSPHRASE=x", "KEYFRONT_API_ADDRESS=y",
		"KEYFRONT_SERVICE_HOST=10.0.0.1", "KEYFRONT_PORT_4566_TCP=tcp://10.0.0.1:4566", "KEYFRONT_PORT=tcp://10.0.0.1:4566",
	})
	if want := []string{"KEYFRONT_API_ADDRESS", "KEYFRONT_DATADIR"}; !slices.Equal(got, want) {
		t.Errorf("UnknownVariables = %v, want %v", got, want)
	}
}

func TestEverySettingHasAVariable(t *testing.T) {
	for _, s := range config.Settings() {
		if want := "KEYFRONT_" + strings.ToUpper(strings.ReplaceAll(s.Flag, "-", "_")); s.Env() != want {
			t.Errorf("Env of %s = %s, want %s", s.Flag, s.Env(), want)
		}
	}
}
