package sqlite

import (
	"maps"
	"sync"

	"zombiezen.com/go/sqlite"

	"github.com/keyfront-project/keyfront/internal/store"
)

// counters are the change counters as of the last commit. This process is the only
// writer, so nobody has to ask the database for them.
type counters struct {
	mu sync.Mutex
	of map[store.Space]uint64
}

func (c *counters) get(space store.Space) uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.of[space]
}

func (c *counters) add(counts map[store.Space]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for space, n := range counts {
		c.of[space] += n
	}
}

func (c *counters) set(all map[store.Space]uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.of = maps.Clone(all)
}

// counters reads the counters from the database.
func (c *conn) counters() (map[store.Space]uint64, error) {
	all := make(map[store.Space]uint64)
	err := c.query(allCounters, func(row *sqlite.Stmt) bool {
		all[store.Space(row.ColumnText(0))] = uint64(row.ColumnInt64(1))
		return true
	})
	return all, err
}
