package main

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"
)

type keypairCmd struct {
	Create keypairCreateCmd `cmd:"" help:"Make a data key pair: the private half encrypted, the public half as CloudFront wants it."`
}

type keypairCreateCmd struct {
	Name              string            `arg:"" help:"Where to write: NAME.json is the encrypted private half, NAME.pem the public half."`
	KMSKey            string            `name:"kms-key" required:"" help:"Id, ARN or alias of the symmetric key that encrypts the private half." placeholder:"KEY"`
	EncryptionContext map[string]string `mapsep:"," help:"Encryption context; keyfront sign needs the same." placeholder:"NAME=VALUE,..."`
	Spec              string            `enum:"ECC_NIST_P256,RSA_2048" default:"ECC_NIST_P256" help:"ECC_NIST_P256 or RSA_2048."`
	awsFlags
}

// Help gives examples.
func (*keypairCreateCmd) Help() string {
	return examples(
		`keyfront keypair create --kms-key alias/data --encryption-context use=links links`,
		`aws cloudfront create-public-key --public-key-config "CallerReference=links,Name=links,EncodedKey=$(cat links.pem)"`,
	)
}

// Run makes the pair and writes both files, or none.
func (c *keypairCreateCmd) Run(ctx context.Context, e env) error {
	private, public := c.Name+".json", c.Name+".pem"
	for _, name := range []string{private, public} {
		if err := vacant(name, "keyfront keypair create overwrites nothing: choose another NAME"); err != nil {
			return err
		}
	}
	service, err := c.keyService(ctx)
	if err != nil {
		return err
	}
	var pair *kms.GenerateDataKeyPairWithoutPlaintextOutput
	err = service.call(ctx, "GenerateDataKeyPairWithoutPlaintext", c.KMSKey, func(ctx context.Context, o func(*kms.Options)) (err error) {
		pair, err = service.client.GenerateDataKeyPairWithoutPlaintext(ctx, &kms.GenerateDataKeyPairWithoutPlaintextInput{
			KeyId: &c.KMSKey, KeyPairSpec: types.DataKeyPairSpec(c.Spec), EncryptionContext: c.EncryptionContext,
		}, o)
		return err
	})
	if err != nil {
		return err
	}
	kept := dataKeyPair{
		PrivateKeyCiphertextBlob: pair.PrivateKeyCiphertextBlob, PublicKey: pair.PublicKey,
		KeyID: *pair.KeyId, KeyPairSpec: string(pair.KeyPairSpec),
	}
	if pair.KeyMaterialId != nil {
		kept.KeyMaterialID = *pair.KeyMaterialId
	}
	text, err := json.MarshalIndent(kept, "", "    ")
	if err != nil {
		return err
	}
	if err := writeOutput(private, append(text, '\n'), 0o600, false); err != nil {
		return err
	}
	if err := writeOutput(public, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pair.PublicKey}), 0o644, false); err != nil {
		return errors.Join(err, os.Remove(private))
	}
	fmt.Fprintf(e.stdout, "%s\n%s\n", private, public)
	return nil
}
