package keyring

import (
	"context"
	"slices"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Bounds of rotation.
const (
	MinRotationDays     = 90
	MaxRotationDays     = 2560
	DefaultRotationDays = 365
	// MaxOnDemandRotations is how often a key may be rotated on demand in its life.
	MaxOnDemandRotations = 25
)

// RotationKind says why material was replaced.
type RotationKind string

// The kinds of rotation.
const (
	Automatic RotationKind = "AUTOMATIC"
	OnDemand  RotationKind = "ON_DEMAND"
)

// rotationRecord is when a key's material is replaced by itself.
type rotationRecord struct {
	Days int `json:"days"`
	// Next is when the rotation is due. A key that is not enabled then is
	// rotated when it is enabled again.
	Next millis `json:"next"`
}

// rotatedRecord is one rotation that has happened.
type rotatedRecord struct {
	Material string       `json:"material"` // what became current
	At       millis       `json:"at"`
	Kind     RotationKind `json:"kind"`
}

// RotationStatus is how a key rotates.
type RotationStatus struct {
	KeyARN  string
	Enabled bool
	// Days is the period, and Next the next rotation; both only if Enabled.
	Days int
	Next time.Time
}

// MaterialState is where a version of a key's material stands.
type MaterialState string

// The states of material.
const (
	Current         MaterialState = "CURRENT"
	NonCurrent      MaterialState = "NON_CURRENT"
	PendingRotation MaterialState = "PENDING_ROTATION"
	// PendingReplicas has to be imported into the related keys too.
	PendingReplicas MaterialState = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION"
)

// Rotation is one version of a key's material.
type Rotation struct {
	KeyID      KeyID
	MaterialID string
	State      MaterialState
	// The rest but At and Kind is of imported material.
	Imported    bool
	Missing     bool // it has to be imported again
	Description string
	Expiration  ExpirationModel
	ValidTo     time.Time // zero if it does not expire
	// At and Kind tell of the rotation that made it current; zero for the first.
	At   time.Time
	Kind RotationKind
}

// checkRotates says whether material of the key is replaceable.
func (k *key) checkRotates() error {
	if k.spec.family != symmetricKey {
		return fail(ErrUnsupported, "")
	}
	return nil
}

// checkAutomatic says whether the Ring can replace material of the key.
func (k *key) checkAutomatic() error {
	if err := k.checkRotates(); err != nil {
		return err
	}
	if err := k.checkPrimary(k.path); err != nil {
		return err
	}
	if k.Origin != FromKMS {
		return fail(ErrUnsupported, "%s origin is %s which is not valid for this operation.", k.arn, k.Origin)
	}
	return nil
}

// EnableRotation makes the Ring replace a symmetric key's material every days
// days, MinRotationDays to MaxRotationDays, or DefaultRotationDays if 0,
// beginning one period from now. It may be called again for another period.
//
// Source: AWS KMS API Reference, EnableKeyRotation.
func (r *Ring) EnableRotation(ctx context.Context, who access.Caller, ref string, days int) (err error) {
	call := r.begin(&who, opEnableKeyRotation)
	defer call.End(ctx, &err)
	if days == 0 {
		days = DefaultRotationDays
	}
	call.Note("keyId", ref)
	call.Note("rotationPeriodInDays", strconv.Itoa(days))
	if days < MinRotationDays || days > MaxRotationDays {
		return outOfRange("rotationPeriodInDays", days, MinRotationDays, MaxRotationDays)
	}
	call.Keys.Set("kms:RotationPeriodInDays", strconv.Itoa(days))
	k, err := r.admit(call, &who, opEnableKeyRotation, ref)
	if err != nil {
		return err
	}
	if err := k.checkAutomatic(); err != nil {
		return err
	}
	next := toMillis(r.clock.Now().AddDate(0, 0, days))
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opEnableKeyRotation, func(_ *change, rec *keyRecord) error {
			if err := rec.checkPrimary(k.path); err != nil {
				return err
			}
			rec.Rotation = &rotationRecord{Days: days, Next: next}
			return nil
		})
	})
}

