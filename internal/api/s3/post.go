package s3

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"mime"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/identity"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

// Poster is who signed a form, or a URL by Signature Version 2.
type Poster struct {
	Principal policy.Principal
	Tags      []access.Tag
	Session   *access.Session
	Secret    sealed.Secret // of the access key
	// Used notes, unless it is nil, that a request of theirs was verified.
	Used func(region string, at time.Time)
}

// Posters finds in the register who signed.
func Posters(register *identity.Service) func(accessKeyID, sessionToken string, now time.Time) (Poster, error) {
	return func(accessKeyID, sessionToken string, now time.Time) (Poster, error) {
		c, err := register.Lookup(accessKeyID, sessionToken, now)
		if err != nil {
			return Poster{}, err
		}
		secret, err := c.Secret()
		return Poster{
			Principal: c.Principal, Tags: c.Tags, Session: c.Session, Secret: secret,
			Used: func(region string, at time.Time) { register.Used(c, "s3", region, at) },
		}, err
	}
}

const (
	// maxFormBytes bounds the fields of a form before its file.
	maxFormBytes  = 64 << 10
	maxFormFields = 100
)

// form are the fields of a posted form that come before its file, by their names
// in lower case.
type form map[string]string

// postObject takes a browser's form: who signed it, its policy says what may be
// posted, and its last field is the object.
//
// Source: Amazon S3 API Reference, POST Object and "Authenticating Requests:
// Browser-Based Uploads Using POST".
func (x *exchange) postObject() error {
	if x.cfg.Poster == nil {
		return notImplemented("PostObject")
	}
	f, file, err := x.readForm()
	if err != nil {
		return err
	}
	f.expand(file.FileName())
	key, given := f["key"]
	if !given {
		return invalidArgument("Bucket POST must contain a field named 'key'.  If it is specified, please check the order of the fields.", "key", "")
	}
	x.key = key
	content := &postedFile{r: file, largest: bucket.MaxObjectBytes}
	if f["policy"] != "" {
		if err := x.authenticateForm(f); err != nil {
			return err
		}
		if err := f.checkPolicy(x.bucket, x.who.At, content); err != nil {
			return err
		}
	}
	// From here on the fields are the headers of a PutObject.
	x.r.Header = f.header()
	in, err := x.newObject()
	if err != nil {
		return err
	}
	if t := f["tagging"]; t != "" {
		doc, err := decodeXML([]byte(t), taggingDocument)
		if err != nil {
			return err
		}
		if in.Tags, err = pairs(doc.Tags); err != nil {
			return err
		}
	}
	in.Body, in.SizeBytes = content, bucket.UnknownSize
	if in.Digests, err = x.formDigests(); err != nil {
		return err
	}
	info, err := x.cfg.Buckets.Put(x.ctx, x.who, in)
	if err != nil {
		return err
	}
	return x.posted(f, &info)
}

