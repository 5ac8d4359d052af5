package s3

import (
	"errors"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

// Settings that no bucket can have are written none the less, by whoever brings a
// bucket back to how it was made: on S3 that is how one turns them off. Such a write
// changes nothing; any other is refused by the name of what it wants to set.

// empty is a document that sets nothing.
type empty = restxml.Document[struct{}]

// Documents whose children are settings to turn on.
var (
	notificationDocument = restxml.Of[struct{}]("NotificationConfiguration")
	loggingDocument      = restxml.Of[struct{}]("BucketLoggingStatus")
	lifecycleDocument    = restxml.Of[struct{}]("LifecycleConfiguration")
)

// turnOff reads a document and accepts it if it sets nothing.
func (x *exchange) turnOff(d empty, action policy.Action) error {
	if _, err := readXML(x, d); err != nil {
		if setting := unknownElement(err); setting != "" {
			return notImplemented(setting)
		}
		return err
	}
	return x.leaveUnset(action)
}

// unknownElement returns the element that a document does not have, behind those it
// stands in; "" if err says something else.
func unknownElement(err error) string {
	if d, ok := errors.AsType[*restxml.DecodeError](err); ok && d.Problem == restxml.Unknown {
		return strings.ReplaceAll(d.Path, "/", " ")
	}
	return ""
}

// leaveUnset decides about a write that changes nothing.
func (x *exchange) leaveUnset(action policy.Action) error {
	if _, err := x.cfg.Buckets.Unset(x.ctx, x.who, x.bucket, "", action); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) putNotification() error {
	return x.turnOff(notificationDocument, "s3:PutBucketNotification")
}

func (x *exchange) putLogging() error {
	return x.turnOff(loggingDocument, "s3:PutBucketLogging")
}

var requestPaymentConfigurationDocument = restxml.Of[requestPaymentConfiguration]("RequestPaymentConfiguration")

type requestPaymentConfiguration struct {
	Payer string `xml:"Payer"`
}

func (x *exchange) putRequestPayment() error {
	c, err := readXML(x, requestPaymentConfigurationDocument)
	if err != nil {
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

var abacStatusDocument = restxml.Of[abacStatus]("AbacStatus")

type abacStatus struct {
	Status string `xml:"Status"`
}

func (x *exchange) putABAC() error {
	c, err := readXML(x, abacStatusDocument)
	if err != nil {
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

// putLifecycle tells a document without rules, which S3 has no use for either, from
// one that asks for what is not there.
func (x *exchange) putLifecycle() error {
	switch _, err := readXML(x, lifecycleDocument); {
	case err == nil:
		return errXML
	case unknownElement(err) == "":
		return err
	}
	return notImplemented(x.op.name)
}

var accelerateConfigurationDocument = restxml.Of[accelerateConfiguration]("AccelerateConfiguration")

type accelerateConfiguration struct {
	Status string `xml:"Status"`
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
	c, err := readXML(x, accelerateConfigurationDocument)
	if err != nil {
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
