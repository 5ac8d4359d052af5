package trail

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/form"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// MaxTrails is how many trails a region of an account may have.
	MaxTrails = 5
	// maxPauses bounds what a trail that cannot deliver remembers.
	maxPauses = 100

	servicePrincipal = "cloudtrail.amazonaws.com"
)

// Settings are what a trail is told.
type Settings struct {
	// Bucket receives the objects; their keys begin with Prefix and a slash, if
	// there is one.
	Bucket string `json:"bucket"`
	Prefix string `json:"prefix,omitempty"`
	// Key is the ARN of the KMS key that encrypts log files, or what else names it
	// where a trail is made or changed; empty leaves that to the bucket's default.
	Key string `json:"key,omitempty"`
	// Global includes the events of IAM, STS and CloudFront, MultiRegion those of
	// all regions.
	Global      bool `json:"global,omitempty"`
	MultiRegion bool `json:"multiRegion,omitempty"`
	// Validation has digests made.
	Validation bool `json:"validation,omitempty"`
}

// Trail is a trail as its owner sees it.
type Trail struct {
	Name, ARN, HomeRegion string
	Settings
	// Custom says that its selectors are not the default.
	Custom bool
}

// Change says which settings to change; nil keeps one.
type Change struct {
	Bucket, Prefix, Key             *string
	Global, MultiRegion, Validation *bool
}

func (c *Change) apply(s *Settings) {
	for _, t := range []struct {
		from *string
		to   *string
	}{{c.Bucket, &s.Bucket}, {c.Prefix, &s.Prefix}, {c.Key, &s.Key}} {
		if t.from != nil {
			*t.to = *t.from
		}
	}
	for _, b := range []struct{ from, to *bool }{{c.Global, &s.Global}, {c.MultiRegion, &s.MultiRegion}, {c.Validation, &s.Validation}} {
		if b.from != nil {
			*b.to = *b.from
		}
	}
}

// begin opens a call on a trail.
func (s *Service) begin(who *access.Caller, action policy.Action, ref string) *access.Call {
	call := s.cfg.Gate.Begin(*who, action)
	if ref != "" {
		call.Note("name", ref)
	}
	return call
}

// admit finds a trail and decides about it. home wants the caller in its region.
func (s *Service) admit(ctx context.Context, call *access.Call, who *access.Caller, ref string, home bool) (*record, error) {
	r, err := s.find(ctx, who.Account(), who.Region, ref)
	if errors.Is(err, ErrNotFound) {
		// Who may not ask about it does not learn that there is none.
		absent := ref
		if !strings.HasPrefix(ref, "arn:") {
			absent = (&record{Name: ref, Account: who.Account(), Region: who.Region}).arn()
		}
		err = cmp.Or(call.Decide(access.Target{ARN: absent, Rule: policy.IdentityOnly}), err)
	}
	if err != nil {
		return nil, err
	}
	call.ResourceTags(r.tags())
	if err := call.Decide(access.Target{ARN: r.arn(), Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	if home && r.Region != who.Region {
		return nil, fail(ErrHomeRegion, "The trail %s must be changed in its home region %s.", r.Name, r.Region)
	}
	return r, nil
}

// CreateTrail makes a trail, which delivers nothing before StartLogging. The
// bucket must let CloudTrail write, and the key let it be used: their policies are
// asked now, and at each delivery.
//
// Source: AWS CloudTrail API Reference, CreateTrail; User Guide, "Amazon S3
// bucket policy for CloudTrail".
func (s *Service) CreateTrail(ctx context.Context, who access.Caller, name string, in Settings, tags []Tag) (t Trail, err error) {
	call := s.begin(&who, "cloudtrail:CreateTrail", name)
	defer call.End(ctx, &err)
	in.note(call)
	if err := checkName(name); err != nil {
		return t, err
	}
	r := &record{Name: name, Account: who.Account(), Region: who.Region, Settings: in, Selectors: defaultSelectors()}
	if r.Tags, err = withTags(&who, nil, tags); err != nil {
		return t, err
	}
	call.RequestTags(tags)
	target := access.Target{ARN: r.arn(), Rule: policy.IdentityOnly}
	if err := call.Decide(target); err != nil {
		return t, err
	}
	if len(tags) > 0 {
		target.Action = "cloudtrail:AddTags"
		if err := call.Decide(target); err != nil {
			return t, err
		}
	}
	if err := s.checkSettings(ctx, r, in.Key != ""); err != nil {
		return t, err
	}
	err = call.Effect(ctx, func() error {
		s.changing.Lock()
		defer s.changing.Unlock()
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error {
			if _, err := readTrail(tx, r.key()); err == nil {
				return fail(ErrExists, "Trail %s already exists for customer: %s", name, r.Account)
			} else if !errors.Is(err, ErrNotFound) {
				return err
			}
			all, err := scan(tx, string(r.Account)+"/"+r.Region+"/")
			if err != nil {
				return err
			}
			if len(all) >= MaxTrails {
				return fail(ErrLimit, "User: %s already has %d trails in %s.", r.Account, MaxTrails, r.Region)
			}
			return r.put(tx)
		})
	})
	if err != nil {
		return t, err
	}
	return r.trail(), nil
}

// UpdateTrail changes settings of a trail.
//
// Source: AWS CloudTrail API Reference, UpdateTrail.
func (s *Service) UpdateTrail(ctx context.Context, who access.Caller, ref string, c Change) (t Trail, err error) {
	call := s.begin(&who, "cloudtrail:UpdateTrail", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, true)
	if err != nil {
		return t, err
	}
	old := r.Settings
	c.apply(&r.Settings)
	r.note(call)
	// A key that is kept must be where the bucket now is.
	if err := s.checkSettings(ctx, r, r.Key != "" && (c.Key != nil || r.Bucket != old.Bucket)); err != nil {
		return t, err
	}
	if c.Key != nil {
		c.Key = &r.Key
	}
	err = call.Effect(ctx, func() error {
		return s.change(ctx, r, func(now *record) error {
			was := now.Validation
			c.apply(&now.Settings)
			switch {
			case was && !now.Validation:
				now.Digests = nil // what comes later is another chain
			case !was && now.Validation && now.Logging:
				now.newChain(now.Region, who.At.UTC().Truncate(time.Second))
			}
			return nil
		})
	})
	return r.trail(), err
}

// DeleteTrail removes a trail. What it delivered stays.
//
// Source: AWS CloudTrail API Reference, DeleteTrail.
func (s *Service) DeleteTrail(ctx context.Context, who access.Caller, ref string) (err error) {
	call := s.begin(&who, "cloudtrail:DeleteTrail", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, true)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		s.changing.Lock()
		defer s.changing.Unlock()
		return s.cfg.Records.Update(ctx, func(tx store.Writer) error { return tx.Delete(space, r.key()) })
	})
}

