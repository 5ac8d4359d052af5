package edge

import (
	"net/http"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
)

// ParsePath returns the path of a request target.
func ParsePath(uri string) (string, bool) {
	t, ok := parseTarget(uri)
	return t.path, ok
}

// Guarded reports whether a path needs a signature.
func Guarded(d *delivery.Distribution, path string) bool {
	_, guards := route(d, path)
	return guards[0] != nil
}

// Key is the cache key of a request that was admitted.
func (e *Edge) Key(r *http.Request) cache.Key {
	x := &exchange{e: e, r: r, sender: e.cfg.Proxies.Sender(r)}
	x.target, _ = parseTarget(r.RequestURI)
	name, port := splitHost(r.Host)
	x.site, x.host = e.site(e.cfg.Feed.Snapshot().Lookup(name)), heardHost(name, port, x.sender.HTTPS)
	x.plan = &x.site.plans[0]
	return x.keyOf()
}

// Settle waits until what was being fetched has arrived and is kept.
func (e *Edge) Settle() { e.fills.Wait() }

// MaxMeasured is how many distributions have labels of their own.
const MaxMeasured = maxMeasured

// Tidy drops what the newest snapshot does not need.
func (e *Edge) Tidy() { e.tidy(e.cfg.Feed.Snapshot()) }

// NormalPath is the path by which a behaviour is chosen.
var NormalPath = normalPath

// Relay passes on what two ends say.
var Relay = relay
