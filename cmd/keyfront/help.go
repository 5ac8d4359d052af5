package main

import (
	"bytes"
	"io"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// help prints kong's help, with flags of which one is wanted as alternatives in
// the line of usage.
func help(options kong.HelpOptions, ctx *kong.Context) error {
	out := ctx.Stdout
	defer func() { ctx.Stdout = out }()
	var text bytes.Buffer
	ctx.Stdout = &text
	if err := kong.DefaultHelpPrinter(options, ctx); err != nil {
		return err
	}
	shown := text.String()
	if node := ctx.Selected(); node != nil {
		for _, group := range alternatives(node) {
			shown = strings.Replace(shown, strings.Join(group, " "), "("+strings.Join(group, " | ")+")", 1)
		}
	}
	_, err := io.WriteString(out, shown)
	return err
}

// alternatives are the flags of a command of which exactly one must be given, as
// the line of usage has them.
func alternatives(node *kong.Node) (groups [][]string) {
	var order []string
	members := map[string][]string{}
	for _, f := range node.Flags {
		if !f.Required || len(f.Xor) == 0 {
			continue
		}
		if !slices.Contains(order, f.Xor[0]) {
			order = append(order, f.Xor[0])
		}
		members[f.Xor[0]] = append(members[f.Xor[0]], f.Summary())
	}
	for _, name := range order {
		groups = append(groups, members[name])
	}
	return groups
}

// examples is the part of a command's help that is there to be copied: lines, as
// a shell takes them.
func examples(lines ...string) string {
	return "Examples:\n\n  " + strings.Join(lines, "\n  ")
}
