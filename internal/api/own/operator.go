package own

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/keyfront-project/keyfront/internal/api/front"
	"github.com/keyfront-project/keyfront/internal/bucket"
)

// RotatedRootKey names the root key after a rotation.
type RotatedRootKey struct {
	RootKeyID string `json:"rootKeyId"`
}

func (d *Door) rotateRootKey(r *front.Request) (any, error) {
	id, err := d.cfg.RotateRootKey(r.Context(), r.Caller)
	if err != nil {
		return nil, err
	}
	return RotatedRootKey{RootKeyID: string(id)}, nil
}

func (d *Door) deliverTrails(r *front.Request) (any, error) {
	return struct{}{}, d.cfg.DeliverTrails(r.Context(), r.Caller)
}

// rewrapRoute answers with one JSON object a line, for as long as it works.
const rewrapRoute = "POST bucket/rewrap"

// progressEvery is the time between two lines of progress.
const progressEvery = 200 * time.Millisecond

// RewrapRequest brings a bucket's objects under another key.
type RewrapRequest struct {
	Bucket string `json:"bucket"`
	Key    string `json:"key"`
}

// RewrapProgress counts versions. In the last line Done is set, or Code and
// Message say why there is no end.
type RewrapProgress struct {
	Rewrapped int    `json:"rewrapped"`
	Already   int    `json:"already"`
	Skipped   int    `json:"skipped"`
	Failed    int    `json:"failed"`
	LastError string `json:"lastError,omitempty"`
	Done      bool   `json:"done,omitempty"`
	Code      string `json:"code,omitempty"`
	Message   string `json:"message,omitempty"`
}

// rewrap works until it is done or the caller is gone; the next call goes on.
func (d *Door) rewrap(w http.ResponseWriter, r *front.Request) {
	var in RewrapRequest
	if err := decode(r, &in); err != nil {
		d.fail(w, r, err)
		return
	}
	lines, flush := json.NewEncoder(w), http.NewResponseController(w)
	begun, last := false, time.Time{}
	send := func(p RewrapProgress) {
		if !begun {
			w.Header().Set("Content-Type", "application/x-ndjson")
			w.Header().Set("X-Amzn-RequestId", r.ID)
			begun = true
		}
		_ = lines.Encode(p) // the caller may be gone; the context then ends
		_ = flush.Flush()
	}
	report, err := d.cfg.Buckets.Rewrap(r.Context(), bucket.Caller{Caller: r.Caller}, bucket.Rewrap{
		Bucket: in.Bucket, Key: in.Key,
		Progress: func(p bucket.RewrapReport) {
			if now := time.Now(); now.Sub(last) >= progressEvery {
				last = now
				send(progressOf(p))
			}
		},
	})
	if err != nil && !begun {
		d.fail(w, r, err)
		return
	}
	end := progressOf(report)
	end.Done = err == nil
	if err != nil {
		_, end.Code, end.Message = describe(err)
	}
	send(end)
}

func progressOf(p bucket.RewrapReport) RewrapProgress {
	out := RewrapProgress{Rewrapped: p.Rewrapped, Already: p.Already, Skipped: p.Skipped, Failed: p.Failed}
	if p.LastError != nil {
		_, out.LastError, _ = describe(p.LastError)
	}
	return out
}
