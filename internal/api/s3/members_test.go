package s3_test

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/bucket"
)

// Members that make no difference, on purpose.
var withoutEffect = map[string]string{
	"RequestPayer":                  "no bucket has its requesters pay, and S3 takes it for all others",
	"ConfirmRemoveSelfBucketAccess": "no policy keeps the root user from taking it back",
	"SkipDestinationValidation":     "no destination is taken",
	"OptionalObjectAttributes":      "of objects that were restored, and none was",
	"BucketKeyEnabled":              "of keys of the key service",
	"ChecksumMode":                  "it has one value, ENABLED",

	"GetObjectLegalHold.VersionId":        "no version has one",
	"GetObjectRetention.VersionId":        "no version has one",
	"ListMultipartUploads.UploadIdMarker": "it has no meaning without a key marker",
	"ListParts.SSECustomerAlgorithm":      "parts are listed without their key",
	"ListParts.SSECustomerKey":            "parts are listed without their key",
	"ListParts.SSECustomerKeyMD5":         "parts are listed without their key",
	"PutObject.ContentLength":             "the SDK's own",
	"UploadPart.ContentLength":            "the SDK's own",

	"PutBucketLifecycleConfiguration.TransitionDefaultMinimumObjectSize": "rules are refused",
}

// Operations that are not a bucket's or an object's, and for other endpoints.
var elsewhere = map[string]bool{"ListDirectoryBuckets": true, "WriteGetObjectResponse": true}

// What is the same here as another operation, which reads one of several settings that
// no bucket has, or has an older name.
var known = map[string]string{
	"DeleteBucketLifecycle":                      "DeleteBucketLifecycleConfiguration",
	"ListBucketAnalyticsConfigurations":          "GetBucketAnalyticsConfiguration",
	"ListBucketIntelligentTieringConfigurations": "GetBucketIntelligentTieringConfiguration",
	"ListBucketInventoryConfigurations":          "GetBucketInventoryConfiguration",
	"ListBucketMetricsConfigurations":            "GetBucketMetricsConfiguration",
}

// TestEveryMemberMakesADifference sends each operation of the SDK once as it must be,
// and once more with each further member, whose value is odd. A member that neither
// changes the answer, nor what is there afterwards, was passed over in silence. And an
// operation that is taken for another does what nobody asked for.
func TestEveryMemberMakesADifference(t *testing.T) {
	client := reflect.TypeFor[*awss3.Client]()
	for i := range client.NumMethod() {
		method := client.Method(i)
		if method.Type.NumIn() != 4 || method.Type.In(1) != reflect.TypeFor[context.Context]() || elsewhere[method.Name] {
			continue
		}
		t.Run(method.Name, func(t *testing.T) {
			t.Parallel()
			checkMembers(t, method)
		})
	}
}

// always are members that others need to have a meaning.
var always = []string{"Body", "MetadataDirective", "MultipartUpload", "TaggingDirective"}

func checkMembers(t *testing.T, method reflect.Method) {
	input := method.Type.In(2).Elem()
	m := call{method: method, fields: map[string]bool{}}
	for i := range input.NumField() {
		f := input.Field(i)
		if f.IsExported() && (slices.Contains(always, f.Name) || m.required(t, f.Name)) {
			m.fields[f.Name] = true
		}
	}
	base := m.outcome(t)
	if want := cmp.Or(known[method.Name], method.Name); base.operation != want {
		t.Errorf("%s was taken for %s", want, base.operation)
	}
	if strings.HasPrefix(base.answer, "501 ") {
		return // refused by its name
	}
	for i := range input.NumField() {
		f := input.Field(i)
		if !f.IsExported() || m.fields[f.Name] || odd(f.Type) == nil || withoutEffect[f.Name] != "" || withoutEffect[method.Name+"."+f.Name] != "" {
			continue
		}
		got := call{method: method, fields: m.fields, odd: f.Name}.outcome(t)
		if got.answer == base.answer && got.state() == base.state() {
			t.Errorf("%s.%s makes no difference:\n%.200s", method.Name, f.Name, base.answer)
		}
	}
}

// call is a call of the SDK's client.
type call struct {
	method reflect.Method
	fields map[string]bool // that have their usual value
	odd    string          // the one with an odd value
}

// required tells whether the SDK refuses a request without the member.
func (c call) required(t *testing.T, name string) bool {
	_, err := c.send(t, nil, func(field string) bool { return field != name })
	var invalid smithy.InvalidParamsError
	return errors.As(err, &invalid)
}

