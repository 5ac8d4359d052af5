package identity

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"sync"
	"time"
)

// Time-based one-time passwords: six digits of HMAC-SHA-1 over the number of the
// half minute.
//
// Source: RFC 6238, RFC 4226 section 5.3.
const (
	stepLength  = 30 * time.Second
	codeLength  = 6
	codeModulus = 1_000_000
	// window is how many steps a device's clock may be off.
	window    = 1
	seedBytes = 20
)

// code is the password of a step.
func code(seed []byte, step int64) string {
	m := hmac.New(sha1.New, seed)
	_ = binary.Write(m, binary.BigEndian, step) // a hash takes everything
	sum := m.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	n := binary.BigEndian.Uint32(sum[at:at+4]) & 0x7fffffff
	return fmt.Sprintf("%06d", n%codeModulus)
}

// findStep is the step within reach of now, and after last, whose password is
// text; 0 if there is none.
func findStep(seed []byte, text string, now time.Time, last, reach int64) int64 {
	middle := now.Unix() / int64(stepLength/time.Second)
	found := int64(0)
	for step := middle - reach; step <= middle+reach; step++ {
		if subtle.ConstantTimeCompare([]byte(code(seed, step)), []byte(text)) == 1 && step > last {
			found = step
		}
	}
	return found
}

// Six digits are few: whoever guesses gets this many wrong codes in a period.
const (
	maxWrongCodes  = 10
	wrongPeriod    = 5 * time.Minute
	maxGuardedKeys = 10_000
)

// codeGuard counts wrong codes. Its zero value is ready.
type codeGuard struct {
	mu    sync.Mutex
	wrong map[string]wrongCodes
}

type wrongCodes struct {
	since time.Time
	n     int
}

// open reports whether another code may be tried for the device.
func (g *codeGuard) open(serial string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := g.wrong[serial]
	return w.n < maxWrongCodes || now.Sub(w.since) >= wrongPeriod
}

func (g *codeGuard) failed(serial string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.wrong == nil || len(g.wrong) >= maxGuardedKeys {
		g.wrong = map[string]wrongCodes{}
	}
	w := g.wrong[serial]
	if now.Sub(w.since) >= wrongPeriod {
		w = wrongCodes{since: now}
	}
	w.n++
	g.wrong[serial] = w
}
