package keyvalue

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// space holds everything of this package; docs/spec/keyvalue-records.md draws it.
//
//	store/<id>        head
//	pair/<id>/<key>   the value as it is
const space store.Space = "keyvalue"

const recordVersion = 1

var errDamaged = errors.New("keyvalue: damaged record")

// head is what is known of a store's pairs together.
type head struct {
	V         int           `json:"v"`
	Account   arn.AccountID `json:"account"`
	Version   string        `json:"version"`
	Items     int           `json:"items"`
	SizeBytes int64         `json:"sizeBytes"`
	Created   time.Time     `json:"created"`
	Modified  time.Time     `json:"modified,omitzero"`
}

func headKey(id ID) string             { return "store/" + string(id) }
func pairPrefix(id ID) string          { return "pair/" + string(id) + "/" }
func pairKey(id ID, key string) string { return pairPrefix(id) + key }

// newVersion returns an ETag as the service's are.
func newVersion() string { return "KV" + rand.Text()[:13] }

func readHead(tx store.Reader, id ID) (*head, error) {
	value, err := tx.Get(space, headKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noStore()
	}
	if err != nil {
		return nil, err
	}
	h := new(head)
	if json.Unmarshal(value, h) != nil || h.V != recordVersion {
		return nil, errDamaged
	}
	return h, nil
}

// head reads the head of the store that a caller means. The decision was about the
// account that the reference has: the store of another one is not meant.
func (r reference) head(tx store.Reader) (*head, error) {
	h, err := readHead(tx, r.id)
	if err == nil && h.Account != r.account {
		return nil, noStore()
	}
	return h, err
}

func noStore() error { return refuse(ErrNotFound, "The key value store was not found.") }

func (h *head) save(tx store.Writer, id ID) error {
	value, err := json.Marshal(h)
	if err != nil {
		return err
	}
	return tx.Put(space, headKey(id), value)
}

func (h *head) describe(id ID) Description {
	return Description{
		ARN: ARN(h.Account, id), Version: h.Version, Items: h.Items, SizeBytes: h.SizeBytes, Created: h.Created, Modified: h.Modified,
	}
}

// get reads the value of a key, and reports whether there is one.
func get(tx store.Reader, id ID, key string) (string, bool, error) {
	value, err := tx.Get(space, pairKey(id, key))
	if errors.Is(err, store.ErrNotFound) {
		return "", false, nil
	}
	return string(value), err == nil, err
}

// Create makes a store with pairs, which ReadImport has checked, in the transaction
// of its owner. The id must be new.
func Create(tx store.Writer, account arn.AccountID, id ID, pairs []Pair, at time.Time) error {
	h := &head{V: recordVersion, Account: account, Version: newVersion(), Items: len(pairs), Created: at}
	for i := range pairs {
		h.SizeBytes += pairs[i].sizeBytes()
		if err := tx.Put(space, pairKey(id, pairs[i].Key), []byte(pairs[i].Value)); err != nil {
			return err
		}
	}
	return h.save(tx, id)
}

// Remove deletes a store and its pairs in the transaction of its owner.
func Remove(tx store.Writer, id ID) error {
	for r, err := range tx.Scan(space, store.Prefix(pairPrefix(id))) {
		if err != nil {
			return err
		}
		if err := tx.Delete(space, r.Key); err != nil {
			return err
		}
	}
	return tx.Delete(space, headKey(id))
}
