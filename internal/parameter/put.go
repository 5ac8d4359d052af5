package parameter

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

// PutRequest is a new parameter, or a new version of one.
type PutRequest struct {
	Name  string // or its ARN
	Value string
	// Type is needed for a new parameter, and then stays.
	Type Type
	// KeyID names the key of a SecureString; empty means alias/aws/ssm.
	KeyID       string
	Overwrite   bool
	Description string
	// AllowedPattern is a regular expression that the value has to match. Empty
	// keeps that of the version before.
	AllowedPattern string
	Tier           Tier // empty means Standard, or that of the version before
	DataType       string
	Tags           []Tag // of a new parameter
}

// ServiceKey is the key that encrypts where none is named.
const ServiceKey = "alias/aws/ssm"

// Put keeps a value and returns its version and tier. With tags it wants the
// permission for AddTagsToResource as well. It returns ErrExists about a name that is
// taken unless Overwrite is set.
//
// Source: AWS Systems Manager API Reference, PutParameter.
func (s *Service) Put(ctx context.Context, who access.Caller, in PutRequest) (number int64, tier Tier, err error) {
	call := s.gate.Begin(who, "ssm:PutParameter")
	defer call.End(ctx, &err)
	m := realmOf(&who)
	call.Note("name", in.Name)
	call.Note("type", string(in.Type))
	call.Note("overwrite", strconv.FormatBool(in.Overwrite))
	name, err := m.named(in.Name)
	if err != nil {
		return 0, "", err
	}
	call.Keys.Set("ssm:Overwrite", strconv.FormatBool(in.Overwrite))
	call.RequestTags(in.Tags)
	before, latest, err := s.current(ctx, m, name)
	if err != nil {
		return 0, "", err
	}
	if before != nil {
		call.ResourceTags(before.Tags, "ssm:resourceTag/")
	}
	target := access.Target{ARN: m.arn(name), Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return 0, "", err
	}
	if len(in.Tags) > 0 {
		target.Action = actionOf("AddTagsToResource")
		if err := call.Decide(target); err != nil {
			return 0, "", err
		}
	}
	next, err := in.version(&who, m, name, latest)
	if err != nil {
		return 0, "", err
	}
	next.Modified, next.ModifiedBy = who.At, who.Principal.ARN
	if next.Type == SecureString {
		if err := s.seal(ctx, who, m.arn(name), next, in.Value); err != nil {
			return 0, "", err
		}
	}
	err = call.Effect(ctx, func() error {
		return s.records.Update(ctx, func(tx store.Writer) error { return in.keep(tx, m, name, next) })
	})
	return next.Number, next.Tier, err
}

// current reads a parameter and its latest version; both are nil if there is none.
func (s *Service) current(ctx context.Context, m realm, name string) (r *record, latest *versionRecord, err error) {
	err = s.records.View(ctx, func(tx store.Reader) error {
		if r, name, err = locate(tx, m, name); err != nil {
			return err
		}
		latest, err = findVersion(tx, m, name, r.Latest)
		return err
	})
	if errors.Is(err, ErrNotFound) {
		return nil, nil, nil
	}
	return r, latest, err
}

