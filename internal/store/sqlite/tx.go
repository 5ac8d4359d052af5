package sqlite

import (
	"context"
	"errors"
	"iter"
	"slices"

	"zombiezen.com/go/sqlite"

	"github.com/keyfront-project/keyfront/internal/store"
)

var (
	// errEnded is what the methods of a transaction return when it has ended.
	errEnded = errors.New("sqlite: transaction has ended")
	errSpace = errors.New("sqlite: empty name of a space")
)

// A Scan reads ahead by batches, so that no statement is open while its consumer
// runs: it may write, scan again, or go away. The first batch is one record, since
// many scans look for no more: a listing by folders begins one for each folder. Later
// ones grow, and end at whichever bound comes first.
const (
	firstBatchRecords = 1
	maxBatchRecords   = 512
	maxBatchBytes     = 1 << 20
)

// tx is a transaction on a connection: the whole of a View, or a member of a group
// commit.
type tx struct {
	ctx   context.Context
	conn  *conn         // nil when the transaction has ended
	wrote []store.Space // each once
	err   error         // what fails the transaction
}

var _ store.Writer = (*tx)(nil)

// check returns what fails the transaction, if anything does.
func (t *tx) check() error {
	if t.conn == nil {
		return errEnded
	}
	if t.err == nil {
		t.err = t.ctx.Err()
	}
	return t.err
}

// Get implements store.Reader.
func (t *tx) Get(space store.Space, key string) ([]byte, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	var value []byte
	found := false
	err := t.conn.query(getRecord, func(row *sqlite.Stmt) bool {
		value, found = blob(row, 0), true
		return false
	}, string(space), []byte(key))
	if err != nil {
		t.err = err
		return nil, err
	}
	if !found {
		return nil, store.ErrNotFound
	}
	return value, nil
}

// Scan implements store.Reader.
func (t *tx) Scan(space store.Space, r store.Range) iter.Seq2[store.Record, error] {
	return func(yield func(store.Record, error) bool) {
		r := r // each walk begins anew
		for limit := firstBatchRecords; ; limit = min(limit*8, maxBatchRecords) {
			batch, more, err := t.batch(space, r, limit)
			if err != nil {
				yield(store.Record{}, err)
				return
			}
			for _, record := range batch {
				if err := t.check(); err != nil {
					yield(store.Record{}, err)
					return
				}
				if !yield(record, nil) {
					return
				}
			}
			if !more {
				return
			}
			last := batch[len(batch)-1].Key
			if !r.Reverse {
				r = r.After(last)
			} else if r.To = last; last == "" {
				return // nothing is below, and an empty To would be no bound
			}
		}
	}
}

// batch reads the first records of r, and tells whether there may be more.
func (t *tx) batch(space store.Space, r store.Range, limit int) (batch []store.Record, more bool, err error) {
	if err := t.check(); err != nil {
		return nil, false, err
	}
	s := scanUp
	if r.Reverse {
		s = scanDown
	}
	args := []any{string(space), []byte(r.From), []byte(r.To)}
	if r.To != "" {
		s++ // the variant with an upper bound
	} else {
		args = args[:2]
	}
	sizeBytes := 0
	err = t.conn.query(s, func(row *sqlite.Stmt) bool {
		key, value := row.ColumnText(0), blob(row, 1)
		batch = append(batch, store.Record{Key: key, Value: value})
		sizeBytes += len(key) + len(value)
		more = len(batch) >= limit || sizeBytes >= maxBatchBytes
		return !more
	}, args...)
	if err != nil {
		t.err = err
	}
	return batch, more, err
}

// maxBesideKeyBytes is the length of the longest value that stands in its record. A cell
// of more than 1,002 bytes would spill over to a page of its own, which SQLite reads
// wherever it compares the key.
const maxBesideKeyBytes = 800

// Put implements store.Writer.
func (t *tx) Put(space store.Space, key string, value []byte) error {
	if len(value) > maxBesideKeyBytes {
		if err := t.write(putContent, space, value); err != nil {
			return err
		}
		return t.write(putReference, space, string(space), []byte(key))
	}
	return t.write(putRecord, space, string(space), []byte(key), value)
}

// Delete implements store.Writer.
func (t *tx) Delete(space store.Space, key string) error {
	return t.write(deleteRecord, space, string(space), []byte(key))
}

func (t *tx) write(s statement, space store.Space, args ...any) error {
	if err := t.check(); err != nil {
		return err
	}
	if space == "" {
		t.err = errSpace
		return t.err
	}
	if t.err = t.conn.run(s, args...); t.err != nil {
		return t.err
	}
	if !slices.Contains(t.wrote, space) {
		t.wrote = append(t.wrote, space)
	}
	return nil
}
