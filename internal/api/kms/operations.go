package kms

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/kms"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/keyring"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/wire/awsjson"
)

// operations is the dispatch table: every operation of KMS, by its name.
var operations = map[string]operation{
	"CancelKeyDeletion":                   answers("CancelKeyDeletion", cancelKeyDeletion),
	"CreateAlias":                         silent("CreateAlias", createAlias),
	"CreateGrant":                         answers("CreateGrant", createGrant),
	"CreateKey":                           answers("CreateKey", createKey),
	"Decapsulate":                         answers("Decapsulate", decapsulate),
	"Decrypt":                             answers("Decrypt", decrypt),
	"DeleteAlias":                         silent("DeleteAlias", deleteAlias),
	"DeleteImportedKeyMaterial":           answers("DeleteImportedKeyMaterial", deleteImportedKeyMaterial),
	"DeriveSharedSecret":                  answers("DeriveSharedSecret", deriveSharedSecret),
	"DescribeKey":                         answers("DescribeKey", describeKey),
	"DisableKey":                          silent("DisableKey", disableKey),
	"DisableKeyRotation":                  silent("DisableKeyRotation", disableKeyRotation),
	"EnableKey":                           silent("EnableKey", enableKey),
	"EnableKeyRotation":                   silent("EnableKeyRotation", enableKeyRotation),
	"Encapsulate":                         answers("Encapsulate", encapsulate),
	"Encrypt":                             answers("Encrypt", encrypt),
	"GenerateDataKey":                     answers("GenerateDataKey", generateDataKey),
	"GenerateDataKeyPair":                 answers("GenerateDataKeyPair", generateDataKeyPair),
	"GenerateDataKeyPairWithoutPlaintext": answers("GenerateDataKeyPairWithoutPlaintext", generateDataKeyPairWithoutPlaintext),
	"GenerateDataKeyWithoutPlaintext":     answers("GenerateDataKeyWithoutPlaintext", generateDataKeyWithoutPlaintext),
	"GenerateMac":                         answers("GenerateMac", generateMac),
	"GenerateRandom":                      answers("GenerateRandom", generateRandom),
	"GetKeyLastUsage":                     answers("GetKeyLastUsage", getKeyLastUsage),
	"GetKeyPolicy":                        answers("GetKeyPolicy", getKeyPolicy),
	"GetKeyRotationStatus":                answers("GetKeyRotationStatus", getKeyRotationStatus),
	"GetParametersForImport":              answers("GetParametersForImport", getParametersForImport),
	"GetPublicKey":                        answers("GetPublicKey", getPublicKey),
	"ImportKeyMaterial":                   answers("ImportKeyMaterial", importKeyMaterial),
	"ListAliases":                         answers("ListAliases", listAliases),
	"ListGrants":                          answers("ListGrants", listGrants),
	"ListKeyPolicies":                     answers("ListKeyPolicies", listKeyPolicies),
	"ListKeyRotations":                    answers("ListKeyRotations", listKeyRotations),
	"ListKeys":                            answers("ListKeys", listKeys),
	"ListResourceTags":                    answers("ListResourceTags", listResourceTags),
	"ListRetirableGrants":                 answers("ListRetirableGrants", listRetirableGrants),
	"PutKeyPolicy":                        silent("PutKeyPolicy", putKeyPolicy),
	"ReEncrypt":                           answers("ReEncrypt", reEncrypt),
	"ReplicateKey":                        answers("ReplicateKey", replicateKey),
	"RetireGrant":                         silent("RetireGrant", retireGrant),
	"RevokeGrant":                         silent("RevokeGrant", revokeGrant),
	"RotateKeyOnDemand":                   answers("RotateKeyOnDemand", rotateKeyOnDemand),
	"ScheduleKeyDeletion":                 answers("ScheduleKeyDeletion", scheduleKeyDeletion),
	"Sign":                                answers("Sign", sign),
	"TagResource":                         silent("TagResource", tagResource),
	"UntagResource":                       silent("UntagResource", untagResource),
	"UpdateAlias":                         silent("UpdateAlias", updateAlias),
	"UpdateKeyDescription":                silent("UpdateKeyDescription", updateKeyDescription),
	"UpdatePrimaryRegion":                 silent("UpdatePrimaryRegion", updatePrimaryRegion),
	"Verify":                              answers("Verify", verify),
	"VerifyMac":                           answers("VerifyMac", verifyMac),

	"ConnectCustomKeyStore":    lacks[kms.ConnectCustomKeyStoreInput]("ConnectCustomKeyStore"),
	"CreateCustomKeyStore":     lacks[kms.CreateCustomKeyStoreInput]("CreateCustomKeyStore"),
	"DeleteCustomKeyStore":     lacks[kms.DeleteCustomKeyStoreInput]("DeleteCustomKeyStore"),
	"DescribeCustomKeyStores":  lacks[kms.DescribeCustomKeyStoresInput]("DescribeCustomKeyStores"),
	"DisconnectCustomKeyStore": lacks[kms.DisconnectCustomKeyStoreInput]("DisconnectCustomKeyStore"),
	"UpdateCustomKeyStore":     lacks[kms.UpdateCustomKeyStoreInput]("UpdateCustomKeyStore"),
}

// call is one request on its way to the ring. Handlers pass its Context on, not
// the call as one: making an interface of it would copy the caller to the heap.
type call struct {
	context.Context
	ring *keyring.Ring
	who  access.Caller
}

// reader decodes and checks the requests of one operation.
type reader[In any] struct {
	shape awsjson.Shape[In]
	rules awsjson.Rules[In]
}

func readerOf[In any](name string) reader[In] {
	return reader[In]{awsjson.Of[In](), awsjson.Compile[In](constraints[name]...)}
}

func (r *reader[In]) read(body []byte) (*In, error) {
	in, err := r.shape.Decode(body)
	if err != nil {
		return nil, err
	}
	return in, r.rules.Check(in)
}

// answers makes an operation of a handler that returns an output.
func answers[In, Out any](name string, handle func(call, *In) (*Out, error)) operation {
	requests, out := readerOf[In](name), awsjson.Of[Out]()
	return func(ctx context.Context, ring *keyring.Ring, who access.Caller, dst, body []byte) ([]byte, error) {
		in, err := requests.read(body)
		if err != nil {
			return nil, err
		}
		answer, err := handle(call{ctx, ring, who}, in)
		if err != nil {
			return nil, err
		}
		return out.Append(dst, answer), nil
	}
}

// silent makes an operation of a handler without output: the body stays empty.
func silent[In any](name string, handle func(call, *In) error) operation {
	requests := readerOf[In](name)
	return func(ctx context.Context, ring *keyring.Ring, who access.Caller, dst, body []byte) ([]byte, error) {
		in, err := requests.read(body)
		if err != nil {
			return nil, err
		}
		return dst, handle(call{ctx, ring, who}, in)
	}
}

// lacks makes an operation that Keyfront does not have.
func lacks[In any](name string) operation {
	return silent(name, func(call, *In) error {
		return unsupported("The operation " + name + " is not supported.")
	})
}

func unsupported(sentence string) error {
	return &refusal.Error{Kind: keyring.ErrUnsupported, Sentence: sentence}
}

func invalid(sentence string) error {
	return &refusal.Error{Kind: keyring.ErrInvalid, Sentence: sentence}
}

// missing is the error about a member that only some requests can do without.
func missing(member string) error {
	return invalid("1 validation error detected: Value null at '" + member + "' failed to satisfy constraint: Member must not be null")
}
