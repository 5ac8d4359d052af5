package signedurl

import "strings"

// Section is a part of a resource; wildcards do not reach across sections.
type Section string

// The sections of a resource, [protocol]://[domain]/[path]\?[query].
const (
	SectionProtocol Section = "protocol"
	SectionDomain   Section = "domain"
	SectionPath     Section = "path"
	SectionQuery    Section = "query"
)

// Match reports whether the Resource of a policy covers a URL, which stands as
// a viewer asks for it but without reserved parameters.
//
// Both are compared section by section: protocol and domain regardless of
// case, path and query byte by byte as spelled. '*' stands for any run of
// characters of its section and '?' for exactly one; '\*' is a literal star,
// '\?' begins the query section and is a literal question mark inside it.
//
//   - "*" alone covers every URL.
//   - A pattern without "://" that begins with '*' has any protocol; any other
//     pattern without "://" covers nothing.
//   - A domain alone has the path "/"; if it ends with '*', any path and query.
//   - A path that ends with '*' covers any query, as does the query section '*'.
//   - Without a query section, the URL must have no query.
//   - A pattern that does not cover the URL is tried once more with its first
//     unescaped '?' as the beginning of the query, because SDKs put plain URLs
//     into policies.
//
// The time is linear in the URL for each run of characters between stars that
// holds no '?', and bounded by the product of both lengths otherwise.
//
// Source: CloudFront Developer Guide, "Values that you specify in the policy
// statement for a signed URL that uses a custom policy".
func Match(resource, url string) bool {
	t, ok := splitURL(url)
	if !ok {
		return false
	}
	t.scheme, t.host = lower(t.scheme), lower(t.host)
	if t.path == "" {
		t.path = "/"
	}
	p := compile(resource)
	return p.match(&t) == ""
}

// pattern is a compiled policy resource.
type pattern struct {
	all    bool     // covers every URL
	broken bool     // is no URL pattern: covers nothing
	plain  *pattern // the same with its first unescaped '?' beginning the query, or nil

	protocol, domain, path, query glob
	hasQuery                      bool // without it the URL must have no query, unless anyQuery
	anyQuery                      bool
}

func compile(resource string) *pattern {
	p := compileOnce(resource)
	if i := firstBareMark(resource); i >= 0 && !p.all && !p.broken {
		p.plain = compileOnce(resource[:i] + `\` + resource[i:])
	}
	return p
}

// firstBareMark returns the index of the first '?' that no backslash escapes, or -1.
func firstBareMark(s string) int {
	for i := range len(s) {
		if s[i] == '?' && (i == 0 || s[i-1] != '\\') {
			return i
		}
	}
	return -1
}

func compileOnce(resource string) *pattern {
	if resource == "*" {
		return &pattern{all: true}
	}
	p := &pattern{}
	rest := resource
	// Only a "://" whose first slash is the first slash of all ends a protocol;
	// another may stand in a query.
	if i := strings.IndexByte(resource, '/'); i > 0 && resource[i-1] == ':' && strings.HasPrefix(resource[i:], "//") {
		p.protocol = compileGlob(lower(resource[:i-1]))
		rest = resource[i+2:]
	} else if strings.HasPrefix(resource, "*") {
		p.protocol = compileGlob("*")
	} else {
		return &pattern{broken: true}
	}

	beforeQuery, query, hasQuery := strings.Cut(rest, `\?`)
	domain, path := beforeQuery, ""
	if i := strings.IndexByte(beforeQuery, '/'); i >= 0 {
		domain, path = beforeQuery[:i], beforeQuery[i:]
	}
	p.domain = compileGlob(lower(domain))
	switch {
	case path != "":
		p.path = compileGlob(path)
		p.anyQuery = p.path.endsWithStar()
	case p.domain.endsWithStar() && !hasQuery:
		p.path = compileGlob("/*")
		p.anyQuery = true
	default:
		p.path = compileGlob("/")
	}
	if hasQuery {
		p.hasQuery, p.anyQuery = true, false
		p.query = compileGlob(query)
	}
	return p
}

// match returns the first section in which p does not cover t, or "".
func (p *pattern) match(t *target) Section {
	miss := p.matchOnce(t)
	if miss != "" && p.plain != nil && p.plain.matchOnce(t) == "" {
		return ""
	}
	return miss
}

func (p *pattern) matchOnce(t *target) Section {
	switch {
	case p.all:
		return ""
	case p.broken || !p.protocol.match(t.scheme):
		return SectionProtocol
	case !p.domain.match(t.host):
		return SectionDomain
	case !p.path.match(t.path):
		return SectionPath
	case p.anyQuery:
		return ""
	case p.hasQuery && !p.query.match(t.query), !p.hasQuery && t.hasQuery:
		return SectionQuery
	}
	return ""
}

// glob is the compiled text of one section: the literal runs between its stars.
type glob struct {
	runs []run // one more than there are stars
}

// run is text without stars.
type run struct {
	text string
	any  []bool // which bytes of text are '?' wildcards; nil when none is
}

func compileGlob(s string) glob {
	g := glob{runs: make([]run, 0, 1+strings.Count(s, "*"))}
	start := 0
	for i := range len(s) {
		if s[i] == '*' && (i == 0 || s[i-1] != '\\') {
			g.runs = append(g.runs, compileRun(s[start:i]))
			start = i + 1
		}
	}
	g.runs = append(g.runs, compileRun(s[start:]))
	return g
}

func compileRun(s string) run {
	if !strings.ContainsAny(s, `?\`) {
		return run{text: s}
	}
	var (
		text = make([]byte, 0, len(s))
		any  = make([]bool, 0, len(s))
		wild = false
	)
	for i := 0; i < len(s); i++ {
		literal := s[i] == '\\' && i+1 < len(s) && (s[i+1] == '*' || s[i+1] == '?')
		if literal {
			i++
		}
		question := s[i] == '?' && !literal
		wild = wild || question
		text, any = append(text, s[i]), append(any, question)
	}
	if !wild {
		any = nil
	}
	return run{text: string(text), any: any}
}

func (g *glob) endsWithStar() bool {
	return len(g.runs) > 1 && g.runs[len(g.runs)-1].text == ""
}

func (g *glob) match(s string) bool {
	first, last := g.runs[0], g.runs[len(g.runs)-1]
	if len(g.runs) == 1 {
		return len(s) == len(first.text) && first.at(s)
	}
	if len(s) < len(first.text)+len(last.text) || !first.at(s) || !last.at(s[len(s)-len(last.text):]) {
		return false
	}
	s = s[len(first.text) : len(s)-len(last.text)]
	// Between two stars the leftmost place leaves the most room for the rest.
	for _, r := range g.runs[1 : len(g.runs)-1] {
		i := r.find(s)
		if i < 0 {
			return false
		}
		s = s[i+len(r.text):]
	}
	return true
}

// at reports whether s, at least as long as r, begins with r.
func (r *run) at(s string) bool {
	s = s[:len(r.text)]
	if r.any == nil {
		return s == r.text
	}
	for i := range len(s) {
		if s[i] != r.text[i] && !r.any[i] {
			return false
		}
	}
	return true
}

// find returns the first index of r in s, or -1.
func (r *run) find(s string) int {
	if r.any == nil {
		return strings.Index(s, r.text)
	}
	for i := 0; i+len(r.text) <= len(s); i++ {
		if r.at(s[i:]) {
			return i
		}
	}
	return -1
}
