package policy_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/policy"
)

// The reference evaluator: slow, and plainly the rules as they are documented.
// It works on the raw JSON with maps and regular expressions, and shares no
// code with the package. It expects documents that Parse accepts.

// world is one request and all policies, as text.
type world struct {
	Who                     policy.Principal
	Action, Resource, Owner string
	At                      time.Time
	Keys                    map[string][]string // single-valued unless in Lists
	Lists                   map[string]bool
	Rule                    policy.Rule
	ResourcePolicy          string // "" is none
	Identity, Session       []string
	Boundary                string
	HasSession              bool
	Granted, GrantedAccount bool
}

// refAllows is the decision.
func refAllows(w *world) bool {
	all := append(append([]string{w.ResourcePolicy, w.Boundary}, w.Identity...), w.Session...)
	for _, doc := range all {
		if doc != "" && len(refLayers(w, doc, "Deny")) > 0 {
			return false
		}
	}
	resource := map[string]bool{}
	if w.ResourcePolicy != "" {
		resource = refLayers(w, w.ResourcePolicy, "Allow")
	}
	says := func(docs ...string) bool {
		for _, doc := range docs {
			if doc != "" && len(refLayers(w, doc, "Allow")) > 0 {
				return true
			}
		}
		return false
	}
	identity := w.Who.Kind == policy.Root || says(w.Identity...)
	boundary := w.Boundary == "" || says(w.Boundary)
	session := !w.HasSession || says(w.Session...)
	own := identity && boundary && session

	switch {
	case w.Who.Kind == policy.Anonymous:
		return w.Rule == policy.ResourceOrIdentity && resource["everyone"]
	case w.Who.Kind == policy.Service:
		return len(resource) > 0
	case w.Rule == policy.TrustPolicy && w.Who.Kind == policy.Root:
		return false
	}
	grant := w.Rule == policy.KeyPolicy && w.Granted && session
	grantAccount := w.Rule == policy.KeyPolicy && w.GrantedAccount
	if w.Owner != string(w.Who.Account) {
		if w.Rule == policy.IdentityOnly {
			return false
		}
		return grant || own && (len(resource) > 0 || grantAccount)
	}
	if w.Rule == policy.IdentityOnly {
		return own
	}
	// The table of what each implicit denial still takes away.
	type row struct{ identity, boundary, session bool } // true: may be silent
	table := map[string]row{
		"everyone": {true, true, true},
		"itself":   {true, true, true},
		"issuer":   {true, false, false},
		"account":  {false, false, false},
	}
	for layer := range resource {
		r := table[layer]
		if (r.identity || identity) && (r.boundary || boundary) && (r.session || session) {
			return true
		}
	}
	if w.Rule == policy.ResourceOrIdentity {
		return own
	}
	return grant || grantAccount && own
}

// refLayers gives the ways in which statements of one effect apply to the
// caller; none if no statement does. Without a Principal element it is "everyone".
func refLayers(w *world, doc, effect string) map[string]bool {
	var d struct {
		Version   string
		Statement json.RawMessage
	}
	must(json.Unmarshal([]byte(doc), &d))
	var statements []map[string]any
	if json.Unmarshal(d.Statement, &statements) != nil {
		statements = make([]map[string]any, 1)
		must(json.Unmarshal(d.Statement, &statements[0]))
	}
	layers := map[string]bool{}
	for _, s := range statements {
		if s["Effect"] != effect {
			continue
		}
		vars := d.Version == "2012-10-17"
		if !refAction(w, s) || !refResource(w, s, vars) || !refConditions(w, s, vars) {
			continue
		}
		for layer := range refPrincipal(w, s) {
			layers[layer] = true
		}
	}
	return layers
}

func refAction(w *world, s map[string]any) bool {
	if list, ok := s["NotAction"]; ok {
		return !refAnyGlob("(?is)", list, w.Action)
	}
	return s["Action"] != nil && refAnyGlob("(?is)", s["Action"], w.Action)
}

func refAnyGlob(flags string, list any, value string) bool {
	for _, p := range refList(list) {
		if refGlob(flags, p, value) {
			return true
		}
	}
	return false
}

func refGlob(flags, pattern, value string) bool {
	expr := regexp.QuoteMeta(pattern)
	expr = strings.ReplaceAll(strings.ReplaceAll(expr, `\*`, ".*"), `\?`, ".")
	return regexp.MustCompile(flags + "^" + expr + "$").MatchString(value)
}

func refResource(w *world, s map[string]any, vars bool) bool {
	match := func(p string) (matches, defined bool) {
		if p == "*" {
			return true, true
		}
		expr, ok := refPattern(w, p, vars)
		return ok && refARN(expr, w.Resource), ok
	}
	if list, ok := s["NotResource"]; ok {
		for _, p := range refList(list) {
			if matches, defined := match(p); matches || !defined && s["Effect"] == "Allow" {
				return false
			}
		}
		return true
	}
	if w.Rule == policy.TrustPolicy && s["Principal"] != nil {
		return true
	}
	if s["Resource"] == nil {
		return false
	}
	for _, p := range refList(s["Resource"]) {
		if matches, _ := match(p); matches {
			return true
		}
	}
	return false
}

// refARN matches six regular expressions, split at colons outside variables.
func refARN(expr []string, value string) bool {
	parts := strings.SplitN(value, ":", 6)
	if len(parts) != 6 || len(expr) != 6 {
		return false
	}
	for i := range parts {
		if !regexp.MustCompile("(?s)^" + expr[i] + "$").MatchString(parts[i]) {
			return false
		}
	}
	return true
}

var refVariable = regexp.MustCompile(`\$\{([^},]*)(, *'([^']*)')?\}`)

