package s3

import (
	"encoding/xml"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
)

type publicAccessBlock struct {
	XMLName               xml.Name `xml:"PublicAccessBlockConfiguration"`
	BlockPublicACLs       bool     `xml:"BlockPublicAcls"`
	IgnorePublicACLs      bool     `xml:"IgnorePublicAcls"`
	BlockPublicPolicy     bool     `xml:"BlockPublicPolicy"`
	RestrictPublicBuckets bool     `xml:"RestrictPublicBuckets"`
}

func (x *exchange) getPublicAccessBlock() error {
	p, err := x.cfg.Buckets.PublicAccessBlock(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("PublicAccessBlockConfiguration")
	d.boolean("BlockPublicAcls", p.BlockPublicACLs)
	d.boolean("IgnorePublicAcls", p.IgnorePublicACLs)
	d.boolean("BlockPublicPolicy", p.BlockPublicPolicy)
	d.boolean("RestrictPublicBuckets", p.RestrictPublicBuckets)
	return x.send(d)
}

func (x *exchange) putPublicAccessBlock() error {
	var c publicAccessBlock
	if err := x.readXML(&c); err != nil {
		return err
	}
	p := &bucket.PublicAccessBlock{
		BlockPublicACLs: c.BlockPublicACLs, IgnorePublicACLs: c.IgnorePublicACLs,
		BlockPublicPolicy: c.BlockPublicPolicy, RestrictPublicBuckets: c.RestrictPublicBuckets,
	}
	if err := x.cfg.Buckets.SetPublicAccessBlock(x.ctx, x.who, x.bucket, p); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) deletePublicAccessBlock() error {
	if err := x.cfg.Buckets.SetPublicAccessBlock(x.ctx, x.who, x.bucket, nil); err != nil {
		return err
	}
	return x.noContent()
}

type ownershipControls struct {
	XMLName xml.Name `xml:"OwnershipControls"`
	Rules   []struct {
		Ownership string `xml:"ObjectOwnership"`
	} `xml:"Rule"`
}

func (x *exchange) getOwnership() error {
	o, err := x.cfg.Buckets.Ownership(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("OwnershipControls")
	d.begin("Rule")
	d.text("ObjectOwnership", string(o))
	d.end()
	return x.send(d)
}

func (x *exchange) putOwnership() error {
	var c ownershipControls
	if err := x.readXML(&c); err != nil {
		return err
	}
	if len(c.Rules) != 1 || c.Rules[0].Ownership == "" {
		return errXML
	}
	if err := x.cfg.Buckets.SetOwnership(x.ctx, x.who, x.bucket, bucket.Ownership(c.Rules[0].Ownership)); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) deleteOwnership() error {
	if err := x.cfg.Buckets.SetOwnership(x.ctx, x.who, x.bucket, ""); err != nil {
		return err
	}
	return x.noContent()
}

func (x *exchange) getObjectACL() error {
	if _, err := x.inspect("s3:GetObjectAcl"); err != nil {
		return err
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	d := &document{b: []byte(xmlHeader)}
	writeOwnerACL(d, b)
	return x.send(d)
}

type accessControlPolicy struct {
	XMLName xml.Name `xml:"AccessControlPolicy"`
	Grants  []struct {
		Grantee struct {
			ID  string `xml:"ID"`
			URI string `xml:"URI"`
		} `xml:"Grantee"`
		Permission string `xml:"Permission"`
	} `xml:"AccessControlList>Grant"`
}

// ownersACL refuses every access control list but the one there is: full control
// of the owner and nothing else.
func (x *exchange) ownersACL() error {
	content, err := x.readBody(maxXMLBytes)
	if err != nil {
		return err
	}
	for name := range x.r.Header {
		if len(name) > len("X-Amz-Grant-") && name[:len("X-Amz-Grant-")] == "X-Amz-Grant-" {
			return aclNotSupported()
		}
	}
	switch acl := x.header("X-Amz-Acl"); acl {
	case "private", "bucket-owner-full-control":
		return nil
	case "":
	default:
		return aclNotSupported()
	}
	var c accessControlPolicy
	if err := decodeXML(content, &c); err != nil {
		return err
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	if len(c.Grants) != 1 || c.Grants[0].Grantee.ID != identity.CanonicalID(b.Owner) || c.Grants[0].Permission != "FULL_CONTROL" {
		return aclNotSupported()
	}
	return nil
}

func (x *exchange) putBucketACL() error {
	if _, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, "", policy.Action("s3:PutBucketAcl")); err != nil {
		return err
	}
	if err := x.ownersACL(); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) putObjectACL() error {
	if _, err := x.inspect("s3:PutObjectAcl"); err != nil {
		return err
	}
	if err := x.ownersACL(); err != nil {
		return err
	}
	return x.ok()
}
