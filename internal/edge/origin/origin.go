// Package origin fetches what a viewer asked for from where it lives: a bucket
// of this server, or any HTTP server. It knows connections, attempts, timeouts
// and signatures; what may be asked, and what is kept of the answer, is for the
// edge to say.
package origin

import (
	"context"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Credentials gives out the credentials that origin requests are signed with.
// It is safe for concurrent use.
type Credentials interface {
	// Credential returns temporary credentials for requests to o, an origin of d
	// with an access control (then they stand for the service
	// cloudfront.amazonaws.com acting for d.ARN of d.Account) or an access
	// identity (then for o.Access.IdentityID and o.Access.CanonicalUserID). Who
	// the requests come from is bound to the credentials and to nothing that a
	// request could say.
	//
	// Each answer is used until shortly before it expires, so making one may be slow.
	Credential(ctx context.Context, d *delivery.Distribution, o *delivery.Origin) (Credential, error)
}

// Credential is one temporary access key.
type Credential struct {
	AccessKeyID  string
	SessionToken string
	// Derive makes the signing key of a scope. The secret stays with whoever
	// made the Credential.
	Derive func(sigv4.Scope) sigv4.SigningKey
	// Expires is when requests signed with it begin to be refused.
	Expires time.Time
}

// Buckets says which buckets live on this server. It is safe for concurrent use.
type Buckets interface {
	// Locate returns where the bucket called name is served, and false if this
	// server has none. With an error, nothing is asked of anybody.
	Locate(ctx context.Context, name string) (Location, bool, error)
}

// Location is where a bucket of this server is served.
type Location struct {
	// Region is the bucket's region, which its requests are signed for.
	Region string
	// Endpoint is the base URL of the API that serves it, for instance
	// "http://127.0.0.1:4566". The Host header stays the origin's domain name.
	Endpoint string
	// Header is added to requests that go to the origin by scheme, "http" or "https".
	// The way to Endpoint has no TLS, and the API asks policies as if it were that
	// scheme's. Nil adds none.
	Header func(scheme string) http.Header
}
