package lambda

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// blobPrefix begins the names of the blobs that hold code.
const blobPrefix = "lambda/"

var roleForm = form.New(`^arn:aws:iam::([0-9]{12}):role/[A-Za-z0-9_+=,.@/-]+$`)

func roleAccount(role string) (arn.AccountID, bool) {
	m := roleForm.FindStringSubmatch(role)
	if m == nil {
		return "", false
	}
	return arn.AccountID(m[1]), true
}

// servant is a service that acts for a resource.
func servant(m realm, service, sourceARN string, at time.Time) access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Service, Account: m.account, Service: service},
		Region:    m.region, At: at, SourceARN: sourceARN, SourceAccount: m.account,
	}
}

// fetch reads a zip and checks that it can be a function's.
func (s *Service) fetch(ctx context.Context, who *access.Caller, from Code) ([]byte, error) {
	zip := from.Zip
	switch {
	case from.Zip != nil && from.Bucket != "":
		return nil, refuse(ErrInvalid, "Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case from.Bucket != "":
		object, err := s.cfg.Objects.Object(ctx, who.Through("lambda"), from.Bucket, from.Key, from.ObjectVersion)
		if err != nil {
			return nil, refuse(ErrInvalid, "Error occurred while GetObject. %s", err)
		}
		defer object.Close()
		if zip, err = io.ReadAll(io.LimitReader(object, MaxZipBytes+1)); err != nil {
			return nil, err
		}
	case len(zip) == 0:
		return nil, refuse(ErrInvalid, "Please provide a source for function code.")
	}
	if len(zip) > MaxZipBytes {
		return nil, refuse(ErrTooLarge, "Request must be smaller than 69905067 bytes for the CreateFunction operation")
	}
	if _, err := function.ReadZip(bytes.NewReader(zip), int64(len(zip))); err != nil {
		text := strings.TrimPrefix(err.Error(), function.ErrPackage.Error()+": ")
		switch {
		case text == "empty":
			return nil, refuse(ErrInvalid, "Uploaded file must be a non-empty zip")
		case strings.Contains(text, "unzipped size"):
			return nil, refuse(ErrInvalid, "U%s", text[1:])
		}
		return nil, refuse(ErrInvalid, "Could not unzip uploaded file. Please check your file, then try to upload again. (%s)", text)
	}
	return zip, nil
}

func codeBinding(functionARN, id string) sealed.Binding {
	return sealed.Bind("lambda-code", functionARN, id)
}

// keep seals a zip into a blob. Until a version names it, a crash leaves it to
// the next sweep.
func (s *Service) keep(ctx context.Context, functionARN string, zip []byte) (code, error) {
	c := code{ID: uuid.NewString(), Size: int64(len(zip)), SHA256: sha256.Sum256(zip)}
	key := sealed.RandomSecret(sealed.KeyBytes)
	defer key.Wipe()
	c.Key = s.cfg.Vault.Wrap("code", functionARN+"/"+c.ID, key)
	blob, err := s.cfg.Blobs.Create(ctx, blobPrefix+c.ID)
	if err != nil {
		return code{}, err
	}
	defer blob.Abort()
	w, err := sealed.NewWriter(blob, key, codeBinding(functionARN, c.ID))
	if err != nil {
		return code{}, err
	}
	if _, err := w.Write(zip); err != nil {
		return code{}, err
	}
	if err := w.Close(); err != nil {
		return code{}, err
	}
	return c, blob.Commit(ctx)
}

// open opens the zip of a version.
func (s *Service) open(ctx context.Context, functionARN string, c code) (*Zip, error) {
	key, err := s.cfg.Vault.Unwrap("code", functionARN+"/"+c.ID, c.Key)
	if err != nil {
		return nil, err
	}
	defer key.Wipe()
	blob, err := s.cfg.Blobs.Open(ctx, blobPrefix+c.ID)
	if err != nil {
		return nil, err
	}
	r, err := sealed.NewReader(blob, blob.SizeBytes(), key, codeBinding(functionARN, c.ID))
	if err == nil && r.Size() != c.Size {
		err = sealed.ErrCorrupt
	}
	if err != nil {
		return nil, errors.Join(err, blob.Close())
	}
	return &Zip{r, blob}, nil
}

// unpack reads the zip of a version.
func (s *Service) unpack(ctx context.Context, functionARN string, c code) ([]byte, error) {
	z, err := s.open(ctx, functionARN, c)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	zip := make([]byte, c.Size)
	if _, err := z.ReadAt(zip, 0); err != nil && err != io.EOF {
		return nil, err
	}
	return zip, nil
}

// discard removes code that no version of the function has any more.
func (s *Service) discard(ctx context.Context, ref reference, ids ...string) error {
	used := make(map[string]bool)
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		all, err := versions(tx, ref)
		for _, v := range all {
			used[v.Code.ID] = true
		}
		return err
	})
	for _, id := range ids {
		if err == nil && !used[id] {
			err = s.cfg.Blobs.Delete(ctx, blobPrefix+id)
		}
	}
	return err
}

// sweep removes the blobs that no version names, and has the pool be ready if there
// are versions.
func (s *Service) sweep(ctx context.Context) error {
	used := make(map[string]bool)
	err := s.cfg.Records.View(ctx, func(tx store.Reader) error {
		for rec, err := range tx.Scan(versionSpace, store.Range{}) {
			if err != nil {
				return err
			}
			v, err := decodeVersion(rec.Value)
			if err != nil {
				return err
			}
			used[blobPrefix+v.Code.ID] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	if len(used) > 0 {
		s.cfg.Pool.Warm()
	}
	for blob, err := range s.cfg.Blobs.List(ctx, blobPrefix) {
		if err != nil {
			return err
		}
		if !used[blob.Name] {
			if err := s.cfg.Blobs.Delete(ctx, blob.Name); err != nil && !errors.Is(err, store.ErrNotFound) {
				return err
			}
		}
	}
	return nil
}

// room wants the account to have space left for a zip.
func room(tx store.Reader, m realm, size int64) error {
	seen := make(map[string]bool)
	for rec, err := range tx.Scan(versionSpace, store.Prefix(m.prefix())) {
		if err != nil {
			return err
		}
		v, err := decodeVersion(rec.Value)
		if err != nil {
			return err
		}
		if !seen[v.Code.ID] {
			seen[v.Code.ID] = true
			size += v.Code.Size
		}
	}
	if size > MaxCodeStorageBytes {
		return refuse(ErrCodeStorage, "Code storage limit exceeded.")
	}
	return nil
}
