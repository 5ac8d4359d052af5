package secret

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// CreateRequest is a new secret.
type CreateRequest struct {
	Name  string
	Text  string // its description
	KeyID string // empty means the service's own key
	Tags  []Tag
	Value *Value // nil makes a secret without a version
	// Token becomes the id of the version; empty means a random one. A second
	// request with the same token and value does nothing.
	Token string
}

// Made says what a change left behind.
type Made struct {
	ARN, Name, VersionID string
	Stages               []string
}

var (
	nameForm  = form.New(`^[A-Za-z0-9/_+=.@-]+$`)
	tokenForm = form.New(`^[A-Za-z0-9-]{32,64}$`)
)

// Create keeps a new secret. With tags it wants the permission for TagResource as
// well. It returns ErrExists about a name that is taken, and ErrState about one that
// is waiting for its deletion.
//
// Source: AWS Secrets Manager API Reference, CreateSecret.
func (s *Service) Create(ctx context.Context, who access.Caller, in CreateRequest) (out Made, err error) {
	call := s.cfg.Gate.Begin(who, action("CreateSecret"))
	defer call.End(ctx, &err)
	call.Note("name", in.Name)
	call.Keys.Set("secretsmanager:Name", in.Name)
	if in.Text != "" {
		call.Keys.Set("secretsmanager:Description", in.Text)
	}
	if in.KeyID != "" {
		call.Keys.Set("secretsmanager:KmsKeyId", in.KeyID)
	}
	call.RequestTags(in.Tags)
	m := realmOf(&who)
	fresh := &record{V: recordVersion, Name: in.Name, Suffix: newSuffix(), home: m, Text: in.Text, KeyID: in.KeyID, Created: who.At, Changed: who.At}
	target := access.Target{ARN: fresh.arn(), Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return out, err
	}
	if len(in.Tags) > 0 {
		target.Action = action("TagResource")
		if err := call.Decide(target); err != nil {
			return out, err
		}
	}
	if !nameForm.MatchString(in.Name) || len(in.Name) > MaxNameBytes {
		return out, noName()
	}
	if fresh.Tags, err = merge(&who, nil, in.Tags); err != nil {
		return out, err
	}
	if out, err := s.repeated(ctx, who, in); err != nil || out.ARN != "" {
		return out, err
	}
	version, err := s.fresh(ctx, who, fresh, in.Value, in.Token)
	if err != nil {
		return out, err
	}
	err = call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			_, err := readRecord(tx, m, in.Name)
			if err := free(err, exists(in.Name)); err != nil {
				return err
			}
			if version != nil {
				fresh.Stages = map[string][]string{version.ID: {Current}}
				if err := putJSON(tx, versionSpace, fresh.versionKey(version.ID), version); err != nil {
					return err
				}
			}
			return save(tx, nil, fresh)
		})
	})
	if err != nil {
		return Made{}, err
	}
	out = fresh.made()
	if version != nil {
		out.VersionID = version.ID
	}
	return out, nil
}

func exists(name string) error {
	return fail(ErrExists, "The operation failed because the secret "+name+" already exists.")
}

// repeated answers a request that was carried out before. It returns nothing if
// the name is free, and ErrExists if it is another secret's.
func (s *Service) repeated(ctx context.Context, who access.Caller, in CreateRequest) (out Made, err error) {
	var now *record
	var version *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		if now, err = readRecord(tx, realmOf(&who), in.Name); err == nil && in.Token != "" {
			version, err = now.version(tx, in.Token)
		}
		return err
	})
	switch {
	case now == nil && errors.Is(err, ErrNotFound):
		return out, nil
	case now != nil && !now.Deleted.IsZero():
		return out, fail(ErrState, "You can't create this secret because a secret with this name is already scheduled for deletion.")
	case errors.Is(err, ErrNotFound), err == nil && (version == nil || in.Value == nil):
		return out, exists(in.Name)
	case err != nil:
		return out, err
	}
	if same, err := s.same(ctx, who, now, version, in.Value); err != nil {
		return out, err
	} else if !same {
		return out, exists(in.Name)
	}
	return Made{ARN: now.arn(), Name: now.Name, VersionID: in.Token}, nil
}

