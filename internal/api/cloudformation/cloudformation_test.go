package cloudformation_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awscloudformation "github.com/aws/aws-sdk-go-v2/service/cloudformation"

	"github.com/keyfront-project/keyfront/internal/api/cloudformation"
	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/internal/api/front"
)

// What stacks lack is refused by its name before anything is done: the door has
// no stacks here that it could ask.
func TestRefused(t *testing.T) {
	door := cloudformation.New(nil, slog.New(slog.DiscardHandler))
	for _, tt := range []struct{ action, name, value string }{
		{"CreateStack", "TimeoutInMinutes", "5"},
		{"CreateStack", "NotificationARNs.member.1", "arn:aws:sns:us-east-1:111122223333:t"},
		{"UpdateStack", "NotificationARNs.member.1", "arn:aws:sns:us-east-1:111122223333:t"},
		{"UpdateStack", "DisableRollback", "true"},
		{"CreateChangeSet", "NotificationARNs.member.1", "arn:aws:sns:us-east-1:111122223333:t"},
		{"CreateChangeSet", "ImportExistingResources", "true"},
		{"CreateChangeSet", "DeploymentConfig.Mode", "SLOW"},
		{"UpdateStack", "DeploymentConfig.DisableRollback", "true"},
		{"DeleteStack", "DeploymentConfig.DisableRollback", "true"},
		{"DeleteStack", "DeletionMode", "FORCE_DELETE_STACK"},
		{"ListStackResources", "NextToken", "t"},
		{"ListChangeSets", "NextToken", "t"},
		{"DescribeStacks", "NextToken", "t"},
	} {
		body := url.Values{"Action": {tt.action}, "Version": {"2010-05-15"}, "StackName": {"s"}, tt.name: {tt.value}}
		if tt.action == "CreateChangeSet" {
			body.Set("ChangeSetName", "c")
		}
		if tt.name != "NextToken" && tt.action != "DeleteStack" {
			body.Set("TemplateBody", "Resources: {}")
		}
		w := httptest.NewRecorder()
		door.Serve(w, &front.Request{
			Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), ID: "REQUEST", Body: []byte(body.Encode()),
		})
		name, _, _ := strings.Cut(tt.name, ".")
		if got := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(got, "<Code>ValidationError</Code>") || !strings.Contains(strings.ToLower(got), strings.ToLower(name)) {
			t.Errorf("%s with %s = %d %s, want a ValidationError that names it", tt.action, name, w.Code, got)
		}
	}
}

// A refusal says what is wrong, and not that what was left unread is not supported.
func TestRefusedForItsReason(t *testing.T) {
	door := cloudformation.New(nil, slog.New(slog.DiscardHandler))
	for body, want := range map[string]string{
		"Action=CreateStack&StackName=s&Parameters.member.1.ParameterKey=k&Tags.member.1.Key=k": "Either Template URL or Template Body must be specified.",
		"Action=CreateStack&TemplateBody=x&Tags.member.1.Value=v":                               "&#39;stackName&#39; failed to satisfy constraint: Member must not be null",
		"Action=DeleteStack&StackName=s&DeletionMode=NO&DeploymentConfig.Mode=STANDARD":         "DeletionMode NO is not supported",
		"Action=DescribeStacks&StackName=":                                                      "Value &#39;&#39; at &#39;stackName&#39; failed",
		"Action=ListExports&NextToken=t&Color=red":                                              "NextToken is not one",
	} {
		w := httptest.NewRecorder()
		door.Serve(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), ID: "REQUEST", Body: []byte(body)})
		if got := w.Body.String(); w.Code != http.StatusBadRequest || !strings.Contains(got, want) {
			t.Errorf("%s = %d %s, want %q", body, w.Code, got, want)
		}
	}
}

// What the model of the service requires is missed by its name.
func TestRequired(t *testing.T) {
	door, sent := cloudformation.New(nil, slog.New(slog.DiscardHandler)), new(doortest.Sent)
	client := awscloudformation.New(awscloudformation.Options{
		Region: "us-east-1", HTTPClient: sent, Retryer: aws.NopRetryer{}, Credentials: credentials.NewStaticCredentialsProvider("AKIAIOSFODNN7EXAMPLE", "secret", ""),
	})
	doortest.Required(t, client, sent, func(form []byte) (w *httptest.ResponseRecorder) {
		// There are no stacks here that a whole request could ask for.
		defer func() { _ = recover() }()
		w = httptest.NewRecorder()
		door.Serve(w, &front.Request{Request: httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", nil), ID: "REQUEST", Body: form})
		return w
	})
}
