package identity

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// Limits of sessions.
//
// Source: AWS STS API Reference, AssumeRole, GetSessionToken, GetFederationToken.
const (
	minSession     = 15 * time.Minute
	maxRoleSession = 12 * time.Hour
	maxChained     = time.Hour
	maxUserSession = 36 * time.Hour
	maxRootSession = time.Hour

	maxSessionPolicies  = 10
	maxSessionTextChars = 2048
	// packedBytes is the room for the policies and tags of a session, compressed.
	packedBytes = 2048
)

var (
	sessionForm  = form.New(`^[\w+=,.@-]*$`)
	externalForm = form.New(`^[\w+=,.@:/-]*$`)
	codeForm     = form.New(`^\d*$`)
)

// MFA is a code of the caller's device.
type MFA struct{ Serial, Code string }

// SessionLimits are the policies and tags of a session that is asked for.
type SessionLimits struct {
	Policy     string
	PolicyARNs []string
	Tags       []Tag
}

// AssumeRole is what a caller asks for with a role.
type AssumeRole struct {
	Role, Session string
	// Duration is 15 minutes to 12 hours; zero is one hour.
	Duration time.Duration
	SessionLimits
	// Transitive are keys of Tags that go on to roles that the session assumes.
	Transitive     []string
	ExternalID     string
	SourceIdentity string
	MFA            MFA
}

// Session is temporary credentials and whose they are.
type Session struct {
	AccessKey
	Expires time.Time
	// ARN and UserID name the session: "AROA…:name" for a role session.
	ARN, UserID string
	// PackedPercent is how much of the room for policies and tags is used.
	PackedPercent  int
	SourceIdentity string
}

