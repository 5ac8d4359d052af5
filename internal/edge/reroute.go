package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

// originEvent is the happening of an event at the origin's side.
func (e *Edge) originEvent(j *job, event trigger.Event) (*happening, bool) {
	f := j.plan.b.Functions[event]
	if f == nil {
		return nil, false
	}
	return &happening{e, j.site, f, event, j.id, j.client}, true
}

// toOrigin runs the function for a request to the origin, and changes req to what
// it returned. An answer in its place comes back instead.
func (e *Edge) toOrigin(ctx context.Context, j *job, req *origin.Request) (*http.Response, error) {
	h, ok := e.originEvent(j, trigger.OriginRequest)
	if !ok {
		return nil, nil
	}
	sent := requestTo(j, req)
	if h.f.IncludeBody && req.Body != nil {
		body, read, err := peek(req.Body, h.event.MaxBody())
		if err != nil {
			return nil, err
		}
		sent.Body, req.Body = body, io.MultiReader(bytes.NewReader(read), req.Body)
	}
	got, answer, _, err := h.request(ctx, sent)
	switch {
	case err != nil:
		return nil, err
	case answer != nil:
		return made(answer), nil
	}
	if b := got.Body; b != nil && b.Replaced {
		req.Body, req.ContentLength = bytes.NewReader(b.Data), int64(len(b.Data))
	}
	req.Path, req.Query = got.URI, got.Query
	req.Header = got.Header
	if host := got.Header["Host"]; len(host) > 0 {
		req.Host = host[0]
		delete(req.Header, "Host")
	}
	if got.Origin != nil && !reflect.DeepEqual(got.Origin, sent.Origin) {
		req.Origin = chosen(req.Origin, got.Origin)
	}
	if req.KeepAuthorization && signs(req.Origin, req.Header) {
		// The function took the viewer's Authorization out, so that the edge signs
		// now. What it left as the viewer wrote it is still the viewer's word.
		maps.DeleteFunc(req.Header, func(name string, values []string) bool {
			return !j.plan.signable(req.Origin, name) && slices.Equal(values, sent.Header[name])
		})
	}
	maps.Copy(req.Header, customHeader(req.Origin))
	req.KeepAuthorization = req.Header["Authorization"] != nil
	return nil, nil
}

// requestTo is a request to the origin as functions see it.
func requestTo(j *job, req *origin.Request) *trigger.Request {
	header := req.Header.Clone()
	for _, h := range req.Origin.Headers {
		header.Del(h.Name)
	}
	host := req.Host
	if host == "" {
		host = req.Origin.DomainName
	}
	header["Host"] = []string{host}
	return &trigger.Request{
		ClientIP: j.client, Method: req.Method, URI: req.Path, Query: req.Query, Header: header, Origin: shown(req.Origin, req.TLS),
	}
}

func customHeader(o *delivery.Origin) http.Header {
	h := make(http.Header, len(o.Headers))
	for _, f := range o.Headers {
		h.Add(f.Name, f.Value)
	}
	return h
}

// versions are the names of the protocols towards origins.
var versions = []struct {
	name string
	id   uint16
}{{"TLSv1", tls.VersionTLS10}, {"TLSv1.1", tls.VersionTLS11}, {"TLSv1.2", tls.VersionTLS12}}

// shown is an origin as functions see it.
func shown(o *delivery.Origin, viaTLS bool) *trigger.Origin {
	out := &trigger.Origin{
		S3: o.S3, DomainName: o.DomainName, Path: o.Path, Header: customHeader(o), ReadTimeout: o.ReadTimeout, KeepAlive: o.KeepAlive,
	}
	if o.S3 {
		out.AuthMethod, out.Region = "none", origin.Region(o.DomainName)
		if o.Access.IdentityID != "" {
			out.AuthMethod = "origin-access-identity"
		}
		return out
	}
	out.Port = o.HTTPPort
	if o.Protocol == delivery.OriginHTTPSOnly || o.Protocol == delivery.MatchViewer && viaTLS {
		out.HTTPS, out.Port = true, o.HTTPSPort
	}
	for _, v := range versions {
		if v.id >= o.TLSMin && v.id <= o.TLSMax {
			out.SSLProtocols = append(out.SSLProtocols, v.name)
		}
	}
	return out
}

// chosen is the origin that a function put in place of base. How the edge
// identifies itself goes along with the domain name that it was set up for; an
// access identity also to other buckets.
func chosen(base *delivery.Origin, to *trigger.Origin) *delivery.Origin {
	o := *base
	o.ID = base.ID + " " + to.DomainName
	o.DomainName, o.Path, o.S3 = to.DomainName, to.Path, to.S3
	o.Headers = nil
	for _, name := range slices.Sorted(maps.Keys(to.Header)) {
		for _, v := range to.Header[name] {
			o.Headers = append(o.Headers, delivery.Header{Name: name, Value: v})
		}
	}
	if to.ReadTimeout > 0 {
		o.ReadTimeout = to.ReadTimeout
	}
	switch {
	case to.S3 && to.AuthMethod == "origin-access-identity":
	case to.DomainName != base.DomainName, to.S3 != base.S3, base.Access.IdentityID != "":
		o.Access = delivery.OriginAccess{}
	}
	if to.S3 {
		o.Protocol, o.HTTPPort, o.HTTPSPort = delivery.MatchViewer, 80, 443
		return &o
	}
	o.KeepAlive = to.KeepAlive
	setProtocol(&o, to.HTTPS, to.Port, to.SSLProtocols)
	return &o
}

