package policy

import (
	"slices"
	"strconv"
	"time"
)

// keyName is the name of a condition key, in lower case, and how to derive it
// from the request when the context does not have it.
type keyName struct {
	name   string
	derive derivation
}

type derivation uint8

const (
	notDerived derivation = iota
	principalARN
	principalAccount
	principalType
	userID
	userName
	isService
	serviceName
	serviceNames
	resourceAccount
	currentTime
	epochTime
)

func newKeyName(written string) keyName {
	k := keyName{name: lowerASCII(written)}
	switch k.name {
	case "aws:principalarn":
		k.derive = principalARN
	case "aws:principalaccount":
		k.derive = principalAccount
	case "aws:principaltype":
		k.derive = principalType
	case "aws:userid":
		k.derive = userID
	case "aws:username":
		k.derive = userName
	case "aws:principalisawsservice":
		k.derive = isService
	case "aws:principalservicename":
		k.derive = serviceName
	case "aws:principalservicenameslist":
		k.derive = serviceNames
	case "aws:resourceaccount", "s3:resourceaccount":
		k.derive = resourceAccount
	case "aws:currenttime":
		k.derive = currentTime
	case "aws:epochtime":
		k.derive = epochTime
	}
	return k
}

// values are what a request has under one key. n is 0 when the key is absent.
type values struct {
	n     int
	multi bool
	one   string
	many  []string
	torn  bool // no telling which of two values is meant
	// A clock key has its moment instead of text, which is made on demand.
	clock derivation
	time  time.Time
}

// at is the value i as text.
func (v *values) at(i int) string {
	switch {
	case v.multi:
		return v.many[i]
	case v.clock == currentTime:
		return v.time.UTC().Format("2006-01-02T15:04:05Z")
	case v.clock == epochTime:
		return strconv.FormatInt(v.time.Unix(), 10)
	}
	return v.one
}

// text is the values of a key that has one, if it is not empty.
func text(s string) values {
	if s == "" {
		return values{}
	}
	return values{n: 1, one: s}
}

// values finds the key in the request.
//
// Source: IAM User Guide, "AWS global condition context keys".
func (k *keyName) values(e *evaluation) values {
	if v, ok := e.r.Context.find(k.name); ok {
		return v
	}
	p := e.p
	switch k.derive {
	case principalARN:
		// A session is known by its role, so that a policy need not guess
		// session names.
		if p.Kind == RoleSession {
			return text(p.IssuerARN)
		}
		return text(p.ARN)
	case principalAccount:
		if p.Kind == Anonymous {
			return text("anonymous")
		}
		return text(string(p.Account))
	case principalType:
		switch p.Kind {
		case Anonymous:
			return text("Anonymous")
		case Root:
			return text("Account")
		case User:
			return text("User")
		case RoleSession:
			return text("AssumedRole")
		case FederatedUser:
			return text("FederatedUser")
		}
	case userID:
		if p.Kind == Anonymous {
			return text("anonymous")
		}
		return text(p.UserID)
	case userName:
		if p.Kind == User {
			return text(p.Name)
		}
	case isService:
		if p.Kind != Anonymous {
			return text(strconv.FormatBool(p.Kind == Service))
		}
	case serviceName:
		if p.Kind == Service {
			return text(p.Service)
		}
	case serviceNames:
		if p.Kind == Service && p.Service != "" {
			return values{n: 1, one: p.Service}
		}
	case resourceAccount:
		if e.r.Owner != "" {
			return text(string(e.r.Owner))
		}
		return text(string(p.Account))
	case currentTime, epochTime:
		if !e.r.Time.IsZero() {
			return values{n: 1, clock: k.derive, time: e.r.Time.Truncate(time.Second)}
		}
	}
	return values{}
}

// ContextKeys lists the condition keys that the document asks for, in
// conditions and in variables, each once, sorted and in lower case.
func (d *Document) ContextKeys() []string {
	var names []string
	add := func(t *template) {
		for i := range t.parts {
			if t.parts[i].variable {
				names = append(names, t.parts[i].key.name)
			}
		}
	}
	for i := range d.statements {
		s := &d.statements[i]
		for j := range s.resources {
			if s.resources[j].path != nil {
				add(s.resources[j].path)
			}
		}
		for j := range s.conditions {
			names = append(names, s.conditions[j].key.name)
			for _, w := range s.conditions[j].wants {
				if w.vars != nil {
					add(w.vars)
				}
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
