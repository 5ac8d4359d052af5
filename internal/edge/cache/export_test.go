package cache

// ErrTooLong is what ReadBody says of a body that goes on behind its end.
var ErrTooLong = errTooLong

// Demoting is how many bytes are on their way from memory to files.
func (c *Cache) Demoting() int64 { return c.down.bytes.Load() }

// Name is the name of the file that the body lies in.
func (c *Content) Name() string { return c.file.Name() }

// AppendRecord is what the index says of an entry.
func AppendRecord(m Meta, size int64) []byte {
	r := record{Meta: m, size: size}
	return r.append(nil)
}

// Recorded reads what AppendRecord wrote.
func Recorded(b []byte) (Meta, int64, bool) {
	r, ok := parseRecord(b)
	return r.Meta, r.size, ok
}
