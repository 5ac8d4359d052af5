package signedurl

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
)

// search looks for the mistake behind one rejection.
type search struct {
	e          *Explanation
	r          *Request
	key        *PublicKey
	otherHosts []string
}

// spelling is a URL that the signer may have had in mind.
type spelling struct {
	target
	name Hint
	text string
	raw  string // the whole resource, if it is no URL
}

// canned is the canned policy for u.
func (u *spelling) canned(expires string) []byte {
	if u.raw != "" {
		return bytes.Replace(appendCanned(nil, &target{}, expires), []byte("://"), []byte(u.raw), 1)
	}
	return appendCanned(nil, &u.target, expires)
}

// rendering is a way to write the JSON of a policy.
type rendering struct {
	name  Hint
	text  string
	write func(policy []byte) []byte
}

// renderings are how JSON libraries and shells write what should have no white
// space and no escapes. The first is right.
var renderings = []rendering{
	{"", "", func(p []byte) []byte { return p }},
	{HintWhitespace, "without white space", compact},
	{HintWhitespace, "with spaces behind commas and colons", spaced},
	{HintWhitespace, "with a line break at its end", func(p []byte) []byte { return append(p, '\n') }},
	{HintWhitespace, "without the line break at its end", func(p []byte) []byte { return bytes.TrimRight(p, "\r\n") }},
	{HintWhitespace, "indented by two spaces", func(p []byte) []byte { return indented(p, "  ") }},
	{HintWhitespace, "indented by four spaces", func(p []byte) []byte { return indented(p, "    ") }},
	{HintWhitespace, "indented by tabs", func(p []byte) []byte { return indented(p, "\t") }},
	{HintEscaped, `with '&' escaped as \u0026`, func(p []byte) []byte { return bytes.ReplaceAll(p, []byte("&"), []byte(`\u0026`)) }},
	{HintEscaped, `with '/' escaped as \/`, func(p []byte) []byte { return bytes.ReplaceAll(p, []byte("/"), []byte(`\/`)) }},
}

// statementObject writes Statement as an object, which a canned policy has in an array.
func statementObject(p []byte) []byte {
	p = bytes.Replace(p, []byte(`{"Statement":[`), []byte(`{"Statement":`), 1)
	return append(bytes.TrimSuffix(p, []byte("]}")), '}')
}

func compact(p []byte) []byte {
	var out bytes.Buffer
	if json.Compact(&out, p) != nil {
		return p
	}
	return out.Bytes()
}

func indented(p []byte, by string) []byte {
	var out bytes.Buffer
	if json.Indent(&out, p, "", by) != nil {
		return p
	}
	return out.Bytes()
}

