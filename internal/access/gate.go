package access

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/policy"
)

var (
	// ErrDenied says that the caller may not. Its text is what the caller may
	// read; why in detail is for the owner to ask.
	ErrDenied = errors.New("access: denied")
	// ErrNotRecorded says that the audit record could not be written, so there
	// is no answer.
	ErrNotRecorded = errors.New("access: not recorded")
	// ErrUndecided is a fault of ours: a method answered without a decision.
	ErrUndecided = errors.New("access: answered without a decision")

	// errPanicked stands in the record of a call that panicked. What it panicked
	// with may hold anything, and is for the log.
	errPanicked = errors.New("access: internal failure")
)

// Denied is the error of a denied call. It matches ErrDenied.
type Denied struct {
	// Message is AWS's own sentence, safe to send to the caller.
	Message  string
	Decision policy.Decision
}

func (d *Denied) Error() string        { return d.Message }
func (d *Denied) Is(target error) bool { return target == ErrDenied }

// Recorder keeps audit records; *audit.Log is one.
type Recorder interface {
	// Append returns nil when r has survived a power loss. It does not keep r.
	Append(ctx context.Context, r *audit.Record) error
}

// Identities knows which policies a principal brings along.
type Identities interface {
	// PoliciesOf fills in the identity policies and the boundary of p. What it
	// fills in is shared and must not be changed.
	PoliciesOf(p *policy.Principal, into *policy.Policies)
}

// Config is what a Gate needs. All fields but ErrorCode are required.
type Config struct {
	Identities Identities
	Record     Recorder
	// ErrorCode names a domain error as the service of action does on the wire,
	// for the record. Without it the record carries the error's text.
	ErrorCode func(action policy.Action, err error) string
	// PolicyNames names the identity policies of p, in the order of PoliciesOf, and
	// its boundary, for explanations. Without it they go by their places.
	PolicyNames func(p *policy.Principal) (identity []string, boundary string)
}

// Gate decides and records. It may be used concurrently.
type Gate struct {
	cfg     Config
	denials denials
}

// NewGate returns a gate over cfg.
func NewGate(cfg Config) *Gate { return &Gate{cfg: cfg} }

// Target is what a decision is about.
type Target struct {
	// ARN is the resource, or "*" where the action has none.
	ARN string
	// Owner is the account that owns the resource; the caller's if empty.
	Owner arn.AccountID
	// Policy is the resource's own policy, nil if it has none.
	Policy *policy.Document
	Rule   policy.Rule
	// Granted says that a KMS grant to the caller covers the call, GrantedAccount
	// that one to the caller's account does.
	Granted, GrantedAccount bool
	// Action replaces the call's action, for calls that need several.
	Action policy.Action
}

// Call is one call on its way through the gate. It belongs to one goroutine.
type Call struct {
	gate *Gate
	who  Caller

	// Keys holds the condition keys of the request. Fill it before Decide.
	Keys policy.Context

	record    audit.Record
	described bool // the global keys are in Keys
	recorded  bool

	// What a decision is asked with; kept here to be allocated with the call.
	request  policy.Request
	policies policy.Policies
	// Room for what most calls note.
	resources  [2]string
	parameters [4]audit.Pair
}

// usualKeys is for how many condition keys a call has room from the start: those
// of a KMS call with an alias and an encryption context.
const usualKeys = 18

// Begin opens a call of who.
func (g *Gate) Begin(who Caller, action policy.Action) *Call {
	c := &Call{gate: g, who: who, Keys: *policy.NewContext(usualKeys)}
	c.record = audit.Record{
		Time: who.At, RequestID: who.RequestID, Region: who.Region,
		Who: who.identity(), SourceIP: who.SourceIP, UserAgent: who.UserAgent,
		InvokedBy: who.Via, Action: string(action),
		Resources: c.resources[:0], Parameters: c.parameters[:0],
	}
	if x := who.Exchange; x != nil && who.Via == "" {
		if _, name, _ := strings.Cut(string(action), ":"); name != x.Operation {
			c.record.Operation = x.Operation
		}
	}
	return c
}

