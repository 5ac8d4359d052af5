package audit

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Parse reads one line of a log.
func Parse(line []byte) (*Entry, error) {
	text := string(line)
	e, ok := parseOwn(text)
	if !ok {
		e = &Entry{}
		if err := json.Unmarshal(line, e); err != nil {
			return nil, fmt.Errorf("not a record: %w", err)
		}
	}
	if e.Seq == 0 {
		return nil, errors.New("not a record: no sequence number")
	}
	if prev, err := hex.DecodeString(e.Prev); err != nil || len(prev) != sha256.Size {
		return nil, errors.New("not a record: no hash of the record before")
	}
	e.Line = text
	return e, nil
}

// parseOwn reads a line in the spelling of appendBody. Whoever indexes a log
// reads every record of it, and this is several times faster than package json. It
// reports false about any other spelling, and Parse asks that package then.
func parseOwn(line string) (*Entry, bool) {
	if !utf8.ValidString(line) {
		return nil, false
	}
	e := &Entry{}
	s := scanner{rest: line}
	s.take('{')
	for s.member() {
		switch s.name {
		case "seq":
			s.in(1)
			e.Seq = s.number()
		case "prev":
			s.in(2)
			e.Prev = s.text()
		case "time":
			s.in(3)
			e.Time = s.time()
		case "request":
			s.in(4)
			e.RequestID = s.text()
		case "region":
			s.in(5)
			e.Region = s.text()
		case "who":
			s.in(6)
			s.identity(&e.Who)
		case "ip":
			s.in(7)
			e.SourceIP = s.text()
		case "agent":
			s.in(8)
			e.UserAgent = s.text()
		case "via":
			s.in(9)
			e.InvokedBy = s.text()
		case "action":
			s.in(10)
			e.Action = s.text()
		case "op":
			s.in(11)
			e.Operation = s.text()
		case "resources":
			s.in(12)
			e.Resources = s.list()
		case "owner":
			s.in(13)
			e.Owner = s.text()
		case "params":
			s.in(14)
			e.Params = s.pairs()
		case "context":
			s.in(15)
			e.Context = s.pairs()
		case "decision":
			s.in(16)
			e.Decision = s.text()
		case "error":
			s.in(17)
			e.Error = s.text()
		case "message":
			s.in(18)
			e.Message = s.text()
		case "corrects":
			s.in(19)
			e.Corrects = s.yes()
		default:
			s.bad = true
		}
	}
	return e, !s.bad && s.rest == ""
}

func (s *scanner) identity(w *EntryIdentity) {
	outer := s.order
	s.take('{')
	for s.order = 0; s.member(); {
		switch s.name {
		case "type":
			s.in(1)
			w.Type = s.text()
		case "arn":
			s.in(2)
			w.ARN = s.text()
		case "account":
			s.in(3)
			w.Account = s.text()
		case "id":
			s.in(4)
			w.PrincipalID = s.text()
		case "name":
			s.in(5)
			w.Name = s.text()
		case "key":
			s.in(6)
			w.AccessKeyID = s.text()
		case "issuer":
			s.in(7)
			w.Issuer = s.text()
		case "since":
			s.in(8)
			w.Since = s.time()
		case "mfa":
			s.in(9)
			w.MFA = s.yes()
		case "provider":
			s.in(10)
			w.Provider = s.text()
		case "source":
			s.in(11)
			w.SourceARN = s.text()
		default:
			s.bad = true
		}
	}
	s.order = outer
}

// scanner takes a line apart. Once bad, it takes nothing more.
type scanner struct {
	rest  string
	name  string // of the member that comes next
	order int    // of the member before: each comes once, and in its order
	bad   bool
}

func (s *scanner) in(order int) {
	s.bad = s.bad || order <= s.order
	s.order = order
}

func (s *scanner) take(c byte) {
	if s.bad || s.rest == "" || s.rest[0] != c {
		s.bad = true
		return
	}
	s.rest = s.rest[1:]
}

func (s *scanner) has(c byte) bool {
	if s.bad || s.rest == "" || s.rest[0] != c {
		return false
	}
	s.rest = s.rest[1:]
	return true
}

// member goes on to the name of the object's next member, or takes its end. It
// is called after the opening brace and after each value.
func (s *scanner) member() bool {
	if s.bad || s.has('}') {
		return false
	}
	if s.order > 0 {
		s.take(',')
	}
	s.name = s.text()
	s.take(':')
	return !s.bad
}

// text takes a string.
func (s *scanner) text() string {
	s.take('"')
	for i := 0; i < len(s.rest) && !s.bad; i++ {
		switch c := s.rest[i]; {
		case c == '"':
			text := s.rest[:i]
			s.rest = s.rest[i+1:]
			return text
		case c == '\\':
			return s.escaped(i)
		case c < 0x20:
			s.bad = true
		}
	}
	s.bad = true
	return ""
}

// escaped takes a string whose first escape is at i, in the three forms that
// appendString writes.
func (s *scanner) escaped(i int) string {
	var b strings.Builder
	b.WriteString(s.rest[:i])
	for i < len(s.rest) {
		switch c := s.rest[i]; {
		case c == '"':
			s.rest = s.rest[i+1:]
			return b.String()
		case c < 0x20:
			s.bad = true
			return ""
		case c != '\\':
			b.WriteByte(c)
			i++
			continue
		}
		switch after := s.rest[i+1:]; {
		case after != "" && (after[0] == '"' || after[0] == '\\'):
			b.WriteByte(after[0])
			i += 2
		case len(after) >= 5 && after[:3] == "u00":
			n, err := strconv.ParseUint(after[3:5], 16, 7)
			if err != nil {
				s.bad = true
				return ""
			}
			b.WriteByte(byte(n))
			i += 6
		default:
			s.bad = true
			return ""
		}
	}
	s.bad = true
	return ""
}

func (s *scanner) number() uint64 {
	n := 0
	for n < len(s.rest) && '0' <= s.rest[n] && s.rest[n] <= '9' {
		n++
	}
	v, err := strconv.ParseUint(s.rest[:n], 10, 64)
	s.bad = s.bad || err != nil || n > 1 && s.rest[0] == '0'
	s.rest = s.rest[n:]
	return v
}

func (s *scanner) yes() bool {
	rest, ok := strings.CutPrefix(s.rest, "true")
	s.bad = s.bad || !ok
	s.rest = rest
	return ok
}

func (s *scanner) time() (t time.Time) {
	text := s.text()
	if s.bad || t.UnmarshalText([]byte(text)) != nil {
		s.bad = true
	}
	return t
}

func (s *scanner) list() []string {
	s.take('[')
	list := []string{s.text()}
	for !s.bad && !s.has(']') {
		s.take(',')
		list = append(list, s.text())
	}
	return list
}

// pairs takes an object of strings, which is not empty.
func (s *scanner) pairs() map[string]string {
	all := map[string]string{}
	s.take('{')
	for {
		name := s.text()
		s.take(':')
		all[name] = s.text()
		if s.bad || s.has('}') {
			return all
		}
		s.take(',')
	}
}
