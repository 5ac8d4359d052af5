package s3

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

func (x *exchange) listBuckets() error {
	q := x.query
	page := bucket.BucketPage{Prefix: q.Get("prefix"), Region: q.Get("bucket-region"), After: q.Get("continuation-token")}
	if s := q.Get("max-buckets"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 1 || n > 10_000 {
			return invalidArgument("Argument max-buckets must be an integer between 1 and 10000", "max-buckets", s)
		}
		page.Max = n
	}
	if page.Region != "" && !isRegion(page.Region) {
		return badRequest("InvalidArgument", "Argument value "+page.Region+" is not a valid AWS Region", bucket.Pair{Name: "ArgumentName", Value: "bucket-region"})
	}
	list, more, err := x.cfg.Buckets.ListBuckets(x.ctx, x.who, page)
	if err != nil {
		return err
	}
	d := newDocument("ListAllMyBucketsResult")
	d.owner("Owner", x.who.Account())
	d.begin("Buckets")
	for _, b := range list {
		d.begin("Bucket")
		d.text("Name", b.Name)
		d.time("CreationDate", b.Created)
		if len(q) > 0 { // S3 tells it to those only who ask for a page
			d.text("BucketRegion", b.Region)
		}
		d.text("BucketArn", b.ARN())
		d.end()
	}
	d.end()
	if more {
		d.text("ContinuationToken", list[len(list)-1].Name)
	}
	d.optional("Prefix", page.Prefix)
	return x.send(d)
}

var createBucketConfigurationDocument = restxml.Of[createBucketConfiguration]("CreateBucketConfiguration")

type createBucketConfiguration struct {
	LocationConstraint string `xml:"LocationConstraint"`
	Location           *struct {
		Name string `xml:"Name"`
		Type string `xml:"Type"`
	} `xml:"Location"`
	Bucket *struct {
		DataRedundancy string `xml:"DataRedundancy"`
		Type           string `xml:"Type"`
	} `xml:"Bucket"`
	Tags []tag `xml:"Tags>Tag"`
}

