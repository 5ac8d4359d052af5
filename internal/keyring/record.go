package keyring

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces of the ring; docs/spec/keyring-records.md describes every record.
//
//	kms.key       <account>/<region>/<key id>                  keyRecord
//	kms.material  <account>/<region>/<key id>/<material id>    materialRecord
//	kms.alias     <account>/<region>/<alias name>              aliasRecord
//	kms.grant     <account>/<region>/<key id>/<grant id>       grantRecord
//	kms.retirable <region>/<retiring principal> 0x00 <key of kms.grant>
//	kms.due       <unix milliseconds, 16 hex digits>/<account>/<region>/<key id>
//	kms.change    <number, 16 hex digits>                      what changed
const (
	keySpace      store.Space = "kms.key"
	materialSpace store.Space = "kms.material"
	aliasSpace    store.Space = "kms.alias"
	grantSpace    store.Space = "kms.grant"
	retirable     store.Space = "kms.retirable"
	dueSpace      store.Space = "kms.due"
	changeSpace   store.Space = "kms.change"

	recordVersion = 1
)

var errDamaged = errors.New("keyring: damaged record")

// realm is one account's part of one region.
type realm struct {
	account arn.AccountID
	region  string
}

func (m realm) prefix() string { return string(m.account) + "/" + m.region + "/" }

// path names a key among all keys.
type path struct {
	realm
	id KeyID
}

func (p path) String() string { return p.prefix() + string(p.id) }

func (p path) arn() string { return kmsARN(p.region, p.account, "key/"+string(p.id)) }

// pathOf is the path of which keyARN was made, in pieces of it that take no room
// of their own.
func pathOf(keyARN string) path {
	region, rest, _ := strings.Cut(keyARN[len(arnStart):], ":")
	account, resource, _ := strings.Cut(rest, ":")
	return path{realm{arn.AccountID(account), region}, KeyID(resource[len("key/"):])}
}

func parsePath(s string) (path, error) {
	n, err := parseChanged(s)
	if err == nil && n.grant != "" {
		err = fmt.Errorf("%w: path %.100q", errDamaged, s)
	}
	return n.path, err
}

// changed is what a change touched: a key, or one of its grants.
type changed struct {
	path
	grant grantID // empty for the key itself
}

func (c changed) String() string {
	if c.grant == "" {
		return c.path.String()
	}
	return c.path.String() + "/" + string(c.grant)
}

func parseChanged(s string) (changed, error) {
	account, rest, ok1 := strings.Cut(s, "/")
	region, rest, ok2 := strings.Cut(rest, "/")
	id, grant, ofGrant := strings.Cut(rest, "/")
	if !ok1 || !ok2 || !validKeyID(id) || ofGrant && !validGrantID(grant) {
		return changed{}, fmt.Errorf("%w: path %.100q", errDamaged, s)
	}
	return changed{path{realm{arn.AccountID(account), region}, KeyID(id)}, grantID(grant)}, nil
}

// millis is a moment in Unix milliseconds; 0 is none.
type millis int64

func toMillis(t time.Time) millis {
	if t.IsZero() {
		return 0
	}
	return millis(t.UnixMilli())
}

func (m millis) time() time.Time {
	if m == 0 {
		return time.Time{}
	}
	return time.UnixMilli(int64(m)).UTC()
}

// keyRecord is everything about a key but its material and aliases' targets.
type keyRecord struct {
	Created     millis   `json:"created"`
	Spec        KeySpec  `json:"spec"`
	Usage       KeyUsage `json:"usage"`
	Origin      Origin   `json:"origin"`
	Manager     Manager  `json:"manager"`
	State       State    `json:"state"`
	Description string   `json:"description,omitempty"`
	// Deletion is the end of the waiting period of a key in PendingDeletion.
	Deletion millis `json:"deletion,omitempty"`
	// Window is the waiting period in days of a key in PendingReplicaDeletion.
	Window int    `json:"window,omitempty"`
	Policy string `json:"policy"`
	// Principals are the unique ids of the users and roles that the policy names.
	Principals map[string]string `json:"principals,omitempty"`
	// Multi is nil for keys that are not multi-Region keys.
	Multi *multiRecord `json:"multi,omitempty"`
	// Materials names the versions of the material, the current one last.
	Materials []string `json:"materials"`
	// Aliases are the names that point here, "alias/" included, ascending.
	Aliases []string `json:"aliases,omitempty"`
	Tags    []Tag    `json:"tags,omitempty"`
	// Rotation is nil while automatic rotation is off.
	Rotation *rotationRecord `json:"rotation,omitempty"`
	// Imports are the materials of a key of origin External, those in Materials
	// and the one in Pending, which waits to be made current.
	Imports []importRecord `json:"imports,omitempty"`
	Pending string         `json:"pending,omitempty"`
	// Rotated are the rotations so far, the newest last.
	Rotated []rotatedRecord `json:"rotated,omitempty"`
}

// share exchanges the words of the record for the program's own copies, since a
// decoder makes copies for every record.
func (rec *keyRecord) share() {
	rec.Spec, rec.Usage = known(rec.Spec, Symmetric), known(rec.Usage, EncryptDecrypt, SignVerify)
	rec.Origin, rec.Manager = known(rec.Origin, FromKMS, External), known(rec.Manager, Customer, Service)
	rec.State = known(rec.State, Enabled, Disabled, PendingDeletion, PendingImport)
}