// fresh seals a value as a version that is not yet in the store; nil if there is
// no value.
func (s *Service) fresh(ctx context.Context, who access.Caller, r *record, value *Value, token string) (*versionRecord, error) {
	if token == "" {
		token = uuid.NewString()
	} else if !tokenForm.MatchString(token) {
		return nil, fail(ErrInvalid, "ClientRequestToken must have 32 to 64 letters, digits and hyphens.")
	}
	if value == nil {
		return nil, nil
	}
	if n := value.Bytes.Len(); n == 0 || n > MaxValueBytes {
		return nil, fail(ErrInvalid, "You must provide either SecretString or SecretBinary, with 1 to 65536 bytes.")
	}
	return s.seal(ctx, who, r, value, token, who.At)
}

// binding is what a version's data key and bytes are bound to.
func binding(secretARN, versionID string) (context map[string]string, object sealed.Binding) {
	return map[string]string{"SecretARN": secretARN, "SecretVersionId": versionID}, sealed.Bind("secret", secretARN, versionID)
}

// keyOf names the key that encrypts a secret so that the caller, who may be of
// another account, means the same one as the secret's owner.
func (s *Service) keyOf(ctx context.Context, who access.Caller, r *record) (string, error) {
	foreign := who.Account() != r.home.account
	switch {
	case r.KeyID == "":
		return s.cfg.Keys.ManagedKey(ctx, who, "secretsmanager")
	case foreign && strings.HasPrefix(r.KeyID, "alias/"):
		return r.home.keyARN(r.KeyID), nil
	case foreign && !strings.HasPrefix(r.KeyID, "arn:"):
		return r.home.keyARN("key/" + r.KeyID), nil
	}
	return r.KeyID, nil
}

// ownKey refuses a caller of another account what the service's own key encrypts.
func (r *record) ownKey(who *access.Caller) error {
	if who.Account() == r.home.account {
		return nil
	}
	return fail(ErrState, "You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
}

func (s *Service) seal(ctx context.Context, who access.Caller, r *record, value *Value, id string, at time.Time) (*versionRecord, error) {
	if r.KeyID == "" {
		if err := r.ownKey(&who); err != nil {
			return nil, err
		}
	}
	through := who.Through("secretsmanager")
	ref, err := s.keyOf(ctx, through, r)
	if err != nil {
		return nil, keyError(ErrEncryption, err)
	}
	bind, object := binding(r.arn(), id)
	key, wrapped, keyARN, err := s.cfg.Keys.NewDataKey(ctx, through, ref, bind)
	if err != nil {
		return nil, keyError(ErrEncryption, err)
	}
	defer key.Wipe()
	box, err := sealed.SealValue(key, object, value.Bytes.Reveal())
	if err != nil {
		return nil, err
	}
	return &versionRecord{V: recordVersion, ID: id, Created: at, Text: value.Text, Sealed: box, Wrapped: wrapped, KeyARN: keyARN, ServiceKey: r.KeyID == ""}, nil
}

func (s *Service) open(ctx context.Context, who access.Caller, r *record, v *versionRecord) (*Value, error) {
	if v.ServiceKey {
		if err := r.ownKey(&who); err != nil {
			return nil, err
		}
	}
	bind, object := binding(r.arn(), v.ID)
	key, err := s.cfg.Keys.OpenDataKey(ctx, who.Through("secretsmanager"), v.Wrapped, bind)
	if err != nil {
		return nil, keyError(ErrDecryption, err)
	}
	defer key.Wipe()
	plaintext, err := sealed.OpenValue(key, object, v.Sealed)
	if err != nil {
		return nil, fail(ErrDecryption, "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
	}
	defer clear(plaintext)
	return &Value{Bytes: sealed.NewSecret(plaintext), Text: v.Text}, nil
}

// same says whether a version holds value.
func (s *Service) same(ctx context.Context, who access.Caller, r *record, v *versionRecord, value *Value) (bool, error) {
	old, err := s.open(ctx, who, r, v)
	if err != nil {
		return false, err
	}
	defer old.Bytes.Wipe()
	return old.Text == value.Text && old.Bytes.Equal(value.Bytes), nil
}
