package kms

import "github.com/keyfront-project/keyfront/internal/wire/awsjson"

// constraints is what the service model of AWS KMS, API version 2014-11-01, asks
// of the members of each request. It restates the model, member by member in the
// model's order, but for SM2, which only the Regions in China have; what the
// API Reference has beyond the model is here too: ML-KEM, and service principals,
// which may stand in place of a grant's other principals.
var constraints = map[string][]awsjson.Rule{
	"CancelKeyDeletion":     {keyID},
	"ConnectCustomKeyStore": {customKeyStoreID},
	"CreateAlias": {
		aliasName,
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
		keyID,
		{Member: "GranteePrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`}, // or GranteeServicePrincipal
		{Member: "RetiringPrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`},
		{Member: "Operations", Required: true},
		{Member: "Operations[]", Enum: grantOperations},
		grantTokens, eachGrantToken,
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
		tagKey, tagValue,
		{Member: "XksKeyId", Length: awsjson.Between(1, 128), Pattern: `^[a-zA-Z0-9-_.]+$`},
	},
	"Decapsulate": {
		keyID,
		{Member: "SharedSecretCiphertextBlob", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "EncapsulationAlgorithm", Required: true, Enum: encapsulationAlgorithms},
		grantTokens, eachGrantToken,
	},
	"Decrypt": {
		{Member: "CiphertextBlob", Length: awsjson.Between(1, 6144)},
		grantTokens, eachGrantToken,
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		{Member: "EncryptionAlgorithm", Enum: encryptionAlgorithms},
		recipientAlgorithm, recipientDocument,
		{Member: "DryRunModifiers[]", Enum: dryRunModifiers},
	},
	"DeleteAlias":          {aliasName},
	"DeleteCustomKeyStore": {customKeyStoreID},
	"DeleteImportedKeyMaterial": {
		keyID,
		{Member: "KeyMaterialId", Length: awsjson.Between(64, 64), Pattern: `^[a-f0-9]+$`},
	},
	"DeriveSharedSecret": {
		keyID,
		{Member: "KeyAgreementAlgorithm", Required: true, Enum: keyAgreementAlgorithms},
		{Member: "PublicKey", Required: true, Length: awsjson.Between(1, 8192)},
		grantTokens, eachGrantToken,
		recipientAlgorithm, recipientDocument,
	},
	"DescribeCustomKeyStores": {
		{Member: "CustomKeyStoreId", Length: awsjson.Between(1, 64)},
		{Member: "CustomKeyStoreName", Length: awsjson.Between(1, 256)},
		pageLimit, pageMarker,
	},
	"DescribeKey": {
		keyID,
		grantTokens, eachGrantToken,
	},
	"DisableKey":               {keyID},
	"DisableKeyRotation":       {keyID},
	"DisconnectCustomKeyStore": {customKeyStoreID},
	"EnableKey":                {keyID},
	"EnableKeyRotation": {
		keyID,
		{Member: "RotationPeriodInDays", Value: awsjson.Between(90, 2560)},
	},
	"Encapsulate": {
		keyID,
		{Member: "EncapsulationAlgorithm", Required: true, Enum: encapsulationAlgorithms},
		grantTokens, eachGrantToken,
	},
	"Encrypt": {
		keyID,
		{Member: "Plaintext", Required: true, Length: awsjson.Between(1, 4096)},
		grantTokens, eachGrantToken,
		{Member: "EncryptionAlgorithm", Enum: encryptionAlgorithms},
	},
	"GenerateDataKey": {
		keyID,
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		{Member: "KeySpec", Enum: dataKeySpecs},
		grantTokens, eachGrantToken,
		recipientAlgorithm, recipientDocument,
	},
	"GenerateDataKeyPair": {
		keyID,
		{Member: "KeyPairSpec", Required: true, Enum: dataKeyPairSpecs},
		grantTokens, eachGrantToken,
		recipientAlgorithm, recipientDocument,
	},
	"GenerateDataKeyPairWithoutPlaintext": {
		keyID,
		{Member: "KeyPairSpec", Required: true, Enum: dataKeyPairSpecs},
		grantTokens, eachGrantToken,
	},
	"GenerateDataKeyWithoutPlaintext": {
		keyID,
		{Member: "KeySpec", Enum: dataKeySpecs},
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		grantTokens, eachGrantToken,
	},
	"GenerateMac": {
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		keyID,
		{Member: "MacAlgorithm", Required: true, Enum: macAlgorithms},
		grantTokens, eachGrantToken,
	},
	"GenerateRandom": {
		{Member: "NumberOfBytes", Value: awsjson.Between(1, 1024)},
		{Member: "CustomKeyStoreId", Length: awsjson.Between(1, 64)},
		recipientAlgorithm, recipientDocument,
	},
	"GetKeyLastUsage": {keyID},
	"GetKeyPolicy": {
		keyID,
		{Member: "PolicyName", Length: awsjson.Between(1, 128), Pattern: `[\w]+`},
	},
	"GetKeyRotationStatus": {keyID},
	"GetParametersForImport": {
		keyID,
		{Member: "WrappingAlgorithm", Required: true, Enum: algorithmSpecs},
		{Member: "WrappingKeySpec", Required: true, Enum: wrappingKeySpecs},
	},
	"GetPublicKey": {
		keyID,
		grantTokens, eachGrantToken,
	},
	"ImportKeyMaterial": {
		keyID,
		{Member: "ImportToken", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "EncryptedKeyMaterial", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "ExpirationModel", Enum: expirationModels},
		{Member: "ImportType", Enum: importTypes},
		{Member: "KeyMaterialDescription", Length: awsjson.AtMost(256), Pattern: `^[a-zA-Z0-9:/_\s.-]+$`},
		{Member: "KeyMaterialId", Length: awsjson.Between(64, 64), Pattern: `^[a-f0-9]+$`},
	},
	"ListAliases": {
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		pageLimit, pageMarker,
	},
	"ListGrants": {
		pageLimit, pageMarker,
		keyID,
		{Member: "GrantId", Length: awsjson.Between(1, 128)},
		{Member: "GranteePrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`},
	},
	"ListKeyPolicies": {
		keyID,
		pageLimit, pageMarker,
	},
	"ListKeyRotations": {
		keyID,
		{Member: "IncludeKeyMaterial", Enum: includeKeyMaterials},
		pageLimit, pageMarker,
	},
	"ListKeys": {pageLimit, pageMarker},
	"ListResourceTags": {
		keyID,
		pageLimit, pageMarker,
	},
	"ListRetirableGrants": {
		pageLimit, pageMarker,
		{Member: "RetiringPrincipal", Length: awsjson.Between(1, 256), Pattern: `^[\w+=,.@:/-]+$`}, // or RetiringServicePrincipal
	},
	"PutKeyPolicy": {
		keyID,
		{Member: "PolicyName", Length: awsjson.Between(1, 128), Pattern: `[\w]+`},
		{Member: "Policy", Required: true, Length: awsjson.Between(1, 131072), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
	},
	"ReEncrypt": {
		{Member: "CiphertextBlob", Length: awsjson.Between(1, 6144)},
		{Member: "SourceKeyId", Length: awsjson.Between(1, 2048)},
		{Member: "DestinationKeyId", Required: true, Length: awsjson.Between(1, 2048)},
		{Member: "SourceEncryptionAlgorithm", Enum: encryptionAlgorithms},
		{Member: "DestinationEncryptionAlgorithm", Enum: encryptionAlgorithms},
		grantTokens, eachGrantToken,
		{Member: "DryRunModifiers[]", Enum: dryRunModifiers},
	},
	"ReplicateKey": {
		keyID,
		{Member: "ReplicaRegion", Required: true, Length: awsjson.Between(1, 32), Pattern: `^([a-z]+-){2,3}\d+$`},
		{Member: "Policy", Length: awsjson.Between(1, 131072), Pattern: `[\u0009\u000A\u000D\u0020-\u00FF]+`},
		{Member: "Description", Length: awsjson.AtMost(8192)},
		tagKey, tagValue,
	},
	"RetireGrant": {
		{Member: "GrantToken", Length: awsjson.Between(1, 8192)},
		{Member: "KeyId", Length: awsjson.Between(1, 2048)},
		{Member: "GrantId", Length: awsjson.Between(1, 128)},
	},
	"RevokeGrant": {
		keyID,
		{Member: "GrantId", Required: true, Length: awsjson.Between(1, 128)},
	},
	"RotateKeyOnDemand": {keyID},
	"ScheduleKeyDeletion": {
		keyID,
		{Member: "PendingWindowInDays", Value: awsjson.Between(1, 365)},
	},
	"Sign": {
		keyID,
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "MessageType", Enum: messageTypes},
		grantTokens, eachGrantToken,
		{Member: "SigningAlgorithm", Required: true, Enum: signingAlgorithms},
	},
	"TagResource": {
		keyID,
		{Member: "Tags", Required: true},
		tagKey, tagValue,
	},
	"UntagResource": {
		keyID,
		{Member: "TagKeys", Required: true},
		{Member: "TagKeys[]", Length: awsjson.Between(1, 128)},
	},
	"UpdateAlias": {
		aliasName,
		{Member: "TargetKeyId", Required: true, Length: awsjson.Between(1, 2048)},
	},
	"UpdateCustomKeyStore": {
		customKeyStoreID,
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
		keyID,
		{Member: "Description", Required: true, Length: awsjson.AtMost(8192)},
	},
	"UpdatePrimaryRegion": {
		keyID,
		{Member: "PrimaryRegion", Required: true, Length: awsjson.Between(1, 32), Pattern: `^([a-z]+-){2,3}\d+$`},
	},
	"Verify": {
		keyID,
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		{Member: "MessageType", Enum: messageTypes},
		{Member: "Signature", Required: true, Length: awsjson.Between(1, 6144)},
		{Member: "SigningAlgorithm", Required: true, Enum: signingAlgorithms},
		grantTokens, eachGrantToken,
	},
	"VerifyMac": {
		{Member: "Message", Required: true, Length: awsjson.Between(1, 4096)},
		keyID,
		{Member: "MacAlgorithm", Required: true, Enum: macAlgorithms},
		{Member: "Mac", Required: true, Length: awsjson.Between(1, 6144)},
		grantTokens, eachGrantToken,
	},
}

// Rules that many operations share.
var (
	keyID              = awsjson.Rule{Member: "KeyId", Required: true, Length: awsjson.Between(1, 2048)}
	customKeyStoreID   = awsjson.Rule{Member: "CustomKeyStoreId", Required: true, Length: awsjson.Between(1, 64)}
	aliasName          = awsjson.Rule{Member: "AliasName", Required: true, Length: awsjson.Between(1, 256), Pattern: `^[a-zA-Z0-9:/_-]+$`}
	grantTokens        = awsjson.Rule{Member: "GrantTokens", Length: awsjson.AtMost(10)}
	eachGrantToken     = awsjson.Rule{Member: "GrantTokens[]", Length: awsjson.Between(1, 8192)}
	recipientAlgorithm = awsjson.Rule{Member: "Recipient.KeyEncryptionAlgorithm", Enum: keyEncryptionMechanisms}
	recipientDocument  = awsjson.Rule{Member: "Recipient.AttestationDocument", Length: awsjson.Between(1, 262144)}
	pageLimit          = awsjson.Rule{Member: "Limit", Value: awsjson.Between(1, 1000)}
	pageMarker         = awsjson.Rule{Member: "Marker", Length: awsjson.Between(1, 1024), Pattern: `[\u0020-\u00FF]*`}
	tagKey             = awsjson.Rule{Member: "Tags[].TagKey", Required: true, Length: awsjson.Between(1, 128)}
	tagValue           = awsjson.Rule{Member: "Tags[].TagValue", Required: true, Length: awsjson.AtMost(256)}
)

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
