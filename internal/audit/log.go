package audit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

var (
	// ErrTampered says that the files are not what this log wrote: a record was
	// changed, removed, added, or the end was cut off.
	ErrTampered = errors.New("audit: the log has been changed")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("audit: log is closed")
)

const (
	segmentSuffix = ".log"
	// defaultSegmentBytes is where a new file is begun.
	defaultSegmentBytes = 64 << 20
	// maxLineBytes bounds one record. Parameters are cut long before.
	maxLineBytes = 1 << 20
	// maxSpareBytes bounds the buffer kept between batches.
	maxSpareBytes = 1 << 20
	// roomBytes is by how much a file grows ahead of its records. A sync that
	// need not store a new file size costs half as much.
	roomBytes = 256 << 10
	// gatherTime is the longest that a batch waits for company, maxGather the
	// number of records after which it does not.
	gatherTime = 300 * time.Microsecond
	maxGather  = 64
)

// Config says where a Log lives. Dir and HeadKeys are required.
type Config struct {
	// Dir is a folder of the log's own; it is made with mode 0700.
	Dir string
	// HeadKeys authenticate the file that names the end of the log. They derive
	// from the root key, so that who can write the folder cannot cut the log. The
	// first is written with; all are read with, for the time of a rotation.
	HeadKeys [][]byte
	// Existing says that there is a log: where its head is missing, it was taken
	// away, and no new one is begun in its place. Begin does that.
	Existing bool
	// SegmentBytes is where a new file is begun; 0 means 64 MiB.
	SegmentBytes int64
	Log          *slog.Logger
}

// Log appends records to files. It may be used concurrently: callers that
// arrive together share one write and one sync.
type Log struct {
	cfg  Config
	dir  *os.Root
	head *headFile
	disk disk

	// acknowledged is durable.next, for those who do not flush.
	acknowledged atomic.Uint64

	beginning sync.Mutex
	// Guarded by beginning.
	begin beginMark

	mu sync.Mutex
	// Guarded by mu.
	chained  position  // behind the last record of open
	open     *batch    // receives records while another batch is written
	spare    [2][]byte // buffers to reuse, of the batches that can be about at a time
	flushing bool
	expected int // how many callers are about, by the last batch
	closed   bool
	failure  error      // of the last write
	idle     *sync.Cond // signalled when flushing ends

	// Used only by the goroutine that is flushing.
	file    *os.File
	size    int64 // of the records in file; zeros may follow
	room    int64 // of the file, with the zeros
	zeros   []byte
	durable position
	timer   *time.Timer
	broken  bool // a write failed; repair before the next
}

// position is a place between two records.
type position struct {
	next uint64
	prev [sha256.Size]byte
}

// precedes reports whether line is the record at p: it begins with p's number
// and hash, in the one spelling that Append writes.
func (p position) precedes(line []byte) bool {
	var b [128]byte
	return bytes.HasPrefix(line, appendChain(b[:0], p))
}

// after is the position behind line, the record at p.
func (p position) after(line []byte) position {
	return position{next: p.next + 1, prev: sha256.Sum256(line)}
}

// appendChain begins the line of the record at p.
func appendChain(b []byte, p position) []byte {
	b = append(b, `{"seq":`...)
	b = strconv.AppendUint(b, p.next, 10)
	b = append(b, `,"prev":"`...)
	b = hex.AppendEncode(b, p.prev[:])
	return append(b, '"')
}

// batch is a run of records that is written and synced as one.
type batch struct {
	lines []byte
	end   position
	// done is closed when the batch is written or has failed; err says which.
	done chan struct{}
	err  error
	// full tells the leader that as many have come as were expected.
	full chan struct{}
	size int
}

// Open opens the log in cfg.Dir, which it makes if it is absent. A last record
// that a crash tore was never acknowledged and is removed. Open fails with
// ErrTampered when the log ends before the place that its head file names, or
// begins behind the one where it was cut by Remove.
func Open(cfg Config) (*Log, error) {
	if len(cfg.HeadKeys) == 0 {
		return nil, errors.New("audit: no head key")
	}
	if cfg.SegmentBytes == 0 {
		cfg.SegmentBytes = defaultSegmentBytes
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	dir, err := os.OpenRoot(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("audit: %w", err)
	}
	l := &Log{cfg: cfg, dir: dir, disk: realDisk{}, timer: time.NewTimer(0)}
	l.idle = sync.NewCond(&l.mu)
	if err := l.recover(); err != nil {
		l.closeFiles()
		return nil, err
	}
	return l, nil
}

// Begin makes a new, empty log in dir, in place of one that is lost. It fails
// where there is a log, or part of one.
func Begin(dir string, headKey []byte) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	defer root.Close()
	files, err := segments(root)
	if err != nil {
		return err
	}
	_, err = root.Stat(headName)
	if len(files) > 0 || err == nil {
		return fmt.Errorf("audit: there is a log in %s, or part of one: move it away first", dir)
	}
	head, err := openHead(root, [][]byte{headKey}, true)
	if err != nil {
		return err
	}
	return head.close()
}

