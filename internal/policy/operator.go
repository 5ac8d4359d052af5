package policy

import "strings"

// comparison is what an operator does with one wanted and one present value.
type comparison uint8

const (
	sameText comparison = iota
	sameFolded
	likeText
	numeric
	date
	boolean
	sameBytes
	inNetwork
	likeARN
	absence
)

// relation is how a number or a date stands to the wanted one.
type relation uint8

const (
	equal relation = iota
	less
	lessOrEqual
	greater
	greaterOrEqual
)

func (r relation) holds(cmp int) bool {
	switch r {
	case less:
		return cmp < 0
	case lessOrEqual:
		return cmp <= 0
	case greater:
		return cmp > 0
	case greaterOrEqual:
		return cmp >= 0
	}
	return cmp == 0
}

// operator is a condition operator without its set prefix and IfExists.
type operator struct {
	compare comparison
	rel     relation
	negated bool
}

// operators lists them in lower case.
//
// Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
var operators = map[string]operator{
	"stringequals":              {compare: sameText},
	"stringnotequals":           {compare: sameText, negated: true},
	"stringequalsignorecase":    {compare: sameFolded},
	"stringnotequalsignorecase": {compare: sameFolded, negated: true},
	"stringlike":                {compare: likeText},
	"stringnotlike":             {compare: likeText, negated: true},
	"numericequals":             {compare: numeric},
	"numericnotequals":          {compare: numeric, negated: true},
	"numericlessthan":           {compare: numeric, rel: less},
	"numericlessthanequals":     {compare: numeric, rel: lessOrEqual},
	"numericgreaterthan":        {compare: numeric, rel: greater},
	"numericgreaterthanequals":  {compare: numeric, rel: greaterOrEqual},
	"dateequals":                {compare: date},
	"datenotequals":             {compare: date, negated: true},
	"datelessthan":              {compare: date, rel: less},
	"datelessthanequals":        {compare: date, rel: lessOrEqual},
	"dategreaterthan":           {compare: date, rel: greater},
	"dategreaterthanequals":     {compare: date, rel: greaterOrEqual},
	"bool":                      {compare: boolean},
	"binaryequals":              {compare: sameBytes},
	"ipaddress":                 {compare: inNetwork},
	"notipaddress":              {compare: inNetwork, negated: true},
	"arnequals":                 {compare: likeARN},
	"arnlike":                   {compare: likeARN},
	"arnnotequals":              {compare: likeARN, negated: true},
	"arnnotlike":                {compare: likeARN, negated: true},
	"null":                      {compare: absence},
}

// quantifier says how the values of a multi-valued key count together.
type quantifier uint8

const (
	plain quantifier = iota
	everyValue
	anyValue
)

// findOperator takes an operator's whole spelling apart. Case does not matter:
// no two operators differ by it.
func findOperator(written string) (op operator, set quantifier, ifExists, ok bool) {
	name := lowerASCII(written)
	if rest, found := strings.CutPrefix(name, "forallvalues:"); found {
		name, set = rest, everyValue
	} else if rest, found := strings.CutPrefix(name, "foranyvalue:"); found {
		name, set = rest, anyValue
	}
	name, ifExists = strings.CutSuffix(name, "ifexists")
	op, ok = operators[name]
	if op.compare == absence && (ifExists || set != plain) {
		return operator{}, 0, false, false
	}
	return op, set, ifExists, ok
}
