package policy_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// doc wraps one statement's elements.
func doc(elements string) string {
	return `{"Version":"2012-10-17","Statement":[{` + elements + `}]}`
}

const (
	plainIdentity = `"Effect":"Allow","Action":"s3:GetObject","Resource":"*"`
	plainBucket   = `"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*"`
	plainKey      = `"Effect":"Allow","Principal":{"AWS":"*"},"Action":"kms:*","Resource":"*"`
	plainTrust    = `"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`
)

func TestParseAccepts(t *testing.T) {
	for _, test := range []struct {
		use    policy.Use
		source string
	}{
		{policy.UseIdentity, doc(plainIdentity)},
		{policy.UseIdentity, ` {"Statement": {"Sid":"","Effect":"Deny","NotAction":["s3:*","KMS:Get*"],"NotResource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]}} `},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{}`)},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*",1,true]},"Null":{"aws:TagKeys":false}}`)},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:PrincipalTag/team, 'a}b'}/${$}{x}"`)},
		{policy.UseBoundary, doc(plainIdentity)},
		{policy.UseSession, doc(plainIdentity)},
		{policy.UseControl, doc(plainIdentity)},
		{policy.UseBucket, doc(plainBucket)},
		{policy.UseBucket, doc(`"Sid":"with spaces","Effect":"Allow","Principal":{"AWS":["AROAEXAMPLEEXAMPLE12","arn:aws:iam::111122223333:root"],"Service":"logging.s3.amazonaws.com","CanonicalUser":"` + strings.Repeat("0f", 32) + `"},"Action":"s3:*","Resource":"arn:aws:s3:::b/é✓"`)},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1"},"Action":"s3:*","Resource":"arn:aws:s3:::b"`)},
		{policy.UseKey, doc(plainKey)},
		{policy.UseKey, doc(`"Effect":"Allow","Principal":"*","Action":"kms:*"`)},
		{policy.UseKey, doc(`"Effect":"Allow","Principal":"*","Resource":"*"`)},
		{policy.UseTrust, doc(plainTrust)},
		{policy.UseTrust, doc(`"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/idp.example"},"Action":["sts:AssumeRoleWithWebIdentity","sts:TagSession"],"Condition":{"StringEquals":{"idp.example:aud":"x"}}`)},
	} {
		d, err := policy.Parse(test.use, test.source)
		if err != nil {
			t.Errorf("Parse(%v, %s): %v", test.use, test.source, err)
			continue
		}
		if d.String() != test.source || d.Use() != test.use {
			t.Errorf("Parse(%v, %s) reads %v, %s", test.use, test.source, d.Use(), d)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const syntax = "Syntax errors in policy."
	for _, test := range []struct {
		use     policy.Use
		source  string
		problem string // the service's sentence; "" where none is published
	}{
		{policy.UseIdentity, ``, "This policy contains invalid Json"},
		{policy.UseIdentity, `[]`, "This policy contains invalid Json"},
		{policy.UseIdentity, doc(plainIdentity) + `x`, "This policy contains invalid Json"},
		{policy.UseIdentity, `{"Statement":` + strings.Repeat("[", 10000) + strings.Repeat("]", 10000) + `}`, "This policy contains invalid Json"},
		{policy.UseIdentity, doc(plainIdentity + `,"Effect":"Deny"`), "This policy contains invalid Json"},
		{policy.UseIdentity, doc(plainIdentity + `,"\u0045ffect":"Deny"`), "This policy contains invalid Json"},
		{policy.UseIdentity, doc(plainIdentity + `,"Sid":"\ud800"`), "This policy contains invalid Json"},
		{policy.UseIdentity, "{\"Id\":\"\xff\"}", "This policy contains invalid Json"},
		{policy.UseIdentity, strings.Repeat(" ", 1<<20), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Sid":"é✓"`), syntax},
		{policy.UseIdentity, `{}`, syntax},
		{policy.UseIdentity, `{"Statement":[]}`, syntax},
		{policy.UseIdentity, `{"Statement":"x"}`, syntax},
		{policy.UseIdentity, `{"Statement":[null]}`, syntax},
		{policy.UseIdentity, `{"Version":"2012-10-18","Statement":{` + plainIdentity + `}}`, "Policy document must be version 2012-10-17 or greater."},
		{policy.UseIdentity, `{"Versions":"2012-10-17","Statement":{` + plainIdentity + `}}`, syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"resource":"*"`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Sid":"a b"`), syntax},
		{policy.UseIdentity, `{"Statement":[{"Sid":"a",` + plainIdentity + `},{"Sid":"a",` + plainIdentity + `}]}`, "Statement IDs (SID) in a single policy must be unique."},
		{policy.UseIdentity, doc(`"Action":"s3:*","Resource":"*"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"allow","Action":"s3:*","Resource":"*"`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"NotAction":"s3:*"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"Allow","Resource":"*"`), "Policy statement must contain actions."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":[],"Resource":"*"`), "Policy statement must contain actions."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*"`), "Policy statement must contain resources."},
		{policy.UseIdentity, doc(plainIdentity + `,"Principal":"*"`), "Policy document should not specify a principal."},
		{policy.UseSession, doc(plainIdentity + `,"NotPrincipal":"*"`), "Policy document should not specify a principal."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"GetObject","Resource":"*"`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:Get:Object","Resource":"*"`), "Actions/Condition can contain only one colon."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s*:GetObject","Resource":"*"`), "Vendor s* is not valid"},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:Get Object","Resource":"*"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":7,"Resource":"*"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"bucket"`), `Resource bucket must be in ARN format or "*".`},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3*"`), `Resource arn:aws:s3* must be in ARN format or "*".`},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:*:::b"`), "Resource vendor must be fully qualified and cannot contain regexes."},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:${aws:RequestedRegion}::b"`), `Resource arn:aws:s3:${aws:RequestedRegion}::b must be in ARN format or "*".`},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${}"`), syntax},
		{policy.UseIdentity, doc(`"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/${aws:username, none}"`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":[]`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"StringIs":{"aws:username":"a"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"NullIfExists":{"aws:username":"true"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"ForSomeValue:StringLike":{"aws:username":"true"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"StringEquals":"a"}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"StringEquals":{"username":"a"}}`), "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"StringEquals":{"aws:username":{"a":"b"}}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"StringEquals":{"aws:username":null}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/33"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"DateLessThan":{"aws:CurrentTime":"tomorrow"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"NumericEquals":{"s3:max-keys":"0x10"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"BinaryEquals":{"x:y":"&"}}`), syntax},
		{policy.UseIdentity, doc(plainIdentity + `,"Condition":{"ArnLike":{"aws:SourceArn":"arn:aws:s3"}}`), syntax},
		{policy.UseTrust, doc(plainTrust + `,"Resource":"*"`), "Has prohibited field Resource."},
		{policy.UseTrust, doc(`"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"s3:GetObject"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{policy.UseTrust, doc(`"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"*"`), "AssumeRole policy may only specify STS AssumeRole actions."},
		{policy.UseTrust, doc(`"Effect":"Allow","Action":"sts:AssumeRole"`), "Missing required field Principal"},
		{policy.UseTrust, doc(`"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/*"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/*"`},
		{policy.UseTrust, doc(`"Effect":"Deny","NotPrincipal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"`), `Invalid principal in policy: "NotPrincipal"`},
		{policy.UseBucket, `x`, "Policies must be valid JSON and the first byte must be '{'"},
		{policy.UseBucket, doc(plainBucket + `,"Colour":"red"`), "Unknown field Colour"},
		{policy.UseBucket, doc(plainIdentity), "Missing required field Principal"},
		{policy.UseBucket, doc(`"Effect":"Maybe","Principal":"*","Action":"s3:*","Resource":"*"`), "Invalid effect: Maybe"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":"*","Action":"kms:*","Resource":"arn:aws:s3:::b"`), "Policy has invalid action"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"b"`), "Policy has invalid resource"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":{"AWS":[]},"Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":{},"Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":"111122223333","Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":{"AWS":"bob"},"Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(`"Effect":"Allow","Principal":{"Service":"*"},"Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(`"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"s3:*","Resource":"*"`), "Invalid principal in policy"},
		{policy.UseBucket, doc(plainBucket + `,"Condition":{"StringIs":{"aws:username":"a"}}`), "Invalid Condition type : StringIs"},
		{policy.UseBucket, doc(plainBucket + `,"Condition":{"StringLike":{"user":"a"}}`), "Policy has an invalid condition key"},
		{policy.UseKey, doc(`"Effect":"Allow","Action":"kms:*","Resource":"*"`), ""},
		{policy.UseKey, doc(`"Effect":"Allow","Principal":{"CanonicalUser":"ab"},"Action":"kms:*","Resource":"*"`), "Policy contains a statement with one or more invalid principals."},
		{policy.UseKey, doc(plainKey + `,"Condition":{"ForAllValues:StringEquals":{"kms:EncryptionContext:App":"a"}}`), "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified encryption context or with an unspecified encryption context. To fix, remove ForAllValues."},
		{policy.UseKey, doc(plainKey + `,"Condition":{"ForAllValues:StringEquals":{"aws:RequestTag/App":"a"}}`), "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches requests without the specified tag or with an unspecified tag. To fix, remove ForAllValues."},
	} {
		d, err := policy.Parse(test.use, test.source)
		var e *policy.Error
		if d != nil || !errors.Is(err, policy.ErrMalformed) || !errors.As(err, &e) {
			t.Errorf("Parse(%v, %.200s) = %v, %v, want an *Error", test.use, test.source, d, err)
			continue
		}
		if test.problem != "" && e.Problem != test.problem || e.Problem == "" {
			t.Errorf("Parse(%v, %.200s): problem %q, want %q", test.use, test.source, e.Problem, test.problem)
		}
	}
}

func TestParseLimits(t *testing.T) {
	for use, limit := range map[policy.Use]int{policy.UseKey: policy.MaxKeyBytes, policy.UseBucket: policy.MaxBucketBytes, policy.UseIdentity: policy.MaxBytes} {
		source := doc(map[policy.Use]string{policy.UseKey: plainKey, policy.UseBucket: plainBucket, policy.UseIdentity: plainIdentity}[use])
		full := source + strings.Repeat(" ", limit-len(source))
		d, err := policy.Parse(use, full)
		if err != nil {
			t.Errorf("Parse(%v) of %d bytes: %v", use, limit, err)
		} else if d.Size() != len(source) {
			t.Errorf("Size = %d, want %d", d.Size(), len(source))
		}
		if _, err := policy.Parse(use, full+" "); !errors.Is(err, policy.ErrTooLarge) || !errors.Is(err, policy.ErrMalformed) {
			t.Errorf("Parse(%v) of %d bytes: %v, want ErrTooLarge", use, limit+1, err)
		}
	}
}

// TestWildcardBomb has patterns that would take ages with backtracking.
func TestWildcardBomb(t *testing.T) {
	bomb := strings.Repeat("*a?", 6000) + "b"
	action := strings.Repeat("*?", 60)
	d := parse(t, policy.UseBucket, doc(`"Effect":"Deny","Principal":"*","Action":"s3:`+action+`x","Resource":"arn:aws:s3:::b/`+bomb+`"`))
	e := parse(t, policy.UseBucket, doc(`"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/`+bomb+`"`))
	r := allow(user("bob"), policy.Action("s3:"+strings.Repeat("a", 100)), "arn:aws:s3:::b/"+strings.Repeat("a", 1024)).request("")
	for _, d := range []*policy.Document{d, e} {
		if got := policy.Decide(r, &policy.Policies{Resource: d}); got.Reason != policy.NoIdentityAllow {
			t.Errorf("Decide = %+v", got)
		}
	}
}
