package lambda

import (
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// publish makes the next version of what v is. The last version again is no new
// one, whatever description it is to have.
func publish(tx store.Writer, ref reference, r *record, v *versionRecord, description *string, at time.Time) (*versionRecord, error) {
	next := *v
	if description != nil {
		next.Settings.Description, next.Described = *description, &v.Settings.Description
	}
	if r.Last > 0 {
		last := ref
		last.qualifier = strconv.Itoa(r.Last)
		before, err := readVersion(tx, last, r)
		if err == nil && before.source() == v.Settings && before.Code.ID == v.Code.ID && sameBox(before.Env, v.Env) {
			return before, nil
		}
	}
	r.Last++
	next.Version = strconv.Itoa(r.Last)
	next.touch(at)
	return &next, next.save(tx, ref)
}

// source is the settings that $LATEST had when v was published.
func (v *versionRecord) source() Settings {
	s := v.Settings
	if v.Described != nil {
		s.Description = *v.Described
	}
	return s
}

func sameBox(a, b *box) bool {
	return a == b || a != nil && b != nil && a.ID == b.ID
}

// PublishRequest makes a version of $LATEST.
type PublishRequest struct {
	Name        string
	CodeSHA256  string // base64, "" or the one that the caller means to publish
	Description *string
	RevisionID  string
}

// Publish makes a version of what $LATEST is, and returns the last one again if
// nothing changed since.
//
// Source: AWS Lambda API Reference, PublishVersion.
func (s *Service) Publish(ctx context.Context, who access.Caller, in PublishRequest) (_ *Version, err error) {
	call := s.begin(&who, "PublishVersion", in.Name)
	defer call.End(ctx, &err)
	ref, _, err := s.admitLatest(ctx, call, &who, in.Name)
	if err != nil {
		return nil, err
	}
	var made *versionRecord
	err = s.edit(ctx, call, ref, func(tx store.Writer, r *record) error {
		v, err := readVersion(tx, ref, r)
		if err != nil {
			return err
		}
		if err := v.expect(in.RevisionID); err != nil {
			return err
		}
		if got := base64.StdEncoding.EncodeToString(v.Code.SHA256[:]); in.CodeSHA256 != "" && in.CodeSHA256 != got {
			return refuse(ErrInvalid, "CodeSHA256 (%.64s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", in.CodeSHA256, got)
		}
		made, err = publish(tx, ref, r, v, in.Description, who.At)
		return err
	})
	if err != nil {
		return nil, err
	}
	call.NoteAnswer("version", made.Version)
	return s.describe(ref, made)
}

// Get describes a version, with the tags of its function, for one of the
// operations that only read: "GetFunction", "GetFunctionConfiguration".
//
// Source: AWS Lambda API Reference, GetFunction, GetFunctionConfiguration.
func (s *Service) Get(ctx context.Context, who access.Caller, operation, name, qualifier string) (_ *Version, tags map[string]string, err error) {
	call := s.begin(&who, operation, name)
	defer call.End(ctx, &err)
	ref, r, err := s.admit(ctx, call, &who, name, qualifier)
	if err != nil {
		return nil, nil, err
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		v, err = readVersion(tx, ref, r)
		return err
	})
	if err != nil {
		return nil, nil, err
	}
	out, err := s.describe(ref, v)
	if err == nil && operation == "GetFunction" {
		out.Ticket, err = s.issue(&who, ref, v)
	}
	return out, r.Tags, err
}

// Page is a part of a list: at most Max entries after Marker.
type Page struct {
	Max    int
	Marker string
}

const (
	usualPage   = 50
	biggestPage = 10_000
)

func (p Page) limit() int {
	if p.Max <= 0 {
		return usualPage
	}
	return min(p.Max, biggestPage)
}

// Versions lists the versions of a function, $LATEST first, and the marker of
// the next page, "" if this is the last.
//
// Source: AWS Lambda API Reference, ListVersionsByFunction.
func (s *Service) Versions(ctx context.Context, who access.Caller, name string, page Page) (_ []*Version, next string, err error) {
	call := s.begin(&who, "ListVersionsByFunction", name)
	defer call.End(ctx, &err)
	ref, _, err := s.admitLatest(ctx, call, &who, name)
	if err != nil {
		return nil, "", err
	}
	var all []*versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		all, err = versions(tx, ref)
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if page.Marker != "" && page.Marker != Latest && !versionForm.MatchString(page.Marker) {
		return nil, "", refuse(ErrInvalid, "Invalid Marker")
	}
	// The version that the marker names may be gone by now.
	last := &versionRecord{Version: page.Marker}
	var out []*Version
	for _, v := range all {
		if page.Marker != "" && v.number() <= last.number() {
			continue
		}
		if len(out) == page.limit() {
			return out, out[len(out)-1].Version, nil
		}
		at := ref
		at.qualifier = v.Version
		d, err := s.describe(at, v)
		if err != nil {
			return nil, "", err
		}
		out = append(out, d)
	}
	return out, "", nil
}

