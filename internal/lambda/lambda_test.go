package lambda_test

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const (
	role     = "arn:aws:iam::111122223333:role/runs"
	edgeRole = "arn:aws:iam::111122223333:role/edge"
	noRole   = "arn:aws:iam::111122223333:role/none"
)

// roles trust as their names say.
type roles struct{}

func (roles) Assume(_ context.Context, who access.Caller, name, _ string) (function.Credentials, error) {
	if name == edgeRole || strings.HasSuffix(name, ":role/runs") && who.Principal.Service == "lambda.amazonaws.com" {
		return function.Credentials{AccessKeyID: "ASIATEST", SecretAccessKey: "s", SessionToken: "t", Expires: who.At.Add(time.Hour)}, nil
	}
	return function.Credentials{}, &access.Denied{Message: "no"}
}

type nobody struct{}

func (nobody) PoliciesOf(*policy.Principal, *policy.Policies) {}
func (nobody) Identify(name string) (string, bool)            { return name, true }
func (nobody) NameOf(id string) (string, bool)                { return id, true }
func (nobody) Object(context.Context, access.Caller, string, string, string) (io.ReadCloser, error) {
	return nil, errors.New("NoSuchKey")
}

type world struct {
	*lambda.Service
	cfg     lambda.Config
	journal *accesstest.Journal
}

func open(t *testing.T) *world {
	t.Helper()
	w := &world{journal: new(accesstest.Journal)}
	records := memory.NewRecords()
	vault, err := sealed.Open(t.Context(), records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	domain, err := vault.Domain(t.Context(), "lambda")
	if err != nil {
		t.Fatal(err)
	}
	pool := function.NewPool(function.Config{})
	t.Cleanup(pool.Close)
	w.cfg = lambda.Config{
		Records: records, Blobs: memory.NewBlobs(), Vault: domain, Pool: pool, Roles: roles{}, Objects: nobody{}, Principals: nobody{},
		Clock: clock.Movable(), Log: slog.New(slog.DiscardHandler), Gate: access.NewGate(access.Config{Identities: nobody{}, Record: w.journal}),
	}
	w.reopen(t)
	return w
}

func (w *world) reopen(t *testing.T) {
	t.Helper()
	var err error
	if w.Service, err = lambda.Open(t.Context(), w.cfg); err != nil {
		t.Fatal(err)
	}
}

func root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "r1", At: time.Now(),
	}
}

