package lambda_test

import (
	"encoding/base64"
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
	"github.com/keyfront-project/keyfront/internal/lambda"
)

// TestInvoke wants what AWS was recorded to answer.
func TestInvoke(t *testing.T) {
	w := open(t)
	const code = `
exports.handler = async (event, context) => {
  if (event === 'exit') return process.exit(0);
  if (event === 'exit 3') return process.exit(3);
  if (event === 'context') return context;
  if (event === 'env') return process.env;
  return event;
};`
	in := request(t, "f", code)
	in.Runtime, in.TimeoutSec = "nodejs20.x", 600
	w.create(t, in)
	for name, c := range map[string]struct {
		payload, client, want string
		failed                bool
	}{
		"nothing":     {want: `^\{\}$`},
		"null":        {payload: "null", want: `^null$`},
		"exit":        {payload: `"exit"`, want: `^\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited without providing a reason"\}$`, failed: true},
		"exit 3":      {payload: `"exit 3"`, want: `^\{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited with error: exit status 3"\}$`, failed: true},
		"context":     {payload: `"context"`, want: `^\{"callbackWaitsForEmptyEventLoop":true,"functionVersion":"\$LATEST","functionName":"f","memoryLimitInMB":"128","logGroupName":"/aws/lambda/f","logStreamName":"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}","invokedFunctionArn":"arn:aws:lambda:us-east-1:111122223333:function:f","awsRequestId":"r1"\}$`},
		"client":      {payload: `"context"`, client: `{"custom":{"foo":"bar"}}`, want: `"clientContext":\{"custom":\{"foo":"bar"\}\}`},
		"environment": {payload: `"env"`, want: `"AWS_EXECUTION_ENV":"AWS_Lambda_nodejs20.x".*"NODE_PATH":"/opt/nodejs/node20/node_modules:`},
	} {
		t.Run(name, func(t *testing.T) {
			out, err := w.Invoke(t.Context(), root(), lambda.Invocation{
				Name: "f", Mode: lambda.Wait, Payload: []byte(c.payload), ClientContext: base64.StdEncoding.EncodeToString([]byte(c.client)),
			})
			if err != nil {
				t.Fatal(err)
			}
			if !regexp.MustCompile(c.want).Match(out.Payload) || out.Failed != c.failed {
				t.Errorf("Invoke() = %.1000s, failed %v, want %s, %v", out.Payload, out.Failed, c.want, c.failed)
			}
		})
	}
}

// TestOutcomes wants the sentences about functions that did not return.
func TestOutcomes(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{function.ErrTooLarge, `{"errorType":"Function.ResponseSizeTooLarge","errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes)."}`},
		{function.ErrTimeout, `{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: r1 Error: Task timed out after 7.00 seconds"}`},
		{function.ErrCrashed, `{"errorType":"Runtime.ExitError","errorMessage":"RequestId: r1 Error: Runtime exited without providing a reason"}`},
		{&function.Failure{Type: "TypeError", Message: "m", Trace: []string{"t"}}, `{"errorType":"TypeError","errorMessage":"m","trace":["t"]}`},
	} {
		out, err := lambda.Settle("r1", lambda.Settings{TimeoutSec: 7}, c.err)
		if err != nil || !out.Failed || string(out.Payload) != c.want {
			t.Errorf("%v: %s, failed %v, %v, want %s", c.err, out.Payload, out.Failed, err, c.want)
		}
	}
}

// TestInvokeLog wants the time that loading took in the log of the invocation that
// loaded, and of no other.
func TestInvokeLog(t *testing.T) {
	w := open(t)
	in := request(t, "f", "exports.handler = async () => 1;")
	in.TimeoutSec = 600
	w.create(t, in)
	const report = `\nREPORT RequestId: r1\tDuration: \d+\.\d\d ms\tBilled Duration: \d+ ms\tMemory Size: 128 MB\tMax Memory Used: \d+ MB\t`
	for _, want := range []string{report + `Init Duration: \d+\.\d\d ms\t\n$`, report + `\n$`} {
		out, err := w.Invoke(t.Context(), root(), lambda.Invocation{Name: "f", Mode: lambda.Wait})
		if err != nil || !regexp.MustCompile(want).MatchString(out.Log) {
			t.Errorf("Log = %q, %v, want %s", out.Log, err, want)
		}
	}
}

func TestInvokeRefuses(t *testing.T) {
	w := open(t)
	w.create(t, request(t, "f", "exports.handler = async () => 1;"))
	const part = "Could not parse request body into json: Could not parse payload into json: "
	for name, c := range map[string]struct {
		in   lambda.Invocation
		kind error
		says string
	}{
		"no function":    {lambda.Invocation{Name: "none"}, lambda.ErrNotFound, "Function not found: arn:aws:lambda:us-east-1:111122223333:function:none:$LATEST"},
		"no version":     {lambda.Invocation{Name: "f", Qualifier: "7"}, lambda.ErrNotFound, "Function not found: arn:aws:lambda:us-east-1:111122223333:function:f:7"},
		"no JSON":        {lambda.Invocation{Name: "f", Payload: []byte("{")}, lambda.ErrContent, part + "unexpected end of JSON input"},
		"no UTF-8":       {lambda.Invocation{Name: "f", Payload: []byte("\"\x87\"")}, lambda.ErrContent, part + "invalid UTF-8"},
		"context plain":  {lambda.Invocation{Name: "f", ClientContext: "{}"}, lambda.ErrContent, "Client context must be a valid Base64-encoded JSON object."},
		"context number": {lambda.Invocation{Name: "f", ClientContext: "MQ=="}, lambda.ErrContent, "Client context must be a valid Base64-encoded JSON object."},
	} {
		t.Run(name, func(t *testing.T) {
			c.in.Mode = lambda.Wait
			if _, err := w.Invoke(t.Context(), root(), c.in); !errors.Is(err, c.kind) || !strings.HasSuffix(err.Error(), c.says) {
				t.Errorf("Invoke() = %v, want %v: %s", err, c.kind, c.says)
			}
		})
	}
}
