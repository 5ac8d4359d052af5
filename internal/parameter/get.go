package parameter

import (
	"context"
	"encoding/base64"
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Get reads a parameter, which ref names: "name", "name:version", "name:label", or
// an ARN with such an end; or a secret, see Secrets. It returns ErrNotFound or
// ErrVersionNotFound.
//
// Source: AWS Systems Manager API Reference, GetParameter.
func (s *Service) Get(ctx context.Context, who access.Caller, ref string, decrypt bool) (out Version, err error) {
	call := s.gate.Begin(who, "ssm:GetParameter")
	defer call.End(ctx, &err)
	call.Note("name", ref)
	if decrypt {
		call.Note("withDecryption", "true")
	}
	m := realmOf(&who)
	want, err := m.selected(ref)
	if err != nil {
		return out, err
	}
	if err := checkAsked(want.name); err != nil {
		return out, err
	}
	return s.one(ctx, call, who, m, want, decrypt)
}

// one reads the version that want means, or the secret that it stands for, for a
// caller that may.
func (s *Service) one(ctx context.Context, call *access.Call, who access.Caller, m realm, want selection, decrypt bool) (out Version, err error) {
	if strings.HasPrefix(want.name, referencePrefix) {
		return s.refer(ctx, call, who, m, want, decrypt)
	}
	v, err := s.readable(ctx, call, m, want)
	if err != nil {
		return out, err
	}
	return s.shown(ctx, who, m, want, v, decrypt)
}

// Many reads several parameters. The ones that do not exist are in
// missing; one that the caller may not read fails all.
//
// Source: AWS Systems Manager API Reference, GetParameters.
func (s *Service) Many(ctx context.Context, who access.Caller, refs []string, decrypt bool) (found []Version, missing []string, err error) {
	call := s.gate.Begin(who, "ssm:GetParameters")
	defer call.End(ctx, &err)
	call.Note("names", strings.Join(refs, ","))
	m := realmOf(&who)
	seen := make(map[string]bool, len(refs))
	for _, ref := range refs {
		want, err := m.selected(ref)
		var out Version
		if err == nil {
			if seen[want.name+want.selector] {
				return nil, nil, fail(ErrInvalid, "Duplicate parameter names are not allowed: "+ref)
			}
			seen[want.name+want.selector] = true
			out, err = s.one(ctx, call, who, m, want, decrypt)
		}
		if errors.Is(err, ErrNotFound) || errors.Is(err, ErrVersionNotFound) {
			missing = append(missing, ref)
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		found = append(found, out)
	}
	if len(found) == 0 {
		call.Open() // nothing was read
	}
	return found, missing, nil
}

// readable reads the version that want means, for a caller that may. Who may not
// read the name does not learn whether it exists.
func (s *Service) readable(ctx context.Context, call *access.Call, m realm, want selection) (v *versionRecord, err error) {
	var r *record
	err = s.records.View(ctx, func(tx store.Reader) error {
		of := want
		if r, of.name, err = locate(tx, m, of.name); err != nil {
			return err
		}
		v, err = pick(tx, m, of, r)
		return err
	})
	if r != nil {
		call.ResourceTags(r.Tags, "ssm:resourceTag/")
	}
	if derr := call.Decide(access.Target{ARN: m.arn(want.name), Rule: policy.IdentityOnly}); derr != nil {
		return nil, derr
	}
	call.ResetKeys() // the next parameter of the call has other tags
	return v, err
}

// shown is what the caller sees of a version.
func (s *Service) shown(ctx context.Context, who access.Caller, m realm, want selection, v *versionRecord, decrypt bool) (out Version, err error) {
	out = v.version(m, want.name)
	out.Selector = want.selector
	if v.Type != SecureString {
		return out, nil
	}
	if !decrypt {
		out.Value = base64.StdEncoding.EncodeToString(v.Sealed)
		return out, nil
	}
	out.Value, err = s.open(ctx, who, out.ARN, v)
	return out, err
}
