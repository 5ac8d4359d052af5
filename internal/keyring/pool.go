package keyring

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"time"
)

// pairPool keeps RSA key pairs ready, encoded, so that no caller waits for
// primes. Each pair is handed out once. It is bounded by the wanted numbers: so
// many pairs of a size are in memory, and so many more in stock, for the next
// start.
type pairPool struct {
	ready map[int]chan keyPair // by bits; the channel's capacity is the wanted number
	stock pairStock
	// taken wakes the filler. It has room for one wake-up.
	taken chan struct{}
}

func newPairPool(want PoolSize, stock pairStock) *pairPool {
	return &pairPool{
		stock: stock,
		ready: map[int]chan keyPair{
			2048: make(chan keyPair, max(0, want.RSA2048)),
			3072: make(chan keyPair, max(0, want.RSA3072)),
			4096: make(chan keyPair, max(0, want.RSA4096)),
		},
		taken: make(chan struct{}, 1),
	}
}

// take returns a pair from the pool, or makes one when there is none.
func (p *pairPool) take(bits int) (keyPair, error) {
	select {
	case pair := <-p.ready[bits]:
		select {
		case p.taken <- struct{}{}:
		default:
		}
		return pair, nil
	default:
		return makeRSA(bits)
	}
}

func makeRSA(bits int) (keyPair, error) {
	private, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		return keyPair{}, err
	}
	return encodePair(private)
}

// pairSizes are the sizes that are kept, in bits.
var pairSizes = [...]int{2048, 3072, 4096}

// emptiest is the size that lacks the most of what it should have, 0 if none
// lacks any. Among equals the smaller goes first, which is sooner done.
func (p *pairPool) emptiest() int {
	bits, worst := 0, 1.0
	for _, b := range pairSizes {
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

// fill keeps the pool and its stock full until ctx ends. It makes one pair at a
// time, since it competes with requests for processors. What fails goes to
// failed, and is tried again after a while.
func (p *pairPool) fill(ctx context.Context, calls func() uint64, failed func(error)) {
	for ctx.Err() == nil {
		more, err := p.fillOne(ctx, calls)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		if more && err == nil {
			continue
		}
		wait := make(<-chan time.Time)
		if err != nil {
			wait = time.After(refillAfter)
		}
		select {
		case <-p.taken:
		case <-wait:
		case <-ctx.Done():
		}
	}
}

// refillAfter is how long the filler rests when the store fails.
const refillAfter = 10 * time.Second

// fillOne adds one pair where the most are lacking, to memory first. It reports
// whether there may be more to do.
func (p *pairPool) fillOne(ctx context.Context, calls func() uint64) (more bool, err error) {
	if bits := p.emptiest(); bits != 0 {
		// The stock's commit would get in the way of the call that took a pair. While
		// half are left, it can wait.
		if c := p.ready[bits]; 2*len(c) >= cap(c) && !awaitIdle(ctx, calls) {
			return false, ctx.Err()
		}
		pair, found, err := p.stock.take(ctx, bits)
		if err == nil && !found {
			pair, err = makeIdle(ctx, calls, bits)
		}
		if err != nil {
			return false, err
		}
		select {
		case p.ready[bits] <- pair:
		default: // another filler was faster
		}
		return true, nil
	}
	for _, bits := range pairSizes {
		n, err := p.stock.count(ctx, bits)
		if err != nil {
			return false, err
		}
		if n >= cap(p.ready[bits]) {
			continue
		}
		pair, err := makeIdle(ctx, calls, bits)
		if err != nil {
			return false, err
		}
		return true, p.stock.put(ctx, bits, pair)
	}
	return false, nil
}

// makeIdle makes a pair when there is time for it. One that is not done when ctx
// ends is given up: to look for primes takes seconds, and cannot be told to stop.
func makeIdle(ctx context.Context, calls func() uint64, bits int) (keyPair, error) {
	if !awaitIdle(ctx, calls) {
		return keyPair{}, ctx.Err()
	}
	type made struct {
		pair keyPair
		err  error
	}
	done := make(chan made, 1)
	go func() {
		pair, err := makeRSA(bits)
		done <- made{pair, err}
	}()
	select {
	case m := <-done:
		return m.pair, m.err
	case <-ctx.Done():
		return keyPair{}, ctx.Err()
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
