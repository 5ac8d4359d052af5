package identity

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// CreateAccount makes an account with its root user and returns that user's
// access key, which cannot be had again. An empty id draws one. It returns
// ErrExists about an account that is there.
//
// The caller is of the server's default account and needs keyfront:CreateAccount.
func (a *Admin) CreateAccount(ctx context.Context, who access.Caller, id arn.AccountID) (_ arn.AccountID, _ AccessKey, err error) {
	call := a.begin(&who, "keyfront:CreateAccount", note{"accountId", string(id)})
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Owner: a.service.cfg.Account, Rule: policy.IdentityOnly}); err != nil {
		return "", AccessKey{}, err
	}
	if id == "" {
		id = arn.AccountID(fmt.Sprintf("%012d", newVersion()%1e12))
	}
	if !id.Valid() {
		return "", AccessKey{}, invalid("accountId", string(id), "satisfy regular expression pattern: ^[0-9]{12}$")
	}
	key := newAccessKey("AKIA")
	err = a.change(ctx, call, &who, func(t *txn) error {
		if t.get(placeOf(KindAccount, id, string(id))) != nil {
			return fail(ErrExists, "The account %s already exists.", id)
		}
		t.put(newAccount(id, t.now))
		t.put(a.service.newKey(id, "", key, t.now))
		return nil
	})
	if err != nil {
		return "", AccessKey{}, err
	}
	return id, key, nil
}

// CreateAccountAlias names the caller's account, instead of an older alias. It
// returns ErrExists about one that another account has.
func (a *Admin) CreateAccountAlias(ctx context.Context, who access.Caller, alias string) (err error) {
	call := a.begin(&who, "iam:CreateAccountAlias", note{"accountAlias", alias})
	defer call.End(ctx, &err)
	if err := checkLength("accountAlias", alias, 3, 63); err != nil {
		return err
	}
	if !aliasForm.MatchString(alias) || strings.Contains(alias, "--") {
		return invalid("accountAlias", alias, "satisfy regular expression pattern: ^[a-z0-9](([a-z0-9]|-(?!-))*[a-z0-9])?$")
	}
	if err := a.ask(call, &who, "*", nil); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		a.reg.mu.RLock()
		home, taken := a.reg.aliases[alias]
		a.reg.mu.RUnlock()
		if taken && home != who.Account() {
			return fail(ErrExists, "The account alias %s already exists.", alias)
		}
		return edit(t, who.Account(), string(who.Account()), func(account *Account) error {
			account.Alias = alias
			return nil
		})
	})
}

// DeleteAccountAlias takes the alias from the caller's account.
func (a *Admin) DeleteAccountAlias(ctx context.Context, who access.Caller, alias string) (err error) {
	call := a.begin(&who, "iam:DeleteAccountAlias", note{"accountAlias", alias})
	defer call.End(ctx, &err)
	if err := a.ask(call, &who, "*", nil); err != nil {
		return err
	}
	return a.change(ctx, call, &who, func(t *txn) error {
		return edit(t, who.Account(), string(who.Account()), func(account *Account) error {
			if alias == "" || account.Alias != alias {
				return fail(ErrNoSuchEntity, "The account alias %s cannot be found.", alias)
			}
			account.Alias = ""
			return nil
		})
	})
}

// AccountAlias is the alias of the caller's account, empty if it has none.
func (a *Admin) AccountAlias(ctx context.Context, who access.Caller) (_ string, err error) {
	call := a.begin(&who, "iam:ListAccountAliases")
	defer call.End(ctx, &err)
	if err := a.ask(call, &who, "*", nil); err != nil {
		return "", err
	}
	account, ok := get[*Account](a.reg, who.Account(), string(who.Account()))
	if !ok {
		return "", nil
	}
	return account.Alias, nil
}

