package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// attempts is how often an event that a function fails at is tried.
	//
	// Source: AWS Lambda Developer Guide, "How Lambda handles errors and retries
	// with asynchronous invocation".
	attempts = 3
	// atOnce is how many events run at one time.
	atOnce = 8
	// lookEvery is how often the queue is looked at when nobody rings.
	lookEvery = time.Second
)

// eventRecord is an invocation that nobody waits for. It stays until the function
// has returned, so it may run more than once.
type eventRecord struct {
	V         int           `json:"v"`
	Account   arn.AccountID `json:"account"`
	Region    string        `json:"region"`
	Name      string        `json:"name"`
	Qualifier string        `json:"qualifier,omitempty"`
	RequestID string        `json:"requestId"`
	Failed    int           `json:"failed,omitempty"`
	Payload   *box          `json:"payload"`
}

func eventKey(at time.Time, id string) string { return fmt.Sprintf("%016x/%s", at.UnixMilli(), id) }

func (s *Service) enqueue(ctx context.Context, ref reference, who access.Caller, payload []byte) error {
	e := eventRecord{V: recordVersion, Account: ref.account, Region: ref.region, Name: ref.name, Qualifier: ref.qualifier, RequestID: who.RequestID}
	var err error
	if e.Payload, err = s.sealEvent(ref.realm.arn(ref.name, ""), payload); err != nil {
		return err
	}
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		return putJSON(tx, eventSpace, eventKey(who.At, e.Payload.ID), &e)
	})
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return err
}

// Run runs the events of the queue until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	failing := false
	for {
		moved := s.cfg.Clock.Moved()
		err := s.runDue(ctx)
		if err != nil && ctx.Err() == nil && !failing {
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "functions: events not run", slog.Any("err", err))
		}
		failing = err != nil
		select {
		case <-tick.C:
		case <-s.wake:
		case <-moved:
		case <-ctx.Done():
			return
		}
	}
}

// runDue runs what is due, a few at a time.
func (s *Service) runDue(ctx context.Context) error {
	for {
		due, err := s.due(ctx)
		if err != nil || len(due) == 0 {
			return err
		}
		var work sync.WaitGroup
		failed := make([]error, len(due))
		for i, rec := range due {
			work.Go(func() { failed[i] = s.runEvent(ctx, rec) })
		}
		work.Wait()
		if err := errors.Join(failed...); err != nil {
			return err
		}
	}
}

func (s *Service) due(ctx context.Context) (due []store.Record, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		due = nil
		for rec, err := range tx.Scan(eventSpace, store.Range{To: eventKey(s.cfg.Clock.Now(), "\xff")}) {
			if err != nil {
				return err
			}
			if due = append(due, rec); len(due) == atOnce {
				break
			}
		}
		return nil
	})
	return due, err
}

// runEvent runs one event, and takes it from the queue, or puts it back to be tried
// again a minute or two later.
func (s *Service) runEvent(ctx context.Context, rec store.Record) error {
	var e eventRecord
	if json.Unmarshal(rec.Value, &e) != nil || e.V != recordVersion {
		return errDamaged
	}
	ref := reference{realm{e.Account, e.Region}, e.Name, e.Qualifier}
	payload, err := s.openEvent(ref.realm.arn(ref.name, ""), e.Payload)
	if err != nil {
		return err
	}
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err := readRecord(tx, ref)
		if err == nil {
			v, err = readVersion(tx, ref, r)
		}
		return err
	})
	if err == nil {
		_, err = s.run(ctx, ref, v, function.Invocation{RequestID: e.RequestID, Payload: payload, InvokedARN: ref.arn()})
	}
	if ctx.Err() != nil {
		return ctx.Err() // it stays, for the next start
	}
	again := err != nil && !errors.Is(err, ErrNotFound)
	wait := time.Second // for a worker, which is no attempt
	if again && !errors.Is(err, function.ErrThrottled) {
		e.Failed++
		wait = time.Duration(e.Failed) * time.Minute
		again = e.Failed < attempts
	}
	if err != nil && !again {
		s.cfg.Log.LogAttrs(ctx, slog.LevelWarn, "function event dropped", slog.String("function", ref.arn()), slog.String("request", e.RequestID), slog.Any("err", err))
	}
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		if again {
			_, id, _ := strings.Cut(rec.Key, "/")
			if err := putJSON(tx, eventSpace, eventKey(s.cfg.Clock.Now().Add(wait), id), &e); err != nil {
				return err
			}
		}
		return tx.Delete(eventSpace, rec.Key)
	})
}

func (s *Service) sealEvent(functionARN string, payload []byte) (*box, error) {
	id := uuid.NewString()
	return &box{id, s.cfg.Vault.Wrap("event", functionARN+"/"+id, sealed.NewSecret(payload))}, nil
}

func (s *Service) openEvent(functionARN string, b *box) ([]byte, error) {
	secret, err := s.cfg.Vault.Unwrap("event", functionARN+"/"+b.ID, b.Sealed)
	if err != nil {
		return nil, err
	}
	return secret.Reveal(), nil
}
