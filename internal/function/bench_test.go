package function_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
)

// signer signs an origin request with SigV4, as the published functions do.
const signer = `
const crypto = require('crypto');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();
const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');
exports.handler = async (event) => {
  const request = event.Records[0].cf.request;
  const { AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION } = process.env;
  const host = request.origin.s3 ? request.origin.s3.domainName : request.origin.custom.domainName;
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, ''), day = date.slice(0, 8);
  const headers = { host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD', 'x-amz-date': date, 'x-amz-security-token': AWS_SESSION_TOKEN };
  const names = Object.keys(headers).sort().join(';');
  const canonical = [request.method, request.uri, request.querystring, ...Object.keys(headers).sort().map((k) => k + ':' + headers[k]), '', names, 'UNSIGNED-PAYLOAD'].join('\n');
  const scope = day + '/' + AWS_REGION + '/s3/aws4_request';
  const key = ['s3', 'aws4_request'].reduce(hmac, hmac(hmac('AWS4' + AWS_SECRET_ACCESS_KEY, day), AWS_REGION));
  const signature = crypto.createHmac('sha256', key).update(['AWS4-HMAC-SHA256', date, scope, hash(canonical)].join('\n')).digest('hex');
  headers.authorization = 'AWS4-HMAC-SHA256 Credential=' + AWS_ACCESS_KEY_ID + '/' + scope + ', SignedHeaders=' + names + ', Signature=' + signature;
  for (const k of Object.keys(headers)) request.headers[k] = [{ key: k, value: headers[k] }];
  return request;
};`

const originEvent = `{"Records":[{"cf":{"config":{"distributionDomainName":"d1.cloudfront.net","distributionId":"E1","eventType":"origin-request","requestId":"r=="},` +
	`"request":{"clientIp":"198.51.100.7","method":"GET","uri":"/docs/a.pdf","querystring":"","headers":{"host":[{"key":"Host","value":"b.s3.us-east-1.amazonaws.com"}],` +
	`"user-agent":[{"key":"User-Agent","value":"Amazon CloudFront"}],"via":[{"key":"Via","value":"2.0 0123456789abcdef0123456789abcdef.cloudfront.net (CloudFront)"}],` +
	`"x-forwarded-for":[{"key":"X-Forwarded-For","value":"198.51.100.7"}]},"origin":{"s3":{"authMethod":"none","customHeaders":{},"domainName":"b.s3.us-east-1.amazonaws.com","path":"","region":"us-east-1"}}}}}]}`

const viewerEvent = `{"version":"1.0","context":{"distributionDomainName":"d1.cloudfront.net","distributionId":"E1","eventType":"viewer-request","requestId":"r=="},"viewer":{"ip":"198.51.100.7"},` +
	`"request":{"method":"GET","uri":"/docs/a.pdf","querystring":{},"headers":{"host":{"value":"d1.cloudfront.net"},"user-agent":{"value":"curl"},"accept":{"value":"*/*"}},"cookies":{}}}`

func role(context.Context) (function.Credentials, error) {
	return function.Credentials{AccessKeyID: "ASIAEXAMPLE", SecretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", SessionToken: strings.Repeat("t", 200), Expires: time.Now().Add(time.Hour)}, nil
}

// measure invokes f warm, without a pause and as a client does that comes now and
// then, whose calls find both processes at rest and other things in the caches. It
// reports the median on the clock, and the time on a processor of this process and
// of the whole worker.
func measure(b *testing.B, f *function.Function, event string) {
	b.Helper()
	for _, c := range []struct {
		name  string
		pause time.Duration
	}{{"at-once", 0}, {"2ms-apart", 2 * time.Millisecond}} {
		b.Run(c.name, func(b *testing.B) {
			for range 20 {
				invoke(b, f, event)
			}
			workers := children(b)
			b.ReportAllocs()
			var own time.Duration
			var walls []time.Duration
			worker := onProcessors(b, workers)
			for b.Loop() {
				begun, used := time.Now(), processorTime(b)
				if _, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r", Payload: []byte(event)}); err != nil {
					b.Fatal(err)
				}
				walls, own = append(walls, time.Since(begun)), own+processorTime(b)-used
				if c.pause > 0 {
					time.Sleep(c.pause)
				}
			}
			worker = onProcessors(b, workers) - worker
			slices.Sort(walls)
			b.ReportMetric(float64(walls[len(walls)/2].Microseconds()), "p50-µs")
			b.ReportMetric(float64((worker+own).Microseconds())/float64(b.N), "cpu-µs/op")
			b.ReportMetric(float64(worker.Microseconds())/float64(b.N), "worker-cpu-µs/op")
		})
	}
}

