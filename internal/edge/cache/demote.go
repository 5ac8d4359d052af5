package cache

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// demoteQueue bounds how many entries wait for their way to a file.
const demoteQueue = 256

// demoter carries what memory has no room for to files.
type demoter struct {
	queue chan *Entry
	bytes atomic.Int64 // of entries in the queue and in hand
	work  sync.WaitGroup
}

// evicted hears of entries that left memory. It may run under the locks of the
// memory tier, so it neither waits nor asks that tier for anything.
func (c *Cache) evicted(d otter.DeletionEvent[Key, *Entry]) {
	e := d.Value
	// What has a file stays there, and the edge's own errors are not worth one.
	if d.Cause != otter.CauseOverflow || c.disk == nil || e.file != nil || e.body == nil || c.ctx.Err() != nil {
		return
	}
	weight := e.weight()
	if c.down.bytes.Add(weight) > c.limits.demoting {
		c.down.bytes.Add(-weight)
		return
	}
	select {
	case c.down.queue <- e:
	default:
		c.down.bytes.Add(-weight)
	}
}

func (c *Cache) demote() {
	for {
		select {
		case <-c.ctx.Done():
			return
		case e := <-c.down.queue:
			c.demoteOne(e)
			c.down.bytes.Add(-e.weight())
		}
	}
}

func (c *Cache) demoteOne(e *Entry) {
	out, f, err := c.disk.create()
	if err != nil {
		c.log.Warn("cache file not made", slog.Any("err", err))
		return
	}
	ok := c.disk.reserve(f, e.Size)
	if ok {
		if _, err = out.Write(e.body); err != nil {
			c.log.Warn("cache file not written", slog.Any("err", err))
		}
	}
	if err = errors.Join(err, out.Close()); !ok || err != nil {
		c.disk.unlink([]*file{f})
		return
	}
	c.disk.unlink(c.shelve(e, f))
}

// shelve makes the file f of e what is kept under e's key, unless something
// newer is, or an invalidation names it. It returns the files that must go.
func (c *Cache) shelve(e *Entry, f *file) (victims []*file) {
	down := &Entry{Meta: e.Meta, Size: e.Size, key: e.key, serial: e.serial, file: f, disk: c.disk}
	down.sized().born.Store(e.born.Load())
	c.moving.RLock()
	defer c.moving.RUnlock()
	if _, newer := c.memory.GetIfPresent(e.key); newer || c.history.forbids(down) {
		return []*file{f}
	}
	return c.disk.insert(down)
}
