package main

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// visible is s with what is not printed in Go's spelling: names of objects, headers
// and policies come from others, and a terminal obeys what is written to it.
func visible(s string) string { return escape(s, "") }

// visibleLines is visible for a text of several lines.
func visibleLines(s string) string { return escape(s, "\n\t") }

// visiblef formats a line.
func visiblef(format string, args ...any) string { return visible(fmt.Sprintf(format, args...)) }

func escape(s, keep string) string {
	var b strings.Builder
	for size := 0; s != ""; s = s[size:] {
		var r rune
		r, size = utf8.DecodeRuneInString(s)
		if invalid := r == utf8.RuneError && size == 1; !invalid && (strconv.IsPrint(r) || strings.ContainsRune(keep, r)) {
			b.WriteString(s[:size])
			continue
		}
		quoted := strconv.Quote(s[:size])
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}
