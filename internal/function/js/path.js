globalThis.__module = function (exports) {
  'use strict';
  function text(name, v) {
    if (typeof v !== 'string') throw Object.assign(new TypeError('The "' + name + '" argument must be of type string. Received ' + (v === null ? 'null' : typeof v)), { code: 'ERR_INVALID_ARG_TYPE' });
  }
  function clean(path, absolute) {
    const out = [];
    for (const s of path.split('/')) {
      if (s === '' || s === '.') continue;
      if (s !== '..') out.push(s);
      else if (out.length && out[out.length - 1] !== '..') out.pop();
      else if (!absolute) out.push('..');
    }
    return out.join('/');
  }
  exports.sep = '/';
  exports.delimiter = ':';
  exports.isAbsolute = (p) => { text('path', p); return p.startsWith('/'); };
  exports.normalize = (p) => {
    text('path', p);
    if (p === '') return '.';
    const absolute = p[0] === '/';
    let out = clean(p, absolute);
    if (out === '' && !absolute) return p.endsWith('/') ? './' : '.';
    if (out !== '' && p.endsWith('/')) out += '/';
    return (absolute ? '/' : '') + out;
  };
  exports.join = (...parts) => {
    for (const p of parts) text('path', p);
    const p = parts.filter((s) => s !== '').join('/');
    return p === '' ? '.' : exports.normalize(p);
  };
  exports.resolve = (...parts) => {
    for (const p of parts) text('path', p);
    let p = '';
    for (let i = parts.length - 1; i >= 0 && !p.startsWith('/'); i--) if (parts[i] !== '') p = parts[i] + (p && '/' + p);
    if (!p.startsWith('/')) p = '/var/task' + (p && '/' + p);
    return '/' + clean(p, true);
  };
  exports.dirname = (p) => {
    text('path', p);
    const t = p.replace(/\/+$/, '');
    if (t === '') return p.startsWith('/') ? '/' : '.';
    const at = t.lastIndexOf('/');
    return at < 0 ? '.' : at === 0 ? '/' : at === 1 && t[0] === '/' ? '//' : t.slice(0, at);
  };
  exports.basename = (p, ext) => {
    text('path', p);
    let b = p.replace(/\/+$/, '');
    b = b.slice(b.lastIndexOf('/') + 1);
    return ext && (b !== ext || p === ext) && b.endsWith(ext) ? b.slice(0, -ext.length) : b;
  };
  exports.extname = (p) => {
    const b = exports.basename(p), at = b.lastIndexOf('.');
    return at <= 0 || /^\.+$/.test(b) && b.length <= 2 ? '' : b.slice(at);
  };
  exports.parse = (p) => {
    const root = p.startsWith('/') ? '/' : '', base = exports.basename(p), ext = exports.extname(p), dir = exports.dirname(p);
    return { root, dir: dir === '.' && !/^\.\/+[^/]/.test(p) ? '' : dir, base, ext, name: ext ? base.slice(0, -ext.length) : base };
  };
  exports.format = (o) => {
    const base = o.base || (o.name || '') + (o.ext ? (o.ext.startsWith('.') ? '' : '.') + o.ext : ''), dir = o.dir || o.root;
    return dir ? dir === o.root ? dir + base : dir + '/' + base : base;
  };
  exports.relative = (from, to) => {
    const a = exports.resolve(from).split('/').filter(Boolean), b = exports.resolve(to).split('/').filter(Boolean);
    let i = 0;
    while (i < a.length && i < b.length && a[i] === b[i]) i++;
    return a.slice(i).map(() => '..').concat(b.slice(i)).join('/');
  };
  exports.toNamespacedPath = (p) => p;
  exports.posix = exports;
};
