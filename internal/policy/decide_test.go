package policy_test

import (
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

const (
	accountA = arn.AccountID("111122223333")
	accountB = arn.AccountID("444455556666")
	key      = "arn:aws:kms:us-west-2:111122223333:key/1234abcd"
	object   = "arn:aws:s3:::amzn-s3-demo-bucket/private/a.mp4"
)

func user(name string) *policy.Principal { return userOf(accountA, name) }

func userOf(a arn.AccountID, name string) *policy.Principal {
	return &policy.Principal{Kind: policy.User, Account: a, ARN: arn.User(a, "/", name).String(), Name: name, UserID: "AIDA" + name}
}

func session(role, name string) *policy.Principal {
	return &policy.Principal{
		Kind: policy.RoleSession, Account: accountA, ARN: arn.RoleSession(accountA, role, name).String(),
		IssuerARN: arn.Role(accountA, "/team/", role).String(), UserID: "AROAEXAMPLE:" + name,
	}
}

func root(a arn.AccountID) *policy.Principal {
	return &policy.Principal{Kind: policy.Root, Account: a, ARN: arn.Root(a).String(), UserID: string(a)}
}

func federated(name string) *policy.Principal {
	return &policy.Principal{
		Kind: policy.FederatedUser, Account: accountA, ARN: arn.FederatedUser(accountA, name).String(),
		IssuerARN: arn.User(accountA, "/", "issuer").String(), UserID: string(accountA) + ":" + name,
	}
}

var (
	cloudfront = &policy.Principal{Kind: policy.Service, Service: "cloudfront.amazonaws.com"}
	anonymous  = &policy.Principal{}
)

// scene is the policies of one story, as text.
type scene struct {
	rule                  policy.Rule
	owner                 arn.AccountID
	resource              string
	identity              []string
	boundary              string
	session               []string
	hasSession            bool
	control               []string
	granted, grantedToAll bool
}

func (s scene) policies(tb testing.TB) *policy.Policies {
	tb.Helper()
	p := &policy.Policies{Rule: s.rule, HasSession: s.hasSession, Granted: s.granted, GrantedAccount: s.grantedToAll, HasControl: s.control != nil}
	if s.resource != "" {
		use := policy.UseBucket
		switch s.rule {
		case policy.KeyPolicy:
			use = policy.UseKey
		case policy.TrustPolicy:
			use = policy.UseTrust
		}
		p.Resource = parse(tb, use, s.resource)
	}
	if s.boundary != "" {
		p.Boundary = parse(tb, policy.UseBoundary, s.boundary)
	}
	for _, doc := range s.identity {
		p.Identity = append(p.Identity, parse(tb, policy.UseIdentity, doc))
	}
	for _, doc := range s.session {
		p.Session = append(p.Session, parse(tb, policy.UseSession, doc))
	}
	for _, doc := range s.control {
		p.Control = append(p.Control, parse(tb, policy.UseControl, doc))
	}
	return p
}

// row is one request of a story and its outcome.
type row struct {
	who              *policy.Principal
	action, resource string
	keys             [][2]string
	want             policy.Reason
}

func allow(who *policy.Principal, action policy.Action, resource string, keys ...[2]string) row {
	return row{who, string(action), resource, keys, policy.Undenied}
}

func deny(why policy.Reason, who *policy.Principal, action policy.Action, resource string, keys ...[2]string) row {
	return row{who, string(action), resource, keys, why}
}

func kv(key, value string) [2]string { return [2]string{key, value} }

func (r row) request(owner arn.AccountID) *policy.Request {
	c := policy.NewContext(len(r.keys))
	for _, k := range r.keys {
		c.Set(k[0], k[1])
	}
	if owner == "" {
		owner = accountA
	}
	return &policy.Request{
		Principal: r.who, Action: policy.Action(r.action), Resource: r.resource, Owner: owner, Context: c,
		Time: time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC),
	}
}

