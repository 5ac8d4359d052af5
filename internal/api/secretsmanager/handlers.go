package secretsmanager

import (
	"context"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/secret"
)

type handlers struct{ store *secret.Service }

func (h handlers) create(ctx context.Context, who access.Caller, in *createInput) (*named, error) {
	if len(in.AddReplicaRegions) > 0 {
		return nil, unsupported("The parameter AddReplicaRegions")
	}
	if in.Type != "" {
		return nil, unsupported("The parameter Type")
	}
	v, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	defer wipe(v)
	if err := tokenGiven(in.ClientRequestToken, secret.ErrState); err != nil {
		return nil, err
	}
	return made(h.store.Create(ctx, who, secret.CreateRequest{
		Name: in.Name, Text: in.Description, KeyID: in.KmsKeyId, Tags: tagsOf(in.Tags), Value: v, Token: in.ClientRequestToken,
	}))
}

func (h handlers) get(ctx context.Context, who access.Caller, in *getInput) (*value, error) {
	v, err := h.store.Get(ctx, who, in.SecretId, or(in.VersionId), or(in.VersionStage))
	if err != nil {
		return nil, err
	}
	return shapeOf(v), nil
}

func (h handlers) batch(ctx context.Context, who access.Caller, in *batchInput) (*batchOutput, error) {
	found, missed, next, err := h.store.Batch(ctx, who, in.SecretIdList, filtersOf(in.Filters), page(in.MaxResults, in.NextToken))
	out := &batchOutput{NextToken: next, SecretValues: []value{}, Errors: []batchError{}}
	for _, v := range found {
		out.SecretValues = append(out.SecretValues, *shapeOf(v))
	}
	for _, m := range missed {
		out.Errors = append(out.Errors, batchError{ErrorCode: ErrorCode(m.Err), Message: m.Err.Error(), SecretId: m.Secret})
	}
	return out, err
}

func (h handlers) put(ctx context.Context, who access.Caller, in *putInput) (*putOutput, error) {
	if in.RotationToken != "" {
		return nil, unsupported("The parameter RotationToken")
	}
	v, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	defer wipe(v)
	if err := tokenGiven(in.ClientRequestToken, secret.ErrState); err != nil {
		return nil, err
	}
	m, err := h.store.Put(ctx, who, secret.PutRequest{Secret: in.SecretId, Value: v, Token: in.ClientRequestToken, Stages: in.VersionStages})
	return &putOutput{ARN: m.ARN, Name: m.Name, VersionId: m.VersionID, VersionStages: m.Stages}, err
}

func (h handlers) update(ctx context.Context, who access.Caller, in *updateInput) (*named, error) {
	if in.Type != "" {
		return nil, unsupported("The parameter Type")
	}
	v, err := valueOf(in.SecretString, in.SecretBinary)
	if err != nil {
		return nil, err
	}
	defer wipe(v)
	if err := tokenGiven(in.ClientRequestToken, secret.ErrState); err != nil {
		return nil, err
	}
	return made(h.store.Update(ctx, who, secret.UpdateRequest{
		Secret: in.SecretId, Text: in.Description, KeyID: in.KmsKeyId, Value: v, Token: in.ClientRequestToken,
	}))
}

func (h handlers) describe(ctx context.Context, who access.Caller, in *idInput) (*describeOutput, error) {
	d, err := h.store.Describe(ctx, who, in.SecretId)
	if err != nil {
		return nil, err
	}
	l := listedOf(d)
	return &describeOutput{
		ARN: l.ARN, CreatedDate: l.CreatedDate, DeletedDate: l.DeletedDate, Description: l.Description, KmsKeyId: l.KmsKeyId,
		LastAccessedDate: l.LastAccessedDate, LastChangedDate: l.LastChangedDate, LastRotatedDate: l.LastRotatedDate, Name: l.Name,
		NextRotationDate: l.NextRotationDate, RotationEnabled: l.RotationEnabled, RotationLambdaARN: l.RotationLambdaARN,
		RotationRules: l.RotationRules, Tags: l.Tags, VersionIdsToStages: l.SecretVersionsToStages,
	}, nil
}

func (h handlers) list(ctx context.Context, who access.Caller, in *listInput) (*listOutput, error) {
	if in.SortBy != "" && in.SortBy != "name" {
		return nil, unsupported("Sorting by " + string(in.SortBy))
	}
	found, next, err := h.store.List(ctx, who, filtersOf(in.Filters), is(in.IncludePlannedDeletion), in.SortOrder == "desc", page(in.MaxResults, in.NextToken))
	out := &listOutput{NextToken: next, SecretList: []listed{}}
	for _, d := range found {
		out.SecretList = append(out.SecretList, listedOf(d))
	}
	return out, err
}

