package parameter

import (
	"context"
	"encoding/base64"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Page says which part of a listing to return.
type Page struct {
	Limit int    // of items; 0 is the listing's most
	Token string // empty, or the Next of the page before
}

// Listing is one page; Next is empty on the last one.
type Listing struct {
	Items []Version
	Next  string
}

// The most items that one page has.
const (
	maxByPath   = 10
	maxDescribe = 50
	maxHistory  = 50
)

// scanned bounds how many parameters one page of a filtered listing looks at.
const scanned = 1000

// What a token goes on behind: the name of a parameter, or a version.
const (
	behindName    = "n"
	behindVersion = "v"
)

// token says where a listing stopped.
func token(kind, last string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(kind + last))
}

// start is the key behind which a page begins.
func (p Page) start(kind string) (string, error) {
	if p.Token == "" {
		return "", nil
	}
	raw, err := base64.RawURLEncoding.DecodeString(p.Token)
	last, ok := strings.CutPrefix(string(raw), kind)
	if err != nil || !ok {
		return "", fail(ErrToken, "The specified token isn't valid.")
	}
	return last, nil
}

// ByPath reads the parameters below a path: those one level down, or all of them.
// Names without a slash are one level below "/".
//
// Source: AWS Systems Manager API Reference, GetParametersByPath.
func (s *Service) ByPath(ctx context.Context, who access.Caller, path string, recursive, decrypt bool, filters []Filter, page Page) (out Listing, err error) {
	call := s.gate.Begin(who, "ssm:GetParametersByPath")
	defer call.End(ctx, &err)
	call.Note("path", path)
	m := realmOf(&who)
	if recursive {
		call.Keys.Set("ssm:Recursive", "true")
	} else {
		call.Keys.Set("ssm:Recursive", "false")
	}
	if err := call.Decide(access.Target{ARN: m.arn(path), Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	if err := checkPath(path); err != nil {
		return out, err
	}
	match, err := compile(filters, byPathKeys)
	if err != nil {
		return out, err
	}
	prefix := ""
	if path != "/" {
		prefix = strings.TrimSuffix(path, "/") + "/"
	}
	found, next, err := s.collect(ctx, m, prefix, page, maxByPath, func(name string, r *record, v *versionRecord) bool {
		rest, below := below(name, path)
		return below && (recursive || !strings.Contains(rest, "/")) && match(name, r, v)
	})
	if err != nil {
		return out, err
	}
	out.Next = next
	for _, f := range found {
		v, err := s.shown(ctx, who, m, selection{name: f.name}, f.version, decrypt)
		if err != nil {
			return Listing{}, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}

// Describe lists parameters without their values.
//
// Source: AWS Systems Manager API Reference, DescribeParameters.
func (s *Service) Describe(ctx context.Context, who access.Caller, filters []Filter, page Page) (out Listing, err error) {
	call := s.gate.Begin(who, "ssm:DescribeParameters")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	if err := call.Decide(access.Target{ARN: m.arn("*"), Rule: policy.IdentityOnly}); err != nil {
		return out, err
	}
	match, err := compile(filters, describeKeys)
	if err != nil {
		return out, err
	}
	found, next, err := s.collect(ctx, m, "", page, maxDescribe, match)
	if err != nil {
		return out, err
	}
	out.Next = next
	for _, f := range found {
		v := f.version.version(m, f.name)
		v.Value = ""
		out.Items = append(out.Items, v)
	}
	return out, nil
}

type foundVersion struct {
	name    string
	version *versionRecord
}

// collect finds the parameters whose names begin with prefix and that match, in
// the order of their names.
func (s *Service) collect(ctx context.Context, m realm, prefix string, page Page, most int, match func(string, *record, *versionRecord) bool) (found []foundVersion, next string, err error) {
	after, err := page.start(behindName)
	if err != nil {
		return nil, "", err
	}
	if page.Limit > 0 {
		most = min(most, page.Limit)
	}
	err = s.records.View(ctx, func(tx store.Reader) error {
		found, next = nil, ""
		looked := 0
		within := store.Prefix(m.prefix() + prefix)
		if after != "" {
			within = within.After(m.prefix() + after)
		}
		last := ""
		for rec, err := range tx.Scan(parameterSpace, within) {
			if err != nil {
				return err
			}
			if len(found) == most || looked == scanned {
				next = token(behindName, last)
				return nil
			}
			looked++
			last = rec.Key[len(m.prefix()):]
			r, err := decode(rec.Value, versionOfRecord)
			if err != nil {
				return err
			}
			v, err := findVersion(tx, m, last, r.Latest)
			if err != nil {
				return err
			}
			if match(last, r, v) {
				found = append(found, foundVersion{last, v})
			}
		}
		return nil
	})
	return found, next, err
}

// History lists the versions of a parameter, the oldest first.
//
// Source: AWS Systems Manager API Reference, GetParameterHistory.
func (s *Service) History(ctx context.Context, who access.Caller, ref string, decrypt bool, page Page) (out Listing, err error) {
	call := s.gate.Begin(who, "ssm:GetParameterHistory")
	defer call.End(ctx, &err)
	call.Note("name", ref)
	m := realmOf(&who)
	name, err := m.named(ref)
	if err != nil {
		return out, err
	}
	if _, err := s.readable(ctx, call, m, selection{name: name}); err != nil {
		return out, err
	}
	after, err := page.start(behindVersion)
	if err != nil {
		return out, err
	}
	most := maxHistory
	if page.Limit > 0 {
		most = min(most, page.Limit)
	}
	var all []*versionRecord
	err = s.records.View(ctx, func(tx store.Reader) error {
		_, kept, err := locate(tx, m, name)
		if err != nil {
			return err
		}
		all, err = versions(tx, m, kept)
		return err
	})
	if err != nil {
		return out, err
	}
	first := 0
	if after != "" {
		first = slices.IndexFunc(all, func(v *versionRecord) bool { return versionKey("", v.Number) > after })
	}
	for i := first; i >= 0 && i < len(all); i++ {
		if len(out.Items) == most {
			out.Next = token(behindVersion, versionKey("", all[i-1].Number))
			break
		}
		v, err := s.shown(ctx, who, m, selection{name: name}, all[i], decrypt)
		if err != nil {
			return Listing{}, err
		}
		out.Items = append(out.Items, v)
	}
	return out, nil
}
