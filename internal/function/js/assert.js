globalThis.__module = function (exports, require, module) {
  'use strict';
  class AssertionError extends Error {
    constructor(o) { super(o.message || 'Failed'); Object.assign(this, { name: 'AssertionError', code: 'ERR_ASSERTION', actual: o.actual, expected: o.expected, operator: o.operator }); }
  }
  // above are the pairs that are being compared: what leads back to them is equal as
  // far as the rest is.
  function same(a, b, loose = false, above = []) {
    if (Object.is(a, b) || loose && (a == b || a !== a && b !== b)) return true;
    if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
    if (!loose && Object.getPrototypeOf(a) !== Object.getPrototypeOf(b) || Array.isArray(a) !== Array.isArray(b)) return false;
    if (above.some(([x, y]) => x === a && y === b)) return true;
    const next = [...above, [a, b]], deep = (x, y) => same(x, y, loose, next);
    if (a instanceof Date || a instanceof Number || a instanceof String || a instanceof Boolean) return b.constructor === a.constructor && Object.is(a.valueOf(), b.valueOf());
    if (a instanceof RegExp) return b instanceof RegExp && String(a) === String(b);
    if (a instanceof Error && !(b instanceof Error && a.message === b.message && a.name === b.name)) return false;
    if (a instanceof Map) return b instanceof Map && a.size === b.size && [...a].every(([k, v]) => b.has(k) ? deep(v, b.get(k)) : [...b].some(([l, w]) => deep(k, l) && deep(v, w)));
    if (a instanceof Set) return b instanceof Set && a.size === b.size && [...a].every((v) => b.has(v) || [...b].some((w) => deep(v, w)));
    const ka = Object.keys(a), kb = Object.keys(b);
    return ka.length === kb.length && ka.every((k) => Object.hasOwn(b, k) && deep(a[k], b[k]));
  }
  // expected compares what was thrown with a class, a pattern, properties or a function.
  function expected(e, want, m) {
    if (want === undefined || typeof want === 'string') return;
    const fits = want instanceof RegExp ? want.test(String(e)) : typeof want === 'function' ? want.prototype !== undefined && e instanceof want || !(want.prototype instanceof Error || want === Error) && want.call({}, e) === true
      : Object.keys(want).every((k) => want[k] instanceof RegExp && typeof e[k] === 'string' ? want[k].test(e[k]) : same(e[k], want[k]));
    if (!fits) fail(m, e, want, 'throws');
  }
  const show = (v) => require('util').inspect(v);
  const fail = (m, actual, expected, operator) => { throw m instanceof Error ? m : new AssertionError({ message: m || show(actual) + ' ' + operator + ' ' + show(expected), actual, expected, operator }); };
  const assert = (v, m) => { if (!v) fail(m, v, true, '=='); };
  Object.assign(assert, {
    ok: assert, AssertionError, strict: assert, deepEqual_: same,
    equal: (a, b, m) => { if (a != b) fail(m, a, b, '=='); }, notEqual: (a, b, m) => { if (a == b) fail(m, a, b, '!='); },
    strictEqual: (a, b, m) => { if (!Object.is(a, b)) fail(m, a, b, 'strictEqual'); }, notStrictEqual: (a, b, m) => { if (Object.is(a, b)) fail(m, a, b, 'notStrictEqual'); },
    deepEqual: (a, b, m) => { if (!same(a, b, true)) fail(m, a, b, 'deepEqual'); }, notDeepEqual: (a, b, m) => { if (same(a, b, true)) fail(m, a, b, 'notDeepEqual'); },
    notDeepStrictEqual: (a, b, m) => { if (same(a, b)) fail(m, a, b, 'notDeepStrictEqual'); }, deepStrictEqual: (a, b, m) => { if (!same(a, b)) fail(m, a, b, 'deepStrictEqual'); },
    fail: (m) => fail(m, undefined, undefined, 'fail'), match: (s, r, m) => { if (!r.test(s)) fail(m, s, r, 'match'); }, doesNotMatch: (s, r, m) => { if (r.test(s)) fail(m, s, r, 'doesNotMatch'); },
    ifError: (e) => { if (e !== null && e !== undefined) fail('ifError got unwanted exception: ' + (e.message || show(e)), e, null, 'ifError'); },
    throws: (f, want, m) => { try { f(); } catch (e) { return expected(e, want, m); } fail(typeof want === 'string' ? want : m || 'Missing expected exception.', undefined, want, 'throws'); },
    rejects: async (p, want, m) => {
      try { await (typeof p === 'function' ? p() : p); } catch (e) { return expected(e, want, m); }
      fail(typeof want === 'string' ? want : m || 'Missing expected rejection.', undefined, want, 'rejects');
    },
    doesNotThrow: (f, m) => { try { f(); } catch (e) { fail(typeof m === 'string' ? m : 'Got unwanted exception: ' + (e && e.message), e, m, 'doesNotThrow'); } },
    doesNotReject: async (p, m) => { try { await (typeof p === 'function' ? p() : p); } catch (e) { fail(typeof m === 'string' ? m : 'Got unwanted rejection: ' + (e && e.message), e, m, 'doesNotReject'); } },
  });
  assert.strict = Object.assign((v, m) => assert(v, m), assert, { equal: assert.strictEqual, notEqual: assert.notStrictEqual, deepEqual: assert.deepStrictEqual, notDeepEqual: assert.notDeepStrictEqual });
  assert.strict.strict = assert.strict;
  module.exports = assert;
};
