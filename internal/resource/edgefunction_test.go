package resource_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/delivery"
	"github.com/keyfront-project/keyfront/internal/stack"
)

const edgeFunctionTemplate = `
Resources:
  F:
    Type: AWS::CloudFront::Function
    Properties:
      Name: NAME
      AutoPublish: PUBLISH
      FunctionCode: 'function handler(event) { return TEXT; }'
      FunctionConfig: {Comment: c, Runtime: cloudfront-js-2.0}
Outputs:
  Ref: {Value: !Ref F}
  Metadata: {Value: !GetAtt F.FunctionMetadata.FunctionARN}
  Stage: {Value: !GetAtt F.Stage}
`

func TestEdgeFunction(t *testing.T) {
	w := open(t)
	fill := func(name, publish, text string) string {
		return strings.NewReplacer("NAME", name, "PUBLISH", publish, "TEXT", text).Replace(edgeFunctionTemplate)
	}
	code := func(name string, stage delivery.Stage) string {
		f, err := w.Delivery.GetFunction(t.Context(), w.root(), name, stage)
		if errors.Is(err, delivery.ErrNoFunction) {
			return ""
		}
		if err != nil {
			t.Fatal(err)
		}
		return string(f.Code)
	}
	out := w.deploy(fill("f", "false", "1"), stack.CreateComplete)
	if got := code("f", delivery.Live); got != "" || out["Stage"] != "DEVELOPMENT" || out["Ref"] != "arn:aws:cloudfront::111122223333:function/f" || out["Metadata"] != out["Ref"] {
		t.Errorf("live is %q, outputs %v", got, out)
	}
	out = w.deploy(fill("f", "true", "2"), stack.UpdateComplete)
	if got := code("f", delivery.Live); !strings.Contains(got, "return 2") || out["Stage"] != "LIVE" {
		t.Errorf("live is %q, outputs %v", got, out)
	}
	// What is not published by itself stays as it is live.
	w.deploy(fill("f", "false", "3"), stack.UpdateComplete)
	if live, dev := code("f", delivery.Live), code("f", delivery.Development); !strings.Contains(live, "return 2") || !strings.Contains(dev, "return 3") {
		t.Errorf("live is %q, in development %q", live, dev)
	}
	w.deploy(fill("g", "true", "4"), stack.UpdateComplete)
	if code("f", delivery.Development) != "" || !strings.Contains(code("g", delivery.Live), "return 4") {
		t.Error("another name did not replace the function")
	}
	w.remove()
	if code("g", delivery.Development) != "" {
		t.Error("the function outlived its stack")
	}
}
