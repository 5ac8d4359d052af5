// Package cache keeps origins' answers, small ones in memory and large ones in
// files, and lets any number of viewers read an answer that is still arriving.
//
// It knows nothing of HTTP's rules: whether an answer may be kept, how long it
// is fresh and what a viewer gets of it is for the edge to say. It promises:
//
//   - Memory: what is kept, what is arriving and the index of the files together
//     stay below Config.MemoryBytes plus a fifth. Files, finished and growing,
//     stay below Config.DiskBytes.
//   - Once Invalidate has returned, nothing that it names is given out again,
//     nor anything whose fill began before.
//   - A scan of answers that nobody asks for twice does not push out those that
//     are asked for.
//   - No lock is held across I/O.
//
// A file holds a body and nothing else, from its first byte on, so that sendfile
// can send it: private content lies there as plain as it came from the origin.
// Files are of mode 0600. With files, what is kept outlives an orderly stop:
// Close leaves it to the next New. After a crash the cache starts empty.
package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// KeyBytes is the size of a Key.
const KeyBytes = 32

// Key tells answers apart. It is a cryptographic hash of all that the answer may
// depend on: two requests with one Key get one answer.
type Key [KeyBytes]byte

// MinBytes is the least that either tier can be given.
const MinBytes = 1 << 20

// Config is what a Cache is made of.
type Config struct {
	// MemoryBytes is at least MinBytes.
	MemoryBytes int64
	// Dir is the cache's own folder; it is made if need be. Empty means no files:
	// what does not fit into memory is then not kept.
	Dir string
	// DiskBytes is at least MinBytes if there is a Dir.
	DiskBytes int64
	// Log receives failures of the disk. Required.
	Log *slog.Logger
}

// Cache is safe for concurrent use.
type Cache struct {
	log    *slog.Logger
	limits limits
	memory *otter.Cache[Key, *Entry]
	disk   *disk // nil without files

	// moving is held for reading while an entry goes into a tier, and for
	// writing by an invalidation, which thus finds every entry in its place.
	moving  sync.RWMutex
	history history

	serial    atomic.Uint64
	mark      atomic.Uint64
	fillBytes atomic.Int64 // memory of bodies that are arriving
	flights   [flightShards]flightShard

	ctx    context.Context
	cancel context.CancelFunc
	down   demoter
}

// limits are the shares of Config's bounds, in bytes.
type limits struct {
	memory     int64 // finished answers in memory
	fills      int64 // arriving bodies in memory
	index      int64 // what describes the files
	demoting   int64 // on the way from memory to a file
	memoryBody int64 // the largest body kept in memory
	fileBody   int64 // the largest body kept in a file
}

// maxMemoryBody bounds bodies in memory where there are no files. The memory
// tier counts in 32 bits.
const maxMemoryBody = 1 << 30

func (c *Config) limits() limits {
	m := c.MemoryBytes
	if c.Dir == "" {
		return limits{memory: m / 8 * 7, fills: m / 8, memoryBody: min(maxMemoryBody, m/8)}
	}
	return limits{
		memory:     m / 8 * 5,
		fills:      m / 8,
		index:      m / 16 * 3,
		demoting:   m / 16,
		memoryBody: min(1<<20, m/16),
		fileBody:   c.DiskBytes / 2,
	}
}

// New opens a cache with what the last one in the folder kept.
func New(cfg Config) (*Cache, error) {
	if cfg.MemoryBytes < MinBytes {
		return nil, fmt.Errorf("cache: %d bytes of memory are less than %d", cfg.MemoryBytes, MinBytes)
	}
	if cfg.Dir != "" && cfg.DiskBytes < MinBytes {
		return nil, fmt.Errorf("cache: %d bytes of disk are less than %d", cfg.DiskBytes, MinBytes)
	}
	c := &Cache{log: cfg.Log, limits: cfg.limits()}
	for i := range c.flights {
		c.flights[i].fills = make(map[Key]*Fill)
	}
	c.history.logs = make(map[delivery.DistributionID]*changes)
	c.ctx, c.cancel = context.WithCancel(context.Background())
	if cfg.Dir != "" {
		var err error
		if c.disk, err = openDisk(cfg.Dir, cfg.DiskBytes, c.limits.index); err != nil {
			return nil, err
		}
		c.down.queue = make(chan *Entry, demoteQueue)
	}
	var err error
	c.memory, err = otter.New(&otter.Options[Key, *Entry]{
		MaximumWeight: uint64(c.limits.memory),
		Weigher:       func(_ Key, e *Entry) uint32 { return uint32(e.weight()) },
		OnDeletion:    c.evicted,
		// Eviction on the caller's goroutine keeps the bound while entries
		// come in faster than a goroutine of its own would be scheduled.
		Executor: func(run func()) { run() },
		Logger:   &otter.NoopLogger{},
	})
	if err != nil {
		if c.disk != nil {
			err = errors.Join(err, c.disk.root.Close())
		}
		return nil, fmt.Errorf("cache: %w", err)
	}
	if c.disk != nil {
		if err := c.restore(); err != nil {
			return nil, errors.Join(fmt.Errorf("cache folder: %w", err), c.disk.root.Close())
		}
		c.down.work.Go(c.demote)
	}
	return c, nil
}

