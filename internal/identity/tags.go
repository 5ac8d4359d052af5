package identity

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
)

// tagged decides about an entity that has tags and returns it. own wants one
// that the caller can change.
func (a *Admin) tagged(call *access.Call, who *access.Caller, ref Ref, own bool) (entity, error) {
	switch ref.Kind {
	case KindUser:
		return admit[*User](a, call, who, ref.Name)
	case KindRole:
		return admit[*Role](a, call, who, ref.Name)
	case KindProfile:
		return admit[*Profile](a, call, who, ref.Name)
	case KindDevice:
		return a.device(call, who, ref.Name)
	default:
		return a.managed(call, who, ref.Name, own)
	}
}

// Tag puts tags on a user, role, managed policy, instance profile or MFA device,
// or replaces their values. It returns ErrInvalidInput about tags that name a key
// twice, or one of AWS's.
//
// Source: IAM API Reference, TagUser, TagRole and so on.
func (a *Admin) Tag(ctx context.Context, who access.Caller, ref Ref, tags []Tag) (err error) {
	call := a.begin(&who, action("iam:Tag"+string(ref.Kind)), note{ref.member(), ref.Name})
	defer call.End(ctx, &err)
	for _, t := range tags {
		call.Note("tag/"+t.Key, t.Value)
	}
	call.RequestTags(tags)
	return a.retag(ctx, call, &who, ref, func(have []Tag) ([]Tag, error) { return checkTags(&who, have, tags) })
}

// Untag removes tags by their keys; absent ones are no error.
func (a *Admin) Untag(ctx context.Context, who access.Caller, ref Ref, keys []string) (err error) {
	call := a.begin(&who, action("iam:Untag"+string(ref.Kind)), note{ref.member(), ref.Name}, note{"tagKeys", strings.Join(keys, ",")})
	defer call.End(ctx, &err)
	if len(keys) > MaxTags {
		return invalid("tagKeys", "["+strings.Join(keys, ", ")+"]", "have length less than or equal to "+strconv.Itoa(MaxTags))
	}
	call.Keys.SetList("aws:TagKeys", keys)
	return a.retag(ctx, call, &who, ref, func(have []Tag) ([]Tag, error) {
		if slices.ContainsFunc(keys, who.ReservedTag) {
			return nil, errReservedTag
		}
		return slices.DeleteFunc(slices.Clone(have), func(t Tag) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
		}), nil
	})
}

func (a *Admin) retag(ctx context.Context, call *access.Call, who *access.Caller, ref Ref, fn func(have []Tag) ([]Tag, error)) error {
	e, err := a.tagged(call, who, ref, true)
	if err != nil {
		return err
	}
	at := placeOfEntity(e)
	return a.change(ctx, call, who, func(t *txn) error {
		now := t.get(at)
		if now == nil {
			return notFound(ref.Kind, ref.Name)
		}
		next := cloneTagged(now)
		var err error
		if next.meta().Tags, err = fn(now.meta().Tags); err != nil {
			return err
		}
		t.put(next)
		return nil
	})
}

// Tags lists the tags of an entity in the order of their keys.
func (a *Admin) Tags(ctx context.Context, who access.Caller, ref Ref, page Page) (_ List[Tag], err error) {
	call := a.begin(&who, action("iam:List"+string(ref.Kind)+"Tags"), note{ref.member(), ref.Name})
	defer call.End(ctx, &err)
	e, err := a.tagged(call, &who, ref, false)
	if err != nil {
		return List[Tag]{}, err
	}
	return paginate(e.meta().Tags, func(t Tag) string { return t.Key }, page)
}
