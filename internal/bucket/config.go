package bucket

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Bucket describes a bucket.
type Bucket struct {
	Name    string
	Owner   arn.AccountID
	Region  string
	Created time.Time
	// CORS are the bucket's rules for browsers. They are shared.
	CORS []CORSRule
}

// ARN names the bucket.
func (b *Bucket) ARN() string { return "arn:aws:s3:::" + b.Name }

func (b *Bucket) objectARN(key string) string { return "arn:aws:s3:::" + b.Name + "/" + key }

// DefaultEncryption is what a bucket does to objects whose writer does not say.
type DefaultEncryption struct {
	Algorithm Algorithm `json:"algorithm"`
	// Key is the reference exactly as it was given; it is resolved at each
	// write. Empty under KMSManaged means alias/aws/s3.
	Key       string `json:"key,omitempty"`
	BucketKey bool   `json:"bucketKey,omitempty"`
	// AllowCustomerKeys lets writers use SSE-C.
	AllowCustomerKeys bool `json:"allowCustomerKeys,omitempty"`
}

// config is the record of a bucket. Its JSON form is docs/spec/bucket-records.md.
type config struct {
	Version int           `json:"v"`
	ID      string        `json:"id"`
	Owner   arn.AccountID `json:"owner"`
	Region  string        `json:"region"`
	Created time.Time     `json:"created"`

	Versioning Versioning `json:"versioning,omitempty"`
	MFADelete  MFADelete  `json:"mfaDelete,omitempty"`
	// MarkersApart says that no delete marker is left in spaceObject.
	MarkersApart bool `json:"markersApart,omitempty"`

	Encryption *DefaultEncryption `json:"encryption,omitempty"`
	Policy     string             `json:"policy,omitempty"`
	// Principals are the unique ids of the users and roles that Policy names.
	Principals map[string]string `json:"principals,omitempty"`

	PublicAccess *PublicAccessBlock `json:"publicAccess,omitempty"`
	Ownership    Ownership          `json:"ownership,omitempty"`
	Tags         []Pair             `json:"tags,omitempty"`
	CORS         []CORSRule         `json:"cors,omitempty"`
	Acceleration Acceleration       `json:"acceleration,omitempty"`

	name    string
	encoded []byte           // what this was decoded from
	policy  *policy.Document // compiled, nil if there is none
	public  bool             // the policy is
}

func decodeConfig(name string, value []byte) (*config, error) {
	c := &config{name: name, encoded: value}
	if err := json.Unmarshal(value, c); err != nil || c.Version != 1 || len(c.ID) != bucketIDBytes {
		return nil, fmt.Errorf("%w: bucket %s", errRecord, name)
	}
	if c.Policy != "" {
		var err error
		if c.policy, err = policy.Parse(policy.UseBucket, c.Policy); err == nil {
			c.policy, err = c.policy.Bind(func(name string) (string, bool) { return c.Principals[name], true })
		}
		if err != nil {
			return nil, fmt.Errorf("%w: policy of bucket %s", errRecord, name)
		}
		c.public = c.policy.Public()
	}
	return c, nil
}

func (c *config) encode() []byte {
	b, err := json.Marshal(c)
	if err != nil {
		panic("bucket: " + err.Error()) // strings and times only
	}
	return b
}

func (c *config) bucket() Bucket {
	return Bucket{Name: c.name, Owner: c.Owner, Region: c.Region, Created: c.Created, CORS: c.CORS}
}

// policyFor is the bucket's policy as far as it concerns a call: where public
// policies are restricted, one admits the owner's account and services only, and
// none keeps the root user of that account from taking it back.
//
// Source: Amazon S3 User Guide, "Blocking public access", RestrictPublicBuckets;
// Amazon S3 API Reference, PutBucketPolicy.
func (c *config) policyFor(who *Caller, action policy.Action) *policy.Document {
	if who.Principal.Kind == policy.Root && who.Account() == c.Owner {
		switch action {
		case "s3:GetBucketPolicy", "s3:PutBucketPolicy", "s3:DeleteBucketPolicy":
			return nil
		}
	}
	if c.public && c.publicAccess().RestrictPublicBuckets && who.Principal.Kind != policy.Service && who.Account() != c.Owner {
		return nil
	}
	return c.policy
}

func (c *config) publicAccess() PublicAccessBlock {
	if c.PublicAccess == nil {
		return PublicAccessBlock{}
	}
	return *c.PublicAccess
}

func (c *config) encryption() DefaultEncryption {
	if c.Encryption == nil {
		return DefaultEncryption{Algorithm: S3Managed}
	}
	return *c.Encryption
}
