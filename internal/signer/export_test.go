package signer

import "context"

// NoteUses does what Run does every minute.
func NoteUses(s *Service, ctx context.Context) { s.noteUses(ctx) }

// Refresh does what Run does every second.
func Refresh(s *Service, ctx context.Context) error { return s.refresh(ctx) }

// Covers and Normal open a window on the comparison of resources.
var (
	Covers       = covers
	Normal       = normal
	CheckPattern = checkPattern
)