// Policies that several stories use.
const (
	defaultKeyPolicy = `{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",
		"Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"}]}`
	allowKMS = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"kms:*","Resource":"*"}}`
	allowS3  = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}`
	denyAll  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`
	allowSTS = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}`
	roleARN  = "arn:aws:iam::111122223333:role/team/app"
)

func bucketPolicy(principal string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*"}}`
}

func keyPolicy(principal, more string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + principal + `,"Action":["kms:Decrypt","kms:PutKeyPolicy"],"Resource":"*"` + more + `}]}`
}

func trustPolicy(principal string) string {
	return `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":` + principal + `,"Action":"sts:AssumeRole"}}`
}

// TestDecide tells the cases that AWS publishes, one story after the other.
func TestDecide(t *testing.T) {
	for _, test := range []struct {
		name string
		scene
		rows []row
	}{
		{
			name:  "default is to deny",
			scene: scene{},
			rows: []row{
				deny(policy.NoIdentityAllow, user("bob"), "s3:GetObject", object),
				allow(root(accountA), "s3:GetObject", object),
				deny(policy.NoResourceAllow, anonymous, "s3:GetObject", object),
				deny(policy.NoResourceAllow, cloudfront, "s3:GetObject", object),
			},
		},
		{
			name:  "an explicit deny beats every allow",
			scene: scene{resource: bucketPolicy(`"*"`), identity: []string{allowS3, denyAll}},
			rows:  []row{deny(policy.IdentityDeny, user("bob"), "s3:GetObject", object)},
		},
		{
			name:  "a resource policy that names the user is enough",
			scene: scene{resource: bucketPolicy(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`), boundary: allowKMS},
			rows: []row{
				allow(user("bob"), "s3:GetObject", object),
				deny(policy.NoIdentityAllow, user("ann"), "s3:GetObject", object),
			},
		},
		{
			name:  "a resource policy that names the account only delegates",
			scene: scene{resource: bucketPolicy(`{"AWS":"111122223333"}`)},
			rows: []row{
				deny(policy.NoIdentityAllow, user("bob"), "s3:GetObject", object),
				allow(root(accountA), "s3:GetObject", object),
			},
		},
		{
			name:  "a role in a resource policy, and a silent boundary",
			scene: scene{resource: bucketPolicy(`{"AWS":"` + roleARN + `"}`), boundary: allowKMS},
			rows:  []row{deny(policy.NoBoundaryAllow, session("app", "s1"), "s3:GetObject", object)},
		},
		{
			name:  "a role in a resource policy, and a silent session policy",
			scene: scene{resource: bucketPolicy(`{"AWS":"` + roleARN + `"}`), hasSession: true, session: []string{allowKMS}},
			rows:  []row{deny(policy.NoSessionAllow, session("app", "s1"), "s3:GetObject", object)},
		},
		{
			name:  "a session in a resource policy is not limited",
			scene: scene{resource: bucketPolicy(`{"AWS":"arn:aws:sts::111122223333:assumed-role/app/s1"}`), boundary: allowKMS, hasSession: true},
			rows: []row{
				allow(session("app", "s1"), "s3:GetObject", object),
				deny(policy.NoIdentityAllow, session("app", "s2"), "s3:GetObject", object),
			},
		},
		{
			name:  "a federated user has what its session policy and its issuer share",
			scene: scene{identity: []string{allowS3}, hasSession: true, session: []string{allowS3}},
			rows: []row{
				allow(federated("feed"), "s3:GetObject", object),
				deny(policy.NoIdentityAllow, federated("feed"), "kms:Decrypt", key),
			},
		},
		{
			name:  "without a session policy a federated user has nothing",
			scene: scene{identity: []string{allowS3}, hasSession: true},
			rows:  []row{deny(policy.NoSessionAllow, federated("feed"), "s3:GetObject", object)},
		},
		{
			name:  "across accounts both must allow",
			scene: scene{resource: bucketPolicy(`{"AWS":"444455556666"}`), identity: []string{allowS3}},
			rows: []row{
				allow(userOf(accountB, "eve"), "s3:GetObject", object),
				deny(policy.NoResourceAllow, userOf(accountB, "eve"), "s3:PutObject", object),
			},
		},
		{
			name:  "across accounts the resource alone is not enough, even by name",
			scene: scene{resource: bucketPolicy(`{"AWS":"arn:aws:iam::444455556666:user/eve"}`)},
			rows: []row{
				deny(policy.NoIdentityAllow, userOf(accountB, "eve"), "s3:GetObject", object),
				deny(policy.NoResourceAllow, root(accountB), "s3:GetObject", object),
			},
		},
		{
			name:  "a service control policy must allow",
			scene: scene{identity: []string{allowS3, allowKMS}, control: []string{allowS3}},
			rows: []row{
				allow(user("bob"), "s3:GetObject", object),
				deny(policy.NoControlAllow, user("bob"), "kms:ListKeys", "*"),
				deny(policy.NoControlAllow, root(accountA), "kms:ListKeys", "*"),
			},
		},
		{
			name:  "the default key policy leaves it to IAM",
			scene: scene{rule: policy.KeyPolicy, resource: defaultKeyPolicy},
			rows: []row{
				allow(root(accountA), "kms:Decrypt", key),
				deny(policy.NoIdentityAllow, user("bob"), "kms:Decrypt", key),
			},
		},
		{
			name:  "the default key policy with an identity policy",
			scene: scene{rule: policy.KeyPolicy, resource: defaultKeyPolicy, identity: []string{allowKMS}},
			rows: []row{
				allow(user("bob"), "kms:Decrypt", key),
				deny(policy.NoResourceAllow, userOf(accountB, "eve"), "kms:Decrypt", key),
			},
		},
		{
			name:  "without delegation identity policies are worthless on a key",
			scene: scene{rule: policy.KeyPolicy, resource: keyPolicy(`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, ""), identity: []string{allowKMS}},
			rows: []row{
				deny(policy.NoResourceAllow, user("bob"), "kms:Decrypt", key),
				deny(policy.NoResourceAllow, root(accountA), "kms:Decrypt", key),
				allow(user("ann"), "kms:Decrypt", key),
			},
		},
		{
			name:  "an identity deny counts on a key without delegation",
			scene: scene{rule: policy.KeyPolicy, resource: keyPolicy(`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, ""), identity: []string{denyAll}},
			rows:  []row{deny(policy.IdentityDeny, user("ann"), "kms:Decrypt", key)},
		},
		{
			name: "delegation under a condition",
			scene: scene{
				rule: policy.KeyPolicy, identity: []string{allowKMS},
				resource: keyPolicy(`{"AWS":"111122223333"}`, `,"Condition":{"StringEquals":{"kms:ViaService":"s3.us-west-2.amazonaws.com"}}`),
			},
			rows: []row{
				deny(policy.NoResourceAllow, user("bob"), "kms:Decrypt", key),
				allow(user("bob"), "kms:Decrypt", key, kv("kms:ViaService", "s3.us-west-2.amazonaws.com")),
			},
		},
		{
			name:  "a grant is enough, and knows no boundary",
			scene: scene{rule: policy.KeyPolicy, resource: defaultKeyPolicy, granted: true, boundary: allowS3},
			rows: []row{
				allow(user("bob"), "kms:Decrypt", key),
				allow(userOf(accountB, "eve"), "kms:Decrypt", key),
			},
		},
		{
			name:  "a grant under a silent session policy",
			scene: scene{rule: policy.KeyPolicy, resource: defaultKeyPolicy, granted: true, hasSession: true, session: []string{allowS3}},
			rows:  []row{deny(policy.NoIdentityAllow, session("app", "s1"), "kms:Decrypt", key)},
		},
		{
			name:  "a grant to the account needs the account's policies",
			scene: scene{rule: policy.KeyPolicy, resource: keyPolicy(`{"AWS":"arn:aws:iam::111122223333:user/ann"}`, ""), grantedToAll: true},
			rows:  []row{deny(policy.NoIdentityAllow, user("bob"), "kms:Decrypt", key)},
		},
		{
			name:  "a deny in the key policy beats root and grants",
			scene: scene{rule: policy.KeyPolicy, granted: true, resource: `{"Statement":[{"Effect":"Deny","Principal":"*","Action":"kms:*","Resource":"*"}]}`},
			rows: []row{
				deny(policy.ResourceDeny, root(accountA), "kms:Decrypt", key),
				deny(policy.ResourceDeny, user("bob"), "kms:Decrypt", key),
			},
		},
		{
			name: "origin access control",
			scene: scene{resource: `{"Version":"2012-10-17","Statement":{"Sid":"AllowCloudFront","Effect":"Allow","Principal":{"Service":"cloudfront.amazonaws.com"},
				"Action":"s3:GetObject","Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*",
				"Condition":{"StringEquals":{"AWS:SourceArn":"arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE"}}}}`},
			rows: []row{
				allow(cloudfront, "s3:GetObject", object, kv("aws:SourceArn", "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE")),
				deny(policy.NoResourceAllow, cloudfront, "s3:GetObject", object, kv("aws:SourceArn", "arn:aws:cloudfront::111122223333:distribution/EOTHER")),
				deny(policy.NoResourceAllow, cloudfront, "s3:PutObject", object, kv("aws:SourceArn", "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE")),
				deny(policy.NoResourceAllow, anonymous, "s3:GetObject", object, kv("aws:SourceArn", "arn:aws:cloudfront::111122223333:distribution/EDFDVBD6EXAMPLE")),
			},
		},
		{
			name:  "a public bucket",
			scene: scene{resource: bucketPolicy(`{"AWS":"*"}`)},
			rows: []row{
				allow(anonymous, "s3:GetObject", object),
				deny(policy.NoResourceAllow, anonymous, "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket"),
				allow(user("bob"), "s3:GetObject", object),
			},
		},
		{
			name:  "a role that trusts a user",
			scene: scene{rule: policy.TrustPolicy, resource: trustPolicy(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`)},
			rows: []row{
				allow(user("bob"), "sts:AssumeRole", roleARN),
				deny(policy.NoResourceAllow, user("bob"), "sts:TagSession", roleARN),
				deny(policy.NoResourceAllow, user("ann"), "sts:AssumeRole", roleARN),
				deny(policy.RootMayNotAssume, root(accountA), "sts:AssumeRole", roleARN),
			},
		},
		{
			name:  "a role that trusts the account",
			scene: scene{rule: policy.TrustPolicy, resource: trustPolicy(`{"AWS":"111122223333"}`)},
			rows:  []row{deny(policy.NoIdentityAllow, user("bob"), "sts:AssumeRole", roleARN)},
		},
		{
			name:  "a role that trusts both accounts, and identity policies that allow",
			scene: scene{rule: policy.TrustPolicy, resource: trustPolicy(`{"AWS":["111122223333","444455556666"]}`), identity: []string{allowSTS}},
			rows: []row{
				allow(user("bob"), "sts:AssumeRole", roleARN),
				allow(userOf(accountB, "eve"), "sts:AssumeRole", roleARN),
			},
		},
		{
			name:  "a foreign user in a trust policy needs its own permission",
			scene: scene{rule: policy.TrustPolicy, resource: trustPolicy(`{"AWS":"arn:aws:iam::444455556666:user/eve"}`)},
			rows:  []row{deny(policy.NoIdentityAllow, userOf(accountB, "eve"), "sts:AssumeRole", roleARN)},
		},
		{
			name: "deny everything without MFA",
			scene: scene{identity: []string{allowS3, `{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotAction":"s3:ListAllMyBuckets","Resource":"*",
				"Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}}`}},
			rows: []row{
				deny(policy.IdentityDeny, user("bob"), "s3:GetObject", object),
				allow(user("bob"), "s3:ListAllMyBuckets", "*"),
				allow(user("bob"), "s3:GetObject", object, kv("aws:MultiFactorAuthPresent", "true")),
			},
		},
		{
			name: "home folders",
			scene: scene{identity: []string{`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject",
				"Resource":"arn:aws:s3:::amzn-s3-demo-bucket/home/${aws:username}/*"}}`}},
			rows: []row{
				allow(user("bob"), "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/home/bob/a"),
				deny(policy.NoIdentityAllow, user("bob"), "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/home/ann/a"),
				deny(policy.NoIdentityAllow, user("*"), "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/home/ann/a"),
				deny(policy.NoIdentityAllow, session("app", "bob"), "s3:GetObject", "arn:aws:s3:::amzn-s3-demo-bucket/home/bob/a"),
			},
		},
		{
			name: "a bucket that takes only KMS-encrypted uploads",
			scene: scene{identity: []string{allowS3}, resource: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"s3:PutObject",
				"Resource":"arn:aws:s3:::amzn-s3-demo-bucket/*","Condition":{"StringNotEquals":{"s3:x-amz-server-side-encryption":"aws:kms"}}}}`},
			rows: []row{
				deny(policy.ResourceDeny, user("bob"), "s3:PutObject", object),
				deny(policy.ResourceDeny, user("bob"), "s3:PutObject", object, kv("s3:x-amz-server-side-encryption", "AES256")),
				allow(user("bob"), "s3:PutObject", object, kv("s3:x-amz-server-side-encryption", "aws:kms")),
			},
		},
		{
			name: "encryption context keys compare without case",
			scene: scene{rule: policy.KeyPolicy, resource: keyPolicy(`{"AWS":"arn:aws:iam::111122223333:user/bob"}`,
				`,"Condition":{"StringEquals":{"kms:EncryptionContext:AppName":"web"}}`)},
			rows: []row{
				allow(user("bob"), "kms:Decrypt", key, kv("kms:EncryptionContext:appname", "web")),
				deny(policy.NoResourceAllow, user("bob"), "kms:Decrypt", key, kv("kms:EncryptionContext:appname", "db")),
			},
		},
		{
			name: "NotPrincipal spares only those it lists in every layer",
			scene: scene{identity: []string{allowS3}, resource: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":["111122223333",
				"arn:aws:iam::111122223333:user/bob","` + roleARN + `","arn:aws:sts::111122223333:assumed-role/app/s1"]},"Action":"s3:*","Resource":"*"}}`},
			rows: []row{
				allow(user("bob"), "s3:GetObject", object),
				allow(root(accountA), "s3:GetObject", object),
				allow(session("app", "s1"), "s3:GetObject", object),
				deny(policy.ResourceDeny, session("app", "s2"), "s3:GetObject", object),
				deny(policy.ResourceDeny, user("ann"), "s3:GetObject", object),
				deny(policy.ResourceDeny, anonymous, "s3:GetObject", object),
				deny(policy.ResourceDeny, cloudfront, "s3:GetObject", object),
			},
		},
		{
			name: "NotPrincipal without the account spares nobody",
			scene: scene{identity: []string{allowS3}, resource: `{"Version":"2012-10-17","Statement":{"Effect":"Deny","NotPrincipal":{"AWS":[
				"arn:aws:iam::111122223333:user/bob","` + roleARN + `","arn:aws:sts::111122223333:assumed-role/app/s1"]},"Action":"s3:*","Resource":"*"}}`},
			rows: []row{
				deny(policy.ResourceDeny, user("bob"), "s3:GetObject", object),
				deny(policy.ResourceDeny, session("app", "s1"), "s3:GetObject", object),
			},
		},
		{
			name: "everybody, narrowed to a role",
			scene: scene{resource: `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"*",
				"Condition":{"ArnEquals":{"aws:PrincipalArn":"` + roleARN + `"}}}}`, boundary: allowKMS},
			rows: []row{
				allow(session("app", "s1"), "s3:GetObject", object),
				deny(policy.NoIdentityAllow, user("bob"), "s3:GetObject", object),
				deny(policy.NoResourceAllow, anonymous, "s3:GetObject", object),
			},
		},
		{
			name:  "actions without a resource policy",
			scene: scene{rule: policy.IdentityOnly, identity: []string{allowKMS}},
			rows: []row{
				allow(user("bob"), "kms:CreateKey", "*"),
				deny(policy.NoResourceAllow, userOf(accountB, "eve"), "kms:CreateKey", "*"),
			},
		},
		{
			name:  "what cannot be judged",
			scene: scene{identity: []string{allowKMS, allowS3}},
			rows: []row{
				deny(policy.Undecidable, nil, "kms:CreateKey", "*"),
				deny(policy.Undecidable, user("bob"), "CreateKey", "*"),
				deny(policy.Undecidable, user("bob"), "", "*"),
				deny(policy.Undecidable, user("bob"), "kms:CreateKey", ""),
				deny(policy.Undecidable, &policy.Principal{Kind: 99, Account: accountA}, "kms:CreateKey", "*"),
			},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			p := test.policies(t)
			for _, row := range test.rows {
				r := row.request(test.owner)
				want := policy.Decision{Allowed: row.want == policy.Undenied, Reason: row.want}
				if got := policy.Decide(r, p); got != want {
					t.Errorf("Decide(%+v %s on %s, %v) = %+v, want %+v", row.who, row.action, row.resource, row.keys, got, want)
				}
			}
		})
	}
}

