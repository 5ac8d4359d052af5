package keyfront_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// snippets are what stands around each Go block of the README.
var snippets = []string{
	`package readme

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/keyfronttest"
)

%s`,
	`package readme

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/signedurl"
)

func link(ctx context.Context, pemText []byte) error {
%s
	_ = link
	return nil
}`,
}

// The README's Go compiles.
func TestREADME(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var blocks []string
	for rest := string(text); ; {
		_, after, found := strings.Cut(rest, "```go\n")
		if !found {
			break
		}
		block, after, closed := strings.Cut(after, "```")
		if !closed {
			t.Fatal("a block has no end")
		}
		blocks, rest = append(blocks, block), after
	}
	if len(blocks) != len(snippets) {
		t.Fatalf("the README has %d Go blocks, %d are known here", len(blocks), len(snippets))
	}
	for i, block := range blocks {
		name := filepath.Join(t.TempDir(), "readme_test.go")
		if err := os.WriteFile(name, fmt.Appendf(nil, snippets[i], block), 0o600); err != nil {
			t.Fatal(err)
		}
		// Vet checks types and builds nothing.
		if out, err := exec.Command("go", "vet", name).CombinedOutput(); err != nil {
			t.Errorf("block %d: %v\n%s", i+1, err, out)
		}
	}
}