func pack(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	f, err := z.Create("index.js")
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func request(t *testing.T, name, text string) lambda.CreateRequest {
	return lambda.CreateRequest{Name: name, Code: lambda.Code{Zip: pack(t, text)}, Settings: lambda.Settings{Runtime: "nodejs22.x", Role: role, Handler: "index.handler"}}
}

func (w *world) create(t *testing.T, in lambda.CreateRequest) *lambda.Version {
	t.Helper()
	v, err := w.Create(t.Context(), root(), in)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func (w *world) blobs(t *testing.T) (n int) {
	t.Helper()
	for _, err := range w.cfg.Blobs.List(t.Context(), "lambda/") {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func TestCreateRefuses(t *testing.T) {
	w := open(t)
	w.create(t, request(t, "taken", "exports.handler = async () => 1"))
	var bomb bytes.Buffer
	z := zip.NewWriter(&bomb)
	f, err := z.CreateRaw(&zip.FileHeader{Name: "a", Method: zip.Deflate, UncompressedSize64: 300 << 20, CompressedSize64: 300 << 10})
	if err == nil {
		_, err = f.Write(make([]byte, 300<<10))
	}
	if err := errors.Join(err, z.Close()); err != nil {
		t.Fatal(err)
	}
	tests := map[string]struct {
		change func(*lambda.CreateRequest)
		kind   error
		says   string
	}{
		"a name that is taken":   {func(in *lambda.CreateRequest) { in.Name = "taken" }, lambda.ErrConflict, "already exist"},
		"a name with a slash":    {func(in *lambda.CreateRequest) { in.Name = "a/b" }, lambda.ErrValidation, "functionName"},
		"a version":              {func(in *lambda.CreateRequest) { in.Name = "a:1" }, lambda.ErrInvalid, "by its name"},
		"no code":                {func(in *lambda.CreateRequest) { in.Code.Zip = nil }, lambda.ErrInvalid, "source"},
		"an object not there":    {func(in *lambda.CreateRequest) { in.Code = lambda.Code{Bucket: "b", Key: "k"} }, lambda.ErrInvalid, "NoSuchKey"},
		"an empty zip":           {func(in *lambda.CreateRequest) { in.Code.Zip = []byte("PK\x05\x06" + strings.Repeat("\x00", 18)) }, lambda.ErrInvalid, "non-empty zip"},
		"a zip bomb":             {func(in *lambda.CreateRequest) { in.Code.Zip = bomb.Bytes() }, lambda.ErrInvalid, "Unzipped size must be smaller than 262144000 bytes"},
		"too large a zip":        {func(in *lambda.CreateRequest) { in.Code.Zip = make([]byte, lambda.MaxZipBytes+1) }, lambda.ErrTooLarge, "smaller"},
		"another runtime":        {func(in *lambda.CreateRequest) { in.Runtime = "python3.13" }, lambda.ErrInvalid, "runtime"},
		"a handler without dot":  {func(in *lambda.CreateRequest) { in.Handler = "index" }, lambda.ErrValidation, "handler"},
		"too long a time":        {func(in *lambda.CreateRequest) { in.TimeoutSec = 901 }, lambda.ErrValidation, "timeout"},
		"too much memory":        {func(in *lambda.CreateRequest) { in.MemoryMB = 10241 }, lambda.ErrInvalid, "MemorySize"},
		"a role that trusts not": {func(in *lambda.CreateRequest) { in.Role = noRole }, lambda.ErrInvalid, "cannot be assumed by Lambda"},
		"another account's role": {func(in *lambda.CreateRequest) { in.Role = strings.Replace(role, "1111", "4444", 1) }, access.ErrDenied, "Cross-account"},
		"a reserved variable":    {func(in *lambda.CreateRequest) { in.Env = map[string]string{"AWS_REGION": "x"} }, lambda.ErrInvalid, "AWS_REGION"},
		"a wrapper":              {func(in *lambda.CreateRequest) { in.Env = map[string]string{"AWS_LAMBDA_EXEC_WRAPPER": "/var/task/w"} }, lambda.ErrInvalid, "AWS_LAMBDA_EXEC_WRAPPER is not supported."},
		"too many variables":     {func(in *lambda.CreateRequest) { in.Env = map[string]string{"LARGE": strings.Repeat("x", 4096)} }, lambda.ErrInvalid, "4KB"},
		"a reserved tag":         {func(in *lambda.CreateRequest) { in.Tags = map[string]string{"aws:x": "y"} }, lambda.ErrInvalid, "reserved"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			in := request(t, "fresh", "exports.handler = async () => 1")
			tt.change(&in)
			if _, err := w.Create(t.Context(), root(), in); !errors.Is(err, tt.kind) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("Create() = %v, want %v with %q", err, tt.kind, tt.says)
			}
			if n := w.blobs(t); n != 1 {
				t.Errorf("%d blobs after the refusal, want 1", n)
			}
		})
	}
}

// Nothing happens that is not recorded, and code that a failed call left goes.
func TestUnrecordedIsUndone(t *testing.T) {
	w := open(t)
	w.journal.Fail(errors.New("disk full"))
	if _, err := w.Create(t.Context(), root(), request(t, "f", "exports.handler = async () => 1")); !errors.Is(err, access.ErrNotRecorded) {
		t.Fatalf("Create() = %v, want ErrNotRecorded", err)
	}
	w.journal.Fail(nil)
	if _, _, err := w.Get(t.Context(), root(), "GetFunction", "f", ""); !errors.Is(err, lambda.ErrNotFound) {
		t.Errorf("Get() = %v, want ErrNotFound", err)
	}
	if n := w.blobs(t); n != 0 {
		t.Errorf("%d blobs, want none", n)
	}
}

// A blob that a crash left between code and record is swept at the next start.
func TestSweep(t *testing.T) {
	w := open(t)
	w.create(t, request(t, "f", "exports.handler = async () => 'kept'"))
	b, err := w.cfg.Blobs.Create(t.Context(), "lambda/orphan")
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.reopen(t)
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d blobs after the sweep, want 1", n)
	}
	out, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Mode: lambda.Wait})
	if err != nil || string(out.Payload) != `"kept"` {
		t.Errorf("Invoke() = %v, %v", out, err)
	}
}

