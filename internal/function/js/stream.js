globalThis.__module = function (exports, require, module) {
  'use strict';
  const EventEmitter = require('events');
  const Base = EventEmitter.EventEmitter;
  const later = (f) => { Promise.resolve().then(f).catch((e) => setTimeout(() => { throw e; }, 1)); };

  class Stream extends Base {
    pipe(to, o = {}) {
      this.on('data', (c) => { to.write(c); });
      if (o.end !== false) this.on('end', () => to.end());
      this.on('error', () => {});
      to.emit('pipe', this);
      if (this.resume) this.resume();
      return to;
    }
  }

  // What constructors do is done by functions, and so is what streams do within: older
  // code has objects that no constructor of ours has made.
  const own = (s, name, value) => Object.defineProperty(s, name, { value, configurable: true });
  function readable(s, o = {}) {
    Object.assign(s, { readable: true, readableFlowing: null, readableEnded: false, destroyed: false, errored: null, closed: false });
    own(s, '_r', { list: [], ended: false, encoding: o.encoding || null, reading: false, object: !!(o.objectMode || o.readableObjectMode) });
    if (o.read) s._read = o.read;
    if (o.destroy) s._destroy = o.destroy;
  }
  const decoded = (s, c) => s._r.decoder && c instanceof Uint8Array ? s._r.decoder.write(c) : c;
  function more(s) {
    const r = s._r;
    if (r.reading || r.ended || s.destroyed) return;
    r.reading = true;
    s._read(16384);
  }
  function flow(s) {
    const r = s._r;
    while (s.readableFlowing && r.list.length) s.emit('data', decoded(s, r.list.shift()));
    if (!s.readableFlowing) return;
    if (r.ended) finish(s);
    else more(s);
  }
  function finish(s) {
    if (s.readableEnded || s._r.finishing || s.destroyed) return;
    s._r.finishing = true;
    later(() => {
      const tail = s._r.decoder && s._r.decoder.end();
      if (tail && s.readableFlowing) s.emit('data', tail);
      s.readableEnded = true;
      s.readable = false;
      s.emit('end');
      s.closed = true;
      s.emit('close');
    });
  }
  // Readable hands out what was pushed, whole chunks at a time.
  class Readable extends Stream {
    constructor(o) {
      super();
      readable(this, o);
    }
    static from(source, o) {
      const r = new Readable(Object.assign({ objectMode: true, read() {} }, o));
      (async () => {
        try {
          for await (const c of typeof source === 'string' || source instanceof Uint8Array ? [source] : source) r.push(c);
          r.push(null);
        } catch (e) { r.destroy(e); }
      })();
      return r;
    }
    static fromWeb(s, o) { return Readable.from(s, Object.assign({ objectMode: false }, o)); }
    async toArray() { const out = []; for await (const c of this) out.push(c); return out; }
    map(f) { const s = this; return Readable.from((async function* () { for await (const c of s) yield f(c); })()); }
    filter(f) { const s = this; return Readable.from((async function* () { for await (const c of s) if (await f(c)) yield c; })()); }
    async forEach(f) { for await (const c of this) await f(c); }
    get readableLength() { return this._r.list.reduce((n, c) => n + (c.length || 1), 0); }
    get readableObjectMode() { return this._r.object; }
    _read() {}
    push(c, e) {
      const r = this._r;
      if (c === null) r.ended = true;
      else r.list.push(typeof c === 'string' && !r.object ? Buffer.from(c, e) : c);
      r.reading = false;
      if (this.readableFlowing) later(() => flow(this));
      else later(() => this.emit('readable'));
      return r.list.length < 16;
    }
    setEncoding(e) { this._r.encoding = e; this._r.decoder = new (require('string_decoder').StringDecoder)(e); return this; }
    read(n) {
      const r = this._r;
      if (n > 0 && !r.object) {
        const all = r.list.length === 1 ? r.list[0] : Buffer.concat(r.list);
        if (n < all.length) {
          r.list = [all.subarray(n)];
          return decoded(this, all.subarray(0, n));
        }
        if (n > all.length && !r.ended) {
          more(this);
          return null;
        }
      }
      if (!r.list.length) {
        more(this);
        if (r.ended && !r.list.length) finish(this);
        if (!r.list.length) return null;
      }
      if (r.object) return r.list.shift();
      const all = r.list.length === 1 ? r.list[0] : Buffer.concat(r.list);
      r.list.length = 0;
      if (r.ended) finish(this);
      else more(this);
      return decoded(this, all);
    }
    on(name, f) {
      super.on(name, f);
      if (name === 'data' && this.readableFlowing !== false) this.resume();
      if (name === 'readable') { if (this._r.list.length || this._r.ended) later(() => this.emit('readable')); else more(this); }
      return this;
    }
    addListener(name, f) { return this.on(name, f); }
    resume() { if (!this.readableFlowing) { this.readableFlowing = true; later(() => flow(this)); } return this; }
    pause() { this.readableFlowing = false; return this; }
    isPaused() { return this.readableFlowing === false; }
    unpipe() { this.removeAllListeners('data'); return this; }
    destroy(e) {
      if (this.destroyed) return this;
      this.destroyed = true;
      this.readable = false;
      const end = (failed) => later(() => {
        if (failed) { this.errored = failed; this.emit('error', failed); }
        this.closed = true;
        this.emit('close');
      });
      if (this._destroy) this._destroy(e || null, (x) => end(x || e));
      else end(e);
      return this;
    }
    async * [Symbol.asyncIterator]() {
      const queue = [];
      let wake = null, done = false, failed = null;
      const poke = () => { if (wake) { wake(); wake = null; } };
      this.on('end', () => { done = true; poke(); });
      this.on('close', () => { done = true; poke(); });
      this.on('error', (e) => { failed = e; poke(); });
      this.on('data', (c) => { queue.push(c); poke(); });
      for (;;) {
        if (queue.length) yield queue.shift();
        else if (failed) throw failed;
        else if (done || this.readableEnded) return;
        else await new Promise((f) => { wake = f; });
      }
    }
  }

  const writing = {
    write(c, e, then) {
      if (typeof e === 'function') [e, then] = [undefined, e];
      const w = this._w;
      if (w.ended) {
        const err = Object.assign(new Error('write after end'), { code: 'ERR_STREAM_WRITE_AFTER_END' });
        later(() => { if (then) then(err); this.emit('error', err); });
        return false;
      }
      w.queue.push([typeof c === 'string' && !w.object && w.decode ? Buffer.from(c, e) : c, e || 'buffer', then]);
      pump(this);
      return w.queue.length < 16;
    },
    end(c, e, then) {
      if (typeof c === 'function') [c, then] = [undefined, c];
      if (typeof e === 'function') [e, then] = [undefined, e];
      if (c !== undefined && c !== null) this.write(c, e);
      if (then) this.once('finish', then);
      this._w.ended = true;
      this.writableEnded = true;
      pump(this);
      return this;
    },
    cork() {}, uncork() {}, setDefaultEncoding() { return this; },
  };
  function pump(s) {
    const w = s._w;
    if (w.busy || s.destroyed) return;
    if (!w.queue.length) {
      if (!w.ended || w.finished) return;
      w.finished = true;
      const done = (e) => later(() => {
        if (e) return void s.destroy(e);
        s.writableFinished = true;
        s.writable = false;
        s.emit('finish');
        if (s.writeOnly_) { s.closed = true; s.emit('close'); }
      });
      if (s._final) s._final(done);
      else done();
      return;
    }
    w.busy = true;
    const [c, e, then] = w.queue.shift();
    let called = false;
    s._write(c, e, (err) => {
      if (called) return;
      called = true;
      later(() => {
        w.busy = false;
        if (then) then(err);
        if (err) return void s.destroy(err);
        if (!w.queue.length && !w.ended) s.emit('drain');
        pump(s);
      });
    });
  }
  const writable = (s, o = {}) => {
    own(s, '_w', { queue: [], busy: false, ended: false, finished: false, object: !!(o.objectMode || o.writableObjectMode), decode: o.decodeStrings !== false });
    Object.assign(s, { writable: true, writableEnded: false, writableFinished: false });
    for (const k of ['write', 'writev', 'final']) if (o[k]) s['_' + k] = o[k];
  };
  function writeOnly(s, o = {}) {
    Object.assign(s, { destroyed: false, closed: false, errored: null });
    own(s, 'writeOnly_', true);
    writable(s, o);
    if (o.destroy) s._destroy = o.destroy;
  }
  class Writable extends Stream {
    constructor(o) {
      super();
      writeOnly(this, o);
    }
    _write(c, e, then) { then(); }
    destroy(e) { return Readable.prototype.destroy.call(this, e); }
  }
  Object.assign(Writable.prototype, writing);
  class Duplex extends Readable {
    constructor(o) {
      super(o);
      writable(this, o);
    }
    _write(c, e, then) { then(); }
  }
  Object.assign(Duplex.prototype, writing);
  // A duplex is both, and has but one parent.
  Object.defineProperty(Writable, Symbol.hasInstance, { value(s) { return Function.prototype[Symbol.hasInstance].call(this, s) || this === Writable && s instanceof Duplex; } });
  function transforming(s, o = {}) {
    if (o.transform) s._transform = o.transform;
    if (o.flush) s._flush = o.flush;
  }
  class Transform extends Duplex {
    constructor(o) {
      super(o);
      transforming(this, o);
    }
    _transform(c, e, then) { then(null, c); }
    _write(c, e, then) { this._transform(c, e, (err, out) => { if (out !== undefined && out !== null) this.push(out); then(err); }); }
    _final(then) {
      const end = (err, out) => { if (out !== undefined && out !== null) this.push(out); if (!err) this.push(null); then(err); };
      if (this._flush) this._flush(end);
      else end();
    }
  }
  class PassThrough extends Transform {}

  function finished(s, o, then) {
    if (typeof o === 'function') then = o;
    let called = false;
    const done = (e) => { if (!called) { called = true; then(e); } };
    s.on('error', done);
    s.on('end', () => done());
    s.on('finish', () => { if (!s._r) done(); });
    s.on('close', () => done(s.errored || undefined));
    return () => { called = true; };
  }
  function pipeline(...args) {
    const then = typeof args[args.length - 1] === 'function' && !args[args.length - 1].pipe ? args.pop() : () => {};
    const list = args.flat().reduce((all, s, i) => {
      const before = all[i - 1];
      if (typeof s === 'function') s = Readable.from(i === 0 ? s() : s(before));
      else if (i === 0 && !s.pipe) s = Readable.from(s);
      else if (before) before.pipe(s);
      return [...all, s];
    }, []);
    let called = false;
    const done = (e) => { if (!called) { called = true; if (e) for (const s of list) if (s.destroy) s.destroy(); then(e); } };
    for (const s of list) s.on('error', done);
    const last = list[list.length - 1];
    last.on(last._w ? 'finish' : 'end', () => done());
    return last;
  }
  const promises = {
    pipeline: (...args) => new Promise((resolve, reject) => pipeline(...args, (e) => e ? reject(e) : resolve())),
    finished: (s) => new Promise((resolve, reject) => finished(s, (e) => e ? reject(e) : resolve())),
  };
  // Older code calls the constructors as functions on its own objects.
  const callable = (Kind, ...steps) => {
    const both = new Proxy(Kind, { apply: (_, s, [o]) => { for (const step of steps) step(s, o); } });
    Object.defineProperty(Kind.prototype, 'constructor', { value: both });
    return both;
  };
  module.exports = Object.assign(callable(Stream), {
    Readable: callable(Readable, readable), Writable: callable(Writable, writeOnly), Duplex: callable(Duplex, readable, writable),
    Transform: callable(Transform, readable, writable, transforming), PassThrough: callable(PassThrough, readable, writable, transforming),
    finished, pipeline, promises, isReadable: (s) => !!s.readable, isErrored: (s) => !!s.errored,
  });
  module.exports.Stream = module.exports;
};
