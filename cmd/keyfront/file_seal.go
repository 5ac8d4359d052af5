package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/keyfile"
	"github.com/keyfront-project/keyfront/internal/sealedfile"
)

type fileSealCmd struct {
	Files     []string          `arg:"" name:"file" help:"Files to seal, of any size."`
	KMSKey    string            `name:"kms-key" required:"" help:"Seal for this key: id, ARN or alias/NAME." placeholder:"KEY" xor:"key"`
	PublicKey string            `required:"" help:"Seal for whoever holds the private half of the RSA, P-256, P-384 or P-521 key in this file (PEM or DER); needs no key service." placeholder:"FILE" xor:"key"`
	Context   map[string]string `name:"encryption-context" help:"A pair of the encryption context of a symmetric KMS key, in clear in the file; may be repeated." placeholder:"NAME=VALUE"`
	Out       string            `short:"o" help:"Name of the sealed form of one file; else FILE.sealed." placeholder:"FILE"`
	Force     bool              `help:"Replace files that exist."`
	awsFlags
}

// Help gives examples.
func (*fileSealCmd) Help() string {
	return examples(
		`keyfront file seal --kms-key alias/data --encryption-context team=web backup.tar`,
		`keyfront file open backup.tar.sealed`,
	)
}

// Run seals each file and prints the name of each sealed one.
func (c *fileSealCmd) Run(ctx context.Context, e env) error {
	names, err := outputNames(c.Files, c.Out, c.Force, suffixed(sealedSuffix))
	if err != nil {
		return err
	}
	inputs, total, err := openInputs(c.Files)
	if err != nil {
		return err
	}
	defer closeAll(inputs)
	to, err := c.recipient(ctx)
	if err != nil {
		return err
	}
	j := newJob(ctx, e, "sealing", total)
	defer j.end()
	for i, in := range inputs {
		out, err := newOutput(names[i], 0o666, c.Force)
		if err != nil {
			return err
		}
		if err := out.finish(sealedfile.Seal(ctx, out, j.reader(in), to)); err != nil {
			return fmt.Errorf("seal %s: %w", in.Name(), err)
		}
		if err := j.say("%s", names[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *fileSealCmd) recipient(ctx context.Context) (sealedfile.Recipient, error) {
	if c.PublicKey != "" {
		if len(c.Context) > 0 {
			return nil, fmt.Errorf("%w: --encryption-context is for symmetric KMS keys", errUsage)
		}
		public, err := readKey(c.PublicKey, keyfile.ParsePublic)
		if err != nil {
			return nil, err
		}
		return c.toPublic(public, c.PublicKey, "")
	}
	keys, err := c.keyService(ctx)
	if err != nil {
		return nil, err
	}
	usage, symmetric, err := keys.describe(ctx, c.KMSKey)
	switch {
	case hasCode(err, "AccessDeniedException"):
		// Who may only make data keys may seal; most keys are symmetric.
		symmetric = true
	case err != nil:
		return nil, err
	case usage != types.KeyUsageTypeEncryptDecrypt && usage != types.KeyUsageTypeKeyAgreement:
		return nil, hinted{fmt.Errorf("%s is a key of usage %s", c.KMSKey, usage), kmsHints["InvalidKeyUsageException"]}
	}
	if symmetric {
		to, err := sealedfile.ToKeyService(keys, c.KMSKey, c.Context)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", errUsage, err)
		}
		return to, nil
	}
	if len(c.Context) > 0 {
		return nil, fmt.Errorf("%w: --encryption-context is for symmetric KMS keys, and %s is not one", errUsage, c.KMSKey)
	}
	public, err := keys.publicKey(ctx, c.KMSKey)
	if err != nil {
		return nil, err
	}
	return c.toPublic(public.key, c.KMSKey, public.arn)
}

func (c *fileSealCmd) toPublic(public any, from, name string) (sealedfile.Recipient, error) {
	to, err := sealedfile.ToPublicKey(public, name)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", from, err)
	}
	return to, nil
}

type fileOpenCmd struct {
	Files      []string          `arg:"" name:"file" help:"Sealed files to open."`
	KMSKey     string            `name:"kms-key" help:"Open by this key only: id, ARN or alias/NAME; else by the KMS key that the file names." placeholder:"KEY" xor:"key"`
	PrivateKey string            `help:"Open with the private key in this file (PEM or DER), without a key service." placeholder:"FILE" xor:"key"`
	Context    map[string]string `name:"encryption-context" help:"Refuse files whose encryption context lacks this pair; may be repeated." placeholder:"NAME=VALUE"`
	Out        string            `short:"o" help:"Name of the plaintext of one file; else its name without .sealed." placeholder:"FILE"`
	Force      bool              `help:"Replace files that exist."`
	awsFlags
}

// Run opens each file and prints the name of each plaintext, which only its owner
// may read. No file has its name before its last byte is verified.
func (c *fileOpenCmd) Run(ctx context.Context, e env) error {
	names, err := outputNames(c.Files, c.Out, c.Force, func(name string) (string, error) {
		plain, ok := strings.CutSuffix(name, sealedSuffix)
		if !ok || plain == "" || strings.HasSuffix(plain, "/") {
			return "", hinted{fmt.Errorf("%w: %s does not end in %s", errUsage, name, sealedSuffix), "name the plaintext by --out"}
		}
		return plain, nil
	})
	if err != nil {
		return err
	}
	inputs, total, err := openInputs(c.Files)
	if err != nil {
		return err
	}
	defer closeAll(inputs)
	by, err := c.opener(ctx)
	if err != nil {
		return err
	}
	j := newJob(ctx, e, "opening", total)
	defer j.end()
	for i, in := range inputs {
		if !in.regular {
			return fmt.Errorf("%s is no regular file", in.Name())
		}
		out, err := newOutput(names[i], 0o600, c.Force)
		if err != nil {
			return err
		}
		if err := out.finish(sealedfile.Open(ctx, j.writer(out), in, in.bytes, by)); err != nil {
			return fmt.Errorf("open %s: %w", in.Name(), explainOpen(err))
		}
		if err := j.say("%s", names[i]); err != nil {
			return err
		}
	}
	return nil
}

func (c *fileOpenCmd) opener(ctx context.Context) (sealedfile.Opener, error) {
	if c.PrivateKey == "" {
		keys, err := c.keyService(ctx)
		if err != nil {
			return nil, err
		}
		return sealedfile.ByKeyService(keys, c.KMSKey, c.Context), nil
	}
	if len(c.Context) > 0 {
		return nil, fmt.Errorf("%w: --encryption-context is for KMS keys", errUsage)
	}
	private, err := readKey(c.PrivateKey, keyfile.ParsePrivate)
	if err != nil {
		return nil, err
	}
	by, err := sealedfile.ByPrivateKey(private)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.PrivateKey, err)
	}
	return by, nil
}

// explainOpen adds what to do.
func explainOpen(err error) error {
	for _, known := range []struct {
		err  error
		hint string
	}{
		{sealedfile.ErrChanged, "nothing was written: get the file again from whoever sealed it"},
		{sealedfile.ErrRecipient, "open it with the key that it was sealed to: --private-key FILE, or --kms-key KEY for a key in the key service"},
		{sealedfile.ErrContext, "it is not the file that you wait for, or --encryption-context is wrong"},
		{sealedfile.ErrNotSealed, "keyfront file seal makes sealed files"},
		{sealedfile.ErrVersion, "a newer keyfront opens it"},
	} {
		if errors.Is(err, known.err) {
			return hinted{err, known.hint}
		}
	}
	return err
}
