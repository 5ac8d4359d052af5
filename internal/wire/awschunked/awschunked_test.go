package awschunked_test

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"

	"github.com/keyfront-project/keyfront/internal/wire/awschunked"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

var (
	docTime  = time.Date(2013, 5, 24, 0, 0, 0, 0, time.UTC)
	docScope = sigv4.Scope{AccessKeyID: "AKIAIOSFODNN7EXAMPLE", Date: "20130524", Region: "us-east-1", Service: "s3"}
	docKey   = sigv4.DeriveKey([]byte("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"), docScope)
)

// docChunks is the chain of signatures that starts from the documentation's
// request with that seed; which request it is shows in what it signs.
func docChunks(t testing.TB, mode, extra, signed, seed string) *sigv4.Chunks {
	t.Helper()
	r := &http.Request{
		Method: "PUT", RequestURI: "/examplebucket/chunkObject.txt", Host: "s3.amazonaws.com",
		Header: http.Header{
			"Content-Encoding":             {"aws-chunked"},
			"Content-Length":               {"66824"},
			"X-Amz-Content-Sha256":         {mode},
			"X-Amz-Date":                   {"20130524T000000Z"},
			"X-Amz-Decoded-Content-Length": {"66560"},
			"X-Amz-Storage-Class":          {"REDUCED_REDUNDANCY"},
			"Authorization": {"AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,SignedHeaders=" +
				signed + ",Signature=" + seed},
		},
	}
	if extra != "" {
		r.Header.Set("X-Amz-Trailer", extra)
	}
	a, err := sigv4.Parse(r)
	if err != nil {
		t.Fatal(err)
	}
	p, err := a.Verify(r, nil, docKey, docTime, sigv4.Profile{Style: sigv4.S3})
	if err != nil {
		t.Fatal(err)
	}
	return p.Chunks()
}

func docSigned(t testing.TB) *sigv4.Chunks {
	return docChunks(t, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "",
		"content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class",
		"4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9")
}

func docTrailer(t testing.TB) *sigv4.Chunks {
	return docChunks(t, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "x-amz-checksum-crc32c",
		"content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer",
		"106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e")
}

const docLength = 66560

// The examples' object is 65 KiB of the letter a, in chunks of 64 KiB and 1 KiB.
func docBody(first, second, last, rest string) string {
	return "10000;chunk-signature=" + first + "\r\n" + strings.Repeat("a", 65536) + "\r\n" +
		"400;chunk-signature=" + second + "\r\n" + strings.Repeat("a", 1024) + "\r\n" +
		"0;chunk-signature=" + last + "\r\n" + rest + "\r\n"
}

var (
	docSignedBody = docBody("ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
		"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
		"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9", "")
	docTrailerBody = docBody("b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
		"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
		"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
		"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n")
)

func TestDocumentation(t *testing.T) {
	want := bytes.Repeat([]byte("a"), docLength)
	r := awschunked.NewReader(strings.NewReader(docSignedBody), awschunked.Config{Length: docLength, Signatures: docSigned(t)})
	if err := iotest.TestReader(r, want); err != nil {
		t.Errorf("signed: %v", err)
	}
	r = awschunked.NewReader(strings.NewReader(docTrailerBody), awschunked.Config{
		Length: docLength, Signatures: docTrailer(t), Trailer: true, Names: []string{"x-amz-checksum-crc32c"},
	})
	if got, err := io.ReadAll(r); err != nil || !bytes.Equal(got, want) {
		t.Errorf("trailer: ReadAll = %d bytes, %v", len(got), err)
	}
	if got := r.Trailers(); !reflect.DeepEqual(got, map[string]string{"x-amz-checksum-crc32c": "sOO8/Q=="}) {
		t.Errorf("Trailers = %v", got)
	}
}

