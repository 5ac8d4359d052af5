package template_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/template"
)

// evaluate reads a template and evaluates the resource R.
func evaluate(t *testing.T, doc map[string]any, arguments map[string]string) error {
	t.Helper()
	text, err := json.Marshal(doc)
	if err != nil {
		t.Fatal(err)
	}
	read, err := template.Parse(string(text))
	if err != nil {
		t.Fatal(err)
	}
	scope := template.Scope{Account: "111122223333", Region: "us-east-1", Arguments: arguments}
	if read, err = read.Expand(scope); err != nil {
		return err
	}
	b, err := read.Bind(scope)
	if err != nil {
		return err
	}
	_, err = b.Properties("R", nil)
	return err
}

func resource(value any) map[string]any {
	return map[string]any{"R": map[string]any{"Type": "AWS::SSM::Parameter", "Properties": map[string]any{"Value": value}}}
}

// A few lines of template do not take a processor for years: what a variable of
// Fn::Sub stands for is worked out once, however often it is there.
func TestNestedSub(t *testing.T) {
	var value any = ""
	for range 18 {
		value = map[string]any{"Fn::Sub": []any{strings.Repeat("${A}", 20), map[string]any{"A": value}}}
	}
	if err := evaluate(t, map[string]any{"Resources": resource(value)}, nil); err != nil {
		t.Errorf("Properties = %v", err)
	}
}

// Nor does it fill the memory: what a resource's properties become is bounded
// together, not only each text by itself.
func TestValuesAreBoundedTogether(t *testing.T) {
	parameters := map[string]any{"P": map[string]any{"Type": "String"}}
	arguments := map[string]string{"P": strings.Repeat("x", 4000)}
	many := func(v any) []any {
		list := make([]any, 1000)
		for i := range list {
			list[i] = v
		}
		return list
	}
	refs := strings.Repeat("${P}", 200)
	join := map[string]any{"Fn::Join": []any{"", many(map[string]any{"Ref": "P"})[:100]}}
	for name, value := range map[string]any{
		"Fn::Sub":       many(map[string]any{"Fn::Sub": refs}),
		"Fn::Join":      many(join)[:100],
		"Fn::FindInMap": many(map[string]any{"Fn::FindInMap": []any{"M", "a", "b"}}),
	} {
		doc := map[string]any{"Parameters": parameters, "Resources": resource(value), "Mappings": map[string]any{"M": map[string]any{"a": map[string]any{"b": many(strings.Repeat("x", 100))}}}}
		err := evaluate(t, doc, arguments)
		if err == nil || !strings.Contains(err.Error(), "too long") {
			t.Errorf("%s: %v, want a refusal", name, err)
		}
	}
	loop := map[string]any{
		"Transform": "AWS::LanguageExtensions", "Parameters": parameters,
		"Resources": map[string]any{
			"R":              resource("x")["R"],
			"Fn::ForEach::L": []any{"X", []any{map[string]any{"Ref": "P"}}, map[string]any{"R2": map[string]any{"Type": "AWS::SSM::Parameter", "Properties": map[string]any{"Value": many(strings.Repeat("${X}", 200))}}}},
		},
	}
	if err := evaluate(t, loop, arguments); err == nil || !strings.Contains(err.Error(), "too long") {
		t.Errorf("Fn::ForEach: %v, want a refusal", err)
	}
}
