package delivery

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// KeyValueStore is a store of pairs that functions read; package keyvalue keeps
// the pairs.
type KeyValueStore struct {
	Meta
	Name, Comment string
	Tags          map[string]string `json:",omitempty"`
}

// ARN is the store's name in policies, and for functions.
func (k *KeyValueStore) ARN() string { return keyvalue.ARN(k.Account, keyvalue.ID(k.ID)) }

// Ready is the status of every store: its pairs are there before anyone can ask.
const Ready = "READY"

// KeyValueStoreConfig is a store that is to be made.
type KeyValueStoreConfig struct {
	Name, Comment string
	// Import is the ARN of an object with the first pairs, in the form of
	// keyvalue.ReadImport; empty for none.
	Import string
	Tags   map[string]string
}

// Objects are the buckets that pairs may come from.
type Objects interface {
	// Object opens an object for a caller that may read it and locate its bucket.
	// An error's text goes to the caller.
	Object(ctx context.Context, who access.Caller, bucket, key string) (io.ReadCloser, error)
}

func checkStore(name, comment string) error {
	switch {
	case !functionName.MatchString(name):
		return refuse(ErrInvalid, "The parameter Name must have 1 to 64 letters, digits, hyphens and underscores.")
	case len(comment) > maxCommentBytes || hasControl(comment):
		return refuse(ErrInvalid, "The parameter Comment has at most %d characters, none of them a control character.", maxCommentBytes)
	}
	return nil
}