// GetTrail describes a trail.
//
// Source: AWS CloudTrail API Reference, GetTrail.
func (s *Service) GetTrail(ctx context.Context, who access.Caller, ref string) (t Trail, err error) {
	call := s.begin(&who, "cloudtrail:GetTrail", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, false)
	if err != nil {
		return t, err
	}
	return r.trail(), nil
}

// Trails describes the trails of the caller's region, and with shadows those of
// other regions that record this one. With refs it describes only those, and
// passes over the ones that are not there. action is cloudtrail:DescribeTrails
// or cloudtrail:ListTrails, which describes all regions' trails.
//
// Source: AWS CloudTrail API Reference, DescribeTrails and ListTrails.
func (s *Service) Trails(ctx context.Context, who access.Caller, action policy.Action, refs []string, shadows bool) (list []Trail, err error) {
	call := s.begin(&who, action, "")
	defer call.End(ctx, &err)
	if err := call.Decide(access.Target{ARN: "*", Rule: policy.IdentityOnly}); err != nil {
		return nil, err
	}
	all, err := s.list(ctx, string(who.Account())+"/")
	if err != nil {
		return nil, err
	}
	everywhere := action == "cloudtrail:ListTrails"
	for _, r := range all {
		here := r.Region == who.Region
		switch {
		case len(refs) > 0 && !slices.Contains(refs, r.arn()) && !(slices.Contains(refs, r.Name) && (here || shadows && r.MultiRegion)):
		case len(refs) == 0 && !everywhere && !here && !(shadows && r.MultiRegion):
		default:
			list = append(list, r.trail())
		}
	}
	return list, nil
}

// Status is whether a trail delivers, and how that goes.
type Status struct {
	Logging          bool
	Started, Stopped time.Time
	Delivery, Digest Attempts
}

// Attempts is how deliveries went. Error is empty after a success.
type Attempts struct {
	Tried, Succeeded time.Time
	Error            string
}

// GetTrailStatus tells how a trail's deliveries go.
//
// Source: AWS CloudTrail API Reference, GetTrailStatus.
func (s *Service) GetTrailStatus(ctx context.Context, who access.Caller, ref string) (st Status, err error) {
	call := s.begin(&who, "cloudtrail:GetTrailStatus", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, false)
	if err != nil {
		return st, err
	}
	return Status{r.Logging, r.Started, r.Stopped, Attempts(r.Delivery), Attempts(r.Digest)}, nil
}

// StartLogging has a trail deliver what is recorded from now on. A trail that
// does so already goes on.
//
// Source: AWS CloudTrail API Reference, StartLogging.
func (s *Service) StartLogging(ctx context.Context, who access.Caller, ref string) (err error) {
	call := s.begin(&who, "cloudtrail:StartLogging", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, true)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.change(ctx, r, func(now *record) error {
			if now.Logging {
				return nil
			}
			if err := now.resume(s.cfg.Log.Acknowledged()); err != nil {
				return err
			}
			now.Logging, now.Until = true, 0
			now.Started = who.At.UTC().Truncate(time.Second)
			if now.Validation && now.Digests[now.Region] == nil {
				now.newChain(now.Region, now.Started)
			}
			return nil
		})
	})
}

