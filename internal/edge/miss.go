package edge

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/edge/cache"
	"github.com/keyfront-project/keyfront/internal/edge/origin"
)

// job is what a fetch needs to know of the request that it was begun for. It
// outlives that request.
type job struct {
	site *site
	plan *plan
	// reqs are tried in their order until one succeeds; failover says which
	// answers are no success, and is not nil if there are several.
	reqs     []origin.Request
	failover *delivery.Failover
	url      string
	// encoding is what the viewer accepts, normalised.
	encoding string
	stale    *cache.Entry // what the answer is to replace, or nil
	// id and client are the request's, for functions.
	id, client string
}

func (x *exchange) job(stale *cache.Entry) *job {
	return &job{site: x.site, plan: x.plan, reqs: x.requests(), failover: x.destination().failover, url: x.url(), encoding: x.encoding(), stale: stale, id: x.id, client: x.clientIP()}
}

// url is what invalidations call the answer: however a viewer spelled the path,
// its owner knows one name for it.
func (x *exchange) url() string {
	path := normalPath(x.path)
	if q := selectQuery(&x.plan.b.Key.Query, x.query); q != "" {
		return path + "?" + q
	}
	return path
}

// miss answers from the origin, or with what somebody else is fetching. stale is
// what is kept, but no longer fresh, or nil.
func (x *exchange) miss(stale *cache.Entry) {
	if stale != nil && x.renew(stale) {
		x.sendEntry(stale, resultHit)
		return
	}
	r, kept := x.join(stale)
	if kept != nil {
		x.sendEntry(kept, resultHit)
		return
	}
	defer func() { r.Close() }()
	ctx := x.r.Context()
	head, err := r.Head(ctx)
	if errors.Is(err, cache.ErrNotShared) {
		r.Close()
		r = x.alone(stale)
		head, err = r.Head(ctx)
	}
	var f *failure
	switch {
	case err == nil && head.Entry == nil:
		x.sendArriving(r, head)
	case err == nil && r.First() && head.Entry.HoldUntil.IsZero():
		x.sendEntry(head.Entry, resultRefresh)
	case err == nil:
		x.sendEntry(head.Entry, resultHit)
	case errors.As(err, &f):
		x.failed(f)
	default:
		// The viewer is gone, or the edge about to be.
		panic(http.ErrAbortHandler)
	}
}

// join begins to read the answer that is under way, or begins to fetch it.
func (x *exchange) join(stale *cache.Entry) (*cache.Reader, *cache.Entry) {
	if !x.plan.joint {
		return x.alone(stale), nil
	}
	url := x.url()
	for {
		r, lead, kept := x.e.cache.Join(x.key, x.site.d.ID, url, stale)
		if kept != nil {
			if kept.Fresh(x.now) {
				return nil, kept
			}
			stale = kept
			continue
		}
		if lead != nil {
			x.e.fetch(lead, x.job(stale))
		}
		return r, nil
	}
}

// alone fetches the answer for this viewer.
func (x *exchange) alone(stale *cache.Entry) *cache.Reader {
	r, lead := x.e.cache.Alone(x.key, x.site.d.ID, x.url())
	x.e.fetch(lead, x.job(stale))
	return r
}

// renew reports whether stale may be given out while it is being replaced, and
// sees to that.
//
// Source: RFC 5861, section 3.
func (x *exchange) renew(stale *cache.Entry) bool {
	if stale.Reason != "" || !x.plan.joint || stale.StaleWhileRevalidate <= 0 || !x.now.Before(stale.Expires.Add(stale.StaleWhileRevalidate)) {
		return false
	}
	if lead := x.e.cache.Renew(x.key, x.site.d.ID, x.url(), stale); lead != nil {
		x.e.fetch(lead, x.job(stale))
	}
	return true
}

// fetch sees a fill through in the background.
func (e *Edge) fetch(f *cache.Fill, j *job) {
	if !e.start(func() { e.fill(f, j) }) {
		f.Fail(context.Canceled)
	}
}

func (e *Edge) fill(f *cache.Fill, j *job) {
	stale := j.stale
	if stale != nil && stale.Reason != "" {
		stale = nil
	}
	resp, err := e.ask(f.Context(), j, stale)
	if err == nil && e.fillFrom(f, j, stale, resp) {
		// What is kept is unchanged, but it is kept no longer.
		if resp, err = e.ask(f.Context(), j, nil); err == nil {
			e.fillFrom(f, j, stale, resp)
		}
	}
	if err != nil {
		e.fillFailed(f, j, stale, err)
	}
}

