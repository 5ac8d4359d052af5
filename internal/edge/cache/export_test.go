package cache

// ErrTooLong is what ReadBody says of a body that goes on behind its end.
var ErrTooLong = errTooLong

// Demoting is how many bytes are on their way from memory to files.
func (c *Cache) Demoting() int64 { return c.down.bytes.Load() }

// Name is the name of the file that the body lies in.
func (c *Content) Name() string { return c.file.Name() }
