package identity

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// owner is whose access keys or devices a call is about: a user, or the root
// user of the caller's account.
type owner struct {
	name string // empty for the root user
	id   string // unique id, empty for the root user
}

// owner decides about the user of that name, or the caller, and returns it.
func (a *Admin) owner(call *access.Call, who *access.Caller, name string) (owner, error) {
	name, root, err := self(who, name)
	if err != nil {
		return owner{}, err
	}
	if root {
		return owner{}, a.ask(call, who, who.Principal.ARN, nil)
	}
	u, err := admit[*User](a, call, who, name)
	if err != nil {
		return owner{}, err
	}
	return owner{u.Name, u.ID}, nil
}

// keysOf lists the access keys of an owner.
func (a *Admin) keysOf(who *access.Caller, o owner) []*Key {
	if o.id != "" {
		return among[*Key](a.reg, a.reg.belongings, o.id)
	}
	var keys []*Key
	for _, k := range list[*Key](a.reg, who.Account(), "") {
		if k.UserID == "" {
			keys = append(keys, k)
		}
	}
	return keys
}

// CreateAccessKey makes an access key for a user, or for the caller when name is
// empty. The secret cannot be had again: who lost the answer asks again with the
// same token, and the new key takes the place of the first, with its id. No token
// makes a key of its own. It returns ErrLimit about a user who has maxKeysPerUser
// already.
func (a *Admin) CreateAccessKey(ctx context.Context, who access.Caller, name, token string) (_ AccessKey, _ *Key, user string, err error) {
	call := a.begin(&who, "iam:CreateAccessKey", note{"userName", name})
	defer call.End(ctx, &err)
	o, err := a.owner(call, &who, name)
	if err != nil {
		return AccessKey{}, nil, "", err
	}
	made := newAccessKey("AKIA")
	if token != "" {
		made.ID = "AKIA" + idOf("access key "+string(who.Account())+" "+o.id+" "+token)
	}
	call.Note("accessKeyId", made.ID)
	var k *Key
	err = a.change(ctx, call, &who, func(t *txn) error {
		if o.id != "" {
			if u, err := current[*User](t, who.Account(), o.name); err != nil || u.ID != o.id {
				return notFound(KindUser, o.name)
			}
		}
		again := t.get(placeOf(KindKey, who.Account(), made.ID)) != nil
		if !again && len(a.keysOf(&who, o)) >= maxKeysPerUser {
			return fail(ErrLimit, "Cannot exceed quota for AccessKeysPerUser: %d", maxKeysPerUser)
		}
		k = a.service.newKey(who.Account(), o.id, made, t.now)
		t.put(k)
		return nil
	})
	if err != nil {
		return AccessKey{}, nil, "", err
	}
	return made, k, o.name, nil
}

// AccessKeys lists the access keys of a user, or of the caller when name is
// empty, and says whose they are.
func (a *Admin) AccessKeys(ctx context.Context, who access.Caller, name string, page Page) (_ List[*Key], user string, err error) {
	call := a.begin(&who, "iam:ListAccessKeys", note{"userName", name})
	defer call.End(ctx, &err)
	o, err := a.owner(call, &who, name)
	if err != nil {
		return List[*Key]{}, "", err
	}
	keys, err := paginate(a.keysOf(&who, o), func(k *Key) string { return k.Name }, page)
	return keys, o.name, err
}

// UpdateAccessKey switches an access key on or off: status is "Active" or
// "Inactive".
func (a *Admin) UpdateAccessKey(ctx context.Context, who access.Caller, name, id, status string) (err error) {
	call := a.begin(&who, "iam:UpdateAccessKey", note{"userName", name}, note{"accessKeyId", id}, note{"status", status})
	defer call.End(ctx, &err)
	if err := checkEnum("status", status, "Active", "Inactive"); err != nil {
		return err
	}
	return a.editKey(ctx, call, &who, name, id, func(t *txn, k *Key) {
		next := copyOf(k)
		next.Inactive = status == "Inactive"
		t.put(next)
	})
}

// DeleteAccessKey deletes an access key.
func (a *Admin) DeleteAccessKey(ctx context.Context, who access.Caller, name, id string) (err error) {
	call := a.begin(&who, "iam:DeleteAccessKey", note{"userName", name}, note{"accessKeyId", id})
	defer call.End(ctx, &err)
	return a.editKey(ctx, call, &who, name, id, func(t *txn, k *Key) { t.remove(k) })
}

func (a *Admin) editKey(ctx context.Context, call *access.Call, who *access.Caller, name, id string, fn func(t *txn, k *Key)) error {
	o, err := a.owner(call, who, name)
	if err != nil {
		return err
	}
	return a.change(ctx, call, who, func(t *txn) error {
		k, err := current[*Key](t, who.Account(), id)
		if err != nil {
			return err
		}
		if k.UserID != o.id {
			return notFound(KindKey, id)
		}
		fn(t, k)
		return nil
	})
}

// AccessKeyUse says whose an access key is, and when it was last used; the zero
// Use if it never was.
func (a *Admin) AccessKeyUse(ctx context.Context, who access.Caller, id string) (user string, _ Use, err error) {
	call := a.begin(&who, "iam:GetAccessKeyLastUsed", note{"accessKeyId", id})
	defer call.End(ctx, &err)
	k, ok := get[*Key](a.reg, who.Account(), id)
	resource, tags := "*", []Tag(nil)
	if ok && k.UserID != "" {
		if u, ok := a.reg.byUniqueID(k.UserID).(*User); ok {
			user, resource, tags = u.Name, u.ARN(), u.Tags
		}
	}
	if err := a.ask(call, &who, resource, tags); err != nil {
		return "", Use{}, err
	}
	if !ok {
		return "", Use{}, notFound(KindKey, id)
	}
	return user, a.service.uses.last(id), nil
}

// AccessKeyAccount tells which account a long-term access key belongs to, or
// returns ErrValidation about one that is not of this server. The credentials of
// GetSessionToken and GetFederationToken get ErrSessionDenied.
//
// Source: AWS STS API Reference, GetAccessKeyInfo; IAM User Guide, "Compare AWS
// STS credentials".
func (a *Admin) AccessKeyAccount(ctx context.Context, who access.Caller, id string) (account string, err error) {
	call := a.begin(&who, "sts:GetAccessKeyInfo", note{"accessKeyId", id})
	defer call.End(ctx, &err)
	if who.Session != nil && who.Principal.Kind != policy.RoleSession {
		return "", fail(ErrSessionDenied, "Cannot call GetAccessKeyInfo with session credentials")
	}
	if err := checkLength("accessKeyId", id, 16, 128); err != nil {
		return "", err
	}
	if err := call.Decide(access.Target{ARN: "*", Owner: who.Account(), Rule: policy.IdentityOnly}); err != nil {
		return "", err
	}
	for _, home := range a.service.Accounts() {
		if _, ok := get[*Key](a.reg, home, id); ok {
			return string(home), nil
		}
	}
	return "", fail(ErrValidation, "Access key %s is not valid.", id)
}
