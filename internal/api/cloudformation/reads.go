package cloudformation

import (
	"context"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

func listOf[T, D any](items []T, document func(T) D) query.List[D] {
	l := query.List[D]{Members: make([]D, 0, len(items))}
	for _, item := range items {
		l.Members = append(l.Members, document(item))
	}
	return l
}

func (s *service) describeStacks(f query.Form) querydoor.Run {
	name := f.Given("StackName")
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, err := s.stacks.Stacks(ctx, who, name)
		return struct{ Stacks query.List[stackDocument] }{listOf(list, newStack)}, err
	})
}

func (s *service) listStacks(f query.Form) querydoor.Run {
	var statuses []stack.Status
	for _, status := range f.Strings("StackStatusFilter") {
		statuses = append(statuses, stack.Status(status))
	}
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, err := s.stacks.List(ctx, who, statuses)
		return struct{ StackSummaries query.List[summaryDocument] }{listOf(list, newSummary)}, err
	})
}

func (s *service) describeStackEvents(f query.Form) querydoor.Run {
	name, after := f.String("StackName"), f.Given("NextToken")
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, next, err := s.stacks.Events(ctx, who, name, after)
		return struct {
			StackEvents query.List[eventDocument]
			NextToken   string `xml:",omitempty"`
		}{listOf(list, newEvent), next}, err
	})
}

func (s *service) describeStackResources(f query.Form) querydoor.Run {
	name, logical, physical := f.Given("StackName"), f.Given("LogicalResourceId"), f.Given("PhysicalResourceId")
	if (name == "") == (physical == "") {
		return refuse(f, invalid("Either StackName or PhysicalResourceId must be specified, but not both."))
	}
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		of, list, err := s.stacks.Resources(ctx, who, "cloudformation:DescribeStackResources", name, physical)
		if err != nil {
			return nil, err
		}
		if logical != "" {
			list = slices.DeleteFunc(list, func(r stack.Resource) bool { return r.Logical != logical })
		}
		return struct {
			StackResources query.List[resourceDocument]
		}{listOf(list, func(r stack.Resource) resourceDocument { return newResource(of, r) })}, nil
	})
}

func (s *service) describeStackResource(f query.Form) querydoor.Run {
	name, logical := f.String("StackName"), f.String("LogicalResourceId")
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		of, list, err := s.stacks.Resources(ctx, who, "cloudformation:DescribeStackResource", name, "")
		if err != nil {
			return nil, err
		}
		for _, r := range list {
			if r.Logical == logical {
				return struct{ StackResourceDetail resourceDetail }{newDetail(of, r)}, nil
			}
		}
		return nil, invalid("Resource %.255s does not exist for stack %s", logical, of.Name)
	})
}

func (s *service) listStackResources(f query.Form) querydoor.Run {
	name := f.String("StackName")
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		_, list, err := s.stacks.Resources(ctx, who, "cloudformation:ListStackResources", name, "")
		return struct {
			StackResourceSummaries query.List[resourceSummary]
		}{listOf(list, newResourceSummary)}, err
	})
}

type exportDocument struct{ ExportingStackId, Name, Value string }

func (s *service) listExports(f query.Form) querydoor.Run {
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, err := s.stacks.Exports(ctx, who)
		return struct{ Exports query.List[exportDocument] }{listOf(list, func(e stack.Export) exportDocument {
			return exportDocument{e.StackID, e.Name, e.Value}
		})}, err
	})
}

func (s *service) listImports(f query.Form) querydoor.Run {
	export := f.String("ExportName")
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, err := s.stacks.Imports(ctx, who, export)
		return struct{ Imports query.List[string] }{query.List[string]{Members: list}}, err
	})
}

func (s *service) getTemplate(f query.Form) querydoor.Run {
	name, changeSet := f.Given("StackName"), f.Given("ChangeSetName")
	stage := f.Given("TemplateStage")
	switch {
	case name == "" && changeSet == "":
		return refuse(f, invalid("StackName is required if ChangeSetName is not specified."))
	case name == "" && !strings.HasPrefix(changeSet, "arn:"):
		return refuse(f, invalid("StackName is a required parameter."))
	case stage != "" && stage != "Original" && stage != "Processed":
		return refuse(f, invalid("1 validation error detected: Value '%.64s' at 'templateStage' failed to satisfy constraint: Member must satisfy enum value set: [Original, Processed]", stage))
	}
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		text, err := s.stacks.Template(ctx, who, name, changeSet, stage != "Original")
		return struct {
			TemplateBody    string
			StagesAvailable query.List[string]
		}{text, query.List[string]{Members: []string{"Original", "Processed"}}}, err
	})
}

func (s *service) validateTemplate(f query.Form) querydoor.Run {
	var in stack.Request
	given, err := readTemplate(f, &in)
	if err == nil && !given {
		err = invalid("Either Template URL or Template Body must be specified.")
	}
	if err != nil {
		return refuse(f, err)
	}
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		t, err := s.stacks.Summary(ctx, who, "cloudformation:ValidateTemplate", in)
		if err != nil {
			return nil, err
		}
		return newValidation(t), nil
	})
}

func (s *service) getTemplateSummary(f query.Form) querydoor.Run {
	in := stack.Request{Name: f.Given("StackName")}
	given, err := readTemplate(f, &in)
	if err == nil && (in.Name != "") == given {
		err = invalid("Either StackName or a template must be specified, but not both.")
	}
	if err != nil {
		return refuse(f, err)
	}
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		t, err := s.stacks.Summary(ctx, who, "cloudformation:GetTemplateSummary", in)
		if err != nil {
			return nil, err
		}
		return newTemplateSummary(t), nil
	})
}

func (s *service) describeChangeSet(f query.Form) querydoor.Run {
	name, of := f.String("ChangeSetName"), f.Given("StackName")
	onePage(f)
	values := f.Bool("IncludePropertyValues", false)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		c, err := s.stacks.ChangeSet(ctx, who, of, name)
		return newChangeSet(c, values), err
	})
}

func (s *service) listChangeSets(f query.Form) querydoor.Run {
	of := f.String("StackName")
	onePage(f)
	return run(func(ctx context.Context, who access.Caller) (any, error) {
		list, err := s.stacks.ChangeSets(ctx, who, of)
		return struct{ Summaries query.List[changeSetSummary] }{listOf(list, newChangeSetSummary)}, err
	})
}
