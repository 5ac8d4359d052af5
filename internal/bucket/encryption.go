package bucket

import (
	"crypto/hmac"
	"crypto/sha256"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Algorithm is a form of server-side encryption.
type Algorithm string

// The first three are spelt as the header x-amz-server-side-encryption does.
const (
	// S3Managed is SSE-S3: the data key is wrapped by the server's own vault.
	S3Managed Algorithm = "AES256"
	// KMSManaged is SSE-KMS: the data key is wrapped by a key of the key service.
	KMSManaged Algorithm = "aws:kms"
	// DualKMSManaged is DSSE-KMS: the content is sealed twice, under a data key of
	// the vault and around it under one of the key service.
	DualKMSManaged Algorithm = "aws:kms:dsse"
	// CustomerManaged is SSE-C: the data key is wrapped by a key that the client
	// sends with every request and the server does not keep.
	CustomerManaged Algorithm = "SSE-C"
)

// KMS reports whether a key of the key service is needed.
func (a Algorithm) KMS() bool { return a == KMSManaged || a == DualKMSManaged }

// Encryption is how an object is, or is to be, encrypted.
type Encryption struct {
	Algorithm Algorithm
	// KeyARN names the key under KMSManaged and DualKMSManaged. In a wish it may
	// be any reference that the key service knows, or empty for the managed key
	// alias/aws/s3.
	KeyARN string
	// Context is the client's own encryption context, without the pair that
	// this package adds.
	Context map[string]string
	// BucketKey says that a bucket key wraps the data key, and that the bucket's
	// ARN stands in the context in place of the object's.
	BucketKey bool
}

// EncryptionWish is how a writer wants an object encrypted. The zero value takes
// the bucket's default.
type EncryptionWish struct {
	Algorithm Algorithm // not CustomerManaged: that is what Customer means
	Key       string
	Context   map[string]string
	// BucketKey overrides the bucket's setting when it is not nil.
	BucketKey *bool
	// Customer excludes all other fields.
	Customer *CustomerKey
}

// CustomerKey is the key that a request brings along under SSE-C.
type CustomerKey struct {
	Key sealed.Secret // 32 bytes
	// Invalid is what is wrong with what came in place of a key. It becomes the
	// error of the call once that would use the key, and not before.
	Invalid error
}

// checkCustomer tells whether a request brings a customer's key where one is
// needed, and only there.
func (e *Encryption) checkCustomer(k *CustomerKey) error {
	switch {
	case e.Algorithm != CustomerManaged && k != nil:
		return fail(ErrCustomerKey, "The encryption parameters are not applicable to this object.")
	case k != nil:
		return k.Invalid
	}
	return nil
}

// needCustomer wants a customer's key under SSE-C.
func (e *Encryption) needCustomer(k *CustomerKey) error {
	if e.Algorithm == CustomerManaged && k == nil {
		return fail(ErrCustomerKey, "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	}
	return nil
}

// checkPart is checkCustomer for parts of an upload.
func (e *Encryption) checkPart(k *CustomerKey) error {
	// S3 says the same when it is the part alone that brings a key.
	if (e.Algorithm == CustomerManaged) != (k != nil) {
		return fail(ErrCustomerKey, "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	}
	return nil
}

const (
	// arnPair is the pair that this package adds to every encryption context.
	arnPair = "aws:s3:arn"

	labelRecord = "keyfront/s3-record/1"
)

var errContextARN = fail(ErrEncryption, "the context's %s is not the object's", arnPair)

// setEncryptionKeys fills the condition keys that stand for the request's own
// encryption headers; the bucket's default never shows there.
func setEncryptionKeys(call *pass, who *Caller, region string, w *EncryptionWish) {
	if w.Algorithm != "" {
		call.Keys.Set("s3:x-amz-server-side-encryption", string(w.Algorithm))
	}
	if w.Key != "" {
		call.Keys.Set("s3:x-amz-server-side-encryption-aws-kms-key-id", fullKeyARN(w.Key, region, who))
	}
	if w.Customer != nil {
		call.Keys.Set("s3:x-amz-server-side-encryption-customer-algorithm", "AES256")
	}
}

// setKeys fills the same keys for an upload whose beginning was decided about.
func (e *Encryption) setKeys(call *pass) {
	if e.Algorithm == CustomerManaged {
		call.Keys.Set("s3:x-amz-server-side-encryption-customer-algorithm", "AES256")
		return
	}
	call.Keys.Set("s3:x-amz-server-side-encryption", string(e.Algorithm))
	call.setNamed("s3:x-amz-server-side-encryption-aws-kms-key-id", e.KeyARN)
}

// plan decides how a new object is encrypted: the wish, else the bucket's
// default. In the result KeyARN is still a reference.
func (c *config) plan(w *EncryptionWish) (Encryption, error) {
	def := c.encryption()
	if w.Customer != nil {
		switch {
		case !def.AllowCustomerKeys:
			return Encryption{}, ErrCustomerKeyBlocked
		case w.Algorithm != "" || w.Key != "" || w.Context != nil || w.BucketKey != nil:
			return Encryption{}, fail(ErrEncryption, "Server Side Encryption with Customer provided key is incompatible with the encryption method specified")
		}
		return Encryption{Algorithm: CustomerManaged}, w.Customer.Invalid
	}
	if w.Algorithm == "" && (w.Key != "" || w.Context != nil) {
		return Encryption{}, fail(ErrEncryption, "a key or context needs aws:kms")
	}
	e := Encryption{Algorithm: w.Algorithm, KeyARN: w.Key, Context: w.Context}
	switch w.Algorithm {
	case "":
		e.Algorithm, e.KeyARN = def.Algorithm, def.Key
	case S3Managed:
		if w.Key != "" || w.Context != nil {
			return Encryption{}, fail(ErrEncryption, "a key or context is not applicable to AES256")
		}
	case KMSManaged, DualKMSManaged:
	default:
		return Encryption{}, fail(ErrEncryption, "the encryption method specified is not supported")
	}
	// There are no bucket keys under DSSE-KMS, whatever is asked for.
	if e.Algorithm == KMSManaged {
		e.BucketKey = def.BucketKey
		if w.BucketKey != nil {
			e.BucketKey = *w.BucketKey
		}
	}
	return e, nil
}

// fullKeyARN spells a key reference as policies know it. An alias stays one.
func fullKeyARN(ref, region string, who *Caller) string {
	switch {
	case len(ref) > 4 && ref[:4] == "arn:":
		return ref
	case len(ref) < 6 || ref[:6] != "alias/":
		ref = "key/" + ref
	}
	return "arn:aws:kms:" + region + ":" + string(who.Account()) + ":" + ref
}

// through is the caller as the key service sees it. Keys live where the bucket
// is; a caller without a scope, such as an edge, has no region of its own.
func (c *config) through(who *Caller) access.Caller {
	via := who.Caller
	via.Region = c.Region
	return via.Through("s3")
}

// authenticate computes the MAC that ties a version's record to its data key
// and to its place. The label keeps it apart from every key that package sealed
// derives from the same secret: those start with a counter.
func authenticate(data dataKey, c *config, key string, signed []byte) []byte {
	return authenticateAs(labelRecord, data, c, key, signed)
}

func authenticateAs(label string, data dataKey, c *config, key string, signed []byte) []byte {
	mac := hmac.New(sha256.New, data.record.Reveal())
	b := appendString([]byte(label), c.ID)
	b = appendString(b, key)
	mac.Write(b)
	mac.Write(signed)
	return mac.Sum(nil)
}
