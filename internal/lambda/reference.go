package lambda

import (
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

// parse reads "name", "account:function:name" or an ARN, each with ":qualifier"
// behind it or not; qualifier is the one that came beside it.
//
// Source: AWS Lambda API Reference, FunctionName of GetFunction.
func parse(who *access.Caller, ref, qualifier string) (reference, error) {
	out := reference{realm: realmOf(who), qualifier: qualifier}
	bad := refuse(ErrInvalid, "1 validation error detected: Value '%.256s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\\d{1}:)?(\\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\\$LATEST|[a-zA-Z0-9-_]+))?", ref)
	rest, full := strings.CutPrefix(ref, "arn:aws:lambda:")
	if full {
		region, after, _ := strings.Cut(rest, ":")
		if region != out.region {
			return out, refuse(ErrNotFound, "Functions from '%.32s' are not reachable in this region ('%s')", region, out.region)
		}
		rest = after
	}
	if account, after, ok := strings.Cut(rest, ":"); ok && accountForm.MatchString(account) {
		out.account, rest = arn.AccountID(account), after
		if rest, ok = strings.CutPrefix(rest, "function:"); !ok {
			return out, bad
		}
	} else if full {
		return out, bad
	}
	rest = strings.TrimPrefix(rest, "function:")
	name, inside, qualified := strings.Cut(rest, ":")
	out.name = name
	if !nameForm.MatchString(name) || qualified && inside == "" {
		return out, bad
	}
	if qualified {
		if qualifier != "" && qualifier != inside {
			return out, refuse(ErrInvalid, "The derived qualifier from the function name does not match the specified qualifier.")
		}
		out.qualifier = inside
	}
	if q := out.qualifier; q != "" && q != Latest && !aliasForm.MatchString(q) {
		return out, refuse(ErrInvalid, "1 validation error detected: Value '%.128s' at 'qualifier' failed to satisfy constraint: Member must satisfy regular expression pattern: \\$(LATEST(\\.PUBLISHED)?)|[a-zA-Z0-9-_$]+", q)
	}
	return out, nil
}

func (r reference) missing() error {
	return refuse(ErrNotFound, "Function not found: %s", r.arn())
}
