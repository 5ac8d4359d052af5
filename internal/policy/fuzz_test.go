package policy_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// FuzzParse wants an *Error or a document, of which a standard reader thinks
// the same, and whose parts lie inside it.
func FuzzParse(f *testing.F) {
	for use, source := range map[policy.Use]string{
		policy.UseIdentity: doc(plainIdentity + `,"Condition":{"ForAllValues:StringLikeIfExists":{"aws:TagKeys":["${aws:username, 'x'}*"]}}`),
		policy.UseBucket:   doc(plainBucket), policy.UseKey: defaultKeyPolicy, policy.UseTrust: doc(plainTrust),
	} {
		f.Add(uint8(use), source)
	}
	f.Fuzz(func(t *testing.T, use uint8, source string) {
		d, err := policy.Parse(policy.Use(use%7), source)
		if err != nil {
			var e *policy.Error
			if d != nil || !errors.As(err, &e) || e.Problem == "" || !errors.Is(err, policy.ErrMalformed) {
				t.Fatalf("Parse(%q) = %v, %v", source, d, err)
			}
			return
		}
		if !json.Valid([]byte(source)) {
			t.Fatalf("Parse accepts %q, which is not JSON", source)
		}
		bound, err := d.Bind(func(string) (string, bool) { return "AIDAEXAMPLEEXAMPLE12", true })
		if err != nil {
			t.Fatal(err)
		}
		raw := bound.Render(func(string) (string, bool) { return "", false })
		if _, err := policy.Parse(policy.Use(use%7), raw); err != nil {
			t.Fatalf("Parse(%q), rendered from %q: %v", raw, source, err)
		}
	})
}

// FuzzDecide decides by arbitrary policies over arbitrary requests. It must not
// panic, and a silent world must deny.
func FuzzDecide(f *testing.F) {
	f.Add(doc(plainIdentity), defaultKeyPolicy, "kms:Decrypt", key, "aws:TagKeys", "x", uint8(2), uint8(1))
	f.Add(doc(plainIdentity+`,"Condition":{"DateLessThan":{"aws:CurrentTime":"2030"}}`), doc(plainBucket), "s3:GetObject", object, "s3:prefix", "é", uint8(4), uint8(0))
	f.Fuzz(func(t *testing.T, identity, resource, action, name, key, value string, kind, rule uint8) {
		p := &policy.Policies{Rule: policy.Rule(rule)}
		if d, err := policy.Parse(policy.UseIdentity, identity); err == nil {
			p.Identity = append(p.Identity, d)
			p.Session = append(p.Session, d)
		}
		for _, use := range []policy.Use{policy.UseBucket, policy.UseKey, policy.UseTrust} {
			if d, err := policy.Parse(use, resource); err == nil {
				p.Resource = d
				break
			}
		}
		who := people[int(kind)%len(people)]
		c := &policy.Context{}
		c.Set(key, value)
		c.SetIn("aws:RequestTag/", key, value)
		c.SetList("aws:TagKeys", []string{key, value})
		r := &policy.Request{Principal: &who, Action: policy.Action(action), Resource: name, Owner: home, Time: time.Unix(1e9, 0), Context: c}
		d := policy.Decide(r, p)
		if d.Allowed != (d.Reason == policy.Undenied) {
			t.Fatalf("Decide = %+v", d)
		}
		if d.Allowed && len(p.Identity) == 0 && p.Resource == nil && who.Kind != policy.Root {
			t.Fatalf("Decide = %+v without any policy", d)
		}
		applied := false
		for _, f := range policy.Explain(r, p) {
			applied = applied || f.Applied
		}
		if d.Allowed && !applied && who.Kind != policy.Root {
			t.Fatalf("Decide = %+v, but no statement applied", d)
		}
		_ = r.Denial(policy.Sentence, d)
	})
}
