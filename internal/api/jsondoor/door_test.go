package jsondoor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/jsondoor"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

var (
	errTaken  = errors.New("greeting: name is taken")
	errSecret = errors.New("the disk at /var is on fire")
)

type greeting struct{ Name *string }

type answer struct{ Text string }

// serve asks a service of one operation, Greet.
func serve(t *testing.T, target, body string) *httptest.ResponseRecorder {
	t.Helper()
	door := jsondoor.New(jsondoor.Service{
		Target: "Greeter", Fault: "InternalServiceError", Log: slog.New(slog.DiscardHandler),
		Operations: map[string]jsondoor.Operation{
			"Greet": jsondoor.Answers([]awsjson.Rule{{Member: "Name", Required: true, Length: awsjson.Between(2, 9)}},
				func(_ context.Context, _ access.Caller, in *greeting) (*answer, error) {
					switch *in.Name {
					case "taken":
						return nil, fmt.Errorf("greet: %w", refusal.New(errTaken, "Name is taken."))
					case "broken":
						return nil, errSecret
					}
					return &answer{"hello " + *in.Name}, nil
				}),
		},
		Failures: []jsondoor.Failure{{Err: errTaken, Status: http.StatusBadRequest, Code: "NameTaken"}},
	})
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil)
	r.Header.Set("X-Amz-Target", target)
	door.Serve(w, &front.Request{Request: r, ID: "r1", Body: []byte(body)})
	return w
}

func TestServe(t *testing.T) {
	tests := []struct {
		name, target, body string
		status             int
		want               string
	}{
		{"answer", "Greeter.Greet", `{"Name":"ann"}`, 200, `{"Text":"hello ann"}`},
		{"unknown operation", "Greeter.Bow", `{}`, 400, `{"__type":"UnknownOperationException"}`},
		{"another service", "Other.Greet", `{"Name":"ann"}`, 400, `{"__type":"UnknownOperationException"}`},
		{"no JSON", "Greeter.Greet", `{`, 400, `{"__type":"SerializationException"`},
		{"missing member", "Greeter.Greet", `{}`, 400, `Value null at 'name' failed to satisfy constraint: Member must not be null`},
		{"member too short", "Greeter.Greet", `{"Name":"a"}`, 400, `{"__type":"ValidationException"`},
		{"refusal of the domain", "Greeter.Greet", `{"Name":"taken"}`, 400, `{"__type":"NameTaken","message":"Name is taken."}`},
		{"fault of ours", "Greeter.Greet", `{"Name":"broken"}`, 500, `{"__type":"InternalServiceError","Message":"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := serve(t, tt.target, tt.body)
			if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) || strings.Contains(w.Body.String(), "/var") {
				t.Errorf("%d %s, want %d with %s", w.Code, w.Body, tt.status, tt.want)
			}
			if got := w.Header().Get("X-Amzn-Requestid"); got != "r1" {
				t.Errorf("request id %q", got)
			}
		})
	}
}

// Every error that the gate and the front export has its form on the wire.
func TestEveryErrorIsInTheTable(t *testing.T) {
	ours := map[string]bool{ // these are our fault, and meant to be internal errors
		"access.ErrNotRecorded": true, "access.ErrUndecided": true, "access.ErrNoDenial": true,
	}
	inTable := make(map[string]bool)
	for _, f := range jsondoor.CommonFailures {
		inTable[f.Err.Error()] = true
	}
	for _, pkg := range []string{"../../access", "../front"} {
		for name, text := range doortest.Errors(t, pkg) {
			name = filepath.Base(pkg) + "." + name
			if !inTable[text] && !ours[name] {
				t.Errorf("%s (%q) is not in the table", name, text)
			}
		}
	}
}