// expand puts the name of the file into the fields that ask for it, before anything
// looks at them: a policy is about what they say then. Paths that browsers send are
// cut off. A file without a name leaves the fields as they are.
//
// Source: Amazon S3 Developer Guide, "HTML Forms".
func (f form) expand(filename string) {
	filename = filename[strings.LastIndexAny(filename, `/\`)+1:]
	if filename == "" {
		return
	}
	for name, value := range f {
		if name != "policy" {
			f[name] = strings.ReplaceAll(value, "${filename}", filename)
		}
	}
}

// formDigests are the checksum that the form declares, or the one that it asks for.
func (x *exchange) formDigests() (bucket.DeclaredDigests, error) {
	var b body
	if err := x.declareDigests(&b, nil, nil); err != nil {
		return b.digests, err
	}
	asked, err := x.checksumAlgorithm()
	switch declared := b.digests.Algorithm; {
	case declared == bucket.NoChecksum:
		b.digests.Algorithm = asked
	case asked != bucket.NoChecksum && asked != declared:
		return b.digests, badRequest("InvalidRequest", "Value for x-amz-checksum-algorithm header is invalid.")
	}
	return b.digests, err
}

// posted answers as the form wants.
func (x *exchange) posted(f form, info *bucket.Info) error {
	h := x.w.Header()
	h["Etag"] = []string{`"` + info.ETag + `"`}
	h["Location"] = []string{x.location()}
	setNewVersion(h, info.VersionID)
	x.setEncryption(&info.Encryption, true)
	setChecksum(h, info.Checksum, 0)
	to := f["success_action_redirect"]
	if to == "" {
		to = f["redirect"]
	}
	if u, err := url.Parse(to); to != "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		q := u.Query()
		q.Set("bucket", x.bucket)
		q.Set("key", x.key)
		q.Set("etag", `"`+info.ETag+`"`)
		u.RawQuery = q.Encode()
		h["Location"] = []string{u.String()}
		x.w.WriteHeader(http.StatusSeeOther)
		return nil
	}
	switch f["success_action_status"] {
	case "200":
		return x.ok()
	case "201":
		d := &document{b: []byte(xmlHeader)}
		d.begin("PostResponse")
		d.text("Location", x.location())
		d.text("Bucket", x.bucket)
		d.text("Key", x.key)
		d.etag(info.ETag)
		b := d.bytes()
		h["Content-Type"] = []string{"application/xml"}
		setInt(h, "Content-Length", int64(len(b)))
		x.w.WriteHeader(http.StatusCreated)
		_, err := x.w.Write(b)
		return x.sent(err)
	}
	return x.noContent()
}

// readForm reads the fields up to the file, which is left to be read.
func (x *exchange) readForm() (form, *multipart.Part, error) {
	malformed := badRequest("MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
	kind, params, err := mime.ParseMediaType(x.r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" || params["boundary"] == "" {
		return nil, nil, asAPIError(&bucket.PreconditionError{Condition: "Bucket POST must be of the enclosure-type multipart/form-data"})
	}
	r := multipart.NewReader(x.r.Request.Body, params["boundary"])
	f, room := form{}, int64(maxFormBytes)
	for {
		part, err := r.NextRawPart()
		if err == io.EOF {
			return nil, nil, invalidArgument("POST requires exactly one file upload per request.", "file", "0")
		}
		if err != nil {
			return nil, nil, malformed
		}
		name := strings.ToLower(part.FormName())
		switch {
		case name == "file":
			return f, part, nil
		case name == "" || len(f) == maxFormFields:
			return nil, nil, malformed
		}
		value, err := io.ReadAll(io.LimitReader(part, room+1))
		if err != nil {
			return nil, nil, malformed
		}
		if room -= int64(len(value) + len(name)); room < 0 {
			return nil, nil, badRequest("MaxPostPreDataLengthExceeded", "Your POST request fields preceding the upload file were too large.")
		}
		if _, twice := f[name]; twice {
			return nil, nil, malformed
		}
		f[name] = string(value)
	}
}

// header spells the fields that PutObject has headers for as those headers.
func (f form) header() http.Header {
	h := http.Header{}
	for name, value := range f {
		switch {
		case name == "acl":
			h.Set("X-Amz-Acl", value)
		case strings.HasPrefix(name, "x-amz-"), name == "content-type", name == "cache-control", name == "content-disposition", name == "content-encoding", name == "content-language", name == "expires":
			h[textproto.CanonicalMIMEHeaderKey(name)] = []string{value}
		}
	}
	return h
}

// authenticateForm verifies the signature of the form's policy.
func (x *exchange) authenticateForm(f form) error {
	if f["awsaccesskeyid"] != "" {
		return x.authenticateForm2(f)
	}
	names := []string{"X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Date", "X-Amz-Signature"}
	absent := func(name string) bool { return f[strings.ToLower(name)] == "" }
	if !slices.ContainsFunc(names, func(name string) bool { return !absent(name) }) {
		return accessDenied("Access Denied") // nobody's policy
	}
	for _, name := range names {
		if absent(name) {
			return invalidArgument("Bucket POST must contain a field named '"+name+"'.  If it is specified, please check the order of the fields.", name, "")
		}
	}
	scope := strings.Split(f["x-amz-credential"], "/")
	signed, err := time.Parse("20060102T150405Z", f["x-amz-date"])
	if f["x-amz-algorithm"] != "AWS4-HMAC-SHA256" || err != nil || len(scope) != 5 || scope[3] != "s3" || scope[4] != "aws4_request" || scope[1] != f["x-amz-date"][:8] {
		return invalidArgument("The credential of the form is malformed.", "x-amz-credential", f["x-amz-credential"])
	}
	if b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket); err == nil && b.Region != scope[2] {
		return wrongRegion(scope[2], b.Region)
	}
	who, err := x.cfg.Poster(scope[0], f["x-amz-security-token"], x.who.At)
	if err != nil {
		return err
	}
	sum := append([]byte("AWS4"), who.Secret.Reveal()...)
	for _, text := range []string{scope[1], scope[2], scope[3], scope[4], f["policy"]} {
		mac := hmac.New(sha256.New, sum)
		mac.Write([]byte(text))
		sum = mac.Sum(nil)
	}
	if given, err := hex.DecodeString(f["x-amz-signature"]); err != nil || !hmac.Equal(given, sum) {
		return signatureMismatch(scope[0], f["policy"], f["x-amz-signature"])
	}
	x.identify(&who, scope[0], scope[2])
	x.who.AuthType, x.who.SignedAt = "POST", signed
	return nil
}

// postPolicy is what the signer of a form allows.
type postPolicy struct {
	Expiration string            `json:"expiration"`
	Conditions []json.RawMessage `json:"conditions"`
}

// checkPolicy wants every condition of the policy to hold, and every field to be
// covered by one. It sets the bounds of the file.
func (f form) checkPolicy(name string, now time.Time, file *postedFile) error {
	malformed := func(what string) error {
		return badRequest("InvalidPolicyDocument", "Invalid Policy: "+what)
	}
	refused := func(what string) error { return accessDenied("Invalid according to Policy: " + what) }
	raw, err := base64.StdEncoding.DecodeString(f["policy"])
	if err != nil {
		return malformed("Invalid base64.")
	}
	var p postPolicy
	if err := json.Unmarshal(raw, &p); err != nil {
		return malformed("Invalid JSON.")
	}
	expires, err := time.Parse(time.RFC3339, p.Expiration)
	switch {
	case err != nil:
		return malformed("Invalid 'expiration' value: '" + p.Expiration + "'")
	case p.Conditions == nil:
		return malformed("Policy missing conditions.")
	case !now.Before(expires):
		return refused("Policy expired.")
	}
	values := maps.Clone(f)
	values["bucket"] = name
	covered := map[string]bool{}
	for _, c := range p.Conditions {
		operator, field, value, bounds, err := parseCondition(c)
		switch {
		case err == errNeverHolds:
			return refused("Policy Condition failed: " + string(c))
		case err == errSimple:
			return malformed("Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.")
		case err != nil:
			return malformed("Invalid condition: " + string(c))
		}
		covered[field] = true
		holds := true
		switch operator {
		case "eq":
			holds = values[field] == value
		case "starts-with":
			holds = strings.HasPrefix(values[field], value)
			if field == "content-type" { // a list in one field
				for one := range strings.SplitSeq(values[field], ",") {
					holds = holds && strings.HasPrefix(one, value)
				}
			}
		case "content-length-range":
			file.smallest, file.largest = max(file.smallest, bounds[0]), min(file.largest, bounds[1])
		}
		if !holds {
			return refused("Policy Condition failed: " + string(c))
		}
	}
	for _, field := range slices.Sorted(maps.Keys(f)) {
		exempt := field == "policy" || field == "x-amz-signature" || field == "awsaccesskeyid" || field == "signature" || strings.HasPrefix(field, "x-ignore-")
		if !exempt && !covered[field] {
			return refused("Extra input fields: " + field)
		}
	}
	return nil
}

var (
	errCondition = errors.New("s3: malformed condition")
	errSimple    = errors.New("s3: condition of more or less than one property")
	// errNeverHolds is about a condition that S3 takes and that nothing meets.
	errNeverHolds = errors.New("s3: condition never holds")
)

// parseCondition reads {"field": "value"}, ["eq", "$field", "value"],
// ["starts-with", "$field", "value"] or ["content-length-range", least, most].
func parseCondition(raw json.RawMessage) (operator, field, value string, bounds [2]int64, err error) {
	var exact map[string]string
	if json.Unmarshal(raw, &exact) == nil {
		for field, value := range exact {
			if len(exact) == 1 {
				return "eq", strings.ToLower(field), value, bounds, nil
			}
		}
		return "", "", "", bounds, errSimple
	}
	var list []any
	if json.Unmarshal(raw, &list) != nil || len(list) != 3 {
		return "", "", "", bounds, errCondition
	}
	operator, _ = list[0].(string)
	operator = strings.ToLower(operator)
	if operator == "content-length-range" {
		for i, v := range list[1:] {
			switch v := v.(type) {
			case float64:
				bounds[i] = int64(v)
			case string:
				if bounds[i], err = strconv.ParseInt(v, 10, 64); err != nil {
					return "", "", "", bounds, errNeverHolds
				}
			default:
				return "", "", "", bounds, errCondition
			}
		}
		return operator, "", "", bounds, nil
	}
	name, isName := list[1].(string)
	value, isText := list[2].(string)
	field, dollar := strings.CutPrefix(name, "$")
	if operator != "eq" && operator != "starts-with" || !isName || !isText {
		return "", "", "", bounds, errCondition
	}
	if !dollar {
		return "", "", "", bounds, errNeverHolds
	}
	return operator, strings.ToLower(field), value, bounds, nil
}

// postedFile is the file of a form; it ends with an error when its size is not
// what the policy allows.
type postedFile struct {
	r                       io.Reader
	read, smallest, largest int64
}

func (p *postedFile) Read(b []byte) (int, error) {
	n, err := p.r.Read(b)
	p.read += int64(n)
	switch {
	case p.read > p.largest:
		return n, badRequest("EntityTooLarge", "Your proposed upload exceeds the maximum allowed size",
			bucket.Pair{Name: "ProposedSize", Value: strconv.FormatInt(p.read, 10)}, bucket.Pair{Name: "MaxSizeAllowed", Value: strconv.FormatInt(p.largest, 10)})
	case err == io.EOF && p.read < p.smallest:
		return n, badRequest("EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
			bucket.Pair{Name: "ProposedSize", Value: strconv.FormatInt(p.read, 10)}, bucket.Pair{Name: "MinSizeAllowed", Value: strconv.FormatInt(p.smallest, 10)})
	case err == io.ErrUnexpectedEOF:
		return n, bucket.ErrIncomplete
	}
	return n, err
}
