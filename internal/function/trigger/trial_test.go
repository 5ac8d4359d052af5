package trigger_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/function/trigger"
)

func TestTrial(t *testing.T) {
	const (
		request  = `{"version":"1.0","context":{"eventType":"viewer-request"},"viewer":{"ip":"198.51.100.7"},"request":{"method":"GET","uri":"/a","querystring":{"x":{"value":"1"}},"headers":{"host":{"value":"h"}},"cookies":{"c":{"value":"d"}}}}`
		response = "\n" + `{"request":{"method":"GET","uri":"/a"},"response":{"statusCode":200,"headers":{"via":{"value":"v"}}}}`
		same     = `{"method":"GET","uri":"/b","querystring":{"x":{"value":"1"}},"headers":{"host":{"value":"h"}},"cookies":{"c":{"value":"d"}}}`
	)
	for _, c := range []struct{ event, result, origin, output, fails string }{
		{request, same, "", `{"request":` + same + `}`, ""},
		{request, `{"statusCode":302}`, "", `{"response":{"statusCode":302}}`, ""},
		{
			request, same, `{"select":"o","update":{"domainName":"x.example"}}`,
			`{"request":` + same + `,"selectRequestOriginById":"o","updateRequestOrigin":{"domainName":"x.example"}}`, "",
		},
		{
			request, same, `{"group":{"originIds":[{"originId":"a"},{"originId":"b"}],"failoverCriteria":{"statusCodes":[503]}}}`,
			`{"request":` + same + `,"createRequestOriginGroup":{"originIds":[{"originId":"a"},{"originId":"b"}],"failoverCriteria":{"statusCodes":[503]}}}`, "",
		},
		{response, `{"statusCode":200,"headers":{"via":{"value":"v"}}}`, "", `{"response":{"statusCode":200,"headers":{"via":{"value":"v"}}}}`, ""},
		{response, `{"statusCode":200,"headers":{}}`, "", "", "Via is read-only"},
		{request, `{"uri":"b","headers":{"host":{"value":"h"}}}`, "", "", "begin with /"},
		{request, `{"uri":"/b","headers":{}}`, "", "", "Host is read-only"},
		{request, `{"statusCode":99}`, "", "", "200 to 599"},
		{request, `null`, "", "", "not an object"},
		{request, same, `{"update":{"originShieldConfig":{}}}`, "", "originShieldConfig"},
		{request, same, `{"update":{"hostHeader":"h"}}`, "", "hostHeader"},
		{request, same, `{"group":{"originIds":[{"originId":"a"}],"failoverCriteria":{"statusCodes":[503]}}}`, "", "two different"},
		{request, same, `{"group":{"originIds":[{"originId":"a"},{"originId":"a"}],"failoverCriteria":{"statusCodes":[503]}}}`, "", "two different"},
		{request, same, `{"group":{"originIds":[{"originId":"a"},{"originId":"b"}]}}`, "", "no statusCodes"},
		{request, same, `{"group":{"originIds":[{"originId":"a"},{"originId":"b"}],"failoverCriteria":{"statusCodes":[200]}}}`, "", "200"},
		{request, same, `{"group":{"originIds":[{"originId":"a"},{"originId":"b"}],"failoverCriteria":{"statusCodes":[503]},"selectionCriteria":"media-quality-score"}}`, "", "media-quality-score"},
		{request, same, `{"group":{"originIds":[{"originId":"a","originOverrides":{}},{"originId":"b"}],"failoverCriteria":{"statusCodes":[503]}}}`, "", "originOverrides"},
		{`[]`, "", "", "", "not an object"},
		{`{"version":"1.0"}`, "", "", "", "no request"},
		{`{"context":{"eventType":"origin-request"},"request":{}}`, "", "", "", "eventType"},
		{`{"context":{"eventType":"viewer-response"},"request":{}}`, "", "", "", "eventType"},
	} {
		trial, err := trigger.ReadTrial([]byte(c.event))
		var output, origin []byte
		if c.origin != "" {
			origin = []byte(c.origin)
		}
		if err == nil {
			output, err = trial.Output([]byte(c.result), origin)
		}
		check(t, trigger.ViewerRequest, c.event+c.result+c.origin, err, c.fails)
		if err == nil && !sameJSON(t, output, c.output) {
			t.Errorf("%s %s: output = %s, want %s", c.result, c.origin, output, c.output)
		}
	}
}

// TestTrialIsForPeople wants a query as it was written.
func TestTrialIsForPeople(t *testing.T) {
	trial, err := trigger.ReadTrial([]byte(`{"request":{"method":"GET","uri":"/a"}}`))
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"request":{"method":"GET","uri":"/a","querystring":"a=1&b=2"}}`
	if out, err := trial.Output([]byte(`{"method":"GET","uri":"/a","querystring":"a=1&b=2"}`), nil); err != nil || string(out) != want {
		t.Errorf("Output() = %s, %v, want %s", out, err, want)
	}
}