// AssumeRole makes credentials for a session of a role, if the role's trust
// policy and the caller's policies allow it. A role that there is not is denied
// like one that may not be assumed.
//
// It returns ErrValidation, ErrMalformedPolicy, ErrPackedTooLarge,
// ErrInvalidParameter about tags that do not fit, and ErrSessionDenied about an
// MFA code that is not the caller's.
func (a *Admin) AssumeRole(ctx context.Context, who access.Caller, in AssumeRole) (_ Session, err error) {
	step, mfaErr := a.proveMFA(&who, in.MFA)
	call := a.begin(&who, "sts:AssumeRole", note{"roleArn", in.Role}, note{"roleSessionName", in.Session},
		note{"serialNumber", in.MFA.Serial}, note{"sourceIdentity", in.SourceIdentity}, note{"policy", in.Policy})
	defer call.End(ctx, &err)
	name, err := in.check()
	if err != nil {
		return Session{}, err
	}
	if mfaErr != nil {
		return Session{}, mfaErr
	}
	if who.Principal.Kind == policy.FederatedUser {
		return Session{}, fail(ErrSessionDenied, "Cannot call AssumeRole with the credentials of a federated user")
	}
	if in.SourceIdentity == "" && who.Session != nil {
		in.SourceIdentity = who.Session.SourceIdentity
	}
	tags, transitive, err := in.tags(&who)
	if err != nil {
		return Session{}, err
	}
	role, err := a.trusted(call, &who, &in, name)
	if err != nil {
		return Session{}, err
	}
	// A Duration that is not asked for is an hour, or as long as there is.
	switch chained := who.Principal.Kind == policy.RoleSession; {
	case chained && in.Duration > maxChained:
		return Session{}, fail(ErrValidation, "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining")
	case in.Duration > role.MaxSession:
		return Session{}, fail(ErrValidation, "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
	}
	limits := in.SessionLimits
	limits.Tags = tags
	f, percent, err := a.facts(&who, roleSession, limits)
	if err != nil {
		return Session{}, err
	}
	f.PrincipalID, f.Account, f.Name = role.ID, role.Account, in.Session
	f.Transitive, f.SourceIdentity = transitive, in.SourceIdentity
	s, err := a.issue(ctx, call, &who, f, in.Duration, in.MFA.Serial, step)
	if err != nil {
		return Session{}, err
	}
	s.ARN, s.UserID = arn.RoleSession(role.Account, role.Name, in.Session).String(), role.ID+":"+in.Session
	s.PackedPercent, s.SourceIdentity = percent, in.SourceIdentity
	return s, nil
}

// check checks the form of the parameters and gives the role's name.
func (in *AssumeRole) check() (arn.ARN, error) {
	if err := checkLength("roleArn", in.Role, 20, 2048); err != nil {
		return arn.ARN{}, err
	}
	if err := checkText("roleSessionName", in.Session, 2, 64, sessionForm, `[\w+=,.@-]*`); err != nil {
		return arn.ARN{}, err
	}
	if in.ExternalID != "" {
		if err := checkText("externalId", in.ExternalID, 2, 1224, externalForm, `[\w+=,.@:\/-]*`); err != nil {
			return arn.ARN{}, err
		}
	}
	if in.SourceIdentity != "" {
		if err := checkText("sourceIdentity", in.SourceIdentity, 2, 64, sessionForm, `[\w+=,.@-]*`); err != nil {
			return arn.ARN{}, err
		}
	}
	if in.Duration == 0 {
		in.Duration = time.Hour
	}
	if err := checkDuration("durationSeconds", in.Duration, minSession, maxRoleSession); err != nil {
		return arn.ARN{}, err
	}
	// The members that the model bounds come first, as on AWS.
	name, err := arn.Parse(in.Role)
	if err != nil || name.Principal() != arn.RolePrincipal {
		return arn.ARN{}, fail(ErrValidation, "%s is invalid", in.Role)
	}
	return name, nil
}

func checkText(member, text string, low, high int, of *form.Form, pattern string) error {
	if err := checkLength(member, text, low, high); err != nil {
		return err
	}
	if !of.MatchString(text) {
		return invalid(member, text, "satisfy regular expression pattern: "+pattern)
	}
	return nil
}

// tags are the session's tags, those that the caller's session hands on
// included, and the keys that go on further.
func (in *AssumeRole) tags(who *access.Caller) (tags []Tag, transitive []string, err error) {
	if tags, err = checkSessionTags(who, in.Tags); err != nil {
		return nil, nil, err
	}
	if len(in.Transitive) > MaxTags {
		return nil, nil, invalid("transitiveTagKeys", in.Transitive, "have length less than or equal to 50")
	}
	for _, key := range in.Transitive {
		if !hasKey(in.Tags, key) {
			return nil, nil, fail(ErrInvalidParameter, "The specified transitive tag key must be included in the requested tags.")
		}
	}
	transitive = slices.Clone(in.Transitive)
	if who.Session == nil {
		return tags, transitive, nil
	}
	for _, key := range who.Session.TransitiveTags {
		if hasKey(tags, key) {
			return nil, nil, fail(ErrInvalidParameter, "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.")
		}
		for _, t := range who.Tags {
			if strings.EqualFold(t.Key, key) {
				tags = append(tags, t)
				transitive = append(transitive, t.Key)
			}
		}
	}
	return tags, transitive, nil
}

func hasKey(tags []Tag, key string) bool {
	return slices.ContainsFunc(tags, func(t Tag) bool { return strings.EqualFold(t.Key, key) })
}

func checkSessionTags(who *access.Caller, tags []Tag) ([]Tag, error) {
	if len(tags) > MaxTags {
		return nil, invalid("tags", len(tags), "have length less than or equal to 50")
	}
	for i, t := range tags {
		if hasKey(tags[:i], t.Key) {
			return nil, fail(ErrInvalidParameter, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		}
	}
	return checkTags(who, nil, tags)
}

// trusted decides about assuming the role. Tags and a source identity are
// actions of their own, which the trust policy must allow as well.
func (a *Admin) trusted(call *access.Call, who *access.Caller, in *AssumeRole, name arn.ARN) (*Role, error) {
	role, ok := get[*Role](a.reg, name.Account, name.Name())
	target := access.Target{ARN: in.Role, Owner: name.Account, Rule: policy.TrustPolicy}
	if ok = ok && role.ARN() == in.Role; ok {
		target.Policy = role.Trust.document
		call.ResourceTags(role.Tags, "iam:ResourceTag/")
	}
	call.Keys.Set("sts:RoleSessionName", in.Session)
	if in.ExternalID != "" {
		call.Keys.Set("sts:ExternalId", in.ExternalID)
	}
	if in.SourceIdentity != "" {
		call.Keys.Set("sts:SourceIdentity", in.SourceIdentity)
	}
	if len(in.Transitive) > 0 {
		call.Keys.SetList("sts:TransitiveTagKeys", in.Transitive)
	}
	call.RequestTags(in.Tags)
	actions := []policy.Action{"sts:AssumeRole"}
	if len(in.Tags) > 0 {
		actions = append(actions, "sts:TagSession")
	}
	if in.SourceIdentity != "" {
		actions = append(actions, "sts:SetSourceIdentity")
	}
	for _, target.Action = range actions {
		if err := call.Decide(target); err != nil {
			return nil, err
		}
	}
	// A source identity, once set, stays through every further role.
	if s := who.Session; !ok || s != nil && s.SourceIdentity != "" && s.SourceIdentity != in.SourceIdentity {
		return nil, fail(ErrSessionDenied, "User: %s is not authorized to perform: sts:AssumeRole on resource: %s", who.Principal.ARN, in.Role)
	}
	return role, nil
}

// facts begins the token of a session with its policies and tags.
func (a *Admin) facts(who *access.Caller, kind sessionKind, in SessionLimits) (_ *sessionFacts, packedPercent int, err error) {
	f := &sessionFacts{
		Kind: kind, Issued: who.At.Unix(), Policy: in.Policy, PolicyARNs: in.PolicyARNs, Tags: in.Tags,
		Limited: in.Policy != "" || len(in.PolicyARNs) > 0,
	}
	// A user's proof goes on to roles, a role's does not go on to the next.
	if who.Session != nil && !who.Session.MFAAt.IsZero() && who.Principal.Kind == policy.User {
		f.MFA = who.Session.MFAAt.Unix()
	}
	chars := len(in.Policy)
	if in.Policy != "" {
		if _, err := parseDocument(policy.UseSession, in.Policy); err != nil {
			return nil, 0, err
		}
	}
	if len(in.PolicyARNs) > maxSessionPolicies {
		return nil, 0, fail(ErrValidation, "The number of policy ARNs exceeds the limit of %d.", maxSessionPolicies)
	}
	for _, ref := range in.PolicyARNs {
		if _, err := checkPolicyARN(ref); err != nil {
			return nil, 0, err
		}
		chars += len(ref)
	}
	if chars > maxSessionTextChars {
		return nil, 0, invalid("policy", fmt.Sprintf("%d characters", chars), fmt.Sprintf("have length less than or equal to %d", maxSessionTextChars))
	}
	if !f.Limited && len(f.Tags) == 0 {
		return f, 0, nil
	}
	text, err := json.Marshal(in)
	if err != nil {
		return nil, 0, fmt.Errorf("identity: session: %w", err)
	}
	packed, err := pack(text)
	if err != nil {
		return nil, 0, err
	}
	percent := max(1, len(packed)*100/packedBytes)
	if percent > 100 {
		return nil, 0, fail(ErrPackedTooLarge, "Packed policy consumes %d%% of allotted space, please use smaller policy.", percent)
	}
	return f, percent, nil
}

// checkSessionARNs wants the managed policies of a session to exist where its
// principal is at home.
func (a *Admin) checkSessionARNs(home arn.AccountID, refs []string) error {
	for _, ref := range refs {
		if p := a.reg.policy(ref); p == nil || p.Account != home && p.Account != awsAccount {
			return fail(ErrMalformedPolicy, "The policy with ARN %s does not exist or is not attachable.", ref)
		}
	}
	return nil
}

// proveMFA checks the code that comes along, if one does. A caller with a good
// one is present in every decision that follows.
func (a *Admin) proveMFA(who *access.Caller, in MFA) (step int64, err error) {
	if in == (MFA{}) {
		return 0, nil
	}
	hidden := strings.Repeat("*", len(in.Code))
	switch {
	case in.Serial == "" || in.Code == "":
		return 0, fail(ErrSessionDenied, "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.")
	case len(in.Code) < codeLength:
		return 0, invalid("tokenCode", hidden, fmt.Sprintf("have length greater than or equal to %d", codeLength))
	case len(in.Code) > codeLength:
		return 0, invalid("tokenCode", hidden, fmt.Sprintf("have length less than or equal to %d", codeLength))
	case !codeForm.MatchString(in.Code):
		return 0, invalid("tokenCode", hidden, `satisfy regular expression pattern: [\d]*`)
	}
	if step, err = a.checkCode(who, in.Serial, in.Code); err != nil {
		return 0, err
	}
	proven := access.Session{}
	if who.Session != nil {
		proven = *who.Session
	}
	proven.MFAAt = who.At
	who.Session = &proven
	return step, nil
}

// issue makes the credentials. The code of an MFA device is used up first.
func (a *Admin) issue(ctx context.Context, call *access.Call, who *access.Caller, f *sessionFacts, d time.Duration, serial string, step int64) (s Session, err error) {
	if err := a.checkSessionARNs(f.Account, f.PolicyARNs); err != nil {
		return Session{}, err
	}
	s.Expires = who.At.Add(d).UTC().Truncate(time.Second)
	f.Expires = s.Expires.Unix()
	if s.AccessKey, err = a.service.sessions.issue(f); err != nil {
		return Session{}, err
	}
	call.Note("sessionAccessKeyId", s.ID)
	if step != 0 {
		if err := a.useCode(ctx, call, who, serial, step); err != nil {
			return Session{}, err
		}
	}
	return s, nil
}

// SessionToken makes temporary credentials for the caller itself, a user or the
// root user with a long-term key, for 15 minutes to 36 hours; zero is 12 hours.
// Root users get one hour at most.
//
// Source: AWS STS API Reference, GetSessionToken.
func (a *Admin) SessionToken(ctx context.Context, who access.Caller, d time.Duration, mfa MFA) (_ Session, err error) {
	temporary := who.Session != nil
	step, mfaErr := a.proveMFA(&who, mfa)
	call := a.begin(&who, "sts:GetSessionToken", note{"serialNumber", mfa.Serial})
	defer call.End(ctx, &err)
	if err := checkLongTerm(&who, temporary, "GetSessionToken"); err != nil {
		return Session{}, err
	}
	if d == 0 {
		d = 12 * time.Hour
	}
	if err := checkDuration("durationSeconds", d, minSession, maxUserSession); err != nil {
		return Session{}, err
	}
	if mfaErr != nil {
		return Session{}, mfaErr
	}
	f, _, err := a.facts(&who, userSession, SessionLimits{})
	if err != nil {
		return Session{}, err
	}
	// No permission is needed for credentials of one's own.
	call.On(who.Principal.ARN)
	call.Open()
	f.PrincipalID, f.Account = who.Principal.UniqueID, who.Account()
	if who.Principal.Kind == policy.Root {
		f.PrincipalID = string(who.Account())
		d = min(d, maxRootSession)
	}
	s, err := a.issue(ctx, call, &who, f, d, mfa.Serial, step)
	s.ARN, s.UserID = who.Principal.ARN, who.Principal.UserID
	return s, err
}

// checkLongTerm wants a user or the root user with a long-term access key.
func checkLongTerm(who *access.Caller, temporary bool, operation string) error {
	k := who.Principal.Kind
	if temporary || k != policy.User && k != policy.Root {
		return fail(ErrSessionDenied, "Cannot call %s with session credentials", operation)
	}
	return nil
}

// FederationToken makes credentials for a federated user, who may what both the
// caller and the session's policies allow. d is 15 minutes to 36 hours; zero is
// 12 hours. Root users get one hour at most.
//
// Source: AWS STS API Reference, GetFederationToken.
func (a *Admin) FederationToken(ctx context.Context, who access.Caller, name string, d time.Duration, in SessionLimits) (_ Session, err error) {
	call := a.begin(&who, "sts:GetFederationToken", note{"name", name}, note{"policy", in.Policy})
	defer call.End(ctx, &err)
	if err := checkLongTerm(&who, who.Session != nil, "GetFederationToken"); err != nil {
		return Session{}, err
	}
	if err := checkText("name", name, 2, 32, sessionForm, `[\w+=,.@-]*`); err != nil {
		return Session{}, err
	}
	if d == 0 {
		d = 12 * time.Hour
	}
	if err := checkDuration("durationSeconds", d, minSession, maxUserSession); err != nil {
		return Session{}, err
	}
	if in.Tags, err = checkSessionTags(&who, in.Tags); err != nil {
		return Session{}, err
	}
	resource := arn.FederatedUser(who.Account(), name).String()
	call.RequestTags(in.Tags)
	target := access.Target{ARN: resource, Owner: who.Account(), Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return Session{}, err
	}
	if len(in.Tags) > 0 {
		target.Action = "sts:TagSession"
		if err := call.Decide(target); err != nil {
			return Session{}, err
		}
	}
	f, percent, err := a.facts(&who, federatedSession, in)
	if err != nil {
		return Session{}, err
	}
	// Without policies of its own the session may nothing by identity policies.
	f.Limited = true
	f.PrincipalID, f.Account, f.Name = who.Principal.UniqueID, who.Account(), name
	if who.Principal.Kind == policy.Root {
		f.PrincipalID = string(who.Account())
		d = min(d, maxRootSession)
	}
	s, err := a.issue(ctx, call, &who, f, d, "", 0)
	s.ARN, s.UserID, s.PackedPercent = resource, string(who.Account())+":"+name, percent
	return s, err
}
