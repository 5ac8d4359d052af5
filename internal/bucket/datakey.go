package bucket

import (
	"bytes"
	"context"
	"io"
	"maps"

	"github.com/keyfront-project/keyfront/internal/sealed"
)

// dataKey is what seals the content of one write and authenticates its record.
type dataKey struct {
	content sealed.Secret
	// inner is the key of the layer below content's, under DSSE-KMS only.
	inner  sealed.Secret
	record sealed.Secret // is content, but for SSE-C
}

func (k dataKey) layered() bool { return k.inner.Len() > 0 }

func (k dataKey) wipe() {
	k.content.Wipe()
	k.inner.Wipe()
	k.record.Wipe()
}

// sealedSize is how many bytes size bytes of plaintext become.
func (k dataKey) sealedSize(size int64) int64 {
	if k.layered() {
		size = sealed.SealedSize(size)
	}
	return sealed.SealedSize(size)
}

// sealer seals in one layer or in two.
type sealer struct {
	*sealed.Writer
	outer *sealed.Writer // nil for one layer
}

func (s *sealer) Close() error {
	err := s.Writer.Close()
	if s.outer != nil && err == nil {
		err = s.outer.Close()
	}
	return err
}

func (k dataKey) newSealer(dst io.Writer, bind sealed.Binding) (*sealer, error) {
	w, err := sealed.NewWriter(dst, k.content, bind)
	if err != nil || !k.layered() {
		return &sealer{Writer: w}, err
	}
	inner, err := sealed.NewWriter(w, k.inner, bind)
	return &sealer{Writer: inner, outer: w}, err
}

func (k dataKey) newReader(src io.ReaderAt, sealedBytes int64, bind sealed.Binding) (*sealed.Reader, error) {
	r, err := sealed.NewReader(src, sealedBytes, k.content, bind)
	if err != nil || !k.layered() {
		return r, err
	}
	return sealed.NewReader(r, r.Size(), k.inner, bind)
}

// wrapForm says what the wrapped data key of a record is. The numbers are stored,
// as the record's field "bucket key".
type wrapForm byte

const (
	// wrapDirect is the data key as the key service wrapped it, for the object's
	// ARN; for SSE-S3 as the vault did.
	wrapDirect wrapForm = 0
	// wrapDirectBucket is the same for the bucket's ARN.
	wrapDirectBucket wrapForm = 1
	// wrapByBucketKey is a bucket key as the key service wrapped it for the
	// bucket's ARN, and the data key sealed under the bucket key.
	wrapByBucketKey wrapForm = 2
	// wrapByObjectKey is the same with a key for the object's ARN: what a data key
	// becomes that is wrapped anew.
	wrapByObjectKey wrapForm = 3
)

func (f wrapForm) bucketKey() bool { return f == wrapDirectBucket || f == wrapByBucketKey }

func (f wrapForm) indirect() bool { return f != wrapDirect && f != wrapDirectBucket }

const (
	purposeDataKey   = "s3 data key"
	purposeInnerKey  = "s3 inner key"
	purposeRecordKey = "s3 record key"
	purposeCustomer  = "s3 customer key"
)

func vaultName(c *config, generation string) string { return c.ID + "/" + generation }

// keyBinding ties a data key that another key seals to the write it belongs to.
func keyBinding(c *config, key, generation string) sealed.Binding {
	return sealed.Bind("s3 wrapped key", c.ID, key, generation)
}

// sealKey seals a data key under kek, as an object of its own.
func sealKey(kek, data sealed.Secret, bind sealed.Binding) []byte {
	var b bytes.Buffer
	w, err := sealed.NewWriter(&b, kek, bind)
	if err == nil {
		_, err = w.Write(data.Reveal())
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		panic("bucket: cannot seal a key in memory: " + err.Error()) // of the wrong length
	}
	return b.Bytes()
}

func openKey(kek sealed.Secret, wrapped []byte, bind sealed.Binding) (sealed.Secret, error) {
	if int64(len(wrapped)) != sealed.SealedSize(sealed.KeyBytes) {
		return sealed.Secret{}, sealed.ErrCorrupt
	}
	r, err := sealed.NewReader(bytes.NewReader(wrapped), int64(len(wrapped)), kek, bind)
	if err != nil {
		return sealed.Secret{}, err
	}
	var data [sealed.KeyBytes]byte
	if _, err := r.ReadAt(data[:], 0); err != nil {
		return sealed.Secret{}, err
	}
	defer clear(data[:])
	return sealed.NewSecret(data[:]), nil
}

func joinWrapped(first, second []byte) []byte {
	return appendString(appendString(nil, string(first)), string(second))
}

func splitWrapped(b []byte) (first, second []byte, err error) {
	d := decoder{b: b}
	first, second = []byte(d.string()), []byte(d.string())
	if d.failed || len(d.b) > 0 {
		return nil, nil, ErrCorrupt
	}
	return first, second, nil
}

