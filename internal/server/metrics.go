package server

import (
	"crypto/subtle"
	"net/http"
	"net/netip"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics are the figures of one server, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyfront_api_requests_total",
			Help: "Requests to the API address by service, and whether they were admitted to it.",
		}, []string{"service", "admitted"}),
	}
	m.registry.MustRegister(m.requests, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// count notes one request. service is one of the front's own names.
func (m *metrics) count(service string, admitted bool) {
	label := "false"
	if admitted {
		label = "true"
	}
	m.requests.WithLabelValues(service, label).Inc()
}

// handler serves the figures to loopback peers, and to others with the bearer
// token; with an empty token to no others.
func (m *metrics) handler(token string) http.Handler {
	figures := promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromLoopback(r) && !bears(r, token) {
			writeJSON(w, http.StatusForbidden, map[string]string{"error": "metrics are for loopback peers, or with the bearer token of --metrics-token"})
			return
		}
		figures.ServeHTTP(w, r)
	})
}

// fromLoopback reports whether somebody on this machine asks for themselves. A
// proxy here, the edge on the way to an origin of somebody's choice, or a page in a
// browser does not.
func fromLoopback(r *http.Request) bool {
	if byPage(r) || !ofThisNetwork(r.Host) {
		return false
	}
	for _, name := range []string{"Via", "Forwarded", "X-Forwarded-For"} {
		if r.Header[name] != nil {
			return false
		}
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && peer.Addr().Unmap().IsLoopback()
}

func bears(r *http.Request, token string) bool {
	got, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	return ok && token != "" && subtle.ConstantTimeCompare([]byte(got), []byte(token)) == 1
}
