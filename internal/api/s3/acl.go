package s3

import (
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// writeOwnerACL is the one access control list there is: the owner's.
func writeOwnerACL(d *document, b bucket.Bucket) {
	d.root("AccessControlPolicy")
	d.owner("Owner", b.Owner)
	d.begin("AccessControlList")
	d.begin("Grant")
	d.b = append(d.b, `<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser">`...)
	d.text("ID", identity.CanonicalID(b.Owner))
	d.b = append(d.b, "</Grantee>"...)
	d.text("Permission", "FULL_CONTROL")
	d.end()
	d.end()
}

var errACLs = badRequest("AccessControlListNotSupported", "The bucket does not allow ACLs")

// aclHeaders checks the headers that give a bucket or an object an access control
// list, and tells whether there are any. The two canned lists that mean full control
// of the owner are accepted, since clients send them where they would not have to.
//
// Source: Amazon S3 User Guide, "Controlling ownership of objects and disabling ACLs".
func (x *exchange) aclHeaders() (given bool, err error) {
	acl, grant := x.header("X-Amz-Acl"), x.headerWith("X-Amz-Grant-")
	switch {
	case acl != "" && grant != "":
		return true, badRequest("InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
	case grant != "":
		return true, errACLs
	}
	switch acl {
	case "":
		return false, nil
	case "private", "bucket-owner-full-control":
		return true, nil
	case "public-read", "public-read-write", "authenticated-read", "aws-exec-read", "bucket-owner-read", "log-delivery-write":
		return true, errACLs
	}
	return true, invalidArgument("", "x-amz-acl", acl)
}

// grantHeaders are those that give somebody a permission.
var grantHeaders = []string{"X-Amz-Grant-Full-Control", "X-Amz-Grant-Read", "X-Amz-Grant-Read-Acp", "X-Amz-Grant-Write", "X-Amz-Grant-Write-Acp"}

// sharing is what aclHeaders judges, as policies see it.
func (x *exchange) sharing() bucket.Sharing {
	s := bucket.Sharing{ACL: x.header("X-Amz-Acl")}
	for _, name := range grantHeaders {
		if value := x.header(name); value != "" {
			s.Grants = append(s.Grants, bucket.Pair{Name: strings.ToLower(name), Value: value})
		}
	}
	return s
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

var accessControlPolicyDocument = restxml.Of[accessControlPolicy]("AccessControlPolicy")

type accessControlPolicy struct {
	Owner  grantee `xml:"Owner"`
	Grants []struct {
		Grantee    grantee `xml:"Grantee"`
		Permission string  `xml:"Permission"`
	} `xml:"AccessControlList>Grant"`
}

type grantee struct {
	ID           string `xml:"ID"`
	DisplayName  string `xml:"DisplayName"`
	EmailAddress string `xml:"EmailAddress"`
	URI          string `xml:"URI"`
}

// ownersACL refuses every access control list but the one there is: full control
// of the owner and nothing else.
func (x *exchange) ownersACL() error {
	content, err := x.readBody(maxXMLBytes)
	if err != nil {
		return err
	}
	switch given, err := x.aclHeaders(); {
	case err != nil:
		return err
	case given && len(content) > 0:
		return badRequest("UnexpectedContent", "This request does not support content")
	case given:
		return nil
	case len(content) == 0:
		return badRequest("MissingSecurityHeader", "Your request was missing a required header", bucket.Pair{Name: "MissingHeaderName", Value: "x-amz-acl"})
	}
	c, err := decodeXML(content, accessControlPolicyDocument)
	if err != nil {
		return badRequest("MalformedACLError", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	if err != nil {
		return err
	}
	if len(c.Grants) != 1 || c.Grants[0].Grantee.ID != identity.CanonicalID(b.Owner) || c.Grants[0].Permission != "FULL_CONTROL" {
		return errACLs
	}
	return nil
}

// putACL gives a bucket or an object the list that it has.
func (x *exchange) putACL() error {
	info, err := x.cfg.Buckets.DecideACL(x.ctx, x.who, x.version(), x.sharing())
	setVersion(x.w.Header(), info.VersionID)
	if err != nil {
		return err
	}
	if err := x.ownersACL(); err != nil {
		return err
	}
	return x.ok()
}
