package secret_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/secret"
)

// A version that was the current one keeps none of the labels of a rotation.
func TestPendingEndsWithCurrent(t *testing.T) {
	w := open()
	first := w.create(t, "s", "one")
	second, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text("two"), Stages: []string{secret.Pending, "MINE"}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.MoveStage(t.Context(), root(), "s", secret.Current, second.VersionID, first.VersionID); err != nil {
		t.Fatal(err)
	}
	if got, want := w.stages(t, second.VersionID), []string{secret.Pending, "MINE", secret.Current}; !slices.Equal(got, want) {
		t.Errorf("the new version has %v, want %v", got, want)
	}
	if _, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text("three")}); err != nil {
		t.Fatal(err)
	}
	if got, want := w.stages(t, second.VersionID), []string{"MINE", secret.Previous}; !slices.Equal(got, want) {
		t.Errorf("the version before has %v, want %v", got, want)
	}
}

func (w *world) stages(t *testing.T, id string) []string {
	t.Helper()
	d, err := w.Describe(t.Context(), root(), "s")
	if err != nil {
		t.Fatal(err)
	}
	return d.Stages[id]
}

// Each version has the day on which it was read itself, also under another key.
func TestVersionsAreReadApart(t *testing.T) {
	w := open()
	first := w.create(t, "s", "one")
	second, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text("two")})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Get(t.Context(), root(), "s", first.VersionID, ""); err != nil {
		t.Fatal(err)
	}
	for _, service := range []bool{true, false} {
		all, _, _, _, err := w.Versions(t.Context(), root(), "s", true, secret.Page{})
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range all {
			if v.Accessed.IsZero() != (v.ID == second.VersionID) {
				t.Errorf("version %s was read at %v", v.ID, v.Accessed)
			}
			if v.ServiceKey != service {
				t.Errorf("version %s is under %s: service key %v, want %v", v.ID, v.KeyARN, v.ServiceKey, service)
			}
		}
		key := "alias/mine"
		if _, err := w.Update(t.Context(), root(), secret.UpdateRequest{Secret: "s", KeyID: &key}); err != nil {
			t.Fatal(err)
		}
	}
}

// forbidden is a function that nobody may call.
type forbidden struct{}

func (forbidden) Invoke(context.Context, string, string, []byte) error {
	return fmt.Errorf("invoke: %w", access.ErrDenied)
}

// A function that may not be called leaves the secret as it was.
func TestRotationByForbiddenFunction(t *testing.T) {
	w := openWith(forbidden{})
	w.create(t, "s", "one")
	before, err := w.Describe(t.Context(), root(), "s")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Rotate(t.Context(), root(), secret.RotateRequest{Secret: "s", Function: "arn:f", Days: 30}); !errors.Is(err, access.ErrDenied) {
		t.Fatalf("Rotate: %v, want ErrDenied", err)
	}
	after, err := w.Describe(t.Context(), root(), "s")
	if err != nil || fmt.Sprint(after) != fmt.Sprint(before) {
		t.Errorf("Describe = %+v, %v; want %+v", after, err, before)
	}
}

func TestFilters(t *testing.T) {
	w := open()
	for name, description := range map[string]string{"testing1/one": "a secret", "/testing2/two": "an secret", "testing3/three": "asecret", "/testing4/four": "thesecret"} {
		_, err := w.Create(t.Context(), root(), secret.CreateRequest{Name: name, Text: description, Tags: []secret.Tag{{Key: "Kind", Value: name[:1]}}})
		if err != nil {
			t.Fatal(err)
		}
	}
	all := []string{"/testing2/two", "/testing4/four", "testing1/one", "testing3/three"}
	for _, tt := range []struct {
		key, value string
		want       []string
	}{
		{"name", "/", all[:2]},
		{"name", "!/", all[2:]},
		{"name", "testing1 one", nil},
		{"name", "Testing1", nil},
		{"description", "a", []string{all[0], all[2], all[3]}},
		{"description", "!a", all[1:2]},
		{"description", "A Secret", []string{all[0], all[2]}},
		{"description", "secret", []string{all[0], all[2]}},
		{"description", "!c", all},
		{"all", "TWO", all[:1]},
		{"all", "kind secret one", all[2:3]},
		{"tag-key", "Ki", all},
		{"tag-key", "ki", nil},
		{"tag-value", "/", all[:2]},
	} {
		found, _, err := w.List(t.Context(), root(), []secret.Filter{{Key: tt.key, Values: []string{tt.value}}}, false, false, secret.Page{})
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range found {
			got = append(got, d.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s %q: %v, want %v", tt.key, tt.value, got, tt.want)
		}
	}
}

// A listing goes on behind a version that has lost its labels, and so its place in
// the listing.
func TestVersionsPages(t *testing.T) {
	w := open()
	made := w.create(t, "s", "0")
	want := []string{made.VersionID}
	put := func(stages ...string) string {
		t.Helper()
		w.clock.Advance(time.Second)
		m, err := w.Put(t.Context(), root(), secret.PutRequest{Secret: "s", Value: text("v"), Stages: stages})
		if err != nil {
			t.Fatal(err)
		}
		return m.VersionID
	}
	for _, label := range []string{"a", "b", "c"} {
		want = append(want, put(label))
	}
	slices.Reverse(want) // the newest first
	var got []string
	page := secret.Page{Limit: 1}
	for {
		list, _, _, next, err := w.Versions(t.Context(), root(), "s", false, page)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			got = append(got, v.ID)
			for _, label := range v.Stages {
				if label == secret.Current {
					continue
				}
				if _, err := w.MoveStage(t.Context(), root(), "s", label, "", v.ID); err != nil {
					t.Fatal(err)
				}
			}
		}
		if page.Token = next; next == "" {
			break
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages have %v, want %v", got, want)
	}
}
