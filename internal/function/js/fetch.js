globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { Buffer, Blob } = require('buffer');
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
  class Headers {
    #map = new Map();
    constructor(init) {
      if (init === undefined) return;
      if (init === null || typeof init !== 'object' && typeof init !== 'function') throw new TypeError("Headers: The provided value is not of type '(record<ByteString, ByteString> or sequence<sequence<ByteString>>)'.");
      if (Array.isArray(init) && init.some((p) => [...p].length !== 2)) throw new TypeError('Headers: expected name/value pair to be length 2.');
      if (init instanceof Headers || typeof init[Symbol.iterator] === 'function') for (const [k, v] of init) this.append(k, v);
      else for (const k of Object.keys(init)) this.append(k, init[k]);
    }
    #key(k) {
      if (!token.test(k)) throw new TypeError('Headers: ' + k + ' is an invalid header name.');
      return String(k).toLowerCase();
    }
    #value(v) {
      v = String(v).replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, '');
      if (/[\0\r\n]|[^\0-\xff]/.test(v)) throw new TypeError('Headers: invalid header value.');
      return v;
    }
    append(k, v) { k = this.#key(k); this.#map.set(k, [...this.#map.get(k) || [], this.#value(v)]); }
    set(k, v) { this.#map.set(this.#key(k), [this.#value(v)]); }
    get(k) { const v = this.#map.get(this.#key(k)); return v ? v.join(', ') : null; }
    getSetCookie() { return (this.#map.get('set-cookie') || []).slice(); }
    has(k) { return this.#map.has(this.#key(k)); }
    delete(k) { this.#map.delete(this.#key(k)); }
    forEach(f, self) { for (const [k, v] of this) f.call(self, v, k, this); }
    * entries() {
      for (const k of [...this.#map.keys()].sort()) {
        if (k === 'set-cookie') for (const v of this.#map.get(k)) yield [k, v];
        else yield [k, this.get(k)];
      }
    }
    * keys() { for (const [k] of this) yield k; }
    * values() { for (const [, v] of this) yield v; }
    [Symbol.iterator]() { return this.entries(); }
  }

  // A ReadableStream of one chunk: bodies arrive whole.
  class ReadableStream {
    #bytes; #source; #queue = []; #done = false; #failed; locked = false;
    constructor(source = {}) {
      this.#source = source;
      const c = { enqueue: (x) => this.#queue.push(x), close: () => { this.#done = true; }, error: (e) => { this.#failed = e; } };
      this.#bytes = c;
      if (source.start) source.start(c);
    }
    getReader() {
      this.locked = true;
      return {
        read: async () => {
          if (!this.#queue.length && !this.#done && this.#source.pull) await this.#source.pull(this.#bytes);
          if (this.#failed) throw this.#failed;
          return this.#queue.length ? { value: this.#queue.shift(), done: false } : { value: undefined, done: true };
        },
        releaseLock: () => { this.locked = false; }, cancel: async () => { this.#done = true; this.#queue = []; }, closed: Promise.resolve(),
      };
    }
    async cancel() { this.#queue = []; }
    async * [Symbol.asyncIterator]() {
      const r = this.getReader();
      for (;;) {
        const { value, done } = await r.read();
        if (done) return;
        yield value;
      }
    }
  }

  class Body {
    #bytes; #used = false; #stream;
    take_(body, headers) {
      let type = null;
      if (body === undefined || body === null) this.#bytes = null;
      else if (typeof body === 'string') [this.#bytes, type] = [Buffer.from(body), 'text/plain;charset=UTF-8'];
      else if (body instanceof URLSearchParams) [this.#bytes, type] = [Buffer.from(body.toString()), 'application/x-www-form-urlencoded;charset=UTF-8'];
      else if (body instanceof Blob) [this.#bytes, type] = [body.bytes(), body.type || null];
      else if (body instanceof exports.FormData) [this.#bytes, type] = form(body);
      else if (body instanceof ArrayBuffer) this.#bytes = Buffer.from(new Uint8Array(body));
      else if (ArrayBuffer.isView(body)) this.#bytes = Buffer.from(new Uint8Array(body.buffer, body.byteOffset, body.byteLength));
      else if (typeof body[Symbol.asyncIterator] === 'function') {
        this.#bytes = (async () => { const parts = []; for await (const c of body) parts.push(Buffer.from(c)); return Buffer.concat(parts); })();
      } else [this.#bytes, type] = [Buffer.from(String(body)), 'text/plain;charset=UTF-8'];
      if (type && !headers.has('content-type')) headers.set('content-type', type);
    }
    get bodyUsed() { return this.#used; }
    get body() {
      if (this.#bytes === null) return null;
      if (!this.#stream) {
        const get = () => this.#bytes;
        this.#stream = new ReadableStream({ async pull(c) { const b = await get(); if (b.length) c.enqueue(Uint8Array.from(b)); c.close(); } });
      }
      return this.#stream;
    }
    async all_() {
      if (this.#used) throw new TypeError('Body is unusable: Body has already been read');
      this.#used = this.#bytes !== null;
      return Buffer.from(await this.#bytes || []);
    }
    peek_() { return this.#bytes; }
    async text() { return (await this.all_()).toString(); }
    async json() { return JSON.parse(await this.text()); }
    async arrayBuffer() { return Uint8Array.from(await this.all_()).buffer; }
    async bytes() { return Uint8Array.from(await this.all_()); }
    async blob() { return new Blob([await this.all_()], { type: this.headers.get('content-type') || '' }); }
  }
  // form writes a form as RFC 7578 has it.
  function form(data) {
    const boundary = '----formdata-' + require('crypto').randomBytes(12).toString('hex');
    const quoted = (s) => s.replace(/\r\n|\r|\n/g, '%0D%0A').replace(/"/g, '%22');
    const bytes = (async () => {
      const parts = [];
      for (const [k, v] of data) {
        const file = v instanceof Blob;
        parts.push(Buffer.from('--' + boundary + '\r\nContent-Disposition: form-data; name="' + quoted(k) + '"' + (file ? '; filename="' + quoted(v.name || 'blob') + '"\r\nContent-Type: ' + (v.type || 'application/octet-stream') : '') + '\r\n\r\n'),
          file ? Buffer.from(await v.bytes()) : Buffer.from(v.replace(/\r\n|\r|\n/g, '\r\n')), Buffer.from('\r\n'));
      }
      return Buffer.concat([...parts, Buffer.from('--' + boundary + '--\r\n')]);
    })();
    return [bytes, 'multipart/form-data; boundary=' + boundary];
  }
  class Request extends Body {
    constructor(input, o = {}) {
      super();
      const from = input instanceof Request ? input : null;
      try {
        this.url = from ? from.url : new URL(String(input)).href;
      } catch (e) {
        throw new TypeError('Failed to parse URL from ' + String(input), { cause: e });
      }
      if (/^[a-z]+:\/\/[^/]*@/.test(this.url)) throw new TypeError('Request cannot be constructed from a URL that includes credentials: ' + this.url);
      const method = String(o.method || from && from.method || 'GET'), upper = method.toUpperCase();
      this.method = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT'].includes(upper) ? upper : method;
      if (!token.test(method) || ['CONNECT', 'TRACE', 'TRACK'].includes(upper)) throw new TypeError("'" + method + "' is not a valid HTTP method.");
      this.headers = new Headers(o.headers || from && from.headers || undefined);
      this.redirect = o.redirect || from && from.redirect || 'follow';
      this.signal = o.signal || from && from.signal || new AbortController().signal;
      const body = o.body !== undefined ? o.body : from ? from.peek_() : null;
      if (body !== null && body !== undefined && (this.method === 'GET' || this.method === 'HEAD')) throw new TypeError('Request with GET/HEAD method cannot have body.');
      this.take_(body, this.headers);
    }
    clone() { return new Request(this); }
  }
  class Response extends Body {
    constructor(body, o = {}) {
      super();
      this.status = o.status === undefined ? 200 : o.status;
      if (!(this.status >= 200 && this.status <= 599)) throw new RangeError('init["status"] must be in the range of 200 to 599, inclusive.');
      this.statusText = o.statusText || '';
      if (body !== null && body !== undefined && [101, 204, 205, 304].includes(this.status)) throw new TypeError('Response constructor: Invalid response status code ' + this.status);
      this.headers = new Headers(o.headers || undefined);
      this.url = o.url_ || '';
      this.redirected = !!o.redirected_;
      this.type = 'default';
      this.take_(body, this.headers);
    }
    get ok() { return this.status >= 200 && this.status < 300; }
    clone() {
      if (this.bodyUsed) throw new TypeError('Response.clone: Body has already been consumed.');
      return new Response(this.peek_(), { status: this.status, statusText: this.statusText, headers: this.headers, url_: this.url, redirected_: this.redirected });
    }
    static json(v, o = {}) { const r = new Response(JSON.stringify(v), o); r.headers.set('content-type', 'application/json'); return r; }
    static error() { return Object.assign(new Response(null), { status: 0, type: 'error' }); }
    static redirect(url, status = 302) {
      if (![301, 302, 303, 307, 308].includes(status)) throw new RangeError('Invalid status code ' + status);
      return new Response(null, { status, headers: { location: new URL(url).href } });
    }
  }

  exports.fetch = async function fetch(input, o) {
    let r = new Request(input, o), body = await r.all_(), hops = 0;
    const failed = (e) => Object.assign(new TypeError('fetch failed'), { cause: e });
    for (;;) {
      r.signal.throwIfAborted();
      const headers = [...r.headers];
      if (!r.headers.has('accept')) headers.push(['accept', '*/*']);
      if (!r.headers.has('user-agent')) headers.push(['user-agent', 'node']);
      const stop = new Promise((_, reject) => r.signal.addEventListener('abort', () => reject(r.signal.reason), { once: true }));
      let answer;
      try {
        answer = await Promise.race([core.ask('http', { method: r.method, url: r.url.replace(/#.*$/, ''), headers }, body), stop]);
      } catch (e) {
        throw r.signal.aborted ? e : failed(e);
      }
      const { data } = answer, to = new Headers(data.headers || []).get('location');
      if (![301, 302, 303, 307, 308].includes(data.status) || !to || r.redirect === 'manual') {
        const none = r.method === 'HEAD' || [204, 205, 304].includes(data.status);
        return new Response(none ? null : answer.body, { status: data.status, statusText: data.reason, headers: data.headers || [], url_: r.url, redirected_: hops > 0 });
      }
      if (r.redirect === 'error') throw failed(new Error('unexpected redirect'));
      if (++hops > 20) throw failed(new Error('redirect count exceeded'));
      const url = new URL(to, r.url), drop = data.status === 303 && r.method !== 'HEAD' || (data.status === 301 || data.status === 302) && r.method === 'POST';
      const next = new Headers(r.headers);
      if (drop) {
        body = Buffer.alloc(0);
        for (const k of ['content-type', 'content-length', 'content-encoding']) next.delete(k);
      }
      if (url.origin !== new URL(r.url).origin) for (const k of ['authorization', 'cookie', 'host']) next.delete(k);
      r = new Request(url, { method: drop ? 'GET' : r.method, headers: next, redirect: r.redirect, signal: r.signal });
    }
  };
  exports.FormData = class FormData {
    #list = [];
    append(k, v) { this.#list.push([String(k), v instanceof Blob ? v : String(v)]); }
    set(k, v) {
      const at = this.#list.findIndex((x) => x[0] === String(k));
      this.delete(k);
      this.#list.splice(at < 0 ? this.#list.length : at, 0, [String(k), v instanceof Blob ? v : String(v)]);
    }
    delete(k) { this.#list = this.#list.filter((x) => x[0] !== String(k)); }
    has(k) { return this.#list.some((x) => x[0] === String(k)); }
    get(k) { const p = this.#list.find((x) => x[0] === String(k)); return p ? p[1] : null; }
    getAll(k) { return this.#list.filter((x) => x[0] === String(k)).map((x) => x[1]); }
    keys() { return this.#list.map((p) => p[0])[Symbol.iterator](); }
    values() { return this.#list.map((p) => p[1])[Symbol.iterator](); }
    forEach(f, self) { for (const [k, v] of this.#list) f.call(self, v, k, this); }
    entries() { return this.#list[Symbol.iterator](); }
    [Symbol.iterator]() { return this.entries(); }
  };
  Object.assign(exports, { Headers, Request, Response, ReadableStream });
};