// Refused records a request that ended before any call began, because its form
// was wrong or asked for what we lack. Requests of nobody we know leave no
// record, nor do those that have one already.
func (g *Gate) Refused(ctx context.Context, who Caller, service, code, message string) error {
	x := who.Exchange
	if x == nil || x.Operation == "" || x.recorded.Load() || who.Principal.Kind == policy.Anonymous {
		return nil
	}
	c := g.Begin(who, policy.Action(service+":"+x.Operation))
	c.record.Error, c.record.Message = code, message
	return c.append(ctx)
}

// Note keeps one request parameter for the record. Never pass a secret.
func (c *Call) Note(name, value string) {
	c.record.Parameters = append(c.record.Parameters, audit.Pair{Name: name, Value: value})
}

// NoteAnswer keeps one member of the answer, such as the id of what is made.
// Never pass a secret.
func (c *Call) NoteAnswer(name, value string) { c.Note(audit.ResponsePrefix+name, value) }

// NoteContext keeps the encryption context for the record.
func (c *Call) NoteContext(pairs map[string]string) {
	for k, v := range pairs {
		c.record.Context = append(c.record.Context, audit.Pair{Name: k, Value: v})
	}
}

// On names a resource for the record, where no Decide will name it. The same
// name several times in a row counts once.
func (c *Call) On(arn string) {
	if n := len(c.record.Resources); n > 0 && c.record.Resources[n-1] == arn {
		return
	}
	c.record.Resources = append(c.record.Resources, arn)
}

// Decide asks whether the call may act on t. It returns a *Denied if not. A
// call may decide several times; each must allow.
func (c *Call) Decide(t Target) error {
	c.On(t.ARN)
	if t.Owner != c.who.Principal.Account {
		c.record.Owner = t.Owner
	}
	r, p, d := c.decide(t)
	if !d.Allowed {
		c.record.Decision = audit.Denied
		c.remember(r, p, d)
		return &Denied{Message: r.Denial(style(r.Action), d), Decision: d}
	}
	if c.record.Decision == audit.Undecided {
		c.record.Decision = audit.Allowed
	}
	return nil
}

// Open marks the call as one that needs no permission, such as
// sts:GetCallerIdentity.
func (c *Call) Open() {
	if c.record.Decision == audit.Undecided {
		c.record.Decision = audit.Allowed
	}
}

// Allows answers a side question, such as whether the caller may list the
// bucket and so learn that a key is missing. It leaves no trace in the record
// and does not count as the call's decision.
func (c *Call) Allows(t Target) bool {
	_, _, d := c.decide(t)
	return d.Allowed
}

// Effect records the call as successful and then runs change, which makes the
// effect of the call visible. The record comes first: what happened is never
// unrecorded. If change fails, End corrects the record.
func (c *Call) Effect(ctx context.Context, change func() error) error {
	if err := c.write(ctx, nil); err != nil {
		return err
	}
	return change()
}

// End writes the record of a call that ends with *err, unless Effect already
// wrote the same. If the record cannot be written, *err becomes ErrNotRecorded.
// It is meant to be deferred, by itself: the record of a method that panics then
// says that the call failed, and the panic goes on.
func (c *Call) End(ctx context.Context, err *error) {
	if v := recover(); v != nil {
		// Without a record that can be written there is still no answer.
		_ = c.write(ctx, errPanicked)
		panic(v)
	}
	if *err == nil && c.record.Decision != audit.Allowed {
		*err = fmt.Errorf("%w: %s", ErrUndecided, c.record.Action)
	}
	if c.recorded && *err == nil {
		return
	}
	if errors.Is(*err, ErrNotRecorded) {
		return
	}
	if werr := c.write(ctx, *err); werr != nil {
		*err = werr
	}
}

func (c *Call) write(ctx context.Context, outcome error) error {
	r := &c.record
	r.Corrects, r.Error, r.Message = c.recorded, "", ""
	if outcome != nil {
		r.Error, r.Message = c.errorCode(outcome), outcome.Error()
	}
	return c.append(ctx)
}

