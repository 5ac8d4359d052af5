package edge_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// failover gives the behaviour a second origin.
func failover(second string, statuses ...int) func(*delivery.Distribution) {
	return func(d *delivery.Distribution) {
		o := distribution(second).Behaviors[0].Origin
		o.ID = "second"
		d.Origins[o.ID] = o
		for _, b := range d.Behaviors {
			b.Failover = &delivery.Failover{Origin: o, Statuses: statuses}
			b.Allowed = delivery.MethodOf("PUT") | delivery.MethodGet | delivery.MethodHead | delivery.MethodOptions
		}
	}
}

// answering is an origin that answers by path: "/503" with that status, and a
// slow one not at all.
func answering(t *testing.T, name string, count *counter) string {
	return originServer(t, func(w http.ResponseWriter, r *http.Request) {
		count.count(r)
		w.Header().Set("X-Authorization", r.Header.Get("X-Secret"))
		switch {
		case r.URL.Path == "/slow" && name == "first":
			<-r.Context().Done()
			return
		case name == "first" && r.URL.Path == "/503":
			w.WriteHeader(503)
		case name == "first" && r.URL.Path == "/403":
			w.WriteHeader(403)
		case r.URL.Path == "/404":
			w.WriteHeader(404)
		}
		io.WriteString(w, name)
	})
}

func TestFailover(t *testing.T) {
	for _, tt := range []struct {
		method, path string
		status       int
		result, text string
		second       int // requests to the second origin, of two viewers
	}{
		{"GET", "/ok", 200, "Miss Hit", "first", 0},
		{"GET", "/503", 200, "Miss Hit", "second", 1},
		{"GET", "/403", 403, "Error Error", "first", 0}, // is no status to fail over for
		{"GET", "/404", 404, "Error Error", "second", 1},
		{"HEAD", "/503", 200, "Miss Miss", "", 2},
		{"OPTIONS", "/503", 200, "Miss Miss", "second", 2}, // not a cached method
		{"PUT", "/503", 503, "Error Error", "first", 0},
		{"GET", "/slow", 200, "Miss Hit", "second", 1},
	} {
		first, second := new(counter), new(counter)
		w := newWorld(t, newFeed(distribution(answering(t, "first", first), failover(answering(t, "second", second), 404, 503),
			func(d *delivery.Distribution) {
				if tt.path == "/slow" {
					d.Behaviors[0].Origin.ReadTimeout = 50 * time.Millisecond
				}
			})))
		for result := range strings.FieldsSeq(tt.result) {
			want(t, w.do(tt.method, tt.path), tt.status, result, tt.text)
			w.edge.Settle()
		}
		if second.n() != tt.second || first.n() == 0 {
			t.Errorf("%s %s: %d and %d requests, want some and %d", tt.method, tt.path, first.n(), second.n(), tt.second)
		}
	}
}

// TestFailoverWithoutConnection asks the second origin when nobody answers for
// the first, and tells of its failure when it has none either.
func TestFailoverWithoutConnection(t *testing.T) {
	const nobody = "http://127.0.0.1:1"
	w := newWorld(t, newFeed(distribution(nobody, failover(answering(t, "second", new(counter)), 500))))
	want(t, w.get("/ok"), 200, "Miss", "second")
	w = newWorld(t, newFeed(distribution(nobody, failover(nobody, 500))))
	want(t, w.get("/ok"), 502, "Error", "*")
	if log := w.log.String(); !strings.Contains(log, "origin=origin") || !strings.Contains(log, "origin=second") {
		t.Errorf("the log does not name both origins: %s", log)
	}
}

// TestFailoverKeepsOriginsApart sends each origin its own headers, and asks only
// the one that gave an answer whether that is still good.
func TestFailoverKeepsOriginsApart(t *testing.T) {
	seen := make(chan string, 8)
	origin := func(name string, fails bool) string {
		return originServer(t, func(w http.ResponseWriter, r *http.Request) {
			seen <- name + " " + r.Header.Get("X-Secret") + " " + r.Header.Get("If-None-Match")
			w.Header().Set("Etag", `"1"`)
			w.Header().Set("Cache-Control", "max-age=10")
			switch {
			case fails:
				w.WriteHeader(500)
			case r.Header.Get("If-None-Match") == `"1"`:
				w.WriteHeader(304)
				return
			}
			io.WriteString(w, name)
		})
	}
	w := newWorld(t, newFeed(distribution(origin("first", true), failover(origin("second", false), 500), func(d *delivery.Distribution) {
		d.Origins["origin"].Headers = []delivery.Header{{Name: "X-Secret", Value: "1st"}}
		d.Origins["second"].Headers = []delivery.Header{{Name: "X-Secret", Value: "2nd"}}
	})))
	want(t, w.get("/a"), 200, "Miss", "second")
	w.edge.Settle()
	w.clock.Advance(20 * time.Second)
	want(t, w.get("/a"), 200, "RefreshHit", "second")
	w.edge.Settle()
	for _, want := range []string{"first 1st ", "second 2nd ", "first 1st ", `second 2nd "1"`} {
		if got := <-seen; got != want {
			t.Errorf("asked %q, want %q", got, want)
		}
	}
}
