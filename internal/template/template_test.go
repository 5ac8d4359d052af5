package template_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/template"
)

// made is a stack whose resources all have their own name for a physical id.
type made struct{}

func (made) Ref(name string) (any, bool)             { return "id-" + name, true }
func (made) Attribute(name, attr string) (any, bool) { return name + "/" + attr, attr != "None" }

var errAway = errors.New("the exports are away")

// That exports cannot be looked at is nothing about the template.
func TestExportsAway(t *testing.T) {
	b := bind(t, `
Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {V: !Sub ['${A}', {A: !ImportValue away}]}}}
Outputs: {O: {Value: !ImportValue away}}`, nil)
	if _, err := b.Properties("R", made{}); err != errAway {
		t.Errorf("Properties: %v, want %v", err, errAway)
	}
	if _, err := b.Outputs(made{}); err != errAway {
		t.Errorf("Outputs: %v, want %v", err, errAway)
	}
}

func bind(t *testing.T, source string, given map[string]string) *template.Bound {
	t.Helper()
	tmpl, err := template.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	arguments, err := tmpl.Arguments(given)
	if err != nil {
		t.Fatal(err)
	}
	b, err := tmpl.Bind(template.Scope{
		Account: "111122223333", Region: "eu-west-1", StackName: "films", StackID: "arn:stack", Arguments: arguments,
		Export: func(name string) (string, bool, error) {
			if name == "away" {
				return "", false, errAway
			}
			return "exported", name == "shared", nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestFunctions(t *testing.T) {
	const around = `
Parameters: {P: {Type: String, Default: p}, L: {Type: CommaDelimitedList, Default: 'a, b'}, N: {Type: Number, Default: 7}}
Mappings: {M: {eu-west-1: {ami: x}}}
Conditions:
  Yes: !Equals [!Ref P, p]
  No: !Not [!Condition Yes]
  Both: !And [!Condition Yes, !Equals [!Ref N, '7']]
  Named: !Equals [!Sub ['${P}-${X}', {X: !Ref N}], 'p-7']
Resources:
  Other: {Type: 'AWS::S3::Bucket'}
  R: {Type: 'AWS::S3::Bucket', Properties: {V: `
	tests := []struct{ value, want string }{
		{`!Ref P`, `"p"`},
		{`!Ref L`, `["a","b"]`},
		{`!Ref Other`, `"id-Other"`},
		{`!Ref 'AWS::AccountId'`, `"111122223333"`},
		{`!Ref 'AWS::StackName'`, `"films"`},
		{`[1, !Ref 'AWS::NoValue', 2]`, `[1,2]`},
		{`!GetAtt Other.Arn`, `"Other/Arn"`},
		{`{'Fn::GetAtt': [Other, Deep.Arn]}`, `"Other/Deep.Arn"`},
		{`!Sub 'a-${P}-${Other}-${Other.Arn}-${!P}-$P-${AWS::Region}'`, `"a-p-id-Other-Other/Arn-${P}-$P-eu-west-1"`},
		{`!Sub ['${X}${P}', {X: !Ref N}]`, `"7p"`},
		{`!Join ['-', [a, !Ref P, 1, true]]`, `"a-p-1-true"`},
		{`!Join ['', !Ref L]`, `"ab"`},
		{`!Select [1, !Split ['|', 'a|b|c']]`, `"b"`},
		{`!Select ['0', !GetAZs '']`, `"eu-west-1a"`},
		{`!GetAtt [Other, !Ref P]`, `"Other/p"`},
		{`!FindInMap [M, !Ref 'AWS::Region', ami]`, `"x"`},
		{`!If [Yes, 1, 2]`, `1`},
		{`!If [No, 1, !Ref 'AWS::NoValue']`, ``},
		{`!If [Both, both, none]`, `"both"`},
		{`!If [Named, named, none]`, `"named"`},
		{`!Base64 hello`, `"aGVsbG8="`},
		{`!ImportValue shared`, `"exported"`},
		{`!Cidr [10.0.0.0/16, 3, 8]`, `["10.0.0.0/24","10.0.1.0/24","10.0.2.0/24"]`},
		{`2012-10-17`, `"2012-10-17"`},
		{`0123`, `"0123"`},
		{`1.50`, `1.50`},
		{`"true"`, `"true"`},
		{`yes`, `"yes"`},
		{`{'Statement': {'Condition': {'StringEquals': {'a': !Ref P}}}}`, `{"Statement":{"Condition":{"StringEquals":{"a":"p"}}}}`},
	}
	for _, tt := range tests {
		properties, err := bind(t, around+tt.value+"}}", nil).Properties("R", made{})
		if err != nil {
			t.Errorf("%s: %v", tt.value, err)
			continue
		}
		got := ""
		if v, ok := properties["V"]; ok {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got = string(text)
		}
		if got != tt.want {
			t.Errorf("%s = %s, want %s", tt.value, got, tt.want)
		}
	}
}

// Of a name that stands twice the last counts: AWS's own published templates have
// such names.
func TestNameTwice(t *testing.T) {
	for _, source := range []string{
		"Resources:\n  R:\n    Type: AWS::S3::Bucket\n    Properties:\n      V: one\n      W: two\n      V: three\n",
		`{"Resources": {"R": {"Type": "AWS::S3::Bucket", "Properties": {"V": "one", "W": "two", "V": "three"}}}}`,
	} {
		got, err := bind(t, source, nil).Properties("R", made{})
		if err != nil || got["V"] != "three" || got["W"] != "two" {
			t.Errorf("%s\ngives %v, %v", source, got, err)
		}
	}
}

// What is wrong is said in CloudFormation's words, before anything is made.
func TestRefusals(t *testing.T) {
	const ok = `R: {Type: 'AWS::S3::Bucket'}`
	tests := []struct{ name, source, want string }{
		{"text", "hello", "Template format error: unsupported structure."},
		{"bad YAML", "a: [b", "Template format error: YAML not well-formed."},
		{"bad JSON", `{"Resources": {"R" 1}}`, "Template format error: JSON not well-formed. (line 1"},
		{"alias", "a: &x [1]\nb: *x", "YAML aliases are not allowed"},
		{"bomb", "a: &a [x]\nb: &b [*a,*a]\nc: [*b,*b]", "YAML aliases are not allowed"},
		{"deep", "a: " + strings.Repeat("[", 5000), "nested too deeply"},
		{"deep dashes", "a:\n  " + strings.Repeat("- ", 5000) + "x", "nested too deeply"},
		{"deep tags", "a: [" + strings.Repeat("!Ref ", 5000) + "x]", "nested too deeply"},
		{"deep keys", "a: [" + strings.Repeat("? ", 5000) + "x]", "nested too deeply"},
		{"deep lines", "a:\n" + strings.Repeat(" ", 300) + "b: c", "nested too deeply"},
		{"deep JSON", `{"a":` + strings.Repeat("[", 5000), "nested too deeply"},
		{"no resources", "Parameters: {}", "At least one Resources member must be defined."},
		{"strange section", "Resourcez: {}", "Invalid template property or properties [Resourcez]"},
		{"transform", "Transform: AWS::Serverless-2016-10-31\nResources: {" + ok + "}", "transforms are not supported: Transform AWS::Serverless-2016-10-31"},
		{"no type", "Resources: {R: {Properties: {}}}", "[/Resources/R] Every Resources object must contain a Type member."},
		{"name", "Resources: {a-b: {Type: 'AWS::S3::Bucket'}}", "is non alphanumeric"},
		{"unresolved", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !Ref X, B: !Sub '${Y}'}}}", "Unresolved resource dependencies [X, Y] in the Resources block of the template"},
		{"unresolved output", "Resources: {" + ok + "}\nOutputs: {O: {Value: !Ref X}}", "Unresolved resource dependencies [X] in the Outputs block of the template"},
		{"attribute", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !GetAtt X.Arn}}}", "references undefined resource X"},
		{"circle", "Resources:\n  A: {Type: 'AWS::S3::Bucket', DependsOn: B}\n  B: {Type: 'AWS::S3::Bucket', Properties: {X: !Ref A}}", "Circular dependency between resources: [A, B]"},
		{"itself", "Resources: {A: {Type: 'AWS::S3::Bucket', Properties: {X: !GetAtt A.Arn}}}", "Circular dependency between resources: [A]"},
		{"function", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !Foo x}}}", "Encountered unsupported function: Fn::Foo"},
		{"condition of a resource", "Conditions: {C: !Equals [!Ref R, x]}\nResources: {" + ok + "}", "Unresolved dependencies [R]. Cannot reference resources in the Conditions block of the template"},
		{"rule of a resource", "Rules: {A: {Assertions: [{Assert: !Equals [!Ref R, x]}]}}\nResources: {" + ok + "}", "Unresolved dependencies [R]. Cannot reference resources in the Rules block of the template"},
		{"rule without assertions", "Rules: {A: {RuleCondition: !Equals [a, a]}}\nResources: {" + ok + "}", "Rule A must have a list of Assertions"},
		{"rule with a strange function", "Rules: {A: {Assertions: [{Assert: {'Fn::RefAll': x}}]}}\nResources: {" + ok + "}", "unsupported function: Fn::RefAll"},
		{"function of rules in a property", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !Contains [[a], a]}}}", "unsupported function: Fn::Contains"},
		{"function of rules in a condition", "Conditions: {C: !Contains [[a], a]}\nResources: {" + ok + "}", "unsupported function: Fn::Contains"},
		{"creation policy", "Resources: {R: {Type: 'AWS::S3::Bucket', CreationPolicy: {ResourceSignal: {Count: 1}}}}", "CreationPolicy of resource R is not supported"},
		{"update policy", "Resources: {R: {Type: 'AWS::S3::Bucket', UpdatePolicy: {AutoScalingReplacingUpdate: {WillReplace: true}}}}", "UpdatePolicy of resource R is not supported"},
		{"mapping", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !FindInMap [M, a, b]}}}", "Mapping named 'M' is not present"},
		{"mapping of one level", "Mappings: {M: {B: x, A: y}}\nResources: {" + ok + "}", "Every Mappings member A must be a map"},
		{"mapping with a function", "Mappings: {M: {A: {B: !Ref P}}}\nResources: {" + ok + "}", "Every Mappings attribute must be a String or a List."},
		{"null", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: [x, null]}}}", "[/Resources/R/Properties/A/1] 'null' values are not allowed in templates"},
		{"output without a value", "Resources: {" + ok + "}\nOutputs: {O: {}}", "Every Outputs member must contain a Value object"},
		{"text for resources", "Resources: ''", "Any Resources member must be an object."},
		{"unknown condition", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !If [C, 1, 2]}}}", "Template error: unresolved condition dependency C in Fn::If"},
		{"unknown condition of a resource", "Resources: {R: {Type: 'AWS::S3::Bucket', Condition: C}}", "Unresolved condition dependency C in the Resources block"},
		{"equals of one", "Conditions: {C: !Equals [a]}\nResources: {" + ok + "}", "every Fn::Equals object requires a list of 2 string parameters."},
		{"attribute by a function", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !GetAtt [R, !Sub x]}}}", "every Fn::GetAtt object requires two non-empty parameters"},
		{"transform in a property", "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: {'Fn::Transform': {Name: 'AWS::Include'}}}}}", "transforms are not supported: Fn::Transform"},
		{"transform of a resource", "Resources: {R: {Type: 'AWS::S3::Bucket', 'Fn::Transform': {Name: x}}}", "transforms are not supported: Fn::Transform"},
		{"default", "Parameters: {P: {Type: String, Default: x, AllowedValues: [a]}}\nResources: {" + ok + "}", "Parameter 'P' must be one of AllowedValues"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := template.Parse(tt.source)
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("Parse = %v, want %q", err, tt.want)
			}
		})
	}
}

