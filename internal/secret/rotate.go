package secret

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/store"
)

// steps are what a rotation function is called for, in this order. The new version
// carries AWSPENDING until the last step gives it AWSCURRENT.
//
// Source: AWS Secrets Manager User Guide, "Rotation by Lambda function".
var steps = []string{"createSecret", "setSecret", "testSecret", "finishSecret"}

// RotateRequest says how a secret is rotated from now on, and starts it.
type RotateRequest struct {
	Secret string
	Token  string // becomes the new version's id; empty means a random one
	// Function, Days, Schedule and Window replace what the secret has unless they
	// are empty.
	Function string
	Days     int64
	Schedule string
	Window   string
	// Later leaves the first rotation to the schedule.
	Later bool
}

var rateForm = form.New(`^rate\((\d{1,3}) (hours?|days?)\)$`)

// period is the time between two rotations.
func (r *Rotation) period() (time.Duration, error) {
	if r.Schedule == "" {
		return time.Duration(r.Days) * 24 * time.Hour, nil
	}
	m := rateForm.FindStringSubmatch(r.Schedule)
	if m == nil {
		return 0, fail(ErrInvalid, "ScheduleExpression must be rate(N hours) or rate(N days); cron expressions are not supported.")
	}
	n, err := strconv.Atoi(m[1])
	if err != nil {
		return 0, err
	}
	unit := 24 * time.Hour
	if strings.HasPrefix(m[2], "hour") {
		unit = time.Hour
	}
	if d := time.Duration(n) * unit; d >= 4*time.Hour && d <= 999*24*time.Hour {
		return d, nil
	}
	return 0, fail(ErrInvalid, "A secret can be rotated every 4 hours at most and every 999 days at least.")
}

// Rotate turns rotation on and, unless it is left to the schedule, calls the
// function for each step now. A step that fails leaves the secret's current value
// as it was, and the new version with AWSPENDING.
//
// Source: AWS Secrets Manager API Reference, RotateSecret.
func (s *Service) Rotate(ctx context.Context, who access.Caller, in RotateRequest) (out Made, err error) {
	call := s.begin(&who, "RotateSecret", in.Secret)
	defer call.End(ctx, &err)
	if in.Function != "" {
		call.Note("rotationLambdaARN", in.Function)
		call.Keys.Set("secretsmanager:RotationLambdaARN", in.Function)
	}
	r, err := s.admit(ctx, call, &who, in.Secret)
	if err != nil {
		return out, err
	}
	if err := r.alive(); err != nil {
		return out, err
	}
	plan, err := s.plan(r.Rotation, in)
	if err != nil {
		return out, err
	}
	period, err := plan.period()
	if err != nil {
		return out, err
	}
	if in.Token == "" {
		in.Token = uuid.NewString()
	} else if !tokenForm.MatchString(in.Token) {
		return out, fail(ErrInvalid, "ClientRequestToken must have 32 to 64 letters, digits and hyphens.")
	}
	out = Made{ARN: r.arn(), Name: r.Name, VersionID: in.Token}
	err = s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		now.Rotation = plan
		if now.Rotates = (time.Time{}); period > 0 {
			now.Rotates = who.At.Add(period)
		}
		return nil
	})
	if err != nil || in.Later {
		return out, err
	}
	err = s.turn(ctx, r, in.Token, who.At)
	if errors.Is(err, access.ErrDenied) {
		return out, errors.Join(err, s.unplan(ctx, r, in.Token))
	}
	return out, err
}

// unplan gives a secret whose function may not be called the rotation that it had.
func (s *Service) unplan(ctx context.Context, before *record, token string) error {
	return s.apply(ctx, before, func(_ store.Writer, now *record) error {
		now.Rotation, now.Rotates = before.Rotation, before.Rotates
		if now.staged(Pending) == token {
			now.unstage(Pending)
		}
		return nil
	})
}