func (h handlers) listVersions(ctx context.Context, who access.Caller, in *versionsInput) (*versionsOutput, error) {
	found, arn, name, next, err := h.store.Versions(ctx, who, in.SecretId, is(in.IncludeDeprecated), page(in.MaxResults, in.NextToken))
	out := &versionsOutput{ARN: arn, Name: name, NextToken: next, Versions: []version{}}
	for _, v := range found {
		out.Versions = append(out.Versions, version{
			CreatedDate: moment(v.Created), KmsKeyIds: []string{keyName(&v)}, LastAccessedDate: moment(v.Accessed), VersionId: v.ID, VersionStages: v.Stages,
		})
	}
	return out, err
}

func (h handlers) delete(ctx context.Context, who access.Caller, in *deleteInput) (*deleteOutput, error) {
	days := int64(0)
	if in.RecoveryWindowInDays != nil {
		if days = *in.RecoveryWindowInDays; days == 0 {
			days = -1 // asked for, and out of bounds
		}
	}
	m, ends, err := h.store.Delete(ctx, who, in.SecretId, days, is(in.ForceDeleteWithoutRecovery))
	return &deleteOutput{ARN: m.ARN, Name: m.Name, DeletionDate: moment(ends)}, err
}

func (h handlers) restore(ctx context.Context, who access.Caller, in *idInput) (*named, error) {
	return made(h.store.Restore(ctx, who, in.SecretId))
}

func (h handlers) moveStage(ctx context.Context, who access.Caller, in *stageInput) (*named, error) {
	return made(h.store.MoveStage(ctx, who, in.SecretId, in.VersionStage, or(in.MoveToVersionId), or(in.RemoveFromVersionId)))
}

func (h handlers) tag(ctx context.Context, who access.Caller, in *tagInput) (*nothing, error) {
	return &nothing{}, h.store.Tag(ctx, who, in.SecretId, tagsOf(in.Tags))
}

func (h handlers) untag(ctx context.Context, who access.Caller, in *untagInput) (*nothing, error) {
	return &nothing{}, h.store.Untag(ctx, who, in.SecretId, in.TagKeys)
}

func (h handlers) getPolicy(ctx context.Context, who access.Caller, in *idInput) (*policyOutput, error) {
	m, source, err := h.store.Policy(ctx, who, in.SecretId)
	return &policyOutput{ARN: m.ARN, Name: m.Name, ResourcePolicy: source}, err
}

func (h handlers) putPolicy(ctx context.Context, who access.Caller, in *policyInput) (*named, error) {
	return made(h.store.SetPolicy(ctx, who, in.SecretId, in.ResourcePolicy, is(in.BlockPublicPolicy)))
}

func (h handlers) deletePolicy(ctx context.Context, who access.Caller, in *idInput) (*named, error) {
	return made(h.store.RemovePolicy(ctx, who, in.SecretId))
}

func (h handlers) validatePolicy(ctx context.Context, who access.Caller, in *policyInput) (*validateOutput, error) {
	problem, err := h.store.CheckPolicy(ctx, who, in.SecretId, in.ResourcePolicy)
	out := &validateOutput{PolicyValidationPassed: problem == "", ValidationErrors: []validationError{}}
	if problem != "" {
		out.ValidationErrors = append(out.ValidationErrors, validationError{CheckName: "POLICY", ErrorMessage: problem})
	}
	return out, err
}

func (h handlers) randomPassword(ctx context.Context, who access.Caller, in *passwordInput) (*passwordOutput, error) {
	p := secret.Password{
		Exclude: in.ExcludeCharacters, NoNumbers: is(in.ExcludeNumbers), NoPunctuation: is(in.ExcludePunctuation), NoUpper: is(in.ExcludeUppercase),
		NoLower: is(in.ExcludeLowercase), Space: is(in.IncludeSpace), AnyClasses: in.RequireEachIncludedType != nil && !*in.RequireEachIncludedType,
	}
	if in.PasswordLength != nil {
		p.Length = *in.PasswordLength
	}
	password, err := h.store.RandomPassword(ctx, who, p)
	return &passwordOutput{string(password.Reveal())}, err
}