// onProcessors is what the threads of other processes have spent on processors.
func onProcessors(b *testing.B, pids []int) (total time.Duration) {
	b.Helper()
	for _, pid := range pids {
		threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
		if err != nil || len(threads) == 0 {
			b.Skip("no /proc")
		}
		for _, name := range threads {
			text, err := os.ReadFile(name)
			if err != nil {
				continue // a thread that has ended
			}
			first, _, _ := strings.Cut(string(text), " ")
			ns, err := strconv.ParseInt(first, 10, 64)
			if err != nil {
				b.Fatal(err)
			}
			total += time.Duration(ns)
		}
	}
	return total
}

// alone is a pool of one worker, without a spare one that comes up meanwhile.
func alone(b *testing.B) *function.Pool {
	b.Helper()
	return newPool(b, function.Config{MaxWorkers: 1})
}

// BenchmarkSignOrigin is a warm origin-request function that computes one SigV4
// signature.
func BenchmarkSignOrigin(b *testing.B) {
	f := load(b, alone(b), function.Spec{Handler: "index.handler", Credentials: role}, map[string]string{"index.js": signer})
	measure(b, f, originEvent)
}

// BenchmarkViewerHeader is a warm viewer-request function that changes a header.
func BenchmarkViewerHeader(b *testing.B) {
	b.Run("lambda", func(b *testing.B) {
		f := nodeFunction(b, alone(b), `exports.handler = async (e) => { const r = e.Records[0].cf.request; r.headers['x-a'] = [{ key: 'X-A', value: 'b' }]; return r; };`)
		measure(b, f, originEvent)
	})
	b.Run("js", func(b *testing.B) {
		code := `function handler(e) { e.request.headers['x-a'] = { value: 'b' }; return e.request; }`
		measure(b, load(b, alone(b), function.Spec{Runtime: function.CloudFrontJS2}, map[string]string{"function.js": code}), viewerEvent)
	})
}

// BenchmarkColdStart loads the signer in a worker that runs already, in the spare
// one, as an account's first invocation does, and in one that is started for it.
func BenchmarkColdStart(b *testing.B) {
	for _, c := range []struct {
		name         string
		fresh, spare bool
	}{{"machine", false, false}, {"spare", true, true}, {"process", true, false}} {
		b.Run(c.name, func(b *testing.B) {
			p := newPool(b, function.Config{})
			invoke(b, nodeFunction(b, p, `exports.handler = async () => 1;`), "null")
			for b.Loop() {
				if c.fresh {
					b.StopTimer()
					p = newPool(b, function.Config{})
					if c.spare {
						p.Warm()
						function.Started(p)
						time.Sleep(200 * time.Millisecond) // it is forked; now it comes up
					}
					b.StartTimer()
				}
				f := load(b, p, function.Spec{Handler: "index.handler", Credentials: role}, map[string]string{"index.js": signer})
				r, err := f.Invoke(context.Background(), function.Invocation{RequestID: "r", Payload: []byte(originEvent)})
				if err != nil || !r.Cold {
					b.Fatal(r, err)
				}
				b.StopTimer()
				f.Close()
				if c.fresh {
					p.Close()
				}
				b.StartTimer()
			}
		})
	}
}

// BenchmarkThousandIdle deploys 1,000 functions, runs each once, and reports what
// this process and its workers then have resident.
func BenchmarkThousandIdle(b *testing.B) {
	for b.Loop() {
		p := newPool(b, function.Config{})
		before := resident(b, os.Getpid())
		for i := range 1000 {
			f := nodeFunction(b, p, fmt.Sprintf("exports.handler = async () => %d;\n//%s", i, strings.Repeat("x", 4000)))
			if _, err := f.Invoke(context.Background(), function.Invocation{Payload: []byte("null")}); err != nil {
				b.Fatal(err)
			}
		}
		total := resident(b, os.Getpid()) - before
		for _, pid := range children(b) {
			total += resident(b, pid)
		}
		b.ReportMetric(float64(total)/(1<<20), "MiB")
		p.Close()
	}
}

func resident(b *testing.B, pid int) int64 {
	b.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
	if err != nil {
		b.Skip(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(text))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// children are the processes that this one's threads have started.
func children(b *testing.B) []int {
	b.Helper()
	lists, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", os.Getpid()))
	if err != nil || len(lists) == 0 {
		b.Skip("no /proc")
	}
	var pids []int
	for _, list := range lists {
		text, err := os.ReadFile(list)
		if err != nil {
			continue // a thread that has ended
		}
		for f := range strings.FieldsSeq(string(text)) {
			pid, err := strconv.Atoi(f)
			if err != nil {
				b.Fatal(err)
			}
			pids = append(pids, pid)
		}
	}
	return pids
}
