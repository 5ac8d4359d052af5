package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

const space store.Space = "audit"

// progressKey names the record, which docs/spec/auditlog.md describes.
const progressKey = "archive"

// progress is how far an archive has come.
type progress struct {
	Place string `json:"place"`
	// Next is the number of the first record that is not in the archive.
	Next uint64 `json:"next"`
	// Newest is when the newest record was made of those that were removed.
	Newest time.Time `json:"newest,omitzero"`
}

func readProgress(ctx context.Context, records store.Records) (p progress, err error) {
	err = records.View(ctx, func(tx store.Reader) error {
		b, err := tx.Get(space, progressKey)
		if errors.Is(err, store.ErrNotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := json.Unmarshal(b, &p); err != nil {
			return fmt.Errorf("archive: record %q: %w", progressKey, err)
		}
		return nil
	})
	return p, err
}

func (a *Archive) save(ctx context.Context, p progress) error {
	b, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	err = a.cfg.Records.Update(ctx, func(tx store.Writer) error { return tx.Put(space, progressKey, b) })
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.progress = p
	return nil
}
