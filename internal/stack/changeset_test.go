package stack_test

import (
	"errors"
	"testing"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// A creation may be left as it failed; an update always rolls back, so who asks
// that it does not is refused, and nothing has changed.
func TestExecuteChangeSetOnFailure(t *testing.T) {
	w := &world{Records: memory.NewRecords(), things: map[string]string{}, left: -1}
	s := open(t, w, clock.Movable())
	defer s.Close()
	for _, step := range []struct {
		name, template string
		create         bool
		on             stack.OnFailure
		want           error
		values         int
	}{
		{"made", first, true, stack.DoNothing, nil, 3},
		{"kept", second, false, stack.DoNothing, stack.ErrInvalid, 3},
		{"changed", second, false, "", nil, 4},
	} {
		in := stack.Request{Name: "s", Template: step.template}
		if _, _, err := s.CreateChangeSet(t.Context(), root, step.name, "", step.create, in); err != nil {
			t.Fatal(err)
		}
		if err := s.ExecuteChangeSet(t.Context(), root, "s", step.name, "", step.on); !errors.Is(err, step.want) {
			t.Errorf("%s: ExecuteChangeSet = %v, want %v", step.name, err, step.want)
		}
		s.Wait(t.Context())
		if got := w.values(); len(got) != step.values {
			t.Errorf("%s: things are %q, want %d", step.name, got, step.values)
		}
	}
}
