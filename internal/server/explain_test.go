package server_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/keyfront-project/keyfront/internal/server"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

// ownRoute makes a signed request to one of our own routes and returns the status
// and the code of the error.
func ownRoute(t *testing.T, srv *keyfronttest.Server, by aws.Credentials, path, body string) (status int, answer struct{ Code, AccessKeyID, SecretAccessKey string }) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, srv.APIURL+"/_keyfront/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256([]byte(body))
	if err := v4.NewSigner().SignHTTP(context.Background(), by, r, hex.EncodeToString(sum[:]), "keyfront", srv.Region, time.Now()); err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return res.StatusCode, answer
}

// Who may not ask, or asks about another account, does not learn which principals
// there are; and each question is on record.
func TestExplainTellsOutsidersNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	srv := keyfronttest.Start(t, keyfronttest.OnDisk(dir))
	owner := aws.Credentials{AccessKeyID: srv.AccessKeyID, SecretAccessKey: srv.SecretAccessKey}
	admin := iam.NewFromConfig(srv.AWSConfig())
	if _, err := admin.CreateUser(t.Context(), &iam.CreateUserInput{UserName: aws.String("ada")}); err != nil {
		t.Fatal(err)
	}
	made, err := admin.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: aws.String("ada")})
	if err != nil {
		t.Fatal(err)
	}
	user := aws.Credentials{AccessKeyID: *made.AccessKey.AccessKeyId, SecretAccessKey: *made.AccessKey.SecretAccessKey}
	_, other := ownRoute(t, srv, owner, "accounts", `{"accountId":"111122223333"}`)
	stranger := aws.Credentials{AccessKeyID: other.AccessKeyID, SecretAccessKey: other.SecretAccessKey}
	for _, tt := range []struct {
		name             string
		by               aws.Credentials
		action, resource string
		there, absent    string
	}{
		{"the owner", owner, "kms:Encrypt", "*", "", "NoSuchRequest"},
		{"a user who may not ask", user, "kms:Encrypt", "*", "AccessDenied", "AccessDenied"},
		{"a user, of nonsense", user, "encrypt", "*", "AccessDenied", "AccessDenied"},
		{"another account", stranger, "kms:Encrypt", "*", "NoSuchDenial", "NoSuchDenial"},
		{"another account, of nonsense", stranger, "encrypt", "*", "NoSuchRequest", "NoSuchRequest"},
		{"another account, of no bucket", stranger, "s3:GetObject", "arn:aws:s3:::none/a", "NoSuchRequest", "NoSuchRequest"},
	} {
		for principal, want := range map[string]string{"ada": tt.there, "nobody": tt.absent} {
			body, _ := json.Marshal(map[string]string{"principal": "arn:aws:iam::000000000000:user/" + principal, "action": tt.action, "resource": tt.resource})
			if _, answer := ownRoute(t, srv, tt.by, "explain", string(body)); answer.Code != want {
				t.Errorf("%s asks about %s: %q, want %q", tt.name, principal, answer.Code, want)
			}
		}
	}
	if status, answer := ownRoute(t, srv, owner, "accounts", `{"accountId":7}`); status != http.StatusBadRequest || answer.Code != "MalformedRequest" {
		t.Errorf("an account of another form: %d %s", status, answer.Code)
	}
	if err := srv.Stop(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, server.AuditFolder, "*.log"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the audit log is %v, %v", files, err)
	}
	log, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]int{`"action":"keyfront:Explain"`: 12, `"error":"MalformedRequest"`: 1} {
		if got := bytes.Count(log, []byte(text)); got != want {
			t.Errorf("the audit log has %s %d times, want %d", text, got, want)
		}
	}
}
