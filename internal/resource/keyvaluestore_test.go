package resource_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

const keyValueStoreTemplate = `
Resources:
  S:
    Type: AWS::CloudFront::KeyValueStore
    Properties: {Name: NAME, Comment: COMMENT}
  F:
    Type: AWS::CloudFront::Function
    Properties:
      Name: f
      AutoPublish: true
      FunctionCode: 'function handler(event) { return event.request; }'
      FunctionConfig:
        Comment: c
        Runtime: cloudfront-js-2.0
        KeyValueStoreAssociations: [{KeyValueStoreARN: !GetAtt S.Arn}]
Outputs:
  Ref: {Value: !Ref S}
  Arn: {Value: !GetAtt S.Arn}
  Id: {Value: !GetAtt S.Id}
  Status: {Value: !GetAtt S.Status}
`

// A function reads a store of its stack; another name replaces both the store and
// what the function reads.
func TestKeyValueStore(t *testing.T) {
	w := open(t)
	fill := func(name, comment string) string {
		return strings.NewReplacer("NAME", name, "COMMENT", comment).Replace(keyValueStoreTemplate)
	}
	reads := func() string {
		f, err := w.Delivery.DescribeFunction(t.Context(), w.root(), "f", delivery.Live)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(f.Config.Stores, ",")
	}
	out := w.deploy(fill("s1", "a"), stack.CreateComplete)
	if out["Ref"] != "s1" || out["Status"] != "READY" || out["Arn"] != "arn:aws:cloudfront::111122223333:key-value-store/"+out["Id"] || reads() != out["Arn"] {
		t.Errorf("outputs %v, the function reads %s", out, reads())
	}
	w.deploy(fill("s1", "b"), stack.UpdateComplete)
	if got, err := w.Delivery.DescribeKeyValueStore(t.Context(), w.root(), "s1"); err != nil || got.Comment != "b" || got.ID != out["Id"] {
		t.Errorf("after the update %+v, %v", got, err)
	}
	replaced := w.deploy(fill("s2", "b"), stack.UpdateComplete)
	if replaced["Id"] == out["Id"] || reads() != replaced["Arn"] {
		t.Errorf("outputs %v, the function reads %s", replaced, reads())
	}
	if _, err := w.Delivery.DescribeKeyValueStore(t.Context(), w.root(), "s1"); !errors.Is(err, delivery.ErrNoKeyValueStore) {
		t.Errorf("the replaced store = %v, want ErrNoKeyValueStore", err)
	}
	w.deploy(strings.Replace(fill("s2", "b"), "Comment: b}", "Comment: b, ImportSource: {SourceType: S3, SourceArn: 'arn:aws:s3:::b/k'}}", 1), stack.UpdateRollbackComplete)
	w.remove()
	if _, err := w.Delivery.DescribeKeyValueStore(t.Context(), w.root(), "s2"); !errors.Is(err, delivery.ErrNoKeyValueStore) {
		t.Errorf("after the stack = %v, want ErrNoKeyValueStore", err)
	}
}
