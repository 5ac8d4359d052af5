package function_test

import (
	"context"
	"errors"
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
		"endless promises":     {`exports.handler = () => { const f = () => Promise.resolve().then(f); return f(); };`, nil},
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
				limit = time.Minute
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

func TestThrottled(t *testing.T) {
	// The store holds the only worker until the test lets it go.
	held := &gateStore{entered: make(chan struct{}), leave: make(chan struct{})}
	p := newPool(t, function.Config{MaxWorkers: 1, QueueWait: time.Millisecond})
	s := function.Spec{Runtime: function.CloudFrontJS2, KeyValuesID: "s", KeyValues: map[string]function.KeyValues{"s": held}}
	code := `import cf from 'cloudfront'; async function handler() { return await cf.kvs().get('k'); }`
	slow := load(t, p, s, map[string]string{"function.js": code})
	result := make(chan error, 1)
	go func() {
		_, err := slow.Invoke(context.Background(), function.Invocation{Payload: []byte("{}")})
		result <- err
	}()
	<-held.entered
	f := nodeFunction(t, p, `exports.handler = async () => 1;`)
	if _, err := refused(t, f, `{}`); !errors.Is(err, function.ErrThrottled) {
		t.Errorf("error = %v, want ErrThrottled", err)
	}
	close(held.leave)
	if err := <-result; err != nil {
		t.Errorf("the slow one: %v", err)
	}
	if got := invoke(t, f, `{}`); got != "1" {
		t.Errorf("after it: %s, want 1", got)
	}
}

// gateStore answers when it is let.
type gateStore struct{ entered, leave chan struct{} }

func (s *gateStore) Get(context.Context, string) (string, bool, error) {
	close(s.entered)
	<-s.leave
	return "v", true, nil
}

func (s *gateStore) Count(context.Context) (int, error) { return 1, nil }

func (s *gateStore) Meta(context.Context) (function.KeyValuesMeta, error) {
	return function.KeyValuesMeta{}, nil
}
