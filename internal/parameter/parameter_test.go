package parameter_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// keys wraps with a lid: who opens under another context, or past the service,
// gets an error.
type keys struct{}

var (
	errLid  = errors.New("the lid does not fit")
	errDisk = errors.New("disk full")
)

// refusal is what the key service has to say to the caller.
type refusal string

func (r refusal) Error() string    { return string(r) }
func (r refusal) Sentence() string { return string(r) }

func lid(who access.Caller, bind map[string]string) []byte {
	return []byte(who.Via + "|" + bind["PARAMETER_ARN"] + "|")
}

func (keys) EncryptFor(_ context.Context, who access.Caller, ref string, bind map[string]string, plaintext []byte) ([]byte, error) {
	switch ref {
	case "absent":
		return nil, refusal("no such key")
	case "broken":
		return nil, errDisk
	}
	return append(lid(who, bind), plaintext...), nil
}

func (keys) DecryptFor(_ context.Context, who access.Caller, blob []byte, bind map[string]string) ([]byte, error) {
	plaintext, ok := bytes.CutPrefix(blob, lid(who, bind))
	if !ok {
		return nil, errLid
	}
	return plaintext, nil
}

func (k keys) NewDataKey(ctx context.Context, who access.Caller, ref string, bind map[string]string) (sealed.Secret, []byte, string, error) {
	key := sealed.RandomSecret(sealed.KeyBytes)
	wrapped, err := k.EncryptFor(ctx, who, ref, bind, key.Reveal())
	return key, wrapped, ref, err
}

func (k keys) OpenDataKey(ctx context.Context, who access.Caller, wrapped []byte, bind map[string]string) (sealed.Secret, error) {
	key, err := k.DecryptFor(ctx, who, wrapped, bind)
	return sealed.NewSecret(key), err
}

func (keys) ManagedKey(_ context.Context, _ access.Caller, service string) (string, error) {
	return "arn:aws:kms:us-east-1:111122223333:key/" + service, nil
}

type noPolicies struct{}

func (noPolicies) PoliciesOf(*policy.Principal, *policy.Policies) {}

// journal keeps what was recorded.
type journal struct {
	mu      sync.Mutex
	records []audit.Record
}

func (j *journal) Append(_ context.Context, r *audit.Record) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.records = append(j.records, *r)
	return nil
}

func open() (*parameter.Service, *journal) {
	j := new(journal)
	return parameter.New(parameter.Config{
		Records: memory.NewRecords(), Keys: keys{}, Clock: clock.Movable(),
		Gate: access.NewGate(access.Config{Identities: noPolicies{}, Record: j}),
	}), j
}

func root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "r1", At: time.Unix(1_800_000_000, 0),
	}
}

func put(t *testing.T, s *parameter.Service, in parameter.PutRequest) int64 {
	t.Helper()
	number, _, err := s.Put(t.Context(), root(), in)
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// Only the newest versions are kept, and a label holds on to its own.
func TestVersionsAreBounded(t *testing.T) {
	s, _ := open()
	for i := range parameter.MaxVersions + 5 {
		put(t, s, parameter.PutRequest{Name: "n", Type: parameter.String, Value: fmt.Sprint(i), Overwrite: true})
	}
	var all []parameter.Version
	for page := (parameter.Page{}); ; {
		l, err := s.History(t.Context(), root(), "n", false, page)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, l.Items...)
		if page.Token = l.Next; page.Token == "" {
			break
		}
	}
	if len(all) != parameter.MaxVersions || all[0].Version != 6 || all[len(all)-1].Version != parameter.MaxVersions+5 {
		t.Fatalf("%d versions, %d to %d", len(all), all[0].Version, all[len(all)-1].Version)
	}
	if _, invalid, err := s.Label(t.Context(), root(), "n", 6, []string{"keep"}); err != nil || invalid != nil {
		t.Fatal(invalid, err)
	}
	_, _, err := s.Put(t.Context(), root(), parameter.PutRequest{Name: "n", Value: "more", Overwrite: true})
	if !errors.Is(err, parameter.ErrVersions) {
		t.Errorf("Put over a labelled oldest version: %v, want ErrVersions", err)
	}
}

// Of many who make one parameter, one does.
func TestOneMakesIt(t *testing.T) {
	s, _ := open()
	var work sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		work.Go(func() {
			_, _, errs[i] = s.Put(t.Context(), root(), parameter.PutRequest{Name: "n", Type: parameter.String, Value: "v"})
		})
	}
	work.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, parameter.ErrExists) {
			t.Error(err)
		}
	}
	if made != 1 {
		t.Errorf("%d made it", made)
	}
}

func TestValuesAreBoundToTheirParameter(t *testing.T) {
	s, j := open()
	for _, tier := range []parameter.Tier{parameter.Standard, parameter.Advanced} {
		name := "/" + strings.ToLower(string(tier))
		put(t, s, parameter.PutRequest{Name: name, Type: parameter.SecureString, Value: "hunter2", Tier: tier})
		v, err := s.Get(t.Context(), root(), name, true)
		if err != nil || v.Value != "hunter2" || v.KeyID != parameter.ServiceKey {
			t.Errorf("%s: %+v, %v", tier, v, err)
		}
		if v, err := s.Get(t.Context(), root(), name, false); err != nil || strings.Contains(v.Value, "hunter2") {
			t.Errorf("%s without decryption: %+v, %v", tier, v, err)
		}
	}
	if records := fmt.Sprint(j.records); strings.Contains(records, "hunter2") {
		t.Errorf("the record has the value: %s", records)
	}
}

