globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { wrap } = require('buffer');
  const run = (service, format) => (v) => {
    if (typeof v !== 'string' && !ArrayBuffer.isView(v) && !(v instanceof ArrayBuffer)) throw Object.assign(new TypeError('The "buffer" argument must be of type string or an instance of Buffer, TypedArray, DataView, or ArrayBuffer.'), { code: 'ERR_INVALID_ARG_TYPE' });
    try {
      return wrap(core.fromBase64(host(service, format, core.packed(v instanceof ArrayBuffer ? new Uint8Array(v) : v))));
    } catch (e) {
      const short = /unexpected end/.test(e.message);
      throw Object.assign(new Error(e.message), short ? { code: 'Z_BUF_ERROR', errno: -5 } : { code: 'Z_DATA_ERROR', errno: -3 });
    }
  };
  for (const [name, f] of Object.entries({ gzip: run('zip', 'gzip'), gunzip: run('unzip', 'gzip'), deflate: run('zip', 'deflate'), inflate: run('unzip', 'deflate'), deflateRaw: run('zip', 'raw'), inflateRaw: run('unzip', 'raw') })) {
    exports[name + 'Sync'] = f;
    exports[name] = (v, o, then) => {
      if (typeof o === 'function') then = o;
      setImmediate(() => {
        let out;
        try { out = f(v); } catch (e) { return then(e); }
        then(null, out);
      });
    };
    exports['create' + name[0].toUpperCase() + name.slice(1)] = () => {
      const { Transform } = require('stream'), parts = [];
      return new Transform({
        transform(c, e, then) { parts.push(c); then(); },
        flush(then) { let out; try { out = f(Buffer.concat(parts)); } catch (e) { return then(e); } then(null, out); },
      });
    };
  }
  exports.unzipSync = (v) => v[0] === 0x1f ? exports.gunzipSync(v) : exports.inflateSync(v);
  exports.constants = { Z_BEST_SPEED: 1, Z_BEST_COMPRESSION: 9, Z_DEFAULT_COMPRESSION: -1, Z_SYNC_FLUSH: 2, Z_FINISH: 4 };
};
