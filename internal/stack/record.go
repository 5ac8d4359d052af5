package stack

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// The spaces; docs/spec/stack-records.md describes every record. Those with
// values of the template in them are sealed.
//
//	cfn.stack   <account>/<region>/<uuid>                       stackRecord, sealed
//	cfn.name    <account>/<region>/<name>                       uuid of the stack that has the name
//	cfn.event   <account>/<region>/<uuid>/<16 hex digits>       Event
//	cfn.change  <account>/<region>/<uuid>/<uuid>                changeRecord, sealed
//	cfn.export  <account>/<region>/<name>                       exportRecord, sealed
//	cfn.import  <account>/<region>/<export>0x00<uuid>           name of the stack that imports
//	cfn.lease   <account>/<region>/<uuid>                       lease, of a stack that is worked on
const (
	stackSpace  store.Space = "cfn.stack"
	nameSpace   store.Space = "cfn.name"
	eventSpace  store.Space = "cfn.event"
	changeSpace store.Space = "cfn.change"
	exportSpace store.Space = "cfn.export"
	importSpace store.Space = "cfn.import"
	leaseSpace  store.Space = "cfn.lease"

	recordVersion = 1
)

var (
	errDamaged = errors.New("stack: damaged record")
	// errStale says that a stack was written since it was read.
	errStale = errors.New("stack: changed meanwhile")
)

// realm is the part of the key space of one account in one region.
type realm struct {
	account arn.AccountID
	region  string
}

func realmOf(who *access.Caller) realm {
	region := who.Region
	if region == "" {
		region = "us-east-1"
	}
	return realm{who.Account(), region}
}

func (m realm) prefix() string { return string(m.account) + "/" + m.region + "/" }

// stackKey is the key of a stack's record.
type stackKey string

func (m realm) key(id string) stackKey { return stackKey(m.prefix() + id) }

func (m realm) arn(name, id string) string {
	return "arn:aws:cloudformation:" + m.region + ":" + string(m.account) + ":stack/" + name + "/" + id
}

// definition is what a stack is made from.
type definition struct {
	Template string `json:"template"`
	// Arguments are the values of all parameters. Looked are those of stored
	// parameters, looked up when the operation began.
	Arguments    map[string]string `json:"arguments,omitempty"`
	Looked       map[string]string `json:"looked,omitempty"`
	Tags         []Tag             `json:"tags,omitempty"`
	Capabilities []string          `json:"capabilities,omitempty"`
	Role         string            `json:"role,omitempty"`
}

// stackRecord is a stack.
type stackRecord struct {
	V       int           `json:"v"`
	ID      string        `json:"id"` // uuid
	Name    string        `json:"name"`
	Account arn.AccountID `json:"account"`
	Region  string        `json:"region"`
	Status  Status        `json:"status"`
	Reason  string        `json:"reason,omitempty"`
	Created time.Time     `json:"created"`
	Updated time.Time     `json:"updated,omitzero"`
	Deleted time.Time     `json:"deleted,omitzero"`

	definition
	// Goal is what an update leads to; it becomes the definition.
	Goal *definition `json:"goal,omitempty"`

	OnFailure OnFailure `json:"onFailure,omitempty"`
	Protected bool      `json:"protected,omitempty"`
	ChangeSet string    `json:"changeSet,omitempty"` // ARN of the last one executed

	Resources map[string]*resourceRecord `json:"resources,omitempty"`
	// Garbage is what no longer belongs to the stack and is still to be deleted.
	Garbage []*resourceRecord `json:"garbage,omitempty"`
	Outputs []Output          `json:"outputs,omitempty"`
	// Imports are the exports of other stacks that this one uses.
	Imports []string `json:"imports,omitempty"`

	Work *work `json:"work,omitempty"`
	// Events and Makings count what was ever there.
	Events  uint64 `json:"events"`
	Makings uint64 `json:"makings"`
	// Revision counts the writes of the record. Who writes it saw the one that is
	// there.
	Revision uint64 `json:"revision,omitempty"`
	// LastEvent is the time of the newest event.
	LastEvent time.Time `json:"lastEvent,omitzero"`
}

// work is an operation under way.
type work struct {
	Caller callerRecord `json:"caller"`
	Token  string       `json:"token,omitempty"` // ClientRequestToken
	// Done are the resources that the present pass is through with.
	Done map[string]bool `json:"done,omitempty"`
	// Failed are the resources that failed, Retain those that a delete leaves.
	Failed []string `json:"failed,omitempty"`
	Retain []string `json:"retain,omitempty"`
}

