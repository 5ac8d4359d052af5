package iam_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"testing"
	"time"
)

// totp is the code that an authenticator app shows at a time.
//
// Source: RFC 6238.
func totp(t *testing.T, base32Seed []byte, at time.Time) string {
	t.Helper()
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(base32Seed))
	if err != nil {
		t.Fatal(err)
	}
	m := hmac.New(sha1.New, seed)
	m.Write(binary.BigEndian.AppendUint64(nil, uint64(at.Unix()/30)))
	sum := m.Sum(nil)
	at4 := sum[19] & 0xf
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at4:])&0x7fffffff%1_000_000)
}

// publicKey is RSA of 2048 bits; its private half is not kept.
const publicKey = `-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAwV4amQbrpESApcBLwNtp
FSi8M/Mch5Xxihb+QFf0oZqJBcYioryqDk7EbFY8YorClwz6r3NrL5L3aOZBMRIJ
NQadPkKc5IUHn6tBkKkP7sgAhD8uZyDwJuM7+VUwax/zxLWZQ6Rq1Pz91vxdfBSz
bJ7r0R23ER2Ihq/NMHubfThXN/Wlltr6bwlxsmLMflctlzk+g6IMF5IOJpUkordL
UuxGEI8L3c5f+6SsorP0UuWLqgBjbh4agr29I6p6MPBHqOVoTKX7NnX4C2QxeuuT
HnSdfYG1pRYpf5zuNJQKjBoMCx3fG67sQFKqjeGSXp9+j7K/rKX4aOppEeaPm6gH
2QIDAQAB
-----END PUBLIC KEY-----
`
