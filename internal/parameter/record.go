package parameter

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces; docs/spec/parameter-records.md describes every record.
//
//	ssm.parameter  <account>/<region>/<name>                                  record
//	ssm.version    <account>/<region>/<name> 0x00 <version, 16 hex digits>    versionRecord
const (
	parameterSpace store.Space = "ssm.parameter"
	versionSpace   store.Space = "ssm.version"

	recordVersion = 1
)

var errDamaged = errors.New("parameter: damaged record")

// record is what all versions of a parameter share.
type record struct {
	V      int   `json:"v"`
	Latest int64 `json:"latest"`
	Tags   []Tag `json:"tags,omitempty"`
}

// versionRecord is one version. Sealed is set of SecureStrings, else Value is.
type versionRecord struct {
	V           int       `json:"v"`
	Number      int64     `json:"number"`
	Type        Type      `json:"type"`
	Value       string    `json:"value,omitempty"`
	Sealed      []byte    `json:"sealed,omitempty"`
	Wrapped     []byte    `json:"wrapped,omitempty"` // the data key of Sealed in the advanced tier
	KeyID       string    `json:"keyId,omitempty"`
	Tier        Tier      `json:"tier"`
	Modified    time.Time `json:"modified"`
	ModifiedBy  string    `json:"modifiedBy"`
	Description string    `json:"description,omitempty"`
	Pattern     string    `json:"pattern,omitempty"`
	Labels      []string  `json:"labels,omitempty"`
}

func versionKey(key string, number int64) string {
	return key + "\x00" + fmt.Sprintf("%016x", number)
}

func read[T any](tx store.Reader, space store.Space, key string, version func(*T) int) (*T, error) {
	value, err := tx.Get(space, key)
	if err != nil {
		return nil, err
	}
	return decode(value, version)
}

func decode[T any](value []byte, version func(*T) int) (*T, error) {
	into := new(T)
	if json.Unmarshal(value, into) != nil || version(into) != recordVersion {
		return nil, errDamaged
	}
	return into, nil
}

func write[T any](tx store.Writer, space store.Space, key string, r *T) error {
	value, err := json.Marshal(r)
	if err != nil {
		return err
	}
	return tx.Put(space, key, value)
}

func versionOfRecord(r *record) int         { return r.V }
func versionOfVersion(v *versionRecord) int { return v.V }

// find reads a parameter, or returns ErrNotFound.
func find(tx store.Reader, m realm, name string) (*record, error) {
	r, err := read(tx, parameterSpace, m.prefix()+name, versionOfRecord)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fail(ErrNotFound, "")
	}
	return r, err
}

// locate is find for a name in either of its forms. It returns the one that the
// parameter is kept under; where there is none, the one that was asked for.
func locate(tx store.Reader, m realm, asked string) (*record, string, error) {
	r, err := find(tx, m, asked)
	if errors.Is(err, ErrNotFound) {
		other := otherForm(asked)
		if r, err := find(tx, m, other); !errors.Is(err, ErrNotFound) {
			return r, other, err
		}
	}
	return r, asked, err
}

func findVersion(tx store.Reader, m realm, name string, number int64) (*versionRecord, error) {
	return read(tx, versionSpace, versionKey(m.prefix()+name, number), versionOfVersion)
}

// versions reads all versions of a parameter, the oldest first.
func versions(tx store.Reader, m realm, name string) (all []*versionRecord, err error) {
	for r, err := range tx.Scan(versionSpace, store.Prefix(m.prefix()+name+"\x00")) {
		if err != nil {
			return nil, err
		}
		v, err := decode(r.Value, versionOfVersion)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	return all, nil
}

// pick reads the version that a selection means: the latest without a selector.
func pick(tx store.Reader, m realm, s selection, r *record) (*versionRecord, error) {
	if s.selector == "" {
		return findVersion(tx, m, s.name, r.Latest)
	}
	want := s.selector[1:]
	if number, err := strconv.ParseInt(want, 10, 64); err == nil {
		v, err := findVersion(tx, m, s.name, number)
		if errors.Is(err, store.ErrNotFound) {
			return nil, fail(ErrVersionNotFound, "Systems Manager could not find version "+want+" of "+s.name+". Verify the version and try again.")
		}
		return v, err
	}
	all, err := versions(tx, m, s.name)
	if err != nil {
		return nil, err
	}
	for _, v := range all {
		if slices.Contains(v.Labels, want) {
			return v, nil
		}
	}
	return nil, fail(ErrVersionNotFound, "Systems Manager could not find label "+want+" for parameter "+s.name+". Verify the label and try again.")
}

// version is what callers see of a record.
func (v *versionRecord) version(m realm, name string) Version {
	return Version{
		Name: name, ARN: m.arn(name), Type: v.Type, Value: v.Value, Version: v.Number, Modified: v.Modified, ModifiedBy: v.ModifiedBy,
		Description: v.Description, AllowedPattern: v.Pattern, KeyID: v.KeyID, Tier: v.Tier, Labels: v.Labels,
	}
}
