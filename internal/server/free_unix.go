//go:build linux || darwin

package server

import (
	"math"
	"syscall"
)

// freeBytes is what a process without privileges may still write below name.
func freeBytes(name string) float64 {
	var st syscall.Statfs_t
	if err := syscall.Statfs(name, &st); err != nil {
		return math.NaN()
	}
	return float64(st.Bavail) * float64(st.Bsize)
}
