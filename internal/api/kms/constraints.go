package kms

import "github.com/keyfront-project/keyfront/internal/wire/awsjson"

// constraints is what the service model of AWS KMS, API version 2014-11-01, asks
// of the members of each request. It restates the model, member by member in the
// model's order, but for SM2, which only the Regions in China have; what the
// API Reference has beyond the model is here too: ML-KEM, and service principals,
// which may stand in place of a grant's other principals.
var constraints = map[string][]awsjson.Rule{
	"CancelKeyDeletion": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"ConnectCustomKeyStore": {
		{Member: "CustomKeyStoreId", Required: true, Length: awsjson.Between(1, 64)},
	},
	"CreateAlias": {
		{Member: "AliasName", Required: true, Length: awsjson.Between(1, 256), Pattern: `^[a-zA-Z0-9:/_-]+$`},
		{Member: "TargetKeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"CreateCustomKeyStore": {
		{Member: "CustomKeyStoreName", Required: true, Length: awsjson.Between(1, 256)},
		{Member: "CloudHsmClusterId", Length: awsjson.Between(19, 24), Pattern: `cluster-[2-7a-zA-Z]{11,16}`},
		{Member: "TrustAnchorCertificate", Length: awsjson.Between(1, 5000)},
		{Member: "KeyStorePassword", Length: awsjson.Between(7, 32), Sensitive: true},
		{Member: "CustomKeyStoreType", Enum: customKeyStoreTypes},
		{Member: "XksProxyUriEndpoint", Length: awsjson.Between(10, 128), Pattern: `^https://[a-zA-Z0-9.-]+$`},
		{Member: "XksProxyUriPath", Length: awsjson.Between(10, 128), Pattern: `^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$`},
		{Member: "XksProxyVpcEndpointServiceName", Length: awsjson.Between(20, 64), Pattern: `^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$`},
		{Member: "XksProxyVpcEndpointServiceOwner", Length: awsjson.Between(12, 12), Pattern: `[0-9]{12}`},
		{Member: "XksProxyAuthenticationCredential.AccessKeyId", Required: true, Length: awsjson.Between(20, 30), Pattern: `^[A-Z2-7]+$`, Sensitive: true},
		{Member: "XksProxyAuthenticationCredential.RawSecretAccessKey", Required: true, Length: awsjson.Between(43, 64), Pattern: `^[a-zA-Z0-9\/+=]+$`, Sensitive: true},
		{Member: "XksProxyConnectivity", Enum: xksProxyConnectivities},
	},
	"CreateGrant": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "GranteePrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`}, // or GranteeServicePrincipal
		{Member: "RetiringPrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`},
		{Member: "Operations", Required: true},
		{Member: "Operations[]", Enum: grantOperations},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "Name", Length: awsjson.Between(1, 256), Pattern: `^[a-zA-Z0-9:/_-]+$`},
	},
	"CreateKey": {
		{Member: "Policy", Length: awsjson.Between(1, 131072), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
		{Member: "Description", Length: awsjson.AtMost(8192)},
		{Member: "KeyUsage", Enum: keyUsages},
		{Member: "CustomerMasterKeySpec", Enum: customerMasterKeySpecs},
		{Member: "KeySpec", Enum: keySpecs},
		{Member: "Origin", Enum: origins},
		{Member: "CustomKeyStoreId", Length: awsjson.Between(1, 64)},
		{Member: "Tags[].TagKey", Required: true, Length: awsjson.Between(1, 128)},
		{Member: "Tags[].TagValue", Required: true, Length: awsjson.AtMost(256)},
		{Member: "XksKeyId", Length: awsjson.Between(1, 128), Pattern: `^[a-zA-Z0-9-_.]+$`},
	},
	"Decapsulate": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "SharedSecretCiphertextBlob", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "EncapsulationAlgorithm", Required: true, Enum: encapsulationAlgorithms},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"Decrypt": {
		{Member: "CiphertextBlob", Length: awsjson.Between(1, 6144)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		{Member: "EncryptionAlgorithm", Enum: encryptionAlgorithms},
		{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms},
		{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)},
		{Member: "DryRunModifiers[]", Enum: dryRunModifiers},
	},
	"DeleteAlias": {
		{Member: "AliasName", Required: true, Length: awsjson.Between(1, 256), Pattern: `^[a-zA-Z0-9:/_-]+$`},
	},
	"DeleteCustomKeyStore": {
		{Member: "CustomKeyStoreId", Required: true, Length: awsjson.Between(1, 64)},
	},
	"DeleteImportedKeyMaterial": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "KeyMaterialId", Length: awsjson.Between(64, 64), Pattern: `^[a-f0-9]+$`},
	},
	"DeriveSharedSecret": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "KeyAgreementAlgorithm", Required: true, Enum: keyAgreementAlgorithms},
		{Member: "PublicKey", Required: true, Length: awsjson.Between(1, 8192)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms},
		{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)},
	},
	"DescribeCustomKeyStores": {
		{Member: "CustomKeyStoreId", Length: awsjson.Between(1, 64)},
		{Member: "CustomKeyStoreName", Length: awsjson.Between(1, 256)},
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"DescribeKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"DisableKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"DisableKeyRotation": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"DisconnectCustomKeyStore": {
		{Member: "CustomKeyStoreId", Required: true, Length: awsjson.Between(1, 64)},
	},
	"EnableKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"EnableKeyRotation": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "RotationPeriodInDays", Value: awsjson.Between(90, 2560)},
	},
	"Encapsulate": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "EncapsulationAlgorithm", Required: true, Enum: encapsulationAlgorithms},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"Encrypt": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Plaintext", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "EncryptionAlgorithm", Enum: encryptionAlgorithms},
	},
	"GenerateDataKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		{Member: "KeySpec", Enum: dataKeySpecs},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms},
		{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)},
	},
	"GenerateDataKeyPair": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "KeyPairSpec", Required: true, Enum: dataKeyPairSpecs},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms},
		{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)},
	},
	"GenerateDataKeyPairWithoutPlaintext": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "KeyPairSpec", Required: true, Enum: dataKeyPairSpecs},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"GenerateDataKeyWithoutPlaintext": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "KeySpec", Enum: dataKeySpecs},
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"GenerateMac": {
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "MacAlgorithm", Required: true, Enum: macAlgorithms},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"GenerateRandom": {
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		{Member: "CustomKeyStoreId", Length: awsjson.Between(1, 64)},
		{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms},
		{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)},
	},
	"GetKeyLastUsage": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"GetKeyPolicy": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "PolicyName", Length: awsjson.Between(1, 128), Pattern: `[\w]+`},
	},
	"GetKeyRotationStatus": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"GetParametersForImport": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "WrappingAlgorithm", Required: true, Enum: algorithmSpecs},
		{Member: "WrappingKeySpec", Required: true, Enum: wrappingKeySpecs},
	},
	"GetPublicKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"ImportKeyMaterial": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "ImportToken", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "EncryptedKeyMaterial", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "ExpirationModel", Enum: expirationModels},
		{Member: "ImportType", Enum: importTypes},
		{Member: "KeyMaterialDescription", Length: awsjson.AtMost(256), Pattern: `^[a-zA-Z0-9:/_\s.-]+$`},
		{Member: "KeyMaterialId", Length: awsjson.Between(64, 64), Pattern: `^[a-f0-9]+$`},
	},
	"ListAliases": {
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"ListGrants": {
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "GrantId", Length: awsjson.Between(1, 128)},
		{Member: "GranteePrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`},
	},
	"ListKeyPolicies": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"ListKeyRotations": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "IncludeKeyMaterial", Enum: includeKeyMaterials},
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"ListKeys": {
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"ListResourceTags": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
	},
	"ListRetirableGrants": {
		{Member: "Limit", Value: awsjson.Between(1, 1000)},
		{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`},
		{Member: "RetiringPrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`}, // or RetiringServicePrincipal
	},
	"PutKeyPolicy": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "PolicyName", Length: awsjson.Between(1, 128), Pattern: `[\w]+`},
		{Member: "Policy", Required: true, Length: awsjson.Between(1, 131072), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
	},
	"ReEncrypt": {
		{Member: "CiphertextBlob", Length: awsjson.Between(1, 6144)},
		{Member: "SourceKeyId", Length: awsjson.Between(1, 2048)},
		{Member: "DestinationKeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "SourceEncryptionAlgorithm", Enum: encryptionAlgorithms},
		{Member: "DestinationEncryptionAlgorithm", Enum: encryptionAlgorithms},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "DryRunModifiers[]", Enum: dryRunModifiers},
	},
	"ReplicateKey": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "ReplicaRegion", Required: true, Length: awsjson.Between(1, 32), Pattern: `^([a-z]+-){2,3}\d+$`},
		{Member: "Policy", Length: awsjson.Between(1, 131072), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
		{Member: "Description", Length: awsjson.AtMost(8192)},
		{Member: "Tags[].TagKey", Required: true, Length: awsjson.Between(1, 128)},
		{Member: "Tags[].TagValue", Required: true, Length: awsjson.AtMost(256)},
	},
	"RetireGrant": {
		{Member: "GrantToken", Length: awsjson.Between(1, 8192)},
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		{Member: "GrantId", Length: awsjson.Between(1, 128)},
	},
	"RevokeGrant": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "GrantId", Required: true, Length: awsjson.Between(1, 128)},
	},
	"RotateKeyOnDemand": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"ScheduleKeyDeletion": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "PendingWindowInDays", Value: awsjson.Between(1, 365)},
	},
	"Sign": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "MessageType", Enum: messageTypes},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
		{Member: "SigningAlgorithm", Required: true, Enum: signingAlgorithms},
	},
	"TagResource": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Tags", Required: true},
		{Member: "Tags[].TagKey", Required: true, Length: awsjson.Between(1, 128)},
		{Member: "Tags[].TagValue", Required: true, Length: awsjson.AtMost(256)},
	},
	"UntagResource": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "TagKeys", Required: true},
		{Member: "TagKeys[]", Length: awsjson.Between(1, 128)},
	},
	"UpdateAlias": {
		{Member: "AliasName", Required: true, Length: awsjson.Between(1, 256), Pattern: `^[a-zA-Z0-9:/_-]+$`},
		{Member: "TargetKeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"UpdateCustomKeyStore": {
		{Member: "CustomKeyStoreId", Required: true, Length: awsjson.Between(1, 64)},
		{Member: "NewCustomKeyStoreName", Length: awsjson.Between(1, 256)},
		{Member: "KeyStorePassword", Length: awsjson.Between(7, 32), Sensitive: true},
		{Member: "CloudHsmClusterId", Length: awsjson.Between(19, 24), Pattern: `cluster-[2-7a-zA-Z]{11,16}`},
		{Member: "XksProxyUriEndpoint", Length: awsjson.Between(10, 128), Pattern: `^https://[a-zA-Z0-9.-]+$`},
		{Member: "XksProxyUriPath", Length: awsjson.Between(10, 128), Pattern: `^(/[a-zA-Z0-9\/_-]+/kms/xks/v\d{1,2})$|^(/kms/xks/v\d{1,2})$`},
		{Member: "XksProxyVpcEndpointServiceName", Length: awsjson.Between(20, 64), Pattern: `^(com|eu)\.amazonaws\.vpce\.([a-z]+-){2,3}\d+\.vpce-svc-[0-9a-z]+$`},
		{Member: "XksProxyVpcEndpointServiceOwner", Length: awsjson.Between(12, 12), Pattern: `[0-9]{12}`},
		{Member: "XksProxyAuthenticationCredential.AccessKeyId", Required: true, Length: awsjson.Between(20, 30), Pattern: `^[A-Z2-7]+$`, Sensitive: true},
		{Member: "XksProxyAuthenticationCredential.RawSecretAccessKey", Required: true, Length: awsjson.Between(43, 64), Pattern: `^[a-zA-Z0-9\/+=]+$`, Sensitive: true},
		{Member: "XksProxyConnectivity", Enum: xksProxyConnectivities},
	},
	"UpdateKeyDescription": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Description", Required: true, Length: awsjson.AtMost(8192)},
	},
	"UpdatePrimaryRegion": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "PrimaryRegion", Required: true, Length: awsjson.Between(1, 32), Pattern: `^([a-z]+-){2,3}\d+$`},
	},
	"Verify": {
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "MessageType", Enum: messageTypes},
		{Member: "Signature", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "SigningAlgorithm", Required: true, Enum: signingAlgorithms},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
	"VerifyMac": {
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "MacAlgorithm", Required: true, Enum: macAlgorithms},
		{Member: "Mac", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "GrantTokens", Length: awsjson.AtMost(10)},
		{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)},
	},
}

