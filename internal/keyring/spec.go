package keyring

import (
	"crypto"
	"crypto/elliptic"
	"crypto/mlkem"
	"crypto/rsa"
	"slices"

	"filippo.io/mldsa"
)

// KeySpec says what sort of key it is, in the words of KMS: "RSA_2048".
type KeySpec string

// The key specs that a Ring makes.
const (
	Symmetric KeySpec = "SYMMETRIC_DEFAULT"
	RSA2048   KeySpec = "RSA_2048"
	RSA3072   KeySpec = "RSA_3072"
	RSA4096   KeySpec = "RSA_4096"
	P256      KeySpec = "ECC_NIST_P256"
	P384      KeySpec = "ECC_NIST_P384"
	P521      KeySpec = "ECC_NIST_P521"
	Secp256k1 KeySpec = "ECC_SECG_P256K1"
	Ed25519   KeySpec = "ECC_NIST_EDWARDS25519"
	MLDSA44   KeySpec = "ML_DSA_44"
	MLDSA65   KeySpec = "ML_DSA_65"
	MLDSA87   KeySpec = "ML_DSA_87"
	MLKEM512  KeySpec = "ML_KEM_512"
	MLKEM768  KeySpec = "ML_KEM_768"
	MLKEM1024 KeySpec = "ML_KEM_1024"
	HMAC224   KeySpec = "HMAC_224"
	HMAC256   KeySpec = "HMAC_256"
	HMAC384   KeySpec = "HMAC_384"
	HMAC512   KeySpec = "HMAC_512"
)

// KeyUsage is the one thing that a key may do.
type KeyUsage string

// The usages that a Ring knows.
const (
	EncryptDecrypt KeyUsage = "ENCRYPT_DECRYPT"
	SignVerify     KeyUsage = "SIGN_VERIFY"
	KeyAgreement   KeyUsage = "KEY_AGREEMENT"
	MACUsage       KeyUsage = "GENERATE_VERIFY_MAC"

	EncapsulateDecapsulate KeyUsage = "ENCAPSULATE_DECAPSULATE"
)

// Algorithm is a cryptographic algorithm in the words of KMS, whatever it does.
type Algorithm string

// The algorithms that a Ring knows.
const (
	AlgSymmetric   Algorithm = "SYMMETRIC_DEFAULT"
	AlgOAEPSHA1    Algorithm = "RSAES_OAEP_SHA_1"
	AlgOAEPSHA256  Algorithm = "RSAES_OAEP_SHA_256"
	AlgPKCS1SHA256 Algorithm = "RSASSA_PKCS1_V1_5_SHA_256"
	AlgPKCS1SHA384 Algorithm = "RSASSA_PKCS1_V1_5_SHA_384"
	AlgPKCS1SHA512 Algorithm = "RSASSA_PKCS1_V1_5_SHA_512"
	AlgPSSSHA256   Algorithm = "RSASSA_PSS_SHA_256"
	AlgPSSSHA384   Algorithm = "RSASSA_PSS_SHA_384"
	AlgPSSSHA512   Algorithm = "RSASSA_PSS_SHA_512"
	AlgECDSASHA256 Algorithm = "ECDSA_SHA_256"
	AlgECDSASHA384 Algorithm = "ECDSA_SHA_384"
	AlgECDSASHA512 Algorithm = "ECDSA_SHA_512"
	AlgEd25519     Algorithm = "ED25519_SHA_512"
	AlgEd25519ph   Algorithm = "ED25519_PH_SHA_512"
	AlgHMAC224     Algorithm = "HMAC_SHA_224"
	AlgHMAC256     Algorithm = "HMAC_SHA_256"
	AlgHMAC384     Algorithm = "HMAC_SHA_384"
	AlgHMAC512     Algorithm = "HMAC_SHA_512"
	AlgECDH        Algorithm = "ECDH"
	AlgMLDSA       Algorithm = "ML_DSA_SHAKE_256"
	AlgMLKEM       Algorithm = "ML_KEM"
)

// MessageType says how Sign and Verify take their message.
type MessageType string

const (
	// Raw messages are hashed here.
	Raw MessageType = "RAW"
	// Digest messages are hashed already.
	Digest MessageType = "DIGEST"
	// ExternalMu messages are the message representative μ of FIPS 204.
	ExternalMu MessageType = "EXTERNAL_MU"
)

// family is the mathematics behind a key spec.
type family uint8

const (
	symmetricKey family = iota
	rsaKey
	ecKey
	secpKey
	edKey
	dsaKey // ML-DSA
	kemKey // ML-KEM
	hmacKey
)

// specInfo is one row of the table of key specs.
type specInfo struct {
	family family
	bits   int            // of an RSA modulus; the parameter set of ML-DSA and ML-KEM
	curve  elliptic.Curve // of a NIST curve key
	bytes  int            // of material that is random bytes: symmetric, HMAC, and seeds
	// uses lists the usages, the default first, with their algorithms.
	uses []specUse
	// implied says that CreateKey needs no KeyUsage.
	implied bool
	// pairs says that the spec is one of GenerateDataKeyPair.
	pairs bool
}

type specUse struct {
	usage      KeyUsage
	algorithms []Algorithm
}

