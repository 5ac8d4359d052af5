package doortest

import (
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/front"
)

// Serve returns a function that asks one operation of a service, the prefix of
// X-Amz-Target, as Ask does, and wants an answer of that status with want in its body.
// No answer may tell of accesstest.ErrDisk.
func Serve(t *testing.T, d front.Door, service string) func(operation, body string, status int, want string) {
	return func(operation, body string, status int, want string) {
		t.Helper()
		w := Ask(d, service+"."+operation, body)
		if got := w.Body.String(); w.Code != status || !strings.Contains(got, want) || strings.Contains(got, accesstest.ErrDisk.Error()) {
			t.Errorf("%s %s: %d %s, want %d with %s", operation, body, w.Code, got, status, want)
		}
	}
}

// Fuzz sends bodies to operations of a service: whatever the body, the fault is never
// ours.
func Fuzz(f *testing.F, d front.Door, service string, operations []string, seeds ...string) {
	f.Helper()
	for _, body := range seeds {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		if strings.Contains(body, accesstest.BrokenKey) {
			t.Skip("asks for a fault")
		}
		for _, operation := range operations {
			if w := Ask(d, service+"."+operation, body); w.Code >= 500 {
				t.Errorf("%s %q: %d %s", operation, body, w.Code, w.Body)
			}
		}
	})
}
