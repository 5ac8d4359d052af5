package trail_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/access"
	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/sealed"
	"github.com/keyfront-project/keyfront/internal/store"
	"github.com/keyfront-project/keyfront/internal/store/memory"
	"github.com/keyfront-project/keyfront/internal/trail"
)

const (
	account  = "111122223333"
	trailARN = "arn:aws:cloudtrail:us-east-1:111122223333:trail/audit"
)

// shelf is a bucket named "logs" with a policy, which can fail; "far" is one in
// another region.
type shelf struct {
	policy  string
	objects map[string]bucket.Put
	bodies  map[string][]byte
	puts    []string
	fail    error
	// failAfter keeps the object and fails all the same, as a crash would.
	failAfter error
}

func (s *shelf) Lookup(_ context.Context, name string) (bucket.Bucket, error) {
	switch name {
	case "logs":
		return bucket.Bucket{Name: name, Region: "us-east-1"}, nil
	case "far":
		return bucket.Bucket{Name: name, Region: "eu-west-1"}, nil
	}
	return bucket.Bucket{}, bucket.ErrNoBucket
}

func (s *shelf) PolicyOf(ctx context.Context, name string) (*policy.Document, arn.AccountID, error) {
	if _, err := s.Lookup(ctx, name); err != nil || s.policy == "" {
		return nil, account, err
	}
	doc, err := policy.Parse(policy.UseBucket, s.policy)
	return doc, account, err
}

func (s *shelf) Put(_ context.Context, who bucket.Caller, in bucket.Put) (bucket.Info, error) {
	if who.Principal.Service != "cloudtrail.amazonaws.com" || who.SourceARN != trailARN || in.ACL != "bucket-owner-full-control" {
		return bucket.Info{}, fmt.Errorf("written as %+v", who)
	}
	if s.fail != nil {
		return bucket.Info{}, s.fail
	}
	packed, err := gzip.NewReader(in.Body)
	if err != nil {
		return bucket.Info{}, err
	}
	body, err := io.ReadAll(packed)
	if err != nil {
		return bucket.Info{}, err
	}
	if old, ok := s.bodies[in.Key]; ok && !bytes.Equal(old, body) {
		return bucket.Info{}, fmt.Errorf("%s is written with other content", in.Key)
	}
	s.objects[in.Key], s.bodies[in.Key] = in, body
	s.puts = append(s.puts, in.Key)
	return bucket.Info{}, s.failAfter
}

// keys are those with part in them, ascending.
func (s *shelf) keys(part string) (list []string) {
	for _, k := range slices.Sorted(maps.Keys(s.objects)) {
		if strings.Contains(k, part) {
			list = append(list, k)
		}
	}
	return list
}

// policies are those of every user.
type policies []*policy.Document

func (p *policies) PoliciesOf(_ *policy.Principal, of *policy.Policies) { of.Identity = *p }

// world is a trail service over its own log, records and bucket.
type world struct {
	t       *testing.T
	log     *audit.Log
	records store.Records
	clock   *clock.Clock
	shelf   *shelf
	domain  *sealed.Domain
	dir     string
	trails  *trail.Service
	keys    *vaultKeys
	// policies are those of users; root needs none.
	policies policies
	// removed is when the newest record was made that is archived and gone.
	removed time.Time
}

