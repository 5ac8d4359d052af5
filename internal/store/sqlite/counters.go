package sqlite

import (
	"database/sql/driver"
	"maps"
	"sync"

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
	err := c.query(allCounters, func(row []driver.Value) bool {
		all[store.Space(row[0].(string))] = uint64(row[1].(int64))
		return true
	})
	return all, err
}
