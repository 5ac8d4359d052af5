package lambda

import (
	"context"
	"errors"
)

// RunDue runs the events that are due, until none is.
func RunDue(s *Service, ctx context.Context) error {
	d := newDispatch(s)
	for {
		err := d.start(ctx)
		if err != nil || len(d.running) == 0 {
			return errors.Join(err, d.wait())
		}
		if err := d.settle(<-d.done); err != nil {
			return errors.Join(err, d.wait())
		}
	}
}

// Settle makes an outcome of an error of the function.
func Settle(id string, s Settings, err error) (*Outcome, error) {
	out := new(Outcome)
	return out, out.settle(id, &versionRecord{Settings: s}, nil, err)
}