// destination is where requests to the origin go: to an origin, and to the one
// that stands in for it; nil for none.
type destination struct {
	origin   *delivery.Origin
	failover *delivery.Failover
}

// changed is the destination that a CloudFront function asked for.
func (s *site) changed(b *delivery.Behavior, c *trigger.OriginChange) (*destination, error) {
	to := destination{b.Origin, b.Failover}
	var err error
	if c.Select != "" {
		if to.origin, err = s.origin(c.Select); err != nil {
			return nil, err
		}
	}
	if g := c.Group; g != nil {
		to.failover = &delivery.Failover{Statuses: g.Statuses}
		if to.origin, err = s.origin(g.Origins[0]); err != nil {
			return nil, err
		}
		to.failover.Origin, err = s.origin(g.Origins[1])
		return &to, err
	}
	to.origin = updated(to.origin, c)
	return &to, nil
}

// origin is one that a CloudFront function named by its id.
func (s *site) origin(id string) (*delivery.Origin, error) {
	o := s.d.Origins[id]
	if o == nil {
		return nil, &trigger.Invalid{Reason: "the distribution has no origin " + id}
	}
	return o, nil
}

// updated is base, changed as a CloudFront function asked for.
func updated(base *delivery.Origin, c *trigger.OriginChange) *delivery.Origin {
	o := *base
	if c.DomainName != nil && !strings.EqualFold(*c.DomainName, base.DomainName) {
		o.DomainName = strings.ToLower(*c.DomainName)
		o.ID = base.ID + " " + o.DomainName
		o.Access = delivery.OriginAccess{}
	}
	if c.Path != nil {
		o.Path = *c.Path
	}
	if len(c.Header) > 0 {
		o.Headers = nil
		for _, name := range slices.Sorted(maps.Keys(c.Header)) {
			o.Headers = append(o.Headers, delivery.Header{Name: name, Value: c.Header.Get(name)})
		}
	}
	if c.ReadTimeout > 0 {
		o.ReadTimeout = c.ReadTimeout
	}
	if c.KeepAlive > 0 {
		o.KeepAlive = c.KeepAlive
	}
	if c.ConnectTimeout > 0 {
		o.ConnectTimeout = c.ConnectTimeout
	}
	if c.Attempts > 0 {
		o.Attempts = c.Attempts
	}
	if c.Protocol != "" {
		o.S3 = false
		setProtocol(&o, c.Protocol == "https", c.Port, c.SSLProtocols)
	}
	if a := c.Access; a != nil {
		o.Access = delivery.OriginAccess{}
		if a.Enabled {
			o.Access = delivery.OriginAccess{ControlID: "function", Type: delivery.OriginType(a.OriginType), Signing: signings[a.SigningBehavior]}
		}
	}
	return &o
}

var signings = map[string]delivery.SigningBehavior{
	"never": delivery.SignNever, "always": delivery.SignAlways, "no-override": delivery.SignNoOverride,
}

// setProtocol sets how an origin is reached.
func setProtocol(o *delivery.Origin, https bool, port int, protocols []string) {
	if https {
		o.Protocol, o.HTTPSPort = delivery.OriginHTTPSOnly, port
	} else {
		o.Protocol, o.HTTPPort = delivery.OriginHTTPOnly, port
	}
	var low, high uint16
	for _, v := range versions {
		if slices.Contains(protocols, v.name) {
			if low == 0 {
				low = v.id
			}
			high = v.id
		}
	}
	if low == 0 {
		return
	}
	if high == tls.VersionTLS12 {
		high = tls.VersionTLS13 // as in a distribution's own settings
	}
	o.TLSMin, o.TLSMax = low, high
}

// fromOrigin runs the function for an origin's answer, and returns the answer
// that it made of that.
func (e *Edge) fromOrigin(ctx context.Context, j *job, req *origin.Request, resp *http.Response) (*http.Response, error) {
	h, ok := e.originEvent(j, trigger.OriginResponse)
	if !ok {
		return resp, nil
	}
	sent := &trigger.Response{Status: resp.StatusCode, Reason: http.StatusText(resp.StatusCode), Header: resp.Header}
	got, err := h.response(ctx, requestTo(j, req), sent)
	if err != nil {
		resp.Body.Close()
		return nil, err
	}
	if got.Body != nil {
		resp.Body.Close()
		return made(got), nil
	}
	resp.StatusCode, resp.Header = got.Status, got.Header
	return resp, nil
}