// usual is the value of a member that a request has to have.
func usual(name string, upload *string) any {
	switch name {
	case "Bucket":
		return aws.String("films")
	case "Key":
		return aws.String("a")
	case "UploadId":
		return upload
	case "PartNumber":
		return aws.Int32(1)
	case "CopySource":
		return aws.String("films/b")
	case "IfNoneMatch", "CopySourceIfNoneMatch":
		return aws.String("*")
	case "IfModifiedSince", "CopySourceIfModifiedSince":
		return aws.Time(time.Now())
	case "MetadataDirective":
		return types.MetadataDirectiveReplace
	case "TaggingDirective":
		return types.TaggingDirectiveReplace
	case "Range":
		return aws.String("bytes=1-2")
	case "Body":
		return bytes.NewReader([]byte("content"))
	case "Delete":
		return &types.Delete{Objects: []types.ObjectIdentifier{{Key: aws.String("a")}}}
	case "MultipartUpload":
		return &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: aws.String("9a0364b9e99bb480dd25e1f0284c8555")}}}
	case "Policy":
		return aws.String(`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"000000000000"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::films/*"}}`)
	case "Tagging":
		return &types.Tagging{TagSet: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}}
	case "ObjectAttributes":
		return []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesObjectParts}
	case "ObjectEncryption":
		return &types.ObjectEncryptionMemberSSEKMS{Value: types.SSEKMSEncryption{KMSKeyArn: aws.String(keyARN)}}
	case "AbacStatus":
		return &types.AbacStatus{Status: types.BucketAbacStatusDisabled}
	case "AccelerateConfiguration":
		return &types.AccelerateConfiguration{Status: types.BucketAccelerateStatusSuspended}
	case "CORSConfiguration":
		return &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}
	case "OwnershipControls":
		return &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}}}
	case "RequestPaymentConfiguration":
		return &types.RequestPaymentConfiguration{Payer: types.PayerBucketOwner}
	case "ServerSideEncryptionConfiguration":
		return &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{BucketKeyEnabled: aws.Bool(true)}}}
	case "VersioningConfiguration":
		return &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}
	case "NotificationConfiguration":
		return &types.NotificationConfiguration{}
	case "BucketLoggingStatus":
		return &types.BucketLoggingStatus{}
	case "PublicAccessBlockConfiguration":
		return &types.PublicAccessBlockConfiguration{}
	}
	return nil
}

// odd is a value that few requests would have; nil for types that stand in the body.
func odd(t reflect.Type) any {
	switch t {
	case reflect.TypeFor[*string]():
		return aws.String("zzz")
	case reflect.TypeFor[*bool]():
		return aws.Bool(true)
	case reflect.TypeFor[*int32]():
		return aws.Int32(-1)
	case reflect.TypeFor[*int64]():
		return aws.Int64(-1)
	case reflect.TypeFor[*time.Time]():
		return aws.Time(time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC))
	case reflect.TypeFor[map[string]string]():
		return map[string]string{"zzz": "zzz"}
	}
	switch {
	case t.Kind() == reflect.String:
		return reflect.ValueOf("zzz").Convert(t).Interface()
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.String:
		v := reflect.MakeSlice(t, 1, 1)
		v.Index(0).SetString("zzz")
		return v.Interface()
	}
	return nil
}

// filled is a value of t of which every member has one, so that nothing required is
// absent.
func filled(t reflect.Type, depth int) reflect.Value {
	v := reflect.New(t).Elem()
	if o := odd(t); o != nil {
		v.Set(reflect.ValueOf(o))
		return v
	}
	switch t.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(t.Elem()))
		v.Elem().Set(filled(t.Elem(), depth))
	case reflect.Slice:
		if t.Elem().Kind() != reflect.Uint8 {
			v.Set(reflect.Append(v, filled(t.Elem(), depth)))
		}
	case reflect.Struct:
		for i := range t.NumField() {
			if f := t.Field(i); f.IsExported() && depth < 6 {
				v.Field(i).Set(filled(f.Type, depth+1))
			}
		}
	case reflect.Interface:
		if t == reflect.TypeFor[io.Reader]() {
			v.Set(reflect.ValueOf(strings.NewReader("x")))
		}
	}
	return v
}

// send calls with the members that has names. Without a server nothing is sent.
func (c call) send(t *testing.T, s *server, has func(field string) bool, options ...func(*awss3.Options)) (any, error) {
	if s == nil {
		s = &server{Server: &httptest.Server{URL: "http://localhost"}}
		options = append(options, func(o *awss3.Options) { o.HTTPClient = nobody{} })
	}
	input := reflect.New(c.method.Type.In(2).Elem())
	for i := range input.Elem().NumField() {
		f := input.Elem().Type().Field(i)
		if !f.IsExported() || !has(f.Name) {
			continue
		}
		v := reflect.Value{}
		if u := usual(f.Name, &s.upload); u != nil && reflect.TypeOf(u).AssignableTo(f.Type) {
			v = reflect.ValueOf(u)
		} else {
			v = filled(f.Type, 0)
		}
		input.Elem().Field(i).Set(v)
	}
	args := []reflect.Value{reflect.ValueOf(s.client()), reflect.ValueOf(t.Context()), input}
	for _, o := range options {
		args = append(args, reflect.ValueOf(o))
	}
	out := c.method.Func.Call(args)
	err, _ := out[1].Interface().(error)
	return out[0].Interface(), err
}

