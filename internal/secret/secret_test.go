package secret_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/secret"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
)

// principals exist, but for strangers.
type principals struct{}

func (principals) Identify(name string) (string, bool) {
	return name, !strings.HasSuffix(name, "/stranger")
}
func (principals) NameOf(id string) (string, bool) { return id, true }

// lambda is a rotation function: it makes up a new value, and fails at one step
// if it is told to.
type lambda struct {
	service *secret.Service
	failAt  string
	during  func(step string) error // nil does nothing
	steps   []string
}

var errLambda = errors.New("the function threw")

func (l *lambda) Invoke(ctx context.Context, _, sourceARN string, event []byte) error {
	var e struct{ Step, SecretId, ClientRequestToken string }
	if err := json.Unmarshal(event, &e); err != nil {
		return err
	}
	if e.SecretId != sourceARN {
		return errors.New("for another secret")
	}
	l.steps = append(l.steps, e.Step)
	if e.Step == l.failAt {
		return errLambda
	}
	if l.during != nil {
		if err := l.during(e.Step); err != nil {
			return err
		}
	}
	switch e.Step {
	case "createSecret":
		_, err := l.service.Put(ctx, root(), secret.PutRequest{Secret: e.SecretId, Value: text("value " + e.ClientRequestToken), Token: e.ClientRequestToken, Stages: []string{secret.Pending}})
		if errors.Is(err, secret.ErrExists) {
			return nil
		}
		return err
	case "finishSecret":
		d, err := l.service.Describe(ctx, root(), e.SecretId)
		if err != nil {
			return err
		}
		from := ""
		for id, labels := range d.Stages {
			for _, label := range labels {
				if label == secret.Current {
					from = id
				}
			}
		}
		_, err = l.service.MoveStage(ctx, root(), e.SecretId, secret.Current, e.ClientRequestToken, from)
		return err
	}
	return nil
}

type world struct {
	*secret.Service
	records store.Records
	clock   *clock.Clock
	journal *accesstest.Journal
	lambda  *lambda
}

func open() *world {
	function := new(lambda)
	w := openWith(function)
	w.lambda, function.service = function, w.Service
	return w
}

func openWith(functions secret.Invoker) *world {
	w := &world{records: memory.NewRecords(), clock: clock.Movable(), journal: new(accesstest.Journal)}
	w.Service = secret.New(secret.Config{
		Records: w.records, Keys: accesstest.Keys{}, Clock: w.clock, Log: slog.New(slog.DiscardHandler), Principals: principals{}, Functions: functions,
		Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: w.journal}),
	})
	return w
}

func root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "r1", At: time.Now(),
	}
}

func text(s string) *secret.Value {
	return &secret.Value{Bytes: sealed.NewSecret([]byte(s)), Text: true}
}

