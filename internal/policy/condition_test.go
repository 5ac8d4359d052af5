package policy_test

import (
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// TestConditions is the truth table of the operators: one condition on the key
// x:y, and what the request has there. No values mean an absent key, several a
// multi-valued one.
func TestConditions(t *testing.T) {
	type has []string
	absent := has(nil)
	for _, test := range []struct {
		operator, wanted string
		present          has
		want             bool
	}{
		{"StringEquals", `"a"`, has{"a"}, true},
		{"StringEquals", `"a"`, has{"A"}, false},
		{"StringEquals", `"a*"`, has{"ab"}, false},
		{"StringEquals", `["b","a"]`, has{"a"}, true},
		{"StringEquals", `[]`, has{"a"}, false},
		{"StringEquals", `"a"`, absent, false},
		{"StringEquals", `10`, has{"10"}, true},
		{"StringEquals", `"a"`, has{"a", "b"}, true},
		{"StringEquals", `"${*}"`, has{"*"}, true},
		{"StringEquals", `"${x:none}"`, has{""}, false},
		{"StringEquals", `"${x:none, 'a'}b"`, has{"ab"}, true},
		{"stringequals", `"a"`, has{"a"}, true},
		{"StringNotEquals", `["a","b"]`, has{"b"}, false},
		{"StringNotEquals", `["a","b"]`, has{"c"}, true},
		{"StringNotEquals", `"a"`, absent, true},
		{"StringNotEquals", `"a"`, has{"a", "b"}, false},
		{"StringNotEquals", `"${x:none}"`, has{"a"}, true},
		{"StringNotEqualsIfExists", `"a"`, absent, true},
		{"StringEqualsIfExists", `"a"`, absent, true},
		{"StringEqualsIfExists", `"a"`, has{"b"}, false},
		{"StringEqualsIgnoreCase", `"Aé"`, has{"aÉ"}, true},
		{"StringNotEqualsIgnoreCase", `"A"`, has{"a"}, false},
		{"StringLike", `"a?c*"`, has{"abc"}, true},
		{"StringLike", `"a${*}"`, has{"ab"}, false},
		{"StringNotLike", `"a*"`, has{"ab"}, false},
		{"ForAllValues:StringEquals", `["a","b"]`, has{"b", "a"}, true},
		{"ForAllValues:StringEquals", `["a","b"]`, has{"a", "c"}, false},
		{"ForAllValues:StringEquals", `"a"`, absent, true},
		{"ForAllValues:StringEquals", `"a"`, has{""}, true},
		{"ForAllValues:StringNotEquals", `"a"`, has{"b", "c"}, true},
		{"ForAllValues:StringNotEquals", `"a"`, has{"b", "a"}, false},
		{"ForAnyValue:StringEquals", `"a"`, has{"b", "a"}, true},
		{"ForAnyValue:StringEquals", `"a"`, absent, false},
		{"ForAnyValue:StringNotEquals", `"a"`, has{"a", "b"}, true},
		{"ForAnyValue:StringNotEquals", `"a"`, has{"a", "a"}, false},
		{"ForAnyValue:StringNotEquals", `"a"`, absent, false},
		{"ForAnyValue:StringLikeIfExists", `"a*"`, absent, true},
		{"NumericEquals", `10`, has{"10.0"}, true},
		{"NumericEquals", `"9007199254740993"`, has{"9007199254740992"}, false},
		{"NumericLessThan", `"-5"`, has{"-6.5"}, true},
		{"NumericLessThan", `"-5"`, has{"-4"}, false},
		{"NumericLessThanEquals", `5`, has{"5"}, true},
		{"NumericGreaterThan", `5`, has{"10"}, true},
		{"NumericGreaterThan", `5`, has{"ten"}, false},
		{"NumericGreaterThan", `5`, has{"0x10"}, false},
		{"NumericGreaterThanEquals", `-0`, has{"0"}, true},
		{"NumericNotEquals", `5`, has{"ten"}, true},
		{"DateEquals", `"2026-01-01T00:00:00Z"`, has{"1767225600"}, true},
		{"DateEquals", `"2026-01-01T00:00:00Z"`, has{"2026-01-01T01:00:00+01:00"}, true},
		{"DateLessThan", `"2026"`, has{"2025-12-31T23:59:59.9Z"}, true},
		{"DateLessThanEquals", `"2026-02"`, has{"2026-02-01"}, true},
		{"DateGreaterThan", `"2026-02-01T00:00Z"`, has{"2026-02-01"}, false},
		{"DateGreaterThanEquals", `"2026-02-01"`, has{"soon"}, false},
		{"DateNotEquals", `"2026-02-01"`, has{"soon"}, true},
		{"Bool", `"true"`, has{"TRUE"}, true},
		{"Bool", `true`, has{"false"}, false},
		{"Bool", `"true"`, absent, false},
		{"BoolIfExists", `"true"`, absent, true},
		{"BinaryEquals", `"AAEC"`, has{"\x00\x01\x02"}, true},
		{"IpAddress", `"10.0.0.0/8"`, has{"10.9.9.9"}, true},
		{"IpAddress", `"10.0.0.0/8"`, has{"::ffff:10.9.9.9"}, true},
		{"IpAddress", `"::ffff:10.0.0.0/104"`, has{"10.9.9.9"}, true},
		{"IpAddress", `"10.1.2.3"`, has{"10.1.2.4"}, false},
		{"IpAddress", `"2001:db8::/32"`, has{"2001:db8::5"}, true},
		{"IpAddress", `"0.0.0.0/0"`, has{"2001:db8::5"}, false},
		{"IpAddress", `"0.0.0.0/0"`, has{"somewhere"}, false},
		{"NotIpAddress", `"10.0.0.0/8"`, has{"11.0.0.1"}, true},
		{"NotIpAddress", `"10.0.0.0/8"`, has{"10.0.0.1"}, false},
		{"ArnEquals", `"arn:aws:s3:::b*"`, has{"arn:aws:s3:::bucket"}, true},
		{"ArnLike", `"arn:aws:*:*:111122223333:*"`, has{"arn:aws:cloudfront::111122223333:distribution/E"}, true},
		{"ArnLike", `"arn:aws:*:111122223333:*:*"`, has{"arn:aws:cloudfront::111122223333:distribution/E"}, false},
		{"ArnLike", `"*"`, has{"no ARN"}, true},
		{"ArnLike", `"arn:aws:s3:::*"`, has{"no ARN"}, false},
		{"ArnNotLike", `"arn:aws:s3:::b*"`, has{"arn:aws:s3:::c"}, true},
		{"ArnNotEquals", `"arn:aws:s3:::b"`, absent, true},
		{"Null", `"true"`, absent, true},
		{"Null", `"true"`, has{"a"}, false},
		{"Null", `"false"`, has{""}, true},
		{"Null", `false`, absent, false},
		{"Null", `["true","false"]`, has{"a"}, true},
	} {
		d := parse(t, policy.UseIdentity, doc(`"Effect":"Allow","Action":"*","Resource":"*","Condition":{"`+test.operator+`":{"X:Y":`+test.wanted+`}}`))
		r := allow(user("bob"), "s3:GetObject", object).request("")
		if len(test.present) > 1 {
			r.Context.SetList("x:y", test.present)
		} else if len(test.present) == 1 {
			r.Context.Set("x:y", test.present...)
		}
		if got := policy.Decide(r, &policy.Policies{Identity: []*policy.Document{d}}).Allowed; got != test.want {
			t.Errorf("%s %s with %q = %v, want %v", test.operator, test.wanted, test.present, got, test.want)
		}
	}
}

// TestDerivedKeys reads the keys that nobody has to set.
func TestDerivedKeys(t *testing.T) {
	const none = ""
	for _, test := range []struct {
		who       *policy.Principal
		key, want string
	}{
		{session("app", "s1"), "aws:PrincipalArn", roleARN},
		{federated("feed"), "aws:PrincipalArn", "arn:aws:sts::111122223333:federated-user/feed"},
		{root(accountA), "aws:PrincipalArn", "arn:aws:iam::111122223333:root"},
		{user("bob"), "aws:PrincipalAccount", "111122223333"},
		{anonymous, "aws:PrincipalAccount", "anonymous"},
		{cloudfront, "aws:PrincipalAccount", none},
		{root(accountA), "aws:PrincipalType", "Account"},
		{user("bob"), "aws:PrincipalType", "User"},
		{session("app", "s1"), "aws:PrincipalType", "AssumedRole"},
		{federated("feed"), "aws:PrincipalType", "FederatedUser"},
		{anonymous, "aws:PrincipalType", "Anonymous"},
		{session("app", "s1"), "aws:userid", "AROAEXAMPLE:s1"},
		{anonymous, "aws:userid", "anonymous"},
		{user("bob"), "aws:username", "bob"},
		{session("app", "bob"), "aws:username", none},
		{root(accountA), "aws:username", none},
		{cloudfront, "aws:PrincipalIsAWSService", "true"},
		{user("bob"), "aws:PrincipalIsAWSService", "false"},
		{anonymous, "aws:PrincipalIsAWSService", none},
		{cloudfront, "aws:PrincipalServiceName", "cloudfront.amazonaws.com"},
		{cloudfront, "aws:PrincipalServiceNamesList", "cloudfront.amazonaws.com"},
		{user("bob"), "aws:ResourceAccount", string(accountA)},
		{user("bob"), "s3:ResourceAccount", string(accountA)},
		{user("bob"), "aws:CurrentTime", "2026-07-01T12:00:00Z"},
		{user("bob"), "aws:EpochTime", "1782907200"},
	} {
		d := parse(t, policy.UseBucket, doc(`"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"`+test.key+`":"x"}}`))
		r := allow(test.who, "s3:GetObject", object).request("")
		c := policy.Explain(r, &policy.Policies{Resource: d})[0].Conditions[0]
		got := none
		if len(c.Present) == 1 {
			got = c.Present[0]
		}
		if got != test.want || len(c.Present) > 1 {
			t.Errorf("%s of %s %s = %q, want %q", test.key, test.who.ARN, test.who.Service, c.Present, test.want)
		}
	}
	d := parse(t, policy.UseIdentity, doc(plainIdentity+`,"Condition":{"Null":{"aws:CurrentTime":"true"}}`))
	r := allow(user("bob"), "s3:GetObject", object).request("")
	r.Time = time.Time{}
	if !policy.Decide(r, &policy.Policies{Identity: []*policy.Document{d}}).Allowed {
		t.Error("a request without a time has aws:CurrentTime")
	}
}
