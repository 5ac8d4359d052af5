package iam_test

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awsiam "github.com/aws/aws-sdk-go-v2/service/iam"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/iam"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/api/sts"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

var update = flag.Bool("update", false, "write the golden answers anew")

const account = "111122223333"

func door(tb testing.TB) *querydoor.Door {
	tb.Helper()
	ctx := context.Background()
	records := memory.NewRecords()
	vault, err := sealed.Open(ctx, records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		tb.Fatal(err)
	}
	domain, err := vault.Domain(ctx, "identity")
	if err != nil {
		tb.Fatal(err)
	}
	ids, err := identity.Open(ctx, identity.Config{Records: records, Domain: domain, Account: account})
	if err != nil {
		tb.Fatal(err)
	}
	gate := access.NewGate(access.Config{Identities: ids, Record: new(accesstest.Journal)})
	return iam.New(identity.NewAdmin(ids, gate), ids, slog.New(slog.DiscardHandler))
}

func call(d *querydoor.Door, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	d.Serve(w, &front.Request{Request: r, ID: "request-1", Body: []byte(body), Caller: access.Caller{
		At:        time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC),
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::" + account + ":root", UserID: account},
	}})
	return w
}

// random is what differs from run to run.
var random = regexp.MustCompile(`\b(AIDA|AROA|AGPA|ANPA|AIPA|AKIA)[A-Z2-7]{16,17}\b|(<(?:SecretAccessKey|Base32StringSeed|QRCodePNG)>)[^<]+`)

