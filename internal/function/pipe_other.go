//go:build !linux

package function

import "os"

// pipeEnd is one end of a pipe.
type pipeEnd struct{ *os.File }

func newPipeEnd(f *os.File) *pipeEnd { return &pipeEnd{f} }
