//go:build !linux

package function

// place is where the thread of a worker runs: here, wherever the kernel likes.
type place struct{}

func (*place) beside()   {}
func (*place) anywhere() {}
func (*place) of(int)    {}

func threadID() int { return 0 }
