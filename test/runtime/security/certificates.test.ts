/** Certificates instead of a secret: processes of the cluster know each other by them, and users are known by their names in them. */
import type { AddressInfo } from 'node:net'
import { createServer } from 'node:tls'
import { Redis } from 'ioredis'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from '../../../client/client.ts'
import { connect } from '../../../client/connect.ts'
import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { httpGet } from '../../../client/transport/http-get.ts'
import type { TlsOptions } from '../../../client/transport/tls-options.ts'
import { asKey } from '../../../protocol/ids.ts'
import { guardOf } from '../../../runtime/security/guard.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { NodeTls } from '../../../runtime/security/tls.ts'
import { CERTIFIED_TREE } from '../../../runtime/security/tree-access.ts'
import { userToJson } from '../../../runtime/security/user-znode.ts'
import { type Certificate, CertificateAuthority, pemOf } from '../../support/certificates.ts'
import { HOST, type InProcessCluster, startInProcessCluster } from '../../support/in-process-cluster.ts'

const authority = new CertificateAuthority()
const MEMBER = authority.sign('/O=shop/OU=member/CN=n1')
const ANN = authority.sign('/OU=members of staff/CN=ann')
const EVE = authority.sign('/CN=eve')
const silent = pino({ level: 'silent' })
const files = (certificate: Certificate) => ({ ...certificate, ca: authority.cert, mutual: true })
const as = (certificate: Certificate) => ({ ca: authority.pem, ...pemOf(certificate) }) satisfies TlsOptions

let cluster: InProcessCluster
let operator: CoordinatorClient
const clients: Client[] = []

beforeAll(async () => {
  cluster = await startInProcessCluster({
    ...{ directory: authority.directory, secret: null, tls: files(MEMBER), logger: silent },
  })
  operator = session(MEMBER)
  const grants = [{ role: 'write', prefix: asKey('users/') } as const]
  await operator.ensurePath('/catenary/users')
  await operator.create(
    '/catenary/users/ann',
    userToJson({ grants, record: await newRecord('unused', 4096) }),
  )
}, 30_000)

afterAll(async () => {
  await Promise.all(clients.map((client) => client.close()))
  await operator?.close()
  await cluster?.stop()
  authority.remove()
})

const session = (certificate: Certificate) =>
  coordinator({ servers: `${HOST}:${cluster.ports.client}`, tls: as(certificate), ...CERTIFIED_TREE })

async function dial(certificate: Certificate, connectTimeoutMs = 10_000): Promise<Client> {
  const servers = [`${HOST}:${cluster.ports.native}`]
  const client = await connect({ servers, cluster: 'test', tls: as(certificate), connectTimeoutMs })
  clients.push(client)
  return client
}

function get(certificate: Certificate, path: string): Promise<number | undefined> {
  const question = { host: HOST, port: cluster.ports.http, path, tls: as(certificate), authorization: null }
  return new Promise((resolve, reject) => {
    httpGet(question, (response) => resolve(response.resume().statusCode)).on('error', reject)
  })
}

test('a member’s does everything, a user’s what he may, and who is no user does not come in', async () => {
  const [member, ann] = [await dial(MEMBER), await dial(ANN)]
  await member.put('stock/1', '7')
  await ann.put('users/1', 'ann')
  expect((await member.get('users/1'))?.text()).toBe('ann')
  await expect(ann.get('stock/1')).rejects.toThrow(/user ann may not read/)
  await expect(dial(EVE, 500)).rejects.toMatchObject({ code: 'TIMEOUT' })
})

test('the cluster’s tree opens to members alone', async () => {
  const { acl } = await operator.getAcl('/catenary/users/ann')
  expect(acl).toEqual(CERTIFIED_TREE.acl)
  const ann = session(ANN)
  await expect(ann.getChildren('/catenary')).rejects.toMatchObject({ code: 'NO_AUTH' })
  await ann.close()
})

test('http doors', async () => {
  const paths = ['/healthz', '/status', '/backup?chain=c0']
  const codes = (who: Certificate) => Promise.all(paths.map((path) => get(who, path)))
  expect(await codes(MEMBER)).toEqual([200, 200, 200])
  expect(await codes(ANN)).toEqual([200, 200, 403])
  expect(await codes(EVE)).toEqual([200, 403, 403])
})

test('the Redis door; a user who is removed loses his connection', async () => {
  const redis = async (who: Certificate) => {
    const client = new Redis(cluster.ports.redis, HOST, {
      ...{ tls: as(who), retryStrategy: () => null, lazyConnect: true, enableReadyCheck: false },
    })
    client.on('error', () => {}) // whoever asks hears of it
    await client.connect()
    return client
  }
  const ann = await redis(ANN)
  expect(await ann.call('acl', 'whoami')).toBe('ann')
  await ann.set('users/2', 'x')
  await expect(ann.set('stock/2', 'x')).rejects.toThrow(/NOPERM/)
  await expect(redis(EVE)).rejects.toThrow() // NOAUTH, in answer to HELLO
  const ended = new Promise((resolve) => ann.once('end', resolve))
  await operator.delete('/catenary/users/ann')
  await ended
})

test('who is asked for a member’s certificate and has a user’s hears nothing', async () => {
  const server = createServer({ ...pemOf(ANN) }, (socket) => socket.on('error', () => {}))
  await new Promise<void>((resolve) => server.listen(0, HOST, resolve))
  const { port } = server.address() as AddressInfo
  const tls = { ...as(MEMBER), unit: 'member' }
  const options = { servers: [`${HOST}:${port}`], cluster: 'test', tls, connectTimeoutMs: 5000 }
  await expect(connect(options)).rejects.toThrow(/not that of a process of the cluster/)
  server.close()
})

test('a process whose certificate is not a member’s does not start', () => {
  const tls = new NodeTls(files(ANN), silent)
  expect(() => guardOf({ secret: null, tls, log: silent })).toThrow(/must have OU=member/)
  tls.close()
})
