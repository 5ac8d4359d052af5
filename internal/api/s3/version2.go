package s3

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base64"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

// Signature Version 2 is what boto3 and version 1 of the aws CLI presign URLs and
// forms with, unless they are told otherwise, for the Regions that are older than
// version 4. It is taken in those, in URLs and forms only, and opens nothing under a
// KMS key. Policies tell it from version 4 by s3:signatureversion, which is AWS.
//
// Source: Amazon S3 API Reference, "Signing and authenticating REST requests (AWS
// signature version 2)" and "Browser-based uploads using POST (AWS signature version
// 2)".

// errVersion2 is about version 2 where it is not taken.
var errVersion2 = badRequest("InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")

func takesVersion2(region string) bool {
	switch region {
	case "ap-northeast-1", "ap-southeast-1", "ap-southeast-2", "eu-west-1", "sa-east-1", "us-east-1", "us-west-1", "us-west-2":
		return true
	}
	return false
}

// subresources are the parameters that version 2 signs, in the order in which it
// does.
var subresources = []string{
	"accelerate", "acl", "analytics", "cors", "defaultObjectAcl", "delete", "encryption", "inventory", "legal-hold", "lifecycle", "location", "logging",
	"metrics", "notification", "object-lock", "ownershipControls", "partNumber", "policy", "policyStatus", "publicAccessBlock", "replication",
	"requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding", "response-content-language",
	"response-content-type", "response-expires", "restore", "retention", "select", "select-type", "storageClass", "tagging", "torrent", "uploadId", "uploads",
	"versionId", "versioning", "versions", "website",
}

// authenticateURL verifies a presigned URL of version 2, and fills in who calls.
func (x *exchange) authenticateURL() error {
	given := func(name string) string {
		if v := x.query[name]; len(v) == 1 {
			return v[0]
		}
		return ""
	}
	if x.cfg.Poster == nil {
		return errVersion2
	}
	id, signature, until := given("AWSAccessKeyId"), given("Signature"), given("Expires")
	if id == "" || signature == "" || until == "" {
		return accessDenied("Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters")
	}
	region := x.regionForVersion2()
	if !takesVersion2(region) {
		return errVersion2
	}
	expires, err := strconv.ParseInt(until, 10, 64)
	if err != nil {
		return accessDenied("Invalid date (should be seconds since epoch): " + until)
	}
	if now := x.who.At; now.Unix() >= expires {
		return accessDenied("Request has expired", bucket.Pair{Name: "Expires", Value: time.Unix(max(expires, 0), 0).UTC().Format(errorTime)},
			bucket.Pair{Name: "ServerTime", Value: now.UTC().Format(errorTime)})
	}
	headers, err := x.amzHeaders()
	if err == nil {
		err = x.checkReadings()
	}
	if err != nil {
		return err
	}
	who, err := x.cfg.Poster(id, headers["x-amz-security-token"], x.who.At)
	if err != nil {
		return err
	}
	// boto3 signs what the body is and writes it into the URL.
	for _, name := range []string{"Content-Md5", "Content-Type"} {
		if v := given(strings.ToLower(name)); v != "" && x.r.Header.Get(name) == "" {
			x.r.Header.Set(name, v)
		}
	}
	text := strings.Join([]string{x.r.Method, x.r.Header.Get("Content-Md5"), x.r.Header.Get("Content-Type"), until, ""}, "\n")
	for _, name := range slices.Sorted(maps.Keys(headers)) {
		text += name + ":" + headers[name] + "\n"
	}
	if text += x.signedResource(); !signedVersion2(who.Secret, text, signature) {
		return signatureMismatch(id, text, signature)
	}
	x.identify(&who, id, region)
	x.who.AuthType, x.who.Version2 = "REST-QUERY-STRING", true
	// From here on it is a presigned URL as any other.
	x.r.Auth.Form, x.r.Auth.Scope.Region = sigv4.FormQuery, region
	return nil
}

// regionForVersion2 is the Region that a request of version 2 is for, which does not
// say so itself.
func (x *exchange) regionForVersion2() string {
	if b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket); err == nil {
		return b.Region
	}
	return x.who.Region
}

