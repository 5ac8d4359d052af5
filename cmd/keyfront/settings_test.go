package main

import (
	"bytes"
	"os"
	"os/exec"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"

	"github.com/keyfront-project/keyfront/internal/config"
)

// The help text, the table of docs/ops.md and the settings are equal.
func TestSettingsAreDocumented(t *testing.T) {
	var help bytes.Buffer
	e := env{stdin: strings.NewReader(""), stdout: &help, stderr: &help, getenv: func(string) string { return "" }}
	if code := run(t.Context(), e, []string{"serve", "--help"}); code != exitDone {
		t.Fatalf("serve --help = %d: %s", code, &help)
	}
	// Lines of the help are folded.
	folded := strings.Join(strings.Fields(help.String()), " ")
	ops, err := os.ReadFile("../../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, s := range config.Settings() {
		known["--"+s.Flag] = true
		if !regexp.MustCompile(`--`+s.Flag+`[ =]`).MatchString(folded) || !strings.Contains(folded, "($"+s.Env()+")") {
			t.Errorf("serve --help lacks --%s or ($%s)", s.Flag, s.Env())
		}
		if !strings.Contains(string(ops), "| `--"+s.Flag+"` | `"+s.Env()+"` |") {
			t.Errorf("docs/ops.md has no row of --%s and %s", s.Flag, s.Env())
		}
	}
	for _, m := range regexp.MustCompile("(?m)^\\| `(--[a-z0-9-]+)` \\|").FindAllStringSubmatch(string(ops), -1) {
		if !known[m[1]] {
			t.Errorf("docs/ops.md has a row of %s, which is no setting", m[1])
		}
	}
}

// Every key of the configuration file stands in docs/ops.md, and no other.
func TestKeysOfTheFileAreDocumented(t *testing.T) {
	text, err := os.ReadFile("../../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for _, row := range regexp.MustCompile(`(?m)^\|[^|]*\|[^|]*\|([^|]*)\|[^|]*\|$`).FindAllStringSubmatch(string(text), -1) {
		section := ""
		for _, m := range regexp.MustCompile("`([a-zA-Z0-9.<>]+)`").FindAllStringSubmatch(row[1], -1) {
			key := m[1]
			if strings.HasPrefix(key, ".") { // as the one before it
				key = section + key
			}
			section = key[:max(0, strings.LastIndexByte(key, '.'))]
			told[key] = true
		}
	}
	var have []string
	var walk func(prefix string, of reflect.Type)
	walk = func(prefix string, of reflect.Type) {
		for i := range of.NumField() {
			f := of.Field(i)
			key := f.Tag.Get("yaml")
			switch {
			case key == "" || key == "-":
			case f.Type.Kind() == reflect.Struct:
				walk(prefix+key+".", f.Type)
			case f.Type.Kind() == reflect.Map:
				have = append(have, prefix+key+".<name>")
			default:
				have = append(have, prefix+key)
			}
		}
	}
	walk("", reflect.TypeFor[config.Config]())
	if len(have) < 30 {
		t.Errorf("the file has the keys %v, want more", have)
	}
	for _, key := range have {
		if !told[key] {
			t.Errorf("docs/ops.md has no row of %s", key)
		}
		delete(told, key)
	}
	for key := range told {
		t.Errorf("docs/ops.md has %s, which is no key of the file", key)
	}
}

// What the help gives as examples are command lines.
func TestExamplesOfTheHelp(t *testing.T) {
	parser := func() *kong.Kong {
		p, err := kong.New(new(cli))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	shown := 0
	for _, command := range parser().Model.Leaves(true) {
		for line := range strings.Lines(command.Detail) {
			line, ours := strings.CutPrefix(strings.TrimSpace(line), "keyfront ")
			if !ours {
				continue
			}
			shown++
			words, err := exec.CommandContext(t.Context(), "sh", "-c", `printf '%s\n' `+line).Output()
			if err != nil {
				t.Fatalf("%s: %v", line, err)
			}
			args := strings.Split(strings.TrimSuffix(string(words), "\n"), "\n")
			if _, err := parser().Parse(args); err != nil {
				t.Errorf("keyfront %s: %v", line, err)
			}
		}
	}
	if shown < 10 {
		t.Errorf("the help shows %d examples, want some", shown)
	}
}

// The line of usage tells flags of which one is wanted from those that are all wanted.
func TestUsageHasAlternatives(t *testing.T) {
	for command, want := range map[string]string{
		"sign url":    "Usage: keyfront sign url (--kms-key=KEY | --private-key=FILE | --data-key=FILE) --key-pair-id=ID <url> ... [flags]",
		"file seal":   "Usage: keyfront file seal (--kms-key=KEY | --public-key=FILE) <file> ... [flags]",
		"audit prove": "Usage: keyfront audit prove (--record=SEQ | --since=FILE) [flags]",
		"signer show": "Usage: keyfront signer show <name> [flags]",
	} {
		var shown bytes.Buffer
		e := env{stdin: strings.NewReader(""), stdout: &shown, stderr: &shown, getenv: func(string) string { return "" }}
		if code := run(t.Context(), e, append(strings.Fields(command), "--help")); code != exitDone {
			t.Fatalf("%s --help = %d: %s", command, code, &shown)
		}
		if got, _, _ := strings.Cut(shown.String(), "\n"); got != want {
			t.Errorf("%s --help begins %q, want %q", command, got, want)
		}
	}
}

// A flag that switches something off wins over a variable that switches it on.
func TestFlagSwitchesOff(t *testing.T) {
	var c cli
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"serve"}, ""}, {[]string{"serve", "--test-clock"}, "true"}, {[]string{"serve", "--test-clock=false"}, "false"},
	} {
		c = cli{}
		if _, err := parser.Parse(tt.args); err != nil {
			t.Fatal(err)
		}
		if got := c.Serve.flags()["test-clock"]; got != tt.want {
			t.Errorf("%q gives test-clock as %q, want %q", tt.args, got, tt.want)
		}
	}
}