// specs is section "Key spec reference" of the KMS Developer Guide.
var specs = map[KeySpec]*specInfo{
	Symmetric: {family: symmetricKey, bytes: 32, uses: one(EncryptDecrypt, AlgSymmetric), implied: true},
	RSA2048:   {family: rsaKey, bits: 2048, uses: rsaUses, pairs: true},
	RSA3072:   {family: rsaKey, bits: 3072, uses: rsaUses, pairs: true},
	RSA4096:   {family: rsaKey, bits: 4096, uses: rsaUses, pairs: true},
	P256:      {family: ecKey, curve: elliptic.P256(), uses: nistUses(AlgECDSASHA256), pairs: true},
	P384:      {family: ecKey, curve: elliptic.P384(), uses: nistUses(AlgECDSASHA384), pairs: true},
	P521:      {family: ecKey, curve: elliptic.P521(), uses: nistUses(AlgECDSASHA512), pairs: true},
	Secp256k1: {family: secpKey, uses: one(SignVerify, AlgECDSASHA256), pairs: true},
	MLDSA44:   {family: dsaKey, bits: 44, bytes: mldsa.PrivateKeySize, uses: one(SignVerify, AlgMLDSA)},
	MLDSA65:   {family: dsaKey, bits: 65, bytes: mldsa.PrivateKeySize, uses: one(SignVerify, AlgMLDSA)},
	MLDSA87:   {family: dsaKey, bits: 87, bytes: mldsa.PrivateKeySize, uses: one(SignVerify, AlgMLDSA)},
	MLKEM512:  {family: kemKey, bits: 512, bytes: mlkem.SeedSize, uses: one(EncapsulateDecapsulate, AlgMLKEM)},
	MLKEM768:  {family: kemKey, bits: 768, bytes: mlkem.SeedSize, uses: one(EncapsulateDecapsulate, AlgMLKEM)},
	MLKEM1024: {family: kemKey, bits: 1024, bytes: mlkem.SeedSize, uses: one(EncapsulateDecapsulate, AlgMLKEM)},
	Ed25519:   {family: edKey, uses: one(SignVerify, AlgEd25519, AlgEd25519ph), pairs: true},
	HMAC224:   {family: hmacKey, bytes: 28, uses: one(MACUsage, AlgHMAC224)},
	HMAC256:   {family: hmacKey, bytes: 32, uses: one(MACUsage, AlgHMAC256)},
	HMAC384:   {family: hmacKey, bytes: 48, uses: one(MACUsage, AlgHMAC384)},
	HMAC512:   {family: hmacKey, bytes: 64, uses: one(MACUsage, AlgHMAC512)},
}

var rsaUses = []specUse{
	{EncryptDecrypt, []Algorithm{AlgOAEPSHA1, AlgOAEPSHA256}},
	{SignVerify, []Algorithm{
		AlgPKCS1SHA256, AlgPKCS1SHA384, AlgPKCS1SHA512, AlgPSSSHA256, AlgPSSSHA384, AlgPSSSHA512,
	}},
}

func one(usage KeyUsage, algorithms ...Algorithm) []specUse {
	return []specUse{{usage, algorithms}}
}

func nistUses(ecdsa Algorithm) []specUse {
	return []specUse{{SignVerify, []Algorithm{ecdsa}}, {KeyAgreement, []Algorithm{AlgECDH}}}
}

// secret reports whether keys of this spec have no public half.
func (s *specInfo) secret() bool { return s.family == symmetricKey || s.family == hmacKey }

// algorithms lists what a key of this spec and usage can do, or nil if the two
// do not go together.
func (s *specInfo) algorithms(usage KeyUsage) []Algorithm {
	for _, u := range s.uses {
		if u.usage == usage {
			return u.algorithms
		}
	}
	return nil
}

// padding is how an algorithm lays out its message.
type padding uint8

const (
	noPadding padding = iota
	oaep
	pkcs1
	pss
)

// algorithmInfo is one row of the table of algorithms.
type algorithmInfo struct {
	hash    crypto.Hash
	padding padding
}

// algorithmTable gives each algorithm that hashes its hash and padding.
var algorithmTable = map[Algorithm]algorithmInfo{
	AlgOAEPSHA1:    {crypto.SHA1, oaep},
	AlgOAEPSHA256:  {crypto.SHA256, oaep},
	AlgPKCS1SHA256: {crypto.SHA256, pkcs1},
	AlgPKCS1SHA384: {crypto.SHA384, pkcs1},
	AlgPKCS1SHA512: {crypto.SHA512, pkcs1},
	AlgPSSSHA256:   {crypto.SHA256, pss},
	AlgPSSSHA384:   {crypto.SHA384, pss},
	AlgPSSSHA512:   {crypto.SHA512, pss},
	AlgECDSASHA256: {crypto.SHA256, noPadding},
	AlgECDSASHA384: {crypto.SHA384, noPadding},
	AlgECDSASHA512: {crypto.SHA512, noPadding},
	AlgEd25519:     {crypto.SHA512, noPadding},
	AlgEd25519ph:   {crypto.SHA512, noPadding},
	AlgHMAC224:     {crypto.SHA224, noPadding},
	AlgHMAC256:     {crypto.SHA256, noPadding},
	AlgHMAC384:     {crypto.SHA384, noPadding},
	AlgHMAC512:     {crypto.SHA512, noPadding},
}

// oaepMaxBytes is the longest message that OAEP takes: RFC 8017, section 7.1.1.
func oaepMaxBytes(modulusBits int, h crypto.Hash) int {
	return modulusBits/8 - 2*h.Size() - 2
}

// pssOptions are those of KMS: the salt is as long as the hash.
func pssOptions(h crypto.Hash) *rsa.PSSOptions {
	return &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
}

// permits reports whether algorithm is one that the key was made for.
func (k *key) permits(algorithm Algorithm) bool {
	return slices.Contains(k.algorithms, algorithm)
}