// resourceRecord is one resource of a stack.
type resourceRecord struct {
	Logical    string         `json:"logical"`
	Type       string         `json:"type"`
	Physical   string         `json:"physical,omitempty"`
	Status     Status         `json:"status"`
	Reason     string         `json:"reason,omitempty"`
	Changed    time.Time      `json:"changed"`
	Properties map[string]any `json:"properties,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Tags       []Tag          `json:"tags,omitempty"`
	// Deletion and Replacement are the policies that the template gives it.
	Deletion    string   `json:"deletion"`
	Replacement string   `json:"replacement"`
	Needs       []string `json:"needs,omitempty"`
	// Order is that of the making; deleting goes the other way.
	Order uint64 `json:"order"`

	// Token and Since are of the making, see Task.
	Token string    `json:"token"`
	Since time.Time `json:"since"`
	// Begun says that a step is recorded and may have had its effect. For an
	// update, Before is the resource as it was; New says that the operation made it.
	Begun  bool            `json:"begun,omitempty"`
	New    bool            `json:"new,omitempty"`
	Before *resourceRecord `json:"before,omitempty"`
}

// replaced tells whether an update put a new resource in the place of an old one.
func (r *resourceRecord) replaced() bool { return r.Before != nil && r.Token != r.Before.Token }

func (r *stackRecord) realm() realm  { return realm{r.Account, r.Region} }
func (r *stackRecord) key() stackKey { return r.realm().key(r.ID) }
func (r *stackRecord) arn() string   { return r.realm().arn(r.Name, r.ID) }

// seal encodes a value and seals it for its place.
func (s *Service) seal(purpose, key string, v any) ([]byte, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	secret := sealed.NewSecret(text)
	defer secret.Wipe()
	return s.cfg.Domain.Wrap(purpose, key, secret), nil
}

func (s *Service) unseal(purpose, key string, value []byte, into any) error {
	secret, err := s.cfg.Domain.Unwrap(purpose, key, value)
	if err != nil {
		return fmt.Errorf("%w: %w", errDamaged, err)
	}
	defer secret.Wipe()
	dec := json.NewDecoder(strings.NewReader(string(secret.Reveal())))
	dec.UseNumber()
	if dec.Decode(into) != nil {
		return errDamaged
	}
	return nil
}

func (s *Service) open(key stackKey, value []byte) (*stackRecord, error) {
	r := &stackRecord{}
	if err := s.unseal("stack", string(key), value, r); err != nil {
		return nil, err
	}
	if r.V != recordVersion {
		return nil, errDamaged
	}
	return r, nil
}

// load reads a stack, or returns store.ErrNotFound.
func (s *Service) load(tx store.Reader, key stackKey) (*stackRecord, error) {
	value, err := tx.Get(stackSpace, string(key))
	if err != nil {
		return nil, err
	}
	return s.open(key, value)
}

// save writes a stack and the events that go with the change. It returns errStale
// when the stack is not the one that r was read from: a request or another node has
// changed it since.
func (s *Service) save(tx store.Writer, r *stackRecord, events ...Event) error {
	var revision uint64
	switch have, err := s.load(tx, r.key()); {
	case err == nil:
		revision = have.Revision
	case !errors.Is(err, store.ErrNotFound):
		return err
	}
	if revision != r.Revision {
		return errStale
	}
	for _, e := range events {
		// Clients put events in order by their times, which they see in milliseconds.
		e.At = e.At.Truncate(time.Millisecond)
		if next := r.LastEvent.Add(time.Millisecond); e.At.Before(next) {
			e.At = next
		}
		r.LastEvent = e.At
		value, err := json.Marshal(e)
		if err != nil {
			return err
		}
		r.Events++
		if err := tx.Put(eventSpace, fmt.Sprintf("%s/%016x", r.key(), r.Events), value); err != nil {
			return err
		}
	}
	next := *r
	next.Revision++
	value, err := s.seal("stack", string(r.key()), &next)
	if err != nil {
		return err
	}
	return tx.Put(stackSpace, string(r.key()), value)
}

// find reads the stack that a name or an ARN means, or returns store.ErrNotFound.
// A stack that was deleted is found by its ARN only.
func (s *Service) find(tx store.Reader, m realm, ref string) (*stackRecord, error) {
	missing := store.ErrNotFound
	id := ""
	if rest, ok := strings.CutPrefix(ref, m.arn("", "")[:len(m.arn("", ""))-1]); ok {
		_, id, _ = strings.Cut(rest, "/")
	} else {
		value, err := tx.Get(nameSpace, m.prefix()+ref)
		if errors.Is(err, store.ErrNotFound) {
			return nil, missing
		}
		if err != nil {
			return nil, err
		}
		id = string(value)
	}
	r, err := s.load(tx, m.key(id))
	if errors.Is(err, store.ErrNotFound) || err == nil && r.arn() != ref && r.Name != ref {
		return nil, missing
	}
	return r, err
}

// forget removes a stack with its events and change sets.
func forget(tx store.Writer, key stackKey) error {
	for _, space := range []store.Space{eventSpace, changeSpace} {
		for r, err := range tx.Scan(space, store.Prefix(string(key)+"/")) {
			if err != nil {
				return err
			}
			if err := tx.Delete(space, r.Key); err != nil {
				return err
			}
		}
	}
	return tx.Delete(stackSpace, string(key))
}

// chance makes twelve capital letters and digits of a token.
func chance(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
	id, _ := uuid.Parse(token)
	// The first and last bytes are random in every version that we make.
	random := append(append([]byte{}, id[:6]...), id[10:]...)
	out := make([]byte, len(random))
	for i, b := range random {
		out[i] = alphabet[int(b)%len(alphabet)]
	}
	return string(out)
}

func bracketed(names []string) string { return "[" + strings.Join(names, ", ") + "]" }
