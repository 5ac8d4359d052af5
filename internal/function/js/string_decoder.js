globalThis.__module = function (exports, require) {
  'use strict';
  exports.StringDecoder = class StringDecoder {
    #rest = Buffer.alloc(0);
    constructor(e = 'utf8') { this.encoding = require('buffer').encodingOf(e); }
    write(b) {
      if (typeof b === 'string') return b;
      b = Buffer.concat([this.#rest, b]);
      let keep = 0;
      if (this.encoding === 'utf8') keep = require('encoding').unfinished(b);
      else if (this.encoding.startsWith('base64')) keep = b.length % 3;
      else if (this.encoding === 'utf16le') {
        keep = b.length % 2;
        const last = b.length - keep - 1; // half of a pair waits for the other half
        if (last > 0 && b[last] >= 0xd8 && b[last] < 0xdc) keep += 2;
      }
      this.#rest = Buffer.from(b.subarray(b.length - keep));
      return b.subarray(0, b.length - keep).toString(this.encoding);
    }
    end(b) {
      const s = b ? this.write(b) : '', rest = this.#rest;
      this.#rest = Buffer.alloc(0);
      return s + (rest.length ? rest.toString(this.encoding) : '');
    }
  };
};
