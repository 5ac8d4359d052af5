package parameter_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

func open() (*parameter.Service, *accesstest.Journal) {
	j := new(accesstest.Journal)
	return parameter.New(parameter.Config{
		Records: memory.NewRecords(), Keys: accesstest.Keys{}, Clock: clock.Movable(), Secrets: vault{},
		Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: j}),
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

// A token is good for the kind of listing that gave it.
func TestTokens(t *testing.T) {
	s, _ := open()
	for _, name := range []string{"/p/a", "/p/b", "/p/c"} {
		put(t, s, parameter.PutRequest{Name: name, Type: parameter.String, Value: "v"})
	}
	put(t, s, parameter.PutRequest{Name: "/p/a", Value: "w", Overwrite: true})
	first, err := s.Describe(t.Context(), root(), nil, parameter.Page{Limit: 1})
	if err != nil || first.Next == "" {
		t.Fatalf("Describe = %+v, %v, want a token", first, err)
	}
	for _, token := range []string{"", "garbage", "%", first.Next} {
		page := parameter.Page{Token: token}
		_, describe := s.Describe(t.Context(), root(), nil, page)
		_, byPath := s.ByPath(t.Context(), root(), "/p", false, false, nil, page)
		_, history := s.History(t.Context(), root(), "/p/a", false, page)
		for listing, c := range map[string]struct {
			err  error
			good bool
		}{
			"Describe": {describe, token == "" || token == first.Next}, "ByPath": {byPath, token == "" || token == first.Next}, "History": {history, token == ""},
		} {
			if c.good != (c.err == nil) || !c.good && !errors.Is(c.err, parameter.ErrToken) {
				t.Errorf("%s(%q): %v, want it good: %v", listing, token, c.err, c.good)
			}
		}
	}
}

func TestFilterValues(t *testing.T) {
	s, _ := open()
	put(t, s, parameter.PutRequest{Name: "n", Type: parameter.String, Value: "v"})
	for _, tt := range []struct {
		filter parameter.Filter
		found  int
		want   error
	}{
		{parameter.Filter{Key: "Type", Values: []string{"String"}}, 1, nil},
		{parameter.Filter{Key: "Type", Option: "BeginsWith", Values: []string{"Str"}}, 1, nil},
		{parameter.Filter{Key: "Type", Values: []string{"Str"}}, 0, parameter.ErrFilterOption},
		{parameter.Filter{Key: "Tier", Values: []string{"Advanced", "standard"}}, 0, parameter.ErrFilterOption},
		{parameter.Filter{Key: "Tier", Values: []string{"Standard"}}, 1, nil},
		{parameter.Filter{Key: "Name"}, 0, parameter.ErrFilterValue},
	} {
		got, err := s.Describe(t.Context(), root(), []parameter.Filter{tt.filter}, parameter.Page{})
		if !errors.Is(err, tt.want) || tt.want == nil && err != nil || len(got.Items) != tt.found {
			t.Errorf("%+v found %d, %v, want %d, %v", tt.filter, len(got.Items), err, tt.found, tt.want)
		}
	}
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

// The rules hold for the version that is there when the next one is kept.
func TestPutMeanwhile(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile, then parameter.PutRequest
		want            error
	}{
		"another type":  {parameter.PutRequest{Type: parameter.String, Value: "v"}, parameter.PutRequest{Type: parameter.SecureString, Value: "w"}, parameter.ErrType},
		"a higher tier": {parameter.PutRequest{Type: parameter.String, Value: "v", Tier: parameter.Advanced}, parameter.PutRequest{Type: parameter.String, Value: "w", Tier: parameter.Standard}, parameter.ErrInvalid},
	} {
		s, j := open()
		test.meanwhile.Name, test.then.Name, test.then.Overwrite = "n", "n", true
		j.Before("ssm:PutParameter", func() { put(t, s, test.meanwhile) })
		if _, _, err := s.Put(t.Context(), root(), test.then); !errors.Is(err, test.want) {
			t.Errorf("%s: Put = %v, want %v", name, err, test.want)
		}
		if v, err := s.Get(t.Context(), root(), "n", false); err != nil || v.Version != 1 || v.Value != "v" {
			t.Errorf("%s: the parameter is %+v, %v", name, v, err)
		}
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
	if records := fmt.Sprint(j.Records()); strings.Contains(records, "hunter2") {
		t.Errorf("the record has the value: %s", records)
	}
}

func TestNames(t *testing.T) {
	s, _ := open()
	for name, want := range map[string]error{
		"a": nil, "/b": nil, "/a/b.c-d_e": nil, "awsome": parameter.ErrInvalid, "/aws/x": parameter.ErrReserved, "ssm": parameter.ErrInvalid,
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
	for key, want := range map[string]error{accesstest.AbsentKey: parameter.ErrKey, accesstest.BrokenKey: accesstest.ErrDisk} {
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
	records := j.Records()
	if last := records[len(records)-1]; last.Decision != audit.Denied || last.Action != "ssm:DeleteParameter" {
		t.Errorf("last record: %+v", last)
	}
	if _, err := s.Get(t.Context(), root(), "n", false); err != nil {
		t.Error(err)
	}
}

// What a stack marked as its own stays marked.
func TestUntagLeavesReservedTags(t *testing.T) {
	s, _ := open()
	put(t, s, parameter.PutRequest{Name: "p", Type: parameter.String, Value: "v"})
	mark := []parameter.Tag{{Key: "aws:cloudformation:stack-name", Value: "s"}}
	stack := root().Through("cloudformation")
	if err := s.Tag(t.Context(), stack, "p", mark); err != nil {
		t.Fatal(err)
	}
	if err := s.Untag(t.Context(), root(), "p", []string{mark[0].Key}); !errors.Is(err, parameter.ErrInvalid) {
		t.Errorf("Untag = %v, want %v", err, parameter.ErrInvalid)
	}
	if tags, err := s.Tags(t.Context(), root(), "p"); err != nil || !slices.Equal(tags, mark) {
		t.Errorf("Tags = %v, %v, want %v", tags, err, mark)
	}
	if err := s.Untag(t.Context(), stack, "p", []string{mark[0].Key}); err != nil {
		t.Errorf("Untag by the stack = %v", err)
	}
}

// A value that would refer to other parameters is refused; braces alone are not.
func TestNestedValues(t *testing.T) {
	s, _ := open()
	for _, tt := range []struct {
		value string
		want  error
	}{
		{"{{ssm:other}}", parameter.ErrInvalid},
		{"a {{ other }} b", parameter.ErrInvalid},
		{"{{}}", parameter.ErrInvalid},
		{`{"a":{"b":{"c":{}}}}`, nil},
		{"{{ is not closed", nil},
		{"}} is not open {{", nil},
		{"${other} {other}", nil},
	} {
		for _, kind := range []parameter.Type{parameter.String, parameter.StringList, parameter.SecureString} {
			_, _, err := s.Put(t.Context(), root(), parameter.PutRequest{Name: "p" + string(kind), Type: kind, Value: tt.value, Overwrite: true})
			if !errors.Is(err, tt.want) {
				t.Errorf("Put(%s %q) = %v, want %v", kind, tt.value, err, tt.want)
			}
		}
	}
}
