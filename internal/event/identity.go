package event

import (
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
)

// Identity is who called.
//
// Source: AWS CloudTrail User Guide, "CloudTrail userIdentity element".
type Identity struct {
	Type           string          `json:"type,omitempty"`
	PrincipalID    string          `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *SessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
}

// SessionContext is what temporary credentials say.
type SessionContext struct {
	Issuer     *SessionIssuer     `json:"sessionIssuer,omitempty"`
	WebID      *WebID             `json:"webIdFederationData,omitempty"`
	Attributes *SessionAttributes `json:"attributes,omitempty"`
}

// SessionIssuer is the role or user that a session speaks for.
type SessionIssuer struct {
	Type        string `json:"type"`
	PrincipalID string `json:"principalId"`
	ARN         string `json:"arn"`
	AccountID   string `json:"accountId"`
	UserName    string `json:"userName"`
}

// SessionAttributes say when a session began.
type SessionAttributes struct {
	CreationDate     string `json:"creationDate"`
	MFAAuthenticated string `json:"mfaAuthenticated"`
}

// WebID names who vouched for a federated session.
type WebID struct {
	FederatedProvider string            `json:"federatedProvider"`
	Attributes        map[string]string `json:"attributes"`
}

func identityOf(e *audit.Entry) *Identity {
	w := &e.Who
	switch {
	case isServiceEvent(e):
		return &Identity{AccountID: w.Account, InvokedBy: internal}
	case w.Type == "AWSService":
		return &Identity{Type: w.Type, InvokedBy: w.ARN}
	case w.Type == "Anonymous":
		return &Identity{Type: "AWSAccount", AccountID: "ANONYMOUS_PRINCIPAL"}
	}
	id := &Identity{
		Type: w.Type, PrincipalID: w.PrincipalID, ARN: w.ARN, AccountID: w.Account, AccessKeyID: w.AccessKeyID, UserName: w.Name,
		SessionContext: sessionOf(w),
	}
	if e.InvokedBy != "" {
		id.InvokedBy = internal
	}
	return id
}

// sessionOf is what the record has of a session; nil for lasting credentials.
func sessionOf(w *audit.EntryIdentity) *SessionContext {
	if w.Since.IsZero() {
		return nil
	}
	s := &SessionContext{Attributes: &SessionAttributes{
		CreationDate: w.Since.UTC().Format(time.RFC3339), MFAAuthenticated: "false",
	}}
	if w.MFA {
		s.Attributes.MFAAuthenticated = "true"
	}
	if w.Provider != "" {
		s.WebID = &WebID{FederatedProvider: w.Provider, Attributes: map[string]string{}}
	}
	if w.Issuer == "" {
		return s
	}
	principal, _, _ := strings.Cut(w.PrincipalID, ":")
	s.Issuer = &SessionIssuer{
		Type: "Role", PrincipalID: principal, ARN: w.Issuer, AccountID: w.Account, UserName: w.Issuer[strings.LastIndexByte(w.Issuer, '/')+1:],
	}
	if w.Type == "FederatedUser" {
		s.Issuer.Type = "IAMUser"
		if strings.HasSuffix(w.Issuer, ":root") {
			s.Issuer.Type, s.Issuer.UserName = "Root", ""
		}
	}
	return s
}

// stranger is the caller as an account sees it that is not the caller's.
func stranger(e *audit.Entry) *Identity {
	id := &Identity{Type: "AWSAccount", PrincipalID: e.Who.PrincipalID, AccountID: e.Who.Account}
	if e.InvokedBy != "" {
		id.InvokedBy = internal
	}
	return id
}

// User is the name that LookupEvents knows the caller by: a user's, a session's,
// or "root"; empty for services and strangers.
func (ev *Event) User() string {
	id := ev.UserIdentity
	switch id.Type {
	case "Root":
		return "root"
	case "AssumedRole":
		return id.ARN[strings.LastIndexByte(id.ARN, '/')+1:]
	}
	return id.UserName
}
