// Package certificate keeps the certificates that clients are shown. They lie in
// PEM files, which are read again when they change, so that a renewed
// certificate needs no restart. A file that cannot be read, or whose key does
// not fit, changes nothing: the certificates read before stay.
package certificate

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"sync/atomic"
	"time"
)

// Files is one certificate and its key.
type Files struct {
	// Cert is a PEM file with the certificate, and behind it those that lead to
	// its root. Key is a PEM file with the private key.
	Cert, Key string
	// ARN is the name that distributions ask for it by, or empty.
	ARN string
}

// lookEvery is how often Run looks for changed files.
const lookEvery = 2 * time.Second

// Set is the certificates of a server. It is safe for concurrent use.
type Set struct {
	files []Files
	pairs atomic.Pointer[[]tls.Certificate] // in the order of files
	seen  []stamp                           // of the last reading, good or not; Reload's
}

// stamp tells one state of a file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// Open reads the certificates. There is at least one.
func Open(files []Files) (*Set, error) {
	s := &Set{files: files}
	if len(files) == 0 {
		return nil, fmt.Errorf("certificate: none is given")
	}
	if _, err := s.Reload(); err != nil {
		return nil, err
	}
	return s, nil
}

// Reload reads the files again if one of them has changed since they were read
// last, and reports whether it took them over: all or none. It is not for
// concurrent use with itself or Run.
func (s *Set) Reload() (bool, error) {
	// What changes while it is read is read again the next time.
	now := s.stamps()
	if slices.Equal(now, s.seen) {
		return false, nil
	}
	s.seen = now
	pairs := make([]tls.Certificate, len(s.files))
	for i, f := range s.files {
		var err error
		if pairs[i], err = tls.LoadX509KeyPair(f.Cert, f.Key); err != nil {
			return false, fmt.Errorf("certificate %s: %w", f.Cert, err)
		}
	}
	s.pairs.Store(&pairs)
	return true, nil
}

func (s *Set) stamps() (all []stamp) {
	for _, f := range s.files {
		for _, name := range []string{f.Cert, f.Key} {
			var at stamp
			if info, err := os.Stat(name); err == nil {
				at = stamp{info.ModTime(), info.Size()}
			}
			all = append(all, at)
		}
	}
	return all
}

// Run reloads what changes until ctx ends.
func (s *Set) Run(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		switch read, err := s.Reload(); {
		case err != nil:
			log.Error("certificates not read, the old ones stay", slog.Any("err", err))
		case read:
			log.Info("certificates read again")
		}
	}
}

// Has reports whether a certificate has that ARN.
func (s *Set) Has(arn string) bool {
	return arn != "" && slices.ContainsFunc(s.files, func(f Files) bool { return f.ARN == arn })
}

// End is when the first of the certificates ends.
func (s *Set) End() time.Time {
	all := *s.pairs.Load()
	end := all[0].Leaf.NotAfter
	for _, c := range all[1:] {
		if c.Leaf.NotAfter.Before(end) {
			end = c.Leaf.NotAfter
		}
	}
	return end
}

// Named returns the certificates with that ARN: there may be one for each kind
// of key. The empty ARN stands for all of them, of which a handshake picks the
// first that is good for the name it asks for, else the first.
func (s *Set) Named(arn string) []tls.Certificate {
	all := *s.pairs.Load()
	if arn == "" {
		return all
	}
	var out []tls.Certificate
	for i, f := range s.files {
		if f.ARN == arn {
			out = append(out, all[i])
		}
	}
	return out
}
