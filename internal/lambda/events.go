package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
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
	// atOnce is how many events run at one time, atOncePerAccount how many of them one
	// account's may be.
	atOnce           = 8
	atOncePerAccount = atOnce / 2
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

// eventKey is under the account, so that none is in another's way.
func eventKey(account arn.AccountID, at time.Time, id string) string {
	return fmt.Sprintf("%s/%016x/%s", account, at.UnixMilli(), id)
}

func (s *Service) enqueue(ctx context.Context, ref reference, who access.Caller, payload []byte) error {
	e := eventRecord{V: recordVersion, Account: ref.account, Region: ref.region, Name: ref.name, Qualifier: ref.qualifier, RequestID: who.RequestID}
	var err error
	if e.Payload, err = s.sealEvent(ref.realm.arn(ref.name, ""), payload); err != nil {
		return err
	}
	err = s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		waiting, err := readWaiting(tx, ref.account)
		if err != nil {
			return err
		}
		if waiting >= s.cfg.MaxEvents {
			return refuse(ErrThrottled, "Rate Exceeded.")
		}
		if err := putJSON(tx, waitingSpace, string(ref.account), waiting+1); err != nil {
			return err
		}
		return putJSON(tx, eventSpace, eventKey(e.Account, who.At, e.Payload.ID), &e)
	})
	select {
	case s.wake <- struct{}{}:
	default:
	}
	return err
}

// readWaiting reads how many events of the account are in the queue.
func readWaiting(tx store.Reader, account arn.AccountID) (n int, err error) {
	value, err := tx.Get(waitingSpace, string(account))
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err == nil && json.Unmarshal(value, &n) != nil {
		err = errDamaged
	}
	return n, err
}

// dequeue takes an event from the queue.
func dequeue(tx store.Writer, key string, account arn.AccountID) error {
	n, err := readWaiting(tx, account)
	if err != nil {
		return err
	}
	if n > 1 {
		err = putJSON(tx, waitingSpace, string(account), n-1)
	} else {
		err = tx.Delete(waitingSpace, string(account))
	}
	if err != nil {
		return err
	}
	return tx.Delete(eventSpace, key)
}

