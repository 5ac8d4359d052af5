package template

import (
	"encoding/base64"
	"net/netip"
	"strconv"
	"strings"
)

// functions are the names of the intrinsic functions.
var functions = func() map[string]bool {
	set := map[string]bool{}
	for _, name := range []string{
		"And", "Base64", "Cidr", "Equals", "FindInMap", "GetAZs", "GetAtt", "If", "ImportValue", "Join", "Not", "Or", "Select", "Split", "Sub",
	} {
		set["Fn::"+name] = true
	}
	return set
}()

// evaluate returns v with all functions in it replaced by their values. there is
// false where the value is AWS::NoValue.
func (b *Bound) evaluate(v any, known Lookup) (_ any, there bool, err error) {
	switch v := v.(type) {
	case []any:
		list := make([]any, 0, len(v))
		for _, item := range v {
			item, there, err := b.evaluate(item, known)
			if err != nil {
				return nil, false, err
			}
			if there {
				list = append(list, item)
			}
		}
		return list, true, nil
	case map[string]any:
		if name, argument, ok := function(v); ok {
			return b.call(name, argument, known)
		}
		m := make(map[string]any, len(v))
		for key, item := range v {
			item, there, err := b.evaluate(item, known)
			if err != nil {
				return nil, false, err
			}
			if there {
				m[key] = item
			}
		}
		return m, true, nil
	default:
		return v, true, nil
	}
}

// call evaluates a function, and counts what it makes.
func (b *Bound) call(name string, argument any, known Lookup) (v any, there bool, err error) {
	if v, there, err = b.apply(name, argument, known); err == nil {
		err = b.charge(v)
	}
	return v, there, err
}

var errTooLong = fail("Template error: the values of the template are too long.")

func (b *Bound) charge(v any) error {
	b.room--
	switch v := v.(type) {
	case string:
		b.room -= len(v)
	case []any:
		for _, item := range v {
			if err := b.charge(item); err != nil {
				return err
			}
		}
	case map[string]any:
		for key, item := range v {
			b.room -= len(key)
			if err := b.charge(item); err != nil {
				return err
			}
		}
	}
	if b.room < 0 {
		return errTooLong
	}
	return nil
}

func (b *Bound) apply(name string, argument any, known Lookup) (any, bool, error) {
	switch name {
	case "Ref":
		target, _ := argument.(string)
		if target == "AWS::NoValue" {
			return nil, false, nil
		}
		v, err := b.ref(target, known)
		return v, true, err
	case "Fn::If":
		list, _ := argument.([]any)
		if len(list) != 3 {
			return nil, false, fail("Template error: Fn::If requires a list argument with three elements.")
		}
		condition, _ := list[0].(string)
		if b.decided[condition] {
			return b.evaluate(list[1], known)
		}
		return b.evaluate(list[2], known)
	case "Fn::Sub":
		v, err := b.sub(argument, known)
		return v, true, err
	case "Fn::GetAtt":
		target, attribute, err := attributeOf(argument)
		if err != nil {
			return nil, false, err
		}
		name, err := b.text(attribute, known)
		if err != nil {
			return nil, false, err
		}
		v, err := b.attribute(target, name, known)
		return v, true, err
	case "Fn::FindInMap":
		v, err := b.find(argument, known)
		return v, true, err
	}
	evaluated, _, err := b.evaluate(argument, known)
	if err != nil {
		return nil, false, err
	}
	var v any
	switch name {
	case "Fn::Join":
		v, err = join(evaluated)
	case "Fn::Select":
		v, err = pick(evaluated)
	case "Fn::Split":
		v, err = split(evaluated)
	case "Fn::Base64":
		s, ok := scalar(evaluated)
		if !ok {
			return nil, false, fail("Template error: every Fn::Base64 object must have a String-typed value.")
		}
		v = base64.StdEncoding.EncodeToString([]byte(s))
	case "Fn::ImportValue":
		v, err = b.importValue(evaluated)
	case "Fn::GetAZs":
		v, err = b.zones(evaluated)
	case "Fn::Cidr":
		v, err = cidr(evaluated)
	case "Fn::Length":
		v, err = length(evaluated)
	case "Fn::ToJsonString":
		v, err = toJSON(evaluated)
	default:
		err = unknownFunction(name)
	}
	return v, true, err
}

