package cloudformation

import (
	"context"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/api/querydoor"
	"github.com/keyfront-project/keyfront/internal/refusal"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/wire/query"
)

func invalid(format string, args ...any) error {
	return refusal.New(stack.ErrInvalid, format, args...)
}

// readTemplate reads the document that a request brings, or says where it is.
func readTemplate(f query.Form, in *stack.Request) (given bool, err error) {
	in.Template, in.TemplateURL = f.Optional("TemplateBody"), f.Given("TemplateURL")
	switch {
	case in.Template != "" && in.TemplateURL != "":
		return true, invalid("You cannot specify both a template body and a template url.")
	case len(in.Template) > stack.MaxTemplateBytes:
		return true, invalid("1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to %d", stack.MaxTemplateBytes)
	case len(in.TemplateURL) > 5120:
		return true, invalid("1 validation error detected: Value at 'templateURL' failed to satisfy constraint: Member must have length less than or equal to 5120")
	}
	return in.Template != "" || in.TemplateURL != "", nil
}

func readRequest(f query.Form) (in stack.Request, err error) {
	in = stack.Request{
		Name: f.String("StackName"), Previous: f.Bool("UsePreviousTemplate", false), Capabilities: f.Strings("Capabilities"),
		TagsGiven: f.Has("Tags"), Role: f.Given("RoleARN"), Token: f.Given("ClientRequestToken"),
	}
	given, err := readTemplate(f, &in)
	if err != nil {
		return in, err
	}
	if !given && !in.Previous {
		return in, invalid("Either Template URL or Template Body must be specified.")
	}
	if given && in.Previous {
		return in, invalid("You cannot specify both a template and UsePreviousTemplate.")
	}
	for _, p := range f.List("Parameters") {
		in.Arguments = append(in.Arguments, stack.Argument{
			Name: p.String("ParameterKey"), Value: p.Optional("ParameterValue"), Previous: p.Bool("UsePreviousValue", false),
		})
	}
	for _, t := range f.List("Tags") {
		t.Require("Value")
		in.Tags = append(in.Tags, stack.Tag{Key: t.String("Key"), Value: t.Optional("Value")})
	}
	if len(f.Strings("NotificationARNs")) > 0 {
		return in, invalid("NotificationARNs is not supported; nothing would be sent")
	}
	return in, readDeployment(f)
}

// readFailure reads what a caller wants of a stack that cannot be created.
func readFailure(f query.Form) (stack.OnFailure, error) {
	value, given := f.Lookup("OnFailure")
	disable := f.Bool("DisableRollback", false)
	switch on := stack.OnFailure(value); {
	case given && disable:
		return "", invalid("You cannot specify both OnFailure and DisableRollback.")
	case disable:
		return stack.DoNothing, nil
	case !given:
		return stack.Rollback, nil
	case on == stack.Rollback, on == stack.Delete, on == stack.DoNothing:
		return on, nil
	default:
		return "", invalid("1 validation error detected: Value '%.64s' at 'onFailure' failed to satisfy constraint: Member must satisfy enum value set: [DELETE, DO_NOTHING, ROLLBACK]", value)
	}
}

// readDeployment reads how a stack is to be deployed. Both modes are one here: what
// a change makes is there when it is done.
func readDeployment(f query.Form) error {
	d := f.Sub("DeploymentConfig")
	mode := d.Optional("Mode")
	switch {
	case mode != "" && mode != "STANDARD" && mode != "EXPRESS":
		return invalid("1 validation error detected: Value '%.64s' at 'deploymentConfig.mode' failed to satisfy constraint: Member must satisfy enum value set: [EXPRESS, STANDARD]", mode)
	case d.Bool("DisableRollback", false):
		return invalid("DeploymentConfig.DisableRollback is not supported; OnFailure and DisableRollback are")
	}
	return nil
}

type stackIDResult struct{ StackId string }

