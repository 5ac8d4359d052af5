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
  // unfinished is how many bytes at the end begin a character that goes on.
  exports.unfinished = (b) => {
    for (let back = 1; back <= 3 && back <= b.length; back++) {
      const c = b[b.length - back];
      if (c < 128) return 0;
      if (c >= 192) return back < (c >= 240 ? 4 : c >= 224 ? 3 : 2) ? back : 0;
    }
    return 0;
  };
  const wrong = (code, message, Kind = TypeError) => Object.assign(new Kind(message), { code });

  exports.TextEncoder = class TextEncoder {
    get encoding() { return 'utf-8'; }
    encode(s = '') { return exports.utf8(String(s)); }
    encodeInto(s, into) {
      let read = 0, written = 0;
      for (const c of String(s)) {
        const b = exports.utf8(c);
        if (written + b.length > into.length) break;
        into.set(b, written);
        written += b.length;
        read += c.length;
      }
      return { read, written };
    }
  };
  exports.TextDecoder = class TextDecoder {
    constructor(label = 'utf-8', options = {}) {
      this.encoding = labels[String(label).trim().toLowerCase()];
      if (!this.encoding) throw wrong('ERR_ENCODING_NOT_SUPPORTED', 'The "' + label + '" encoding is not supported', RangeError);
      this.fatal = !!options.fatal;
      this.ignoreBOM = !!options.ignoreBOM;
    }
    #rest = new Uint8Array();
    decode(input = new Uint8Array(), options = {}) {
      if (!ArrayBuffer.isView(input) && !(input instanceof ArrayBuffer) && !(input instanceof SharedArrayBuffer)) throw wrong('ERR_INVALID_ARG_TYPE', 'The "list" argument must be an instance of SharedArrayBuffer, ArrayBuffer or ArrayBufferView.');
      let b = ArrayBuffer.isView(input) ? new Uint8Array(input.buffer, input.byteOffset, input.byteLength) : new Uint8Array(input);
      if (this.#rest.length) b = require('buffer').Buffer.concat([this.#rest, b]);
      const keep = !options.stream ? 0 : this.encoding === 'utf-8' ? exports.unfinished(b) : this.encoding === 'utf-16le' ? b.length % 2 : 0;
      this.#rest = b.slice(b.length - keep);
      b = b.subarray(0, b.length - keep);
      if (this.encoding.startsWith('utf-16')) return require('buffer').Buffer.from(b).toString('utf16le');
      if (this.encoding !== 'utf-8') return require('buffer').Buffer.from(b).toString('latin1');
      let s = exports.text(b);
      if (this.fatal && s.includes('\ufffd') && !same(exports.utf8(s), b)) throw wrong('ERR_ENCODING_INVALID_ENCODED_DATA', 'The encoded data was not valid for encoding utf-8');
      if (!this.ignoreBOM && s.charCodeAt(0) === 0xfeff) s = s.slice(1);
      return s;
    }
  };
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);

  const labels = Object.assign(Object.create(null), { 'utf-8': 'utf-8', utf8: 'utf-8', 'unicode-1-1-utf-8': 'utf-8', latin1: 'windows-1252', ascii: 'windows-1252', 'us-ascii': 'windows-1252', 'iso-8859-1': 'windows-1252',
    l1: 'windows-1252', 'windows-1252': 'windows-1252', cp1252: 'windows-1252', 'utf-16le': 'utf-16le', 'utf-16': 'utf-16le', ucs2: 'utf-16le', 'ucs-2': 'utf-16le' });
  const invalid = (message) => new (require('events').DOMException)(message, 'InvalidCharacterError');
  const given = (n) => { if (n < 1) throw wrong('ERR_MISSING_ARGS', 'The "data" argument must be specified'); };
  exports.btoa = (...args) => {
    given(args.length);
    const s = String(args[0]);
    const b = new Uint8Array(s.length);
    for (let i = 0; i < s.length; i++) {
      if (s.charCodeAt(i) > 255) throw invalid('Invalid character');
      b[i] = s.charCodeAt(i);
    }
    return core.toBase64(b);
  };
  exports.atob = (...args) => {
    given(args.length);
    let b;
    try {
      b = core.fromBase64(String(args[0]));
    } catch {
      throw invalid('The string to be decoded is not correctly encoded.');
    }
    let out = '';
    for (let i = 0; i < b.length; i += 4096) out += String.fromCharCode.apply(null, b.subarray(i, i + 4096));
    return out;
  };
};
