globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { Readable, Writable } = require('stream');
  const secure = core.name === 'https';
  exports.STATUS_CODES = {
    100: 'Continue', 101: 'Switching Protocols', 102: 'Processing', 103: 'Early Hints', 200: 'OK', 201: 'Created', 202: 'Accepted', 203: 'Non-Authoritative Information', 204: 'No Content',
    205: 'Reset Content', 206: 'Partial Content', 207: 'Multi-Status', 208: 'Already Reported', 226: 'IM Used', 300: 'Multiple Choices', 301: 'Moved Permanently', 302: 'Found',
    303: 'See Other', 304: 'Not Modified', 305: 'Use Proxy', 307: 'Temporary Redirect', 308: 'Permanent Redirect', 400: 'Bad Request', 401: 'Unauthorized', 402: 'Payment Required',
    403: 'Forbidden', 404: 'Not Found', 405: 'Method Not Allowed', 406: 'Not Acceptable', 407: 'Proxy Authentication Required', 408: 'Request Timeout', 409: 'Conflict', 410: 'Gone',
    411: 'Length Required', 412: 'Precondition Failed', 413: 'Payload Too Large', 414: 'URI Too Long', 415: 'Unsupported Media Type', 416: 'Range Not Satisfiable', 417: 'Expectation Failed',
    418: "I'm a Teapot", 421: 'Misdirected Request', 422: 'Unprocessable Entity', 423: 'Locked', 424: 'Failed Dependency', 425: 'Too Early', 426: 'Upgrade Required',
    428: 'Precondition Required', 429: 'Too Many Requests', 431: 'Request Header Fields Too Large', 451: 'Unavailable For Legal Reasons', 500: 'Internal Server Error', 501: 'Not Implemented',
    502: 'Bad Gateway', 503: 'Service Unavailable', 504: 'Gateway Timeout', 505: 'HTTP Version Not Supported', 506: 'Variant Also Negotiates', 507: 'Insufficient Storage', 508: 'Loop Detected',
    509: 'Bandwidth Limit Exceeded', 510: 'Not Extended', 511: 'Network Authentication Required',
  };
  exports.METHODS = 'ACL BIND CHECKOUT CONNECT COPY DELETE GET HEAD LINK LOCK M-SEARCH MERGE MKACTIVITY MKCALENDAR MKCOL MOVE NOTIFY OPTIONS PATCH POST PROPFIND PROPPATCH PURGE PUT QUERY REBIND REPORT SEARCH SOURCE SUBSCRIBE TRACE UNBIND UNLINK UNLOCK UNSUBSCRIBE'.split(' ');
  exports.Agent = class Agent { constructor(o = {}) { this.options = o; this.keepAlive = !!o.keepAlive; this.maxSockets = o.maxSockets || Infinity; this.sockets = {}; this.requests = {}; } destroy() {} };
  exports.globalAgent = new exports.Agent();

  class IncomingMessage extends Readable {
    constructor(head, body) {
      super({ read() {} });
      Object.assign(this, { statusCode: head.status, statusMessage: head.reason, httpVersion: '1.1', headers: {}, rawHeaders: [], trailers: {}, complete: true, socket: socket() });
      for (const [k, v] of head.headers || []) {
        const name = k.toLowerCase();
        this.rawHeaders.push(k, v);
        if (name === 'set-cookie') (this.headers[name] = this.headers[name] || []).push(v);
        else if (!(name in this.headers)) this.headers[name] = v;
        else this.headers[name] += ', ' + v;
      }
      if (body.length) this.push(require('buffer').wrap(body));
      this.push(null);
    }
    setTimeout() { return this; }
  }
  const socket = () => Object.assign(new (require('events'))(), { setTimeout() {}, setNoDelay() {}, setKeepAlive() {}, ref() {}, unref() {}, destroy() {}, encrypted: secure, authorized: secure, connecting: false, writable: true });

  class ClientRequest extends Writable {
    #parts = []; #headers = new Map(); #sent = false; #aborted = false; #timer = null;
    constructor(o, then) {
      super({ write: (c, e, done) => { this.#parts.push(typeof c === 'string' ? Buffer.from(c, e) : c); done(); } });
      const protocol = o.protocol || (secure ? 'https:' : 'http:');
      this.method = String(o.method || 'GET').toUpperCase();
      this.path = o.path || '/';
      this.protocol = protocol;
      this.host = o.hostname || o.host || 'localhost';
      this.socket = this.connection = socket();
      const port = o.port || o.defaultPort, standard = !port || Number(port) === (protocol === 'https:' ? 443 : 80);
      const name = o.hostname || String(o.host || 'localhost').replace(/:\d+$/, '');
      this.url_ = protocol + '//' + (name.includes(':') && name[0] !== '[' ? '[' + name + ']' : name) + (standard ? '' : ':' + port) + this.path;
      const h = o.headers || {};
      if (Array.isArray(h)) for (let i = 0; i + 1 < h.length; i += 2) this.setHeader(h[i], h[i + 1]);
      else for (const k of Object.keys(h)) if (h[k] !== undefined) this.setHeader(k, h[k]);
      if (o.auth && !this.hasHeader('authorization')) this.setHeader('Authorization', 'Basic ' + Buffer.from(o.auth).toString('base64'));
      if (o.timeout) this.setTimeout(o.timeout);
      if (o.signal) {
        if (o.signal.aborted) this.destroy(o.signal.reason);
        else o.signal.addEventListener('abort', () => this.destroy(o.signal.reason), { once: true });
      }
      if (then) this.once('response', then);
      this.once('finish', () => this.#send());
      Promise.resolve().then(() => this.emit('socket', this.socket)).catch(() => {});
    }
    setHeader(k, v) { this.#headers.set(k.toLowerCase(), [k, v]); return this; }
    getHeader(k) { const h = this.#headers.get(k.toLowerCase()); return h && h[1]; }
    getHeaders() { return Object.fromEntries([...this.#headers].map(([k, h]) => [k, h[1]])); }
    hasHeader(k) { return this.#headers.has(k.toLowerCase()); }
    removeHeader(k) { this.#headers.delete(k.toLowerCase()); }
    flushHeaders() {}
    setNoDelay() { return this; }
    setSocketKeepAlive() { return this; }
    setTimeout(ms, then) {
      if (then) this.once('timeout', then);
      clearTimeout(this.#timer);
      if (ms) this.#timer = setTimeout(() => { this.emit('timeout'); }, ms).unref();
      return this;
    }
    abort() { this.#aborted = true; this.destroy(Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })); }
    get aborted() { return this.#aborted; }
    #send() {
      if (this.#sent || this.destroyed) return;
      this.#sent = true;
      const headers = [];
      for (const [k, v] of this.#headers.values()) for (const one of Array.isArray(v) ? v : [v]) headers.push([k, String(one)]);
      core.ask('http', { method: this.method, url: this.url_, headers }, Buffer.concat(this.#parts)).then(({ data, body }) => {
        clearTimeout(this.#timer);
        if (this.destroyed) return;
        const r = new IncomingMessage(data, this.method === 'HEAD' ? new Uint8Array() : body);
        r.req = this;
        if (!this.emit('response', r)) r.resume();
      }, (e) => {
        clearTimeout(this.#timer);
        const code = /\b(E[A-Z]{4,})\b/.exec(e.message);
        this.destroy(Object.assign(e, { code: code ? code[1] : 'ECONNRESET' }));
      }).catch((e) => setTimeout(() => { throw e; }, 1));
    }
  }

  exports.request = (url, o, then) => {
    if (typeof url === 'string') url = require('url').urlToHttpOptions(new URL(url));
    else if (url instanceof URL) url = require('url').urlToHttpOptions(url);
    else [url, o, then] = [{}, url, o];
    if (typeof o === 'function') [o, then] = [{}, o];
    return new ClientRequest(Object.assign({}, url, o), then);
  };
  exports.get = (...args) => exports.request(...args).end();
  exports.ClientRequest = ClientRequest;
  exports.IncomingMessage = IncomingMessage;
  exports.createServer = () => { throw new Error('functions do not listen'); };
};
