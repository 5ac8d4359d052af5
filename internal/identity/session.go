package identity

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Sessions are not stored. A session token is its own record, sealed: whoever
// presents it proves that this server made it, and what it says is who the
// caller is. The secret access key of a session is derived from a key that only
// the server has, and the session's access key id. A session names its user or
// role by unique id, so it ends with them, and no later one of the same name
// revives it.

const spaceSessions store.Space = "iam.session-key"

// MaxTokenBytes is the length of the longest session token.
const MaxTokenBytes = 4096

const (
	sessionKeyID = "1"
	purposeToken = "session-token"

	// maxFactsBytes bounds the content of a token.
	maxFactsBytes = 64 << 10
	// maxKeptSessions bounds the opened tokens that are kept in memory, twice.
	maxKeptSessions = 5000
)

// sessionKeys issues sessions and remembers the ones it opened.
type sessionKeys struct {
	domain *sealed.Domain
	secret sealed.Secret // derives secret access keys
	// generation grows with every change of the register: what was worked out
	// of a session before counts no more.
	generation atomic.Uint64

	mu sync.RWMutex
	// mu guards the two generations of opened tokens, by access key id.
	young, old map[string]*openSession
}

// openSession is a token that was opened, and what came of it.
type openSession struct {
	token      string
	facts      *sessionFacts
	inline     *policy.Document // the session policy, if it has one
	generation uint64
	credential *Credential
}

// sessionKind says whose session it is.
type sessionKind string

const (
	serviceSession   sessionKind = "service"
	originSession    sessionKind = "origin"
	roleSession      sessionKind = "role"
	userSession      sessionKind = "user" // GetSessionToken, also of a root user
	federatedSession sessionKind = "federated"
)

// sessionFacts is the content of a token.
type sessionFacts struct {
	Kind    sessionKind `json:"kind"`
	Expires int64       `json:"expires"` // Unix seconds

	// Service acts for the resource SourceARN.
	Service       string        `json:"service,omitempty"`
	SourceARN     string        `json:"sourceArn,omitempty"`
	SourceAccount arn.AccountID `json:"sourceAccount,omitempty"`

	// ARN and CanonicalID name an origin access identity.
	ARN         string `json:"arn,omitempty"`
	CanonicalID string `json:"canonicalId,omitempty"`

	// PrincipalID is the unique id of the role or user, or the account of a root
	// user. Name is that of the role session or the federated user.
	PrincipalID    string        `json:"principalId,omitempty"`
	Account        arn.AccountID `json:"account,omitempty"`
	Name           string        `json:"name,omitempty"`
	Issued         int64         `json:"issued,omitempty"` // Unix seconds
	MFA            int64         `json:"mfa,omitempty"`    // Unix seconds
	SourceIdentity string        `json:"sourceIdentity,omitempty"`
	// Limited says that the session has policies, even if they are none.
	Limited    bool     `json:"limited,omitempty"`
	Policy     string   `json:"policy,omitempty"`
	PolicyARNs []string `json:"policyArns,omitempty"`
	Tags       []Tag    `json:"tags,omitempty"`
	Transitive []string `json:"transitive,omitempty"`
}

