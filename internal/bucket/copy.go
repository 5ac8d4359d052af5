package bucket

import (
	"cmp"
	"context"
	"errors"
	"io"
)

// Copy says what to copy where.
type Copy struct {
	// Source is what to read; its Range must be nil.
	Source Get
	// To is the new object. Its Body, SizeBytes and Digests are filled by Copy;
	// a checksum algorithm may be asked for.
	To Put
	// Metadata says to keep To.Metadata in place of the source's.
	ReplaceMetadata bool
	// Tags says to keep To.Tags in place of the source's.
	ReplaceTags bool
}

// Copied is the new object, and the version that it was copied from; empty where
// the source's bucket never kept versions.
type Copied struct {
	Info
	SourceVersionID string
}

// Copy writes an object with the content of another one. The caller needs to be
// able to read the source, with its tags if the copy gets them, and to write the new
// object; the bytes are sealed anew under a data key of their own. Conditions on the
// source that do not hold are *PreconditionError, never ErrNotModified. Else errors
// are those of Get, about the source, and Put; and ErrCopyToItself, ErrCopyTooLarge
// and ErrCopyOfMarker.
//
// Source: Amazon S3 API Reference, CopyObject.
func (s *Service) Copy(ctx context.Context, who Caller, in Copy) (Copied, error) {
	src, err := s.copySource(ctx, who, in.Source)
	if err != nil {
		return Copied{}, err
	}
	defer src.Close()
	if in.changesNothing() && src.Encryption.Algorithm == S3Managed {
		// A default that somebody set counts as another one.
		if c, err := s.config(ctx, in.To.Bucket); err != nil || c.Encryption == nil {
			return Copied{}, cmp.Or(err, ErrCopyToItself)
		}
	}
	if src.SizeBytes > MaxObjectBytes {
		return Copied{}, ErrCopyTooLarge
	}
	if !in.ReplaceTags && len(src.Tags) > 0 {
		if _, err := s.Inspect(ctx, who, in.Source, "s3:GetObjectTagging"); err != nil {
			return Copied{}, err
		}
	}
	to := in.To
	to.CopySource, to.source = in.Source.name(), in.Source.objectARN()
	to.Body, to.SizeBytes = src, src.SizeBytes
	if to.Digests.Algorithm == NoChecksum {
		to.Digests.Algorithm = src.Checksum.Algorithm
	}
	if !in.ReplaceMetadata {
		to.Metadata = src.Metadata
		to.Metadata.Redirect = in.To.Metadata.Redirect
	}
	if !in.ReplaceTags {
		to.Tags = src.Tags
	}
	info, err := s.Put(ctx, who, to)
	return Copied{Info: info, SourceVersionID: src.VersionID}, err
}

// changesNothing tells whether the copy is onto itself, and asks for no change.
func (in *Copy) changesNothing() bool {
	w := in.To.Encryption
	return in.Source.Bucket == in.To.Bucket && in.Source.Key == in.To.Key && in.Source.VersionID == "" && !in.ReplaceMetadata &&
		in.To.Metadata.Redirect == "" && in.To.StorageClass == "" && w.Algorithm == "" && w.BucketKey == nil && w.Customer == nil && in.Source.Customer == nil
}

// copySource is Get with the errors that it has where it is a copy's; those that it
// has elsewhere too come in a *SourceError.
func (s *Service) copySource(ctx context.Context, who Caller, in Get) (*Object, error) {
	src, err := s.Get(ctx, who, in)
	var (
		outside   *RangeError
		condition *PreconditionError
		marker    *DeleteMarkerError
	)
	switch {
	case err == nil:
		return src, nil
	case errors.As(err, &outside):
		return nil, &CopyRangeError{outside.Requested, outside.SizeBytes, true}
	case src != nil && in.Conditions.IfNoneMatch == "": // not modified
		return nil, &PreconditionError{"x-amz-copy-source-If-Modified-Since"}
	case src != nil:
		return nil, &PreconditionError{"x-amz-copy-source-If-None-Match"}
	case errors.As(err, &condition):
		return nil, &PreconditionError{"x-amz-copy-source-" + condition.Condition}
	case errors.As(err, &marker) && marker.Named:
		return nil, ErrCopyOfMarker
	}
	return nil, &SourceError{in, err}
}

// failingReader is a body that cannot be had.
type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// noteSource keeps in the record of a write what it is a copy of.
func (k *pass) noteSource(name, arn string) {
	if arn != "" {
		k.Note("x-amz-copy-source", name)
		k.On(arn)
	}
}

// CopyPart says what to copy into which part.
type CopyPart struct {
	Source Get
	Upload UploadRef
	Number int
	// Customer is the key of an upload under SSE-C; the source's is in Source.
	Customer *CustomerKey
}

// CopyPart uploads a part from an object, or a range of one. Its errors are
// those of Get, with conditions as in Copy and *CopyRangeError for *RangeError,
// and of PutPart.
//
// Source: Amazon S3 API Reference, UploadPartCopy.
func (s *Service) CopyPart(ctx context.Context, who Caller, in CopyPart) (Part, error) {
	src, err := s.copySource(ctx, who, in.Source)
	if err != nil {
		return Part{}, err
	}
	defer src.Close()
	body := io.Reader(src)
	// A part is never silently shorter than was asked for. It is the write that
	// fails, so that it is recorded as such.
	if r := in.Source.Range; r != nil && r.Last >= src.SizeBytes {
		body = failingReader{&CopyRangeError{Requested: r.Requested, SizeBytes: src.SizeBytes}}
	}
	p, err := s.PutPart(ctx, who, PutPart{
		Upload: in.Upload, Number: in.Number, Body: body, SizeBytes: src.Length, Customer: in.Customer,
		CopySource: in.Source.name(), source: in.Source.objectARN(),
	})
	p.SourceVersionID = src.VersionID
	return p, err
}
