package stack

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/template"
)

// Argument is a value for a parameter, or with Previous the one it has.
type Argument struct {
	Name, Value string
	Previous    bool
}

// Request is what a caller wants a stack to be.
type Request struct {
	// Name is the stack's name, or of one that exists its ARN.
	Name string
	// Template is the document, or TemplateURL is where it is; with Previous that of
	// the stack is meant.
	Template     string
	TemplateURL  string
	Previous     bool
	Arguments    []Argument
	Capabilities []string
	Tags         []Tag
	// TagsGiven tells that Tags replace those of the stack.
	TagsGiven bool
	// Role is the ARN of a role that acts for the caller, or empty.
	Role string
	// OnFailure is Rollback if empty.
	OnFailure OnFailure
	Protected bool
	// Token names the request in events.
	Token string
	// Previewed tells that the request makes a change set, which shows what a
	// transform made before anything is done.
	Previewed bool
}

var stackName = form.New(`^[A-Za-z][-A-Za-z0-9]{0,127}$`)

func checkName(name string) error {
	if !stackName.MatchString(name) {
		return fail(ErrInvalid, "1 validation error detected: Value '%.256s' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*", name)
	}
	return nil
}

// define makes a definition of a request, given the one that the stack has, nil
// for a new one.
func (s *Service) define(ctx context.Context, who *access.Caller, in *Request, have *definition) (*definition, *template.Template, error) {
	d := &definition{Template: in.Template, Tags: in.Tags, Capabilities: in.Capabilities, Role: in.Role}
	if in.TemplateURL != "" {
		var err error
		if d.Template, err = s.fetch(ctx, who, in.TemplateURL); err != nil {
			return nil, nil, err
		}
	}
	if have != nil {
		if in.Previous {
			d.Template = have.Template
		}
		if !in.TagsGiven {
			d.Tags = have.Tags
		}
		if d.Role == "" {
			d.Role = have.Role
		}
	}
	if err := checkTags(d.Tags); err != nil {
		return nil, nil, err
	}
	slices.SortFunc(d.Tags, func(a, b Tag) int { return strings.Compare(a.Key, b.Key) })
	t, err := s.parse(d.Template)
	if err != nil {
		return nil, nil, err
	}
	given, err := in.arguments(have)
	if err != nil {
		return nil, nil, err
	}
	if d.Arguments, err = t.Arguments(given); err != nil {
		return nil, nil, err
	}
	if err := s.lookUp(ctx, who, t, d, in.Previewed); err != nil {
		return nil, nil, err
	}
	if t, err = s.expand(t, realmOf(who), d); err != nil {
		return nil, nil, err
	}
	if d.Role != "" {
		if _, err := s.cfg.Assume(ctx, d.Role, who.Account(), realmOf(who).region); err != nil {
			return nil, nil, fail(ErrInvalid, "Role %s is invalid or cannot be assumed", d.Role)
		}
	}
	return d, t, in.checkCapabilities(t)
}

func checkTags(tags []Tag) error {
	if len(tags) > MaxTags {
		return fail(ErrInvalid, "A stack can have at most %d tags", MaxTags)
	}
	for _, t := range tags {
		if t.Key == "" || len(t.Key) > 128 || len(t.Value) > 256 || strings.HasPrefix(strings.ToLower(t.Key), "aws:") {
			return fail(ErrInvalid, "Tag key %.128s is invalid", t.Key)
		}
	}
	return nil
}

// arguments are those of the request, some of them as have has them.
func (in *Request) arguments(have *definition) (map[string]string, error) {
	given := make(map[string]string, len(in.Arguments))
	for _, a := range in.Arguments {
		if !a.Previous {
			given[a.Name] = a.Value
			continue
		}
		value, ok := "", false
		if have != nil {
			value, ok = have.Arguments[a.Name]
		}
		if !ok {
			return nil, fail(ErrInvalid, "Invalid input for parameter key %s. Cannot specify usePreviousValue as true for a parameter key not in the previous template", a.Name)
		}
		given[a.Name] = value
	}
	return given, nil
}

