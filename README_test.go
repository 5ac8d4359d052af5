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
	blocks := goBlocks(t, "README.md")
	if len(blocks) != len(snippets) {
		t.Fatalf("the README has %d Go blocks, %d are known here", len(blocks), len(snippets))
	}
	for i, block := range blocks {
		vet(t, fmt.Sprintf(snippets[i], block))
	}
}

// So does the program for the SDK; the other one needs a library that is not ours.
func TestClientsPage(t *testing.T) {
	blocks := goBlocks(t, "docs/clients.md")
	if len(blocks) != 2 || !strings.Contains(blocks[1], "sigstore") {
		t.Fatalf("the page has %d Go blocks, want the SDK's and sigstore's", len(blocks))
	}
	vet(t, blocks[0])
}

// goBlocks are the fenced blocks of Go in a document.
func goBlocks(t *testing.T, name string) (blocks []string) {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	for rest := string(text); ; {
		_, after, found := strings.Cut(rest, "```go\n")
		if !found {
			return blocks
		}
		block, after, closed := strings.Cut(after, "```")
		if !closed {
			t.Fatalf("%s: a block has no end", name)
		}
		blocks, rest = append(blocks, block), after
	}
}

// vet checks the types of a file and builds nothing.
func vet(t *testing.T, source string) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "block_test.go")
	if err := os.WriteFile(name, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("go", "vet", name).CombinedOutput(); err != nil {
		t.Errorf("%v\n%s\n%s", err, out, source)
	}
}
