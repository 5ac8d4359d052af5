package function_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
)

// confinedArgument makes the test binary a process that is confined as a worker.
const confinedArgument = "function-confined"

// TestMain lets the test binary be its own worker.
func TestMain(m *testing.M) {
	if len(os.Args) == 2 && os.Args[1] == function.Argument {
		os.Exit(function.Work())
	}
	if len(os.Args) == 2 && os.Args[1] == confinedArgument {
		if err := function.Confine(); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		tryAll()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// command starts the test binary as a worker.
func command(t testing.TB) []string {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	return []string{exe, function.Argument}
}

// newPool returns a pool of worker processes.
func newPool(t testing.TB, cfg function.Config) *function.Pool {
	t.Helper()
	cfg.Command = command(t)
	cfg.Log = slog.New(slog.NewTextHandler(t.Output(), nil))
	p := function.NewPool(cfg)
	t.Cleanup(p.Close)
	return p
}

// nodeFunction loads a function of one file, index.js.
func nodeFunction(t testing.TB, p *function.Pool, code string) *function.Function {
	t.Helper()
	return load(t, p, function.Spec{Handler: "index.handler"}, map[string]string{"index.js": code})
}

// load fills in what a test leaves out.
func load(t testing.TB, p *function.Pool, s function.Spec, files map[string]string) *function.Function {
	t.Helper()
	if s.Runtime == "" {
		s.Runtime = function.NodeJS
	}
	if s.Name == "" {
		s.Name = "arn:aws:lambda:us-east-1:000000000000:function:" + t.Name() + ":1"
	}
	if s.Timeout == 0 {
		s.Timeout = time.Minute // a busy machine is no reason to fail
	}
	if s.Account == "" {
		s.Account = "000000000000"
	}
	var err error
	if s.Package, err = function.NewPackage(files); err != nil {
		t.Fatal(err)
	}
	f, err := p.Load(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(f.Close)
	return f
}

// invoke runs f and returns what it returned.
func invoke(t testing.TB, f *function.Function, event string) string {
	t.Helper()
	r, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r1", Payload: []byte(event)})
	if err != nil {
		t.Fatalf("Invoke: %v\n%s", err, logOf(r))
	}
	return string(r.Payload)
}

// refused runs f, which must fail, and returns the failure.
func refused(t testing.TB, f *function.Function, event string) (*function.Result, error) {
	t.Helper()
	r, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r1", Payload: []byte(event)})
	if err == nil {
		t.Fatalf("Invoke = %s, want an error", r.Payload)
	}
	return r, err
}

func logOf(r *function.Result) string {
	if r == nil {
		return ""
	}
	var lines []string
	for _, l := range r.Log {
		lines = append(lines, l.Level+" "+l.Text)
	}
	return strings.Join(lines, "\n")
}

// failure wants err to be what a function threw.
func failure(t testing.TB, err error) *function.Failure {
	t.Helper()
	var f *function.Failure
	if !errors.As(err, &f) {
		t.Fatalf("error = %v, want a *Failure", err)
	}
	return f
}

// value decodes JSON for comparisons.
func value(t testing.TB, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return v
}

func rsaKey(t testing.TB) string {
	t.Helper()
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	return encodeKey(t, k)
}

func ecKey(t testing.TB) string {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return encodeKey(t, k)
}

func encodeKey(t testing.TB, k any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}
