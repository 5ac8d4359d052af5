globalThis.__module = function (exports) {
  'use strict';
  // One invocation runs at a time, and most stores are set once for all of it.
  exports.AsyncLocalStorage = class AsyncLocalStorage {
    #store; #default;
    constructor(o = {}) { this.#default = o.defaultValue; }
    getStore() { return this.#store === undefined ? this.#default : this.#store; }
    enterWith(v) { this.#store = v; }
    disable() { this.#store = undefined; }
    exit(f, ...args) { return this.run(undefined, f, ...args); }
    run(v, f, ...args) {
      const before = this.#store;
      this.#store = v;
      let out;
      try {
        out = f(...args);
      } catch (e) {
        this.#store = before;
        throw e;
      }
      if (out && typeof out.then === 'function') return out.finally(() => { this.#store = before; });
      this.#store = before;
      return out;
    }
    static bind(f) { return f; }
    static snapshot() { return (f, ...args) => f(...args); }
  };
  exports.AsyncResource = class AsyncResource { runInAsyncScope(f, self, ...args) { return f.apply(self, args); } emitDestroy() { return this; } static bind(f) { return f; } };
  exports.createHook = () => ({ enable() { return this; }, disable() { return this; } });
  exports.executionAsyncId = () => 1;
  exports.triggerAsyncId = () => 0;
};
