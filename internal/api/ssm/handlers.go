package ssm

import (
	"context"
	"errors"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/parameter"
	"github.com/keyfront-project/keyfront/internal/refusal"
)

var (
	errResource   = errors.New("ssm: only parameters can be tagged here")
	errResourceID = errors.New("ssm: no such resource")
)

type handlers struct{ store *parameter.Service }

func (h handlers) put(ctx context.Context, who access.Caller, in *putInput) (*putOutput, error) {
	if in.Policies != "" {
		return nil, refusal.New(parameter.ErrPolicies, "Parameter policies are not supported.")
	}
	version, tier, err := h.store.Put(ctx, who, parameter.PutRequest{
		Name: *in.Name, Value: *in.Value, Type: parameter.Type(in.Type), KeyID: value(in.KeyId), Overwrite: in.Overwrite,
		Description: value(in.Description), AllowedPattern: in.AllowedPattern, Tier: parameter.Tier(in.Tier), DataType: in.DataType, Tags: tagsOf(in.Tags),
	})
	return &putOutput{Version: version, Tier: string(tier)}, err
}

func (h handlers) get(ctx context.Context, who access.Caller, in *getInput) (*getOutput, error) {
	v, err := h.store.Get(ctx, who, *in.Name, in.WithDecryption)
	if err != nil {
		return nil, err
	}
	shape := shapeOf(v)
	return &getOutput{&shape}, nil
}

func (h handlers) getMany(ctx context.Context, who access.Caller, in *getManyInput) (*getManyOutput, error) {
	found, missing, err := h.store.Many(ctx, who, in.Names, in.WithDecryption)
	return &getManyOutput{Parameters: shapesOf(found), InvalidParameters: orEmpty(missing)}, err
}

func (h handlers) byPath(ctx context.Context, who access.Caller, in *byPathInput) (*byPathOutput, error) {
	l, err := h.store.ByPath(ctx, who, *in.Path, in.Recursive, in.WithDecryption, filtersOf(in.ParameterFilters), page(in.MaxResults, in.NextToken))
	return &byPathOutput{Parameters: shapesOf(l.Items), NextToken: l.Next}, err
}

func (h handlers) history(ctx context.Context, who access.Caller, in *historyInput) (*historyOutput, error) {
	l, err := h.store.History(ctx, who, *in.Name, in.WithDecryption, page(in.MaxResults, in.NextToken))
	out := &historyOutput{Parameters: []historyEntry{}, NextToken: l.Next}
	for _, v := range l.Items {
		out.Parameters = append(out.Parameters, historyEntry{
			AllowedPattern: v.AllowedPattern, DataType: "text", Description: v.Description, KeyId: v.KeyID, Labels: orEmpty(v.Labels), LastModifiedDate: &v.Modified,
			LastModifiedUser: v.ModifiedBy, Name: v.Name, Policies: []struct{}{}, Tier: string(v.Tier), Type: string(v.Type), Value: v.Value, Version: v.Version,
		})
	}
	return out, err
}

func (h handlers) describe(ctx context.Context, who access.Caller, in *describeInput) (*describeOutput, error) {
	filters := filtersOf(in.ParameterFilters)
	if len(in.Filters) > 0 && len(filters) > 0 {
		return nil, refusal.New(parameter.ErrInvalid, "You can use either Filters or ParameterFilters in a single request.")
	}
	// The older sort of filter: all of them begin with what they want.
	for _, f := range in.Filters {
		filters = append(filters, parameter.Filter{Key: f.Key, Option: "BeginsWith", Values: f.Values})
	}
	out := &describeOutput{Parameters: []metadata{}}
	l, err := h.store.Describe(ctx, who, filters, page(in.MaxResults, in.NextToken))
	if in.Shared {
		return out, err // nobody shares parameters here
	}
	out.NextToken = l.Next
	for _, v := range l.Items {
		out.Parameters = append(out.Parameters, metadata{
			ARN: v.ARN, AllowedPattern: v.AllowedPattern, DataType: "text", Description: v.Description, KeyId: v.KeyID, LastModifiedDate: &v.Modified,
			LastModifiedUser: v.ModifiedBy, Name: v.Name, Policies: []struct{}{}, Tier: string(v.Tier), Type: string(v.Type), Version: v.Version,
		})
	}
	return out, err
}

