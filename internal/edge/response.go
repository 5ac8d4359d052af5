package edge

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
)

// police makes of the headers that an answer has what the behaviour's response
// headers policy wants. result is how the edge came by the answer.
//
// It does so for every answer to an admitted request, errors included, and
// changes nothing that is kept: a new policy counts at once.
//
// Source: CloudFront Developer Guide, "Understand response headers policies".
func (x *exchange) police(h http.Header, result string) {
	p := x.plan.b.Response
	if p == nil {
		return
	}
	for _, name := range p.Remove {
		delete(h, name)
		if name == "Server" {
			h["Server"] = serverHeader
		}
	}
	for i := range p.Set {
		set(h, &p.Set[i])
	}
	if p.CORS != nil {
		x.share(h, p.CORS)
	}
	if p.Timing >= 0 {
		x.timing(h, p.Timing, result)
	}
}

func set(h http.Header, to *delivery.ResponseHeader) {
	if to.Override || len(h[to.Name]) == 0 {
		h[to.Name] = to.Values
	}
}

// share says whether a page of another origin may read the answer.
//
// Source: Fetch standard, "CORS protocol".
func (x *exchange) share(h http.Header, c *delivery.CORS) {
	for _, name := range c.Replaced {
		delete(h, name)
	}
	from := x.r.Header.Get("Origin")
	allow, named, ok := c.Allow(from)
	if named {
		// Without it a cache would show one origin's answer to another.
		h["Vary"] = append(slices.Clone(h["Vary"]), "Origin")
	}
	if !ok || from == "" {
		return
	}
	set(h, &allow)
	for i := range c.Answer {
		set(h, &c.Answer[i])
	}
	if x.r.Method != http.MethodOptions || x.r.Header["Access-Control-Request-Method"] == nil {
		return
	}
	for i := range c.Preflight {
		set(h, &c.Preflight[i])
	}
}

// timing adds Server-Timing to percent of all answers, and to those of requests
// that ask for it.
//
// Source: CloudFront Developer Guide, "Server-Timing header".
func (x *exchange) timing(h http.Header, percent float64, result string) {
	if rand.Float64()*100 >= percent && !asksForTiming(x.r.Header["Pragma"]) {
		if result == resultHit {
			delete(h, "Server-Timing") // of a request that was not this one
		}
		return
	}
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	if result == resultHit {
		add("cdn-cache-hit")
	} else {
		parts = append(parts, h["Server-Timing"]...)
		add(`cdn-upstream-layer;desc="EDGE"`)
		if t := x.upstream; t != nil {
			add("cdn-upstream-dns;dur=%d", t.Resolve.Milliseconds())
			add("cdn-upstream-connect;dur=%d", t.Connect.Milliseconds())
			add("cdn-upstream-fbl;dur=%d", t.FirstByte.Milliseconds())
		}
		if result == resultRefresh {
			add("cdn-cache-refresh")
		} else {
			add("cdn-cache-miss")
		}
	}
	add("cdn-pop;desc=%q", popHeader[0])
	add("cdn-rid;desc=%q", x.id)
	if result == resultHit {
		add(`cdn-hit-layer;desc="EDGE"`)
	}
	add("cdn-downstream-fbl;dur=%d", time.Since(x.begun).Milliseconds())
	h["Server-Timing"] = []string{strings.Join(parts, ",")}
}

func asksForTiming(pragma []string) bool {
	for _, v := range pragma {
		for directive := range strings.SplitSeq(v, ",") {
			if strings.EqualFold(strings.Trim(directive, " \t"), "server-timing") {
				return true
			}
		}
	}
	return false
}

// timed makes requests measure themselves if viewers may see how long it took.
func (x *exchange) timed(reqs []origin.Request) {
	if p := x.plan.b.Response; p != nil && p.Timing >= 0 {
		x.upstream = new(origin.Timing)
		for i := range reqs {
			reqs[i].Timing = x.upstream
		}
	}
}