// Append adds r to the log. It returns nil when r has survived a power loss;
// when it returns an error, r is not in the log.
func (l *Log) Append(ctx context.Context, r *Record) error {
	body := getBuffer()
	defer putBuffer(body)
	*body = appendBody((*body)[:0], r)
	if len(*body) > maxLineBytes {
		return fmt.Errorf("audit: record of %d bytes is too large", len(*body))
	}

	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return ErrClosed
	}
	b := l.open
	if b == nil {
		b = &batch{lines: l.takeSpareLocked(), done: make(chan struct{}), full: make(chan struct{}, 1)}
		l.open = b
	}
	l.chainLocked(b, *body)
	leads := !l.flushing
	l.flushing = true
	l.mu.Unlock()

	if leads {
		l.lead(b)
	}
	<-b.done
	return b.err
}

// Acknowledged is the number of the next record: those before it have survived
// a power loss.
func (l *Log) Acknowledged() uint64 { return l.acknowledged.Load() }

// lead writes b for all who wait in it. Those who came meanwhile have theirs
// written by a goroutine of its own, so that nobody waits for more than two.
func (l *Log) lead(b *batch) {
	l.gather(b)
	l.mu.Lock()
	l.open = nil
	l.mu.Unlock()

	b.err = l.flush(b)
	close(b.done)

	l.mu.Lock()
	defer l.mu.Unlock()
	l.keepSpareLocked(b.lines)
	if b.err != nil {
		l.abandonLocked(b.err)
	}
	l.failure = b.err
	l.expected = b.size
	l.passOnLocked()
}

// passOnLocked lets the records that came meanwhile be written.
func (l *Log) passOnLocked() {
	if l.open != nil {
		l.expected += l.open.size
		go l.lead(l.open)
		return
	}
	l.flushing = false
	l.idle.Broadcast()
}

// takeSpareLocked gives an empty buffer, one that was used before if there is any.
func (l *Log) takeSpareLocked() []byte {
	b := l.spare[0]
	l.spare[0], l.spare[1] = l.spare[1], nil
	return b[:0]
}

// keepSpareLocked keeps a buffer whose batch is written, unless it grew large.
func (l *Log) keepSpareLocked(b []byte) {
	if cap(b) <= maxSpareBytes {
		l.spare[0], l.spare[1] = b, l.spare[0]
	}
}

// gather waits a moment for those who came along with the last batch: a sync
// costs as much for one record as for many. A caller who is alone does not wait.
func (l *Log) gather(b *batch) {
	l.mu.Lock()
	missing := min(l.expected, maxGather) - b.size
	l.mu.Unlock()
	if missing <= 0 {
		return
	}
	l.timer.Reset(gatherTime)
	select {
	case <-b.full:
	case <-l.timer.C:
	}
	l.timer.Stop()
}

// chainLocked adds one record to b behind the records before it.
func (l *Log) chainLocked(b *batch, body []byte) {
	start := len(b.lines)
	b.lines = appendChain(b.lines, l.chained)
	b.lines = append(b.lines, body...)
	l.chained = l.chained.after(b.lines[start:])
	b.lines = append(b.lines, '\n')
	b.end = l.chained
	if b.size++; b.size >= min(l.expected, maxGather) {
		select {
		case b.full <- struct{}{}:
		default: // told before
		}
	}
}

// abandonLocked takes back everything that was chained behind a failed batch:
// none of it is in the file, and its chain leads to records that are not there.
func (l *Log) abandonLocked(cause error) {
	if b := l.open; b != nil {
		l.open = nil
		b.err = cause
		close(b.done)
	}
	l.chained = l.durable
}

// prepare gets the file ready for the next record.
func (l *Log) prepare() error {
	if l.broken {
		if err := l.repair(); err != nil {
			return fmt.Errorf("audit: repair after a failed write: %w", err)
		}
		l.broken = false
	}
	if l.size >= l.cfg.SegmentBytes {
		return l.startSegment()
	}
	return nil
}

