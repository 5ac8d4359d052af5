package event

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
)

// numbers and switches are parameters that are not text in JSON. Whether a value
// can be read as one decides: a request may have had anything there.
var (
	numbers  = []string{"numberOfBytes", "pendingWindowInDays", "rotationPeriodInDays", "durationSeconds", "maxSessionDuration"}
	switches = []string{"multiRegion", "bypassPolicyLockoutSafetyCheck", "dryRun", "setAsDefault"}
)

// members fills in what was asked and answered.
func (ev *Event) members(e *audit.Entry, service string) {
	if ev.Type == "AwsServiceEvent" {
		if len(ev.Touched) > 0 {
			ev.ServiceEventDetails = map[string]any{"keyId": ev.Touched[0].ShortName()}
		}
		return
	}
	p := parameters{}
	response := parameters{}
	for _, name := range slices.Sorted(maps.Keys(e.Params)) {
		value := e.Params[name]
		if rest, ok := strings.CutPrefix(name, audit.ResponsePrefix); ok {
			response.add(rest, value)
			continue
		}
		p.add(name, value)
	}
	if len(e.Context) > 0 {
		p["encryptionContext"] = e.Context
	}
	switch service {
	case "kms":
		ev.keyMembers(e, p, response)
	case "s3":
		ev.objectMembers(p)
		if readsToCopy(e) && len(ev.Touched) > 0 {
			p["x-amz-copy-source"] = strings.TrimPrefix(ev.Touched[0].ARN, "arn:aws:s3:::")
			delete(p, "bucketName")
			delete(p, "key")
		}
	case "cloudfront":
		if len(ev.Touched) > 0 && p["id"] == nil && !strings.HasPrefix(ev.Name, "Create") {
			p["id"] = ev.Touched[0].Name()
		}
	case "iam", "sts":
		ev.accessKeyMembers(p, response)
	}
	if len(p) > 0 {
		ev.RequestParameters = p
	}
	if len(response) > 0 && ev.ErrorCode == "" {
		ev.ResponseElements = response
	}
}

// dateLayout is how CloudTrail writes the dates in what KMS answered.
const dateLayout = "Jan 2, 2006, 3:04:05 PM"

// keyMembers are the peculiarities of KMS.
//
// Source: AWS KMS Developer Guide, "Logging AWS KMS API calls with AWS CloudTrail".
func (ev *Event) keyMembers(e *audit.Entry, p, response parameters) {
	switch ev.Name {
	case "RetireGrant":
		if id := p["grantId"]; id != nil {
			ev.AdditionalEventData = map[string]any{"grantId": id}
		}
		clear(p)
	case "GenerateRandom":
		clear(p)
	case "Decrypt":
		// The ciphertext names the key, if the caller did not.
		if len(ev.Touched) > 0 {
			p["keyId"] = ev.Touched[0].ARN
		}
	}
	if ev.ReadOnly && len(response) > 0 && ev.ErrorCode == "" {
		// What serves the caller's data answers nothing that may be told, but which
		// material did it.
		ev.AdditionalEventData = maps.Clone(response)
		clear(response)
	}
	if !isKMSChange("kms", ev) || len(ev.Touched) == 0 {
		return
	}
	key := ev.Touched[len(ev.Touched)-1]
	if ev.Name == "CreateKey" {
		metadata := map[string]any{
			"AWSAccountId": key.Account, "keyId": key.ShortName(), "arn": key.ARN, "creationDate": e.Time.UTC().Format(dateLayout),
			"enabled": true, "keyManager": "CUSTOMER", "keyState": "Enabled",
		}
		for _, name := range []string{"keySpec", "keyUsage", "origin", "multiRegion", "description"} {
			if v := p[name]; v != nil {
				metadata[name] = v
			}
		}
		if p["origin"] == "EXTERNAL" {
			metadata["enabled"], metadata["keyState"] = false, "PendingImport"
		}
		response["keyMetadata"] = metadata
		return
	}
	if key.Type == "AWS::KMS::Key" {
		response["keyId"] = key.ARN
	}
	if at, ok := response["deletionDate"].(string); ok {
		if when, err := time.Parse(time.RFC3339, at); err == nil {
			response["deletionDate"] = when.UTC().Format(dateLayout)
		}
	}
}

// objectMembers names the bucket and key, which the record has in its resources.
func (ev *Event) objectMembers(p parameters) {
	if len(ev.Touched) == 0 {
		return
	}
	if a, err := arn.Parse(ev.Touched[0].ARN); err == nil {
		bucket, key, _ := strings.Cut(a.Resource, "/")
		p["bucketName"] = bucket
		if key != "" {
			p["key"] = key
		}
	}
}

// accessKeyMembers tells of credentials that were given: their id, no more.
func (ev *Event) accessKeyMembers(p, response parameters) {
	if id := p["sessionAccessKeyId"]; id != nil {
		delete(p, "sessionAccessKeyId")
		response["credentials"] = map[string]any{"accessKeyId": id}
	}
	if id := p["accessKeyId"]; id != nil && ev.Name == "CreateAccessKey" {
		delete(p, "accessKeyId")
		response["accessKey"] = map[string]any{"accessKeyId": id, "status": "Active", "userName": p["userName"]}
	}
}

// parameters is an object of JSON.
type parameters map[string]any

// add puts a parameter of the record in, which has flat names, in the place
// where the request had it.
func (p parameters) add(name, value string) {
	if family, key, ok := strings.Cut(name, "."); ok {
		switch family {
		case "tags":
			list, _ := p["tags"].([]map[string]string)
			p["tags"] = append(list, map[string]string{"tagKey": key, "tagValue": value})
			return
		case "constraints":
			kind, pair, _ := strings.Cut(key, ".")
			if kind != "" {
				kind = strings.ToLower(kind[:1]) + kind[1:]
			}
			p.object("constraints").object(kind)[pair] = value
			return
		case "sourceEncryptionContext", "destinationEncryptionContext":
			p.object(family)[key] = value
			return
		}
	}
	if key, ok := strings.CutPrefix(name, "tag/"); ok {
		list, _ := p["tags"].([]map[string]string)
		p["tags"] = append(list, map[string]string{"key": key, "value": value})
		return
	}
	switch {
	case name == "operations" || name == "tagKeys":
		p[name] = strings.Split(value, ",")
	case slices.Contains(numbers, name):
		p[name] = value
		if n, err := strconv.ParseInt(value, 10, 64); err == nil {
			p[name] = n
		}
	case slices.Contains(switches, name):
		p[name] = value
		if b, err := strconv.ParseBool(value); err == nil {
			p[name] = b
		}
	default:
		p[name] = value
	}
}

func (p parameters) object(name string) parameters {
	inner, ok := p[name].(parameters)
	if !ok {
		inner = parameters{}
		p[name] = inner
	}
	return inner
}
