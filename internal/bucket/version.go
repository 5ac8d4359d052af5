package bucket

import (
	"cmp"
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"

	"github.com/keyfront-project/keyfront/internal/store"
)

// Versioning says whether a bucket keeps what is overwritten and deleted.
type Versioning string

const (
	// Unversioned is a bucket that never kept versions.
	Unversioned Versioning = ""
	// VersioningEnabled gives every write a version of its own.
	VersioningEnabled Versioning = "Enabled"
	// VersioningSuspended keeps the versions there are; new writes take the
	// place of the one whose id is NullVersion.
	VersioningSuspended Versioning = "Suspended"
)

// MFADelete says whether removing versions takes a second factor.
type MFADelete string

// MFADeleteDisabled is the only one there is, next to none.
const MFADeleteDisabled MFADelete = "Disabled"

// VersioningSetting is how a bucket keeps versions.
type VersioningSetting struct {
	Status Versioning
	// MFADelete is empty until one was set, and does no more than that it is read
	// back.
	MFADelete MFADelete
}

// Versioning returns whether the bucket keeps versions.
func (s *Service) Versioning(ctx context.Context, who Caller, name string) (v VersioningSetting, err error) {
	call := s.begin(&who, "s3:GetBucketVersioning")
	defer call.End(ctx, &err)
	c, err := s.decideBucket(ctx, call, name, "")
	if err != nil {
		return v, err
	}
	return VersioningSetting{Status: c.Versioning, MFADelete: c.MFADelete}, nil
}

// SetVersioning enables or suspends versioning; nothing brings Unversioned back.
// An empty MFADelete leaves what was set. It returns ErrUnsupported about any but
// MFADeleteDisabled.
//
// Source: Amazon S3 API Reference, PutBucketVersioning.
func (s *Service) SetVersioning(ctx context.Context, who Caller, name string, v VersioningSetting) (err error) {
	call := s.begin(&who, "s3:PutBucketVersioning")
	defer call.End(ctx, &err)
	call.Note("Status", string(v.Status))
	if v.MFADelete != "" && v.MFADelete != MFADeleteDisabled {
		return fail(ErrUnsupported, "MfaDelete %s", v.MFADelete)
	}
	return s.setConfig(ctx, call, name, func(c *config) {
		if c.Versioning == Unversioned {
			c.MarkersApart = true // it has none yet
		}
		c.Versioning, c.MFADelete = v.Status, cmp.Or(v.MFADelete, c.MFADelete)
	})
}

// A version id is base64url, 32 characters, of the version's sequence number (8
// bytes, big-endian) and its generation. A version's number is one more than
// that of the version it followed, so the versions of a key order as they were
// written, whatever the clock says.

func newVersionID(sequence uint64, generation string) string {
	b := binary.BigEndian.AppendUint64(nil, sequence)
	return base64.RawURLEncoding.EncodeToString(append(b, generation...))
}

func parseVersionID(id string) (sequence uint64, generation string, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(id)
	if err != nil || len(b) != 8+generationBytes {
		return 0, "", false
	}
	return binary.BigEndian.Uint64(b), string(b[8:]), true
}

// checkVersionID tells what cannot be the id of a version in the bucket: in one that
// never kept versions, all but NullVersion.
func checkVersionID(c *config, id string) error {
	if id == "" || id == NullVersion {
		return nil
	}
	if _, _, ok := parseVersionID(id); !ok || c.Versioning == Unversioned {
		return ErrInvalidVersion
	}
	return nil
}

// olderKeys is the prefix of what spaceVersion holds of a key.
func olderKeys(c *config, key string) string { return objectKey(c.ID, escapeKey(key)) + keyEnd }

// olderSuffix follows the prefix: the number comes inverted, so that the newest
// version is first.
func olderSuffix(sequence uint64, generation string) string {
	return string(binary.BigEndian.AppendUint64(nil, ^sequence)) + generation
}

const olderSuffixBytes = 8 + generationBytes

// stored is a version and the record that holds it.
type stored struct {
	*version
	space store.Space
	name  string
}

// put writes the version's record anew, where it is.
func (v *stored) put(tx store.Writer) error { return tx.Put(v.space, v.name, v.encode()) }

// readVersion reads a version of a key, the current one if id is empty; nil if
// there is none.
func readVersion(tx store.Reader, c *config, key, id string) (*stored, error) {
	v, err := readStored(tx, spaceObject, objectKey(c.ID, key))
	if v == nil && err == nil && c.Versioning != Unversioned {
		v, err = readStored(tx, spaceMarker, objectKey(c.ID, key))
	}
	if err != nil || id == "" || v != nil && v.id == id {
		return v, err
	}
	suffix := ""
	if id == NullVersion {
		b, err := tx.Get(spaceNull, objectKey(c.ID, key))
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		suffix = string(b)
	} else if sequence, generation, ok := parseVersionID(id); ok {
		suffix = olderSuffix(sequence, generation)
	} else {
		return nil, nil
	}
	v, err = readStored(tx, spaceVersion, olderKeys(c, key)+suffix)
	if v != nil && v.id != id {
		return nil, errRecord
	}
	return v, err
}

