package keyring

import (
	"context"
	"encoding/base64"
	"fmt"
	"iter"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Page says which part of a listing to return.
type Page struct {
	// Limit is the most items to return; 0 is the listing's default.
	Limit int
	// Marker is empty, or the Next of the page before.
	Marker string
}

// Listing is one page of a listing.
type Listing[T any] struct {
	Items []T
	// Next is the marker of the next page, empty on the last one.
	Next string
}

func (p *Page) check(most, usual int) error {
	if p.Limit == 0 {
		p.Limit = usual
	}
	if p.Limit < 1 || p.Limit > most {
		return outOfRange("limit", p.Limit, 1, most)
	}
	return nil
}

// KeyName is a key as listings show it.
type KeyName struct {
	ID  KeyID
	ARN string
}

// opListKeys is not about one key, and so not in the table of states.
const opListKeys = operation(len(operations))

var errMarker = fail(ErrInvalidMarker, "The marker is not valid.")

// markerPurpose is what markers are sealed for. The name binds them to the
// listing that gave them.
const markerPurpose = "list marker"

func markerName(op operation, filter string) string { return fmt.Sprintf("%d/%s", op, filter) }

// marker seals where a listing stopped: nobody can make one up, and one works
// only with the listing, the account, the region and the filter that gave it.
func (r *Ring) marker(op operation, filter, last string) string {
	sealedMarker := r.domain.Wrap(markerPurpose, markerName(op, filter), sealed.NewSecret([]byte(last)))
	return base64.StdEncoding.EncodeToString(sealedMarker)
}

// openMarker returns where the listing goes on; "" is its beginning.
func (r *Ring) openMarker(op operation, filter, marker string) (last string, err error) {
	if marker == "" {
		return "", nil
	}
	blob, err := base64.StdEncoding.DecodeString(marker)
	if err == nil {
		var opened sealed.Secret
		if opened, err = r.domain.Unwrap(markerPurpose, markerName(op, filter), blob); err == nil {
			return string(opened.Reveal()), nil
		}
	}
	return "", errMarker
}

// Keys lists the keys of the caller's account and region, in order of their ids.
// A page has 1 to 1000 keys, 100 by default.
//
// Source: AWS KMS API Reference, ListKeys.
func (r *Ring) Keys(ctx context.Context, who access.Caller, page Page) (out Listing[KeyName], err error) {
	r.calls.Add(1)
	call := r.gate.Begin(who, "kms:ListKeys")
	defer call.End(ctx, &err)
	if err := page.check(1000, 100); err != nil {
		return out, err
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	own := realm{who.Account(), who.Region}
	last, err := r.openMarker(opListKeys, own.prefix(), page.Marker)
	if err != nil {
		return out, err
	}
	now := r.clock.Now()
	for id := range r.index.order(own).after(KeyID(last)) {
		k := r.index.key(own.region, id)
		if k == nil || k.gone(now) {
			continue
		}
		if len(out.Items) == page.Limit {
			out.Next = r.marker(opListKeys, own.prefix(), string(out.Items[page.Limit-1].ID))
			break
		}
		out.Items = append(out.Items, KeyName{id, k.arn})
	}
	return out, nil
}

// after is the part of a prefix that follows the key prefix+last.
func after(prefix, last string) store.Range {
	r := store.Prefix(prefix)
	if last != "" {
		r = r.After(prefix + last)
	}
	return r
}

// Aliases lists the aliases of the caller's account and region in order of their
// names, or with a key id or ARN those of one key. A page has 1 to 100 aliases,
// 50 by default.
//
// Source: AWS KMS API Reference, ListAliases.
func (r *Ring) Aliases(ctx context.Context, who access.Caller, ref string, page Page) (out Listing[Alias], err error) {
	call := r.begin(&who, opListAliases)
	defer call.End(ctx, &err)
	if ref != "" {
		call.Note("keyId", ref)
	}
	if err := page.check(100, 50); err != nil {
		return out, err
	}
	filter := realm{who.Account(), who.Region}.prefix()
	var of *key
	if ref != "" {
		t, err := r.resolve(&who, opListAliases, ref)
		if err != nil {
			return out, err
		}
		if of = t.key; of == nil {
			return out, orElse(t.missing, fail(ErrNotFound, "Key '%s' does not exist", t.arn))
		}
		filter += string(of.id)
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	last, err := r.openMarker(opListAliases, filter, page.Marker)
	if err != nil {
		return out, err
	}
	err = r.records.View(ctx, func(tx store.Reader) error {
		out = Listing[Alias]{}
		for a, err := range r.aliases(tx, realm{who.Account(), who.Region}, of, last) {
			if err != nil {
				return err
			}
			if len(out.Items) == page.Limit {
				out.Next = r.marker(opListAliases, filter, out.Items[page.Limit-1].Name)
				return nil
			}
			out.Items = append(out.Items, a)
		}
		return nil
	})
	return out, err
}

// aliases walks the aliases after last: those of one key, or all of the realm
// whose keys are not gone.
func (r *Ring) aliases(tx store.Reader, m realm, of *key, last string) iter.Seq2[Alias, error] {
	return func(yield func(Alias, error) bool) {
		if of != nil {
			for _, name := range of.Aliases {
				if name <= last {
					continue
				}
				rec, err := getAlias(tx, m, name)
				if isNotFound(err) || err == nil && rec.Target != of.id {
					continue // moved since the snapshot was taken
				}
				if err != nil {
					yield(Alias{}, err)
					return
				}
				if !yield(rec.alias(m, name), nil) {
					return
				}
			}
			return
		}
		now := r.clock.Now()
		for rec, err := range tx.Scan(aliasSpace, after(m.prefix(), last)) {
			body := new(aliasRecord)
			if err == nil {
				err = decode(aliasSpace, rec.Key, rec.Value, body)
			}
			if err != nil {
				yield(Alias{}, err)
				return
			}
			if k := r.index.key(m.region, body.Target); k != nil && k.gone(now) {
				continue
			}
			if !yield(body.alias(m, rec.Key[len(m.prefix()):]), nil) {
				return
			}
		}
	}
}

func orElse(err, otherwise error) error {
	if err != nil {
		return err
	}
	return otherwise
}

// Random returns sizeBytes random bytes, 1 to MaxRandomBytes.
//
// Source: AWS KMS API Reference, GenerateRandom.
func (r *Ring) Random(ctx context.Context, who access.Caller, sizeBytes int) (out sealed.Secret, err error) {
	r.calls.Add(1)
	call := r.gate.Begin(who, "kms:GenerateRandom")
	defer call.End(ctx, &err)
	if sizeBytes < 1 || sizeBytes > MaxRandomBytes {
		return out, outOfRange("numberOfBytes", sizeBytes, 1, MaxRandomBytes)
	}
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	return sealed.RandomSecret(sizeBytes), nil
}
