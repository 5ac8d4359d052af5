package s3_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"io"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/s3"
)

// postForm is a form as a browser sends it: fields in order, then the file.
type postForm struct {
	fields [][2]string
	file   string
}

// sign adds the policy and who signed it.
func (f *postForm) sign(policy string, at time.Time) {
	date := at.UTC().Format("20060102")
	encoded := base64.StdEncoding.EncodeToString([]byte(policy))
	sum := []byte("AWS4" + secretKey)
	for _, s := range []string{date, "us-east-1", "s3", "aws4_request", encoded} {
		mac := hmac.New(sha256.New, sum)
		mac.Write([]byte(s))
		sum = mac.Sum(nil)
	}
	f.fields = append(f.fields, [][2]string{
		{"policy", encoded},
		{"x-amz-algorithm", "AWS4-HMAC-SHA256"},
		{"x-amz-credential", accessKeyID + "/" + date + "/us-east-1/s3/aws4_request"},
		{"x-amz-date", at.UTC().Format("20060102T150405Z")},
		{"x-amz-signature", hex.EncodeToString(sum)},
	}...)
}

func (s *server) post(t *testing.T, f *postForm) (*http.Response, string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for _, field := range f.fields {
		w.WriteField(field[0], field[1])
	}
	if f.file != "" {
		part, err := w.CreateFormFile("file", `C:\films\trailer.mp4`)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(part, f.file)
	}
	w.WriteField("ignored", "behind the file")
	w.Close()
	resp := s.do(t, "POST", "/films", b.String(), "Content-Type: "+w.FormDataContentType())
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

const anyCredential = `["starts-with","$x-amz-credential",""],["starts-with","$x-amz-date",""],{"x-amz-algorithm":"AWS4-HMAC-SHA256"}`

func TestPostObject(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	now := s.clock.Now()
	later := now.Add(time.Hour).UTC().Format(time.RFC3339)
	conditions := `{"bucket":"films"},["starts-with","$key","up/"],["content-length-range",2,100000],{"x-amz-meta-a":"b"},["starts-with","$success_action_status",""],` + anyCredential
	good := `{"expiration":"` + later + `","conditions":[` + conditions + `]}`
	for _, tt := range []struct {
		name   string
		policy string
		change func(*postForm)
		status int
		code   string
	}{
		{"good", good, nil, 204, ""},
		{"large", good, func(f *postForm) { f.file = string(content(100_000)) }, 204, ""},
		{"201", good, func(f *postForm) { f.fields = append(f.fields, [2]string{"success_action_status", "201"}) }, 201, "<Key>up/trailer.mp4</Key>"},
		{"too large", good, func(f *postForm) { f.file = string(content(100_001)) }, 400, "EntityTooLarge"},
		{"too small", good, func(f *postForm) { f.file = "x" }, 400, "EntityTooSmall"},
		{"no file", good, func(f *postForm) { f.file = "" }, 400, "InvalidArgument"},
		{"another key", good, func(f *postForm) { f.fields[0][1] = "down/x" }, 403, "Policy Condition failed"},
		{"the file's own name", strings.Replace(good, `["starts-with","$key","up/"]`, `["starts-with","$key","up/trailer"]`, 1), nil, 204, ""},
		{"exactly the file's name", strings.Replace(good, `["starts-with","$key","up/"]`, `{"key":"up/trailer.mp4"}`, 1), nil, 204, ""},
		{"another file's name", strings.Replace(good, `["starts-with","$key","up/"]`, `["starts-with","$key","up/film"]`, 1), nil, 403, "Policy Condition failed"},
		{"the variable itself", strings.Replace(good, `["starts-with","$key","up/"]`, `["starts-with","$key","up/${filename}"]`, 1), nil, 403, "Policy Condition failed"},
		{"a name in metadata", strings.Replace(good, `{"x-amz-meta-a":"b"}`, `{"x-amz-meta-a":"trailer.mp4"}`, 1), func(f *postForm) { f.fields[1][1] = "${filename}" }, 204, ""},
		{"another value", good, func(f *postForm) { f.fields[1][1] = "c" }, 403, "Policy Condition failed"},
		{"a field more", good, func(f *postForm) { f.fields = append(f.fields, [2]string{"acl", "private"}) }, 403, "Extra input fields: acl"},
		{"an ignored field more", good, func(f *postForm) { f.fields = append(f.fields, [2]string{"x-ignore-me", "1"}) }, 204, ""},
		{"expired", strings.Replace(good, later, now.Add(-time.Second).UTC().Format(time.RFC3339), 1), nil, 403, "Policy expired."},
		{"no JSON", "{", nil, 400, "InvalidPolicyDocument"},
		{"bad condition", strings.Replace(good, `{"bucket":"films"}`, `["ne","$key","x"]`, 1), nil, 400, "InvalidPolicyDocument"},
		{"a condition without a dollar", strings.Replace(good, `"$key"`, `"key"`, 1), nil, 403, "Policy Condition failed: [&quot;starts-with"},
		{"a size that is no number", strings.Replace(good, `100000`, `"many"`, 1), nil, 403, "Policy Condition failed"},
		{"two properties", strings.Replace(good, `{"bucket":"films"}`, `{"bucket":"films","key":"k"}`, 1), nil, 400, "exactly one property"},
		{"no algorithm", good, func(f *postForm) { f.fields = append(f.fields[:3], f.fields[4:]...) }, 400, "field named 'X-Amz-Algorithm'"},
		{"nobody's policy", good, func(f *postForm) { f.fields = f.fields[:3] }, 403, "AccessDenied"},
		{"wrong signature", good, func(f *postForm) { f.fields[len(f.fields)-1][1] = strings.Repeat("0", 64) }, 403, "SignatureDoesNotMatch"},
		{"unsigned", good, func(f *postForm) { f.fields = f.fields[:2] }, 403, "AccessDenied"},
		{"unknown key", good, func(f *postForm) { f.fields[4][1] = strings.Replace(f.fields[4][1], accessKeyID, "AKIANONE", 1) }, 403, "InvalidAccessKeyId"},
	} {
		f := &postForm{fields: [][2]string{{"key", "up/${filename}"}, {"X-Amz-Meta-A", "b"}}, file: "hello"}
		f.sign(tt.policy, now)
		if tt.change != nil {
			tt.change(f)
		}
		before := s.uses.Load()
		resp, body := s.post(t, f)
		if resp.StatusCode != tt.status || !strings.Contains(body, tt.code) {
			t.Errorf("%s: %s %s, want %d with %q", tt.name, resp.Status, body, tt.status, tt.code)
		}
		if used := s.uses.Load() - before; tt.status < 300 && used != 1 || tt.code == "SignatureDoesNotMatch" && used != 0 {
			t.Errorf("%s: the access key was used %d times", tt.name, used)
		}
		if tt.status >= 300 {
			continue
		}
		s.trusted = true
		got := s.do(t, "GET", "/films/up/trailer.mp4", "")
		s.trusted = false
		b, err := io.ReadAll(got.Body)
		if err != nil || string(b) != f.file || got.Header.Get("X-Amz-Meta-A") != strings.ReplaceAll(f.fields[1][1], "${filename}", "trailer.mp4") {
			t.Errorf("%s: the object has %d bytes, %v, header %v", tt.name, len(b), err, got.Header)
		}
	}
}

// No policy makes the reader of conditions panic, nor passes unread.
func FuzzPostPolicy(f *testing.F) {
	f.Add(`{"expiration":"2999-01-01T00:00:00Z","conditions":[{"key":"k"}]}`)
	f.Add(`{"expiration":"2999-01-01T00:00:00Z","conditions":[["content-length-range","1",2],["eq","$key","k"]]}`)
	f.Fuzz(func(t *testing.T, source string) {
		fields := map[string]string{"key": "k", "policy": base64.StdEncoding.EncodeToString([]byte(source))}
		if s3.CheckPostPolicy(fields, time.Unix(0, 0)) == nil && !strings.Contains(strings.ToLower(source), "key") && !strings.Contains(source, `\u`) {
			t.Errorf("%q covers the key", source)
		}
	})
}

// A form has one checksum, or asks for one, and no other is passed over.
func TestPostObjectChecksums(t *testing.T) {
	s := newServer(t, nil)
	s.bucket(t, "films")
	s.trusted = true
	const crc32, sha1 = "NhCmhg==", "qvTGHdzF6KLavt4PO0gs2a6pQ00="
	for _, tt := range []struct {
		name, answer string
		fields       [][2]string
		status       int
	}{
		{"right", crc32, [][2]string{{"x-amz-checksum-crc32", crc32}}, 204},
		{"right and named", crc32, [][2]string{{"x-amz-checksum-crc32", crc32}, {"x-amz-checksum-algorithm", "CRC32"}}, 204},
		{"asked for", sha1, [][2]string{{"x-amz-checksum-algorithm", "SHA1"}}, 204},
		{"wrong", "BadDigest", [][2]string{{"x-amz-checksum-crc32", "AAAAAA=="}}, 400},
		{"two", "Expecting a single", [][2]string{{"x-amz-checksum-crc32", crc32}, {"x-amz-checksum-sha1", sha1}}, 400},
		{"one that is not known", "x-amz-checksum-sha512 is not supported", [][2]string{{"x-amz-checksum-sha512", crc32}}, 400},
		{"another than named", "x-amz-checksum-algorithm", [][2]string{{"x-amz-checksum-crc32", crc32}, {"x-amz-checksum-algorithm", "SHA1"}}, 400},
		{"an algorithm that is not known", "unsupported", [][2]string{{"x-amz-checksum-algorithm", "MD4"}}, 400},
	} {
		f := &postForm{fields: append([][2]string{{"key", "k"}}, tt.fields...), file: "hello"}
		resp, body := s.post(t, f)
		got := body + resp.Header.Get("X-Amz-Checksum-Crc32") + resp.Header.Get("X-Amz-Checksum-Sha1")
		if resp.StatusCode != tt.status || !strings.Contains(got, tt.answer) {
			t.Errorf("%s: %s %s, want %d with %q", tt.name, resp.Status, got, tt.status, tt.answer)
		}
	}
}
