package signedurl

import "strings"

// param is one of the five reserved names. In a query it stands as written
// here, in a cookie after "CloudFront-". Names are matched by their bytes.
type param uint8

const (
	paramExpires param = iota
	paramPolicy
	paramSignature
	paramKeyPairID
	paramHash
	numParams
)

const cookiePrefix = "CloudFront-"

var paramNames = [numParams]string{"Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm"}

// lookupParam returns numParams for a name that is not reserved.
func lookupParam(name string) param {
	switch name {
	case "Expires":
		return paramExpires
	case "Policy":
		return paramPolicy
	case "Signature":
		return paramSignature
	case "Key-Pair-Id":
		return paramKeyPairID
	case "Hash-Algorithm":
		return paramHash
	}
	return numParams
}

// fields holds the reserved parameters of one carrier, values as sent.
type fields struct {
	present uint8 // bit i: param i occurred, perhaps with an empty value
	value   [numParams]string
}

func (f *fields) has(p param) bool { return f.present&(1<<p) != 0 }

// set keeps the first value of a name: browsers send the cookie of the most
// specific path first.
func (f *fields) set(p param, value string) {
	if !f.has(p) {
		f.present |= 1 << p
		f.value[p] = value
	}
}

// splitQuery takes a raw query apart: the reserved parameters, and what remains
// of it in its order and spelling. kept is false when not even an empty segment
// remains, so that the canonical resource has no question mark.
func splitQuery(raw string) (f fields, rest string, kept bool) {
	var (
		from, to int  // rest = raw[from:to] while the kept segments are neighbours
		gap      bool // a reserved parameter followed them
		joined   []byte
	)
	for pos := 0; pos <= len(raw); {
		end := len(raw)
		if i := strings.IndexByte(raw[pos:], '&'); i >= 0 {
			end = pos + i
		}
		name, value, _ := strings.Cut(raw[pos:end], "=")
		switch p := lookupParam(name); {
		case p != numParams:
			f.set(p, value)
			gap = kept
		case !kept:
			from, to, kept = pos, end, true
		case gap || joined != nil:
			if joined == nil {
				joined = append(make([]byte, 0, len(raw)), raw[from:to]...)
			}
			joined = append(append(joined, '&'), raw[pos:end]...)
		default:
			to = end
		}
		pos = end + 1
	}
	if joined != nil {
		return f, string(joined), true
	}
	return f, raw[from:to], kept
}

// StripQuery removes the reserved parameters (Expires, Policy, Signature,
// Key-Pair-Id, Hash-Algorithm) from a raw query, given and returned without its
// question mark; all else keeps its order and spelling. Neither cache key nor
// origin may see them. It allocates only when a reserved parameter stands
// between two others.
func StripQuery(raw string) string {
	_, rest, _ := splitQuery(raw)
	return rest
}

// nextCookie cuts the first name=value pair off a Cookie header. net/http
// would drop values that hold characters it dislikes; the signature may hold them.
func nextCookie(header string) (pair, name, value, rest string) {
	pair, rest, _ = strings.Cut(header, ";")
	pair = strings.Trim(pair, " \t")
	name, value, _ = strings.Cut(pair, "=")
	return pair, strings.TrimRight(name, " \t"), strings.TrimLeft(value, " \t"), rest
}

// cookieParam returns numParams for the name of an ordinary cookie.
func cookieParam(name string) param {
	bare, ok := strings.CutPrefix(name, cookiePrefix)
	if !ok {
		return numParams
	}
	return lookupParam(bare)
}

// scanCookies collects the signing cookies of raw Cookie header values.
func scanCookies(headers []string) (f fields) {
	for _, rest := range headers {
		for rest != "" {
			var name, value string
			_, name, value, rest = nextCookie(rest)
			if p := cookieParam(name); p != numParams {
				f.set(p, unquote(value))
			}
		}
	}
	return f
}

// unquote strips the one pair of double quotes that some frameworks add.
func unquote(value string) string {
	if len(value) >= 2 && value[0] == '"' && value[len(value)-1] == '"' {
		return value[1 : len(value)-1]
	}
	return value
}

// StripCookies removes the five signing cookies from a raw Cookie header value.
// They are bearer credentials: no origin needs them. A header without them is
// returned as it is, without allocation; otherwise what remains is joined by "; ",
// and is empty when nothing remains.
func StripCookies(header string) string {
	found := false
	for rest := header; rest != "" && !found; {
		var name string
		_, name, _, rest = nextCookie(rest)
		found = cookieParam(name) != numParams
	}
	if !found {
		return header
	}
	var b strings.Builder
	for rest := header; rest != ""; {
		var pair, name string
		pair, name, _, rest = nextCookie(rest)
		if pair == "" || cookieParam(name) != numParams {
			continue
		}
		if b.Len() > 0 {
			b.WriteString("; ")
		}
		b.WriteString(pair)
	}
	return b.String()
}
