package template

import (
	"slices"
	"strings"
)

// checkConditions checks that conditions ask only for what is known before any
// resource is.
func (t *Template) checkConditions() error {
	var missing []string
	for _, expression := range t.conditions {
		if err := t.checkExpression(expression, nil, &missing); err != nil {
			return err
		}
	}
	if len(missing) > 0 {
		return fail("Template format error: Unresolved dependencies [%s]. Cannot reference resources in the Conditions block of the template", strings.Join(missing, ", "))
	}
	return nil
}

// checkExpression checks a condition. own are the functions that it may have beside
// those that all values have; missing gathers what it refers to and is not there.
func (t *Template) checkExpression(v any, own []string, missing *[]string) error {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			if err := t.checkExpression(item, own, missing); err != nil {
				return err
			}
		}
	case map[string]any:
		for name, argument := range v {
			switch name {
			case "Ref":
				target, _ := argument.(string)
				if t.Parameters[target] == nil && !pseudo[target] {
					*missing = append(*missing, target)
				}
				continue
			case "Condition":
				target, _ := argument.(string)
				if t.conditions[target] == nil {
					return fail("Template format error: Unresolved condition dependency %.255s in the Conditions block of the template", target)
				}
				continue
			case "Fn::GetAtt", "Fn::ImportValue", "Fn::If":
				return fail("Template error: %s cannot be used in the Conditions block of the template", name)
			case "Fn::Sub":
				if _, _, err := subArguments(argument); err != nil {
					return err
				}
			case "Fn::Equals":
				if list, _ := argument.([]any); len(list) != 2 {
					return fail("Template error: every Fn::Equals object requires a list of 2 string parameters.")
				}
			}
			if !t.has(name) && strings.HasPrefix(name, "Fn::") && !slices.Contains(own, name) {
				return unknownFunction(name)
			}
			if err := t.checkExpression(argument, own, missing); err != nil {
				return err
			}
		}
	}
	return nil
}

// condition decides the condition of that name.
func (b *Bound) condition(name string) (bool, error) {
	if decided, ok := b.decided[name]; ok {
		return decided, nil
	}
	if b.circle[name] {
		return false, fail("Template format error: Circular dependencies for condition %.255s", name)
	}
	b.circle[name] = true
	defer delete(b.circle, name)
	decided, err := b.decide(b.template.conditions[name])
	if err == nil {
		b.decided[name] = decided
	}
	return decided, err
}

func (b *Bound) decide(expression any) (bool, error) {
	wrong := fail("Template error: every condition must be one of Fn::And, Fn::Or, Fn::Not, Fn::Equals and Condition.")
	m, _ := expression.(map[string]any)
	if len(m) != 1 {
		return false, wrong
	}
	for name, argument := range m {
		list, _ := argument.([]any)
		switch name {
		case "Condition":
			target, _ := argument.(string)
			return b.condition(target)
		case "Fn::Equals":
			if len(list) != 2 {
				return false, fail("Template error: every Fn::Equals object requires a list of 2 string parameters.")
			}
			left, err := b.text(list[0], nil)
			if err != nil {
				return false, err
			}
			right, err := b.text(list[1], nil)
			return left == right, err
		case "Fn::Not":
			if len(list) != 1 {
				return false, fail("Template error: every Fn::Not object requires a list with one condition.")
			}
			v, err := b.decide(list[0])
			return !v, err
		case "Fn::And", "Fn::Or":
			if len(list) < 2 || len(list) > 10 {
				return false, fail("Template error: every %s object requires a list of at least 2 and at most 10 boolean parameters.", name)
			}
			result := name == "Fn::And"
			for _, item := range list {
				v, err := b.decide(item)
				if err != nil {
					return false, err
				}
				if name == "Fn::And" {
					result = result && v
				} else {
					result = result || v
				}
			}
			return result, nil
		case "Fn::Contains", "Fn::EachMemberEquals", "Fn::EachMemberIn":
			return b.decideMembers(name, argument)
		}
	}
	return false, wrong
}
