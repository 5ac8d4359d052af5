globalThis.__module = function (exports) {
  'use strict';
  exports.StringDecoder = class StringDecoder {
    #rest = Buffer.alloc(0);
    constructor(e = 'utf8') { this.encoding = e; }
    write(b) {
      if (typeof b === 'string') return b;
      b = Buffer.concat([this.#rest, b]);
      let keep = 0;
      if (/^utf-?8$/i.test(this.encoding)) {
        for (let back = 1; back <= 3 && back <= b.length; back++) {
          const c = b[b.length - back];
          if (c < 128) break;
          if (c >= 192) {
            if (back < (c >= 240 ? 4 : c >= 224 ? 3 : 2)) keep = back;
            break;
          }
        }
      } else if (/^base64/i.test(this.encoding)) keep = b.length % 3;
      else if (/^(utf-?16|ucs)/i.test(this.encoding)) keep = b.length % 2;
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
