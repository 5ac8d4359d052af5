package archive_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/mod/sumdb/note"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/archive"
	"github.com/keyfront-project/keyfront/internal/audit/merkle"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

const (
	day  = 24 * time.Hour
	keep = 7 * day
)

var headKeys = [][]byte{make([]byte, 32)}

// shelf is an archive in memory, in which nothing is written over.
type shelf map[string][]byte

func (s shelf) Put(_ context.Context, name string, content io.Reader, replace bool) error {
	if _, ok := s[name]; ok && !replace {
		return &fs.PathError{Op: "put", Path: name, Err: fs.ErrExist}
	}
	b, err := io.ReadAll(content)
	if err == nil {
		s[name] = b
	}
	return err
}

func (s shelf) Get(_ context.Context, name string) (io.ReadCloser, error) {
	b, ok := s[name]
	if !ok {
		return nil, &fs.PathError{Op: "get", Path: name, Err: fs.ErrNotExist}
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

// folder writes the archive's objects into a folder, as who copies it does.
func (s shelf) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, b := range s {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// crash ends the world at one of the steps that leave a trace: nothing of that
// step is persisted, or all, and no step comes after it.
type crash struct {
	at        int // counted from 1; 0 is never
	persisted bool
	steps     int
}

var errCrash = errors.New("crash")

func (c *crash) step(do func() error) error {
	c.steps++
	switch {
	case c.at == 0 || c.steps < c.at:
		return do()
	case c.steps == c.at && c.persisted:
		return errors.Join(do(), errCrash)
	}
	return errCrash
}

type crashObjects struct {
	*crash
	shelf
}

func (o crashObjects) Put(ctx context.Context, name string, content io.Reader, replace bool) error {
	return o.step(func() error { return o.shelf.Put(ctx, name, content, replace) })
}

func (o crashObjects) Get(ctx context.Context, name string) (r io.ReadCloser, err error) {
	err = o.step(func() error { r, err = o.shelf.Get(ctx, name); return err })
	return r, err
}

type crashRecords struct {
	*crash
	store.Records
}

func (r crashRecords) Update(ctx context.Context, fn func(store.Writer) error) error {
	return r.step(func() error { return r.Records.Update(ctx, fn) })
}

type crashLog struct {
	*crash
	log *audit.Log
}

func (l crashLog) Remove(s audit.Segment) error {
	return l.step(func() error { return l.log.Remove(s) })
}

// world is a log, its tree and its archive.
type world struct {
	t        *testing.T
	dir      string
	log      *audit.Log
	reader   *audit.Reader
	tree     *merkle.Tree
	signer   note.Signer
	verifier note.Verifier
	records  store.Records
	shelf    shelf
	clock    *clock.Clock
	crash    *crash
	needed   uint64
	keep     time.Duration
	place    string
	segment  int64
	archive  *archive.Archive
}

func newWorld(t *testing.T) *world {
	t.Helper()
	secret, public, err := note.GenerateKey(rand.Reader, "keyfront.audit/test")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, dir: t.TempDir(), records: memory.NewRecords(), shelf: shelf{}, clock: clock.Movable(), crash: &crash{}, needed: math.MaxUint64,
		keep: keep, place: "here", segment: 2000,
	}
	w.clock.Set(time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC))
	if w.signer, err = note.NewSigner(secret); err != nil {
		t.Fatal(err)
	}
	if w.verifier, err = note.NewVerifier(public); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.stop)
	return w
}

