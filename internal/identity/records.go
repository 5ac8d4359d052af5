package identity

import (
	"encoding/binary"
	"errors"

	"github.com/keyfront-project/keyfront/internal/arn"
)

// storedKey is the record of an access key.
//
//	0   1   format version, 1
//	1   12  account
//	13  8   version of the secret, big-endian
//	21  …   secret, wrapped with purpose "access-key" and the key id as name
type storedKey struct {
	account arn.AccountID
	version uint64
	wrapped []byte
}

const (
	keyFormat      = 1
	accountBytes   = 12
	keyHeaderBytes = 1 + accountBytes + 8
)

var errRecordFormat = errors.New("identity: record of an unknown format")

func (k storedKey) encode() []byte {
	b := make([]byte, 0, keyHeaderBytes+len(k.wrapped))
	b = append(b, keyFormat)
	b = append(b, k.account...)
	b = binary.BigEndian.AppendUint64(b, k.version)
	return append(b, k.wrapped...)
}

func decodeKey(b []byte) (storedKey, error) {
	if len(b) < keyHeaderBytes || b[0] != keyFormat {
		return storedKey{}, errRecordFormat
	}
	return storedKey{
		account: arn.AccountID(b[1 : 1+accountBytes]),
		version: binary.BigEndian.Uint64(b[1+accountBytes : keyHeaderBytes]),
		wrapped: b[keyHeaderBytes:],
	}, nil
}
