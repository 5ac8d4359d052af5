package resource

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/keyfront-project/keyfront/internal/lambda"
	"github.com/keyfront-project/keyfront/internal/stack"
)

func lambdaKinds(functions *lambda.Service) map[string]*kind {
	f, v, p, a := lambdaKind{functions}, lambdaVersionKind{functions}, lambdaPermissionKind{functions}, lambdaAliasKind{functions}
	return map[string]*kind{
		"AWS::Lambda::Function": {create: f.create, update: f.update, delete: f.delete, label: f.label, replaces: []string{"FunctionName"}, attributes: []string{"Arn"}},
		"AWS::Lambda::Version": {
			create: v.create, update: stays, delete: v.delete,
			replaces: []string{"CodeSha256", "Description", "FunctionName"}, attributes: []string{"FunctionArn", "Version"},
		},
		"AWS::Lambda::Alias": {create: a.create, update: a.update, delete: a.delete, replaces: []string{"FunctionName", "Name"}, attributes: []string{"AliasArn"}},
		"AWS::Lambda::Permission": {
			create: p.create, update: stays, delete: p.delete,
			replaces: []string{"Action", "EventSourceToken", "FunctionName", "Principal", "PrincipalOrgID", "SourceAccount", "SourceArn"}, attributes: []string{"Id"},
		},
	}
}

// stays is the update of a resource of which nothing can change but the tags of
// its stack, which it does not have.
func stays(_ context.Context, t *stack.Task) (stack.Made, error) {
	return stack.Made{Physical: t.Physical, Attributes: t.Attributes}, nil
}

type lambdaKind struct{ functions *lambda.Service }

// lambdaProperties are those of AWS::Lambda::Function. Ref is its name.
type lambdaProperties struct {
	FunctionName, Description, Role, Handler, Runtime string
	Code                                              lambdaCode
	Timeout, MemorySize                               int
	EphemeralStorage                                  struct{ Size int }
	Environment                                       struct{ Variables map[string]string }
	Tags                                              []tag

	Architectures []string `only:"[x86_64]"`
	PackageType   string   `only:"Zip"`
	TracingConfig struct {
		Mode string `only:"PassThrough"`
	}
}

// lambdaCode is where code comes from: ZipFile is the text of one file.
type lambdaCode struct{ ZipFile, S3Bucket, S3Key, S3ObjectVersion string }

