package policy_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"

	"pgregory.net/rapid"
)

const (
	home  = "111111111111"
	other = "222222222222"
)

// people are the callers that generated requests come from. Their home is
// account 111111111111.
var people = []policy.Principal{
	{Kind: policy.Anonymous},
	{Kind: policy.Root, Account: home, ARN: "arn:aws:iam::111111111111:root", UserID: home},
	{Kind: policy.User, Account: home, ARN: "arn:aws:iam::111111111111:user/alice", UserID: "AIDAALICEALICEALICEAL", UniqueID: "AIDAALICEALICEALICEAL", Name: "alice"},
	{Kind: policy.User, Account: home, ARN: "arn:aws:iam::111111111111:user/b/*", UserID: "AIDABOBBOBBOBBOBBOBBO", UniqueID: "AIDABOBBOBBOBBOBBOBBO", Name: "*"},
	{
		Kind: policy.RoleSession, Account: home, ARN: "arn:aws:sts::111111111111:assumed-role/app/s1",
		IssuerARN: "arn:aws:iam::111111111111:role/app", UserID: "AROAAPPAPPAPPAPPAPPAP:s1", UniqueID: "AROAAPPAPPAPPAPPAPPAP",
	},
	{
		Kind: policy.FederatedUser, Account: home, ARN: "arn:aws:sts::111111111111:federated-user/feed",
		IssuerARN: "arn:aws:iam::111111111111:user/alice", UserID: "111111111111:feed", UniqueID: "AIDAALICEALICEALICEAL",
	},
	{Kind: policy.Service, Service: "cloudfront.amazonaws.com"},
}

var (
	named = []string{
		"*", home, other, "arn:aws:iam::111111111111:root", "arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:role/app",
		"arn:aws:sts::111111111111:assumed-role/app/s1", "arn:aws:sts::111111111111:assumed-role/app/s2", "arn:aws:sts::111111111111:federated-user/feed",
	}
	actions        = []string{"kms:Decrypt", "kms:Encrypt", "s3:GetObject", "s3:PutObject"}
	actionPatterns = []string{"*", "kms:*", "KMS:de*", "kms:*crypt", "s3:?etObject", "s3:*Obj*t", "s3:GetObject", "s3:putobject", "kms:Decrypt", "sts:*"}
	resources      = []string{
		"arn:aws:kms:eu-west-1:111111111111:key/k1", "arn:aws:kms:eu-west-1:111111111111:key/k2", "arn:aws:s3:::b/home/alice/x", "arn:aws:s3:::b/home/*/x",
		"arn:aws:s3:::b/team:red", "arn:aws:s3:::b", "*",
	}
	resourcePatterns = []string{
		"*", "arn:aws:kms:*:111111111111:key/*", "arn:aws:kms:eu-*:*:key/k1", "arn:aws:s3:::b/*", "arn:aws:s3:::b/home/${aws:username}/*", "arn:aws:s3:::?",
		"arn:aws:s3:::b/*:red", "arn:aws:s3:::b/team:${aws:PrincipalTag/team}", "arn:aws:s3:::b/team:${aws:PrincipalTag/team, 'red'}", "arn:aws:s3:::b/home/${*}/x",
		"arn:aws:s3:::*/x", "arn:*:s3:::b/home/?????/?",
	}
	// presentValues lists the keys of requests with values they may have. The
	// unreadable ones are meant.
	presentValues = map[string][]string{
		"aws:SourceIp":               {"10.1.2.3", "::ffff:10.1.2.3", "2001:db8::1", "nonsense"},
		"aws:TagKeys":                {"team", "cost", "", "TEAM"},
		"s3:max-keys":                {"1", "10", "10.0", "-5", "-6.5", "9007199254740993", "many"},
		"aws:MultiFactorAuthPresent": {"true", "false", "TRUE"},
		"aws:PrincipalTag/team":      {"red", "blue", "*", ""},
		"kms:EncryptionContext:App":  {"web", "WEB", "we?"},
		"aws:TokenIssueTime":         {"2026-01-01T00:00:00Z", "1767225600", "2026-01-01", "soon"},
		"aws:SourceArn":              {"arn:aws:cloudfront::111111111111:distribution/E1", "arn:aws:s3:::b", "E1"},
	}
	conditionKeys = []string{
		"aws:SourceIp", "AWS:sourceip", "aws:TagKeys", "s3:max-keys", "aws:MultiFactorAuthPresent", "aws:PrincipalTag/team", "kms:encryptioncontext:app",
		"aws:TokenIssueTime", "AWS:SourceArn", "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username",
		"aws:PrincipalIsAWSService", "aws:PrincipalServiceName", "aws:ResourceAccount", "aws:CurrentTime",
	}
	// wantedValues lists operators with values they can read.
	wantedValues = map[string][]any{
		"String": {
			"red", "team", "TEAM", "w*", "we?", "web", "*", "", "true", 10, true, "${aws:username}", "${aws:PrincipalTag/team}", "${aws:PrincipalTag/none, 'red'}", "${*}", "r${?}d",
			"${aws:TagKeys}", "10.1.2.3", home, "anonymous", "AIDA*", "cloudfront.amazonaws.com", "2026-01-01T00:00:00Z",
		},
		"Numeric": {"1", 10, "10.00", "-5", "9007199254740992", 0.5},
		"Date":    {"2026-01-01T00:00:00Z", "2026-01-01", "1767225600", "2030-06-01T12:00:00+02:00"},
		"Bool":    {"true", "false", true, "TRUE"},
		"Binary":  {"d2Vi", "dHJ1ZQ=="},
		"Ip":      {"10.0.0.0/8", "10.1.2.3", "2001:db8::/32", "0.0.0.0/0"},
		"Arn": {
			"arn:aws:cloudfront::111111111111:distribution/E?", "arn:aws:iam::*:role/*", "arn:aws:s3:::b", "*", "arn:aws:iam::111111111111:user/${aws:username}", "${aws:PrincipalArn}",
		},
		"Null": {"true", "false", true},
	}
	operatorNames = []string{
		"StringEquals", "StringNotEquals", "StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase", "StringLike", "StringNotLike",
		"NumericEquals", "NumericNotEquals", "NumericLessThan", "NumericLessThanEquals", "NumericGreaterThan", "NumericGreaterThanEquals",
		"DateEquals", "DateNotEquals", "DateLessThan", "DateLessThanEquals", "DateGreaterThan", "DateGreaterThanEquals",
		"Bool", "BinaryEquals", "IpAddress", "NotIpAddress", "ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike", "Null",
	}
)