// checkCapabilities wants the caller to acknowledge what the template can do.
func (in *Request) checkCapabilities(t *template.Template) error {
	if needs := Needs(t); len(needs) > 0 && !slices.ContainsFunc(in.Capabilities, func(c string) bool {
		return c == "CAPABILITY_NAMED_IAM" || c == needs[0]
	}) {
		return fail(ErrCapabilities, "Requires capabilities : %s", bracketed(needs))
	}
	if t.Extended() && !in.Previewed && !slices.Contains(in.Capabilities, "CAPABILITY_AUTO_EXPAND") {
		return fail(ErrCapabilities, "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
	}
	return nil
}

// fetch reads the template at a URL, as the caller.
func (s *Service) fetch(ctx context.Context, who *access.Caller, url string) (string, error) {
	return s.cfg.Fetch(ctx, who.Through("cloudformation"), url)
}

// lookUp reads the values of stored parameters, as the caller. previewed says that
// it is for a change set.
func (s *Service) lookUp(ctx context.Context, who *access.Caller, t *template.Template, d *definition, previewed bool) error {
	for _, name := range slices.Sorted(maps.Keys(t.Parameters)) {
		p := t.Parameters[name]
		if !p.Stored() {
			continue
		}
		value, err := s.parameter(ctx, who.Through("cloudformation"), "ssm:"+d.Arguments[name])
		if errors.Is(err, errUnread) {
			return err
		}
		if err != nil {
			if previewed {
				return fail(ErrInvalid, "Parameter %s should either have input value or default value", name)
			}
			return fail(ErrInvalid, "Unable to fetch parameters [%s] from parameter store for this account.", d.Arguments[name])
		}
		if err := p.Check(name, value); err != nil {
			return err
		}
		if d.Looked == nil {
			d.Looked = map[string]string{}
		}
		d.Looked[name] = value
	}
	return nil
}

// named are the properties that name an IAM resource.
var named = map[string]string{
	"AWS::IAM::Group": "GroupName", "AWS::IAM::InstanceProfile": "InstanceProfileName", "AWS::IAM::ManagedPolicy": "ManagedPolicyName",
	"AWS::IAM::Role": "RoleName", "AWS::IAM::User": "UserName",
}

// Needs lists the capabilities that a template needs to be acknowledged.
//
// Source: AWS CloudFormation API Reference, CreateStack, Capabilities.
func Needs(t *template.Template) []string {
	var iam bool
	for _, kind := range t.Types() {
		if !strings.HasPrefix(kind, "AWS::IAM::") {
			continue
		}
		iam = true
		if property := named[kind]; property != "" && t.Has(kind, property) {
			return []string{"CAPABILITY_NAMED_IAM"}
		}
	}
	if iam {
		return []string{"CAPABILITY_IAM"}
	}
	return nil
}

// describe fills in the condition keys about what a request asks for.
func describe(call *access.Call, role string, tags []Tag) {
	if role != "" {
		call.Keys.Set("cloudformation:RoleArn", role)
	}
	call.RequestTags(tags)
}

// passRole decides about handing a role, if there is one, to a stack of an account.
// One of another account is refused, whatever it trusts: CloudFormation would let
// the account act there that asks.
func passRole(call *access.Call, account arn.AccountID, role string) error {
	if role == "" {
		return nil
	}
	if a, err := arn.Parse(role); err != nil || a.Account != account {
		return &access.Denied{Message: "Cross-account pass role is not allowed."}
	}
	call.ResetKeys() // they told of the stack
	call.Keys.Set("iam:PassedToService", "cloudformation.amazonaws.com")
	return call.Decide(access.Target{ARN: role, Action: "iam:PassRole", Rule: policy.IdentityOnly})
}

// The sentences about a stack that is not there; which one it is depends on the
// operation.
const (
	noStackID     = "Stack with id %.2048s does not exist"
	noStackNamed  = "Stack [%.2048s] does not exist"
	noStackQuoted = "Stack '%.2048s' does not exist"
)

// lookup reads the stack that ref means and decides about action on it. missing is
// the sentence about one that is not there.
func (s *Service) lookup(ctx context.Context, call *access.Call, m realm, ref, missing string) (r *stackRecord, err error) {
	call.Note("stackName", ref)
	err = s.cfg.Records.View(ctx, func(tx store.Reader) (err error) {
		r, err = s.find(tx, m, ref)
		return err
	})
	if errors.Is(err, store.ErrNotFound) {
		err = fail(ErrInvalid, missing, ref)
	}
	target := m.arn(ref, "*")
	if strings.HasPrefix(ref, "arn:") {
		target = ref
	}
	if r != nil {
		target = r.arn()
		call.ResourceTags(r.Tags)
	}
	if denied := call.Decide(access.Target{ARN: target, Rule: policy.IdentityOnly}); denied != nil {
		return nil, denied
	}
	return r, err
}
