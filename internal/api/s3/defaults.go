package s3

import (
	"encoding/xml"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Settings that no bucket can have are written none the less, by whoever brings a
// bucket back to how it was made: on S3 that is how one turns them off. Such a write
// changes nothing; any other is refused by the name of what it wants to set.

// elements is a document whose children are settings to turn on.
type elements struct {
	Children []struct{ XMLName xml.Name } `xml:",any"`
}

// turnOff reads a document of the root's name and accepts it if it sets nothing.
func (x *exchange) turnOff(root string, action policy.Action) error {
	var c struct {
		XMLName xml.Name
		elements
	}
	switch err := x.readXML(&c); {
	case err != nil:
		return err
	case c.XMLName.Local != root:
		return errXML
	case len(c.Children) > 0:
		return notImplemented(root + " " + c.Children[0].XMLName.Local)
	}
	return x.leaveUnset(action)
}

// leaveUnset decides about a write that changes nothing.
func (x *exchange) leaveUnset(action policy.Action) error {
	if _, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, "", action); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) putNotification() error {
	return x.turnOff("NotificationConfiguration", "s3:PutBucketNotification")
}

func (x *exchange) putLogging() error {
	return x.turnOff("BucketLoggingStatus", "s3:PutBucketLogging")
}

type requestPaymentConfiguration struct {
	XMLName xml.Name `xml:"RequestPaymentConfiguration"`
	Payer   string   `xml:"Payer"`
}

func (x *exchange) putRequestPayment() error {
	var c requestPaymentConfiguration
	if err := x.readXML(&c); err != nil {
		return err
	}
	switch c.Payer {
	case "BucketOwner":
		return x.leaveUnset("s3:PutBucketRequestPayment")
	case "Requester":
		return notImplemented("Payer Requester")
	}
	return errXML
}

type abacStatus struct {
	XMLName xml.Name `xml:"AbacStatus"`
	Status  string   `xml:"Status"`
}

func (x *exchange) putABAC() error {
	var c abacStatus
	if err := x.readXML(&c); err != nil {
		return err
	}
	switch c.Status {
	case "Disabled":
		return x.leaveUnset("s3:PutBucketAbac")
	case "Enabled":
		return notImplemented("AbacStatus Enabled")
	}
	return errXML
}

func writeABAC(d *document, _ bucket.Bucket) {
	d.root("AbacStatus")
	d.text("Status", "Disabled")
}

type lifecycleConfiguration struct {
	XMLName xml.Name   `xml:"LifecycleConfiguration"`
	Rules   []struct{} `xml:"Rule"`
}

// putLifecycle tells a document without rules, which S3 has no use for either, from
// one that asks for what is not there.
func (x *exchange) putLifecycle() error {
	var c lifecycleConfiguration
	if err := x.readXML(&c); err != nil {
		return err
	}
	if len(c.Rules) == 0 {
		return errXML
	}
	return notImplemented(x.op.name)
}

type accelerateConfiguration struct {
	XMLName xml.Name `xml:"AccelerateConfiguration"`
	Status  string   `xml:"Status"`
}

func (x *exchange) getAcceleration() error {
	a, err := x.cfg.Buckets.Acceleration(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("AccelerateConfiguration")
	d.optional("Status", string(a))
	return x.send(d)
}

func (x *exchange) putAcceleration() error {
	var c accelerateConfiguration
	if err := x.readXML(&c); err != nil {
		return err
	}
	switch {
	case strings.Contains(x.bucket, "."):
		return badRequest("InvalidRequest", "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")
	case c.Status != "Enabled" && c.Status != string(bucket.AccelerationSuspended):
		return errXML
	}
	if err := x.cfg.Buckets.SetAcceleration(x.ctx, x.who, x.bucket, bucket.Acceleration(c.Status)); err != nil {
		return err
	}
	return x.ok()
}