// start opens everything over what is there, as after a crash if there was one.
func (w *world) start() {
	w.t.Helper()
	w.stop()
	var err error
	w.log, err = audit.Open(audit.Config{Dir: w.dir, HeadKeys: headKeys, SegmentBytes: w.segment, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	if w.reader, err = audit.OpenReader(w.dir); err != nil {
		w.t.Fatal(err)
	}
	w.tree, err = merkle.Open(merkle.Config{Dir: w.dir, Log: w.reader, Next: w.log.Acknowledged, Signer: w.signer, Verifier: w.verifier})
	if err != nil {
		w.t.Fatal(err)
	}
	w.open(crashObjects{w.crash, w.shelf})
}

func (w *world) open(objects archive.Objects) {
	w.t.Helper()
	var err error
	w.archive, err = archive.Open(w.t.Context(), archive.Config{
		Records: crashRecords{w.crash, w.records}, Objects: objects, Place: w.place, Log: crashLog{w.crash, w.log},
		Reader: w.reader, Tree: w.tree, Needed: func(context.Context) (uint64, error) { return w.needed, nil }, Clock: w.clock,
		Logger: slog.New(slog.DiscardHandler), Keep: w.keep,
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) stop() {
	if w.log != nil {
		w.tree.Close()
		w.reader.Close()
		w.log.Close()
		w.log = nil
	}
}

func (w *world) append(n int) {
	w.t.Helper()
	for range n {
		if err := w.log.Append(w.t.Context(), &audit.Record{Time: w.clock.Now(), RequestID: rand.Text(), Action: "kms:Encrypt"}); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) pass() {
	w.t.Helper()
	if err := w.archive.Pass(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
}

// files are the log's files on this machine, oldest first.
func (w *world) files() []audit.Segment {
	w.t.Helper()
	list, err := w.reader.Segments()
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

// first is the number of the first record on this machine.
func (w *world) first() uint64 { return w.files()[0].First }

// intact fails unless the machine and the archive are intact, each for itself,
// and have all records between them. It returns how many the archive has.
func (w *world) intact() uint64 {
	w.t.Helper()
	here, err := audit.Verify(w.t.Context(), w.dir, headKeys)
	if err != nil {
		w.t.Fatalf("on this machine: %v", err)
	}
	copied := w.shelf.folder(w.t)
	there, err := audit.Verify(w.t.Context(), copied, nil)
	if err != nil {
		w.t.Fatalf("in the archive: %v", err)
	}
	if there.Records+1 < here.First || there.Records > 0 && there.First != 1 {
		w.t.Fatalf("the archive has %d records from %d on, and this machine those from %d on", there.Records, there.First, here.First)
	}
	if here.First+here.Records != w.log.Acknowledged() {
		w.t.Fatalf("this machine has %d records from %d on, want all to %d", here.Records, here.First, w.log.Acknowledged()-1)
	}
	if _, ok := w.shelf[merkle.CheckpointFile]; ok {
		view, err := merkle.OpenView(copied, w.verifier)
		if err != nil {
			w.t.Fatal(err)
		}
		defer view.Close()
		if err := view.Verify(w.t.Context()); err != nil {
			w.t.Fatalf("the archive's checkpoint: %v", err)
		}
		for _, seq := range []int64{1, view.Checkpoint.Size} {
			if _, err := view.Prove(seq); err != nil {
				w.t.Fatalf("record %d of the archive: %v", seq, err)
			}
		}
	}
	return there.Records
}

func TestArchiveThenRemove(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.append(20)
	made := w.clock.Now()
	full := len(w.files()) - 1
	w.pass()
	last := w.files()[full]
	if got := w.intact(); got != last.First-1 || w.archive.Archived() != got {
		t.Errorf("%d records are archived, and %d counted, want %d", got, w.archive.Archived(), last.First-1)
	}
	if w.first() != 1 || !w.archive.Removed().IsZero() {
		t.Error("a file was removed at once")
	}
	w.clock.Advance(keep - time.Minute)
	w.pass()
	if w.first() != 1 {
		t.Error("a file was removed too early")
	}
	w.clock.Advance(2 * time.Minute)
	w.pass()
	w.intact()
	if got := w.files(); !slices.Equal(got, []audit.Segment{last}) {
		t.Errorf("files %v are left, want the last", got)
	}
	if got := w.archive.Removed(); got.Before(made.Add(-time.Minute)) || got.After(made) {
		t.Errorf("the newest record that was removed is of %v, want %v or a little less", got, made)
	}

	// It goes on after a restart, and what it says of what is gone stays.
	gone := w.archive.Removed()
	w.start()
	w.append(20)
	w.pass()
	w.intact()
	if w.archive.Removed() != gone {
		t.Errorf("after a restart %v, want %v", w.archive.Removed(), gone)
	}
	if w.first() != last.First {
		t.Error("a young file was removed")
	}
}

func TestWithoutKeepNothingIsRemoved(t *testing.T) {
	w := newWorld(t)
	w.keep = 0
	w.start()
	w.append(20)
	w.clock.Advance(1000 * day)
	w.pass()
	if got := w.intact(); got == 0 || w.first() != 1 {
		t.Errorf("%d records are archived, and the first here is %d", got, w.first())
	}
}

// A crash at every step, with the step's effect and without it: no record is
// ever in neither place, and the next start ends what was begun.
func TestCrashes(t *testing.T) {
	template := newWorld(t)
	template.start()
	template.append(30)
	template.stop()
	for at := 1; ; at++ {
		ended := true
		for _, persisted := range []bool{false, true} {
			w := newWorld(t)
			w.signer, w.verifier = template.signer, template.verifier
			if err := os.CopyFS(w.dir, os.DirFS(template.dir)); err != nil {
				t.Fatal(err)
			}
			w.clock.Advance(2 * keep)
			w.crash.at, w.crash.persisted = at, persisted
			w.start()
			if err := w.archive.Pass(t.Context()); err != nil {
				ended = false
				if !errors.Is(err, errCrash) {
					t.Fatalf("step %d, persisted %t: %v", at, persisted, err)
				}
			}
			w.intact()

			*w.crash = crash{}
			w.start()
			w.intact()
			w.pass()
			got := w.intact()
			files := w.files()
			if len(files) != 1 || got != files[0].First-1 {
				t.Fatalf("step %d, persisted %t: %d records are archived, and the files %v left", at, persisted, got, files)
			}
			for _, s := range files {
				if _, ok := w.shelf[s.Name+audit.PackedSuffix]; ok {
					t.Errorf("the file that is being written was archived")
				}
			}
			w.stop()
		}
		if ended {
			if at < 20 {
				t.Errorf("only %d steps", at)
			}
			return
		}
	}
}

// flip changes the middle byte of an archived object.
func (w *world) flip(name string) {
	w.shelf[name] = bytes.Clone(w.shelf[name])
	w.shelf[name][len(w.shelf[name])/2] ^= 1
}

// A file stays for as long as the archive does not have the same.
func TestNothingIsRemovedThatTheArchiveLacks(t *testing.T) {
	tests := map[string]struct {
		spoil func(w *world, records, part string)
		heals bool
	}{
		"records changed":  {func(w *world, records, _ string) { w.flip(records) }, false},
		"records cut":      {func(w *world, records, _ string) { w.shelf[records] = w.shelf[records][:30] }, false},
		"records empty":    {func(w *world, records, _ string) { w.shelf[records] = nil }, false},
		"records repacked": {func(w *world, records, _ string) { w.repack(records, func(b []byte) []byte { return b[:len(b)-1] }) }, false},
		"another's": {func(w *world, records, _ string) {
			w.repack(records, func(b []byte) []byte { return bytes.Replace(b, []byte("Encrypt"), []byte("Decrypt"), 1) })
		}, false},
		"more records": {func(w *world, records, _ string) {
			w.repack(records, func(b []byte) []byte { return append(b, b...) })
		}, false},
		"tree changed": {func(w *world, _, part string) { w.flip(part) }, false},
		"tree cut":     {func(w *world, _, part string) { w.shelf[part] = w.shelf[part][:32] }, false},
		"tree longer":  {func(w *world, _, part string) { w.shelf[part] = append(w.shelf[part], 0) }, false},
		"records gone": {func(w *world, records, _ string) { delete(w.shelf, records) }, true},
		"tree gone":    {func(w *world, _, part string) { delete(w.shelf, part) }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start()
			w.append(20)
			w.pass()
			second := w.files()[1]
			tt.spoil(w, second.Name+audit.PackedSuffix, merkle.PartName(second))
			w.clock.Advance(2 * keep)
			if err := w.archive.Pass(t.Context()); err == nil {
				t.Error("no error")
			}
			if w.first() != second.First || w.archive.Failures() != 1 {
				t.Errorf("the log begins with %d, want %d; %d failures", w.first(), second.First, w.archive.Failures())
			}
			if err := w.archive.Pass(t.Context()); (err == nil) != tt.heals {
				t.Errorf("the next pass: %v", err)
			}
			if tt.heals {
				w.intact()
				if len(w.files()) != 1 {
					t.Errorf("the files %v are left", w.files())
				}
			}
		})
	}
}

// repack changes the content of an archived file of the log.
func (w *world) repack(name string, change func([]byte) []byte) {
	w.t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(w.shelf[name]))
	if err != nil {
		w.t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil {
		w.t.Fatal(err)
	}
	var out bytes.Buffer
	packed := gzip.NewWriter(&out)
	if _, err := packed.Write(change(b)); err != nil {
		w.t.Fatal(err)
	}
	if err := packed.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.shelf[name] = out.Bytes()
}

// A log that was begun anew does not write over the archive of the one before.
func TestAnotherLogInTheSamePlace(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.append(20)
	w.pass()
	kept := map[string]string{}
	for name, b := range w.shelf {
		kept[name] = string(b)
	}
	w.stop()
	w.dir = t.TempDir()
	w.start()
	w.append(10)
	if err := w.archive.Pass(t.Context()); err == nil || !strings.Contains(err.Error(), "another log") {
		t.Errorf("Pass = %v, want that there is another log", err)
	}
	for name, b := range w.shelf {
		if string(b) != kept[name] {
			t.Errorf("%s was written over", name)
		}
	}
	w.place, w.shelf = "there", shelf{}
	w.start()
	w.pass()
	w.intact()
}

func TestAnotherPlaceBeginsWithWhatIsHere(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.append(20)
	w.pass()
	before := w.shelf
	w.place, w.shelf = "there", shelf{}
	w.start()
	if w.archive.Archived() != 0 {
		t.Errorf("%d records are counted in an empty place", w.archive.Archived())
	}
	w.pass()
	for name := range before {
		if _, ok := w.shelf[name]; !ok {
			t.Errorf("%s is not in the new place", name)
		}
	}
	w.intact()
}

// Who is still to read records has them kept, but not for ever.
func TestFilesThatAreNeededAreKept(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.append(20)
	files := w.files()
	w.needed = files[2].First
	w.clock.Advance(29 * day)
	w.pass()
	if w.first() != files[2].First {
		t.Errorf("the log begins with %d, want %d, which is needed", w.first(), files[2].First)
	}
	w.clock.Advance(2 * day)
	w.pass()
	if len(w.files()) != 1 {
		t.Errorf("after 30 days the files %v are left", w.files())
	}
	w.intact()
}

// A log that was changed is not archived.
func TestChangedRecordsAreNotArchived(t *testing.T) {
	w := newWorld(t)
	w.start()
	w.append(20)
	name := filepath.Join(w.dir, w.files()[1].Name)
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, bytes.Replace(b, []byte("Encrypt"), []byte("Decrypt"), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := w.archive.Pass(t.Context()); !errors.Is(err, audit.ErrTampered) {
		t.Errorf("Pass = %v, want ErrTampered", err)
	}
	if _, ok := w.shelf[w.files()[1].Name+audit.PackedSuffix]; ok {
		t.Error("the changed file was archived")
	}
}

// talker is an archive whose every operation leaves two records in the log.
type talker struct {
	archive.Objects
	w *world
}

func (o talker) Put(ctx context.Context, name string, content io.Reader, replace bool) error {
	o.say()
	return o.Objects.Put(ctx, name, content, replace)
}

func (o talker) Get(ctx context.Context, name string) (io.ReadCloser, error) {
	o.say()
	return o.Objects.Get(ctx, name)
}

func (o talker) say() {
	o.w.t.Helper()
	for range 2 {
		if err := o.w.log.Append(o.w.t.Context(), &audit.Record{Time: o.w.clock.Now(), Action: "s3:PutObject", Message: strings.Repeat("x", 700)}); err != nil {
			o.w.t.Fatal(err)
		}
	}
}

// The records that archiving leaves behind do not make it go on for ever, even
// with the smallest files and when each is removed at once.
func TestArchivingDoesNotFeedOnItself(t *testing.T) {
	w := newWorld(t)
	w.segment, w.keep = archive.MinSegmentBytes, time.Nanosecond
	w.start()
	w.open(talker{w.shelf, w})
	for range 50 {
		for range 13 {
			if err := w.log.Append(t.Context(), &audit.Record{Time: w.clock.Now(), Message: strings.Repeat("x", 8000)}); err != nil {
				t.Fatal(err)
			}
		}
	}
	before := w.log.Acknowledged()
	passes := 0
	for quiet := false; !quiet; passes++ {
		w.clock.Advance(time.Second)
		n := w.log.Acknowledged()
		w.pass()
		if quiet = w.log.Acknowledged() == n; passes > 6 {
			t.Fatal("it does not end")
		}
	}
	files := before / 8
	if made := w.log.Acknowledged() - before; made > 12*files+40 {
		t.Errorf("archiving about %d files made %d records", files, made)
	}
	w.intact()
}

// deaf is an archive that takes nothing.
type deaf struct{ asked *int }

func (d deaf) Put(context.Context, string, io.Reader, bool) error {
	*d.asked++
	return errors.New("access denied")
}

func (d deaf) Get(context.Context, string) (io.ReadCloser, error) { return nil, fs.ErrNotExist }

// What fails is tried again, and ever more rarely.
func TestFailuresAreRare(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.clock = clock.System()
		w.start()
		w.append(20)
		asked := 0
		w.open(deaf{&asked})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { w.archive.Run(ctx); close(done) }()
		time.Sleep(10 * time.Hour)
		// After 0, 1, 3, 7, 15, 31 and 63 minutes, and then each hour.
		if asked != 15 || w.archive.Failures() != 15 {
			t.Errorf("%d attempts and %d failures in ten hours, want 15", asked, w.archive.Failures())
		}
		w.open(w.shelf)
		cancel()
		<-done
		ctx, cancel = context.WithCancel(t.Context())
		done = make(chan struct{})
		go func() { w.archive.Run(ctx); close(done) }()
		synctest.Wait()
		if w.archive.Archived() == 0 {
			t.Error("nothing was archived once it was let")
		}
		cancel()
		<-done
	})
}

func TestOpenWantsAllOrNothing(t *testing.T) {
	for name, cfg := range map[string]archive.Config{
		"no records": {},
		"no log":     {Records: memory.NewRecords(), Objects: shelf{}},
	} {
		if _, err := archive.Open(t.Context(), cfg); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	a, err := archive.Open(t.Context(), archive.Config{Records: memory.NewRecords()})
	if err != nil {
		t.Fatal(err)
	}
	a.Run(t.Context())
	if fmt.Sprint(a.Archived(), a.Removed().IsZero()) != "0 true" {
		t.Error("an archive that is off has something")
	}
}
