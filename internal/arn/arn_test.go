package arn_test

import (
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/arn"

	"pgregory.net/rapid"
)

func TestParse(t *testing.T) {
	a, err := arn.Parse("arn:aws:kms:eu-west-1:111122223333:key/1:2/3")
	want := arn.ARN{Partition: "aws", Service: "kms", Region: "eu-west-1", Account: "111122223333", Resource: "key/1:2/3"}
	if err != nil || a != want {
		t.Errorf("Parse = %+v, %v, want %+v", a, err, want)
	}
	for _, s := range []string{"", "arn", "arn:aws:s3:::", "arn::s3:::b", "arn:aws::::b", "nra:aws:s3:::b", "arn:aws:s3::b"} {
		if a, err := arn.Parse(s); err == nil {
			t.Errorf("Parse(%q) = %+v, want an error", s, a)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("arn:aws:s3:::b/k:v")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := arn.Parse(s)
		if err != nil {
			return
		}
		if a.String() != s {
			t.Fatalf("Parse(%q).String() = %q", s, a)
		}
		_ = a.Principal()
		if p, err := arn.ParsePattern(s); err != nil || !strings.ContainsAny(s, "*?") && !p.Match(strings.ToValidUTF8(s, "\ufffd")) {
			t.Fatalf("ParsePattern(%q) does not match it: %v", s, err)
		}
	})
}

func TestPattern(t *testing.T) {
	for _, test := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "*", true},
		{"*", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::b", "arn:aws:s3:::b", true},
		{"arn:aws:s3:::b", "arn:aws:s3:::b/k", false},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b/x:y/z", true},
		{"arn:aws:s3:::b/*", "arn:aws:s3:::b", false},
		{"arn:aws:s3:::b/*.mp4", "arn:aws:s3:::b/x.mp4", true},
		{"arn:aws:kms:*:111122223333:key/*", "arn:aws:kms:eu-west-1:111122223333:key/1", true},
		{"arn:aws:kms:*:*:*", "arn:aws:kms:eu-west-1:111122223333:key/1", true},
		{"arn:aws:kms:*:*:key/1", "arn:aws:kms:eu:west:1:111122223333:key/1", false},
		{"arn:aws:kms:eu-west-?:1*:key/1", "arn:aws:kms:eu-west-1:111122223333:key/1", true},
		{"arn:aws:kms:*:*:*", "*", false},
		{"arn:aws:s3:::B", "arn:aws:s3:::b", false},
	} {
		p, err := arn.ParsePattern(test.pattern)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := p.Match(test.name); got != test.want {
			t.Errorf("ParsePattern(%q).Match(%q) = %v, want %v", test.pattern, test.name, got, test.want)
		}
	}
	for _, s := range []string{"", "arn:aws:kms:*", "arn:aws:kms:*:key/*", "arn:*", "?"} {
		if _, err := arn.ParsePattern(s); err == nil {
			t.Errorf("ParsePattern(%q) accepts", s)
		}
	}
}

// TestPatternForms checks that the shapes which compare at once say the same
// as six globs.
func TestPatternForms(t *testing.T) {
	part := rapid.StringMatching(`[ab*?]{0,3}`)
	value := rapid.StringMatching(`[ab]{0,3}`)
	rapid.Check(t, func(t *rapid.T) {
		var patterns, values []string
		for range 6 {
			v := value.Draw(t, "value")
			values = append(values, v)
			patterns = append(patterns, rapid.OneOf(rapid.Just(v), rapid.Just(v), part).Draw(t, "pattern"))
		}
		if rapid.Bool().Draw(t, "colon") {
			values[5] += ":a"
		}
		want := true
		for i := range 6 {
			want = want && arn.Compile(patterns[i]).Match(values[i])
		}
		p, err := arn.ParsePattern(strings.Join(patterns, ":"))
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(strings.Join(values, ":")); got != want {
			t.Fatalf("pattern %q, name %q: %v, want %v", patterns, values, got, want)
		}
	})
}

func TestPrincipal(t *testing.T) {
	const a = arn.AccountID("111122223333")
	for name, want := range map[string]arn.PrincipalKind{
		arn.Root(a).String():                                    arn.AccountPrincipal,
		arn.User(a, "/team/", "bob").String():                   arn.UserPrincipal,
		arn.Role(a, "/", "app").String():                        arn.RolePrincipal,
		arn.RoleSession(a, "app", "s1").String():                arn.SessionPrincipal,
		arn.FederatedUser(a, "feed").String():                   arn.FederatedPrincipal,
		arn.Group(a, "/", "ops").String():                       arn.NotPrincipal,
		arn.ManagedPolicy(a, "/", "Read").String():              arn.NotPrincipal,
		"arn:aws:iam::111122223333:user/*":                      arn.NotPrincipal,
		"arn:aws:iam::111122223333:user/":                       arn.NotPrincipal,
		"arn:aws:iam::*:root":                                   arn.NotPrincipal,
		"arn:aws:iam::1111:root":                                arn.NotPrincipal,
		"arn:aws:iam:eu-west-1:111122223333:user/bob":           arn.NotPrincipal,
		"arn:aws:sts::111122223333:assumed-role/app":            arn.NotPrincipal,
		"arn:aws:sts::111122223333:assumed-role/team/app/s1":    arn.NotPrincipal,
		"arn:aws:iam::cloudfront:user/CloudFront Origin Access": arn.UserPrincipal,
		"arn:aws:s3:::bucket":                                   arn.NotPrincipal,
	} {
		parsed, err := arn.Parse(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if got := parsed.Principal(); got != want {
			t.Errorf("Principal of %s = %v, want %v", name, got, want)
		}
	}
	if got := arn.NormalizePrincipal("111122223333"); got != "arn:aws:iam::111122223333:root" {
		t.Errorf("NormalizePrincipal = %s", got)
	}
	if got := arn.User(a, "/team/", "bob").Name(); got != "bob" {
		t.Errorf("Name = %s", got)
	}
	for id, want := range map[arn.AccountID]bool{a: true, "11112222333": false, "11112222333x": false, "": false} {
		if id.Valid() != want {
			t.Errorf("Valid(%q) = %v", id, !want)
		}
	}
}
