package lambda

import (
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces; docs/spec/lambda-records.md describes every record.
//
//	lambda.function  <account>/<region>/<name>                     record
//	lambda.version   <account>/<region>/<name> 0x00 <version>      versionRecord
//	lambda.event     <account>/<unix milliseconds, 16 hex digits>/<id>  eventRecord
//	lambda.waiting   <account>                                     number of its events
const (
	functionSpace store.Space = "lambda.function"
	versionSpace  store.Space = "lambda.version"
	eventSpace    store.Space = "lambda.event"
	waitingSpace  store.Space = "lambda.waiting"

	recordVersion = 1
)

var errDamaged = errors.New("lambda: damaged record")

// record is what all versions of a function share.
type record struct {
	V        int                      `json:"v"`
	Name     string                   `json:"name"`
	Last     int                      `json:"last"` // number of the last version published, 0 for none
	Tags     map[string]string        `json:"tags,omitempty"`
	Policies map[string]*policyRecord `json:"policies,omitempty"` // by qualifier
	Aliases  map[string]*aliasRecord  `json:"aliases,omitempty"`
}

// policyRecord is the policy of a function, a version or an alias.
type policyRecord struct {
	Statements []json.RawMessage `json:"statements"`
	Bound      map[string]string `json:"bound,omitempty"` // unique ids of the names in it
}

type aliasRecord struct {
	Version     string `json:"version"`
	Description string `json:"description,omitempty"`
	Revision    string `json:"revision"`
}

// versionRecord is one version. Versions that were published from the same code
// share the blob.
type versionRecord struct {
	V        int      `json:"v"`
	Version  string   `json:"version"`
	Settings Settings `json:"settings"`
	// Described is the description that $LATEST had when the version was published
	// with another one, else nil.
	Described *string   `json:"described,omitempty"`
	Env       *box      `json:"env,omitempty"`
	Code      code      `json:"code"`
	Modified  time.Time `json:"modified"`
	Revision  string    `json:"revision"`
}

// box is a text sealed under the domain, by an id of its own.
type box struct {
	ID     string `json:"id"`
	Sealed []byte `json:"sealed"`
}

// code is a zip: where it is, and the key that it is sealed under.
type code struct {
	ID     string   `json:"id"`
	Key    []byte   `json:"key"`
	Size   int64    `json:"size"`
	SHA256 [32]byte `json:"sha256"`
}

func readRecord(tx store.Reader, ref reference) (*record, error) {
	value, err := tx.Get(functionSpace, ref.key(ref.name))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ref.missing()
	}
	if err != nil {
		return nil, err
	}
	r := new(record)
	if json.Unmarshal(value, r) != nil || r.V != recordVersion {
		return nil, errDamaged
	}
	return r, nil
}

func decodeVersion(value []byte) (*versionRecord, error) {
	v := new(versionRecord)
	if json.Unmarshal(value, v) != nil || v.V != recordVersion {
		return nil, errDamaged
	}
	return v, nil
}

// readVersion reads the version that a reference means.
func readVersion(tx store.Reader, ref reference, r *record) (*versionRecord, error) {
	version := ref.qualifier
	if alias := r.Aliases[version]; alias != nil {
		version = alias.Version
	}
	if version == "" {
		version = Latest
	}
	value, err := tx.Get(versionSpace, ref.versionKey(ref.name, version))
	if errors.Is(err, store.ErrNotFound) {
		return nil, ref.missing()
	}
	if err != nil {
		return nil, err
	}
	return decodeVersion(value)
}

// versions reads all versions of a function, $LATEST first.
func versions(tx store.Reader, ref reference) (all []*versionRecord, err error) {
	for rec, err := range tx.Scan(versionSpace, store.Prefix(ref.versionKey(ref.name, ""))) {
		if err != nil {
			return nil, err
		}
		v, err := decodeVersion(rec.Value)
		if err != nil {
			return nil, err
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b *versionRecord) int { return a.number() - b.number() })
	return all, nil
}

// number is 0 for $LATEST.
func (v *versionRecord) number() int {
	n, err := strconv.Atoi(v.Version)
	if err != nil {
		return 0
	}
	return n
}

func putJSON(tx store.Writer, space store.Space, key string, v any) error {
	value, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return tx.Put(space, key, value)
}

func (v *versionRecord) save(tx store.Writer, ref reference) error {
	return putJSON(tx, versionSpace, ref.versionKey(ref.name, v.Version), v)
}

func (r *record) save(tx store.Writer, ref reference) error {
	return putJSON(tx, functionSpace, ref.key(ref.name), r)
}

// touch marks a version as changed now.
func (v *versionRecord) touch(at time.Time) {
	v.Modified, v.Revision = at, uuid.NewString()
}

// sealEnv seals an environment; nil is none, an empty one is one.
func (s *Service) sealEnv(functionARN string, env map[string]string) (*box, error) {
	if env == nil {
		return nil, nil
	}
	if len(env) == 0 {
		return new(box), nil
	}
	text, err := json.Marshal(env)
	if err != nil {
		return nil, err
	}
	id := uuid.NewString()
	return &box{id, s.cfg.Vault.Wrap("environment", functionARN+"/"+id, sealed.NewSecret(text))}, nil
}

// empty tells of an environment that is there and has no variable.
func (b *box) empty() bool { return b.ID == "" }

func (s *Service) openEnv(functionARN string, b *box) (env map[string]string, err error) {
	if b == nil {
		return nil, nil
	}
	if b.empty() {
		return map[string]string{}, nil
	}
	text, err := s.cfg.Vault.Unwrap("environment", functionARN+"/"+b.ID, b.Sealed)
	if err != nil {
		return nil, err
	}
	defer text.Wipe()
	return env, json.Unmarshal(text.Reveal(), &env)
}

// describe tells a caller about a version.
func (s *Service) describe(ref reference, v *versionRecord) (*Version, error) {
	env, err := s.openEnv(ref.realm.arn(ref.name, ""), v.Env)
	if err != nil {
		return nil, err
	}
	qualifier := ref.qualifier
	if v.Version != Latest && qualifier == "" {
		qualifier = v.Version
	}
	engine := sha256.Sum256([]byte("keyfront " + v.Settings.Runtime))
	return &Version{
		RuntimeARN: fmt.Sprintf("arn:aws:lambda:%s::runtime:%x", ref.region, engine),
		Settings:   v.Settings, Name: ref.name, ARN: ref.realm.arn(ref.name, qualifier), Version: v.Version, Env: env,
		CodeSHA256: v.Code.SHA256, CodeBytes: v.Code.Size, Modified: v.Modified, RevisionID: v.Revision,
	}, nil
}

// document is the policy of a qualifier, or nil.
func (r *record) document(qualifier string) (*policy.Document, error) {
	p := r.Policies[qualifier]
	if p == nil || len(p.Statements) == 0 {
		return nil, nil
	}
	d, err := policy.Parse(policy.UseResource, p.text())
	if err != nil {
		return nil, err
	}
	return d.Bind(func(name string) (string, bool) { id, ok := p.Bound[name]; return id, ok })
}

func (p *policyRecord) text() string {
	statements := make([]string, len(p.Statements))
	for i, s := range p.Statements {
		statements[i] = string(s)
	}
	return `{"Version":"2012-10-17","Id":"default","Statement":[` + strings.Join(statements, ",") + `]}`
}