func (c *Call) append(ctx context.Context) error {
	// The caller may have hung up; the record is owed all the same.
	if err := c.gate.cfg.Record.Append(context.WithoutCancel(ctx), &c.record); err != nil {
		return fmt.Errorf("%w: %w", ErrNotRecorded, err)
	}
	c.recorded = true
	if c.who.Exchange != nil {
		c.who.Exchange.recorded.Store(true)
	}
	return nil
}

func (c *Call) errorCode(err error) string {
	if c.gate.cfg.ErrorCode == nil {
		return err.Error()
	}
	return c.gate.cfg.ErrorCode(policy.Action(c.record.Action), err)
}

func (c *Call) decide(t Target) (*policy.Request, *policy.Policies, policy.Decision) {
	c.describe()
	r, p := &c.request, &c.policies
	*r = policy.Request{
		Principal: &c.who.Principal, Action: t.Action, Resource: t.ARN, Owner: t.Owner, Time: c.who.At, Context: &c.Keys,
	}
	if r.Action == "" {
		r.Action = policy.Action(c.record.Action)
	}
	if r.Owner == "" {
		r.Owner = c.who.Principal.Account
	}
	*p = policy.Policies{Rule: t.Rule, Resource: t.Policy, Granted: t.Granted, GrantedAccount: t.GrantedAccount}
	c.gate.cfg.Identities.PoliciesOf(&c.who.Principal, p)
	if s := c.who.Session; s != nil {
		p.Session, p.HasSession = s.Policies, s.Limited
	}
	return r, p, policy.Decide(r, p)
}

// ResetKeys empties Keys for another decision of the same call, such as the
// second side of kms:ReEncrypt. The global keys come back by themselves.
func (c *Call) ResetKeys() {
	c.Keys.Reset()
	c.described = false
}

// describe fills in the global condition keys that tell where the request
// comes from. What describes the principal and the clock, package policy
// derives itself.
func (c *Call) describe() {
	if c.described {
		return
	}
	c.described = true
	w := &c.who
	if w.SourceIP.IsValid() {
		c.Keys.Set("aws:SourceIp", w.SourceIP.String())
	}
	c.Keys.Set("aws:SecureTransport", strconv.FormatBool(w.TLS))
	c.Keys.Set("aws:UserAgent", w.UserAgent)
	c.Keys.Set("aws:RequestedRegion", w.Region)
	c.Keys.Set("aws:ViaAWSService", strconv.FormatBool(w.Via != ""))
	if w.Referer != "" {
		c.Keys.Set("aws:Referer", w.Referer)
	}
	if w.SourceARN != "" {
		c.Keys.Set("aws:SourceArn", w.SourceARN)
		c.Keys.Set("aws:SourceAccount", string(w.SourceAccount))
	}
	for _, t := range w.Tags {
		c.Keys.SetIn("aws:PrincipalTag/", t.Key, t.Value)
	}
	if w.Session != nil {
		c.describeSession(w.Session)
	}
}

// describeSession fills in the keys that only temporary credentials have.
func (c *Call) describeSession(s *Session) {
	if !s.IssuedAt.IsZero() {
		c.Keys.Set("aws:TokenIssueTime", s.IssuedAt.UTC().Format(time.RFC3339))
	}
	c.Keys.Set("aws:MultiFactorAuthPresent", strconv.FormatBool(!s.MFAAt.IsZero()))
	if !s.MFAAt.IsZero() {
		c.Keys.Set("aws:MultiFactorAuthAge", strconv.FormatInt(int64(c.who.At.Sub(s.MFAAt)/time.Second), 10))
	}
	if s.SourceIdentity != "" {
		c.Keys.Set("aws:SourceIdentity", s.SourceIdentity)
	}
	if s.FederatedProvider != "" {
		c.Keys.Set("aws:FederatedProvider", s.FederatedProvider)
	}
}

// style is the spelling in which the service of an action denies.
func style(action policy.Action) policy.Style {
	switch service, _, _ := strings.Cut(string(action), ":"); service {
	case "s3":
		return policy.QuotedResource
	case "sts":
		return policy.Bare
	default:
		return policy.Sentence
	}
}
