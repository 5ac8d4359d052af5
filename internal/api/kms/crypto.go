package kms

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/kms/types"

	"github.com/keyfront-project/keyfront/internal/keyring"
)

// checkRecipient refuses attested calls: nobody here can verify an attestation,
// and the caller relies on the plaintext being absent.
func checkRecipient(r *types.RecipientInfo) error {
	if r != nil {
		return invalid("Recipient is not supported.")
	}
	return nil
}

func encrypt(c call, in *kms.EncryptInput) (*kms.EncryptOutput, error) {
	out, err := c.ring.Encrypt(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.EncryptionAlgorithm), Context: in.EncryptionContext,
		GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, in.Plaintext)
	if err != nil {
		return nil, err
	}
	return &kms.EncryptOutput{
		CiphertextBlob: out.Blob, KeyId: &out.KeyARN, EncryptionAlgorithm: types.EncryptionAlgorithmSpec(out.Algorithm),
	}, nil
}

func decrypt(c call, in *kms.DecryptInput) (*kms.DecryptOutput, error) {
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	ignore, err := ignoreCiphertext(in.CiphertextBlob, in.DryRunModifiers)
	if err != nil {
		return nil, err
	}
	out, err := c.ring.Decrypt(c.Context, c.who, keyring.Use{
		Key: aws.ToString(in.KeyId), Algorithm: keyring.Algorithm(in.EncryptionAlgorithm), Context: in.EncryptionContext,
		GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun), IgnoreCiphertext: ignore,
	}, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	return &kms.DecryptOutput{
		KeyId: &out.KeyARN, Plaintext: out.Plaintext, KeyMaterialId: optional(out.MaterialID),
		EncryptionAlgorithm: types.EncryptionAlgorithmSpec(out.Algorithm),
	}, nil
}

// ignoreCiphertext reports whether a dry run is to ignore the ciphertext. The
// model makes that optional for those only.
func ignoreCiphertext(blob []byte, modifiers []types.DryRunModifierType) (bool, error) {
	switch {
	case len(modifiers) > 0:
		return true, nil // the model knows just this one
	case blob == nil:
		return false, missing("ciphertextBlob")
	}
	return false, nil
}

func reEncrypt(c call, in *kms.ReEncryptInput) (*kms.ReEncryptOutput, error) {
	ignore, err := ignoreCiphertext(in.CiphertextBlob, in.DryRunModifiers)
	if err != nil {
		return nil, err
	}
	from := keyring.Use{
		Key: aws.ToString(in.SourceKeyId), Algorithm: keyring.Algorithm(in.SourceEncryptionAlgorithm),
		Context: in.SourceEncryptionContext, GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun), IgnoreCiphertext: ignore,
	}
	to := keyring.Use{
		Key: *in.DestinationKeyId, Algorithm: keyring.Algorithm(in.DestinationEncryptionAlgorithm),
		Context: in.DestinationEncryptionContext,
	}
	out, err := c.ring.ReEncrypt(c.Context, c.who, from, to, in.CiphertextBlob)
	if err != nil {
		return nil, err
	}
	return &kms.ReEncryptOutput{
		CiphertextBlob: out.Blob, KeyId: &out.KeyARN, SourceKeyId: &out.Source.KeyARN,
		SourceEncryptionAlgorithm:      types.EncryptionAlgorithmSpec(out.Source.Algorithm),
		DestinationEncryptionAlgorithm: types.EncryptionAlgorithmSpec(out.Algorithm),
		SourceKeyMaterialId:            optional(out.Source.MaterialID),
		DestinationKeyMaterialId:       optional(out.MaterialID),
	}, nil
}

// dataKeyBytes is the length that a data key is to have, given in one of two ways.
func dataKeyBytes(spec types.DataKeySpec, number *int32) (int, error) {
	switch {
	case (spec == "") == (number == nil):
		return 0, invalid("Please specify either number of bytes or key spec.")
	case number != nil:
		return int(*number), nil
	case spec == types.DataKeySpecAes128:
		return 16, nil
	default:
		return 32, nil
	}
}

func generateDataKey(c call, in *kms.GenerateDataKeyInput) (*kms.GenerateDataKeyOutput, error) {
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	n, err := dataKeyBytes(in.KeySpec, in.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	out, err := c.ring.GenerateDataKey(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Context: in.EncryptionContext, GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun), DataKeySpec: string(in.KeySpec),
	}, n)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyOutput{
		CiphertextBlob: out.Blob, Plaintext: out.Plaintext.Reveal(), KeyId: &out.KeyARN, KeyMaterialId: &out.MaterialID,
	}, nil
}

func generateDataKeyWithoutPlaintext(c call, in *kms.GenerateDataKeyWithoutPlaintextInput) (*kms.GenerateDataKeyWithoutPlaintextOutput, error) {
	n, err := dataKeyBytes(in.KeySpec, in.NumberOfBytes)
	if err != nil {
		return nil, err
	}
	out, err := c.ring.GenerateDataKeyWithoutPlaintext(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Context: in.EncryptionContext, GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun), DataKeySpec: string(in.KeySpec),
	}, n)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyWithoutPlaintextOutput{CiphertextBlob: out.Blob, KeyId: &out.KeyARN, KeyMaterialId: &out.MaterialID}, nil
}