// fillFailed ends a fill whose origin gave no answer.
func (e *Edge) fillFailed(f *cache.Fill, j *job, stale *cache.Entry, err error) {
	if f.Context().Err() != nil {
		f.Fail(err)
		return
	}
	fail := failureOf(err)
	if fail.result != "" { // a function may succeed the next time
		f.Fail(fail)
		return
	}
	if e.hold(f, j, stale, fail.status) {
		return
	}
	now := e.cfg.Clock.Now()
	if ttl := errorTTL(j.site.d, fail.status); ttl > 0 && !errors.Is(err, origin.ErrSign) {
		f.Keep(cache.Meta{
			Distribution: j.site.d.ID, URL: j.url, Status: fail.status, Reason: fail.reason,
			Stored: now, Expires: now.Add(ttl), StaleWhileRevalidate: -1, StaleIfError: -1,
		})
	}
	f.Fail(fail)
}

// hold gives out stale because the origin failed with status, and does not ask
// again for as long as the error would have been kept.
//
// Source: CloudFront Developer Guide, "How CloudFront processes HTTP 4xx and 5xx
// status codes from your origin"; RFC 5861, section 4.
func (e *Edge) hold(f *cache.Fill, j *job, stale *cache.Entry, status int) bool {
	if stale == nil || stale.Status >= http.StatusBadRequest {
		return false
	}
	now := e.cfg.Clock.Now()
	until := now.Add(errorTTL(j.site.d, status))
	if limit := stale.StaleIfError; limit >= 0 {
		end := stale.Expires.Add(limit)
		if !now.Before(end) {
			return false
		}
		if until.After(end) {
			until = end
		}
	}
	m := stale.Meta
	m.HoldUntil = until
	held := f.Refresh(stale, m)
	if held == nil {
		return false
	}
	f.Resolve(held)
	return true
}

// fillFrom ends a fill with an origin's answer. It returns true if the answer was
// that what is kept is unchanged, but it is kept no longer.
func (e *Edge) fillFrom(f *cache.Fill, j *job, stale *cache.Entry, resp *reply) (again bool) {
	defer resp.Body.Close()
	now := e.cfg.Clock.Now()
	if resp.StatusCode == http.StatusNotModified && resp.conditional {
		h := refreshed(stale.Header, resp.Header)
		if stale.Compressed {
			recompressed(h, stale)
		}
		m, _ := j.meta(stale.Status, h, now)
		m.Origin, m.Compressed, m.Weakened = stale.Origin, stale.Compressed, stale.Weakened
		kept := f.Refresh(stale, m)
		if kept == nil {
			return true
		}
		f.Resolve(kept)
		return false
	}
	if resp.StatusCode >= http.StatusInternalServerError && e.hold(f, j, stale, resp.StatusCode) {
		return false
	}
	c := e.encode(f.Context(), j, resp.Response)
	defer c.release()
	m, keep := j.meta(resp.StatusCode, c.header, now)
	m.Origin, m.Generated, m.Compressed, m.Weakened = resp.from.ID, resp.generated, c.compressed, c.weakened
	if !keep && j.stale != nil && resp.StatusCode < http.StatusInternalServerError {
		e.cache.Drop(j.stale)
	}
	f.Start(cache.Answer{Meta: m, Length: c.length, Keep: keep, Shared: keep && m.Fresh(now)})
	if err := f.ReadBody(c.body); err != nil {
		if f.Context().Err() == nil {
			e.originFailed(f.Context(), j, resp.from, err)
		}
		f.Fail(err)
		return false
	}
	f.Finish()
	return false
}

// meta says what the cache is to know of an answer, and whether it may be kept.
func (j *job) meta(status int, h http.Header, now time.Time) (cache.Meta, bool) {
	c := parseControl(h["Cache-Control"])
	var life time.Duration
	keep := false
	switch {
	case status >= http.StatusBadRequest:
		life, keep = errorLifetime(j.site.d, status, &c)
	case status == http.StatusPartialContent, status == http.StatusNotModified:
		// Nobody asked for it.
	default:
		life, keep = lifetime(j.plan.b.TTL, h, &c, now)
	}
	return cache.Meta{
		Distribution:         j.site.d.ID,
		URL:                  j.url,
		Status:               status,
		Header:               j.plan.keptHeaders(h),
		ETag:                 h.Get("Etag"),
		LastModified:         h.Get("Last-Modified"),
		Stored:               now,
		Expires:              now.Add(life),
		StaleWhileRevalidate: c.staleRevalidate,
		StaleIfError:         c.staleIfErrors,
	}, keep
}