// newDataKey makes the data key of a new write, wraps it into v, and completes
// v.enc with the ARN of the key that wraps it.
func (s *Service) newDataKey(ctx context.Context, who *Caller, c *config, key string, v *version, customer *CustomerKey) (dataKey, error) {
	name := vaultName(c, v.generation)
	switch v.enc.Algorithm {
	case S3Managed:
		data := sealed.RandomSecret(sealed.KeyBytes)
		v.wrapped = s.cfg.Vault.Wrap(purposeDataKey, name, data)
		return dataKey{content: data, record: data}, nil
	case CustomerManaged:
		data := sealed.RandomSecret(sealed.KeyBytes)
		// Parts are put together without the customer's key: so the record is
		// authenticated under a key of our own.
		record := sealed.RandomSecret(sealed.KeyBytes)
		under := sealed.NewSecret(sealKey(customer.Key, data, keyBinding(c, key, v.generation)))
		v.wrapped = joinWrapped(s.cfg.Vault.Wrap(purposeRecordKey, name, record), s.cfg.Vault.Wrap(purposeCustomer, name, under))
		return dataKey{content: data, record: record}, nil
	}
	if !who.mayUseKMS() {
		return dataKey{}, ErrUnsignedKMS
	}
	bind, err := c.bind(key, &v.enc)
	if err != nil {
		return dataKey{}, err
	}
	through := c.through(who)
	ref := v.enc.KeyARN
	if ref == "" {
		if ref, err = s.cfg.Keys.ManagedKey(ctx, through, "s3"); err != nil {
			return dataKey{}, &KeyError{err}
		}
	}
	if v.enc.BucketKey {
		k, err := s.newBucketKey(ctx, through, c, ref, bind)
		if err != nil {
			return dataKey{}, err
		}
		data := sealed.RandomSecret(sealed.KeyBytes)
		v.form, v.enc.KeyARN = wrapByBucketKey, k.keyARN
		v.wrapped = joinWrapped(k.wrapped, sealKey(k.secret, data, keyBinding(c, key, v.generation)))
		return dataKey{content: data, record: data}, nil
	}
	data, wrapped, keyARN, err := s.cfg.Keys.NewDataKey(ctx, through, ref, bind)
	if err != nil {
		return dataKey{}, &KeyError{err}
	}
	v.wrapped, v.enc.KeyARN = wrapped, keyARN
	k := dataKey{content: data, record: data}
	if v.enc.Algorithm == DualKMSManaged {
		k.inner = sealed.RandomSecret(sealed.KeyBytes)
		v.wrapped = joinWrapped(v.wrapped, s.cfg.Vault.Wrap(purposeInnerKey, name, k.inner))
	}
	return k, nil
}

// openDataKey unwraps the data key of a write. For SSE-KMS the key service
// decides whether the caller may; for SSE-C the customer's key does.
func (s *Service) openDataKey(ctx context.Context, who *Caller, c *config, key string, v *version, customer *CustomerKey) (k dataKey, err error) {
	if err := v.enc.checkCustomer(customer); err != nil {
		return dataKey{}, err
	}
	name := vaultName(c, v.generation)
	unwrap := func(purpose string, wrapped []byte) sealed.Secret {
		secret, e := s.cfg.Vault.Unwrap(purpose, name, wrapped)
		if e != nil {
			err = ErrCorrupt
		}
		return secret
	}
	switch v.enc.Algorithm {
	case S3Managed:
		k.content = unwrap(purposeDataKey, v.wrapped)
	case CustomerManaged:
		record, under, e := splitWrapped(v.wrapped)
		if e != nil {
			return dataKey{}, e
		}
		k.record = unwrap(purposeRecordKey, record)
		wrapped := unwrap(purposeCustomer, under)
		if err != nil || customer == nil {
			return k, err
		}
		if k.content, err = openKey(customer.Key, wrapped.Reveal(), keyBinding(c, key, v.generation)); err != nil {
			return dataKey{}, ErrCustomerKeyWrong
		}
		return k, nil
	case DualKMSManaged:
		outer, inner, e := splitWrapped(v.wrapped)
		if e != nil {
			return dataKey{}, e
		}
		if k.content, err = s.openThrough(ctx, who, c, key, v, outer); err != nil {
			return dataKey{}, err
		}
		k.inner = unwrap(purposeInnerKey, inner)
	case KMSManaged:
		k.content, err = s.openThrough(ctx, who, c, key, v, v.wrapped)
	default:
		err = ErrCorrupt
	}
	k.record = k.content
	return k, err
}

// openThrough opens what the key service wrapped, or what a key does that it
// wrapped.
func (s *Service) openThrough(ctx context.Context, who *Caller, c *config, key string, v *version, wrapped []byte) (sealed.Secret, error) {
	if !who.mayUseKMS() {
		return sealed.Secret{}, ErrUnsignedKMS
	}
	bind, err := c.bind(key, &v.enc)
	if err != nil {
		return sealed.Secret{}, ErrCorrupt
	}
	through := c.through(who)
	var under []byte
	if v.form.indirect() {
		if wrapped, under, err = splitWrapped(wrapped); err != nil {
			return sealed.Secret{}, err
		}
	}
	var secret sealed.Secret
	if v.form == wrapByBucketKey {
		secret, err = s.openBucketKey(ctx, through, c, wrapped, bind)
	} else {
		secret, err = s.cfg.Keys.OpenDataKey(ctx, through, wrapped, bind)
	}
	switch {
	case err != nil:
		return sealed.Secret{}, &KeyError{err}
	case !v.form.indirect():
		return secret, nil
	}
	data, err := openKey(secret, under, keyBinding(c, key, v.generation))
	if v.form == wrapByObjectKey {
		secret.Wipe()
	}
	if err != nil {
		return sealed.Secret{}, ErrCorrupt
	}
	return data, nil
}

// bind is the encryption context under which the key service wraps the data
// key: the client's own and the ARN.
func (c *config) bind(key string, e *Encryption) (map[string]string, error) {
	b := c.bucket()
	arn := b.objectARN(key)
	if e.BucketKey {
		arn = b.ARN()
	}
	if given, ok := e.Context[arnPair]; ok && given != arn {
		return nil, errContextARN
	}
	bind := maps.Clone(e.Context)
	if bind == nil {
		bind = make(map[string]string, 1)
	}
	bind[arnPair] = arn
	return bind, nil
}