// spaced writes JSON as Python does by default.
func spaced(p []byte) []byte {
	var out []byte
	quoted := false
	for i, c := range compact(p) {
		out = append(out, c)
		switch {
		case c == '"' && (i == 0 || out[len(out)-2] != '\\'):
			quoted = !quoted
		case !quoted && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return out
}

// signature looks for the text that a wrong signature covers.
func (s *search) signature(keys Keys) {
	sig, bad := decodeCoded(s.signatureValue())
	if bad != nil {
		return
	}
	covers, opened := covered(s.key, sig)
	s.e.Opened = opened
	if s.e.Custom {
		s.customText(covers)
	} else {
		s.cannedText(covers)
	}
	if len(s.e.Mistakes) > 0 {
		return
	}
	if set, ok := keys.(KeySet); ok {
		for id, k := range set {
			if id != s.e.KeyID && k.verify(s.e.Hash, s.e.Expected, sig) {
				s.e.mistake(HintOtherKey, fmt.Sprintf("the signature was made with key %s, not with %s", id, s.e.KeyID))
				return
			}
		}
	}
	if s.key.rsa != nil && !opened {
		s.e.mistake(HintOtherKey, fmt.Sprintf("the signature was not made with the private half of key %s", s.e.KeyID))
	}
}

// signatureValue is the coded signature of the carrier that was judged.
func (s *search) signatureValue() string {
	if s.e.Carrier == CarrierCookie {
		f := scanCookies(s.r.Cookies)
		return f.value[paramSignature]
	}
	f, _, _ := splitQuery(s.r.RawQuery)
	return f.value[paramSignature]
}

// fits notes a text that the signature covers, and what was wrong about it.
func (s *search) fits(text []byte, h Hash, mistakes ...Mistake) {
	s.e.Signed = text
	s.e.ExpectedAt = firstDifference(s.e.Expected, text)
	s.e.SignedAt = s.e.ExpectedAt
	for _, m := range mistakes {
		if m.Name != "" {
			s.e.Mistakes = append(s.e.Mistakes, m)
		}
	}
	if h != s.e.Hash {
		s.e.mistake(HintHash, fmt.Sprintf("the signature is over %s, and %s says %s", h, s.e.field(paramHash), s.e.Hash))
	}
}

func firstDifference(a, b []byte) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}

func (s *search) customText(covers func([]byte) (Hash, bool)) {
	for _, w := range renderings {
		text := w.write(bytes.Clone(s.e.Expected))
		if h, ok := covers(text); ok {
			s.fits(text, h, Mistake{w.name, "the signer signed the policy " + w.text + ", and sent it otherwise"})
			return
		}
	}
}

func (s *search) cannedText(covers func([]byte) (Hash, bool)) {
	writings := append([]rendering{}, renderings...)
	writings = append(writings,
		rendering{HintEscaped, "with Statement as an object instead of an array", statementObject})
	for _, u := range append(s.spellings(), s.wildcards()...) {
		for _, w := range writings {
			text := w.write(u.canned(s.e.encoded))
			if h, ok := covers(text); ok {
				s.fits(text, h, Mistake{u.name, u.text}, Mistake{w.name, "the signer wrote the canned policy " + w.text + "; it has neither white space nor escapes"})
				return
			}
		}
	}
}

// resource looks for the URL that a policy was made for.
func (s *search) resource() {
	p := compile(s.e.Policy.Resource)
	s.e.Signed, s.e.Expected = []byte(s.e.Policy.Resource), []byte(s.e.Resource())
	from := sectionStart(s.e.Policy.Resource, s.e.Reason.Section, `\?`)
	to := sectionStart(s.e.Resource(), s.e.Reason.Section, "?")
	same := firstDifference(s.e.Signed[from:], s.e.Expected[to:])
	s.e.SignedAt, s.e.ExpectedAt = from+same, to+same
	for _, u := range s.spellings() {
		if u.name != "" && p.match(&u.target) == "" {
			s.e.mistake(u.name, u.text)
			return
		}
	}
}

// sectionStart is where a section begins in a URL or pattern whose query begins
// behind mark.
func sectionStart(s string, section Section, mark string) int {
	domain := 0
	if i := strings.Index(s, "://"); i >= 0 {
		domain = i + len("://")
	}
	path := domain + max(0, strings.IndexByte(s[domain:]+"/", '/'))
	switch section {
	case SectionDomain:
		return domain
	case SectionPath:
		return min(path, len(s))
	case SectionQuery:
		if i := strings.Index(s, mark); i >= 0 {
			return i
		}
		return len(s)
	default:
		return 0
	}
}

// spellings are the URLs that the signer may have had in mind, the right one first.
func (s *search) spellings() []spelling {
	t := s.e.target
	out := []spelling{{target: t}}
	add := func(name Hint, text string, edit func(*target)) {
		u := t
		if edit(&u); u != t {
			out = append(out, spelling{target: u, name: name, text: text})
		}
	}
	other := map[string]string{"http": "https", "https": "http"}[t.scheme]
	if other != "" {
		text := "it was signed for " + other + " and asked for over " + t.scheme
		add(HintScheme, text, func(u *target) { u.scheme = other })
		if name, port := splitPort(t.host); port != "" {
			add(HintScheme, text, func(u *target) { u.scheme, u.host = other, name })
		}
	}
	_, port := splitPort(t.host)
	for _, name := range s.otherHosts {
		name = lower(name)
		hosts := []string{name}
		if port != "" {
			hosts = append(hosts, name+port)
		}
		for _, host := range hosts {
			text := "it was signed for " + host + " and asked of " + t.host
			add(HintHost, text, func(u *target) { u.host = host })
			if other != "" {
				add(HintHost, text, func(u *target) { u.scheme, u.host = other, host })
			}
		}
	}
	encoded, text := HintEncodedLater, "the URL was percent-encoded after it had been signed"
	if strings.Contains(t.path+t.query, "%25") {
		encoded, text = HintEncodedTwice, "the URL was percent-encoded twice: the signed one was encoded already"
	}
	add(encoded, text, func(u *target) { u.path, u.query = unescape(u.path), unescape(u.query) })
	add(encoded, text, func(u *target) { u.path = unescape(u.path) })
	add(encoded, text, func(u *target) { u.query = unescape(u.query) })
	add(HintEncodedLater, "a space is spelled '+' in the signed URL and %20 in the other", func(u *target) {
		u.path, u.query = strings.ReplaceAll(u.path, "%20", "+"), strings.ReplaceAll(u.query, "%20", "+")
	})
	add(HintEncodedLater, "a space is spelled %20 in the signed URL and '+' in the other", func(u *target) {
		u.path, u.query = strings.ReplaceAll(u.path, "+", "%20"), strings.ReplaceAll(u.query, "+", "%20")
	})
	// What was appended to a signed URL, from the end on.
	for rest := t.query; t.hasQuery; {
		cut := strings.LastIndexByte(rest, '&')
		rest = rest[:max(0, cut)]
		add(HintQuery, "query parameters were added after the URL had been signed", func(u *target) {
			u.query, u.hasQuery = rest, cut >= 0
		})
		if cut < 0 || len(out) > maxSpellings {
			break
		}
	}
	return out
}

// maxSpellings bounds how many URLs are tried.
const maxSpellings = 256

// wildcards are the patterns that somebody may have put into a canned policy,
// where they mean nothing.
func (s *search) wildcards() []spelling {
	t := s.e.target
	text := "a canned policy was signed for a pattern with wildcards, which only a custom policy may have"
	out := []spelling{{name: HintWildcard, text: text, raw: "*"}}
	bare := t
	bare.query, bare.hasQuery = "", false
	for _, scheme := range []string{t.scheme, "http*", "*"} {
		u := bare
		u.scheme = scheme
		for path := t.path; len(out) < maxSpellings; path = path[:strings.LastIndexByte(path, '/')] {
			u.path = path + "*"
			out = append(out, spelling{target: u, name: HintWildcard, text: text})
			if !strings.Contains(path, "/") {
				break
			}
			u.path = path[:strings.LastIndexByte(path, '/')+1] + "*"
			out = append(out, spelling{target: u, name: HintWildcard, text: text})
		}
	}
	return out
}

// unescape undoes percent-encoding once.
func unescape(s string) string {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex[s[i+1]] >= 0 && unhex[s[i+2]] >= 0 {
			out = append(out, byte(unhex[s[i+1]]<<4|unhex[s[i+2]]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return string(out)
}
