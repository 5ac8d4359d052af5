// Package clock is the one clock that assembly hands down. Pure code takes the
// moment it judges; long-lived code takes a *Clock.
package clock

import (
	"sync"
	"time"
)

// Clock tells the time, and can be moved under --test-clock. The zero value is
// the system's clock.
type Clock struct {
	mu      sync.Mutex
	offset  time.Duration
	moved   chan struct{} // closed and replaced at every move; nil until someone waits
	movable bool
}

// System returns the clock of this machine.
func System() *Clock { return &Clock{} }

// Movable returns a clock that starts with the machine's time and may be moved.
func Movable() *Clock { return &Clock{movable: true} }

// Now is the current moment, in UTC.
func (c *Clock) Now() time.Time {
	if !c.movable {
		return time.Now().UTC()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.offset).UTC()
}

// CanMove reports whether Advance and Set may be called.
func (c *Clock) CanMove() bool { return c.movable }

// Advance moves the clock by d, which may be negative, and returns the new time.
// It panics on the system's clock.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(c.offset + d)
	return time.Now().Add(c.offset).UTC()
}

// Set moves the clock to t. It panics on the system's clock.
func (c *Clock) Set(t time.Time) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.move(time.Until(t))
	return time.Now().Add(c.offset).UTC()
}

func (c *Clock) move(offset time.Duration) {
	if !c.movable {
		panic("clock: the system's clock cannot be moved")
	}
	c.offset = offset
	if c.moved != nil {
		close(c.moved)
		c.moved = nil
	}
}

// Moved returns a channel that is closed at the next move of the clock. A loop
// that sleeps until a deadline selects on it as well and looks again.
func (c *Clock) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.moved == nil {
		c.moved = make(chan struct{})
	}
	return c.moved
}
