package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"keyfront": main, "bareserver": bareServer})
}

// TestScripts runs the transcripts below testdata/script against the real
// binary and real clients. A script whose client is missing skips by name.
//
// Beside the standard commands they have:
//
//	serve [FLAG...]   start a server on $DATA and wait until it is ready; sets
//	                  API, EDGE, EDGEPORT, VERIFY, APITLS and the AWS_… variables
//	shutdown          end it by SIGTERM and want success (stop would end the script)
//	kill9             end it by SIGKILL
//	set NAME REGEXP   set NAME to the first group of REGEXP in the last stdout
//	subst FILE...     replace ${NAME} in files by the script's variables
//	flip FILE-PATTERN flip one bit in the middle of each file of 1 KiB or more below it
//	block FILE HEADING write the block below a heading of docs/clients.md into FILE
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup:               setupScript,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"serve": cmdServe, "shutdown": cmdStop, "kill9": cmdKill, "set": cmdSet, "subst": cmdSubst, "flip": cmdFlip, "block": cmdBlock,
		},
		Condition: func(cond string) (bool, error) {
			if module, ok := strings.CutPrefix(cond, "python:"); ok {
				return exec.Command("python3", "-c", "import "+module).Run() == nil, nil
			}
			if module, ok := strings.CutPrefix(cond, "node:"); ok {
				return hasNodeModule(module), nil
			}
			if name, ok := strings.CutPrefix(cond, "env:"); ok {
				return os.Getenv(name) != "", nil
			}
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// daemon is the server of one script.
type daemon struct {
	mu     sync.Mutex
	cmd    *exec.Cmd
	stderr strings.Builder
}

type daemonKey struct{}

func setupScript(e *testscript.Env) error {
	d := &daemon{}
	e.Values[daemonKey{}] = d
	e.Defer(func() { d.end(syscall.SIGKILL) })
	e.Setenv("DATA", filepath.Join(e.WorkDir, "data"))
	for name, value := range map[string]string{
		"HOME": e.WorkDir, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PAGER": "", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
		"AWS_MAX_ATTEMPTS": "1", "PYTHONDONTWRITEBYTECODE": "1", "no_proxy": "*",
	} {
		e.Setenv(name, value)
	}
	for _, name := range []string{"KEYFRONT_TERRAFORM_MIRROR", "NODE_PATH"} {
		e.Setenv(name, os.Getenv(name))
	}
	examples, err := filepath.Abs("../../examples")
	if err != nil {
		return err
	}
	e.Setenv("EXAMPLES", examples)
	// Shims of pyenv need the real home.
	e.Setenv("PYENV_ROOT", os.Getenv("PYENV_ROOT"))
	if home, err := os.UserHomeDir(); err == nil && os.Getenv("PYENV_ROOT") == "" {
		e.Setenv("PYENV_ROOT", filepath.Join(home, ".pyenv"))
	}
	if os.Getenv("KEYFRONT_TEST_SIGSTORE") != "" {
		return passGo(e)
	}
	return nil
}

var readyLine = regexp.MustCompile(`^keyfront: ready api=(http://\S+) edge=(http://\S+?)(?: verify=(http://\S+))?(?: api-tls=(https://\S+))?$`)

func cmdServe(ts *testscript.TestScript, neg bool, args []string) {
	d := ts.Value(daemonKey{}).(*daemon)
	cmd := exec.Command("keyfront", append([]string{"serve", "--data-dir", ts.Getenv("DATA"), "--api-addr", "127.0.0.1:0", "--edge-addr", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "KEYFRONT_ROOT_PASSPHRASE="+ts.Getenv("KEYFRONT_ROOT_PASSPHRASE"),
		"KEYFRONT_ROOT_PASSPHRASE_FROM="+ts.Getenv("KEYFRONT_ROOT_PASSPHRASE_FROM"), "KEYFRONT_ROOT_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "KEYFRONT_ROOT_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	pipe, err := cmd.StderrPipe()
	ts.Check(err)
	ts.Check(cmd.Start())
	d.mu.Lock()
	d.cmd = cmd
	d.mu.Unlock()

	ready := make(chan []string, 1)
	go func() {
		defer close(ready)
		lines := bufio.NewScanner(pipe)
		for lines.Scan() {
			d.mu.Lock()
			d.stderr.WriteString(lines.Text() + "\n")
			d.mu.Unlock()
			if m := readyLine.FindStringSubmatch(lines.Text()); m != nil {
				ready <- m
			}
		}
	}()
	select {
	case m, ok := <-ready:
		if !ok || neg {
			ts.Fatalf("serve: ready %v, want %v\n%s", ok, !neg, d.log())
		}
		edge, err := url.Parse(m[2])
		ts.Check(err)
		ts.Setenv("API", m[1])
		ts.Setenv("EDGE", m[2])
		ts.Setenv("VERIFY", m[3])
		ts.Setenv("APITLS", m[4])
		ts.Setenv("EDGEPORT", edge.Port())
		ts.Setenv("AWS_ENDPOINT_URL", m[1])
		ts.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
		ts.Setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")
	case <-time.After(30 * time.Second):
		ts.Fatalf("serve: not ready\n%s", d.log())
	}
}

func (d *daemon) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stderr.String()
}

// end signals the server and waits for it.
func (d *daemon) end(sig syscall.Signal) error {
	d.mu.Lock()
	cmd := d.cmd
	d.cmd = nil
	d.mu.Unlock()
	if cmd == nil {
		return errors.New("no server is running")
	}
	if err := cmd.Process.Signal(sig); err != nil {
		return err
	}
	return cmd.Wait()
}

func cmdStop(ts *testscript.TestScript, _ bool, _ []string) {
	d := ts.Value(daemonKey{}).(*daemon)
	if err := d.end(syscall.SIGTERM); err != nil {
		ts.Fatalf("shutdown: %v\n%s", err, d.log())
	}
}

func cmdKill(ts *testscript.TestScript, _ bool, _ []string) {
	if err := ts.Value(daemonKey{}).(*daemon).end(syscall.SIGKILL); err == nil {
		ts.Fatalf("kill9: the server ended by itself")
	}
}

func cmdSet(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: set NAME REGEXP")
	}
	m := regexp.MustCompile("(?m)" + args[1]).FindStringSubmatch(ts.ReadFile("stdout"))
	if len(m) < 2 {
		ts.Fatalf("set %s: no match of %q", args[0], args[1])
	}
	ts.Setenv(args[0], m[1])
}

func cmdSubst(ts *testscript.TestScript, _ bool, args []string) {
	for _, name := range args {
		text := os.Expand(ts.ReadFile(name), ts.Getenv)
		ts.Check(os.WriteFile(ts.MkAbs(name), []byte(text), 0o600))
	}
}

func cmdFlip(ts *testscript.TestScript, _ bool, args []string) {
	flipped := 0
	for _, pattern := range args {
		ts.Check(filepath.WalkDir(ts.MkAbs(pattern), func(name string, d os.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return err
			}
			b, err := os.ReadFile(name)
			if err != nil || len(b) < 1024 { // format marks are no objects
				return err
			}
			b[len(b)/2] ^= 1
			flipped++
			return os.WriteFile(name, b, 0o600)
		}))
	}
	if flipped == 0 {
		ts.Fatalf("flip: no file")
	}
}
