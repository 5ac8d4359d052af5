package cloudtrail

import (
	"context"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// lacking refuses settings that no trail has here.
func lacking(topic, group, role *string, organization *bool) error {
	for _, m := range []struct {
		name string
		set  bool
	}{
		{"SnsTopicName", aws.ToString(topic) != ""},
		{"CloudWatchLogsLogGroupArn", aws.ToString(group) != ""},
		{"CloudWatchLogsRoleArn", aws.ToString(role) != ""},
		{"IsOrganizationTrail", aws.ToBool(organization)},
	} {
		if m.set {
			return refusal.New(trail.ErrUnsupported, "%s is not supported.", m.name)
		}
	}
	return nil
}

func (d door) createTrail(ctx context.Context, who access.Caller, in *cloudtrail.CreateTrailInput) (*cloudtrail.CreateTrailOutput, error) {
	if err := lacking(in.SnsTopicName, in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn, in.IsOrganizationTrail); err != nil {
		return nil, err
	}
	t, err := d.trails.CreateTrail(ctx, who, *in.Name, trail.Settings{
		Bucket: *in.S3BucketName, Prefix: aws.ToString(in.S3KeyPrefix), Key: aws.ToString(in.KmsKeyId),
		Global: in.IncludeGlobalServiceEvents == nil || *in.IncludeGlobalServiceEvents, MultiRegion: aws.ToBool(in.IsMultiRegionTrail),
		Validation: aws.ToBool(in.EnableLogFileValidation),
	}, decodeTags(in.TagsList))
	if err != nil {
		return nil, err
	}
	return &cloudtrail.CreateTrailOutput{
		Name: &t.Name, TrailARN: &t.ARN, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), KmsKeyId: optional(t.Key),
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, LogFileValidationEnabled: &t.Validation, IsOrganizationTrail: aws.Bool(false),
	}, nil
}

func (d door) updateTrail(ctx context.Context, who access.Caller, in *cloudtrail.UpdateTrailInput) (*cloudtrail.UpdateTrailOutput, error) {
	if err := lacking(in.SnsTopicName, in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn, in.IsOrganizationTrail); err != nil {
		return nil, err
	}
	t, err := d.trails.UpdateTrail(ctx, who, *in.Name, trail.Change{
		Bucket: in.S3BucketName, Prefix: in.S3KeyPrefix, Key: in.KmsKeyId,
		Global: in.IncludeGlobalServiceEvents, MultiRegion: in.IsMultiRegionTrail, Validation: in.EnableLogFileValidation,
	})
	if err != nil {
		return nil, err
	}
	return &cloudtrail.UpdateTrailOutput{
		Name: &t.Name, TrailARN: &t.ARN, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), KmsKeyId: optional(t.Key),
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, LogFileValidationEnabled: &t.Validation, IsOrganizationTrail: aws.Bool(false),
	}, nil
}

func (d door) deleteTrail(ctx context.Context, who access.Caller, in *cloudtrail.DeleteTrailInput) (*cloudtrail.DeleteTrailOutput, error) {
	return &cloudtrail.DeleteTrailOutput{}, d.trails.DeleteTrail(ctx, who, *in.Name)
}

func (d door) startLogging(ctx context.Context, who access.Caller, in *cloudtrail.StartLoggingInput) (*cloudtrail.StartLoggingOutput, error) {
	return &cloudtrail.StartLoggingOutput{}, d.trails.StartLogging(ctx, who, *in.Name)
}

func (d door) stopLogging(ctx context.Context, who access.Caller, in *cloudtrail.StopLoggingInput) (*cloudtrail.StopLoggingOutput, error) {
	return &cloudtrail.StopLoggingOutput{}, d.trails.StopLogging(ctx, who, *in.Name)
}

func (d door) getTrail(ctx context.Context, who access.Caller, in *cloudtrail.GetTrailInput) (*cloudtrail.GetTrailOutput, error) {
	t, err := d.trails.GetTrail(ctx, who, *in.Name)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetTrailOutput{Trail: encodeTrail(&t)}, nil
}

// describeTrailsInput and describeTrailsOutput stand for the SDK's types: of all
// operations, this one spells its members with a small letter.
type describeTrailsInput struct {
	Names   []string `json:"trailNameList"`
	Shadows *bool    `json:"includeShadowTrails"`
}

type describeTrailsOutput struct {
	Trails []types.Trail `json:"trailList"`
}

func (d door) describeTrails(ctx context.Context, who access.Caller, in *describeTrailsInput) (*describeTrailsOutput, error) {
	list, err := d.trails.Trails(ctx, who, "cloudtrail:DescribeTrails", in.Names, in.Shadows == nil || *in.Shadows)
	if err != nil {
		return nil, err
	}
	out := &describeTrailsOutput{Trails: []types.Trail{}}
	for i := range list {
		out.Trails = append(out.Trails, *encodeTrail(&list[i]))
	}
	return out, nil
}

