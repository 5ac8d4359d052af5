package origin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	defaultRegion = "us-east-1"
	// renewBefore is how long before its end a credential is used no more.
	renewBefore = time.Minute
)

// sessionKey is all that a credential depends on.
type sessionKey struct {
	distribution          delivery.DistributionID
	control, identity, id string
}

// session keeps a credential with the newest key derived from it.
type session struct {
	mu         sync.Mutex
	credential Credential
	scope      sigv4.Scope
	key        sigv4.SigningKey
}

var emptySHA256 = func() string {
	sum := sha256.Sum256(nil)
	return hex.EncodeToString(sum[:])
}()

// sign signs req if the origin's access control or identity asks for it.
//
// Source: CloudFront Developer Guide, "Restrict access to an Amazon S3 origin",
// "Advanced settings for origin access control".
func (c *Client) sign(ctx context.Context, r *Request, req *http.Request, at place) error {
	a := &r.Origin.Access
	service, style := "s3", sigv4.S3
	switch {
	case a.IdentityID != "":
	case a.ControlID == "" || a.Signing == delivery.SignNever:
		return nil
	case a.Signing == delivery.SignNoOverride && r.KeepAuthorization:
		return nil
	case a.Type != "" && a.Type != "s3":
		service, style = string(a.Type), sigv4.General
	}
	payload := sigv4.UnsignedPayload
	if style == sigv4.General {
		if payload = req.Header.Get("X-Amz-Content-Sha256"); payload == "" {
			payload = emptySHA256
		}
	}
	if at.region == "" {
		at.region = defaultRegion
	}
	now := c.cfg.Clock.Now()
	s, err := c.signer(ctx, r, now, sigv4.Scope{Date: now.Format("20060102"), Region: at.region, Service: service})
	if err != nil {
		return fmt.Errorf("%w: %w", ErrSign, err)
	}
	s.Style = style
	if err := s.Sign(req, payload, now); err != nil {
		return fmt.Errorf("%w: %w", ErrSign, err)
	}
	return nil
}

// signer returns a signer for the scope, whose access key it fills in.
func (c *Client) signer(ctx context.Context, r *Request, now time.Time, scope sigv4.Scope) (sigv4.Signer, error) {
	if c.cfg.Credentials == nil {
		return sigv4.Signer{}, errors.New("there are no credentials")
	}
	a := &r.Origin.Access
	k := sessionKey{r.Distribution.ID, a.ControlID, a.IdentityID, a.CanonicalUserID}
	c.mu.Lock()
	s, ok := c.sessions[k]
	if !ok {
		s = new(session)
		c.sessions[k] = s
	}
	c.mu.Unlock()

	s.mu.Lock()
	cred, known, key := s.credential, s.scope, s.key
	s.mu.Unlock()
	if cred.Derive == nil || !now.Before(cred.Expires.Add(-renewBefore)) {
		var err error
		if cred, err = c.cfg.Credentials.Credential(ctx, r.Distribution, r.Origin); err != nil {
			return sigv4.Signer{}, err
		}
	}
	if scope.AccessKeyID = cred.AccessKeyID; scope != known {
		key = cred.Derive(scope)
		s.mu.Lock()
		s.credential, s.scope, s.key = cred, scope, key
		s.mu.Unlock()
	}
	return sigv4.Signer{Key: key, Scope: scope, SecurityToken: cred.SessionToken}, nil
}
