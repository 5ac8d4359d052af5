//go:build !unix

package function

import (
	"os"
	"os/exec"
)

func isolate(*exec.Cmd) {}

func pollable(f *os.File) *os.File { return f }
