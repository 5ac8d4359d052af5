globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  // utf8 turns text into bytes; short ASCII does not go to Go.
  exports.utf8 = (text) => {
    const n = text.length;
    if (n <= 64) {
      const out = new Uint8Array(n);
      let i = 0;
      for (; i < n; i++) {
        const c = text.charCodeAt(i);
        if (c > 127) break;
        out[i] = c;
      }
      if (i === n) return out;
    }
    return core.fromBase64(host('utf8', text));
  };
  exports.text = (bytes) => host('text', core.toBase64(bytes));

  exports.TextEncoder = class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(s = '') { return exports.utf8(String(s)); }
    encodeInto(s, into) {
      const b = exports.utf8(String(s));
      into.set(b.subarray(0, into.length));
      return { read: s.length, written: Math.min(b.length, into.length) };
    }
  };
  exports.TextDecoder = class TextDecoder {
    constructor(label = 'utf-8', options = {}) {
      const name = String(label).toLowerCase();
      if (!['utf-8', 'utf8', 'latin1', 'ascii', 'iso-8859-1', 'windows-1252', 'utf-16le', 'utf-16'].includes(name)) throw new RangeError('The "' + label + '" encoding is not supported');
      this.encoding = name === 'utf8' ? 'utf-8' : name;
      this.fatal = !!options.fatal;
      this.ignoreBOM = !!options.ignoreBOM;
    }
    decode(input = new Uint8Array()) {
      const b = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      if (this.encoding.startsWith('utf-16')) return require('buffer').Buffer.from(b).toString('utf16le');
      if (this.encoding !== 'utf-8') return require('buffer').Buffer.from(b).toString('latin1');
      let s = exports.text(b);
      if (this.fatal && s.includes('\ufffd') && !same(exports.utf8(s), b)) throw new TypeError('The encoded data was not valid for encoding utf-8');
      if (!this.ignoreBOM && s.charCodeAt(0) === 0xfeff) s = s.slice(1);
      return s;
    }
  };
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

  exports.btoa = (s) => {
    s = String(s);
    const b = new Uint8Array(s.length);
    for (let i = 0; i < s.length; i++) {
      if ((b[i] = s.charCodeAt(i)) !== s.charCodeAt(i)) throw new Error('Invalid character');
    }
    return core.toBase64(b);
  };
  exports.atob = (s) => {
    let b;
    try {
      b = core.fromBase64(String(s));
    } catch {
      throw new Error('The string to be decoded is not correctly encoded.');
    }
    let out = '';
    for (let i = 0; i < b.length; i += 4096) out += String.fromCharCode.apply(null, b.subarray(i, i + 4096));
    return out;
  };
};
