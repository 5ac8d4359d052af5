package main

import (
	"fmt"
	"strings"
	"time"
)

const day = 24 * time.Hour

// away says how far a moment lies from at.
func away(t, at time.Time) string {
	if d := t.Sub(at); d >= 0 {
		return "in " + rough(d)
	}
	return rough(at.Sub(t)) + " ago"
}

// rough is a duration in a sentence.
func rough(d time.Duration) string {
	if d < 2*day {
		return short(d)
	}
	days, hours := fmt.Sprintf("%d days", d/day), d%day/time.Hour
	switch hours {
	case 0:
		return days
	case 1:
		return days + " and 1 hour"
	default:
		return fmt.Sprintf("%s and %d hours", days, hours)
	}
}

// age is a duration in a column.
func age(d time.Duration) string {
	if d < 2*day {
		return short(d)
	}
	return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
}

// short is a duration to the second, without the units that are zero at its end.
func short(d time.Duration) string {
	s := d.Round(time.Second).String()
	for _, unit := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(s, unit) {
			s = s[:len(s)-2]
		}
	}
	return s
}
