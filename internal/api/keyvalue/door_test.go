package keyvalue_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/access/accesstest"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
	door "github.com/keyfront-project/keyfront/internal/api/keyvalue"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/keyvalue"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/wire/sigv4"
)

const id keyvalue.ID = "3a2b1c0d-aaaa-4bbb-8ccc-0123456789ab"

// fixture is a door, with a front that believes every request to be root's, to a
// store with the pair k, v.
type fixture struct {
	door *door.Door
	log  strings.Builder
	path string // of the store
}

func start(t testing.TB) *fixture {
	t.Helper()
	records := memory.NewRecords()
	err := records.Update(context.Background(), func(tx store.Writer) error {
		return keyvalue.Create(tx, "111122223333", id, []keyvalue.Pair{{Key: "k", Value: "v"}}, time.Unix(1e9, 0))
	})
	if err != nil {
		t.Fatal(err)
	}
	f := &fixture{path: "/key-value-stores/" + strings.ReplaceAll(keyvalue.ARN("111122223333", id), "/", "%2F")}
	f.door = door.New(keyvalue.New(keyvalue.Config{
		Records: records, Gate: access.NewGate(access.Config{Identities: accesstest.Nobody{}, Record: new(accesstest.Journal)}), Clock: clock.System(),
	}), slog.New(slog.NewTextHandler(&f.log, nil)))
	return f
}

