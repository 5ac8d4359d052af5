package function_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/keyfront-project/keyfront/internal/function"
)

// TestLibrary wants of expressions what Node.js 22 makes of them.
func TestLibrary(t *testing.T) {
	p := newPool(t, function.Config{})
	for _, c := range []struct{ expression, want string }{
		// Buffer
		{`Buffer.from('héllo€😀').toString('hex')`, `"68c3a96c6c6fe282acf09f9880"`},
		{`Buffer.from('68656c6c6f', 'hex').toString()`, `"hello"`},
		{`Buffer.from('abcxyz', 'hex').length`, `1`},
		{`Buffer.from('aGk', 'base64').toString()`, `"hi"`},
		{`Buffer.from('-_8', 'base64').toString('hex')`, `"fbff"`},
		{`Buffer.from([251, 255]).toString('base64url')`, `"-_8"`},
		{`Buffer.from([251, 255]).toString('base64')`, `"+/8="`},
		{`Buffer.from('ÿ', 'latin1').toString('hex')`, `"ff"`},
		{`Buffer.from([0xff, 0xe9]).toString('latin1')`, `"ÿé"`},
		{`Buffer.concat([Buffer.from('a'), Buffer.from('b')]).toString()`, `"ab"`},
		{`Buffer.alloc(3, 'ab').toString()`, `"aba"`},
		{`new Buffer('x').toString()`, `"x"`},
		{`Buffer('x').equals(Buffer.from('x'))`, `true`},
		{`Buffer.isBuffer(Buffer.from('x').subarray(0, 1))`, `true`},
		{`Buffer.from('x') instanceof Buffer`, `true`},
		{`Buffer.from('x') instanceof Uint8Array`, `true`},
		{`Buffer.byteLength('€')`, `3`},
		{`Buffer.from('abc').indexOf('c')`, `2`},
		{`JSON.stringify(Buffer.from('a'))`, `"{\"type\":\"Buffer\",\"data\":[97]}"`},
		{`Buffer.from([1, 2, 3, 4]).readUInt32BE(0)`, `16909060`},
		{`Buffer.from('\ud800').toString('hex')`, `"efbfbd"`},
		{`Buffer.from('ab').toString('utf16le').length`, `1`},
		// crypto
		{`require('crypto').createHash('sha256').update('abc').digest('hex')`, `"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"`},
		{`require('crypto').createHash('md5').update('a').update(Buffer.from('bc')).digest('hex')`, `"900150983cd24fb0d6963f7d28e17f72"`},
		{`require('crypto').createHash('sha1').update('abc').digest('base64')`, `"qZk+NkcGgWq6PiVxeFDCbJzQ2J0="`},
		{`require('node:crypto').createHash('sha512').update('').digest().length`, `64`},
		{`require('crypto').createHmac('sha256', 'key').update('The quick brown fox jumps over the lazy dog').digest('hex')`, `"f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8"`},
		{`require('crypto').createHmac('sha256', Buffer.from('6b6579', 'hex')).update('x').digest('hex') === require('crypto').createHmac('sha256', 'key').update('x').digest('hex')`, `true`},
		{`require('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('a'))`, `true`},
		{`(() => { try { require('crypto').timingSafeEqual(Buffer.from('a'), Buffer.from('ab')); } catch (e) { return e.code; } })()`, `"ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH"`},
		{`require('crypto').randomBytes(16).length`, `16`},
		{`/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/.test(require('crypto').randomUUID())`, `true`},
		{`(() => { try { require('crypto').createHash('nope'); } catch (e) { return e.message; } })()`, `"Digest method not supported"`},
		{`crypto.subtle.digest('SHA-256', new TextEncoder().encode('abc')).then((b) => Buffer.from(b).toString('hex').slice(0, 8))`, `"ba7816bf"`},
		{`[() => require('crypto').randomInt(0), () => require('crypto').randomInt(5, 5), () => require('crypto').randomInt('5')].map((f) => { try { return f(); } catch (e) { return e.code; } })`, `["ERR_OUT_OF_RANGE","ERR_OUT_OF_RANGE","ERR_INVALID_ARG_TYPE"]`},
		{`new Promise((f) => require('crypto').randomInt(1, 2, (e, n) => f(n)))`, `1`},
		{`[setTimeout, setImmediate, queueMicrotask, process.nextTick].map((f) => { try { f(5); } catch (e) { return e.code; } })`, `["ERR_INVALID_ARG_TYPE","ERR_INVALID_ARG_TYPE","ERR_INVALID_ARG_TYPE","ERR_INVALID_ARG_TYPE"]`},
		// querystring
		{`require('querystring').parse('a=1&b=2&a=3&c&d=%20+x')`, `{"a":["1","3"],"b":"2","c":"","d":"  x"}`},
		{`require('querystring').stringify({ a: ['x', 'y z'], b: 1, c: null, d: "it's" })`, `"a=x&a=y%20z&b=1&c=&d=it's"`},
		{`require('querystring').unescape('%zz%41')`, `"%zzA"`},
		// Date, which is the library's
		{`[typeof Date(), typeof Date.now(), Date.length, Date.name, Object.keys(Date).length]`, `["string","number",7,"Date",0]`},
		{`[new Date(0).toISOString(), new Date(2020, 1, 29).getMonth(), Date.UTC(1970, 0, 2), Date.parse('1970-01-01T00:00:01Z')]`, `["1970-01-01T00:00:00.000Z",1,86400000,1000]`},
		{`[new Date() instanceof Date, new Date().constructor === Date, Date.prototype.constructor === Date, Object.prototype.toString.call(new Date())]`, `[true,true,true,"[object Date]"]`},
		{`(() => { class D extends Date { day() { return this.getUTCDate(); } } return [new D(0).day(), new D() instanceof D, new D() instanceof Date, Math.abs(new D() - Date.now()) < 6e4]; })()`, `[1,true,true,true]`},
		{`[Math.abs(Date.parse(Date()) - new Date()) < 6e4, new Date(NaN).getTime(), Object.getOwnPropertyNames(globalThis).filter((k) => k.startsWith('__'))]`, `[true,null,[]]`},
		// path
		{`require('path').join('/a', '..', 'b', './c/')`, `"/b/c/"`},
		{`require('path').extname('/a/b.tar.gz')`, `".gz"`},
		{`require('path').basename('/a/b.html', '.html')`, `"b"`},
		{`require('path').parse('/home/x.txt')`, `{"root":"/","dir":"/home","base":"x.txt","ext":".txt","name":"x"}`},
		{`require('path').resolve('a')`, `"/var/task/a"`},
		{`require('path').relative('/a/b/c', '/a/d')`, `"../../d"`},
		// url
		{`new URL('https://user:p%40@Example.COM:443/a/../b?x=1&y=%20#h').href`, `"https://user:p%40@example.com/b?x=1&y=%20#h"`},
		{`new URL('../x?y', 'http://h/a/b/c').href`, `"http://h/a/x?y"`},
		{`new URL('//other/x', 'https://h/a').href`, `"https://other/x"`},
		{`new URL('http://0x7f.1/').hostname`, `"127.0.0.1"`},
		{`(() => { try { new URL('nope'); } catch (e) { return e.code; } })()`, `"ERR_INVALID_URL"`},
		{`(() => { const u = new URL('http://h/?a=1'); u.searchParams.append('b', 'x y'); u.pathname = '/p q'; return u.href; })()`, `"http://h/p%20q?a=1&b=x+y"`},
		{`[...new URLSearchParams('?a=1&b=%C3%A9&a=2')]`, `[["a","1"],["b","é"],["a","2"]]`},
		{`new URLSearchParams({ 'a b': 'ü&' }).toString()`, `"a+b=%C3%BC%26"`},
		{`require('url').parse('http://h:8080/p/q?x=1#f', true).query.x`, `"1"`},
		{`(({ protocol, host, pathname, search, hash }) => [protocol, host, pathname, search, hash])(require('url').parse('https://h:1/p?q#f'))`, `["https:","h:1","/p","?q","#f"]`},
		{`require('url').format({ protocol: 'https', hostname: 'h', pathname: '/p', query: { a: 'b' } })`, `"https://h/p?a=b"`},
		// util
		{`require('util').format('%s %d %j %%', 'a', 1, { b: 2 }, 'x')`, `"a 1 {\"b\":2} % x"`},
		{`require('util').inspect({ a: [1, 'x'], b: { c: { d: {} } }, f() {} })`, `"{ a: [ 1, 'x' ], b: { c: { d: {} } }, f: [Function: f] }"`},
		{`(() => { const a = { n: 1 }; a.self = a; return require('util').inspect(a).includes('[Circular *1]'); })()`, `true`},
		{`require('util').promisify((x, done) => done(null, x + 1))(1)`, `2`},
		// globals
		{`[atob('aGk='), btoa('hi')]`, `["hi","aGk="]`},
		{`new TextDecoder().decode(new TextEncoder().encode('é'))`, `"é"`},
		{`structuredClone({ a: new Date(0), b: [1, { c: 2 }] })`, `{"a":"1970-01-01T00:00:00.000Z","b":[1,{"c":2}]}`},
		{`new Promise((f) => queueMicrotask(() => f('m')))`, `"m"`},
		{`new Promise((f) => { const seen = []; setTimeout(() => { seen.push('t'); f(seen); }, 2); setImmediate(() => seen.push('i')); process.nextTick(() => seen.push('n')); })`, `["n","i","t"]`},
		{`new Promise((f) => { let n = 0; const i = setInterval(() => { if (++n === 3) { clearInterval(i); f(n); } }, 1); })`, `3`},
		{`typeof require('events').EventEmitter`, `"function"`},
		{`(() => { const e = new (require('events'))(), seen = []; e.once('a', (x) => seen.push(x)); e.emit('a', 1); e.emit('a', 2); return seen; })()`, `[1]`},
		{`(async () => { const parts = []; for await (const c of require('stream').Readable.from(['a', 'b'])) parts.push(c); return parts; })()`, `["a","b"]`},
		{`require('zlib').gunzipSync(require('zlib').gzipSync('text')).toString()`, `"text"`},
		{`(() => { const d = new (require('string_decoder').StringDecoder)('utf8'); return d.write(Buffer.from([0xe2, 0x82])) + d.write(Buffer.from([0xac])); })()`, `"€"`},
		{`(() => { const c = new AbortController(); c.abort(); return c.signal.reason.name; })()`, `"AbortError"`},
		{`new Response('{"a":1}', { headers: { 'content-type': 'application/json' } }).json()`, `{"a":1}`},
		{`[typeof global, typeof process.env, process.version.startsWith('v22'), typeof require('os').EOL]`, `["object","object",true,"string"]`},
		{`(() => { require('assert').deepStrictEqual({ a: [1] }, { a: [1] }); try { require('assert')(false, 'm'); } catch (e) { return e.message; } })()`, `"m"`},
		{`(() => { try { require('nothing'); } catch (e) { return e.code; } })()`, `"MODULE_NOT_FOUND"`},
		{`(() => { try { require('child_process').exec('ls'); } catch (e) { return e.message; } })()`, `"child_process.exec is not available in this runtime"`},
		{`(() => { try { require('fs').readFileSync('/etc/passwd'); } catch (e) { return e.code; } })()`, `"ENOENT"`},
		{`(() => { try { require('fs').writeFileSync('x', 'y'); } catch (e) { return e.code; } })()`, `"EROFS"`},
	} {
		t.Run(c.expression, func(t *testing.T) {
			f := nodeFunction(t, p, "exports.handler = async () => "+c.expression+";")
			if got := invoke(t, f, "null"); !reflect.DeepEqual(value(t, got), value(t, c.want)) {
				t.Errorf("%s = %s, want %s", c.expression, got, c.want)
			}
			f.Close()
		})
	}
}

