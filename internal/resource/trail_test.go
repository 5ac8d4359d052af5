package resource_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/arn"
	"github.com/keyfront-project/keyfront/internal/audit"
	"github.com/keyfront-project/keyfront/internal/audit/catalog"
	"github.com/keyfront-project/keyfront/internal/bucket"
	"github.com/keyfront-project/keyfront/internal/policy"
	"github.com/keyfront-project/keyfront/internal/stack"
	"github.com/keyfront-project/keyfront/internal/trail"
)

// shelf is a bucket named "logs" into which trails may write.
type shelf struct{}

func (shelf) Lookup(_ context.Context, name string) (bucket.Bucket, error) {
	if name != "logs" {
		return bucket.Bucket{}, bucket.ErrNoBucket
	}
	return bucket.Bucket{Name: name, Region: "us-east-1"}, nil
}

func (s shelf) PolicyOf(ctx context.Context, name string) (*policy.Document, arn.AccountID, error) {
	if _, err := s.Lookup(ctx, name); err != nil {
		return nil, "", err
	}
	doc, err := policy.Parse(policy.UseBucket, `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},
		"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::logs","arn:aws:s3:::logs/*"]}}`)
	return doc, "111122223333", err
}

func (shelf) Put(context.Context, bucket.Caller, bucket.Put) (bucket.Info, error) {
	return bucket.Info{}, nil
}

func (p *parts) trails(t *testing.T) *trail.Service {
	t.Helper()
	dir := t.TempDir()
	domain, err := p.vault.Domain(t.Context(), "cloudtrail")
	if err != nil {
		t.Fatal(err)
	}
	log, err := audit.Open(audit.Config{Dir: dir, HeadKeys: [][]byte{make([]byte, 32)}, Log: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	reader, err := audit.OpenReader(dir)
	if err != nil {
		t.Fatal(err)
	}
	index, err := catalog.Open(catalog.Config{Log: reader, Dir: t.TempDir(), Terms: trail.Terms, Version: trail.TermsVersion, Next: log.Acknowledged})
	if err != nil {
		t.Fatal(err)
	}
	s, err := trail.Open(trail.Config{
		Records: p.records, Keys: domain, Clock: p.clock, Log: log, Reader: reader, Catalog: index, Buckets: shelf{}, KMS: keys{}, Gate: p.gate,
		Logger: slog.New(slog.DiscardHandler), ErrorCode: func(err error) string { return err.Error() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(index.Close(), reader.Close(), log.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

const trailTemplate = `
Resources:
  T:
    Type: AWS::CloudTrail::Trail
    Properties:
      S3BucketName: logs
      IsLogging: LOGGING
      EnableLogFileValidation: true
      Tags: [{Key: a, Value: b}]
      SELECTORS
Outputs:
  Name: {Value: !Ref T}
  Arn: {Value: !GetAtt T.Arn}
`

func TestTrail(t *testing.T) {
	w := open(t)
	fill := func(logging, selectors string) string {
		return strings.NewReplacer("LOGGING", logging, "SELECTORS", selectors).Replace(trailTemplate)
	}
	check := func(name string, logging, custom bool, tags int) {
		t.Helper()
		status, err := w.Trails.GetTrailStatus(t.Context(), w.root(), name)
		if err != nil || status.Logging != logging {
			t.Errorf("logging is %t, want %t, %v", status.Logging, logging, err)
		}
		of, err := w.Trails.GetTrail(t.Context(), w.root(), name)
		if err != nil || of.Custom != custom || !of.Validation || !of.Global {
			t.Errorf("GetTrail = %+v, %v", of, err)
		}
		if all, err := w.Trails.Tags(t.Context(), w.root(), of.ARN); err != nil || len(all) != tags+labels {
			t.Errorf("Tags = %v, %v, want %d", all, err, tags)
		}
	}
	out := w.deploy(fill("true", "EventSelectors: [{ReadWriteType: WriteOnly, DataResources: [{Type: 'AWS::S3::Object', Values: ['arn:aws:s3:::films/']}]}]"), stack.CreateComplete)
	check(out["Name"], true, true, 1)
	if out["Arn"] != "arn:aws:cloudtrail:us-east-1:111122223333:trail/"+out["Name"] {
		t.Errorf("outputs %v", out)
	}
	_, got, err := w.Trails.EventSelectors(t.Context(), w.root(), out["Name"])
	if err != nil || len(got.Basic) != 1 || got.Basic[0].ReadWrite != "WriteOnly" || !got.Basic[0].Management || len(got.Basic[0].Objects) != 1 {
		t.Errorf("EventSelectors = %+v, %v", got, err)
	}
	next := w.deploy(fill("false", ""), stack.UpdateComplete, stack.Tag{Key: "k", Value: "v"})
	if next["Name"] != out["Name"] {
		t.Errorf("outputs %v, want %v", next, out)
	}
	check(out["Name"], false, false, 2)

	w.remove()
	if _, err := w.Trails.GetTrail(t.Context(), w.root(), out["Name"]); !errors.Is(err, trail.ErrNotFound) {
		t.Errorf("GetTrail of what was deleted = %v", err)
	}
}

// A trail without its bucket is none, and what trails lack is named.
func TestTrailRefused(t *testing.T) {
	for _, tt := range []struct{ properties, reason string }{
		{"{S3BucketName: none, IsLogging: true}", "none"},
		{"{S3BucketName: logs}", "IsLogging"},
		{"{S3BucketName: logs, IsLogging: true, SnsTopicName: t}", "unsupported property SnsTopicName"},
		{"{S3BucketName: logs, IsLogging: true, EventSelectors: [{DataResources: [{Type: 'AWS::Lambda::Function', Values: [x]}]}]}", "AWS::S3::Object only"},
	} {
		w := open(t)
		w.deploy("Resources:\n  T:\n    Type: AWS::CloudTrail::Trail\n    Properties: "+tt.properties+"\n", stack.RollbackComplete)
		w.wantReason(tt.reason)
	}
}
