// Package compress compresses bodies on their way from an origin into the
// cache: which may be, in which coding, and with bounded memory.
//
// Source: CloudFront Developer Guide, "Serve compressed files".
package compress

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
)

// Coding is a content coding as Content-Encoding spells it.
type Coding string

// The codings that there are.
const (
	Brotli Coding = "br"
	Gzip   Coding = "gzip"
)

// Pick returns the better of the codings in a normalised Accept-Encoding, such
// as "br,gzip", or "" if there is none.
func Pick(accepted string) Coding {
	for _, c := range []Coding{Brotli, Gzip} {
		if slices.Contains(strings.Split(accepted, ","), string(c)) {
			return c
		}
	}
	return ""
}

// The sizes of bodies that are compressed, in bytes. Shorter ones gain nothing.
const (
	MinBytes = 1_000
	MaxBytes = 10_000_000
)

// types are the media types that are compressed.
var types = func() map[string]bool {
	all := make(map[string]bool)
	for t := range strings.FieldsSeq(`
		application/dash+xml application/eot application/font application/font-sfnt application/javascript application/json
		application/opentype application/otf application/pdf application/pkcs7-mime application/protobuf application/rss+xml
		application/truetype application/ttf application/vnd.apple.mpegurl application/vnd.mapbox-vector-tile
		application/vnd.ms-fontobject application/wasm application/xhtml+xml application/xml application/x-font-opentype
		application/x-font-truetype application/x-font-ttf application/x-httpd-cgi application/x-javascript
		application/x-mpegurl application/x-opentype application/x-otf application/x-perl application/x-ttf
		font/eot font/opentype font/otf font/ttf image/svg+xml text/css text/csv text/html text/javascript text/js text/plain
		text/richtext text/tab-separated-values text/xml text/x-component text/x-java-source text/x-script vnd.apple.mpegurl`) {
		all[t] = true
	}
	return all
}()

// Type reports whether bodies with this Content-Type are compressed.
func Type(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	return types[strings.ToLower(strings.TrimSpace(media))]
}

// encoder is what both libraries have.
type encoder interface {
	io.WriteCloser
	Reset(io.Writer)
}

const (
	// An encoder takes 1 MiB for gzip and 3 MiB for br with these. A larger
	// window gains little in texts, and costs up to 11 MiB.
	gzipLevel     = 5
	brotliQuality = 5
	brotliWindow  = 18 // bits

	// pieceBytes is how much of a body is compressed at once.
	pieceBytes = 32 << 10
)

// Pool lends out encoders. It is safe for concurrent use.
type Pool struct {
	lent     chan struct{}
	patience time.Duration

	gzip, brotli sync.Pool
}

// NewPool returns a pool of at most so many encoders. Whoever needs one waits
// for patience at most.
func NewPool(encoders int, patience time.Duration) *Pool {
	return &Pool{lent: make(chan struct{}, encoders), patience: patience}
}

// Reader compresses body as it is read. It returns nil if no encoder has come
// free in time, or ctx has ended: then body stays as it is.
//
// Source: "In rare cases, when a CloudFront edge location is unusually busy,
// some files might not be compressed."
func (p *Pool) Reader(ctx context.Context, body io.Reader, c Coding) *Reader {
	select {
	case p.lent <- struct{}{}:
	default:
		late := time.NewTimer(p.patience)
		defer late.Stop()
		select {
		case p.lent <- struct{}{}:
		case <-late.C:
			return nil
		case <-ctx.Done():
			return nil
		}
	}
	r := &Reader{pool: p, idle: &p.gzip, body: body, piece: make([]byte, pieceBytes)}
	if c == Brotli {
		r.idle = &p.brotli
	}
	r.encoder, _ = r.idle.Get().(encoder)
	if r.encoder == nil {
		r.encoder = newEncoder(c)
	}
	r.encoder.Reset(&r.out)
	return r
}

func newEncoder(c Coding) encoder {
	if c == Brotli {
		return brotli.NewWriterOptions(io.Discard, brotli.WriterOptions{Quality: brotliQuality, LGWin: brotliWindow})
	}
	w, err := gzip.NewWriterLevel(io.Discard, gzipLevel)
	if err != nil {
		panic("compress: " + err.Error()) // the level is a constant
	}
	return w
}

// Reader is a compressed body. It is for one goroutine, which closes it.
type Reader struct {
	pool    *Pool
	idle    *sync.Pool
	body    io.Reader
	encoder encoder
	piece   []byte
	out     bytes.Buffer
	err     error // why body has no more
}

// Read returns the next compressed bytes. It ends with body's error, if that is
// not its end: what has come until then is no complete stream.
func (r *Reader) Read(p []byte) (int, error) {
	for r.out.Len() == 0 {
		if r.err != nil {
			return 0, r.err
		}
		n, err := r.body.Read(r.piece)
		// An encoder's only errors are those of its buffer, which has none.
		_, _ = r.encoder.Write(r.piece[:n])
		if errors.Is(err, io.EOF) {
			_ = r.encoder.Close()
		}
		r.err = err
	}
	return r.out.Read(p)
}

// Close gives the encoder back. It does not close the body.
func (r *Reader) Close() {
	if r.encoder == nil {
		return
	}
	// The buffer must not stay with the idle encoder.
	r.encoder.Reset(io.Discard)
	r.idle.Put(r.encoder)
	r.encoder, r.err = nil, errClosed
	<-r.pool.lent
}

var errClosed = errors.New("compress: read after Close")
