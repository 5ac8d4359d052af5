package edge_test

import (
	"fmt"
	"maps"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// notKept stands for an answer that the next request does not get.
const notKept = -1

// TestLifetime has every cell of the table "Specifying how long CloudFront keeps
// objects in a cache", and the corners next to them.
func TestLifetime(t *testing.T) {
	ttl := func(low, normal, high int) delivery.TTL {
		return delivery.TTL{Min: time.Duration(low) * time.Second, Default: time.Duration(normal) * time.Second, Max: time.Duration(high) * time.Second}
	}
	zero, floor := ttl(0, 100, 1000), ttl(50, 100, 1000)
	tests := []struct {
		ttl     delivery.TTL
		headers string // "Name: value" lines; EXPIRES+n is a date
		seconds int
	}{
		{zero, "Cache-Control: max-age=10", 10},
		{zero, "Cache-Control: max-age=5000", 1000},
		{floor, "Cache-Control: max-age=10", 50},
		{floor, "Cache-Control: max-age=70", 70},
		{floor, "Cache-Control: max-age=5000", 1000},
		{zero, "Cache-Control: max-age=10, s-maxage=20", 20},
		{zero, "Cache-Control: s-maxage=5000", 1000},
		{floor, "Cache-Control: s-maxage=10, max-age=500", 50},
		{floor, "Cache-Control: s-maxage=70", 70},
		{zero, "Expires: +10", 10},
		{zero, "Expires: +5000", 1000},
		{floor, "Expires: +10", 50},
		{floor, "Expires: +70", 70},
		{floor, "Expires: +5000", 1000},
		{zero, "Cache-Control: max-age=10\nExpires: +500", 10},
		{zero, "Cache-Control: s-maxage=10\nExpires: +500", 10},
		{zero, "", 100},
		{floor, "", 100},
		{ttl(200, 100, 1000), "", 200},
		{zero, "Cache-Control: no-cache", notKept},
		{zero, "Cache-Control: no-store", notKept},
		{zero, "Cache-Control: private", notKept},
		{zero, "Cache-Control: Private, max-age=100", notKept},
		{zero, "Cache-Control: max-age=100\nCache-Control: no-store", notKept},
		{zero, `Cache-Control: private="set-cookie", max-age=100`, notKept},
		{floor, "Cache-Control: no-cache", 50},
		{floor, "Cache-Control: no-store, max-age=500", 50},
		{floor, "Cache-Control: private", 50},
		{zero, "Cache-Control: max-age=10, max-age=100", 10},
		{zero, "Cache-Control: max-age=0\nCache-Control: max-age=100", notKept},
		{zero, "Cache-Control: s-maxage=10, max-age=5, s-maxage=100", 10},
		{zero, "Cache-Control: max-age=0", notKept},
		{zero, "Cache-Control: max-age=-1", notKept},
		{zero, "Cache-Control: max-age=abc", notKept},
		{zero, `Cache-Control: max-age="10"`, 10},
		{zero, "Cache-Control: MAX-AGE=10", 10},
		{zero, "Cache-Control: max-age=99999999999999999999", 1000},
		{zero, "Cache-Control: public, must-revalidate", 100},
		{zero, "Expires: 0", notKept},
		{zero, "Expires: -10", notKept},
		{floor, "Expires: 0", 50},
		{zero, "Pragma: no-cache", notKept}, // net/http reads it as Cache-Control
		{zero, "Pragma: no-cache\nCache-Control: max-age=10", 10},
		{zero, "Vary: *", notKept},
		{floor, "Vary: *", 100},
		{zero, "Vary: Cookie", 100},
		{ttl(0, 0, 1000), "", notKept},
		{ttl(0, 0, 1000), "Cache-Control: max-age=10", 10},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d/%s", tt.ttl.Min/time.Second, tt.headers), func(t *testing.T) {
			var c counter
			var w *world
			o := originServer(t, func(rw http.ResponseWriter, r *http.Request) {
				c.count(r)
				for line := range strings.SplitSeq(tt.headers, "\n") {
					name, value, ok := strings.Cut(line, ": ")
					var seconds int
					if n, _ := fmt.Sscanf(value, "%d", &seconds); name == "Expires" && n == 1 && value != "0" {
						value = w.clock.Now().Add(time.Duration(seconds) * time.Second).Format(http.TimeFormat)
					}
					if ok {
						rw.Header().Add(name, value)
					}
				}
				rw.(http.Flusher).Flush()
			})
			w = newWorld(t, newFeed(distribution(o, last(func(b *delivery.Behavior) { b.TTL = tt.ttl }))))
			// The clock moves with real time as well, and dates have whole seconds.
			const slack = 2 * time.Second
			w.get("/a")
			if tt.seconds != notKept {
				w.clock.Advance(time.Duration(tt.seconds)*time.Second - slack)
				want(t, w.get("/a"), 200, "Hit", "")
				w.clock.Advance(slack)
			}
			want(t, w.get("/a"), 200, "Miss", "")
			if c.n() != 2 {
				t.Errorf("the origin was asked %d times, want 2", c.n())
			}
		})
	}
}