// CreateKeyValueStore keeps a store, with the pairs of an object that the caller
// may read or with none. With tags it wants the permission for TagResource as
// well. Names are unique: ErrKeyValueStoreExists. ErrImportSize is about the object.
//
// Source: CloudFront API Reference, CreateKeyValueStore.
func (s *Service) CreateKeyValueStore(ctx context.Context, who access.Caller, c KeyValueStoreConfig) (_ *KeyValueStore, err error) {
	call := s.cfg.Gate.Begin(who, "cloudfront:CreateKeyValueStore")
	defer call.End(ctx, &err)
	call.Note("name", c.Name)
	n := name{kindStore, who.Account(), newUUID()}
	if err := decideTagged(call, s.target(name{kindStore, n.account, "*"}), c.Tags); err != nil {
		return nil, err
	}
	if err := checkStore(c.Name, c.Comment); err != nil {
		return nil, err
	}
	if err := checkTags(&who, c.Tags); err != nil {
		return nil, err
	}
	pairs, err := s.readImport(ctx, who, c.Import)
	if err != nil {
		return nil, err
	}
	call.NoteAnswer("id", n.id)
	var made *KeyValueStore
	err = s.change(ctx, call, func(t *txn) error {
		if err := t.claim(nameKey(n.account, kindStore, c.Name), n.id, ErrKeyValueStoreExists); err != nil {
			return err
		}
		if err := t.count(n.account, kindStore, 1, s.cfg.Quotas.KeyValueStores, ErrTooManyKeyValueStores); err != nil {
			return err
		}
		t.also = func(w store.Writer) error {
			return keyvalue.Create(w, n.account, keyvalue.ID(n.id), pairs, t.now)
		}
		made = &KeyValueStore{Meta: Meta{ETag: newID("E")}, Name: c.Name, Comment: c.Comment, Tags: c.Tags}
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// readImport reads the pairs of the object with that ARN.
func (s *Service) readImport(ctx context.Context, who access.Caller, objectARN string) ([]keyvalue.Pair, error) {
	if objectARN == "" {
		return nil, nil
	}
	if s.cfg.Objects == nil {
		return nil, unsupported("ImportSource")
	}
	a, err := arn.Parse(objectARN)
	bucket, key, ok := strings.Cut(a.Resource, "/")
	if err != nil || a.Service != "s3" || a.Region != "" || a.Account != "" || !ok || bucket == "" || key == "" {
		return nil, refuse(ErrInvalid, "The parameter ImportSource.SourceARN is not the ARN of an S3 object.")
	}
	object, err := s.cfg.Objects.Object(ctx, who.Through("cloudfront"), bucket, key)
	if err != nil {
		return nil, refuse(ErrInvalid, "The import source cannot be read: %v", err)
	}
	defer object.Close()
	pairs, err := keyvalue.ReadImport(object)
	switch {
	case errors.Is(err, keyvalue.ErrImportSize):
		return nil, ErrImportSize
	case errors.Is(err, keyvalue.ErrInvalid):
		return nil, refuse(ErrInvalid, "The import source is not valid. %v", err)
	}
	return pairs, err
}

// storeNamed returns the place of the caller's store of that name; its id is "*" if
// there is none, so that a decision can come before the answer.
func (s *Service) storeNamed(account arn.AccountID, called string) name {
	n := name{kindStore, account, "*"}
	s.mu.RLock()
	defer s.mu.RUnlock()
	for id, o := range s.shelves[kindStore][account] {
		if o.(*KeyValueStore).Name == called {
			n.id = id
		}
	}
	return n
}

// DescribeKeyValueStore returns the store of that name, or ErrNoKeyValueStore.
//
// Source: CloudFront API Reference, DescribeKeyValueStore.
func (s *Service) DescribeKeyValueStore(ctx context.Context, who access.Caller, called string) (*KeyValueStore, error) {
	return get[*KeyValueStore](ctx, s, who, "cloudfront:DescribeKeyValueStore", kindStore, s.storeNamed(who.Account(), called).id, ErrNoKeyValueStore)
}

// ListKeyValueStores returns the caller's stores of a status, or all for "".
//
// Source: CloudFront API Reference, ListKeyValueStores.
func (s *Service) ListKeyValueStores(ctx context.Context, who access.Caller, status string, p Page) (*List[*KeyValueStore], error) {
	all, err := list[*KeyValueStore](ctx, s, who, "cloudfront:ListKeyValueStores", kindStore, p)
	if err == nil && status != "" && status != Ready {
		all.Items, all.Next = nil, ""
	}
	return all, err
}

// UpdateKeyValueStore replaces the comment.
//
// Source: CloudFront API Reference, UpdateKeyValueStore.
func (s *Service) UpdateKeyValueStore(ctx context.Context, who access.Caller, called, version, comment string) (_ *KeyValueStore, err error) {
	var made *KeyValueStore
	err = s.changeStore(ctx, who, "UpdateKeyValueStore", called, func(t *txn, n name, old *KeyValueStore) error {
		if err := matchVersion(version, old.ETag); err != nil {
			return err
		}
		if err := checkStore(called, comment); err != nil {
			return err
		}
		made = &KeyValueStore{Meta: old.Meta, Name: old.Name, Comment: comment, Tags: old.Tags}
		made.ETag = newID("E")
		return t.put(n, made)
	})
	if err != nil {
		return nil, err
	}
	return made, nil
}

// DeleteKeyValueStore removes a store and its pairs, or returns
// ErrKeyValueStoreInUse if a function is associated with it.
//
// Source: CloudFront API Reference, DeleteKeyValueStore.
func (s *Service) DeleteKeyValueStore(ctx context.Context, who access.Caller, called, version string) error {
	return s.changeStore(ctx, who, "DeleteKeyValueStore", called, func(t *txn, n name, old *KeyValueStore) error {
		if err := t.unused(n, version, ErrKeyValueStoreInUse, old); err != nil {
			return err
		}
		t.release(nameKey(n.account, kindStore, old.Name))
		t.delete(n)
		t.also = func(w store.Writer) error { return keyvalue.Remove(w, keyvalue.ID(n.id)) }
		return t.count(n.account, kindStore, -1, 0, nil)
	})
}

// changeStore finds the store of that name, and changes it.
func (s *Service) changeStore(ctx context.Context, who access.Caller, operation, called string, change func(t *txn, n name, old *KeyValueStore) error) (err error) {
	call := s.cfg.Gate.Begin(who, policy.Action("cloudfront:"+operation))
	defer call.End(ctx, &err)
	call.Note("name", called)
	n := s.storeNamed(who.Account(), called)
	if err := s.decide(call, n); err != nil {
		return err
	}
	return s.change(ctx, call, func(t *txn) error {
		old, err := lookup[*KeyValueStore](t, n, ErrNoKeyValueStore)
		if err != nil {
			return err
		}
		return change(t, n, old)
	})
}

// checkStores wants at most one store, and a runtime that can read it.
//
// Source: CloudFront Developer Guide, "Quotas on key value stores".
func (c *FunctionConfig) checkStores() error {
	switch {
	case len(c.Stores) == 0:
		return nil
	case len(c.Stores) > 1:
		return refuse(ErrInvalid, "A function has at most one key value store associated with it.")
	case c.Runtime != string(function.CloudFrontJS2):
		return refuse(ErrInvalid, "KeyValueStoreAssociations need the runtime cloudfront-js-2.0.")
	}
	return nil
}

// stores are the places of the stores that a stage of the function reads.
func (f *EdgeFunction) stores(account arn.AccountID) []name {
	if f == nil {
		return nil
	}
	all := slices.Clone(f.Development.Config.Stores)
	if f.Live != nil {
		all = append(all, f.Live.Config.Stores...)
	}
	var names []name
	for _, of := range all {
		owner, id, ok := keyvalue.ParseARN(of)
		if n := (name{kindStore, owner, string(id)}); ok && owner == account && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}

// putFunction stores a function in place of old, nil for a new one, and what it
// refers to.
func (t *txn) putFunction(n name, old, f *EdgeFunction) error {
	for _, of := range f.Development.Config.Stores {
		owner, id, ok := keyvalue.ParseARN(of)
		missing := refuse(ErrInvalid, "There is no key value store %.128q in this account.", of)
		if !ok || owner != n.account {
			return missing
		}
		if _, err := lookup[*KeyValueStore](t, name{kindStore, owner, string(id)}, missing); err != nil {
			return err
		}
	}
	over := refuse(ErrInvalid, "At most %d functions can be associated with one key value store.", functionsPerStore)
	if err := t.link(n.id, old.stores(n.account), f.stores(n.account), functionsPerStore, over); err != nil {
		return err
	}
	return t.put(n, f)
}

// functionsPerStore is how many functions one store can be associated with.
const functionsPerStore = 10

// keyValues are the stores of a function's stage, for its Spec.
func (s *Service) keyValues(c *FunctionConfig) (all map[string]function.KeyValues, first string) {
	all = make(map[string]function.KeyValues)
	for _, of := range c.Stores {
		if _, id, ok := keyvalue.ParseARN(of); ok {
			first = string(id)
			all[first] = keyvalue.For(s.cfg.Records, id)
		}
	}
	return all, first
}
