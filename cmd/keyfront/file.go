package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/schollz/progressbar/v3"

	"github.com/keyfront-project/keyfront/internal/detached"
	"github.com/keyfront-project/keyfront/internal/keyfile"
)

type fileCmd struct {
	Sign   fileSignCmd   `cmd:"" help:"Write a detached signature FILE.sig, made by a key that stays in the key service."`
	Verify fileVerifyCmd `cmd:"" help:"Check detached signatures, by the key service or with the public key alone."`
	Seal   fileSealCmd   `cmd:"" help:"Encrypt to FILE.sealed for a KMS key, or for whoever holds a private key."`
	Open   fileOpenCmd   `cmd:"" help:"Decrypt FILE.sealed, by the key service or with the private key."`
}

// What stands behind the names of files that belong together.
const (
	signatureSuffix = ".sig"
	sealedSuffix    = ".sealed"
)

// input is a file to work through.
type input struct {
	*os.File
	bytes   int64 // 0 if it is no regular file
	regular bool
}

// openInputs opens all files before work on the first begins, so that a wrong name
// costs nothing.
func openInputs(names []string) (inputs []input, total int64, err error) {
	defer func() {
		if err != nil {
			closeAll(inputs)
		}
	}()
	for _, name := range names {
		f, err := os.Open(name)
		if err != nil {
			return inputs, 0, err
		}
		inputs = append(inputs, input{File: f})
		info, err := f.Stat()
		if err != nil {
			return inputs, 0, err
		}
		if info.IsDir() {
			return inputs, 0, hinted{fmt.Errorf("%s is a folder", name), "name files; tar makes one of a folder"}
		}
		if info.Mode().IsRegular() {
			last := &inputs[len(inputs)-1]
			last.bytes, last.regular = info.Size(), true
			total += info.Size()
		}
	}
	return inputs, total, nil
}

func closeAll(inputs []input) {
	for _, in := range inputs {
		in.Close()
	}
}

// outputNames says where the result of each file goes: to out, if there is one file,
// or to what name makes of the file's name. None may exist, unless replace.
func outputNames(files []string, out string, replace bool, name func(string) (string, error)) ([]string, error) {
	if out != "" && len(files) > 1 {
		return nil, fmt.Errorf("%w: --out is for one file, and there are %d", errUsage, len(files))
	}
	names := make([]string, len(files))
	seen := map[string]bool{}
	for i, f := range files {
		names[i] = out
		if out == "" {
			n, err := name(f)
			if err != nil {
				return nil, err
			}
			names[i] = n
		}
		if seen[names[i]] {
			return nil, fmt.Errorf("%w: %s would be written twice", errUsage, names[i])
		}
		seen[names[i]] = true
		if !replace {
			if err := vacant(names[i], hintVacant); err != nil {
				return nil, err
			}
		}
	}
	return names, nil
}

func suffixed(suffix string) func(string) (string, error) {
	return func(name string) (string, error) { return name + suffix, nil }
}

const hintVacant = "remove it, name another by --out, or replace it by --force"

// vacant is an error if something has the name.
func vacant(name, hint string) error {
	_, err := os.Lstat(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return hinted{fmt.Errorf("%s exists", name), hint}
}

// job is one run of a command over its files: it stops when the context ends, and
// moves the bar.
type job struct {
	ctx context.Context
	bar *progressbar.ProgressBar
	out io.Writer
}

func newJob(ctx context.Context, e env, what string, total int64) *job {
	return &job{ctx: ctx, bar: newBar(e.stderr, what, total), out: e.stdout}
}

// say prints a line of results where the bar stood.
func (j *job) say(format string, args ...any) error {
	_ = j.bar.Clear() // a bar that cannot be drawn is no reason to stop
	_, err := fmt.Fprintf(j.out, format+"\n", args...)
	return err
}

func (j *job) end() { _ = j.bar.Finish() }

func (j *job) reader(r io.Reader) io.Reader { return jobReader{j, r} }
func (j *job) writer(w io.Writer) io.Writer { return jobWriter{j, w} }

type jobReader struct {
	*job
	r io.Reader
}

func (j jobReader) Read(p []byte) (int, error) {
	if err := j.ctx.Err(); err != nil {
		return 0, err
	}
	n, err := j.r.Read(p)
	_ = j.bar.Add(n)
	return n, err
}

type jobWriter struct {
	*job
	w io.Writer
}

func (j jobWriter) Write(p []byte) (int, error) {
	n, err := j.w.Write(p)
	_ = j.bar.Add(n)
	return n, err
}

// digestOf reads r to its end.
func (j *job) digestOf(r io.Reader, a detached.Algorithm) ([]byte, error) {
	digest, err := a.NewDigest()
	if err != nil {
		return nil, err
	}
	if _, err := io.CopyBuffer(digest, j.reader(r), make([]byte, 1<<20)); err != nil {
		return nil, err
	}
	return digest.Sum(nil), nil
}

// readKey reads a key file by parse, which is one of package keyfile.
func readKey[K any](name string, parse func([]byte) (K, error)) (K, error) {
	var none K
	f, err := os.Open(name)
	if err != nil {
		return none, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, keyfile.MaxBytes+1))
	if err != nil {
		return none, err
	}
	defer clear(text)
	key, err := parse(text)
	if err != nil {
		return none, fmt.Errorf("%s: %w", name, err)
	}
	return key, nil
}

// checkAlgorithm refuses a name that is none, before anything is read.
func checkAlgorithm(name string) error {
	if name == "" {
		return nil
	}
	if _, err := detached.Algorithm(name).NewDigest(); err != nil {
		names := make([]string, 0, 10)
		for _, a := range detached.Algorithms() {
			names = append(names, string(a))
		}
		return fmt.Errorf("%w: --algorithm %s: files are signed with one of %s", errUsage, name, strings.Join(names, ", "))
	}
	return nil
}
