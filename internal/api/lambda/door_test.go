package lambda_test

import (
	"errors"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/api/lambda"
	domain "github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// What functions lack is refused by its name before anything is done: the door has
// no service here that it could ask.
func TestRefused(t *testing.T) {
	door := lambda.New(nil, slog.New(slog.DiscardHandler))
	const functions = "/2015-03-31/functions"
	for _, tt := range []struct{ method, path, body, names string }{
		{"POST", functions, `{"FunctionName":"f","Layers":["l"]}`, "Layers"},
		{"POST", functions, `{"FunctionName":"f","Novelty":{"On":true}}`, "Novelty"},
		{"POST", functions, `{"FunctionName":"f","EphemeralStorage":{"Size":512,"Novelty":1}}`, "Novelty"},
		{"POST", functions, `{"FunctionName":"f"} {"Layers":["l"]}`, "more behind"},
		{"PUT", functions + "/f/configuration", `{"Novelty":true}`, "Novelty"},
		{"PUT", functions + "/f/code", `{"Novelty":true}`, "Novelty"},
		{"POST", functions + "/f/versions", `{"Novelty":true}`, "Novelty"},
		{"POST", functions + "/f/policy", `{"Novelty":true}`, "Novelty"},
		{"POST", functions + "/f/aliases", `{"Novelty":true}`, "Novelty"},
		{"GET", functions + "?MasterRegion=ALL", "", "MasterRegion"},
		{"GET", functions + "?MaxItems=0", "", "maxItems"},
		{"GET", functions + "?MaxItems=10001", "", "maxItems"},
	} {
		w := httptest.NewRecorder()
		door.Serve(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), tt.method, tt.path, nil), ID: "REQUEST", Body: []byte(tt.body)})
		if got := w.Body.String(); w.Code != 400 || !strings.Contains(got, tt.names) {
			t.Errorf("%s %s with %s = %d %s, want a refusal that names %s", tt.method, tt.path, tt.body, w.Code, got, tt.names)
		}
	}
}

// The model spells the text of each error in one of two ways.
func TestSpelling(t *testing.T) {
	door := lambda.New(nil, slog.New(slog.DiscardHandler))
	for err, want := range map[error]string{
		refusal.New(domain.ErrNotFound, "gone"): `{"Message":"gone","Type":"User"}`,
		refusal.New(domain.ErrConflict, "here"): `{"Type":"User","message":"here"}`,
		errors.New("disk full"):                 `{"Message":"The request failed because of an internal error. Try again.","Type":"Service"}`,
	} {
		w := httptest.NewRecorder()
		door.Refuse(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), "GET", "/", nil), ID: "REQUEST"}, err)
		if got := w.Body.String(); got != want {
			t.Errorf("Refuse(%v) answers %s, want %s", err, got, want)
		}
	}
}