func (f *fixture) request(method, target, ifMatch, body string) *front.Request {
	r := httptest.NewRequest(method, "http://111122223333.localhost", nil)
	path, query, _ := strings.Cut(target, "?")
	r.URL.Path, r.URL.RawPath, r.URL.RawQuery = path, path, query
	if plain, err := url.PathUnescape(path); err == nil {
		r.URL.Path = plain // as a server would
	}
	if ifMatch != "" {
		r.Header.Set("If-Match", ifMatch)
	}
	return &front.Request{
		Request: r, ID: "REQUEST", Body: []byte(body),
		Caller: access.Caller{Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root"}},
	}
}

func (f *fixture) call(method, target, ifMatch, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.door.Serve(w, f.request(method, target, ifMatch, body))
	return w
}

func TestAnswers(t *testing.T) {
	f := start(t)
	described := f.call("GET", f.path, "", "")
	const want = `{"ItemCount":1,"TotalSizeInBytes":2,"KvsARN":"arn:aws:cloudfront::111122223333:key-value-store/3a2b1c0d-aaaa-4bbb-8ccc-0123456789ab","Created":1000000000,"Status":"READY"}`
	etag := described.Header().Get("ETag")
	if described.Code != 200 || described.Body.String() != want || etag == "" || described.Header().Get("X-Amzn-Requestid") != "REQUEST" {
		t.Errorf("DescribeKeyValueStore = %d %s", described.Code, described.Body)
	}
	for _, c := range []struct {
		method, target, body string
		status               int
		code, want           string // of an error, of an answer
	}{
		{"GET", f.path + "/keys/k", "", 200, "", `{"Key":"k","Value":"v","ItemCount":1,"TotalSizeInBytes":2}`},
		{"GET", f.path + "/keys", "", 200, "", `{"Items":[{"Key":"k","Value":"v"}]}`},
		{"GET", f.path + "/keys/absent", "", 404, "ResourceNotFoundException", ""},
		{"GET", f.path + "/keys?MaxResults=0", "", 400, "ValidationException", ""},
		{"GET", f.path + "/keys?MaxResults=x", "", 400, "ValidationException", ""},
		{"GET", f.path + "/keys?NextToken=%25", "", 400, "ValidationException", ""},
		{"PUT", f.path + "/keys/k", `{}`, 400, "ValidationException", ""},
		{"PUT", f.path + "/keys/k", `{"Value":1}`, 400, "ValidationException", ""},
		{"PUT", f.path + "/keys/k", `{`, 400, "ValidationException", ""},
		{"PUT", f.path + "/keys/", `{"Value":""}`, 400, "ValidationException", ""},
		{"POST", f.path + "/keys", ``, 400, "ValidationException", ""},
		{"POST", f.path + "/keys", `{"Puts":[{"Key":"k"}]}`, 400, "ValidationException", ""},
		{"POST", f.path + "/keys", `{"Deletes":[{}]}`, 400, "ValidationException", ""},
		{"GET", "/key-value-stores/x", "", 400, "ValidationException", ""},
		{"POST", f.path, "", 404, "UnknownOperationException", ""},
		{"GET", f.path + "/values", "", 404, "UnknownOperationException", ""},
		{"GET", f.path + "/keys/a/b", "", 404, "UnknownOperationException", ""},
		{"GET", "/", "", 404, "UnknownOperationException", ""},
	} {
		w := f.call(c.method, c.target, etag, c.body)
		if w.Code != c.status || w.Header().Get("X-Amzn-Errortype") != c.code || c.want != "" && w.Body.String() != c.want {
			t.Errorf("%s %s %s = %d %s %s, want %d %s %s", c.method, c.target, c.body, w.Code, w.Header().Get("X-Amzn-Errortype"), w.Body, c.status, c.code, c.want)
		}
		var failure struct{ Message string }
		if err := json.Unmarshal(w.Body.Bytes(), &failure); err != nil || (failure.Message == "") != (c.code == "") {
			t.Errorf("%s %s answers %s, %v", c.method, c.target, w.Body, err)
		}
	}
	if w := f.call("PUT", f.path+"/keys/a%2Fb", etag, `{"Value":""}`); w.Code != 200 || w.Header().Get("ETag") == etag || w.Body.String() != `{"ItemCount":2,"TotalSizeInBytes":5}` {
		t.Errorf("PutKey = %d %s", w.Code, w.Body)
	}
}

func TestRefuse(t *testing.T) {
	unnamed := doortest.Errors(t, "../../keyvalue")
	delete(unnamed, "ErrImportSize") // of CloudFront's door
	for _, c := range []struct {
		err    error
		status int
		code   string
	}{
		{keyvalue.ErrNotFound, 404, "ResourceNotFoundException"},
		{keyvalue.ErrInvalid, 400, "ValidationException"},
		{keyvalue.ErrStale, 400, "ValidationException"},
		{keyvalue.ErrFull, 402, "ServiceQuotaExceededException"},
		{&access.Denied{Message: "no"}, 403, "AccessDeniedException"},
		{front.ErrBodyTooLarge, 400, "ValidationException"},
		{front.ErrUnknownAccessKey, 403, "UnrecognizedClientException"},
		{&sigv4.MismatchError{}, 403, "InvalidSignatureException"},
		{errors.New("disk full"), 500, "InternalServerException"},
	} {
		maps.DeleteFunc(unnamed, func(_, text string) bool { return text == c.err.Error() })
		f := start(t)
		w := httptest.NewRecorder()
		f.door.Refuse(w, f.request("GET", f.path, "", ""), fmt.Errorf("around: %w", c.err))
		if w.Code != c.status || w.Header().Get("X-Amzn-Errortype") != c.code || door.ErrorCode(c.err) != c.code {
			t.Errorf("Refuse(%v) = %d %s", c.err, w.Code, w.Header().Get("X-Amzn-Errortype"))
		}
		if ours := c.status == http.StatusInternalServerError; ours != strings.Contains(f.log.String(), "disk full") || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("Refuse(%v) answers %s and logs %q", c.err, w.Body, f.log.String())
		}
	}
	if len(unnamed) > 0 {
		t.Errorf("without a wire form: %v", unnamed)
	}
}

// Whatever path and body: an answer in the service's form, and none of ours to
// blame.
func FuzzServe(f *testing.F) {
	f.Add("GET", "/keys/k", "")
	f.Add("PUT", "/keys/a%2Fb", `{"Value":"v"}`)
	f.Add("POST", "/keys?x", `{"Puts":[{"Key":"a","Value":"b"}],"Deletes":[{"Key":"k"}]}`)
	f.Add("GET", strings.Repeat("/", 300), "")
	f.Fuzz(func(t *testing.T, method, rest, body string) {
		x := start(t)
		etag := x.call("GET", x.path, "", "").Header().Get("ETag")
		r := x.request("GET", x.path+rest, etag, body)
		r.Method = method
		w := httptest.NewRecorder()
		x.door.Serve(w, r)
		if w.Code >= 500 || !json.Valid(w.Body.Bytes()) {
			t.Errorf("%q %q %q = %d %s", method, rest, body, w.Code, w.Body)
		}
	})
}