func (b *Bound) ref(name string, known Lookup) (any, error) {
	switch name {
	case "AWS::AccountId":
		return b.scope.Account, nil
	case "AWS::Region":
		return b.scope.Region, nil
	case "AWS::Partition":
		return "aws", nil
	case "AWS::URLSuffix":
		return "amazonaws.com", nil
	case "AWS::StackName":
		return b.scope.StackName, nil
	case "AWS::StackId":
		return b.scope.StackID, nil
	case "AWS::NotificationARNs":
		return []any{}, nil // stacks notify nobody
	}
	if p := b.template.Parameters[name]; p != nil {
		if b.hide && p.NoEcho {
			return p.argument(Hidden), nil
		}
		return p.argument(b.scope.Arguments[name]), nil
	}
	if known != nil {
		if v, ok := known.Ref(name); ok {
			return v, nil
		}
	}
	return nil, fail("Template format error: Unresolved resource dependencies [%.255s] in the Resources block of the template", name)
}

func (b *Bound) attribute(resource, attribute string, known Lookup) (any, error) {
	if known != nil {
		if v, ok := known.Attribute(resource, attribute); ok {
			return v, nil
		}
	}
	return nil, fail("Template error: resource %s does not support attribute type %.255s in Fn::GetAtt", resource, attribute)
}

func (b *Bound) sub(argument any, known Lookup) (any, error) {
	source, own, err := subArguments(argument)
	if err != nil {
		return nil, err
	}
	var out strings.Builder
	last := 0
	// Each is worked out once: of functions in each other, twice would be twice for
	// every one of them.
	made := make(map[string]string)
	for _, at := range placeholder.FindAllStringSubmatchIndex(source, -1) {
		out.WriteString(source[last:at[0]])
		last = at[1]
		name := source[at[2]:at[3]]
		if literal, ok := strings.CutPrefix(name, "!"); ok {
			out.WriteString("${" + literal + "}")
			continue
		}
		v, ok := made[name]
		if !ok {
			if v, err = b.placeholder(name, own, known); err != nil {
				return nil, err
			}
			made[name] = v
		}
		out.WriteString(v)
		if out.Len() > MaxBytes {
			return nil, fail("Template error: the value of Fn::Sub is too long.")
		}
	}
	out.WriteString(source[last:])
	return out.String(), nil
}

func (b *Bound) placeholder(name string, own map[string]any, known Lookup) (string, error) {
	var v any
	var err error
	target, attribute, dotted := strings.Cut(name, ".")
	switch mine, ok := own[name]; {
	case ok:
		v, _, err = b.evaluate(mine, known)
	case dotted:
		v, err = b.attribute(target, attribute, known)
	default:
		v, err = b.ref(name, known)
	}
	if err != nil {
		return "", err
	}
	s, ok := scalar(v)
	if !ok {
		return "", fail("Template error: variable %.255s in Fn::Sub expression does not resolve to a string", name)
	}
	return s, nil
}

// arguments is a list of between least and most elements.
func arguments(name string, v any, least, most int) ([]any, error) {
	list, ok := v.([]any)
	if !ok || len(list) < least || len(list) > most {
		return nil, fail("Template error: every %s object requires a list of the arguments that it is documented with.", name)
	}
	return list, nil
}

func join(v any) (any, error) {
	wrong := fail("Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined.")
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		return nil, wrong
	}
	separator, ok := list[0].(string)
	items, isList := list[1].([]any)
	if !ok || !isList {
		return nil, wrong
	}
	parts, size := make([]string, len(items)), 0
	for i, item := range items {
		if parts[i], ok = scalar(item); !ok {
			return nil, wrong
		}
		size += len(parts[i]) + len(separator)
	}
	if size > MaxBytes {
		return nil, fail("Template error: the value of Fn::Join is too long.")
	}
	return strings.Join(parts, separator), nil
}

func pick(v any) (any, error) {
	wrong := fail("Template error: Fn::Select requires a list argument with two elements: an integer index and a list")
	list, ok := v.([]any)
	if !ok || len(list) != 2 {
		return nil, wrong
	}
	index, _ := scalar(list[0])
	items, ok := list[1].([]any)
	n, err := strconv.Atoi(index)
	if !ok || err != nil || n < 0 || n >= len(items) {
		return nil, wrong
	}
	return items[n], nil
}

