package function_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/function"
)

func TestEnds(t *testing.T) {
	p := newPool(t, function.Config{MaxWorkers: 2})
	for name, c := range map[string]struct {
		code string
		want error
	}{
		"endless loop":         {`exports.handler = async () => { for (;;); };`, function.ErrTimeout},
		"endless regexp":       {`exports.handler = async () => /^(a+)+$/.test('a'.repeat(50) + 'b');`, function.ErrTimeout},
		"endless promises":     {`exports.handler = () => { const f = (a) => Promise.resolve().then(() => f([a, new Array(1e4).fill(0)])); return f(); };`, nil},
		"endless small steps":  {`exports.handler = async () => { for (;;) await 0; };`, function.ErrTimeout},
		"endless timers":       {`exports.handler = () => new Promise(() => setInterval(() => {}, 1));`, function.ErrTimeout},
		"loop past a catch":    {`exports.handler = async () => { try { for (;;); } catch {} finally { for (;;); } };`, function.ErrTimeout},
		"loop at load":         {`for (;;);`, function.ErrTimeout},
		"memory of arrays":     {`exports.handler = async () => { const a = []; for (;;) a.push(new Array(1e4).fill(1)); };`, function.ErrMemory},
		"memory of one string": {`exports.handler = async () => { let s = 'x'; for (;;) s += s; };`, nil},
		"memory of buffers":    {`exports.handler = async () => { const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1)); };`, function.ErrMemory},
	} {
		t.Run(name, func(t *testing.T) {
			limit := 300 * time.Millisecond
			if c.want != function.ErrTimeout {
				limit = 10 * time.Minute // a busy machine is no reason to fail
			}
			f := load(t, p, function.Spec{Handler: "index.handler", Timeout: limit, MemoryMB: 16}, map[string]string{"index.js": c.code})
			r, err := refused(t, f, `{}`)
			if c.want != nil && !errors.Is(err, c.want) {
				t.Errorf("error = %v, want %v\n%s", err, c.want, logOf(r))
			}
			// The others go on.
			if got := invoke(t, nodeFunction(t, p, `exports.handler = async () => 1;`), `{}`); got != "1" {
				t.Errorf("the next function = %s", got)
			}
		})
	}
}

func TestDeepRecursionThrows(t *testing.T) {
	p := newPool(t, function.Config{})
	f := nodeFunction(t, p, `exports.handler = async () => { const f = () => f() + 1; try { return f(); } catch (e) { return String(e); } };`)
	if got := invoke(t, f, `{}`); !strings.Contains(got, "stack overflow") {
		t.Errorf("result = %s, want a stack overflow", got)
	}
}

// TestSpare wants a worker to be ready for the account that needs one next, and none
// where it would take the place of one that is needed.
func TestSpare(t *testing.T) {
	p := newPool(t, function.Config{MaxWorkers: 4})
	p.Warm()
	for i, account := range []string{"111111111111", "222222222222", "111111111111"} {
		function.Started(p)
		if _, spare := function.Idle(p); spare != 1 {
			t.Fatalf("%d spare workers before invocation %d, want 1", spare, i)
		}
		f := load(t, p, function.Spec{Account: account, Handler: "index.handler"}, map[string]string{"index.js": `exports.handler = async () => 1;`})
		invoke(t, f, `{}`)
	}
	function.Started(p)
	if idle, spare := function.Idle(p); idle != 3 || spare != 1 {
		t.Errorf("%d workers, %d of them spare, want one for each account and one spare", idle, spare)
	}
	few := newPool(t, function.Config{MaxWorkers: 2})
	invoke(t, nodeFunction(t, few, `exports.handler = async () => 1;`), `{}`)
	function.Started(few)
	if idle, spare := function.Idle(few); idle != 1 || spare != 0 {
		t.Errorf("%d workers, %d of them spare, want no spare of two", idle, spare)
	}
}

func TestThrottled(t *testing.T) {
	// A server holds the only worker until the test lets it go.
	entered, leave := make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(entered)
		<-leave
	}))
	t.Cleanup(server.Close)
	host := strings.TrimPrefix(server.URL, "http://")
	p := newPool(t, function.Config{MaxWorkers: 1, QueueWait: time.Millisecond, Egress: function.Egress{Hosts: []string{host}}})
	slow := nodeFunction(t, p, `exports.handler = async () => (await fetch('http://`+host+`/')).status;`)
	result := make(chan error, 1)
	go func() {
		_, err := slow.Invoke(context.Background(), function.Invocation{Payload: []byte("{}")})
		result <- err
	}()
	<-entered
	f := nodeFunction(t, p, `exports.handler = async () => 1;`)
	if _, err := refused(t, f, `{}`); !errors.Is(err, function.ErrThrottled) {
		t.Errorf("error = %v, want ErrThrottled", err)
	}
	close(leave)
	if err := <-result; err != nil {
		t.Errorf("the slow one: %v", err)
	}
	if got := invoke(t, f, `{}`); got != "1" {
		t.Errorf("after it: %s, want 1", got)
	}
}

// store is a key-value store of one key.
type store struct{}

func (store) Get(_ context.Context, key string) (string, bool, error) {
	return `{"a":1}`, key == "k", nil
}

func (store) Count(context.Context) (int, error) { return 1, nil }

func (store) Meta(context.Context) (function.KeyValuesMeta, error) {
	return function.KeyValuesMeta{Created: time.Unix(0, 0), Modified: time.Unix(1, 0), KeyCount: 1}, nil
}

func TestKeyValues(t *testing.T) {
	p := newPool(t, function.Config{})
	s := function.Spec{Runtime: function.CloudFrontJS2, KeyValuesID: "s", KeyValues: map[string]function.KeyValues{"s": store{}}}
	f := load(t, p, s, map[string]string{"function.js": `import cf from 'cloudfront';
const kvs = cf.kvs(), other = cf.kvs('another');
const refused = (p) => p.catch((e) => e.message);
async function handler() {
  return [await kvs.get('k'), await kvs.get('k', { format: 'json' }), await kvs.exists('x'), await kvs.count(), (await kvs.meta()).lastUpdatedDateTime,
    await refused(kvs.get('x')), await refused(other.get('k'))];
}`})
	want := `["{\"a\":1}",{"a":1},false,1,"1970-01-01T00:00:01.000Z","KeyNotFound","KeyValueStore is not associated with the function"]`
	if got := invoke(t, f, "{}"); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestWorkerThatIsNone wants a process that ends, and speaks no frames, to be an
// error of its invocation alone.
func TestWorkerThatIsNone(t *testing.T) {
	p := function.NewPool(function.Config{Command: []string{command(t)[0], "-test.run=^$"}})
	t.Cleanup(p.Close)
	f := nodeFunction(t, p, `exports.handler = async () => 1;`)
	for range 2 {
		if _, err := refused(t, f, "null"); !errors.Is(err, function.ErrCrashed) {
			t.Errorf("error = %v, want ErrCrashed", err)
		}
	}
}
