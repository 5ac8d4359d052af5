package origin

import (
	"crypto/tls"
	"net/http/httptrace"
	"sync"
	"time"
)

// Timing is how long the parts of a request took. Resolve and Connect are zero
// where a connection was there already.
type Timing struct {
	// Resolve is the look-up of the origin's name.
	Resolve time.Duration
	// Connect goes from the known address to a connection, over TLS if need be.
	Connect time.Duration
	// FirstByte goes from the request's end to the first byte of the answer.
	FirstByte time.Duration
}

// stopwatch takes the times of one attempt. A transport goes on dialling when
// another connection has become free, so its hooks may come late and at once.
type stopwatch struct {
	mu                        sync.Mutex
	resolve, connect, written time.Time
	timing                    Timing
}

// watch makes the request that t is for take its times.
func (s *stopwatch) watch(t *httptrace.ClientTrace) {
	start := func(at *time.Time) {
		s.mu.Lock()
		defer s.mu.Unlock()
		*at = time.Now()
	}
	stop := func(since *time.Time, into *time.Duration) {
		s.mu.Lock()
		defer s.mu.Unlock()
		if !since.IsZero() {
			*into = time.Since(*since)
		}
	}
	t.DNSStart = func(httptrace.DNSStartInfo) { start(&s.resolve) }
	t.DNSDone = func(httptrace.DNSDoneInfo) { stop(&s.resolve, &s.timing.Resolve) }
	t.ConnectStart = func(_, _ string) { start(&s.connect) }
	t.ConnectDone = func(_, _ string, _ error) { stop(&s.connect, &s.timing.Connect) }
	t.TLSHandshakeDone = func(tls.ConnectionState, error) { stop(&s.connect, &s.timing.Connect) }
	t.WroteRequest = func(httptrace.WroteRequestInfo) { start(&s.written) }
	t.GotFirstResponseByte = func() { stop(&s.written, &s.timing.FirstByte) }
}

// read returns the times so far.
func (s *stopwatch) read() Timing {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.timing
}
