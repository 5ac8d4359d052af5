package delivery

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// txn gathers one change: what it reads comes from one transaction, what it
// writes is kept back until the end, so that the same code can be rehearsed on
// a snapshot before its effect is recorded.
type txn struct {
	r       store.Reader
	now     time.Time
	seq     uint64
	writes  map[string][]byte // nil deletes
	objects map[name]object   // nil deletes
	// also writes what belongs to the change and to another package.
	also func(store.Writer) error
}

// begin reads the sequence and takes the next number.
func begin(r store.Reader, now time.Time) (*txn, error) {
	seq, err := readSequence(r)
	if err != nil {
		return nil, err
	}
	return &txn{r: r, now: now, seq: seq + 1, writes: make(map[string][]byte), objects: make(map[name]object)}, nil
}

func readSequence(r store.Reader) (uint64, error) {
	v, err := r.Get(space, sequenceKey)
	if errors.Is(err, store.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	seq, err := strconv.ParseUint(string(v), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("delivery: sequence record: %w", err)
	}
	return seq, nil
}

func logKey(seq uint64, i int) string { return fmt.Sprintf("log/%020d/%04d", seq, i) }

// flush writes everything through w. Each object's older log entry goes, so
// that the log holds every object once.
func (t *txn) flush(w store.Writer) error {
	t.writes[sequenceKey] = strconv.AppendUint(nil, t.seq, 10)
	i := 0
	for n := range t.objects {
		at := "at/" + n.key()
		old, err := w.Get(space, at)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if err == nil {
			t.writes[string(old)] = nil
		}
		entry := logKey(t.seq, i)
		t.writes[entry], t.writes[at] = []byte(n.key()), []byte(entry)
		i++
	}
	for k, v := range t.writes {
		var err error
		if v == nil {
			err = w.Delete(space, k)
		} else {
			err = w.Put(space, k, v)
		}
		if err != nil {
			return err
		}
	}
	if t.also != nil {
		return t.also(w)
	}
	return nil
}

// get returns the object at n, or nil.
func (t *txn) get(n name) (object, error) {
	if o, ok := t.objects[n]; ok {
		return o, nil
	}
	v, err := t.r.Get(space, n.key())
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode(n, v)
}

// lookup is get with the object's type, and missing for an absent one.
func lookup[T object](t *txn, n name, missing error) (T, error) {
	var zero T
	o, err := t.get(n)
	if err != nil {
		return zero, err
	}
	v, ok := o.(T)
	if !ok {
		return zero, missing
	}
	return v, nil
}

// put stores o at n as a new version. A new object is stamped as created.
func (t *txn) put(n name, o object) error {
	m := o.meta()
	m.ID = n.id[strings.LastIndexByte(n.id, '/')+1:]
	m.Account, m.Seq, m.ModifiedAt = n.account, t.seq, t.now
	if m.CreatedAt.IsZero() {
		m.CreatedAt = t.now
	}
	if err := prepare(o); err != nil {
		return err
	}
	v, err := encode(o)
	if err != nil {
		return err
	}
	t.writes[n.key()], t.objects[n] = v, o
	return nil
}

func (t *txn) delete(n name) {
	t.writes[n.key()], t.objects[n] = nil, nil
}

// erase removes the object at n without a trace in the log: other nodes learn
// of it by the object that made it obsolete.
func (t *txn) erase(n name) error {
	at := "at/" + n.key()
	entry, err := t.value(at)
	if err != nil {
		return err
	}
	t.writes[n.key()], t.writes[at] = nil, nil
	if entry != "" {
		t.writes[entry] = nil
	}
	return nil
}

// value reads an index, or "" where there is none.
func (t *txn) value(key string) (string, error) {
	if v, ok := t.writes[key]; ok {
		return string(v), nil
	}
	v, err := t.r.Get(space, key)
	if errors.Is(err, store.ErrNotFound) {
		return "", nil
	}
	return string(v), err
}

// claim makes the index key stand for id, unless it stands for another: then
// it returns taken.
func (t *txn) claim(key, id string, taken error) error {
	have, err := t.value(key)
	if err != nil {
		return err
	}
	if have != "" && have != id {
		return taken
	}
	t.writes[key] = []byte(id)
	return nil
}

func (t *txn) release(key string) { t.writes[key] = nil }

// count adds delta to the number of objects of a kind, which may not grow
// above limit.
func (t *txn) count(account arn.AccountID, k kind, delta, limit int, over error) error {
	key := "count/" + string(account) + "/" + string(k)
	v, err := t.value(key)
	if err != nil {
		return err
	}
	n := 0
	if v != "" {
		if n, err = strconv.Atoi(v); err != nil {
			return fmt.Errorf("delivery: count record: %w", err)
		}
	}
	if n += delta; delta > 0 && n > limit {
		return over
	}
	t.writes[key] = []byte(strconv.Itoa(n))
	return nil
}

// users returns who uses of, at most limit of them.
func (t *txn) users(of name, limit int) ([]string, error) {
	prefix := usePrefix(of)
	var ids []string
	for rec, err := range t.r.Scan(space, store.Prefix(prefix)) {
		if err != nil {
			return nil, err
		}
		if v, ok := t.writes[rec.Key]; ok && v == nil {
			continue
		}
		if ids = append(ids, rec.Key[len(prefix):]); len(ids) == limit {
			break
		}
	}
	return ids, nil
}

// unlimited is the limit of a link that any number may use.
const unlimited = 0

// link replaces what user refers to: it no longer uses before, but after. A
// reference that is new may not be the one above limit.
func (t *txn) link(user string, before, after []name, limit int, over error) error {
	for _, of := range before {
		t.writes[usePrefix(of)+user] = nil
	}
	for _, of := range after {
		key := usePrefix(of) + user
		was, known := t.writes[key]
		if limit != unlimited && (!known || was != nil) {
			ids, err := t.users(of, limit)
			if err != nil {
				return err
			}
			if len(ids) >= limit {
				return over
			}
		}
		t.writes[key] = []byte{'1'}
	}
	return nil
}
