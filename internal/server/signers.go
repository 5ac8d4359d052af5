package server

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/internal/signer"
	"github.com/keyfront-project/keyfront/signedurl"
)

// openSigners opens the signing profiles over the key service, the control plane
// and what the edge sees.
func (s *Server) openSigners(ctx context.Context) (*signer.Service, error) {
	return signer.Open(ctx, signer.Config{
		Records: s.state.records, Gate: s.gate, Clock: s.clock, Log: s.log, Keys: s.keys, Groups: s.delivery,
		Seen: func(id string) (first, last time.Time) {
			if s.edge == nil { // no request came yet
				return first, last
			}
			use := s.edge.KeyUse(signedurl.KeyID(id))
			return use.First, use.Last
		},
	})
}