func (s *service) createStack(f query.Form) querydoor.Run {
	in, err := readRequest(f)
	if err == nil {
		in.OnFailure, err = readFailure(f)
	}
	in.Protected = f.Bool("EnableTerminationProtection", false)
	if f.Has("TimeoutInMinutes") {
		err = invalid("TimeoutInMinutes is not supported; creations have no deadline")
	}
	if err != nil {
		return refuse(f, err)
	}
	return run(func(ctx context.Context, who access.Caller) (stackIDResult, error) {
		id, err := s.stacks.Create(ctx, who, in)
		return stackIDResult{id}, err
	})
}

func (s *service) updateStack(f query.Form) querydoor.Run {
	in, err := readRequest(f)
	if f.Bool("DisableRollback", false) {
		err = invalid("DisableRollback is not supported for updates")
	}
	if err != nil {
		return refuse(f, err)
	}
	return run(func(ctx context.Context, who access.Caller) (stackIDResult, error) {
		id, err := s.stacks.Update(ctx, who, in)
		return stackIDResult{id}, err
	})
}

func (s *service) deleteStack(f query.Form) querydoor.Run {
	in := stack.DeleteRequest{
		Name: f.String("StackName"), Retain: f.Strings("RetainResources"), Role: f.Given("RoleARN"), Token: f.Given("ClientRequestToken"),
	}
	if mode, given := f.Lookup("DeletionMode"); given && mode != "STANDARD" {
		return refuse(f, invalid("DeletionMode %.64s is not supported", mode))
	}
	if err := readDeployment(f); err != nil {
		return refuse(f, err)
	}
	return done(func(ctx context.Context, who access.Caller) error { return s.stacks.Delete(ctx, who, in) })
}

func (s *service) updateTerminationProtection(f query.Form) querydoor.Run {
	f.Require("EnableTerminationProtection")
	name, on := f.String("StackName"), f.Bool("EnableTerminationProtection", false)
	return run(func(ctx context.Context, who access.Caller) (stackIDResult, error) {
		id, err := s.stacks.SetProtection(ctx, who, name, on)
		return stackIDResult{id}, err
	})
}

type changeSetIDResult struct{ Id, StackId string }

func (s *service) createChangeSet(f query.Form) querydoor.Run {
	in, err := readRequest(f)
	if err == nil {
		in.OnFailure, err = readFailure(f)
	}
	name, description, kind := f.String("ChangeSetName"), f.Optional("Description"), f.Given("ChangeSetType")
	if kind != "" && kind != "CREATE" && kind != "UPDATE" {
		err = invalid("ChangeSetType %.64s is not supported", kind)
	}
	in.Token = f.Given("ClientToken")
	// No template here has nested stacks, so that these are always included.
	f.Bool("IncludeNestedStacks", false)
	if f.Bool("ImportExistingResources", false) {
		err = invalid("ImportExistingResources is not supported")
	}
	if err != nil {
		return refuse(f, err)
	}
	return run(func(ctx context.Context, who access.Caller) (changeSetIDResult, error) {
		id, stackID, err := s.stacks.CreateChangeSet(ctx, who, name, description, kind == "CREATE", in)
		return changeSetIDResult{id, stackID}, err
	})
}

func (s *service) executeChangeSet(f query.Form) querydoor.Run {
	name, of, token := f.String("ChangeSetName"), f.Given("StackName"), f.Given("ClientRequestToken")
	var on stack.OnFailure
	if f.Bool("DisableRollback", false) {
		on = stack.DoNothing
	}
	return run(func(ctx context.Context, who access.Caller) (struct{}, error) {
		return struct{}{}, s.stacks.ExecuteChangeSet(ctx, who, of, name, token, on)
	})
}

func (s *service) deleteChangeSet(f query.Form) querydoor.Run {
	name, of := f.String("ChangeSetName"), f.Given("StackName")
	return run(func(ctx context.Context, who access.Caller) (struct{}, error) {
		return struct{}{}, s.stacks.DeleteChangeSet(ctx, who, of, name)
	})
}
