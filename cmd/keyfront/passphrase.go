package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/server"
)

// passphraseEnv is the variable that --root-passphrase-from env reads.
const passphraseEnv = "KEYFRONT_ROOT_PASSPHRASE"

// maxPassphraseBytes bounds a passphrase file.
const maxPassphraseBytes = 4 << 10

// passphrase is what asks for the root key's passphrase, nil if from is empty.
func passphrase(e env, from string) server.Passphrase {
	file, isFile := strings.CutPrefix(from, "file:")
	switch {
	case isFile:
		return func(context.Context) (sealed.Secret, error) { return passphraseFile(file) }
	case from == "env":
		return func(context.Context) (sealed.Secret, error) {
			if v := e.getenv(passphraseEnv); v != "" {
				return sealed.NewSecret([]byte(v)), nil
			}
			return sealed.Secret{}, fmt.Errorf("%s is not set", passphraseEnv)
		}
	case from == "prompt":
		return func(ctx context.Context) (sealed.Secret, error) { return promptPassphrase(ctx, e) }
	case from == "":
		return nil
	}
	return func(context.Context) (sealed.Secret, error) {
		return sealed.Secret{}, fmt.Errorf("%w: --root-passphrase-from %q is none of prompt, env and file:NAME", errUsage, from)
	}
}

// passphraseFile reads the first line of a file.
func passphraseFile(name string) (sealed.Secret, error) {
	f, err := os.Open(name)
	if err != nil {
		return sealed.Secret{}, fmt.Errorf("passphrase: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxPassphraseBytes))
	if err != nil {
		return sealed.Secret{}, fmt.Errorf("passphrase: %w", err)
	}
	defer clear(text)
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return sealed.NewSecret(bytes.TrimSuffix(line, []byte("\r"))), nil
}

// promptPassphrase asks on the terminal, until ctx ends.
func promptPassphrase(ctx context.Context, e env) (sealed.Secret, error) {
	f, ok := e.stdin.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return sealed.Secret{}, hinted{
			errors.New("there is no terminal to ask for the passphrase on"),
			"--root-passphrase-from env reads " + passphraseEnv + ", and file:NAME the first line of a file",
		}
	}
	shown, err := term.GetState(int(f.Fd()))
	if err != nil {
		return sealed.Secret{}, fmt.Errorf("passphrase: %w", err)
	}
	type typed struct {
		text []byte
		err  error
	}
	read := make(chan typed, 1)
	fmt.Fprint(e.stderr, "Passphrase of the root key: ")
	defer fmt.Fprintln(e.stderr)
	go func() {
		text, err := term.ReadPassword(int(f.Fd()))
		read <- typed{text, err}
	}()
	select {
	case <-ctx.Done():
		// Nothing ends the reading, and what is typed at the next prompt shows again.
		return sealed.Secret{}, errors.Join(ctx.Err(), term.Restore(int(f.Fd()), shown))
	case got := <-read:
		if got.err != nil {
			return sealed.Secret{}, fmt.Errorf("passphrase: %w", got.err)
		}
		defer clear(got.text)
		return sealed.NewSecret(got.text), nil
	}
}
