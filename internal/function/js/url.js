globalThis.__module = function (exports, require) {
  'use strict';
  const ports = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };
  const bad = (input) => Object.assign(new TypeError('Invalid URL'), { code: 'ERR_INVALID_URL', input });
  const encoder = (set) => (s) => s.replace(/[^\x21-\x7e]|[\ud800-\udbff][\udc00-\udfff]/gu, (c) => quote(c)).replace(set, (c) => quote(c));
  const quote = (c) => {
    try { return encodeURIComponent(c) === c ? '%' + c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0') : encodeURIComponent(c); } catch { return '%EF%BF%BD'; }
  };
  const inPath = encoder(/[ "#<>?`{}]/g), inQuery = encoder(/[ "#<>]/g), inSpecialQuery = encoder(/[ "#<>']/g), inHash = encoder(/[ "<>`]/g), opaque = (s) => s.replace(/[^\x20-\x7e]|[\ud800-\udbff][\udc00-\udfff]/gu, (c) => quote(c)), inUser = encoder(/[ "#<>?^`{}/:;=@[\\\]|]/g);

  function hostOf(h, special, input) {
    if (h.startsWith('[')) {
      const address = ipv6(h.slice(1, -1));
      if (!h.endsWith(']') || !address) throw bad(input);
      return '[' + address + ']';
    }
    if (!special) {
      if (/[\0\t\n\r #/<>?@[\\\]^|]/.test(h)) throw bad(input);
      return inHash(h);
    }
    try { h = decodeURIComponent(h); } catch { throw bad(input); }
    h = h.toLowerCase();
    if (h === '' || /[\0-\x20"#%/:<>?@[\\\]^`{|}\x7f]/.test(h) || /[^\0-\x7f]/.test(h)) throw bad(input);
    if (/^[0-9]+$|\.[0-9]+\.?$|^0x[0-9a-f]*$|\.0x[0-9a-f]*\.?$/.test(h)) return ipv4(h, input);
    return h;
  }
  // ipv6 writes an address as RFC 5952 has it; null is none.
  function ipv6(h) {
    const v4 = /^(.*:)(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(h);
    if (v4) {
      const n = v4.slice(2).map(Number);
      if (n.some((x, i) => x > 255 || v4[i + 2] !== String(x))) return null;
      h = v4[1] + (n[0] * 256 + n[1]).toString(16) + ':' + (n[2] * 256 + n[3]).toString(16);
    }
    const sides = h.split('::').map((s) => s === '' ? [] : s.split(':'));
    const given = sides.flat().length;
    if (sides.length > 2 || !sides.flat().every((p) => /^[0-9a-fA-F]{1,4}$/.test(p)) || (sides.length === 2 ? given > 7 : given !== 8)) return null;
    const all = [...sides[0], ...new Array(8 - given).fill('0'), ...sides[1] || []].map((p) => parseInt(p, 16).toString(16));
    let at = -1, most = 1; // the longest run of zeros, the first of those
    for (let i = 0; i < 8; i++) {
      let n = 0;
      while (i + n < 8 && all[i + n] === '0') n++;
      if (n > most) [at, most] = [i, n];
      i += n;
    }
    return at < 0 ? all.join(':') : all.slice(0, at).join(':') + '::' + all.slice(at + most).join(':');
  }
  function ipv4(h, input) {
    const parts = h.replace(/\.$/, '').split('.');
    if (parts.length > 4) throw bad(input);
    const n = parts.map((p) => {
      if (!/^(0x[0-9a-f]*|[0-9]+)$/.test(p)) throw bad(input);
      return p.startsWith('0x') ? parseInt(p.slice(2) || '0', 16) : p.length > 1 && p[0] === '0' ? parseInt(p, 8) : parseInt(p, 10);
    });
    const last = n.pop();
    if (n.some((x) => !(x < 256)) || !(last < 256 ** (4 - n.length))) throw bad(input);
    const all = n.reduce((sum, x, i) => sum + x * 256 ** (3 - i), last);
    return [24, 16, 8, 0].map((s) => Math.floor(all / 2 ** s) % 256).join('.');
  }
  function pathOf(p, special) {
    if (special) p = p.replace(/\\/g, '/');
    const out = [], parts = p.split('/').slice(1);
    parts.forEach((s, i) => {
      const last = i === parts.length - 1, dots = s.replace(/%2e/gi, '.');
      if (dots === '..') {
        out.pop();
        if (last) out.push('');
      } else if (dots === '.') {
        if (last) out.push('');
      } else {
        out.push(inPath(s));
      }
    });
    return '/' + out.join('/');
  }

  class URLSearchParams {
    #list = []; #changed = null;
    constructor(init, changed) {
      this.#changed = changed || null;
      if (init === undefined || init === null) return;
      if (typeof init === 'string') this.#read(init[0] === '?' ? init.slice(1) : init);
      else if (init instanceof URLSearchParams) this.#list = init.#list.map((p) => p.slice());
      else if (typeof init !== 'object' && typeof init !== 'function') this.#read(String(init));
      else if (typeof init[Symbol.iterator] === 'function') {
        for (const p of init) {
          const [k, v, more] = p === null || p === undefined ? [] : [...p];
          if (v === undefined || more !== undefined) throw Object.assign(new TypeError('Each query pair must be an iterable [name, value] tuple'), { code: 'ERR_INVALID_TUPLE' });
          this.#list.push([String(k), String(v)]);
        }
      } else for (const k of Object.keys(init)) this.#list.push([k, String(init[k])]);
    }
    #read(s) {
      const unescape = require('querystring').unescape;
      this.#list = s.toWellFormed().split('&').filter((p) => p !== '').map((p) => {
        const at = p.indexOf('='), plus = (x) => unescape(x.replace(/\+/g, ' '));
        return at < 0 ? [plus(p), ''] : [plus(p.slice(0, at)), plus(p.slice(at + 1))];
      });
    }
    replaceAll_(s) { this.#read(s); }
    #tell() { if (this.#changed) this.#changed(this.toString()); }
    get size() { return this.#list.length; }
    append(k, v) { this.#list.push([String(k), String(v)]); this.#tell(); }
    delete(k, v) { this.#list = this.#list.filter((p) => p[0] !== String(k) || v !== undefined && p[1] !== String(v)); this.#tell(); }
    get(k) { const p = this.#list.find((x) => x[0] === String(k)); return p ? p[1] : null; }
    getAll(k) { return this.#list.filter((x) => x[0] === String(k)).map((x) => x[1]); }
    has(k, v) { return this.#list.some((x) => x[0] === String(k) && (v === undefined || x[1] === String(v))); }
    set(k, v) {
      k = String(k);
      const at = this.#list.findIndex((x) => x[0] === k);
      if (at < 0) this.#list.push([k, String(v)]);
      else {
        this.#list[at][1] = String(v);
        this.#list = this.#list.filter((x, i) => i <= at || x[0] !== k);
      }
      this.#tell();
    }
    sort() { this.#list.sort((a, b) => a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0); this.#tell(); }
    forEach(f, self) { for (const [k, v] of this.#list) f.call(self, v, k, this); }
    * entries() { for (const p of this.#list) yield p.slice(); }
    * keys() { for (const p of this.#list) yield p[0]; }
    * values() { for (const p of this.#list) yield p[1]; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#list.map((p) => form(p[0]) + '=' + form(p[1])).join('&'); }
    get [Symbol.toStringTag]() { return 'URLSearchParams'; }
  }
  const form = (s) => encodeURIComponent(s.toWellFormed()).replace(/%20/g, '+').replace(/[!'()~]/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());

  class URL {
    #u; #params;
    constructor(input, base) {
      this.#u = parse(String(input), base === undefined ? undefined : base instanceof URL ? base : new URL(base));
      this.#params = new URLSearchParams(this.#u.query, (s) => { this.#u.query = s === '' ? null : s; });
    }
    static canParse(input, base) { try { new URL(input, base); return true; } catch { return false; } }
    static parse(input, base) { try { return new URL(input, base); } catch { return null; } }
    static parts_(u) { return u.#u; }
    get href() { return this.protocol + (this.#u.host === null ? '' : '//' + this.#login() + this.host) + this.pathname + (this.#u.query === null ? '' : '?' + this.#u.query) + (this.#u.hash === null ? '' : '#' + this.#u.hash); }
    set href(v) { this.#u = parse(String(v)); this.#params.replaceAll_(this.#u.query || ''); }
    #login() { const u = this.#u; return u.user || u.password ? u.user + (u.password ? ':' + u.password : '') + '@' : ''; }
    get origin() { return this.#u.scheme in ports && this.#u.scheme !== 'file:' ? this.protocol + '//' + this.host : 'null'; }
    get protocol() { return this.#u.scheme; }
    set protocol(v) { v = String(v).replace(/:.*$/, '').toLowerCase() + ':'; if ((v in ports) === (this.#u.scheme in ports)) { this.#u.scheme = v; if (this.#u.port === ports[v]) this.#u.port = ''; } }
    get username() { return this.#u.user; }
    set username(v) { this.#u.user = inUser(String(v)); }
    get password() { return this.#u.password; }
    set password(v) { this.#u.password = inUser(String(v)); }
    get host() { return (this.#u.host || '') + (this.#u.port ? ':' + this.#u.port : ''); }
    set host(v) { const m = /^(\[[^\]]*\]|[^:/?#]*)(?::([0-9]*))?/.exec(String(v)); this.hostname = m[1]; if (m[2] !== undefined) this.port = m[2]; }
    get hostname() { return this.#u.host || ''; }
    set hostname(v) { try { this.#u.host = hostOf(String(v), this.#u.scheme in ports, v); } catch { /* stays */ } }
    get port() { return this.#u.port; }
    set port(v) { v = String(v); if (v === '' || /^[0-9]+/.test(v) && parseInt(v, 10) < 65536) this.#u.port = v === '' || String(parseInt(v, 10)) === ports[this.#u.scheme] ? '' : String(parseInt(v, 10)); }
    get pathname() { return this.#u.path; }
    set pathname(v) { if (this.#u.host === null && !this.#u.path.startsWith('/')) return; v = String(v); this.#u.path = pathOf(v.startsWith('/') ? v : '/' + v, this.#u.scheme in ports); }
    get search() { return this.#u.query ? '?' + this.#u.query : ''; }
    set search(v) {
      const none = String(v) === '';
      v = String(v).replace(/^\?/, '');
      this.#u.query = none ? null : (this.#u.scheme in ports ? inSpecialQuery : inQuery)(v);
      this.#params.replaceAll_(v);
    }
    get searchParams() { return this.#params; }
    get hash() { return this.#u.hash ? '#' + this.#u.hash : ''; }
    set hash(v) { v = String(v); this.#u.hash = v === '' ? null : inHash(v.replace(/^#/, '')); }
    toString() { return this.href; }
    toJSON() { return this.href; }
    get [Symbol.toStringTag]() { return 'URL'; }
  }

  function parse(text, base) {
    const input = text;
    text = text.replace(/^[\0-\x20]+|[\0-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const m = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text), u = { scheme: '', user: '', password: '', host: null, port: '', path: '', query: null, hash: null };
    const hash = text.indexOf('#');
    if (hash >= 0) {
      u.hash = inHash(text.slice(hash + 1));
      text = text.slice(0, hash);
    }
    let rest = text;
    if (m) {
      u.scheme = m[1].toLowerCase() + ':';
      rest = text.slice(m[0].length);
    } else {
      if (!base) throw bad(input);
      u.scheme = base.protocol;
    }
    const special = u.scheme in ports;
    const q = rest.indexOf('?');
    if (q >= 0) {
      u.query = (special ? inSpecialQuery : inQuery)(rest.slice(q + 1));
      rest = rest.slice(0, q);
    }
    if (special) rest = rest.replace(/\\/g, '/');
    if (m && special && u.scheme !== 'file:' && !(base && base.protocol === u.scheme && !rest.startsWith('//'))) rest = '//' + rest.replace(/^\/+/, '');
    if (!m && special && u.scheme !== 'file:' && rest.startsWith('//')) rest = '//' + rest.replace(/^\/+/, '');
    if (rest.startsWith('//')) {
      const end = rest.indexOf('/', 2), authority = end < 0 ? rest.slice(2) : rest.slice(2, end);
      rest = end < 0 ? '' : rest.slice(end);
      const at = authority.lastIndexOf('@');
      if (at >= 0) {
        const login = authority.slice(0, at), colon = login.indexOf(':');
        u.user = inUser(colon < 0 ? login : login.slice(0, colon));
        u.password = colon < 0 ? '' : inUser(login.slice(colon + 1));
      }
      const place = /^(\[[^\]]*\]|[^:]*)(?::([0-9]*))?$/.exec(authority.slice(at + 1));
      if (!place || place[2] && parseInt(place[2], 10) > 65535) throw bad(input);
      u.host = u.scheme === 'file:' && (place[1] === '' || place[1] === 'localhost') ? '' : !special && place[1] === '' ? '' : hostOf(place[1], special, input);
      u.port = place[2] && String(parseInt(place[2], 10)) !== ports[u.scheme] ? String(parseInt(place[2], 10)) : '';
      u.path = special || rest ? pathOf(rest || '/', special) : '';
      return u;
    }
    if (m && !(base && special && base.protocol === u.scheme)) {
      if (u.scheme === 'file:') u.host = '';
      u.path = special && !rest.startsWith('/') ? pathOf('/' + rest, special) : rest.startsWith('/') ? pathOf(rest, special) : opaque(rest);
      return u;
    }
    const b = URL.parts_(base);
    if (b.host === null && !b.path.startsWith('/') && (hash < 0 || text !== '')) throw bad(input);
    Object.assign(u, { user: b.user, password: b.password, host: b.host, port: b.port });
    if (rest.startsWith('/')) u.path = pathOf(rest, special);
    else if (rest !== '') u.path = pathOf((b.path.slice(0, b.path.lastIndexOf('/') + 1) || '/') + rest, special);
    else {
      u.path = b.path;
      if (q < 0) u.query = b.query;
    }
    return u;
  }

  exports.URL = URL;
  exports.URLSearchParams = URLSearchParams;
  exports.fileURLToPath = (u) => {
    u = u instanceof URL ? u : new URL(u);
    if (u.protocol !== 'file:') throw Object.assign(new TypeError('The URL must be of scheme file'), { code: 'ERR_INVALID_URL_SCHEME' });
    return decodeURIComponent(u.pathname);
  };
  exports.pathToFileURL = (p) => new URL('file://' + require('path').resolve(p).replace(/[%\\\n\r\t?#]/g, encodeURIComponent));
  exports.urlToHttpOptions = (u) => ({ protocol: u.protocol, hostname: u.hostname.replace(/^\[|\]$/g, ''), hash: u.hash, search: u.search, pathname: u.pathname, path: u.pathname + u.search, href: u.href, port: u.port === '' ? undefined : Number(u.port),
    auth: u.username ? decodeURIComponent(u.username) + ':' + decodeURIComponent(u.password) : undefined });
  exports.domainToASCII = (d) => d.toLowerCase();

  const wrongType = (name, v) => Object.assign(new TypeError('The "' + name + '" argument is of the wrong type. Received ' + (v === null ? 'null' : typeof v)), { code: 'ERR_INVALID_ARG_TYPE' });

  // The older interface reads more, and changes less.
  class Url {
    constructor() { Object.assign(this, { protocol: null, slashes: null, auth: null, host: null, port: null, hostname: null, hash: null, search: null, query: null, pathname: null, path: null, href: '' }); }
    format() { return exports.format(this); }
  }
  exports.Url = Url;
  exports.parse = (text, query = false, slashes = false) => {
    if (typeof text !== 'string') throw wrongType('url', text);
    const u = new Url();
    let rest = text.trim();
    const hash = rest.indexOf('#');
    if (hash >= 0) [u.hash, rest] = [rest.slice(hash), rest.slice(0, hash)];
    const q = rest.indexOf('?');
    if (q >= 0) [u.search, rest] = [rest.slice(q), rest.slice(0, q)];
    rest = rest.replace(/\\/g, '/');
    u.query = u.search === null ? (query ? Object.create(null) : null) : query ? require('querystring').parse(u.search.slice(1)) : u.search.slice(1);
    const m = /^([a-z][a-z0-9.+-]*:)/i.exec(rest);
    if (m) {
      u.protocol = m[1].toLowerCase();
      rest = rest.slice(m[1].length);
    }
    const slashed = (m || slashes) && rest.startsWith('//');
    if (slashed || m && !(u.protocol in ports) && u.protocol !== 'javascript:') {
      if (slashed) u.slashes = true;
      const from = slashed ? 2 : 0, end = rest.indexOf('/', from);
      let authority = end < 0 ? rest.slice(from) : rest.slice(from, end);
      rest = end < 0 ? '' : rest.slice(end);
      const at = authority.lastIndexOf('@');
      if (at >= 0) [u.auth, authority] = [decodeURIComponent(authority.slice(0, at)), authority.slice(at + 1)];
      const other = authority.search(/[\t\n\r "%';<>^`{|}]/);
      if (other >= 0) [authority, rest] = [authority.slice(0, other), authority.slice(other) + rest];
      const port = /^(?:.*[^:]|):([0-9]*)$/.test(authority) && /:([0-9]*)$/.exec(authority);
      if (port) {
        if (port[1]) u.port = port[1];
        authority = authority.slice(0, -port[0].length);
      }
      u.hostname = authority.toLowerCase().replace(/^\[(.*)\]$/, '$1');
      u.host = authority.toLowerCase() + (u.port ? ':' + u.port : '');
      if (rest === '' && u.protocol in ports) rest = '/';
    }
    u.pathname = rest === '' ? null : rest.replace(/[ "<>`{}|\\^']/g, (c) => '%' + c.charCodeAt(0).toString(16).toUpperCase());
    u.path = u.pathname === null && !u.search ? null : (u.pathname || '') + (u.search || '');
    u.href = exports.format(u);
    return u;
  };
  exports.format = (u, o = {}) => {
    if (typeof u === 'string') u = exports.parse(u);
    if (u === null || typeof u !== 'object') throw wrongType('urlObject', u);
    if (u instanceof URL) {
      u = new URL(u);
      if (o.auth === false) u.username = u.password = '';
      if (o.fragment === false) u.hash = '';
      if (o.search === false) u.search = '';
      return u.href;
    }
    let protocol = u.protocol || '';
    if (protocol && !protocol.endsWith(':')) protocol += ':';
    let host = u.host || (u.hostname ? (u.hostname.includes(':') && u.hostname[0] !== '[' ? '[' + u.hostname + ']' : u.hostname) + (u.port ? ':' + u.port : '') : '');
    if (host) host = (u.auth ? encodeURIComponent(u.auth).replace(/%3A/i, ':') + '@' : '') + host;
    let search = u.search || (u.query && typeof u.query === 'object' && Object.keys(u.query).length ? '?' + require('querystring').stringify(u.query) : '');
    if (search && search[0] !== '?') search = '?' + search;
    let path = u.pathname || '', hash = u.hash || '';
    if (hash && hash[0] !== '#') hash = '#' + hash;
    const authority = u.slashes || (protocol in ports || !protocol) && host || protocol === 'file:' ? '//' + host : host;
    if (authority && path && path[0] !== '/') path = '/' + path;
    return protocol + authority + path.replace(/[?#]/g, encodeURIComponent) + search.replace('#', '%23') + hash;
  };
  exports.resolve = (from, to) => {
    try {
      return new URL(to, from).href;
    } catch {
      const u = new URL(to, new URL(from, 'resolve://x/'));
      if (u.protocol !== 'resolve:') return u.href;
      // What began at no root ends at none.
      const rest = u.pathname + u.search + u.hash;
      return u.hostname !== 'x' ? '//' + u.host + rest : from.startsWith('/') || to.startsWith('/') ? rest : rest.slice(1);
    }
  };
};