// Any byte that differs is an error before the end.
func TestSignedBodyCannotBeChanged(t *testing.T) {
	chunks := docTrailer(t)
	rapid.Check(t, func(rt *rapid.T) {
		body := []byte(docTrailerBody)
		at := rapid.OneOf(rapid.IntRange(0, len(body)-1), rapid.IntRange(len(body)-400, len(body)-1), rapid.IntRange(65600, 65750)).Draw(rt, "at")
		c := rapid.Byte().Draw(rt, "byte")
		if body[at] == c || bytes.EqualFold(body[at:at+1], []byte{c}) {
			return // hexadecimal digits and names may be in either case
		}
		body[at] = c
		copied := *chunks
		r := awschunked.NewReader(bytes.NewReader(body), awschunked.Config{
			Length: docLength, Signatures: &copied, Trailer: true, Names: []string{"x-amz-checksum-crc32c"},
		})
		if _, err := io.ReadAll(r); err == nil && !lineBreak(docTrailerBody, at, c) {
			rt.Fatalf("ReadAll of a body with byte %d set to %q = nil", at, c)
		}
	})
}

// lineBreak tells the one change that means nothing: white space in place of the
// carriage return of a trailer's line.
func lineBreak(body string, at int, c byte) bool {
	return body[at] == '\r' && (c == ' ' || c == '\t' || c == '\v' || c == '\f') || at >= len(body)-2 && (c == '\n' || c == '\r')
}