// Summary counts what the caller's account has, and its quotas, by the names of
// IAM.
//
// Source: IAM API Reference, GetAccountSummary.
func (a *Admin) Summary(ctx context.Context, who access.Caller) (_ map[string]int, err error) {
	call := a.begin(&who, "iam:GetAccountSummary")
	defer call.End(ctx, &err)
	if err := a.ask(call, &who, "*", nil); err != nil {
		return nil, err
	}
	keys := a.keysOf(&who, owner{})
	a.reg.mu.RLock()
	defer a.reg.mu.RUnlock()
	count := func(k Kind) int { return len(a.reg.shelves[shelf{k, who.Account()}]) }
	versions := 0
	for _, e := range a.reg.shelves[shelf{KindPolicy, who.Account()}] {
		versions += len(e.(*Policy).Versions)
	}
	devices, inUse := count(KindDevice), 0
	for _, e := range a.reg.shelves[shelf{KindDevice, who.Account()}] {
		if e.(*Device).UserID != "" {
			inUse++
		}
	}
	return map[string]int{
		"Users": count(KindUser), "UsersQuota": maxUsers,
		"Groups": count(KindGroup), "GroupsQuota": maxGroups, "GroupsPerUserQuota": maxGroupsPerUser,
		"Roles": count(KindRole), "RolesQuota": maxRoles,
		"Policies": count(KindPolicy), "PoliciesQuota": maxPolicies,
		"InstanceProfiles": count(KindProfile), "InstanceProfilesQuota": maxProfiles,
		"PolicyVersionsInUse": versions, "PolicyVersionsInUseQuota": maxPolicies * MaxVersions, "VersionsPerPolicyQuota": MaxVersions,
		"MFADevices": devices, "MFADevicesInUse": inUse, "AccountMFAEnabled": 0,
		"AccountAccessKeysPresent": min(len(keys), 1), "AccessKeysPerUserQuota": maxKeysPerUser,
		"AttachedPoliciesPerUserQuota": maxAttached, "AttachedPoliciesPerGroupQuota": maxAttached, "AttachedPoliciesPerRoleQuota": maxAttached,
		"UserPolicySizeQuota": maxUserInlineChars, "GroupPolicySizeQuota": maxGroupInlineChars, "RolePolicySizeQuota": maxRoleInlineChars,
		"PolicySizeQuota": maxManagedChars, "AssumeRolePolicySizeQuota": maxTrustChars,
		"Providers": 0, "ServerCertificates": 0, "AccountPasswordPresent": 0, "AccountSigningCertificatesPresent": 0,
	}, nil
}

// Details is one page of everything in an account.
type Details struct {
	Users    []*User
	Groups   []*Group
	Roles    []*Role
	Policies []*Policy
}

// AuthorizationDetails lists the users, groups, roles and managed policies of the
// caller's account, AWS's policies included. filter names what is wanted: "User",
// "Group", "Role", "LocalManagedPolicy", "AWSManagedPolicy"; none is all.
//
// Source: IAM API Reference, GetAccountAuthorizationDetails.
func (a *Admin) AuthorizationDetails(ctx context.Context, who access.Caller, filter []string, page Page) (_ Details, marker string, err error) {
	call := a.begin(&who, "iam:GetAccountAuthorizationDetails")
	defer call.End(ctx, &err)
	for _, name := range filter {
		if err := checkEnum("filter", name, "User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"); err != nil {
			return Details{}, "", err
		}
	}
	if err := a.ask(call, &who, "*", nil); err != nil {
		return Details{}, "", err
	}
	wants := func(name string) bool { return len(filter) == 0 || slices.Contains(filter, name) }
	var all []entity
	if wants("User") {
		all = appendEntities(all, list[*User](a.reg, who.Account(), ""))
	}
	if wants("Group") {
		all = appendEntities(all, list[*Group](a.reg, who.Account(), ""))
	}
	if wants("Role") {
		all = appendEntities(all, list[*Role](a.reg, who.Account(), ""))
	}
	if wants("LocalManagedPolicy") {
		all = appendEntities(all, list[*Policy](a.reg, who.Account(), ""))
	}
	if wants("AWSManagedPolicy") {
		for _, p := range awsManaged {
			all = append(all, p)
		}
	}
	slices.SortFunc(all, func(a, b entity) int { return strings.Compare(placeOfEntity(a).key(), placeOfEntity(b).key()) })
	l, err := paginate(all, func(e entity) string { return placeOfEntity(e).key() }, page)
	if err != nil {
		return Details{}, "", err
	}
	var d Details
	for _, e := range l.Items {
		switch e := e.(type) {
		case *User:
			d.Users = append(d.Users, e)
		case *Group:
			d.Groups = append(d.Groups, e)
		case *Role:
			d.Roles = append(d.Roles, e)
		case *Policy:
			d.Policies = append(d.Policies, e)
		}
	}
	return d, l.Marker, nil
}

func appendEntities[T entity](all []entity, more []T) []entity {
	for _, e := range more {
		all = append(all, e)
	}
	return all
}

// UserGroups lists the groups of a user that AuthorizationDetails found.
func (a *Admin) UserGroups(u *User) []*Group { return a.groupsOf(u) }

// Attached lists the managed policies among permissions.
func (a *Admin) Attached(p *Permissions) []*Policy { return a.attachedTo(p, "") }

// RoleProfiles lists the instance profiles that a role is in.
func (a *Admin) RoleProfiles(r *Role) []*Profile {
	return among[*Profile](a.reg, a.reg.belongings, r.ID)
}