func TestErrorLifetime(t *testing.T) {
	for _, tt := range []struct {
		status  int
		control string
		minTTL  time.Duration // of the distribution, or 0
		seconds int
	}{
		{404, "", 0, 10},
		{414, "", 0, 10},
		{500, "", 0, 10},
		{501, "", 0, 10},
		{502, "", 0, 10},
		{503, "", 0, 10},
		{504, "", 0, 10},
		{404, "max-age=60", 0, 60},
		{404, "max-age=5", 0, 10},
		{404, "no-store", 0, 10},
		{404, "s-maxage=60, max-age=5", 0, 60},
		{404, "", 30 * time.Second, 30},
		{404, "max-age=60", 30 * time.Second, 60},
		{400, "", 0, notKept},
		{403, "", 0, notKept},
		{405, "", 0, notKept},
		{412, "", 0, notKept},
		{415, "", 0, notKept},
		{403, "max-age=60", 0, 60},
		{403, "max-age=5", 0, 10},
		{403, "", 30 * time.Second, 30},
		{405, "no-store", 30 * time.Second, 30},
		{400, "s-maxage=60", 0, 60},
		{401, "max-age=60", 0, notKept},
		{410, "max-age=60", 0, notKept},
		{429, "max-age=60", 0, notKept},
	} {
		t.Run(fmt.Sprintf("%d/%s", tt.status, tt.control), func(t *testing.T) {
			var c counter
			o := originServer(t, func(w http.ResponseWriter, r *http.Request) {
				if tt.control != "" {
					w.Header().Set("Cache-Control", tt.control)
				}
				w.WriteHeader(tt.status)
				w.(http.Flusher).Flush()
				fmt.Fprint(w, c.count(r))
			})
			w := newWorld(t, newFeed(distribution(o, func(d *delivery.Distribution) {
				if tt.minTTL > 0 {
					d.Errors = map[int]delivery.ErrorResponse{tt.status: {MinTTL: tt.minTTL}}
				}
			})))
			want(t, w.get("/a"), tt.status, "Error", "1")
			if tt.seconds != notKept {
				w.clock.Advance(time.Duration(tt.seconds)*time.Second - 2*time.Second)
				want(t, w.get("/a"), tt.status, "Error", "1")
				w.clock.Advance(2 * time.Second)
			}
			want(t, w.get("/a"), tt.status, "Error", "2")
		})
	}
}

// page is an origin's object that can change and fail.
type page struct {
	counter
	facts  sync.Mutex
	status int
	etag   string
	header http.Header
}

func (p *page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := p.count(r)
	p.facts.Lock()
	status, etag, header := p.status, p.etag, p.header.Clone()
	p.facts.Unlock()
	maps.Copy(w.Header(), header)
	switch {
	case status == 0:
		panic(http.ErrAbortHandler)
	case status != 200:
		w.WriteHeader(status)
	case etag != "" && r.Header.Get("If-None-Match") == etag:
		w.Header().Set("Etag", etag)
		w.WriteHeader(http.StatusNotModified)
	default:
		w.Header().Set("Etag", etag)
		w.WriteHeader(200)
	}
	w.(http.Flusher).Flush()
	fmt.Fprint(w, n)
}

// set changes the page for the requests to come.
func (p *page) set(change func()) {
	p.facts.Lock()
	defer p.facts.Unlock()
	change()
}

func maxAge(value string) http.Header { return http.Header{"Cache-Control": {value}} }

