// Package signedurl signs, verifies and explains CloudFront URLs and cookies.
//
// A backend makes a [Signer] from a private key and calls Sign or Cookies. A
// server that admits viewers calls [Verify], or keeps a [Verifier], which does
// the same and remembers what it has verified. Both answer with a [Result]:
// to the viewer the 403 body that CloudFront would send, to the owner a
// [Reason] that names the byte, the clock or the address at fault. [Explain]
// goes further, for the owner who asks: it finds the mistake behind a rejection.
//
// Signatures are over bytes, so everything here works on the raw request: paths
// and queries are never decoded, cleaned or re-encoded. Who routes a request by
// another spelling of its path than the one verified here opens a hole.
//
// Keys are RSA of 2048 bits (PKCS #1 v1.5) or ECDSA P-256 (ASN.1), hashes are
// SHA-1, the protocol's default, and SHA-256.
//
// The package imports the standard library only and keeps no global state.
// Where AWS documents no behaviour, the choice stands in the comment of the
// function that makes it.
//
// Source: Amazon CloudFront Developer Guide, "Serve private content with signed
// URLs and signed cookies".
package signedurl
