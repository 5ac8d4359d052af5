// Package cookies_test runs the example backends against a whole server.
package cookies_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/pbkdf2"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/cloudfront"
	cftypes "github.com/aws/aws-sdk-go-v2/service/cloudfront/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

// own calls one of Keyfront's own routes and reads the answer into out.
func own(t *testing.T, srv *keyfronttest.Server, path, body string, out any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.APIURL+"/_keyfront/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	creds := aws.Credentials{AccessKeyID: srv.AccessKeyID, SecretAccessKey: srv.SecretAccessKey}
	if err := v4.NewSigner().SignHTTP(context.Background(), creds, r, hex.EncodeToString(sum[:]), "keyfront", srv.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s %s %v", path, res.Status, answer, err)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		t.Fatal(err)
	}
}

// site is a private origin behind a distribution that trusts a signing profile.
func site(t *testing.T) (srv *keyfronttest.Server, domain string) {
	t.Helper()
	srv = keyfronttest.Start(t)
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "private film") }))
	t.Cleanup(origin.Close)
	at, err := url.Parse(origin.URL)
	if err != nil {
		t.Fatal(err)
	}
	var profile struct{ KeyGroup string }
	own(t, srv, "signer/films", `{"resources":["http://*.cloudfront.localhost/films/*"]}`, &profile)

	port, host := at.Port(), at.Hostname()
	var number int32
	for _, c := range port {
		number = number*10 + int32(c-'0')
	}
	made, err := cloudfront.NewFromConfig(srv.AWSConfig()).CreateDistribution(t.Context(), &cloudfront.CreateDistributionInput{DistributionConfig: &cftypes.DistributionConfig{
		CallerReference: aws.String("films"), Comment: aws.String(""), Enabled: aws.Bool(true),
		Origins: &cftypes.Origins{Quantity: aws.Int32(1), Items: []cftypes.Origin{{
			Id: aws.String("web"), DomainName: &host,
			CustomOriginConfig: &cftypes.CustomOriginConfig{HTTPPort: &number, HTTPSPort: aws.Int32(443), OriginProtocolPolicy: cftypes.OriginProtocolPolicyHttpOnly},
		}}},
		DefaultCacheBehavior: &cftypes.DefaultCacheBehavior{
			TargetOriginId: aws.String("web"), ViewerProtocolPolicy: cftypes.ViewerProtocolPolicyAllowAll,
			CachePolicyId:    aws.String("658327ea-f89d-4fab-a63d-7e88639e58f6"),
			TrustedKeyGroups: &cftypes.TrustedKeyGroups{Enabled: aws.Bool(true), Quantity: aws.Int32(1), Items: []string{profile.KeyGroup}},
		},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return srv, *made.Distribution.DomainName
}

// backendKey makes an access key that may sign cookies by the profile, and nothing else.
func backendKey(t *testing.T, srv *keyfronttest.Server) (id, secret string) {
	t.Helper()
	users, name := iam.NewFromConfig(srv.AWSConfig()), aws.String("backend")
	if _, err := users.CreateUser(t.Context(), &iam.CreateUserInput{UserName: name}); err != nil {
		t.Fatal(err)
	}
	_, err := users.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("sign"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"keyfront:SignCookies","Resource":"arn:aws:keyfront:*:*:signer/films","Condition":{"NumericLessThanEquals":{"keyfront:ValiditySeconds":"3600"}}}}`)})
	if err != nil {
		t.Fatal(err)
	}
	key, err := users.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: name})
	if err != nil {
		t.Fatal(err)
	}
	return *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey
}

func TestBackends(t *testing.T) {
	srv, domain := site(t)
	id, secret := backendKey(t, srv)
	hash, err := pbkdf2.Key(sha256.New, "open sesame", []byte("salt"), 600_000, 32)
	if err != nil {
		t.Fatal(err)
	}
	users := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(users, []byte(`{"ada":{"salt":"`+hex.EncodeToString([]byte("salt"))+`","hash":"`+hex.EncodeToString(hash)+`"}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	environment := append(os.Environ(), "KEYFRONT_URL="+srv.APIURL, "SIGNER=films", "RESOURCE=http://"+domain+"/films/*", "USERS="+users,
		"LISTEN=127.0.0.1:0", "ALLOW_HTTP=1", "AWS_REGION=us-east-1", "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "PYTHONDONTWRITEBYTECODE=1", "no_proxy=*")
	for name, start := range map[string]func(t *testing.T) *exec.Cmd{
		"go": func(t *testing.T) *exec.Cmd {
			binary := filepath.Join(t.TempDir(), "backend")
			if out, err := exec.Command("go", "build", "-o", binary, "./go").CombinedOutput(); err != nil {
				t.Fatalf("go build: %v\n%s", err, out)
			}
			return exec.Command(binary)
		},
		"python": func(t *testing.T) *exec.Cmd {
			if exec.Command("python3", "-c", "import botocore").Run() != nil {
				t.Skip("python3 with botocore not found")
			}
			return exec.Command("python3", "python/backend.py")
		},
		"javascript": func(t *testing.T) *exec.Cmd {
			if exec.Command("node", "-e", "fetch").Run() != nil {
				t.Skip("node 18 or newer not found")
			}
			return exec.Command("node", "javascript/backend.mjs")
		},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := start(t)
			cmd.Env = environment
			visit(t, srv, run(t, cmd), "http://"+domain+"/films/a.mp4")
		})
	}
}

// run starts a backend and returns its address.
func run(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var words bytes.Buffer
	cmd.Stderr = &words
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the backend said: %s", &words)
		}
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening on ")
	if err != nil || !ok {
		t.Fatalf("the backend printed %q, %v", line, err)
	}
	return addr
}

// visit does what a user's browser does: no pass before the login, and with it the film.
func visit(t *testing.T, srv *keyfronttest.Server, backend, film string) {
	t.Helper()
	post := func(path string, form url.Values, cookies []*http.Cookie) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, backend+path, strings.NewReader(form.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res
	}
	watch := func(cookies []*http.Cookie) int {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, film, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range cookies {
			r.AddCookie(c)
		}
		res, err := srv.Viewer().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.StatusCode
	}
	if got := post("/pass", nil, nil); got.StatusCode != http.StatusUnauthorized || len(got.Cookies()) != 0 {
		t.Errorf("a pass without a login: %s", got.Status)
	}
	if got := post("/pass", nil, []*http.Cookie{{Name: "session", Value: "YWRh.9999999999.00"}}); got.StatusCode != http.StatusUnauthorized {
		t.Errorf("a pass with a forged session: %s", got.Status)
	}
	for user, password := range map[string]string{"ada": "wrong", "nobody": "open sesame", "": ""} {
		if got := post("/login", url.Values{"user": {user}, "password": {password}}, nil); got.StatusCode != http.StatusForbidden || len(got.Cookies()) != 0 {
			t.Errorf("login of %q with %q: %s", user, password, got.Status)
		}
	}
	login := post("/login", url.Values{"user": {"ada"}, "password": {"open sesame"}}, nil)
	pass := post("/pass", nil, login.Cookies())
	if login.StatusCode != http.StatusNoContent || pass.StatusCode != http.StatusNoContent || len(pass.Cookies()) != 4 {
		t.Fatalf("login %s, pass %s with cookies %v", login.Status, pass.Status, pass.Cookies())
	}
	if got := watch(login.Cookies()); got != http.StatusForbidden {
		t.Errorf("the film without a pass: %d", got)
	}
	if got := watch(pass.Cookies()); got != http.StatusOK {
		t.Errorf("the film with a pass: %d", got)
	}
}
