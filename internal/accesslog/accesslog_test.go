package accesslog_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/keyfront-project/keyfront/internal/accesslog"
)

var full = accesslog.Record{
	Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.FixedZone("", 3600)), Location: "KFE50-P1", SentBytes: 1234, ReceivedBytes: 567,
	Viewer: netip.MustParseAddrPort("192.0.2.7:4711"), Method: "GET", DomainName: "d1.cloudfront.localhost", Host: "www.example.com",
	Path: "/a%20b", Query: "x=[1]", Status: 206, Referer: "http://a/ä", UserAgent: "curl/8.0 (x)\t\r\n", Cookie: "a=b; c=d",
	Result: "Hit", Detailed: "Hit", RequestID: "id==", Scheme: "https", Taken: 1500 * time.Microsecond, FirstByte: time.Millisecond,
	ForwardedFor: "198.51.100.1, 203.0.113.1", TLSVersion: "TLSv1.3", TLSCipher: "TLS_AES_128_GCM_SHA256", Protocol: "HTTP/2.0",
	ContentType: "video/mp4", ContentLength: 10, RangeStart: 0, RangeEnd: 9,
}

func TestRecord(t *testing.T) {
	none := accesslog.Record{Time: full.Time, SentBytes: -1, ReceivedBytes: -1, ContentLength: -1, RangeStart: -1, RangeEnd: -1, Denial: "expired"}
	names := strings.Fields(strings.TrimPrefix(strings.Split(accesslog.Header, "\n")[1], "#Fields:"))
	for _, tt := range []struct {
		record accesslog.Record
		want   string
	}{
		{full, "2026-01-02 02:04:05 KFE50-P1 1234 192.0.2.7 GET d1.cloudfront.localhost /a%2520b 206 http://a/%C3%A4 curl/8.0%20(x)%09%0D%0A x=%5B1%5D a=b;%20c=d Hit id== " +
			"www.example.com https 567 0.002 198.51.100.1,%20203.0.113.1 TLSv1.3 TLS_AES_128_GCM_SHA256 Hit HTTP/2.0 - - 4711 0.001 Hit video/mp4 10 0 9 -"},
		{none, "2026-01-02 02:04:05 - - - - - - 000 - - - - - - - - - 0.000 - - - - - - - - 0.000 - - - - - expired"},
	} {
		line := string(tt.record.Append(nil))
		if want := strings.ReplaceAll(tt.want, " ", "\t") + "\n"; line != want {
			t.Errorf("line is\n%q, want\n%q", line, want)
		}
		if n := strings.Count(line, "\t") + 1; n != 34 || len(names) != 34 {
			t.Errorf("%d fields and %d names, want CloudFront's 33 and ours", n, len(names))
		}
	}
}

// No text of a viewer makes another field, another line, or a line without end.
func FuzzRecord(f *testing.F) {
	f.Add("/a\tb\nc", "\x00\xff%")
	f.Fuzz(func(t *testing.T, path, agent string) {
		r := full
		r.Path, r.UserAgent = path, agent
		line := r.Append(nil)
		if n := bytes.Count(line, []byte("\t")); n != 33 || bytes.IndexByte(line, '\n') != len(line)-1 || len(line) > 3*2*8192+2048 {
			t.Errorf("%d separators in %q", n, line)
		}
	})
}

// shelf keeps what is delivered, or fails.
type shelf struct {
	mu    sync.Mutex
	files []accesslog.File
	fail  error
}

func (s *shelf) deliver(_ context.Context, f *accesslog.File) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil {
		return s.fail
	}
	s.files = append(s.files, *f)
	return nil
}