func generateDataKeyPair(c call, in *kms.GenerateDataKeyPairInput) (*kms.GenerateDataKeyPairOutput, error) {
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	out, err := c.ring.GenerateDataKeyPair(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Context: in.EncryptionContext, GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, keyring.KeySpec(in.KeyPairSpec))
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyPairOutput{
		PrivateKeyCiphertextBlob: out.Private.Blob, PrivateKeyPlaintext: out.Private.Plaintext.Reveal(), PublicKey: out.Public,
		KeyId: &out.Private.KeyARN, KeyPairSpec: types.DataKeyPairSpec(out.Spec), KeyMaterialId: &out.Private.MaterialID,
	}, nil
}

func generateDataKeyPairWithoutPlaintext(c call, in *kms.GenerateDataKeyPairWithoutPlaintextInput) (*kms.GenerateDataKeyPairWithoutPlaintextOutput, error) {
	out, err := c.ring.GenerateDataKeyPairWithoutPlaintext(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Context: in.EncryptionContext, GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, keyring.KeySpec(in.KeyPairSpec))
	if err != nil {
		return nil, err
	}
	return &kms.GenerateDataKeyPairWithoutPlaintextOutput{
		PrivateKeyCiphertextBlob: out.Private.Blob, PublicKey: out.Public,
		KeyId: &out.Private.KeyARN, KeyPairSpec: types.DataKeyPairSpec(out.Spec), KeyMaterialId: &out.Private.MaterialID,
	}, nil
}

func generateRandom(c call, in *kms.GenerateRandomInput) (*kms.GenerateRandomOutput, error) {
	switch {
	case in.NumberOfBytes == nil:
		return nil, invalid("NumberOfBytes is required.")
	case in.CustomKeyStoreId != nil:
		return nil, unsupported("CustomKeyStoreId is not supported.")
	}
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	out, err := c.ring.Random(c.Context, c.who, int(*in.NumberOfBytes))
	if err != nil {
		return nil, err
	}
	return &kms.GenerateRandomOutput{Plaintext: out.Reveal()}, nil
}

// messageType is the one that a request means when it names none.
func messageType(t types.MessageType) keyring.MessageType {
	if t == "" {
		return keyring.Raw
	}
	return keyring.MessageType(t)
}

func sign(c call, in *kms.SignInput) (*kms.SignOutput, error) {
	out, err := c.ring.Sign(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.SigningAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, messageType(in.MessageType), in.Message)
	if err != nil {
		return nil, err
	}
	return &kms.SignOutput{KeyId: &out.KeyARN, Signature: out.Signature, SigningAlgorithm: types.SigningAlgorithmSpec(out.Algorithm)}, nil
}

func verify(c call, in *kms.VerifyInput) (*kms.VerifyOutput, error) {
	out, err := c.ring.Verify(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.SigningAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, messageType(in.MessageType), in.Message, in.Signature)
	if err != nil {
		return nil, err
	}
	return &kms.VerifyOutput{KeyId: &out.KeyARN, SignatureValid: true, SigningAlgorithm: types.SigningAlgorithmSpec(out.Algorithm)}, nil
}

func generateMac(c call, in *kms.GenerateMacInput) (*kms.GenerateMacOutput, error) {
	out, err := c.ring.GenerateMAC(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.MacAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, in.Message)
	if err != nil {
		return nil, err
	}
	return &kms.GenerateMacOutput{KeyId: &out.KeyARN, Mac: out.Code, MacAlgorithm: types.MacAlgorithmSpec(out.Algorithm)}, nil
}

func verifyMac(c call, in *kms.VerifyMacInput) (*kms.VerifyMacOutput, error) {
	out, err := c.ring.VerifyMAC(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.MacAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, in.Message, in.Mac)
	if err != nil {
		return nil, err
	}
	return &kms.VerifyMacOutput{KeyId: &out.KeyARN, MacValid: true, MacAlgorithm: types.MacAlgorithmSpec(out.Algorithm)}, nil
}

func deriveSharedSecret(c call, in *kms.DeriveSharedSecretInput) (*kms.DeriveSharedSecretOutput, error) {
	if err := checkRecipient(in.Recipient); err != nil {
		return nil, err
	}
	out, err := c.ring.DeriveSharedSecret(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.KeyAgreementAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, in.PublicKey)
	if err != nil {
		return nil, err
	}
	return &kms.DeriveSharedSecretOutput{
		KeyId: &out.KeyARN, SharedSecret: out.Secret, KeyOrigin: types.OriginType(out.Origin),
		KeyAgreementAlgorithm: types.KeyAgreementAlgorithmSpec(out.Algorithm),
	}, nil
}

func encapsulate(c call, in *kms.EncapsulateInput) (*kms.EncapsulateOutput, error) {
	out, err := c.ring.Encapsulate(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.EncapsulationAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	})
	if err != nil {
		return nil, err
	}
	return &kms.EncapsulateOutput{
		KeyId: &out.KeyARN, SharedSecret: out.Secret, SharedSecretCiphertextBlob: out.Ciphertext,
		EncapsulationAlgorithm: types.EncapsulationAlgorithmSpec(out.Algorithm),
	}, nil
}

func decapsulate(c call, in *kms.DecapsulateInput) (*kms.DecapsulateOutput, error) {
	out, err := c.ring.Decapsulate(c.Context, c.who, keyring.Use{
		Key: *in.KeyId, Algorithm: keyring.Algorithm(in.EncapsulationAlgorithm), GrantTokens: in.GrantTokens, DryRun: aws.ToBool(in.DryRun),
	}, in.SharedSecretCiphertextBlob)
	if err != nil {
		return nil, err
	}
	return &kms.DecapsulateOutput{
		KeyId: &out.KeyARN, SharedSecret: out.Secret, EncapsulationAlgorithm: types.EncapsulationAlgorithmSpec(out.Algorithm),
	}, nil
}
