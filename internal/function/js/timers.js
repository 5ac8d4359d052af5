globalThis.__module = function (exports) {
  'use strict';
  for (const k of ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate']) exports[k] = globalThis[k];
  exports.promises = {
    setTimeout: (ms, v) => new Promise((f) => setTimeout(f, ms, v)),
    setImmediate: (v) => new Promise((f) => setImmediate(f, v)),
    async * setInterval(ms, v) { for (;;) { await exports.promises.setTimeout(ms); yield v; } },
    scheduler: { wait: (ms) => exports.promises.setTimeout(ms) },
  };
};