func TestVersionsKeepTheirCode(t *testing.T) {
	w := open(t)
	in := request(t, "f", "exports.handler = async () => process.env.WHICH + 1")
	in.Env, in.Publish = map[string]string{"WHICH": "v"}, true
	if v := w.create(t, in); v.Version != "1" {
		t.Fatalf("Create() = version %s, want 1", v.Version)
	}
	if v, err := w.Publish(t.Context(), root(), lambda.PublishRequest{Name: "f"}); err != nil || v.Version != "1" {
		t.Errorf("Publish() of the same = %v, %v, want version 1", v, err)
	}
	v, err := w.UpdateCode(t.Context(), root(), lambda.UpdateCodeRequest{Name: "f", Code: lambda.Code{Zip: pack(t, "exports.handler = async () => 2")}, Publish: true})
	if err != nil || v.Version != "2" {
		t.Fatalf("UpdateCode() = %v, %v, want version 2", v, err)
	}
	if _, err := w.UpdateCode(t.Context(), root(), lambda.UpdateCodeRequest{Name: "f", Code: in.Code, DryRun: true}); err != nil {
		t.Fatal(err)
	}
	for q, want := range map[string]string{"": "2", "1": `"v1"`, "2": "2"} {
		if out, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Qualifier: q, Mode: lambda.Wait}); err != nil || string(out.Payload) != want {
			t.Errorf("Invoke(%q) = %v, %v, want %s", q, out, err, want)
		}
	}
	if n := w.blobs(t); n != 2 {
		t.Errorf("%d blobs, want one for each code", n)
	}
	if err := w.Delete(t.Context(), root(), "f", "1"); err != nil {
		t.Fatal(err)
	}
	if n := w.blobs(t); n != 1 {
		t.Errorf("%d blobs after a version went, want 1", n)
	}
	if err := w.Delete(t.Context(), root(), "f", ""); err != nil {
		t.Fatal(err)
	}
	if n := w.blobs(t); n != 0 {
		t.Errorf("%d blobs after the function went, want none", n)
	}
}