// amzHeaders are the x-amz-* headers of a request, by their names in lower case;
// those that presigning moved into the query as well, which count where there is no
// such header.
func (x *exchange) amzHeaders() (map[string]string, error) {
	all := make(map[string]string)
	for name, values := range x.query {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		if _, twice := all[lower]; twice || len(values) != 1 {
			return nil, invalidArgument("The parameter is there more than once.", name, values[0])
		}
		all[lower] = strings.TrimSpace(values[0])
	}
	for name, values := range x.r.Header {
		lower := strings.ToLower(name)
		if !strings.HasPrefix(lower, "x-amz-") {
			continue
		}
		if len(values) != 1 {
			return nil, invalidArgument("The header is there more than once.", name, values[0])
		}
		all[lower] = strings.TrimSpace(values[0])
	}
	return all, nil
}

// checkReadings refuses what would let one signed text be read in two ways: version
// 2 signs decoded values, one behind the other, with nothing to keep them apart. Who
// has a URL could take a header or a version id out of it otherwise.
func (x *exchange) checkReadings() error {
	for name, values := range x.query {
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n") || slices.Contains(subresources, name) && holdsSubresource(v) {
				return invalidArgument("The parameter cannot be signed with Signature Version 2.", name, v)
			}
		}
	}
	return nil
}

// holdsSubresource tells whether a value reads as if a further parameter followed.
func holdsSubresource(value string) bool {
	_, rest, found := strings.Cut(value, "&")
	for found {
		var next string
		next, rest, found = strings.Cut(rest, "&")
		name, _, _ := strings.Cut(next, "=")
		if slices.Contains(subresources, name) {
			return true
		}
	}
	return false
}

// signedResource is the path as it was sent, behind the bucket if that stands in
// the host's name, with the parameters that are signed.
func (x *exchange) signedResource() string {
	path := x.r.URL.EscapedPath()
	if name := x.hosts.bucket(x.r.Host); name != "" {
		path = "/" + name + path
	} else if x.bucket != "" && x.key == "" {
		// SDKs sign a bucket's own path with a slash, and send it without.
		path = strings.TrimSuffix(path, "/") + "/"
	}
	separator := "?"
	for _, name := range subresources {
		values, ok := x.query[name]
		if !ok {
			continue
		}
		path += separator + name
		if separator = "&"; values[0] != "" {
			path += "=" + values[0]
		}
	}
	return path
}

// signedVersion2 tells whether signature is that of text: base64 of the HMAC-SHA-1.
func signedVersion2(secret sealed.Secret, text, signature string) bool {
	mac := hmac.New(sha1.New, secret.Reveal())
	mac.Write([]byte(text))
	given, err := base64.StdEncoding.Strict().DecodeString(signature)
	return err == nil && hmac.Equal(given, mac.Sum(nil))
}

// authenticateForm2 verifies the signature of a form's policy by version 2.
func (x *exchange) authenticateForm2(f form) error {
	region := x.regionForVersion2()
	if !takesVersion2(region) {
		return errVersion2
	}
	id := f["awsaccesskeyid"]
	for _, name := range []string{"AWSAccessKeyId", "Signature"} {
		if f[strings.ToLower(name)] == "" {
			return invalidArgument("Bucket POST must contain a field named '"+name+"'.  If it is specified, please check the order of the fields.", name, "")
		}
	}
	who, err := x.cfg.Poster(id, f["x-amz-security-token"], x.who.At)
	if err != nil {
		return err
	}
	if !signedVersion2(who.Secret, f["policy"], f["signature"]) {
		return signatureMismatch(id, f["policy"], f["signature"])
	}
	x.identify(&who, id, region)
	x.who.AuthType, x.who.Version2 = "POST", true
	return nil
}

// identify makes who signed the caller.
func (x *exchange) identify(who *Poster, accessKeyID, region string) {
	x.who.Principal, x.who.AccessKeyID, x.who.Region = who.Principal, accessKeyID, region
	x.who.Tags, x.who.Session = who.Tags, who.Session
	if who.Used != nil {
		who.Used(region, x.who.At)
	}
}
