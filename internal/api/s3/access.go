package s3

import (
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

var publicAccessBlockDocument = restxml.Of[publicAccessBlock]("PublicAccessBlockConfiguration")

type publicAccessBlock struct {
	BlockPublicACLs       bool `xml:"BlockPublicAcls"`
	IgnorePublicACLs      bool `xml:"IgnorePublicAcls"`
	BlockPublicPolicy     bool `xml:"BlockPublicPolicy"`
	RestrictPublicBuckets bool `xml:"RestrictPublicBuckets"`
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
	c, err := readXML(x, publicAccessBlockDocument)
	if err != nil {
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

var ownershipControlsDocument = restxml.Of[ownershipControls]("OwnershipControls")

type ownershipControls struct {
	Rules []struct {
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
	c, err := readXML(x, ownershipControlsDocument)
	if err != nil {
		return err
	}
	if len(c.Rules) != 1 || !isOwnership(c.Rules[0].Ownership) {
		return errXML
	}
	if err := x.cfg.Buckets.SetOwnership(x.ctx, x.who, x.bucket, bucket.Ownership(c.Rules[0].Ownership)); err != nil {
		return err
	}
	return x.ok()
}

// isOwnership tells whether S3 knows the object ownership, which is not to say that
// there is it here.
func isOwnership(s string) bool {
	return s == "BucketOwnerEnforced" || s == "BucketOwnerPreferred" || s == "ObjectWriter"
}

func (x *exchange) deleteOwnership() error {
	if err := x.cfg.Buckets.SetOwnership(x.ctx, x.who, x.bucket, ""); err != nil {
		return err
	}
	return x.noContent()
}