// resume has a stopped trail go on with record next. What it still owes of the
// time before the stop stays owed, but nothing of what came in between.
func (r *record) resume(next uint64) error {
	switch {
	case r.Plan == nil && r.Next >= r.Until:
		r.delivered(next)
	case len(r.Pauses) == maxPauses:
		return fail(ErrLimit, "Trail %s was stopped and started %d times before it could deliver.", r.arn(), maxPauses)
	case r.Until < next:
		r.Pauses = append(r.Pauses, pause{r.Until, next})
	}
	return nil
}

// StopLogging has a trail deliver what was recorded until now, and no more.
//
// Source: AWS CloudTrail API Reference, StopLogging.
func (s *Service) StopLogging(ctx context.Context, who access.Caller, ref string) (err error) {
	call := s.begin(&who, "cloudtrail:StopLogging", ref)
	defer call.End(ctx, &err)
	r, err := s.admit(ctx, call, &who, ref, true)
	if err != nil {
		return err
	}
	return call.Effect(ctx, func() error {
		return s.change(ctx, r, func(now *record) error {
			if now.Logging {
				now.Logging, now.Until = false, s.cfg.Log.Acknowledged()
				now.Stopped = who.At.UTC().Truncate(time.Second)
			}
			return nil
		})
	})
}

func (r *record) trail() Trail {
	return Trail{r.Name, r.arn(), r.Region, r.Settings, !r.Selectors.isDefault()}
}

func (s *Settings) note(call *access.Call) {
	call.Note("s3BucketName", s.Bucket)
	if s.Prefix != "" {
		call.Note("s3KeyPrefix", s.Prefix)
	}
	if s.Key != "" {
		call.Note("kmsKeyId", s.Key)
	}
	call.Note("includeGlobalServiceEvents", strconv.FormatBool(s.Global))
	call.Note("isMultiRegionTrail", strconv.FormatBool(s.MultiRegion))
	call.Note("enableLogFileValidation", strconv.FormatBool(s.Validation))
}

var trailName = form.New(`^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$`)

func checkName(name string) error {
	switch {
	case len(name) < 3:
		return fail(ErrName, "Trail name too short. Minimum allowed length: 3 characters. Specified name length: %d characters.", len(name))
	case len(name) > 128:
		return fail(ErrName, "Trail name too long. Maximum allowed length: 128 characters. Specified name length: %d characters.", len(name))
	case !trailName.MatchString(name) || strings.Contains(name, "..") || strings.Contains(name, "--") || strings.Contains(name, "__"):
		return fail(ErrName, "Trail name must start and end with a letter or number, and have only letters, numbers, periods, underscores and dashes in between.")
	}
	return nil
}

// checkSettings says whether a trail can work as it is told to. With askKey its key
// is asked too.
func (s *Service) checkSettings(ctx context.Context, r *record, askKey bool) error {
	switch {
	case len(r.Bucket) < 3 || len(r.Bucket) > 63:
		return fail(ErrBucketName, "The bucket name %.64q is not valid.", r.Bucket)
	case len(r.Prefix) > 200 || strings.HasPrefix(r.Prefix, "/") || strings.HasSuffix(r.Prefix, "/") || !utf8.ValidString(r.Prefix):
		return fail(ErrPrefix, "The prefix has at most 200 characters and neither begins nor ends with a slash.")
	case len(r.Key) > 350 || strings.ContainsAny(r.Key, " \t\n"):
		return fail(ErrKeyID, "The KMS key id is not valid.")
	}
	if err := s.checkBucketPolicy(ctx, r); err != nil || !askKey {
		return err
	}
	return s.checkKey(ctx, r)
}

// checkBucketPolicy asks the bucket's policy what a delivery will ask it.
func (s *Service) checkBucketPolicy(ctx context.Context, r *record) error {
	doc, owner, err := s.cfg.Buckets.PolicyOf(ctx, r.Bucket)
	if errors.Is(err, bucket.ErrNoBucket) {
		return fail(ErrNoBucket, "S3 bucket %s does not exist!", r.Bucket)
	}
	if err != nil {
		return err
	}
	asks := func(action policy.Action, resource string, acl bool) bool {
		keys := policy.NewContext(4)
		keys.Set("aws:SourceArn", r.arn())
		keys.Set("aws:SourceAccount", string(r.Account))
		if acl {
			keys.Set("s3:x-amz-acl", fullControl)
		}
		who := policy.Principal{Kind: policy.Service, Service: servicePrincipal}
		return policy.Decide(&policy.Request{Principal: &who, Action: action, Resource: resource, Owner: owner, Time: s.cfg.Clock.Now(), Context: keys},
			&policy.Policies{Rule: policy.ResourceOrIdentity, Resource: doc}).Allowed
	}
	base := "arn:aws:s3:::" + r.Bucket
	if !asks("s3:GetBucketAcl", base, false) || !asks("s3:PutObject", base+"/"+r.objectPrefix()+"x", true) {
		return fail(ErrBucketPolicy, "Incorrect S3 bucket policy is detected for bucket: %s", r.Bucket)
	}
	return nil
}

// objectPrefix begins the keys of a trail's objects.
func (r *record) objectPrefix() string {
	prefix := "AWSLogs/" + string(r.Account) + "/"
	if r.Prefix != "" {
		prefix = r.Prefix + "/" + prefix
	}
	return prefix
}
