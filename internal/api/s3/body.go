package s3

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/awschunked"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const (
	// maxXMLBytes bounds the XML body of a bucket's setting.
	maxXMLBytes = 1 << 20
	// maxDeleteBytes is room for 1,000 keys of 1,024 bytes, each as references.
	maxDeleteBytes = 8 << 20
)

// body is the body of a request, without its transfer encodings.
type body struct {
	io.Reader
	size    int64
	digests bucket.DeclaredDigests
}

// openBody reads from the headers how the body is framed and protected. What
// the headers declare is verified by whoever reads the body to its end.
func (x *exchange) openBody() (*body, error) {
	b := &body{Reader: x.r.Request.Body, size: x.r.ContentLength}
	if x.r.Request.Body == nil {
		b.Reader = http.NoBody
	}
	streaming := false
	config := awschunked.Config{}
	if x.r.Auth.Form != sigv4.FormNone {
		switch payload := x.r.Payload; payload.Mode() {
		case sigv4.Exact:
			sum := payload.SHA256()
			b.digests.PayloadSHA256 = sum[:]
		case sigv4.StreamingUnsignedTrailer:
			streaming, config.Trailer = true, true
		case sigv4.StreamingSigned:
			streaming, config.Signatures = true, payload.Chunks()
		case sigv4.StreamingSignedTrailer:
			streaming, config.Trailer, config.Signatures = true, true, payload.Chunks()
		}
	} else if x.r.Header.Get("X-Amz-Content-Sha256") == "STREAMING-UNSIGNED-PAYLOAD-TRAILER" {
		streaming, config.Trailer = true, true // an anonymous upload
	}
	if !streaming && hasChunkedEncoding(x.r.Header) {
		return nil, badRequest("InvalidRequest", "aws-chunked encoding is not supported with the provided x-amz-content-sha256 header.")
	}
	var chunked *awschunked.Reader
	if streaming {
		n, err := strconv.ParseInt(x.r.Header.Get("X-Amz-Decoded-Content-Length"), 10, 64)
		if err != nil || n < 0 {
			return nil, missingLength()
		}
		b.size, config.Length = n, n
		if s := x.r.Header.Get("X-Amz-Trailer"); s != "" && config.Trailer {
			for name := range strings.SplitSeq(s, ",") {
				config.Names = append(config.Names, strings.TrimSpace(name))
			}
		}
		chunked = awschunked.NewReader(b.Reader, config)
		b.Reader = chunked
	}
	if b.size < 0 {
		return nil, missingLength()
	}
	if err := x.declareDigests(b, chunked, config.Names); err != nil {
		return nil, err
	}
	return b, nil
}

func missingLength() *apiError {
	return &apiError{code: "MissingContentLength", status: http.StatusLengthRequired, message: "You must provide the Content-Length HTTP header."}
}

func hasChunkedEncoding(h http.Header) bool {
	_, found := stripChunked(h.Get("Content-Encoding"))
	return found
}

// stripChunked takes the token aws-chunked out of a Content-Encoding: it is
// about the request, not about the object.
func stripChunked(encoding string) (rest string, found bool) {
	if encoding == "" {
		return "", false
	}
	var kept []string
	for token := range strings.SplitSeq(encoding, ",") {
		if token = strings.TrimSpace(token); strings.EqualFold(token, "aws-chunked") {
			found = true
		} else if token != "" {
			kept = append(kept, token)
		}
	}
	if !found {
		return encoding, false
	}
	return strings.Join(kept, ","), true
}

var errTwoChecksums = badRequest("InvalidRequest", "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.")

const checksumPrefix = "X-Amz-Checksum-"

// checksumHeaders are the headers of the algorithms, by the algorithms' numbers.
var checksumHeaders = [...]string{
	bucket.CRC32: "X-Amz-Checksum-Crc32", bucket.CRC32C: "X-Amz-Checksum-Crc32c", bucket.CRC64NVME: "X-Amz-Checksum-Crc64nvme",
	bucket.SHA1: "X-Amz-Checksum-Sha1", bucket.SHA256: "X-Amz-Checksum-Sha256",
}

func checksumByHeader(name string) bucket.ChecksumAlgorithm {
	for a, h := range checksumHeaders {
		if h != "" && strings.EqualFold(h, name) {
			return bucket.ChecksumAlgorithm(a)
		}
	}
	return bucket.NoChecksum
}