func (h handlers) rotate(ctx context.Context, who access.Caller, in *rotateInput) (*named, error) {
	if len(in.ExternalSecretRotationMetadata) > 0 || in.ExternalSecretRotationRoleArn != "" {
		return nil, unsupported("Rotation of external secrets")
	}
	if err := tokenGiven(in.ClientRequestToken, secret.ErrInvalid); err != nil {
		return nil, err
	}
	request := secret.RotateRequest{
		Secret: in.SecretId, Token: in.ClientRequestToken, Function: in.RotationLambdaARN,
		Later: in.RotateImmediately != nil && !*in.RotateImmediately,
	}
	if r := in.RotationRules; r != nil {
		request.Schedule, request.Window = r.ScheduleExpression, r.Duration
		if r.AutomaticallyAfterDays != nil {
			request.Days = *r.AutomaticallyAfterDays
		}
	}
	return made(h.store.Rotate(ctx, who, request))
}

func (h handlers) cancelRotate(ctx context.Context, who access.Caller, in *idInput) (*named, error) {
	return made(h.store.CancelRotation(ctx, who, in.SecretId))
}

func made(m secret.Made, err error) (*named, error) {
	return &named{ARN: m.ARN, Name: m.Name, VersionId: m.VersionID}, err
}

// tokenGiven refuses, as an error of kind, a request without the token that makes
// it safe to repeat. The model does not require one because every SDK fills it in.
func tokenGiven(token string, kind error) error {
	if token != "" {
		return nil
	}
	return refusal.New(kind, "You must provide a ClientRequestToken value. We recommend a UUID-type value.")
}

// valueOf is the one value that a request has, or nil.
func valueOf(text *string, binary []byte) (*secret.Value, error) {
	switch {
	case text != nil && binary != nil:
		return nil, refusal.New(secret.ErrInvalid, "You can't specify both a binary secret value and a string secret value in the same secret.")
	case text != nil:
		return &secret.Value{Bytes: sealed.NewSecret([]byte(*text)), Text: true}, nil
	case binary != nil:
		return &secret.Value{Bytes: sealed.NewSecret(binary)}, nil
	}
	return nil, nil
}

func wipe(v *secret.Value) {
	if v != nil {
		v.Bytes.Wipe()
	}
}

func shapeOf(v secret.Version) *value {
	out := &value{ARN: v.ARN, CreatedDate: moment(v.Created), Name: v.Name, VersionId: v.ID, VersionStages: v.Stages}
	if v.Value.Text {
		text := string(v.Value.Bytes.Reveal())
		out.SecretString = &text
	} else {
		out.SecretBinary = v.Value.Bytes.Reveal()
	}
	return out
}

// keyName is what a listing calls the key of a version.
func keyName(v *secret.Version) string {
	if v.ServiceKey {
		return "DefaultEncryptionKey"
	}
	return v.KeyARN
}

func listedOf(d secret.Description) listed {
	out := listed{
		ARN: d.ARN, CreatedDate: moment(d.Created), DeletedDate: moment(d.Deleted), Description: d.Text, KmsKeyId: d.KeyID,
		LastAccessedDate: moment(d.Accessed), LastChangedDate: moment(d.Changed), LastRotatedDate: moment(d.RotatedLast), Name: d.Name,
		NextRotationDate: moment(d.RotatesNext), RotationLambdaARN: d.Rotation.Function, SecretVersionsToStages: d.Stages,
	}
	if d.Tags != nil {
		out.Tags = make([]tag, 0, len(d.Tags)) // a secret that had tags has a list, if an empty one
	}
	for _, t := range d.Tags {
		out.Tags = append(out.Tags, tag{t.Key, &t.Value})
	}
	if d.Rotation != (secret.Rotation{}) {
		enabled := d.Rotation.Enabled
		out.RotationEnabled = &enabled
		out.RotationRules = &rotationRules{Duration: d.Rotation.Window, ScheduleExpression: d.Rotation.Schedule}
		if d.Rotation.Days > 0 {
			out.RotationRules.AutomaticallyAfterDays = &d.Rotation.Days
		}
	}
	return out
}

func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

func tagsOf(tags []tag) (out []secret.Tag) {
	for _, t := range tags {
		own := secret.Tag{Key: t.Key}
		if t.Value != nil {
			own.Value = *t.Value
		}
		out = append(out, own)
	}
	return out
}

func filtersOf(filters []filter) (out []secret.Filter) {
	for _, f := range filters {
		out = append(out, secret.Filter{Key: string(f.Key), Values: f.Values})
	}
	return out
}

func page(limit *int32, token string) secret.Page {
	p := secret.Page{Token: token}
	if limit != nil {
		p.Limit = int(*limit)
	}
	return p
}

func is(flag *bool) bool { return flag != nil && *flag }

// or is the text, or none where none was given. An empty one was refused.
func or(text *string) string {
	if text == nil {
		return ""
	}
	return *text
}
