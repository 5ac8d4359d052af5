package policy

import (
	"strconv"
	"strings"
)

// parser compiles one document. at is the place that errors name.
type parser struct {
	use       Use
	variables bool // ${…} means something: Version 2012-10-17
	at        string
	sids      map[string]bool
}

func (p *parser) fail(what problem, arg, detail string) error {
	return newError(p.use, what, p.at, arg, detail)
}

func (p *parser) document(root node) ([]statement, error) {
	if root.kind != objectNode {
		return nil, p.fail(badJSON, "", "the document is not an object")
	}
	var body *node
	for i, key := range root.keys {
		value := &root.kids[i]
		switch key {
		case "Version":
			if value.kind != stringNode || value.text != "2012-10-17" && value.text != "2008-10-17" {
				return nil, p.fail(badVersion, "", `Version is neither "2012-10-17" nor "2008-10-17"`)
			}
			p.variables = value.text == "2012-10-17"
		case "Id":
			if value.kind != stringNode {
				return nil, p.fail(badSyntax, "", "Id is not a string")
			}
		case "Statement":
			body = value
		default:
			return nil, p.fail(unknownElement, key, "unknown element "+quote(key))
		}
	}
	if body == nil {
		return nil, p.fail(noStatement, "", "there is no Statement")
	}
	parts := []node{*body}
	if body.kind == arrayNode {
		parts = body.kids
	}
	if len(parts) == 0 {
		return nil, p.fail(badSyntax, "", "Statement is empty")
	}
	p.sids = map[string]bool{}
	statements := make([]statement, len(parts))
	for i := range parts {
		p.at = "Statement[" + strconv.Itoa(i) + "]"
		if err := p.statement(&parts[i], &statements[i]); err != nil {
			return nil, err
		}
	}
	return statements, nil
}

func (p *parser) statement(n *node, s *statement) error {
	if n.kind != objectNode {
		return p.fail(badSyntax, "", "the statement is not an object")
	}
	place := p.at
	var have elements
	effect := false
	for i, key := range n.keys {
		value := &n.kids[i]
		p.at = place + "." + key
		var err error
		switch key {
		case "Sid":
			err = p.sid(value, s)
		case "Effect":
			effect = true
			err = p.effect(value, s)
		case "Principal", "NotPrincipal":
			s.notPrincipal = key == "NotPrincipal"
			have[pick(s.notPrincipal, principalElement, notPrincipalElement)] = true
			err = p.principals(value, s)
		case "Action", "NotAction":
			s.notAction = key == "NotAction"
			have[pick(s.notAction, actionElement, notActionElement)] = true
			err = p.actions(value, s)
		case "Resource", "NotResource":
			s.notResource = key == "NotResource"
			have[pick(s.notResource, resourceElement, notResourceElement)] = true
			err = p.resources(value, s)
		case "Condition":
			err = p.conditions(value, s)
		default:
			p.at = place
			err = p.fail(unknownElement, key, "unknown element "+quote(key))
		}
		if err != nil {
			return err
		}
	}
	p.at = place
	if !effect {
		return p.fail(badSyntax, "", "Effect is missing")
	}
	if err := p.complete(have); err != nil {
		return err
	}
	s.anyResource = p.use == UseTrust
	return p.combinations(s)
}

// elements says which of the elements that come in two forms a statement has.
type elements [notResourceElement + 1]bool

const (
	principalElement = iota
	notPrincipalElement
	actionElement
	notActionElement
	resourceElement
	notResourceElement
)

func pick(second bool, a, b int) int {
	if second {
		return b
	}
	return a
}

// complete checks that a statement has what its use wants, and nothing twice.
func (p *parser) complete(have elements) error {
	for i, name := range []string{"Principal", "Action", "Resource"} {
		if have[2*i] && have[2*i+1] {
			return p.fail(badSyntax, "", name+" and Not"+name+" exclude each other")
		}
	}
	principal := have[principalElement] || have[notPrincipalElement]
	action := have[actionElement] || have[notActionElement]
	resource := have[resourceElement] || have[notResourceElement]
	switch {
	case !principal && p.use.hasPrincipal():
		return p.fail(noPrincipal, "", "Principal is missing")
	case principal && !p.use.hasPrincipal():
		return p.fail(prohibitedPrincipal, "", "Principal has no place here")
	case resource && p.use == UseTrust:
		return p.fail(prohibitedResource, "", "Resource has no place here")
	case p.use == UseKey:
		// KMS keeps a statement without actions or resources, which then does nothing.
	case !action:
		return p.fail(noActions, "", "Action is missing")
	case !resource && p.use != UseTrust:
		return p.fail(noResources, "", "Resource is missing")
	}
	return nil
}

// combinations refuses what each element alone allows.
func (p *parser) combinations(s *statement) error {
	if s.notPrincipal && p.use == UseTrust {
		return p.fail(badPrincipal, `"NotPrincipal"`, "NotPrincipal has no place in a trust policy")
	}
	if s.notPrincipal && !s.deny {
		return p.fail(badPrincipal, `"NotPrincipal"`, "Allow with NotPrincipal would admit everybody else")
	}
	if p.use != UseKey || s.deny {
		return nil
	}
	for i := range s.conditions {
		c := &s.conditions[i]
		if c.set != everyValue {
			continue
		}
		switch {
		case strings.HasPrefix(c.key.name, "kms:encryptioncontext:"):
			return p.fail(overlyPermissive, "encryption context", "ForAllValues on the single-valued key "+quote(c.written))
		case strings.HasPrefix(c.key.name, "aws:requesttag/"):
			return p.fail(overlyPermissive, "tag", "ForAllValues on the single-valued key "+quote(c.written))
		}
	}
	return nil
}

func (p *parser) sid(n *node, s *statement) error {
	if n.kind != stringNode {
		return p.fail(badSyntax, "", "Sid is not a string")
	}
	for i := range len(n.text) {
		c := n.text[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case p.use == UseKey || p.use == UseBucket || p.use == UseResource:
		default:
			return p.fail(badSyntax, "", "Sid has characters beside letters and digits")
		}
	}
	if n.text != "" && p.sids[n.text] {
		return p.fail(repeatedSid, "", "the Sid "+quote(n.text)+" stands twice")
	}
	p.sids[n.text] = true
	s.sid = n.text
	return nil
}

func (p *parser) effect(n *node, s *statement) error {
	if n.kind != stringNode || n.text != "Allow" && n.text != "Deny" {
		return p.fail(badEffect, n.text, "Effect is neither Allow nor Deny")
	}
	s.deny = n.text == "Deny"
	return nil
}

// list gives the strings of a value that may be one or an array of them.
func (p *parser) list(n *node, what string) ([]node, error) {
	kids := []node{*n}
	if n.kind == arrayNode {
		kids = n.kids
	}
	for i := range kids {
		if kids[i].kind != stringNode {
			return nil, p.fail(badSyntax, "", what+" is neither a string nor a list of strings")
		}
	}
	return kids, nil
}
