package ssm

import "time"

// The shapes of the service, as far as Parameter Store uses them.

// A tag's value is a pointer, since an empty one is sent too.
type tag struct {
	Key   string
	Value *string
}

// choice is one of a few words; an empty one is none of them.
type choice string

type filter struct {
	Key    string
	Option string
	Values []string
}

type parameterShape struct {
	ARN              string
	DataType         string
	LastModifiedDate *time.Time
	Name             string
	Selector         string
	SourceResult     string
	Type             string
	Value            string
	Version          int64
}

type metadata struct {
	ARN              string
	AllowedPattern   string
	DataType         string
	Description      string
	KeyId            string
	LastModifiedDate *time.Time
	LastModifiedUser string
	Name             string
	Policies         []struct{}
	Tier             string
	Type             string
	Version          int64
}

type historyEntry struct {
	AllowedPattern   string
	DataType         string
	Description      string
	KeyId            string
	Labels           []string
	LastModifiedDate *time.Time
	LastModifiedUser string
	Name             string
	Policies         []struct{}
	Tier             string
	Type             string
	Value            string
	Version          int64
}

type (
	putInput struct {
		AllowedPattern string
		DataType       string
		Description    *string
		KeyId          *string
		Name           *string
		Overwrite      bool
		Policies       string
		Tags           []tag
		Tier           choice
		Type           choice
		Value          *string
	}
	putOutput struct {
		Tier    string
		Version int64
	}

	getInput struct {
		Name           *string
		WithDecryption bool
	}
	getOutput struct{ Parameter *parameterShape }

	getManyInput struct {
		Names          []string
		WithDecryption bool
	}
	getManyOutput struct {
		InvalidParameters []string
		Parameters        []parameterShape
	}

	byPathInput struct {
		MaxResults       *int32
		NextToken        *string
		ParameterFilters []filter
		Path             *string
		Recursive        bool
		WithDecryption   bool
	}
	byPathOutput struct {
		NextToken  string
		Parameters []parameterShape
	}

	historyInput struct {
		MaxResults     *int32
		Name           *string
		NextToken      *string
		WithDecryption bool
	}
	historyOutput struct {
		NextToken  string
		Parameters []historyEntry
	}

	describeInput struct {
		Filters          []filter
		MaxResults       *int32
		NextToken        *string
		ParameterFilters []filter
		Shared           bool
	}
	describeOutput struct {
		NextToken  string
		Parameters []metadata
	}

	deleteInput  struct{ Name *string }
	deleteOutput struct{}

	deleteManyInput  struct{ Names []string }
	deleteManyOutput struct {
		DeletedParameters []string
		InvalidParameters []string
	}

	labelInput struct {
		Labels           []string
		Name             *string
		ParameterVersion *int64
	}
	labelOutput struct {
		InvalidLabels    []string
		ParameterVersion int64
	}
	unlabelOutput struct {
		InvalidLabels []string
		RemovedLabels []string
	}

	addTagsInput struct {
		ResourceId   *string
		ResourceType string
		Tags         []tag
	}
	removeTagsInput struct {
		ResourceId   *string
		ResourceType string
		TagKeys      []string
	}
	tagsOutput    struct{}
	listTagsInput struct {
		ResourceId   *string
		ResourceType string
	}
	listTagsOutput struct{ TagList []tag }
)
