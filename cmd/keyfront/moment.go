package main

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// moment is a time on the command line: a duration from now ("90m", "7d"), a
// date, an RFC 3339 time, or Unix seconds.
type moment struct {
	after time.Duration
	at    time.Time
}

// UnmarshalText reads one.
func (m *moment) UnmarshalText(text []byte) error {
	s := string(text)
	if d, err := parseDays(s); err == nil {
		m.after = d
		return nil
	}
	if seconds, err := strconv.ParseInt(s, 10, 64); err == nil {
		m.at = time.Unix(seconds, 0).UTC()
		return nil
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
		if at, err := time.Parse(layout, s); err == nil {
			m.at = at.UTC()
			return nil
		}
	}
	return fmt.Errorf("%q is neither a duration (90m, 7d), a date, a time (2027-01-31T18:00:00Z) nor Unix seconds", s)
}

// in returns the moment, where now is the time of the command.
func (m *moment) in(now time.Time) time.Time {
	if m.at.IsZero() {
		return now.Add(m.after)
	}
	return m.at
}

// relative reports whether the moment depends on this machine's clock.
func (m *moment) relative() bool { return m.at.IsZero() }

// past is a moment whose durations count back from now.
type past struct{ moment }

// before returns the moment, where now is the time of the command.
func (p *past) before(now time.Time) time.Time {
	if p.relative() {
		return now.Add(-p.after)
	}
	return p.at
}

// days is a duration that also counts in days.
type days time.Duration

// UnmarshalText reads "36h" or "90d".
func (d *days) UnmarshalText(text []byte) error {
	v, err := parseDays(string(text))
	*d = days(v)
	return err
}

func parseDays(s string) (time.Duration, error) {
	if n, ok := strings.CutSuffix(s, "d"); ok {
		count, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, fmt.Errorf("%q is no number of days", s)
		}
		return time.Duration(count) * 24 * time.Hour, nil
	}
	return time.ParseDuration(s)
}
