package resource

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/stack"
)

// bucketKinds are buckets and their policies. say gives an error of buckets the
// words of S3.
func bucketKinds(buckets *bucket.Service, say func(error) string) map[string]*kind {
	b, p := bucketKind{buckets}, bucketPolicyKind{buckets}
	kinds := map[string]*kind{
		"AWS::S3::Bucket": {
			create: b.create, update: b.update, delete: b.delete,
			replaces: []string{"BucketName"}, attributes: []string{"Arn", "DomainName", "DualStackDomainName", "RegionalDomainName", "WebsiteURL"},
		},
		"AWS::S3::BucketPolicy": {create: p.create, update: p.put, delete: p.delete, replaces: []string{"Bucket"}},
	}
	for _, k := range kinds {
		k.say = say
	}
	return kinds
}

// bucketProperties are those of AWS::S3::Bucket.
type bucketProperties struct {
	BucketName       string
	BucketEncryption struct {
		ServerSideEncryptionConfiguration []struct {
			BucketKeyEnabled              bool
			ServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
			BlockedEncryptionTypes        struct{ EncryptionType []string }
		}
	}
	VersioningConfiguration        struct{ Status string }
	PublicAccessBlockConfiguration *struct{ BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool }
	OwnershipControls              *struct {
		Rules []struct{ ObjectOwnership string }
	}
	CorsConfiguration struct {
		CorsRules []struct {
			Id                                                             string
			AllowedHeaders, AllowedMethods, AllowedOrigins, ExposedHeaders []string
			MaxAge                                                         *int
		}
	}
	Tags []tag

	AccessControl     string `only:"Private"`
	ObjectLockEnabled bool   `only:"false"`
}

type bucketKind struct{ buckets *bucket.Service }

func (k bucketKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p bucketProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	name := lowered(p.BucketName, t, 63)
	// CreateBucket gives us-east-1 an existing bucket again; that one is not ours.
	if b, err := k.buckets.Lookup(ctx, name); err == nil && !(t.Again && b.Owner == t.Who.Account() && !b.Created.Before(t.Since)) {
		return stack.Made{}, refusal(name + " already exists")
	}
	_, err := k.buckets.CreateBucket(ctx, bucket.Caller{Caller: t.Who}, bucket.NewBucket{Name: name})
	if err = unless(err, bucket.ErrBucketOwned); err != nil {
		return stack.Made{}, err
	}
	made := stack.Made{Physical: name}
	if err := k.settle(ctx, t, name, &p, &bucketProperties{}); err != nil {
		return made, err
	}
	made.Attributes = bucketAttributes(name, t.Who.Region)
	return made, nil
}

func bucketAttributes(name, region string) map[string]any {
	return map[string]any{
		"Arn":                 "arn:aws:s3:::" + name,
		"DomainName":          name + ".s3.amazonaws.com",
		"RegionalDomainName":  name + ".s3." + region + ".amazonaws.com",
		"DualStackDomainName": name + ".s3.dualstack." + region + ".amazonaws.com",
		"WebsiteURL":          "http://" + name + ".s3-website-" + region + ".amazonaws.com",
	}
}

func (k bucketKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before bucketProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	if err := k.settle(ctx, t, t.Physical, &p, &before); err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: t.Physical, Attributes: bucketAttributes(t.Physical, t.Who.Region)}, nil
}

// settle gives a bucket the settings of p. What before has and p has not becomes as
// the bucket was made.
func (k bucketKind) settle(ctx context.Context, t *stack.Task, name string, p, before *bucketProperties) error {
	who := bucket.Caller{Caller: t.Who}
	for _, set := range []func(context.Context, bucket.Caller, string, *bucketProperties, *bucketProperties) error{
		k.setEncryption, k.setVersioning, k.setPublicAccess, k.setOwnership, k.setCORS,
	} {
		if err := set(ctx, who, name, p, before); err != nil {
			return err
		}
	}
	// A bucket's tags are replaced together. Who may make a bucket but not tag it
	// gets it without labels; see kind.mark.
	tags := tagged(p.Tags, t)
	bare := len(tags) == 0 && t.Before == nil
	maps.Copy(tags, labels(t))
	err := k.buckets.SetBucketTags(ctx, who, name, convert(tags, func(key, value string) bucket.Pair { return bucket.Pair{Name: key, Value: value} }))
	if bare {
		return unless(err, access.ErrDenied)
	}
	return err
}

func (k bucketKind) setEncryption(ctx context.Context, who bucket.Caller, name string, p, before *bucketProperties) error {
	if len(p.BucketEncryption.ServerSideEncryptionConfiguration) == 0 && len(before.BucketEncryption.ServerSideEncryptionConfiguration) == 0 {
		return nil
	}
	e, err := p.encryption()
	if err != nil {
		return err
	}
	return k.buckets.SetEncryption(ctx, who, name, e)
}