// TestGolden plays the exchanges of testdata/golden: a line that begins with "> "
// is a request, its parameters written plain and parted by " & "; the lines below
// are the answer, whose documents end with the request id.
func TestGolden(t *testing.T) {
	files, err := filepath.Glob("testdata/golden/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, name := range files {
		t.Run(filepath.Base(name), func(t *testing.T) {
			want, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			d := door(t)
			var got bytes.Buffer
			for line := range strings.Lines(string(want)) {
				request, ok := strings.CutPrefix(line, "> ")
				if !ok {
					if strings.HasPrefix(line, "#") || line == "\n" {
						got.WriteString(line)
					}
					continue
				}
				got.WriteString(line)
				var pairs []string
				for pair := range strings.SplitSeq(strings.TrimSpace(request), " & ") {
					key, value, _ := strings.Cut(pair, "=")
					pairs = append(pairs, key+"="+url.QueryEscape(value))
				}
				w := call(d, strings.Join(pairs, "&")+"&Version=2010-05-08")
				if w.Code == http.StatusOK {
					doortest.Heard(t, awsiam.NewFromConfig, strings.TrimPrefix(pairs[0], "Action="), w.Header(), w.Body.Bytes())
				}
				text := random.ReplaceAllString(w.Body.String(), "$1$2…")
				fmt.Fprintf(&got, "%d %s\n", w.Code, text)
			}
			if *update {
				if err := os.WriteFile(name, got.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(want) {
				t.Errorf("got\n%s\nwant\n%s", got.String(), want)
			}
		})
	}
}

// Every kind of refusal has a wire form at one of the two doors that have them.
func TestEveryErrorHasAForm(t *testing.T) {
	known := map[string]error{
		"ErrNoSuchEntity": identity.ErrNoSuchEntity, "ErrExists": identity.ErrExists, "ErrDeleteConflict": identity.ErrDeleteConflict,
		"ErrLimit": identity.ErrLimit, "ErrMalformedPolicy": identity.ErrMalformedPolicy, "ErrInvalidInput": identity.ErrInvalidInput,
		"ErrValidation": identity.ErrValidation, "ErrInvalidParameter": identity.ErrInvalidParameter, "ErrForeign": identity.ErrForeign,
		"ErrAuthenticationCode": identity.ErrAuthenticationCode, "ErrPackedTooLarge": identity.ErrPackedTooLarge,
		"ErrSession": identity.ErrSession, "ErrSessionDenied": identity.ErrSessionDenied,
		"ErrDenied": access.ErrDenied,
		// The front gives these its own.
		"ErrUnknownKey": front.ErrUnknownAccessKey, "ErrInvalidToken": front.ErrInvalidToken, "ErrExpiredToken": front.ErrExpiredToken,
	}
	for name := range doortest.Errors(t, "../../identity") {
		err, ok := known[name]
		if !ok {
			t.Errorf("identity.%s is new: give it a form and name it here", name)
			continue
		}
		if iam.ErrorCode(err) == "InternalFailure" && sts.ErrorCode(err) == "InternalFailure" {
			t.Errorf("identity.%s has no wire form", name)
		}
	}
}

// FuzzServe: whatever the form, the fault is never ours.
func FuzzServe(f *testing.F) {
	d := door(f)
	for _, seed := range []string{
		"Action=CreateUser&UserName=a&Tags.member.1.Key=k&Tags.member.1.Value=v",
		"Action=CreateRole&RoleName=r&AssumeRolePolicyDocument={}",
		"Action=PutUserPolicy&UserName=a&PolicyName=p&PolicyDocument={}",
		"Action=ListUsers&MaxItems=1&Marker=YQ",
		"Action=SimulateCustomPolicy&ActionNames.member.1=s3:GetObject&PolicyInputList.member.1={}&ContextEntries.member.1.ContextKeyName=k",
		"Action=EnableMFADevice&UserName=a&SerialNumber=arn:aws:iam::111122223333:mfa/a&AuthenticationCode1=1&AuthenticationCode2=2",
		"Action=GetAccountAuthorizationDetails&Filter.member.1=User",
		"Action=AttachUserPolicy&UserName=a&PolicyArn=arn:aws:iam::aws:policy/AdministratorAccess",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if w := call(d, body); w.Code >= 500 {
			t.Errorf("%q: %d %s", body, w.Code, w.Body)
		}
	})
}

// What the model of the service requires is missed by its name.
func TestRequired(t *testing.T) {
	d, sent := door(t), new(doortest.Sent)
	doortest.Required(t, awsiam.New(awsiam.Options{
		Region: "us-east-1", HTTPClient: sent, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
	}), sent, func(form []byte) *httptest.ResponseRecorder { return call(d, string(form)) })
	for _, form := range []string{
		"Action=CreateUser&UserName=u&Tags.member.1.Key=k",
		"Action=TagUser&UserName=u&Tags.member.1.Key=k",
	} {
		if w := call(d, form); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "tags.1.member.value") {
			t.Errorf("%s: %d %s", form, w.Code, w.Body)
		}
	}
}

// Lists that are always empty have bounds too.
func TestPages(t *testing.T) {
	d := door(t)
	for _, form := range []string{"ListAccountAliases", "ListServerCertificates", "ListUsers"} {
		for parameter, want := range map[string]string{"MaxItems=0": "maxItems", "MaxItems=1001": "maxItems", "Marker=%21": "Invalid Marker"} {
			if w := call(d, "Action="+form+"&"+parameter); w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s with %s: %d %s", form, parameter, w.Code, w.Body)
			}
		}
	}
}

// An empty name is not that of the caller, nor an empty boundary none.
func TestEmpty(t *testing.T) {
	d := door(t)
	for form, path := range map[string]string{
		"Action=CreateAccessKey&UserName=":                   "userName",
		"Action=GetUser&UserName=":                           "userName",
		"Action=CreateUser&UserName=u&PermissionsBoundary=":  "permissionsBoundary",
		"Action=ListPolicies&PathPrefix=":                    "pathPrefix",
		"Action=DeactivateMFADevice&UserName=&SerialNumber=": "userName",
	} {
		w := call(d, form)
		if want := "Value &#39;&#39; at &#39;" + path + "&#39; failed"; w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %s, want %s", form, w.Code, w.Body, want)
		}
	}
}