// DisableRotation ends what EnableRotation began. Old material stays.
//
// Source: AWS KMS API Reference, DisableKeyRotation.
func (r *Ring) DisableRotation(ctx context.Context, who access.Caller, ref string) (err error) {
	call := r.begin(&who, opDisableKeyRotation)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opDisableKeyRotation, ref)
	if err != nil {
		return err
	}
	if err := k.checkAutomatic(); err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opDisableKeyRotation, func(_ *change, rec *keyRecord) error {
			if err := rec.checkPrimary(k.path); err != nil {
				return err
			}
			rec.Rotation = nil
			return nil
		})
	})
}

// RotationStatus tells whether and when a key rotates. A key that waits for its
// deletion does not, nor one whose material cannot be replaced: asking about it
// is no error, as whoever manages keys of every kind asks of each.
//
// Source: AWS KMS API Reference, GetKeyRotationStatus.
func (r *Ring) RotationStatus(ctx context.Context, who access.Caller, ref string) (out RotationStatus, err error) {
	call := r.begin(&who, opGetKeyRotationStatus)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opGetKeyRotationStatus, ref)
	if err != nil {
		return out, err
	}
	out.KeyARN = k.arn
	rotation := r.primary(k).Rotation
	if rotation != nil && k.State != PendingDeletion && k.State != PendingReplicaDeletion {
		out.Enabled, out.Days, out.Next = true, rotation.Days, rotation.Next.time()
	}
	return out, nil
}

// RotateNow replaces a symmetric key's material at once, at most
// MaxOnDemandRotations times in the key's life. The automatic rotation keeps its
// dates. It returns the key's ARN.
//
// A key of origin External gets the material that was imported for it; it
// returns ErrInvalidState when there is none.
//
// Source: AWS KMS API Reference, RotateKeyOnDemand.
func (r *Ring) RotateNow(ctx context.Context, who access.Caller, ref string) (keyARN string, err error) {
	call := r.begin(&who, opRotateKeyOnDemand)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opRotateKeyOnDemand, ref)
	if err != nil {
		return "", err
	}
	if err := k.checkRotates(); err != nil {
		return "", err
	}
	if err := k.checkPrimary(k.path); err != nil {
		return "", err
	}
	if err := r.checkReplicas(k); err != nil {
		return "", err
	}
	if err := k.checkOnDemand(k.arn); err != nil {
		return "", err
	}
	now := r.clock.Now()
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opRotateKeyOnDemand, func(c *change, rec *keyRecord) error {
			if err := rec.checkPrimary(k.path); err != nil {
				return err
			}
			if err := rec.checkOnDemand(k.arn); err != nil {
				return err
			}
			return r.rotate(c, k.path, rec, OnDemand, now)
		})
	})
	return k.arn, err
}

// checkReplicas says whether every related key has the material that waits for
// its rotation.
func (r *Ring) checkReplicas(k *key) error {
	if k.Multi == nil || k.Pending == "" {
		return nil
	}
	for _, region := range append([]string{k.Multi.Primary}, k.Multi.Replicas...) {
		other := r.index.key(region, k.id)
		if other == nil {
			continue
		}
		if i := other.imported(k.Pending); i == nil || i.Missing {
			return fail(ErrInvalidState, "Key material %s of %s has to be imported into %s before it is rotated.", k.Pending, k.arn, other.arn)
		}
	}
	return nil
}

func (rec *keyRecord) checkOnDemand(keyARN string) error {
	if rec.Origin == External && rec.Pending == "" {
		return fail(ErrInvalidState, "No available key material pending rotation for the key: %s.", keyARN)
	}
	n := 0
	for _, rotated := range rec.Rotated {
		if rotated.Kind == OnDemand {
			n++
		}
	}
	if n >= MaxOnDemandRotations {
		return fail(ErrLimit, "The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: %s", keyARN)
	}
	return nil
}

