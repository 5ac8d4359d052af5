package main

import (
	"context"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/detached"
)

type fileSignCmd struct {
	Files     []string `arg:"" name:"file" help:"Files to sign, of any size."`
	KMSKey    string   `name:"kms-key" required:"" help:"Key of usage SIGN_VERIFY: id, ARN or alias/NAME." placeholder:"KEY"`
	Algorithm string   `help:"Signing algorithm by its name in KMS; else the key's usual one with a digest." placeholder:"NAME"`
	Out       string   `short:"o" help:"Name of the signature of one file; else FILE.sig." placeholder:"FILE"`
	Force     bool     `help:"Replace signatures that exist."`
	bucketFlags
	awsFlags
}

// Help gives examples.
func (*fileSignCmd) Help() string {
	return examples(
		`keyfront file sign --kms-key alias/releases keyfront.tar.gz`,
		`openssl dgst -sha256 -verify releases.pem -signature keyfront.tar.gz.sig keyfront.tar.gz`,
	)
}

// Run signs each file and prints the name of each signature.
func (c *fileSignCmd) Run(ctx context.Context, e env) error {
	if err := checkAlgorithm(c.Algorithm); err != nil {
		return err
	}
	if c.S3 != "" && (c.Out != "" || c.Force) {
		return fmt.Errorf("%w: --out and --force are for signatures in files, not for --s3", errUsage)
	}
	put, names, err := c.destination(ctx)
	if err != nil {
		return err
	}
	inputs, total, err := openInputs(c.Files)
	if err != nil {
		return err
	}
	defer closeAll(inputs)
	keys, err := c.keyService(ctx)
	if err != nil {
		return err
	}
	algorithm, err := keys.algorithm(ctx, c.KMSKey, c.Algorithm)
	if err != nil {
		return err
	}
	if c.S3 != "" {
		total *= 2 // read to be signed, and again to be sent
	}
	j := newJob(ctx, e, "signing", total)
	defer j.end()
	for i, in := range inputs {
		digest, err := j.digestOf(in, algorithm)
		if err != nil {
			return err
		}
		signature, err := keys.sign(ctx, c.KMSKey, algorithm, digest)
		if err != nil {
			return err
		}
		if err := put(j, names[i], in, signed{c.KMSKey, algorithm, signature}); err != nil {
			return err
		}
	}
	return nil
}

// signed is a signature, and what is needed to check it.
type signed struct {
	key       string // as the signer called it
	algorithm detached.Algorithm
	signature []byte
}

// destination is where signatures go, and the name of each there.
func (c *fileSignCmd) destination(ctx context.Context) (put func(*job, string, input, signed) error, names []string, err error) {
	if c.S3 != "" {
		if names, err = c.objectNames(c.Files); err != nil {
			return nil, nil, err
		}
		store, err := c.objects(ctx, &c.awsFlags)
		if err != nil {
			return nil, nil, err
		}
		return store.putSigned, names, nil
	}
	names, err = outputNames(c.Files, c.Out, c.Force, suffixed(signatureSuffix))
	return func(j *job, name string, _ input, s signed) error {
		if err := writeOutput(name, s.signature, 0o666, c.Force); err != nil {
			return err
		}
		return j.say("%s", name)
	}, names, err
}

// algorithm is the one that the user named, or the key's usual one.
func (k *keyService) algorithm(ctx context.Context, key, named string) (detached.Algorithm, error) {
	if named != "" {
		return detached.Algorithm(named), nil
	}
	public, err := k.publicKey(ctx, key)
	if hasCode(err, "UnsupportedOperationException") || hasCode(err, "InvalidKeyUsageException") {
		return "", hinted{err, kmsHints["InvalidKeyUsageException"]}
	}
	if err != nil {
		return "", err
	}
	a, err := detached.Default(public.algorithms)
	if err != nil {
		return "", hinted{fmt.Errorf("%s: %w", key, err), "sign files with an RSA, NIST curve, secp256k1 or Ed25519 key of usage SIGN_VERIFY"}
	}
	return a, nil
}
