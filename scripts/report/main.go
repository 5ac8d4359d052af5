// Report reads the output of `go test -json` and prints what a person wants to
// know: the failures whole, a line for each package, and every skipped test
// with its reason. Its last line counts them. The packages that failed go, one
// to a line, into the file named by its argument.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"
)

type event struct {
	Action  string
	Package string
	Test    string
	Output  string
	Elapsed float64
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: go test -json | report FILE")
		os.Exit(2)
	}
	passed, failed := 0, 0
	var packages strings.Builder // that failed, one to a line
	output := map[string]*strings.Builder{}
	skipped := map[string]string{}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			fmt.Println(lines.Text())
			continue
		}
		id := e.Package + " " + e.Test
		switch e.Action {
		case "output", "build-output":
			if output[id] == nil {
				output[id] = &strings.Builder{}
			}
			output[id].WriteString(e.Output)
		case "pass":
			if e.Test != "" {
				passed++
			} else {
				fmt.Printf("ok   %-70s %6.1fs\n", e.Package, e.Elapsed)
			}
			delete(output, id)
		case "skip":
			if e.Test != "" {
				skipped[id] = reason(output[id])
			}
			delete(output, id)
		case "fail":
			if e.Test != "" {
				failed++
			} else {
				fmt.Printf("FAIL %-70s %6.1fs\n", e.Package, e.Elapsed)
				packages.WriteString(e.Package + "\n")
			}
			if output[id] != nil {
				fmt.Print(output[id])
			}
		}
	}
	names := make([]string, 0, len(skipped))
	for id := range skipped {
		names = append(names, id)
	}
	sort.Strings(names)
	for _, id := range names {
		fmt.Printf("not run: %s: %s\n", id, skipped[id])
	}
	fmt.Printf("%d passed, %d failed, %d skipped\n", passed, failed, len(skipped))
	if err := os.WriteFile(os.Args[1], []byte(packages.String()), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "report:", err)
		os.Exit(2)
	}
	if failed > 0 || packages.Len() > 0 || passed == 0 {
		os.Exit(1)
	}
}

// reason is the message that the test gave to Skip.
func reason(out *strings.Builder) string {
	if out == nil {
		return ""
	}
	for line := range strings.SplitSeq(out.String(), "\n") {
		if _, msg, ok := strings.Cut(line, ".go:"); ok {
			_, msg, _ = strings.Cut(msg, ": ")
			return strings.TrimSpace(msg)
		}
	}
	return ""
}