func split(v any) (any, error) {
	list, ok := v.([]any)
	if ok && len(list) == 2 {
		separator, isText := list[0].(string)
		source, isScalar := scalar(list[1])
		if isText && isScalar && separator != "" {
			parts := []any{}
			for part := range strings.SplitSeq(source, separator) {
				parts = append(parts, part)
			}
			return parts, nil
		}
	}
	return nil, fail("Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a function that returns a string to be split.")
}

// find looks up Fn::FindInMap. A default, which only extended templates have, is
// evaluated when it is needed.
func (b *Bound) find(v any, known Lookup) (any, error) {
	most := 3
	if b.template.extended {
		most = 4
	}
	list, err := arguments("Fn::FindInMap", v, 3, most)
	if err != nil {
		return nil, err
	}
	var path [3]string
	for i := range path {
		if path[i], err = b.text(list[i], known); err != nil {
			return nil, err
		}
	}
	first, ok := b.template.mappings[path[0]].(map[string]any)
	if len(list) == 4 {
		second, _ := first[path[1]].(map[string]any)
		if _, ok := second[path[2]]; !ok {
			return b.byDefault(list[3], known)
		}
	}
	if !ok {
		return nil, fail("Template error: Mapping named '%.255s' is not present in the 'Mappings' section of template.", path[0])
	}
	second, _ := first[path[1]].(map[string]any)
	found, ok := second[path[2]]
	if !ok {
		return nil, fail("Template error: Unable to get mapping for %.255s::%.255s::%.255s", path[0], path[1], path[2])
	}
	return found, nil
}

func (b *Bound) importValue(v any) (any, error) {
	name, _ := scalar(v)
	if b.scope.Export != nil {
		value, ok, err := b.scope.Export(name)
		if err != nil {
			return nil, err
		}
		if ok {
			b.imports[name] = true
			return value, nil
		}
	}
	return nil, fail("No export named %.255s found.", name)
}

// zones are three of every region: what a template picks from them is only a
// name here.
func (b *Bound) zones(v any) (any, error) {
	region, ok := scalar(v)
	if !ok {
		return nil, fail("Template error: Fn::GetAZs requires the name of a region.")
	}
	if region == "" {
		region = b.scope.Region
	}
	return []any{region + "a", region + "b", region + "c"}, nil
}

// cidr divides a block into count ones with bits host bits each.
func cidr(v any) (any, error) {
	wrong := fail("Template error: every Fn::Cidr object requires a CIDR block, a count between 1 and 256 and optionally the number of subnet bits.")
	list, err := arguments("Fn::Cidr", v, 2, 3)
	if err != nil {
		return nil, err
	}
	block, _ := scalar(list[0])
	prefix, err := netip.ParsePrefix(block)
	if err != nil {
		return nil, wrong
	}
	countText, _ := scalar(list[1])
	count, err := strconv.Atoi(countText)
	if err != nil || count < 1 || count > 256 {
		return nil, wrong
	}
	bits := 8
	if len(list) == 3 {
		text, _ := scalar(list[2])
		if bits, err = strconv.Atoi(text); err != nil {
			return nil, wrong
		}
	}
	size := prefix.Addr().BitLen() - bits
	if bits < 1 || size < prefix.Bits() || size-prefix.Bits() < 9 && count > 1<<(size-prefix.Bits()) {
		return nil, wrong
	}
	blocks := make([]any, count)
	addr := prefix.Masked().Addr()
	for i := range blocks {
		blocks[i] = netip.PrefixFrom(addr, size).String()
		addr = advance(addr, bits)
	}
	return blocks, nil
}

// advance adds 1<<bits to an address.
func advance(addr netip.Addr, bits int) netip.Addr {
	bytes := addr.AsSlice()
	at := len(bytes) - 1 - bits/8
	carry := 1 << (bits % 8)
	for ; at >= 0 && carry > 0; at-- {
		sum := int(bytes[at]) + carry
		bytes[at], carry = byte(sum), sum>>8
	}
	next, _ := netip.AddrFromSlice(bytes)
	return next
}
