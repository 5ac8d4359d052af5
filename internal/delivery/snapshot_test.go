package delivery_test

import (
	"fmt"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

func TestLookup(t *testing.T) {
	named := func(id, domain string, aliases ...string) *delivery.Distribution {
		return &delivery.Distribution{ID: delivery.DistributionID(id), DomainName: domain, Aliases: aliases}
	}
	s := delivery.NewSnapshot(7, []*delivery.Distribution{
		named("EXACT", "d1.edge.test", "www.example.com"),
		named("WIDE", "d2.edge.test", "*.example.com"),
		named("LONGER", "d3.edge.test", "*.video.example.com"),
		named("GREEDY", "d4.edge.test", "*.edge.test"),
	})
	for host, want := range map[string]delivery.DistributionID{
		"www.example.com":         "EXACT",
		"a.example.com":           "WIDE",
		"a.b.example.com":         "WIDE",
		"example.com":             "",
		".example.com":            "",
		"x.video.example.com":     "LONGER",
		"video.example.com":       "WIDE",
		"d1.edge.test":            "EXACT",
		"d1.cloudfront.net":       "EXACT",
		"d9.cloudfront.net":       "",
		"d9.edge.test":            "GREEDY",
		"":                        "",
		".":                       "",
		"com":                     "",
		"www.example.com.evil.io": "",
	} {
		var got delivery.DistributionID
		if d := s.Lookup(host); d != nil {
			got = d.ID
		}
		if got != want {
			t.Errorf("Lookup(%q) = %q, want %q", host, got, want)
		}
	}
	if s.Version() != 7 || s.Len() != 4 || s.ByID("WIDE") == nil || s.ByID("NONE") != nil {
		t.Errorf("Version %d, Len %d, ByID(WIDE) %v, ByID(NONE) %v", s.Version(), s.Len(), s.ByID("WIDE"), s.ByID("NONE"))
	}
}

func TestBehaviorFirstMatchWins(t *testing.T) {
	d := &delivery.Distribution{}
	for i, p := range []string{"/a/b/*", "/a/*", "*.mp4", "*"} {
		d.Behaviors = append(d.Behaviors, &delivery.Behavior{Pattern: delivery.CompilePattern(p), Index: i})
	}
	for path, want := range map[string]int{"/a/b/c.mp4": 0, "/a/c.mp4": 1, "/x.mp4": 2, "/": 3} {
		if got := d.Behavior(path); got.Index != want {
			t.Errorf("Behavior(%q) = %d, want %d", path, got.Index, want)
		}
	}
}

// BenchmarkLookup finds distribution and behaviour among 10,000 distributions
// of five behaviours each.
func BenchmarkLookup(b *testing.B) {
	var all []*delivery.Distribution
	var hosts []string
	for i := range 10_000 {
		d := &delivery.Distribution{
			ID:         delivery.DistributionID(fmt.Sprintf("E%013d", i)),
			DomainName: fmt.Sprintf("d%013d.cloudfront.localhost", i),
			Aliases:    []string{fmt.Sprintf("www%d.example.com", i), fmt.Sprintf("*.c%d.example.net", i)},
		}
		for _, p := range []string{"/images/*.jpg", "/api/*", "/videos/*/hls/*.ts", "*.html", "*"} {
			d.Behaviors = append(d.Behaviors, &delivery.Behavior{Pattern: delivery.CompilePattern(p)})
		}
		all = append(all, d)
		hosts = append(hosts, d.DomainName, d.Aliases[0], fmt.Sprintf("a.b.c%d.example.net", i))
	}
	s := delivery.NewSnapshot(1, all)
	if n := testing.AllocsPerRun(100, func() { s.Lookup(hosts[2]).Behavior("/videos/a/hls/1.ts") }); n != 0 {
		b.Fatalf("Lookup and Behavior allocate %v times", n)
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		if s.Lookup(hosts[i%len(hosts)]).Behavior("/videos/a/hls/1.ts") == nil {
			b.Fatal("no behaviour")
		}
		i += 7919
	}
}
