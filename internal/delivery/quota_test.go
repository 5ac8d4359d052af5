package delivery_test

import (
	"os"
	"reflect"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
)

// TestEveryQuotaHasAName sets each field by its name, and finds the names on
// the operator's page.
func TestEveryQuotaHasAName(t *testing.T) {
	page, err := os.ReadFile("../../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	fields := reflect.TypeFor[delivery.Quotas]()
	standard := must(delivery.NewQuotas(nil))
	for i := range fields.NumField() {
		field := fields.Field(i).Name
		name := strings.ToLower(field[:1]) + field[1:]
		q, err := delivery.NewQuotas(map[string]int{name: 12345})
		if err != nil {
			t.Error(err)
			continue
		}
		want := standard
		reflect.ValueOf(&want).Elem().Field(i).SetInt(12345)
		if q != want || reflect.ValueOf(standard).Field(i).Int() < 1 {
			t.Errorf("%s sets %+v; by default %+v", name, q, standard)
		}
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/ops.md lacks %s", name)
		}
	}
	for _, set := range []map[string]int{{"Aliases": 1}, {"aliases": 0}, {"": 1}} {
		if _, err := delivery.NewQuotas(set); err == nil {
			t.Errorf("%v is accepted", set)
		}
	}
}