// openSessions reads the key that session secrets derive from, and makes it at
// the first start.
func (s *Service) openSessions(ctx context.Context) error {
	var wrapped []byte
	err := s.cfg.Records.Update(ctx, func(tx store.Writer) error {
		var err error
		wrapped, err = tx.Get(spaceSessions, sessionKeyID)
		if err == nil {
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		wrapped = s.cfg.Domain.Wrap("session-key", sessionKeyID, sealed.RandomSecret(sealed.KeyBytes))
		return tx.Put(spaceSessions, sessionKeyID, wrapped)
	})
	if err != nil {
		return fmt.Errorf("identity: session key: %w", err)
	}
	if s.sessions.secret, err = s.cfg.Domain.Unwrap("session-key", sessionKeyID, wrapped); err != nil {
		return fmt.Errorf("identity: session key: %w", err)
	}
	return nil
}

// ServiceSession makes temporary credentials with which service, for instance
// "cloudfront.amazonaws.com", acts for the resource source of account until
// expires. The session says for whom it acts; no header can.
func (s *Service) ServiceSession(service, source string, account arn.AccountID, expires time.Time) (AccessKey, error) {
	return s.sessions.issue(&sessionFacts{
		Kind: serviceSession, Service: service, SourceARN: source, SourceAccount: account, Expires: expires.Unix(),
	})
}

// OriginIdentitySession makes temporary credentials for the origin access
// identity id of a distribution, whose S3 canonical user id is canonicalID.
func (s *Service) OriginIdentitySession(id, canonicalID string, expires time.Time) (AccessKey, error) {
	return s.sessions.issue(&sessionFacts{
		Kind: originSession, ARN: originIdentityARN(id), CanonicalID: canonicalID, Expires: expires.Unix(),
	})
}

// originIdentityARN is how bucket policies name an origin access identity.
func originIdentityARN(id string) string {
	return "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity " + id
}

// issue makes the credentials of a session. It returns ErrPackedTooLarge about
// facts that make a token of more than MaxTokenBytes.
func (k *sessionKeys) issue(f *sessionFacts) (AccessKey, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return AccessKey{}, fmt.Errorf("identity: session: %w", err)
	}
	packed, err := pack(text)
	if err != nil {
		return AccessKey{}, err
	}
	id := newAccessKey("ASIA").ID
	token := base64.StdEncoding.EncodeToString(k.domain.Wrap(purposeToken, id, sealed.NewSecret(packed)))
	if len(token) > MaxTokenBytes || len(text) > maxFactsBytes {
		return AccessKey{}, fail(ErrPackedTooLarge, "Packed policy consumes more than 100%% of allotted space, please use smaller policy.")
	}
	return AccessKey{ID: id, Secret: k.secretOf(id), SessionToken: token}, nil
}

// pack deflates text.
func pack(text []byte) ([]byte, error) {
	var b bytes.Buffer
	w, err := flate.NewWriter(&b, flate.BestCompression)
	if err == nil {
		_, err = w.Write(text)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("identity: session: %w", err)
	}
	return b.Bytes(), nil
}

// secretOf derives a session's secret access key, 40 characters.
func (k *sessionKeys) secretOf(id string) sealed.Secret {
	m := hmac.New(sha256.New, k.secret.Reveal())
	m.Write([]byte("keyfront/session-secret/v1/" + id))
	return sealed.NewSecret(base64.StdEncoding.AppendEncode(nil, m.Sum(nil)[:30]))
}

// session finds the credential of a session. A token that was opened before
// costs a comparison.
func (s *Service) session(accessKeyID, token string, now time.Time) (*Credential, error) {
	if len(token) > MaxTokenBytes {
		return nil, ErrInvalidToken
	}
	o := s.sessions.kept(accessKeyID, token)
	if o == nil {
		f, err := s.sessions.open(accessKeyID, token)
		if err != nil {
			return nil, err
		}
		o = &openSession{token: token, facts: f}
		if f.Policy != "" {
			// One that no longer parses stays nil, which denies.
			o.inline, _ = policy.Parse(policy.UseSession, f.Policy)
		}
	}
	if now.Unix() >= o.facts.Expires {
		return nil, ErrExpiredToken
	}
	generation := s.sessions.generation.Load()
	if o.credential != nil && o.generation == generation {
		return o.credential, nil
	}
	c, err := s.sessionCredential(accessKeyID, o)
	if err != nil {
		return nil, err
	}
	s.sessions.keep(accessKeyID, &openSession{token: token, facts: o.facts, inline: o.inline, generation: generation, credential: c})
	return c, nil
}

func (k *sessionKeys) open(accessKeyID, token string) (*sessionFacts, error) {
	raw, err := base64.StdEncoding.DecodeString(token)
	// The decoder skips line ends; a token has one spelling.
	if err != nil || base64.StdEncoding.EncodeToString(raw) != token {
		return nil, ErrInvalidToken
	}
	packed, err := k.domain.Unwrap(purposeToken, accessKeyID, raw)
	if err != nil {
		return nil, ErrInvalidToken
	}
	text, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed.Reveal())), maxFactsBytes+1))
	if err != nil || len(text) > maxFactsBytes {
		return nil, ErrInvalidToken
	}
	f := new(sessionFacts)
	if err := json.Unmarshal(text, f); err != nil {
		return nil, ErrInvalidToken
	}
	return f, nil
}

