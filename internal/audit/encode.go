package audit

import (
	"errors"
	"os"
	"sync"
	"time"
	"unicode/utf8"
)

// Entry is one line of the log as it is read back.
type Entry struct {
	Seq       uint64            `json:"seq"`
	Prev      string            `json:"prev"`
	Time      time.Time         `json:"time"`
	RequestID string            `json:"request"`
	Region    string            `json:"region"`
	Who       EntryIdentity     `json:"who"`
	SourceIP  string            `json:"ip"`
	UserAgent string            `json:"agent"`
	InvokedBy string            `json:"via"`
	Action    string            `json:"action"`
	Operation string            `json:"op"`
	Resources []string          `json:"resources"`
	Owner     string            `json:"owner"`
	Params    map[string]string `json:"params"`
	Context   map[string]string `json:"context"`
	Decision  string            `json:"decision"`
	Error     string            `json:"error"`
	Message   string            `json:"message"`
	Corrects  bool              `json:"corrects"`

	// Line is the line itself.
	Line string `json:"-"`
}

// EntryIdentity is the caller of an Entry.
type EntryIdentity struct {
	Type        string    `json:"type"`
	ARN         string    `json:"arn"`
	Account     string    `json:"account"`
	PrincipalID string    `json:"id"`
	Name        string    `json:"name"`
	AccessKeyID string    `json:"key"`
	Issuer      string    `json:"issuer"`
	Since       time.Time `json:"since"`
	MFA         bool      `json:"mfa"`
	Provider    string    `json:"provider"`
	SourceARN   string    `json:"source"`
}

// appendBody writes r as the rest of a line that begins with the chain's
// members. It is the hot path of every call, so it is written by hand.
func appendBody(b []byte, r *Record) []byte {
	b = append(b, `,"time":"`...)
	b = r.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, '"')
	b = appendMember(b, "request", r.RequestID)
	b = appendMember(b, "region", r.Region)
	b = append(b, `,"who":{"type":`...)
	b = appendString(b, r.Who.Type)
	b = appendMember(b, "arn", r.Who.ARN)
	b = appendMember(b, "account", string(r.Who.Account))
	b = appendMember(b, "id", r.Who.PrincipalID)
	b = appendMember(b, "name", r.Who.Name)
	b = appendMember(b, "key", r.Who.AccessKeyID)
	b = appendMember(b, "issuer", r.Who.Issuer)
	if !r.Who.Since.IsZero() {
		b = append(b, `,"since":"`...)
		b = r.Who.Since.UTC().AppendFormat(b, time.RFC3339)
		b = append(b, '"')
	}
	if r.Who.MFA {
		b = append(b, `,"mfa":true`...)
	}
	b = appendMember(b, "provider", r.Who.Provider)
	b = appendMember(b, "source", r.Who.SourceARN)
	b = append(b, '}')
	if r.SourceIP.IsValid() {
		b = append(b, `,"ip":"`...)
		b = r.SourceIP.AppendTo(b)
		b = append(b, '"')
	}
	b = appendMember(b, "agent", r.UserAgent)
	b = appendMember(b, "via", r.InvokedBy)
	b = appendMember(b, "action", r.Action)
	b = appendMember(b, "op", r.Operation)
	if len(r.Resources) > 0 {
		b = append(b, `,"resources":[`...)
		for i, s := range r.Resources {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendString(b, s)
		}
		b = append(b, ']')
	}
	b = appendMember(b, "owner", string(r.Owner))
	b = appendPairs(b, "params", r.Parameters)
	b = appendPairs(b, "context", r.Context)
	b = appendMember(b, "decision", r.Decision.String())
	b = appendMember(b, "error", r.Error)
	b = appendMember(b, "message", r.Message)
	if r.Corrects {
		b = append(b, `,"corrects":true`...)
	}
	return append(b, '}')
}

// appendMember writes a member, or nothing when value is empty.
func appendMember(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

func appendPairs(b []byte, name string, pairs []Pair) []byte {
	if len(pairs) == 0 {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, `":{`...)
	for i, p := range pairs {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendString(b, p.Name)
		b = append(b, ':')
		b = appendString(b, p.Value)
	}
	return append(b, '}')
}

// maxStringBytes bounds one value, so that a client cannot fill the log with
// one call. Longer values are cut and end in "…".
const maxStringBytes = 8 << 10

// appendString writes s as a JSON string; bytes that are not UTF-8 become U+FFFD.
func appendString(b []byte, s string) []byte {
	const hexDigits = "0123456789abcdef"
	cut := len(s) > maxStringBytes
	if cut {
		s = s[:maxStringBytes]
	}
	b = append(b, '"')
	for i := 0; i < len(s); {
		plain := i
		for i < len(s) && s[i] >= 0x20 && s[i] < 0x7f && s[i] != '"' && s[i] != '\\' {
			i++
		}
		if b = append(b, s[plain:i]...); i == len(s) {
			break
		}
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
			i++
		case c < utf8.RuneSelf:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			i++
		default:
			r, n := utf8.DecodeRuneInString(s[i:])
			b = utf8.AppendRune(b, r)
			i += n
		}
	}
	if cut {
		b = append(b, "…"...)
	}
	return append(b, '"')
}

var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 1024); return &b }}

func getBuffer() *[]byte { return buffers.Get().(*[]byte) }

func putBuffer(b *[]byte) {
	if cap(*b) <= 64<<10 {
		buffers.Put(b)
	}
}

func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
