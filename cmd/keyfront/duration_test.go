package main

import (
	"testing"
	"time"
)

func TestDurations(t *testing.T) {
	for _, tt := range []struct {
		d           time.Duration
		rough, aged string
	}{
		{0, "0s", "0s"},
		{20*time.Second + 400*time.Millisecond, "20s", "20s"},
		{time.Minute, "1m", "1m"},
		{time.Hour, "1h", "1h"},
		{10 * time.Hour, "10h", "10h"},
		{time.Hour + 30*time.Minute, "1h30m", "1h30m"},
		{time.Hour + 5*time.Second, "1h0m5s", "1h0m5s"},
		{47 * time.Hour, "47h", "47h"},
		{90 * day, "90 days", "90d0h"},
		{49 * time.Hour, "2 days and 1 hour", "2d1h"},
		{51 * time.Hour, "2 days and 3 hours", "2d3h"},
	} {
		if got := rough(tt.d); got != tt.rough {
			t.Errorf("rough(%v) = %s, want %s", tt.d, got, tt.rough)
		}
		if got := age(tt.d); got != tt.aged {
			t.Errorf("age(%v) = %s, want %s", tt.d, got, tt.aged)
		}
	}
	at := time.Now()
	if got := away(at.Add(-time.Minute), at); got != "1m ago" {
		t.Errorf("away a minute before = %s", got)
	}
}
