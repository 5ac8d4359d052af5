package parameter

import (
	"slices"
	"strings"
)

// Filter selects parameters in a listing.
//
// Source: AWS Systems Manager API Reference, ParameterStringFilter.
type Filter struct {
	Key    string // Name, Type, KeyId, Tier, Label, DataType, Path, or tag:<key>
	Option string // Equals if empty; BeginsWith; of Name also Contains; of Path OneLevel, Recursive
	Values []string
}

// The keys by which the listings filter, with the options of each.
var (
	describeKeys = map[string][]string{
		"Name": {"Equals", "BeginsWith", "Contains"}, "Type": {"Equals", "BeginsWith"}, "KeyId": {"Equals", "BeginsWith"},
		"Tier": {"Equals"}, "DataType": {"Equals", "BeginsWith"}, "Path": {"OneLevel", "Recursive"}, "tag:": {"Equals", "BeginsWith"},
	}
	byPathKeys = map[string][]string{
		"Type": {"Equals", "BeginsWith"}, "KeyId": {"Equals", "BeginsWith"}, "Label": {"Equals", "BeginsWith"}, "DataType": {"Equals", "BeginsWith"},
	}
)

// knownValues are all values that some keys can have.
var knownValues = map[string][]string{
	"Type": {string(String), string(StringList), string(SecureString)},
	"Tier": {string(Standard), string(Advanced), string(Intelligent)},
}

// compile makes a test of filters, all of which must hold.
func compile(filters []Filter, keys map[string][]string) (func(name string, r *record, v *versionRecord) bool, error) {
	filters = slices.Clone(filters)
	seen := make(map[string]bool, len(filters))
	for i := range filters {
		f := &filters[i]
		kind := f.Key
		if strings.HasPrefix(kind, "tag:") {
			kind = "tag:"
		}
		options, ok := keys[kind]
		switch {
		case !ok:
			return nil, fail(ErrFilterKey, "The following filter key is not valid: "+f.Key+".")
		case seen[f.Key]:
			return nil, fail(ErrFilterKey, "The following filter is duplicated in the request: "+f.Key+". A request can contain only one occurrence of a specific filter.")
		case f.Option == "":
			f.Option = options[0]
		case !slices.Contains(options, f.Option):
			return nil, fail(ErrFilterOption, "The following filter option is not valid: "+f.Option+". Valid options include: ["+strings.Join(options, ", ")+"].")
		}
		seen[f.Key] = true
		if len(f.Values) == 0 && kind != "tag:" {
			return nil, fail(ErrFilterValue, "The following filter values are missing : null for filter key "+f.Key)
		}
		if kind == "Path" {
			for _, v := range f.Values {
				if err := checkPath(v); err != nil {
					return nil, err
				}
			}
		}
		if known := knownValues[kind]; known != nil && f.Option == "Equals" {
			for _, v := range f.Values {
				if !slices.Contains(known, v) {
					return nil, fail(ErrFilterOption, "The following filter value is not valid: "+v+". Valid values include: ["+strings.Join(known, ", ")+"].")
				}
			}
		}
	}
	return func(name string, r *record, v *versionRecord) bool {
		for i := range filters {
			if !filters[i].holds(name, r, v) {
				return false
			}
		}
		return true
	}, nil
}

func (f *Filter) holds(name string, r *record, v *versionRecord) bool {
	switch f.Key {
	case "Name":
		return f.any(name) || f.Option != "Contains" && (f.any(strings.TrimPrefix(name, "/")) || f.any(otherForm(name)))
	case "Type":
		return f.any(string(v.Type))
	case "KeyId":
		return v.KeyID != "" && f.any(v.KeyID)
	case "Tier":
		return f.any(string(v.Tier))
	case "DataType":
		return f.any("text")
	case "Label":
		return slices.ContainsFunc(v.Labels, f.any)
	case "Path":
		return f.any(name)
	}
	key := strings.TrimPrefix(f.Key, "tag:")
	return slices.ContainsFunc(r.Tags, func(t Tag) bool { return t.Key == key && (len(f.Values) == 0 || f.any(t.Value)) })
}

// any reports whether one of the filter's values means s.
func (f *Filter) any(s string) bool {
	return slices.ContainsFunc(f.Values, func(value string) bool {
		switch f.Option {
		case "BeginsWith":
			return strings.HasPrefix(s, value)
		case "Contains":
			return strings.Contains(s, value)
		case "OneLevel", "Recursive":
			rest, below := below(s, value)
			return below && (f.Option == "Recursive" || !strings.Contains(rest, "/"))
		}
		return s == value
	})
}
