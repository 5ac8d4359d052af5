package keyvalue

import (
	"context"
	"encoding/base64"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Bounds of a page of List.
const (
	DefaultPage = 10
	MaxPage     = 50
)

// Describe tells about a store's pairs, or returns ErrNotFound.
//
// Source: CloudFront KeyValueStore API Reference, DescribeKeyValueStore.
func (s *Service) Describe(ctx context.Context, who access.Caller, storeARN string) (_ Description, err error) {
	call, ref, err := s.begin(who, "DescribeKeyValueStore", storeARN)
	defer call.End(ctx, &err)
	if err != nil {
		return Description{}, err
	}
	var h *head
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		h, err = ref.head(tx)
		return err
	})
	if err != nil {
		return Description{}, err
	}
	return h.describe(ref.id), nil
}

// Get returns the value of a key, or ErrNotFound about the store or the key.
//
// Source: CloudFront KeyValueStore API Reference, GetKey.
func (s *Service) Get(ctx context.Context, who access.Caller, storeARN, key string) (value string, _ Description, err error) {
	call, ref, err := s.begin(who, "GetKey", storeARN, "key", key)
	defer call.End(ctx, &err)
	if err != nil {
		return "", Description{}, err
	}
	var h *head
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		if h, err = ref.head(tx); err != nil {
			return err
		}
		var found bool
		value, found, err = get(tx, ref.id, key)
		if err == nil && !found {
			err = refuse(ErrNotFound, "The key was not found.")
		}
		return err
	})
	if err != nil {
		return "", Description{}, err
	}
	return value, h.describe(ref.id), nil
}

// List returns up to most pairs, in the order of their keys' bytes, from where
// token says on. Zero is DefaultPage; the next token is empty on the last page.
//
// Source: CloudFront KeyValueStore API Reference, ListKeys.
func (s *Service) List(ctx context.Context, who access.Caller, storeARN, token string, most int) (pairs []Pair, next string, err error) {
	call, ref, err := s.begin(who, "ListKeys", storeARN)
	defer call.End(ctx, &err)
	if err != nil {
		return nil, "", err
	}
	if most == 0 {
		most = DefaultPage
	}
	after, bad := base64.RawURLEncoding.DecodeString(token)
	switch {
	case most < 1 || most > MaxPage:
		return nil, "", refuse(ErrInvalid, "The parameter MaxResults must be 1 to %d.", MaxPage)
	case bad != nil || len(after) > MaxKeyBytes:
		return nil, "", refuse(ErrInvalid, "The parameter NextToken is not one of this service.")
	}
	prefix := pairPrefix(ref.id)
	all := store.Prefix(prefix)
	if len(after) > 0 {
		all = all.After(prefix + string(after))
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		pairs, next = nil, ""
		if _, err := ref.head(tx); err != nil {
			return err
		}
		for r, err := range tx.Scan(space, all) {
			if err != nil {
				return err
			}
			if len(pairs) == most {
				next = base64.RawURLEncoding.EncodeToString([]byte(pairs[most-1].Key))
				break
			}
			pairs = append(pairs, Pair{r.Key[len(prefix):], string(r.Value)})
		}
		return nil
	})
	return pairs, next, err
}

// For is the store as the functions that are associated with it read it. What
// associated them has decided that they may.
func For(records store.Records, id ID) function.KeyValues { return live{records, id} }

type live struct {
	records store.Records
	id      ID
}

// Get implements function.KeyValues.
func (l live) Get(ctx context.Context, key string) (value string, found bool, err error) {
	if checkKey(key) != nil {
		return "", false, nil // no store has it
	}
	err = l.records.View(ctx, func(tx store.Reader) error {
		value, found, err = get(tx, l.id, key)
		return err
	})
	return value, found, err
}

// Count implements function.KeyValues.
func (l live) Count(ctx context.Context) (int, error) {
	m, err := l.Meta(ctx)
	return m.KeyCount, err
}

// Meta implements function.KeyValues.
func (l live) Meta(ctx context.Context) (m function.KeyValuesMeta, err error) {
	err = l.records.View(ctx, func(tx store.Reader) error {
		h, err := readHead(tx, l.id)
		if err != nil {
			return err
		}
		m = function.KeyValuesMeta{Created: h.Created, Modified: h.Modified, KeyCount: h.Items}
		if m.Modified.IsZero() {
			m.Modified = h.Created
		}
		return nil
	})
	return m, err
}
