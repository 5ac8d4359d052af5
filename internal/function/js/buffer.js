globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { utf8, text, unfinished } = require('encoding');
  const known = Object.assign(Object.create(null), { utf8: 'utf8', 'utf-8': 'utf8', hex: 'hex', base64: 'base64', base64url: 'base64url', latin1: 'latin1', binary: 'latin1', ascii: 'ascii',
    ucs2: 'utf16le', 'ucs-2': 'utf16le', utf16le: 'utf16le', 'utf-16le': 'utf16le' });
  const wrong = (code, message, Kind = TypeError) => Object.assign(new Kind(message), { code });
  const wrongType = (name, v) => wrong('ERR_INVALID_ARG_TYPE', 'The "' + name + '" argument is of the wrong type. Received ' + (v === null ? 'null' : typeof v));
  const outOfRange = (name, v) => wrong('ERR_OUT_OF_RANGE', 'The value of "' + name + '" is out of range. Received ' + String(v), RangeError);
  const bytesOnly = (name, v) => { if (!(v instanceof Uint8Array)) throw wrongType(name, v); };
  function encoding(name) {
    if (name === undefined || name === null || name === '') return 'utf8';
    const e = known[name] || known[String(name).toLowerCase()];
    if (!e) throw wrong('ERR_UNKNOWN_ENCODING', 'Unknown encoding: ' + name);
    return e;
  }
  const size = (n) => {
    if (typeof n !== 'number') throw wrongType('size', n);
    if (!(n >= 0 && n <= 2 ** 31 - 1)) throw outOfRange('size', n);
    return n;
  };

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
      if (typeof v === 'string') return wrap(bytesOf(v, typeof e === 'string' ? e : undefined));
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
      throw wrong('ERR_INVALID_ARG_TYPE', 'The first argument must be of type string or an instance of Buffer, ArrayBuffer, or Array or an Array-like Object. Received ' + (v === null ? 'null' : typeof v));
    }
    static alloc(n, fill, e) {
      const b = new Buffer(size(n));
      return fill === undefined || fill === 0 ? b : b.fill(fill, e);
    }
    static allocUnsafe(n) { return new Buffer(size(n)); }
    static allocUnsafeSlow(n) { return new Buffer(size(n)); }
    static isBuffer(b) { return b instanceof Buffer; }
    static isEncoding(e) { return typeof e === 'string' && (e in known || e.toLowerCase() in known); }
    static byteLength(v, e) { 
      if (typeof v === 'string') return bytesOf(v, e).length;
      if (ArrayBuffer.isView(v) || v instanceof ArrayBuffer || v instanceof SharedArrayBuffer) return v.byteLength;
      throw wrongType('string', v);
    }
    static copyBytesFrom(v, at = 0, n) {
      const part = v.slice(at, n === undefined ? undefined : at + n);
      return Buffer.from(part.buffer, part.byteOffset, part.byteLength);
    }
    static compare(a, b) {
      bytesOnly('buf1', a);
      bytesOnly('buf2', b);
      for (let i = 0; i < a.length && i < b.length; i++) if (a[i] !== b[i]) return a[i] < b[i] ? -1 : 1;
      return Math.sign(a.length - b.length);
    }
    static concat(list, total) {
      if (!Array.isArray(list)) throw wrongType('list', list);
      list.forEach((b, i) => bytesOnly('list[' + i + ']', b));
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
    equals(b) { bytesOnly('otherBuffer', b); return this === b || Buffer.compare(this, b) === 0; }
    compare(b, bs = 0, be = b.length, as = 0, ae = this.length) { return Buffer.compare(this.subarray(as, ae), b.subarray(bs, be)); }
    slice(a, b) { return this.subarray(a, b); }
    copy(to, at = 0, start = 0, end = this.length) {
      if (at >= to.length) return 0;
      const part = this.subarray(start, Math.min(end, start + to.length - at));
      to.set(part, at);
      return part.length;
    }
    write(s, at, n, e) {
      if (typeof at === 'string') [e, at, n] = [at, 0, undefined];
      else if (typeof n === 'string') [e, n] = [n, undefined];
      if (typeof s !== 'string') throw wrongType('argument', s);
      at = at || 0;
      if (!(at >= 0 && at <= this.length)) throw outOfRange('offset', at);
      let b = bytesOf(s, e);
      const room = Math.min(n === undefined ? Infinity : n, this.length - at);
      if (b.length > room) { // no part of a character
        b = b.subarray(0, room);
        if (encoding(e) === 'utf8') b = b.subarray(0, room - unfinished(b));
        else if (encoding(e) === 'utf16le') b = b.subarray(0, room - room % 2);
      }
      this.set(b, at);
      return b.length;
    }
    fill(v, a, b, e) {
      if (typeof a === 'string') [e, a, b] = [a, 0, undefined];
      if (a !== undefined && !(a >= 0 && a <= this.length)) throw outOfRange('offset', a);
      if (b !== undefined && !(b >= 0 && b <= this.length)) throw outOfRange('end', b);
      if (typeof v === 'string' || v instanceof Uint8Array) {
        const p = typeof v === 'string' ? bytesOf(v, e) : v;
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
      if (typeof from === 'string') [from, e] = [0, from];
      const b = typeof v === 'string' ? bytesOf(v, e) : v;
      bytesOnly('value', b);
      from = Math.trunc(from) || 0;
      if (from < 0) from += this.length;
      if (!b.length) return Math.max(0, Math.min(from, this.length));
      outer: for (let i = Math.max(0, from); i + b.length <= this.length; i++) {
        for (let j = 0; j < b.length; j++) if (this[i + j] !== b[j]) continue outer;
        return i;
      }
      return -1;
    }
    includes(v, from, e) { return this.indexOf(v, from, e) >= 0; }
    lastIndexOf(v, from, e) {
      if (typeof from === 'string') [from, e] = [undefined, from];
      const b = typeof v === 'number' ? Uint8Array.of(v) : typeof v === 'string' ? bytesOf(v, e) : v;
      bytesOnly('value', b);
      from = from === undefined || isNaN(from) ? this.length : Math.trunc(from);
      if (from < 0) from += this.length;
      outer: for (let i = Math.min(from, this.length - b.length); i >= 0; i--) {
        for (let j = 0; j < b.length; j++) if (this[i + j] !== b[j]) continue outer;
        return i;
      }
      return -1;
    }
    swap16() { return swapped(this, 2); }
    swap32() { return swapped(this, 4); }
    swap64() { return swapped(this, 8); }
    readUIntBE(at, n) { let v = 0; for (const x of some(this, at, n)) v = v * 256 + x; return v; }
    readUIntLE(at, n) { let v = 0; for (const x of some(this, at, n).toReversed()) v = v * 256 + x; return v; }
    readIntBE(at, n) { const v = this.readUIntBE(at, n); return v >= 2 ** (8 * n - 1) ? v - 2 ** (8 * n) : v; }
    readIntLE(at, n) { const v = this.readUIntLE(at, n); return v >= 2 ** (8 * n - 1) ? v - 2 ** (8 * n) : v; }
    writeUIntBE(v, at, n) { return put(this, +v, at, n, 0, 2 ** (8 * n), false); }
    writeUIntLE(v, at, n) { return put(this, +v, at, n, 0, 2 ** (8 * n), true); }
    writeIntBE(v, at, n) { return put(this, +v, at, n, -(2 ** (8 * n - 1)), 2 ** (8 * n - 1), false); }
    writeIntLE(v, at, n) { return put(this, +v, at, n, -(2 ** (8 * n - 1)), 2 ** (8 * n - 1), true); }
    inspect() { return require('util').inspect(this); }
  }
  function swapped(b, n) {
    if (b.length % n) throw wrong('ERR_INVALID_BUFFER_SIZE', 'Buffer size must be a multiple of ' + 8 * n + '-bits', RangeError);
    for (let i = 0; i < b.length; i += n) b.subarray(i, i + n).reverse();
    return b;
  }
  function place(b, at, n) {
    if (typeof at !== 'number') throw wrongType('offset', at);
    if (b.length < n) throw wrong('ERR_BUFFER_OUT_OF_BOUNDS', 'Attempt to access memory outside buffer bounds', RangeError);
    if (!Number.isInteger(at) || at < 0 || at + n > b.length) throw outOfRange('offset', at);
    return at;
  }
  function some(b, at, n) {
    if (!(Number.isInteger(n) && n >= 1 && n <= 6)) throw outOfRange('byteLength', n);
    return b.subarray(place(b, at, n), at + n);
  }
  function put(b, v, at, n, low, high, little) {
    const to = some(b, at, n);
    if (!(v >= low && v < high)) throw outOfRange('value', v);
    v = Math.trunc(v);
    if (v < 0) v += 2 ** (8 * n);
    for (let i = 0; i < n; i++, v = Math.floor(v / 256)) to[little ? i : n - 1 - i] = v % 256;
    return at + n;
  }
  const view = (b) => new DataView(b.buffer, b.byteOffset, b.byteLength);
  for (const [name, method, size] of [['UInt8', 'Uint8', 1], ['Int8', 'Int8', 1], ['UInt16', 'Uint16', 2], ['Int16', 'Int16', 2], ['UInt32', 'Uint32', 4], ['Int32', 'Int32', 4],
    ['Float', 'Float32', 4], ['Double', 'Float64', 8], ['BigUInt64', 'BigUint64', 8], ['BigInt64', 'BigInt64', 8]]) {
    for (const [suffix, little] of size === 1 ? [['', false]] : [['LE', true], ['BE', false]]) {
      const bits = BigInt(8 * size), signed = !name.includes('UInt'), whole = name.includes('Int');
      const low = signed ? -(1n << bits - 1n) : 0n, high = signed ? 1n << bits - 1n : 1n << bits;
      const read = function (at = 0) { return view(this)['get' + method](place(this, at, size), little); };
      const write = function (v, at = 0) {
        if (whole && (v < low || v >= high)) throw outOfRange('value', v);
        view(this)['set' + method](place(this, at, size), v, little);
        return at + size;
      };
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
  Object.defineProperty(Buffer.prototype, 'constructor', { value: exports.Buffer, writable: true, configurable: true });
  Buffer.poolSize = 8192;
  exports.isUtf8 = (b) => Buffer.compare(utf8(text(b)), new Uint8Array(b.buffer || b, b.byteOffset || 0, b.byteLength)) === 0;
  exports.isAscii = (b) => new Uint8Array(b.buffer || b, b.byteOffset || 0, b.byteLength).every((x) => x < 128);
  exports.transcode = (b, from, to) => Buffer.from(Buffer.from(b).toString(from), to);
  exports.encodingOf = encoding;
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
