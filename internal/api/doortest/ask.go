package doortest

import (
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Ask sends one request of the AWS JSON protocol through a door, as the root user of
// account 111122223333 in us-east-1. target is its X-Amz-Target.
func Ask(d front.Door, target, body string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.Header.Set("X-Amz-Target", target)
	d.Serve(w, &front.Request{Request: r, ID: "r1", Body: []byte(body), Caller: access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: "111122223333", ARN: "arn:aws:iam::111122223333:root", UserID: "111122223333"},
		Region:    "us-east-1", RequestID: "r1", At: time.Unix(1_800_000_000, 0),
	}})
	return w
}
