package edge

import (
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/signedurl"
)

// maxMeasured bounds how many distributions have figures of their own. Those
// that come later share the label otherLabel; noneLabel stands for requests that
// reach no distribution.
const (
	maxMeasured = 1000
	otherLabel  = "other"
	noneLabel   = "none"
)

// figures are what operators watch. Every label has few values: distributions up
// to maxMeasured, results and causes from the lists in this package and signedurl.
type figures struct {
	requests *prometheus.CounterVec
	bytes    *prometheus.CounterVec
	denials  *prometheus.CounterVec
	origin   *prometheus.HistogramVec
	verify   *prometheus.HistogramVec

	mu sync.Mutex
	// measured are the distributions with labels of their own; guarded by mu.
	measured map[delivery.DistributionID]bool
}

func newFigures(into prometheus.Registerer) *figures {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, append([]string{"distribution"}, labels...))
	}
	seconds := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, []string{"distribution"})
	}
	f := &figures{
		requests: counter("keyfront_edge_requests_total", "Viewers' requests, by how the edge came by the answer: hit, refresh, miss, error, redirect or function.", "result"),
		bytes:    counter("keyfront_edge_body_bytes_total", "Bytes of bodies sent to viewers."),
		denials:  counter("keyfront_edge_denials_total", "Requests that the edge refused, its viewers' and those of sub-requests, by cause.", "reason"),
		origin: seconds("keyfront_edge_origin_seconds", "Time from a request to an origin to the head of its answer or to its failure.",
			[]float64{.001, .005, .01, .05, .1, .5, 1, 5, 10, 30}),
		verify: seconds("keyfront_edge_verification_seconds", "Time to judge the signature of a request, seen before or not.",
			[]float64{.000002, .000005, .00001, .00002, .00005, .0001, .0002, .0005, .001, .01}),
		measured: make(map[delivery.DistributionID]bool),
	}
	if into != nil {
		into.MustRegister(f.requests, f.bytes, f.denials, f.origin, f.verify)
	}
	return f
}

// siteFigures are the figures of one distribution, found once.
type siteFigures struct {
	label                                          string
	hit, refresh, miss, failed, redirect, function prometheus.Counter
	bytes                                          prometheus.Counter
	origin, verify                                 prometheus.Observer
}

// of returns the figures of a distribution.
func (f *figures) of(id delivery.DistributionID) siteFigures {
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.measured[id] && len(f.measured) >= maxMeasured {
		return f.labelled(otherLabel)
	}
	f.measured[id] = true
	return f.labelled(string(id))
}

func (f *figures) labelled(label string) siteFigures {
	result := func(name string) prometheus.Counter { return f.requests.WithLabelValues(label, name) }
	return siteFigures{
		label: label,
		hit:   result("hit"), refresh: result("refresh"), miss: result("miss"), failed: result("error"), redirect: result("redirect"), function: result("function"),
		bytes: f.bytes.WithLabelValues(label), origin: f.origin.WithLabelValues(label), verify: f.verify.WithLabelValues(label),
	}
}

// retain forgets the distributions that live does not report.
func (f *figures) retain(live func(delivery.DistributionID) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id := range f.measured {
		if live(id) {
			continue
		}
		delete(f.measured, id)
		gone := prometheus.Labels{"distribution": string(id)}
		f.requests.DeletePartialMatch(gone)
		f.bytes.DeletePartialMatch(gone)
		f.denials.DeletePartialMatch(gone)
		f.origin.DeletePartialMatch(gone)
		f.verify.DeletePartialMatch(gone)
	}
}

// denied counts a refusal. s is nil if the request reached no distribution.
func (f *figures) denied(s *site, cause signedurl.Cause) {
	label := noneLabel
	if s != nil {
		label = s.figures.label
	}
	f.denials.WithLabelValues(label, string(cause)).Inc()
}

// answered counts an answer by its X-Cache.
func (s *siteFigures) answered(result string, bodyBytes int64) {
	switch result {
	case resultHit:
		s.hit.Inc()
	case resultRefresh:
		s.refresh.Inc()
	case resultMiss:
		s.miss.Inc()
	case resultRedirect:
		s.redirect.Inc()
	case resultLambda, resultFunction:
		s.function.Inc()
	default:
		s.failed.Inc()
	}
	s.bytes.Add(float64(bodyBytes))
}
