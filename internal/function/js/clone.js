globalThis.__module = function (exports) {
  'use strict';
  exports.structuredClone = (v) => {
    const seen = new Map();
    const copy = (x) => {
      if (typeof x === 'function' || typeof x === 'symbol') throw Object.assign(new Error(String(x) + ' could not be cloned.'), { name: 'DataCloneError', code: 25 });
      if (typeof x !== 'object' || x === null) return x;
      if (seen.has(x)) return seen.get(x);
      const keep = (y) => { seen.set(x, y); return y; };
      if (x instanceof Date) return keep(new Date(x.getTime()));
      if (x instanceof RegExp) return keep(new RegExp(x.source, x.flags));
      if (x instanceof ArrayBuffer) return keep(x.slice(0));
      if (ArrayBuffer.isView(x)) return keep(x.constructor.from ? Uint8Array.prototype.slice.call(x) : x);
      if (x instanceof Map) { const m = keep(new Map()); for (const [k, y] of x) m.set(copy(k), copy(y)); return m; }
      if (x instanceof Set) { const s = keep(new Set()); for (const y of x) s.add(copy(y)); return s; }
      if (x instanceof Error) return keep(Object.assign(new (globalThis[x.name] || Error)(x.message), { stack: x.stack }));
      const out = keep(Array.isArray(x) ? new Array(x.length) : {});
      for (const k of Object.keys(x)) out[k] = copy(x[k]);
      return out;
    };
    return copy(v);
  };
};
