package parameter

import (
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
)

// realm is one account's part of one region.
type realm struct {
	account arn.AccountID
	region  string
}

func realmOf(who *access.Caller) realm { return realm{who.Account(), who.Region} }

func (m realm) prefix() string { return string(m.account) + "/" + m.region + "/" }

// arn names a parameter; one slash is before its name, whether it has one or not.
func (m realm) arn(name string) string {
	return "arn:aws:ssm:" + m.region + ":" + string(m.account) + ":parameter/" + strings.TrimPrefix(name, "/")
}

// named finds out which parameter a request means: its name, or its ARN, whose
// name then begins with a slash if it has several levels.
func (m realm) named(ref string) (string, error) {
	own := m.arn("")
	switch {
	case !strings.HasPrefix(ref, "arn:"):
		return ref, nil
	case !strings.HasPrefix(ref, own):
		return "", fail(ErrNotFound, "")
	}
	name := ref[len(own):]
	if strings.Contains(name, "/") {
		name = "/" + name
	}
	return name, nil
}

var nameForm = form.New(`^/?[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*$`)

// checkName says whether a parameter may be called so.
//
// Source: AWS Systems Manager API Reference, PutParameter.
func (m realm) checkName(name string) error {
	first := strings.ToLower(strings.TrimPrefix(name, "/"))
	switch {
	case strings.HasPrefix(first, "aws"), strings.HasPrefix(first, "ssm"):
		if strings.HasPrefix(name, "/") && strings.HasPrefix(first, "aws") {
			return fail(ErrReserved, "No access to reserved parameter name: "+name+".")
		}
		if !strings.HasPrefix(name, "/") {
			return fail(ErrInvalid, `Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive).`)
		}
		return noName()
	case strings.Contains(name, "/") && !strings.HasPrefix(name, "/"):
		return fail(ErrInvalid, "Parameter name must be a fully qualified name.")
	case !nameForm.MatchString(name):
		return fail(ErrInvalid, `Invalid parameter name. Please use correct syntax for referencing a version/label  <name>:<version/label>`)
	case len(name) > MaxNameBytes:
		return fail(ErrInvalid, "Parameter name is longer than "+strconv.Itoa(MaxNameBytes)+" characters.")
	case strings.Count(name, "/") > MaxLevels:
		return fail(ErrLevels, "Hierarchy level limit exceeded: a parameter name can have a maximum of "+strconv.Itoa(MaxLevels)+" levels.")
	}
	return nil
}

// otherForm is a name of one level with its slash, or without: both mean the same
// parameter, as their ARN does.
func otherForm(name string) string {
	bare, slash := strings.CutPrefix(name, "/")
	if slash || strings.Contains(name, "/") {
		return bare
	}
	return "/" + name
}

// checkAsked says whether there can be a parameter of that name.
func checkAsked(name string) error {
	if strings.Contains(name, "/") && (!strings.HasPrefix(name, "/") || !nameForm.MatchString(name)) {
		return noName()
	}
	return nil
}

func noName() error {
	return fail(ErrInvalid, `Parameter name: can't be prefixed with "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
}

// checkPath says whether a hierarchy may be called so.
func checkPath(path string) error {
	if !strings.HasPrefix(path, "/") || path != "/" && !nameForm.MatchString(strings.TrimSuffix(path, "/")) {
		return fail(ErrInvalid, `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with "aws" or "ssm" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`)
	}
	return nil
}

// below cuts a path off the name of a parameter below it.
func below(name, path string) (rest string, ok bool) {
	if !strings.HasPrefix(name, "/") {
		name = "/" + name
	}
	return strings.CutPrefix(name, strings.TrimSuffix(path, "/")+"/")
}

// selection is a name with what a request has behind it.
type selection struct {
	name     string
	selector string // ":3", ":label", or ""
}

// selected splits "name:version" and "name:label".
func (m realm) selected(ref string) (selection, error) {
	head := ""
	if strings.HasPrefix(ref, "arn:") {
		own := m.arn("")
		if !strings.HasPrefix(ref, own) {
			return selection{}, fail(ErrNotFound, "")
		}
		head, ref = own, ref[len(own):]
	}
	name, selector, found := strings.Cut(ref, ":")
	if found {
		selector = ":" + selector
	}
	name, err := m.named(head + name)
	return selection{name, selector}, err
}