// rotate gives a symmetric key new current material. The old one stays for
// what it encrypted.
func (r *Ring) rotate(c *change, p path, rec *keyRecord, kind RotationKind, now time.Time) error {
	id := rec.Pending
	var secret sealed.Secret
	if rec.Origin == External {
		rec.Pending = ""
	} else {
		var err error
		if secret, err = r.generate(specs[rec.Spec]); err != nil {
			return err
		}
		defer secret.Wipe()
		id = materialID(p.id, secret)
		if err := r.putMaterial(c, p, id, secret, toMillis(now)); err != nil {
			return err
		}
	}
	rec.Materials = append(rec.Materials, id)
	rec.Rotated = append(rec.Rotated, rotatedRecord{Material: id, At: toMillis(now), Kind: kind})
	return r.shareMaterial(c, p, rec, id, secret, toMillis(now))
}

// rotateDue replaces the material of a key whose rotation is due, and plans the
// next. However often it was due, it happens once.
func (r *Ring) rotateDue(c *change, p path, rec *keyRecord) error {
	now := r.clock.Now()
	if err := r.rotate(c, p, rec, Automatic, now); err != nil {
		return err
	}
	rec.Rotation = &rotationRecord{Days: rec.Rotation.Days, Next: toMillis(now.AddDate(0, 0, rec.Rotation.Days))}
	return c.putKey(p, rec)
}

// Rotations lists the rotations of a symmetric key, or with all every version of
// its material, the first one included, in the order of time. A page has 1 to
// 1000, 100 by default.
//
// Source: AWS KMS API Reference, ListKeyRotations.
func (r *Ring) Rotations(ctx context.Context, who access.Caller, ref string, all bool, page Page) (out Listing[Rotation], err error) {
	call := r.begin(&who, opListKeyRotations)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	if err := page.check(1000, 100); err != nil {
		return out, err
	}
	k, err := r.admit(call, &who, opListKeyRotations, ref)
	if err != nil {
		return out, err
	}
	if err := k.checkRotates(); err != nil {
		return out, err
	}
	filter := k.path.String() + "/" + strconv.FormatBool(all)
	last, err := r.openMarker(opListKeyRotations, filter, page.Marker)
	if err != nil {
		return out, err
	}
	rotations := k.rotations(all)
	if n := len(rotations) - 1; n >= 0 && rotations[n].State == PendingRotation && r.checkReplicas(r.primary(k)) != nil {
		rotations[n].State = PendingReplicas
	}
	if page.Marker != "" {
		// Only the last one, which is pending, can go, and no marker names the last.
		i := slices.IndexFunc(rotations, func(r Rotation) bool { return r.MaterialID == last })
		if i < 0 {
			return out, errMarker
		}
		rotations = rotations[i+1:]
	}
	out.Items = rotations
	if len(rotations) > page.Limit {
		out.Items = rotations[:page.Limit]
		out.Next = r.marker(opListKeyRotations, filter, rotations[page.Limit-1].MaterialID)
	}
	return out, nil
}

func (k *key) rotations(all bool) (out []Rotation) {
	if all && len(k.Materials) > 0 {
		out = append(out, k.rotation(k.Materials[0]))
	}
	for _, rotated := range k.Rotated {
		r := k.rotation(rotated.Material)
		r.At, r.Kind = rotated.At.time(), rotated.Kind
		out = append(out, r)
	}
	if all && k.Pending != "" {
		out = append(out, k.rotation(k.Pending))
	}
	return out
}

// rotation tells of one version of the key's material.
func (k *key) rotation(material string) Rotation {
	r := Rotation{KeyID: k.id, MaterialID: material, State: NonCurrent}
	switch material {
	case k.Pending:
		r.State = PendingRotation
	case k.current().id:
		r.State = Current
	}
	if i := k.imported(material); i != nil {
		r.Imported, r.Missing, r.Description = true, i.Missing, i.Description
		if !i.Missing {
			r.Expiration, r.ValidTo = i.model(), i.ValidTo.time()
		}
	}
	return r
}
