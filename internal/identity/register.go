package identity

import (
	"slices"
	"strings"
	"sync"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// register is all entities in memory. What each request reads (keys and
// standings) is read without a lock; entities are immutable.
type register struct {
	// keys maps an access key id to a *Credential. Inactive keys are not in it.
	keys sync.Map
	// standings maps the unique id of a user or role to a *standing.
	standings sync.Map

	// Only Service.apply writes below, and holds mu for that.
	mu      sync.RWMutex
	seq     uint64
	shelves map[shelf]map[string]entity
	// byID finds users, groups, roles and policies by their unique ids.
	byID map[string]entity
	// attached and bounded say who has a managed policy, by its ARN; members who
	// is in a group, by its unique id; belongings what belongs to a user (keys
	// and devices) or a role (profiles), by its unique id.
	attached, bounded, members, belongings index
	aliases                                map[string]arn.AccountID
	canonical                              map[arn.AccountID]string // ids, by which S3 knows the accounts
}

type shelf struct {
	kind    Kind
	account arn.AccountID
}

// index maps a reference to the places that have it, in no order.
type index map[string][]place

func (x index) add(ref string, p place) {
	if ref != "" {
		x[ref] = append(x[ref], p)
	}
}

func (x index) remove(ref string, p place) {
	list := x[ref]
	i := slices.Index(list, p)
	if i < 0 {
		return
	}
	last := len(list) - 1
	list[i] = list[last]
	if x[ref] = list[:last]; last == 0 {
		delete(x, ref)
	}
}

// standing is what a user or a role brings along, ready for a decision.
type standing struct {
	entity    bearer
	principal policy.Principal // of a user; the parts that a role's sessions share
	identity  []*policy.Document
	boundary  *policy.Document
	tags      []Tag
}

// missing is the boundary whose policy could not be had: it allows nothing.
var missing = mustParse(`{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}`)

// administrator allows everything.
var administrator = mustParse(administratorText)

func mustParse(text string) *policy.Document {
	d, err := policy.Parse(policy.UseIdentity, text)
	if err != nil {
		panic("identity: built-in policy: " + err.Error())
	}
	return d
}

func newRegister() *register {
	return &register{
		shelves: map[shelf]map[string]entity{}, byID: map[string]entity{},
		attached: index{}, bounded: index{}, members: index{}, belongings: index{},
		aliases: map[string]arn.AccountID{}, canonical: map[arn.AccountID]string{},
	}
}

func (r *register) getLocked(p place) entity {
	return r.shelves[shelf{p.kind, p.account}][p.id]
}

// put replaces the entity at p; nil removes it. The indexes follow.
func (r *register) putLocked(p place, e entity) {
	at := shelf{p.kind, p.account}
	if old := r.shelves[at][p.id]; old != nil {
		r.indexLocked(p, old, index.remove)
		// A renamed entity lives on at another place.
		if id := old.meta().ID; r.byID[id] == old {
			delete(r.byID, id)
		}
		// Of several changes at once, another account may have taken the alias.
		if a, ok := old.(*Account); ok && r.aliases[a.Alias] == a.Account {
			delete(r.aliases, a.Alias)
		}
	}
	if e == nil {
		delete(r.shelves[at], p.id)
		return
	}
	if r.shelves[at] == nil {
		r.shelves[at] = map[string]entity{}
	}
	r.shelves[at][p.id] = e
	r.indexLocked(p, e, index.add)
	if id := e.meta().ID; id != "" {
		r.byID[id] = e
	}
	if a, ok := e.(*Account); ok && a.Alias != "" {
		r.aliases[a.Alias] = a.Account
	}
}

func (r *register) indexLocked(p place, e entity, edit func(index, string, place)) {
	if b, ok := e.(bearer); ok {
		for _, ref := range b.permissions().Attached {
			edit(r.attached, ref, p)
		}
		edit(r.bounded, b.permissions().Boundary, p)
	}
	switch e := e.(type) {
	case *User:
		for _, id := range e.Groups {
			edit(r.members, id, p)
		}
	case *Profile:
		edit(r.belongings, e.RoleID, p)
	case *Device:
		edit(r.belongings, e.UserID, p)
	case *Key:
		edit(r.belongings, e.UserID, p)
	}
}

// touchedLocked is whose standing depends on the entities.
func (r *register) touchedLocked(news []entity) map[place]bool {
	touched := make(map[place]bool, len(news))
	group := func(id string) {
		for _, p := range r.members[id] {
			touched[p] = true
		}
	}
	for _, e := range news {
		switch e := e.(type) {
		case *User, *Role:
			touched[placeOfEntity(e)] = true
		case *Group:
			group(e.ID)
		case *Policy:
			for _, holder := range r.attached[e.ARN()] {
				touched[holder] = true
				if holder.kind == KindGroup {
					group(r.getLocked(holder).meta().ID)
				}
			}
			for _, holder := range r.bounded[e.ARN()] {
				touched[holder] = true
			}
		}
	}
	return touched
}

// standLocked works out the standing of the user or role at p.
func (r *register) standLocked(p place) {
	b, ok := r.getLocked(p).(bearer)
	if !ok || b.kind() == KindGroup {
		return
	}
	s := &standing{entity: b, principal: r.principalLocked(b), tags: b.meta().Tags}
	s.identity = r.documentsLocked(s.identity, b.permissions())
	if u, ok := b.(*User); ok {
		for _, id := range u.Groups {
			if g, ok := r.byID[id].(*Group); ok {
				s.identity = r.documentsLocked(s.identity, &g.Permissions)
			}
		}
	}
	s.identity = slices.Clip(s.identity)
	if ref := b.permissions().Boundary; ref != "" {
		if s.boundary = r.managedLocked(ref); s.boundary == nil {
			s.boundary = missing
		}
	}
	r.standings.Store(b.meta().ID, s)
}

func (r *register) documentsLocked(list []*policy.Document, p *Permissions) []*policy.Document {
	for i := range p.Inline {
		list = append(list, p.Inline[i].document)
	}
	for _, ref := range p.Attached {
		list = append(list, r.managedLocked(ref))
	}
	return list
}

// managedLocked is the document of a managed policy, nil if it cannot be had.
func (r *register) managedLocked(ref string) *policy.Document {
	if p := r.policyLocked(ref); p != nil {
		return p.document
	}
	return nil
}

// policyLocked finds a managed policy by its ARN, which must be exact.
func (r *register) policyLocked(ref string) *Policy {
	if p, ok := awsManaged[ref]; ok {
		return p
	}
	a, err := arn.Parse(ref)
	if err != nil {
		return nil
	}
	p, ok := r.getLocked(placeOf(KindPolicy, a.Account, a.Name())).(*Policy)
	if !ok || p.ARN() != ref {
		return nil
	}
	return p
}

// placesWithout are the places that are taken and that all leaves free.
func (r *register) placesWithout(all []entity) []place {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.shelves) == 0 {
		return nil
	}
	stay := make(map[place]bool, len(all))
	for _, e := range all {
		stay[placeOfEntity(e)] = true
	}
	var gone []place
	for _, entities := range r.shelves {
		for _, e := range entities {
			if p := placeOfEntity(e); !stay[p] {
				gone = append(gone, p)
			}
		}
	}
	return gone
}