func pickSome[T any](t *rapid.T, from []T, least int) []T {
	return rapid.SliceOfN(rapid.SampledFrom(from), least, 3).Draw(t, "some")
}

func chance(t *rapid.T, outOf int) bool { return rapid.IntRange(1, outOf).Draw(t, "chance") == 1 }

// oneOrMany writes a list of one sometimes as the value alone.
func oneOrMany[T any](t *rapid.T, list []T) any {
	if len(list) == 1 && chance(t, 2) {
		return list[0]
	}
	return list
}

func drawCondition(t *rapid.T, use policy.Use) map[string]any {
	block := map[string]any{}
	for range rapid.IntRange(0, 2).Draw(t, "operators") {
		base := rapid.SampledFrom(operatorNames).Draw(t, "operator")
		name := base
		if base != "Null" {
			name = rapid.SampledFrom([]string{"", "", "ForAllValues:", "ForAnyValue:"}).Draw(t, "set") + base + rapid.SampledFrom([]string{"", "IfExists"}).Draw(t, "if")
		}
		keys := map[string]any{}
		for range rapid.IntRange(1, 2).Draw(t, "keys") {
			key := rapid.SampledFrom(conditionKeys).Draw(t, "key")
			if use == policy.UseKey && strings.HasPrefix(name, "ForAllValues:") && strings.HasPrefix(key, "kms:enc") {
				continue // refused by Parse
			}
			for family, values := range wantedValues {
				if strings.HasPrefix(strings.TrimPrefix(base, "Not"), family) {
					keys[key] = oneOrMany(t, pickSome(t, values, 0))
				}
			}
		}
		block[name] = keys
	}
	return block
}

