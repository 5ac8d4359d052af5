package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"github.com/keyfront-project/keyfront/internal/detached"
	"github.com/keyfront-project/keyfront/internal/keyfile"
)

type fileVerifyCmd struct {
	Files     []string `arg:"" name:"file" help:"Files whose signatures to check; with --s3, names of objects."`
	KMSKey    string   `name:"kms-key" help:"Check by the key service, with this key: id, ARN or alias/NAME." placeholder:"KEY" xor:"key"`
	PublicKey string   `help:"Check without a key service, with the public key in this file (PEM or DER)." placeholder:"FILE" xor:"key"`
	Algorithm string   `help:"Signing algorithm by its name in KMS; else what the object says, else the key's usual one." placeholder:"NAME"`
	Signature string   `help:"The signature of one file; else FILE.sig." placeholder:"FILE"`
	bucketFlags
	awsFlags
}

// Help gives examples.
func (*fileVerifyCmd) Help() string {
	return examples(
		`keyfront file verify --public-key releases.pem keyfront.tar.gz`,
		`keyfront file verify --kms-key alias/releases --s3 downloads keyfront.tar.gz`,
	)
}

// Run checks each file and prints what it found. It fails unless every signature
// matches.
func (c *fileVerifyCmd) Run(ctx context.Context, e env) error {
	if err := checkAlgorithm(c.Algorithm); err != nil {
		return err
	}
	if c.Signature != "" && (len(c.Files) > 1 || c.S3 != "") {
		return fmt.Errorf("%w: --signature is for one file, and not for --s3", errUsage)
	}
	load, total, done, err := c.source(ctx)
	if err != nil {
		return err
	}
	defer done()
	if c.KMSKey == "" && c.PublicKey == "" {
		return c.keyMissing(load)
	}
	v, err := c.verifier(ctx)
	if err != nil {
		return err
	}
	j := newJob(ctx, e, "verifying", total)
	defer j.end()
	bad := 0
	for i, name := range c.Files {
		content, s, err := load(i)
		if err != nil {
			return err
		}
		s, err = c.check(j, v, content, s)
		switch {
		case errors.Is(err, detached.ErrInvalid):
			bad++
			err = j.say("%s: FAILED (%s, %s)", name, s.algorithm, s.key)
		case err == nil:
			err = j.say("%s: verified (%s, %s)", name, s.algorithm, s.key)
		}
		if err != nil {
			return err
		}
	}
	if bad > 0 {
		return hinted{
			fmt.Errorf("%d of %d: %w", bad, len(c.Files), detached.ErrInvalid),
			"the file or the signature was changed, or it was made by another key or another --algorithm",
		}
	}
	return nil
}

// loader gives the content and the claimed signature of a file. The content is to
// be read before the next is loaded, and closed.
type loader func(i int) (io.ReadCloser, signed, error)

// source is where files and signatures come from. total is -1 if it is not known.
func (c *fileVerifyCmd) source(ctx context.Context) (load loader, total int64, done func(), err error) {
	if c.S3 != "" {
		store, err := c.objects(ctx, &c.awsFlags)
		if err != nil {
			return nil, 0, nil, err
		}
		return func(i int) (io.ReadCloser, signed, error) { return store.getSigned(ctx, c.Prefix+c.Files[i]) }, -1, func() {}, nil
	}
	inputs, total, err := openInputs(c.Files)
	if err != nil {
		return nil, 0, nil, err
	}
	return func(i int) (io.ReadCloser, signed, error) {
		name := c.Signature
		if name == "" {
			name = c.Files[i] + signatureSuffix
		}
		signature, err := readSignature(name)
		return inputs[i], signed{signature: signature}, err
	}, total, func() { closeAll(inputs) }, nil
}

func readSignature(name string) ([]byte, error) {
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, hinted{fmt.Errorf("there is no signature %s", name), "keyfront file sign makes one; --signature names another"}
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return boundedSignature(name, f)
}

func boundedSignature(name string, r io.Reader) ([]byte, error) {
	signature, err := io.ReadAll(io.LimitReader(r, detached.MaxSignatureBytes+1))
	if err != nil {
		return nil, err
	}
	if len(signature) == 0 || len(signature) > detached.MaxSignatureBytes {
		return nil, hinted{
			fmt.Errorf("%s is no signature: it has no byte, or more than %d", name, detached.MaxSignatureBytes),
			"a signature is raw bytes, as keyfront file sign and openssl dgst -sign write them",
		}
	}
	return signature, nil
}

// keyMissing says which key to name. What an object says about its signer is no
// reason to believe it: whoever may write the object writes that too.
func (c *fileVerifyCmd) keyMissing(load loader) error {
	if c.S3 == "" {
		return hinted{fmt.Errorf("%w: give --kms-key or --public-key", errUsage), "a signature means something only under a key that you trust"}
	}
	content, s, err := load(0)
	if err != nil {
		return err
	}
	content.Close()
	hint := "the object does not say which key signed it"
	if s.key != "" {
		hint = fmt.Sprintf("the object says that %q signed it: if you trust that key, give it by --kms-key", s.key)
	}
	return hinted{fmt.Errorf("%w: give --kms-key or --public-key", errUsage), hint}
}

// verifier checks signatures under the one key that the user trusts.
type verifier struct {
	name string
	// usual is the algorithm when nothing names one.
	usual func(context.Context) (detached.Algorithm, error)
	// verify returns detached.ErrInvalid about a signature that does not match.
	verify func(ctx context.Context, a detached.Algorithm, digest, signature []byte) error
}

func (c *fileVerifyCmd) verifier(ctx context.Context) (*verifier, error) {
	if c.PublicKey == "" {
		keys, err := c.keyService(ctx)
		if err != nil {
			return nil, err
		}
		return &verifier{
			name:  c.KMSKey,
			usual: func(ctx context.Context) (detached.Algorithm, error) { return keys.algorithm(ctx, c.KMSKey, "") },
			verify: func(ctx context.Context, a detached.Algorithm, digest, signature []byte) error {
				return keys.verify(ctx, c.KMSKey, a, digest, signature)
			},
		}, nil
	}
	public, err := readKey(c.PublicKey, keyfile.ParsePublic)
	if err != nil {
		return nil, err
	}
	usual, err := detached.ForKey(public)
	if err != nil {
		return nil, hinted{fmt.Errorf("%s: %w", c.PublicKey, err), "--kms-key checks with keys that only the key service knows"}
	}
	return &verifier{
		name:  c.PublicKey,
		usual: func(context.Context) (detached.Algorithm, error) { return usual, nil },
		verify: func(_ context.Context, a detached.Algorithm, digest, signature []byte) error {
			return a.Verify(public, digest, signature)
		},
	}, nil
}

// check reads content and closes it. What it returns says how it was checked.
func (c *fileVerifyCmd) check(j *job, v *verifier, content io.ReadCloser, s signed) (signed, error) {
	defer content.Close()
	s.key = v.name
	if c.Algorithm != "" {
		s.algorithm = detached.Algorithm(c.Algorithm)
	}
	if s.algorithm == "" {
		usual, err := v.usual(j.ctx)
		if err != nil {
			return s, err
		}
		s.algorithm = usual
	}
	digest, err := j.digestOf(content, s.algorithm)
	if err != nil {
		return s, err
	}
	return s, v.verify(j.ctx, s.algorithm, digest, s.signature)
}