// applyMap is apply for a change: nil is a deleted entity.
func (s *Service) applyMap(seq uint64, changed map[place]entity) {
	var gone []place
	var news []entity
	for p, e := range changed {
		if e == nil {
			gone = append(gone, p)
		} else {
			news = append(news, e)
		}
	}
	s.apply(seq, gone, news)
}

// apply removes what was at the places that are gone, puts the news in, and
// makes the result visible.
func (s *Service) apply(seq uint64, gone []place, news []entity) {
	r := s.reg
	r.mu.Lock()
	if len(r.shelves) == 0 {
		// The first change is the whole register, before anybody reads it.
		r.byID = make(map[string]entity, len(news))
		r.belongings = make(index, len(news)/2)
	}
	ended := map[string]bool{}
	for _, p := range gone {
		if old := r.getLocked(p); old != nil {
			ended[old.meta().ID] = true
			r.putLocked(p, nil)
		}
		if p.kind == KindKey {
			r.keys.Delete(p.id)
			s.uses.forget(p.id)
		}
	}
	for _, e := range news {
		p := placeOfEntity(e)
		if old := r.getLocked(p); old != nil && old.meta().ID != e.meta().ID {
			ended[old.meta().ID] = true // another one has its name
		}
		r.putLocked(p, e)
	}
	for _, e := range news {
		delete(ended, e.meta().ID) // renamed, not ended
	}
	for id := range ended {
		r.standings.Delete(id)
		s.uses.forget(id)
	}
	touched := r.touchedLocked(news)
	for p := range touched {
		r.standLocked(p)
	}
	r.applyKeysLocked(s, news, touched)
	r.seq = seq
	r.mu.Unlock()
	s.sessions.generation.Add(1)
}

