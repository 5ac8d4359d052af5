package policy

import (
	"net/netip"
	"strconv"
	"strings"
)

// CheckBucket refuses a bucket policy that speaks of another bucket. The error
// is an *Error as from Parse.
//
// Source: Amazon S3 API Reference, PutBucketPolicy.
func (d *Document) CheckBucket(bucket string) error {
	for i := range d.statements {
		for _, rp := range d.statements[i].resources {
			rest, ok := strings.CutPrefix(rp.text, "arn:aws:s3:::"+bucket)
			if !ok || rest != "" && !strings.ContainsAny(rest[:1], "/*?") {
				at := "Statement[" + strconv.Itoa(i) + "].Resource"
				return newError(d.use, badResource, at, rp.text, quote(rp.text)+" is not in the bucket "+quote(bucket))
			}
		}
	}
	return nil
}

// Public reports whether the document of a bucket admits callers that it does
// not pin down: an Allow for everybody, without a condition that fixes who
// asks or from where.
//
// Source: Amazon S3 User Guide, "Blocking public access", "The meaning of public".
func (d *Document) Public() bool {
	for i := range d.statements {
		s := &d.statements[i]
		if s.deny {
			continue
		}
		for j := range s.principals {
			if s.principals[j].kind == everyone && !s.pinned() {
				return true
			}
		}
	}
	return false
}

// pinningKeys are the condition keys whose fixed values pin a caller down.
var pinningKeys = map[string]bool{
	"aws:sourcearn": true, "aws:sourceaccount": true, "aws:sourceowner": true, "aws:sourcevpc": true, "aws:sourcevpce": true,
	"aws:sourceip": true, "aws:principalarn": true, "aws:principalaccount": true, "aws:principalorgid": true, "aws:userid": true,
	"s3:x-amz-server-side-encryption-aws-kms-key-id": true, "s3:dataaccesspointarn": true, "s3:dataaccesspointaccount": true,
}

func (s *statement) pinned() bool {
	for i := range s.conditions {
		if s.conditions[i].pins() {
			return true
		}
	}
	return false
}

// pins reports whether the condition fixes its key to values without wildcards.
func (c *condition) pins() bool {
	if c.negated || c.ifExists || c.set == everyValue || !pinningKeys[c.key.name] {
		return false
	}
	for i := range c.wants {
		w := &c.wants[i]
		switch c.compare {
		case sameText, sameFolded:
			if w.vars != nil {
				return false
			}
		case likeText, likeARN:
			if w.vars != nil || !w.glob.IsLiteral() {
				return false
			}
		case inNetwork:
			if tooWide(w.network) {
				return false
			}
		default:
			return false
		}
	}
	return true
}

// tooWide reports whether a block is as good as the whole Internet.
func tooWide(block netip.Prefix) bool {
	if block.Addr().Is4() {
		return block.Bits() < 8
	}
	return block.Bits() < 32
}
