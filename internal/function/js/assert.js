globalThis.__module = function (exports, require, module) {
  'use strict';
  class AssertionError extends Error {
    constructor(o) { super(o.message || 'Failed'); Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', actual: o.actual, expected: o.expected, operator: o.operator }); }
  }
  function same(a, b) {
    if (Object.is(a, b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || !a || !b || Object.getPrototypeOf(a) !== Object.getPrototypeOf(b)) return false;
    if (a instanceof Date) return a.getTime() === b.getTime();
    if (a instanceof RegExp) return String(a) === String(b);
    if (a instanceof Map || a instanceof Set) return a.size === b.size && same([...a], [...b]);
    const ka = Object.keys(a), kb = Object.keys(b);
    return ka.length === kb.length && ka.every((k) => Object.hasOwn(b, k) && same(a[k], b[k]));
  }
  const show = (v) => require('util').inspect(v);
  const fail = (m, actual, expected, operator) => { throw m instanceof Error ? m : new AssertionError({ message: m || show(actual) + ' ' + operator + ' ' + show(expected), actual, expected, operator }); };
  const assert = (v, m) => { if (!v) fail(m, v, true, '=='); };
  Object.assign(assert, {
    ok: assert, AssertionError, strict: assert, deepEqual_: same,
    equal: (a, b, m) => { if (a != b) fail(m, a, b, '=='); }, notEqual: (a, b, m) => { if (a == b) fail(m, a, b, '!='); },
    strictEqual: (a, b, m) => { if (!Object.is(a, b)) fail(m, a, b, 'strictEqual'); }, notStrictEqual: (a, b, m) => { if (Object.is(a, b)) fail(m, a, b, 'notStrictEqual'); },
    deepEqual: (a, b, m) => { if (!same(a, b)) fail(m, a, b, 'deepEqual'); }, deepStrictEqual: (a, b, m) => { if (!same(a, b)) fail(m, a, b, 'deepStrictEqual'); },
    fail: (m) => fail(m, undefined, undefined, 'fail'), match: (s, r, m) => { if (!r.test(s)) fail(m, s, r, 'match'); }, ifError: (e) => { if (e !== null && e !== undefined) throw e; },
    throws: (f, m) => { try { f(); } catch { return; } fail(m, undefined, undefined, 'throws'); },
    rejects: async (p, m) => { try { await (typeof p === 'function' ? p() : p); } catch { return; } fail(m, undefined, undefined, 'rejects'); },
  });
  module.exports = assert;
};