// refPattern turns an ARN pattern into six regular expressions.
func refPattern(w *world, pattern string, vars bool) ([]string, bool) {
	var out []string
	for _, part := range strings.SplitN(pattern, ":", 6) {
		expr, ok := refExpr(w, part, vars)
		if !ok {
			return nil, false
		}
		out = append(out, expr)
	}
	return out, true
}

// refExpr turns text with wildcards and variables into a regular expression.
func refExpr(w *world, text string, vars bool) (string, bool) {
	wild := func(s string) string {
		s = regexp.QuoteMeta(s)
		return strings.ReplaceAll(strings.ReplaceAll(s, `\*`, ".*"), `\?`, ".")
	}
	if !vars {
		return wild(text), true
	}
	out, at := "", 0
	for _, m := range refVariable.FindAllStringSubmatchIndex(text, -1) {
		value, ok := refValue(w, text, m)
		if !ok {
			return "", false
		}
		out += wild(text[at:m[0]]) + regexp.QuoteMeta(value)
		at = m[1]
	}
	return out + wild(text[at:]), true
}

// refText fills variables in and leaves the rest alone.
func refText(w *world, text string, vars bool) (string, bool) {
	if !vars {
		return text, true
	}
	out, at := "", 0
	for _, m := range refVariable.FindAllStringSubmatchIndex(text, -1) {
		value, ok := refValue(w, text, m)
		if !ok {
			return "", false
		}
		out += text[at:m[0]] + value
		at = m[1]
	}
	return out + text[at:], true
}

func refValue(w *world, text string, m []int) (string, bool) {
	name := text[m[2]:m[3]]
	if name == "*" || name == "?" || name == "$" {
		return name, true
	}
	values, list := refKey(w, name)
	switch {
	case len(values) == 0 && m[4] >= 0:
		return text[m[6]:m[7]], true
	case len(values) == 0 || list:
		return "", false
	}
	return values[0], true
}

// refKey gives the values of a condition key and whether it is multi-valued.
func refKey(w *world, name string) ([]string, bool) {
	for k, v := range w.Keys {
		if strings.EqualFold(k, name) {
			return v, w.Lists[k]
		}
	}
	who := w.Who
	one := ""
	switch strings.ToLower(name) {
	case "aws:principalarn":
		if one = who.ARN; who.Kind == policy.RoleSession {
			one = who.IssuerARN
		}
	case "aws:principalaccount":
		if one = string(who.Account); who.Kind == policy.Anonymous {
			one = "anonymous"
		}
	case "aws:principaltype":
		one = map[policy.Kind]string{
			policy.Anonymous: "Anonymous", policy.Root: "Account", policy.User: "User",
			policy.RoleSession: "AssumedRole", policy.FederatedUser: "FederatedUser",
		}[who.Kind]
	case "aws:userid":
		if one = who.UserID; who.Kind == policy.Anonymous {
			one = "anonymous"
		}
	case "aws:username":
		if who.Kind == policy.User {
			one = who.Name
		}
	case "aws:principalisawsservice":
		if one = "false"; who.Kind == policy.Service {
			one = "true"
		} else if who.Kind == policy.Anonymous {
			one = ""
		}
	case "aws:principalservicename":
		one = who.Service
	case "aws:resourceaccount", "s3:resourceaccount":
		one = w.Owner
	case "aws:currenttime":
		one = w.At.UTC().Format(time.RFC3339)
	}
	if one == "" {
		return nil, false
	}
	return []string{one}, false
}

// refPrincipal gives the layers by which the statement names the caller.
func refPrincipal(w *world, s map[string]any) map[string]bool {
	if list, ok := s["NotPrincipal"]; ok {
		covered := refCovered(w, list)
		if covered["everyone"] {
			return nil
		}
		want := map[policy.Kind][]string{
			policy.Anonymous: {"everyone"}, policy.Service: {"itself"}, policy.Root: {"itself"}, policy.User: {"account", "itself"},
			policy.RoleSession: {"account", "issuer", "itself"}, policy.FederatedUser: {"account", "issuer", "itself"},
		}[w.Who.Kind]
		for _, layer := range want {
			if !covered[layer] {
				return map[string]bool{"itself": true}
			}
		}
		return nil
	}
	list, ok := s["Principal"]
	if !ok {
		return map[string]bool{"everyone": true}
	}
	return refCovered(w, list)
}

func refCovered(w *world, element any) map[string]bool {
	layers := map[string]bool{}
	if element == "*" {
		return map[string]bool{"everyone": true}
	}
	who := w.Who
	for family, list := range element.(map[string]any) {
		for _, name := range refList(list) {
			switch {
			case family == "Service":
				if who.Kind == policy.Service && who.Service == name {
					layers["itself"] = true
				}
			case family != "AWS":
			case name == "*":
				layers["everyone"] = true
			case who.Kind == policy.Anonymous || who.Kind == policy.Service:
			case name == string(who.Account) || name == "arn:aws:iam::"+string(who.Account)+":root":
				if layers["account"] = true; who.Kind == policy.Root {
					delete(layers, "account")
					layers["itself"] = true
				}
			case name == who.ARN:
				layers["itself"] = true
			case who.IssuerARN != "" && name == who.IssuerARN:
				layers["issuer"] = true
			}
		}
	}
	return layers
}

// refList gives a string, number, boolean or list of them as strings.
func refList(v any) []string {
	switch v := v.(type) {
	case []any:
		var out []string
		for _, x := range v {
			out = append(out, refList(x)...)
		}
		return out
	case string:
		return []string{v}
	}
	text, err := json.Marshal(v)
	must(err)
	return []string{string(text)}
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}
