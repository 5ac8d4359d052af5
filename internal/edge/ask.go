package edge

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
)

// reply is an origin's answer.
type reply struct {
	*http.Response
	from *delivery.Origin
	// conditional says that 304 stands for what is kept.
	conditional bool
	// generated says that a function answered in the origin's place.
	generated bool
}

// destination is the one that a function chose, or the behaviour's.
func (x *exchange) destination() destination {
	if x.chosen != nil {
		return *x.chosen
	}
	return destination{x.plan.b.Origin, x.plan.b.Failover}
}

// requests makes the request to the destination's origin, and behind it the one to
// the origin that may stand in for that. A body can be sent only once.
//
// Source: CloudFront Developer Guide, "Optimize high availability with
// CloudFront origin failover".
func (x *exchange) requests() []origin.Request {
	to := x.destination()
	all := []origin.Request{x.originRequest(to.origin)}
	switch x.r.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		if to.failover != nil && x.r.ContentLength == 0 {
			all = append(all, x.originRequest(to.failover.Origin))
		}
	}
	x.timed(all)
	return all
}

// ask sends the job's request to the origin, and to the one that stands in for
// it when it fails. stale is what is kept of the answer, or nil: the origin that
// it came from may say that it is unchanged.
func (e *Edge) ask(ctx context.Context, j *job, stale *cache.Entry) (*reply, error) {
	for i := range j.reqs {
		req := j.reqs[i]
		r := &reply{from: req.Origin, conditional: stale != nil && stale.Origin == req.Origin.ID}
		if r.conditional {
			req.Header = req.Header.Clone() // there may be another round, without them
			setConditions(req.Header, stale)
		}
		var err error
		if r.Response, err = e.toOrigin(ctx, j, &req); err != nil || r.Response != nil {
			r.generated, r.conditional = true, false
			return r, err
		}
		r.from = req.Origin
		r.conditional = r.conditional && req.Origin.ID == stale.Origin
		begun := time.Now()
		r.Response, err = e.origins.Fetch(ctx, &req)
		j.site.figures.origin.Observe(time.Since(begun).Seconds())
		last := i == len(j.reqs)-1
		switch {
		case err != nil && (ctx.Err() != nil || errors.As(err, new(*failure))):
			return nil, err // nothing that the origin did
		case err != nil:
			e.originFailed(ctx, j, req.Origin, err)
			if last {
				return nil, err
			}
		case r.StatusCode == http.StatusSwitchingProtocols:
			return r, nil // what follows is no answer for a function
		case last || !slices.Contains(j.failover.Statuses, r.StatusCode):
			r.Response, err = e.fromOrigin(ctx, j, &req, r.Response)
			return r, err
		default:
			r.Body.Close()
			e.log.LogAttrs(ctx, slog.LevelInfo, "origin failed over",
				slog.String("distribution", string(j.site.d.ID)),
				slog.String("origin", req.Origin.ID),
				slog.Int("status", r.StatusCode))
		}
	}
	panic("edge: a job without a request")
}

// setConditions adds the validators of stale to a request.
func setConditions(h http.Header, stale *cache.Entry) {
	if etag := stale.ETag; etag != "" {
		if stale.Weakened {
			etag = strings.TrimPrefix(etag, "W/")
		}
		h["If-None-Match"] = []string{etag}
	}
	if stale.LastModified != "" {
		h["If-Modified-Since"] = []string{stale.LastModified}
	}
}

func (e *Edge) originFailed(ctx context.Context, j *job, o *delivery.Origin, err error) {
	e.log.LogAttrs(ctx, slog.LevelWarn, "origin failed",
		slog.String("distribution", string(j.site.d.ID)),
		slog.String("origin", o.ID),
		slog.Any("err", err))
}
