package lambda

import (
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
)

var (
	nameForm    = form.New(`^[A-Za-z0-9_-]{1,64}$`)
	versionForm = form.New(`^[1-9][0-9]{0,8}$`)
	aliasForm   = form.New(`^[A-Za-z0-9_-]{1,128}$`)
	accountForm = form.New(`^[0-9]{12}$`)
)

// realm is one account's part of one region.
type realm struct {
	account arn.AccountID
	region  string
}

func realmOf(who *access.Caller) realm { return realm{who.Account(), who.Region} }

func (m realm) prefix() string { return string(m.account) + "/" + m.region + "/" }

func (m realm) key(name string) string { return m.prefix() + name }

func (m realm) versionKey(name, version string) string { return m.key(name) + "\x00" + version }

// arn is that of a function, or with a qualifier that of a version or alias.
func (m realm) arn(name, qualifier string) string {
	a := "arn:aws:lambda:" + m.region + ":" + string(m.account) + ":function:" + name
	if qualifier != "" {
		a += ":" + qualifier
	}
	return a
}

// reference is what a caller names: a function, and maybe a version or alias.
type reference struct {
	realm
	name, qualifier string
}

func (r reference) arn() string { return r.realm.arn(r.name, r.qualifier) }

// The forms of names, as the service words them. A new function has no $LATEST
// that is published.
//
// Source: AWS Lambda API Reference, FunctionName and Qualifier of GetFunction and
// CreateFunction.
const (
	namePattern      = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?`
	newNamePattern   = `(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?`
	qualifierPattern = `\$(LATEST(\.PUBLISHED)?)|[a-zA-Z0-9-_$]+`

	maxNewNameBytes   = 140
	maxQualifierBytes = 128
)

var (
	anyName      = form.New(`^(?:` + namePattern + `)$`)
	newName      = form.New(`^(?:` + newNamePattern + `)$`)
	anyQualifier = form.New(`^(?:` + qualifierPattern + `)$`)
)

// complaints are what is wrong with the parameters of a request.
type complaints []string

func (c *complaints) add(value, parameter, constraint string) {
	*c = append(*c, fmt.Sprintf("Value '%.512s' at '%s' failed to satisfy constraint: Member must %s", value, parameter, constraint))
}

// err is ErrValidation about all of them, nil for none.
func (c complaints) err() error {
	if len(c) == 0 {
		return nil
	}
	errs := "errors"
	if len(c) == 1 {
		errs = "error"
	}
	return refuse(ErrValidation, "%d validation %s detected: %s", len(c), errs, strings.Join(c, "; "))
}

// malformed is ErrValidation about one parameter.
func malformed(value, parameter, constraint string) error {
	var c complaints
	c.add(value, parameter, constraint)
	return c.err()
}

// parse reads "name", "account:function:name" or an ARN, each with ":qualifier"
// behind it or not; qualifier is the one that came beside it.
func parse(who *access.Caller, ref, qualifier string) (reference, error) {
	var wrong complaints
	if len(qualifier) > maxQualifierBytes {
		wrong.add(qualifier, "qualifier", fmt.Sprintf("have length less than or equal to %d", maxQualifierBytes))
	}
	if qualifier != "" && !anyQualifier.MatchString(qualifier) {
		wrong.add(qualifier, "qualifier", "satisfy regular expression pattern: "+qualifierPattern)
	}
	if !anyName.MatchString(ref) {
		wrong.add(ref, "functionName", "satisfy regular expression pattern: "+namePattern)
	}
	if err := wrong.err(); err != nil {
		return reference{realm: realmOf(who)}, err
	}
	return split(who, anyName.FindStringSubmatch(ref), qualifier)
}

// parseNew reads the name of a function that is to be.
func parseNew(who *access.Caller, ref string) (reference, error) {
	var wrong complaints
	if len(ref) > maxNewNameBytes {
		wrong.add(ref, "functionName", fmt.Sprintf("have length less than or equal to %d", maxNewNameBytes))
	}
	if !newName.MatchString(ref) {
		wrong.add(ref, "functionName", "satisfy regular expression pattern: "+newNamePattern)
	}
	out := reference{realm: realmOf(who)}
	if err := wrong.err(); err != nil {
		return out, err
	}
	out, err := split(who, newName.FindStringSubmatch(ref), "")
	if err == nil && !nameForm.MatchString(out.name) {
		return out, refuse(ErrInvalid, "1 validation error detected: Value '%.512s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to 64", out.name)
	}
	return out, err
}

// split makes a reference of the parts of a name that has its form.
func split(who *access.Caller, parts []string, qualifier string) (reference, error) {
	out := reference{realm: realmOf(who), qualifier: qualifier, name: parts[11]}
	if region := strings.TrimSuffix(parts[3], ":"); region != "" && region != out.region {
		return out, refuse(ErrNotFound, "Functions from '%.32s' are not reachable in this region ('%s')", region, out.region)
	}
	if account := strings.TrimSuffix(parts[9], ":"); account != "" {
		out.account = arn.AccountID(account)
	}
	if inside := parts[13]; inside != "" {
		if qualifier != "" && qualifier != inside {
			return out, refuse(ErrInvalid, "The derived qualifier from the function name does not match the specified qualifier.")
		}
		out.qualifier = inside
	}
	return out, nil
}

// resourcePattern is the form of what has tags.
//
// Source: AWS Lambda API Reference, TagResource.
const resourcePattern = `arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)`

var anyResource = form.New(`^(?:` + resourcePattern + `)$`)

// checkTagged wants the ARN of a function, which alone has tags here.
func checkTagged(functionARN string) error {
	switch {
	case !anyResource.MatchString(functionARN):
		return malformed(functionARN, "resource", "satisfy regular expression pattern: "+resourcePattern)
	case !strings.Contains(functionARN, ":function:"):
		return refuse(ErrNotFound, "The resource you requested does not exist.")
	case strings.Count(functionARN, ":") > 6:
		return refuse(ErrInvalid, "Tags on function aliases and versions are not supported. Please specify a function ARN.")
	}
	return nil
}

func (r reference) missing() error {
	return refuse(ErrNotFound, "Function not found: %s", r.arn())
}
