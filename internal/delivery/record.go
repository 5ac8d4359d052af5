package delivery

import (
	"bytes"
	"encoding/json"
	"fmt"
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
