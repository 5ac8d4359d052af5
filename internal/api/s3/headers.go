package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/sealed"
)

const (
	sseHeader        = "X-Amz-Server-Side-Encryption"
	sseKeyHeader     = "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	sseContextHeader = "X-Amz-Server-Side-Encryption-Context"
	sseBucketKey     = "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled"
	ssecPrefix       = "X-Amz-Server-Side-Encryption-Customer-"

	metaPrefix = "X-Amz-Meta-"

	redirectHeader = "X-Amz-Website-Redirect-Location"
)

// refuseHeaders refuses, by name, a request with a header that begins with one
// of prefixes.
func (x *exchange) refuseHeaders(prefixes ...string) error {
	for _, p := range prefixes {
		if name := x.headerWith(p); name != "" {
			return notImplemented(name)
		}
	}
	return nil
}

// refuseOnWrite refuses what a new object cannot have.
func (x *exchange) refuseOnWrite() error {
	if _, err := x.aclHeaders(); err != nil {
		return err
	}
	switch class := x.header("X-Amz-Storage-Class"); class {
	case "", "STANDARD":
	case "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER", "DEEP_ARCHIVE", "GLACIER_IR":
		return notImplemented("x-amz-storage-class: " + class)
	default:
		return badRequest("InvalidStorageClass", "The storage class you specified is not valid", bucket.Pair{Name: "StorageClassRequested", Value: class})
	}
	if to := x.header(redirectHeader); to != "" && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") {
		return badRequest("InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	}
	return x.refuseHeaders("X-Amz-Object-Lock-", "X-Amz-Write-Offset-Bytes")
}

// encryptionWish reads the encryption headers of a write.
func (x *exchange) encryptionWish() (bucket.EncryptionWish, error) {
	w := bucket.EncryptionWish{Algorithm: bucket.Algorithm(x.header(sseHeader)), Key: x.header(sseKeyHeader)}
	if s := x.header(sseContextHeader); s != "" {
		raw, err := base64.StdEncoding.DecodeString(s)
		if err == nil {
			w.Context, err = parseContext(raw)
		}
		if err != nil {
			return w, invalidArgument("The header 'x-amz-server-side-encryption-context' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map",
				"x-amz-server-side-encryption-context", s)
		}
	}
	if s := x.header(sseBucketKey); s != "" {
		v, err := strconv.ParseBool(strings.ToLower(s))
		if err != nil {
			return w, invalidArgument("The value of x-amz-server-side-encryption-bucket-key-enabled is not valid", "x-amz-server-side-encryption-bucket-key-enabled", s)
		}
		w.BucketKey = &v
	}
	w.Customer = x.customerKey("")
	if w.Algorithm.KMS() && x.cfg.RequireTLS && x.r.TLS == nil {
		return w, badRequest("InvalidArgument", "Requests specifying Server Side Encryption with AWS KMS managed keys must be made over a secure connection.")
	}
	return w, nil
}

var errContext = errors.New("s3: not an encryption context")

// parseContext reads a map of texts; null is none.
func parseContext(raw []byte) (map[string]string, error) {
	var pairs map[string]*string
	if err := json.Unmarshal(raw, &pairs); err != nil || pairs == nil {
		return nil, errContext
	}
	context := make(map[string]string, len(pairs))
	for name, value := range pairs {
		if value == nil {
			return nil, errContext
		}
		context[name] = *value
	}
	return context, nil
}

// refuseEncryption refuses a request that says how to encrypt where only a customer's
// key has a place.
func (x *exchange) refuseEncryption() error {
	for _, name := range []string{sseHeader, sseKeyHeader, sseContextHeader, sseBucketKey} {
		if v := x.header(name); v != "" {
			return invalidArgument(strings.ToLower(name)+" header is not supported for this operation.", strings.ToLower(name), v)
		}
	}
	return nil
}

// customerKey reads the three headers of SSE-C, which have copyPrefix before them
// where they are about the source of a copy; nil if there is none of them.
func (x *exchange) customerKey(copyPrefix string) *bucket.CustomerKey {
	prefix := "X-Amz-" + copyPrefix + strings.TrimPrefix(ssecPrefix, "X-Amz-")
	algorithm, key, sum := x.header(prefix+"Algorithm"), x.header(prefix+"Key"), x.header(prefix+"Key-Md5")
	if algorithm == "" && key == "" && sum == "" {
		return nil
	}
	const what = "Requests specifying Server Side Encryption with Customer provided keys must "
	// Of the three headers S3 names none.
	argument := bucket.Pair{Name: "ArgumentName", Value: strings.ToLower(sseHeader)}
	invalid := func(message string) *bucket.CustomerKey {
		return &bucket.CustomerKey{Invalid: badRequest("InvalidArgument", message, argument)}
	}
	raw, err := base64.StdEncoding.DecodeString(key)
	defer clear(raw)
	digest := md5.Sum(raw)
	switch {
	case x.cfg.RequireTLS && x.r.TLS == nil:
		return &bucket.CustomerKey{Invalid: badRequest("InvalidRequest", what+"be made over a secure connection.")}
	case algorithm == "":
		return invalid(what + "provide a valid encryption algorithm.")
	case algorithm != "AES256":
		return &bucket.CustomerKey{Invalid: badRequest("InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256.",
			argument, bucket.Pair{Name: "ArgumentValue", Value: algorithm})}
	case key == "":
		return invalid(what + "provide an appropriate secret key.")
	case err != nil || len(raw) != sealed.KeyBytes:
		return invalid("The secret key was invalid for the specified algorithm.")
	case sum == "":
		return invalid(what + "provide the client calculated MD5 of the secret key.")
	case sum != base64.StdEncoding.EncodeToString(digest[:]):
		return invalid("The calculated MD5 hash of the key did not match the hash that was provided.")
	}
	return &bucket.CustomerKey{Key: sealed.NewSecret(raw)}
}

// setEncryption writes the encryption headers of an answer. The context is told
// to the writer only.
func (x *exchange) setEncryption(e *bucket.Encryption, withContext bool) {
	h := x.w.Header()
	if e.Algorithm == bucket.CustomerManaged {
		h[ssecPrefix+"Algorithm"] = []string{"AES256"}
		h[ssecPrefix+"Key-Md5"] = []string{x.header(ssecPrefix + "Key-Md5")}
		return
	}
	h[sseHeader] = []string{string(e.Algorithm)}
	if !e.Algorithm.KMS() {
		return
	}
	h[sseKeyHeader] = []string{e.KeyARN}
	if e.BucketKey {
		h[sseBucketKey] = []string{"true"}
	}
	if withContext && len(e.Context) > 0 {
		b, err := json.Marshal(e.Context)
		if err == nil {
			h[sseContextHeader] = []string{base64.StdEncoding.EncodeToString(b)}
		}
	}
}

func (x *exchange) metadata() bucket.Metadata {
	h := x.r.Header
	m := bucket.Metadata{
		ContentType:        h.Get("Content-Type"),
		CacheControl:       h.Get("Cache-Control"),
		ContentDisposition: h.Get("Content-Disposition"),
		ContentLanguage:    h.Get("Content-Language"),
		Expires:            h.Get("Expires"),
		Redirect:           x.header(redirectHeader),
	}
	m.ContentEncoding, _ = stripChunked(h.Get("Content-Encoding"))
	add := func(name string, values []string) {
		if len(name) > len(metaPrefix) && strings.EqualFold(name[:len(metaPrefix)], metaPrefix) {
			m.User = append(m.User, bucket.Pair{Name: strings.ToLower(name[len(metaPrefix):]), Value: strings.Join(values, ",")})
		}
	}
	for name, values := range h {
		add(name, values)
	}
	if x.who.AuthType == "REST-QUERY-STRING" {
		for name, values := range x.query {
			if h[http.CanonicalHeaderKey(name)] == nil {
				add(name, values)
			}
		}
	}
	slices.SortFunc(m.User, func(a, b bucket.Pair) int { return strings.Compare(a.Name, b.Name) })
	return m
}

// setObject writes the headers that describe an object, for GET and HEAD.
func (x *exchange) setObject(i *bucket.Info) {
	h := x.w.Header()
	set := func(name, value string) {
		if value != "" {
			h[name] = []string{value}
		}
	}
	contentType := i.Metadata.ContentType
	if contentType == "" {
		contentType = "binary/octet-stream"
	}
	h["Content-Type"] = []string{contentType}
	set("Cache-Control", i.Metadata.CacheControl)
	set("Content-Disposition", i.Metadata.ContentDisposition)
	set("Content-Encoding", i.Metadata.ContentEncoding)
	set("Content-Language", i.Metadata.ContentLanguage)
	set("Expires", i.Metadata.Expires)
	set(redirectHeader, i.Metadata.Redirect)
	for _, p := range i.Metadata.User {
		// In lower case, as S3 sends it: botocore keeps the spelling of the name.
		h[strings.ToLower(metaPrefix)+p.Name] = []string{p.Value}
	}
	h["Etag"] = []string{`"` + i.ETag + `"`}
	setModified(h, i.Modified)
	setVersion(h, i.VersionID)
	h["Accept-Ranges"] = []string{"bytes"}
	if len(i.Tags) > 0 {
		setInt(h, "X-Amz-Tagging-Count", int64(len(i.Tags)))
	}
	x.setEncryption(&i.Encryption, false)
}

// overrides are the query parameters that replace an answer's header.
var overrides = map[string]string{
	"response-content-type": "Content-Type", "response-content-language": "Content-Language", "response-expires": "Expires",
	"response-cache-control": "Cache-Control", "response-content-disposition": "Content-Disposition", "response-content-encoding": "Content-Encoding",
}

// setChecksum writes the checksum of an object of some number of parts.
func setChecksum(h http.Header, c bucket.Checksum, parts int) {
	if c.Algorithm == bucket.NoChecksum || int(c.Algorithm) >= len(checksumHeaders) {
		return
	}
	h[checksumHeaders[c.Algorithm]] = []string{checksumText(c, parts)}
	h["X-Amz-Checksum-Type"] = []string{c.Type.String()}
}

// checksumText is a checksum as S3 shows it: that of parts with their number.
func checksumText(c bucket.Checksum, parts int) string {
	s := base64.StdEncoding.EncodeToString(c.Value)
	if c.Type == bucket.Composite {
		s += "-" + strconv.Itoa(parts)
	}
	return s
}

func setModified(h http.Header, t time.Time) {
	h["Last-Modified"] = []string{t.UTC().Format(http.TimeFormat)}
}

func setInt(h http.Header, name string, n int64) { h[name] = []string{strconv.FormatInt(n, 10)} }

// readConditions reads the conditions of a GET or HEAD, or with a prefix those
// on the source of a copy. Dates that cannot be read count as absent, as RFC
// 9110 wants.
func (x *exchange) readConditions(prefix string) bucket.ReadConditions {
	return bucket.ReadConditions{
		IfMatch:           x.header(prefix + "If-Match"),
		IfNoneMatch:       x.header(prefix + "If-None-Match"),
		IfModifiedSince:   httpTime(x.header(prefix + "If-Modified-Since")),
		IfUnmodifiedSince: httpTime(x.header(prefix + "If-Unmodified-Since")),
	}
}

func httpTime(s string) time.Time {
	t, err := http.ParseTime(s)
	if err != nil {
		return time.Time{}
	}
	return t
}

func (x *exchange) writeConditions() (bucket.WriteConditions, error) {
	w := bucket.WriteConditions{IfMatch: x.header("If-Match")}
	none := x.header("If-None-Match")
	w.IfAbsent = none == "*"
	switch {
	case w.IfMatch != "" && none != "":
		return w, conditionNotImplemented("If-Match,If-None-Match", "Multiple conditional request headers present in the request")
	case w.IfMatch == "*":
		return w, conditionNotImplemented("If-Match", "We don't accept the provided value of If-Match header for this API")
	case none != "" && !w.IfAbsent:
		return w, conditionNotImplemented("If-None-Match", "We don't accept the provided value of If-None-Match header for this API")
	}
	return w, nil
}

// conditionNotImplemented refuses a condition of a write that S3 refuses as well, in
// its words.
func conditionNotImplemented(header, why string) *apiError {
	return &apiError{
		code: "NotImplemented", status: http.StatusNotImplemented,
		message: "A header you provided implies functionality that is not implemented",
		extra:   []bucket.Pair{{Name: "Header", Value: header}, {Name: "additionalMessage", Value: why}},
	}
}

// parseRange reads a Range header: one range of bytes. Anything else is nil,
// and the whole object is meant.
//
// Source: RFC 9110, section 14.
func parseRange(s string) *bucket.Range {
	unit, spec, _ := strings.Cut(s, "=")
	if !strings.EqualFold(unit, "bytes") || strings.Contains(spec, ",") {
		return nil
	}
	first, last, ok := strings.Cut(strings.TrimSpace(spec), "-")
	if !ok {
		return nil
	}
	r := &bucket.Range{Last: -1, Requested: s}
	if first == "" {
		n, ok := parseOffset(last)
		if !ok {
			return nil
		}
		if n == 0 {
			// The last 0 bytes are never satisfiable.
			return &bucket.Range{First: 1<<63 - 1, Last: -1, Requested: s}
		}
		r.Suffix = n
		return r
	}
	if r.First, ok = parseOffset(first); !ok {
		return nil
	}
	if last != "" {
		if r.Last, ok = parseOffset(last); !ok || r.Last < r.First {
			return nil
		}
	}
	return r
}

// parseOffset reads digits. What is larger than any object is as good as the
// largest number.
func parseOffset(s string) (int64, bool) {
	if s == "" || s[0] < '0' || s[0] > '9' {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil || errors.Is(err, strconv.ErrRange)
}
