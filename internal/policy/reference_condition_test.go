package policy_test

import (
	"encoding/base64"
	"math/big"
	"net"
	"regexp"
	"strings"
	"time"
)

// The reference evaluator's conditions.

func refConditions(w *world, s map[string]any, vars bool) bool {
	block, _ := s["Condition"].(map[string]any)
	for op, keys := range block {
		for key, wanted := range keys.(map[string]any) {
			if !refCondition(w, op, key, refList(wanted), vars) {
				return false
			}
		}
	}
	return true
}

func refCondition(w *world, op, key string, wanted []string, vars bool) bool {
	present, _ := refKey(w, key)
	set := ""
	if before, after, ok := strings.Cut(op, ":"); ok {
		set, op = before, after
	}
	op, ifExists := strings.CutSuffix(op, "IfExists")
	if op == "Null" {
		for _, v := range wanted {
			if (v == "true") == (len(present) == 0) {
				return true
			}
		}
		return false
	}
	negated := strings.Contains(op, "Not")
	base := strings.Replace(op, "Not", "", 1)
	some := func(value string) bool {
		for _, v := range wanted {
			if refMatch(w, base, v, value, vars) {
				return true
			}
		}
		return false
	}
	if len(present) == 0 {
		switch {
		case ifExists, set == "ForAllValues":
			return true
		case set == "ForAnyValue":
			return false
		}
		return negated
	}
	if set == "ForAllValues" && strings.Join(present, "") == "" {
		return true
	}
	matched := 0
	for _, v := range present {
		if some(v) {
			matched++
		}
	}
	switch {
	case set == "ForAllValues" && negated:
		return matched == 0
	case set == "ForAllValues":
		return matched == len(present)
	case set == "ForAnyValue" && negated:
		return matched < len(present)
	case negated:
		return matched == 0
	}
	return matched > 0
}

// refMatch compares one wanted with one present value by a positive operator.
func refMatch(w *world, op, wanted, present string, vars bool) bool {
	text, defined := refText(w, wanted, vars)
	switch op {
	case "StringEquals":
		return defined && text == present
	case "StringEqualsIgnoreCase":
		return defined && strings.EqualFold(text, present)
	case "StringLike":
		expr, ok := refExpr(w, wanted, vars)
		return ok && regexp.MustCompile("(?s)^"+expr+"$").MatchString(present)
	case "ArnEquals", "ArnLike":
		if wanted == "*" {
			return true
		}
		// A variable may hold colons itself, so it is protected while splitting.
		if vars {
			wanted = refVariable.ReplaceAllStringFunc(wanted, func(v string) string {
				s, ok := refText(w, v, true)
				if !ok {
					defined = false
				}
				return strings.NewReplacer("*", "\x01", "?", "\x02", "$", "\x03").Replace(s)
			})
		}
		var expr []string
		for _, part := range strings.SplitN(wanted, ":", 6) {
			e, _ := refExpr(w, part, false)
			expr = append(expr, strings.NewReplacer("\x01", `\*`, "\x02", `\?`, "\x03", `\$`).Replace(e))
		}
		return defined && refARN(expr, present)
	case "Bool":
		return strings.EqualFold(wanted, present)
	case "BinaryEquals":
		return base64.StdEncoding.EncodeToString([]byte(present)) == wanted
	case "IpAddress":
		if !strings.Contains(wanted, "/") {
			return net.ParseIP(wanted).Equal(net.ParseIP(present))
		}
		_, block, err := net.ParseCIDR(wanted)
		ip := net.ParseIP(present)
		return err == nil && ip != nil && block.Contains(ip)
	}
	if rest, ok := strings.CutPrefix(op, "Numeric"); ok {
		x, okX := new(big.Rat).SetString(present)
		y, okY := new(big.Rat).SetString(wanted)
		return okX && okY && refRelation(rest, x.Cmp(y))
	}
	rest, ok := strings.CutPrefix(op, "Date")
	x, okX := refDate(present)
	y, okY := refDate(wanted)
	return ok && okX && okY && refRelation(rest, x.Compare(y))
}

func refRelation(name string, cmp int) bool {
	return map[string]bool{
		"Equals": cmp == 0, "LessThan": cmp < 0, "LessThanEquals": cmp <= 0,
		"GreaterThan": cmp > 0, "GreaterThanEquals": cmp >= 0,
	}[name]
}

func refDate(s string) (time.Time, bool) {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t, true
	}
	if t, err := time.Parse("2006-01-02", s); err == nil {
		return t, true
	}
	n, ok := new(big.Int).SetString(s, 10)
	if !ok {
		return time.Time{}, false
	}
	return time.Unix(n.Int64(), 0), true
}
