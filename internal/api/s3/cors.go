package s3

import (
	"cmp"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/wire/restxml"
)

var corsConfigurationDocument = restxml.Of[corsConfiguration]("CORSConfiguration")

type corsConfiguration struct {
	Rules []struct {
		ID             string   `xml:"ID"`
		AllowedHeaders []string `xml:"AllowedHeader"`
		AllowedMethods []string `xml:"AllowedMethod"`
		AllowedOrigins []string `xml:"AllowedOrigin"`
		ExposeHeaders  []string `xml:"ExposeHeader"`
		MaxAgeSeconds  *int     `xml:"MaxAgeSeconds"`
	} `xml:"CORSRule"`
}

func (x *exchange) getCORS() error {
	rules, err := x.cfg.Buckets.CORS(x.ctx, x.who, x.bucket)
	if err != nil {
		return err
	}
	d := newDocument("CORSConfiguration")
	for _, r := range rules {
		d.begin("CORSRule")
		d.optional("ID", r.ID)
		for _, list := range []struct {
			name   string
			values []string
		}{{"AllowedHeader", r.AllowedHeaders}, {"AllowedMethod", r.AllowedMethods}, {"AllowedOrigin", r.AllowedOrigins}, {"ExposeHeader", r.ExposeHeaders}} {
			for _, v := range list.values {
				d.text(list.name, v)
			}
		}
		if r.MaxAgeSeconds != nil {
			d.number("MaxAgeSeconds", int64(*r.MaxAgeSeconds))
		}
		d.end()
	}
	return x.send(d)
}

func (x *exchange) putCORS() error {
	c, err := readXML(x, corsConfigurationDocument)
	if err != nil {
		return err
	}
	if len(c.Rules) == 0 {
		return errXML
	}
	var rules []bucket.CORSRule
	for _, r := range c.Rules {
		rules = append(rules, bucket.CORSRule(r))
	}
	if err := x.cfg.Buckets.SetCORS(x.ctx, x.who, x.bucket, rules); err != nil {
		return err
	}
	return x.ok()
}

func (x *exchange) deleteCORS() error {
	if err := x.cfg.Buckets.SetCORS(x.ctx, x.who, x.bucket, nil); err != nil {
		return err
	}
	return x.noContent()
}

// corsMatch finds the first rule for an origin, a method and the headers that the
// page wants to send.
//
// Source: Amazon S3 User Guide, "How does Amazon S3 evaluate the CORS
// configuration on a bucket?".
func corsMatch(rules []bucket.CORSRule, origin, method string, headers []string) *bucket.CORSRule {
	for i := range rules {
		r := &rules[i]
		matches := func(patterns []string, s string) bool {
			return slices.ContainsFunc(patterns, func(p string) bool { return matchStar(p, s) })
		}
		refused := func(h string) bool {
			return !slices.ContainsFunc(r.AllowedHeaders, func(p string) bool { return matchStar(strings.ToLower(p), h) })
		}
		if matches(r.AllowedOrigins, origin) && slices.Contains(r.AllowedMethods, method) && !slices.ContainsFunc(headers, refused) {
			return r
		}
	}
	return nil
}

// matchStar compares with a pattern of at most one "*".
func matchStar(pattern, s string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == s
	}
	return len(s) >= len(before)+len(after) && strings.HasPrefix(s, before) && strings.HasSuffix(s, after)
}

// allowOrigin writes what both a preflight and an actual answer carry.
func allowOrigin(h http.Header, r *bucket.CORSRule, origin string) {
	if slices.Contains(r.AllowedOrigins, "*") {
		h["Access-Control-Allow-Origin"] = []string{"*"}
	} else {
		h["Access-Control-Allow-Origin"] = []string{origin}
		h["Access-Control-Allow-Credentials"] = []string{"true"}
	}
	h["Access-Control-Allow-Methods"] = []string{strings.Join(r.AllowedMethods, ", ")}
	if len(r.ExposeHeaders) > 0 {
		h["Access-Control-Expose-Headers"] = []string{strings.Join(r.ExposeHeaders, ", ")}
	}
	if r.MaxAgeSeconds != nil {
		h["Access-Control-Max-Age"] = []string{strconv.Itoa(*r.MaxAgeSeconds)}
	}
	h["Vary"] = []string{"Origin, Access-Control-Request-Headers, Access-Control-Request-Method"}
}

// setCORS adds to any answer, refusals too, what lets a page of another origin
// read it.
func (x *exchange) setCORS(b *bucket.Bucket) {
	origin := x.r.Header.Get("Origin")
	if origin == "" || len(b.CORS) == 0 || x.r.Method == http.MethodOptions {
		return
	}
	method := x.r.Method
	if m := x.r.Header.Get("Access-Control-Request-Method"); m != "" {
		method = m // S3 believes it here too
	}
	if r := corsMatch(b.CORS, origin, method, requestedHeaders(x.r.Header)); r != nil {
		allowOrigin(x.w.Header(), r, origin)
	}
}

// requestedHeaders are the names that a page wants to send, in lower case.
func requestedHeaders(h http.Header) (names []string) {
	for name := range strings.SplitSeq(strings.Join(h["Access-Control-Request-Headers"], ","), ",") {
		if name = strings.ToLower(strings.TrimSpace(name)); name != "" {
			names = append(names, name)
		}
	}
	return names
}

// preflight answers a browser that asks, unsigned, what a page may do.
func (x *exchange) preflight() error {
	h := x.r.Header
	origin, method := h.Get("Origin"), h.Get("Access-Control-Request-Method")
	if origin == "" {
		return badRequest("BadRequest", "Insufficient information. Origin request header needed.")
	}
	forbidden := func(message, resource string) error {
		return &apiError{
			code: "AccessForbidden", status: http.StatusForbidden, message: "CORSResponse: " + message,
			extra: []bucket.Pair{{Name: "Method", Value: cmp.Or(method, x.r.Method)}, {Name: "ResourceType", Value: resource}},
		}
	}
	b, err := x.cfg.Buckets.Lookup(x.ctx, x.bucket)
	switch {
	case err != nil:
		return forbidden("Bucket not found", "BUCKET")
	case len(b.CORS) == 0:
		return forbidden("CORS is not enabled for this bucket.", "BUCKET")
	case method == "":
		return badRequest("BadRequest", "Invalid Access-Control-Request-Method: null")
	}
	headers := requestedHeaders(h)
	r := corsMatch(b.CORS, origin, method, headers)
	if r == nil {
		return forbidden("This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.", x.resourceType())
	}
	allowOrigin(x.w.Header(), r, origin)
	if len(headers) > 0 {
		x.w.Header()["Access-Control-Allow-Headers"] = []string{strings.Join(headers, ", ")}
	}
	return x.ok()
}

func (x *exchange) resourceType() string {
	if x.key == "" {
		return "BUCKET"
	}
	return "OBJECT"
}
