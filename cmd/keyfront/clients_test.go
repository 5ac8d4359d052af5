package main

import (
	"os"
	"os/exec"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// clientsDoc is the page whose blocks transcripts run as they stand.
const clientsDoc = "../../docs/clients.md"

// cmdBlock writes the fenced block below a heading of a page, clientsDoc if none
// is named, into a file.
func cmdBlock(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 && len(args) != 3 {
		ts.Fatalf("usage: block FILE HEADING [PAGE]")
	}
	page := clientsDoc
	if len(args) == 3 {
		page = args[2]
	}
	text, err := os.ReadFile(page)
	ts.Check(err)
	_, section, ok := strings.Cut(string(text), "\n## "+args[1]+"\n")
	if !ok {
		ts.Fatalf("%s has no heading %q", page, args[1])
	}
	section, _, _ = strings.Cut(section, "\n## ")
	_, fenced, ok := strings.Cut(section, "\n```")
	_, block, begun := strings.Cut(fenced, "\n")
	block, _, ended := strings.Cut(block, "\n```")
	if !ok || !begun || !ended {
		ts.Fatalf("%q has no block", args[1])
	}
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(block+"\n"), 0o600))
}

// hasNodeModule reports whether Node finds a module, through NODE_PATH.
func hasNodeModule(name string) bool {
	return exec.Command("node", "-e", "require.resolve(process.argv[1])", name).Run() == nil
}

// passGo lets a script build Go with this machine's caches, whose places follow
// from the home folder that the script does not have.
func passGo(e *testscript.Env) error {
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} {
		dir, err := exec.Command("go", "env", name).Output()
		if err != nil {
			return err
		}
		e.Setenv(name, strings.TrimSpace(string(dir)))
	}
	return nil
}
