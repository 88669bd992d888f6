/** Everything that a broker and those whom it admits need of keys and certificates, made for one test. */
import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { nkeys } from 'nats'

type KeyPair = ReturnType<typeof nkeys.createUser>

const base64url = (bytes: Uint8Array | string) => Buffer.from(bytes as string).toString('base64url')

/** As `nsc` would sign it. */
function signed(claims: Record<string, unknown>, issuer: KeyPair): string {
  const head = base64url(JSON.stringify({ typ: 'JWT', alg: 'ed25519-nkey' }))
  const iat = Math.floor(Date.now() / 1000)
  const body = base64url(JSON.stringify({ jti: randomUUID(), iat, iss: issuer.getPublicKey(), ...claims }))
  const signature = Buffer.from(issuer.sign(Buffer.from(`${head}.${body}`))).toString('base64url')
  return `${head}.${body}.${signature}`
}

/** A broker's configuration with an operator, one account and one user, and the user's file of credentials. */
export function makeOperator(): { config: string; creds: string } {
  const [operator, account, user] = [nkeys.createOperator(), nkeys.createAccount(), nkeys.createUser()]
  const named = (name: string, pair: KeyPair, nats: Record<string, unknown>) => ({
    name,
    sub: pair.getPublicKey(),
    nats: { version: 2, ...nats },
  })
  const operatorJwt = signed(named('operator', operator, { type: 'operator' }), operator)
  const limits = {
    subs: -1,
    data: -1,
    payload: -1,
    imports: -1,
    exports: -1,
    wildcards: true,
    conn: -1,
    leaf: -1,
  }
  const accountJwt = signed(named('account', account, { type: 'account', limits }), operator)
  const userJwt = signed(
    named('user', user, { type: 'user', subs: -1, data: -1, payload: -1, pub: {}, sub: {} }),
    account,
  )
  const seed = Buffer.from(user.getSeed()).toString()
  return {
    config: `operator: ${operatorJwt}\nresolver: MEMORY\nresolver_preload: { ${account.getPublicKey()}: ${accountJwt} }\n`,
    creds: `-----BEGIN NATS USER JWT-----\n${userJwt}\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  }
}

export function makeNkey(): { publicKey: string; seed: string } {
  const pair = nkeys.createUser()
  return { publicKey: pair.getPublicKey(), seed: Buffer.from(pair.getSeed()).toString() }
}

export interface Certificates {
  readonly folder: string
  readonly ca: string
  readonly cert: string
  readonly key: string
}

/** An authority, and a certificate of it for 127.0.0.1, good for either end. */
export function makeCertificates(): Certificates {
  const folder = mkdtempSync(join(tmpdir(), 'catenary-tls-'))
  const path = (name: string) => join(folder, name)
  const openssl = (...args: string[]) => execFileSync('openssl', args, { stdio: 'ignore' })
  const fresh = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  openssl(
    'req',
    '-x509',
    ...fresh,
    '-days',
    '2',
    '-subj',
    '/CN=ca',
    '-keyout',
    path('ca.key'),
    '-out',
    path('ca.pem'),
  )
  openssl('req', ...fresh, '-subj', '/CN=node', '-keyout', path('node.key'), '-out', path('node.csr'))
  writeFileSync(path('names'), 'subjectAltName=IP:127.0.0.1\n')
  const by = ['-CA', path('ca.pem'), '-CAkey', path('ca.key'), '-CAcreateserial', '-extfile', path('names')]
  openssl('x509', '-req', '-in', path('node.csr'), ...by, '-days', '2', '-out', path('node.pem'))
  return { folder, ca: path('ca.pem'), cert: path('node.pem'), key: path('node.key') }
}
