globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const { Buffer, bytesOf, wrap } = require('buffer');
  const bytes = (hex64) => wrap(core.fromBase64(hex64));
  const packed = (v, e) => {
    if (typeof v === 'string') return !e || e === 'utf8' || e === 'utf-8' ? ':' + v : core.toBase64(bytesOf(v, e));
    if (v instanceof Uint8Array) return v.toBase64();
    if (v instanceof KeyObject) return core.toBase64(v.raw);
    if (v instanceof ArrayBuffer) return core.toBase64(new Uint8Array(v));
    if (ArrayBuffer.isView(v)) return core.toBase64(new Uint8Array(v.buffer, v.byteOffset, v.byteLength));
    const err = new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.');
    err.code = 'ERR_INVALID_ARG_TYPE';
    throw err;
  };
  const called = (service, ...args) => {
    try {
      return host(service, ...args);
    } catch (e) {
      throw new Error(e.message);
    }
  };

  // Data that came in one piece of text stays text on its way to Go.
  class Gathering {
    rest = null;
    constructor(first) { this.first = first; }
    copy() {
      const g = new Gathering(this.first);
      g.rest = this.rest && this.rest.slice();
      return g;
    }
    add(v, e) {
      const p = typeof v === 'string' && e === undefined ? ':' + v : packed(v, e);
      if (this.first === undefined) this.first = p;
      else if (this.rest) this.rest.push(p);
      else this.rest = [p];
    }
    all() {
      if (!this.rest) return this.first === undefined ? '' : this.first;
      const parts = [this.first, ...this.rest];
      if (parts.every((p) => p === '' || p[0] === ':')) return ':' + parts.map((p) => p.slice(1)).join('');
      return core.toBase64(Buffer.concat(parts.map((p) => p[0] === ':' ? Buffer.from(p.slice(1)) : bytes(p))));
    }
  }
  const wrongType = (name) => Object.assign(new TypeError('The "' + name + '" argument is of the wrong type.'), { code: 'ERR_INVALID_ARG_TYPE' });
  const known = new Set();
  const supported = (name) => {
    if (typeof name !== 'string') throw wrongType('algorithm');
    if (!/^(rsa-)?(md5|sha-?(1|224|256|384|512)|sha512-(224|256)|sha3-(224|256|384|512))$/i.test(name)) throw new Error('Digest method not supported');
    known.add(name);
    return String(name);
  };

  // Hash is a digest, or with a key an HMAC. Most get one piece of data: it gathers
  // only when there is more. A call of a function costs as much as the hash of a
  // short text: what signatures need is done in place.
  class Hash {
    #name; #key; #data;
    constructor(name, key) {
      this.#name = known.has(name) ? name : supported(name);
      this.#key = key;
    }
    update(v, e) {
      if (this.#name === '') throw finished();
      if (this.#data === undefined) this.#data = typeof v === 'string' && e === undefined ? ':' + v : packed(v, e);
      else {
        if (typeof this.#data === 'string') this.#data = new Gathering(this.#data);
        this.#data.add(v, e);
      }
      return this;
    }
    digest(e) {
      const name = this.#name, key = this.#key;
      let data = this.#data;
      if (name === '') throw finished();
      this.#name = '';
      if (data === undefined) data = '';
      else if (typeof data !== 'string') data = data.all();
      const form = e === 'hex' ? e : 'base64', out = key === undefined ? host('hash', name, form, data) : host('hmac', name, form, key, data);
      if (e === form) return out;
      const sum = wrap(Uint8Array.fromBase64(out));
      return e && e !== 'buffer' ? sum.toString(e) : sum;
    }
    copy() {
      if (this.#name === '') throw finished();
      if (this.#key !== undefined) throw new TypeError('copy is not a function');
      const h = new Hash(this.#name);
      h.#data = typeof this.#data === 'object' ? this.#data.copy() : this.#data;
      return h;
    }
  }
  const finished = () => Object.assign(new Error('Digest already called'), { code: 'ERR_CRYPTO_HASH_FINALIZED' });

  exports.createHash = (name) => new Hash(name);
  exports.createHmac = (name, key) => {
    const as = typeof key === 'string' ? ':' + key : packed(key);
    try {
      return new Hash(name, as);
    } catch (e) {
      throw e.code ? e : Object.assign(new TypeError('Invalid digest: ' + name), { code: 'ERR_CRYPTO_INVALID_DIGEST' });
    }
  };
  exports.hash = (name, v, e = 'hex') => new Hash(name).update(v).digest(e);
  exports.getHashes = () => ['md5', 'sha1', 'sha224', 'sha256', 'sha3-224', 'sha3-256', 'sha3-384', 'sha3-512', 'sha384', 'sha512', 'sha512-224', 'sha512-256', 'RSA-SHA1', 'RSA-SHA256', 'RSA-SHA384', 'RSA-SHA512'];
  exports.getCurves = () => ['prime256v1', 'secp384r1', 'secp521r1'];
  exports.getCiphers = () => [];
  exports.timingSafeEqual = (a, b) => {
    for (const v of [a, b]) if (!ArrayBuffer.isView(v) && !(v instanceof ArrayBuffer)) throw wrongType(v === a ? 'buf1' : 'buf2');
    if (a.byteLength !== b.byteLength) throw Object.assign(new RangeError('Input buffers must have the same byte length'), { code: 'ERR_CRYPTO_TIMING_SAFE_EQUAL_LENGTH' });
    return host('equal', packed(a), packed(b));
  };
  exports.randomBytes = (n, then) => {
    if (typeof n !== 'number') throw wrongType('size');
    if (!(n >= 0 && n <= 2 ** 31 - 1)) throw Object.assign(new RangeError('The value of "size" is out of range. Received ' + n), { code: 'ERR_OUT_OF_RANGE' });
    const b = exports.randomFillSync(Buffer.alloc(n));
    if (then) setTimeout(then, 1, null, b);
    else return b;
  };
  exports.pseudoRandomBytes = exports.randomBytes;
  exports.randomFillSync = (b, at = 0, n) => {
    const unit = b.BYTES_PER_ELEMENT || 1;
    const view = new Uint8Array(b.buffer || b, b.byteOffset || 0, b.byteLength).subarray(at * unit, n === undefined ? undefined : (at + n) * unit);
    for (let i = 0; i < view.length; i += 65536) view.set(bytes(called('random', Math.min(65536, view.length - i))), i);
    return b;
  };
  exports.randomFill = (b, ...rest) => { const then = rest.pop(); exports.randomFillSync(b, ...rest); setImmediate(then, null, b); };
  exports.randomInt = (low, high, then) => {
    if (high === undefined || typeof high === 'function') [low, high, then] = [0, low, high];
    for (const [name, v] of [['min', low], ['max', high]]) {
      if (!Number.isSafeInteger(v)) throw Object.assign(new TypeError('The "' + name + '" argument must be a safe integer.'), { code: 'ERR_INVALID_ARG_TYPE' });
    }
    const span = high - low, limit = 2 ** 48 - 2 ** 48 % span;
    if (!(span > 0 && span < 2 ** 48)) throw Object.assign(new RangeError('The value of "max" is out of range. Received ' + high), { code: 'ERR_OUT_OF_RANGE' });
    let n;
    do n = parseInt(bytes(called('random', 6)).toString('hex'), 16); while (n >= limit);
    n = low + n % span;
    if (then) setImmediate(then, undefined, n);
    else return n;
  };
  exports.randomUUID = () => {
    const b = bytes(called('random', 16));
    b[6] = b[6] & 15 | 64;
    b[8] = b[8] & 63 | 128;
    return b.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  };

  // --- keys ------------------------------------------------------------------

  class KeyObject {
    constructor(d) { Object.defineProperty(this, 'd', { value: d }); if (d.raw) Object.defineProperty(this, 'raw', { value: d.raw }); }
    get type() { return this.d.type; }
    get asymmetricKeyType() { return this.d.kind; }
    get asymmetricKeyDetails() { return this.d.kind === 'rsa' ? { modulusLength: this.d.bits, publicExponent: 65537n } : { namedCurve: { 256: 'prime256v1', 384: 'secp384r1', 521: 'secp521r1' }[this.d.bits] }; }
    get symmetricKeySize() { return this.raw && this.raw.length; }
    export(o = {}) {
      if (this.raw) return o.format === 'jwk' ? { kty: 'oct', k: Buffer.from(this.raw).toString('base64url') } : Buffer.from(this.raw);
      if (o.format === 'jwk' && this.d.type === 'public') return Object.assign({}, this.d.jwk);
      if (o.format === 'der') return Buffer.from(this.d.pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
      if (o.format && o.format !== 'pem') throw new Error('key format not supported');
      return this.d.pem;
    }
    equals(k) { return this.d.pem === k.d.pem && (!this.raw || !!k.raw && this.raw.length === k.raw.length && exports.timingSafeEqual(this.raw, k.raw)); }
  }
  exports.KeyObject = KeyObject;
  function key(v, want) {
    if (v instanceof CryptoKey) v = v.object;
    if (v instanceof KeyObject) return v.type === want ? v : want === 'public' ? key(v.d.pem, 'public') : refuse();
    let form = 'pem';
    if (v && typeof v === 'object' && !ArrayBuffer.isView(v) && 'key' in v) {
      if (v.key instanceof KeyObject) return key(v.key, want);
      if (v.format === 'jwk') form = 'jwk', v = JSON.stringify(v.key);
      else if (v.format === 'der') form = 'der-' + (v.type || (want === 'public' ? 'spki' : 'pkcs8')), v = v.key;
      else v = v.key;
    }
    return new KeyObject(JSON.parse(called('key', form, packed(v), want)));
  }
  const refuse = () => { throw Object.assign(new TypeError('Invalid key object type'), { code: 'ERR_CRYPTO_INVALID_KEY_OBJECT_TYPE' }); };
  exports.createPublicKey = (v) => key(v, 'public');
  exports.createPrivateKey = (v) => key(v, 'private');
  exports.createSecretKey = (v, e) => new KeyObject({ type: 'secret', raw: typeof v === 'string' ? Buffer.from(v, e) : Buffer.from(v) });

  exports.constants = { RSA_PKCS1_PADDING: 1, RSA_PKCS1_OAEP_PADDING: 4, RSA_PKCS1_PSS_PADDING: 6, RSA_PSS_SALTLEN_DIGEST: -1, RSA_PSS_SALTLEN_AUTO: -2, RSA_PSS_SALTLEN_MAX_SIGN: -2 };
  const how = (hash, k, o) => JSON.stringify({
    hash: hash || '', key: k.d.pem, pss: o.padding === 6, salt: o.saltLength === undefined || o.saltLength < 0 ? -1 : o.saltLength, p1363: o.dsaEncoding === 'ieee-p1363',
  });
  const options = (k) => k && typeof k === 'object' && !(k instanceof KeyObject) && !ArrayBuffer.isView(k) ? k : {};
  const signOnce = (hash, message, k) => bytes(called('sign', how(hash && supported(hash), key(k, 'private'), options(k)), message));
  const verifyOnce = (hash, message, k, signature, e) => called('verify', how(hash && supported(hash), key(k, 'public'), options(k)), message, packed(signature, e));
  class Sign {
    #hash; #data = new Gathering();
    constructor(hash) { this.#hash = supported(hash); }
    update(v, e) { this.#data.add(v, e); return this; }
    write(v, e) { this.update(v, e); return true; }
    end(v, e) { if (v !== undefined) this.update(v, e); return this; }
    sign(k, e) {
      const out = signOnce(this.#hash, this.#data.all(), k);
      return e ? out.toString(e) : out;
    }
  }
  class Verify {
    #hash; #data = new Gathering();
    constructor(hash) { this.#hash = supported(hash); }
    update(v, e) { this.#data.add(v, e); return this; }
    write(v, e) { this.update(v, e); return true; }
    end(v, e) { if (v !== undefined) this.update(v, e); return this; }
    verify(k, signature, e) { return verifyOnce(this.#hash, this.#data.all(), k, signature, e); }
  }
  exports.createSign = (hash) => new Sign(hash);
  exports.createVerify = (hash) => new Verify(hash);
  exports.sign = (hash, data, k, then) => then ? void setTimeout(() => then(null, signOnce(hash, packed(data), k)), 1) : signOnce(hash, packed(data), k);
  exports.verify = (hash, data, k, signature, then) =>
    then ? void setTimeout(() => then(null, verifyOnce(hash, packed(data), k, signature)), 1) : verifyOnce(hash, packed(data), k, signature);
  const oaep = (service, want) => (k, data) => {
    const o = options(k);
    if (o.padding !== undefined && o.padding !== 4) throw new Error('only RSA_PKCS1_OAEP_PADDING is supported');
    return bytes(called(service, JSON.stringify({ key: key(k, want).d.pem, hash: o.oaepHash || '' }), packed(data)));
  };
  exports.publicEncrypt = oaep('encrypt', 'public');
  exports.privateDecrypt = oaep('decrypt', 'private');
  // --- keys of passwords and of other keys ----

  exports.pbkdf2Sync = (password, salt, rounds, n, name) => bytes(called('pbkdf2', supported(name), packed(password), packed(salt), rounds, n));
  exports.pbkdf2 = (password, salt, rounds, n, name, then) => { const out = exports.pbkdf2Sync(password, salt, rounds, n, name); setImmediate(then, null, out); };
  exports.hkdfSync = (name, k, salt, info, n) => Uint8Array.from(bytes(called('hkdf', supported(name), packed(k), packed(salt), packed(info), n))).buffer;
  exports.hkdf = (name, k, salt, info, n, then) => { const out = exports.hkdfSync(name, k, salt, info, n); setImmediate(then, null, out); };
  for (const name of ['createCipheriv', 'createDecipheriv', 'createDiffieHellman', 'createECDH', 'generateKeyPairSync', 'generateKeyPair', 'scrypt', 'scryptSync']) {
    exports[name] = () => { throw Object.assign(new Error('crypto.' + name + ' is not available in this runtime'), { code: 'ERR_FEATURE_UNAVAILABLE_ON_PLATFORM' }); };
  }

  // --- Web Crypto --------------------------------------------------------------

  class CryptoKey {
    constructor(object, algorithm, extractable, usages) {
      Object.defineProperty(this, 'object', { value: object });
      Object.assign(this, { type: object.type, algorithm, extractable, usages });
    }
  }
  const named = (a) => typeof a === 'string' ? { name: a } : a;
  const hashName = (a) => named(a).name;
  const buffer = (b) => Uint8Array.from(b).buffer;
  const unsupported = (what) => { throw Object.assign(new Error(what + ' is not supported'), { name: 'NotSupportedError', code: 9 }); };
  const source = (v) => { if (typeof v === 'string') throw wrongType('data'); return v; };
  const allowed = (k, usage) => { if (!k.usages.includes(usage)) throw Object.assign(new Error('key does not allow ' + usage), { name: 'InvalidAccessError', code: 15 }); };
  const subtle = {
    async digest(a, v) {
      const name = hashName(a);
      if (!/^sha-(1|256|384|512)$/i.test(name)) unsupported(name);
      return buffer(new Hash(name).update(source(v)).digest());
    },
    async importKey(format, v, a, extractable, usages) {
      a = named(a);
      const as = { name: a.name, hash: a.hash && named(a.hash), namedCurve: a.namedCurve };
      if (a.name === 'HMAC') {
        const raw = format === 'jwk' ? Buffer.from(v.k, 'base64url') : format === 'raw' ? v : unsupported(format);
        return new CryptoKey(exports.createSecretKey(raw), as, extractable, usages);
      }
      if (!['RSASSA-PKCS1-v1_5', 'RSA-PSS', 'ECDSA', 'Ed25519', 'RSA-OAEP'].includes(a.name)) unsupported(a.name);
      const object = format === 'jwk' ? key({ key: v, format: 'jwk' }, v.d ? 'private' : 'public')
        : format === 'spki' ? key({ key: Buffer.from(v), format: 'der', type: 'spki' }, 'public')
          : format === 'pkcs8' ? key({ key: Buffer.from(v), format: 'der', type: 'pkcs8' }, 'private') : unsupported(format);
      return new CryptoKey(object, as, extractable, usages);
    },
    async exportKey(format, k) {
      if (!k.extractable) throw Object.assign(new Error('key is not extractable'), { name: 'InvalidAccessError' });
      return format === 'jwk' ? k.object.export({ format: 'jwk' }) : buffer(k.object.export(k.object.raw ? {} : { format: 'der' }));
    },
    async sign(a, k, v) {
      allowed(k, 'sign');
      a = named(a);
      if (a.name === 'HMAC') return buffer(new Hash(hashName(k.algorithm.hash), packed(k.object)).update(v).digest());
      return buffer(bytes(called('sign', web(a, k), packed(v))));
    },
    async verify(a, k, signature, v) {
      allowed(k, 'verify');
      a = named(a);
      if (a.name === 'HMAC') {
        const mac = new Hash(hashName(k.algorithm.hash), packed(k.object)).update(v).digest(), given = Buffer.from(signature);
        return mac.length === given.length && exports.timingSafeEqual(mac, given);
      }
      return called('verify', web(a, k), packed(v), packed(signature));
    },
    async encrypt(a, k, v) { allowed(k, 'encrypt'); return buffer(exports.publicEncrypt({ key: k.object, oaepHash: hashName(k.algorithm.hash) }, Buffer.from(v))); },
    async decrypt(a, k, v) { allowed(k, 'decrypt'); return buffer(exports.privateDecrypt({ key: k.object, oaepHash: hashName(k.algorithm.hash) }, Buffer.from(v))); },
  };
  const web = (a, k) => JSON.stringify({
    hash: a.name === 'Ed25519' ? '' : hashName(a.hash || k.algorithm.hash), key: k.object.d.pem, pss: a.name === 'RSA-PSS', salt: a.saltLength === undefined ? -1 : a.saltLength, p1363: true,
  });
  exports.webcrypto = {
    subtle, randomUUID: exports.randomUUID, CryptoKey,
    getRandomValues: (v) => {
      if (!ArrayBuffer.isView(v) || v instanceof DataView || v instanceof Float32Array || v instanceof Float64Array) throw Object.assign(new Error('The data argument must be an integer-type TypedArray'), { name: 'TypeMismatchError', code: 17 });
      if (v.byteLength > 65536) throw Object.assign(new Error('The requested length exceeds 65,536 bytes'), { name: 'QuotaExceededError', code: 22 });
      return exports.randomFillSync(v);
    },
  };
  exports.subtle = subtle;
  exports.getRandomValues = exports.webcrypto.getRandomValues;
};