// declareDigests collects Content-MD5 and the one checksum that may be given,
// in a header, or in a trailer of chunked.
func (x *exchange) declareDigests(b *body, chunked *awschunked.Reader, trailers []string) error {
	if v, given := x.r.Header["Content-Md5"]; given {
		sum, err := base64.StdEncoding.DecodeString(v[0])
		if err != nil || len(sum) != 16 {
			return badRequest("InvalidDigest", "The Content-MD5 you specified was invalid.", bucket.Pair{Name: "Content-MD5", Value: v[0]})
		}
		b.digests.MD5 = sum
	}
	all := x.checksumsGiven()
	fromTrailer := false
	for _, name := range trailers {
		if len(name) > len(checksumPrefix) && strings.EqualFold(name[:len(checksumPrefix)], checksumPrefix) {
			all = append(all, bucket.Pair{Name: name})
			fromTrailer = true
		} else {
			return badRequest("InvalidRequest", "The value specified in the x-amz-trailer header is not supported")
		}
	}
	if len(all) > 1 {
		return errTwoChecksums
	}
	wanted := x.header("X-Amz-Sdk-Checksum-Algorithm")
	if len(all) == 0 {
		if wanted != "" && x.r.Auth.Form != sigv4.FormQuery {
			return badRequest("InvalidRequest", "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found.")
		}
		return nil
	}
	name := strings.ToLower(all[0].Name)
	algorithm := checksumByHeader(name)
	if algorithm == bucket.NoChecksum {
		return badRequest("InvalidRequest", "The checksum "+name+" is not supported; valid are CRC32, CRC32C, CRC64NVME, SHA1 and SHA256.")
	}
	if wanted != "" && !strings.EqualFold(wanted, algorithm.String()) {
		return badRequest("InvalidRequest", "Value for x-amz-sdk-checksum-algorithm header is invalid.")
	}
	b.digests.Algorithm = algorithm
	if fromTrailer {
		b.digests.Value = func() ([]byte, error) { return parseChecksum(algorithm, chunked.Trailers()[name]) }
		return nil
	}
	sum, err := parseChecksum(algorithm, all[0].Value)
	if err != nil {
		return err
	}
	b.digests.Value = func() ([]byte, error) { return sum, nil }
	return nil
}

// checksumsGiven are the checksums in the request's headers, or in the query of a
// presigned URL.
func (x *exchange) checksumsGiven() (all []bucket.Pair) {
	for name, v := range x.r.Header {
		if strings.HasPrefix(name, checksumPrefix) && name != "X-Amz-Checksum-Type" && name != "X-Amz-Checksum-Algorithm" && name != "X-Amz-Checksum-Mode" {
			all = append(all, bucket.Pair{Name: name, Value: v[0]})
		}
	}
	if x.r.Auth.Form == sigv4.FormQuery && len(all) == 0 {
		for _, name := range checksumHeaders {
			// JavaScript SDKs sign the CRC32 of no bytes into presigned URLs
			// that are meant for any body.
			if v := x.header(name); name != "" && v != "" && v != "AAAAAA==" {
				all = append(all, bucket.Pair{Name: name, Value: v})
			}
		}
	}
	return all
}

func parseChecksum(a bucket.ChecksumAlgorithm, value string) ([]byte, error) {
	sum, err := base64.StdEncoding.DecodeString(value)
	if err != nil || len(sum) != a.SizeBytes() {
		return nil, badRequest("InvalidRequest", "Value for "+strings.ToLower(checksumHeaders[a])+" header is invalid.")
	}
	return sum, nil
}

// readBody reads and verifies a whole body of at most limit bytes.
func (x *exchange) readBody(limit int64) ([]byte, error) {
	b, err := x.openBody()
	if err != nil {
		return nil, err
	}
	if b.size > limit {
		return nil, &http.MaxBytesError{Limit: limit}
	}
	buf := bytes.NewBuffer(make([]byte, 0, b.size+1))
	if _, err := io.Copy(buf, io.LimitReader(b, b.size+1)); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil, bucket.ErrIncomplete
		}
		return nil, err
	}
	if int64(buf.Len()) != b.size {
		return nil, bucket.ErrIncomplete
	}
	// Even no bytes may have been signed as others.
	return buf.Bytes(), b.digests.Verify(buf.Bytes())
}

// takeChecksum takes the checksum out of the headers, where it is an object's and not
// the body's.
func (x *exchange) takeChecksum() (algorithm bucket.ChecksumAlgorithm, value string, err error) {
	for a, name := range checksumHeaders {
		v := x.header(name)
		switch {
		case name == "" || v == "":
			continue
		case value != "":
			return 0, "", errTwoChecksums
		}
		algorithm, value = bucket.ChecksumAlgorithm(a), v
		x.r.Header.Del(name)
		maps.DeleteFunc(x.query, func(q string, _ []string) bool { return strings.EqualFold(q, name) })
	}
	return algorithm, value, nil
}

// readXML reads a document of a bounded size.
func readXML[T any](x *exchange, d restxml.Document[T]) (*T, error) {
	b, err := x.readBody(maxXMLBytes)
	if err != nil {
		return nil, err
	}
	return decodeXML(b, d)
}

// decodeXML refuses what the document's schema does not have, as S3 does: an element
// that it knows and this server does not is no setting to drop. The error matches
// errXML, and is a *restxml.DecodeError.
func decodeXML[T any](b []byte, d restxml.Document[T]) (*T, error) {
	v, err := d.Decode(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errXML, err)
	}
	return v, nil
}
