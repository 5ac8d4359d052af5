package template

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// rule is a member of the Rules section: what has to hold of the parameters before
// anything is made, if its condition does.
type rule struct {
	condition  any // nil for always
	assertions []assertion
}

type assertion struct {
	assert      any
	description string
}

// ruleFunctions are those that only rules have. Fn::RefAll, Fn::ValueOf and
// Fn::ValueOfAll are about parameters of types that nobody has here.
var ruleFunctions = []string{"Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn"}

// readRules reads the Rules section.
//
// Source: AWS CloudFormation User Guide, "Rules".
func (t *Template) readRules(doc map[string]any) error {
	m, err := section(doc, "Rules", MaxParameters)
	if err != nil {
		return err
	}
	t.rules = make(map[string]rule, len(m))
	for _, name := range slices.Sorted(maps.Keys(m)) {
		r, err := readRule(name, m[name])
		if err != nil {
			return err
		}
		t.rules[name] = r
	}
	return nil
}

func readRule(name string, m map[string]any) (r rule, err error) {
	for key := range m {
		if key != "RuleCondition" && key != "Assertions" {
			return r, fail("Template format error: Rule %s has an unknown member %.128s.", name, key)
		}
	}
	r.condition = m["RuleCondition"]
	list, _ := m["Assertions"].([]any)
	if len(list) == 0 {
		return r, fail("Template format error: Rule %s must have a list of Assertions.", name)
	}
	for _, v := range list {
		members, _ := v.(map[string]any)
		a := assertion{assert: members["Assert"]}
		var text bool
		if a.description, text = members["AssertDescription"].(string); a.assert == nil || len(members) > 2 || len(members) == 2 && !text {
			return r, fail("Template format error: every assertion of Rule %s must have an Assert, and may have an AssertDescription.", name)
		}
		r.assertions = append(r.assertions, a)
	}
	return r, nil
}

// checkRules checks that rules ask only for what is known before any resource is.
func (t *Template) checkRules() error {
	var missing []string
	for _, name := range slices.Sorted(maps.Keys(t.rules)) {
		r := t.rules[name]
		if err := t.checkExpression(r.condition, ruleFunctions, &missing); err != nil {
			return err
		}
		for _, a := range r.assertions {
			if err := t.checkExpression(a.assert, ruleFunctions, &missing); err != nil {
				return err
			}
		}
	}
	if len(missing) > 0 {
		return fail("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Rules block of the template", strings.Join(missing, ", "))
	}
	return nil
}

// obey finds the first rule that the parameters do not obey.
func (b *Bound) obey() error {
	for _, name := range slices.Sorted(maps.Keys(b.template.rules)) {
		r := b.template.rules[name]
		if r.condition != nil {
			applies, err := b.decide(r.condition)
			if err != nil {
				return err
			}
			if !applies {
				continue
			}
		}
		for _, a := range r.assertions {
			holds, err := b.decide(a.assert)
			if err != nil {
				return err
			}
			if !holds {
				return fail("Template validation error: Rule %s failed: %s", name, cmp.Or(a.description, "an assertion does not hold"))
			}
		}
	}
	return nil
}

// decideMembers decides a function that only rules have: Fn::Contains of a list and
// a string, Fn::EachMemberEquals likewise, Fn::EachMemberIn of two lists.
func (b *Bound) decideMembers(name string, argument any) (bool, error) {
	wrong := fail("Template error: every %s object requires a list of the arguments that it is documented with.", name)
	v, _, err := b.evaluate(argument, nil)
	if err != nil {
		return false, err
	}
	list, _ := v.([]any)
	if len(list) != 2 {
		return false, wrong
	}
	members, ok := texts(list[0])
	if !ok {
		return false, wrong
	}
	if name == "Fn::EachMemberIn" {
		among, ok := texts(list[1])
		if !ok {
			return false, wrong
		}
		return !slices.ContainsFunc(members, func(s string) bool { return !slices.Contains(among, s) }), nil
	}
	value, ok := scalar(list[1])
	if !ok {
		return false, wrong
	}
	if name == "Fn::Contains" {
		return slices.Contains(members, value), nil
	}
	return !slices.ContainsFunc(members, func(s string) bool { return s != value }), nil
}

// texts is a list of scalars.
func texts(v any) ([]string, bool) {
	list, ok := v.([]any)
	if !ok {
		return nil, false
	}
	all := make([]string, len(list))
	for i := range list {
		if all[i], ok = scalar(list[i]); !ok {
			return nil, false
		}
	}
	return all, true
}
