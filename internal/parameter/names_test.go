package parameter_test

import (
	"slices"
	"testing"

	"github.com/keyfront-project/keyfront/internal/parameter"
)

// "bare" and "/bare" name one parameter to every operation, whichever it was made by;
// above all, nothing is told to be removed that is still there.
func TestOneParameterOfTwoNames(t *testing.T) {
	for made, asked := range map[string]string{"bare": "/bare", "/bare": "bare"} {
		ctx := t.Context()
		s, _ := open()
		put(t, s, parameter.PutRequest{Name: made, Type: parameter.String, Value: "v"})
		if v, err := s.Get(ctx, root(), asked, false); err != nil || v.Value != "v" {
			t.Errorf("Get(%q) = %+v, %v", asked, v, err)
		}
		if err := s.Tag(ctx, root(), asked, []parameter.Tag{{Key: "a", Value: "b"}}); err != nil {
			t.Errorf("Tag(%q) = %v", asked, err)
		}
		if tags, err := s.Tags(ctx, root(), made); err != nil || len(tags) != 1 {
			t.Errorf("Tags(%q) = %v, %v", made, tags, err)
		}
		if _, _, err := s.Label(ctx, root(), asked, 0, []string{"l"}); err != nil {
			t.Errorf("Label(%q) = %v", asked, err)
		}
		if l, err := s.History(ctx, root(), asked, false, parameter.Page{}); err != nil || len(l.Items) != 1 || !slices.Equal(l.Items[0].Labels, []string{"l"}) {
			t.Errorf("History(%q) = %+v, %v", asked, l, err)
		}
		removed, missing, err := s.DeleteMany(ctx, root(), []string{asked})
		if err != nil || len(removed) != 1 || len(missing) != 0 {
			t.Errorf("DeleteMany(%q) = %q, %q, %v", asked, removed, missing, err)
		}
		if v, err := s.Get(ctx, root(), made, false); err == nil {
			t.Errorf("after that, Get(%q) = %+v", made, v)
		}
		put(t, s, parameter.PutRequest{Name: made, Type: parameter.String, Value: "v"})
		if err := s.Delete(ctx, root(), asked); err != nil {
			t.Errorf("Delete(%q) = %v", asked, err)
		}
	}
}
