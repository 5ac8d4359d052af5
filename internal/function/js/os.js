globalThis.__module = function (exports) {
  'use strict';
  Object.assign(exports, {
    EOL: '\n', devNull: '/dev/null', arch: () => 'x64', platform: () => 'linux', type: () => 'Linux', release: () => '5.10.0', version: () => '#1 SMP', machine: () => 'x86_64', endianness: () => 'LE',
    hostname: () => 'localhost', homedir: () => '/home/sbx_user1051', tmpdir: () => '/tmp', cpus: () => [{ model: '', speed: 0, times: {} }], availableParallelism: () => 1, totalmem: () => 128 * 2 ** 20, freemem: () => 64 * 2 ** 20,
    loadavg: () => [0, 0, 0], uptime: () => 0, networkInterfaces: () => ({}), userInfo: () => ({ username: 'sbx_user1051', uid: 993, gid: 990, homedir: '/home/sbx_user1051', shell: null }), constants: { signals: {}, errno: {} },
  });
};
