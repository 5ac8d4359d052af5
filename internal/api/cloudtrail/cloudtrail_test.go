package cloudtrail_test

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"

	"github.com/keyfront-project/keyfront/internal/api/doortest"
	"github.com/keyfront-project/keyfront/keyfronttest"
)

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

func wantCode(t *testing.T, what string, err error, code string) {
	t.Helper()
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() != code {
		t.Errorf("%s: %v, want %s", what, err, code)
	}
}

// client is the root user's.
func client(t *testing.T, srv *keyfronttest.Server) *cloudtrail.Client {
	return cloudtrail.NewFromConfig(srv.AWSConfig(), func(o *cloudtrail.Options) {
		o.HTTPClient = doortest.Listener(t, cloudtrail.NewFromConfig)
	})
}

func TestLookupEvents(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, config := t.Context(), srv.AWSConfig()
	keys, users, trails := kms.NewFromConfig(config), iam.NewFromConfig(config), client(t, srv)
	key := must(keys.CreateKey(ctx, &kms.CreateKeyInput{})).KeyMetadata
	must(users.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob")}))
	access := must(users.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("bob")})).AccessKey
	bob := config.Copy()
	bob.Credentials = credentials.NewStaticCredentialsProvider(*access.AccessKeyId, *access.SecretAccessKey, "")
	_, err := kms.NewFromConfig(bob).Encrypt(ctx, &kms.EncryptInput{KeyId: key.Arn, Plaintext: []byte("a secret word"), EncryptionContext: map[string]string{"for": "bob"}})
	wantCode(t, "bob", err, "AccessDeniedException")
	_, err = kms.NewFromConfig(bob).Encrypt(ctx, &kms.EncryptInput{KeyId: aws.String(strings.Repeat("x", 3000)), Plaintext: []byte("a secret word")})
	wantCode(t, "a malformed request", err, "ValidationException")
	for range 3 {
		must(keys.Encrypt(ctx, &kms.EncryptInput{KeyId: key.KeyId, Plaintext: []byte("a secret word")}))
	}

	lookup := func(name types.LookupAttributeKey, value string) []types.Event {
		t.Helper()
		in := &cloudtrail.LookupEventsInput{}
		if name != "" {
			in.LookupAttributes = []types.LookupAttribute{{AttributeKey: name, AttributeValue: &value}}
		}
		return must(trails.LookupEvents(ctx, in)).Events
	}
	names := func(events []types.Event) (all []string) {
		for _, e := range events {
			if strings.Contains(*e.CloudTrailEvent, "secret word") || strings.Contains(*e.CloudTrailEvent, *access.SecretAccessKey) {
				t.Errorf("a secret is in %s", *e.CloudTrailEvent)
			}
			all = append(all, *e.EventName)
		}
		return all
	}
	encrypts := []string{"Encrypt", "Encrypt", "Encrypt"}
	for _, tt := range []struct {
		by    types.LookupAttributeKey
		value string
		want  []string
	}{
		{types.LookupAttributeKeyUsername, "bob", []string{"Encrypt", "Encrypt"}},
		{types.LookupAttributeKeyEventName, "CreateKey", []string{"CreateKey"}},
		{types.LookupAttributeKeyResourceName, *key.KeyId, append(slices.Clone(encrypts), "Encrypt", "CreateKey")},
		{types.LookupAttributeKeyResourceName, *key.Arn, append(slices.Clone(encrypts), "Encrypt", "CreateKey")},
		{types.LookupAttributeKeyResourceType, "AWS::IAM::User", []string{"CreateAccessKey", "CreateUser"}},
		{types.LookupAttributeKeyAccessKeyId, *access.AccessKeyId, []string{"Encrypt", "Encrypt"}},
		{types.LookupAttributeKeyEventSource, "iam.amazonaws.com", []string{"CreateAccessKey", "CreateUser"}},
		{types.LookupAttributeKeyUsername, "nobody", nil},
	} {
		if got := names(lookup(tt.by, tt.value)); !slices.Equal(got, tt.want) {
			t.Errorf("%s=%s: %v, want %v", tt.by, tt.value, got, tt.want)
		}
	}

	refused := lookup(types.LookupAttributeKeyUsername, "bob")
	codes := map[string]string{}
	for _, e := range refused {
		var ev struct {
			ErrorCode, EventID string
			RequestParameters  map[string]any
			UserIdentity       struct{ Type, UserName string }
		}
		if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &ev); err != nil {
			t.Fatal(err)
		}
		codes[ev.ErrorCode] = ev.UserIdentity.Type
		if byID := lookup(types.LookupAttributeKeyEventId, ev.EventID); len(byID) != 1 || *byID[0].EventId != *e.EventId {
			t.Errorf("by id: %d events", len(byID))
		}
	}
	if codes["AccessDeniedException"] != "IAMUser" || codes["ValidationException"] != "IAMUser" {
		t.Errorf("bob's errors are %v", codes)
	}

	// All pages together are all events, and none twice.
	seen := map[string]bool{}
	pages := cloudtrail.NewLookupEventsPaginator(trails, &cloudtrail.LookupEventsInput{
		MaxResults: aws.Int32(2), LookupAttributes: []types.LookupAttribute{{AttributeKey: "ReadOnly", AttributeValue: aws.String("false")}},
	})
	for pages.HasMorePages() {
		for _, e := range must(pages.NextPage(ctx)).Events {
			if seen[*e.EventId] {
				t.Errorf("%s comes twice", *e.EventName)
			}
			seen[*e.EventId] = true
		}
	}
	if len(seen) != 3 {
		t.Errorf("%d events that are not read-only, want 3", len(seen))
	}
	elsewhere := config.Copy()
	elsewhere.Region = "ap-south-1"
	if got := names(must(cloudtrail.NewFromConfig(elsewhere).LookupEvents(ctx, &cloudtrail.LookupEventsInput{})).Events); len(got) != 0 {
		t.Errorf("another region has %v", got)
	}
}

