// Command keyfront serves private content under keys that never leave: a key
// service, an encrypted object store and an edge that speak the protocols of
// AWS KMS, S3 and CloudFront.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/keyfront-project/keyfront/internal/function"
)

// Exit codes.
const (
	exitDone   = 0
	exitFailed = 1
	exitUsage  = 2
)

// env is the world that a command runs in.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	getenv         func(string) string
}

// cli is the command line; the help text is made from it.
type cli struct {
	Serve   serveCmd   `cmd:"" group:"The server" help:"Run the server."`
	Demo    demoCmd    `cmd:"" group:"The server" help:"Publish a folder privately on a temporary server and print what to try."`
	RootKey rootKeyCmd `cmd:"" group:"The server" help:"Replace the root key."`
	Fsck    fsckCmd    `cmd:"" group:"The server" help:"Open every object and report what is damaged."`
	Version versionCmd `cmd:"" group:"The server" help:"Print the version."`

	Sign             signCmd             `cmd:"" group:"Viewers and the edge" help:"Sign URLs and cookies by a key of a key service, or by a private key."`
	Signer           signerCmd           `cmd:"" group:"Viewers and the edge" help:"Keep signing profiles: what may be signed for viewers, by keys that rotate unseen."`
	RotateCloudFront rotateCloudFrontCmd `cmd:"" group:"Viewers and the edge" name:"rotate-cloudfront" help:"Rotate the signing key of a CloudFront key group, at AWS or here, without a link dying."`
	Keypair          keypairCmd          `cmd:"" group:"Viewers and the edge" help:"Make key pairs whose private half is kept encrypted."`
	Explain          explainCmd          `cmd:"" group:"Viewers and the edge" help:"Tell what the edge makes of a viewer's request, and why."`
	Function         functionCmd         `cmd:"" group:"Viewers and the edge" help:"Try functions of the edge."`

	File   fileCmd   `cmd:"" group:"Files and buckets" help:"Sign, verify, seal and open files by keys that stay in a key service."`
	Bucket bucketCmd `cmd:"" group:"Files and buckets" help:"Work on whole buckets."`

	Account   accountCmd   `cmd:"" group:"Who may, and who did" help:"Make accounts."`
	WhyDenied whyDeniedCmd `cmd:"" group:"Who may, and who did" help:"Tell why a request was denied, statement by statement."`
	Audit     auditCmd     `cmd:"" group:"Who may, and who did" help:"Check the audit log."`
	Trail     trailCmd     `cmd:"" group:"Who may, and who did" help:"Have CloudTrail's trails deliver."`
}

func main() {
	// A worker is no command for people, and must not wait for a command line.
	if len(os.Args) == 2 && os.Args[1] == function.Argument {
		os.Exit(function.Work())
	}
	// What an origin sends unasked, net/http's transport writes here, and it may be
	// private. All our own words go through slog.
	log.SetOutput(io.Discard)
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	context.AfterFunc(ctx, stop) // a second signal ends at once
	code := run(ctx, env{os.Stdin, os.Stdout, os.Stderr, os.Getenv}, os.Args[1:])
	stop()
	os.Exit(code)
}

// endSignals end a command in an orderly way.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) { // as nohup does
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// hinted is an error that knows what to do about it.
type hinted struct {
	error
	hint string
}

func (h hinted) Unwrap() error { return h.error }

// errUsage marks what the caller of the command did wrong.
var errUsage = errors.New("wrong usage")

func run(ctx context.Context, e env, args []string) int {
	switch {
	case len(args) == 0:
		e.stdout = e.stderr // nothing was asked for
		run(ctx, e, []string{"--help"})
		return exitUsage
	case args[0] == "help":
		args = append(slices.Clone(args[1:]), "--help")
	case args[0] == "--version", args[0] == "-version", args[0] == "-v":
		args = append([]string{"version"}, args[1:]...)
	}
	var c cli
	exited := -1
	parser, err := kong.New(&c,
		kong.Name("keyfront"),
		kong.Description("Private content delivery with keys that never leave."),
		kong.Writers(e.stdout, e.stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.Help(help),
		kong.BindTo(ctx, (*context.Context)(nil)),
	)
	if err != nil {
		panic("keyfront: command line: " + err.Error())
	}
	command, err := parser.Parse(args)
	if exited >= 0 { // --help was printed
		return exited
	}
	if err != nil {
		if where, ok := errors.AsType[*kong.ParseError](err); ok {
			command = where.Context
		}
		return fail(e, fmt.Errorf("%w: %w", errUsage, err), helpFor(command))
	}
	out := &sticky{w: e.stdout}
	e.stdout = out
	command.Bind(e)
	err = command.Run()
	if err == nil && out.err != nil {
		err = fmt.Errorf("standard output: %w", out.err)
	}
	if err != nil {
		var h hinted
		if !errors.As(err, &h) && errors.Is(err, errUsage) {
			h.hint = helpFor(command)
		}
		return fail(e, err, h.hint)
	}
	return exitDone
}

// sticky remembers the first error of a writer, so that a command whose data got
// lost on the way does not end well. It is for one goroutine.
type sticky struct {
	w   io.Writer
	err error
}

func (s *sticky) Write(p []byte) (int, error) {
	if s.err != nil {
		return 0, s.err
	}
	n, err := s.w.Write(p)
	s.err = err
	return n, err
}

// helpFor says how to learn more of the command that was named, which may be nil.
func helpFor(command *kong.Context) string {
	name := "keyfront"
	if command != nil && command.Selected() != nil {
		name = command.Selected().FullPath()
	}
	return "see " + name + " --help"
}

func fail(e env, err error, hint string) int {
	fmt.Fprintf(e.stderr, "keyfront: error: %s\n", visibleLines(err.Error()))
	if hint != "" {
		fmt.Fprintf(e.stderr, "keyfront: hint: %s\n", visibleLines(hint))
	}
	if errors.Is(err, errUsage) {
		return exitUsage
	}
	return exitFailed
}
