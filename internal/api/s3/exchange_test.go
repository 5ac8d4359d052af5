package s3_test

import (
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write what the server answers into testdata/exchange")

// Each file of testdata/exchange is a conversation with a fresh server: lines
// that begin with "> " are a request, lines that begin with "< " its answer,
// "# " a comment. The requests are the root user's, or nobody's after the word
// "anonymous". Times, ids and random ETags are replaced by words; version ids
// by V1, V2 and so on, in the order of their first appearance, which requests may
// use as {V1}.
func TestExchanges(t *testing.T) {
	files, err := filepath.Glob("testdata/exchange/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no exchanges: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := newServer(t, nil)
			var got strings.Builder
			var request []string
			ids := versionIDs{}
			flush := func() {
				if request != nil {
					got.WriteString(ids.hide(s.exchange(t, ids.fill(request))) + "\n")
					request = nil
				}
			}
			for line := range strings.Lines(string(text)) {
				line = strings.TrimSuffix(line, "\n")
				switch {
				case strings.HasPrefix(line, ">"):
					request = append(request, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " "))
					got.WriteString(line + "\n")
				case strings.HasPrefix(line, "#"):
					flush()
					got.WriteString(line + "\n")
				default: // an old answer, or the line behind it
					flush()
				}
			}
			flush()
			if *update {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got.String() != string(text) {
				t.Errorf("the conversation went\n%s\nwant\n%s", got.String(), text)
			}
		})
	}
}

// versionIDs are the version ids of a conversation by their words.
type versionIDs map[string]string

var versionIDPattern = regexp.MustCompile(`\bAAAAAAAAAA[0-9A-Za-z_-]{22}`)

func (ids versionIDs) hide(answer string) string {
	return versionIDPattern.ReplaceAllStringFunc(answer, func(id string) string {
		for word, have := range ids {
			if have == id {
				return word
			}
		}
		word := fmt.Sprintf("V%d", len(ids)+1)
		ids[word] = id
		return word
	})
}

func (ids versionIDs) fill(request []string) []string {
	var lines []string
	for _, line := range request {
		for word, id := range ids {
			line = strings.ReplaceAll(line, "{"+word+"}", id)
		}
		lines = append(lines, line)
	}
	return lines
}

// exchange sends a request and returns the answer in lines that begin with "<".
func (s *server) exchange(t *testing.T, lines []string) string {
	t.Helper()
	first := lines[0]
	first, anonymous := strings.CutPrefix(first, "anonymous ")
	s.trusted = !anonymous
	method, target, _ := strings.Cut(first, " ")
	var header []string
	body := ""
	for i, line := range lines[1:] {
		if line == "" {
			body = strings.Join(lines[i+2:], "\n")
			break
		}
		header = append(header, line)
	}
	resp := s.do(t, method, target, body, header...)
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	out.WriteString("< " + resp.Status + "\n")
	for _, name := range []string{
		"Accept-Ranges", "Allow", "Cache-Control", "Content-Disposition", "Content-Encoding", "Content-Language", "Content-Length", "Content-Range", "Content-Type",
		"Etag", "Expires", "Location", "X-Amz-Access-Point-Alias", "X-Amz-Bucket-Region", "X-Amz-Checksum-Crc32", "X-Amz-Checksum-Crc64nvme", "X-Amz-Checksum-Type",
		"X-Amz-Meta-A", "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled",
		"X-Amz-Server-Side-Encryption-Context", "X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Customer-Key-Md5",
		"X-Amz-Tagging-Count", "X-Amz-Version-Id", "X-Amz-Delete-Marker", "X-Amz-Copy-Source-Version-Id",
		"Access-Control-Allow-Origin", "Access-Control-Allow-Credentials", "Access-Control-Allow-Methods", "Access-Control-Allow-Headers",
		"Access-Control-Expose-Headers", "Access-Control-Max-Age", "Vary",
	} {
		for _, v := range resp.Header[name] {
			if name != "Content-Length" || resp.StatusCode < 300 {
				out.WriteString("< " + name + ": " + v + "\n")
			}
		}
	}
	for _, name := range []string{"X-Amz-Request-Id", "X-Amz-Id-2"} {
		if resp.Header.Get(name) == "" {
			t.Errorf("%s: no %s", first, name)
		}
	}
	if modified := resp.Header.Get("Last-Modified"); modified != "" {
		if _, err := http.ParseTime(modified); err != nil {
			t.Errorf("%s: Last-Modified %q", first, modified)
		}
	}
	if len(b) > 0 {
		out.WriteString("<\n")
		for line := range strings.Lines(string(b)) {
			out.WriteString("< " + strings.TrimSuffix(line, "\n") + "\n")
		}
	}
	answer := out.String()
	if strings.HasPrefix(resp.Header.Get("X-Amz-Server-Side-Encryption"), "aws:kms") || resp.Header.Get("X-Amz-Server-Side-Encryption-Customer-Algorithm") != "" {
		answer = regexp.MustCompile(`"[0-9a-f]{32}"`).ReplaceAllString(answer, `"RANDOM"`)
		answer = regexp.MustCompile(`&quot;[0-9a-f]{32}&quot;`).ReplaceAllString(answer, "&quot;RANDOM&quot;")
	}
	if resp.StatusCode == http.StatusNotModified {
		answer = strings.ReplaceAll(answer, resp.Header.Get("Etag"), "ETAG")
	}
	for _, r := range []struct{ pattern, word string }{
		{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z`, "TIME"},
		{`<RequestId>[^<]*</RequestId>`, "<RequestId>ID</RequestId>"},
		{`<HostId>[^<]*</HostId>`, "<HostId>ID</HostId>"},
		{`(?m)^(< Content-Length: ).*(\n< Content-Type: application/xml)`, "${1}N$2"},
	} {
		answer = regexp.MustCompile(r.pattern).ReplaceAllString(answer, r.word)
	}
	return answer
}
