package form_test

import (
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/form"
)

func TestForm(t *testing.T) {
	f := form.New(`^rate\((\d+) (hour|day)s?\)$`)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if !f.MatchString("rate(7 days)") || f.MatchString("rate(7 weeks)") {
				t.Error("MatchString tells texts apart that the expression does not, or takes them for one")
			}
		})
	}
	all.Wait()
	if m := f.FindStringSubmatch("rate(7 days)"); len(m) != 3 || m[1] != "7" || m[2] != "day" {
		t.Errorf("FindStringSubmatch = %q", m)
	}
	words := form.New(`<(\w)>`)
	if m := words.FindAllStringSubmatch("<a><b>", -1); len(m) != 2 || m[1][1] != "b" {
		t.Errorf("FindAllStringSubmatch = %q", m)
	}
	if at := words.FindAllStringSubmatchIndex("-<a>", -1); len(at) != 1 || at[0][2] != 2 {
		t.Errorf("FindAllStringSubmatchIndex = %v", at)
	}
}

func TestMalformed(t *testing.T) {
	f := form.New("(")
	defer func() {
		if recover() == nil {
			t.Error("a malformed expression matched")
		}
	}()
	f.MatchString("")
}
