package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/md5"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront/types"

	"github.com/keyfront-project/keyfront/signedurl"
)

// rival is a server that gives out the object of a benchmark.
type rival struct {
	name string
	*process
	request func(i int) []byte
}

// inTurns loads rivals one after the other, again and again, so that what else
// the machine does weighs on all of them. It reports the processor time that each
// spends for a request, and how much more the first one takes than the others.
func inTurns(b *testing.B, batch int, rivals ...rival) {
	b.Helper()
	start := make([]time.Duration, len(rivals))
	for i, r := range rivals {
		r.awaitIdle(b)
		start[i] = r.cpu(b)
	}
	sent := 0
	for b.Loop() {
		for _, r := range rivals {
			r.load(b, sent, batch)
		}
		sent += batch
	}
	used := make([]float64, len(rivals))
	for i, r := range rivals {
		used[i] = float64((r.cpu(b) - start[i]).Nanoseconds()) / float64(sent) / 1000
		b.ReportMetric(used[i], r.name+"-cpu-µs")
		if i > 0 {
			b.ReportMetric(used[0]/used[i], "of-"+r.name)
		}
	}
}

// load sends n requests, from number first on.
func (r *rival) load(tb testing.TB, first, n int) {
	numbers, done := r.drive(tb, r.request)
	for i := range n {
		numbers <- first + i
	}
	close(numbers)
	done()
}

// BenchmarkEdge is the processor time that an edge spends for a viewer, beside
// nginx, which keeps the same object in its proxy cache, and a bare net/http
// server that writes the same bytes: for an open object, for 10,000 signed URLs
// that were seen before (nginx checks an MD5 over path, time and a secret
// instead), and for such as were not.
func BenchmarkEdge(b *testing.B) {
	const size, urls = 1 << 10, 10_000
	open, closed := newSite(b, size, false), newSite(b, size, true)
	nginx := startNginx(b, open.origin)
	bare := startBare(b, make([]byte, size), "video/mp4", open.head(b)...)
	always := func(host, target string) func(int) []byte {
		request := viewerRequest(host, target)
		return func(int) []byte { return request }
	}
	turns := func(host string, target func(i int) string) func(int) []byte {
		all := make([][]byte, urls)
		for i := range all {
			all[i] = viewerRequest(host, target(i))
		}
		return func(i int) []byte { return all[i%urls] }
	}

	b.Run("open", func(b *testing.B) {
		edge := rival{"edge", open.process, always(open.host, "/a.mp4")}
		edge.load(b, 0, 100)
		other := rival{"nginx", nginx, always("localhost", "/open/a.mp4")}
		other.load(b, 0, 100)
		inTurns(b, 2000, edge, other, rival{"bare", bare, edge.request})
	})
	b.Run("signed", func(b *testing.B) {
		edge := rival{"edge", closed.process, turns(closed.host, closed.sign)}
		edge.load(b, 0, urls)
		other := rival{"nginx", nginx, turns("localhost", func(i int) string {
			until := strconv.Itoa(2_000_000_000 + i)
			sum := md5.Sum([]byte(until + "/signed/a.mp4 secret"))
			return "/signed/a.mp4?until=" + until + "&sum=" + base64.RawURLEncoding.EncodeToString(sum[:])
		})}
		other.load(b, 0, urls)
		inTurns(b, 2000, edge, other, rival{"bare", bare, edge.request})
	})
	b.Run("unseen", func(b *testing.B) {
		next := urls // each number but once
		inTurns(b, 2000, rival{"edge", closed.process, func(i int) []byte { return viewerRequest(closed.host, closed.sign(next+i)) }})
	})
}

