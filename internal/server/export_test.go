package server

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
)

// Resolve reads what a dynamic reference of a stack means.
func (s *Server) Resolve(ctx context.Context, who access.Caller, ref string) (string, error) {
	return s.resolveForStacks(ctx, who, ref)
}

// LoseRecords has the store fail from now on.
func (s *Server) LoseRecords() error { return s.state.records.Close() }
