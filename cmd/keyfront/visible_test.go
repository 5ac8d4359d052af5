package main

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/api/own"
)

// What others name reaches the terminal as text, and on one line.
func TestTerminalIsNotCommanded(t *testing.T) {
	for in, want := range map[string]string{
		"":                    "",
		"films/é 映画.mp4":      "films/é 映画.mp4",
		`C:\a "b"`:            `C:\a "b"`,
		"\x1b]0;title\x07":    `\x1b]0;title\a`,
		"a\nkeyfront: ok\r\t": `a\nkeyfront: ok\r\t`,
		"gpj.\u202emp4":       `gpj.\u202emp4`,
		"\xff\u009b2J":        `\xff\u009b2J`,
		"\ufffd":              "\ufffd",
	} {
		if got := visible(in); got != want {
			t.Errorf("visible(%q) = %s, want %s", in, got, want)
		}
	}
	var out strings.Builder
	printDenial(&out, "may not", own.Denial{
		Principal: "p", Action: "s3:GetObject", Resource: "arn:aws:s3:::b/\x1b[2J\nforged",
		Findings: []own.Finding{{Source: "identity policy", Statement: 0, Failed: "Condition", Conditions: []own.Condition{
			{Operator: "StringEquals", Key: "aws:UserAgent", Wanted: []string{"\x1b[31m"}, Present: []string{"\u009b"}},
		}}},
	})
	if got := out.String(); strings.ContainsAny(got, "\x1b\u009b") || strings.Contains(got, "\nforged") || !strings.Contains(got, `b/\x1b[2J\nforged`) {
		t.Errorf("printed %q", got)
	}
	out.Reset()
	fail(env{stderr: &out}, errors.New("line 1\n\tline \x1b2"), "")
	if got, want := out.String(), "keyfront: error: line 1\n\tline \\x1b2\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}