func (k bucketKind) setVersioning(ctx context.Context, who bucket.Caller, name string, p, before *bucketProperties) error {
	status := bucket.Versioning(p.VersioningConfiguration.Status)
	if status == "" && before.VersioningConfiguration.Status != "" {
		status = bucket.VersioningSuspended
	}
	switch status {
	case bucket.Unversioned:
		return nil
	case bucket.VersioningEnabled, bucket.VersioningSuspended:
		return k.buckets.SetVersioning(ctx, who, name, bucket.VersioningSetting{Status: status})
	}
	return refusal("VersioningConfiguration.Status must be Enabled or Suspended")
}

func (k bucketKind) setPublicAccess(ctx context.Context, who bucket.Caller, name string, p, before *bucketProperties) error {
	b := p.PublicAccessBlockConfiguration
	if b == nil && before.PublicAccessBlockConfiguration == nil {
		return nil
	}
	blocked := bucket.PublicAccessBlock{BlockPublicACLs: true, IgnorePublicACLs: true, BlockPublicPolicy: true, RestrictPublicBuckets: true}
	if b != nil {
		blocked = bucket.PublicAccessBlock{
			BlockPublicACLs: b.BlockPublicAcls, IgnorePublicACLs: b.IgnorePublicAcls, BlockPublicPolicy: b.BlockPublicPolicy, RestrictPublicBuckets: b.RestrictPublicBuckets,
		}
	}
	return k.buckets.SetPublicAccessBlock(ctx, who, name, &blocked)
}

func (k bucketKind) setOwnership(ctx context.Context, who bucket.Caller, name string, p, _ *bucketProperties) error {
	o := p.OwnershipControls
	if o == nil {
		return nil
	}
	if len(o.Rules) != 1 {
		return refusal("OwnershipControls.Rules must have one rule")
	}
	return k.buckets.SetOwnership(ctx, who, name, bucket.Ownership(o.Rules[0].ObjectOwnership))
}

func (k bucketKind) setCORS(ctx context.Context, who bucket.Caller, name string, p, before *bucketProperties) error {
	if len(p.CorsConfiguration.CorsRules) == 0 && len(before.CorsConfiguration.CorsRules) == 0 {
		return nil
	}
	var rules []bucket.CORSRule
	for _, r := range p.CorsConfiguration.CorsRules {
		rules = append(rules, bucket.CORSRule{
			ID: r.Id, AllowedHeaders: r.AllowedHeaders, AllowedMethods: r.AllowedMethods, AllowedOrigins: r.AllowedOrigins,
			ExposeHeaders: r.ExposedHeaders, MaxAgeSeconds: r.MaxAge,
		})
	}
	return k.buckets.SetCORS(ctx, who, name, rules)
}

func (p *bucketProperties) encryption() (*bucket.DefaultEncryption, error) {
	rules := p.BucketEncryption.ServerSideEncryptionConfiguration
	switch len(rules) {
	case 0:
		return nil, nil
	case 1:
	default:
		return nil, refusal("BucketEncryption.ServerSideEncryptionConfiguration must have one rule")
	}
	r := rules[0]
	e := &bucket.DefaultEncryption{
		Algorithm: bucket.Algorithm(r.ServerSideEncryptionByDefault.SSEAlgorithm), Key: r.ServerSideEncryptionByDefault.KMSMasterKeyID,
		BucketKey: r.BucketKeyEnabled,
	}
	if e.Algorithm == "" {
		e.Algorithm = bucket.S3Managed
	}
	switch blocked := r.BlockedEncryptionTypes.EncryptionType; {
	case len(blocked) == 0, slices.Equal(blocked, []string{"SSE-C"}):
	case slices.Equal(blocked, []string{"NONE"}):
		e.AllowCustomerKeys = true
	default:
		return nil, refusal("BlockedEncryptionTypes.EncryptionType must be one of NONE and SSE-C")
	}
	return e, nil
}

func (k bucketKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.buckets.DeleteBucket(ctx, bucket.Caller{Caller: t.Who}, t.Physical), bucket.ErrNoBucket)
}

type bucketPolicyKind struct{ buckets *bucket.Service }

// bucketPolicyProperties are those of AWS::S3::BucketPolicy.
type bucketPolicyProperties struct {
	Bucket         string
	PolicyDocument document
}

// create leaves a policy that is there to whoever made it: put in its place, it would
// go with the stack.
func (k bucketPolicyKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p bucketPolicyProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	have, err := k.buckets.Policy(ctx, bucket.Caller{Caller: t.Who}, p.Bucket)
	switch {
	case err == nil && !(t.Again && have == string(p.PolicyDocument)):
		return stack.Made{}, refusal("The bucket policy already exists on bucket " + p.Bucket + ".")
	case err != nil && !errors.Is(err, bucket.ErrNoPolicy):
		return stack.Made{}, err
	}
	return k.put(ctx, t)
}

func (k bucketPolicyKind) put(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p bucketPolicyProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	if err := k.buckets.SetPolicy(ctx, bucket.Caller{Caller: t.Who}, p.Bucket, string(p.PolicyDocument)); err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: p.Bucket}, nil
}

func (k bucketPolicyKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.buckets.DeletePolicy(ctx, bucket.Caller{Caller: t.Who}, t.Physical), bucket.ErrNoBucket)
}
