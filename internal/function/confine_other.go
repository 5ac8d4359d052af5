//go:build !linux || !(amd64 || arm64)

package function

import (
	"errors"
	"time"
)

// confine is written for Linux on two processors. Elsewhere no worker starts.
func confine() error { return errors.New("functions run on Linux on amd64 and arm64 only") }

func limitProcessor(uint64, time.Duration, time.Duration) uint64 { return 0 }

func processorTime() time.Duration { return 0 }

type meter struct{}

func newMeter() *meter { return nil }

func (*meter) resident() int64 { return 0 }