func drawDocument(t *rapid.T, use policy.Use) string {
	resource := use == policy.UseKey || use == policy.UseBucket || use == policy.UseTrust
	var statements []map[string]any
	for range rapid.IntRange(1, 3).Draw(t, "statements") {
		s := map[string]any{"Effect": rapid.SampledFrom([]string{"Allow", "Allow", "Allow", "Deny"}).Draw(t, "effect")}
		if resource {
			s["Principal"] = drawPrincipal(t)
			if s["Effect"] == "Deny" && use != policy.UseTrust && chance(t, 3) {
				s["NotPrincipal"] = s["Principal"]
				delete(s, "Principal")
			}
		}
		name := rapid.SampledFrom([]string{"Action", "Action", "Action", "NotAction"}).Draw(t, "action")
		patterns := actionPatterns
		switch use {
		case policy.UseTrust:
			patterns = []string{"sts:AssumeRole", "sts:assume*", "sts:*", "sts:TagSession"}
		case policy.UseBucket:
			patterns = []string{"s3:*", "*", "s3:GetObject", "s3:*Object"}
		}
		s[name] = oneOrMany(t, pickSome(t, patterns, 1))
		if use != policy.UseTrust {
			name = rapid.SampledFrom([]string{"Resource", "Resource", "Resource", "NotResource"}).Draw(t, "resource")
			s[name] = oneOrMany(t, pickSome(t, resourcePatterns, 1))
		}
		if chance(t, 2) {
			s["Condition"] = drawCondition(t, use)
		}
		statements = append(statements, s)
	}
	version := rapid.SampledFrom([]string{"2012-10-17", "2012-10-17", "2008-10-17"}).Draw(t, "version")
	doc, err := json.Marshal(map[string]any{"Version": version, "Statement": oneOrMany(t, statements)})
	must(err)
	if version == "2008-10-17" {
		// Without variables this is no ARN, which Parse refuses.
		return strings.ReplaceAll(string(doc), "${aws:PrincipalArn}", "arn:aws:iam::*:*")
	}
	return string(doc)
}

func drawPrincipal(t *rapid.T) any {
	switch rapid.IntRange(0, 5).Draw(t, "principal") {
	case 0:
		return "*"
	case 1:
		return map[string]any{"Service": "cloudfront.amazonaws.com", "AWS": oneOrMany(t, pickSome(t, named, 1))}
	}
	return map[string]any{"AWS": oneOrMany(t, pickSome(t, named, 1))}
}

func drawWorld(t *rapid.T) *world {
	w := &world{
		Who:      rapid.SampledFrom(people).Draw(t, "who"),
		Action:   rapid.SampledFrom(actions).Draw(t, "action"),
		Resource: rapid.SampledFrom(resources).Draw(t, "resource"),
		Owner:    rapid.SampledFrom([]string{home, home, home, other}).Draw(t, "owner"),
		At:       time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC),
		Keys:     map[string][]string{}, Lists: map[string]bool{},
		Rule: policy.Rule(rapid.IntRange(0, 3).Draw(t, "rule")),
	}
	for _, key := range slices.Sorted(maps.Keys(presentValues)) {
		values := presentValues[key]
		switch {
		case chance(t, 3):
		case key == "aws:TagKeys":
			w.Keys[key], w.Lists[key] = pickSome(t, values, 0), true
		default:
			w.Keys[key] = []string{rapid.SampledFrom(values).Draw(t, key)}
		}
	}
	use := policy.UseBucket
	switch w.Rule {
	case policy.KeyPolicy:
		use = policy.UseKey
		w.Granted, w.GrantedAccount = chance(t, 4), chance(t, 4)
	case policy.TrustPolicy:
		use = policy.UseTrust
		w.Action = rapid.SampledFrom([]string{"sts:AssumeRole", "sts:TagSession"}).Draw(t, "trust action")
		w.Resource = "arn:aws:iam::111111111111:role/app"
	}
	if w.Rule != policy.IdentityOnly && !chance(t, 5) {
		w.ResourcePolicy = drawDocument(t, use)
	}
	for range rapid.IntRange(0, 2).Draw(t, "identity") {
		w.Identity = append(w.Identity, drawDocument(t, policy.UseIdentity))
	}
	if chance(t, 3) {
		w.Boundary = drawDocument(t, policy.UseBoundary)
	}
	if chance(t, 3) {
		w.HasSession = true
		for range rapid.IntRange(0, 2).Draw(t, "session") {
			w.Session = append(w.Session, drawDocument(t, policy.UseSession))
		}
	}
	return w
}

