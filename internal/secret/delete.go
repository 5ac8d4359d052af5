package secret

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The days for which a deleted secret can be restored.
const (
	MinWindowDays   = 7
	MaxWindowDays   = 30
	UsualWindowDays = 30
)

// Delete marks a secret for deletion after so many days, 0 for the usual; or it
// destroys it at once, and then a missing one is no error. It returns when the
// secret ends.
//
// Source: AWS Secrets Manager API Reference, DeleteSecret.
func (s *Service) Delete(ctx context.Context, who access.Caller, ref string, days int64, now bool) (out Made, ends time.Time, err error) {
	call := s.begin(&who, "DeleteSecret", ref)
	defer call.End(ctx, &err)
	if days != 0 {
		call.Note("recoveryWindowInDays", strconv.FormatInt(days, 10))
		call.Keys.Set("secretsmanager:RecoveryWindowInDays", strconv.FormatInt(days, 10))
	}
	call.Note("forceDeleteWithoutRecovery", strconv.FormatBool(now))
	call.Keys.Set("secretsmanager:ForceDeleteWithoutRecovery", strconv.FormatBool(now))
	r, err := s.admit(ctx, call, &who, ref)
	m := realmOf(&who)
	switch {
	case errors.Is(err, ErrNotFound) && now:
		return Made{ARN: ref, Name: ref}, who.At, nil
	case err != nil:
		return out, ends, err
	case now && days != 0:
		return out, ends, fail(ErrInvalid, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days == 0:
		days = UsualWindowDays
	case days < MinWindowDays || days > MaxWindowDays:
		return out, ends, fail(ErrInvalid, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	}
	out, ends = Made{ARN: r.arn(m), Name: r.Name}, who.At.Add(time.Duration(days)*24*time.Hour)
	if now {
		ends = who.At
		return out, ends, call.Effect(ctx, func() error {
			return s.cfg.Records.Update(ctx, func(tx store.Writer) error { return destroy(tx, m, r.Name) })
		})
	}
	return out, ends, s.edit(ctx, call, &who, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Deleted, now.Ends = who.At, ends
		return nil
	})
}

// Restore takes back a deletion.
//
// Source: AWS Secrets Manager API Reference, RestoreSecret.
func (s *Service) Restore(ctx context.Context, who access.Caller, ref string) (out Made, err error) {
	call := s.begin(&who, "RestoreSecret", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	out = Made{ARN: r.arn(realmOf(&who)), Name: r.Name}
	return out, s.edit(ctx, call, &who, r, func(_ store.Writer, now *record) error {
		now.Deleted, now.Ends = time.Time{}, time.Time{}
		return nil
	})
}

// destroy removes a secret with all its versions.
func destroy(tx store.Writer, m realm, name string) error {
	r, err := readRecord(tx, m.key(name))
	if err != nil {
		return err
	}
	for rec, err := range tx.Scan(versionSpace, store.Prefix(m.key(name)+"\x00")) {
		if err != nil {
			return err
		}
		if err := tx.Delete(versionSpace, rec.Key); err != nil {
			return err
		}
	}
	if at := r.due(); !at.IsZero() {
		if err := tx.Delete(dueSpace, dueKey(at, m.key(name))); err != nil {
			return err
		}
	}
	return tx.Delete(secretSpace, m.key(name))
}

// doDue does what the agenda holds until now.
func (s *Service) doDue(ctx context.Context) error {
	now := s.cfg.Clock.Now()
	var due []string
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		due = nil
		for rec, err := range tx.Scan(dueSpace, store.Range{To: dueKey(now, "\xff")}) {
			if err != nil {
				return err
			}
			_, key, _ := strings.Cut(rec.Key, "/")
			due = append(due, key)
		}
		return nil
	})
	for _, key := range due {
		account, rest, _ := strings.Cut(key, "/")
		region, name, _ := strings.Cut(rest, "/")
		err = errors.Join(err, s.doOne(ctx, realm{arn.AccountID(account), region}, name, now))
	}
	return err
}

// doOne destroys or rotates one secret, if it is still due.
func (s *Service) doOne(ctx context.Context, m realm, name string, now time.Time) error {
	var r *record
	err := s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		r, err = readRecord(tx, m.key(name))
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case !r.Ends.IsZero() && !now.Before(r.Ends):
		return s.end(ctx, m, r, now)
	case r.Ends.IsZero() && !r.Rotates.IsZero() && !now.Before(r.Rotates):
		return s.rotateDue(ctx, m, r, now)
	}
	return nil
}

// serviceCaller acts for a secret when nobody asks.
func serviceCaller(m realm, sourceARN string, at time.Time) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: m.account, Service: "secretsmanager.amazonaws.com"},
		Region:    m.region, At: at, SourceARN: sourceARN, SourceAccount: m.account,
	}
}

// end destroys a secret whose recovery window is over, which is recorded.
func (s *Service) end(ctx context.Context, m realm, r *record, now time.Time) (err error) {
	call := s.cfg.Gate.Begin(serviceCaller(m, r.arn(m), now), action("DeleteSecret"))
	defer call.End(ctx, &err)
	call.On(r.arn(m))
	call.Note("reason", "recovery window is over")
	call.Open()
	return call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			again, err := readRecord(tx, m.key(r.Name))
			if errors.Is(err, ErrNotFound) || err == nil && (again.Ends.IsZero() || now.Before(again.Ends)) {
				return nil // restored meanwhile
			}
			if err != nil {
				return err
			}
			return destroy(tx, m, r.Name)
		})
	})
}
