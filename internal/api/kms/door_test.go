package kms_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/kms"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

var update = flag.Bool("update", false, "write what is answered into testdata")

type world struct {
	records store.Records
	ring    *keyring.Ring
	door    *kms.Door
	journal *accesstest.Journal
	log     bytes.Buffer
	names   map[string]string // what stands for an id in testdata
}

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{records: memory.NewRecords(), journal: new(accesstest.Journal), names: map[string]string{}}
	vault, err := sealed.Open(t.Context(), w.records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(t.Context(), "kms")
	if err != nil {
		t.Fatal(err)
	}
	gate := access.NewGate(access.Config{
		Identities: accesstest.Nobody{}, Record: w.journal,
		ErrorCode: func(_ policy.Action, err error) string { return kms.ErrorCode(err) },
	})
	w.ring, err = keyring.Open(t.Context(), keyring.Config{Records: w.records, Domain: domain, Gate: gate, Clock: clock.Movable()})
	if err != nil {
		t.Fatal(err)
	}
	w.door = kms.New(w.ring, slog.New(slog.NewTextHandler(&w.log, nil)))
	return w
}

func caller() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "4f1e7a5c-0000-4000-8000-000000000000", At: time.Now(),
	}
}

// stranger is a user without any policy.
func stranger() access.Caller {
	who := caller()
	who.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/eve", UserID: "AIDAEVE", UniqueID: "AIDAEVE", Name: "eve"}
	return who
}

// post sends one request through the door.
func (w *world) post(who access.Caller, method, path, target string, body []byte) *httptest.ResponseRecorder {
	hr := httptest.NewRequest(method, path, nil)
	if target != "" {
		hr.Header.Set("X-Amz-Target", target)
	}
	rec := httptest.NewRecorder()
	w.door.Serve(rec, &front.Request{Request: hr, ID: who.RequestID, Caller: who, Body: body})
	return rec
}

func (w *world) create(t testing.TB, name, spec, usage string) {
	t.Helper()
	m, err := w.ring.Create(t.Context(), caller(), keyring.CreateInput{Spec: keyring.KeySpec(spec), Usage: keyring.KeyUsage(usage)})
	if err != nil {
		t.Fatal(err)
	}
	w.names[name] = string(m.ID)
}

// unstable is what differs from run to run.
var unstable = []struct {
	pattern     *regexp.Regexp
	replacement string
}{
	{regexp.MustCompile(`"(CiphertextBlob|Plaintext|PublicKey|PrivateKeyCiphertextBlob|PrivateKeyPlaintext|ImportToken|Signature|Mac|SharedSecret|SharedSecretCiphertextBlob)":"[^"]*"`), `"$1":"…"`},
	{regexp.MustCompile(`"(CreationDate|DeletionDate|LastUpdatedDate|NextRotationDate|RotationDate|ParametersValidTo|KeyCreationDate|TrackingStartDate|Timestamp)":[0-9.E+]+`), `"$1":0`},
	{regexp.MustCompile(`[0-9a-f]{64}`), "<material>"},
	{regexp.MustCompile(`"NextMarker":"[^"]*"`), `"NextMarker":"…"`},
}

// TestExchanges plays the transcripts in testdata: "> Operation {request}" with
// the expected "< status {answer}". Names in angle brackets stand for key ids;
// "as eve" before an operation is a caller without permissions, "in eu-west-1" one
// of another region.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no transcripts", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			w := newWorld(t)
			w.create(t, "<symmetric>", "SYMMETRIC_DEFAULT", "")
			w.create(t, "<rsa>", "RSA_2048", "ENCRYPT_DECRYPT")
			w.create(t, "<p256>", "ECC_NIST_P256", "SIGN_VERIFY")
			w.create(t, "<hmac>", "HMAC_224", "GENERATE_VERIFY_MAC")
			source, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			var out strings.Builder
			for line := range strings.Lines(string(source)) {
				request, ok := strings.CutPrefix(line, "> ")
				if !ok {
					if !strings.HasPrefix(line, "< ") {
						out.WriteString(line)
					}
					continue
				}
				out.WriteString(line)
				out.WriteString("< " + w.play(request) + "\n")
			}
			if *update {
				if err := os.WriteFile(file, []byte(out.String()), 0o666); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, got := strings.Split(string(source), "\n"), strings.Split(out.String(), "\n")
			if len(want) != len(got) {
				t.Fatalf("%d lines, want %d:\n%s", len(got), len(want), out.String())
			}
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("line %d\n got %s\nwant %s", i+1, got[i], want[i])
				}
			}
		})
	}
}

func (w *world) play(request string) string {
	who := caller()
	if rest, ok := strings.CutPrefix(request, "as eve "); ok {
		who, request = stranger(), rest
	}
	if rest, ok := strings.CutPrefix(request, "in eu-west-1 "); ok {
		who.Region, request = "eu-west-1", rest
	}
	name, body, _ := strings.Cut(strings.TrimSpace(request), " ")
	for short, id := range w.names {
		body = strings.ReplaceAll(body, short, id)
	}
	body = regexp.MustCompile(`\*(\d+)`).ReplaceAllStringFunc(body, func(s string) string {
		var n int
		fmt.Sscanf(s, "*%d", &n)
		return strings.Repeat("A", n)
	})
	rec := w.post(who, http.MethodPost, "/", "TrentService."+name, []byte(body))
	answer := rec.Body.String()
	var made struct {
		KeyMetadata         struct{ KeyId string }
		GrantId, GrantToken string
	}
	_ = json.Unmarshal(rec.Body.Bytes(), &made) // of another operation it has none of these
	for short, id := range map[string]string{"<new>": made.KeyMetadata.KeyId, "<grant>": made.GrantId, "<token>": made.GrantToken} {
		if id != "" && strings.HasPrefix(name, "Create") {
			w.names[short] = id
		}
	}
	for short, id := range w.names {
		answer = strings.ReplaceAll(answer, id, short)
	}
	for _, u := range unstable {
		answer = u.pattern.ReplaceAllString(answer, u.replacement)
	}
	return strings.TrimSpace(fmt.Sprint(rec.Code, " ", answer))
}