// Functions lists the $LATEST of the caller's functions by name, or with every all
// their versions, and the marker of the next page.
//
// Source: AWS Lambda API Reference, ListFunctions.
func (s *Service) Functions(ctx context.Context, who access.Caller, every bool, page Page) (out []*Version, next string, err error) {
	call := s.cfg.Gate.Begin(who, action("ListFunctions"))
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, "", err
	}
	m := realmOf(&who)
	from := store.Prefix(m.prefix())
	if page.Marker != "" {
		after, err := base64.RawURLEncoding.DecodeString(page.Marker)
		if err != nil {
			return nil, "", refuse(ErrInvalid, "Invalid Marker")
		}
		from = from.After(m.prefix() + string(after))
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		out, next = nil, ""
		last := ""
		for rec, err := range tx.Scan(versionSpace, from) {
			if err != nil {
				return err
			}
			v, err := decodeVersion(rec.Value)
			if err != nil {
				return err
			}
			if !every && v.Version != Latest {
				continue
			}
			if len(out) == page.limit() {
				next = base64.RawURLEncoding.EncodeToString([]byte(last))
				return nil
			}
			last = rec.Key[len(m.prefix()):]
			ref := reference{realm: m, name: last[:len(last)-len(v.Version)-1]}
			if every {
				ref.qualifier = v.Version
			}
			d, err := s.describe(ref, v)
			if err != nil {
				return err
			}
			out = append(out, d)
		}
		return nil
	})
	return out, next, err
}

// Delete removes a version, or a whole function with its versions and aliases. A
// version that a distribution or an alias names stays; one that is not there is no
// error.
//
// Source: AWS Lambda API Reference, DeleteFunction.
func (s *Service) Delete(ctx context.Context, who access.Caller, name, qualifier string) (err error) {
	call := s.begin(&who, "DeleteFunction", name)
	defer call.End(ctx, &err)
	ref, err := parse(&who, name, qualifier)
	switch {
	case err != nil:
		return err
	case ref.qualifier == Latest:
		return refuse(ErrInvalid, "$LATEST version cannot be deleted without deleting the function.")
	case ref.qualifier != "" && !versionForm.MatchString(ref.qualifier):
		return refuse(ErrInvalid, "Deletion of aliases is not currently supported.")
	}
	if ref, _, err = s.admit(ctx, call, &who, name, qualifier); err != nil {
		return err
	}
	var gone []*versionRecord
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) (err error) {
			gone, err = s.remove(tx, ref)
			return err
		})
	})
	if err != nil {
		return err
	}
	var codes []string
	for _, v := range gone {
		codes = append(codes, v.Code.ID)
		s.loaded.drop(ref.realm.arn(ref.name, v.Version))
	}
	return s.discard(ctx, ref, codes...)
}

// used tells whether a distribution runs a version.
func (s *Service) used(tx store.Reader, ref reference, versionARN string) (bool, error) {
	if s.cfg.Users == nil {
		return false, nil
	}
	users, err := s.cfg.Users(tx, ref.account, versionARN)
	return len(users) > 0, err
}

// remove deletes the records of the version that ref names, or of the whole
// function, and returns the versions that are gone.
func (s *Service) remove(tx store.Writer, ref reference) (gone []*versionRecord, err error) {
	r, err := readRecord(tx, ref)
	if err != nil {
		return nil, err
	}
	gone, err = versions(tx, ref)
	if err != nil {
		return nil, err
	}
	if ref.qualifier != "" {
		gone = slices.DeleteFunc(gone, func(v *versionRecord) bool { return v.Version != ref.qualifier })
		if len(gone) == 0 {
			return nil, nil // a version that is not there is gone
		}
		for _, alias := range slices.Sorted(maps.Keys(r.Aliases)) {
			if r.Aliases[alias].Version == ref.qualifier {
				return nil, refuse(ErrConflict, "Version %s is in use by alias %s", ref.qualifier, alias)
			}
		}
	}
	for _, v := range gone {
		versionARN := ref.realm.arn(ref.name, v.Version)
		used, err := s.used(tx, ref, versionARN)
		if err != nil {
			return nil, err
		}
		if used {
			return nil, refuse(ErrInvalid, "Lambda was unable to delete %s because it is a replicated function. Please see our documentation for Deleting Lambda@Edge Functions and Replicas.", versionARN)
		}
		if err := tx.Delete(versionSpace, ref.versionKey(ref.name, v.Version)); err != nil {
			return nil, err
		}
	}
	if ref.qualifier == "" {
		return gone, tx.Delete(functionSpace, ref.key(ref.name))
	}
	delete(r.Policies, ref.qualifier)
	return gone, r.save(tx, ref)
}
