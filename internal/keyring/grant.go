package keyring

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// GrantOperation is what a grant allows, in the words of KMS: "Encrypt".
type GrantOperation string

// grantable gives each operation that grants may allow.
var grantable = map[GrantOperation]operation{
	"CreateGrant":                         opCreateGrant,
	"Decapsulate":                         opDecapsulate,
	"Decrypt":                             opDecrypt,
	"DeriveSharedSecret":                  opDeriveSharedSecret,
	"DescribeKey":                         opDescribeKey,
	"Encapsulate":                         opEncapsulate,
	"Encrypt":                             opEncrypt,
	"GenerateDataKey":                     opGenerateDataKey,
	"GenerateDataKeyPair":                 opGenerateDataKeyPair,
	"GenerateDataKeyPairWithoutPlaintext": opGenerateDataKeyPairWithoutPlaintext,
	"GenerateDataKeyWithoutPlaintext":     opGenerateDataKeyWithoutPlaintext,
	"GenerateMac":                         opGenerateMac,
	"GetPublicKey":                        opGetPublicKey,
	"ReEncryptFrom":                       opReEncryptFrom,
	"ReEncryptTo":                         opReEncryptTo,
	"RetireGrant":                         opRetireGrant,
	"Sign":                                opSign,
	"Verify":                              opVerify,
	"VerifyMac":                           opVerifyMac,
}

// opSet is a set of operations.
type opSet uint64

func setOf(ops ...operation) (s opSet) {
	for _, op := range ops {
		s |= 1 << op
	}
	return s
}

func (s opSet) has(op operation) bool { return s&(1<<op) != 0 }

// Sets of operations that grants of a key may allow, by what the key is for.
// Source: KMS Developer Guide, "Grant operations".
var (
	grantAlways = setOf(opCreateGrant, opRetireGrant, opDescribeKey)

	// contextual operations have an encryption context, which constraints bind.
	contextual = setOf(opEncrypt, opDecrypt, opReEncryptFrom, opReEncryptTo, opGenerateDataKey,
		opGenerateDataKeyWithoutPlaintext, opGenerateDataKeyPair, opGenerateDataKeyPairWithoutPlaintext)

	grantByUsage = map[KeyUsage]opSet{
		EncryptDecrypt: setOf(opEncrypt, opDecrypt, opReEncryptFrom, opReEncryptTo, opGetPublicKey),
		SignVerify:     setOf(opSign, opVerify, opGetPublicKey),
		KeyAgreement:   setOf(opDeriveSharedSecret, opGetPublicKey),
		MACUsage:       setOf(opGenerateMac, opVerifyMac),

		EncapsulateDecapsulate: setOf(opEncapsulate, opDecapsulate, opGetPublicKey),
	}
)

// grantable is what grants of this key may allow.
func (k *key) grantable() opSet {
	if k.spec.family == symmetricKey {
		return grantAlways | contextual
	}
	return grantAlways | grantByUsage[k.Usage]
}

// GrantConstraints narrow a grant of a symmetric key to calls with certain
// encryption contexts. Empty ones narrow nothing.
type GrantConstraints struct {
	// Equals is the whole encryption context.
	Equals map[string]string `json:"equals,omitempty"`
	// Subset is what the encryption context has to contain.
	Subset map[string]string `json:"subset,omitempty"`
}

func (c *GrantConstraints) empty() bool { return len(c.Equals)+len(c.Subset) == 0 }

// allow reports whether a call with this encryption context is within.
func (c *GrantConstraints) allow(bind map[string]string) bool {
	return (len(c.Equals) == 0 || maps.Equal(c.Equals, bind)) && contains(bind, c.Subset)
}

// contain reports whether every context that child allows, c allows too.
func (c *GrantConstraints) contain(child *GrantConstraints) bool {
	if len(c.Equals) > 0 && !maps.Equal(c.Equals, child.Equals) {
		return false
	}
	return contains(child.Subset, c.Subset) || contains(child.Equals, c.Subset)
}

func contains(all, some map[string]string) bool {
	for name, value := range some {
		if v, ok := all[name]; !ok || v != value {
			return false
		}
	}
	return true
}

// grantID names a grant of a key: 64 lower-case hexadecimal digits.
type grantID string

func validGrantID(s string) bool { return len(s) == 64 && lowerHex(s) }

// grantRecord is a grant.
type grantRecord struct {
	Created millis `json:"created"`
	Name    string `json:"name,omitempty"`
	// Grantee and Retiring are ARNs of principals; Retiring may be empty.
	Grantee  string `json:"grantee"`
	Retiring string `json:"retiring,omitempty"`
	// GranteeID and RetiringID are their unique ids, where they are users or
	// roles of this server: later ones of the same names are not meant.
	GranteeID  string `json:"granteeId,omitempty"`
	RetiringID string `json:"retiringId,omitempty"`
	// Issuer is the account of the caller who made the grant.
	Issuer      arn.AccountID    `json:"issuer"`
	Operations  []GrantOperation `json:"operations"` // ascending
	Constraints GrantConstraints `json:"constraints,omitzero"`
}

