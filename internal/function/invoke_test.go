package function_test

import (
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
)

func TestHandlers(t *testing.T) {
	p := newPool(t, function.Config{})
	for name, c := range map[string]struct{ code, event, want string }{
		"async":                   {`exports.handler = async (e) => ({ n: e.n + 1 });`, `{"n":1}`, `{"n":2}`},
		"promise":                 {`exports.handler = (e) => Promise.resolve(e.n * 2);`, `{"n":4}`, `8`},
		"callback":                {`exports.handler = (e, c, done) => done(null, e);`, `[1]`, `[1]`},
		"one sleep after another": {`const sleep = (ms) => new Promise((f) => { setTimeout(f, ms); }); exports.handler = async () => { await sleep(1); await sleep(1); return 'x'; };`, `null`, `"x"`},
		"one turn after another":  {`const turn = () => new Promise((f) => { setImmediate(f); }); exports.handler = async () => { await turn(); await turn(); return 'x'; };`, `null`, `"x"`},
		"later":                   {`exports.handler = (e, c, done) => { setTimeout(() => done(null, 'x'), 1); };`, `null`, `"x"`},
		"not waiting":             {`exports.handler = (e, c, done) => { c.callbackWaitsForEmptyEventLoop = false; setInterval(() => {}, 1000); done(null, 7); };`, `null`, `7`},
		"both":                    {`exports.handler = async (e, c, done) => { done(null, 'callback'); };`, `null`, `null`},
		"undefined":               {`exports.handler = () => {};`, `null`, `null`},
		"module.exports":          {`module.exports = { handler: async () => 'm' };`, `null`, `"m"`},
		"sloppy mode":             {`exports.handler = async () => { undeclared = 3; return undeclared + 010; };`, `null`, `11`},
		"context":                 {`exports.handler = async (e, c) => [c.awsRequestId, c.getRemainingTimeInMillis() > 0];`, `null`, `["r1",true]`},
		"succeed":                 {`exports.handler = (e, c) => c.succeed('s');`, `null`, `"s"`},
		"lone surrogate":          {`exports.handler = async () => '\ud800\u0000';`, `null`, `"\ud800\u0000"`},
		"unicode":                 {`exports.handler = async (e) => e + '→';`, `"ü"`, `"ü→"`},
		"await many times":        {`exports.handler = async () => { let n = 0; for (let i = 0; i < 1000; i++) n += await i; return n; };`, `null`, `499500`},
	} {
		t.Run(name, func(t *testing.T) {
			if got := invoke(t, nodeFunction(t, p, c.code), c.event); got != c.want {
				t.Errorf("result = %s, want %s", got, c.want)
			}
		})
	}
}