// Run runs the events of the queue until ctx ends.
func (s *Service) Run(ctx context.Context) {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	d := newDispatch(s)
	defer d.wait()
	failing := false
	for {
		moved := s.cfg.Clock.Moved()
		err := d.start(ctx)
		for again := err == nil; again; {
			select {
			case f := <-d.done:
				if err = d.settle(f); err == nil {
					err = d.start(ctx)
				}
				again = err == nil
			case <-tick.C:
				again = false
			case <-s.wake:
				again = false
			case <-moved:
				again = false
			case <-ctx.Done():
				return
			}
		}
		if err != nil {
			if ctx.Err() == nil && !failing {
				s.cfg.Log.LogAttrs(ctx, slog.LevelError, "functions: events not run", slog.Any("err", err))
			}
			select { // what failed would fail again at once
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
		failing = err != nil
	}
}

// dispatch is the events that run. One goroutine uses it.
type dispatch struct {
	s       *Service
	running map[string]arn.AccountID // by their keys
	next    arn.AccountID            // whose turn it is
	done    chan finished
}

type finished struct {
	key string
	err error
}

func newDispatch(s *Service) *dispatch {
	return &dispatch{s: s, running: make(map[string]arn.AccountID), done: make(chan finished, atOnce)}
}

// start starts what is due, as far as there is room: an account whose functions are
// slow holds up its own events, and nobody else's.
func (d *dispatch) start(ctx context.Context) error {
	due, err := d.due(ctx)
	for _, q := range due {
		d.running[q.key] = q.event.Account
		go func() { d.done <- finished{q.key, d.s.runEvent(ctx, q)} }()
	}
	return err
}

func (d *dispatch) settle(f finished) error {
	delete(d.running, f.key)
	return f.err
}

// wait waits for what runs.
func (d *dispatch) wait() (errs error) {
	for len(d.running) > 0 {
		errs = errors.Join(errs, d.settle(<-d.done))
	}
	return errs
}

// queued is an event and its key in the queue.
type queued struct {
	key   string
	event *eventRecord
}

// due finds what there is room for, account by account, beginning behind the one
// that was begun with last. What cannot be read is left, and an error beside the rest.
func (d *dispatch) due(ctx context.Context) (due []queued, err error) {
	room := atOnce - len(d.running)
	if room == 0 {
		return nil, nil
	}
	busy := make(map[arn.AccountID]int)
	for _, account := range d.running {
		busy[account]++
	}
	err = d.s.cfg.Records.View(ctx, func(tx store.Reader) error {
		due = nil
		accounts, err := waitingAccounts(tx)
		if err != nil {
			return err
		}
		turn, _ := slices.BinarySearch(accounts, d.next)
		var damaged error
		for _, account := range slices.Concat(accounts[turn:], accounts[:turn]) {
			list, err := d.dueOf(tx, account, min(room-len(due), atOncePerAccount-busy[account]))
			damaged = errors.Join(damaged, err)
			if due = append(due, list...); len(due) == room {
				d.next = account + "\x00"
				break
			}
		}
		return damaged
	})
	return due, err
}

// dueOf finds at most n events of an account.
func (d *dispatch) dueOf(tx store.Reader, account arn.AccountID, n int) (due []queued, err error) {
	if n <= 0 {
		return nil, nil
	}
	for rec, serr := range tx.Scan(eventSpace, store.Range{From: string(account) + "/", To: eventKey(account, d.s.cfg.Clock.Now(), "\xff")}) {
		if serr != nil {
			return due, serr
		}
		if _, runs := d.running[rec.Key]; runs {
			continue
		}
		e := new(eventRecord)
		if json.Unmarshal(rec.Value, e) != nil || e.V != recordVersion || e.Account != account || e.Payload == nil {
			err = errDamaged
			continue
		}
		if due = append(due, queued{rec.Key, e}); len(due) == n {
			break
		}
	}
	return due, err
}

// waitingAccounts lists the accounts that have events.
func waitingAccounts(tx store.Reader) (accounts []arn.AccountID, err error) {
	for rec, err := range tx.Scan(waitingSpace, store.Range{}) {
		if err != nil {
			return nil, err
		}
		accounts = append(accounts, arn.AccountID(rec.Key))
	}
	return accounts, nil
}

// adopt brings a queue that was kept by time alone under its accounts.
func (s *Service) adopt(ctx context.Context) error {
	return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		waiting := make(map[arn.AccountID]int)
		for rec, err := range tx.Scan(eventSpace, store.Range{}) {
			if err != nil {
				return err
			}
			at, id, _ := strings.Cut(rec.Key, "/")
			if len(at) != 16 {
				continue
			}
			var e eventRecord
			if json.Unmarshal(rec.Value, &e) != nil {
				continue
			}
			waiting[e.Account]++
			if err := tx.Put(eventSpace, string(e.Account)+"/"+at+"/"+id, rec.Value); err != nil {
				return err
			}
			if err := tx.Delete(eventSpace, rec.Key); err != nil {
				return err
			}
		}
		for account, n := range waiting {
			before, err := readWaiting(tx, account)
			if err != nil {
				return err
			}
			if err := putJSON(tx, waitingSpace, string(account), before+n); err != nil {
				return err
			}
		}
		return nil
	})
}

// runEvent runs one event, and takes it from the queue, or puts it back to be tried
// again a minute or two later.
func (s *Service) runEvent(ctx context.Context, q queued) error {
	e := q.event
	ref := reference{realm{e.Account, e.Region}, e.Name, e.Qualifier}
	payload, err := s.openEvent(ref.realm.arn(ref.name, ""), e.Payload)
	if err != nil {
		return err
	}
	v, err := s.current(ctx, ref)
	if err == nil {
		_, err = s.run(ctx, ref, v, function.Invocation{RequestID: e.RequestID, Payload: payload, InvokedARN: ref.arn()})
	}
	if err != nil && ctx.Err() != nil {
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
	// What has run is done with, even if this is the end.
	return s.cfg.Records.Update(context.WithoutCancel(ctx), func(tx store.Writer) error {
		if !again {
			return dequeue(tx, q.key, e.Account)
		}
		if err := putJSON(tx, eventSpace, eventKey(e.Account, s.cfg.Clock.Now().Add(wait), e.Payload.ID), e); err != nil {
			return err
		}
		return tx.Delete(eventSpace, q.key)
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