func TestHeaders(t *testing.T) {
	w := newWorld(t)
	for _, rec := range []*httptest.ResponseRecorder{
		w.post(caller(), http.MethodPost, "/", "TrentService.ListKeys", []byte("{}")),
		w.post(caller(), http.MethodPost, "/", "TrentService.Nonsense", nil),
	} {
		want := http.Header{
			"X-Amzn-Requestid": {"4f1e7a5c-0000-4000-8000-000000000000"},
			"Content-Type":     {"application/x-amz-json-1.1"},
			"Cache-Control":    {"no-cache, no-store, must-revalidate, private"},
			"Pragma":           {"no-cache"},
			"Expires":          {"0"},
			"Content-Length":   {fmt.Sprint(rec.Body.Len())},
		}
		if got := rec.Header(); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("headers = %v\nwant %v", got, want)
		}
	}
}

func TestDispatch(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		method, path, target string
		status               int
		body                 string
	}{
		{"POST", "/", "TrentService.ListKeys", 200, `{"Keys":[],"Truncated":false}`},
		{"POST", "/", "TrentService.listKeys", 400, `{"__type":"UnknownOperationException"}`},
		{"POST", "/", "TrentService.", 400, `{"__type":"UnknownOperationException"}`},
		{"POST", "/", "DynamoDB_20120810.ListKeys", 400, `{"__type":"UnknownOperationException"}`},
		{"POST", "/", "", 400, `{"__type":"UnknownOperationException"}`},
		{"GET", "/", "TrentService.ListKeys", 404, `{"__type":"UnknownOperationException"}`},
		{"POST", "/x", "TrentService.ListKeys", 404, `{"__type":"UnknownOperationException"}`},
	} {
		rec := w.post(caller(), tt.method, tt.path, tt.target, []byte("{}"))
		if rec.Code != tt.status || rec.Body.String() != tt.body {
			t.Errorf("%s %s %s = %d %s, want %d %s", tt.method, tt.path, tt.target, rec.Code, rec.Body, tt.status, tt.body)
		}
	}
}

// Every operation of the model is in the dispatch table, and has its constraints.
func TestOperationsAreComplete(t *testing.T) {
	names := kms.OperationNames()
	for name := range kms.Constraints() {
		if !slices.Contains(names, name) {
			t.Errorf("%s has constraints and no operation", name)
		}
	}
	for _, name := range names {
		if _, ok := kms.Constraints()[name]; !ok {
			t.Errorf("%s has no constraints", name)
		}
	}
	if len(names) != 56 {
		t.Errorf("%d operations, want the model's 54 and 2 newer ones", len(names))
	}
}

// What is our fault says nothing to the caller, and everything to the log.
func TestInternalError(t *testing.T) {
	w := newWorld(t)
	w.create(t, "key", "SYMMETRIC_DEFAULT", "")
	if err := w.records.Close(); err != nil {
		t.Fatal(err)
	}
	rec := w.post(caller(), http.MethodPost, "/", "TrentService.DisableKey", []byte(`{"KeyId":"`+w.names["key"]+`"}`))
	if want := `{"__type":"KMSInternalException","message":"The request was rejected because of an internal error. Try again."}`; rec.Code != 500 || rec.Body.String() != want {
		t.Errorf("answer = %d %s, want 500 %s", rec.Code, rec.Body, want)
	}
	if log := w.log.String(); strings.Count(log, "\n") != 1 || !strings.Contains(log, "store: closed") || !strings.Contains(log, caller().RequestID) {
		t.Errorf("log = %s", log)
	}
	if w.journal.Last().Error != "KMSInternalException" || !w.journal.Last().Corrects {
		t.Errorf("record = %+v", w.journal.Last())
	}
}

func TestRefuse(t *testing.T) {
	w := newWorld(t)
	for _, tt := range refusals {
		rec := httptest.NewRecorder()
		w.door.Refuse(rec, &front.Request{Request: httptest.NewRequest(http.MethodPost, "/", nil), ID: "id"}, tt.err)
		if rec.Code != tt.status || rec.Body.String() != tt.body {
			t.Errorf("Refuse(%v) = %d %s\nwant %d %s", tt.err, rec.Code, rec.Body, tt.status, tt.body)
		}
	}
}

func BenchmarkEncrypt(b *testing.B) {
	w := newWorld(b)
	w.create(b, "key", "SYMMETRIC_DEFAULT", "")
	body := []byte(`{"KeyId":"` + w.names["key"] + `","Plaintext":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","EncryptionContext":{"purpose":"benchmark"}}`)
	hr := httptest.NewRequest(http.MethodPost, "/", nil)
	hr.Header.Set("X-Amz-Target", "TrentService.Encrypt")
	r := &front.Request{Request: hr, ID: "id", Caller: caller(), Body: body}
	out := &discard{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		w.door.Serve(out, r)
		if out.status != http.StatusOK {
			b.Fatal(out.status)
		}
	}
}

// discard is a ResponseWriter that keeps the status.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return io.Discard.Write(p) }
