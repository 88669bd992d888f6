import { afterAll, beforeAll, expect, test } from 'vitest'
import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { OPEN_ACL } from '../../../coordinator/znodes/acl.ts'
import { digestIdOf } from '../../../protocol/zookeeper/digest.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { Ensemble, eventually } from './ensemble.ts'
import { utf8 } from './raw-client.ts'

let ensemble: Ensemble
const clients: CoordinatorClient[] = []
const CHECK_MS = 50

beforeAll(async () => {
  ensemble = await Ensemble.start(3, { superDigest: digestIdOf('super:test'), containerCheckMs: CHECK_MS })
})
afterAll(async () => {
  for (const client of clients) await client.close()
  await ensemble.stop()
})

function open(): CoordinatorClient {
  const servers = ensemble.members.map(({ host, clientPort }) => `${host}:${clientPort}`)
  const client = coordinator({ servers, sessionTimeoutMs: 4_000 })
  clients.push(client)
  return client
}
const coded = (code: string) => expect.objectContaining({ code })
const AUTH = [{ perms: 31, id: { scheme: 'auth', id: '' } }]

test('a znode for one user: at every member, also after a move, and for super', async () => {
  const [ann, bob, admin] = [open(), open(), open()]
  await ann.addAuth('digest', 'ann:secret')
  await bob.addAuth('digest', 'bob:secret')
  await admin.addAuth('digest', 'super:test')
  expect(await ann.whoAmI()).toEqual([
    { scheme: 'ip', user: '127.0.0.1' },
    { scheme: 'digest', user: 'ann' },
  ])
  await ann.create('/ann', 'x', { acl: AUTH })
  await Promise.all([bob.sync(), admin.sync()])
  await expect(bob.getData('/ann')).rejects.toEqual(coded('NO_AUTH'))
  await expect(bob.setData('/ann', 'y')).rejects.toEqual(coded('NO_AUTH'))
  await expect(bob.create('/ann/b', null)).rejects.toEqual(coded('NO_AUTH'))
  await expect(bob.getAcl('/ann')).rejects.toEqual(coded('NO_AUTH'))
  expect((await bob.exists('/ann'))?.version).toBe(0)
  expect((await admin.getAcl('/ann')).acl).toEqual([
    { perms: 31, id: { scheme: 'digest', id: digestIdOf('ann:secret') } },
  ])
  const downed = await ensemble.follower()
  await ensemble.down(downed)
  await eventually('ann is served again', async () => {
    const { stat } = await ann.setData('/ann', 'moved').then(
      (stat) => ({ stat }),
      () => ({ stat: null }),
    )
    return stat !== null
  })
  await ensemble.up(downed)
  expect((await admin.setAcl('/ann', OPEN_ACL)).aversion).toBe(1)
  await eventually('bob reads', () =>
    bob.getData('/ann').then(
      () => true,
      () => false,
    ),
  )
})

test('a watch does not tell of what may not be read', async () => {
  const [ann, bob] = [open(), open()]
  await ann.addAuth('digest', 'ann:secret')
  await ann.create('/hidden', 'x', { acl: AUTH })
  await ann.create('/seen', 'x')
  await bob.sync()
  const heard: string[] = []
  await bob.addWatch('/', ({ type, path }) => heard.push(`${type} ${path}`), { recursive: true })
  await ann.setData('/hidden', 'y')
  await ann.setData('/seen', 'y')
  await eventually('bob hears of the other', () => heard.length > 0)
  expect(heard).toEqual(['data-changed /seen'])
})

test('what is not offered is refused, and ends the connection alone', async () => {
  const client = open()
  await client.create('/before', 'x', { ephemeral: true })
  await expect(client.addAuth('kerberos', 'x')).rejects.toEqual(coded('AUTH_FAILED'))
  await eventually('back', () =>
    client.getData('/before').then(
      () => true,
      () => false,
    ),
  )
  const raw = await ensemble.connect(1)
  expect((await raw.request<'sasl'>({ type: 'sasl', token: utf8('t') })).err).toBe(ZK_ERRORS.AuthFailed)
  expect((await raw.ping()).err).toBe(0)
  const reconfig = {
    type: 'reconfig',
    joining: '',
    leaving: '3',
    newMembers: '',
    currentConfigId: -1,
  } as const
  expect((await raw.request<'reconfig'>(reconfig)).err).toBe(ZK_ERRORS.NoAuth)
  await raw.close()
})

test('containers and TTL znodes end by themselves', async () => {
  const client = open()
  await client.create('/box', null, { container: true })
  await client.create('/box/a', null)
  await client.create('/soon', null, { ttlMs: 1 })
  await client.create('/later', null, { ttlMs: 3_600_000 })
  expect(await client.getAllChildrenNumber('/box')).toBe(1)
  await eventually('the TTL znode is gone', async () => (await client.exists('/soon')) === null)
  expect(await client.exists('/box')).not.toBeNull()
  await client.delete('/box/a')
  await eventually('the container is gone', async () => (await client.exists('/box')) === null)
  expect(await client.exists('/later')).not.toBeNull()
  const me = await client.create('/later/e-', null, { ephemeral: true, sequential: true })
  expect(await client.getEphemerals('/later')).toEqual([me])
  for (const options of [{ ephemeral: true, ttlMs: 5 }, { container: true, sequential: true }, { ttlMs: 0 }])
    await expect(client.create('/none', null, options)).rejects.toEqual(coded('BAD_ARGUMENTS'))
})
