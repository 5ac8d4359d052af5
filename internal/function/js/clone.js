globalThis.__module = function (exports, require) {
  'use strict';
  const errors = ['EvalError', 'RangeError', 'ReferenceError', 'SyntaxError', 'TypeError', 'URIError'];
  // A clone of a Buffer is a Uint8Array, as in Node.js.
  function view(x, bytes) {
    const name = x instanceof DataView ? 'DataView' : Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag).get.call(x);
    return new globalThis[name](bytes, x.byteOffset, x instanceof DataView ? x.byteLength : x.length);
  }
  exports.structuredClone = (...args) => {
    if (!args.length) throw Object.assign(new TypeError('The "value" argument must be specified'), { code: 'ERR_MISSING_ARGS' });
    const v = args[0];
    const seen = new Map(), refused = (what) => new (require('events').DOMException)(what + ' could not be cloned.', 'DataCloneError');
    const copy = (x) => {
      if (typeof x === 'function' || typeof x === 'symbol') throw refused(String(x));
      if (typeof x !== 'object' || x === null) return x;
      if (x instanceof Promise || x instanceof WeakMap || x instanceof WeakSet || x instanceof WeakRef) throw refused('#<' + x.constructor.name + '>');
      if (seen.has(x)) return seen.get(x);
      const keep = (y) => { seen.set(x, y); return y; };
      if (x instanceof Date) return keep(new Date(x.getTime()));
      if (x instanceof RegExp) return keep(new RegExp(x.source, x.flags));
      if (x instanceof ArrayBuffer) return keep(x.slice(0));
      if (ArrayBuffer.isView(x)) return keep(view(x, copy(x.buffer)));
      if (x instanceof Map) { const m = keep(new Map()); for (const [k, y] of x) m.set(copy(k), copy(y)); return m; }
      if (x instanceof Set) { const s = keep(new Set()); for (const y of x) s.add(copy(y)); return s; }
      if (x instanceof Boolean || x instanceof Number || x instanceof String || x instanceof BigInt) return keep(Object(x.valueOf()));
      if (x instanceof Error) {
        const Kind = errors.includes(x.name) ? globalThis[x.name] : Error;
        const e = keep(new Kind(x.message, Object.hasOwn(x, 'cause') ? { cause: copy(x.cause) } : undefined));
        Object.defineProperty(e, 'stack', { value: x.stack, writable: true, configurable: true });
        return e;
      }
      const out = keep(Array.isArray(x) ? new Array(x.length) : {});
      for (const k of Object.keys(x)) Object.defineProperty(out, k, { value: copy(x[k]), writable: true, enumerable: true, configurable: true });
      return out;
    };
    return copy(v);
  };
};
