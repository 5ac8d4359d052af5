globalThis.__module = function (exports, require, module, host, core) {
  'use strict';
  const root = '/var/task/';
  const files = JSON.parse(host('file', '', 'list'));
  const folders = new Set(['']);
  for (const f of files) for (let at = f.indexOf('/'); at >= 0; at = f.indexOf('/', at + 1)) folders.add(f.slice(0, at));
  const error = (code, call, path) => Object.assign(new Error(code + ': ' + { ENOENT: 'no such file or directory', EROFS: 'read-only file system', EISDIR: 'illegal operation on a directory', ENOTDIR: 'not a directory' }[code] + ', ' + call + " '" + path + "'"),
    { code, syscall: call, path, errno: { ENOENT: -2, EROFS: -30, EISDIR: -21, ENOTDIR: -20 }[code] });
  // Only the package is there, and nothing can be written.
  function inside(path, call) {
    path = path instanceof URL ? decodeURIComponent(path.pathname) : String(path);
    const full = require('path').resolve(path.replace(/^file:\/\//, ''));
    if (full + '/' === root) return '';
    if (!full.startsWith(root)) throw error('ENOENT', call, path);
    return full.slice(root.length);
  }
  exports.readFileSync = (path, o) => {
    const name = inside(path, 'open');
    if (folders.has(name)) throw error('EISDIR', 'read', path);
    if (!files.includes(name)) throw error('ENOENT', 'open', path);
    const e = typeof o === 'string' ? o : o && o.encoding;
    if (e === 'utf8' || e === 'utf-8') return host('file', name, 'text');
    const b = require('buffer').wrap(core.fromBase64(host('file', name, 'bytes')));
    return e ? b.toString(e) : b;
  };
  exports.existsSync = (path) => {
    try {
      const name = inside(path, 'access');
      return files.includes(name) || folders.has(name);
    } catch { return false; }
  };
  exports.statSync = (path, o = {}) => {
    let name;
    try {
      name = inside(path, 'stat');
      if (!exports.existsSync(path)) throw error('ENOENT', 'stat', path);
    } catch (e) {
      if (o.throwIfNoEntry === false) return undefined;
      throw e;
    }
    const dir = folders.has(name), time = new Date(0);
    return { isFile: () => !dir, isDirectory: () => dir, isSymbolicLink: () => false, mode: dir ? 0o40555 : 0o100444, get size() { return dir ? 4096 : exports.readFileSync(path).length; }, mtime: time, ctime: time, atime: time, mtimeMs: 0 };
  };
  exports.lstatSync = exports.statSync;
  exports.accessSync = (path) => { if (!exports.existsSync(path)) throw error('ENOENT', 'access', path); };
  exports.realpathSync = Object.assign((path) => { exports.accessSync(path); return require('path').resolve(String(path)); }, {});
  exports.readdirSync = (path) => {
    const name = inside(path, 'scandir');
    if (!folders.has(name)) throw error(files.includes(name) ? 'ENOTDIR' : 'ENOENT', 'scandir', path);
    const prefix = name === '' ? '' : name + '/';
    return [...new Set(files.filter((f) => f.startsWith(prefix)).map((f) => f.slice(prefix.length).split('/')[0]))].sort();
  };
  for (const name of ['writeFile', 'appendFile', 'mkdir', 'unlink', 'rm', 'rmdir', 'rename', 'copyFile', 'chmod']) exports[name + 'Sync'] = (path) => { throw error('EROFS', name, path); };
  exports.promises = {};
  for (const name of ['readFile', 'stat', 'lstat', 'access', 'readdir', 'realpath', 'writeFile', 'appendFile', 'mkdir', 'unlink', 'rm', 'rmdir', 'rename', 'copyFile', 'chmod']) {
    exports.promises[name] = async (...args) => exports[name + 'Sync'](...args);
    exports[name] = (...args) => {
      const then = args.pop();
      exports.promises[name](...args).then((v) => then(null, v), then);
    };
  }
  exports.exists = (path, then) => setImmediate(then, exports.existsSync(path));
  exports.createReadStream = (path, o) => {
    const { Readable } = require('stream'), s = new Readable({ read() {} });
    try {
      s.push(exports.readFileSync(path));
      s.push(null);
    } catch (e) { s.destroy(e); }
    const encoding = typeof o === 'string' ? o : o && o.encoding;
    return encoding ? s.setEncoding(encoding) : s;
  };
  exports.constants = { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 };
};