// The enumerations of the model.
var (
	algorithmSpecs = []string{
		"RSAES_PKCS1_V1_5",
		"RSAES_OAEP_SHA_1",
		"RSAES_OAEP_SHA_256",
		"RSA_AES_KEY_WRAP_SHA_1",
		"RSA_AES_KEY_WRAP_SHA_256",
	}
	customKeyStoreTypes    = []string{"AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"}
	customerMasterKeySpecs = []string{
		"RSA_2048",
		"RSA_3072",
		"RSA_4096",
		"ECC_NIST_P256",
		"ECC_NIST_P384",
		"ECC_NIST_P521",
		"ECC_SECG_P256K1",
		"SYMMETRIC_DEFAULT",
		"HMAC_224",
		"HMAC_256",
		"HMAC_384",
		"HMAC_512",
	}
	dataKeyPairSpecs = []string{
		"RSA_2048",
		"RSA_3072",
		"RSA_4096",
		"ECC_NIST_P256",
		"ECC_NIST_P384",
		"ECC_NIST_P521",
		"ECC_SECG_P256K1",
		"ECC_NIST_EDWARDS25519",
	}
	dataKeySpecs            = []string{"AES_256", "AES_128"}
	dryRunModifiers         = []string{"IGNORE_CIPHERTEXT"}
	encapsulationAlgorithms = []string{"ML_KEM"}
	encryptionAlgorithms    = []string{"SYMMETRIC_DEFAULT", "RSAES_OAEP_SHA_1", "RSAES_OAEP_SHA_256"}
	expirationModels        = []string{"KEY_MATERIAL_EXPIRES", "KEY_MATERIAL_DOES_NOT_EXPIRE"}
	grantOperations         = []string{
		"Decrypt",
		"Encrypt",
		"GenerateDataKey",
		"GenerateDataKeyWithoutPlaintext",
		"ReEncryptFrom",
		"ReEncryptTo",
		"Sign",
		"Verify",
		"GetPublicKey",
		"CreateGrant",
		"RetireGrant",
		"DescribeKey",
		"GenerateDataKeyPair",
		"GenerateDataKeyPairWithoutPlaintext",
		"GenerateMac",
		"VerifyMac",
		"DeriveSharedSecret",
		"Encapsulate",
		"Decapsulate",
	}
	importTypes             = []string{"NEW_KEY_MATERIAL", "EXISTING_KEY_MATERIAL"}
	includeKeyMaterials     = []string{"ALL_KEY_MATERIAL", "ROTATIONS_ONLY"}
	keyAgreementAlgorithms  = []string{"ECDH"}
	keyEncryptionMechanisms = []string{"RSAES_OAEP_SHA_256"}
	keySpecs                = []string{
		"RSA_2048",
		"RSA_3072",
		"RSA_4096",
		"ECC_NIST_P256",
		"ECC_NIST_P384",
		"ECC_NIST_P521",
		"ECC_SECG_P256K1",
		"SYMMETRIC_DEFAULT",
		"HMAC_224",
		"HMAC_256",
		"HMAC_384",
		"HMAC_512",
		"ML_DSA_44",
		"ML_DSA_65",
		"ML_DSA_87",
		"ECC_NIST_EDWARDS25519",
		"ML_KEM_512",
		"ML_KEM_768",
		"ML_KEM_1024",
	}
	keyUsages         = []string{"SIGN_VERIFY", "ENCRYPT_DECRYPT", "GENERATE_VERIFY_MAC", "KEY_AGREEMENT", "ENCAPSULATE_DECAPSULATE"}
	macAlgorithms     = []string{"HMAC_SHA_224", "HMAC_SHA_256", "HMAC_SHA_384", "HMAC_SHA_512"}
	messageTypes      = []string{"RAW", "DIGEST", "EXTERNAL_MU"}
	origins           = []string{"AWS_KMS", "EXTERNAL", "AWS_CLOUDHSM", "EXTERNAL_KEY_STORE"}
	signingAlgorithms = []string{
		"RSASSA_PSS_SHA_256",
		"RSASSA_PSS_SHA_384",
		"RSASSA_PSS_SHA_512",
		"RSASSA_PKCS1_V1_5_SHA_256",
		"RSASSA_PKCS1_V1_5_SHA_384",
		"RSASSA_PKCS1_V1_5_SHA_512",
		"ECDSA_SHA_256",
		"ECDSA_SHA_384",
		"ECDSA_SHA_512",
		"ML_DSA_SHAKE_256",
		"ED25519_SHA_512",
		"ED25519_PH_SHA_512",
	}
	wrappingKeySpecs       = []string{"RSA_2048", "RSA_3072", "RSA_4096"}
	xksProxyConnectivities = []string{"PUBLIC_ENDPOINT", "VPC_ENDPOINT_SERVICE"}
)
