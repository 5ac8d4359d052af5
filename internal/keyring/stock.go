package keyring

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// pairSpace has the RSA pairs in stock: the version byte, and the pair wrapped
// under the name of its record.
//
//	kms.pair  <bits>/<32 hex digits>
const pairSpace store.Space = "kms.pair"

// pairPurpose is what pairs in stock are wrapped for.
const pairPurpose = "rsa pair"

// pairStock keeps RSA pairs in the store, so that a ring that starts has some. A
// pair leaves the store, durably, before anybody sees it: none is used twice,
// whatever crashes, and whichever nodes share the stock.
type pairStock struct {
	records store.Records
	domain  *sealed.Domain
}

func stockPrefix(bits int) string { return strconv.Itoa(bits) + "/" }

// count is how many pairs of a size are in stock.
func (s *pairStock) count(ctx context.Context, bits int) (n int, err error) {
	err = s.records.View(ctx, func(tx store.Reader) error {
		n = 0
		for _, err := range tx.Scan(pairSpace, store.Prefix(stockPrefix(bits))) {
			if err != nil {
				return err
			}
			n++
		}
		return nil
	})
	return n, err
}

func (s *pairStock) put(ctx context.Context, bits int, pair keyPair) error {
	defer pair.private.Wipe()
	name := stockPrefix(bits) + hex.EncodeToString(sealed.RandomSecret(16).Reveal())
	value := append([]byte{recordVersion}, s.domain.Wrap(pairPurpose, name, pair.private)...)
	return s.records.Update(ctx, func(tx store.Writer) error { return tx.Put(pairSpace, name, value) })
}

// take returns a pair of a size, if there is one. What is in its place but no
// pair of ours is removed.
func (s *pairStock) take(ctx context.Context, bits int) (pair keyPair, found bool, err error) {
	for {
		var rec store.Record
		err := s.records.Update(ctx, func(tx store.Writer) error {
			rec = store.Record{}
			for r, err := range tx.Scan(pairSpace, store.Prefix(stockPrefix(bits))) {
				if err != nil {
					return err
				}
				rec = r
				break
			}
			if rec.Key == "" {
				return nil
			}
			return tx.Delete(pairSpace, rec.Key)
		})
		if err != nil || rec.Key == "" {
			return keyPair{}, false, err
		}
		if pair, found = s.open(rec, bits); found {
			return pair, true, nil
		}
	}
}

func (s *pairStock) open(rec store.Record, bits int) (keyPair, bool) {
	wrapped, ok := strings.CutPrefix(string(rec.Value), string(rune(recordVersion)))
	if !ok {
		return keyPair{}, false
	}
	secret, err := s.domain.Unwrap(pairPurpose, rec.Key, []byte(wrapped))
	if err != nil {
		return keyPair{}, false
	}
	parsed, err := x509.ParsePKCS8PrivateKey(secret.Reveal())
	if err != nil {
		return keyPair{}, false
	}
	private, ok := parsed.(*rsa.PrivateKey)
	if !ok || private.N.BitLen() != bits {
		return keyPair{}, false
	}
	public, err := encodePublic(private.Public())
	return keyPair{secret, public}, err == nil
}