func (k *sessionKeys) kept(accessKeyID, token string) *openSession {
	k.mu.RLock()
	o := k.young[accessKeyID]
	if o == nil {
		o = k.old[accessKeyID]
	}
	k.mu.RUnlock()
	if o == nil || subtle.ConstantTimeCompare([]byte(o.token), []byte(token)) != 1 {
		return nil
	}
	return o
}

func (k *sessionKeys) keep(accessKeyID string, o *openSession) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.young == nil || len(k.young) >= maxKeptSessions {
		k.old, k.young = k.young, make(map[string]*openSession)
	}
	k.young[accessKeyID] = o
}

// sessionCredential works out who a session is by what the register says now.
func (s *Service) sessionCredential(accessKeyID string, o *openSession) (*Credential, error) {
	f := o.facts
	// The id is drawn from 80 random bits and never has another secret.
	version := sha256.Sum256([]byte(accessKeyID))
	c := &Credential{
		Version:   binary.BigEndian.Uint64(version[:]),
		SourceARN: f.SourceARN, SourceAccount: f.SourceAccount,
		secret: func() (sealed.Secret, error) { return s.sessions.secretOf(accessKeyID), nil },
	}
	switch f.Kind {
	case serviceSession:
		c.Principal = policy.Principal{Kind: policy.Service, Service: f.Service}
		return c, nil
	case originSession:
		c.Principal = policy.Principal{Kind: policy.OriginIdentity, ARN: f.ARN, CanonicalID: f.CanonicalID}
		return c, nil
	}
	st := s.reg.standing(f.PrincipalID)
	ofRoot := f.PrincipalID == string(f.Account)
	if st == nil && !ofRoot {
		return nil, ErrInvalidToken
	}
	c.Session = s.sessionOf(o)
	switch f.Kind {
	case roleSession:
		if ofRoot || st.principal.Kind != policy.RoleSession {
			return nil, ErrInvalidToken
		}
		c.Principal, c.useID = st.sessionPrincipal(f.Name), f.PrincipalID
		c.Tags = mergeTags(st.tags, f.Tags)
	case userSession:
		if ofRoot {
			c.Principal = rootPrincipal(f.Account)
			break
		}
		if st.principal.Kind != policy.User {
			return nil, ErrInvalidToken
		}
		c.Principal, c.Tags = st.principal, st.tags
	case federatedSession:
		c.Principal = policy.Principal{
			Kind: policy.FederatedUser, Account: f.Account,
			ARN: arn.FederatedUser(f.Account, f.Name).String(), IssuerARN: arn.Root(f.Account).String(),
			UniqueID: f.PrincipalID, UserID: string(f.Account) + ":" + f.Name, CanonicalID: CanonicalID(f.Account),
		}
		if !ofRoot {
			c.Principal.IssuerARN, c.Tags = st.name(), st.tags
		}
		c.Tags = mergeTags(c.Tags, f.Tags)
	default:
		return nil, ErrInvalidToken
	}
	return c, nil
}

// sessionOf is what a session says beside who calls.
func (s *Service) sessionOf(o *openSession) *access.Session {
	f := o.facts
	session := &access.Session{
		IssuedAt: time.Unix(f.Issued, 0).UTC(), ExpiresAt: time.Unix(f.Expires, 0).UTC(), SourceIdentity: f.SourceIdentity,
		Limited: f.Limited, TransitiveTags: f.Transitive,
	}
	if f.MFA != 0 {
		session.MFAAt = time.Unix(f.MFA, 0).UTC()
	}
	if f.Policy != "" {
		session.Policies = append(session.Policies, o.inline)
	}
	for _, ref := range f.PolicyARNs {
		var d *policy.Document // nil, which denies, if the policy is gone
		if p := s.reg.policy(ref); p != nil {
			d = p.document
		}
		session.Policies = append(session.Policies, d)
	}
	return session
}
