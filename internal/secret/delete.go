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
	minWindowDays   = 7
	maxWindowDays   = 30
	usualWindowDays = 30
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
	switch {
	case (err == nil || errors.Is(err, ErrNotFound)) && days != 0 && (days < minWindowDays || days > maxWindowDays):
		return out, ends, fail(ErrInvalid, "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
	case errors.Is(err, ErrNotFound) && now:
		return missing(&who, ref), who.At, nil
	case err != nil:
		return out, ends, err
	case now && days != 0:
		return out, ends, fail(ErrInvalid, "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.")
	case days == 0:
		days = usualWindowDays
	}
	out, ends = r.made(), who.At.Add(time.Duration(days)*24*time.Hour)
	if now {
		ends = who.At
		return out, ends, call.Effect(ctx, func() error {
			return s.cfg.Records.Update(ctx, func(tx store.Writer) error { return destroy(tx, r) })
		})
	}
	return out, ends, s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Deleted, now.Ends = who.At, ends
		return nil
	})
}

// missing is what the deletion of a secret that there is not leaves behind.
func missing(who *access.Caller, ref string) Made {
	at, err := locate(who, ref)
	if err != nil {
		return Made{ARN: ref, Name: ref}
	}
	return Made{ARN: at.arn(at.name), Name: at.name}
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
	out = r.made()
	return out, s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		now.Deleted, now.Ends = time.Time{}, time.Time{}
		return nil
	})
}

// destroy removes a secret with all its versions.
func destroy(tx store.Writer, r *record) error {
	r, err := r.again(tx)
	if err != nil {
		return err
	}
	for rec, err := range tx.Scan(versionSpace, store.Prefix(r.versionKey(""))) {
		if err != nil {
			return err
		}
		if err := tx.Delete(versionSpace, rec.Key); err != nil {
			return err
		}
	}
	if at := r.due(); !at.IsZero() {
		if err := tx.Delete(dueSpace, dueKey(at, r.key())); err != nil {
			return err
		}
	}
	return tx.Delete(secretSpace, r.key())
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
		r, err = readRecord(tx, m, name)
		return err
	})
	switch {
	case errors.Is(err, ErrNotFound):
		return nil
	case err != nil:
		return err
	case !r.Ends.IsZero() && !now.Before(r.Ends):
		return s.end(ctx, r, now)
	case r.Ends.IsZero() && !r.Rotates.IsZero() && !now.Before(r.Rotates):
		return s.rotateDue(ctx, r, now)
	}
	return nil
}

// serviceCaller acts for a secret when nobody asks.
func serviceCaller(r *record, at time.Time) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: r.home.account, Service: "secretsmanager.amazonaws.com"},
		Region:    r.home.region, At: at, SourceARN: r.arn(), SourceAccount: r.home.account,
	}
}

// end destroys a secret whose recovery window is over, which is recorded.
func (s *Service) end(ctx context.Context, r *record, now time.Time) (err error) {
	call := s.cfg.Gate.Begin(serviceCaller(r, now), action("DeleteSecret"))
	defer call.End(ctx, &err)
	call.On(r.arn())
	call.Note("reason", "recovery window is over")
	call.Open()
	return call.Effect(ctx, func() error {
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			again, err := r.again(tx)
			if errors.Is(err, ErrNotFound) || err == nil && (again.Ends.IsZero() || now.Before(again.Ends)) {
				return nil // restored meanwhile
			}
			if err != nil {
				return err
			}
			return destroy(tx, again)
		})
	})
}