func (w *world) create(t *testing.T, name, value string) secret.Made {
	t.Helper()
	m, err := w.Create(t.Context(), root(), secret.CreateRequest{Name: name, Value: text(value)})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func (w *world) value(t *testing.T, ref string) string {
	t.Helper()
	v, err := w.Get(t.Context(), root(), ref, "", "")
	if err != nil {
		t.Fatal(err)
	}
	return string(v.Value.Bytes.Reveal())
}

// left counts the records of all secrets.
func (w *world) left(t *testing.T) (n int) {
	t.Helper()
	err := w.records.View(t.Context(), func(tx store.Reader) error {
		for _, space := range []store.Space{"sm.secret", "sm.version", "sm.due"} {
			for _, err := range tx.Scan(space, store.Range{}) {
				if err != nil {
					return err
				}
				n++
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Under another key, the values in use can do without the old one; a caller who may
// not use the new one changes what later values are encrypted under.
func TestAnotherKey(t *testing.T) {
	w := open()
	w.create(t, "s", "one")
	for _, value := range []string{"two", "three"} {
		if _, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text(value)}); err != nil {
			t.Fatal(err)
		}
	}
	keysOf := func() (n map[string]int) {
		all, _, _, _, err := w.Versions(t.Context(), root(), "s", true, secret.Page{})
		if err != nil {
			t.Fatal(err)
		}
		n = make(map[string]int)
		for _, v := range all {
			n[v.KeyARN]++
		}
		return n
	}
	managed := "arn:aws:kms:us-east-1:111122223333:key/secretsmanager"
	for _, c := range []struct {
		key   string
		value *secret.Value
		err   error
		want  map[string]int
	}{
		{accesstest.AbsentKey, nil, secret.ErrEncryption, map[string]int{managed: 3}},
		{accesstest.BrokenKey, nil, accesstest.ErrDisk, map[string]int{managed: 3}}, // our fault, not the key's
		{accesstest.ForbiddenKey, nil, nil, map[string]int{managed: 3}},
		{"new", nil, nil, map[string]int{managed: 1, "new": 2}},
		{"newer", text("four"), nil, map[string]int{managed: 1, "newer": 3}},
	} {
		if _, err := w.Update(t.Context(), root(), secret.UpdateRequest{Secret: "s", KeyID: &c.key, Value: c.value}); !errors.Is(err, c.err) {
			t.Fatalf("Update to key %s: %v, want %v", c.key, err, c.err)
		}
		if got := keysOf(); !maps.Equal(got, c.want) {
			t.Errorf("after Update to key %s, versions by key are %v, want %v", c.key, got, c.want)
		}
	}
	if got := w.value(t, "s"); got != "four" {
		t.Errorf("value = %q, want four", got)
	}
	previous, err := w.Get(t.Context(), root(), "s", "", secret.Previous)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(previous.Value.Bytes.Reveal()); got != "three" {
		t.Errorf("the value before = %q, want three", got)
	}
}

// A deleted secret is destroyed when its window ends, not before, and not if it
// was restored.
func TestDeletionWaits(t *testing.T) {
	w := open()
	w.create(t, "gone", "v")
	w.create(t, "kept", "v")
	for _, name := range []string{"gone", "kept"} {
		if _, _, err := w.Delete(t.Context(), root(), name, 7, false); err != nil {
			t.Fatal(err)
		}
	}
	w.clock.Advance(6 * 24 * time.Hour)
	if err := w.DoDue(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Restore(t.Context(), root(), "kept"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Describe(t.Context(), root(), "gone"); err != nil {
		t.Errorf("before the window ends: %v", err)
	}
	w.clock.Advance(25 * time.Hour)
	for range 2 { // a second time there is nothing to do
		if err := w.DoDue(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Describe(t.Context(), root(), "gone"); !errors.Is(err, secret.ErrNotFound) {
		t.Errorf("after the window: %v, want ErrNotFound", err)
	}
	if w.value(t, "kept") != "v" {
		t.Error("the restored secret lost its value")
	}
	if n := w.left(t); n != 2 {
		t.Errorf("%d records are left, want those of one secret", n)
	}
	records := w.journal.Records()
	if last := records[len(records)-3]; last.Action != "secretsmanager:DeleteSecret" || last.Who.ARN != "secretsmanager.amazonaws.com" {
		t.Errorf("the end was recorded as %+v", last)
	}
}

func TestRotation(t *testing.T) {
	for _, failAt := range []string{"", "createSecret", "setSecret", "testSecret", "finishSecret"} {
		t.Run("fail at "+failAt, func(t *testing.T) {
			w := open()
			w.create(t, "s", "first")
			w.lambda.failAt = failAt
			m, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: "s", Function: "arn:f", Days: 30})
			if failAt == "" {
				if err != nil || w.value(t, "s") != "value "+m.VersionID || strings.Join(w.lambda.steps, " ") != "createSecret setSecret testSecret finishSecret" {
					t.Fatalf("%v, value %q after steps %v", err, w.value(t, "s"), w.lambda.steps)
				}
			} else if !errors.Is(err, secret.ErrState) || w.value(t, "s") != "first" {
				t.Fatalf("%v, value %q; want ErrState and the first value", err, w.value(t, "s"))
			}
			// The next turn, on schedule, takes up what was left.
			w.lambda.failAt = ""
			before := w.value(t, "s")
			w.clock.Advance(31 * 24 * time.Hour)
			if err := w.DoDue(t.Context()); err != nil {
				t.Fatal(err)
			}
			if w.value(t, "s") == before {
				t.Error("not rotated on schedule")
			}
			d, err := w.Describe(t.Context(), root(), "s")
			if err != nil || !d.RotatesNext.After(w.clock.Now()) {
				t.Errorf("next rotation at %v, %v", d.RotatesNext, err)
			}
			for id, labels := range d.Stages {
				if strings.Contains(strings.Join(labels, " "), secret.Pending) {
					t.Errorf("version %s is still pending", id)
				}
			}
			if _, err := w.CancelRotation(t.Context(), root(), "s"); err != nil {
				t.Fatal(err)
			}
			before = w.value(t, "s")
			w.clock.Advance(62 * 24 * time.Hour)
			if err := w.DoDue(t.Context()); err != nil || w.value(t, "s") != before {
				t.Errorf("rotated after it was turned off: %v", err)
			}
		})
	}
}

// Old versions without a label go, the others stay.
func TestVersionsAreBounded(t *testing.T) {
	w := open()
	w.create(t, "s", "0")
	for i := range secret.MaxVersions + 10 {
		if _, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text(fmt.Sprint(i + 1))}); err != nil {
			t.Fatal(err)
		}
	}
	all, _, _, _, err := w.Versions(t.Context(), root(), "s", true, secret.Page{})
	if err != nil || len(all) != secret.MaxVersions {
		t.Errorf("%d versions, %v", len(all), err)
	}
	if got := w.value(t, "s"); got != fmt.Sprint(secret.MaxVersions+10) {
		t.Errorf("value %s", got)
	}
}

// Of many who make one secret, one does; the others' values leave nothing.
func TestOneMakesIt(t *testing.T) {
	w := open()
	var work sync.WaitGroup
	errs := make([]error, 8)
	for i := range errs {
		work.Go(func() {
			_, errs[i] = w.Create(t.Context(), root(), secret.CreateRequest{Name: "s", Value: text("v")})
		})
	}
	work.Wait()
	made := 0
	for _, err := range errs {
		if err == nil {
			made++
		} else if !errors.Is(err, secret.ErrExists) {
			t.Error(err)
		}
	}
	if n := w.left(t); made != 1 || n != 2 {
		t.Errorf("%d made it, %d records", made, n)
	}
}

func TestNothingLeaks(t *testing.T) {
	w := open()
	w.create(t, "s", "hunter2")
	if w.value(t, "s") != "hunter2" {
		t.Fatal("not readable")
	}
	if records := fmt.Sprintf("%+v", w.journal.Records()); strings.Contains(records, "hunter2") {
		t.Errorf("the record has the value: %s", records)
	}
	user := root()
	user.Principal = policy.Principal{Kind: policy.User, Account: "111122223333", ARN: "arn:aws:iam::111122223333:user/u"}
	for _, name := range []string{"s", "none"} {
		if _, err := w.Get(t.Context(), user, name, "", ""); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Get %s: %v, want ErrDenied", name, err)
		}
		if _, _, err := w.Delete(t.Context(), user, name, 0, true); !errors.Is(err, access.ErrDenied) {
			t.Errorf("Delete %s: %v, want ErrDenied", name, err)
		}
	}
}

func TestRandomPassword(t *testing.T) {
	w := open()
	for _, tt := range []struct {
		p       secret.Password
		letters string
		err     error
	}{
		{secret.Password{}, "", nil},
		{secret.Password{Length: 4, NoPunctuation: true, NoUpper: true, NoLower: true}, "0123456789", nil},
		{secret.Password{Length: 1, NoPunctuation: true, NoUpper: true, NoLower: true, Exclude: "012345678"}, "9", nil},
		{secret.Password{NoNumbers: true, NoPunctuation: true, NoUpper: true, NoLower: true}, "", secret.ErrInvalid},
		{secret.Password{Length: 3}, "", secret.ErrInvalid},
		{secret.Password{Length: 4, Space: true}, "", nil}, // a space may be there, and need not
		{secret.Password{NoNumbers: true, NoPunctuation: true, NoUpper: true, NoLower: true, Space: true}, " ", nil},
		{secret.Password{NoNumbers: true, NoPunctuation: true, NoUpper: true, NoLower: true, Space: true, Exclude: " "}, "", secret.ErrInvalid},
		{secret.Password{Length: 5000}, "", secret.ErrInvalid},
	} {
		for range 50 {
			got, err := w.RandomPassword(t.Context(), root(), tt.p)
			if !errors.Is(err, tt.err) || tt.err == nil && err != nil {
				t.Fatalf("%+v: %v, want %v", tt.p, err, tt.err)
			}
			if err != nil {
				break
			}
			s := string(got.Reveal())
			if tt.letters != "" && strings.Trim(s, tt.letters) != "" || tt.p.Length != 0 && int64(len(s)) != tt.p.Length {
				t.Fatalf("%+v made %q", tt.p, s)
			}
			if tt.p == (secret.Password{}) && (len(s) != 32 || !strings.ContainsAny(s, "0123456789") || strings.ToLower(s) == s || strings.ToUpper(s) == s) {
				t.Fatalf("the usual password %q lacks a class", s)
			}
		}
	}
}

// What a stack marked as its own stays marked.
func TestUntagLeavesReservedTags(t *testing.T) {
	w := open()
	made := w.create(t, "s", "v")
	key := "aws:cloudformation:stack-name"
	stack := root().Through("cloudformation")
	if err := w.Tag(t.Context(), stack, made.ARN, []secret.Tag{{Key: key, Value: "s"}}); err != nil {
		t.Fatal(err)
	}
	if err := w.Untag(t.Context(), root(), made.ARN, []string{key}); !errors.Is(err, secret.ErrInvalid) {
		t.Errorf("Untag = %v, want %v", err, secret.ErrInvalid)
	}
	if err := w.Untag(t.Context(), stack, made.ARN, []string{key}); err != nil {
		t.Errorf("Untag by the stack = %v", err)
	}
}
