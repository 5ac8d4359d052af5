package audit_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// appenderDir names, in the environment of a child, the log that it appends to
// until it is killed.
const appenderDir = "AUDIT_TEST_APPEND_TO"

func TestMain(m *testing.M) {
	if dir := os.Getenv(appenderDir); dir != "" {
		appendForEver(dir)
	}
	os.Exit(m.Run())
}

// appendForEver acknowledges on stdout each record that the log has taken.
func appendForEver(dir string) {
	l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: headKeys, SegmentBytes: 20_000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				r := record(0)
				r.RequestID = fmt.Sprintf("%d-%d-%d", os.Getpid(), w, i)
				if err := l.Append(context.Background(), r); err != nil {
					r.RequestID = "failed: " + err.Error()
				}
				os.Stdout.WriteString(r.RequestID + "\n")
			}
		}()
	}
	select {}
}

func TestKilledInTheMiddleOfAppends(t *testing.T) {
	dir := t.TempDir()
	acknowledged := map[string]bool{}
	for round := range 4 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), appenderDir+"="+dir)
		out, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for n := 0; lines.Scan(); n++ {
			acknowledged[lines.Text()] = true
			if n == 150+37*round {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := child.Wait(); err == nil {
			t.Fatal("the child ended by itself")
		}
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil {
			t.Fatalf("round %d: Verify before reopening = %+v, %v", round, rep, err)
		}
		if err := open(t, dir, 20_000).Close(); err != nil {
			t.Fatal(err)
		}
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.TornBytes != 0 {
			t.Fatalf("round %d: Verify = %+v, %v", round, rep, err)
		}
	}
	for e, err := range audit.Entries(dir) {
		if err != nil {
			t.Fatal(err)
		}
		delete(acknowledged, e.RequestID)
	}
	for id := range acknowledged {
		// A kill may cut the last line of the child's words.
		if strings.Count(id, "-") == 2 {
			t.Errorf("%s was acknowledged and is not in the log", id)
		}
	}
}

// A power loss may keep the end of the last write and lose its beginning.
func TestHoleInTheLastWriteIsRemoved(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	whole := read(t, logFiles(t, dir)[0])
	head := read(t, filepath.Join(dir, "head"))
	l = open(t, dir, 0)
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	// As if the three had been in one write that was never acknowledged.
	b := read(t, logFiles(t, dir)[0])
	clear(b[len(whole) : len(whole)+700])
	write(t, logFiles(t, dir)[0], append(b, make([]byte, 4096)...))
	write(t, filepath.Join(dir, "head"), head)

	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 2 || rep.TornBytes == 0 {
		t.Errorf("Verify = %+v, %v, want 2 records and a torn end", rep, err)
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

// Room that could not be made on a nearly full disk was later made over records.
func TestRoomIsNeverMadeOverRecords(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	restore := audit.WithoutRoom(l)
	appendAll(t, l, 3)
	restore()
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 6 {
		t.Errorf("Verify = %+v, %v, want 6 records", rep, err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func write(t *testing.T, name string, b []byte) {
	t.Helper()
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestOpenRefusesAForkedLog(t *testing.T) {
	fork := func(t *testing.T, dir string, others, segmentBytes int64) {
		t.Helper()
		// Same length and longer, but other records: a second log shows how an
		// attacker without the key can make them.
		other := t.TempDir()
		l := open(t, other, segmentBytes)
		for i := range others {
			if err := l.Append(t.Context(), record(int(100+i))); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		for _, name := range logFiles(t, dir) {
			remove(t, name)
		}
		for _, name := range logFiles(t, other) {
			write(t, filepath.Join(dir, filepath.Base(name)), read(t, name))
		}
	}
	for _, segmentBytes := range []int64{0, 900} {
		for _, others := range []int64{5, 9} {
			t.Run(strconv.FormatInt(others, 10), func(t *testing.T) {
				dir := t.TempDir()
				l := open(t, dir, segmentBytes)
				appendAll(t, l, 5)
				if err := l.Close(); err != nil {
					t.Fatal(err)
				}
				fork(t, dir, others, segmentBytes)
				refused(t, dir)
			})
		}
	}
}

func TestOpenRefusesAnEmptyHead(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(dir, "head"), nil)
	b := read(t, logFiles(t, dir)[0])
	write(t, logFiles(t, dir)[0], b[:bytes.IndexByte(b, '\n')+1])
	refused(t, dir)
}

// refused wants both readers to see that the log in dir was changed.
func refused(t *testing.T, dir string) {
	t.Helper()
	if rep, err := audit.Verify(t.Context(), dir, headKeys); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Verify = %+v, %v, want ErrTampered", rep, err)
	}
	l, err := audit.Open(audit.Config{Dir: dir, HeadKeys: headKeys, Log: slog.New(slog.DiscardHandler)})
	if err == nil {
		l.Close()
	}
	if !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Open = %v, want ErrTampered", err)
	}
}

// A server that is started with a new root key and then writes nothing must
// still have left the old key behind.
func TestHeadIsWrittenAgainAfterARotation(t *testing.T) {
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
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := audit.Verify(t.Context(), dir, [][]byte{next}); err != nil {
		t.Errorf("Verify under the new key alone = %v", err)
	}
}

func TestVerifyTellsOfUnsealedRecords(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 0)
	appendAll(t, l, 2)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	head := read(t, filepath.Join(dir, "head"))
	l = open(t, dir, 0)
	appendAll(t, l, 3)
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Unsealed != 0 {
		t.Errorf("Verify = %+v, %v, want nothing unsealed", rep, err)
	}
	write(t, filepath.Join(dir, "head"), head)
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.Records != 5 || rep.Unsealed != 3 {
		t.Errorf("Verify = %+v, %v, want 3 of 5 unsealed", rep, err)
	}
}

func TestVerifyBesideAWriter(t *testing.T) {
	dir := t.TempDir()
	l := open(t, dir, 100_000)
	written := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 100 {
				if err := l.Append(t.Context(), record(i)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	go func() { wg.Wait(); close(written) }()
	for writing := true; writing; {
		select {
		case <-written:
			writing = false
		default:
		}
		if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil {
			t.Errorf("Verify = %+v, %v", rep, err)
			break
		}
		for _, err := range audit.Entries(dir) {
			if err != nil {
				t.Errorf("Entries: %v", err)
				break
			}
		}
	}
	<-written
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if rep, err := audit.Verify(t.Context(), dir, headKeys); err != nil || rep.TornBytes != 0 || rep.Unsealed != 0 {
		t.Errorf("Verify at the end = %+v, %v", rep, err)
	}
}
