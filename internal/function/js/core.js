// The event loop, the loader and the globals of a Node.js function. Go evaluates
// this file once in each machine, and then calls what it leaves in __core.
globalThis.__core = (function () {
  'use strict';
  const host = globalThis.__host, clock = globalThis.__clock;
  delete globalThis.__host;
  delete globalThis.__clock;
  let program, limitAt = 0, current = null, started = null;

  const toBase64 = (bytes) => Uint8Array.prototype.toBase64.call(bytes);
  const fromBase64 = (text) => Uint8Array.fromBase64(text);
  // What goes to Go is base64, or text behind a colon.
  const packed = (v) => typeof v === 'string' ? ':' + v : toBase64(v);

  // --- modules of the library ---------------------------------------------

  const builtins = Object.create(null);
  const aliases = { 'path/posix': ['path', 'posix'], 'fs/promises': ['fs', 'promises'], 'stream/promises': ['stream', 'promises'],
    'timers/promises': ['timers', 'promises'], 'util/types': ['util', 'types'], constants: ['os', 'constants'] };
  const files = { https: 'http' };

  const absent = new Set(['child_process', 'cluster', 'dgram', 'dns', 'http2', 'inspector', 'net', 'readline', 'tls', 'v8', 'vm', 'worker_threads']);
  // Whatever is taken from such a module can be named, and inherited from, but
  // not used.
  function missing(module) {
    return new Proxy({}, { get: (o, name) => {
      if (typeof name === 'symbol' || name === '__esModule' || name === 'then' || name === 'default') return undefined;
      if (name === 'constants') return {};
      return o[name] || (o[name] = function () {
        throw failure(Error, 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM', module + '.' + name + ' is not available in this runtime');
      });
    } });
  }

  function builtin(name) {
    if (name in builtins) return builtins[name];
    if (name in aliases) return builtins[name] = builtin(aliases[name][0])[aliases[name][1]];
    if (absent.has(name)) return builtins[name] = missing(name);
    const local = inline[name];
    if (local) return builtins[name] = local();
    host('builtin', files[name] || name);
    const make = globalThis.__module;
    delete globalThis.__module;
    const module = { exports: {} };
    builtins[name] = module.exports;
    make(module.exports, builtin, module, host, { packed, toBase64, fromBase64, ask, name });
    return builtins[name] = module.exports;
  }

  // --- questions to the world outside -------------------------------------

  const asked = new Map();

  function ask(what, request, body) {
    return new Promise((resolve, reject) => {
      asked.set(host('ask', what, JSON.stringify(request), body === undefined ? '' : packed(body)), { resolve, reject });
    });
  }

  function deliver(seq, error, data, body) {
    const waiting = asked.get(seq);
    if (!waiting) return;
    asked.delete(seq);
    if (error) waiting.reject(new Error(error));
    else waiting.resolve({ data: data ? JSON.parse(data) : null, body: fromBase64(body) });
  }

  // --- timers --------------------------------------------------------------

  let timers = [], lastTimer = 0, immediates = [];

  class Timeout {
    constructor(id) { this._id = id; }
    ref() { const t = find(this._id); if (t) t.held = true; return this; }
    unref() { const t = find(this._id); if (t) t.held = false; return this; }
    hasRef() { const t = find(this._id); return !!t && t.held; }
    refresh() { const t = find(this._id); if (t) t.at = clock.now() + t.every; return this; }
    close() { clear(this); return this; }
    [Symbol.toPrimitive]() { return this._id; }
    [Symbol.dispose || Symbol.for('dispose')]() { clear(this); }
  }
  const find = (id) => timers.find((t) => t.id === id);

  function callable(f) {
    if (typeof f !== 'function') throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "callback" argument must be of type function.');
    return f;
  }
  function schedule(f, ms, args, repeat) {
    callable(f);
    ms = +ms;
    if (!(ms >= 1 && ms <= 2147483647)) ms = 1;
    const id = ++lastTimer;
    timers.push({ id, f, args, at: clock.now() + ms, every: ms, repeat, held: true });
    return new Timeout(id);
  }
  function clear(t) {
    if (t === undefined || t === null) return;
    const id = typeof t === 'object' ? t._id : +t;
    timers = timers.filter((x) => x.id !== id);
    immediates = immediates.filter((x) => x.id !== id);
  }

  // tick runs what is due.
  function tick() {
    try {
      const now = immediates;
      immediates = [];
      for (const i of now) i.f(...i.args);
      const due = timers.filter((t) => t.at <= clock.now()).sort((a, b) => a.at - b.at || a.id - b.id);
      if (due.length) {
        const t = due[0];
        if (t.repeat) t.at = clock.now() + t.every;
        else timers = timers.filter((x) => x !== t);
        t.f(...t.args);
      }
    } catch (e) {
      fatal(e);
    }
  }

  // next is in how many milliseconds something is due, or -1.
  function next() {
    if (immediates.length) return 0;
    let at = Infinity;
    for (const t of timers) if (t.held) at = Math.min(at, t.at);
    return at === Infinity ? -1 : Math.max(0, at - clock.now());
  }

  // --- errors and logs ------------------------------------------------------

  function failure(Kind, code, message) {
    const e = new Kind(message);
    e.code = code;
    return e;
  }

  function describe(e) {
    let type = 'Error', message = '', trace = [];
    if (e === null && exhaustedMemory()) return { errorType: 'InternalError', errorMessage: 'out of memory', trace };
    try {
      if (e instanceof Error || (e && typeof e === 'object' && 'message' in e)) {
        type = String(e.name || 'Error');
        message = String(e.message);
        trace = [type + ': ' + message].concat(String(e.stack || '').split('\n').map((l) => l.trim()).filter(foreign).map(place));
      } else {
        type = e === null ? 'null' : typeof e;
        message = typeof e === 'string' ? e : e === undefined ? 'undefined' : JSON.stringify(e) || String(e);
      }
    } catch {
      message = 'error without a description';
    }
    return { errorType: type, errorMessage: message, trace };
  }
  // Steps of the library say nothing to who wrote the function.
  const foreign = (line) => line !== '' && !line.includes('<eval>:');

  // Where there is no memory for an error, the engine throws null.
  function exhaustedMemory() {
    try {
      return !new ArrayBuffer(1 << 20);
    } catch {
      return true;
    }
  }
  // All scripts are called <input>: where there is but one, its name is known.
  let only = '';
  const place = (line) => only ? line.replace('<input>', only) : line;

  function fatal(e) {
    const d = describe(e);
    logged('ERROR', 'Uncaught Exception\t' + JSON.stringify(d));
    finish('failed', JSON.stringify(d), 'fatal');
  }

  function logged(level, line) { host('log', level, line); }

  const console = {};
  const counts = new Map(), times = new Map();
  let indent = '';
  const say = (level) => (...args) => logged(level, indent + builtin('util').format(...args));
  Object.assign(console, {
    log: say('INFO'), info: say('INFO'), debug: say('DEBUG'), warn: say('WARN'), error: say('ERROR'), trace: say('DEBUG'),
    dir: (v) => logged('INFO', indent + builtin('util').inspect(v)), table: say('INFO'), dirxml: say('INFO'),
    assert: (ok, ...args) => { if (!ok) console.error('Assertion failed' + (args.length ? ':' : ''), ...args); },
    count: (l = 'default') => { counts.set(l, (counts.get(l) || 0) + 1); console.log(l + ': ' + counts.get(l)); },
    countReset: (l = 'default') => { counts.delete(l); },
    time: (l = 'default') => { times.set(l, performance.now()); },
    timeLog: (l = 'default', ...a) => console.log(l + ': ' + (performance.now() - times.get(l)).toFixed(3) + 'ms', ...a),
    timeEnd: (l = 'default') => { console.timeLog(l); times.delete(l); },
    group: (...a) => { if (a.length) console.log(...a); indent += '  '; },
    groupEnd: () => { indent = indent.slice(2); },
  });
  console.groupCollapsed = console.group;
  console.Console = function () { return console; };

  // Classes of errors ask for it, and most do not look whether it is there.
  Object.defineProperty(Error, 'captureStackTrace', { writable: true, configurable: true, value(o) {
    Object.defineProperty(o, 'stack', { value: new Error().stack, writable: true, configurable: true });
  } });

  // --- the clock ------------------------------------------------------------

  const origin = clock.now();
  const performance = {
    timeOrigin: origin, now: () => clock.now() - origin, mark() {}, measure() {}, clearMarks() {}, clearMeasures() {},
    getEntriesByName: () => [], toJSON: () => ({ timeOrigin: origin }),
  };

  // --- the loader -----------------------------------------------------------

  const loaded = Object.create(null);
  const root = '/var/task';
  const folder = (file) => file.includes('/') ? file.slice(0, file.lastIndexOf('/')) : '';

  function resolve(dir, name) {
    if (typeof name !== 'string') throw failure(TypeError, 'ERR_INVALID_ARG_TYPE', 'The "id" argument must be of type string.');
    try {
      return host('resolve', dir, name);
    } catch {
      throw failure(Error, 'MODULE_NOT_FOUND', "Cannot find module '" + name + "'");
    }
  }

  function load(file, kind) {
    if (kind === 'builtin') return builtin(file.slice(5));
    if (file in loaded) return loaded[file].exports;
    if (kind === 'module') throw failure(Error, 'ERR_REQUIRE_ESM', 'require() of ES Module ' + root + '/' + file + ' not supported.');
    const module = { exports: {}, id: root + '/' + file, filename: root + '/' + file, loaded: false, children: [], paths: [] };
    const text = host('file', file, 'text');
    loaded[file] = module;
    try {
      if (kind === 'json') {
        module.exports = JSON.parse(text);
      } else {
        const require = module.require = requirer(folder(file));
        compile(text).call(module.exports, module.exports, require, module, module.filename, folder(module.filename));
      }
    } catch (e) {
      delete loaded[file];
      throw e;
    }
    module.loaded = true;
    return module.exports;
  }

  // The first line stays the first, so that stacks tell the right ones.
  const indirect = globalThis.eval;
  const compile = (text) => indirect('(function (exports, require, module, __filename, __dirname) {' + (text.startsWith('#!') ? '//' : '') + text + '\n})');

  function requirer(dir) {
    const require = (name) => load(...resolve(dir, name));
    require.resolve = (name) => { const [file, kind] = resolve(dir, name); return kind === 'builtin' ? file : root + '/' + file; };
    require.cache = Object.create(null);
    require.main = undefined;
    return require;
  }

  const inline = {
    module: () => {
      const createRequire = (from) => {
        let path = String(from);
        if (path.startsWith('file://')) path = path.slice(7);
        return requirer(folder(path).replace(/^\/var\/task\/?/, ''));
      };
      const isBuiltin = (name) => { try { return resolve('', String(name))[1] === 'builtin'; } catch { return false; } };
      return { createRequire, isBuiltin, builtinModules: JSON.parse(host('builtins')), Module: { createRequire } };
    },
    process: () => globalThis.process,
    perf_hooks: () => ({ performance }),
    tty: () => ({ isatty: () => false }),
    'assert/strict': () => builtin('assert').strict,
    'stream/consumers': () => {
      const all = async (s) => { const parts = []; for await (const c of s) parts.push(Buffer.from(c)); return Buffer.concat(parts); };
      const text = async (s) => (await all(s)).toString();
      return { buffer: all, text, json: async (s) => JSON.parse(await text(s)), arrayBuffer: async (s) => Uint8Array.from(await all(s)).buffer, blob: async (s) => new Blob([await all(s)]) };
    },
  };

  // How the source of an ES module reaches what require finds.
  const word = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const reserved = new Set(('arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally for ' +
    'function if implements import in instanceof interface let new null package private protected public return static super switch this throw true try ' +
    'typeof var void while with yield m').split(' '));
  const byName = (name) => name.startsWith('node:') ? builtin(name.slice(5)) : load(...resolve('', name));
  Object.defineProperty(globalThis, Symbol.for('keyfront.bridge'), { value: {
    require: byName,
    names: (name) => {
      const m = byName(name);
      const keys = m && (typeof m === 'object' || typeof m === 'function') ? Object.keys(m) : [];
      return keys.filter((k) => word.test(k) && !reserved.has(k)).map((k) => 'export const ' + k + '=m.' + k + ';').join('');
    },
  } });

  // --- globals --------------------------------------------------------------

  function define(name, value) {
    Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
  }
  function lazily(name, get) {
    Object.defineProperty(globalThis, name, {
      configurable: true, enumerable: false,
      get() { const v = get(); define(name, v); return v; },
      set(v) { define(name, v); },
    });
  }
  const lazy = { Buffer: 'buffer', Blob: 'buffer', atob: 'encoding', btoa: 'encoding', TextEncoder: 'encoding', TextDecoder: 'encoding', URL: 'url', URLSearchParams: 'url',
    fetch: 'fetch', Headers: 'fetch', Request: 'fetch', Response: 'fetch', FormData: 'fetch', AbortController: 'events', AbortSignal: 'events', Event: 'events', DOMException: 'events',
    EventTarget: 'events', ReadableStream: 'fetch', structuredClone: 'clone' };
  for (const name in lazy) lazily(name, () => builtin(lazy[name])[name]);
  lazily('crypto', () => builtin('crypto').webcrypto);
  define('global', globalThis);
  define('console', console);
  define('performance', performance);
  define('setTimeout', (f, ms, ...a) => schedule(f, ms, a, false));
  define('setInterval', (f, ms, ...a) => schedule(f, ms, a, true));
  define('setImmediate', (f, ...args) => { const id = ++lastTimer; immediates.push({ id, f: callable(f), args }); return new Timeout(id); });
  define('clearTimeout', clear);
  define('clearInterval', clear);
  define('clearImmediate', clear);
  define('queueMicrotask', (f) => { Promise.resolve().then(callable(f)).catch(fatal); });

  // environment holds texts only.
  const environment = () => new Proxy(Object.assign({}, program.env), {
    set: (o, k, v) => { o[k] = String(v); return true; },
    defineProperty: (o, k, d) => Reflect.defineProperty(o, k, 'value' in d ? Object.assign({}, d, { value: String(d.value) }) : d),
  });

  function makeProcess() {
    const { EventEmitter } = builtin('events');
    const process = new EventEmitter();
    Object.defineProperty(process, Symbol.toStringTag, { value: 'process', configurable: true });
    const stream = (level) => ({ write: (s) => { logged(level, String(s).replace(/\n$/, '')); return true; }, isTTY: false, on() {}, once() {}, end() {} });
    const hrtime = (from) => {
      const ms = performance.now(), t = [Math.floor(ms / 1e3), Math.round((ms % 1e3) * 1e6)];
      if (!from) return t;
      const ns = t[1] - from[1];
      return ns < 0 ? [t[0] - from[0] - 1, ns + 1e9] : [t[0] - from[0], ns];
    };
    hrtime.bigint = () => BigInt(Math.round(performance.now() * 1e6));
    return Object.assign(process, {
      env: environment(), version: 'v22.11.0', versions: { node: '22.11.0', v8: '12.4.254.21-node.21', modules: '127' },
      release: { name: 'node' }, platform: 'linux', arch: 'x64', pid: 2, ppid: 1, title: 'node', execPath: '/var/lang/bin/node', exitCode: undefined,
      argv: ['/var/lang/bin/node', '/var/runtime/index.mjs'], execArgv: [], config: {}, features: {},
      cwd: () => root, chdir() {}, umask: () => 18, uptime: () => performance.now() / 1e3, hrtime,
      memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
      nextTick: (f, ...a) => { callable(f); Promise.resolve().then(() => f(...a)).catch(fatal); },
      stdout: stream('INFO'), stderr: stream('ERROR'), emitWarning: (w) => console.warn(String(w)),
      exit: (code) => finish('exited', String((code === undefined ? process.exitCode : code) & 255)),
      abort: () => finish('exited', '134'), getuid: () => 993, getgid: () => 990, binding() { throw new Error('No such module'); },
    });
  }

  // --- the handler ----------------------------------------------------------

  function boot(text) {
    program = JSON.parse(text);
    const scripts = program.files.filter((f) => /\.(c?js)$/.test(f));
    if (scripts.length === 1) only = root + '/' + scripts[0];
    lazily('process', makeProcess);
  }

  async function start() {
    const slash = program.handler.lastIndexOf('/') + 1, dot = program.handler.indexOf('.', slash);
    const file = program.handler.slice(0, dot), path = program.handler.slice(dot + 1).split('.');
    const found = ['', '.js', '.mjs', '.cjs'].map((x) => file + x).find((f) => /\.[cm]?js$/.test(f) && program.files.includes(f));
    if (!found) throw failure(ImportError, '', "Error: Cannot find module '" + file + "'");
    let exports;
    const [, kind] = resolve('', './' + found);
    try {
      exports = kind === 'module' ? await import(root + '/' + found) : load(found, kind);
    } catch (e) {
      if (!(e instanceof SyntaxError) || kind === 'module' || !/(^|[\n;}])\s*(import|export)\b/.test(host('file', found, 'text'))) throw loading(e);
      throw failure(UserCodeSyntaxError, '', 'SyntaxError: ' + e.message + ' (an ES module is called *.mjs, or has "type": "module" in its package.json)');
    }
    let handler = exports;
    for (const name of path) handler = handler === undefined || handler === null ? undefined : handler[name];
    if (handler === undefined && exports && exports.default) {
      handler = exports.default;
      for (const name of path) handler = handler === undefined || handler === null ? undefined : handler[name];
    }
    if (typeof handler !== 'function') throw failure(HandlerNotFound, '', program.handler + ' is ' + (handler === undefined ? 'undefined or not exported' : 'not a function'));
    return handler;
  }

  class ImportError extends Error {}
  class HandlerNotFound extends Error {}
  class UserCodeSyntaxError extends Error {}
  ImportError.prototype.name = 'Runtime.ImportModuleError';
  HandlerNotFound.prototype.name = 'Runtime.HandlerNotFound';
  UserCodeSyntaxError.prototype.name = 'Runtime.UserCodeSyntaxError';
  function loading(e) {
    if (e instanceof SyntaxError) return Object.assign(failure(UserCodeSyntaxError, '', 'SyntaxError: ' + e.message), { stack: e.stack });
    if (e && e.code === 'MODULE_NOT_FOUND') return failure(ImportError, '', 'Error: ' + e.message);
    return e;
  }

  function finish(status, body, where) {
    if (!current) return;
    current = null;
    host('end', status, body, where);
  }

  function succeed(id, value) {
    if (current !== id) return;
    let text;
    try {
      text = JSON.stringify(value);
    } catch (e) {
      return fail(id, failure(MarshalError, '', 'Unable to stringify response body: ' + e.message));
    }
    finish('ok', text === undefined ? 'null' : text);
  }
  class MarshalError extends Error {}
  MarshalError.prototype.name = 'Runtime.MarshalError';

  function fail(id, e, where) {
    if (current !== id) return;
    const d = describe(e);
    logged('ERROR', (where === 'loading' ? 'Uncaught Exception\t' : 'Invoke Error\t') + JSON.stringify(d));
    finish('failed', JSON.stringify(d), where);
  }

  let afterLoop = null; // what a callback gave, until the loop is empty

  // invoke begins an invocation that may last until a time in milliseconds.
  function invoke(payload, requestID, arn, until, ahead, env, client) {
    const id = {};
    current = id;
    afterLoop = null;
    asked.clear();
    indent = '';
    clock.move(ahead);
    if (env) {
      const changed = JSON.parse(env);
      Object.assign(program.env, changed);
      Object.assign(globalThis.process.env, changed);
    }
    limitAt = until;
    if (typeof started === 'function') return begin(id, requestID, arn, payload, client);
    start().then((handler) => {
      started = handler;
      host('loaded');
      begin(id, requestID, arn, payload, client);
    }, (e) => fail(id, e, 'loading'));
  }

  function begin(id, requestID, arn, payload, client) {
    if (current !== id) return; // ended while it was loaded
    const answer = (e, v) => e !== undefined && e !== null ? fail(id, e) : succeed(id, v);
    const callback = (e, v) => {
      if (current !== id || afterLoop) return;
      if (context.callbackWaitsForEmptyEventLoop) afterLoop = () => answer(e, v);
      else answer(e, v);
    };
    const at = limitAt;
    const context = {
      callbackWaitsForEmptyEventLoop: true, functionVersion: program.context.functionVersion, functionName: program.context.functionName,
      memoryLimitInMB: String(program.context.memoryLimitInMB), logGroupName: program.context.logGroupName, logStreamName: program.context.logStreamName,
      clientContext: client ? JSON.parse(client) : undefined, identity: undefined, invokedFunctionArn: arn, awsRequestId: requestID,
      getRemainingTimeInMillis: () => Math.max(0, at - clock.now()),
      succeed: (v) => answer(null, v), fail: (e) => answer(e === undefined || e === null ? 'handled' : e), done: (e, v) => answer(e, v),
    };
    try {
      const event = JSON.parse(payload);
      const result = started(event, context, callback);
      if (result && typeof result.then === 'function') result.then((v) => succeed(id, v), (e) => fail(id, e === undefined ? new Error('undefined') : e));
    } catch (e) {
      fail(id, e);
    }
  }

  // exhausted is called when nothing is left to wait for.
  function exhausted() {
    if (!current) return;
    if (afterLoop) return afterLoop();
    finish('ok', 'null');
  }

  return { boot, invoke, tick, next, deliver, exhausted };
})();