func (d door) listTrails(ctx context.Context, who access.Caller, in *cloudtrail.ListTrailsInput) (*cloudtrail.ListTrailsOutput, error) {
	if in.NextToken != nil {
		return nil, refusal.New(trail.ErrNextToken, "The next token is not valid.")
	}
	list, err := d.trails.Trails(ctx, who, "cloudtrail:ListTrails", nil, true)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.ListTrailsOutput{Trails: []types.TrailInfo{}}
	for i := range list {
		t := &list[i]
		out.Trails = append(out.Trails, types.TrailInfo{Name: &t.Name, TrailARN: &t.ARN, HomeRegion: &t.HomeRegion})
	}
	return out, nil
}

func encodeTrail(t *trail.Trail) *types.Trail {
	return &types.Trail{
		Name: &t.Name, TrailARN: &t.ARN, HomeRegion: &t.HomeRegion, S3BucketName: &t.Bucket, S3KeyPrefix: optional(t.Prefix), KmsKeyId: optional(t.Key),
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, LogFileValidationEnabled: &t.Validation,
		IsOrganizationTrail: aws.Bool(false), HasCustomEventSelectors: &t.Custom, HasInsightSelectors: aws.Bool(false),
	}
}

func (d door) getTrailStatus(ctx context.Context, who access.Caller, in *cloudtrail.GetTrailStatusInput) (*cloudtrail.GetTrailStatusOutput, error) {
	st, err := d.trails.GetTrailStatus(ctx, who, *in.Name)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.GetTrailStatusOutput{
		IsLogging: &st.Logging, StartLoggingTime: moment(st.Started), StopLoggingTime: moment(st.Stopped),
		TimeLoggingStarted: stamp(st.Started), TimeLoggingStopped: stamp(st.Stopped),
		LatestDeliveryTime: moment(st.Delivery.Succeeded), LatestDeliveryError: optional(st.Delivery.Error),
		LatestDigestDeliveryTime: moment(st.Digest.Succeeded), LatestDigestDeliveryError: optional(st.Digest.Error),
		LatestDeliveryAttemptTime: stamp(st.Delivery.Tried), LatestNotificationAttemptTime: aws.String(""), LatestNotificationAttemptSucceeded: aws.String(""),
		LatestDeliveryAttemptSucceeded: stamp(st.Delivery.Succeeded),
	}
	return out, nil
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// stamp is a time as GetTrailStatus has it in text; empty for none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return aws.String("")
	}
	return aws.String(t.UTC().Format(time.RFC3339))
}

func (d door) listPublicKeys(ctx context.Context, who access.Caller, in *cloudtrail.ListPublicKeysInput) (*cloudtrail.ListPublicKeysOutput, error) {
	if in.NextToken != nil {
		return nil, refusal.New(trail.ErrNextToken, "The next token is not valid.")
	}
	keys, err := d.trails.PublicKeys(ctx, who, aws.ToTime(in.StartTime), aws.ToTime(in.EndTime))
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.ListPublicKeysOutput{PublicKeyList: []types.PublicKey{}}
	for i := range keys {
		k := &keys[i]
		out.PublicKeyList = append(out.PublicKeyList, types.PublicKey{Value: k.DER, ValidityStartTime: &k.From, ValidityEndTime: &k.To, Fingerprint: &k.Fingerprint})
	}
	return out, nil
}

func (d door) addTags(ctx context.Context, who access.Caller, in *cloudtrail.AddTagsInput) (*cloudtrail.AddTagsOutput, error) {
	return &cloudtrail.AddTagsOutput{}, d.trails.AddTags(ctx, who, *in.ResourceId, decodeTags(in.TagsList))
}

func (d door) removeTags(ctx context.Context, who access.Caller, in *cloudtrail.RemoveTagsInput) (*cloudtrail.RemoveTagsOutput, error) {
	var keys []string
	for _, t := range in.TagsList {
		keys = append(keys, *t.Key)
	}
	return &cloudtrail.RemoveTagsOutput{}, d.trails.RemoveTags(ctx, who, *in.ResourceId, keys)
}

func (d door) listTags(ctx context.Context, who access.Caller, in *cloudtrail.ListTagsInput) (*cloudtrail.ListTagsOutput, error) {
	out := &cloudtrail.ListTagsOutput{ResourceTagList: []types.ResourceTag{}}
	for i, id := range in.ResourceIdList {
		if !strings.HasPrefix(id, "arn:") {
			return nil, refusal.New(trail.ErrARN, "Trail ARN %s is not valid.", id)
		}
		tags, err := d.trails.Tags(ctx, who, id)
		if err != nil {
			return nil, err
		}
		list := []types.Tag{}
		for j := range tags {
			list = append(list, types.Tag{Key: &tags[j].Key, Value: &tags[j].Value})
		}
		out.ResourceTagList = append(out.ResourceTagList, types.ResourceTag{ResourceId: &in.ResourceIdList[i], TagsList: list})
	}
	return out, nil
}

func decodeTags(list []types.Tag) (tags []trail.Tag) {
	for _, t := range list {
		tags = append(tags, trail.Tag{Key: *t.Key, Value: aws.ToString(t.Value)})
	}
	return tags
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