// known is v, and of equal values that which is listed.
func known[T comparable](v T, listed ...T) T {
	for _, l := range listed {
		if v == l {
			return l
		}
	}
	return v
}

// materialRecord is one version of a key's material.
type materialRecord struct {
	Created millis `json:"created"`
	// Wrapped is the material, wrapped by the vault's domain under the purpose
	// "key material" and the record's key as name.
	Wrapped []byte `json:"wrapped"`
}

// aliasRecord is what an alias points to.
type aliasRecord struct {
	Target  KeyID  `json:"target"`
	Created millis `json:"created"`
	Updated millis `json:"updated"`
}

// encode is a version byte and JSON.
func encode(record any) []byte {
	body, err := json.Marshal(record)
	if err != nil {
		panic("keyring: " + err.Error())
	}
	return append([]byte{recordVersion}, body...)
}

func decode(space store.Space, key string, value []byte, record any) error {
	if len(value) == 0 || value[0] != recordVersion {
		return fmt.Errorf("%w: %s %q has an unknown version", errDamaged, space, key)
	}
	if err := json.Unmarshal(value[1:], record); err != nil {
		return fmt.Errorf("%w: %s %q: %w", errDamaged, space, key, err)
	}
	return nil
}

func getKey(tx store.Reader, p path) (*keyRecord, error) {
	value, err := tx.Get(keySpace, p.String())
	if err != nil {
		return nil, err
	}
	rec := new(keyRecord)
	return rec, decode(keySpace, p.String(), value, rec)
}

func getMaterial(tx store.Reader, name string) (*materialRecord, error) {
	value, err := tx.Get(materialSpace, name)
	if err != nil {
		return nil, fmt.Errorf("material %q: %w", name, err)
	}
	rec := new(materialRecord)
	return rec, decode(materialSpace, name, value, rec)
}

func getAlias(tx store.Reader, m realm, name string) (*aliasRecord, error) {
	value, err := tx.Get(aliasSpace, m.prefix()+name)
	if err != nil {
		return nil, err
	}
	rec := new(aliasRecord)
	return rec, decode(aliasSpace, m.prefix()+name, value, rec)
}

func (p path) materialName(id string) string { return p.String() + "/" + id }

// dueKey orders by time.
func dueKey(at millis, p path) string { return fmt.Sprintf("%016x/%s", int64(at), p) }

func parseDue(key string) (millis, path, error) {
	digits, rest, _ := strings.Cut(key, "/")
	at, err := strconv.ParseInt(digits, 16, 64)
	if err != nil {
		return 0, path{}, fmt.Errorf("%w: %s %.100q", errDamaged, dueSpace, key)
	}
	p, err := parsePath(rest)
	return millis(at), p, err
}

// The journal is the tail of all changes. Each committed change has the next
// number, and its record lists the keys and grants that it touched: the version
// byte, then for each its name as a big-endian uint16 length and its bytes. A node
// that has seen number n reads what follows; if n+1 is gone, it reads everything
// anew.
const journalLength = 4096

func changeKey(n uint64) string { return fmt.Sprintf("%016x", n) }

// lastChange is the number of the newest change, 0 if there is none.
func lastChange(tx store.Reader) (uint64, error) {
	for rec, err := range tx.Scan(changeSpace, store.Range{Reverse: true}) {
		if err != nil {
			return 0, err
		}
		return parseChangeKey(rec.Key)
	}
	return 0, nil
}

func parseChangeKey(key string) (uint64, error) {
	n, err := strconv.ParseUint(key, 16, 64)
	if err != nil {
		return 0, fmt.Errorf("%w: %s %.40q", errDamaged, changeSpace, key)
	}
	return n, nil
}

func encodeChange(touched []changed) []byte {
	b := []byte{recordVersion}
	for _, c := range touched {
		s := c.String()
		b = binary.BigEndian.AppendUint16(b, uint16(len(s)))
		b = append(b, s...)
	}
	return b
}

func decodeChange(key string, b []byte) ([]changed, error) {
	if len(b) == 0 || b[0] != recordVersion {
		return nil, fmt.Errorf("%w: %s %q has an unknown version", errDamaged, changeSpace, key)
	}
	var touched []changed
	for b = b[1:]; len(b) > 0; {
		if len(b) < 2 || len(b) < 2+int(binary.BigEndian.Uint16(b)) {
			return nil, fmt.Errorf("%w: %s %q is cut", errDamaged, changeSpace, key)
		}
		n := int(binary.BigEndian.Uint16(b))
		c, err := parseChanged(string(b[2 : 2+n]))
		if err != nil {
			return nil, err
		}
		touched, b = append(touched, c), b[2+n:]
	}
	return touched, nil
}

// with returns names with one more, in order.
func with(names []string, name string) []string {
	i, found := slices.BinarySearch(names, name)
	if found {
		return names
	}
	return slices.Insert(slices.Clone(names), i, name)
}

// without returns names less one.
func without(names []string, name string) []string {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == name })
}