func readStored(tx store.Reader, space store.Space, name string) (*stored, error) {
	value, err := tx.Get(space, name)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	v, err := decodeVersion(value)
	if err != nil {
		return nil, err
	}
	return &stored{v, space, name}, nil
}

// newestOlder reads the version that was current before the current one; nil if
// there is none.
func newestOlder(tx store.Reader, c *config, key string) (*stored, error) {
	for rec, err := range tx.Scan(spaceVersion, store.Prefix(olderKeys(c, key))) {
		if err != nil {
			return nil, err
		}
		v, err := decodeVersion(rec.Value)
		if err != nil {
			return nil, err
		}
		return &stored{v, spaceVersion, rec.Key}, nil
	}
	return nil, nil
}

// sequence is the number of the current version.
func (v *stored) sequence(tx store.Reader, c *config, key string) (uint64, error) {
	if n, _, ok := parseVersionID(v.id); ok {
		return n, nil
	}
	before, err := newestOlder(tx, c, key)
	if err != nil || before == nil {
		return 1, err
	}
	suffix := before.name[len(olderKeys(c, key)):]
	if len(suffix) != olderSuffixBytes {
		return 0, errRecord
	}
	return ^binary.BigEndian.Uint64([]byte(suffix)) + 1, nil
}

// currentSpace is where v is kept while it is the current version of its key.
// Markers have a space of their own, so that a listing of objects reads none.
func (v *version) currentSpace() store.Space {
	if v.kind == kindDeleteMarker {
		return spaceMarker
	}
	return spaceObject
}

// putCurrent writes v as the current version of a key; that of before, if it lay
// elsewhere, is gone already.
func (v *version) putCurrent(tx store.Writer, c *config, key string) error {
	return tx.Put(v.currentSpace(), objectKey(c.ID, key), v.encode())
}

// supersede makes room for v as the current version of a key, in the bucket as
// the transaction reads it, and gives v its id. It returns the blobs to delete
// once the transaction is committed.
func supersede(tx store.Writer, c *config, key string, v *version) (old []string, err error) {
	current, err := readVersion(tx, c, key, "")
	if err != nil {
		return nil, err
	}
	if current != nil && current.space != v.currentSpace() {
		if err := tx.Delete(current.space, current.name); err != nil {
			return nil, err
		}
	}
	next := uint64(1)
	switch {
	case current == nil:
	case c.Versioning == VersioningEnabled || current.id != NullVersion:
		n, err := current.sequence(tx, c, key)
		if err != nil {
			return nil, err
		}
		next = n + 1
		suffix := olderSuffix(n, current.generation)
		if err := tx.Put(spaceVersion, olderKeys(c, key)+suffix, current.encode()); err != nil {
			return nil, err
		}
		if current.id == NullVersion {
			if err := tx.Put(spaceNull, objectKey(c.ID, key), []byte(suffix)); err != nil {
				return nil, err
			}
		}
	default:
		if old, err = dropContent(tx, current.version); err != nil {
			return nil, err
		}
	}
	if c.Versioning == VersioningEnabled {
		v.id = newVersionID(next, v.generation)
		return old, nil
	}
	v.id = NullVersion
	if current == nil || current.id == NullVersion {
		return old, nil
	}
	null, err := readVersion(tx, c, key, NullVersion)
	if err != nil || null == nil {
		return old, err
	}
	more, err := null.remove(tx, c, key)
	return append(old, more...), err
}

// remove removes a version for good. If it is the current one, the one before it
// becomes current.
func (v *stored) remove(tx store.Writer, c *config, key string) (old []string, err error) {
	if old, err = dropContent(tx, v.version); err != nil {
		return nil, err
	}
	if v.space == spaceVersion {
		return old, v.dropOlder(tx, c, key)
	}
	before, err := newestOlder(tx, c, key)
	if err != nil {
		return nil, err
	}
	if before == nil || before.currentSpace() != v.space {
		if err := tx.Delete(v.space, v.name); err != nil {
			return nil, err
		}
	}
	if before == nil {
		return old, nil
	}
	if err := before.dropOlder(tx, c, key); err != nil {
		return nil, err
	}
	return old, before.putCurrent(tx, c, key)
}

// dropOlder removes the record of an older version, not its content.
func (v *stored) dropOlder(tx store.Writer, c *config, key string) error {
	if v.id == NullVersion {
		if err := tx.Delete(spaceNull, objectKey(c.ID, key)); err != nil {
			return err
		}
	}
	return tx.Delete(v.space, v.name)
}
