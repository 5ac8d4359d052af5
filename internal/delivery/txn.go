package delivery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// space holds everything of this package. The keys are drawn in
// docs/spec/delivery-records.md.
const space store.Space = "delivery"

const sequenceKey = "seq"

// recordVersion is the version of the object encoding.
const recordVersion = 1

// kind is a sort of object, as it stands in keys.
type kind string

const (
	kindKey             kind = "public-key"
	kindGroup           kind = "key-group"
	kindDistribution    kind = "distribution"
	kindControl         kind = "access-control"
	kindIdentity        kind = "access-identity"
	kindPolicy          kind = "cache-policy"
	kindOriginRequest   kind = "origin-request-policy"
	kindResponseHeaders kind = "response-headers-policy"
	kindFunction        kind = "function"
	kindStore           kind = "key-value-store"
	kindInvalidation    kind = "invalidation"
	kindFloor           kind = "invalidation-floor"
)

// name is an object's place: kind, account and id.
type name struct {
	kind    kind
	account arn.AccountID
	id      string
}

func (n name) key() string { return "obj/" + string(n.account) + "/" + string(n.kind) + "/" + n.id }

// parseName undoes key.
func parseName(key string) (name, error) {
	p := strings.SplitN(key, "/", 4)
	if len(p) != 4 || p[0] != "obj" {
		return name{}, fmt.Errorf("delivery: foreign object key %q", key)
	}
	return name{kind(p[2]), arn.AccountID(p[1]), p[3]}, nil
}

// Meta is what every resource carries beside its configuration.
type Meta struct {
	ID      string
	Account arn.AccountID
	// ETag names the version of the configuration.
	ETag       string
	CreatedAt  time.Time
	ModifiedAt time.Time
	// Seq is the change of the control plane that the record stems from.
	Seq uint64
}

// object is a resource in the form that records and memory share.
type object interface{ meta() *Meta }

func (m *Meta) meta() *Meta { return m }

// newObject returns an empty object of the kind.
func newObject(k kind) (object, error) {
	switch k {
	case kindKey:
		return new(PublicKey), nil
	case kindGroup:
		return new(KeyGroup), nil
	case kindDistribution:
		return new(DistributionInfo), nil
	case kindControl:
		return new(AccessControl), nil
	case kindIdentity:
		return new(AccessIdentity), nil
	case kindPolicy:
		return new(CachePolicy), nil
	case kindOriginRequest:
		return new(OriginRequestPolicy), nil
	case kindResponseHeaders:
		return new(ResponseHeadersPolicy), nil
	case kindFunction:
		return new(EdgeFunction), nil
	case kindStore:
		return new(KeyValueStore), nil
	case kindInvalidation:
		return new(InvalidationInfo), nil
	case kindFloor:
		return new(floor), nil
	default:
		return nil, fmt.Errorf("delivery: unknown kind %q", k)
	}
}

// encode writes the version byte and the object in JSON.
func encode(o object) ([]byte, error) {
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("delivery: encode: %w", err)
	}
	return append([]byte{recordVersion}, text...), nil
}

func decode(n name, value []byte) (object, error) {
	if len(value) == 0 || value[0] != recordVersion {
		return nil, fmt.Errorf("delivery: record %s has an unknown version", n.key())
	}
	o, err := newObject(n.kind)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(bytes.NewReader(value[1:]))
	// A member that this release does not know would be lost at the next
	// update: refuse to open what a newer release wrote.
	d.DisallowUnknownFields()
	if err := d.Decode(o); err != nil {
		return nil, fmt.Errorf("delivery: record %s: %w", n.key(), err)
	}
	if err := prepare(o); err != nil {
		return nil, fmt.Errorf("delivery: record %s: %w", n.key(), err)
	}
	return o, nil
}

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

// index keys

func nameKey(account arn.AccountID, k kind, s string) string {
	return "name/" + string(account) + "/" + string(k) + "/" + s
}

func referenceKey(account arn.AccountID, k kind, s string) string {
	return "ref/" + string(account) + "/" + string(k) + "/" + s
}

func aliasKey(alias string) string { return "alias/" + alias }

func usePrefix(of name) string {
	return "use/" + string(of.account) + "/" + string(of.kind) + "/" + of.id + "/"
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
