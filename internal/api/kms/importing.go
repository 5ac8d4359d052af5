package kms

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

func getParametersForImport(c call, in *kms.GetParametersForImportInput) (*kms.GetParametersForImportOutput, error) {
	p, err := c.ring.ParametersForImport(c.Context, c.who, *in.KeyId, keyring.WrappingAlgorithm(in.WrappingAlgorithm), keyring.KeySpec(in.WrappingKeySpec))
	if err != nil {
		return nil, err
	}
	return &kms.GetParametersForImportOutput{KeyId: &p.KeyARN, ImportToken: p.Token, PublicKey: p.PublicKey, ParametersValidTo: &p.ValidTo}, nil
}

func importKeyMaterial(c call, in *kms.ImportKeyMaterialInput) (*kms.ImportKeyMaterialOutput, error) {
	out, err := c.ring.ImportMaterial(c.Context, c.who, keyring.ImportInput{
		Key: *in.KeyId, Token: in.ImportToken, Wrapped: in.EncryptedKeyMaterial,
		Model: keyring.ExpirationModel(in.ExpirationModel), ValidTo: aws.ToTime(in.ValidTo), Type: keyring.ImportType(in.ImportType),
		Description: aws.ToString(in.KeyMaterialDescription), MaterialID: aws.ToString(in.KeyMaterialId),
	})
	if err != nil {
		return nil, err
	}
	return &kms.ImportKeyMaterialOutput{KeyId: &out.KeyARN, KeyMaterialId: optional(out.MaterialID)}, nil
}

func deleteImportedKeyMaterial(c call, in *kms.DeleteImportedKeyMaterialInput) (*kms.DeleteImportedKeyMaterialOutput, error) {
	out, err := c.ring.DeleteImported(c.Context, c.who, *in.KeyId, aws.ToString(in.KeyMaterialId))
	if err != nil {
		return nil, err
	}
	return &kms.DeleteImportedKeyMaterialOutput{KeyId: &out.KeyARN, KeyMaterialId: optional(out.MaterialID)}, nil
}
