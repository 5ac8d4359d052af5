package edge_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/certificate"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// issued writes a self-signed certificate for names into dir.
func issued(t *testing.T, dir, arn string, names ...string) certificate.Files {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: names, NotAfter: time.Now().Add(time.Hour)}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	f := certificate.Files{Cert: filepath.Join(dir, names[0]+".pem"), Key: filepath.Join(dir, names[0]+".key"), ARN: arn}
	for name, block := range map[string]*pem.Block{f.Cert: {Type: "CERTIFICATE", Bytes: cert}, f.Key: {Type: "PRIVATE KEY", Bytes: der}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return f
}

func TestViewerTLS(t *testing.T) {
	const bound = "arn:aws:acm:us-east-1:000000000000:certificate/bound"
	named := func(id, name string, edit func(*delivery.Distribution)) *delivery.Distribution {
		d := distribution("http://127.0.0.1:1")
		d.ID, d.DomainName, d.Aliases, d.HTTP2 = delivery.DistributionID(id), id+".cloudfront.localhost", []string{name}, true
		edit(d)
		return d
	}
	policy := func(arn, security string) func(*delivery.Distribution) {
		return func(d *delivery.Distribution) {
			d.Certificate = delivery.ViewerCertificate{ARN: arn, Security: security}
		}
	}
	w := newWorld(t, newFeed(
		named("plain", "plain.example", func(*delivery.Distribution) {}),
		named("other", "other.example", func(*delivery.Distribution) {}),
		named("old", "old.example", func(d *delivery.Distribution) { d.HTTP2 = false }),
		named("strict", "strict.example", policy(bound, "TLSv1.3_2025")),
		named("modern", "modern.example", policy(bound, "TLSv1.2_2021")),
		named("lax", "lax.example", policy(bound, "TLSv1")),
		named("lost", "lost.example", policy(bound+"-lost", "TLSv1.2_2021")),
	))
	dir := t.TempDir()
	set, err := certificate.Open([]certificate.Files{
		issued(t, dir, "", "first.example"), issued(t, dir, bound, "bound.example"), issued(t, dir, "", "*.example"),
	})
	if err != nil {
		t.Fatal(err)
	}
	s := &http.Server{Handler: w.edge, TLSConfig: w.edge.TLS(set), ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	edge.Bound(s)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan struct{})
	go func() { s.ServeTLS(l, "", ""); close(served) }()
	t.Cleanup(func() { s.Close(); <-served })

	cbc := []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA}
	for _, tt := range []struct {
		sni     string
		most    uint16
		suites  []uint16
		cert    string // first name in it; empty: no handshake
		version uint16
		proto   string
	}{
		{"plain.example", 0, nil, "*.example", tls.VersionTLS13, "h2"},
		{"plain.example", tls.VersionTLS12, nil, "*.example", tls.VersionTLS12, "h2"},
		{"plain.example", tls.VersionTLS11, nil, "", 0, ""},
		{"first.example", 0, nil, "first.example", tls.VersionTLS13, "h2"},
		{"nobody.test", 0, nil, "first.example", tls.VersionTLS13, "h2"},
		{"", 0, nil, "first.example", tls.VersionTLS13, "h2"},
		{"old.example", 0, nil, "*.example", tls.VersionTLS13, "http/1.1"},
		{"strict.example", 0, nil, "bound.example", tls.VersionTLS13, "h2"},
		{"strict.example", tls.VersionTLS12, nil, "", 0, ""},
		{"modern.example", tls.VersionTLS12, nil, "bound.example", tls.VersionTLS12, "h2"},
		{"modern.example", tls.VersionTLS12, cbc, "", 0, ""},
		{"modern.example", tls.VersionTLS11, nil, "", 0, ""},
		{"lax.example", tls.VersionTLS12, cbc, "bound.example", tls.VersionTLS12, "h2"},
		{"lax.example", tls.VersionTLS10, nil, "bound.example", tls.VersionTLS10, "h2"},
		{"lost.example", 0, nil, "", 0, ""},
	} {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{
			ServerName: tt.sni, MinVersion: tls.VersionTLS10, MaxVersion: tt.most, CipherSuites: tt.suites,
			NextProtos: []string{"h2", "http/1.1"}, InsecureSkipVerify: true,
		})
		if err != nil {
			if tt.cert != "" {
				t.Errorf("%q up to %s: %v", tt.sni, tls.VersionName(tt.most), err)
			}
			continue
		}
		got := c.ConnectionState()
		if cert := got.PeerCertificates[0].DNSNames[0]; cert != tt.cert || got.Version != tt.version || got.NegotiatedProtocol != tt.proto {
			t.Errorf("%q up to %s: %s, %s, %s", tt.sni, tls.VersionName(tt.most), cert, tls.VersionName(got.Version), got.NegotiatedProtocol)
		}
		c.Close()
	}

	// The name in the handshake does not choose another distribution's terms.
	for _, tt := range []struct {
		sni, host string
		protos    []string
		misled    bool
	}{
		{"plain.example", "plain.example", []string{"h2"}, false},
		{"plain.example", "other.example", []string{"h2"}, false},
		{"nobody.test", "other.example", []string{"http/1.1"}, false},
		{"plain.example", "old.example", []string{"h2"}, true},
		{"plain.example", "strict.example", []string{"http/1.1"}, true},
		{"lax.example", "strict.example", []string{"http/1.1"}, true},
		{"lax.example", "plain.example", []string{"http/1.1"}, true},
		{"", "strict.example", []string{"http/1.1"}, true},
		{"strict.example", "strict.example", []string{"http/1.1"}, false},
	} {
		protocols := new(http.Protocols)
		protocols.SetHTTP1(slices.Contains(tt.protos, "http/1.1"))
		protocols.SetHTTP2(slices.Contains(tt.protos, "h2"))
		tr := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{ServerName: tt.sni, InsecureSkipVerify: true}}
		req, err := http.NewRequest("GET", "https://"+l.Addr().String()+"/", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = tt.host
		resp, err := tr.RoundTrip(req)
		if err != nil {
			t.Fatalf("%s by %s: %v", tt.host, tt.sni, err)
		}
		resp.Body.Close()
		tr.CloseIdleConnections()
		if misled := resp.StatusCode == http.StatusMisdirectedRequest; misled != tt.misled {
			t.Errorf("%s by a connection to %q: got %d", tt.host, tt.sni, resp.StatusCode)
		}
	}
}
