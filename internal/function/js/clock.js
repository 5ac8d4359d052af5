// The time, of both kinds of function. Go evaluates this file before the others,
// and they take what it leaves in __clock. The engine's own clock is a system call,
// which costs a process that has been at rest more than a short function does, so
// the time comes from Go.
globalThis.__clock = (function () {
  'use strict';
  const host = globalThis.__host, Real = globalThis.Date, { construct } = Reflect;
  let skew = 0;
  const now = () => host('now');

  function Date() {
    if (!new.target) return new Real(now() + skew).toString();
    if (arguments.length) return construct(Real, arguments, new.target);
    return new.target === Date ? new Real(now() + skew) : construct(Real, [now() + skew], new.target);
  }
  Object.defineProperties(Date, Object.getOwnPropertyDescriptors(Real));
  Object.defineProperty(Date, 'now', { value: () => now() + skew, writable: true, configurable: true });
  Real.prototype.constructor = Date;
  globalThis.Date = Date;

  // now is the machine's time in milliseconds. A server whose clock was moved has
  // functions that go by it: move says how far it is ahead.
  return { now, move: (ms) => { skew = ms; } };
})();
