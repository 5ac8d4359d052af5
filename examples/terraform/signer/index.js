// Signs a URL of the distribution: {"url": "https://…", "seconds": 3600} becomes
// {"url": "https://…?Expires=…&Signature=…&Key-Pair-Id=…"}. The private half of the
// signing key is opened once by the key service, as this function's role.
const crypto = require('crypto');

const { AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, KEY_PAIR_ID, PRIVATE_KEY } = process.env;

const hash = (text) => crypto.createHash('sha256').update(text).digest('hex');
const hmac = (key, text) => crypto.createHmac('sha256', key).update(text).digest();

// decrypt asks the key service under the encryption context that the role's policy
// wants, with a request signed by Signature Version 4.
async function decrypt(blob) {
  const host = `kms.${AWS_REGION}.amazonaws.com`;
  const body = JSON.stringify({ CiphertextBlob: blob, EncryptionContext: { USE: 'CF' } });
  const date = new Date().toISOString().replace(/[:-]|\.\d{3}/g, '');
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    host,
    'x-amz-date': date,
    'x-amz-security-token': AWS_SESSION_TOKEN,
    'x-amz-target': 'TrentService.Decrypt',
  };
  const names = Object.keys(headers).join(';');
  const canonical = ['POST', '/', '', ...Object.entries(headers).map(([k, v]) => k + ':' + v), '', names, hash(body)].join('\n');
  const scope = [date.slice(0, 8), AWS_REGION, 'kms', 'aws4_request'];
  const key = scope.reduce(hmac, 'AWS4' + AWS_SECRET_ACCESS_KEY);
  const signature = hmac(key, ['AWS4-HMAC-SHA256', date, scope.join('/'), hash(canonical)].join('\n')).toString('hex');
  delete headers.host; // fetch sets it
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${AWS_ACCESS_KEY_ID}/${scope.join('/')}, SignedHeaders=${names}, Signature=${signature}`;
  const answer = await fetch(`https://${host}/`, { method: 'POST', headers, body });
  const text = await answer.text();
  if (!answer.ok) throw new Error('decrypt: ' + text);
  return Buffer.from(JSON.parse(text).Plaintext, 'base64');
}

let privateKey; // kept while this instance lives

exports.handler = async ({ url, seconds = 3600 }) => {
  privateKey ??= crypto.createPrivateKey({ key: await decrypt(PRIVATE_KEY), format: 'der', type: 'pkcs8' });
  const expires = Math.floor(Date.now() / 1000) + seconds;
  const policy = `{"Statement":[{"Resource":"${url}","Condition":{"DateLessThan":{"AWS:EpochTime":${expires}}}}]}`;
  const signature = crypto.sign('RSA-SHA1', policy, privateKey).toString('base64').replace(/\+/g, '-').replace(/=/g, '_').replace(/\//g, '~');
  return { url: `${url}${url.includes('?') ? '&' : '?'}Expires=${expires}&Signature=${signature}&Key-Pair-Id=${KEY_PAIR_ID}` };
};
