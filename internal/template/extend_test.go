package template_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/template"
)

// expand reads a template with the transform and unrolls it.
func expand(t *testing.T, source string, given map[string]string) *template.Template {
	t.Helper()
	tmpl, err := template.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	if tmpl, err = tmpl.Expand(template.Scope{Region: "eu-west-1", Arguments: given}); err != nil {
		t.Fatal(err)
	}
	return tmpl
}

func TestLoops(t *testing.T) {
	tmpl := expand(t, `
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList}}
Mappings: {Sizes: {eu-west-1: {all: [s, m]}}}
Conditions:
  Fn::ForEach::Each: [Size, [s, m], {'Is${Size}': !Equals [!Ref Size, s]}]
Resources:
  Fn::ForEach::Buckets:
    - Name
    - !Ref Names
    - Bucket&{Name}:
        Type: AWS::S3::Bucket
        Properties: {BucketName: !Ref Name, Tag: !Sub '${Name}-${AWS::Region}', Plain: 'x${Name}'}
      Fn::ForEach::Policies:
        - Size
        - !FindInMap [Sizes, !Ref 'AWS::Region', all]
        - 'P&{Name}${Size}':
            Type: AWS::S3::BucketPolicy
            Condition: Is${Size}
            DependsOn: Bucket&{Name}
            Properties:
              Fn::ForEach::Members: [Member, [A, B], {'${Member}': '${Member}${Size}'}]
Outputs:
  Fn::ForEach::Outs: [Name, !Ref Names, {'Out&{Name}': {Value: !GetAtt ['Bucket&{Name}', Arn]}}]
`, map[string]string{"Names": "a.b,c"})
	b, err := tmpl.Bind(template.Scope{Region: "eu-west-1", Arguments: map[string]string{"Names": "a.b,c"}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Resources(), []string{"Bucketab", "Bucketc", "Pabs", "Pcs"}; !slices.Equal(got, want) {
		t.Errorf("resources = %v, want %v", got, want)
	}
	for name, want := range map[string]string{
		"Bucketab": `{"BucketName":"a.b","Plain":"xa.b","Tag":"a.b-eu-west-1"}`,
		"Pcs":      `{"A":"As","B":"Bs"}`,
	} {
		properties, err := b.Properties(name, made{})
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(properties); string(got) != want {
			t.Errorf("%s = %s, want %s", name, got, want)
		}
	}
	values, err := b.Outputs(made{})
	if err != nil || len(values) != 2 || values[0].Name != "Outab" || values[0].Value != "Bucketab/Arn" {
		t.Errorf("outputs = %+v, %v", values, err)
	}
	if text, ok := tmpl.Document(); !ok || strings.Contains(text, "ForEach") || strings.Contains(text, "Transform") {
		t.Errorf("document = %s", text)
	}
}

func TestExtensions(t *testing.T) {
	const around = `
Transform: [AWS::LanguageExtensions]
Parameters: {P: {Type: String, Default: p}, L: {Type: CommaDelimitedList, Default: 'a, b'}, Hold: {Type: String, Default: Retain}}
Mappings: {M: {k: {v: x}}}
Conditions: {Two: !Equals [!Length [1, 2], 2]}
Resources:
  R: {Type: 'AWS::S3::Bucket', DeletionPolicy: !If [Two, !Ref Hold, Delete], Properties: {V: `
	given := map[string]string{"P": "p", "L": "a, b", "Hold": "Retain"}
	for _, tt := range []struct{ value, want string }{
		{`!Length [1, 2, 3]`, `3`},
		{`!Length {Ref: L}`, `2`},
		{`{'Fn::Length': {'Fn::Split': ['|', 'a|b|c']}}`, `3`},
		{`{'Fn::ToJsonString': {b: [1, !Ref P], a: '<'}}`, `"{\"a\":\"\u003c\",\"b\":[1,\"p\"]}"`},
		{`!ToJsonString [a]`, `"[\"a\"]"`},
		{`!FindInMap [M, k, v, {DefaultValue: d}]`, `"x"`},
		{`!FindInMap [M, k, !Ref P, {DefaultValue: !Ref P}]`, `"p"`},
		{`!FindInMap [None, k, v, {DefaultValue: [d]}]`, `["d"]`},
	} {
		b, err := expand(t, around+tt.value+"}}", given).Bind(template.Scope{Arguments: given})
		if err != nil {
			t.Errorf("%s: %v", tt.value, err)
			continue
		}
		properties, err := b.Properties("R", made{})
		if got, _ := json.Marshal(properties["V"]); err != nil || string(got) != tt.want {
			t.Errorf("%s = %s, %v, want %s", tt.value, got, err, tt.want)
		}
		if got := b.Policies("R").Deletion; got != "Retain" {
			t.Errorf("DeletionPolicy = %s", got)
		}
	}
}

func TestExtensionRefusals(t *testing.T) {
	const r = "\nResources: {R: {Type: 'AWS::S3::Bucket', Properties: {V: "
	for _, tt := range []struct{ name, source, want string }{
		{"without the transform", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {V: !Length [1]}}}", "unsupported function: Fn::Length"},
		{"another transform too", "Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]" + r + "1}}}", "not supported: Transform AWS::Serverless-2016-10-31"},
		{"a function for a name", "Transform: [{Name: {Ref: P}}]" + r + "1}}}", "Key Name of transform definition must be a string."},
		{"no list", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': x}", "Fn::ForEach layout is incorrect: Fn::ForEach::L"},
		{"no strings", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [I, [{a: b}], {'${I}': {Type: 'AWS::S3::Bucket'}}]}", "needs a list of strings"},
		{"a name twice", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [I, [a, b], {X: {Type: 'AWS::S3::Bucket'}}]}", "duplicate key X"},
		{"the name of a parameter", "Transform: AWS::LanguageExtensions\nParameters: {P: {Type: String}}\nResources: {'Fn::ForEach::L': [P, [a], {'${P}': {Type: 'AWS::S3::Bucket'}}]}", "name of a parameter"},
		{
			"too many values", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [I, [a, b, c, d, e, f, g, h, i, j, k, l], {'${I}': {Type: 'AWS::S3::Bucket', Properties: {V: [" +
				strings.Repeat("1,", 9000) + "1]}}}]}", "make too many values",
		},
		{
			"too deep", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [A, [a], {'Fn::ForEach::L': [B, [a], {'Fn::ForEach::L': [C, [a], {'Fn::ForEach::L': [D, [a], {'Fn::ForEach::L': [E, [a], {'Fn::ForEach::L': [F, [a], {'${F}': {Type: 'AWS::S3::Bucket'}}]}]}]}]}]}]}",
			"nested 5 times at most",
		},
		{"nothing left", "Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [I, [], {'${I}': {Type: 'AWS::S3::Bucket'}}]}", "At least one Resources member must be defined."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tmpl, err := template.Parse(tt.source)
			if err == nil {
				_, err = tmpl.Expand(template.Scope{})
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Expand = %v, want %q", err, tt.want)
			}
		})
	}
}

func FuzzExpand(f *testing.F) {
	for _, seed := range []string{
		"Transform: AWS::LanguageExtensions\nResources: {'Fn::ForEach::L': [I, [a, b], {'X${I}': {Type: 'AWS::S3::Bucket', Properties: {V: !Ref I}}}]}",
		"Transform: AWS::LanguageExtensions\nParameters: {P: {Type: CommaDelimitedList}}\nResources: {'Fn::ForEach::L': [I, !Ref P, {'X&{I}': {Type: 'AWS::S3::Bucket'}}]}",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := template.Parse(source)
		if err != nil {
			return
		}
		expanded, err := tmpl.Expand(template.Scope{Region: "r"})
		if err != nil || !expanded.Extended() {
			return
		}
		// What was unrolled is a template that says the same.
		text, _ := expanded.Document()
		if strings.Contains(text, "Fn::Length") || strings.Contains(text, "Fn::ToJsonString") || strings.Contains(text, "FindInMap") {
			return
		}
		again, err := template.Parse(text)
		if err != nil {
			t.Fatalf("the document of %q is no template: %v", source, err)
		}
		if !slices.Equal(again.Types(), expanded.Types()) {
			t.Errorf("types %v, want %v", again.Types(), expanded.Types())
		}
	})
}