func TestArguments(t *testing.T) {
	tmpl, err := template.Parse(`
Parameters:
  Size: {Type: Number, MinValue: 1, MaxValue: 9, Default: 3}
  Name: {Type: String, AllowedPattern: '[a-z]+', MinLength: 2, MaxLength: 4}
  Stage: {Type: String, AllowedValues: [dev, prod], ConstraintDescription: dev or prod, Default: dev}
Resources: {R: {Type: 'AWS::S3::Bucket'}}
`)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		given map[string]string
		want  string // of the error; empty for none
	}{
		{map[string]string{"Name": "ann"}, ""},
		{map[string]string{}, "Parameters: [Name] must have values"},
		{map[string]string{"Name": "ann", "X": "1", "Y": "2"}, "Parameters: [X, Y] do not exist in the template"},
		{map[string]string{"Name": "a"}, "Parameter 'Name' must contain at least 2 characters"},
		{map[string]string{"Name": "annie"}, "Parameter 'Name' must contain at most 4 characters"},
		{map[string]string{"Name": "an1"}, "Parameter 'Name' must match pattern [a-z]+"},
		{map[string]string{"Name": "ann", "Size": "x"}, "Parameter 'Size' must be a number."},
		{map[string]string{"Name": "ann", "Size": "0"}, "Parameter 'Size' must be a number not less than 1"},
		{map[string]string{"Name": "ann", "Size": "10"}, "Parameter 'Size' must be a number not greater than 9"},
		{map[string]string{"Name": "ann", "Stage": "test"}, "Parameter Stage failed to satisfy constraint: dev or prod"},
	}
	for _, tt := range tests {
		got, err := tmpl.Arguments(tt.given)
		switch {
		case tt.want == "" && err != nil, tt.want != "" && (err == nil || err.Error() != tt.want):
			t.Errorf("Arguments(%v) = %v, want %q", tt.given, err, tt.want)
		case tt.want == "":
			if want := map[string]string{"Name": "ann", "Size": "3", "Stage": "dev"}; !maps.Equal(got, want) {
				t.Errorf("Arguments(%v) = %v, want %v", tt.given, got, want)
			}
		}
	}
}

