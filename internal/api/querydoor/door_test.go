package querydoor_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/wire/query"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

var (
	errTaken  = errors.New("name is taken")
	errSecret = errors.New("the disk at /var is on fire")
)

// serve asks a service of one operation, Greet, with the parameters of body. It
// returns what the operation's run was given, if it came to that.
func serve(t *testing.T, body string) (answer *httptest.ResponseRecorder, ran string) {
	t.Helper()
	door := querydoor.New(querydoor.Service{
		Namespace: "https://example.com/doc/2010-05-08/", Version: "2010-05-08",
		Operations: map[string]querydoor.Operation{
			"Greet": func(f query.Form) querydoor.Run {
				name := f.String("Name")
				return func(context.Context, access.Caller) (any, error) {
					ran = name
					switch name {
					case "taken":
						return nil, fmt.Errorf("greet: %w", errTaken)
					case "broken":
						return nil, errSecret
					}
					return struct{ Greeting string }{"hello <" + name + ">"}, nil
				}
			},
		},
		Failures: []querydoor.Failure{{Err: errTaken, Status: http.StatusConflict, Code: "EntityAlreadyExists"}},
		Log:      slog.New(slog.DiscardHandler),
	})
	w := httptest.NewRecorder()
	door.Serve(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), ID: "r1", Body: []byte(body)})
	return w, ran
}

func TestServe(t *testing.T) {
	tests := []struct {
		name, body string
		status     int
		ran        string
		want       []string
	}{
		{"answer", "Action=Greet&Version=2010-05-08&Name=ann", 200, "ann", []string{
			`<GreetResponse xmlns="https://example.com/doc/2010-05-08/">`, "<Greeting>hello &lt;ann&gt;</Greeting>", "<RequestId>r1</RequestId>",
		}},
		{"no version", "Action=Greet&Name=ann", 200, "ann", nil},
		{"another version", "Action=Greet&Version=2009-01-01&Name=ann", 400, "", []string{"<Code>InvalidAction</Code>", "Could not find operation Greet for version 2009-01-01"}},
		{"unknown operation", "Action=Bow&Version=2010-05-08", 400, "", []string{"<Code>InvalidAction</Code>"}},
		{"missing parameter", "Action=Greet&Version=2010-05-08", 400, "", []string{
			"<Code>ValidationError</Code>", "Value null at &#39;name&#39; failed to satisfy constraint: Member must not be null",
		}},
		{"parameter that we lack", "Action=Greet&Version=2010-05-08&Name=ann&Loud=true", 400, "", []string{"<Code>ValidationError</Code>", "The parameter Loud is not supported for this operation."}},
		{"not a form", "Action=%zz", 400, "", []string{"<Type>Sender</Type>"}},
		{"error of the domain", "Action=Greet&Name=taken", 409, "taken", []string{"<Code>EntityAlreadyExists</Code>", "<Message>greet: name is taken</Message>", "<Type>Sender</Type>"}},
		{"fault of ours", "Action=Greet&Name=broken", 500, "broken", []string{"<Code>InternalFailure</Code>", "<Type>Receiver</Type>"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w, ran := serve(t, tt.body)
			if w.Code != tt.status || ran != tt.ran {
				t.Errorf("status %d, ran with %q; want %d, %q", w.Code, ran, tt.status, tt.ran)
			}
			for _, want := range tt.want {
				if !strings.Contains(w.Body.String(), want) {
					t.Errorf("answer %s lacks %s", w.Body, want)
				}
			}
			if strings.Contains(w.Body.String(), "/var") {
				t.Errorf("answer tells of the inside: %s", w.Body)
			}
			if got := w.Header().Get("X-Amzn-Requestid"); got != "r1" {
				t.Errorf("request id %q", got)
			}
		})
	}
}

// Each refusal has the name under which clients of IAM and STS know it.
func TestErrorCode(t *testing.T) {
	for err, want := range map[error]string{
		access.ErrDenied:                      "AccessDenied",
		front.ErrNoAuthentication:             "MissingAuthenticationToken",
		front.ErrUnknownAccessKey:             "InvalidClientTokenId",
		front.ErrExpiredToken:                 "ExpiredToken",
		front.ErrBodyTooLarge:                 "RequestEntityTooLarge",
		sigv4.ErrSigV2:                        "IncompleteSignature",
		&sigv4.MismatchError{}:                "SignatureDoesNotMatch",
		&sigv4.SkewError{}:                    "SignatureDoesNotMatch",
		fmt.Errorf("operation: %w", errTaken): "InternalFailure",
	} {
		if got := querydoor.ErrorCode(nil, err); got != want {
			t.Errorf("%v is %s, want %s", err, got, want)
		}
	}
}
