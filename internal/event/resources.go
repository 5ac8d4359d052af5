package event

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
)

// resourceTypes name the types of resources by service and the first word of
// the resource.
var resourceTypes = map[string]string{
	"kms:key":                            "AWS::KMS::Key",
	"kms:alias":                          "AWS::KMS::Alias",
	"iam:user":                           "AWS::IAM::User",
	"iam:role":                           "AWS::IAM::Role",
	"iam:group":                          "AWS::IAM::Group",
	"iam:policy":                         "AWS::IAM::Policy",
	"iam:instance-profile":               "AWS::IAM::InstanceProfile",
	"iam:mfa":                            "AWS::IAM::VirtualMFADevice",
	"cloudfront:distribution":            "AWS::CloudFront::Distribution",
	"cloudfront:public-key":              "AWS::CloudFront::PublicKey",
	"cloudfront:key-group":               "AWS::CloudFront::KeyGroup",
	"cloudfront:cache-policy":            "AWS::CloudFront::CachePolicy",
	"cloudfront:origin-request-policy":   "AWS::CloudFront::OriginRequestPolicy",
	"cloudfront:response-headers-policy": "AWS::CloudFront::ResponseHeadersPolicy",
	"cloudfront:origin-access-control":   "AWS::CloudFront::OriginAccessControl",
	"cloudfront:origin-access-identity":  "AWS::CloudFront::CloudFrontOriginAccessIdentity",
	"cloudfront:function":                "AWS::CloudFront::Function",
	"cloudfront:key-value-store":         "AWS::CloudFront::KeyValueStore",
	"cloudformation:stack":               "AWS::CloudFormation::Stack",
	"cloudtrail:trail":                   "AWS::CloudTrail::Trail",
	"lambda:function":                    "AWS::Lambda::Function",
	"ssm:parameter":                      "AWS::SSM::Parameter",
	"secretsmanager:secret":              "AWS::SecretsManager::Secret",
	"keyfront:profile":                   "Keyfront::Signer::Profile",
}

// resources fills in Touched and Resources.
func (ev *Event) resources(e *audit.Entry, service string) {
	for _, name := range e.Resources {
		a, err := arn.Parse(name)
		if err != nil || strings.Contains(name, "*") {
			continue
		}
		if a.Service == "s3" {
			ev.object(e, a)
			continue
		}
		word := a.Resource
		if i := strings.IndexAny(word, "/:"); i >= 0 {
			word = word[:i]
		}
		kind, known := resourceTypes[a.Service+":"+word]
		if !known {
			continue
		}
		ev.touch(Resource{a.Account, kind, name})
	}
	switch {
	case service == "kms", service == "sts", service == "s3", service == valueService:
		ev.Resources = ev.Touched
	}
}

// object notes an object and its bucket, or a bucket.
func (ev *Event) object(e *audit.Entry, a arn.ARN) {
	bucket, key, ok := strings.Cut(a.Resource, "/")
	if ok && key != "" {
		ev.touch(Resource{"", "AWS::S3::Object", a.String()})
	}
	account := arn.AccountID(e.Owner)
	if account == "" {
		account = arn.AccountID(e.Who.Account)
	}
	if len(ev.Touched) > 1 {
		account = "" // the record knows the owner of the first, and this is a copy's source
	}
	a.Resource = bucket
	ev.touch(Resource{account, "AWS::S3::Bucket", a.String()})
}

func (ev *Event) touch(r Resource) {
	for _, have := range ev.Touched {
		if have.Type == r.Type && have.ARN == r.ARN {
			return
		}
	}
	ev.Touched = append(ev.Touched, r)
}

// Name is what LookupEvents calls a resource: a key and a trail by their ARNs,
// others by their names.
func (r Resource) Name() string {
	switch {
	case strings.HasPrefix(r.Type, "AWS::KMS::"), strings.HasPrefix(r.Type, "AWS::CloudTrail::"), r.Type == "AWS::S3::Object":
		return r.ARN
	case r.Type == "AWS::S3::Bucket":
		return strings.TrimPrefix(r.ARN, "arn:aws:s3:::")
	}
	return r.ARN[strings.LastIndexAny(r.ARN, "/:")+1:]
}

// ShortName is the last part of the name: a key's id. It is Name for most.
func (r Resource) ShortName() string {
	if r.Type == "AWS::KMS::Key" || r.Type == "AWS::CloudTrail::Trail" {
		return r.ARN[strings.LastIndexByte(r.ARN, '/')+1:]
	}
	return r.Name()
}
