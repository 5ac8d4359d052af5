package bucket

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

// Get says what to read.
type Get struct {
	Bucket, Key string
	VersionID   string // "" for the current version
	Range       *Range // nil for all
	// Part, if not 0, is the number of the part to read; objects that were
	// written at once are their part 1. It excludes Range.
	Part       int
	Conditions ReadConditions
	// Checksum says that the caller wants the checksum, which under SSE-KMS
	// is told only to those who may use the key.
	Checksum bool
	// Customer is the key of an object under SSE-C.
	Customer *CustomerKey
	// Described says that the call is about tags or access control, which a delete
	// marker refuses as if it had been asked for by its id.
	Described bool
}

// name is what to read as policies name it, see s3:x-amz-copy-source.
func (in *Get) name() string {
	name := in.Bucket + "/" + in.Key
	if in.VersionID != "" {
		name += "?versionId=" + in.VersionID
	}
	return name
}

func (in *Get) objectARN() string { return "arn:aws:s3:::" + in.Bucket + "/" + in.Key }

// Get opens an object. It returns ErrNoKey (access.ErrDenied to a caller that
// may not list the bucket), ErrNoVersion, ErrNotModified and *PreconditionError
// for conditions, *RangeError, *NoPartError, ErrUnsignedKMS, *KeyError, ErrCorrupt,
// ErrNoBucket and access.ErrDenied. With ErrNotModified the
// Object is not nil and tells about the object; it need not be closed.
//
// Source: Amazon S3 API Reference, GetObject.
func (s *Service) Get(ctx context.Context, who Caller, in Get) (o *Object, err error) {
	call := s.begin(&who, versioned("s3:GetObject", in.VersionID))
	defer call.End(ctx, &err)
	c, f, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return nil, err
	}
	// A write may delete the content between the look at the record and the
	// look at the blob; then there is a newer record.
	for tries := 0; ; tries++ {
		o = &Object{Info: f.info(c, in.Key), Length: f.sizeBytes}
		if err := in.Conditions.check(f.etag, f.modifiedAt(), s.cfg.Clock.Now()); err != nil {
			if errors.Is(err, ErrNotModified) {
				return o, err
			}
			return nil, err
		}
		if err := o.cut(&in, f); err != nil {
			return nil, err
		}
		err := s.open(ctx, &who, c, f, o, in.Customer)
		if errors.Is(err, store.ErrNotFound) {
			again, ferr := s.find(ctx, c, &in)
			switch {
			case ferr != nil:
				return nil, ferr
			case again == nil || again.kind != kindObject:
				return nil, s.absent(call, c, &in, again)
			case tries < 3 && (again.generation != f.generation || again.name != f.name):
				// What was decided about is gone; this one has tags of its own.
				call.about(in.VersionID, again.tags)
				if err := call.decide(c, in.Key, ""); err != nil {
					return nil, err
				}
				f = again
				continue
			}
			err = ErrCorrupt
		}
		if err != nil {
			return nil, fmt.Errorf("read object: %w", err)
		}
		return o, nil
	}
}

// Head describes an object without opening it, so that nobody needs access to
// its key; except for the checksum under SSE-KMS, see Get.Checksum. Errors are
// those of Get.
//
// Source: Amazon S3 API Reference, HeadObject.
func (s *Service) Head(ctx context.Context, who Caller, in Get) (o *Object, err error) {
	call := s.begin(&who, versioned("s3:GetObject", in.VersionID))
	defer call.End(ctx, &err)
	c, v, err := s.admitRead(ctx, call, &in)
	if err != nil {
		return nil, err
	}
	o = &Object{Info: v.info(c, in.Key), Length: v.sizeBytes}
	if err := in.Conditions.check(v.etag, v.modifiedAt(), s.cfg.Clock.Now()); err != nil {
		return o, err
	}
	if err := o.cut(&in, v); err != nil {
		return nil, err
	}
	if err := s.verifyHead(ctx, &who, c, &in, v); err != nil {
		return nil, err
	}
	return o, nil
}

// verifyHead verifies a record that is only described. Under SSE-S3 the data key
// is ours to open, under SSE-C the request has to prove its key; under SSE-KMS
// only the checksum is worth the use of the key.
func (s *Service) verifyHead(ctx context.Context, who *Caller, c *config, in *Get, f *found) error {
	if !in.Checksum && f.enc.Algorithm.KMS() {
		return f.enc.checkCustomer(in.Customer)
	}
	if err := f.enc.needCustomer(in.Customer); err != nil {
		return err
	}
	data, err := s.openRecord(ctx, who, c, in.Key, f.version, in.Customer)
	if err != nil {
		return err
	}
	data.wipe()
	return nil
}