// Close ends every fill, and leaves what is kept to the next cache in the
// folder. Nothing may be asked of the cache afterwards; who reads a body goes on
// reading it.
func (c *Cache) Close() error {
	c.cancel()
	c.down.work.Wait()
	c.memory.StopAllGoroutines()
	if c.disk == nil {
		return nil
	}
	listed, err := c.save()
	if err != nil {
		c.log.Warn("cache not kept", slog.Any("err", err))
		listed = nil
	}
	return errors.Join(c.disk.clear(listed), c.disk.root.Close())
}

// Get returns what is kept under key, fresh or not, or nil. Of a body in
// memory it allocates nothing.
func (c *Cache) Get(key Key) *Entry {
	if e, ok := c.memory.GetIfPresent(key); ok {
		return e
	}
	if c.disk == nil {
		return nil
	}
	e := c.disk.get(key)
	if e == nil || e.Size > c.limits.memoryBody {
		return e
	}
	return c.promote(e)
}

// promote takes a small body from its file back into memory.
func (c *Cache) promote(e *Entry) *Entry {
	body, err := e.read()
	if err != nil {
		c.log.Warn("cached file lost", slog.Any("err", err))
		c.Drop(e)
		return nil
	}
	up := &Entry{Meta: e.Meta, Size: e.Size, key: e.key, serial: e.serial, body: body, file: e.file, disk: e.disk}
	up.sized().born.Store(e.born.Load())

	c.moving.RLock()
	defer c.moving.RUnlock()
	if c.disk.holds(e) {
		c.memory.Set(e.key, up)
	}
	return up
}

// Drop forgets an entry: its body could not be read, or the origin no longer
// stands by it.
func (c *Cache) Drop(e *Entry) {
	if e.file != nil {
		c.disk.unlink(c.disk.remove(e))
	}
	if now, ok := c.memory.GetIfPresent(e.key); ok && now.serial == e.serial {
		c.memory.Invalidate(e.key)
	}
}

// peek is Get without I/O.
func (c *Cache) peek(key Key) *Entry {
	if e, ok := c.memory.GetIfPresent(key); ok || c.disk == nil {
		return e
	}
	return c.disk.get(key)
}

// insert makes e what is kept under its key, unless an invalidation since
// e.born names it.
func (c *Cache) insert(e *Entry) bool {
	victims, ok := c.place(e)
	if c.disk != nil {
		c.disk.unlink(victims)
	}
	return ok
}

func (c *Cache) place(e *Entry) (victims []*file, ok bool) {
	c.moving.RLock()
	defer c.moving.RUnlock()
	switch {
	case c.history.forbids(e):
		return nil, false
	case e.file != nil:
		victims = c.disk.insert(e)
		c.memory.Invalidate(e.key)
	default:
		c.memory.Set(e.key, e)
		if c.disk != nil {
			victims = c.disk.forget(e.key)
		}
	}
	return victims, true
}

// refresh puts e in the place of old, whose body it shares.
func (c *Cache) refresh(old, e *Entry) bool {
	c.moving.RLock()
	defer c.moving.RUnlock()
	if c.history.forbids(e) {
		return false
	}
	onDisk := old.file != nil && c.disk.replace(old, e)
	if e.body == nil {
		return onDisk
	}
	if !onDisk {
		e.file = nil
	}
	c.memory.Set(e.key, e)
	return true
}

// MemoryBytes is how much memory the cache accounts for, bookkeeping included.
func (c *Cache) MemoryBytes() int64 {
	n := int64(c.memory.WeightedSize()) + c.fillBytes.Load() + c.down.bytes.Load()
	if c.disk != nil {
		n += c.disk.indexBytes()
	}
	return n
}

// DiskBytes is how much the files take.
func (c *Cache) DiskBytes() int64 {
	if c.disk == nil {
		return 0
	}
	return c.disk.bytes()
}
