package identity

import (
	"context"
	"encoding/base64"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Admin is what callers do to the register and get from it: the operations of
// IAM and STS. Every method is decided and recorded by the gate. It may be used
// concurrently; what its methods return is shared and must not be changed.
//
// Unless a method says otherwise its errors are access.ErrDenied and, inside a
// *refusal.Error, ErrValidation, ErrNoSuchEntity about a name that nothing has, and
// ErrLimit about a quota.
//
// Source: IAM API Reference 2010-05-08; AWS STS API Reference 2011-06-15.
type Admin struct {
	service *Service
	reg     *register
	gate    *access.Gate
	codes   codeGuard
}

// NewAdmin returns the operations on service behind gate.
func NewAdmin(service *Service, gate *access.Gate) *Admin {
	return &Admin{service: service, reg: service.reg, gate: gate}
}

// note is one parameter of a call, for the record.
type note struct{ name, value string }

func (a *Admin) begin(who *access.Caller, action policy.Action, notes ...note) *access.Call {
	call := a.gate.Begin(*who, action)
	for _, n := range notes {
		if n.value != "" {
			call.Note(n.name, n.value)
		}
	}
	return call
}

// ask decides about a resource of the caller's account. Temporary credentials of
// a user may call IAM only if they were had with MFA, those of a federated user
// not at all.
//
// Source: IAM User Guide, "Compare AWS STS credentials".
func (a *Admin) ask(call *access.Call, who *access.Caller, resource string, tags []Tag) error {
	if s := who.Session; s != nil {
		switch who.Principal.Kind {
		case policy.User, policy.Root:
			if s.MFAAt.IsZero() {
				return fail(ErrSession, "The security token included in the request is invalid")
			}
		case policy.FederatedUser:
			return fail(ErrSession, "The security token included in the request is invalid")
		}
	}
	call.ResourceTags(tags, "iam:ResourceTag/")
	return call.Decide(access.Target{ARN: resource, Owner: who.Account(), Rule: policy.IdentityOnly})
}

// also decides about a second action on the same resource.
func also(call *access.Call, who *access.Caller, action policy.Action, resource string) error {
	return call.Decide(access.Target{ARN: resource, Owner: who.Account(), Rule: policy.IdentityOnly, Action: action})
}

// admit decides about the caller's entity of a name and returns it. A name that
// nothing has is decided as well, before ErrNoSuchEntity says so.
func admit[T entity](a *Admin, call *access.Call, who *access.Caller, name string) (T, error) {
	e, ok := get[T](a.reg, who.Account(), name)
	var tags []Tag
	resource := arnOf(kindOf[T](), who.Account(), "/", name)
	if ok {
		tags, resource = e.meta().Tags, arnOfEntity(e)
	}
	if err := a.ask(call, who, resource, tags); err != nil {
		return e, err
	}
	if !ok {
		return e, notFound(kindOf[T](), name)
	}
	return e, nil
}

// arnOf is the resource name of an entity that may or may not exist.
func arnOf(k Kind, account arn.AccountID, path, name string) string {
	switch k {
	case KindUser:
		return arn.User(account, path, name).String()
	case KindGroup:
		return arn.Group(account, path, name).String()
	case KindRole:
		return arn.Role(account, path, name).String()
	case KindPolicy:
		return arn.ManagedPolicy(account, path, name).String()
	case KindProfile:
		return iamARN(account, "instance-profile"+path+name)
	case KindDevice:
		return iamARN(account, "mfa"+path+name)
	}
	return "*"
}

func arnOfEntity(e entity) string {
	m := e.meta()
	return arnOf(e.kind(), m.Account, m.Path, m.Name)
}

func notFound(k Kind, name string) error {
	switch k {
	case KindUser, KindGroup, KindRole:
		return fail(ErrNoSuchEntity, "The %s with name %s cannot be found.", strings.ToLower(string(k)), name)
	case KindPolicy:
		return fail(ErrNoSuchEntity, "Policy %s was not found.", name)
	case KindDevice:
		return fail(ErrNoSuchEntity, "VirtualMFADevice with serial number %s doesn't exist.", name)
	case KindKey:
		return fail(ErrNoSuchEntity, "The Access Key with id %s cannot be found.", name)
	}
	return fail(ErrNoSuchEntity, "Instance Profile %s cannot be found.", name)
}

// change works a change of the caller's out and carries it through, recorded.
func (a *Admin) change(ctx context.Context, call *access.Call, who *access.Caller, fn func(t *txn) error) error {
	return a.service.change(ctx, who.At, call.Effect, fn)
}

// current is an entity as a change finds it.
func current[T entity](t *txn, account arn.AccountID, name string) (T, error) {
	e, ok := t.get(placeOf(kindOf[T](), account, name)).(T)
	if !ok {
		return e, notFound(kindOf[T](), name)
	}
	return e, nil
}

// edit replaces an entity by what fn makes of a copy. fn must not change the
// elements of its slices in place.
func edit[T any, E interface {
	*T
	entity
}](t *txn, account arn.AccountID, name string, fn func(E) error) error {
	e, err := current[E](t, account, name)
	if err != nil {
		return err
	}
	next := E(copyOf((*T)(e)))
	if err := fn(next); err != nil {
		return err
	}
	t.put(next)
	return nil
}

// quota returns ErrLimit when the account has as many of a kind as it may.
func (t *txn) quota(k Kind, account arn.AccountID, most int, per string) error {
	if t.count(k, account) >= most {
		return fail(ErrLimit, "Cannot exceed quota for %sPerAccount: %d", per, most)
	}
	return nil
}

// Page asks for part of a list.
type Page struct {
	// Marker is that of the list before; empty for the first page.
	Marker string
	// Max bounds the items, 1 to MaxPage.
	Max int
}

// Check returns ErrValidation about a page that no list has.
func (p Page) Check() error {
	_, err := p.start()
	return err
}

// start checks p, and returns the key that its items are behind.
func (p Page) start() (after string, err error) {
	switch {
	case p.Max < 1:
		return "", invalid("maxItems", p.Max, "have value greater than or equal to 1")
	case p.Max > MaxPage:
		return "", invalid("maxItems", p.Max, "have value less than or equal to 1000")
	}
	key, err := base64.RawURLEncoding.DecodeString(p.Marker)
	if err != nil {
		return "", fail(ErrValidation, "Invalid Marker.")
	}
	return string(key), nil
}

// List is one page.
type List[T any] struct {
	Items []T
	// Marker asks for the next page; empty on the last.
	Marker string
}

// MaxPage is the most items of a page, DefaultPage what callers get who do not say.
const (
	MaxPage     = 1000
	DefaultPage = 100
)

// paginate cuts a page out of all items, which are in the order of their keys.
func paginate[T any](all []T, key func(T) string, p Page) (List[T], error) {
	after, err := p.start()
	if err != nil {
		return List[T]{}, err
	}
	for p.Marker != "" && len(all) > 0 && key(all[0]) <= after {
		all = all[1:]
	}
	if len(all) <= p.Max {
		return List[T]{Items: all}, nil
	}
	all = all[:p.Max]
	last := key(all[len(all)-1])
	return List[T]{Items: all, Marker: base64.RawURLEncoding.EncodeToString([]byte(last))}, nil
}

// nameKey orders entities as sortByName does.
func nameKey[T entity](e T) string { return strings.ToLower(e.meta().Name) }

// listing decides about a list and returns a page of the caller's entities.
func listing[T entity](ctx context.Context, a *Admin, who *access.Caller, action policy.Action, resource, prefix string, p Page) (_ List[T], err error) {
	call := a.begin(who, action, note{"pathPrefix", prefix})
	defer call.End(ctx, &err)
	if err := checkPrefix(prefix); err != nil {
		return List[T]{}, err
	}
	if err := a.ask(call, who, resource, nil); err != nil {
		return List[T]{}, err
	}
	return paginate(list[T](a.reg, who.Account(), prefix), nameKey[T], p)
}

// underPrefix is the resource of a list of entities of a kind.
func underPrefix(k Kind, who *access.Caller, prefix string) string {
	if prefix == "" {
		prefix = "/"
	}
	return arnOf(k, who.Account(), prefix, "")
}

// self is the user that a call without a user name is about: empty with root true
// for the root user.
func self(who *access.Caller, name string) (user string, root bool, err error) {
	switch {
	case name != "":
		return name, false, nil
	case who.Principal.Kind == policy.User:
		return who.Principal.Name, false, nil
	case who.Principal.Kind == policy.Root:
		return "", true, nil
	}
	return "", false, fail(ErrValidation, "Must specify userName when calling with non-User credentials")
}