// A long line, such as the actions of a policy, is no depth.
func TestLongLines(t *testing.T) {
	actions := strings.Repeat("'kms:GenerateDataKey*', ", 200)
	members := "Name: {A: b}, "
	for i := range 200 {
		members += "N" + strconv.Itoa(i) + ": x, "
	}
	source := "Resources:\n  R:\n    Type: AWS::S3::Bucket\n    Properties:\n      Actions: [" + actions + "z]\n      Members: {" + members + "Z: z}\n"
	properties, err := bind(t, source, nil).Properties("R", made{})
	if err != nil {
		t.Fatal(err)
	}
	if n, m := len(properties["Actions"].([]any)), len(properties["Members"].(map[string]any)); n != 201 || m != 202 {
		t.Errorf("%d actions and %d members, want 201 and 202", n, m)
	}
}

// Rules are asked before anything else; one that does not apply asks for nothing.
func TestRules(t *testing.T) {
	const source = `
Parameters:
  Stage: {Type: String}
  Sizes: {Type: CommaDelimitedList}
Rules:
  Production:
    RuleCondition: !Equals [!Ref Stage, prod]
    Assertions:
      - Assert: !EachMemberIn [!Ref Sizes, [m, l]]
        AssertDescription: production is m or l
      - Assert: {'Fn::Not': [{'Fn::EachMemberEquals': [!Ref Sizes, l]}]}
  Stages:
    Assertions:
      - Assert: !Or [!Contains [[dev, prod], !Ref Stage], !Equals [!Ref Stage, test]]
        AssertDescription: no such stage
Resources: {R: {Type: 'AWS::S3::Bucket'}}
`
	tmpl, err := template.Parse(source)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ stage, sizes, want string }{
		{"dev", "s,m", ""},
		{"test", "l", ""},
		{"prod", "m,l", ""},
		{"prod", "m,s", "Template validation error: Rule Production failed: production is m or l"},
		{"prod", "l,l", "Template validation error: Rule Production failed: an assertion does not hold"},
		{"none", "m", "Template validation error: Rule Stages failed: no such stage"},
	} {
		_, err := tmpl.Bind(template.Scope{Arguments: map[string]string{"Stage": tt.stage, "Sizes": tt.sizes}})
		if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
			t.Errorf("Bind with %s and %s = %v, want %q", tt.stage, tt.sizes, err, tt.want)
		}
	}
}