// compile turns the world into what Decide takes.
func (w *world) compile(parse func(policy.Use, string) *policy.Document) (*policy.Request, *policy.Policies) {
	c := policy.NewContext(len(w.Keys))
	for k, v := range w.Keys {
		if w.Lists[k] {
			c.SetList(k, v)
		} else {
			c.Set(k, v...)
		}
	}
	r := &policy.Request{
		Principal: &w.Who, Action: policy.Action(w.Action), Resource: w.Resource, Owner: arn.AccountID(w.Owner), Time: w.At, Context: c,
	}
	p := &policy.Policies{Rule: w.Rule, HasSession: w.HasSession, Granted: w.Granted, GrantedAccount: w.GrantedAccount}
	if w.ResourcePolicy != "" {
		use := map[policy.Rule]policy.Use{policy.KeyPolicy: policy.UseKey, policy.TrustPolicy: policy.UseTrust, policy.ResourceOrIdentity: policy.UseBucket}[w.Rule]
		p.Resource = parse(use, w.ResourcePolicy)
	}
	for _, doc := range w.Identity {
		p.Identity = append(p.Identity, parse(policy.UseIdentity, doc))
	}
	if w.Boundary != "" {
		p.Boundary = parse(policy.UseBoundary, w.Boundary)
	}
	for _, doc := range w.Session {
		p.Session = append(p.Session, parse(policy.UseSession, doc))
	}
	return r, p
}

// TestDecideAgainstReference compares Decide with the slow evaluator over
// generated worlds, and Explain with both.
func TestDecideAgainstReference(t *testing.T) {
	var allowed, denied int
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		r, p := w.compile(func(use policy.Use, source string) *policy.Document {
			d, err := policy.Parse(use, source)
			if err != nil {
				t.Fatalf("Parse(%v, %s): %v", use, source, err)
			}
			return d
		})
		got := policy.Decide(r, p)
		if want := refAllows(w); got.Allowed != want {
			text, _ := json.MarshalIndent(w, "", "  ")
			t.Fatalf("Decide = %+v, want allowed %v, for %s", got, want, text)
		}
		if got.Allowed != (got.Reason == policy.Undenied) {
			t.Fatalf("Decide = %+v", got)
		}
		if got.Allowed {
			allowed++
		} else {
			denied++
		}
		deny := false
		for _, f := range policy.Explain(r, p) {
			deny = deny || f.Applied && f.Deny
			if f.Statement >= 0 && f.Applied != (f.Failed == policy.NoElement) {
				t.Fatalf("Explain: %+v", f)
			}
		}
		if deny != got.Reason.Explicit() {
			t.Fatalf("Explain finds a Deny: %v; Decide = %+v", deny, got)
		}
	})
	if allowed == 0 || denied == 0 {
		t.Errorf("%d worlds allowed, %d denied; the generator is one-sided", allowed, denied)
	}
	t.Logf("%d allowed, %d denied", allowed, denied)
}

// TestConditionsAgainstReference is the same with one statement that only
// conditions narrow, so that every operator decides often.
func TestConditionsAgainstReference(t *testing.T) {
	held := map[bool]int{}
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		w.Who = rapid.SampledFrom(people[2:6]).Draw(t, "signed")
		w.Owner, w.Rule, w.ResourcePolicy, w.Boundary, w.HasSession, w.Session = home, policy.IdentityOnly, "", "", false, nil
		doc, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": map[string]any{
			"Effect": "Allow", "Action": "*", "Resource": rapid.SampledFrom(resourcePatterns).Draw(t, "pattern"), "Condition": drawCondition(t, policy.UseIdentity),
		}})
		must(err)
		w.Identity = []string{string(doc)}
		r, p := w.compile(func(use policy.Use, source string) *policy.Document {
			d, err := policy.Parse(use, source)
			if err != nil {
				t.Fatalf("Parse(%v, %s): %v", use, source, err)
			}
			return d
		})
		got, want := policy.Decide(r, p).Allowed, refAllows(w)
		if got != want {
			t.Fatalf("Decide = %v, want %v, for %v on %s with %v and %s", got, want, w.Who.ARN, w.Resource, w.Keys, doc)
		}
		held[got]++
	})
	if held[true] == 0 || held[false] == 0 {
		t.Errorf("outcomes %v: the generator is one-sided", held)
	}
}
