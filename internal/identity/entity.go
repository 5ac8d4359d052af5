package identity

import (
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Kind is a sort of entity, as it stands in the names of actions: iam:TagRole.
type Kind string

// The kinds of entity.
const (
	KindAccount Kind = "Account"
	KindUser    Kind = "User"
	KindGroup   Kind = "Group"
	KindRole    Kind = "Role"
	KindPolicy  Kind = "Policy"
	KindProfile Kind = "InstanceProfile"
	KindDevice  Kind = "MFADevice"
	KindKey     Kind = "AccessKey"
)

// Tag is one label of an entity.
type Tag = access.Tag

// Meta is what every entity has.
type Meta struct {
	Account arn.AccountID `json:"account"`
	// Name is unique in its account and kind, without regard to case; that of a
	// device together with its path.
	Name string `json:"name"`
	// Path begins and ends with a slash.
	Path string `json:"path,omitempty"`
	// ID is the unique id, "AIDA…", which no later entity ever has.
	ID        string    `json:"id,omitempty"`
	CreatedAt time.Time `json:"created"`
	// Tags are in the order of their keys.
	Tags []Tag `json:"tags,omitempty"`
}

// Account is an account that this server is the home of.
type Account struct {
	Meta
	// Alias is empty where there is none.
	Alias string `json:"alias,omitempty"`
}

// User is an IAM user.
type User struct {
	Meta
	Permissions
	// Groups are the unique ids of the user's groups.
	Groups []string `json:"groups,omitempty"`
}

// Group is a set of users. It is never a principal.
type Group struct {
	Meta
	Permissions
}

// Role is an IAM role.
type Role struct {
	Meta
	Permissions
	Description string `json:"description,omitempty"`
	// MaxSession bounds the sessions of the role.
	MaxSession time.Duration `json:"maxSession"`
	Trust      TrustPolicy   `json:"trust"`
}

// Permissions are the policies that a user, a group or a role has. Groups have
// no boundary.
type Permissions struct {
	// Inline is in the order of the names.
	Inline []InlinePolicy `json:"inline,omitempty"`
	// Attached and Boundary are ARNs of managed policies.
	Attached []string `json:"attached,omitempty"`
	Boundary string   `json:"boundary,omitempty"`
}

// InlinePolicy is a policy that belongs to one user, group or role.
type InlinePolicy struct {
	Name string `json:"name"`
	Text string `json:"text"`

	document *policy.Document
}

// TrustPolicy says who may assume a role.
type TrustPolicy struct {
	Text string `json:"text"`
	// Bindings are the unique ids of the users and roles that Text names.
	Bindings map[string]string `json:"bindings,omitempty"`

	document *policy.Document
}

// Policy is a managed policy.
type Policy struct {
	Meta
	Description string `json:"description,omitempty"`
	// Versions are in the order in which they were made.
	Versions []PolicyVersion `json:"versions"`
	// Default is the id of the version that counts.
	Default string `json:"default"`
	// LastVersion is the number of the newest version ever made: ids are never
	// used again.
	LastVersion int       `json:"lastVersion"`
	UpdatedAt   time.Time `json:"updated"`

	document *policy.Document // of the default version; nil if it cannot be read
}

// PolicyVersion is one version of a managed policy.
type PolicyVersion struct {
	ID        string    `json:"id"` // "v1"
	Text      string    `json:"text"`
	CreatedAt time.Time `json:"created"`
}

// Profile is an instance profile: a role for a machine.
type Profile struct {
	Meta
	// RoleID is the unique id of the role, empty where there is none.
	RoleID string `json:"roleId,omitempty"`
}

// Device is a virtual MFA device.
type Device struct {
	Meta
	// Seed is wrapped with purpose "mfa-seed" and the device's ARN as name.
	Seed []byte `json:"seed"`
	// UserID is whose device it is; empty until it is enabled.
	UserID    string    `json:"userId,omitempty"`
	EnabledAt time.Time `json:"enabled,omitzero"`
	// LastStep is the time step of the last code that was taken: none is taken twice.
	LastStep int64 `json:"lastStep,omitempty"`
}

// Key is a long-term access key. Its Name is the access key id.
type Key struct {
	Meta
	// UserID is the unique id of its user, empty for the root user.
	UserID string `json:"userId,omitempty"`
	// Inactive keys are unknown to Lookup.
	Inactive bool `json:"inactive,omitempty"`
	// Boot marks the root user's key that comes from the configuration or the
	// first start.
	Boot bool `json:"boot,omitempty"`
	// Version changes with the secret.
	Version uint64 `json:"version"`
	// Secret is wrapped with purpose "access-key" and the key id as name.
	Secret []byte `json:"secret"`
}

// place is where an entity is kept: ids are lower-case names.
type place struct {
	kind    Kind
	account arn.AccountID
	id      string
}

func placeOf(k Kind, account arn.AccountID, name string) place {
	if k != KindKey {
		name = strings.ToLower(name)
	}
	return place{k, account, name}
}

// entity is one thing of any kind. Entities are immutable once they are kept.
type entity interface {
	meta() *Meta
	kind() Kind
}

func (m *Meta) meta() *Meta { return m }

func (*Account) kind() Kind { return KindAccount }
func (*User) kind() Kind    { return KindUser }
func (*Group) kind() Kind   { return KindGroup }
func (*Role) kind() Kind    { return KindRole }
func (*Policy) kind() Kind  { return KindPolicy }
func (*Profile) kind() Kind { return KindProfile }
func (*Device) kind() Kind  { return KindDevice }
func (*Key) kind() Kind     { return KindKey }

func placeOfEntity(e entity) place {
	m := e.meta()
	if d, ok := e.(*Device); ok {
		return placeOf(KindDevice, m.Account, d.local())
	}
	return placeOf(e.kind(), m.Account, m.Name)
}

// oldPlaceOf is where the entity was kept before devices were told apart by their
// paths.
func oldPlaceOf(e entity) place {
	m := e.meta()
	return placeOf(e.kind(), m.Account, m.Name)
}

// local names a device among those of its account: its path and name, without the
// slash before them.
func (d *Device) local() string { return localName(d.Path, d.Name) }

func localName(path, name string) string { return strings.TrimPrefix(path, "/") + name }

// ARN is the entity's resource name.
func (u *User) ARN() string   { return arn.User(u.Account, u.Path, u.Name).String() }
func (g *Group) ARN() string  { return arn.Group(g.Account, g.Path, g.Name).String() }
func (r *Role) ARN() string   { return arn.Role(r.Account, r.Path, r.Name).String() }
func (p *Policy) ARN() string { return arn.ManagedPolicy(p.Account, p.Path, p.Name).String() }
func (p *Profile) ARN() string {
	return iamARN(p.Account, "instance-profile"+p.Path+p.Name)
}

// ARN is the serial number of the device.
func (d *Device) ARN() string { return iamARN(d.Account, "mfa"+d.Path+d.Name) }

func iamARN(account arn.AccountID, resource string) string {
	return arn.ARN{Partition: arn.DefaultPartition, Service: "iam", Account: account, Resource: resource}.String()
}

// bearer is an entity that has policies of its own.
type bearer interface {
	entity
	permissions() *Permissions
	ARN() string
}

func (p *Permissions) permissions() *Permissions { return p }

// copyOf returns a copy that may be changed, down to but not including the
// elements of slices.
func copyOf[T any](e *T) *T {
	c := *e
	return &c
}

func cloneBearer(b bearer) bearer {
	switch b := b.(type) {
	case *User:
		return copyOf(b)
	case *Group:
		return copyOf(b)
	default:
		return copyOf(b.(*Role))
	}
}

// cloneTagged copies an entity so that its tags can be replaced.
func cloneTagged(e entity) entity {
	switch e := e.(type) {
	case *User:
		return copyOf(e)
	case *Role:
		return copyOf(e)
	case *Policy:
		return copyOf(e)
	case *Profile:
		return copyOf(e)
	case *Device:
		return copyOf(e)
	}
	return nil
}

// inline finds an inline policy, or nil.
func (p *Permissions) inline(name string) *InlinePolicy {
	for i := range p.Inline {
		if strings.EqualFold(p.Inline[i].Name, name) {
			return &p.Inline[i]
		}
	}
	return nil
}

// compile parses the documents of e that are not parsed yet. One that no longer
// parses stays nil, and what depends on it is denied. shared gives equal texts
// one document; it may be nil.
func compile(e entity, shared *documents) {
	if b, ok := e.(bearer); ok {
		list := b.permissions().Inline
		for i := range list {
			if list[i].document != nil {
				continue // older versions of the entity share it
			}
			if d := shared.parse(policy.UseIdentity, list[i].Text); d != nil {
				list[i].document, list[i].Text = d, d.String()
			}
		}
	}
	switch e := e.(type) {
	case *Role:
		if e.Trust.document == nil {
			e.Trust.compile(shared)
		}
	case *Policy:
		if v := e.version(e.Default); v != nil {
			e.document = shared.parse(policy.UseIdentity, v.Text)
		}
	}
}

func (t *TrustPolicy) compile(shared *documents) {
	d := shared.parse(policy.UseTrust, t.Text)
	if d == nil {
		return
	}
	t.Text = d.String()
	if len(t.Bindings) > 0 {
		d, _ = d.Bind(func(name string) (string, bool) { return t.Bindings[name], true })
	}
	t.document = d
}

// documents gives equal texts one compiled document.
type documents struct {
	known map[documentKey]*policy.Document
}

type documentKey struct {
	use  policy.Use
	text string
}

func (d *documents) parse(use policy.Use, text string) *policy.Document {
	key := documentKey{use, text}
	if d != nil {
		if doc, ok := d.known[key]; ok {
			return doc
		}
	}
	doc, err := policy.Parse(use, text)
	if err != nil {
		doc = nil
	}
	if d != nil {
		d.known[key] = doc
	}
	return doc
}

// version finds a version by its id, or nil.
func (p *Policy) version(id string) *PolicyVersion {
	i := slices.IndexFunc(p.Versions, func(v PolicyVersion) bool { return v.ID == id })
	if i < 0 {
		return nil
	}
	return &p.Versions[i]
}
