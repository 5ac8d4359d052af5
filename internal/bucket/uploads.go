package bucket

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Parts lists the parts of an upload after the one with the number: at most max
// of them, which is at most MaxListed.
//
// Source: Amazon S3 API Reference, ListParts.
func (s *Service) Parts(ctx context.Context, who Caller, ref UploadRef, after, max int) (u Upload, list []Part, more bool, err error) {
	call := s.begin(&who, "s3:ListMultipartUploadParts")
	defer call.End(ctx, &err)
	c, v, err := s.admitUpload(ctx, call, ref)
	if err != nil {
		return Upload{}, nil, false, err
	}
	max = min(max, MaxListed)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		parts, err := readParts(tx, v.generation, after, max+1)
		if err != nil {
			return err
		}
		list, more = nil, len(parts) > max
		for _, pt := range parts[:min(len(parts), max)] {
			p := pt.part()
			p.Wanted = v.checksum.Algorithm != NoChecksum
			list = append(list, p)
		}
		return nil
	})
	return v.upload(c.name, ref.Key), list, more, err
}

// UploadPage asks for a page of a bucket's uploads.
type UploadPage struct {
	Bucket, Prefix, Delimiter string
	// AfterKey and AfterID exclude the uploads up to and with this one; without
	// AfterID, all uploads of AfterKey, and the common prefix that it lies under.
	AfterKey, AfterID string
	Max               int
}

// UploadListing is a page of uploads in order of their keys and, for one key,
// of their beginnings.
type UploadListing struct {
	Uploads  []Upload
	Prefixes []string
	More     bool
	// NextKey and NextID continue after this page.
	NextKey, NextID string
}

// Uploads lists the uploads of a bucket that are under way.
//
// Source: Amazon S3 API Reference, ListMultipartUploads.
func (s *Service) Uploads(ctx context.Context, who Caller, in UploadPage) (page UploadListing, err error) {
	call := s.begin(&who, "s3:ListBucketMultipartUploads")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, in.Bucket, "")
	if err != nil {
		return UploadListing{}, err
	}
	in.Max = min(in.Max, MaxListed)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		page = UploadListing{}
		return in.scan(tx, c, &page)
	})
	return page, err
}

func (in *UploadPage) scan(tx store.Reader, c *config, page *UploadListing) error {
	names := List{Prefix: in.Prefix, Delimiter: in.Delimiter}
	all := store.Prefix(objectKey(c.ID, escapeKey(in.Prefix)))
	next := all.From
	if in.AfterKey != "" {
		after := objectKey(c.ID, escapeKey(in.AfterKey))
		generation, err := decodeUploadID(in.AfterID)
		switch p, rolled := names.rollUp(in.AfterKey); {
		case rolled:
			after = store.Prefix(objectKey(c.ID, escapeKey(p))).To
		case err == nil:
			after += keyEnd + generation + "\x00"
		default:
			after = store.Prefix(after + keyEnd).To
		}
		next = max(next, after)
	}
	for again := true; again; {
		again = false
		for rec, err := range tx.Scan(spaceUpload, store.Range{From: next, To: all.To}) {
			if err != nil {
				return err
			}
			key, generation, ok := splitUploadKey(rec.Key)
			if !ok {
				return errRecord
			}
			if len(page.Uploads)+len(page.Prefixes) >= in.Max {
				page.More = in.Max > 0
				return nil
			}
			if p, rolled := names.rollUp(key); rolled {
				page.Prefixes = append(page.Prefixes, p)
				page.NextKey, page.NextID = p, ""
				next = store.Prefix(objectKey(c.ID, escapeKey(p))).To
				again = true
				break
			}
			v, err := decodeVersion(rec.Value)
			if err != nil {
				return err
			}
			page.Uploads = append(page.Uploads, v.upload(c.name, key))
			page.NextKey, page.NextID = key, encodeUploadID(generation)
		}
	}
	return nil
}
