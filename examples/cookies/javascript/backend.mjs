// A backend that hands signed cookies to its logged-in users; see the README of
// the folder above. It needs Node 18 or newer and nothing else.

import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { promisify } from 'node:util'

const SESSION_LIFE = 8 * 3600
const PASS_SECONDS = 3600
const env = process.env
const allowHTTP = Boolean(env.ALLOW_HTTP)
const users = new Map(Object.entries(JSON.parse(readFileSync(env.USERS, 'utf8'))))
const key = randomBytes(32) // of sessions, new at each start

const derive = promisify(pbkdf2)
const hmac = (key, text) => createHmac('sha256', key).update(text).digest()
const sha256 = (text) => createHash('sha256').update(text).digest('hex')
const equal = (a, b) => a.length === b.length && timingSafeEqual(a, b)

async function checkPassword(name, password) {
  const user = users.get(name) ?? { salt: '', hash: '' } // an unknown user costs the same time
  const got = await derive(password, Buffer.from(user.salt, 'hex'), 600_000, 32, 'sha256')
  return equal(got, Buffer.from(user.hash, 'hex'))
}

const now = () => Math.floor(Date.now() / 1000)

function newSession(name) {
  const token = Buffer.from(name).toString('base64url') + '.' + (now() + SESSION_LIFE)
  return token + '.' + hmac(key, token).toString('hex')
}

function loggedIn(header = '') {
  const pair = header.split(';').map((s) => s.trim()).find((s) => s.startsWith('session='))
  if (!pair) return false
  const [name, until, mark = ''] = pair.slice('session='.length).split('.')
  return equal(Buffer.from(mark), Buffer.from(hmac(key, name + '.' + until).toString('hex'))) && now() < Number(until)
}

// signed returns the headers of a SigV4 request (AWS General Reference,
// "Create a signed AWS API request").
function signed(url, body) {
  const region = env.AWS_REGION ?? 'us-east-1'
  const at = new Date().toISOString().replace(/[-:]|\.\d+/g, '')
  const scope = `${at.slice(0, 8)}/${region}/keyfront/aws4_request`
  const headers = { 'content-type': 'application/json', host: url.host, 'x-amz-date': at }
  if (env.AWS_SESSION_TOKEN) headers['x-amz-security-token'] = env.AWS_SESSION_TOKEN
  const names = Object.keys(headers).sort()
  const canonical = ['POST', url.pathname, '', ...names.map((n) => `${n}:${headers[n]}`), '', names.join(';'), sha256(body)].join('\n')
  const text = ['AWS4-HMAC-SHA256', at, scope, sha256(canonical)].join('\n')
  const signing = scope.split('/').reduce(hmac, 'AWS4' + env.AWS_SECRET_ACCESS_KEY)
  headers.authorization = `AWS4-HMAC-SHA256 Credential=${env.AWS_ACCESS_KEY_ID}/${scope}, SignedHeaders=${names.join(';')}, Signature=${hmac(signing, text).toString('hex')}`
  delete headers.host // fetch sets it
  return headers
}

// sign asks the signing profile for Set-Cookie values.
async function sign() {
  const body = JSON.stringify({
    cookies: { resource: env.RESOURCE, domain: env.COOKIE_DOMAIN ?? '', allowHttp: allowHTTP },
    validForSeconds: PASS_SECONDS,
  })
  const url = new URL(`/_keyfront/signer/${env.SIGNER}/sign`, env.KEYFRONT_URL)
  const answer = await fetch(url, { method: 'POST', headers: signed(url, body), body, signal: AbortSignal.timeout(10_000) })
  if (!answer.ok) throw new Error(`signing profile: ${answer.status} ${await answer.text()}`)
  return (await answer.json()).setCookies
}

async function form(request) {
  let text = ''
  for await (const chunk of request) {
    text += chunk
    if (text.length > 4096) throw new Error('the form is too long')
  }
  return new URLSearchParams(text)
}

async function answer(request) {
  // A browser tells where a request comes from; others' pages may not act here.
  if (!['none', 'same-origin'].includes(request.headers['sec-fetch-site'] ?? 'none')) return [403]
  switch (`${request.method} ${request.url}`) {
    case 'POST /login': {
      const fields = await form(request)
      const name = fields.get('user') ?? ''
      if (!(await checkPassword(name, fields.get('password') ?? ''))) return [403]
      return [204, [`session=${newSession(name)}; Path=/; HttpOnly; SameSite=Lax${allowHTTP ? '' : '; Secure'}`]]
    }
    case 'POST /pass':
      if (!loggedIn(request.headers.cookie)) return [401]
      return [204, await sign()]
  }
  return [404]
}

const [host, port] = (env.LISTEN ?? '127.0.0.1:8000').split(':')
const server = createServer(async (request, response) => {
  let status, cookies
  try {
    ;[status, cookies = []] = await answer(request)
  } catch (err) {
    console.error(err.message)
    ;[status, cookies] = [502, []]
  }
  response.writeHead(status, cookies.length ? { 'Set-Cookie': cookies } : {}).end()
})
server.listen(Number(port), host, () => console.log(`listening on http://${host}:${server.address().port}`))
