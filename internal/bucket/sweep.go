package bucket

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Blobs of objects are named
//
//	s3/<day>/<second>-<32 hexadecimal digits>
//
// where day and second count from 1970, in hexadecimal. The time is the
// machine's: how old a blob is that nobody names has nothing to do with the
// clock that objects are dated by.
const blobPrefix = "s3/"

func newBlobName(now time.Time) string {
	var id [16]byte
	rand.Read(id[:])
	sec := now.Unix()
	return blobPrefix + strconv.FormatInt(sec/86400, 16) + "/" + strconv.FormatInt(sec, 16) + "-" + hex.EncodeToString(id[:])
}

func blobTime(name string) (time.Time, bool) {
	_, leaf, ok := strings.Cut(strings.TrimPrefix(name, blobPrefix), "/")
	if !ok {
		return time.Time{}, false
	}
	digits, _, ok := strings.Cut(leaf, "-")
	if !ok {
		return time.Time{}, false
	}
	sec, err := strconv.ParseInt(digits, 16, 64)
	return time.Unix(sec, 0), err == nil
}

func (s *Service) sweepLoop(ctx context.Context) {
	tick := time.NewTicker(s.cfg.SweepEvery)
	defer tick.Stop()
	for {
		n, err := s.Sweep(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			s.cfg.Log.LogAttrs(ctx, slog.LevelError, "sweep failed", slog.Any("error", err))
		case n > 0:
			s.cfg.Log.LogAttrs(ctx, slog.LevelInfo, "orphaned blobs deleted", slog.Int("count", n))
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

const (
	// sweepBatch is how many names one transaction looks up.
	sweepBatch = 1000
	// maxSwept bounds the memory of one sweep; the next one goes on.
	maxSwept = 100_000
)

// Sweep deletes the blobs of objects that no record names: what a crash, or a
// write that failed late, left behind. It returns how many. It runs by itself
// at the start and in the background; calling it as well does no harm.
func (s *Service) Sweep(ctx context.Context) (deleted int, err error) {
	var orphans, batch []string
	flush := func() error {
		unnamed, err := s.unnamed(ctx, batch)
		orphans = append(orphans, unnamed...)
		batch = batch[:0]
		return err
	}
	for blob, err := range s.cfg.Blobs.List(ctx, blobPrefix) {
		if err != nil {
			return 0, fmt.Errorf("sweep: %w", err)
		}
		if !s.maySweep(blob.Name) {
			continue
		}
		if batch = append(batch, blob.Name); len(batch) == sweepBatch {
			if err := flush(); err != nil {
				return 0, fmt.Errorf("sweep: %w", err)
			}
		}
		if len(orphans) >= maxSwept {
			break
		}
	}
	if err := flush(); err != nil {
		return 0, fmt.Errorf("sweep: %w", err)
	}
	for _, name := range orphans {
		if err := s.cfg.Blobs.Delete(ctx, name); err != nil {
			return deleted, fmt.Errorf("sweep: %w", err)
		}
		deleted++
	}
	return deleted, nil
}

// maySweep tells whether a blob without a name in the records is an orphan and
// not one that somebody is still writing. A blob in flight here is named, or
// given up, before it leaves the flights; so look at the flights first and at
// the records afterwards.
func (s *Service) maySweep(name string) bool {
	if s.flights.pinned(name) {
		return false
	}
	made, ok := blobTime(name)
	return ok && (s.cfg.SoleWriter || time.Since(made) > s.cfg.OrphanAge)
}

func (s *Service) unnamed(ctx context.Context, names []string) (list []string, err error) {
	if len(names) == 0 {
		return nil, nil
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		list = nil
		for _, name := range names {
			_, err := tx.Get(spaceBlob, name)
			switch {
			case errors.Is(err, store.ErrNotFound):
				list = append(list, name)
			case err != nil:
				return err
			}
		}
		return nil
	})
	return list, err
}
