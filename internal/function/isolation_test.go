package function_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/keyfront-project/keyfront/internal/clock"
	"github.com/keyfront-project/keyfront/internal/function"
)

// TestNothingLeaks wants functions of one account in one worker to see nothing
// of each other, not even what they did to the language's own objects.
func TestNothingLeaks(t *testing.T) {
	p := newPool(t, function.Config{MaxWorkers: 1})
	spoil := load(t, p, function.Spec{Handler: "index.handler", Env: map[string]string{"SECRET": "s"}, Credentials: role}, map[string]string{"index.js": `
exports.handler = async () => { globalThis.left = 1; Object.prototype.left = 2; Array.prototype.map = null; JSON.parse = () => 3; process.env.LEFT = 'x'; return Object.keys(process.env).length; };`})
	invoke(t, spoil, "{}")
	clean := nodeFunction(t, p, `exports.handler = async (e) => [typeof left, ({}).left === undefined, [1].map((x) => x), e.a, process.env.SECRET === undefined, process.env.LEFT === undefined, process.env.AWS_ACCESS_KEY_ID === undefined];`)
	if got, want := invoke(t, clean, `{"a":4}`), `["undefined",true,[1],4,true,true,true]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// TestStateStaysWarm wants a function's own state to stay, as on Lambda.
func TestStateStaysWarm(t *testing.T) {
	p := newPool(t, function.Config{})
	f := nodeFunction(t, p, `let n = 0; exports.handler = async () => ++n;`)
	for want := range 3 {
		r, err := f.Invoke(context.Background(), function.Invocation{Payload: []byte("null")})
		if err != nil || string(r.Payload) != fmt.Sprint(want+1) || r.Cold != (want == 0) {
			t.Errorf("invocation %d: %+v, %v", want, r, err)
		}
	}
}

func TestAccountsShareNoWorker(t *testing.T) {
	p := newPool(t, function.Config{MaxWorkers: 1})
	for i := range 4 {
		f := load(t, p, function.Spec{Handler: "index.handler", Account: fmt.Sprintf("%012d", i%2)}, map[string]string{"index.js": `exports.handler = async () => 1;`})
		r, err := f.Invoke(context.Background(), function.Invocation{Payload: []byte("null")})
		if err != nil || !r.Cold {
			t.Errorf("invocation %d: %+v, %v", i, r, err)
		}
	}
}

func TestCredentialsAreRenewed(t *testing.T) {
	c := clock.Movable()
	p := newPool(t, function.Config{Clock: c})
	asked := 0
	f := load(t, p, function.Spec{Handler: "index.handler", Credentials: func(context.Context) (function.Credentials, error) {
		asked++
		return function.Credentials{AccessKeyID: fmt.Sprintf("ASIA%d", asked), SecretAccessKey: "s", SessionToken: "t", Expires: c.Now().Add(time.Hour)}, nil
	}}, map[string]string{"index.js": `exports.handler = async () => [process.env.AWS_ACCESS_KEY_ID, new Date().getFullYear()];`})
	year := c.Now().Year()
	for _, want := range []string{fmt.Sprintf(`["ASIA1",%d]`, year), fmt.Sprintf(`["ASIA1",%d]`, year)} {
		if got := invoke(t, f, "null"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	c.Advance(366 * 24 * time.Hour)
	if got, want := invoke(t, f, "null"), fmt.Sprintf(`["ASIA2",%d]`, c.Now().Year()); got != want {
		t.Errorf("a year later: %s, want %s", got, want)
	}
}

func TestCredentialsStayOutOfLogs(t *testing.T) {
	c, err := role(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		if text := fmt.Sprintf(verb, c); strings.Contains(text, "wJalr") {
			t.Errorf("%s prints %s", verb, text)
		}
	}
}

// TestMachinesAreFreed runs many functions through a worker that keeps one warm: it
// grows no more once it has seen a hundred.
func TestMachinesAreFreed(t *testing.T) {
	p := newPool(t, function.Config{Machines: 1, MaxWorkers: 1})
	run := func(n int) (resident int64) {
		for range n {
			r, err := nodeFunction(t, p, `exports.handler = async () => 1;`).Invoke(context.Background(), function.Invocation{Payload: []byte("null")})
			if err != nil {
				t.Fatal(err)
			}
			resident = r.MemoryBytes
		}
		return resident
	}
	early := run(100)
	if late := run(200); late > early+24<<20 { // a machine takes some 250 KiB
		t.Errorf("the worker grew from %d to %d MiB", early>>20, late>>20)
	}
}

func TestCloseOfFunctionAndPool(t *testing.T) {
	p := newPool(t, function.Config{})
	f := nodeFunction(t, p, `exports.handler = async () => 1;`)
	invoke(t, f, "null")
	f.Close()
	if _, err := f.Invoke(context.Background(), function.Invocation{Payload: []byte("null")}); !errors.Is(err, function.ErrClosed) {
		t.Errorf("closed function: %v, want ErrClosed", err)
	}
	g := nodeFunction(t, p, `exports.handler = async () => 1;`)
	p.Close()
	if _, err := g.Invoke(context.Background(), function.Invocation{Payload: []byte("null")}); !errors.Is(err, function.ErrClosed) {
		t.Errorf("closed pool: %v, want ErrClosed", err)
	}
}

func TestLog(t *testing.T) {
	p := newPool(t, function.Config{})
	f := nodeFunction(t, p, `exports.handler = async () => { console.log('a', { b: 1 }); console.error(new Error('e').message); for (let i = 0; i < 1e4; i++) console.log('x'.repeat(100)); };`)
	r, err := f.Invoke(context.Background(), function.Invocation{Payload: []byte("null")})
	if err != nil {
		t.Fatal(err)
	}
	size := 0
	for _, l := range r.Log {
		size += len(l.Text)
	}
	if r.Log[0].Text != "a { b: 1 }" || r.Log[1].Level != "ERROR" || r.Log[1].Text != "e" || size > function.MaxLogBytes || r.Log[len(r.Log)-1].Text != "[log truncated]" {
		t.Errorf("log begins %v, has %d bytes, ends %v", r.Log[:2], size, r.Log[len(r.Log)-1])
	}
}
