package function_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
)

var fromNode = flag.Bool("node", false, "have the node on PATH say anew what the expressions in testdata/node come to")

// compared is an expression and what Node.js made of it. A line that begins with
// "differs:" is what it is here, where that is another thing on purpose.
type compared struct{ expression, want, here string }

const evaluator = "testdata/node/evaluate.js"

// TestNode wants of expressions what Node.js made of them.
func TestNode(t *testing.T) {
	files, err := filepath.Glob("testdata/node/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no expressions: %v", err)
	}
	code, err := os.ReadFile(evaluator)
	if err != nil {
		t.Fatal(err)
	}
	p := newPool(t, function.Config{})
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			list := readCompared(t, file)
			if *fromNode {
				askNode(t, file, list)
			}
			f := load(t, p, function.Spec{Handler: "index.handler", MemoryMB: 512}, map[string]string{"index.js": string(code)})
			var got []string
			if err := json.Unmarshal([]byte(invoke(t, f, expressionsOf(t, list))), &got); err != nil {
				t.Fatal(err)
			}
			for i, c := range list {
				want := c.want
				if c.here != "" {
					want = c.here
				}
				if got[i] != want {
					t.Errorf("%s = %s, want %s", c.expression, got[i], want)
				}
			}
		})
	}
}

func expressionsOf(t *testing.T, list []compared) string {
	t.Helper()
	expressions := make([]string, len(list))
	for i, c := range list {
		expressions[i] = c.expression
	}
	text, err := json.Marshal(expressions)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// readCompared reads a file: an expression a line, and below it, with two spaces
// before it, what it came to.
func readCompared(t *testing.T, file string) (list []compared) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSuffix(line, "\n")
		switch {
		case !strings.HasPrefix(line, "  "):
			list = append(list, compared{expression: line})
		case len(list) == 0:
			t.Fatalf("%s begins with a result", file)
		case strings.HasPrefix(line, "  differs: "):
			list[len(list)-1].here = strings.TrimPrefix(line, "  differs: ")
		default:
			list[len(list)-1].want = line[2:]
		}
	}
	return list
}

// askNode writes file anew.
func askNode(t *testing.T, file string, list []compared) {
	t.Helper()
	cmd := exec.Command("node", "-e", `const fs = require('fs'), m = { exports: {} };
new Function('exports', 'require', fs.readFileSync(process.argv[1], 'utf8'))(m.exports, require);
m.exports.handler(JSON.parse(fs.readFileSync(0, 'utf8'))).then((out) => { fs.writeSync(1, JSON.stringify(out)); process.exit(0); });`, evaluator)
	cmd.Stdin, cmd.Stderr = strings.NewReader(expressionsOf(t, list)), os.Stderr
	cmd.Env = append(os.Environ(), "TZ=UTC", "NODE_NO_WARNINGS=1")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var results []string
	if err := json.Unmarshal(out, &results); err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	for i := range list {
		list[i].want = results[i]
		text.WriteString(list[i].expression + "\n  " + results[i] + "\n")
		if list[i].here != "" {
			text.WriteString("  differs: " + list[i].here + "\n")
		}
	}
	if err := os.WriteFile(file, []byte(text.String()), 0o644); err != nil {
		t.Fatal(err)
	}
}
