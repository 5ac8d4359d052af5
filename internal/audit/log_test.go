package audit_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

var headKeys = [][]byte{bytes.Repeat([]byte{7}, 32)}

func open(t testing.TB, dir string, segmentBytes int64) *audit.Log {
	t.Helper()
	l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: headKeys, SegmentBytes: segmentBytes, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func record(i int) *audit.Record {
	return &audit.Record{
		Time:      time.Date(2026, 11, 22, 1, 2, 3, i, time.UTC),
		RequestID: fmt.Sprintf("request-%d", i),
		Region:    "us-east-1",
		Who: audit.Identity{
			Type: "Root", ARN: "arn:aws:iam::000000000000:root", Account: "000000000000",
			PrincipalID: "000000000000", AccessKeyID: "AKIAEXAMPLE",
		},
		SourceIP:   netip.MustParseAddr("127.0.0.1"),
		UserAgent:  "agent \"quoted\" \\ \x01 \xff é",
		Action:     "kms:Encrypt",
		Resources:  []string{"arn:aws:kms:us-east-1:000000000000:key/1"},
		Parameters: []audit.Pair{{Name: "keyId", Value: "1"}},
		Context:    []audit.Pair{{Name: "purpose", Value: "test"}},
		Decision:   audit.Allowed,
	}
}

func appendAll(t testing.TB, l *audit.Log, n int) {
	t.Helper()
	for i := range n {
		if err := l.Append(t.Context(), record(i)); err != nil {
			t.Fatal(err)
		}
	}
}

func TestAppendReadsBack(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var seen []string
	for e, err := range audit.Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		seen = append(seen, fmt.Sprintf("%d %s %s %s %v %s %q", e.Seq, e.RequestID, e.Action, e.Who.ARN, e.Context, e.Decision, e.UserAgent))
	}
	want := `2 request-1 kms:Encrypt arn:aws:iam::000000000000:root map[purpose:test] allowed "agent \"quoted\" \\ \x01 � é"`
	if len(seen) != 3 || seen[1] != want {
		t.Errorf("entries = %q, want the second %q", seen, want)
	}
	rep, err := audit.Verify(t.Context(), dir, headKeys)
	if err != nil || rep.Records != 3 || rep.Files != 1 {
		t.Errorf("Verify = %+v, %v, want 3 records in 1 file", rep, err)
	}
}

func TestReopenContinuesTheChain(t *testing.T) {
	dir := t.TempDir()
	for range 4 {
		l := open(t, dir, 900)
		appendAll(t, l, 3)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
	}
	rep, err := audit.Verify(t.Context(), dir, headKeys)
	if err != nil || rep.Records != 12 || rep.Files < 3 {
		t.Errorf("Verify = %+v, %v, want 12 records in several files", rep, err)
	}
}