// version makes the next version, without its number, from the request and the
// version before.
func (in *PutRequest) version(who *access.Caller, m realm, name string, latest *versionRecord) (*versionRecord, error) {
	if err := m.checkName(name); err != nil {
		return nil, err
	}
	if err := in.check(who, latest != nil); err != nil {
		return nil, err
	}
	next := &versionRecord{
		V: recordVersion, Type: in.Type, Tier: in.Tier, KeyID: in.KeyID, Description: in.Description, Pattern: in.AllowedPattern,
	}
	if latest != nil {
		if next.Type == "" {
			next.Type = latest.Type
		}
		if err := next.follows(latest); err != nil {
			return nil, err
		}
		if next.Description == "" {
			next.Description = latest.Description
		}
		if next.Pattern == "" {
			next.Pattern = latest.Pattern
		}
		if next.KeyID == "" && next.Type == SecureString {
			next.KeyID = latest.KeyID
		}
	}
	switch {
	case next.Type == "":
		return nil, fail(ErrInvalid, "A parameter type is required when you create a parameter.")
	case next.Type != SecureString && in.KeyID != "":
		return nil, fail(ErrInvalid, "KeyId is required for SecureString type parameter only.")
	case next.Type == StringList && slices.Contains(strings.Split(in.Value, ","), ""):
		return nil, fail(ErrInvalid, "Parameter value for StringList can't contain empty items.")
	}
	if next.Type == SecureString && next.KeyID == "" {
		next.KeyID = ServiceKey
	}
	if err := next.settleTier(len(in.Value), latest); err != nil {
		return nil, err
	}
	if err := matchPattern(next.Pattern, in.Value); err != nil {
		return nil, err
	}
	if next.Type != SecureString {
		next.Value = in.Value
	}
	return next, nil
}

// nested is what a value would refer to other parameters with.
//
// Source: AWS Systems Manager API Reference, PutParameter, Value.
var nested = form.New(`\{\{.*\}\}`)