func (c *lambdaCode) code() (lambda.Code, error) {
	switch {
	case c.ZipFile == "":
		return lambda.Code{Bucket: c.S3Bucket, Key: c.S3Key, ObjectVersion: c.S3ObjectVersion}, nil
	case c.S3Bucket+c.S3Key+c.S3ObjectVersion != "":
		return lambda.Code{}, refusal("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	}
	var packed bytes.Buffer
	z := zip.NewWriter(&packed)
	f, err := z.Create("index.js")
	if err == nil {
		_, err = io.WriteString(f, c.ZipFile)
	}
	err = errors.Join(err, z.Close())
	return lambda.Code{Zip: packed.Bytes()}, err
}

func lambdaMade(v *lambda.Version) stack.Made {
	return stack.Made{Physical: v.Name, Attributes: map[string]any{"Arn": v.ARN}}
}

func (k lambdaKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p lambdaProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	code, err := p.Code.code()
	if err != nil {
		return stack.Made{}, err
	}
	name := named(p.FunctionName, t, 64)
	v, err := k.functions.Create(ctx, t.Who, lambda.CreateRequest{
		Name: name, Code: code, Env: p.Environment.Variables, Tags: tagged(p.Tags, t),
		Settings: lambda.Settings{
			Runtime: p.Runtime, Role: p.Role, Handler: p.Handler, Description: p.Description,
			TimeoutSec: p.Timeout, MemoryMB: p.MemorySize, EphemeralMB: p.EphemeralStorage.Size,
		},
	})
	if t.Again && errors.Is(err, lambda.ErrConflict) {
		taken := err
		v, _, err = k.functions.Get(ctx, t.Who, "GetFunction", name, "")
		if err == nil && v.Modified.Before(t.Since) {
			err = taken
		}
	}
	if err != nil {
		return stack.Made{}, err
	}
	return lambdaMade(v), nil
}

// update changes the settings first: new code may need them.
func (k lambdaKind) update(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p, before lambdaProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	recall(t.Before, &before)
	timeout, memory, storage := 3, 128, 512
	set(&timeout, p.Timeout)
	set(&memory, p.MemorySize)
	set(&storage, p.EphemeralStorage.Size)
	env := p.Environment.Variables
	if env == nil {
		env = map[string]string{}
	}
	v, err := k.functions.UpdateSettings(ctx, t.Who, lambda.UpdateSettingsRequest{
		Name: t.Physical, Runtime: &p.Runtime, Role: &p.Role, Handler: &p.Handler, Description: &p.Description,
		TimeoutSec: &timeout, MemoryMB: &memory, EphemeralMB: &storage, Env: env,
	})
	if err != nil {
		return stack.Made{}, err
	}
	if p.Code != before.Code {
		code, err := p.Code.code()
		if err != nil {
			return stack.Made{}, err
		}
		if v, err = k.functions.UpdateCode(ctx, t.Who, lambda.UpdateCodeRequest{Name: t.Physical, Code: code}); err != nil {
			return stack.Made{}, err
		}
	}
	old, err := k.functions.Tags(ctx, t.Who, v.ARN)
	if err != nil {
		return stack.Made{}, err
	}
	want := tagged(p.Tags, t)
	if gone := dropped(old, want); len(gone) > 0 {
		if err := k.functions.Untag(ctx, t.Who, v.ARN, gone); err != nil {
			return stack.Made{}, err
		}
	}
	if len(want) > 0 {
		if err := k.functions.Tag(ctx, t.Who, v.ARN, want); err != nil {
			return stack.Made{}, err
		}
	}
	return lambdaMade(v), nil
}

func (k lambdaKind) label(ctx context.Context, t *stack.Task, made stack.Made, tags map[string]string) error {
	arn, err := arnOf(made)
	if err != nil {
		return err
	}
	return k.functions.Tag(ctx, t.Who, arn, tags)
}

func (k lambdaKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.functions.Delete(ctx, t.Who, t.Physical, ""), lambda.ErrNotFound)
}

type lambdaVersionKind struct{ functions *lambda.Service }

// lambdaVersionProperties are those of AWS::Lambda::Version. Ref is its ARN.
type lambdaVersionProperties struct{ FunctionName, Description, CodeSha256 string }

func (k lambdaVersionKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p lambdaVersionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	in := lambda.PublishRequest{Name: p.FunctionName, CodeSHA256: p.CodeSha256}
	if p.Description != "" {
		in.Description = &p.Description
	}
	v, err := k.functions.Publish(ctx, t.Who, in)
	if err != nil {
		return stack.Made{}, err
	}
	if v.Modified.Before(t.Since) {
		// It may be another resource's, which would lose it with this one.
		return stack.Made{}, refusal("A version for this Lambda function exists ( " + v.Version + " ). Modify the function to create a new version.")
	}
	function, _, err := k.functions.Get(ctx, t.Who, "GetFunctionConfiguration", p.FunctionName, "")
	made := stack.Made{Physical: v.ARN}
	if err == nil {
		made.Attributes = map[string]any{"FunctionArn": function.ARN, "Version": v.Version}
	}
	return made, err
}

func (k lambdaVersionKind) delete(ctx context.Context, t *stack.Task) error {
	return unless(k.functions.Delete(ctx, t.Who, t.Physical, ""), lambda.ErrNotFound)
}

type lambdaPermissionKind struct{ functions *lambda.Service }

// lambdaPermissionProperties are those of AWS::Lambda::Permission. Ref is the id
// of its statement.
type lambdaPermissionProperties struct {
	Action, FunctionName, Principal, PrincipalOrgID, SourceAccount, SourceArn, EventSourceToken string
}

func (k lambdaPermissionKind) create(ctx context.Context, t *stack.Task) (stack.Made, error) {
	var p lambdaPermissionProperties
	if err := read(t.Properties, &p); err != nil {
		return stack.Made{}, err
	}
	id := t.Name(100)
	_, err := k.functions.AddPermission(ctx, t.Who, lambda.Permission{
		Name: p.FunctionName, StatementID: id, Action: p.Action, Principal: p.Principal,
		SourceARN: p.SourceArn, SourceAccount: p.SourceAccount, OrgID: p.PrincipalOrgID, EventSourceToken: p.EventSourceToken,
	})
	if t.Again {
		err = unless(err, lambda.ErrConflict) // nobody else makes a statement of that id
	}
	if err != nil {
		return stack.Made{}, err
	}
	return stack.Made{Physical: id, Attributes: map[string]any{"Id": id}}, nil
}

func (k lambdaPermissionKind) delete(ctx context.Context, t *stack.Task) error {
	var p lambdaPermissionProperties
	recall(t.Properties, &p)
	return unless(k.functions.RemovePermission(ctx, t.Who, p.FunctionName, "", t.Physical, ""), lambda.ErrNotFound)
}
