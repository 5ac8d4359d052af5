package refusal_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/keyfront-project/keyfront/internal/refusal"
)

func TestError(t *testing.T) {
	errTaken, errOther := errors.New("names: taken"), errors.New("names: other")
	for _, tt := range []struct {
		err            error
		text, sentence string
	}{
		{refusal.New(errTaken, "Name %q is taken.", "a"), `Name "a" is taken.`, `Name "a" is taken.`},
		{refusal.New(errTaken, ""), "names: taken", ""},
	} {
		wrapped := fmt.Errorf("make a name: %w", tt.err)
		if !errors.Is(wrapped, errTaken) || errors.Is(wrapped, errOther) {
			t.Errorf("%v does not match its kind alone", wrapped)
		}
		if sentence, ok := refusal.Sentence(wrapped); !ok || tt.err.Error() != tt.text || sentence != tt.sentence {
			t.Errorf("%v has text %q and sentence %q, want %q and %q", wrapped, tt.err, sentence, tt.text, tt.sentence)
		}
	}
	if sentence, ok := refusal.Sentence(errTaken); ok || sentence != "" {
		t.Errorf("a bare kind says %q", sentence)
	}
}
