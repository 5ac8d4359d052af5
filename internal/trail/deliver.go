package trail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"time"

	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/event"
)

const (
	// maxRecords bounds the records of one delivery, and with them the memory
	// that it takes.
	maxRecords = 10_000

	fullControl = "bucket-owner-full-control"
)

// logFile is a delivered file as the next digest names it.
type logFile struct {
	Bucket    string    `json:"s3Bucket"`
	Object    string    `json:"s3Object"`
	Hash      string    `json:"hashValue"`
	Algorithm string    `json:"hashAlgorithm"`
	Newest    time.Time `json:"newestEventTime"`
	Oldest    time.Time `json:"oldestEventTime"`
}

// deliverLogs writes the events of the records from r.Next to p.To, a file for
// each region.
func (s *Service) deliverLogs(ctx context.Context, r *record, p *plan) (func(*record), error) {
	regions, err := s.collect(ctx, r, p)
	if err != nil {
		return nil, err
	}
	files := map[string]logFile{}
	for _, region := range slices.Sorted(maps.Keys(regions)) {
		events := regions[region]
		f := logFile{Bucket: r.Bucket, Object: r.logKey(p, region), Algorithm: "SHA-256", Newest: events[0].Time, Oldest: events[0].Time}
		for _, ev := range events {
			if ev.Time.After(f.Newest) {
				f.Newest = ev.Time
			}
			if ev.Time.Before(f.Oldest) {
				f.Oldest = ev.Time
			}
		}
		var text bytes.Buffer
		enc := json.NewEncoder(&text)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(map[string]any{"Records": events}); err != nil {
			return nil, err
		}
		content := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
		sum := sha256.Sum256(content)
		f.Hash = hex.EncodeToString(sum[:])
		wish := bucket.EncryptionWish{}
		if r.Key != "" {
			wish = bucket.EncryptionWish{Algorithm: bucket.KMSManaged, Key: r.Key, Context: map[string]string{contextKey: r.arn()}}
		}
		if err := s.put(ctx, r, f.Object, content, nil, wish); err != nil {
			return nil, err
		}
		files[region] = f
	}
	return func(now *record) {
		now.delivered(p.To)
		if len(files) > 0 {
			now.Delivery.Succeeded = p.At
		}
		if !now.Validation {
			return
		}
		for region, f := range files {
			c := now.Digests[region]
			if c == nil {
				c = now.newChain(region, now.Started)
			}
			c.Files = append(c.Files, f)
		}
	}, nil
}

// newChain begins the digests of a region.
func (r *record) newChain(region string, since time.Time) *chain {
	if r.Digests == nil {
		r.Digests = map[string]*chain{}
	}
	r.Digests[region] = &chain{Since: since}
	return r.Digests[region]
}

// collect reads the events of a delivery, by region.
func (s *Service) collect(ctx context.Context, r *record, p *plan) (map[string][]*event.Event, error) {
	segments, err := s.cfg.Reader.Segments()
	if err != nil {
		return nil, err
	}
	if len(segments) > 0 && segments[0].First > r.Next {
		return nil, errArchived // it happened just now; the next look sees it first
	}
	regions := map[string][]*event.Event{}
	for i, seg := range segments {
		if seg.First >= p.To {
			break
		}
		if i+1 < len(segments) && segments[i+1].First <= r.Next {
			continue
		}
		for line, err := range s.cfg.Reader.Lines(seg, 0) {
			if err != nil {
				return nil, err
			}
			if line.Seq >= p.To {
				break
			}
			if line.Seq < r.Next || r.paused(line.Seq) {
				continue
			}
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			e, err := audit.Parse(line.Text)
			if err != nil {
				return nil, fmt.Errorf("trail: record %d: %w", line.Seq, err)
			}
			for _, ev := range r.events(e) {
				regions[ev.Region] = append(regions[ev.Region], ev)
			}
		}
	}
	return regions, nil
}

// globalSources have the same events in all regions.
var globalSources = []string{"iam.amazonaws.com", "sts.amazonaws.com", "cloudfront.amazonaws.com", valueSource}

// events are those of a record that the trail delivers. Its own deliveries are
// none: each would lead to the next.
func (r *record) events(e *audit.Entry) (list []*event.Event) {
	if e.Who.Type == "AWSService" && e.Who.ARN == servicePrincipal {
		return nil
	}
	for _, ev := range event.Of(e) {
		switch {
		case ev.RecipientAccountID != r.Account:
		case !r.MultiRegion && ev.Region != r.Region:
		case !r.Global && slices.Contains(globalSources, ev.Source):
		case !r.Selectors.selects(ev):
		default:
			list = append(list, ev)
		}
	}
	return list
}

// logKey is the key of a log file. It depends on nothing but the plan.
func (r *record) logKey(p *plan, region string) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d\x00%d\x00%s", r.arn(), r.Next, p.To, region))
	unique := new(big.Int).SetBytes(sum[:]).Text(62)
	return fmt.Sprintf("%sCloudTrail/%s/%s/%s_CloudTrail_%s_%s_%s.json.gz", r.objectPrefix(), region, p.At.Format("2006/01/02"),
		r.Account, region, p.At.Format("20060102T1504Z"), unique[:16])
}

// put writes an object of the trail, compressed, as CloudTrail. The bucket's
// policy decides.
func (s *Service) put(ctx context.Context, r *record, key string, content []byte, user []bucket.Pair, wish bucket.EncryptionWish) error {
	b, err := s.cfg.Buckets.Lookup(ctx, r.Bucket)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(content); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	_, err = s.cfg.Buckets.Put(ctx, bucket.Caller{Caller: s.deliverer(r, b.Region)}, bucket.Put{
		Bucket: r.Bucket, Key: key, Body: &packed, SizeBytes: int64(packed.Len()), ACL: fullControl, Encryption: wish,
		Metadata: bucket.Metadata{ContentType: "application/json", ContentEncoding: "gzip", User: user},
	})
	return err
}
