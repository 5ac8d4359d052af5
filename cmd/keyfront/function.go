package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
)

// functionWorker is the command line of a process that runs functions.
func functionWorker() ([]string, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("find this program: %w", err)
	}
	return []string{exe, function.Argument}, nil
}

type functionCmd struct {
	Logs functionLogsCmd `cmd:"" help:"Print the newest lines of a function's log."`
	Run  functionRunCmd  `cmd:"" help:"Run a function once, without a server, and print what it returns."`
}

type functionRunCmd struct {
	File      string            `arg:"" help:"Code: a JavaScript file, a folder, or a zip." placeholder:"FILE"`
	Event     string            `required:"" help:"Event, as JSON; - is standard input." placeholder:"FILE"`
	Runtime   string            `help:"nodejs, cloudfront-js-1.0 or cloudfront-js-2.0." default:"nodejs" enum:"nodejs,cloudfront-js-1.0,cloudfront-js-2.0"`
	Handler   string            `help:"File and export of a Node.js function: the file's name, or index, and handler." placeholder:"FILE.EXPORT"`
	Timeout   time.Duration     `help:"Time that a Node.js function has." default:"5s"`
	Memory    int               `help:"Its memory in MB." default:"128"`
	Env       map[string]string `help:"Variables of its environment." placeholder:"NAME=VALUE"`
	AllowHost []string          `help:"Hosts that it may send requests to." placeholder:"HOST"`
}

// Help gives examples.
func (*functionRunCmd) Help() string {
	return examples(
		`keyfront function run viewer-request.js --event event.json --runtime cloudfront-js-2.0`,
		`keyfront function run index.js --event - --env TABLE=orders`,
	)
}

// maxEventBytes bounds what is read of an event.
const maxEventBytes = function.MaxPayloadBytes + 1

// Run prints the result on stdout, and log and measures on stderr.
func (c *functionRunCmd) Run(ctx context.Context, e env) error {
	event, err := c.event(e)
	if err != nil {
		return err
	}
	spec := function.Spec{
		Name: c.File, Runtime: function.Runtime(c.Runtime), Handler: c.Handler, Timeout: c.Timeout, MemoryMB: c.Memory, Env: c.Env,
		LambdaName: strings.TrimSuffix(filepath.Base(c.File), filepath.Ext(c.File)), Version: "$LATEST",
	}
	if spec.Package, err = c.code(&spec); err != nil {
		return err
	}
	worker, err := functionWorker()
	if err != nil {
		return err
	}
	pool := function.NewPool(function.Config{Command: worker, MaxWorkers: 1, Egress: function.Egress{Hosts: c.AllowHost}})
	defer pool.Close()
	f, err := pool.Load(spec)
	if err != nil {
		return fmt.Errorf("%w: %w", errUsage, err)
	}
	result, err := f.Invoke(ctx, function.Invocation{RequestID: "local", Payload: event})
	if result != nil {
		for _, l := range result.Log {
			fmt.Fprintf(e.stderr, "%s %s\n", l.Level, l.Text)
		}
		fmt.Fprintf(e.stderr, "keyfront: took %v, %v of the processor", result.Duration.Round(time.Microsecond), result.CPU.Round(time.Microsecond))
		if spec.Runtime != function.NodeJS {
			fmt.Fprintf(e.stderr, ", compute utilization %d", result.Utilization())
		}
		fmt.Fprintln(e.stderr)
	}
	if result != nil && result.Origin != nil {
		fmt.Fprintf(e.stderr, "keyfront: it asks for the origin %s\n", result.Origin)
	}
	if thrown, ok := errors.AsType[*function.Failure](err); ok {
		text, merr := json.Marshal(thrown)
		if merr != nil {
			return merr
		}
		fmt.Fprintf(e.stdout, "%s\n", text)
		if thrown.Type == "Runtime.HandlerNotFound" {
			return hinted{err, "--handler FILE.EXPORT names another export; a CloudFront function wants --runtime cloudfront-js-2.0"}
		}
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(e.stdout, "%s\n", result.Payload)
	return err
}

func (c *functionRunCmd) event(e env) ([]byte, error) {
	in := e.stdin
	if c.Event != "-" {
		f, err := os.Open(c.Event)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		in = f
	}
	event, err := io.ReadAll(io.LimitReader(in, maxEventBytes))
	if err != nil {
		return nil, err
	}
	if !json.Valid(event) {
		return nil, fmt.Errorf("%w: the event is not JSON", errUsage)
	}
	return event, nil
}

// code reads the package, and finds the handler where none was named.
func (c *functionRunCmd) code(s *function.Spec) (*function.Package, error) {
	info, err := os.Stat(c.File)
	if err != nil {
		return nil, err
	}
	name := "index"
	defer func() {
		if s.Handler == "" && s.Runtime == function.NodeJS {
			s.Handler = name + ".handler"
		}
	}()
	switch {
	case info.IsDir():
		return folderPackage(c.File)
	case strings.HasSuffix(c.File, ".zip"):
		text, err := os.ReadFile(c.File)
		if err != nil {
			return nil, err
		}
		return function.ReadZip(strings.NewReader(string(text)), int64(len(text)))
	}
	text, err := os.ReadFile(c.File)
	if err != nil {
		return nil, err
	}
	if s.Runtime != function.NodeJS {
		return function.CloudFrontCode(string(text))
	}
	base := filepath.Base(c.File)
	name = strings.TrimSuffix(base, filepath.Ext(base))
	return function.NewPackage(map[string]string{base: string(text)})
}

// folderPackage reads the regular files below a folder.
func folderPackage(dir string) (*function.Package, error) {
	files := make(map[string]string)
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = fs.WalkDir(root.FS(), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if len(files) == function.MaxFiles {
			return fmt.Errorf("more than %d files", function.MaxFiles)
		}
		text, err := root.ReadFile(name)
		files[name] = string(text)
		return err
	})
	if err != nil {
		return nil, err
	}
	return function.NewPackage(files)
}
