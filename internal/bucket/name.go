package bucket

import (
	"net/netip"
	"strings"
	"unicode/utf8"
)

const (
	// MaxKeyBytes is the longest object key, in bytes of UTF-8.
	MaxKeyBytes = 1024
	// MaxMetadataBytes bounds the names and values of user metadata together.
	MaxMetadataBytes = 2048
)

// validName reports whether name may be a bucket's: 3 to 63 characters of
// [a-z0-9.-] that begin and end with a letter or digit, without "..", not in
// the form of an IPv4 address, and without the prefixes and suffixes that AWS
// keeps for itself.
//
// Source: Amazon S3 User Guide, "General purpose bucket naming rules".
func validName(name string) bool {
	if len(name) < 3 || len(name) > 63 {
		return false
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9':
		case c == '-', c == '.':
			if i == 0 || i == len(name)-1 || c == '.' && name[i-1] == '.' {
				return false
			}
		default:
			return false
		}
	}
	for _, p := range []string{"xn--", "sthree-", "amzn-s3-demo-"} {
		if strings.HasPrefix(name, p) {
			return false
		}
	}
	for _, s := range []string{"-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"} {
		if strings.HasSuffix(name, s) {
			return false
		}
	}
	_, err := netip.ParseAddr(name)
	return err != nil
}

// checkKey bounds an object key. Nothing in it is ever normalised.
func checkKey(key string) error {
	switch {
	case key == "" || !utf8.ValidString(key):
		return ErrInvalidKey
	case len(key) > MaxKeyBytes:
		return &KeyTooLongError{Bytes: len(key)}
	}
	return nil
}
