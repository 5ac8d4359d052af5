package keyring

import (
	"context"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
)

// Enable makes a disabled key usable again. It does nothing to an enabled one.
//
// Source: AWS KMS API Reference, EnableKey.
func (r *Ring) Enable(ctx context.Context, who access.Caller, ref string) error {
	return r.setState(ctx, &who, opEnableKey, ref, Enabled)
}

// Disable makes a key unusable until it is enabled again. It does nothing to a
// disabled one.
//
// Source: AWS KMS API Reference, DisableKey.
func (r *Ring) Disable(ctx context.Context, who access.Caller, ref string) error {
	return r.setState(ctx, &who, opDisableKey, ref, Disabled)
}

func (r *Ring) setState(ctx context.Context, who *access.Caller, op operation, ref string, state State) (err error) {
	call := r.begin(who, op)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, who, op, ref)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, op, func(_ *change, rec *keyRecord) error {
			rec.State = state // a rotation that was due in the meantime is due now
			return nil
		})
	})
}

// SetDescription replaces a key's description.
//
// Source: AWS KMS API Reference, UpdateKeyDescription.
func (r *Ring) SetDescription(ctx context.Context, who access.Caller, ref, description string) (err error) {
	call := r.begin(&who, opUpdateKeyDescription)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	call.Note("description", description)
	k, err := r.admit(call, &who, opUpdateKeyDescription, ref)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return r.edit(ctx, k, opUpdateKeyDescription, func(_ *change, rec *keyRecord) error {
			rec.Description = description
			return nil
		})
	})
}

// Deletion is a scheduled deletion.
type Deletion struct {
	KeyARN string
	State  State
	// At is zero for a primary key with replicas: its waiting period begins when
	// the last of them is gone.
	At time.Time
	// Days is the waiting period.
	Days int
}

// ScheduleDeletion begins the waiting period of days, MinDeletionDays to
// MaxDeletionDays, or DefaultDeletionDays if 0. At its end the key, its material
// and its aliases are destroyed, and nothing that it encrypted can be read.
//
// Source: AWS KMS API Reference, ScheduleKeyDeletion.
func (r *Ring) ScheduleDeletion(ctx context.Context, who access.Caller, ref string, days int) (out Deletion, err error) {
	call := r.begin(&who, opScheduleKeyDeletion)
	defer call.End(ctx, &err)
	if days == 0 {
		days = DefaultDeletionDays
	}
	call.Note("keyId", ref)
	call.Note("pendingWindowInDays", fmt.Sprint(days))
	if days < MinDeletionDays || days > MaxDeletionDays {
		return out, outOfRange("pendingWindowInDays", days, MinDeletionDays, MaxDeletionDays)
	}
	call.Keys.Set("kms:ScheduleKeyDeletionPendingWindowInDays", fmt.Sprint(days))
	k, err := r.admit(call, &who, opScheduleKeyDeletion, ref)
	if err != nil {
		return out, err
	}
	at := toMillis(r.clock.Now().AddDate(0, 0, days))
	trial := k.keyRecord
	planned := trial.schedule(k.path, at, days)
	call.NoteAnswer("keyState", string(planned.State))
	if !planned.At.IsZero() {
		call.NoteAnswer("deletionDate", planned.At.Format(time.RFC3339))
	}
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opScheduleKeyDeletion, func(_ *change, rec *keyRecord) error {
			out = rec.schedule(k.path, at, days)
			return nil
		})
	})
	return out, err
}

// schedule begins the waiting period of the key at p, which ends at a moment
// unless the key has replicas.
func (rec *keyRecord) schedule(p path, at millis, days int) Deletion {
	if rec.Multi != nil && rec.primaryAt(p) && len(rec.Multi.Replicas) > 0 {
		rec.State, rec.Window = PendingReplicaDeletion, days
		return Deletion{KeyARN: p.arn(), State: rec.State, Days: days}
	}
	rec.State, rec.Deletion = PendingDeletion, at
	return Deletion{KeyARN: p.arn(), State: rec.State, At: at.time(), Days: days}
}

// CancelDeletion ends the waiting period. The key is Disabled afterwards. It
// returns the key's ARN.
//
// Source: AWS KMS API Reference, CancelKeyDeletion.
func (r *Ring) CancelDeletion(ctx context.Context, who access.Caller, ref string) (keyARN string, err error) {
	call := r.begin(&who, opCancelKeyDeletion)
	defer call.End(ctx, &err)
	call.Note("keyId", ref)
	k, err := r.admit(call, &who, opCancelKeyDeletion, ref)
	if err != nil {
		return "", err
	}
	err = call.Effect(ctx, func() error {
		return r.edit(ctx, k, opCancelKeyDeletion, func(_ *change, rec *keyRecord) error {
			rec.State, rec.Deletion, rec.Window = Disabled, 0, 0
			if rec.Origin == External {
				rec.settle()
			}
			return nil
		})
	})
	return k.arn, err
}