const openPolicy = `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["s3:GetBucketAcl","s3:PutObject"],
	"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]}}`

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, records: memory.NewRecords(), clock: clock.Movable(), dir: t.TempDir(), keys: &vaultKeys{}}
	w.clock.Set(time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC))
	w.shelf = &shelf{policy: openPolicy, objects: map[string]bucket.Put{}, bodies: map[string][]byte{}}
	vault, err := sealed.Open(t.Context(), w.records, sealed.RandomSecret(sealed.KeyBytes))
	if err != nil {
		t.Fatal(err)
	}
	if w.domain, err = vault.Domain(t.Context(), "cloudtrail"); err != nil {
		t.Fatal(err)
	}
	w.log, err = audit.Open(audit.Config{Dir: w.dir, HeadKeys: [][]byte{make([]byte, 32)}, SegmentBytes: 4000, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	w.start()
	return w
}

// start opens the service, as after a crash if there was one.
func (w *world) start() {
	w.t.Helper()
	reader, err := audit.OpenReader(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	index, err := catalog.Open(catalog.Config{Log: reader, Dir: w.t.TempDir(), Terms: trail.Terms, Version: trail.TermsVersion, Next: w.log.Acknowledged})
	if err != nil {
		w.t.Fatal(err)
	}
	w.trails, err = trail.Open(trail.Config{
		Records: w.records, Keys: w.domain, Clock: w.clock, Log: w.log, Reader: reader, Catalog: index, Buckets: w.shelf, KMS: w.keys,
		Removed: func() time.Time { return w.removed },
		Gate:    access.NewGate(access.Config{Identities: &w.policies, Record: w.log}),
		Logger:  slog.New(slog.DiscardHandler), ErrorCode: func(err error) string { return err.Error() },
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

// Who may not ask about a trail does not learn whether it is there.
func TestAbsentTrailIsDecidedToo(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{})
	w.policies = policies{}
	user := w.root()
	user.Principal = policy.Principal{Kind: policy.User, Account: account, ARN: "arn:aws:iam::111122223333:user/u", UserID: "AIDAU", Name: "u"}
	for _, ref := range []string{"audit", "nobody", "arn:aws:cloudtrail:us-east-1:111122223333:trail/nobody", "arn:aws:cloudtrail:us-east-1:444455556666:trail/audit"} {
		if _, err := w.trails.GetTrail(t.Context(), user, ref); !errors.Is(err, access.ErrDenied) {
			t.Errorf("GetTrail(%s) = %v, want ErrDenied", ref, err)
		}
	}
}

// files are those of the log, oldest first.
func (w *world) files() []audit.Segment {
	w.t.Helper()
	reader, err := audit.OpenReader(w.dir)
	if err != nil {
		w.t.Fatal(err)
	}
	defer reader.Close()
	list, err := reader.Segments()
	if err != nil {
		w.t.Fatal(err)
	}
	return list
}

func (w *world) root() access.Caller {
	return access.Caller{
		Principal: policy.Principal{Kind: policy.Root, Account: account, ARN: "arn:aws:iam::111122223333:root", UserID: account},
		Region:    "us-east-1", RequestID: "r", At: w.clock.Now(),
	}
}

func (w *world) create(s trail.Settings) {
	w.t.Helper()
	s.Bucket = "logs"
	if _, err := w.trails.CreateTrail(w.t.Context(), w.root(), "audit", s, nil); err != nil {
		w.t.Fatal(err)
	}
	if err := w.trails.StartLogging(w.t.Context(), w.root(), "audit"); err != nil {
		w.t.Fatal(err)
	}
}

// call records a call of root.
func (w *world) call(action, region string, resources ...string) {
	w.t.Helper()
	err := w.log.Append(w.t.Context(), &audit.Record{
		Time: w.clock.Now(), RequestID: action, Region: region, Action: action, Resources: resources, Decision: audit.Allowed,
		Who: audit.Identity{Type: "Root", Account: account, ARN: "arn:aws:iam::111122223333:root"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) deliver() {
	w.t.Helper()
	if err := w.trails.Deliver(w.t.Context(), w.root()); err != nil {
		w.t.Fatal(err)
	}
}

// names are the events in the log files, in their order.
func (w *world) names() (list []string) {
	w.t.Helper()
	for _, k := range w.shelf.keys("/CloudTrail/") {
		var file struct {
			Records []struct{ EventName, RequestID string }
		}
		if err := json.Unmarshal(w.shelf.bodies[k], &file); err != nil {
			w.t.Fatal(err)
		}
		for _, e := range file.Records {
			if strings.Contains(e.RequestID, ":") { // one of call's
				list = append(list, e.EventName)
			}
		}
	}
	slices.Sort(list)
	return list
}

// digests verifies all digests of a region and returns how many there are.
func (w *world) digests(region string) int {
	w.t.Helper()
	keys, err := w.trails.PublicKeys(w.t.Context(), func() access.Caller { who := w.root(); who.Region = region; return who }(), time.Time{}, time.Time{})
	if err != nil {
		w.t.Fatal(err)
	}
	names := w.shelf.keys("/CloudTrail-Digest/" + region + "/")
	last, end := "", ""
	for i, name := range names {
		body, meta := w.shelf.bodies[name], w.shelf.objects[name].Metadata.User
		var d map[string]any
		if err := json.Unmarshal(body, &d); err != nil {
			w.t.Fatal(err)
		}
		previous := "null"
		if d["previousDigestSignature"] != nil {
			previous = d["previousDigestSignature"].(string)
		}
		if i > 0 && (previous != last || d["digestStartTime"] != end) {
			w.t.Errorf("%s does not follow the one before: %v from %v", name, previous, d["digestStartTime"])
		}
		sum := sha256.Sum256(body)
		signed := sha256.Sum256([]byte(d["digestEndTime"].(string) + "\nlogs/" + name + "\n" + hex.EncodeToString(sum[:]) + "\n" + previous))
		signature, err := hex.DecodeString(meta[0].Value)
		if err != nil {
			w.t.Fatal(err)
		}
		at := slices.IndexFunc(keys, func(k trail.PublicKey) bool { return k.Fingerprint == d["digestPublicKeyFingerprint"] })
		if at < 0 {
			w.t.Fatalf("%s is signed by an unknown key", name)
		}
		public, err := x509.ParsePKCS1PublicKey(keys[at].DER)
		if err != nil {
			w.t.Fatal(err)
		}
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, signed[:], signature); err != nil {
			w.t.Errorf("%s: %v", name, err)
		}
		for _, f := range d["logFiles"].([]any) {
			f := f.(map[string]any)
			sum := sha256.Sum256(w.shelf.bodies[f["s3Object"].(string)])
			if f["hashValue"] != hex.EncodeToString(sum[:]) {
				w.t.Errorf("%s: hash of %s", name, f["s3Object"])
			}
		}
		last, end = meta[0].Value, d["digestEndTime"].(string)
	}
	return len(names)
}

func TestDeliversWhatHappenedOnce(t *testing.T) {
	w := newWorld(t)
	w.call("kms:Before", "us-east-1")
	w.create(trail.Settings{Validation: true, MultiRegion: true, Prefix: "a/b"})
	var want []string
	for round := range 4 {
		for i := range 30 {
			name := fmt.Sprintf("Call%d_%02d", round, i)
			w.call("kms:"+name, []string{"us-east-1", "eu-west-1"}[i%2])
			want = append(want, name)
		}
		w.clock.Advance(time.Minute)
		w.deliver()
	}
	if got := w.names(); !slices.Equal(got, want) {
		t.Errorf("delivered %v, want %v", got, want)
	}
	if here, there := w.digests("us-east-1"), w.digests("eu-west-1"); here != 4 || there != 4 {
		t.Errorf("%d and %d digests, want 4 of each region", here, there)
	}
	for _, k := range w.shelf.keys("") {
		if !strings.HasPrefix(k, "a/b/AWSLogs/111122223333/CloudTrail") {
			t.Errorf("key %s", k)
		}
	}
	before := len(w.shelf.puts)
	if err := w.trails.StopLogging(t.Context(), w.root(), "audit"); err != nil {
		t.Fatal(err)
	}
	w.call("kms:After", "us-east-1")
	w.clock.Advance(time.Minute)
	w.deliver()
	w.clock.Advance(24 * time.Hour)
	w.deliver()
	if got := w.names(); !slices.Equal(got, want) {
		t.Errorf("after the stop %d events, want %d", len(got), len(want))
	}
	if w.digests("us-east-1") != 5 || len(w.shelf.puts) != before+4 {
		t.Errorf("after the stop: %d digests, objects %v", w.digests("us-east-1"), w.shelf.puts[before:])
	}
}

// TestCrashes stops a delivery before and after each of its writes. What comes
// of it in the end is the same, and nothing was written with two contents.
func TestCrashes(t *testing.T) {
	crash := errors.New("power loss")
	for _, after := range []bool{false, true} {
		w := newWorld(t)
		w.create(trail.Settings{Validation: true, MultiRegion: true})
		var want []string
		for round := range 3 {
			for i := range 4 {
				name := fmt.Sprintf("Call%d_%d", round, i)
				w.call("kms:"+name, []string{"us-east-1", "eu-west-1"}[i%2])
				want = append(want, name)
			}
			w.clock.Advance(time.Minute)
			for range 5 {
				if after {
					w.shelf.failAfter = crash
				} else {
					w.shelf.fail = crash
				}
				w.deliver()
				st, err := w.trails.GetTrailStatus(t.Context(), w.root(), "audit")
				if err != nil || st.Delivery.Error+st.Digest.Error == "" {
					t.Fatalf("status %+v, %v, want the failure", st, err)
				}
				w.start()
				w.clock.Advance(time.Minute)
				w.shelf.fail, w.shelf.failAfter = nil, nil
				w.deliver()
			}
			w.call("kms:Last", "us-east-1")
			want = append(want, "Last")
			w.clock.Advance(time.Minute)
			w.deliver()
		}
		slices.Sort(want)
		if got := w.names(); !slices.Equal(got, want) {
			t.Errorf("delivered %v, want %v", got, want)
		}
		w.digests("us-east-1")
		w.digests("eu-west-1")
	}
}

func TestSelectors(t *testing.T) {
	calls := []struct {
		action   string
		resource string
	}{
		{"kms:Encrypt", "arn:aws:kms:us-east-1:111122223333:key/1"},
		{"iam:CreateUser", "arn:aws:iam::111122223333:user/a"},
		{"s3:GetObject", "arn:aws:s3:::films/a/1"},
		{"s3:PutObject", "arn:aws:s3:::films/b/1"},
		{"s3:DeleteObject", "arn:aws:s3:::other/1"},
		{"cloudfront-keyvaluestore:GetKey", "arn:aws:cloudfront::111122223333:key-value-store/3a2b1c0d-aaaa-4bbb-8ccc-0123456789ab"},
	}
	fields := func(list ...trail.Field) trail.Selectors {
		return trail.Selectors{Advanced: []trail.AdvancedSelector{{Fields: list}}}
	}
	data := []trail.Field{{Field: "eventCategory", Equals: []string{"Data"}}, {Field: "resources.type", Equals: []string{trail.ObjectType}}}
	tests := map[string]struct {
		s    trail.Selectors
		want []string
	}{
		"management":   {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "All", Management: true}}}, []string{"CreateUser", "Encrypt"}},
		"write only":   {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "WriteOnly", Management: true}}}, []string{"CreateUser"}},
		"without kms":  {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "All", Management: true, Excluded: []string{"kms.amazonaws.com"}}}}, []string{"CreateUser"}},
		"one bucket":   {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "All", Objects: []string{"arn:aws:s3:::films/"}}}}, []string{"GetObject", "PutObject"}},
		"one prefix":   {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "All", Objects: []string{"arn:aws:s3:::films/a"}}}}, []string{"GetObject"}},
		"all objects":  {trail.Selectors{Basic: []trail.Selector{{ReadWrite: "ReadOnly", Objects: []string{"arn:aws:s3"}}}}, []string{"GetObject"}},
		"advanced":     {fields(append(slices.Clone(data), trail.Field{Field: "resources.ARN", StartsWith: []string{"arn:aws:s3:::films/"}})...), []string{"GetObject", "PutObject"}},
		"not these":    {fields(append(slices.Clone(data), trail.Field{Field: "resources.ARN", NotStartsWith: []string{"arn:aws:s3:::films/"}})...), []string{"DeleteObject"}},
		"by name":      {fields(append(slices.Clone(data), trail.Field{Field: "eventName", Equals: []string{"PutObject", "DeleteObject"}})...), []string{"DeleteObject", "PutObject"}},
		"not read":     {fields(append(slices.Clone(data), trail.Field{Field: "readOnly", Equals: []string{"false"}})...), []string{"DeleteObject", "PutObject"}},
		"pairs":        {fields(data[0], trail.Field{Field: "resources.type", Equals: []string{trail.StoreType}}), []string{"GetKey"}},
		"other pairs":  {fields(data[0], trail.Field{Field: "resources.type", Equals: []string{trail.StoreType}}, trail.Field{Field: "resources.ARN", Equals: []string{"x"}}), nil},
		"no such name": {fields(append(slices.Clone(data), trail.Field{Field: "eventName", EndsWith: []string{"Bucket"}})...), nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.create(trail.Settings{Global: true})
			if _, err := w.trails.PutEventSelectors(t.Context(), w.root(), "audit", tt.s); err != nil {
				t.Fatal(err)
			}
			for _, c := range calls {
				w.call(c.action, "us-east-1", c.resource)
			}
			w.deliver()
			if got := w.names(); !slices.Equal(got, tt.want) {
				t.Errorf("delivered %v, want %v", got, tt.want)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	w := newWorld(t)
	ctx, settings := t.Context(), trail.Settings{Bucket: "logs"}
	create := func(name string, s trail.Settings) error {
		_, err := w.trails.CreateTrail(ctx, w.root(), name, s, nil)
		return err
	}
	w.shelf.policy = strings.Replace(openPolicy, `"s3:GetBucketAcl",`, "", 1)
	if err := create("audit", settings); !errors.Is(err, trail.ErrBucketPolicy) {
		t.Errorf("without GetBucketAcl: %v", err)
	}
	w.shelf.policy = strings.Replace(openPolicy, "logs/*", "logs/AWSLogs/999999999999/*", 1)
	if err := create("audit", settings); !errors.Is(err, trail.ErrBucketPolicy) {
		t.Errorf("for another account: %v", err)
	}
	w.shelf.policy = openPolicy
	for name, tt := range map[string]struct {
		name string
		s    trail.Settings
		want error
	}{
		"short name":     {"ab", settings, trail.ErrName},
		"odd name":       {"a b c", settings, trail.ErrName},
		"dashes":         {"a--b", settings, trail.ErrName},
		"long name":      {strings.Repeat("a", 129), settings, trail.ErrName},
		"no bucket":      {"audit", trail.Settings{Bucket: "none"}, trail.ErrNoBucket},
		"bad bucket":     {"audit", trail.Settings{Bucket: "x"}, trail.ErrBucketName},
		"prefix":         {"audit", trail.Settings{Bucket: "logs", Prefix: "/a"}, trail.ErrPrefix},
		"a key of space": {"audit", trail.Settings{Bucket: "logs", Key: "a b"}, trail.ErrKeyID},
	} {
		if err := create(tt.name, tt.s); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
	for i := range trail.MaxTrails {
		if err := create(fmt.Sprintf("trail%d", i), settings); err != nil {
			t.Fatal(err)
		}
	}
	if err := create("trail0", settings); !errors.Is(err, trail.ErrExists) {
		t.Errorf("again: %v", err)
	}
	if err := create("more", settings); !errors.Is(err, trail.ErrLimit) {
		t.Errorf("one more: %v", err)
	}
	elsewhere := w.root()
	elsewhere.Region = "eu-west-1"
	if err := w.trails.StartLogging(ctx, elsewhere, "arn:aws:cloudtrail:us-east-1:111122223333:trail/trail0"); !errors.Is(err, trail.ErrHomeRegion) {
		t.Errorf("from another region: %v", err)
	}
	if err := w.trails.DeleteTrail(ctx, w.root(), "nobody"); !errors.Is(err, trail.ErrNotFound) {
		t.Errorf("an unknown one: %v", err)
	}
	if err := w.trails.DeleteTrail(ctx, w.root(), "arn:aws:kms:us-east-1:111122223333:key/1"); !errors.Is(err, trail.ErrARN) {
		t.Errorf("a key's ARN: %v", err)
	}
	if err := w.trails.InsightSelectors(ctx, w.root(), "trail0"); !errors.Is(err, trail.ErrNoInsight) {
		t.Errorf("insights: %v", err)
	}
	for name, s := range map[string]trail.Selectors{
		"none":           {},
		"both":           {Basic: []trail.Selector{{ReadWrite: "All"}}, Advanced: []trail.AdvancedSelector{{}}},
		"odd read-write": {Basic: []trail.Selector{{ReadWrite: "Some"}}},
		"odd source":     {Basic: []trail.Selector{{ReadWrite: "All", Excluded: []string{"s3.amazonaws.com"}}}},
		"no category":    {Advanced: []trail.AdvancedSelector{{Fields: []trail.Field{{Field: "readOnly", Equals: []string{"true"}}}}}},
		"unknown field":  {Advanced: []trail.AdvancedSelector{{Fields: []trail.Field{{Field: "colour", Equals: []string{"red"}}}}}},
	} {
		if _, err := w.trails.PutEventSelectors(ctx, w.root(), "trail0", s); !errors.Is(err, trail.ErrSelectors) {
			t.Errorf("selectors, %s: %v", name, err)
		}
	}
}

func TestBucketThatGoesAway(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{})
	w.call("kms:One", "us-east-1")
	w.shelf.fail = bucket.ErrNoBucket
	w.deliver()
	st, err := w.trails.GetTrailStatus(t.Context(), w.root(), "audit")
	if err != nil || st.Delivery.Error != bucket.ErrNoBucket.Error() || !st.Logging {
		t.Errorf("status %+v, %v", st, err)
	}
	w.shelf.fail = nil
	w.call("kms:Two", "us-east-1")
	w.clock.Advance(time.Minute)
	w.deliver()
	if got := w.names(); !slices.Equal(got, []string{"One", "Two"}) {
		t.Errorf("delivered %v after the bucket came back", got)
	}
}

func TestKeysOverlap(t *testing.T) {
	w := newWorld(t)
	w.create(trail.Settings{Validation: true})
	for range 5 {
		w.clock.Advance(60 * 24 * time.Hour)
		w.deliver()
	}
	if n := w.digests("us-east-1"); n != 5 {
		t.Errorf("%d digests, want 5", n)
	}
	keys, err := w.trails.PublicKeys(t.Context(), w.root(), w.clock.Now().Add(-time.Hour), w.clock.Now())
	if err != nil || len(keys) == 0 || len(keys) > 2 {
		t.Errorf("%d keys of the last hour, %v", len(keys), err)
	}
}
