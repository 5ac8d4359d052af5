package parameter_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

// vault has one secret, films/key, with two versions.
type vault struct{}

const oldVersion = "01234567-89ab-cdef-0123-456789abcdef"

func (vault) Refer(_ context.Context, who access.Caller, name, id, label string) (parameter.Referred, error) {
	out := parameter.Referred{ARN: "arn:aws:secretsmanager:us-east-1:111122223333:secret:films/key-abcdef", Source: "{}"}
	switch {
	case who.Via != "ssm.us-east-1.amazonaws.com":
		return out, errors.New("the caller does not come through Parameter Store")
	case name != "films/key":
		return out, refusal.New(parameter.ErrNotFound, "no such secret")
	case id == oldVersion || label == "AWSPREVIOUS":
		out.Value = "old"
	case id == "" && label == "":
		out.Value = "new"
	default:
		return out, refusal.New(parameter.ErrNotFound, "no such version")
	}
	return out, nil
}

func TestSecrets(t *testing.T) {
	s, j := open()
	const name = "/aws/reference/secretsmanager/films/key"
	for selector, want := range map[string]string{"": "new", ":AWSPREVIOUS": "old", ":" + oldVersion: "old"} {
		v, err := s.Get(t.Context(), root(), name+selector, true)
		if err != nil || v.Value != want || v.Name != name || v.Selector != selector || v.Type != parameter.SecureString || !strings.Contains(v.ARN, ":secret:films/key-") || v.Source != "{}" {
			t.Errorf("Get(%q) = %+v, %v, want %s", name+selector, v, err, want)
		}
	}
	if _, err := s.Get(t.Context(), root(), name, false); !errors.Is(err, parameter.ErrInvalid) {
		t.Errorf("Get without decryption = %v, want ErrInvalid", err)
	}
	if _, err := s.Get(t.Context(), root(), name+"s", true); !errors.Is(err, parameter.ErrNotFound) {
		t.Errorf("Get of none = %v, want ErrNotFound", err)
	}
	put(t, s, parameter.PutRequest{Name: "plain", Value: "v", Type: parameter.String})
	found, missing, err := s.Many(t.Context(), root(), []string{"plain", name, name + "s"}, true)
	if err != nil || len(found) != 2 || found[1].Value != "new" || len(missing) != 1 {
		t.Errorf("Many = %+v, %v, %v", found, missing, err)
	}
	before := len(j.Records())
	bob := root()
	bob.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/bob", Name: "bob"}
	if _, err := s.Get(t.Context(), bob, name, true); !errors.Is(err, access.ErrDenied) || len(j.Records()) != before+1 {
		t.Errorf("Get by a user without permissions = %v, want ErrDenied and a record", err)
	}
}