// flush writes and syncs one batch. Only one flush runs at a time.
func (l *Log) flush(b *batch) error {
	if err := l.prepare(); err != nil {
		return err
	}
	l.makeRoom(len(b.lines))
	err := l.disk.writeAt(l.file, b.lines, l.size)
	if err == nil {
		err = l.disk.sync(l.file)
	}
	if err != nil {
		// What reached the disk is not acknowledged; the next flush removes it.
		l.broken = true
		return fmt.Errorf("audit: write: %w", err)
	}
	l.size += int64(len(b.lines))
	l.durable = b.end
	l.acknowledged.Store(l.durable.next)
	// The head follows the log: a crash between the two leaves a head that is
	// behind, which is allowed, and never one that is ahead.
	if err := l.head.store(l.durable); err != nil {
		l.cfg.Log.Error("audit: head not updated", slog.Any("err", err))
	}
	return nil
}

// Ready returns why the last record could not be written, or nil. After a failure it
// tries whether the disk takes some records again, so that it also changes its mind
// where nobody appends.
func (l *Log) Ready() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return ErrClosed
	}
	if l.failure == nil || l.flushing {
		return l.failure
	}
	l.flushing = true
	l.mu.Unlock()
	err := l.try()
	l.mu.Lock()
	l.failure = err
	l.passOnLocked()
	return err
}

// try writes and syncs zeros behind the records, which are room for the next.
func (l *Log) try() error {
	if err := l.prepare(); err != nil {
		return err
	}
	l.room = l.size
	l.makeRoom(1)
	if l.room == l.size {
		l.broken = true // there may be part of the room
		return errors.New("audit: there is no room for records")
	}
	return l.disk.sync(l.file)
}

// makeRoom lets the file grow ahead of n more bytes. On a disk that is nearly
// full there is no room to make, but perhaps still enough for the records.
func (l *Log) makeRoom(n int) {
	if l.size+int64(n) <= l.room {
		return
	}
	// Where no room could be made before, the records have gone past it.
	from := max(l.room, l.size)
	room := l.size + int64(n) + roomBytes
	if missing := int(room - from); missing > len(l.zeros) {
		l.zeros = make([]byte, missing)
	}
	if l.disk.writeAt(l.file, l.zeros[:room-from], from) == nil {
		l.room = room
	}
}

// trimRoom ends the file behind its records.
func (l *Log) trimRoom() error {
	l.room = l.size
	return l.file.Truncate(l.size)
}

// repair removes what a failed write may have left behind the last record.
func (l *Log) repair() error {
	if err := l.trimRoom(); err != nil {
		return err
	}
	return l.disk.sync(l.file)
}

// startSegment begins a new file. Its name says which record comes first and
// the hash of the one before, so that a missing file shows.
func (l *Log) startSegment() error {
	name := segmentName(l.durable)
	f, err := l.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		// Left by a start that failed before it could write a record.
		f, err = l.dir.OpenFile(name, os.O_WRONLY|os.O_TRUNC, 0o600)
	}
	if err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	if err := syncDir(l.cfg.Dir); err != nil {
		return errors.Join(fmt.Errorf("audit: %w", err), f.Close())
	}
	if l.file != nil {
		// Its records are durable. Room that stays behind them is only zeros.
		if err := errors.Join(l.trimRoom(), l.file.Close()); err != nil {
			l.cfg.Log.Warn("audit: full file not trimmed", slog.Any("err", err))
		}
	}
	l.file, l.size, l.room = f, 0, 0
	return nil
}

// Rekey makes key the one that authenticates where the log ends and begins. When it
// returns nil, the keys before it are no longer needed.
func (l *Log) Rekey(key []byte) error {
	if err := l.head.rekey(key); err != nil {
		return fmt.Errorf("audit: rekey the head: %w", err)
	}
	l.beginning.Lock()
	defer l.beginning.Unlock()
	l.begin.key = key
	return l.storeBeginLocked(l.begin.at)
}

// Close waits for records under way and closes the files.
func (l *Log) Close() error {
	l.mu.Lock()
	l.closed = true
	for l.flushing {
		l.idle.Wait()
	}
	l.mu.Unlock()
	if err := l.trimRoom(); err != nil {
		return errors.Join(fmt.Errorf("audit: %w", err), l.closeFiles())
	}
	return l.closeFiles()
}

func (l *Log) closeFiles() error {
	var errs []error
	if l.file != nil {
		errs = append(errs, l.file.Close())
	}
	if l.head != nil {
		errs = append(errs, l.head.close())
	}
	return errors.Join(append(errs, l.dir.Close())...)
}
