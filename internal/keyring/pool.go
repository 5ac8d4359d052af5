package keyring

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"time"
)

// pairPool keeps RSA key pairs ready, so that no caller waits for primes. Each
// pair is handed out once. It is bounded by the wanted numbers.
type pairPool struct {
	ready map[int]chan *rsa.PrivateKey // by bits; the channel's capacity is the wanted number
	// taken wakes the filler. It has room for one wake-up.
	taken chan struct{}
}

func newPairPool(want PoolSize) *pairPool {
	return &pairPool{
		ready: map[int]chan *rsa.PrivateKey{
			2048: make(chan *rsa.PrivateKey, max(0, want.RSA2048)),
			3072: make(chan *rsa.PrivateKey, max(0, want.RSA3072)),
			4096: make(chan *rsa.PrivateKey, max(0, want.RSA4096)),
		},
		taken: make(chan struct{}, 1),
	}
}

// take returns a pair from the pool, or makes one when there is none.
func (p *pairPool) take(bits int) (*rsa.PrivateKey, error) {
	select {
	case pair := <-p.ready[bits]:
		select {
		case p.taken <- struct{}{}:
		default:
		}
		return pair, nil
	default:
		return rsa.GenerateKey(rand.Reader, bits)
	}
}

// emptiest is the size that lacks the most of what it should have, 0 if none
// lacks any. Among equals the smaller goes first, which is sooner done.
func (p *pairPool) emptiest() int {
	bits, worst := 0, 1.0
	for _, b := range [...]int{2048, 3072, 4096} {
		c := p.ready[b]
		if cap(c) == 0 {
			continue
		}
		if full := float64(len(c)) / float64(cap(c)); full < worst {
			bits, worst = b, full
		}
	}
	return bits
}

// Times of the filler. A pair is begun when nobody has called for idleAfter, or
// when it has waited for patience: a server that is never idle needs pairs too.
const (
	idleAfter = 20 * time.Millisecond
	patience  = time.Second
)

// fill keeps the pool full until ctx ends. It makes one pair at a time, since
// it competes with requests for processors.
func (p *pairPool) fill(ctx context.Context, calls func() uint64) {
	for ctx.Err() == nil {
		bits := p.emptiest()
		if bits == 0 {
			select {
			case <-p.taken:
			case <-ctx.Done():
			}
			continue
		}
		if !awaitIdle(ctx, calls) {
			return
		}
		pair, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			return // the parameters are ours: only a broken random source fails
		}
		select {
		case p.ready[bits] <- pair:
		default: // another filler was faster
		}
	}
}

func awaitIdle(ctx context.Context, calls func() uint64) bool {
	tick := time.NewTicker(idleAfter)
	defer tick.Stop()
	seen := calls()
	for waited := time.Duration(0); waited < patience; waited += idleAfter {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
		now := calls()
		if now == seen {
			break
		}
		seen = now
	}
	return ctx.Err() == nil
}