// nobody answers.
type nobody struct{}

func (nobody) Do(*http.Request) (*http.Response, error) { return nil, errors.New("nobody is there") }

// outcome is the answer of a fresh server, without what differs each time.
type outcome struct {
	answer    string
	operation string        // that the server takes the call for
	state     func() string // what the server holds then
}

func (c call) outcome(t *testing.T) outcome {
	s := newServer(t, nil)
	s.bucket(t, "films")
	who := bucket.Caller{Caller: access.Caller{Principal: s.root, Region: "us-east-1", At: time.Now()}}
	put := func(key string) bucket.Put {
		return bucket.Put{Bucket: "films", Key: key, Body: strings.NewReader("content"), SizeBytes: 7}
	}
	for _, key := range []string{"a", "b"} {
		if _, err := s.buckets.Put(t.Context(), who, put(key)); err != nil {
			t.Fatal(err)
		}
	}
	u, err := s.buckets.CreateUpload(t.Context(), who, put("a"), bucket.Checksum{})
	if err != nil {
		t.Fatal(err)
	}
	part := bucket.PutPart{Upload: bucket.UploadRef{Bucket: "films", Key: "a", ID: u.ID}, Number: 1, Body: strings.NewReader("content"), SizeBytes: 7}
	if _, err := s.buckets.PutPart(t.Context(), who, part); err != nil {
		t.Fatal(err)
	}
	s.upload = u.ID
	s.operation.Store("")
	answer := &recorder{t: t, server: s}
	made, _ := c.send(t, s, func(field string) bool { return c.fields[field] || field == c.odd }, func(o *awss3.Options) { o.HTTPClient = answer })
	operation, _ := s.operation.Load().(string)
	return outcome{answer.text(), operation, sync.OnceValue(func() string {
		state := &recorder{t: t, server: s}
		api := s.client(func(o *awss3.Options) { o.HTTPClient = state })
		if created, ok := made.(*awss3.CreateMultipartUploadOutput); ok && created != nil {
			// What it was told shows in what it becomes.
			name, key := aws.String("films"), aws.String("a")
			part, err := api.UploadPart(t.Context(), &awss3.UploadPartInput{Bucket: name, Key: key, UploadId: created.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
			if err == nil {
				_, _ = api.CompleteMultipartUpload(t.Context(), &awss3.CompleteMultipartUploadInput{Bucket: name, Key: key, UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{
					Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: part.ETag}},
				}})
			}
		}
		s.trusted = true
		for _, target := range []string{"/films/a", "/films/a?tagging", "/films?uploads", "/films?versions", "/films?policy", "/films?tagging", "/films?encryption"} {
			_, _ = state.Do(httptest.NewRequest("GET", s.URL+target, nil))
		}
		return state.text()
	})}
}

// heard sees that the SDK takes up all of an answer to the last request, but of the
// operations that are known by another's name.
func (s *server) heard(t *testing.T, status int, header http.Header, body []byte) {
	t.Helper()
	operation, _ := s.operation.Load().(string)
	for _, other := range known {
		if operation == other {
			return
		}
	}
	strict := !bytes.Contains(body, []byte("&#x1;")) // keys that XML cannot have want encoding-type=url
	if status < http.StatusMultipleChoices && strict {
		doortest.Heard(t, awss3.NewFromConfig, operation, header, body)
	}
}

// recorder is a client's way to a server, and notes the answers.
type recorder struct {
	t      *testing.T
	server *server
	noted  strings.Builder
}

func (r *recorder) Do(q *http.Request) (*http.Response, error) {
	q.RequestURI, q.Host = q.URL.RequestURI(), cmp.Or(q.Host, q.URL.Host)
	if q.Body == nil {
		q.Body = http.NoBody
	}
	w := httptest.NewRecorder()
	r.server.ServeHTTP(w, q)
	h := w.Result().Header.Clone()
	for _, name := range []string{"X-Amz-Request-Id", "X-Amz-Id-2", "X-Amz-Version-Id", "Content-Length"} {
		h.Del(name)
	}
	r.server.heard(r.t, w.Code, w.Header(), w.Body.Bytes())
	fmt.Fprintf(&r.noted, "%d %v\n%s\n", w.Code, h, w.Body)
	return w.Result(), nil
}

var (
	times = regexp.MustCompile(`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z|\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT`)
	ids   = regexp.MustCompile(`<(RequestId|HostId|UploadId|VersionId)>[^<]*<`)
)

// text is the answers without what differs each time.
func (r *recorder) text() string {
	text := strings.NewReplacer(r.server.upload, "UPLOAD", r.server.URL, "URL").Replace(r.noted.String())
	return ids.ReplaceAllString(times.ReplaceAllString(text, "TIME"), "<$1>ID<")
}
