globalThis.__module = function (exports, require) {
  'use strict';
  exports.escape = (s) => encodeURIComponent(typeof s === 'string' ? s : String(s)).replace(/[!'()*]/g, (c) => "!'()*".includes(c) && c);
  exports.unescapeBuffer = (s) => require('buffer').Buffer.from(String(s).replace(/%([0-9a-fA-F]{2})|[^]/gu, (c, hex) => hex ? String.fromCharCode(parseInt(hex, 16)) : String.fromCharCode(c.charCodeAt(0) & 255)), 'latin1');
  exports.unescape = (s) => {
    try {
      return decodeURIComponent(s);
    } catch {
      return String(s).replace(/(%[0-9a-fA-F]{2})+/g, (run) => exports.unescapeBuffer(run).toString());
    }
  };
  const plain = (v) => typeof v === 'string' ? v : typeof v === 'number' && isFinite(v) || typeof v === 'bigint' || typeof v === 'boolean' ? String(v) : '';
  exports.stringify = exports.encode = (o, sep, eq, options) => {
    [sep, eq, options] = [sep || '&', eq || '=', options || {}];
    if (!o || typeof o !== 'object') return '';
    const escape = options.encodeURIComponent || exports.escape;
    const out = [];
    for (const k of Object.keys(o)) {
      const name = escape(k) + eq;
      for (const v of Array.isArray(o[k]) ? o[k] : [o[k]]) out.push(name + escape(plain(v)));
    }
    return out.join(sep);
  };
  exports.parse = exports.decode = (s, sep, eq, options) => {
    [sep, eq, options] = [sep || '&', eq || '=', options || {}];
    const out = Object.create(null);
    if (typeof s !== 'string' || s === '') return out;
    const own = options.decodeURIComponent || exports.unescape;
    const unescape = (x) => { try { return own(x); } catch { return exports.unescape(x); } };
    let parts = s.split(sep);
    const max = options.maxKeys === undefined ? 1000 : options.maxKeys;
    if (max > 0) parts = parts.slice(0, max);
    for (const part of parts) {
      if (part === '') continue;
      const at = part.indexOf(eq), plus = (x) => unescape(x.replace(/\+/g, ' '));
      const k = plus(at < 0 ? part : part.slice(0, at)), v = at < 0 ? '' : plus(part.slice(at + eq.length));
      if (!(k in out)) out[k] = v;
      else if (Array.isArray(out[k])) out[k].push(v);
      else out[k] = [out[k], v];
    }
    return out;
  };
};
