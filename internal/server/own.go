package server

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/clock"
)

// openRoutes are the paths below /_keyfront/ that need no signature. Metrics
// have a rule of their own. ready returns why no call can succeed, or nil.
func openRoutes(c *clock.Clock, metrics http.Handler, ready func() error) map[string]http.Handler {
	routes := map[string]http.Handler{
		front.OwnPrefix + "health": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			if ready() != nil { // the log has the detail, which is not for everybody
				writeJSON(w, http.StatusServiceUnavailable, map[string]string{"status": "the audit log cannot be written"})
				return
			}
			writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
		}),
		front.OwnPrefix + "metrics": metrics,
	}
	if c.CanMove() {
		routes[front.OwnPrefix+"clock"] = clockRoute(c)
	}
	return routes
}

// byPage reports whether a web page sends r: any page in a browser on this machine
// may send such requests here, though it may not read the answers.
//
// Source: Fetch Standard, "Origin header"; Fetch Metadata Request Headers.
func byPage(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Header["Origin"] != nil || site != "" && site != "none"
}

// ofThisNetwork reports whether a Host header has an address or a name that only
// this machine's own network gives. A page under any other name may be one whose
// owner let the name lead here after it was loaded (DNS rebinding), and to the
// browser its own server then answers.
func ofThisNetwork(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	_, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil || !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost")
}

// clockRoute tells the time to GET, and moves the clock by POST, though not for
// pages in browsers.
func clockRoute(c *clock.Clock) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		now := c.Now()
		if byPage(r) {
			writeJSON(w, http.StatusForbidden, map[string]string{"error": "the clock is not for web pages"})
			return
		}
		switch r.Method {
		case http.MethodGet:
		case http.MethodPost:
			var err error
			if now, err = moveClock(c, http.MaxBytesReader(w, r.Body, 1<<10)); err != nil {
				writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
				return
			}
		default:
			w.Header().Set("Allow", "GET, POST")
			writeJSON(w, http.StatusMethodNotAllowed, map[string]string{"error": "want GET or POST"})
			return
		}
		writeJSON(w, http.StatusOK, map[string]time.Time{"now": now})
	})
}

// errYear keeps the clock within what records and certificates can say.
var errYear = errors.New("the year must be from 1970 to 9998")

func tellable(t time.Time) bool { return t.Year() >= 1970 && t.Year() <= 9998 }

// moveClock reads {"advance":"90m"} or {"set":"2027-01-01T00:00:00Z"}.
func moveClock(c *clock.Clock, body io.Reader) (time.Time, error) {
	var in struct {
		Advance *string    `json:"advance"`
		Set     *time.Time `json:"set"`
	}
	dec := json.NewDecoder(body)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&in); err != nil || dec.More() {
		return time.Time{}, errors.New(`want {"advance":"90m"} or {"set":"2027-01-01T00:00:00Z"}`)
	}
	switch {
	case (in.Advance == nil) == (in.Set == nil):
		return time.Time{}, errors.New("give either advance or set")
	case in.Set != nil:
		if !tellable(*in.Set) {
			return time.Time{}, errYear
		}
		return c.Set(*in.Set), nil
	}
	d, err := time.ParseDuration(*in.Advance)
	if err != nil {
		return time.Time{}, errors.New("advance is not a duration such as 90m")
	}
	if !tellable(c.Now().Add(d)) {
		return time.Time{}, errYear
	}
	return c.Advance(d), nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
