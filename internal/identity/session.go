package identity

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Sessions are not stored. A session token is its own record, sealed: whoever
// presents it proves that this server made it, and what it says is who the
// caller is. The secret access key of a session is derived from a key that only
// the server has, and the session's access key id.

const (
	spaceSessions store.Space = "iam.session-key"
	sessionKeyID              = "1"
	purposeToken              = "session-token"
)

type sessionKeys struct {
	domain *sealed.Domain
	secret sealed.Secret // derives secret access keys
}

// sessionFacts is the content of a token.
type sessionFacts struct {
	Service       string        `json:"service,omitempty"`
	SourceARN     string        `json:"sourceArn,omitempty"`
	SourceAccount arn.AccountID `json:"sourceAccount,omitempty"`
	// ARN and CanonicalID name an origin access identity.
	ARN         string `json:"arn,omitempty"`
	CanonicalID string `json:"canonicalId,omitempty"`
	Expires     int64  `json:"expires"` // Unix seconds
}

func (f *sessionFacts) principal() policy.Principal {
	if f.CanonicalID != "" {
		return policy.Principal{Kind: policy.OriginIdentity, ARN: f.ARN, CanonicalID: f.CanonicalID}
	}
	return policy.Principal{Kind: policy.Service, Service: f.Service}
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
	return s.sessions.issue(sessionFacts{
		Service: service, SourceARN: source, SourceAccount: account, Expires: expires.Unix(),
	})
}

// OriginIdentitySession makes temporary credentials for the origin access
// identity id of a distribution, whose S3 canonical user id is canonicalID.
func (s *Service) OriginIdentitySession(id, canonicalID string, expires time.Time) (AccessKey, error) {
	return s.sessions.issue(sessionFacts{
		ARN: OriginIdentityARN(id), CanonicalID: canonicalID, Expires: expires.Unix(),
	})
}

// OriginIdentityARN is how bucket policies name an origin access identity.
func OriginIdentityARN(id string) string {
	return "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity " + id
}

func (k *sessionKeys) issue(f sessionFacts) (AccessKey, error) {
	text, err := json.Marshal(f)
	if err != nil {
		return AccessKey{}, fmt.Errorf("identity: %w", err)
	}
	id := newAccessKey("ASIA").ID
	token := k.domain.Wrap(purposeToken, id, sealed.NewSecret(text))
	return AccessKey{ID: id, Secret: k.secretOf(id), SessionToken: base64.StdEncoding.EncodeToString(token)}, nil
}

// secretOf derives a session's secret access key, 40 characters.
func (k *sessionKeys) secretOf(id string) sealed.Secret {
	m := hmac.New(sha256.New, k.secret.Reveal())
	m.Write([]byte("keyfront/session-secret/v1/" + id))
	return sealed.NewSecret(base64.StdEncoding.AppendEncode(nil, m.Sum(nil)[:30]))
}

// maxTokenBytes bounds a token before anything is done with it.
const maxTokenBytes = 4096

func (s *Service) session(accessKeyID, token string, now time.Time) (*Credential, error) {
	if len(token) > maxTokenBytes {
		return nil, ErrInvalidToken
	}
	raw, err := base64.StdEncoding.DecodeString(token)
	if err != nil {
		return nil, ErrInvalidToken
	}
	text, err := s.sessions.domain.Unwrap(purposeToken, accessKeyID, raw)
	if err != nil {
		return nil, ErrInvalidToken
	}
	var f sessionFacts
	if err := json.Unmarshal(text.Reveal(), &f); err != nil {
		return nil, ErrInvalidToken
	}
	if now.Unix() >= f.Expires {
		return nil, ErrExpiredToken
	}
	// The id is drawn from 80 random bits and never has another secret.
	version := sha256.Sum256([]byte(accessKeyID))
	return &Credential{
		Principal:     f.principal(),
		Version:       binary.BigEndian.Uint64(version[:]),
		SourceARN:     f.SourceARN,
		SourceAccount: f.SourceAccount,
		secret:        func() (sealed.Secret, error) { return s.sessions.secretOf(accessKeyID), nil },
	}, nil
}
