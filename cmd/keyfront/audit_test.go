package main

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// auditLog opens a new log with n records and returns what appends another.
func auditLog(t *testing.T, dir string, n int) (add func(request string)) {
	t.Helper()
	log, err := audit.Open(audit.Config{Dir: dir, HeadKeys: [][]byte{bytes.Repeat([]byte{1}, 32)}, SegmentBytes: 1 << 10, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	add = func(request string) {
		if err := log.Append(t.Context(), &audit.Record{Time: time.Unix(1e9, 0).UTC(), RequestID: request, Action: "kms:Encrypt"}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range n {
		add(fmt.Sprintf("old-%d", i))
	}
	return add
}

// requests are the request ids in lines of the log.
func requests(lines string) string {
	var ids []string
	for line := range strings.Lines(lines) {
		_, rest, _ := strings.Cut(line, `"request":"`)
		id, _, _ := strings.Cut(rest, `"`)
		ids = append(ids, id)
	}
	return strings.Join(ids, " ")
}

// Who follows a log sees each record once, whatever files they come in, beginning
// with as many old ones as were asked for.
func TestFollowTheLog(t *testing.T) {
	for lines, old := range map[int]string{0: "", 2: "old-28 old-29 "} {
		dir := t.TempDir()
		add := auditLog(t, dir, 30)
		log, err := audit.OpenReader(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer log.Close()
		var out strings.Builder
		f := follower{log: log, out: &out, next: 1}
		tail := auditTailCmd{Lines: lines}
		if err := tail.last(&f); err != nil {
			t.Fatal(err)
		}
		var want []string
		for i := range 20 { // over some files
			for j := range i % 3 {
				id := fmt.Sprintf("new-%d-%d", i, j)
				add(id)
				want = append(want, id)
			}
			if i == 10 {
				f.offset -= 3 // as if the file had been cut and written anew
			}
			if err := f.look(); err != nil {
				t.Fatal(err)
			}
		}
		if got, want := requests(out.String()), old+strings.Join(want, " "); got != want {
			t.Errorf("-n %d: printed %s, want %s", lines, got, want)
		}
	}
}

func TestTailOfAnEmptyLog(t *testing.T) {
	dir := t.TempDir()
	add := auditLog(t, dir, 0)
	log, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	var out strings.Builder
	f := follower{log: log, out: &out, next: 1}
	if err := (&auditTailCmd{}).last(&f); err != nil {
		t.Fatal(err)
	}
	add("first")
	if err := f.look(); err != nil || requests(out.String()) != "first" {
		t.Errorf("printed %s, %v", requests(out.String()), err)
	}
}

func TestAuditUsage(t *testing.T) {
	dir := t.TempDir()
	auditLog(t, dir, 1)
	for _, args := range []string{"search --limit=0", "search --limit=-1", "tail -n=-1"} {
		code, stdout, stderr := keyfront(t.Context(), append([]string{"audit"}, append(strings.Fields(args), "--audit-dir", dir)...)...)
		if code != exitUsage || stdout != "" {
			t.Errorf("audit %s = %d %q %q, want %d", args, code, stdout, stderr, exitUsage)
		}
	}
}

// Ctrl-C ends a check that may take minutes.
func TestInterruptedVerify(t *testing.T) {
	dir := t.TempDir()
	auditLog(t, dir, 3)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out bytes.Buffer
	check := auditVerifyCmd{auditFolder: auditFolder{AuditDir: dir}}
	if err := check.chain(ctx, env{stdout: &out, stderr: &out}, nil); err != context.Canceled || out.Len() > 0 {
		t.Errorf("an interrupted check: %v, %q", err, out.String())
	}
}
