package own_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/keyfront-project/keyfront/internal/api/own"
	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

// ask makes a signed request to a whole server and returns status and answer.
func ask(t *testing.T, srv *keyfronttest.Server, method, path, body string) (int, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, srv.APIURL+"/_keyfront/"+path, strings.NewReader(body))
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
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, answer
}

func TestSignerRoutes(t *testing.T) {
	srv := keyfronttest.Start(t)
	many := strings.Repeat(`"https://h/films/a",`, 1000) + `"https://h/films/a"`
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "signer/", "", 200, `{"signers":[]}`},
		{"POST", "signer/links", `{"resources":["https://h/films/*"],"longestValiditySeconds":7200}`, 200, `"periodSeconds":7776000,"keys":[{"keyPairId":"K`},
		{"POST", "signer/links", `{"resources":["https://h/films/*"]}`, 409, `"code":"SignerAlreadyExists"`},
		{"POST", "signer/a", `{"resources":[]}`, 400, `"code":"ValidationError"`},
		{"POST", "signer/a", `{"resources":["https://h/*"],"periodSeconds":9223372036854775807}`, 400, `"code":"ValidationError"`},
		{"POST", "signer/a", `{"resources":["https://h/*"],"unknown":1}`, 400, `"code":"MalformedRequest"`},
		{"POST", "signer/a", `[`, 400, `"code":"MalformedRequest"`},
		{"GET", "signer/links", "", 200, `"waitsFor":"its rotation on `},
		{"GET", "signer/nobody", "", 404, `"code":"NoSuchSigner"`},
		{"PUT", "signer/links", `{"resources":["https://h/films/*"],"longestValiditySeconds":3600}`, 200, `"longestValiditySeconds":3600`},
		{"PATCH", "signer/links", "", 404, `"code":"NoSuchRoute"`},
		{"POST", "signer/links/fly", "{}", 404, `"code":"NoSuchRoute"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"]}`, 200, `Key-Pair-Id=`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"sourceIp":"192.0.2.1"}`, 200, `?Policy=`},
		{"POST", "signer/links/sign", `{"cookies":{"resource":"https://h/films/*","domain":"h.example"}}`, 200, `"setCookies":["CloudFront-Policy=`},
		{"POST", "signer/links/sign", `{}`, 400, `"code":"MalformedRequest"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"cookies":{"resource":"https://h/films/*"}}`, 400, `"code":"MalformedRequest"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"sourceIp":"here"}`, 400, `"code":"MalformedRequest"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"sourceIp":"2001:db8::1"}`, 400, `"code":"ValidationError"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"validForSeconds":1,"expires":"2037-01-01T00:00:00Z"}`, 400, `"code":"MalformedRequest"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"validForSeconds":3601}`, 403, `"code":"OutsideSigner"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a"],"expires":"2020-01-01T00:00:00Z"}`, 400, `is past: the time here is`},
		{"POST", "signer/links/sign", `{"urls":["https://h/films/a#b"]}`, 400, `"code":"ValidationError"`},
		{"POST", "signer/links/sign", `{"urls":["https://h/other"]}`, 403, `"code":"OutsideSigner"`},
		{"POST", "signer/links/sign", `{"urls":[` + many + `]}`, 400, `A call signs 1 to 1000 URLs, not 1001.`},
		{"POST", "signer/links/rotate", `{"remove":"K1"}`, 404, `"code":"NoSuchKey"`},
		{"POST", "signer/links/rotate", `{}`, 200, `"phase":"retired"`},
		{"DELETE", "signer/links?release=true", "", 200, `{}`},
		{"GET", "signer/links", "", 404, `"code":"NoSuchSigner"`},
	} {
		status, answer := ask(t, srv, tt.method, tt.path, tt.body)
		if status != tt.status || !bytes.Contains(answer, []byte(tt.want)) || !json.Valid(answer) {
			t.Errorf("%s %s %.80s = %d %.400s, want %d and %s", tt.method, tt.path, tt.body, status, answer, tt.status, tt.want)
		}
	}
}

// Every refusal of signing profiles has a code of its own.
func TestSignerErrorsHaveCodes(t *testing.T) {
	for _, err := range []error{
		signer.ErrNoProfile, signer.ErrExists, signer.ErrInvalid, signer.ErrLimit, signer.ErrOutside, signer.ErrNotReady,
		signer.ErrDeleting, signer.ErrNoKey, signer.ErrStillSigns, signer.ErrLastKey,
	} {
		if code := own.ErrorCode(err); code == "InternalFailure" {
			t.Errorf("%v has no code", err)
		}
	}
}