// viewerRequest is a GET as it goes over the wire.
func viewerRequest(host, target string) []byte {
	return []byte("GET " + target + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: bench\r\nAccept: */*\r\n\r\n")
}

// site is a server with one distribution, whose origin this process is.
type site struct {
	*process
	host, origin string
	signer       *signedurl.Signer
	tb           *testing.B
}

// newSite starts a server that serves size bytes for every path, restricted or
// to everybody.
func newSite(tb *testing.B, size int, restricted bool) *site {
	tb.Helper()
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", "video/mp4")
		h.Set("Content-Length", strconv.Itoa(size))
		h.Set("Etag", `"0123456789abcdef0123456789abcdef"`)
		h.Set("Last-Modified", "Fri, 02 Jan 2026 03:04:05 GMT")
		_, _ = w.Write(make([]byte, size))
	}))
	tb.Cleanup(origin.Close)
	s := &site{process: startKeyfront(tb), origin: origin.URL, tb: tb}
	c := cloudfront.New(cloudfront.Options{
		BaseEndpoint: &s.api, Region: "us-east-1", Credentials: credentials.NewStaticCredentialsProvider(benchKeyID, benchSecret, ""),
	})
	behavior := &types.DefaultCacheBehavior{
		TargetOriginId: aws.String("o"), ViewerProtocolPolicy: types.ViewerProtocolPolicyAllowAll,
		CachePolicyId: aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"),
	}
	if restricted {
		behavior.TrustedKeyGroups = &types.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{s.keyGroup(c)}}
	}
	u, err := url.Parse(origin.URL)
	if err != nil {
		tb.Fatal(err)
	}
	port, err := strconv.Atoi(u.Port())
	if err != nil {
		tb.Fatal(err)
	}
	d, err := c.CreateDistribution(tb.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: &types.DistributionConfig{
		CallerReference: aws.String("bench"), Comment: aws.String(""), Enabled: aws.Bool(true), DefaultCacheBehavior: behavior,
		Origins: &types.Origins{Quantity: aws.Int32(1), Items: []types.Origin{{
			Id: aws.String("o"), DomainName: aws.String(u.Hostname()), CustomOriginConfig: &types.CustomOriginConfig{
				HTTPPort: aws.Int32(int32(port)), HTTPSPort: aws.Int32(443), OriginProtocolPolicy: types.OriginProtocolPolicyHttpOnly,
			},
		}}},
	}})
	if err != nil {
		tb.Fatal(err)
	}
	s.host = *d.Distribution.DomainName
	s.api = s.edge // where viewers ask
	s.rest(tb)
	return s
}

// keyGroup makes the site's signing key known to the server.
func (s *site) keyGroup(c *cloudfront.Client) string {
	s.tb.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		s.tb.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		s.tb.Fatal(err)
	}
	key, err := c.CreatePublicKey(s.tb.Context(), &cloudfront.CreatePublicKeyInput{PublicKeyConfig: &types.PublicKeyConfig{
		CallerReference: aws.String("bench"), Name: aws.String("bench"),
		EncodedKey: aws.String(string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))),
	}})
	if err != nil {
		s.tb.Fatal(err)
	}
	group, err := c.CreateKeyGroup(s.tb.Context(), &cloudfront.CreateKeyGroupInput{KeyGroupConfig: &types.KeyGroupConfig{
		Name: aws.String("bench"), Items: []string{*key.PublicKey.Id},
	}})
	if err != nil {
		s.tb.Fatal(err)
	}
	if s.signer, err = signedurl.NewSigner(signedurl.KeyID(*key.PublicKey.Id), private, nil); err != nil {
		s.tb.Fatal(err)
	}
	return *group.KeyGroup.Id
}

// sign returns the target of signed URL number i, all for one object.
func (s *site) sign(i int) string {
	base := "http://" + s.host
	signed, err := s.signer.Sign(s.tb.Context(), base+"/a.mp4", signedurl.Policy{Expires: time.Unix(2_000_000_000+int64(i), 0)})
	if err != nil {
		s.tb.Fatal(err)
	}
	return strings.TrimPrefix(signed, base)
}

// head returns the header lines of a hit, as "Name: value".
func (s *site) head(tb testing.TB) (lines []string) {
	tb.Helper()
	for range 2 {
		r, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, s.edge+"/a.mp4", nil)
		if err != nil {
			tb.Fatal(err)
		}
		r.Host = s.host
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			tb.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			tb.Fatal(err)
		}
		resp.Body.Close()
		lines = nil
		for name, values := range resp.Header {
			lines = append(lines, name+": "+values[0])
		}
	}
	return lines
}

// startNginx starts an nginx that caches what an origin has: below /open/ for
// everybody, below /signed/ for holders of a sum over path, time and its secret.
func startNginx(tb testing.TB, origin string) *process {
	tb.Helper()
	if _, err := exec.LookPath("nginx"); err != nil {
		tb.Skip("nginx not found")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr := l.Addr().String()
	l.Close()
	dir := tb.TempDir()
	conf := fmt.Sprintf(`daemon off;
master_process off;
pid nginx.pid;
error_log error.log;
events { worker_connections 1024; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 100000000;
    open_file_cache max=1000;
    proxy_cache_path cache keys_zone=objects:10m;
    client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
    server {
        listen %s;
        proxy_cache objects;
        proxy_cache_key $uri;
        proxy_cache_valid 200 1d;
        add_header X-Cache $upstream_cache_status;
        location /open/ {
            proxy_pass %s;
        }
        location /signed/ {
            secure_link $arg_sum,$arg_until;
            secure_link_md5 "$secure_link_expires$uri secret";
            if ($secure_link != "1") {
                return 403;
            }
            proxy_pass %[2]s;
        }
    }
}
`, addr, origin)
	if err := os.WriteFile(filepath.Join(dir, "nginx.conf"), []byte(conf), 0o600); err != nil {
		tb.Fatal(err)
	}
	cmd := exec.Command("nginx", "-p", dir, "-c", "nginx.conf", "-e", "error.log")
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	for range 100 {
		if conn, err := net.Dial("tcp", addr); err == nil {
			conn.Close()
			return &process{cmd: cmd, api: "http://" + addr}
		}
		time.Sleep(50 * time.Millisecond)
	}
	tb.Fatal("nginx did not start")
	return nil
}
