package accesslog

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Destination is where the log of one distribution goes.
type Destination struct {
	// Distribution and ARN name it.
	Distribution, ARN string
	// Bucket is the name of a bucket. Empty: the folder of the configuration.
	Bucket string
	// Prefix goes before the names of files.
	Prefix string
	// Cookies says that the viewers' cookies are logged.
	Cookies bool
}

// File is a part of a log, ready to be put somewhere.
type File struct {
	Destination
	// Name is <prefix><distribution>.YYYY-MM-DD-HH.<unique>.gz.
	Name string
	// Gzip is its content.
	Gzip []byte
}

// Config is what a Log is made of.
type Config struct {
	// Deliver is required: it keeps a file, durably. It is called by one
	// goroutine at a time. A file that it fails on is tried again.
	Deliver func(ctx context.Context, f *File) error
	// Log receives failures. Required.
	Log *slog.Logger
	// Every is the time between two deliveries. Zero is 5 minutes.
	Every time.Duration
	// QueueBytes bounds the lines that wait to be sorted into files, HeldBytes
	// those files. Zero is 16 MiB and 64 MiB. A file is delivered early when it
	// has an eighth of HeldBytes.
	QueueBytes, HeldBytes int
}

// queueLines bounds the lines in the queue beside their bytes.
const queueLines = 8192

// usualBytes is room for most lines; those with longer URLs take more.
const usualBytes = 1 << 10

// Log takes lines and delivers files until Close.
type Log struct {
	cfg    Config
	queue  chan line
	queued atomic.Int64 // bytes in queue
	lost   atomic.Int64 // lines

	closing  chan struct{}
	close    sync.Once
	done     chan struct{}
	closeErr error

	// The rest belongs to the goroutine of run.
	open   map[hour]*bytes.Buffer
	held   int // bytes in open and failed
	failed []*File
	zip    *gzip.Writer
}

// line is one line on its way.
type line struct {
	hour
	text []byte
}

// hour is what shares a file.
type hour struct {
	to Destination
	at int64 // hours since 1970
}

// name is the hour in the names of files.
func (h hour) name() string { return time.Unix(h.at*3600, 0).UTC().Format("2006-01-02-15") }

// New returns a Log that works.
func New(cfg Config) *Log {
	cfg.Every = cmp.Or(cfg.Every, 5*time.Minute)
	cfg.QueueBytes, cfg.HeldBytes = cmp.Or(cfg.QueueBytes, 16<<20), cmp.Or(cfg.HeldBytes, 64<<20)
	l := &Log{
		cfg: cfg, queue: make(chan line, queueLines), closing: make(chan struct{}), done: make(chan struct{}),
		open: make(map[hour]*bytes.Buffer), zip: gzip.NewWriter(nil),
	}
	go l.run()
	return l
}

// Add logs a request. It never waits: if the queue is full, the line is lost. No
// Add may come after Close.
func (l *Log) Add(to Destination, r *Record) {
	n := line{hour{to, r.Time.Unix() / 3600}, r.Append(make([]byte, 0, usualBytes))}
	if l.queued.Add(int64(len(n.text))) <= int64(l.cfg.QueueBytes) {
		select {
		case l.queue <- n:
			return
		default:
		}
	}
	l.queued.Add(-int64(len(n.text)))
	l.lost.Add(1)
}

// Close delivers what there is and returns what could not be.
func (l *Log) Close() error {
	l.close.Do(func() { close(l.closing) })
	<-l.done
	return l.closeErr
}

func (l *Log) run() {
	defer close(l.done)
	tick := time.NewTicker(l.cfg.Every)
	defer tick.Stop()
	for {
		select {
		case n := <-l.queue:
			l.sort(n)
		case <-tick.C:
			l.deliver(nil)
		case <-l.closing:
			for len(l.queue) > 0 {
				l.sort(<-l.queue)
			}
			if l.deliver(nil); len(l.failed) > 0 {
				l.closeErr = errors.New("accesslog: files were not delivered; the log says why")
			}
			return
		}
	}
}

// sort puts a line into its file.
func (l *Log) sort(n line) {
	l.queued.Add(-int64(len(n.text)))
	file := l.open[n.hour]
	if file == nil {
		file = bytes.NewBufferString(Header)
		l.open[n.hour] = file
		l.held += file.Len()
	}
	file.Write(n.text)
	l.held += len(n.text)
	switch {
	case file.Len() > l.cfg.HeldBytes/8:
		l.deliver(&n.hour)
	case l.held > l.cfg.HeldBytes/2 && len(l.failed) == 0, l.held > l.cfg.HeldBytes:
		l.deliver(nil)
	}
}

// deliver closes one open file, or all, and delivers what is closed.
func (l *Log) deliver(only *hour) {
	hours := make([]hour, 0, len(l.open))
	for h := range l.open {
		if only == nil || h == *only {
			hours = append(hours, h)
		}
	}
	slices.SortFunc(hours, func(a, b hour) int {
		return cmp.Or(strings.Compare(a.to.Distribution, b.to.Distribution), cmp.Compare(a.at, b.at))
	})
	files := l.failed
	l.failed = nil
	for _, h := range hours {
		files = append(files, l.closed(h))
	}
	if n := l.lost.Swap(0); n > 0 {
		l.cfg.Log.Error("access log lines lost", slog.Int64("lines", n))
	}
	// A delivery that hangs would fill the queue, and lines be lost.
	ctx, cancel := context.WithTimeout(context.Background(), l.cfg.Every)
	defer cancel()
	for _, f := range files {
		err := l.cfg.Deliver(ctx, f)
		if err == nil {
			l.held -= len(f.Gzip)
			continue
		}
		l.cfg.Log.Warn("access log not delivered", slog.String("distribution", f.Distribution),
			slog.String("bucket", f.Bucket), slog.String("file", f.Name), slog.Any("err", err))
		l.failed = append(l.failed, f)
	}
	for l.held > l.cfg.HeldBytes && len(l.failed) > 0 {
		l.cfg.Log.Error("access log file given up", slog.String("distribution", l.failed[0].Distribution), slog.String("file", l.failed[0].Name))
		l.held -= len(l.failed[0].Gzip)
		l.failed = l.failed[1:]
	}
}

// closed makes a file of an open one.
func (l *Log) closed(h hour) *File {
	text := l.open[h]
	delete(l.open, h)
	var zipped bytes.Buffer
	l.zip.Reset(&zipped)
	// A buffer takes everything.
	_, _ = l.zip.Write(text.Bytes())
	_ = l.zip.Close()
	l.held += zipped.Len() - text.Len()
	return &File{
		Destination: h.to, Gzip: zipped.Bytes(),
		Name: h.to.Prefix + h.to.Distribution + "." + h.name() + "." + strings.ToLower(rand.Text()[:12]) + ".gz",
	}
}