func TestUnsigned(t *testing.T) {
	crc := []string{"X-Amz-Checksum-CRC32"}
	for _, c := range []struct {
		name, body string
		length     int64
		config     awschunked.Config
		want       error
	}{
		{"one chunk", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\r\n\r\n", 5, awschunked.Config{Trailer: true, Names: crc}, nil},
		{"several chunks", "1\r\nh\r\n00004\r\nello\r\n0\r\nx-amz-checksum-crc32: NhCmhg== \r\n\r\n", 5, awschunked.Config{Trailer: true, Names: crc}, nil},
		{"nothing", "0\r\n\r\n", 0, awschunked.Config{}, nil},
		{"bare line feeds around trailers", "5\r\nhello\r\n0\r\nx-amz-checksum-crc32:NhCmhg==\n\r\n\r\n\r\n", 5, awschunked.Config{Trailer: true, Names: crc}, nil},
		{"missing trailer", "5\r\nhello\r\n0\r\n\r\n", 5, awschunked.Config{Trailer: true, Names: crc}, &awschunked.TrailerError{"x-amz-checksum-crc32", "is missing"}},
		{"other trailer", "0\r\nx-a:b\r\n\r\n", 0, awschunked.Config{Trailer: true, Names: crc}, &awschunked.TrailerError{"x-a", "was not declared"}},
		{"trailer signature", "0\r\nx-amz-trailer-signature:" + strings.Repeat("0", 64) + "\r\n\r\n", 0, awschunked.Config{Trailer: true}, &awschunked.TrailerError{"x-amz-trailer-signature", "was not declared"}},
		{"repeated trailer", "0\r\nx-a:b\r\nX-A:b\r\n\r\n", 0, awschunked.Config{Trailer: true, Names: []string{"x-a"}}, &awschunked.TrailerError{"x-a", "is repeated"}},
		{"no colon", "0\r\nx-a\r\n\r\n", 0, awschunked.Config{Trailer: true, Names: []string{"x-a"}}, &awschunked.TrailerError{"x-a", "is malformed"}},
		{"huge trailer", "0\r\nx-a:" + strings.Repeat("b", 5000) + "\r\n\r\n", 0, awschunked.Config{Trailer: true, Names: []string{"x-a"}}, &awschunked.TrailerError{"", "is malformed"}},
		{"trailer where none may be", "0\r\nx-a:b\r\n\r\n", 0, awschunked.Config{}, awschunked.ErrMalformed},
		{"more than announced", "5\r\nhello\r\n0\r\n\r\n", 4, awschunked.Config{}, awschunked.ErrTooLong},
		{"less than announced", "5\r\nhello\r\n0\r\n\r\n", 6, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut in a line", "5", 5, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut in a chunk", "5\r\nhel", 5, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut behind a chunk", "5\r\nhello\r", 5, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut before the last chunk", "5\r\nhello\r\n", 5, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut before the end", "5\r\nhello\r\n0\r\n", 5, awschunked.Config{}, awschunked.ErrIncomplete},
		{"cut before the end, with a trailer", "0\r\nx-a:b\r\n", 0, awschunked.Config{Trailer: true, Names: []string{"x-a"}}, awschunked.ErrIncomplete},
		{"nothing at all", "", 0, awschunked.Config{}, awschunked.ErrIncomplete},
		{"signature unasked", "0;chunk-signature=" + strings.Repeat("0", 64) + "\r\n\r\n", 0, awschunked.Config{}, awschunked.ErrMalformed},
		{"no digits", "\r\n\r\n", 0, awschunked.Config{}, awschunked.ErrMalformed},
		{"no hexadecimal", "5g\r\n", 5, awschunked.Config{}, awschunked.ErrMalformed},
		{"negative", "-5\r\n", 5, awschunked.Config{}, awschunked.ErrMalformed},
		{"overflow", "ffffffffffffffff\r\n", 5, awschunked.Config{}, awschunked.ErrMalformed},
		{"large", "fffffffffffffff\r\n", 5, awschunked.Config{}, awschunked.ErrTooLong},
		{"long line", strings.Repeat("0", 5000) + "\r\n", 5, awschunked.Config{}, awschunked.ErrMalformed},
		{"no line break behind a chunk", "5\r\nhelloxx0\r\n\r\n", 5, awschunked.Config{}, awschunked.ErrMalformed},
		{"something behind the end", "0\r\n\r\n0", 0, awschunked.Config{}, awschunked.ErrMalformed},
		{"endless line breaks", "0\r\n" + strings.Repeat("\r\n", 100), 0, awschunked.Config{}, awschunked.ErrMalformed},
	} {
		for _, wrap := range []func(io.Reader) io.Reader{iotest.OneByteReader, iotest.DataErrReader} {
			c.config.Length = c.length
			r := awschunked.NewReader(wrap(strings.NewReader(c.body)), c.config)
			got, err := io.ReadAll(r)
			if !reflect.DeepEqual(err, c.want) {
				t.Errorf("%s: ReadAll = %v, want %v", c.name, err, c.want)
			}
			if err == nil && string(got) != "hello"[:c.length] {
				t.Errorf("%s: ReadAll = %q", c.name, got)
			}
			if err == nil && c.config.Names != nil && r.Trailers()["x-amz-checksum-crc32"] != "NhCmhg==" {
				t.Errorf("%s: Trailers = %v", c.name, r.Trailers())
			}
			if err != nil && r.Trailers() != nil {
				t.Errorf("%s: Trailers of a bad body = %v", c.name, r.Trailers())
			}
		}
	}
}

func TestSignedErrors(t *testing.T) {
	var mismatch *sigv4.ChunkMismatchError
	r := awschunked.NewReader(strings.NewReader(docSignedBody), awschunked.Config{Length: docLength, Signatures: docTrailer(t)})
	if _, err := io.ReadAll(r); !errors.As(err, &mismatch) {
		t.Errorf("ReadAll with another seed = %v, want a ChunkMismatchError", err)
	}
	r = awschunked.NewReader(strings.NewReader(docSignedBody), awschunked.Config{Length: docLength, Signatures: docSigned(t), Trailer: true})
	if _, err := io.ReadAll(r); !reflect.DeepEqual(err, &awschunked.TrailerError{"x-amz-trailer-signature", "is missing"}) {
		t.Errorf("ReadAll without the trailer's signature = %v", err)
	}
	r = awschunked.NewReader(strings.NewReader("5\r\nhello\r\n"), awschunked.Config{Length: 5, Signatures: docSigned(t)})
	if _, err := io.ReadAll(r); err != awschunked.ErrMalformed {
		t.Errorf("ReadAll of unsigned chunks where signed ones are due = %v", err)
	}
	failed := errors.New("the network is gone")
	r = awschunked.NewReader(io.MultiReader(strings.NewReader("5\r\nhel"), iotest.ErrReader(failed)), awschunked.Config{Length: 5})
	if _, err := io.ReadAll(r); err != failed {
		t.Errorf("ReadAll over a failing input = %v, want its error", err)
	}
}

// verifier accepts what has the hash as its signature, as a stand-in for keys.
type verifier struct{}

func (verifier) Chunk(sum [sha256.Size]byte, signature string) error {
	if fmt.Sprintf("%x", sum) != signature {
		return errors.New("wrong signature")
	}
	return nil
}

func (v verifier) Trailer(sum [sha256.Size]byte, signature string) error {
	return v.Chunk(sum, signature)
}

// encode is the inverse of a Reader, in chunks of size bytes.
func encode(data []byte, size int, signed, trailer bool) []byte {
	var b bytes.Buffer
	for end := false; !end; {
		chunk := data[:min(size, len(data))]
		data, end = data[len(chunk):], len(chunk) == 0
		fmt.Fprintf(&b, "%x", len(chunk))
		if signed {
			fmt.Fprintf(&b, ";chunk-signature=%x", sha256.Sum256(chunk))
		}
		b.WriteString("\r\n")
		if !end {
			b.Write(chunk)
			b.WriteString("\r\n")
		}
	}
	if trailer {
		b.WriteString("x-a:b\r\n")
		if signed {
			fmt.Fprintf(&b, "x-amz-trailer-signature:%x\r\n", sha256.Sum256([]byte("x-a:b\n")))
		}
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

func config(length int, signed, trailer bool) awschunked.Config {
	c := awschunked.Config{Length: int64(length), Trailer: trailer}
	if signed {
		c.Signatures = verifier{}
	}
	if trailer {
		c.Names = []string{"x-a"}
	}
	return c
}

func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		data := rapid.SliceOfN(rapid.Byte(), 0, 10_000).Draw(rt, "data")
		size := rapid.IntRange(1, 5000).Draw(rt, "size")
		signed, trailer := rapid.Bool().Draw(rt, "signed"), rapid.Bool().Draw(rt, "trailer")
		r := awschunked.NewReader(bytes.NewReader(encode(data, size, signed, trailer)), config(len(data), signed, trailer))
		if err := iotest.TestReader(r, data); err != nil {
			rt.Fatal(err)
		}
	})
}

func FuzzReader(f *testing.F) {
	for i := range 4 {
		f.Add(encode([]byte("hello world"), 4, i&1 != 0, i&2 != 0), int64(11), i&1 != 0, i&2 != 0)
	}
	f.Fuzz(func(t *testing.T, body []byte, length int64, signed, trailer bool) {
		if length < 0 {
			return
		}
		c := config(0, signed, trailer)
		c.Length = length
		r := awschunked.NewReader(bytes.NewReader(body), c)
		got, err := io.ReadAll(r)
		if err == nil && (int64(len(got)) != length || len(r.Trailers()) != len(c.Names)) {
			t.Errorf("ReadAll = %d bytes, %v; want %d bytes", len(got), r.Trailers(), length)
		}
		if len(got) > len(body) {
			t.Errorf("%d bytes out of %d", len(got), len(body))
		}
	})
}

func BenchmarkReader(b *testing.B) {
	data := bytes.Repeat([]byte("0123456789abcdef"), 1<<20/16)
	for name, signed := range map[string]bool{"signed": true, "unsigned": false} {
		b.Run(name, func(b *testing.B) {
			body := encode(data, 64<<10, signed, true)
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				r := awschunked.NewReader(bytes.NewReader(body), config(len(data), signed, true))
				if _, err := io.Copy(io.Discard, r); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
