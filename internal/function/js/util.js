globalThis.__module = function (exports, require) {
  'use strict';
  const custom = Symbol.for('nodejs.util.inspect.custom');
  const quoted = (s) => {
    const q = !s.includes("'") ? "'" : !s.includes('"') ? '"' : !s.includes('`') ? '`' : "'";
    return q + s.replace(/\\/g, '\\\\').replace(/\n/g, '\\n').replace(/\r/g, '\\r').replace(/\t/g, '\\t').replaceAll(q === "'" ? "'" : '\0', q === "'" ? "\\'" : '\\x00')
      .replace(/[\0-\x1f\x7f]/g, (c) => '\\x' + c.charCodeAt(0).toString(16).padStart(2, '0').toUpperCase()) + q;
  };
  const word = /^[A-Za-z_$][A-Za-z0-9_$]*$/;
  const name = (k) => typeof k === 'symbol' ? '[' + String(k) + ']' : word.test(k) ? k : quoted(k);

  function inspect(v, o) {
    if (typeof o === 'boolean') o = { showHidden: o, depth: arguments[2] };
    o = Object.assign({ depth: 2, breakLength: 72, compact: 3 }, o);
    if (o.depth === null) o.depth = Infinity;
    return show(v, o, 0, []);
  }
  function show(v, o, level, above) {
    switch (typeof v) {
      case 'string': return quoted(v.length > 10000 ? v.slice(0, 10000) + '...' : v);
      case 'number': return Object.is(v, -0) ? '-0' : String(v);
      case 'bigint': return v + 'n';
      case 'symbol': case 'boolean': case 'undefined': return String(v);
    }
    if (v === null) return 'null';
    if (above.includes(v)) return '[Circular *1]';
    if (typeof v[custom] === 'function') {
      const out = v[custom](o.depth - level, o, inspect);
      return typeof out === 'string' ? out : show(out, o, level, above);
    }
    if (typeof v === 'function' && Object.keys(v).length === 0) return (/^class\b/.test(Function.prototype.toString.call(v)) ? '[class ' : '[Function') + (/^class\b/.test(Function.prototype.toString.call(v)) ? v.name || '(anonymous)' : v.name ? ': ' + v.name : ' (anonymous)') + ']';
    if (v instanceof RegExp) return String(v);
    if (v instanceof Date) return isNaN(v) ? 'Invalid Date' : v.toISOString();
    if (v instanceof Error) {
      const head = (v.name || 'Error') + ': ' + v.message, stack = String(v.stack || '').replace(/\n$/, '');
      // The engine's stacks have no head; those of elsewhere have one.
      let s = !stack ? '[' + head + ']' : stack.includes(v.message) ? stack : head + '\n' + stack;
      const keys = Object.keys(v);
      if (keys.length) s += ' ' + list(keys.map((k) => name(k) + ': ' + show(v[k], o, level + 1, [...above, v])), '{', '}', level);
      if (v.cause !== undefined && !keys.includes('cause')) s += '\n[cause]: ' + show(v.cause, o, level + 1, [...above, v]);
      return s;
    }
    const proto = Object.getPrototypeOf(v), kind = proto === null ? '[Object: null prototype]' : proto.constructor && proto.constructor.name || 'Object';
    if (level > o.depth && Object.keys(v).length) return Array.isArray(v) ? '[Array]' : '[' + kind + ']';
    const next = [...above, v], deep = (x) => show(x, o, level + 1, next);
    if (Array.isArray(v)) {
      const shown = Array.from(v.slice(0, 100), deep);
      if (v.length > 100) shown.push('... ' + (v.length - 100) + ' more item' + (v.length > 101 ? 's' : ''));
      return list(shown, '[', ']', level);
    }
    if (v instanceof Uint8Array && kind === 'Buffer') return '<Buffer' + Array.from(v.subarray(0, 50), (b) => ' ' + b.toString(16).padStart(2, '0')).join('') + (v.length > 50 ? ' ... ' + (v.length - 50) + ' more bytes' : '') + '>';
    if (ArrayBuffer.isView(v) && !(v instanceof DataView)) return kind + '(' + v.length + ') ' + list(Array.from(v.subarray(0, 100), deep), '[', ']', level);
    if (v instanceof Map) return 'Map(' + v.size + ') ' + list([...v].map(([k, x]) => deep(k) + ' => ' + deep(x)), '{', '}', level);
    if (v instanceof Set) return 'Set(' + v.size + ') ' + list([...v].map(deep), '{', '}', level);
    if (v instanceof Promise) return 'Promise { <pending> }';
    if (v instanceof Number || v instanceof String || v instanceof Boolean) return '[' + kind + ': ' + deep(v.valueOf()) + ']';
    const keys = [...Object.keys(v), ...Object.getOwnPropertySymbols(v).filter((s) => Object.prototype.propertyIsEnumerable.call(v, s))];
    const parts = keys.map((k) => {
      const d = Object.getOwnPropertyDescriptor(v, k);
      return name(k) + ': ' + (d && d.get ? d.set ? '[Getter/Setter]' : '[Getter]' : d && d.set ? '[Setter]' : deep(v[k]));
    });
    const prefix = typeof v === 'function' ? '[Function: ' + v.name + '] ' : kind === 'Object' ? '' : kind + ' ';
    return prefix + list(parts, '{', '}', level);
  }
  function list(parts, open, close, level) {
    if (!parts.length) return open + close;
    const line = parts.join(', ');
    if (line.length + level * 2 <= 72 && !line.includes('\n')) return open + ' ' + line + ' ' + close;
    const pad = '\n' + '  '.repeat(level + 1);
    return open + pad + parts.join(',' + pad) + '\n' + '  '.repeat(level) + close;
  }
  inspect.custom = custom;
  inspect.defaultOptions = {};
  exports.inspect = inspect;

  // says reports whether a class, or the object itself, has words for it.
  const says = (v) => v instanceof Error || typeof v.toString === 'function' && v.toString !== Object.prototype.toString && v.toString !== Array.prototype.toString && !(v instanceof Date);
  exports.format = (...args) => {
    let i = 0, out = '';
    if (typeof args[0] === 'string') {
      i = 1;
      out = args[0].includes('%') ? args[0].replace(/%([sdifjoOc%])/g, (all, c) => {
        if (c === '%') return '%';
        if (i >= args.length) return all;
        const v = args[i++];
        switch (c) {
          case 's': return typeof v === 'string' ? v : Object.is(v, -0) ? '-0' : typeof v === 'object' && v !== null && !says(v) ? inspect(v, { depth: 0 }) : typeof v === 'bigint' ? v + 'n' : String(v);
          case 'd': return typeof v === 'object' || typeof v === 'symbol' ? 'NaN' : typeof v === 'bigint' ? v + 'n' : String(Number(v));
          case 'i': return typeof v === 'object' || typeof v === 'symbol' ? 'NaN' : String(parseInt(v, 10));
          case 'f': return typeof v === 'symbol' ? 'NaN' : String(parseFloat(v));
          case 'j': try { return JSON.stringify(v); } catch { return '[Circular]'; }
          case 'c': return '';
          default: return inspect(v, c === 'o' ? { depth: 4 } : {});
        }
      }) : args[0];
    }
    for (; i < args.length; i++) out += (i ? ' ' : '') + (typeof args[i] === 'string' ? args[i] : inspect(args[i]));
    return out;
  };
  exports.formatWithOptions = (_, ...args) => exports.format(...args);
  exports.promisify = (f) => {
    if (typeof f !== 'function') throw Object.assign(new TypeError('The "original" argument must be of type function.'), { code: 'ERR_INVALID_ARG_TYPE' });
    if (f === setTimeout || f === setImmediate) return require('timers').promises[f === setTimeout ? 'setTimeout' : 'setImmediate'];
    if (typeof f[exports.promisify.custom] === 'function') return f[exports.promisify.custom];
    return function (...args) { return new Promise((resolve, reject) => f.call(this, ...args, (e, v) => e ? reject(e) : resolve(v))); };
  };
  exports.promisify.custom = Symbol.for('nodejs.util.promisify.custom');
  exports.callbackify = (f) => function (...args) {
    const then = args.pop();
    f.apply(this, args).then((v) => process.nextTick(then, null, v), (e) => process.nextTick(then, e || new Error('rejected')));
  };
  exports.inherits = (a, b) => { a.super_ = b; Object.setPrototypeOf(a.prototype, b.prototype); };
  exports.deprecate = (f) => f;
  exports.debuglog = exports.debug = () => Object.assign(() => {}, { enabled: false });
  exports.isDeepStrictEqual = (a, b) => require('assert').deepEqual_(a, b);
  exports.stripVTControlCharacters = (s) => s.replace(/\x1b\[[0-9;]*[A-Za-z]/g, '');
  exports.toUSVString = (s) => String(s).toWellFormed();
  exports.TextEncoder = require('encoding').TextEncoder;
  exports.TextDecoder = require('encoding').TextDecoder;
  exports.isArray = Array.isArray;
  exports.isString = (v) => typeof v === 'string';
  exports.isFunction = (v) => typeof v === 'function';
  exports.isObject = (v) => v !== null && typeof v === 'object';
  exports.isUndefined = (v) => v === undefined;
  exports.isNullOrUndefined = (v) => v === undefined || v === null;
  exports.isRegExp = (v) => v instanceof RegExp;
  exports.isDate = (v) => v instanceof Date;
  exports.isError = (v) => v instanceof Error;
  const tag = (v) => Object.prototype.toString.call(v).slice(8, -1);
  exports.types = {
    isDate: (v) => v instanceof Date, isRegExp: (v) => v instanceof RegExp, isPromise: (v) => v instanceof Promise, isMap: (v) => v instanceof Map, isSet: (v) => v instanceof Set,
    isTypedArray: (v) => ArrayBuffer.isView(v) && !(v instanceof DataView), isUint8Array: (v) => v instanceof Uint8Array, isArrayBuffer: (v) => v instanceof ArrayBuffer,
    isAnyArrayBuffer: (v) => v instanceof ArrayBuffer || v instanceof SharedArrayBuffer, isArrayBufferView: ArrayBuffer.isView, isNativeError: (v) => v instanceof Error,
    isAsyncFunction: (v) => tag(v) === 'AsyncFunction', isGeneratorFunction: (v) => tag(v) === 'GeneratorFunction', isBoxedPrimitive: (v) => v instanceof Number || v instanceof String || v instanceof Boolean || v instanceof BigInt || v instanceof Symbol,
    isProxy: () => false, isExternal: () => false, isDataView: (v) => v instanceof DataView,
  };
};
