package edge

import (
	"crypto/tls"
	"fmt"

	"github.com/keyfront-project/keyfront/internal/certificate"
	"github.com/keyfront-project/keyfront/internal/delivery"
)

// terms are what a distribution demands of the connections of its viewers. A
// connection is made on the terms of the distribution that its SNI names, and
// carries requests to those with equal terms only: else the name in a handshake
// would choose how safely another distribution's content travels.
type terms struct {
	certificate string // ARN; empty for whichever is good for the name
	security    string
	http2       bool
}

// defaultTerms are those of viewers that name no distribution.
var defaultTerms = terms{http2: true}

func termsOf(d *delivery.Distribution) terms {
	if d == nil {
		return defaultTerms
	}
	return terms{d.Certificate.ARN, d.Certificate.Security, d.HTTP2}
}

// TLS returns the configuration of a listener for viewers by https: each
// distribution has its certificate, its security policy and its HTTP versions.
//
// Source: CloudFront Developer Guide, "Supported protocols and ciphers between
// viewers and CloudFront".
func (e *Edge) TLS(certificates *certificate.Set) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS10, // of those that GetConfigForClient returns
		NextProtos: []string{"h2", "http/1.1"},
		GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			t := termsOf(e.cfg.Feed.Snapshot().Lookup(hostOf(hello.ServerName)))
			named := certificates.Named(t.certificate)
			if len(named) == 0 {
				return nil, fmt.Errorf("edge: no certificate has the ARN %s any more", t.certificate)
			}
			return t.config(named), nil
		},
	}
}

func (t terms) config(certificates []tls.Certificate) *tls.Config {
	c := &tls.Config{Certificates: certificates, NextProtos: []string{"http/1.1"}}
	if t.http2 {
		c.NextProtos = []string{"h2", "http/1.1"}
	}
	c.MinVersion, c.CipherSuites = delivery.Security(t.security)
	return c
}

// misdirected reports whether a viewer came to d by a connection made on other
// terms. A connection that a trusted proxy made says nothing about the viewer's.
func (q *question) misdirected(s *delivery.Snapshot, d *delivery.Distribution) bool {
	if q.connection == nil || q.sender.Proxied {
		return false
	}
	named := s.Lookup(hostOf(q.connection.ServerName))
	return named != d && termsOf(named) != termsOf(d)
}