func (in *PutRequest) check(who *access.Caller, exists bool) error {
	switch {
	case in.Value == "":
		return fail(ErrInvalid, "1 validation error detected: Value '' at 'value' failed to satisfy constraint: Member must have length greater than or equal to 1.")
	case nested.MatchString(in.Value):
		return fail(ErrInvalid, `Parameter value can't nest another parameter. Do not use "{{}}" in the value.`)
	case in.DataType != "" && in.DataType != "text":
		return fail(ErrDataType, "The following data type is not supported: "+in.DataType+" (Data type names are all lowercase.)")
	case in.Overwrite && len(in.Tags) > 0:
		return fail(ErrInvalid, "Invalid request: tags and overwrite can't be used together. To create a parameter with tags, please remove overwrite flag. To update tags for an existing parameter, please use AddTagsToResource or RemoveTagsFromResource.")
	case exists && !in.Overwrite:
		return fail(ErrExists, "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	}
	return checkTags(who, nil, in.Tags)
}

// follows says whether v may be the version after latest.
func (v *versionRecord) follows(latest *versionRecord) error {
	switch {
	case v.Type != latest.Type:
		return fail(ErrType, "Parameter Store does not support changing a parameter type in a hierarchy. For example, you can't change a parameter from a String type to a SecureString type. You must create a new, unique parameter.")
	case v.Tier == Standard && latest.Tier == Advanced:
		return fail(ErrInvalid, "This parameter uses the advanced-parameter tier. You can't downgrade a parameter from the advanced-parameter tier to the standard-parameter tier. If necessary, you can delete the advanced parameter and recreate it as a standard parameter.")
	}
	return nil
}

// settleTier finds the tier for a value of so many bytes.
//
// Source: AWS Systems Manager User Guide, "Managing parameter tiers".
func (v *versionRecord) settleTier(size int, latest *versionRecord) error {
	was := latest != nil && latest.Tier == Advanced
	switch {
	case v.Tier == Intelligent && size > maxStandardBytes, v.Tier != Standard && was:
		v.Tier = Advanced
	case v.Tier != Advanced:
		v.Tier = Standard
	}
	if v.Tier == Standard && size > maxStandardBytes {
		return fail(ErrInvalid, "Standard tier parameters support a maximum parameter value of 4096 characters. To create a larger parameter value, upgrade the parameter to use the advanced-parameter tier. For more information, see https://docs.aws.amazon.com/systems-manager/latest/userguide/parameter-store-advanced-parameters.html")
	}
	if size > maxAdvancedBytes {
		return fail(ErrInvalid, "Advanced tier parameters support a maximum parameter value of 8192 characters.")
	}
	return nil
}

func matchPattern(pattern, value string) error {
	if pattern == "" {
		return nil
	}
	form, err := regexp.Compile(pattern)
	if err != nil {
		return fail(ErrInvalidPattern, "The request contains an invalid allowed pattern: "+pattern)
	}
	if !form.MatchString(value) {
		return fail(ErrPattern, "Parameter value, cannot be validated against allowedPattern: "+pattern)
	}
	return nil
}

// keep makes next the latest version. Whatever was there when the request was
// looked at, the rules hold for what is there now.
func (in *PutRequest) keep(tx store.Writer, m realm, asked string, next *versionRecord) error {
	r, name, err := locate(tx, m, asked)
	switch {
	case errors.Is(err, ErrNotFound):
		if err := room(tx, m); err != nil {
			return err
		}
		r = &record{V: recordVersion, Tags: in.Tags}
	case err != nil:
		return err
	case !in.Overwrite:
		return fail(ErrExists, "The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")
	default:
		latest, err := findVersion(tx, m, name, r.Latest)
		if err != nil {
			return err
		}
		if err := next.follows(latest); err != nil {
			return err
		}
		if err := prune(tx, m, name); err != nil {
			return err
		}
	}
	r.Latest++
	next.Number = r.Latest
	key := m.prefix() + name
	if err := write(tx, versionSpace, versionKey(key, next.Number), next); err != nil {
		return err
	}
	return write(tx, parameterSpace, key, r)
}

// room says whether the account may have one parameter more.
func room(tx store.Reader, m realm) error {
	n := 0
	for _, err := range tx.Scan(parameterSpace, store.Prefix(m.prefix())) {
		if err != nil {
			return err
		}
		if n++; n >= MaxParameters {
			return fail(ErrLimit, "You have exceeded the number of parameters for this AWS account. Delete one or more parameters and try again.")
		}
	}
	return nil
}

// prune makes room for one version more.
//
// Source: AWS Systems Manager API Reference, ParameterMaxVersionLimitExceeded.
func prune(tx store.Writer, m realm, name string) error {
	all, err := versions(tx, m, name)
	if err != nil || len(all) < MaxVersions {
		return err
	}
	oldest := all[0]
	if len(oldest.Labels) > 0 {
		return fail(ErrVersions, "You attempted to create a new version of "+name+" by calling the PutParameter API with the overwrite flag. Version "+
			strconv.FormatInt(oldest.Number, 10)+", the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.")
	}
	return tx.Delete(versionSpace, versionKey(m.prefix()+name, oldest.Number))
}

// bindValue is what a parameter's ciphertext is bound to.
func bindValue(arn string) map[string]string { return map[string]string{"PARAMETER_ARN": arn} }

// seal encrypts a value as its tier asks for.
func (s *Service) seal(ctx context.Context, who access.Caller, arn string, v *versionRecord, value string) (err error) {
	through := who.Through("ssm")
	if v.KeyID == ServiceKey {
		if _, err := s.keys.ManagedKey(ctx, through, "ssm"); err != nil {
			return keyError(err)
		}
	}
	if v.Tier == Standard {
		v.Sealed, err = s.keys.EncryptFor(ctx, through, v.KeyID, bindValue(arn), []byte(value))
		return keyError(err)
	}
	key, wrapped, _, err := s.keys.NewDataKey(ctx, through, v.KeyID, bindValue(arn))
	if err != nil {
		return keyError(err)
	}
	defer key.Wipe()
	v.Wrapped = wrapped
	v.Sealed, err = sealed.SealValue(key, sealed.Bind("ssm parameter", arn), []byte(value))
	return err
}

// open decrypts a value.
func (s *Service) open(ctx context.Context, who access.Caller, arn string, v *versionRecord) (string, error) {
	through := who.Through("ssm")
	if len(v.Wrapped) == 0 {
		value, err := s.keys.DecryptFor(ctx, through, v.Sealed, bindValue(arn))
		return string(value), keyError(err)
	}
	key, err := s.keys.OpenDataKey(ctx, through, v.Wrapped, bindValue(arn))
	if err != nil {
		return "", keyError(err)
	}
	defer key.Wipe()
	value, err := sealed.OpenValue(key, sealed.Bind("ssm parameter", arn), v.Sealed)
	return string(value), err
}