// A Bind says what only the parameters show to be wrong, in CloudFormation's words.
func TestBindRefusals(t *testing.T) {
	const around = "Parameters: {P: {Type: String, Default: n}}\nConditions: {C: !Equals [!Ref P, y]}\nResources:\n  Other: {Type: 'AWS::S3::Bucket', Condition: C}\n"
	for _, tt := range []struct{ name, source, want string }{
		{"a resource that is left out", "  R: {Type: 'AWS::S3::Bucket', Properties: {V: !Ref Other}}", "Template format error: Unresolved resource dependencies [Other] in the Resources block of the template"},
		{"an output of one", "  R: {Type: 'AWS::S3::Bucket'}\nOutputs: {O: {Value: !GetAtt Other.Arn}}", "Unresolved resource dependencies [Other] in the Outputs block of the template"},
		{"a policy that is none", "  R: {Type: 'AWS::S3::Bucket', DeletionPolicy: !Ref P}", "Template error: DeletionPolicy n of resource R is not supported."},
		{"a policy of a resource", "  R: {Type: 'AWS::S3::Bucket', UpdateReplacePolicy: !Ref Other}", "Template format error: Unresolved resource dependencies [Other] in the Resources block of the template"},
	} {
		tmpl, err := template.Parse(around + tt.source)
		if err != nil {
			t.Errorf("%s: Parse = %v", tt.name, err)
			continue
		}
		if _, err = tmpl.Bind(template.Scope{Arguments: map[string]string{"P": "n"}}); fmt.Sprint(err) != tt.want {
			t.Errorf("%s: Bind = %v, want %s", tt.name, err, tt.want)
		}
	}
}

