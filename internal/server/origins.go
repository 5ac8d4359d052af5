package server

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	cloudFront = "cloudfront.amazonaws.com"
	// originSessionLife is how long the edge's credentials for one origin last.
	originSessionLife = time.Hour
)

// originCredentials gives the edge its sessions: as the service that acts for a
// distribution, or as a distribution's origin access identity.
type originCredentials struct {
	identity *identity.Service
	clock    *clock.Clock
}

var _ origin.Credentials = originCredentials{}

// Credential makes a session for requests to o.
func (c originCredentials) Credential(_ context.Context, d *delivery.Distribution, o *delivery.Origin) (origin.Credential, error) {
	expires := c.clock.Now().Add(originSessionLife)
	var key identity.AccessKey
	var err error
	if o.Access.IdentityID != "" {
		key, err = c.identity.OriginIdentitySession(o.Access.IdentityID, o.Access.CanonicalUserID, expires)
	} else {
		key, err = c.identity.ServiceSession(cloudFront, d.ARN, d.Account, expires)
	}
	if err != nil {
		return origin.Credential{}, err
	}
	return origin.Credential{
		AccessKeyID: key.ID, SessionToken: key.SessionToken, Expires: expires,
		Derive: func(s sigv4.Scope) sigv4.SigningKey { return sigv4.DeriveKey(key.Secret.Reveal(), s) },
	}, nil
}

// ownBuckets finds this server's buckets behind the names of origins.
type ownBuckets struct {
	buckets  *bucket.Service
	endpoint string
	header   func(scheme string) http.Header
}

var _ origin.Buckets = ownBuckets{}

// hopHeader is what the edge and its functions show the front, which they reach
// without TLS, about a request by scheme.
func (s *Server) hopHeader(scheme string) http.Header {
	return http.Header{front.HopHeader: {s.hop + " " + scheme}}
}

func (s *Server) ownBuckets() ownBuckets {
	return ownBuckets{s.buckets, s.APIURL(), func(scheme string) http.Header { return s.hopHeader(scheme + " s3") }}
}

// Locate says where the bucket called name is served.
func (b ownBuckets) Locate(ctx context.Context, name string) (origin.Location, bool, error) {
	found, err := b.buckets.Lookup(ctx, name)
	if errors.Is(err, bucket.ErrNoBucket) {
		return origin.Location{}, false, nil
	}
	if err != nil {
		return origin.Location{}, false, err
	}
	return origin.Location{Region: found.Region, Endpoint: b.endpoint, Header: b.header}, true, nil
}