func (g *grantRecord) allows() (s opSet) {
	for _, name := range g.Operations {
		s |= setOf(grantable[name])
	}
	return s
}

// id derives a named grant's id from all that makes it the same grant: so
// creating it again changes nothing, whoever is first.
func (g *grantRecord) id(p path) grantID {
	h := sha256.New()
	part := func(s string) {
		var n [4]byte
		binary.BigEndian.PutUint32(n[:], uint32(len(s)))
		h.Write(n[:])
		h.Write([]byte(s))
	}
	pairs := func(m map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(m)) {
			part(name)
			part(m[name])
		}
		part("")
	}
	for _, s := range []string{"keyfront/grant-id/1", p.String(), g.Name, g.Grantee, g.GranteeID, g.Retiring, g.RetiringID, string(g.Issuer)} {
		part(s)
	}
	for _, op := range g.Operations {
		part(string(op))
	}
	part("")
	pairs(g.Constraints.Equals)
	pairs(g.Constraints.Subset)
	return grantID(hex.EncodeToString(h.Sum(nil)))
}

// grant is a grantRecord in memory.
type grant struct {
	id grantID
	*grantRecord
	ops opSet
}

// covers reports whether g admits op on the target.
func (g *grant) covers(op operation, t *target) bool {
	switch {
	case !g.ops.has(op):
		return false
	case op == opCreateGrant && t.child != nil:
		// Whoever may pass on a grant may not pass on more than it.
		return t.child.allows()&^g.ops == 0 && g.Constraints.contain(&t.child.Constraints)
	case contextual.has(op):
		return g.Constraints.allow(t.bind)
	}
	return true
}

// grantSet holds the grants of one key. It may be used concurrently.
type grantSet struct {
	size atomic.Int64 // so that keys without grants cost no lock

	mu        sync.RWMutex
	byID      map[grantID]*grant
	byGrantee map[string][]*grant // the slices are replaced, never changed
}

// set puts a grant in place of the one with its id; nil removes that.
func (s *grantSet) set(id grantID, rec *grantRecord) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := s.byID[id]; old != nil {
		delete(s.byID, id)
		left := slices.DeleteFunc(slices.Clone(s.byGrantee[old.Grantee]), func(g *grant) bool { return g.id == id })
		if s.byGrantee[old.Grantee] = left; len(left) == 0 {
			delete(s.byGrantee, old.Grantee)
		}
	}
	if rec != nil {
		if s.byID == nil {
			s.byID, s.byGrantee = make(map[grantID]*grant), make(map[string][]*grant)
		}
		g := &grant{id: id, grantRecord: rec, ops: rec.allows()}
		s.byID[id] = g
		// append never writes to what a reader holds: it is beyond its end.
		s.byGrantee[rec.Grantee] = append(s.byGrantee[rec.Grantee], g)
	}
	s.size.Store(int64(len(s.byID)))
}

func (s *grantSet) get(id grantID) *grant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byID[id]
}

func (s *grantSet) to(grantee string) []*grant {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.byGrantee[grantee]
}

// granted reports whether a grant to the caller covers op on the target, and
// whether one to the caller's account does.
func (k *key) granted(who *policy.Principal, op operation, t *target) (self, account bool) {
	if k.grants.size.Load() == 0 {
		return false, false
	}
	covered := func(grantee string) bool {
		return slices.ContainsFunc(k.grants.to(grantee), func(g *grant) bool {
			return means(g.GranteeID, who) && g.covers(op, t)
		})
	}
	if account = who.Account != "" && covered(arn.Root(who.Account).String()); who.Kind == policy.Root {
		return false, account
	}
	return who.ARN != "" && covered(who.ARN) || who.IssuerARN != "" && covered(who.IssuerARN), account
}

// means reports whether a name that was bound to id still means who.
func means(id string, who *policy.Principal) bool { return id == "" || id == who.UniqueID }

// grantNews is a grant of a key that was made, or with nil is no more.
type grantNews struct {
	of    *key
	id    grantID
	grant *grantRecord
}

func getGrant(tx store.Reader, at changed) (*grantRecord, error) {
	value, err := tx.Get(grantSpace, at.String())
	if err != nil {
		return nil, err
	}
	rec := new(grantRecord)
	return rec, decode(grantSpace, at.String(), value, rec)
}

// retirableKey is where a grant that has a retiring principal is listed again.
func retirableKey(region, retiring, name string) string {
	return region + "/" + retiring + "\x00" + name
}

func (c *change) putGrant(at changed, g *grantRecord) error {
	c.touch(at)
	if g.Retiring != "" {
		if err := c.Put(retirable, retirableKey(at.region, g.Retiring, at.String()), []byte{recordVersion}); err != nil {
			return err
		}
	}
	return c.Put(grantSpace, at.String(), encode(g))
}

// deleteGrant removes the records of the grant that is stored under name.
func (c *change) deleteGrant(name, region string, g *grantRecord) error {
	if g.Retiring != "" {
		if err := c.Delete(retirable, retirableKey(region, g.Retiring, name)); err != nil {
			return err
		}
	}
	return c.Delete(grantSpace, name)
}
