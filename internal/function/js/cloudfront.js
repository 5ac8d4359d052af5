// The globals and modules of CloudFront functions, in both dialects. Go evaluates
// this file once in each machine, and then calls what it leaves in __core.
globalThis.__core = (function () {
  'use strict';
  const host = globalThis.__host, clock = globalThis.__clock, Date = globalThis.Date, indirect = globalThis.eval;
  delete globalThis.__host;
  delete globalThis.__clock;
  let program, second = false, current = null, handler = null, origin = null;
  const toBase64 = (b) => Uint8Array.prototype.toBase64.call(b), fromBase64 = (s) => Uint8Array.fromBase64(s);
  const packed = (v) => typeof v === 'string' ? ':' + v : toBase64(v);

  const asked = new Map();
  const ask = (what, request) => new Promise((resolve, reject) => asked.set(host('ask', what, JSON.stringify(request), ''), { resolve, reject }));
  function deliver(seq, error, data) {
    const waiting = asked.get(seq);
    if (!waiting) return;
    asked.delete(seq);
    if (error) waiting.reject(new Error(error));
    else waiting.resolve(JSON.parse(data));
  }

  const modules = Object.create(null);
  function library(name) {
    if (name in modules) return modules[name];
    host('builtin', name);
    const make = globalThis.__module;
    delete globalThis.__module;
    const module = { exports: {} };
    modules[name] = module.exports;
    make(module.exports, library, module, host, { packed, toBase64, fromBase64, ask, name });
    return modules[name] = module.exports;
  }
  function require(name) {
    switch (name) {
      case 'crypto': {
        const { createHash, createHmac } = library('crypto');
        const known = (name) => {
          if (!['md5', 'sha1', 'sha256'].includes(name)) throw new TypeError('not supported algorithm: "' + name + '"');
          return name;
        };
        return { createHash: (name) => createHash(known(name)), createHmac: (name, key) => createHmac(known(name), key) };
      }
      case 'querystring': return library('querystring');
      case 'buffer': if (second) return { Buffer: library('buffer').Buffer }; break;
      case 'cloudfront': if (second) return cloudfront; break;
    }
    throw new Error('Cannot load module "' + name + '"');
  }

  function store(id) {
    const { Buffer } = library('buffer'); // here, where its loading is not the handler's time
    const question = async (op, key) => ask('kv', { store: id || '', op, key: key === undefined ? '' : String(key) });
    return {
      async get(key, o = {}) {
        const a = await question('get', key);
        if (!a.found) throw new Error('KeyNotFound');
        switch (o.format) {
          case undefined: case 'string': return a.value;
          case 'json': return JSON.parse(a.value);
          case 'bytes': return Buffer.from(a.value);
        }
        throw new TypeError('unknown format: ' + o.format);
      },
      async exists(key) { return (await question('exists', key)).found; },
      async count() { return (await question('count')).count; },
      async meta() {
        const a = await question('meta');
        return { creationDateTime: new Date(a.created).toISOString(), lastUpdatedDateTime: new Date(a.modified).toISOString(), keyCount: a.count };
      },
    };
  }
  const cloudfront = {
    kvs: (id) => store(id),
    updateRequestOrigin: (o) => {
      if (o === null || typeof o !== 'object' || Array.isArray(o)) throw new TypeError('updateRequestOrigin takes an object');
      if (origin && origin.group) throw new TypeError('updateRequestOrigin cannot follow createRequestOriginGroup');
      origin = Object.assign({}, origin, { update: Object.assign({}, origin && origin.update, JSON.parse(JSON.stringify(o))) });
    },
    selectRequestOriginById: (id, o) => {
      if (typeof id !== 'string') throw new TypeError('selectRequestOriginById takes an origin id');
      origin = { select: id, update: o && o.originOverrides ? JSON.parse(JSON.stringify(o.originOverrides)) : {} };
    },
    createRequestOriginGroup: (o) => {
      if (o === null || typeof o !== 'object' || !Array.isArray(o.originIds)) throw new TypeError('createRequestOriginGroup takes originIds and failoverCriteria');
      origin = { group: JSON.parse(JSON.stringify(o)) };
    },
  };
  cloudfront.default = cloudfront;

  function describe(e) {
    try {
      if (e && typeof e === 'object' && 'message' in e) {
        return { errorType: String(e.name || 'Error'), errorMessage: String(e.message), trace: String(e.stack || '').split('\n').map((l) => l.trim().replace('<input>', 'function.js')).filter((l) => l !== '' && !l.includes('<eval>:')) };
      }
      return { errorType: 'Error', errorMessage: String(e), trace: [] };
    } catch {
      return { errorType: 'Error', errorMessage: 'error without a description', trace: [] };
    }
  }
  const say = (v) => typeof v === 'string' ? v : v instanceof Error ? v.name + ': ' + v.message : typeof v === 'object' && v !== null ? JSON.stringify(v) : String(v);
  const log = (...args) => host('log', 'INFO', args.map(say).join(' '));

  function finish(status, body, extra) {
    if (!current) return;
    current = null;
    host('end', status, body, extra);
  }
  const fail = (id, e, where) => { if (current === id) finish('failed', JSON.stringify(describe(e)), where); };
  function succeed(id, v) {
    if (current !== id) return;
    let text;
    try { text = JSON.stringify(v); } catch (e) { return fail(id, e); }
    finish('ok', text === undefined ? 'null' : text, origin ? JSON.stringify(origin) : undefined);
  }

  function define(name, value) { Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false }); }
  function boot(text) {
    program = JSON.parse(text);
    second = program.runtime === 'cloudfront-js-2.0';
    define('console', { log, error: log, warn: log, info: log, debug: log });
    define('require', require);
    if (second) {
      for (const name of ['atob', 'btoa', 'TextEncoder', 'TextDecoder']) {
        Object.defineProperty(globalThis, name, { configurable: true, get: () => library('encoding')[name] });
      }
      Object.defineProperty(globalThis, 'Buffer', { configurable: true, get: () => library('buffer').Buffer });
    }
    for (const [f, from] of [['bytesFrom', (v, e) => Array.isArray(v) ? String.fromCharCode(...v) : library('buffer').Buffer.from(v, e).toString('latin1')]]) {
      Object.defineProperty(String, f, { value: from, configurable: true, writable: true });
    }
    Object.defineProperty(globalThis, Symbol.for('keyfront.bridge'), { value: {
      require: (name) => require(name.replace(/^node:/, '')),
      names: (name) => Object.keys(require(name.replace(/^node:/, ''))).filter((k) => k !== 'default').map((k) => 'export const ' + k + '=m.' + k + ';').join(''),
    } });
    // Code comes from the function alone: neither dialect makes more of text.
    delete globalThis.eval;
    const none = function () { throw new TypeError('code generation is not available'); };
    for (const f of [function () {}, async function () {}, function* () {}, async function* () {}]) {
      Object.defineProperty(Object.getPrototypeOf(f), 'constructor', { value: none });
    }
    define('Function', none);
  }

  async function start() {
    if (second) {
      const m = await import('/var/task/function.js');
      return m.__handler;
    }
    indirect(host('file', 'function.js', 'text'));
    const found = indirect('typeof handler === "function" ? handler : undefined');
    if (!found) throw new SyntaxError('The function has no handler');
    return found;
  }

  function invoke(payload, requestID, arn, until, ahead) {
    const id = {};
    current = id;
    origin = null;
    asked.clear();
    clock.move(ahead);
    if (handler) return begin(id, payload);
    start().then((f) => { handler = f; begin(id, payload); }, (e) => fail(id, e, 'loading'));
  }
  function begin(id, payload) {
    try {
      const event = JSON.parse(payload), raw = event.request && event.request.rawQuery_;
      if (event.request) {
        delete event.request.rawQuery_;
        Object.defineProperty(event.request, 'rawQueryString', { value: () => raw === undefined ? '' : raw, enumerable: false });
      }
      const v = handler(event);
      if (v && typeof v.then === 'function') v.then((x) => succeed(id, x), (e) => fail(id, e));
      else succeed(id, v);
    } catch (e) {
      fail(id, e);
    }
  }
  return { boot, invoke, deliver, tick: () => {}, next: () => -1, exhausted: () => finish('ok', 'null') };
})();
