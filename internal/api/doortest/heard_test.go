package doortest_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/keyfront-project/keyfront/internal/api/doortest"
)

// notes is a test that keeps what it is told.
type notes struct {
	testing.TB
	told strings.Builder
}

func (n *notes) Errorf(format string, args ...any) { fmt.Fprintf(&n.told, format+"\n", args...) }

func TestHeard(t *testing.T) {
	identity := func(members string) string {
		return `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` + members +
			`</GetCallerIdentityResult><ResponseMetadata><RequestId>1</RequestId></ResponseMetadata></GetCallerIdentityResponse>`
	}
	for _, tt := range []struct {
		operation, header, body string
		want                    string // "" for no problem
	}{
		{"GetCallerIdentity", "X-Amzn-Requestid", identity("<Arn>a</Arn><UserId>u</UserId>"), ""},
		{"GetCallerIdentity", "X-Amzn-Requestid", identity("<ARN>a</ARN>"), ""}, // the SDK minds no case
		{"GetCallerIdentity", "X-Amzn-Requestid", identity("<Arm>a</Arm>"), `GetCallerIdentity: nobody hears Arm: "a"`},
		{"GetCallerIdentity", "X-Amzn-Requestid", identity("<Arn>a</Arn></GetCallerIdentityResult><GetCallerIdentityResult><UserId>u</UserId>"), `nobody hears UserId: "u"`},
		{"ListKeys", "X-Amzn-Requestid", `{"Keys":[{"KeyArn":"a","KeyId":"k"}],"Truncated":false}`, ""},
		{"ListKeys", "X-Amzn-Requestid", `{"Keys":[{"KeyArn":"a","KeyID":"k"}]}`, `nobody hears KeyID: "k"`},
		{"ListKeys", "X-Amzn-Requestid", `{"Keys":[],"Truncated":"false"}`, "error"},
		{"DescribeKey", "X-Amzn-Requestid", `{"KeyMetadata":{"KeyId":"k","CreationDate":1.5e9,"DeletionDate":1700000000.25,"KeyState":"Enabled"}}`, ""},
		{"DescribeKey", "X-Amzn-Requestid", `{"KeyMetadata":{"KeyId":"k","KeyState":"ENABLED"}}`, `"ENABLED" is no KeyState`},
		{"Encrypt", "X-Amzn-Requestid", `{"CiphertextBlob":"AAEC","KeyId":"k"}`, ""},
		{"PutObject", "X-Amz-Version-Id", "", ""},
		{"PutObject", "X-Amz-Version", "", "nobody hears the header X-Amz-Version: 1"},
		{"GetBucketPolicy", "X-Amzn-Requestid", `{"Statement":[]}`, ""},
		{"ListBuckets", "X-Amzn-Requestid", `<R><Buckets><Bucket><CreationDate>2026-11-22T00:00:00.000Z</CreationDate><Name>b</Name></Bucket></Buckets></R>`, ""},
		{"ListObjectsV2", "X-Amzn-Requestid", `<R><Nam>b</Nam><Prefix></Prefix></R>`, `nobody hears Nam: "b"`},
		{"ListBuckets", "X-Amzn-Requestid", `<R><Bucket><Name>b</Name></Bucket></R>`, `nobody hears Name: "b"`},
	} {
		n, header, body := &notes{TB: t}, http.Header{tt.header: {"1"}}, []byte(tt.body)
		doortest.Heard(n, sts.NewFromConfig, tt.operation, header, body)
		doortest.Heard(n, kms.NewFromConfig, tt.operation, header, body)
		doortest.Heard(n, s3.NewFromConfig, tt.operation, header, body)
		if got := n.told.String(); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s %s %s: %q, want %q", tt.operation, tt.header, tt.body, got, tt.want)
		}
	}
}