func TestSignatures(t *testing.T) {
	p := newPool(t, function.Config{})
	files := map[string]string{"rsa.pem": rsaKey(t), "ec.pem": ecKey(t), "index.js": `
const crypto = require('crypto'), fs = require('fs');
exports.handler = async () => {
  const out = {};
  for (const [name, o] of [['rsa', {}], ['rsa', { padding: crypto.constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }], ['ec', {}], ['ec', { dsaEncoding: 'ieee-p1363' }]]) {
    const pem = fs.readFileSync(__dirname + '/' + name + '.pem', 'utf8');
    const signature = crypto.createSign('RSA-SHA256').update('message').sign({ key: pem, ...o });
    const jwk = crypto.createPublicKey(pem).export({ format: 'jwk' });
    const key = crypto.createPublicKey({ key: jwk, format: 'jwk' });
    out[name + JSON.stringify(o)] = [
      crypto.createVerify('SHA256').update('message').verify({ key, ...o }, signature),
      crypto.createVerify('SHA256').update('another').verify({ key, ...o }, signature),
      crypto.verify('sha256', Buffer.from('message'), { key: key.export({ format: 'pem', type: 'spki' }), ...o }, signature),
    ];
  }
  const imported = await crypto.subtle.importKey('jwk', crypto.createPublicKey(fs.readFileSync('rsa.pem')).export({ format: 'jwk' }), { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }, false, ['verify']);
  out.subtle = await crypto.subtle.verify('RSASSA-PKCS1-v1_5', imported, crypto.sign('sha256', Buffer.from('m'), fs.readFileSync('rsa.pem')), Buffer.from('m'));
  const secret = crypto.publicEncrypt(fs.readFileSync('rsa.pem'), Buffer.from('s'));
  out.oaep = crypto.privateDecrypt(fs.readFileSync('rsa.pem'), secret).toString();
  return out;
};`}
	got := value(t, invoke(t, load(t, p, function.Spec{Handler: "index.handler"}, files), "null"))
	three := []any{true, false, true}
	want := map[string]any{
		"rsa{}": three, `rsa{"padding":6,"saltLength":32}`: three, "ec{}": three, `ec{"dsaEncoding":"ieee-p1363"}`: three, "subtle": true, "oaep": "s",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestUnsignedKey wants a public key whose modulus lacks the zero that makes it positive
// to be one, as OpenSSL has it, and what is none to be refused.
func TestUnsignedKey(t *testing.T) {
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	digest := sha256.Sum256([]byte("x"))
	signature, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	rsaEncryption := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	der := func(algorithm asn1.ObjectIdentifier, modulus []byte, exponent int) string {
		inner, err := asn1.Marshal(struct {
			N asn1.RawValue
			E int
		}{asn1.RawValue{Tag: asn1.TagInteger, Bytes: modulus}, exponent})
		if err != nil {
			t.Fatal(err)
		}
		outer, err := asn1.Marshal(struct {
			Algorithm pkix.AlgorithmIdentifier
			Key       asn1.BitString
		}{pkix.AlgorithmIdentifier{Algorithm: algorithm, Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: inner, BitLength: 8 * len(inner)}})
		if err != nil {
			t.Fatal(err)
		}
		return hex.EncodeToString(outer)
	}
	p := newPool(t, function.Config{})
	f := nodeFunction(t, p, `
const { createPublicKey, createVerify } = require('crypto');
exports.handler = async ({ der, signature }) => {
  try {
    return createVerify('RSA-SHA256').update('x').verify(createPublicKey({ key: Buffer.from(der, 'hex'), format: 'der', type: 'spki' }), signature, 'hex');
  } catch (e) { return e.message; }
};`)
	modulus := private.N.Bytes() // its highest bit is set
	even := slices.Clone(modulus)
	even[len(even)-1] &^= 1
	for name, c := range map[string]struct{ der, want string }{
		"as it is":          {der(rsaEncryption, modulus, private.E), "true"},
		"positive":          {der(rsaEncryption, append([]byte{0}, modulus...), private.E), "true"},
		"even":              {der(rsaEncryption, even, private.E), `"unsupported or malformed key"`},
		"a power of one":    {der(rsaEncryption, modulus, 1), `"unsupported or malformed key"`},
		"another algorithm": {der(asn1.ObjectIdentifier{1, 2, 3}, modulus, private.E), `"unsupported or malformed key"`},
		"half":              {der(rsaEncryption, modulus, private.E)[:200], `"unsupported or malformed key"`},
	} {
		if got := invoke(t, f, `{"der":"`+c.der+`","signature":"`+hex.EncodeToString(signature)+`"}`); got != c.want {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}

func TestModules(t *testing.T) {
	p := newPool(t, function.Config{})
	for name, c := range map[string]struct {
		handler, want string
		files         map[string]string
	}{
		"relative files, JSON and a folder": {"src/app.run", `["a",{"x":1},"main"]`, map[string]string{
			"src/app.js": `exports.run = async () => [require('./a').a, require('../config.json'), require('./lib')];`,
			"src/a.js":   `exports.a = 'a';`, "config.json": `{"x":1}`, "src/lib/package.json": `{"main":"m"}`, "src/lib/m.js": `module.exports = 'main';`,
		}},
		"node_modules with exports": {"index.handler", `["cjs","deep star"]`, map[string]string{
			"index.js":                       `exports.handler = async () => [require('@s/p'), require('@s/p/f/star')];`,
			"node_modules/@s/p/package.json": `{"exports":{".":{"import":"./e.mjs","require":"./c.js"},"./f/*":{"node":"./deep/*.js"}}}`,
			"node_modules/@s/p/c.js":         `module.exports = 'cjs';`, "node_modules/@s/p/deep/star.js": `module.exports = 'deep star';`,
		}},
		"ES module": {"index.handler", `["a6","/","two",3,"file:///var/task/index.mjs"]`, map[string]string{
			"index.mjs": `import { createHash } from 'node:crypto'; import path from 'path'; import two, { three } from './two.js'; const late = await Promise.resolve(3);
export const handler = async () => [createHash('md5').update('x').digest('hex').slice(-2), path.sep, two, three, import.meta.url];`,
			"two.js": `module.exports = 'two'; module.exports = Object.assign(() => {}, { three: 3 }); module.exports = { three: 3, toJSON: () => 'two' };`,
		}},
		"ES module by package.json": {"index.handler", `{"a":1}`, map[string]string{
			"package.json": `{"type":"module"}`, "index.js": `import { readFileSync } from 'fs'; import data from './data.json' with { type: 'json' };
export async function handler() { return JSON.parse(readFileSync(new URL('./data.json', import.meta.url), 'utf8')); }`, "data.json": `{"a":1}`,
		}},
		"createRequire": {"index.handler", `"c"`, map[string]string{
			"index.mjs": `import { createRequire } from 'module'; const require = createRequire(import.meta.url); export const handler = async () => require('./c.cjs');`, "c.cjs": `module.exports = 'c';`,
		}},
		"a circle of modules": {"index.handler", `"done"`, map[string]string{
			"index.js": `exports.early = 'done'; const b = require('./b'); exports.handler = async () => b();`, "b.js": `const a = require('./index'); module.exports = () => a.early;`,
		}},
	} {
		t.Run(name, func(t *testing.T) {
			f := load(t, p, function.Spec{Handler: c.handler}, c.files)
			if got := invoke(t, f, "null"); got != c.want {
				t.Errorf("result = %s, want %s", got, c.want)
			}
		})
	}
}

// TestOlderCode wants the constructors of Node.js to do as functions, on objects that
// older code made by itself, and Buffer and EventEmitter to be copied by the names that
// for … in finds. Packages that published functions bring along do all of it.
func TestOlderCode(t *testing.T) {
	const code = `
const { EventEmitter } = require('events'), stream = require('stream'), { inherits } = require('util');
function Emitter() { EventEmitter.call(this); }
inherits(Emitter, EventEmitter);
function Source() { stream.Readable.call(this); this.n = 0; }
inherits(Source, stream.Readable);
Source.prototype._read = function () { this.push(this.n++ < 2 ? 'x' + this.n : null); };
function Upper() { if (!(this instanceof Upper)) return new Upper(); stream.Transform.call(this); }
inherits(Upper, stream.Transform);
Upper.prototype._transform = function (c, e, then) { then(null, String(c).toUpperCase()); };
function Sink() { stream.Writable.call(this, { decodeStrings: false }); this.got = ''; }
inherits(Sink, stream.Writable);
Sink.prototype._write = function (c, e, then) { this.got += c; then(); };
function Both() { stream.Duplex.call(this); }
inherits(Both, stream.Duplex);
class Newer extends stream.PassThrough {}
exports.handler = async () => {
  const said = [], emitter = new Emitter(), mixed = Object.assign({}, EventEmitter.prototype), sink = new Sink(), newer = new Newer();
  emitter.once('a', (v) => said.push(v));
  emitter.emit('a', 1);
  emitter.emit('a', 2);
  mixed.on('b', (v) => said.push(v)).emit('b', 3);
  await new Promise((then) => new Source().pipe(Upper()).pipe(sink).on('finish', then));
  newer.end('tail');
  for await (const c of newer) said.push(String(c));
  const copy = {};
  for (const name in Buffer) copy[name] = Buffer[name];
  return [said, sink.got, sink instanceof stream.Writable && sink instanceof stream && new Both() instanceof EventEmitter,
    newer instanceof stream.Transform, new stream.Readable().constructor === stream.Readable, copy.isBuffer(Buffer.alloc(1))];
};`
	p := newPool(t, function.Config{})
	if got, want := invoke(t, nodeFunction(t, p, code), "null"), `[[1,3,"tail"],"X1X2",true,true,true,true]`; got != want {
		t.Errorf("result = %s, want %s", got, want)
	}
}

func TestLoadingFails(t *testing.T) {
	p := newPool(t, function.Config{})
	for name, c := range map[string]struct{ code, handler, kind string }{
		"syntax error":    {`exports.handler = (`, "index.handler", "Runtime.UserCodeSyntaxError"},
		"no such handler": {`exports.other = 1;`, "index.handler", "Runtime.HandlerNotFound"},
		"no such file":    {`exports.handler = 1;`, "other.handler", "Runtime.ImportModuleError"},
		"no such module":  {`require('axios');`, "index.handler", "Runtime.ImportModuleError"},
		"throws":          {`throw new RangeError('at load');`, "index.handler", "RangeError"},
		"throws no error": {`throw 'text';`, "index.handler", "string"},
	} {
		t.Run(name, func(t *testing.T) {
			f := load(t, p, function.Spec{Handler: c.handler}, map[string]string{"index.js": c.code})
			r, err := refused(t, f, "null")
			if got := failure(t, err); got.Type != c.kind || !got.Loading {
				t.Errorf("failure = %+v, want type %s while loading", got, c.kind)
			}
			if len(r.Log) == 0 {
				t.Error("nothing in the log")
			}
		})
	}
}

// TestTrace wants a failure to tell the line of the function's own file.
func TestTrace(t *testing.T) {
	p := newPool(t, function.Config{})
	_, err := refused(t, nodeFunction(t, p, "exports.handler = async () => {\n  throw new TypeError('no such film');\n};"), "null")
	got := failure(t, err)
	if got.Type != "TypeError" || len(got.Trace) < 2 || got.Trace[0] != "TypeError: no such film" || !strings.Contains(got.Trace[1], "(/var/task/index.js:2:") {
		t.Errorf("failure = %+v", got)
	}
}

// TestTraceOfSyntax wants a failure at load to tell the line, and nothing of the
// library's own steps.
func TestTraceOfSyntax(t *testing.T) {
	p := function.NewPool(function.Config{})
	t.Cleanup(p.Close)
	for code, want := range map[string]string{
		"const a = 1;\nexports.handler = async () => a +* 2;": "/var/task/index.js:2:",
		"exports.handler = 1;":                                "",
		"":                                                    "",
	} {
		_, err := refused(t, nodeFunction(t, p, code), `{}`)
		got := failure(t, err)
		trace := strings.Join(got.Trace, "\n")
		if !got.Loading || !strings.Contains(trace, want) || strings.Contains(trace, "<eval>") {
			t.Errorf("%q: trace = %s, want %q in it", code, trace, want)
		}
	}
	_, err := refused(t, load(t, p, function.Spec{Handler: "index.handler"}, nil), `{}`)
	if got := failure(t, err); got.Type != "Runtime.ImportModuleError" {
		t.Errorf("without a file: %v, want Runtime.ImportModuleError", got)
	}
}
