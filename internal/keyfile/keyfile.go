// Package keyfile reads asymmetric keys from files as people have them: PEM or
// DER, in the forms that openssl and the aws CLI write. It reads at most MaxBytes,
// never guesses, and says about a key that it cannot use what to do with it. No key
// shares memory with the text, which the caller may wipe.
//
// Sources: RFC 7468, RFC 5280 (SubjectPublicKeyInfo, certificates), RFC 5958
// (PKCS #8), RFC 8017 (PKCS #1), RFC 5915 (SEC 1).
package keyfile

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
)

// MaxBytes bounds the text of a key.
const MaxBytes = 64 << 10

var (
	// ErrFormat says that a text holds no key of the wanted kind.
	ErrFormat = errors.New("no such key in the file")
	// ErrEncrypted says that a private key is under a passphrase.
	ErrEncrypted = errors.New("the private key is encrypted; decrypt it first: openssl pkey -in FILE -out PLAINFILE")
	// ErrPrivate says that there is a private key where a public one is wanted.
	ErrPrivate = errors.New("this is a private key; write its public half: openssl pkey -in FILE -pubout -out PUBLICFILE")
	// ErrPublic says that there is a public key where a private one is wanted.
	ErrPublic = errors.New("this is a public key; its private half is wanted")
)

// ParsePublic reads a public key: a SubjectPublicKeyInfo, a PKCS #1 public key or a
// certificate, whose dates and issuer are not looked at. It returns an
// *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey or *ecdh.PublicKey, or
// ErrFormat, or ErrPrivate.
func ParsePublic(text []byte) (crypto.PublicKey, error) {
	block, err := single(text)
	if err != nil {
		return nil, err
	}
	switch {
	case strings.HasSuffix(block.Type, "PRIVATE KEY"):
		return nil, ErrPrivate
	case block.Type == "PUBLIC KEY":
		return public(x509.ParsePKIXPublicKey(block.Bytes))
	case block.Type == "RSA PUBLIC KEY":
		key, err := x509.ParsePKCS1PublicKey(block.Bytes)
		return public(key, err)
	case block.Type == "CERTIFICATE":
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrFormat, err)
		}
		// A key that the library does not know is nil, and no error.
		if cert.PublicKey == nil {
			return nil, fmt.Errorf("%w: the certificate's public key is of an unknown kind", ErrFormat)
		}
		return cert.PublicKey, nil
	case block.Type != "":
		return nil, fmt.Errorf("%w: PEM type %q is no public key", ErrFormat, block.Type)
	}
	if key, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
		return key, nil
	}
	if _, err := privateDER(block.Bytes); err == nil {
		return nil, ErrPrivate
	}
	return nil, fmt.Errorf("%w: neither PEM nor a public key in DER", ErrFormat)
}

func public(key crypto.PublicKey, err error) (crypto.PublicKey, error) {
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrFormat, err)
	}
	return key, nil
}

// ParsePrivate reads a private key: PKCS #8, PKCS #1 or SEC 1. It returns an
// *rsa.PrivateKey, *ecdsa.PrivateKey, ed25519.PrivateKey or *ecdh.PrivateKey, or
// ErrFormat, ErrEncrypted or ErrPublic.
func ParsePrivate(text []byte) (crypto.PrivateKey, error) {
	block, err := single(text)
	if err != nil {
		return nil, err
	}
	// RFC 1421 encryption stands in the headers, that of PKCS #8 in the type.
	if block.Type == "ENCRYPTED PRIVATE KEY" || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED") {
		return nil, ErrEncrypted
	}
	switch block.Type {
	case "PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "":
		key, err := privateDER(block.Bytes)
		if err == nil {
			return key, nil
		}
		if _, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			return nil, ErrPublic
		}
		return nil, err
	case "PUBLIC KEY", "RSA PUBLIC KEY", "CERTIFICATE":
		return nil, ErrPublic
	case "OPENSSH PRIVATE KEY":
		return nil, fmt.Errorf("%w: this is a key of OpenSSH; write it as PEM: ssh-keygen -p -m PEM -f COPY", ErrFormat)
	}
	return nil, fmt.Errorf("%w: PEM type %q is no private key", ErrFormat, block.Type)
}

// privateDER tries the encodings: openssl has put each of them under each name.
func privateDER(der []byte) (crypto.PrivateKey, error) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParseECPrivateKey(der); err == nil {
		return key, nil
	}
	// The library's errors tell of encodings, not of key bytes, but a private
	// key's file is no place to quote from.
	return nil, fmt.Errorf("%w: not a private key that is known here, or it is damaged", ErrFormat)
}

// single finds the one key in a text: its only PEM block beside EC PARAMETERS, or
// all of it as DER, without a Type. What stands around a block is comment, as
// RFC 7468 section 2 has it.
func single(text []byte) (*pem.Block, error) {
	if len(text) == 0 {
		return nil, fmt.Errorf("%w: it is empty", ErrFormat)
	}
	if len(text) > MaxBytes {
		return nil, fmt.Errorf("%w: it is longer than %d bytes", ErrFormat, MaxBytes)
	}
	if !bytes.Contains(text, []byte("-----BEGIN ")) {
		// Ed25519 keys keep the bytes that they were parsed from.
		return &pem.Block{Bytes: bytes.Clone(text)}, nil
	}
	var found *pem.Block
	for {
		var block *pem.Block
		block, text = pem.Decode(text)
		switch {
		case block == nil && found == nil:
			return nil, fmt.Errorf("%w: the PEM block is damaged", ErrFormat)
		case block == nil:
			return found, nil
		case block.Type == "EC PARAMETERS":
			continue
		case found != nil:
			return nil, fmt.Errorf("%w: there are several, and one is wanted", ErrFormat)
		}
		found = block
	}
}