func (s *shelf) failing(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// lines are the lines of all files, without headers, by the name of the file
// without its unique part.
func (s *shelf) lines(t *testing.T) map[string]int {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	out := map[string]int{}
	for _, f := range s.files {
		r, err := gzip.NewReader(bytes.NewReader(f.Gzip))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		body, ok := strings.CutPrefix(string(text), accesslog.Header)
		if !ok {
			t.Fatalf("%s begins with %.100q", f.Name, text)
		}
		m := regexp.MustCompile(`^(.*)\.[a-z0-9]{12}\.gz$`).FindStringSubmatch(f.Name)
		if m == nil {
			t.Fatalf("file name %q", f.Name)
		}
		out[f.Bucket+":"+m[1]] += strings.Count(body, "\n")
	}
	return out
}

func (s *shelf) want(t *testing.T, want map[string]int) {
	t.Helper()
	got := s.lines(t)
	for name := range want {
		if got[name] != want[name] {
			t.Errorf("%s has %d lines, want %d (%v)", name, got[name], want[name], got)
		}
	}
	if len(got) != len(want) {
		t.Errorf("files are %v, want %v", got, want)
	}
}

func TestLog(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(shelf)
		l := accesslog.New(accesslog.Config{Deliver: s.deliver, Log: slog.New(slog.DiscardHandler)})
		bucket, folder := accesslog.Destination{Distribution: "E1", Bucket: "logs", Prefix: "cf/"}, accesslog.Destination{Distribution: "E1"}
		later := full
		later.Time = full.Time.Add(time.Hour)
		l.Add(bucket, &full)
		l.Add(bucket, &full)
		l.Add(bucket, &later)
		l.Add(folder, &full)
		synctest.Wait()
		s.want(t, nil)

		s.failing(errors.New("no"))
		time.Sleep(5*time.Minute + time.Second)
		s.want(t, nil)
		s.failing(nil)
		l.Add(bucket, &full)
		time.Sleep(5 * time.Minute)
		delivered := map[string]int{"logs:cf/E1.2026-01-02-02": 3, "logs:cf/E1.2026-01-02-03": 1, ":E1.2026-01-02-02": 1}
		s.want(t, delivered)

		// What comes last is not forgotten at the end.
		l.Add(folder, &later)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		delivered[":E1.2026-01-02-03"] = 1
		s.want(t, delivered)
		if err := l.Close(); err != nil {
			t.Errorf("second Close: %v", err)
		}
	})
}

// A delivery that does not end holds up nobody: what finds no room is lost.
func TestAddNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(shelf)
		var log bytes.Buffer
		release := make(chan struct{})
		l := accesslog.New(accesslog.Config{
			Deliver: func(ctx context.Context, f *accesslog.File) error { <-release; return s.deliver(ctx, f) },
			Log:     slog.New(slog.NewTextHandler(&log, nil)), QueueBytes: 10_000,
		})
		to := accesslog.Destination{Distribution: "E1"}
		l.Add(to, &full)
		time.Sleep(5*time.Minute + time.Second)
		const more = 1000
		for range more {
			l.Add(to, &full)
		}
		close(release)
		if err := l.Close(); err != nil {
			t.Fatal(err)
		}
		room := 10_000 / len(full.Append(nil))
		if got := s.lines(t)[":E1.2026-01-02-02"]; got != 1+room {
			t.Errorf("%d lines arrived, want %d", got, 1+room)
		}
		if !strings.Contains(log.String(), "access log lines lost") {
			t.Error("the loss is not reported")
		}
	})
}

// What cannot be delivered is kept within bounds, and its loss reported.
func TestHeldBytesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &shelf{fail: errors.New("no")}
		var log bytes.Buffer
		l := accesslog.New(accesslog.Config{Deliver: s.deliver, Log: slog.New(slog.NewTextHandler(&log, nil)), HeldBytes: 8 << 10})
		r := full
		for i := range 2000 {
			r.RequestID = strings.Repeat(string(rune('a'+i%26)), i%97)
			l.Add(accesslog.Destination{Distribution: "E1"}, &r)
			synctest.Wait()
		}
		if err := l.Close(); err == nil {
			t.Error("Close = nil, want an error about files that were not delivered")
		}
		if !strings.Contains(log.String(), "access log file given up") || !strings.Contains(log.String(), "access log not delivered") {
			t.Error("the loss is not reported")
		}
	})
}

func BenchmarkAdd(b *testing.B) {
	s := new(shelf)
	s.failing(nil)
	l := accesslog.New(accesslog.Config{Deliver: func(context.Context, *accesslog.File) error { return nil }, Log: slog.New(slog.DiscardHandler)})
	defer l.Close()
	to := accesslog.Destination{Distribution: "E1", Bucket: "logs"}
	b.ReportAllocs()
	for b.Loop() {
		l.Add(to, &full)
	}
}