// cut narrows o to the wanted range or part.
func (o *Object) cut(in *Get, f *found) (err error) {
	switch {
	case in.Range != nil:
		o.Offset, o.Length, err = in.Range.resolve(f.sizeBytes)
		return err
	case in.Part == 0 || in.Part == 1 && f.place != placeParts:
		return nil
	}
	for _, pt := range f.parts {
		if pt.number == in.Part {
			o.Length = pt.sizeBytes
			o.PartChecksum = pt.checksum
			return nil
		}
		o.Offset += pt.sizeBytes
	}
	return &NoPartError{Number: in.Part, Parts: max(1, len(f.parts))}
}

// versioned is the action about a version of an object where id names one:
// s3:GetObject becomes s3:GetObjectVersion, and so do its relatives.
func versioned(action policy.Action, id string) policy.Action {
	if id == "" {
		return action
	}
	return policy.Action(strings.Replace(string(action), "Object", "ObjectVersion", 1))
}

// admitRead decides about a call on a version, and finds the version. The tags
// that it has count in the decision.
func (s *Service) admitRead(ctx context.Context, call *pass, in *Get) (*config, *found, error) {
	c, err := s.config(ctx, in.Bucket)
	if err != nil {
		return nil, nil, err
	}
	if err := checkKey(in.Key); err != nil {
		return nil, nil, err
	}
	f, findErr := s.find(ctx, c, in)
	if f != nil {
		call.setVersion(in.VersionID, f.tags)
	} else {
		call.setVersion(in.VersionID, nil)
	}
	if err := call.decide(c, in.Key, ""); err != nil {
		return nil, nil, err
	}
	if err := checkVersionID(c, in.VersionID); err != nil {
		return nil, nil, err
	}
	if findErr != nil {
		return nil, nil, fmt.Errorf("read object: %w", findErr)
	}
	if f == nil || f.kind != kindObject {
		return nil, nil, s.absent(call, c, in, f)
	}
	return c, f, nil
}

// absent says that there is no object, to those who may know.
func (s *Service) absent(call *pass, c *config, in *Get, f *found) error {
	if f != nil && in.VersionID != "" {
		return &DeleteMarkerError{VersionID: f.id, Modified: f.modifiedAt(), Named: true}
	}
	// Whether a key exists is for those to know who may list it.
	call.Keys.Set("s3:prefix", in.Key)
	if !call.Allows(call.target(c, "", "s3:ListBucket")) {
		return &access.Denied{Message: "Access Denied"}
	}
	switch {
	case f != nil:
		return &DeleteMarkerError{VersionID: f.id, Modified: f.modifiedAt(), Named: in.Described}
	case in.VersionID != "":
		return ErrNoVersion
	}
	return ErrNoKey
}

// found is a version with what its reading needs from the records.
type found struct {
	*stored
	parts  []*part           // of a multipart object
	inline map[string][]byte // sealed bytes that lie in records, by their names
}

// find reads the wanted version, and what else of it lies in the records, from
// one snapshot; nil if there is none.
func (s *Service) find(ctx context.Context, c *config, in *Get) (f *found, err error) {
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		f = nil
		v, err := readVersion(tx, c, in.Key, in.VersionID)
		if err != nil || v == nil {
			return err
		}
		f = &found{stored: v}
		return f.load(tx)
	})
	return f, err
}

func (f *found) load(tx store.Reader) error {
	f.inline = make(map[string][]byte)
	switch f.place {
	case placeInline:
		return f.loadInline(tx, f.generation)
	case placeParts:
		manifest, err := tx.Get(spaceManifest, f.generation)
		if errors.Is(err, store.ErrNotFound) {
			return ErrCorrupt
		}
		if err != nil {
			return err
		}
		// Its MAC covers the sum; that is verified before anything is read.
		if sum := sha256.Sum256(manifest); !bytes.Equal(sum[:], f.manifest) {
			return ErrCorrupt
		}
		if f.parts, err = decodeManifest(manifest); err != nil {
			return ErrCorrupt
		}
		for _, pt := range f.parts {
			if pt.place == placeInline {
				if err := f.loadInline(tx, pt.attempt); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (f *found) loadInline(tx store.Reader, name string) error {
	b, err := tx.Get(spaceInline, name)
	if errors.Is(err, store.ErrNotFound) {
		return ErrCorrupt
	}
	f.inline[name] = b
	return err
}

// gone tells whether a version is no longer where it was found.
func (s *Service) gone(ctx context.Context, f *stored) bool {
	var now *stored
	err := s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		now, err = readStored(tx, f.space, f.name)
		return err
	})
	return err == nil && (now == nil || now.generation != f.generation)
}

// openRecord unwraps the data key and verifies that the record is the one that
// was written with it, for this key of this bucket.
func (s *Service) openRecord(ctx context.Context, who *Caller, c *config, key string, v *version, customer *CustomerKey) (dataKey, error) {
	data, err := s.openDataKey(ctx, who, c, key, v, customer)
	if err != nil {
		return dataKey{}, err
	}
	if !hmac.Equal(v.mac, authenticate(data, c, key, v.signed)) {
		data.wipe()
		return dataKey{}, ErrCorrupt
	}
	return data, nil
}
