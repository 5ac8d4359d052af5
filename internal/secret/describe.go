package secret

import (
	"context"
	"encoding/base64"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Page says which part of a listing to return.
type Page struct {
	Limit int    // of items; 0 is the listing's most
	Token string // empty, or the Next of the page before
}

// MaxPage is the most items that one page has.
const MaxPage = 100

// maxBatch is how many secrets one Batch reads.
const maxBatch = 20

// scanned bounds how many secrets one page of a filtered listing looks at.
const scanned = 1000

// What a token goes on behind: the name of a secret, or a version.
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
		return "", fail(ErrToken, "Invalid NextToken.")
	}
	return last, nil
}

// token says that a listing of versions stopped at v, which may be gone or have lost
// its labels when the listing goes on.
func (v *versionRecord) token() string {
	return token(behindVersion, v.Created.Format(time.RFC3339Nano)+" "+v.ID)
}

// startVersion is the version behind which a page begins, as far as its place among
// the others goes; nil for none.
func (p Page) startVersion() (*versionRecord, error) {
	at, err := p.start(behindVersion)
	if err != nil || at == "" {
		return nil, err
	}
	moment, id, _ := strings.Cut(at, " ")
	created, err := time.Parse(time.RFC3339Nano, moment)
	if err != nil {
		return nil, fail(ErrToken, "Invalid NextToken.")
	}
	return &versionRecord{ID: id, Created: created}, nil
}

func (p Page) most() int {
	if p.Limit <= 0 {
		return MaxPage
	}
	return min(p.Limit, MaxPage)
}

// Describe tells what there is to know of a secret but its values.
//
// Source: AWS Secrets Manager API Reference, DescribeSecret.
func (s *Service) Describe(ctx context.Context, who access.Caller, ref string) (d Description, err error) {
	call := s.begin(&who, "DescribeSecret", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return d, err
	}
	return r.describe(), nil
}

// Filter selects secrets in a listing: a value that begins with "!" excludes.
//
// Source: AWS Secrets Manager API Reference, Filter.
type Filter struct {
	Key    string // description, name, tag-key, tag-value, all
	Values []string
}

func (f *Filter) check() error {
	switch f.Key {
	case "description", "name", "tag-key", "tag-value", "all":
		if len(f.Values) == 0 {
			return fail(ErrInvalid, "Invalid filter values for key: "+f.Key)
		}
		return nil
	case "primary-region", "owning-service":
		return fail(ErrInvalid, "Filtering by "+f.Key+" is not supported.")
	}
	return fail(ErrInvalid, "Invalid filter key")
}

// holds reports whether one value means the secret, and none excludes it. Names
// and tags match from their beginning and with case, all else by words and without.
func (f *Filter) holds(r *record) bool {
	any, wants := false, false
	for _, v := range f.Values {
		want, excludes := strings.CutPrefix(v, "!")
		means := f.means(r, want)
		if excludes && means {
			return false
		}
		wants = wants || !excludes
		any = any || !excludes && means
	}
	return any || !wants
}

func (f *Filter) means(r *record, want string) bool {
	tag := func(key, value bool) bool {
		return slices.ContainsFunc(r.Tags, func(t Tag) bool {
			return key && strings.HasPrefix(t.Key, want) || value && strings.HasPrefix(t.Value, want)
		})
	}
	switch f.Key {
	case "name":
		return strings.HasPrefix(r.Name, want)
	case "description":
		return hasWords(words(r.Text), want)
	case "tag-key":
		return tag(true, false)
	case "tag-value":
		return tag(false, true)
	}
	all := append(words(r.Name), words(r.Text)...)
	for _, t := range r.Tags {
		all = append(append(all, words(t.Key)...), words(t.Value)...)
	}
	return hasWords(all, want)
}

// hasWords reports whether each word of want begins a word of has.
func hasWords(has []string, want string) bool {
	for _, w := range words(want) {
		if !slices.ContainsFunc(has, func(h string) bool { return strings.HasPrefix(h, w) }) {
			return false
		}
	}
	return true
}

// words are the letters and digits of a text, in small letters, taken apart at all else.
func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// List lists the secrets of the caller's account and region; those that wait for
// their deletion only if deleted is set.
//
// Source: AWS Secrets Manager API Reference, ListSecrets.
func (s *Service) List(ctx context.Context, who access.Caller, filters []Filter, deleted, descending bool, page Page) (out []Description, next string, err error) {
	call := s.cfg.Gate.Begin(who, action("ListSecrets"))
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, "", err
	}
	found, next, err := s.collect(ctx, realmOf(&who), filters, deleted, descending, page)
	if err != nil {
		return nil, "", err
	}
	for _, r := range found {
		out = append(out, r.describe())
	}
	return out, next, nil
}

