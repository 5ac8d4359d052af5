package secret

import (
	"cmp"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces; docs/spec/secret-records.md describes every record.
//
//	sm.secret   <account>/<region>/<name>                        record
//	sm.version  <account>/<region>/<name> 0x00 <version id>      versionRecord
//	sm.due      <unix milliseconds, 16 hex digits>/<key of sm.secret>
const (
	secretSpace  store.Space = "sm.secret"
	versionSpace store.Space = "sm.version"
	dueSpace     store.Space = "sm.due"

	recordVersion = 1
)

var errDamaged = errors.New("secret: damaged record")

// realm is one account's part of one region.
type realm struct {
	account arn.AccountID
	region  string
}

func realmOf(who *access.Caller) realm { return realm{who.Account(), who.Region} }

func (m realm) prefix() string { return string(m.account) + "/" + m.region + "/" }

func (m realm) arn(nameAndSuffix string) string {
	return "arn:aws:secretsmanager:" + m.region + ":" + string(m.account) + ":secret:" + nameAndSuffix
}

func (m realm) keyARN(resource string) string {
	return "arn:aws:kms:" + m.region + ":" + string(m.account) + ":" + resource
}

func (m realm) key(name string) string { return m.prefix() + name }

// record is a secret without its values.
type record struct {
	V        int                 `json:"v"`
	Name     string              `json:"name"`
	Suffix   string              `json:"suffix"` // what its ARN has behind the name
	Text     string              `json:"text,omitempty"`
	KeyID    string              `json:"keyId,omitempty"`
	Created  time.Time           `json:"created"`
	Changed  time.Time           `json:"changed"`
	Accessed time.Time           `json:"accessed,omitzero"`
	Deleted  time.Time           `json:"deleted,omitzero"`
	Ends     time.Time           `json:"ends,omitzero"` // when the recovery window is over
	Tags     []Tag               `json:"tags,omitzero"` // empty where all were taken away
	Stages   map[string][]string `json:"stages,omitempty"`
	Policy   string              `json:"policy,omitempty"`
	Bound    map[string]string   `json:"bound,omitempty"` // unique ids of the names in Policy
	Rotation Rotation            `json:"rotation,omitzero"`
	Rotated  time.Time           `json:"rotated,omitzero"`
	Rotates  time.Time           `json:"rotates,omitzero"`

	home realm // where the secret is kept, which its key says
}

// versionRecord is one value.
type versionRecord struct {
	V       int       `json:"v"`
	ID      string    `json:"id"`
	Created time.Time `json:"created"`
	Text    bool      `json:"text"`
	Sealed  []byte    `json:"sealed"`
	Wrapped []byte    `json:"wrapped"` // the data key of Sealed
	KeyARN  string    `json:"keyArn"`
	// ServiceKey says that it is the service's own key.
	ServiceKey bool      `json:"serviceKey,omitempty"`
	Accessed   time.Time `json:"accessed,omitzero"` // to the day
}

func (r *record) arn() string { return r.home.arn(r.Name + "-" + r.Suffix) }

func (r *record) key() string { return r.home.key(r.Name) }

// made is what a change of the secret leaves behind.
func (r *record) made() Made { return Made{ARN: r.arn(), Name: r.Name} }

// staged is the id of the version that has a label, or "".
func (r *record) staged(label string) string {
	for id, labels := range r.Stages {
		if slices.Contains(labels, label) {
			return id
		}
	}
	return ""
}

// unstage takes a label from whichever version has it.
func (r *record) unstage(label string) {
	for id, labels := range r.Stages {
		labels = slices.DeleteFunc(labels, func(l string) bool { return l == label })
		if r.Stages[id] = labels; len(labels) == 0 {
			delete(r.Stages, id)
		}
	}
}

// stage gives a label to one version only. AWSPREVIOUS follows AWSCURRENT, and a
// version that was the current one is pending no more.
func (r *record) stage(label, id string) {
	if before := r.staged(label); label == Current && before != "" && before != id {
		r.stage(Previous, before)
		if r.staged(Pending) == before {
			r.unstage(Pending)
		}
	}
	r.unstage(label)
	if r.Stages == nil {
		r.Stages = make(map[string][]string)
	}
	r.Stages[id] = append(r.Stages[id], label)
}

func (r *record) describe() Description {
	return Description{
		ARN: r.arn(), Name: r.Name, Text: r.Text, KeyID: r.KeyID, Created: r.Created, Changed: r.Changed, Accessed: r.Accessed,
		Deleted: r.Deleted, Tags: r.Tags, Stages: r.Stages, Rotation: r.Rotation, RotatedLast: r.Rotated, RotatesNext: r.Rotates,
	}
}

const suffixLetters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// newSuffix is six letters, so that a secret of the same name, made later, has
// another ARN and no policy means it by accident.
func newSuffix() string {
	var raw [6]byte
	for i := range raw {
		for {
			var b [1]byte
			rand.Read(b[:])
			if int(b[0]) < 256/len(suffixLetters)*len(suffixLetters) {
				raw[i] = suffixLetters[int(b[0])%len(suffixLetters)]
				break
			}
		}
	}
	return string(raw[:])
}

// place is where a request says that a secret is.
type place struct {
	realm
	name     string
	suffixed bool // name is from an ARN, and may have the suffix
}

// locate reads what a request names a secret by: a name in the caller's account,
// an ARN in any account, or an ARN without its suffix. A secret of another region
// is not found, and what cannot be a name is ErrName.
func locate(who *access.Caller, ref string) (p place, err error) {
	p = place{realmOf(who), ref, strings.HasPrefix(ref, "arn:")}
	if !p.suffixed {
		if !nameForm.MatchString(ref) {
			return p, noName()
		}
		return p, nil
	}
	a, err := arn.Parse(ref)
	if err != nil || !a.Account.Valid() {
		return p, notFound()
	}
	p.account = a.Account
	name, here := strings.CutPrefix(ref, p.realm.arn(""))
	if !here {
		return p, notFound()
	}
	p.name = name
	return p, nil
}

// find reads the secret at p, or returns ErrNotFound.
func find(tx store.Reader, p place) (*record, error) {
	if at := len(p.name) - 7; p.suffixed && at > 0 && p.name[at] == '-' {
		if r, err := readRecord(tx, p.realm, p.name[:at]); err == nil && r.Suffix == p.name[at+1:] {
			return r, nil
		}
	}
	return readRecord(tx, p.realm, p.name)
}

func readRecord(tx store.Reader, m realm, name string) (*record, error) {
	value, err := tx.Get(secretSpace, m.key(name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, notFound()
	}
	if err != nil {
		return nil, err
	}
	return decodeRecord(m, value)
}

// again reads the secret as it is now. One that was made meanwhile under the same
// name is another one.
func (r *record) again(tx store.Reader) (*record, error) {
	now, err := readRecord(tx, r.home, r.Name)
	if err == nil && now.Suffix != r.Suffix {
		return nil, notFound()
	}
	return now, err
}

// free returns taken unless err, of a read, says that there is nothing.
func free(err, taken error) error {
	switch {
	case err == nil:
		return taken
	case errors.Is(err, ErrNotFound):
		return nil
	default:
		return err
	}
}

func decodeRecord(m realm, value []byte) (*record, error) {
	r := &record{home: m}
	if json.Unmarshal(value, r) != nil || r.V != recordVersion {
		return nil, errDamaged
	}
	return r, nil
}

// versionKey is where a version of the secret is kept; the keys of all versions
// begin with that of no id.
func (r *record) versionKey(id string) string { return r.key() + "\x00" + id }

func (r *record) version(tx store.Reader, id string) (*versionRecord, error) {
	value, err := tx.Get(versionSpace, r.versionKey(id))
	if errors.Is(err, store.ErrNotFound) {
		return nil, fail(ErrNotFound, "Secrets Manager can't find the specified secret value for VersionId: "+id)
	}
	if err != nil {
		return nil, err
	}
	return decodeVersion(value)
}

func decodeVersion(value []byte) (*versionRecord, error) {
	v := new(versionRecord)
	if json.Unmarshal(value, v) != nil || v.V != recordVersion {
		return nil, errDamaged
	}
	return v, nil
}

// age orders the versions of a secret, the oldest first.
func (v *versionRecord) age(other *versionRecord) int {
	return cmp.Or(v.Created.Compare(other.Created), strings.Compare(v.ID, other.ID))
}

// versions reads all versions of the secret, the oldest first.
func (r *record) versions(tx store.Reader) (all []*versionRecord, err error) {
	for rec, err := range tx.Scan(versionSpace, store.Prefix(r.versionKey(""))) {
		if err != nil {
			return nil, err
		}
		v, err := decodeVersion(rec.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, (*versionRecord).age)
	return all, nil
}

func putJSON(tx store.Writer, space store.Space, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(space, key, value)
}

// save writes a secret, and what is due of it.
func save(tx store.Writer, before, r *record) error {
	key := r.key()
	if before != nil {
		if at := before.due(); !at.IsZero() {
			if err := tx.Delete(dueSpace, dueKey(at, key)); err != nil {
				return err
			}
		}
	}
	if at := r.due(); !at.IsZero() {
		if err := tx.Put(dueSpace, dueKey(at, key), nil); err != nil {
			return err
		}
	}
	return putJSON(tx, secretSpace, key, r)
}

// due is when something is to be done with a secret, or zero.
func (r *record) due() time.Time {
	if !r.Ends.IsZero() {
		return r.Ends
	}
	return r.Rotates
}

func dueKey(at time.Time, key string) string {
	return fmt.Sprintf("%016x/%s", at.UnixMilli(), key)
}

// clone copies a record deep enough to compare with later.
func (r *record) clone() *record {
	c := *r
	c.Stages = make(map[string][]string, len(r.Stages))
	for id, labels := range r.Stages {
		c.Stages[id] = slices.Clone(labels)
	}
	c.Tags = slices.Clone(r.Tags)
	return &c
}
