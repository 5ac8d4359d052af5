// Evaluates expressions one after another, and tells what they came to. It runs in
// Node.js and in a function.
function show(v, depth = 0) {
  switch (typeof v) {
    case 'number': return Object.is(v, -0) ? '-0' : String(v);
    case 'string': return JSON.stringify(v);
    case 'bigint': return v + 'n';
    case 'function': return 'function';
    case 'object': break;
    default: return String(v);
  }
  if (v === null) return 'null';
  if (depth > 6) return '...';
  const deep = (x) => show(x, depth + 1);
  if (v instanceof Error) return v.name + (v.code === undefined ? '' : ' ' + v.code);
  if (v instanceof Date) return 'Date ' + v.getTime();
  if (v instanceof RegExp) return String(v);
  if (v instanceof ArrayBuffer) return 'ArrayBuffer ' + v.byteLength;
  if (Array.isArray(v)) return '[' + Array.from(v, deep).join(', ') + ']';
  if (ArrayBuffer.isView(v)) return v.constructor.name + ' [' + (v instanceof DataView ? v.byteLength : Array.from(v, deep)) + ']';
  if (v instanceof Map) return 'Map {' + [...v].map(([k, x]) => deep(k) + ': ' + deep(x)).join(', ') + '}';
  if (v instanceof Set) return 'Set {' + [...v].map(deep).join(', ') + '}';
  return '{' + Object.keys(v).map((k) => k + ': ' + deep(v[k])).join(', ') + '}';
}

exports.handler = async (expressions) => {
  const out = [];
  for (const e of expressions) {
    try {
      const never = new Promise((resolve) => { setTimeout(resolve, 20000, 'never settled'); });
      out.push(show(await Promise.race([new Function('require', 'return (' + e + ')')(require), never])));
    } catch (x) {
      out.push('throws ' + (x instanceof Error || x && typeof x === 'object' && 'name' in x ? x.name + (x.code === undefined ? '' : ' ' + x.code) : show(x)));
    }
  }
  return out;
};