// A page of versions begins behind the one before it, also when versions went in
// between.
func TestVersionsPages(t *testing.T) {
	w := open(t)
	w.create(t, request(t, "f", "exports.handler = async () => 0"))
	for i := range 10 {
		code := lambda.Code{Zip: pack(t, fmt.Sprintf("exports.handler = async () => %d", i+1))}
		if _, err := w.UpdateCode(t.Context(), root(), lambda.UpdateCodeRequest{Name: "f", Code: code, Publish: true}); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	page := lambda.Page{Max: 3}
	for {
		list, next, err := w.Versions(t.Context(), root(), "f", page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			got = append(got, v.Version)
		}
		if page.Marker = next; next == "" {
			break
		}
		for _, v := range list {
			if v.Version == lambda.Latest {
				continue
			}
			if err := w.Delete(t.Context(), root(), "f", v.Version); err != nil {
				t.Fatal(err)
			}
		}
	}
	if want := strings.Fields("$LATEST 1 2 3 4 5 6 7 8 9 10"); !slices.Equal(got, want) {
		t.Errorf("pages have %v, want %v", got, want)
	}
	for _, marker := range []string{"x", "-1", "0", "01", "12345678901234567890"} {
		if _, _, err := w.Versions(t.Context(), root(), "f", lambda.Page{Marker: marker}); !errors.Is(err, lambda.ErrInvalid) {
			t.Errorf("Versions behind %q = %v, want %v", marker, err, lambda.ErrInvalid)
		}
	}
}

// The ticket of GetFunction opens the code of that version, for ten minutes, and
// whoever uses it is recorded.
func TestDownload(t *testing.T) {
	w := open(t)
	in := request(t, "f", "exports.handler = async () => 1")
	in.Publish = true
	w.create(t, in)
	at := root().At
	tickets := make(map[string]string)
	for _, version := range []string{"$LATEST", "1"} {
		who := root()
		who.At = at
		v, _, err := w.Get(t.Context(), who, "GetFunction", "f", version)
		if err != nil {
			t.Fatal(err)
		}
		tickets[version] = v.Ticket
	}
	if v, _, err := w.Get(t.Context(), root(), "GetFunctionConfiguration", "f", "1"); err != nil || v.Ticket != "" {
		t.Errorf("GetFunctionConfiguration gives the ticket %q, %v, want none", v.Ticket, err)
	}
	other := pack(t, "exports.handler = async () => 2")
	if _, err := w.UpdateCode(t.Context(), root(), lambda.UpdateCodeRequest{Name: "f", Code: lambda.Code{Zip: other}}); err != nil {
		t.Fatal(err)
	}
	flipped := []byte(tickets["1"])
	flipped[len(flipped)/2] ^= 1
	for name, tt := range map[string]struct {
		ticket string
		after  time.Duration
		want   error
	}{
		"of a version":            {tickets["1"], lambda.TicketLife - 1, nil},
		"of code replaced since":  {tickets["$LATEST"], 0, lambda.ErrNotFound},
		"expired":                 {tickets["1"], lambda.TicketLife, access.ErrDenied},
		"changed":                 {string(flipped), 0, access.ErrDenied},
		"none":                    {"", 0, access.ErrDenied},
		"not even base64":         {"%", 0, access.ErrDenied},
		"longer than any of ours": {strings.Repeat("A", 1<<20), 0, access.ErrDenied},
	} {
		before := len(w.journal.Records())
		stranger := access.Caller{Region: "eu-west-1", RequestID: "r2", At: at.Add(tt.after)}
		z, err := w.Download(t.Context(), stranger, tt.ticket)
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: Download() = %v, want %v", name, err, tt.want)
		}
		if written := w.journal.Records()[before:]; errors.Is(tt.want, access.ErrDenied) {
			if len(written) != 0 {
				t.Errorf("%s: a stranger wrote %d records", name, len(written))
			}
		} else if len(written) != 1 || written[0].RequestID != "r2" || written[0].Region != "us-east-1" || written[0].Parameters[0].Value != "r1" {
			t.Errorf("%s: records = %+v", name, written)
		}
		if err != nil {
			continue
		}
		got := make([]byte, z.Size())
		if _, err := z.ReadAt(got, 0); err != nil && err != io.EOF || !bytes.Equal(got, in.Code.Zip) {
			t.Errorf("%s: %d bytes, %v, want the %d that were uploaded", name, len(got), err, len(in.Code.Zip))
		}
		z.Close()
	}
	w.journal.Fail(errors.New("disk full"))
	if _, err := w.Download(t.Context(), root(), tickets["1"]); !errors.Is(err, access.ErrNotRecorded) {
		t.Errorf("Download() = %v, want ErrNotRecorded", err)
	}
}

