package policy

import "strings"

// actionPattern is one value of Action.
type actionPattern struct {
	form    actionForm
	hash    uint32 // of text, for exactAction
	text    string // in lower case
	written string
}

type actionForm uint8

const (
	exactAction  actionForm = iota
	prefixAction            // text ends in the only wildcard, a *, which is cut off
	generalAction
)

func newActionPattern(written string) actionPattern {
	s := lowerASCII(written)
	switch wild := strings.IndexAny(s, "*?"); {
	case wild < 0:
		return actionPattern{written: written, text: s, hash: hashOf([]byte(s))}
	case wild == len(s)-1 && s[wild] == '*':
		return actionPattern{written: written, text: s[:wild], form: prefixAction}
	}
	return actionPattern{written: written, text: s, form: generalAction}
}

func (a *actionPattern) match(action *actionName) bool {
	switch a.form {
	case exactAction:
		return a.hash == action.hash && string(action.bytes()) == a.text
	case prefixAction:
		return action.len >= len(a.text) && string(action.lower[:len(a.text)]) == a.text
	}
	return searchAction(a.text, action.bytes())
}

// actionName is the action of a request, in lower case and without a pointer,
// so that it costs no allocation.
type actionName struct {
	lower [maxActionLen]byte
	len   int
	hash  uint32
}

func (n *actionName) bytes() []byte { return n.lower[:n.len] }

// set takes an action of at most maxActionLen bytes.
func (n *actionName) set(action string) {
	n.len = len(action)
	for i := range len(action) {
		n.lower[i] = lowerByte(action[i])
	}
	n.hash = hashOf(n.bytes())
}

// hashOf is FNV-1a. It only sorts out: equal hashes are compared in full.
func hashOf(s []byte) uint32 {
	h := uint32(2166136261)
	for _, c := range s {
		h = (h ^ uint32(c)) * 16777619
	}
	return h
}

// searchAction matches a pattern with * and ?. Both strings are short: time is
// at most the product of their lengths.
func searchAction(pattern string, s []byte) bool {
	star, mark, pi, si := -1, 0, 0, 0
	for si < len(s) {
		switch {
		case pi < len(pattern) && pattern[pi] == '*':
			star, mark = pi, si
			pi++
		case pi < len(pattern) && (pattern[pi] == '?' || pattern[pi] == s[si]):
			pi++
			si++
		case star < 0:
			return false
		default:
			mark++
			si, pi = mark, star+1
		}
	}
	return strings.Trim(pattern[pi:], "*") == ""
}

// maxActionLen bounds one value of Action.
const maxActionLen = 128

func (p *parser) actions(n *node, s *statement) error {
	values, err := p.list(n, "Action")
	if err != nil {
		return err
	}
	if len(values) == 0 && p.use != UseKey {
		return p.fail(noActions, "", "Action is an empty list")
	}
	for i := range values {
		text := values[i].text
		if err := p.checkAction(text); err != nil {
			return err
		}
		s.actions = append(s.actions, newActionPattern(text))
	}
	return nil
}

func (p *parser) checkAction(text string) error {
	if text == "*" {
		if p.use == UseTrust {
			return p.fail(foreignAction, "", "a trust policy speaks of sts actions only")
		}
		return nil
	}
	vendor, name, ok := strings.Cut(text, ":")
	switch {
	case !ok || vendor == "":
		return p.fail(noVendor, "", quote(text)+" names no service")
	case strings.Contains(name, ":"):
		return p.fail(manyColons, "", quote(text)+" has more than one colon")
	case !isVendor(vendor):
		return p.fail(badVendor, vendor, quote(vendor)+" is not the name of a service")
	case len(text) > maxActionLen || name == "" || strings.Trim(lowerASCII(name), "abcdefghijklmnopqrstuvwxyz0123456789*?-_") != "":
		return p.fail(badSyntax, "", quote(text)+" is not an action")
	case p.use == UseBucket && !strings.EqualFold(vendor, "s3"):
		return p.fail(foreignAction, "", "a bucket policy speaks of s3 actions only")
	case p.use == UseTrust && !isTrustAction(text):
		return p.fail(foreignAction, "", quote(text)+" is not an action on a role")
	}
	return nil
}

func isVendor(s string) bool {
	return s != "" && strings.Trim(lowerASCII(s), "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

func isTrustAction(text string) bool {
	a := newActionPattern(text)
	var name actionName
	for _, action := range []string{
		"sts:AssumeRole", "sts:AssumeRoleWithSAML", "sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity",
	} {
		if name.set(action); a.match(&name) {
			return true
		}
	}
	return false
}
