globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { utf8, text } = require('encoding');
  const known = { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url', latin1: 'latin1', binary: 'latin1', ascii: 'ascii',
    ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le' };
  function encoding(name) {
    if (name === undefined || name === null || name === '') return 'utf8';
    const e = known[name] || known[String(name).toLowerCase()];
    if (!e) {
      const err = new TypeError('Unknown encoding: ' + name);
      err.code = 'ERR_UNKNOWN_ENCODING';
      throw err;
    }
    return e;
  }

  // Node.js reads both alphabets, and stops at the first padding.
  function lenient(s) {
    const end = s.indexOf('=');
    if (end >= 0) s = s.slice(0, end);
    s = s.replace(/-/g, '+').replace(/_/g, '/').replace(/[^A-Za-z0-9+/]/g, '');
    if (s.length % 4 === 1) s = s.slice(0, -1);
    return Uint8Array.fromBase64(s, { lastChunkHandling: 'loose' });
  }
  function bytesOf(s, name) {
    const e = encoding(name);
    switch (e) {
      case 'utf8': return utf8(s);
      case 'hex': {
        const whole = /^(?:[0-9a-fA-F]{2})*/.exec(s)[0];
        return Uint8Array.fromHex(whole);
      }
      case 'base64': case 'base64url': return lenient(s);
      case 'utf16le': {
        const out = new Uint8Array(2 * s.length);
        for (let i = 0; i < s.length; i++) {
          out[2 * i] = s.charCodeAt(i);
          out[2 * i + 1] = s.charCodeAt(i) >> 8;
        }
        return out;
      }
      default: {
        const out = new Uint8Array(s.length);
        for (let i = 0; i < s.length; i++) out[i] = s.charCodeAt(i);
        return out;
      }
    }
  }

  class Buffer extends Uint8Array {
    static from(v, e, n) {
      if (typeof v === 'string') return wrap(bytesOf(v, e));
      if (v instanceof ArrayBuffer || v instanceof SharedArrayBuffer) return new Buffer(v, e, n);
      if (ArrayBuffer.isView(v) || Array.isArray(v)) {
        const b = Buffer.alloc(v.length);
        b.set(v);
        return b;
      }
      if (v && typeof v === 'object') {
        if (v.type === 'Buffer' && Array.isArray(v.data)) return Buffer.from(v.data);
        const p = typeof v[Symbol.toPrimitive] === 'function' ? v[Symbol.toPrimitive]('string') : v.valueOf();
        if (p !== v && (typeof p === 'string' || typeof p === 'object')) return Buffer.from(p, e, n);
        if (typeof v.length === 'number') return Buffer.from(Array.from(v));
      }
      const err = new TypeError('The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received ' + (v === null ? 'null' : typeof v));
      err.code = 'ERR_INVALID_ARG_TYPE';
      throw err;
    }
    static alloc(n, fill, e) {
      const b = new Buffer(n);
      return fill === undefined || fill === 0 ? b : b.fill(fill, e);
    }
    static allocUnsafe(n) { return new Buffer(n); }
    static allocUnsafeSlow(n) { return new Buffer(n); }
    static isBuffer(b) { return b instanceof Buffer; }
    static isEncoding(e) { return typeof e === 'string' && (e in known || e.toLowerCase() in known); }
    static byteLength(v, e) { return typeof v === 'string' ? bytesOf(v, e).length : v.byteLength; }
    static compare(a, b) {
      for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return Math.sign(a.length - b.length);
    }
    static concat(list, total) {
      if (total === undefined) total = list.reduce((n, b) => n + b.length, 0);
      const out = new Buffer(total);
      let at = 0;
      for (const b of list) {
        if (at >= total) break;
        out.set(b.length > total - at ? b.subarray(0, total - at) : b, at);
        at += b.length;
      }
      return out;
    }
    get parent() { return this.buffer; }
    get offset() { return this.byteOffset; }
    toString(e, start, end) {
      let b = this;
      if (start !== undefined || end !== undefined) b = this.subarray(Math.max(0, start || 0), end === undefined ? this.length : Math.max(0, end));
      switch (encoding(e)) {
        case 'utf8': return text(b);
        case 'hex': return b.toHex();
        case 'base64': return core.toBase64(b);
        case 'base64url': return b.toBase64({ alphabet: 'base64url', omitPadding: true });
        case 'ascii': return chars(b, 127);
        case 'utf16le': {
          let s = '';
          for (let i = 0; i + 1 < b.length; i += 2) s += String.fromCharCode(b[i] | b[i + 1] << 8);
          return s;
        }
        default: return chars(b, 255);
      }
    }
    toLocaleString(e) { return this.toString(e); }
    toJSON() { return { type: 'Buffer', data: Array.from(this) }; }
    equals(b) { return this === b || Buffer.compare(this, b) === 0; }
    compare(b, bs = 0, be = b.length, as = 0, ae = this.length) { return Buffer.compare(this.subarray(as, ae), b.subarray(bs, be)); }
    slice(a, b) { return this.subarray(a, b); }
    copy(to, at = 0, start = 0, end = this.length) {
      const part = this.subarray(start, Math.min(end, start + Math.max(0, to.length - at)));
      to.set(part, at);
      return part.length;
    }
    write(s, at, n, e) {
      if (typeof at === 'string') [e, at, n] = [at, 0, undefined];
      else if (typeof n === 'string') [e, n] = [n, undefined];
      at = at || 0;
      const b = bytesOf(s, e).subarray(0, Math.min(n === undefined ? Infinity : n, this.length - at));
      this.set(b, at);
      return b.length;
    }
    fill(v, a, b, e) {
      if (typeof v === 'string') {
        if (typeof a === 'string') [e, a, b] = [a, 0, undefined];
        const p = bytesOf(v, e);
        a = a || 0;
        b = b === undefined ? this.length : b;
        if (!p.length) return super.fill(0, a, b);
        for (let i = a; i < b; i++) this[i] = p[(i - a) % p.length];
        return this;
      }
      return super.fill(v, a, b);
    }
    indexOf(v, from, e) {
      if (typeof v === 'number') return super.indexOf(v & 255, from);
      const b = typeof v === 'string' ? bytesOf(v, e) : v;
      outer: for (let i = Math.max(0, from || 0); i + b.length <= this.length; i++) {
        for (let j = 0; j < b.length; j++) if (this[i + j] !== b[j]) continue outer;
        return i;
      }
      return -1;
    }
    includes(v, from, e) { return this.indexOf(v, from, e) >= 0; }
    swap16() { for (let i = 0; i + 1 < this.length; i += 2) [this[i], this[i + 1]] = [this[i + 1], this[i]]; return this; }
  }
  const view = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);
  for (const [name, method, size] of [['UInt8', 'Uint8', 1], ['Int8', 'Int8', 1], ['UInt16', 'Uint16', 2], ['Int16', 'Int16', 2], ['UInt32', 'Uint32', 4], ['Int32', 'Int32', 4],
    ['Float', 'Float32', 4], ['Double', 'Float64', 8], ['BigUInt64', 'BigUint64', 8], ['BigInt64', 'BigInt64', 8]]) {
    for (const [suffix, little] of size === 1 ? [['', false]] : [['LE', true], ['BE', false]]) {
      const read = function (at = 0) { return view(this)['get' + method](at, little); };
      const write = function (v, at = 0) { view(this)['set' + method](at, v, little); return at + size; };
      for (const n of [name, name.replace('UInt', 'Uint')]) {
        Object.defineProperty(Buffer.prototype, 'read' + n + suffix, { value: read, writable: true, configurable: true });
        Object.defineProperty(Buffer.prototype, 'write' + n + suffix, { value: write, writable: true, configurable: true });
      }
    }
  }
  // wrap makes a Buffer of a fresh Uint8Array, in place: a second view of the same
  // bytes would cost three times as much.
  const { setPrototypeOf } = Object;
  const wrap = (b) => setPrototypeOf(b, Buffer.prototype);
  function chars(b, mask) {
    let s = '';
    for (let i = 0; i < b.length; i += 4096) {
      let part = b.subarray(i, i + 4096);
      if (mask !== 255) part = part.map((x) => x & mask);
      s += String.fromCharCode.apply(null, part);
    }
    return s;
  }

  // Packages that wrap Buffer copy what they find by for … in.
  for (const name of Object.getOwnPropertyNames(Buffer)) {
    if (typeof Buffer[name] === 'function') Object.defineProperty(Buffer, name, { enumerable: true });
  }
  // Both Buffer(…) and new Buffer(…) are still written.
  exports.Buffer = new Proxy(Buffer, {
    apply: (_, __, [v, e, n]) => typeof v === 'number' ? Buffer.alloc(v) : Buffer.from(v, e, n),
    construct: (target, args, as) => typeof args[0] === 'string' || Array.isArray(args[0]) && as === exports.Buffer ? Buffer.from(...args)
      : Reflect.construct(target, args, as === exports.Buffer ? Buffer : as),
  });
  exports.SlowBuffer = exports.Buffer;
  exports.kMaxLength = 2 ** 31 - 1;
  exports.constants = { MAX_LENGTH: 2 ** 31 - 1, MAX_STRING_LENGTH: 2 ** 29 - 24 };
  exports.Blob = class Blob {
    #bytes;
    constructor(parts = [], options = {}) {
      this.#bytes = Buffer.concat(parts.map((p) => p instanceof Blob ? p.#bytes : Buffer.from(typeof p === 'string' ? p : p instanceof ArrayBuffer ? new Uint8Array(p) : p)));
      this.type = options.type || '';
    }
    get size() { return this.#bytes.length; }
    async text() { return this.#bytes.toString(); }
    async arrayBuffer() { return Uint8Array.from(this.#bytes).buffer; }
    async bytes() { return Uint8Array.from(this.#bytes); }
    slice(a, b, type) { return new Blob([this.#bytes.subarray(a, b)], { type }); }
  };
  exports.atob = require('encoding').atob;
  exports.btoa = require('encoding').btoa;
  exports.bytesOf = bytesOf;
  exports.wrap = wrap;
};
