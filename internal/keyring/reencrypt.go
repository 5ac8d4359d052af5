package keyring

import (
	"context"
	"strconv"

	"github.com/keyfront-project/keyfront/internal/access"
)

// ReEncrypted is what ReEncrypt made: a ciphertext under another key.
type ReEncrypted struct {
	Encrypted
	// MaterialID names the material of a symmetric destination.
	MaterialID string
	// Source is the key that the ciphertext was under, without the plaintext.
	Source Decrypted
}

// ReEncrypt opens blob as Decrypt does and encrypts the plaintext as Encrypt
// does, without showing it. It needs the permission kms:ReEncryptFrom on the key
// that from names and kms:ReEncryptTo on the one that to names. from's grant
// tokens and DryRun count for both.
//
// Source: AWS KMS API Reference, ReEncrypt.
func (r *Ring) ReEncrypt(ctx context.Context, who access.Caller, from, to Use, blob []byte) (out ReEncrypted, err error) {
	call := r.begin(&who, opReEncrypt)
	defer call.End(ctx, &err)
	from.Algorithm, to.Algorithm = orSymmetric(from.Algorithm), orSymmetric(to.Algorithm)
	if from.Key != "" {
		call.Note("sourceKeyId", from.Key)
	}
	call.Note("destinationKeyId", to.Key)
	call.Note("sourceEncryptionAlgorithm", string(from.Algorithm))
	call.Note("destinationEncryptionAlgorithm", string(to.Algorithm))
	if err := noteContext(call, "sourceEncryptionContext", from.Context); err != nil {
		return out, err
	}
	if err := noteContext(call, "destinationEncryptionContext", to.Context); err != nil {
		return out, err
	}
	if err := from.checkCiphertext(blob); err != nil {
		return out, err
	}
	same := strconv.FormatBool(r.onSameKey(&who, &from, &to, blob))

	call.Keys.Set("kms:EncryptionAlgorithm", string(from.Algorithm))
	call.Keys.Set("kms:ReEncryptOnSameKey", same)
	source, header, err := r.admitCiphertext(ctx, call, &who, opReEncryptFrom, &from, from.Algorithm, blob)
	if err != nil {
		return out, err
	}
	call.ResetKeys()
	call.Keys.Set("kms:EncryptionAlgorithm", string(to.Algorithm))
	call.Keys.Set("kms:ReEncryptOnSameKey", same)
	destination, err := r.admitUse(ctx, call, &who, opReEncryptTo, &to)
	if err != nil {
		return out, err
	}
	if err := destination.checkUse(opReEncryptTo, EncryptDecrypt, to.Algorithm); err != nil {
		return out, err
	}
	if err := source.checkContext(from.Context); err != nil {
		return out, err
	}
	if err := destination.checkContext(to.Context); err != nil {
		return out, err
	}
	if from.DryRun {
		return out, dryRun()
	}
	plaintext, material, err := source.open(from.Algorithm, from.Context, header, blob)
	if err != nil {
		return out, err
	}
	defer clear(plaintext)
	out.Source = Decrypted{KeyARN: source.arn, Algorithm: from.Algorithm, MaterialID: material}
	if out.Encrypted, err = destination.encrypt(to.Algorithm, to.Context, plaintext); err != nil {
		return out, err
	}
	if material != "" {
		call.NoteAnswer("sourceKeyMaterialId", material)
	}
	if destination.spec.family == symmetricKey {
		out.MaterialID = destination.current().id
		call.NoteAnswer("destinationKeyMaterialId", out.MaterialID)
	}
	r.used(source, opReEncrypt, &who)
	r.used(destination, opReEncrypt, &who)
	return out, nil
}

// onSameKey says whether both sides are one key, as far as can be known before
// anything is decided.
func (r *Ring) onSameKey(who *access.Caller, from, to *Use, blob []byte) bool {
	destination, err := r.resolve(who, opReEncryptTo, to.Key)
	if err != nil || destination.key == nil {
		return false
	}
	if from.Key != "" {
		source, err := r.resolve(who, opReEncryptFrom, from.Key)
		return err == nil && source.key == destination.key
	}
	id, ok := blobKeyID(blob)
	return ok && id == destination.key.id
}

func noteContext(call *access.Call, name string, bind map[string]string) error {
	if err := checkContextSize(bind); err != nil {
		return err
	}
	for k, v := range bind {
		call.Note(name+"."+k, v)
	}
	return nil
}
