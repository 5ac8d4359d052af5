package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
)

const (
	// TicketLife is how long the code that GetFunction tells of can be downloaded.
	//
	// Source: AWS Lambda API Reference, GetFunction.
	TicketLife = 10 * time.Minute

	ticketPurpose  = "code ticket"
	maxTicketBytes = 2 << 10
)

// ticket is what a Version's Ticket says, sealed under the domain. Who has it may
// read the code: that was decided when it was made.
type ticket struct {
	Account arn.AccountID `json:"account"`
	Region  string        `json:"region"`
	Name    string        `json:"name"`
	Version string        `json:"version"`
	Code    string        `json:"code"` // id
	Until   time.Time     `json:"until"`
	// Request is the GetFunction that it comes from.
	Request string `json:"request"`
}

// issue makes the ticket for the code of a version.
func (s *Service) issue(who *access.Caller, ref reference, v *versionRecord) (string, error) {
	text, err := json.Marshal(ticket{ref.account, ref.region, ref.name, v.Version, v.Code.ID, who.At.Add(TicketLife), who.RequestID})
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(s.cfg.Vault.Wrap(ticketPurpose, "", sealed.NewSecret(text))), nil
}

// Zip is the code of a version as it was uploaded. It may be read concurrently,
// until it is closed.
type Zip struct {
	*sealed.Reader
	io.Closer
}

// Download opens the code that a ticket admits to. who tells where the request
// comes from; it is recorded as the service's own, with the request id of the
// GetFunction behind it. A ticket that is not one of ours, or expired, is
// access.ErrDenied; ErrNotFound says that the version or its code is gone.
func (s *Service) Download(ctx context.Context, who access.Caller, text string) (_ *Zip, err error) {
	t, err := s.readTicket(text)
	if err != nil {
		return nil, err
	}
	if !who.At.Before(t.Until) {
		return nil, &access.Denied{Message: "Request has expired"}
	}
	ref := reference{realm{t.Account, t.Region}, t.Name, t.Version}
	functionARN := ref.realm.arn(ref.name, "")
	by := servant(ref.realm, lambdaService, functionARN, who.At)
	by.RequestID, by.SourceIP, by.UserAgent, by.TLS, by.Exchange = who.RequestID, who.SourceIP, who.UserAgent, who.TLS, who.Exchange
	call := s.cfg.Gate.Begin(by, "keyfront:DownloadFunctionCode")
	defer call.End(ctx, &err)
	call.On(ref.arn())
	call.Note("ticketRequestID", t.Request)
	call.Open() // GetFunction has decided
	var v *versionRecord
	err = s.cfg.Records.View(ctx, func(tx store.Reader) error {
		r, err := readRecord(tx, ref)
		if err == nil {
			v, err = readVersion(tx, ref, r)
		}
		return err
	})
	if err == nil && v.Code.ID != t.Code {
		err = ref.missing()
	}
	if err != nil {
		return nil, err
	}
	var zip *Zip
	err = call.Effect(ctx, func() error {
		zip, err = s.open(ctx, functionARN, v.Code)
		return err
	})
	return zip, err
}

func (s *Service) readTicket(text string) (t ticket, err error) {
	bad := &access.Denied{Message: "The token is not valid"}
	if len(text) > maxTicketBytes {
		return t, bad
	}
	blob, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return t, bad
	}
	opened, err := s.cfg.Vault.Unwrap(ticketPurpose, "", blob)
	if err != nil {
		return t, bad
	}
	return t, json.Unmarshal(opened.Reveal(), &t)
}
