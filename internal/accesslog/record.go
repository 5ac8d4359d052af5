// Package accesslog writes what viewers asked for, in the form of CloudFront's
// standard access logs: compressed files of lines of tab-separated fields, put
// into a bucket or a folder every few minutes. docs/spec/accesslog.md has the
// format.
//
// A viewer never waits for a log: lines that find no room are lost, and counted.
package accesslog

import (
	"net/netip"
	"strconv"
	"time"
)

// Header begins each file. The first 33 fields are CloudFront's, in its order;
// the last one is ours.
//
// Source: CloudFront Developer Guide, "Standard logging (legacy)", standard log
// file fields.
const Header = "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) " +
	"cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for " +
	"ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte " +
	"x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start sc-range-end x-keyfront-denial\n"

// Record is one request. Empty text, invalid addresses and negative numbers
// stand for what there is not, in the log "-".
type Record struct {
	// Time is when the answer ended.
	Time     time.Time
	Location string
	// SentBytes and ReceivedBytes count heads and bodies.
	SentBytes, ReceivedBytes int64
	Viewer                   netip.AddrPort
	Method                   string
	// DomainName is the distribution's own name, Host the one that was asked for.
	DomainName, Host string
	Path, Query      string // raw
	Status           int    // 0 if no answer began
	Referer          string
	UserAgent        string
	Cookie           string
	// Result is how the edge came by the answer, Detailed the same with more detail.
	Result, Detailed      string
	RequestID             string
	Scheme                string
	Taken, FirstByte      time.Duration
	ForwardedFor          string
	TLSVersion, TLSCipher string
	Protocol              string // "HTTP/1.1"
	ContentType           string
	ContentLength         int64
	RangeStart, RangeEnd  int64
	// Denial is the cause of a refusal by the edge, for the owner's eyes.
	Denial string
}

// Append appends r as one line with its line break.
func (r *Record) Append(b []byte) []byte {
	at := r.Time.UTC()
	b = at.AppendFormat(b, "2006-01-02\t15:04:05")
	text := func(s string) { b = appendText(append(b, '\t'), s) }
	number := func(n int64) {
		b = append(b, '\t')
		if n < 0 {
			b = append(b, '-')
		} else {
			b = strconv.AppendInt(b, n, 10)
		}
	}
	seconds := func(d time.Duration) { b = strconv.AppendFloat(append(b, '\t'), d.Seconds(), 'f', 3, 64) }
	text(r.Location)
	number(r.SentBytes)
	if a := r.Viewer.Addr(); a.IsValid() {
		b = a.WithZone("").AppendTo(append(b, '\t'))
	} else {
		text("")
	}
	text(r.Method)
	text(r.DomainName)
	text(r.Path)
	if r.Status == 0 {
		text("000")
	} else {
		number(int64(r.Status))
	}
	text(r.Referer)
	text(r.UserAgent)
	text(r.Query)
	text(r.Cookie)
	text(r.Result)
	text(r.RequestID)
	text(r.Host)
	text(r.Scheme)
	number(r.ReceivedBytes)
	seconds(r.Taken)
	text(r.ForwardedFor)
	text(r.TLSVersion)
	text(r.TLSCipher)
	text(r.Result) // nothing lies between this edge and the viewer
	text(r.Protocol)
	text("") // fle-status and fle-encrypted-fields: there is no field-level encryption
	text("")
	if p := r.Viewer.Port(); p != 0 {
		number(int64(p))
	} else {
		text("")
	}
	seconds(r.FirstByte)
	text(r.Detailed)
	text(r.ContentType)
	number(r.ContentLength)
	number(r.RangeStart)
	number(r.RangeEnd)
	text(r.Denial)
	return append(b, '\n')
}

// maxTextBytes bounds one field, before its bytes are encoded.
const maxTextBytes = 8 << 10

// appendText appends a field, percent-encoded where it must be.
func appendText(b []byte, s string) []byte {
	if s == "" {
		return append(b, '-')
	}
	const hex = "0123456789ABCDEF"
	for i := range min(len(s), maxTextBytes) {
		if c := s[i]; encoded[c] {
			b = append(b, '%', hex[c>>4], hex[c&15])
		} else {
			b = append(b, c)
		}
	}
	return b
}

// encoded are the bytes that stand percent-encoded. A percent sign that the
// viewer sent does, too: what is decoded once is what was sent.
//
// Source: CloudFront Developer Guide, "Standard logging (legacy)", URL-encoded
// characters.
var encoded = func() (table [256]bool) {
	for c := range table {
		table[c] = c <= ' ' || c >= 127
	}
	for _, c := range []byte("<>\"#%{}|\\^~[]`'") {
		table[c] = true
	}
	return table
}()