func TestLookupEventsRefusals(t *testing.T) {
	srv := keyfronttest.Start(t)
	ctx, trails := t.Context(), client(t, srv)
	now := time.Now()
	one := types.LookupAttribute{AttributeKey: "EventName", AttributeValue: aws.String("CreateKey")}
	for range 2 { // leaves two events
		must(trails.LookupEvents(ctx, &cloudtrail.LookupEventsInput{}))
	}
	page := must(trails.LookupEvents(ctx, &cloudtrail.LookupEventsInput{MaxResults: aws.Int32(1)}))
	if page.NextToken == nil {
		t.Fatal("no second page")
	}
	for name, tt := range map[string]struct {
		in   cloudtrail.LookupEventsInput
		code string
	}{
		"no events":         {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(0)}, "InvalidMaxResultsException"},
		"too many events":   {cloudtrail.LookupEventsInput{MaxResults: aws.Int32(51)}, "InvalidMaxResultsException"},
		"backwards":         {cloudtrail.LookupEventsInput{StartTime: &now, EndTime: aws.Time(now.Add(-time.Hour))}, "InvalidTimeRangeException"},
		"two attributes":    {cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{one, one}}, "InvalidLookupAttributesException"},
		"unknown attribute": {cloudtrail.LookupEventsInput{LookupAttributes: []types.LookupAttribute{{AttributeKey: "Colour", AttributeValue: aws.String("x")}}}, "InvalidLookupAttributesException"},
		"invented token":    {cloudtrail.LookupEventsInput{NextToken: aws.String("x")}, "InvalidNextTokenException"},
		"another's token":   {cloudtrail.LookupEventsInput{NextToken: page.NextToken, LookupAttributes: []types.LookupAttribute{one}}, "InvalidNextTokenException"},
		"insights":          {cloudtrail.LookupEventsInput{EventCategory: types.EventCategoryInsight}, "UnsupportedOperationException"},
	} {
		_, err := trails.LookupEvents(ctx, &tt.in)
		wantCode(t, name, err, tt.code)
	}
}