func TestNames(t *testing.T) {
	s, _ := open()
	for name, want := range map[string]error{
		"a": nil, "/a": nil, "/a/b.c-d_e": nil, "awsome": parameter.ErrInvalid, "/aws/x": parameter.ErrReserved, "ssm": parameter.ErrInvalid,
		"a/b": parameter.ErrInvalid, "/a//b": parameter.ErrInvalid, "/a b": parameter.ErrInvalid, "": parameter.ErrInvalid,
		strings.Repeat("/x", parameter.MaxLevels): nil, strings.Repeat("/x", parameter.MaxLevels+1): parameter.ErrLevels,
		"/" + strings.Repeat("x", parameter.MaxNameBytes):         parameter.ErrInvalid,
		"arn:aws:ssm:us-east-1:111122223333:parameter/by/arn":     nil,
		"arn:aws:ssm:us-east-1:444455556666:parameter/somebody's": parameter.ErrNotFound,
	} {
		_, _, err := s.Put(t.Context(), root(), parameter.PutRequest{Name: name, Type: parameter.String, Value: "v"})
		if !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("%.60q: %v, want %v", name, err, want)
		}
	}
	if _, err := s.Get(t.Context(), root(), "/by/arn", false); err != nil {
		t.Errorf("made by ARN, read by name: %v", err)
	}
}

// Pages meet every parameter once, whatever the filter leaves out.
func TestPages(t *testing.T) {
	s, _ := open()
	var want []string
	for i := range 30 {
		name, kind := fmt.Sprintf("/p/%02d", i), parameter.String
		if i%3 == 0 {
			kind = parameter.StringList
		} else {
			want = append(want, name)
		}
		put(t, s, parameter.PutRequest{Name: name, Type: kind, Value: "v"})
	}
	var got []string
	for page := (parameter.Page{Limit: 7}); ; {
		l, err := s.ByPath(t.Context(), root(), "/p/", false, false, []parameter.Filter{{Key: "Type", Values: []string{"String"}}}, page)
		if err != nil {
			t.Fatal(err)
		}
		if len(l.Items) > 7 {
			t.Fatalf("a page of %d", len(l.Items))
		}
		for _, v := range l.Items {
			got = append(got, v.Name)
		}
		if page.Token = l.Next; page.Token == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages have %v, want %v", got, want)
	}
	if _, err := s.ByPath(t.Context(), root(), "/p", false, false, nil, parameter.Page{Token: "!"}); !errors.Is(err, parameter.ErrToken) {
		t.Errorf("made-up token: %v, want ErrToken", err)
	}
}

// What the key service refuses is the key's fault; what else fails is not.
func TestKeysThatFail(t *testing.T) {
	s, _ := open()
	for key, want := range map[string]error{"absent": parameter.ErrKey, "broken": errDisk} {
		_, _, err := s.Put(t.Context(), root(), parameter.PutRequest{Name: "p", Type: parameter.SecureString, Value: "v", KeyID: key})
		if !errors.Is(err, want) || errors.Is(err, parameter.ErrKey) != (want == parameter.ErrKey) {
			t.Errorf("Put under key %s: %v, want %v", key, err, want)
		}
	}
}

// The root of all paths has every parameter below it, and those without a slash one
// level below.
func TestRootOfPaths(t *testing.T) {
	s, _ := open()
	for _, name := range []string{"plain", "/top", "/a/b", "/a/b/c"} {
		put(t, s, parameter.PutRequest{Name: name, Type: parameter.String, Value: "v"})
	}
	for _, c := range []struct {
		path      string
		recursive bool
		want      []string
	}{
		{"/", false, []string{"/top", "plain"}},
		{"/", true, []string{"/a/b", "/a/b/c", "/top", "plain"}},
		{"/a", false, []string{"/a/b"}},
		{"/a/", true, []string{"/a/b", "/a/b/c"}},
		{"/plain", true, nil},
	} {
		l, err := s.ByPath(t.Context(), root(), c.path, c.recursive, false, nil, parameter.Page{})
		if err != nil {
			t.Fatal(err)
		}
		option := "OneLevel"
		if c.recursive {
			option = "Recursive"
		}
		described, err := s.Describe(t.Context(), root(), []parameter.Filter{{Key: "Path", Option: option, Values: []string{c.path}}}, parameter.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, items := range [][]parameter.Version{l.Items, described.Items} {
			var got []string
			for _, v := range items {
				got = append(got, v.Name)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("below %q, recursive %v: %v, want %v", c.path, c.recursive, got, c.want)
			}
		}
	}
}

// Who is allowed nothing learns nothing, not even whether a name exists.
func TestStrangersLearnNothing(t *testing.T) {
	s, j := open()
	put(t, s, parameter.PutRequest{Name: "n", Type: parameter.String, Value: "v"})
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u"}
	for _, name := range []string{"n", "none"} {
		_, err := s.Get(t.Context(), user, name, false)
		if !errors.Is(err, access.ErrDenied) {
			t.Errorf("Get %s: %v, want ErrDenied", name, err)
		}
		if err := s.Delete(t.Context(), user, name); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Delete %s: %v, want ErrDenied", name, err)
		}
	}
	if last := j.records[len(j.records)-1]; last.Decision != audit.Denied || last.Action != "ssm:DeleteParameter" {
		t.Errorf("last record: %+v", last)
	}
	if _, err := s.Get(t.Context(), root(), "n", false); err != nil {
		t.Error(err)
	}
}
