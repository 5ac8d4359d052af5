package policy

import "slices"

// Context holds the condition keys of one request. Names compare without
// ASCII case. The zero Context is empty and ready; it is not safe for
// concurrent use while it is being filled.
type Context struct {
	keys []contextKey
}

type contextKey struct {
	family string // "" or the part of the name before the caller's own: "aws:RequestTag/"
	name   string
	one    string
	many   *[]string // of a multi-valued key; a pointer keeps the many keys that have one small
}

// NewContext is an empty Context with room for n keys.
func NewContext(n int) *Context {
	return &Context{keys: make([]contextKey, 0, n)}
}

// Reset empties c and keeps its room.
func (c *Context) Reset() {
	clear(c.keys)
	c.keys = c.keys[:0]
}

// Set adds or replaces a condition key with the values of the request.
// Numbers, booleans ("true", "false") and dates (ISO 8601 or epoch seconds)
// are given as strings. One value makes a single-valued key; SetList makes a
// multi-valued one of any number.
func (c *Context) Set(name string, values ...string) { c.SetIn("", name, values...) }

// SetIn is Set for a key whose name has a fixed and a free part, such as
// "kms:EncryptionContext:" and "project"; it spares the caller joining them.
func (c *Context) SetIn(family, name string, values ...string) {
	k := contextKey{family: family, name: name}
	if len(values) == 1 {
		k.one = values[0]
	} else {
		many := slices.Clone(values)
		k.many = &many
	}
	c.keys = append(c.keys, k)
}

// SetList sets a multi-valued key. It keeps values; no values make the key
// absent.
func (c *Context) SetList(name string, values []string) {
	c.keys = append(c.keys, contextKey{name: name, many: &values})
}

// find gives the values of name, which is in lower case. What was set last
// wins; but where a caller chose two names that differ in case only, it could
// show a condition the one and mean the other, so neither is believed.
func (c *Context) find(name string) (v values, ok bool) {
	if c == nil {
		return values{}, false
	}
	var found *contextKey
	for i := len(c.keys) - 1; i >= 0; i-- {
		k := &c.keys[i]
		if !k.is(name) {
			continue
		}
		if found != nil && found.name != k.name {
			return values{n: 1, torn: true}, true
		}
		if found == nil {
			found = k
		}
		if k.family == "" {
			break
		}
	}
	switch {
	case found == nil:
		return values{}, false
	case found.many != nil:
		return values{many: *found.many, multi: true, n: len(*found.many)}, true
	}
	return values{one: found.one, n: 1}, true
}

// is reports whether k is called name, which is in lower case.
func (k *contextKey) is(name string) bool {
	at := len(k.family)
	return at+len(k.name) == len(name) && equalFold(name[at:], k.name) && equalFold(name[:at], k.family)
}

// equalFold reports whether s is lower in any ASCII case.
func equalFold(lower, s string) bool {
	if len(lower) != len(s) {
		return false
	}
	for i := range len(s) {
		if lowerByte(s[i]) != lower[i] {
			return false
		}
	}
	return true
}

func lowerByte(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	return c
}

// lowerASCII is s with its ASCII letters in lower case.
func lowerASCII(s string) string {
	for i := range len(s) {
		if lowerByte(s[i]) != s[i] {
			b := []byte(s)
			for i := range b {
				b[i] = lowerByte(b[i])
			}
			return string(b)
		}
	}
	return s
}
