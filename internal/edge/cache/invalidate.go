package cache

import (
	"slices"
	"strings"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// An invalidation must also catch what is in no tier while it runs: fills under
// way, and entries between two tiers. So each entry knows the newest
// invalidation that is known to spare it, each tier asks for the newer ones
// before it takes an entry, and a history of them is kept for that.

// maxHistory bounds how many of a distribution's invalidations are remembered,
// and maxHistoryPaths their paths together. An entry that is older than what is
// remembered counts as invalidated.
const (
	maxHistory      = 16
	maxHistoryPaths = 4096
)

type history struct {
	// seq numbers the invalidations. It grows only under Cache.moving.
	seq  atomic.Uint64
	logs map[delivery.DistributionID]*changes // under Cache.moving
}

// changes are the newest invalidations of one distribution, oldest first.
type changes struct {
	forgotten uint64 // the newest that is no longer in list
	list      []change
	paths     int
}

type change struct {
	seq   uint64
	match matcher
}

// forbids reports whether an invalidation since e.born names e. It wants
// Cache.moving.
func (h *history) forbids(e *Entry) bool {
	born := e.born.Load()
	log := h.logs[e.Distribution]
	if log == nil {
		return false
	}
	if born < log.forgotten {
		return true
	}
	for i := range log.list {
		if c := &log.list[i]; c.seq > born && c.match.names(e.URL) {
			return true
		}
	}
	return false
}

func (h *history) add(id delivery.DistributionID, m matcher) uint64 {
	seq := h.seq.Add(1)
	log := h.logs[id]
	if log == nil {
		log = new(changes)
		h.logs[id] = log
	}
	log.list = append(log.list, change{seq, m})
	log.paths += m.len()
	for len(log.list) > maxHistory || log.paths > maxHistoryPaths && len(log.list) > 1 {
		log.forgotten = log.list[0].seq
		log.paths -= log.list[0].match.len()
		log.list = slices.Delete(log.list, 0, 1)
	}
	return seq
}

// matcher is a set of invalidation paths.
type matcher struct {
	exact    map[string]struct{}
	prefixes []string
}

func newMatcher(paths []string) matcher {
	m := matcher{exact: make(map[string]struct{})}
	for _, p := range paths {
		if prefix, ok := strings.CutSuffix(p, "*"); ok {
			m.prefixes = append(m.prefixes, prefix)
		} else {
			m.exact[p] = struct{}{}
		}
	}
	return m
}

func (m *matcher) len() int { return len(m.exact) + len(m.prefixes) }

func (m *matcher) names(url string) bool {
	if _, ok := m.exact[url]; ok {
		return true
	}
	for _, p := range m.prefixes {
		if strings.HasPrefix(url, p) {
			return true
		}
	}
	return false
}

// Invalidate forgets the answers of a distribution that paths name, as
// delivery.Invalidation spells them, in all variants. When it returns they are
// gone, and no fill that began before can bring one back; who is reading such an
// answer reads it to its end.
func (c *Cache) Invalidate(id delivery.DistributionID, paths []string) {
	victims := c.forget(id, newMatcher(paths))
	if c.disk != nil {
		c.disk.unlink(victims)
	}
}

func (c *Cache) forget(id delivery.DistributionID, m matcher) (victims []*file) {
	c.moving.Lock()
	defer c.moving.Unlock()
	seq := c.history.add(id, m)
	named := func(e *Entry) bool {
		if e.Distribution != id {
			return false
		}
		if m.names(e.URL) {
			return true
		}
		e.born.Store(seq)
		return false
	}
	for key, e := range c.memory.All() {
		if named(e) {
			c.memory.Invalidate(key)
		}
	}
	if c.disk != nil {
		victims = c.disk.sweep(named)
	}
	for i := range c.flights {
		c.flights[i].dismiss(id, &m, seq)
	}
	return victims
}

// Forget forgets all of a distribution that is no more, its invalidations too. A
// fill of it that is under way may leave its answer behind.
func (c *Cache) Forget(id delivery.DistributionID) {
	c.Invalidate(id, []string{"*"})
	c.moving.Lock()
	defer c.moving.Unlock()
	delete(c.history.logs, id)
}

// Distributions calls visit once for each distribution that has something in
// the cache or was invalidated, in no order, until it returns false.
func (c *Cache) Distributions(visit func(delivery.DistributionID) bool) {
	seen := make(map[delivery.DistributionID]struct{})
	for e := range c.memory.Values() {
		seen[e.Distribution] = struct{}{}
	}
	if c.disk != nil {
		c.disk.sweep(func(e *Entry) bool {
			seen[e.Distribution] = struct{}{}
			return false
		})
	}
	c.moving.RLock()
	for id := range c.history.logs {
		seen[id] = struct{}{}
	}
	c.moving.RUnlock()
	for id := range seen {
		if !visit(id) {
			return
		}
	}
}
