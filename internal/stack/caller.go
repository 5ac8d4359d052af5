package stack

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/policy"
)

// callerRecord is who began an operation, as the steps that follow act. Policies
// of the principal are not in it: what counts is what it may at each step.
type callerRecord struct {
	Principal   policy.Principal `json:"principal"`
	AccessKeyID string           `json:"accessKeyId,omitempty"`
	Region      string           `json:"region"`
	RequestID   string           `json:"requestId"`
	SourceIP    netip.Addr       `json:"sourceIp"`
	UserAgent   string           `json:"userAgent,omitempty"`
	TLS         bool             `json:"tls,omitempty"`
	Tags        []Tag            `json:"tags,omitempty"`
	Session     *sessionRecord   `json:"session,omitempty"`
}

type sessionRecord struct {
	IssuedAt          time.Time `json:"issuedAt"`
	ExpiresAt         time.Time `json:"expiresAt,omitzero"`
	MFAAt             time.Time `json:"mfaAt,omitzero"`
	SourceIdentity    string    `json:"sourceIdentity,omitempty"`
	FederatedProvider string    `json:"federatedProvider,omitempty"`
	// Policies are the texts; an empty one could not be had.
	Policies       []string `json:"policies,omitempty"`
	Limited        bool     `json:"limited,omitempty"`
	TransitiveTags []string `json:"transitiveTags,omitempty"`
}

func keepCaller(who *access.Caller, m realm) callerRecord {
	r := callerRecord{
		Principal: who.Principal, AccessKeyID: who.AccessKeyID, Region: m.region, RequestID: who.RequestID,
		SourceIP: who.SourceIP, UserAgent: who.UserAgent, TLS: who.TLS, Tags: who.Tags,
	}
	if s := who.Session; s != nil {
		r.Session = &sessionRecord{
			IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt, MFAAt: s.MFAAt, SourceIdentity: s.SourceIdentity, FederatedProvider: s.FederatedProvider,
			Limited: s.Limited, TransitiveTags: s.TransitiveTags,
		}
		for _, d := range s.Policies {
			text := ""
			if d != nil {
				text = d.String()
			}
			r.Session.Policies = append(r.Session.Policies, text)
		}
	}
	return r
}

// caller is the one that was kept, at another time.
func (r *callerRecord) caller(now time.Time) access.Caller {
	who := access.Caller{
		Principal: r.Principal, AccessKeyID: r.AccessKeyID, Region: r.Region, RequestID: r.RequestID, At: now,
		SourceIP: r.SourceIP, UserAgent: r.UserAgent, TLS: r.TLS, Tags: r.Tags,
	}
	if s := r.Session; s != nil {
		who.Session = &access.Session{
			IssuedAt: s.IssuedAt, ExpiresAt: s.ExpiresAt, MFAAt: s.MFAAt, SourceIdentity: s.SourceIdentity, FederatedProvider: s.FederatedProvider,
			Limited: s.Limited, TransitiveTags: s.TransitiveTags,
		}
		for _, text := range s.Policies {
			// A policy that cannot be read allows nothing, as a missing one.
			d, err := policy.Parse(policy.UseSession, text)
			if err != nil {
				d = nil
			}
			who.Session.Policies = append(who.Session.Policies, d)
		}
	}
	return who
}

// errSessionEnded says that the caller of an operation may do nothing any more.
var errSessionEnded = errors.New("The security token included in the request is expired") //lint:ignore ST1005 AWS's sentence

// actor is who makes the resources of a stack now: its role, or the caller of the
// operation while the caller's session lasts.
//
// Source: AWS CloudFormation User Guide, "AWS CloudFormation service role": without
// a role CloudFormation uses a temporary session generated from the credentials of
// the caller.
func (s *Service) actor(ctx context.Context, r *stackRecord) (access.Caller, error) {
	who := r.Work.Caller.caller(s.cfg.Clock.Now())
	d := &r.definition
	if r.Goal != nil {
		d = r.Goal
	}
	if d.Role != "" {
		role, err := s.cfg.Assume(ctx, d.Role, r.Account, r.Region)
		if err != nil {
			return access.Caller{}, err
		}
		role.RequestID, role.At, role.Region = who.RequestID, who.At, who.Region
		role.UserAgent = who.UserAgent
		who = role
	} else if who.Session != nil && !who.Session.ExpiresAt.IsZero() && !who.At.Before(who.Session.ExpiresAt) {
		return access.Caller{}, errSessionEnded
	}
	return who.Through("cloudformation"), nil
}