func (s *Service) plan(p Rotation, in RotateRequest) (Rotation, error) {
	p.Enabled = true
	if in.Function != "" {
		p.Function = in.Function
	}
	if in.Days != 0 && in.Schedule != "" {
		return p, fail(ErrInvalid, "You can't specify both AutomaticallyAfterDays and ScheduleExpression.")
	}
	if in.Days != 0 || in.Schedule != "" {
		p.Days, p.Schedule = in.Days, in.Schedule
	}
	if in.Window != "" {
		p.Window = in.Window
	}
	switch {
	case p.Function == "":
		return p, fail(ErrState, "No Lambda rotation function ARN is associated with this secret.")
	case s.cfg.Functions == nil:
		return p, fail(ErrState, "Rotation by a Lambda function is not supported.")
	case in.Days < 0 || in.Days > 1000:
		return p, fail(ErrInvalid, "AutomaticallyAfterDays must be from 1 to 1000.")
	}
	return p, nil
}

// turn takes a secret through the steps of a rotation.
func (s *Service) turn(ctx context.Context, r *record, versionID string, at time.Time) error {
	err := s.apply(ctx, r, func(_ store.Writer, now *record) error {
		if pending := now.staged(Pending); pending != "" && pending != now.staged(Current) {
			versionID = pending // what an earlier attempt left is taken up again
		}
		now.stage(Pending, versionID)
		r = now
		return nil
	})
	if err != nil {
		return err
	}
	for _, step := range steps {
		event, err := json.Marshal(struct{ Step, SecretId, ClientRequestToken string }{step, r.arn(), versionID})
		if err != nil {
			return err
		}
		err = s.cfg.Functions.Invoke(ctx, r.Rotation.Function, r.arn(), event)
		switch {
		case errors.Is(err, access.ErrDenied):
			return &access.Denied{Message: "Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal secretsmanager.amazonaws.com."}
		case err != nil:
			return fail(ErrState, "The rotation function failed at step "+step+": "+err.Error())
		}
	}
	return s.apply(ctx, r, func(_ store.Writer, now *record) error {
		if now.staged(Current) != versionID {
			return fail(ErrState, "The rotation function did not make the new version the current one.")
		}
		now.unstage(Pending)
		now.Rotated, now.Changed = at, at
		if period, err := now.Rotation.period(); err == nil && period > 0 && now.Rotation.Enabled {
			now.Rotates = at.Add(period)
		}
		return nil
	})
}

// rotateDue rotates a secret whose period is over. What does not come to its end, in
// whatever way, is tried again an hour later: that is put down before it begins.
func (s *Service) rotateDue(ctx context.Context, r *record, now time.Time) (err error) {
	period, err := r.Rotation.period()
	if err != nil {
		return err
	}
	call := s.cfg.Gate.Begin(serviceCaller(r, now), action("RotateSecret"))
	defer call.End(ctx, &err)
	call.On(r.arn())
	call.Open()
	return call.Effect(ctx, func() error {
		err := s.apply(ctx, r, func(_ store.Writer, have *record) error {
			if !have.Rotates.Equal(r.Rotates) {
				return errNotDue
			}
			have.Rotates = now.Add(min(period, time.Hour))
			return nil
		})
		if errors.Is(err, errNotDue) {
			return nil // another node does it, or nobody is to
		} else if err != nil {
			return err
		}
		if err := s.turn(ctx, r, uuid.NewString(), now); err != nil {
			s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "secret not rotated", slog.String("secret", r.arn()), slog.Any("err", err))
		}
		return nil
	})
}

var errNotDue = errors.New("secret: not due any more")

// CancelRotation turns rotation off. What an unfinished one left keeps AWSPENDING.
//
// Source: AWS Secrets Manager API Reference, CancelRotateSecret.
func (s *Service) CancelRotation(ctx context.Context, who access.Caller, ref string) (out Made, err error) {
	call := s.begin(&who, "CancelRotateSecret", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref)
	if err != nil {
		return out, err
	}
	out = Made{ARN: r.arn(), Name: r.Name, VersionID: r.staged(Pending)}
	return out, s.edit(ctx, call, r, func(_ store.Writer, now *record) error {
		if err := now.alive(); err != nil {
			return err
		}
		now.Rotation.Enabled = false
		now.Rotates = time.Time{}
		return nil
	})
}
