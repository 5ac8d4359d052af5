globalThis.__module = function (exports, require, module) {
  'use strict';
  // Functions and not private methods: older code has objects that no constructor of
  // ours has made.
  function all(e) {
    if (!Object.hasOwn(e, '_events')) Object.defineProperty(e, '_events', { value: new Map(), enumerable: false });
    return e._events;
  }
  function add(e, name, f, first) {
    if (typeof f !== 'function') throw Object.assign(new TypeError('The "listener" argument must be of type function.'), { code: 'ERR_INVALID_ARG_TYPE' });
    const list = all(e).get(name) || [];
    if (name !== 'newListener' && all(e).has('newListener')) e.emit('newListener', name, f.listener || f);
    all(e).set(name, first ? [f, ...list] : [...list, f]);
    return e;
  }
  function once(e, name, f) {
    const g = (...args) => { e.removeListener(name, g); return f.apply(e, args); };
    g.listener = f;
    return g;
  }
  class EventEmitter {
    static defaultMaxListeners = 10;
    static EventEmitter = EventEmitter;
    on(name, f) { return add(this, name, f, false); }
    addListener(name, f) { return add(this, name, f, false); }
    prependListener(name, f) { return add(this, name, f, true); }
    once(name, f) { return add(this, name, once(this, name, f), false); }
    prependOnceListener(name, f) { return add(this, name, once(this, name, f), true); }
    removeListener(name, f) {
      const list = all(this).get(name) || [], at = list.findLastIndex((g) => g === f || g.listener === f);
      if (at >= 0) {
        const rest = list.toSpliced(at, 1);
        if (rest.length) all(this).set(name, rest);
        else all(this).delete(name);
        if (all(this).has('removeListener')) this.emit('removeListener', name, f);
      }
      return this;
    }
    off(name, f) { return this.removeListener(name, f); }
    removeAllListeners(name) { if (name === undefined) all(this).clear(); else all(this).delete(name); return this; }
    emit(name, ...args) {
      const list = all(this).get(name);
      if (!list) {
        if (name !== 'error') return false;
        throw args[0] instanceof Error ? args[0] : Object.assign(new Error('Unhandled error. (' + String(args[0]) + ')'), { code: 'ERR_UNHANDLED_ERROR' });
      }
      for (const f of list) f.apply(this, args);
      return true;
    }
    listeners(name) { return (all(this).get(name) || []).map((f) => f.listener || f); }
    rawListeners(name) { return (all(this).get(name) || []).slice(); }
    listenerCount(name) { return (all(this).get(name) || []).length; }
    eventNames() { return [...all(this).keys()]; }
    setMaxListeners(n) { Object.defineProperty(this, '_maxListeners', { value: n, writable: true, configurable: true, enumerable: false }); return this; }
    getMaxListeners() { return this._maxListeners === undefined ? EventEmitter.defaultMaxListeners : this._maxListeners; }
  }
  // Classes of older code call it as a function.
  const callable = new Proxy(EventEmitter, { apply: () => undefined });
  // It also copies the methods from one prototype to another.
  for (const name of Object.getOwnPropertyNames(EventEmitter.prototype)) {
    Object.defineProperty(EventEmitter.prototype, name, { enumerable: name !== 'constructor' });
  }
  EventEmitter.prototype.constructor = callable;
  module.exports = callable;
  callable.EventEmitter = callable;
  callable.default = callable;
  callable.setMaxListeners = () => {};
  callable.on = async function* on(emitter, name, o = {}) {
    const queue = [];
    let wake = null, failed = null;
    const poke = () => { if (wake) { wake(); wake = null; } };
    const got = (...args) => { queue.push(args); poke(); }, lost = (e) => { failed = e; poke(); };
    if (o.signal) {
      o.signal.throwIfAborted();
      o.signal.addEventListener('abort', () => lost(Object.assign(new Error('The operation was aborted'), { name: 'AbortError', code: 'ABORT_ERR' })), { once: true });
    }
    emitter.on(name, got);
    if (name !== 'error') emitter.on('error', lost);
    try {
      for (;;) {
        if (queue.length) yield queue.shift();
        else if (failed) throw failed;
        else await new Promise((f) => { wake = f; });
      }
    } finally {
      emitter.removeListener(name, got);
      emitter.removeListener('error', lost);
    }
  };
  callable.once = (emitter, name) => new Promise((resolve, reject) => {
    const failed = (e) => { emitter.removeListener(name, done); reject(e); };
    const done = (...args) => { emitter.removeListener('error', failed); resolve(args); };
    emitter.once(name, done);
    if (name !== 'error') emitter.once('error', failed);
  });

  callable.Event = class Event {
    constructor(type, o = {}) { Object.assign(this, { type: String(type), bubbles: false, cancelable: !!o.cancelable, defaultPrevented: false, timeStamp: 0, target: null, currentTarget: null }); }
    preventDefault() { if (this.cancelable) this.defaultPrevented = true; }
    stopPropagation() {}
    stopImmediatePropagation() { this.stopped = true; }
  };
  callable.EventTarget = class EventTarget {
    #listeners = new Map();
    addEventListener(type, f, o = {}) {
      const list = this.#listeners.get(type) || [];
      if (f && !list.some((l) => l.f === f)) this.#listeners.set(type, [...list, { f, once: !!(o && o.once) }]);
    }
    removeEventListener(type, f) { this.#listeners.set(type, (this.#listeners.get(type) || []).filter((l) => l.f !== f)); }
    dispatchEvent(e) {
      e.target = e.currentTarget = this;
      const own = this['on' + e.type];
      if (typeof own === 'function') own.call(this, e);
      for (const l of this.#listeners.get(e.type) || []) {
        if (l.once) this.removeEventListener(e.type, l.f);
        if (typeof l.f === 'function') l.f.call(this, e);
        else l.f.handleEvent(e);
        if (e.stopped) break;
      }
      return !e.defaultPrevented;
    }
  };
  const codes = { IndexSizeError: 1, NotFoundError: 8, NotSupportedError: 9, InvalidStateError: 11, SyntaxError: 12, InvalidAccessError: 15, TypeMismatchError: 17, SecurityError: 18, NetworkError: 19, AbortError: 20,
    QuotaExceededError: 22, TimeoutError: 23, InvalidCharacterError: 5, DataCloneError: 25 };
  callable.DOMException = class DOMException extends Error {
    constructor(message = '', o = 'Error') {
      super(message, typeof o === 'object' && 'cause' in o ? { cause: o.cause } : undefined);
      const name = typeof o === 'object' ? o.name || 'Error' : String(o);
      for (const [k, value] of [['name', name], ['code', codes[name] || 0]]) Object.defineProperty(this, k, { value, writable: true, configurable: true });
    }
  };
  const aborted = (reason) => reason === undefined ? new callable.DOMException('This operation was aborted', 'AbortError') : reason;
  class AbortSignal extends callable.EventTarget {
    aborted = false; reason = undefined; onabort = null;
    throwIfAborted() { if (this.aborted) throw this.reason; }
    static abort(reason) { const s = new AbortSignal(); s.end_(reason); return s; }
    static timeout(ms) {
      const s = new AbortSignal();
      setTimeout(() => s.end_(new callable.DOMException('The operation was aborted due to timeout', 'TimeoutError')), ms).unref();
      return s;
    }
    static any(list) {
      const s = new AbortSignal();
      for (const other of list) {
        if (other.aborted) s.end_(other.reason);
        else other.addEventListener('abort', () => s.end_(other.reason), { once: true });
      }
      return s;
    }
    end_(reason) {
      if (this.aborted) return;
      this.aborted = true;
      this.reason = aborted(reason);
      this.dispatchEvent(new callable.Event('abort'));
    }
  }
  callable.AbortSignal = AbortSignal;
  callable.AbortController = class AbortController {
    signal = new AbortSignal();
    abort(reason) { this.signal.end_(reason); }
  };
};
