package bucket

import (
	"context"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/store"
)

// VersionPage asks for a page of the versions of a bucket's objects.
type VersionPage struct {
	Bucket, Prefix, Delimiter string
	// AfterKey and AfterID exclude the versions up to and with this one; without
	// AfterID, all versions of AfterKey, and the common prefix that it lies under.
	AfterKey, AfterID string
	Max               int
}

// ListedVersion is a version or delete marker as listings show it.
type ListedVersion struct {
	Listed
	VersionID    string
	Latest       bool
	DeleteMarker bool
}

// VersionListing is a page of versions in order of their keys and, for one key,
// from the newest to the oldest.
type VersionListing struct {
	Versions []ListedVersion
	Prefixes []string
	More     bool
	// NextKey and NextID continue after this page.
	NextKey, NextID string
}

// ListVersions returns a page of the versions of the bucket's objects. It costs
// memory and work for the page only.
//
// It returns ErrInvalidVersion, ErrNoBucket and access.ErrDenied.
//
// Source: Amazon S3 API Reference, ListObjectVersions.
func (s *Service) ListVersions(ctx context.Context, who Caller, in VersionPage) (page VersionListing, err error) {
	call := s.begin(&who, "s3:ListBucketVersions")
	defer call.End(ctx, &err)
	call.setListKeys(in.Prefix, in.Delimiter, in.Max)
	c, err := s.decideBucket(ctx, call, in.Bucket, "")
	if err != nil {
		return VersionListing{}, err
	}
	if err := checkVersionID(c, in.AfterID); err != nil {
		return VersionListing{}, err
	}
	if in.Max = min(in.Max, MaxListed); in.Max <= 0 {
		return VersionListing{}, nil
	}
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		page = VersionListing{}
		return in.scan(tx, c, &page)
	})
	if err != nil {
		return VersionListing{}, fmt.Errorf("list versions of bucket %s: %w", in.Bucket, err)
	}
	return page, nil
}

func (in *VersionPage) scan(tx store.Reader, c *config, page *VersionListing) error {
	names := List{Prefix: in.Prefix, Delimiter: in.Delimiter}
	base := objectKey(c.ID, "")
	all := store.Prefix(base + in.Prefix)
	next := all.From
	if in.AfterKey != "" {
		after := base + in.AfterKey + "\x00"
		p, rolled := names.rollUp(in.AfterKey)
		if rolled {
			after = base + pastPrefix(p)
		}
		next = max(next, after)
		// The caller names the key: it may be none that the page may hold.
		if in.AfterID != "" && !rolled && strings.HasPrefix(in.AfterKey, in.Prefix) {
			if full, err := in.scanOlder(tx, c, in.AfterKey, in.AfterID, page); full || err != nil {
				return err
			}
		}
	}
	for again := true; again; {
		again = false
		for rec, err := range scanCurrent(tx, c, store.Range{From: next, To: all.To}) {
			if err != nil {
				return err
			}
			key := rec.Key[len(base):]
			if p, rolled := names.rollUp(key); rolled {
				if page.full(in.Max) {
					return nil
				}
				page.Prefixes = append(page.Prefixes, p)
				page.NextKey, page.NextID = p, ""
				next = base + pastPrefix(p)
				again = true
				break
			}
			if full, err := page.add(in.Max, key, rec.Value, true); full || err != nil {
				return err
			}
			if c.Versioning == Unversioned {
				continue
			}
			if full, err := in.scanOlder(tx, c, key, "", page); full || err != nil {
				return err
			}
		}
	}
	return nil
}

// scanOlder adds the older versions of a key, after the one with the id.
func (in *VersionPage) scanOlder(tx store.Reader, c *config, key, afterID string, page *VersionListing) (full bool, err error) {
	r := store.Prefix(olderKeys(c, key))
	if afterID != "" {
		v, err := readVersion(tx, c, key, afterID)
		if err != nil {
			return false, err
		}
		switch sequence, generation, ok := parseVersionID(afterID); {
		case v != nil && v.space == spaceVersion:
			r = r.After(v.name)
		case v == nil && ok: // removed since the page before
			r = r.After(olderKeys(c, key) + olderSuffix(sequence, generation))
		}
	}
	for rec, err := range tx.Scan(spaceVersion, r) {
		if err != nil {
			return false, err
		}
		if full, err := page.add(in.Max, key, rec.Value, false); full || err != nil {
			return full, err
		}
	}
	return false, nil
}

func (page *VersionListing) full(limit int) bool {
	page.More = len(page.Versions)+len(page.Prefixes) >= limit
	return page.More
}

func (page *VersionListing) add(limit int, key string, value []byte, latest bool) (full bool, err error) {
	if page.full(limit) {
		return true, nil
	}
	var v version
	if err := decodeHead(value, &v); err != nil {
		return false, fmt.Errorf("object %q: %w", key, err)
	}
	page.Versions = append(page.Versions, ListedVersion{
		Listed: v.listed(key), VersionID: v.id, Latest: latest, DeleteMarker: v.kind == kindDeleteMarker,
	})
	page.NextKey, page.NextID = key, v.id
	return false, nil
}