func TestConcurrentAppendsAllArrive(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 20_000)
	const writers, each = 16, 50
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range each {
				if err := l.Append(t.Context(), record(w*each+i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(t.Context(), record(0)); !errors.Is(err, audit.ErrClosed) {
		t.Errorf("Append after Close = %v, want ErrClosed", err)
	}
	seen := map[string]bool{}
	for e, err := range audit.Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		seen[e.RequestID] = true
	}
	if len(seen) != writers*each {
		t.Errorf("%d records, want %d", len(seen), writers*each)
	}
	if _, err := audit.Verify(t.Context(), dir, headKeys); err != nil {
		t.Error(err)
	}
}

// logFiles returns the paths of the log's segments, oldest first.
func logFiles(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(dir, "*.log"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no segments: %v", err)
	}
	return names
}

func TestEveryChangeIsFound(t *testing.T) {
	edit := func(f func(string) string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			name := logFiles(t, dir)[0]
			b, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(name, []byte(f(string(b))), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	tests := []struct {
		name   string
		tamper func(t *testing.T, dir string)
	}{
		{"changed byte", edit(func(s string) string { return strings.Replace(s, "request-1", "request-9", 1) })},
		{"removed record", edit(func(s string) string { i := strings.Index(s, "\n"); return s[i+1:] })},
		{"swapped records", edit(func(s string) string {
			p := strings.SplitAfterN(s, "\n", 3)
			return p[1] + p[0] + p[2]
		})},
		{"added record", edit(func(s string) string { return s[:strings.Index(s, "\n")+1] + s })},
		{"cut at a record", func(t *testing.T, dir string) {
			names := logFiles(t, dir)
			last := names[len(names)-1]
			b, err := os.ReadFile(last)
			if err != nil {
				t.Fatal(err)
			}
			i := bytes.LastIndexByte(b[:len(b)-1], '\n') + 1
			if err := os.WriteFile(last, b[:i], 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"first file removed", func(t *testing.T, dir string) { remove(t, logFiles(t, dir)[0]) }},
		{"middle file removed", func(t *testing.T, dir string) { remove(t, logFiles(t, dir)[1]) }},
		{"last file removed", func(t *testing.T, dir string) { n := logFiles(t, dir); remove(t, n[len(n)-1]) }},
		{"last record changed and rechained", func(t *testing.T, dir string) {
			names := logFiles(t, dir)
			last := names[len(names)-1]
			b, err := os.ReadFile(last)
			if err != nil {
				t.Fatal(err)
			}
			i := bytes.LastIndex(b, []byte("allowed"))
			copy(b[i:], "denied!")
			if err := os.WriteFile(last, b, 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"head forged", func(t *testing.T, dir string) {
			if err := os.WriteFile(filepath.Join(dir, "head"), make([]byte, 144), 0o600); err != nil {
				t.Fatal(err)
			}
		}},
		{"head removed", func(t *testing.T, dir string) { remove(t, filepath.Join(dir, "head")) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, 1500)
			appendAll(t, l, 10)
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if len(logFiles(t, dir)) < 3 {
				t.Fatal("want at least 3 segments")
			}
			if _, err := audit.Verify(t.Context(), dir, headKeys); err != nil {
				t.Fatalf("Verify before = %v", err)
			}
			tt.tamper(t, dir)
			if rep, err := audit.Verify(t.Context(), dir, headKeys); !errors.Is(err, audit.ErrTampered) {
				t.Errorf("Verify = %+v, %v, want ErrTampered", rep, err)
			}
		})
	}
}

func remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(name); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesACutLog(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	name := logFiles(t, dir)[0]
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, b[:bytes.IndexByte(b, '\n')+1], 0o600); err != nil {
		t.Fatal(err)
	}
	_, err = audit.Open(audit.Config{Dir: dir, HeadKeys: headKeys, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Open = %v, want ErrTampered", err)
	}
}

func TestOpenRefusesALogWithoutHead(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 1)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	remove(t, filepath.Join(dir, "head"))
	_, err := audit.Open(audit.Config{Dir: dir, HeadKeys: headKeys, Log: slog.New(slog.DiscardHandler)})
	if !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Open = %v, want ErrTampered", err)
	}
}

func TestHeadFollowsARotation(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	next := bytes.Repeat([]byte{8}, 32)
	l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: [][]byte{next, headKeys[0]}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Verify(t.Context(), dir, [][]byte{next}); err != nil {
		t.Error(err)
	}
	if _, err := audit.Verify(t.Context(), dir, [][]byte{bytes.Repeat([]byte{9}, 32)}); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Verify under a foreign key = %v, want ErrTampered", err)
	}
}

func TestRekeyWhileWriting(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	next := bytes.Repeat([]byte{8}, 32)
	var wg sync.WaitGroup
	wg.Go(func() { appendAll(t, l, 100) })
	if err := l.Rekey(next); err != nil {
		t.Error(err)
	}
	// A crash at this point: the old key is not needed any more.
	if _, err := audit.Verify(t.Context(), dir, [][]byte{next}); err != nil {
		t.Errorf("Verify under the new key = %v", err)
	}
	wg.Wait()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, [][]byte{next}); err != nil || rep.Records != 100 {
		t.Errorf("Verify = %+v, %v, want 100 records", rep, err)
	}
}

func TestTornRecordIsRemovedAtOpen(t *testing.T) {
	for cut := 1; cut < 60; cut += 7 {
		dir := t.TempDir()
		l := open(t, dir, 0)
		appendAll(t, l, 2)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		name := logFiles(t, dir)[0]
		f, err := os.OpenFile(name, os.O_APPEND|os.O_WRONLY, 0)
		if err != nil {
			t.Fatal(err)
		}
		torn := []byte(`{"seq":3,"prev":"0011223344556677889900112233445566778899","ti`)[:cut]
		if _, err := f.Write(torn); err != nil {
			t.Fatal(err)
		}
		f.Close()
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.TornBytes != int64(cut) {
			t.Errorf("Verify of a torn log = %+v, %v, want %d torn bytes", rep, err, cut)
		}
		l = open(t, dir, 0)
		appendAll(t, l, 1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 3 || rep.TornBytes != 0 {
			t.Errorf("Verify after reopening = %+v, %v, want 3 whole records", rep, err)
		}
	}
}

// A disk that fails must cost the callers of that moment an error, and nothing else.
func TestFailedWritesLeaveTheLogWhole(t *testing.T) {
	for _, fault := range []audit.Fault{audit.FaultWriteNothing, audit.FaultWriteHalf, audit.FaultWriteAll, audit.FaultSync} {
		t.Run(fault.String(), func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, 0)
			appendAll(t, l, 2)
			restore := audit.InjectFault(l, fault)
			if err := l.Append(t.Context(), record(100)); err == nil {
				t.Error("Append on a failing disk = nil, want an error")
			}
			restore()
			if err := l.Append(t.Context(), record(3)); err != nil {
				t.Errorf("Append afterwards = %v", err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			var ids []string
			for e, err := range audit.Entries(dir) {
				if err != nil {
					t.Fatal(err)
				}
				ids = append(ids, e.RequestID)
			}
			if want := "[request-0 request-1 request-3]"; fmt.Sprint(ids) != want {
				t.Errorf("records = %v, want %s", ids, want)
			}
			if _, err := audit.Verify(t.Context(), dir, headKeys); err != nil {
				t.Error(err)
			}
		})
	}
}

// A file that cannot be begun costs the calls of that moment and no more.
func TestFileThatCannotBeBegun(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 900)
	appendAll(t, l, 2)
	var before uint64
	for {
		rep, err := audit.Verify(t.Context(), dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		// The next file's name is taken by something that is none; when it is
		// needed, only the log knows.
		name := filepath.Join(dir, fmt.Sprintf("%020d-%s.log", rep.Records+1, rep.Last))
		if err := os.Mkdir(name, 0o700); err != nil {
			t.Fatal(err)
		}
		err = l.Append(t.Context(), record(0))
		remove(t, name)
		if before = rep.Records; err != nil {
			break
		}
		if before > 20 {
			t.Fatal("no file was begun")
		}
	}
	appendAll(t, l, 5)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != before+5 || rep.Files < 2 {
		t.Errorf("Verify = %+v, %v, want %d records in several files", rep, err, before+5)
	}
}

func TestHugeParameterIsCut(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	r := record(1)
	r.UserAgent = strings.Repeat("x", 1<<20)
	if err := l.Append(t.Context(), r); err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	for e, err := range audit.Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		if len(e.UserAgent) > 9000 {
			t.Errorf("user agent of %d bytes was kept", len(e.UserAgent))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			l := open(b, b.TempDir(), 0)
			defer l.Close()
			b.ReportAllocs()
			r := record(1)
			b.SetParallelism(max(1, writers/2))
			if writers == 1 {
				for b.Loop() {
					if err := l.Append(b.Context(), r); err != nil {
						b.Fatal(err)
					}
				}
				return
			}
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if err := l.Append(b.Context(), r); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}

// full is a record with every member.
func full() *audit.Record {
	r := record(7)
	r.Who = audit.Identity{
		Type: "AssumedRole", ARN: "arn", Account: "111122223333", PrincipalID: "AROA:s", Name: "n", AccessKeyID: "ASIA", Issuer: "role",
		Since: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC), MFA: true, Provider: "idp", SourceARN: "source",
	}
	r.InvokedBy, r.Operation, r.Owner, r.Error, r.Message, r.Corrects = "s3", "PutObject", "444455556666", "Code", "line\nof \"text\"", true
	r.Resources = append(r.Resources, "second")
	r.Parameters = append(r.Parameters, audit.Pair{Name: "b", Value: ""})
	return r
}

func TestReaderFollowsTheFiles(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 900)
	defer l.Close()
	r, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	appendAll(t, l, 9)
	if err := l.Append(t.Context(), full()); err != nil {
		t.Fatal(err)
	}
	if got := l.Acknowledged(); got != 11 {
		t.Errorf("Acknowledged = %d, want 11", got)
	}
	segments, err := r.Segments()
	if err != nil || len(segments) < 3 {
		t.Fatalf("%d segments, %v", len(segments), err)
	}
	next := uint64(1)
	for _, s := range segments {
		if s.First != next {
			t.Errorf("segment %s begins with %d, want %d", s.Name, s.First, next)
		}
		var middle int64
		for line, err := range r.Lines(s, 0) {
			if err != nil || line.Seq != next {
				t.Fatalf("record %d is %d, %v", next, line.Seq, err)
			}
			e, err := audit.Parse(line.Text)
			if err != nil || e.Seq != next {
				t.Fatalf("record %d: %+v, %v", next, e, err)
			}
			if _, own := audit.ParseOwn(string(line.Text)); !own {
				t.Errorf("the quick parser gives up on %s", line.Text)
			}
			middle = line.Offset
			next++
		}
		for line, err := range r.Lines(s, middle) {
			if err != nil || line.Seq != next-1 {
				t.Errorf("from offset %d: record %d, %v, want %d", middle, line.Seq, err, next-1)
			}
		}
	}
	if next != 11 {
		t.Errorf("read to record %d, want 10", next-1)
	}
}

func BenchmarkParse(b *testing.B) {
	dir := b.TempDir()
	l := open(b, dir, 0)
	appendAll(b, l, 1)
	l.Close()
	r, err := audit.OpenReader(dir)
	if err != nil {
		b.Fatal(err)
	}
	segments, err := r.Segments()
	if err != nil {
		b.Fatal(err)
	}
	for line := range r.Lines(segments[0], 0) {
		text := bytes.Clone(line.Text)
		b.SetBytes(int64(len(text)))
		b.ReportAllocs()
		for b.Loop() {
			if _, err := audit.Parse(text); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func TestLogThatWasTakenAway(t *testing.T) {
	dir := t.TempDir()
	cfg := audit.Config{Dir: dir, HeadKeys: headKeys, Existing: true, Log: slog.New(slog.DiscardHandler)}
	if _, err := audit.Open(cfg); !errors.Is(err, audit.ErrTampered) {
		t.Fatalf("Open without a log = %v, want ErrTampered", err)
	}
	if err := audit.Begin(dir, headKeys[0]); err != nil {
		t.Fatal(err)
	}
	for want := range uint64(3) {
		l, err := audit.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		appendAll(t, l, 1)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != want+1 {
			t.Errorf("Verify = %+v, %v, want %d records", rep, err, want+1)
		}
	}
	if err := audit.Begin(dir, headKeys[0]); err == nil {
		t.Error("Begin over a log succeeded")
	}
}
