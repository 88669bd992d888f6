/** A whole cluster with a secret and mutual TLS, in this process: each door speaks TLS, and nothing that it says holds what is secret. */
import { execFile } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { connect } from '../../../client/connect.ts'
import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { httpGet } from '../../../client/transport/http-get.ts'
import type { TlsOptions } from '../../../client/transport/tls-options.ts'
import { asKey } from '../../../protocol/ids.ts'
import { memberAuthorization } from '../../../runtime/security/basic-authorization.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { type ClusterSecret, readSecretFile } from '../../../runtime/security/secret.ts'
import { treeAccess } from '../../../runtime/security/tree-access.ts'
import { userToJson } from '../../../runtime/security/user-znode.ts'
import { CertificateAuthority, pemOf } from '../../support/certificates.ts'
import { HOST, type InProcessCluster, startInProcessCluster } from '../../support/in-process-cluster.ts'

const SECRET = 'a secret that nobody should ever print'
const PASSWORD = 'geheimes-passwort'
const authority = new CertificateAuthority()
const member = authority.sign('/OU=member/CN=all')
const tls = { ca: authority.pem, ...pemOf(member) } satisfies TlsOptions

let printed = ''
const logger = pino(
  { level: 'trace', base: null },
  new Writable({
    write(chunk, _, done) {
      printed += chunk
      done()
    },
  }),
)

let secret: ClusterSecret
let cluster: InProcessCluster
let ports: InProcessCluster['ports']
let operator: CoordinatorClient

beforeAll(async () => {
  const { directory } = authority
  writeFileSync(join(directory, 'secret'), `${SECRET}\n`, { mode: 0o600 })
  secret = readSecretFile(join(directory, 'secret'))
  cluster = await startInProcessCluster({
    ...{ directory, secret, tls: { ...member, ca: authority.cert, mutual: true }, logger },
  })
  ports = cluster.ports
  operator = coordinator({ servers: `${HOST}:${ports.client}`, tls, ...treeAccess(secret) })
  const json = userToJson({
    grants: [{ role: 'admin', prefix: asKey('') }],
    record: await newRecord(PASSWORD, 4096),
  })
  await operator.ensurePath('/catenary/users')
  await operator.create('/catenary/users/ann', json)
}, 30_000)

afterAll(async () => {
  await operator?.close()
  await cluster?.stop()
  authority.remove()
})

function ask(port: number, path: string, more: object = {}): Promise<string> {
  const question = { host: HOST, port, path, tls, authorization: memberAuthorization(secret), ...more }
  return new Promise((resolve, reject) => {
    const request = httpGet(question, (response) => {
      let text = ''
      response.on('data', (chunk) => {
        text += chunk
      })
      response.on('end', () => resolve(text))
    })
    request.on('error', reject)
  })
}

test('the native door, by a password under TLS', async () => {
  const who = { servers: [`${HOST}:${ports.native}`], cluster: 'test', user: 'ann', password: PASSWORD, tls }
  // The server may hear of her a moment later than we have made her.
  const client = await vi.waitFor(() => connect(who), { timeout: 10_000 })
  await client.put('greeting', 'hello')
  expect((await client.get('greeting'))?.text()).toBe('hello')
  await client.close()
  await expect(connect({ ...who, tls: { ca: authority.pem }, connectTimeoutMs: 1000 })).rejects.toThrow()
  const { tls: _, ...plain } = who
  await expect(connect({ ...plain, connectTimeoutMs: 1000 })).rejects.toThrow(/speaks TLS: give --tls-ca/)
})

test('the Redis door, for ioredis and redis-cli', async () => {
  const client = new Redis(ports.redis, HOST, {
    ...{ tls, username: 'ann', password: PASSWORD, retryStrategy: () => null, lazyConnect: true },
  })
  await client.connect()
  await client.set('greeting', 'x'.repeat(300_000))
  expect((await client.get('greeting'))?.length).toBe(300_000)
  client.disconnect()
  const files = ['--tls', '--cacert', authority.cert, '--cert', member.cert, '--key', member.key]
  const { stdout } = await promisify(execFile)(
    'redis-cli',
    ['-h', HOST, '-p', String(ports.redis), ...files, '--user', 'ann', 'strlen', 'greeting'],
    { env: { ...process.env, REDISCLI_AUTH: PASSWORD } },
  )
  expect(stdout.trim()).toBe('300000')
})

test('the ZooKeeper door', async () => {
  await operator.create('/greeting', 'hello')
  expect(Buffer.from((await operator.getData('/greeting')).data).toString()).toBe('hello')
})

test('certificates are loaded again at SIGHUP, once by each process', () => {
  process.emit('SIGHUP')
  expect(printed.match(/certificates loaded again/g)).toHaveLength(2)
})

test('http doors; and nothing that the processes say holds a secret', async () => {
  for (const port of [ports.admin, ports.http]) {
    expect(await ask(port, '/healthz', { authorization: null })).toBe('ok\n')
    await expect(ask(port, '/healthz', { tls: null })).rejects.toThrow()
    await expect(ask(port, '/healthz', { tls: { ca: authority.pem } })).rejects.toThrow()
    printed += await ask(port, '/status')
    printed += await ask(port, '/metrics')
  }
  expect(printed).toContain('catenary_')
  const key = readFileSync(member.key, 'utf8').split('\n')[1] ?? 'no key'
  const { coordinatorPassword, httpPassword, linkKey } = secret
  const derived = [coordinatorPassword, httpPassword, Buffer.from(linkKey).toString('base64')]
  for (const word of [SECRET, PASSWORD, key, ...derived]) expect(printed.includes(word), word).toBe(false)
})
