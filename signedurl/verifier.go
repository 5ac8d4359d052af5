package signedurl

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// DefaultRemembered is how many signatures a Verifier remembers unless told otherwise.
const DefaultRemembered = 65536

// maxMarkedBytes bounds the text of one remembered request: signature, policy
// and URL. Longer ones are verified each time.
const maxMarkedBytes = 4 << 10

// Verifier judges as [Verify] does and remembers which signatures it has found
// good, so that each distinct policy and signature costs one public-key operation
// while it is remembered. Conditions are judged at every request.
//
// What is remembered is bound to the key's material, not to its id, and the key
// is looked up at every request: a key that is replaced or taken out of its group
// counts no longer from the next request on. Rejected requests are not remembered.
//
// A Verifier is safe for concurrent use. The zero Verifier remembers nothing.
type Verifier struct {
	seen *memory
}

// NewVerifier returns a Verifier that remembers at most entries signatures (2 at
// the least), or DefaultRemembered if entries is 0 or less. An entry takes about 1 KiB, and never
// more than about 10 KiB; which are forgotten first is roughly by last use.
func NewVerifier(entries int) *Verifier {
	if entries <= 0 {
		entries = DefaultRemembered
	}
	return &Verifier{seen: newMemory(entries)}
}

// Verify is like the function [Verify].
func (v *Verifier) Verify(r *Request, keys Keys, at time.Time, opts *Options) Result {
	return check(v.seen, r, keys, at, opts)
}

// Len returns the number of signatures remembered.
func (v *Verifier) Len() int {
	if v.seen == nil {
		return 0
	}
	return v.seen.len()
}

// mark identifies key, hash, signature and policy. It is a collision-resistant
// hash, because who finds two requests of one mark is let in.
type mark [sha256.Size]byte

// markOf returns the mark of a request for t, or false when it is not to be remembered.
func markOf(key *PublicKey, r *Result, f *fields, t *target) (mark, bool) {
	sig := f.value[paramSignature]
	// A value that can be spelled in many ways is not remembered: a single
	// viewer could push out everybody else's with one signature.
	size := len(sig) + len(r.encoded)
	if !r.Custom {
		size += len(t.host) + len(t.path) + len(t.query)
	}
	if size > maxMarkedBytes || respelled(sig) || r.Custom && respelled(r.encoded) {
		return mark{}, false
	}
	// Every field before the last has its length in front: no two requests
	// write the same bytes.
	var buf [2 << 10]byte
	b := append(buf[:0], key.sum[:]...)
	b = appendField(b, string(r.Hash))
	b = appendField(b, sig)
	if r.Custom {
		b = append(b, 'P')
		b = append(b, r.encoded...)
	} else {
		b = append(b, 'E')
		b = appendField(b, r.encoded)
		b = t.append(b)
	}
	return sha256.Sum256(b), true
}

func appendField(b []byte, s string) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// memory is a bounded map in shards. A shard holds two generations: when the
// young one is full it becomes the old one, and the old one is forgotten except
// for what was asked for since.
type memory struct {
	shards []shard // a power of two
}

type shard struct {
	mu sync.Mutex

	// guarded by mu
	young, old map[mark]*grant
	limit      int // of one generation
}

// shardEntries is how many entries make another shard worthwhile.
const shardEntries = 1024

func newMemory(entries int) *memory {
	n := 1
	for n < 64 && n*shardEntries < entries {
		n *= 2
	}
	m := &memory{shards: make([]shard, n)}
	for i := range m.shards {
		s := &m.shards[i]
		s.young = make(map[mark]*grant)
		s.limit = max(1, entries/n/2)
	}
	return m
}

func (m *memory) shard(k *mark) *shard { return &m.shards[int(k[0])&(len(m.shards)-1)] }

func (m *memory) get(k mark) *grant {
	s := m.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	if g := s.young[k]; g != nil {
		return g
	}
	g := s.old[k]
	if g != nil {
		delete(s.old, k)
		s.putLocked(k, g)
	}
	return g
}

func (m *memory) put(k mark, g *grant) {
	s := m.shard(&k)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.putLocked(k, g)
}

func (s *shard) putLocked(k mark, g *grant) {
	if len(s.young) >= s.limit {
		s.young, s.old = make(map[mark]*grant, s.limit), s.young
	}
	s.young[k] = g
}

func (m *memory) len() int {
	n := 0
	for i := range m.shards {
		s := &m.shards[i]
		s.mu.Lock()
		n += len(s.young) + len(s.old)
		s.mu.Unlock()
	}
	return n
}
