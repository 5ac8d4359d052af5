package audit_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// zeros is the hash before the first record.
var zeros = strings.Repeat("0", 64)

// FuzzParse: what is read as a record has a number and a hash to follow.
func FuzzParse(f *testing.F) {
	dir := f.TempDir()
	l := open(f, dir, 0)
	appendAll(f, l, 2)
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil {
		f.Fatal(err)
	}
	b, err := os.ReadFile(names[0])
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(b) {
		f.Add(bytes.TrimSuffix(line, []byte("\n")))
	}
	f.Add([]byte(`{"seq":1,"prev":""}`))
	f.Add([]byte(`{"seq":-1}`))
	f.Add([]byte(`{"seq":1,"seq":2,"prev":"` + zeros + `"}`))
	f.Add([]byte(`{"seq":01,"prev":"` + zeros + `","who":{"mfa":true},"agent":"\u0041\u2028"} `))
	f.Fuzz(func(t *testing.T, line []byte) {
		if own, ok := audit.ParseOwn(string(line)); ok {
			var want audit.Entry
			if err := json.Unmarshal(line, &want); err != nil || !reflect.DeepEqual(*own, want) {
				t.Errorf("read %+v, want %+v, %v", own, want, err)
			}
		}
		e, err := audit.Parse(line)
		if err != nil {
			return
		}
		if _, err := hex.DecodeString(e.Prev); err != nil || e.Seq == 0 || len(e.Prev) != 64 {
			t.Errorf("record %d follows %q", e.Seq, e.Prev)
		}
	})
}

// FuzzHead: nothing but what the key holder wrote is believed.
func FuzzHead(f *testing.F) {
	dir := f.TempDir()
	l := open(f, dir, 0)
	appendAll(f, l, 3)
	if err := l.Close(); err != nil {
		f.Fatal(err)
	}
	written, err := os.ReadFile(filepath.Join(dir, "head"))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(written)
	f.Add(written[:72])
	f.Add(written[:100])
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		next, err := audit.ReadHead(b, headKeys)
		switch {
		case len(b) == 0 && (err != nil || next != 0):
			t.Errorf("an empty head = %d, %v", next, err)
		case len(b) == 0 || errors.Is(err, audit.ErrTampered):
		case err != nil:
			t.Errorf("ReadHead = %v, want ErrTampered", err)
		case !slotOf(b, written):
			t.Errorf("head %x is believed: record %d", b, next)
		}
	})
}

// slotOf reports whether b has one of the slots that were written.
func slotOf(b, written []byte) bool {
	const size = 72
	for i := 0; i+size <= min(len(b), 2*size); i += size {
		for j := 0; j < len(written); j += size {
			if bytes.Equal(b[i:i+size], written[j:j+size]) {
				return true
			}
		}
	}
	return false
}