func (h handlers) delete(ctx context.Context, who access.Caller, in *deleteInput) (*deleteOutput, error) {
	return &deleteOutput{}, h.store.Delete(ctx, who, *in.Name)
}

func (h handlers) deleteMany(ctx context.Context, who access.Caller, in *deleteManyInput) (*deleteManyOutput, error) {
	removed, missing, err := h.store.DeleteMany(ctx, who, in.Names)
	return &deleteManyOutput{orEmpty(removed), orEmpty(missing)}, err
}

func (h handlers) label(ctx context.Context, who access.Caller, in *labelInput) (*labelOutput, error) {
	version, invalid, err := h.store.Label(ctx, who, *in.Name, value(in.ParameterVersion), in.Labels)
	return &labelOutput{orEmpty(invalid), version}, err
}

func (h handlers) unlabel(ctx context.Context, who access.Caller, in *labelInput) (*unlabelOutput, error) {
	removed, invalid, err := h.store.Unlabel(ctx, who, *in.Name, value(in.ParameterVersion), in.Labels)
	return &unlabelOutput{orEmpty(invalid), orEmpty(removed)}, err
}

func (h handlers) addTags(ctx context.Context, who access.Caller, in *addTagsInput) (*tagsOutput, error) {
	if err := onlyParameters(in.ResourceType); err != nil {
		return nil, err
	}
	return &tagsOutput{}, resource(h.store.Tag(ctx, who, *in.ResourceId, tagsOf(in.Tags)))
}

func (h handlers) removeTags(ctx context.Context, who access.Caller, in *removeTagsInput) (*tagsOutput, error) {
	if err := onlyParameters(in.ResourceType); err != nil {
		return nil, err
	}
	return &tagsOutput{}, resource(h.store.Untag(ctx, who, *in.ResourceId, in.TagKeys))
}

func (h handlers) listTags(ctx context.Context, who access.Caller, in *listTagsInput) (*listTagsOutput, error) {
	if err := onlyParameters(in.ResourceType); err != nil {
		return nil, err
	}
	tags, err := h.store.Tags(ctx, who, *in.ResourceId)
	out := &listTagsOutput{TagList: []tag{}}
	for _, t := range tags {
		out.TagList = append(out.TagList, tag{t.Key, &t.Value})
	}
	return out, resource(err)
}

func onlyParameters(kind string) error {
	if kind != "Parameter" {
		return errResource
	}
	return nil
}

// resource names a missing parameter as operations on resources do.
func resource(err error) error {
	if errors.Is(err, parameter.ErrNotFound) {
		return errResourceID
	}
	return err
}

func shapeOf(v parameter.Version) parameterShape {
	return parameterShape{
		ARN: v.ARN, DataType: "text", LastModifiedDate: &v.Modified, Name: v.Name, Selector: v.Selector, SourceResult: v.Source,
		Type: string(v.Type), Value: v.Value, Version: v.Version,
	}
}

func shapesOf(versions []parameter.Version) []parameterShape {
	out := make([]parameterShape, len(versions))
	for i, v := range versions {
		out[i] = shapeOf(v)
	}
	return out
}

func tagsOf(tags []tag) (out []parameter.Tag) {
	for _, t := range tags {
		out = append(out, parameter.Tag{Key: t.Key, Value: value(t.Value)})
	}
	return out
}

func filtersOf(filters []filter) (out []parameter.Filter) {
	for _, f := range filters {
		out = append(out, parameter.Filter(f))
	}
	return out
}

func page(limit *int32, token *string) parameter.Page {
	return parameter.Page{Limit: int(value(limit)), Token: value(token)}
}

// value is what p points to, or the zero value.
func value[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// orEmpty makes an absent list an empty one, which clients find more useful.
func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