func TestSelectRefusals(t *testing.T) {
	for _, value := range []string{"[bad, [a]]", "[0, 2]", "[100, [a]]", "[-1, [a]]", "[0]", "x"} {
		b := bind(t, "Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {V: {'Fn::Select': "+value+"}}}}", nil)
		_, err := b.Properties("R", made{})
		if want := "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"; fmt.Sprint(err) != want {
			t.Errorf("Fn::Select of %s: %v, want %s", value, err, want)
		}
	}
}

// What is not to be shown is hidden where it is shown, and counts where it is
// used.
func TestShown(t *testing.T) {
	b := bind(t, `
Parameters: {S: {Type: String, NoEcho: true}, P: {Type: String, Default: p}}
Conditions: {C: !Equals [!Ref S, quiet]}
Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !Sub '${S}-${P}', B: !If [C, yes, no], C: !GetAtt R2.Arn}}, R2: {Type: 'AWS::S3::Bucket'}}
`, map[string]string{"S": "quiet"})
	properties, err := b.Shown().Properties("R", made{})
	if want := (map[string]any{"A": "****-p", "B": "yes", "C": "R2/Arn"}); err != nil || !reflect.DeepEqual(properties, want) {
		t.Errorf("Properties = %v, %v, want %v", properties, err, want)
	}
	if p, _, a := b.Causes("R", "A"); !slices.Equal(p, []string{"P", "S"}) || a != nil {
		t.Errorf("Causes of A = %v, %v", p, a)
	}
	if p, _, a := b.Causes("R", "C"); p != nil || !slices.Equal(a, []string{"R2.Arn"}) {
		t.Errorf("Causes of C = %v, %v", p, a)
	}
}

// Resources that a condition leaves out take no part, and only the branch that
// counts makes a resource wait for another.
func TestOrder(t *testing.T) {
	const source = `
Parameters: {P: {Type: String}}
Conditions: {Yes: !Equals [!Ref P, x]}
Resources:
  A: {Type: 'AWS::S3::Bucket', Properties: {V: !If [Yes, !Ref B, none]}}
  B: {Type: 'AWS::S3::Bucket', Properties: {V: !If [Yes, none, !Ref A]}}
  C: {Type: 'AWS::S3::Bucket', Condition: Yes, DependsOn: A}
`
	for p, want := range map[string][]string{"x": {"B", "A", "C"}, "y": {"A", "B"}} {
		if got := bind(t, source, map[string]string{"P": p}).Resources(); !slices.Equal(got, want) {
			t.Errorf("with %s: %v, want %v", p, got, want)
		}
	}
}

// JSON and YAML of one template are the same template.
func TestJSONAndYAML(t *testing.T) {
	const yaml = "Resources:\n  R:\n    Type: AWS::S3::Bucket\n    Properties:\n      A: !Sub '${AWS::Region}'\n      B: [1, true, x]\n"
	const text = "{\n\t\"Resources\": {\"R\": {\"Type\": \"AWS::S3::Bucket\", \"Properties\": {\"A\": {\"Fn::Sub\": \"${AWS::Region}\"}, \"B\": [1, true, \"x\"]}}}\n}"
	var both []map[string]any
	for _, source := range []string{yaml, text} {
		properties, err := bind(t, source, nil).Properties("R", made{})
		if err != nil {
			t.Fatal(err)
		}
		both = append(both, properties)
	}
	if !reflect.DeepEqual(both[0], both[1]) {
		t.Errorf("YAML %v, JSON %v", both[0], both[1])
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"Resources: {R: {Type: 'AWS::S3::Bucket', Properties: {A: !Sub '${AWS::Region}'}}}",
		`{"Resources": {"R": {"Type": "AWS::S3::Bucket"}}}`,
		"Rules: {A: {Assertions: [{Assert: !EachMemberIn [[a], [!Ref P, b]]}]}}\nParameters: {P: {Type: String}}\nResources: {R: {Type: 'AWS::S3::Bucket'}}",
		"Conditions: {A: !Condition B, B: !Condition A}\nResources: {R: {Type: 'AWS::S3::Bucket'}}",
		"a: |\n  text\n? b\n: - - c", "a: !Cidr [10.0.0.0/8, 256, 1]", "\t{", "- &a *a", "!!str x", "a: !Ref\nb:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		tmpl, err := template.Parse(source)
		if err != nil {
			return
		}
		b, err := tmpl.Bind(template.Scope{Region: "r", Arguments: map[string]string{}})
		if err != nil {
			return
		}
		for _, name := range b.Resources() {
			if _, err := b.Properties(name, made{}); err == nil {
				if _, err := b.Properties(name, made{}); err != nil {
					t.Errorf("properties of %s: once and not again: %v", name, err)
				}
			}
		}
	})
}