// TestTornKey has an encryption context with one key in two spellings, of
// which a condition could mean either.
func TestTornKey(t *testing.T) {
	p := scene{identity: []string{`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:App":"web"}}},
		{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*"},
		{"Effect":"Deny","Action":"kms:Encrypt","Resource":"*","Condition":{"StringEquals":{"kms:EncryptionContext:App":"secret"}}}]}`}}.policies(t)
	for action, want := range map[policy.Action]policy.Reason{"kms:Decrypt": policy.NoIdentityAllow, "kms:Encrypt": policy.IdentityDeny} {
		r := allow(user("bob"), action, key).request("")
		r.Context.SetIn("kms:EncryptionContext:", "App", "db")
		r.Context.SetIn("kms:EncryptionContext:", "app", "web")
		if got := policy.Decide(r, p); got.Reason != want {
			t.Errorf("Decide(%s) = %+v, want reason %v", action, got, want)
		}
	}
}

func TestMissingDocumentDenies(t *testing.T) {
	for name, change := range map[string]func(*policy.Policies){
		"identity": func(p *policy.Policies) { p.Identity = append(p.Identity, nil) },
		"session":  func(p *policy.Policies) { p.Session = []*policy.Document{nil, p.Identity[0]} },
		"control":  func(p *policy.Policies) { p.Control, p.HasControl = []*policy.Document{p.Identity[0], nil}, true },
	} {
		p := scene{identity: []string{allowS3}}.policies(t)
		r := allow(user("bob"), "s3:GetObject", object).request("")
		if d := policy.Decide(r, p); !d.Allowed {
			t.Fatalf("Decide = %+v before", d)
		}
		change(p)
		if d := policy.Decide(r, p); d.Reason != policy.Undecidable {
			t.Errorf("a missing %s document: Decide = %+v", name, d)
		}
	}
	if d := policy.Decide(nil, nil); d.Allowed {
		t.Error("Decide(nil, nil) allows")
	}
}