// A function's role trusts the edge, or the version is not for distributions.
func TestAssociable(t *testing.T) {
	w := open(t)
	in := request(t, "f", "exports.handler = async () => 1")
	in.Publish = true
	first := w.create(t, in)
	if err := w.Associable(t.Context(), "111122223333", first.ARN+":1", trigger.ViewerRequest); err == nil || !strings.Contains(err.Error(), "edgelambda.amazonaws.com") {
		t.Errorf("Associable() = %v, want that the role does not trust the edge", err)
	}
	to, slow := edgeRole, 6
	if _, err := w.UpdateSettings(t.Context(), root(), lambda.UpdateSettingsRequest{Name: "f", Role: &to, TimeoutSec: &slow}); err != nil {
		t.Fatal(err)
	}
	v, err := w.Publish(t.Context(), root(), lambda.PublishRequest{Name: "f"})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Associable(t.Context(), "111122223333", v.ARN, trigger.OriginRequest); err != nil {
		t.Errorf("Associable() = %v, want nil", err)
	}
	if err := w.Associable(t.Context(), "111122223333", v.ARN, trigger.ViewerRequest); err == nil || !strings.Contains(err.Error(), "timeout") {
		t.Errorf("Associable() for viewers = %v, want a word about the timeout", err)
	}
	if err := w.Associable(t.Context(), "444455556666", v.ARN, trigger.OriginRequest); err == nil {
		t.Error("Associable() for another account = nil")
	}
	if _, err := w.InvokeAt(t.Context(), "444455556666", v.ARN, function.Invocation{Payload: []byte("1")}); !errors.Is(err, lambda.ErrNotFound) {
		t.Errorf("InvokeAt() for another account = %v, want ErrNotFound", err)
	}
	for range 2 {
		if r, err := w.InvokeAt(t.Context(), "111122223333", v.ARN, function.Invocation{Payload: []byte("1")}); err != nil || string(r.Payload) != "1" {
			t.Errorf("InvokeAt() = %v, %v", r, err)
		}
	}
}

// blobs do something after one was opened, once.
type blobs struct {
	store.Blobs
	then func()
}

func (b *blobs) Open(ctx context.Context, name string) (store.Blob, error) {
	blob, err := b.Blobs.Open(ctx, name)
	if then := b.then; then != nil {
		b.then = nil
		then()
	}
	return blob, err
}

// A version that is deleted while it is made ready does not run in place of the
// one that has its ARN later.
func TestDeletedWhileLoaded(t *testing.T) {
	w := open(t)
	b := &blobs{Blobs: w.cfg.Blobs}
	w.cfg.Blobs = b
	w.reopen(t)
	in := request(t, "f", "exports.handler = async () => 'old'")
	in.Publish = true
	version := w.create(t, in).ARN + ":1"
	b.then = func() {
		if err := w.Delete(t.Context(), root(), "f", ""); err != nil {
			t.Error(err)
		}
	}
	if r, err := w.InvokeAt(t.Context(), "111122223333", version, function.Invocation{Payload: []byte("1")}); !errors.Is(err, lambda.ErrNotFound) {
		t.Errorf("InvokeAt() = %v, %v, want ErrNotFound", r, err)
	}
	in = request(t, "f", "exports.handler = async () => 'new'")
	in.Publish = true
	w.create(t, in)
	if r, err := w.InvokeAt(t.Context(), "111122223333", version, function.Invocation{Payload: []byte("1")}); err != nil || string(r.Payload) != `"new"` {
		t.Errorf("InvokeAt() of the function in its place = %v, %v, want new", r, err)
	}
}

// An event runs after a restart, and is tried three times.
func TestEvents(t *testing.T) {
	w := open(t)
	w.create(t, request(t, "f", "exports.handler = async () => { throw new Error('again') }"))
	if _, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Mode: lambda.Later}); err != nil {
		t.Fatal(err)
	}
	w.reopen(t)
	for i := range 3 {
		if n := w.queued(t); n != 1 {
			t.Fatalf("%d events queued before attempt %d, want 1", n, i+1)
		}
		if err := lambda.RunDue(w.Service, t.Context()); err != nil {
			t.Fatal(err)
		}
		w.cfg.Clock.Advance(3 * time.Minute)
	}
	if n := w.queued(t); n != 0 {
		t.Errorf("%d events queued at the end, want none", n)
	}
}

func (w *world) queued(t *testing.T) (n int) {
	t.Helper()
	err := w.cfg.Records.View(t.Context(), func(tx store.Reader) error {
		n = 0
		for _, err := range tx.Scan("lambda.event", store.Range{}) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}
