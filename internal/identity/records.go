package identity

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The records of this package; docs/spec/identity-records.md describes them.
//
//	space     key                      value
//	iam       seq                      number of the last change, 8 bytes big-endian
//	iam       log/<number>             places of that change, a line each
//	iam       obj/<kind>/<account>/<id>  version byte, entity in JSON
const space store.Space = "iam"

const (
	sequenceKey = "seq"
	logPrefix   = "log/"
	entityPref  = "obj/"

	entityVersion = 1
	// keptChanges is how many changes the log holds. A node that is farther
	// behind reads everything.
	keptChanges = 1000
)

var errRecord = errors.New("identity: damaged record")

func (p place) key() string {
	return entityPref + string(p.kind) + "/" + string(p.account) + "/" + p.id
}

// parsePlace undoes place.key.
func parsePlace(key string) (place, error) {
	rest, ok := strings.CutPrefix(key, entityPref)
	kind, rest, ok2 := strings.Cut(rest, "/")
	account, id, ok3 := strings.Cut(rest, "/")
	if !ok || !ok2 || !ok3 {
		return place{}, fmt.Errorf("%w: key %q", errRecord, key)
	}
	return place{Kind(kind), arn.AccountID(account), id}, nil
}

func logKey(seq uint64) string { return fmt.Sprintf(logPrefix+"%016x", seq) }

func newEntity(k Kind) entity {
	switch k {
	case KindAccount:
		return new(Account)
	case KindUser:
		return new(User)
	case KindGroup:
		return new(Group)
	case KindRole:
		return new(Role)
	case KindPolicy:
		return new(Policy)
	case KindProfile:
		return new(Profile)
	case KindDevice:
		return new(Device)
	case KindKey:
		return new(Key)
	}
	return nil
}

func encode(e entity) ([]byte, error) {
	text, err := json.Marshal(e)
	if err != nil {
		return nil, fmt.Errorf("identity: encode: %w", err)
	}
	return append([]byte{entityVersion}, text...), nil
}

// decode reads the entity at p. A release that adds a member writes a new version
// byte: older ones would lose it at their next change, and refuse it instead.
func decode(p place, value []byte) (entity, error) {
	e := newEntity(p.kind)
	if e == nil || len(value) == 0 || value[0] != entityVersion {
		return nil, fmt.Errorf("%w: %s has an unknown format", errRecord, p.key())
	}
	if err := json.Unmarshal(value[1:], e); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errRecord, p.key(), err)
	}
	if placeOfEntity(e) != p && oldPlaceOf(e) != p {
		return nil, fmt.Errorf("%w: %s holds another entity", errRecord, p.key())
	}
	return e, nil
}

func readSequence(tx store.Reader) (uint64, error) {
	b, err := tx.Get(space, sequenceKey)
	switch {
	case errors.Is(err, store.ErrNotFound):
		return 0, nil
	case err != nil:
		return 0, err
	case len(b) != 8:
		return 0, fmt.Errorf("%w: %s", errRecord, sequenceKey)
	}
	return binary.BigEndian.Uint64(b), nil
}