// applyKeysLocked brings the credentials of changed keys, and of the keys of
// touched users, up to date.
func (r *register) applyKeysLocked(s *Service, news []entity, touched map[place]bool) {
	for _, e := range news {
		k, ok := e.(*Key)
		if !ok {
			continue
		}
		// The keys of touched users come below.
		if u := r.byID[k.UserID]; u == nil || !touched[placeOfEntity(u)] {
			r.credentialLocked(s, k)
		}
	}
	for p := range touched {
		if u, ok := r.getLocked(p).(*User); ok {
			for _, at := range r.belongings[u.ID] {
				if k, ok := r.getLocked(at).(*Key); ok {
					r.credentialLocked(s, k)
				}
			}
		}
	}
}

func (r *register) credentialLocked(s *Service, k *Key) {
	if k.Inactive {
		r.keys.Delete(k.Name)
		return
	}
	c := &Credential{Version: k.Version, useID: k.Name, secret: func() (sealed.Secret, error) { return s.unwrapKey(k) }}
	if k.UserID == "" {
		c.Principal = rootPrincipal(k.Account)
	} else {
		st := r.standing(k.UserID)
		if st == nil {
			r.keys.Delete(k.Name)
			return
		}
		c.Principal, c.Tags = st.principal, st.tags
	}
	r.keys.Store(k.Name, c)
}

func rootPrincipal(account arn.AccountID) policy.Principal {
	return policy.Principal{
		Kind: policy.Root, Account: account, ARN: arn.Root(account).String(), UserID: string(account),
		CanonicalID: CanonicalID(account),
	}
}

// principalLocked is a user as a caller. Of a role it is a session without its
// name: ARN and UserID are those of the role.
func (r *register) principalLocked(b bearer) policy.Principal {
	m := b.meta()
	canonical, ok := r.canonical[m.Account]
	if !ok {
		canonical = CanonicalID(m.Account)
		r.canonical[m.Account] = canonical
	}
	p := policy.Principal{
		Kind: policy.User, Account: m.Account, ARN: b.ARN(), UniqueID: m.ID, UserID: m.ID, Name: m.Name, CanonicalID: canonical,
	}
	if b.kind() == KindRole {
		p.Kind, p.IssuerARN, p.Name = policy.RoleSession, p.ARN, ""
	}
	return p
}

// name is the ARN of the user or role.
func (s *standing) name() string {
	if s.principal.IssuerARN != "" {
		return s.principal.IssuerARN
	}
	return s.principal.ARN
}

// sessionPrincipal is a session of a role whose standing is s.
func (s *standing) sessionPrincipal(session string) policy.Principal {
	p := s.principal
	p.ARN = arn.RoleSession(p.Account, s.entity.meta().Name, session).String()
	p.UserID = p.UniqueID + ":" + session
	return p
}

// standing finds what the user or role of that unique id brings along, or nil.
func (r *register) standing(id string) *standing {
	if v, ok := r.standings.Load(id); ok {
		return v.(*standing)
	}
	return nil
}

// get finds the entity of a kind and name.
func get[T entity](r *register, account arn.AccountID, name string) (T, bool) {
	var none T
	r.mu.RLock()
	defer r.mu.RUnlock()
	e, ok := r.getLocked(placeOf(kindOf[T](), account, name)).(T)
	if !ok {
		return none, false
	}
	return e, true
}

func kindOf[T entity]() Kind {
	var t T
	return t.kind()
}

// list gives the entities of a kind in an account whose path begins with prefix,
// in the order of their names.
func list[T entity](r *register, account arn.AccountID, prefix string) []T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	at := r.shelves[shelf{kindOf[T](), account}]
	all := make([]T, 0, len(at))
	for _, e := range at {
		if strings.HasPrefix(e.meta().Path, prefix) {
			all = append(all, e.(T))
		}
	}
	sortByName(all)
	return all
}

func sortByName[T entity](all []T) {
	slices.SortFunc(all, func(a, b T) int {
		return strings.Compare(strings.ToLower(a.meta().Name), strings.ToLower(b.meta().Name))
	})
}

// among gives the entities of a type at the places of an index, in the order of
// their names.
func among[T entity](r *register, x index, ref string) []T {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var all []T
	for _, p := range x[ref] {
		if e, ok := r.getLocked(p).(T); ok {
			all = append(all, e)
		}
	}
	sortByName(all)
	return all
}

func (r *register) policy(ref string) *Policy {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.policyLocked(ref)
}

func (r *register) byUniqueID(id string) entity {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.byID[id]
}

func (r *register) accountsLocked() []arn.AccountID {
	var ids []arn.AccountID
	for at := range r.shelves {
		if at.kind == KindAccount && len(r.shelves[at]) > 0 {
			ids = append(ids, at.account)
		}
	}
	slices.Sort(ids)
	return ids
}
