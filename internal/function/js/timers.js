globalThis.__module = function (exports) {
  'use strict';
  for (const k of ['setTimeout', 'setInterval', 'setImmediate', 'clearTimeout', 'clearInterval', 'clearImmediate']) exports[k] = globalThis[k];
  const aborted = (signal) => Object.assign(new Error('The operation was aborted', { cause: signal.reason }), { name: 'AbortError', code: 'ABORT_ERR' });
  const waiting = (o, begin) => new Promise((resolve, reject) => {
    const signal = o && o.signal;
    if (signal && signal.aborted) return reject(aborted(signal));
    const end = begin(resolve);
    if (signal) signal.addEventListener('abort', () => { end(); reject(aborted(signal)); }, { once: true });
  });
  exports.promises = {
    setTimeout: (ms, v, o) => waiting(o, (f) => { const t = setTimeout(f, ms, v); return () => clearTimeout(t); }),
    setImmediate: (v, o) => waiting(o, (f) => { const i = setImmediate(f, v); return () => clearImmediate(i); }),
    async * setInterval(ms, v) { for (;;) { await exports.promises.setTimeout(ms); yield v; } },
    scheduler: { wait: (ms) => exports.promises.setTimeout(ms) },
  };
};
