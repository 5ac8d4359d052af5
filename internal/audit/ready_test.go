package audit_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// A log that could not be written says so until the disk takes records again, also
// where nobody appends, and what it tries leaves no trace.
func TestReady(t *testing.T) {
	for _, fault := range []audit.Fault{audit.FaultWriteNothing, audit.FaultWriteHalf, audit.FaultWriteAll, audit.FaultSync} {
		t.Run(fault.String(), func(t *testing.T) {
			dir := t.TempDir()
			l := open(t, dir, 0)
			add := func() error {
				return l.Append(t.Context(), &audit.Record{Time: time.Unix(1e9, 0), RequestID: "r", Action: "kms:Encrypt"})
			}
			if err := add(); err != nil {
				t.Fatal(err)
			}
			if err := l.Ready(); err != nil {
				t.Errorf("Ready of a good log = %v", err)
			}
			mend := audit.InjectFault(l, fault)
			if err := add(); err == nil {
				t.Fatal("a failed write was acknowledged")
			}
			for range 2 {
				if err := l.Ready(); err == nil {
					t.Error("Ready of a log that cannot be written = nil")
				}
			}
			mend()
			if err := l.Ready(); err != nil {
				t.Errorf("Ready of a mended log = %v", err)
			}
			if err := add(); err != nil {
				t.Fatal(err)
			}
			if err := l.Close(); err != nil {
				t.Fatal(err)
			}
			if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 2 || rep.TornBytes != 0 {
				t.Errorf("Verify = %+v, %v, want 2 records", rep, err)
			}
			if err := l.Ready(); err != audit.ErrClosed {
				t.Errorf("Ready of a closed log = %v", err)
			}
		})
	}
}

// Who asks and who appends do not keep each other.
func TestReadyBesideAppend(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	mend := audit.InjectFault(l, audit.FaultWriteHalf)
	if err := l.Append(t.Context(), &audit.Record{Action: "kms:Encrypt"}); err == nil {
		t.Fatal("a failed write was acknowledged")
	}
	mend()
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if err := l.Append(context.Background(), &audit.Record{Action: "kms:Encrypt"}); err != nil {
				t.Error(err)
			}
		})
		all.Go(func() { _ = l.Ready() })
	}
	all.Wait()
	if err := l.Ready(); err != nil {
		t.Error(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 20 {
		t.Errorf("Verify = %+v, %v, want 20 records", rep, err)
	}
}