func (x *exchange) createBucket() error {
	c, err := x.bucketConfiguration()
	if err != nil {
		return err
	}
	region, err := x.locationConstraint(c.LocationConstraint)
	if err != nil {
		return err
	}
	tags, err := pairs(c.Tags)
	if err != nil {
		return err
	}
	switch _, err := x.aclHeaders(); err {
	case nil:
	case errACLs:
		return badRequest("InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	default:
		return err
	}
	switch ownership := x.header("X-Amz-Object-Ownership"); {
	case x.headerWith("X-Amz-Object-Ownership") == "" || ownership == "BucketOwnerEnforced":
	case !isOwnership(ownership):
		return badRequest("InvalidArgument", "Invalid x-amz-object-ownership header: "+ownership, bucket.Pair{Name: "ArgumentName", Value: "x-amz-object-ownership"})
	default:
		return notImplemented("x-amz-object-ownership: " + ownership)
	}
	if strings.EqualFold(x.header("X-Amz-Bucket-Object-Lock-Enabled"), "true") {
		return notImplemented("x-amz-bucket-object-lock-enabled")
	}
	if err := x.refuseHeaders("X-Amz-Bucket-Namespace"); err != nil {
		return err
	}
	made, err := x.cfg.Buckets.CreateBucket(x.ctx, x.who, bucket.NewBucket{
		Name: x.bucket, Region: region, Tags: tags, Sharing: x.sharing(), Ownership: x.header("X-Amz-Object-Ownership"),
	})
	if err != nil {
		return err
	}
	h := x.w.Header()
	h["Location"] = []string{"/" + x.bucket}
	if made.Region != bucket.DefaultRegion {
		h["Location"] = []string{x.location()}
	}
	h[arnHeader] = []string{made.ARN()}
	return x.ok()
}

// bucketConfiguration reads the body of a CreateBucket, which may have none.
func (x *exchange) bucketConfiguration() (*createBucketConfiguration, error) {
	body, err := x.readBody(maxXMLBytes)
	if err != nil || len(body) == 0 {
		return &createBucketConfiguration{}, err
	}
	c, err := decodeXML(body, createBucketConfigurationDocument)
	if err == nil && (c.Location != nil || c.Bucket != nil) {
		err = notImplemented("directory buckets")
	}
	return c, err
}

// locationConstraint tells where the bucket is wanted. Only requests to
// us-east-1 may name another region than their own; those to another region
// have to name it.
func (x *exchange) locationConstraint(named string) (string, error) {
	here, want := x.who.Region, named
	if want == "EU" {
		want = "eu-west-1"
	}
	switch {
	case !isRegion(here): // s3cmd signs with "US" until it is told better
		return "", wrongRegion(here, bucket.DefaultRegion)
	case want == "" && here == bucket.DefaultRegion:
		return here, nil
	case want == here && want != bucket.DefaultRegion:
		return here, nil
	case want == "" || here != bucket.DefaultRegion:
		if named == "" {
			named = "unspecified"
		}
		return "", badRequest("IllegalLocationConstraintException",
			"The "+named+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	case !isRegion(want) || want == bucket.DefaultRegion:
		return "", badRequest("InvalidLocationConstraint", "The specified location-constraint is not valid", bucket.Pair{Name: "LocationConstraint", Value: want})
	}
	return want, nil
}

const arnHeader = "X-Amz-Bucket-Arn"

func (x *exchange) headBucket() error {
	b, err := x.cfg.Buckets.HeadBucket(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	h := x.w.Header()
	h[arnHeader] = []string{b.ARN()}
	h["X-Amz-Access-Point-Alias"] = []string{"false"}
	h["Content-Type"] = []string{"application/xml"}
	x.w.WriteHeader(http.StatusOK)
	return nil
}

func (x *exchange) deleteBucket() error {
	if err := x.cfg.Buckets.DeleteBucket(x.ctx, x.who, x.bucket); err != nil {
		return err
	}
	return x.noContent()
}

func (x *exchange) getLocation() error {
	region, err := x.cfg.Buckets.Location(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("LocationConstraint")
	if region != bucket.DefaultRegion {
		d.b = appendEscaped(d.b, region)
	}
	return x.send(d)
}

func (x *exchange) getEncryption() error {
	e, err := x.cfg.Buckets.Encryption(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("ServerSideEncryptionConfiguration")
	d.begin("Rule")
	d.begin("ApplyServerSideEncryptionByDefault")
	d.text("SSEAlgorithm", string(e.Algorithm))
	d.optional("KMSMasterKeyID", e.Key)
	d.end()
	d.boolean("BucketKeyEnabled", e.BucketKey)
	d.begin("BlockedEncryptionTypes")
	if e.AllowCustomerKeys {
		d.text("EncryptionType", "NONE")
	} else {
		d.text("EncryptionType", "SSE-C")
	}
	d.end()
	d.end()
	return x.send(d)
}

var encryptionConfigurationDocument = restxml.Of[encryptionConfiguration]("ServerSideEncryptionConfiguration")

type encryptionConfiguration struct {
	Rules []struct {
		Default *struct {
			Algorithm string `xml:"SSEAlgorithm"`
			Key       string `xml:"KMSMasterKeyID"`
		} `xml:"ApplyServerSideEncryptionByDefault"`
		BucketKey bool `xml:"BucketKeyEnabled"`
		Blocked   *struct {
			Types []string `xml:"EncryptionType"`
		} `xml:"BlockedEncryptionTypes"`
	} `xml:"Rule"`
}

func (x *exchange) putEncryption() error {
	c, err := readXML(x, encryptionConfigurationDocument)
	if err != nil {
		return err
	}
	if len(c.Rules) != 1 {
		return errXML
	}
	rule := c.Rules[0]
	e := &bucket.DefaultEncryption{Algorithm: bucket.S3Managed, BucketKey: rule.BucketKey}
	if rule.Default != nil {
		e.Algorithm, e.Key = bucket.Algorithm(rule.Default.Algorithm), rule.Default.Key
	}
	// Clients that do not know the element leave SSE-C blocked.
	if b := rule.Blocked; b != nil {
		if len(b.Types) != 1 || b.Types[0] != "SSE-C" && b.Types[0] != "NONE" {
			return errXML
		}
		e.AllowCustomerKeys = b.Types[0] == "NONE"
	}
	if err := x.cfg.Buckets.SetEncryption(x.ctx, x.who, x.bucket, e); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) deleteEncryption() error {
	if err := x.cfg.Buckets.SetEncryption(x.ctx, x.who, x.bucket, nil); err != nil {
		return err
	}
	return x.noContent()
}

func (x *exchange) getPolicy() error {
	source, err := x.cfg.Buckets.Policy(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	h := x.w.Header()
	h.Set("Content-Type", "application/json")
	setInt(h, "Content-Length", int64(len(source)))
	x.w.WriteHeader(http.StatusOK)
	_, err = x.w.Write([]byte(source))
	return x.sent(err)
}

func (x *exchange) getPolicyStatus() error {
	public, err := x.cfg.Buckets.PolicyIsPublic(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("PolicyStatus")
	d.boolean("IsPublic", public)
	return x.send(d)
}

func (x *exchange) putPolicy() error {
	source, err := x.readBody(bucket.MaxPolicyBytes + 1)
	if err != nil {
		return err
	}
	if err := x.cfg.Buckets.SetPolicy(x.ctx, x.who, x.bucket, string(source)); err != nil {
		return err
	}
	return x.noContent()
}

func (x *exchange) deletePolicy() error {
	if err := x.cfg.Buckets.DeletePolicy(x.ctx, x.who, x.bucket); err != nil {
		return err
	}
	return x.noContent()
}
