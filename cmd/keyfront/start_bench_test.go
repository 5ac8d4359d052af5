package main

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"testing"
)

// BenchmarkStart is `keyfront serve` on an empty folder, from the start of the
// process to its ready line, and what it then holds of the memory.
func BenchmarkStart(b *testing.B) {
	var resident int64
	for b.Loop() {
		p := startKeyfront(b)
		b.StopTimer()
		resident = max(resident, residentKiB(b, p.cmd.Process.Pid))
		_ = p.cmd.Process.Signal(syscall.SIGTERM)
		_ = p.cmd.Wait()
		b.StartTimer()
	}
	b.ReportMetric(float64(resident)/1024, "MiB-resident")
}

// residentKiB reads what /proc says of a process's memory.
func residentKiB(tb testing.TB, pid int) int64 {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		tb.Skip("no /proc to read memory from")
	}
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("VmRSS:")); ok {
			n, err := strconv.ParseInt(string(bytes.Fields(value)[0]), 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return n
		}
	}
	tb.Fatal("no VmRSS")
	return 0
}
