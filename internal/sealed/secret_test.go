package sealed_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	const bytesOfSecret = "correct horse"
	forms := []string{bytesOfSecret, fmt.Sprint([]byte(bytesOfSecret)), fmt.Sprintf("%x", bytesOfSecret), fmt.Sprintf("%#v", []byte(bytesOfSecret))}
	s := sealed.NewSecret([]byte(bytesOfSecret))
	type holder struct {
		Exported   sealed.Secret
		unexported sealed.Secret
		pointer    *sealed.Secret
	}
	h := holder{s, s, &s}
	for _, value := range []any{s, &s, h, &h, []sealed.Secret{s}, map[string]any{"k": s}, fmt.Errorf("oops %v", s)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%t", "%p", "%!"} {
			got := fmt.Sprintf(verb, value)
			for _, form := range forms {
				if strings.Contains(strings.ToLower(got), strings.ToLower(form)) {
					t.Errorf("Sprintf(%q, %T) shows the secret", verb, value)
				}
			}
		}
	}
	if got := fmt.Sprintf("%s|%x", s, s); got != "[secret]|[secret]" {
		t.Errorf("Sprintf = %q, want [secret] twice", got)
	}

	for name, handler := range map[string]func(*bytes.Buffer) slog.Handler{
		"text": func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
		"json": func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("x", "key", s, "in", h)
		for _, form := range forms {
			if strings.Contains(out.String(), form) {
				t.Errorf("slog %s shows the secret", name)
			}
		}
		if !strings.Contains(out.String(), "[secret]") {
			t.Errorf("slog %s = %s, want [secret]", name, out.String())
		}
	}

	if b, err := json.Marshal(s); err == nil {
		t.Errorf("json.Marshal = %s, want an error", b)
	}
	if b, err := xml.Marshal(s); err == nil {
		t.Errorf("xml.Marshal = %s, want an error", b)
	}
}

func TestSecret(t *testing.T) {
	source := []byte("abc")
	s := sealed.NewSecret(source)
	source[0] = 'x'
	if got := string(s.Reveal()); got != "abc" {
		t.Errorf("Reveal = %q after the source changed, want abc", got)
	}
	if !s.Equal(sealed.NewSecret([]byte("abc"))) || s.Equal(sealed.NewSecret([]byte("abd"))) || s.Equal(sealed.Secret{}) {
		t.Error("Equal does not compare the bytes")
	}
	if a, b := sealed.RandomSecret(32), sealed.RandomSecret(32); a.Len() != 32 || a.Equal(b) {
		t.Error("RandomSecret is not random")
	}
	shared := s
	s.Wipe()
	if got := shared.Reveal(); !bytes.Equal(got, make([]byte, 3)) {
		t.Errorf("Reveal = %q after Wipe, want zeros", got)
	}
	var zero sealed.Secret
	zero.Wipe()
	if zero.Len() != 0 || zero.Reveal() != nil {
		t.Error("the zero Secret holds something")
	}
}
