package edge_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge"
)

// figures are the counters of reg, and how often its histograms were observed,
// as "name{label,label} value", zeros left out, sorted.
func figures(t *testing.T, reg *prometheus.Registry) []string {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			n := m.GetCounter().GetValue()
			if h := m.GetHistogram(); h != nil {
				n = float64(h.GetSampleCount())
			}
			if n != 0 {
				out = append(out, fmt.Sprintf("%s{%s} %v", strings.TrimPrefix(f.GetName(), "keyfront_edge_"), strings.Join(labels, ","), n))
			}
		}
	}
	slices.Sort(out)
	return out
}

func TestFigures(t *testing.T) {
	o := originServer(t, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "12345") })
	reg := prometheus.NewRegistry()
	d := distribution(o, last(restricted), first("/open/*"), first("/tls/*", func(b *delivery.Behavior) { b.ViewerProtocol = delivery.RedirectToHTTPS }))
	f := newFeed(d)
	w := newWorld(t, f, func(c *edge.Config) { c.Metrics = reg })
	w.get("/open/a")
	w.edge.Settle()
	w.get("/open/a")
	w.get("/open/a", "Range: bytes=1-2")
	w.get("/secret")
	w.get(w.sign("/secret", "") + "x")
	w.get(w.sign("/secret", ""))
	w.get("/tls/a")
	w.do("PUT", "/open/a")
	w.get("/", "Host: other.example")
	w.ask("/auth-request", "/secret")
	w.explain(edge.Question{URL: "http://" + host + "/secret"})
	got := figures(t, reg)
	// The bytes of error pages count, too.
	got = slices.DeleteFunc(got, func(s string) bool { return strings.HasPrefix(s, "body_bytes_total{none}") })
	for i, s := range got {
		if strings.HasPrefix(s, "body_bytes_total{E1}") {
			got[i] = "body_bytes_total{E1}"
		}
	}
	want := []string{
		"body_bytes_total{E1}",
		"denials_total{E1,hash-unknown} 1",
		"denials_total{E1,method-not-allowed} 1",
		"denials_total{E1,unsigned} 2",
		"denials_total{none,host-unknown} 1",
		"origin_seconds{E1} 2",
		"requests_total{E1,error} 3",
		"requests_total{E1,hit} 2",
		"requests_total{E1,miss} 2",
		"requests_total{E1,redirect} 1",
		"requests_total{none,error} 1",
		"verification_seconds{E1} 4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("figures are\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	// What is gone takes its figures along.
	f.set()
	w.edge.Tidy()
	for _, s := range figures(t, reg) {
		if strings.Contains(s, "E1") {
			t.Errorf("%s is left of a deleted distribution", s)
		}
	}
}

// However many distributions there are, the labels are bounded.
func TestFiguresAreBounded(t *testing.T) {
	reg := prometheus.NewRegistry()
	var all []*delivery.Distribution
	for i := range edge.MaxMeasured + 10 {
		all = append(all, distribution("http://127.0.0.1:1", last(restricted), func(d *delivery.Distribution) {
			d.ID, d.DomainName = delivery.DistributionID(fmt.Sprintf("E%d", i)), fmt.Sprintf("d%d.example", i)
		}))
	}
	w := newWorld(t, newFeed(all...), func(c *edge.Config) { c.Metrics = reg })
	for _, d := range all {
		w.get("/", "Host: "+d.DomainName)
	}
	got := figures(t, reg)
	if !slices.Contains(got, "denials_total{other,unsigned} 10") || slices.ContainsFunc(got, func(s string) bool { return strings.Contains(s, fmt.Sprintf("{E%d,", edge.MaxMeasured)) }) {
		t.Errorf("more than %d distributions have labels of their own", edge.MaxMeasured)
	}
}