func (s *Service) collect(ctx context.Context, m realm, filters []Filter, deleted, descending bool, page Page) (found []*record, next string, err error) {
	for i := range filters {
		if err := filters[i].check(); err != nil {
			return nil, "", err
		}
	}
	after, err := page.start(behindName)
	if err != nil {
		return nil, "", err
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		found, next = nil, ""
		within := store.Prefix(m.prefix())
		within.Reverse = descending
		switch {
		case after != "" && descending:
			within.To = m.key(after)
		case after != "":
			within = within.After(m.key(after))
		}
		looked, last := 0, ""
		for rec, err := range tx.Scan(secretSpace, within) {
			if err != nil {
				return err
			}
			if len(found) == page.most() || looked == scanned {
				next = token(behindName, last)
				return nil
			}
			looked++
			last = rec.Key[len(m.prefix()):]
			r, err := decodeRecord(m, rec.Value)
			if err != nil {
				return err
			}
			match := deleted || r.Deleted.IsZero()
			for i := range filters {
				match = match && filters[i].holds(r)
			}
			if match {
				found = append(found, r)
			}
		}
		return nil
	})
	return found, next, err
}

// Missed is a secret that Batch could not read.
type Missed struct {
	Secret string
	Err    error
}

// Batch reads the current versions of secrets that refs name, or that the filters
// select; one that cannot be read is among the missed.
//
// Source: AWS Secrets Manager API Reference, BatchGetSecretValue.
func (s *Service) Batch(ctx context.Context, who access.Caller, refs []string, filters []Filter, page Page) (found []Version, missed []Missed, next string, err error) {
	call := s.cfg.Gate.Begin(who, action("BatchGetSecretValue"))
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, nil, "", err
	}
	if (len(refs) == 0) == (len(filters) == 0) {
		return nil, nil, "", fail(ErrInvalid, "Either 'SecretIdList' or 'Filters' must be provided, but not both.")
	}
	if len(filters) == 0 && page.Limit != 0 {
		return nil, nil, "", fail(ErrInvalid, "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is provided.")
	}
	if len(filters) > 0 {
		if page.Limit == 0 || page.Limit > maxBatch {
			page.Limit = maxBatch
		}
		records, more, err := s.collect(ctx, realmOf(&who), filters, false, false, page)
		if err != nil {
			return nil, nil, "", err
		}
		next = more
		for _, r := range records {
			refs = append(refs, r.arn())
		}
	}
	for _, ref := range refs {
		v, err := s.Get(ctx, who, ref, "", "")
		var refused *refusal.Error
		switch {
		case err == nil:
			found = append(found, v)
		case errors.As(err, &refused), errors.Is(err, access.ErrDenied):
			missed = append(missed, Missed{ref, err})
		default:
			return nil, nil, "", err
		}
	}
	return found, missed, next, nil
}

// Versions lists the versions of a secret, the newest first; those without a label
// only if deprecated is set.
//
// Source: AWS Secrets Manager API Reference, ListSecretVersionIds.
func (s *Service) Versions(ctx context.Context, who access.Caller, ref string, deprecated bool, page Page) (out []Version, arn, name, next string, err error) {
	call := s.begin(&who, "ListSecretVersionIds", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return nil, "", "", "", err
	}
	last, err := page.startVersion()
	if err != nil {
		return nil, "", "", "", err
	}
	var all []*versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		all, err = r.versions(tx)
		return err
	})
	if err != nil {
		return nil, "", "", "", err
	}
	slices.Reverse(all)
	all = slices.DeleteFunc(all, func(v *versionRecord) bool {
		return !deprecated && len(r.Stages[v.ID]) == 0 || last != nil && v.age(last) >= 0
	})
	if len(all) > page.most() {
		all = all[:page.most()]
		next = all[len(all)-1].token()
	}
	for _, v := range all {
		out = append(out, Version{ID: v.ID, Stages: r.Stages[v.ID], Created: v.Created, Accessed: v.Accessed, KeyARN: v.KeyARN, ServiceKey: v.ServiceKey})
	}
	return out, r.arn(), r.Name, next, nil
}
