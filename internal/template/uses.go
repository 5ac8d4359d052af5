package template

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Use is one place where a template asks for an attribute of a resource.
type Use struct {
	Path                string // of the function, such as /Outputs/O/Value/Fn::GetAtt
	Resource, Attribute string
}

// Uses lists the attributes that resources and outputs ask for and that the
// template names itself, in the order of their paths.
func (t *Template) Uses() []Use {
	var all []Use
	for _, name := range slices.Sorted(maps.Keys(t.Resources)) {
		all = uses(all, "/Resources/"+name+"/Properties", t.Resources[name].properties)
	}
	for _, name := range slices.Sorted(maps.Keys(t.Outputs)) {
		o := t.Outputs[name]
		all = uses(all, "/Outputs/"+name+"/Value", o.value)
		all = uses(all, "/Outputs/"+name+"/Export/Name", o.export)
	}
	return all
}

func uses(all []Use, path string, v any) []Use {
	switch v := v.(type) {
	case []any:
		for i, item := range v {
			all = uses(all, path+"/"+strconv.Itoa(i), item)
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			here := path + "/" + key
			switch key {
			case "Fn::GetAtt":
				target, attribute, err := attributeOf(v[key])
				if name, ok := attribute.(string); err == nil && ok {
					all = append(all, Use{here, target, name})
				}
				continue
			case "Fn::Sub":
				source, own, err := subArguments(v[key])
				if err != nil {
					continue
				}
				for _, m := range placeholder.FindAllStringSubmatch(source, -1) {
					target, attribute, dotted := strings.Cut(m[1], ".")
					if _, mine := own[m[1]]; dotted && !mine && !strings.HasPrefix(m[1], "!") {
						all = append(all, Use{here, target, attribute})
					}
				}
			}
			all = uses(all, here, v[key])
		}
	}
	return all
}