func TestRevalidation(t *testing.T) {
	p := &page{status: 200, etag: `"1"`, header: maxAge("max-age=60")}
	w := newWorld(t, newFeed(distribution(originServer(t, p.ServeHTTP))))
	want(t, w.get("/a"), 200, "Miss", "1")
	w.clock.Advance(time.Minute)
	p.set(func() { p.header.Set("X-New", "yes") })
	resp := w.get("/a")
	if resp.Header.Get("X-New") != "yes" || resp.Header.Get("Age") != "" {
		t.Errorf("headers after revalidation: %v", resp.Header)
	}
	want(t, resp, 200, "RefreshHit", "1")
	resp = w.get("/a")
	if resp.Header.Get("X-New") != "yes" || resp.Header.Get("Age") != "0" {
		t.Errorf("headers of the hit: %v", resp.Header)
	}
	want(t, resp, 200, "Hit", "1")
	w.clock.Advance(time.Minute)
	p.set(func() { p.etag = `"2"` })
	want(t, w.get("/a"), 200, "Miss", "3")
	want(t, w.get("/a"), 200, "Hit", "3")
}

func TestStale(t *testing.T) {
	for _, tt := range []struct {
		name, control string
		after         time.Duration
		status        int // of the origin; 0 hangs up
		want          int
		result        string
	}{
		{"5xx", "max-age=60", time.Hour, 503, 200, "Hit"},
		{"hang-up", "max-age=60", time.Hour, 0, 200, "Hit"},
		{"within", "max-age=60, stale-if-error=300", 5 * time.Minute, 503, 200, "Hit"},
		{"beyond", "max-age=60, stale-if-error=300", 7 * time.Minute, 503, 503, "Error"},
		{"forbidden", "max-age=60, stale-if-error=0", time.Minute, 503, 503, "Error"},
		{"forbidden hang-up", "max-age=60, stale-if-error=0", time.Minute, 0, 502, "Error"},
		{"4xx", "max-age=60", time.Hour, 404, 404, "Error"},
		{"4xx not kept", "max-age=60", time.Hour, 403, 403, "Error"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p := &page{status: 200, etag: `"1"`, header: maxAge(tt.control)}
			w := newWorld(t, newFeed(distribution(originServer(t, p.ServeHTTP))))
			want(t, w.get("/a"), 200, "Miss", "1")
			w.clock.Advance(tt.after)
			p.set(func() { p.status, p.header = tt.status, nil })
			want(t, w.get("/a"), tt.want, tt.result, "*")
			if tt.want != 200 {
				return
			}
			// The origin is left alone for the time of an error.
			n := p.n()
			w.clock.Advance(8 * time.Second)
			want(t, w.get("/a"), 200, "Hit", "1")
			if p.n() != n {
				t.Errorf("the origin was asked again within its rest")
			}
			w.clock.Advance(2 * time.Second)
			want(t, w.get("/a"), 200, "Hit", "1")
			if p.n() != n+1 {
				t.Errorf("the origin was not asked again after its rest")
			}
			p.set(func() { p.status = 200 })
			w.clock.Advance(10 * time.Second)
			want(t, w.get("/a"), 200, "RefreshHit", "1")
		})
	}
}

func TestStaleWhileRevalidate(t *testing.T) {
	done := make(chan struct{}, 10)
	p := &page{status: 200, header: maxAge("max-age=60, stale-while-revalidate=60")}
	w := newWorld(t, newFeed(distribution(originServer(t, func(w http.ResponseWriter, r *http.Request) {
		p.ServeHTTP(w, r)
		done <- struct{}{}
	}))))
	want(t, w.get("/a"), 200, "Miss", "1")
	<-done
	w.clock.Advance(time.Minute)
	want(t, w.get("/a"), 200, "Hit", "1")
	<-done
	waitFor(t, func() bool { return body(t, w.get("/a")) == "2" })
	w.clock.Advance(3 * time.Minute)
	want(t, w.get("/a"), 200, "Miss", "3")
}

// waitFor waits until something that goes on in the background is done.
func waitFor(t *testing.T, done func() bool) {
	t.Helper()
	for range 1_000_000 {
		if done() {
			return
		}
	}
	t.Fatal("it did not happen")
}
