package sigv4

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"strings"
)

// AlgorithmECDSA names Signature Version 4A: the client signs with a P-256 key
// that it derives from its secret, and the scope has no region. For which regions
// the signature is good stands in X-Amz-Region-Set.
const AlgorithmECDSA = "AWS4-ECDSA-P256-SHA256"

const (
	maxRegionSetBytes = 512
	// maxECDSABytes is the longest signature on P-256 in DER.
	maxECDSABytes = 72
)

// Asymmetric reports whether the scope is one of Signature Version 4A, the only
// one without a region.
func (s Scope) Asymmetric() bool { return s.Region == "" }

func (a *Auth) algorithm() string {
	if a.Scope.Asymmetric() {
		return AlgorithmECDSA
	}
	return Algorithm
}

// derivePublicKey returns the key that verifies what the access key's secret
// signs by Signature Version 4A. It is the same for every day and service.
//
// A candidate is 256 bits of the counter-mode KDF of NIST SP 800-108 over
// HMAC-SHA-256; the first one below the group's order less one, plus one, is the
// private key (FIPS 186-4, B.4.2):
//
//	HMAC("AWS4A" secret, 00000001 "AWS4-ECDSA-P256-SHA256" 00 access key id, try 00000100)
//
// Source: AWS IAM User Guide, "AWS Signature Version 4 for API requests",
// "Create a signed AWS API request", SigV4a.
func derivePublicKey(secret []byte, accessKeyID string) *ecdsa.PublicKey {
	input := append(append(make([]byte, 0, 5+len(secret)), "AWS4A"...), secret...)
	defer clear(input)
	mac := hmac.New(sha256.New, input)
	var number [4]byte
	candidate := make([]byte, 0, sha256.Size)
	defer clear(candidate[:sha256.Size])
	for try := 1; try < 255; try++ {
		mac.Reset()
		binary.BigEndian.PutUint32(number[:], 1)
		mac.Write(number[:])
		io.WriteString(mac, AlgorithmECDSA+"\x00"+accessKeyID)
		mac.Write([]byte{byte(try)})
		binary.BigEndian.PutUint32(number[:], 256)
		mac.Write(number[:])
		candidate = mac.Sum(candidate[:0])
		increment(candidate)
		// It refuses zero, which is what the largest candidate has become, and the
		// order and above.
		if key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), candidate); err == nil {
			return &key.PublicKey
		}
	}
	panic("sigv4: no candidate is a private key") // each fails with a chance of 2^-32
}

// increment adds one to a big-endian number, in constant time.
func increment(n []byte) {
	carry := uint16(1)
	for i := len(n) - 1; i >= 0; i-- {
		sum := uint16(n[i]) + carry
		n[i], carry = byte(sum), sum>>8
	}
}

// verifyECDSA reports whether signature, in hexadecimal, is one of toSign.
func verifyECDSA(key *ecdsa.PublicKey, toSign []byte, signature string) bool {
	if len(signature) > 2*maxECDSABytes {
		return false
	}
	var der [maxECDSABytes]byte
	n, err := hex.Decode(der[:], []byte(signature))
	if err != nil {
		return false
	}
	sum := sha256.Sum256(toSign)
	return ecdsa.VerifyASN1(key, sum[:], der[:n])
}

// setRegionSet keeps a list of regions in which '*' stands for any characters.
func (a *Auth) setRegionSet(set string) error {
	if set == "" {
		return a.malformed("Region-Set", Missing)
	}
	if len(set) > maxRegionSetBytes {
		return a.malformed("Region-Set", TooLarge)
	}
	for region := range strings.SplitSeq(set, ",") {
		region = strings.TrimSpace(region)
		if region == "" {
			return a.malformed("Region-Set", Malformed)
		}
		for i := range len(region) {
			if c := region[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '*' {
				return a.malformed("Region-Set", Malformed)
			}
		}
	}
	a.RegionSet = set
	return nil
}

// inRegionSet reports whether a signature is good in the region. A '*' ends its
// pattern.
func (a *Auth) inRegionSet(region string) bool {
	for pattern := range strings.SplitSeq(a.RegionSet, ",") {
		pattern = strings.TrimSpace(pattern)
		prefix, open := strings.CutSuffix(pattern, "*")
		if pattern == region || open && strings.HasPrefix(region, prefix) {
			return true
		}
	}
	return false
}
