package server

import (
	"context"
	"crypto/subtle"
	"math"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/certificate"
)

// metrics are the figures of one server, in a registry of its own.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	took     *prometheus.HistogramVec
	calls    *prometheus.CounterVec
	appends  prometheus.Histogram
}

func newMetrics() *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyfront_api_requests_total",
			Help: "Requests to the API address by service, and whether they were admitted to it.",
		}, []string{"service", "admitted"}),
		took: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "keyfront_api_seconds", Help: "What admitted requests to the API address took, bodies included.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60},
		}, []string{"service"}),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "keyfront_calls_total",
			Help: "Calls in the audit log by policy action: ok, denied, or failed for another reason.",
		}, []string{"action", "outcome"}),
		appends: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "keyfront_audit_append_seconds", Help: "Until a record of the audit log was safe on disk, or could not be written.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5},
		}),
	}
	m.registry.MustRegister(
		m.requests, m.took, m.calls, m.appends,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
	)
	return m
}

// count notes one request that took so long. service is one of the front's own names.
func (m *metrics) count(service string, admitted bool, took time.Duration) {
	if !admitted {
		m.requests.WithLabelValues(service, "false").Inc()
		return
	}
	m.requests.WithLabelValues(service, "true").Inc()
	m.took.WithLabelValues(service).Observe(took.Seconds())
}

// counted counts the calls that a log keeps. Their actions are those of the doors
// and domains, never a caller's own words.
type counted struct {
	access.Recorder
	metrics *metrics
}

// Append implements access.Recorder.
func (c counted) Append(ctx context.Context, r *audit.Record) error {
	begun := time.Now()
	err := c.Recorder.Append(ctx, r)
	c.metrics.appends.Observe(time.Since(begun).Seconds())
	outcome := "ok"
	switch {
	case r.Decision == audit.Denied:
		outcome = "denied"
	case r.Error != "" || err != nil:
		outcome = "failed"
	}
	if !r.Corrects { // the call has been counted
		c.metrics.calls.WithLabelValues(r.Action, outcome).Inc()
	}
	return err
}

// gauge is a figure that is looked up when somebody asks. What cannot be told is
// not a number.
func (m *metrics) gauge(name, help string, labels prometheus.Labels, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help, ConstLabels: labels}, value))
}

// watchState shows how the server's state is.
func (s *Server) watchState() {
	m := s.metrics
	m.gauge("keyfront_build_info", "1, with the version.", prometheus.Labels{"version": s.version}, func() float64 { return 1 })
	m.gauge("keyfront_data_free_bytes", "What the server may still write to the disk of its data folder.", nil, func() float64 { return freeBytes(s.cfg.DataDir) })
	m.gauge("keyfront_objects_damaged", "Objects that the last check of all of them found damaged.", nil, func() float64 {
		if last := s.buckets.LastScrub(); last != nil {
			return float64(last.Damaged)
		}
		return math.NaN()
	})
	m.gauge("keyfront_audit_signed_record", "Number of the last record that a checkpoint of the audit log signs.", nil, func() float64 {
		return float64(s.tree.Signed())
	})
	for name, set := range map[string]*certificate.Set{"api-tls-addr": s.apiCertificates, "edge-tls-addr": s.certificates} {
		if set != nil {
			m.gauge("keyfront_certificate_end_seconds", "Unix time at which the first certificate of a listener ends.", prometheus.Labels{"listener": name}, func() float64 {
				return float64(set.End().Unix())
			})
		}
	}
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
