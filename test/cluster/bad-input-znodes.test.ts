/** What an operator, or anybody with a ZooKeeper shell, may write into the tree by hand. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { LocalProcess } from '../../runtime/processes/local-process.ts'
import { until } from '../support/cluster.ts'
import { besideLoad } from './bad-input-stranger.ts'

const world = besideLoad()
const DEEP = '['.repeat(500_000)

const saysSo = (process: LocalProcess, text: string, times = 1) =>
  until(`${process.name} says: ${text}`, () => process.log.split(text).length > times, 15_000)

const registration = (wrong: object) =>
  JSON.stringify({
    ...{ server: 'x', incarnation: 1, host: '127.0.0.1', port: 1, httpPort: 1, zone: '', dataId: 'd' },
    ...{ holds: {}, draining: false },
    ...wrong,
  })

test.each([
  ['no JSON', '{{{'],
  ['nothing', ''],
  ['JSON half a million brackets deep', DEEP],
  ['a name that is none', registration({ server: 'a b' })],
  ['another’s name', registration({ server: 'n1', port: 9 })],
  ['a port that is none', registration({ port: 70_000 })],
  ['no host', registration({ host: '' })],
])('a registration with %s', async (_, data) => {
  const { cluster, coordinator } = world()
  const zk = coordinator()
  const before = cluster.servers.map(({ log }) => log.split('/catenary/servers/x is no registration').length)
  await zk.create('/catenary/servers/x', data)
  for (const [i, server] of cluster.servers.entries())
    await saysSo(server, '/catenary/servers/x is no registration', before[i])
  await zk.delete('/catenary/servers/x')
  expect(await cluster.isWhole()).toBe(true)
})

test('a registration that claims to hold data, in a form that makes no sense', async () => {
  const { cluster, coordinator } = world()
  const zk = coordinator()
  for (const holds of [
    null,
    7,
    { c0: null },
    { c0: { epoch: 'one' } },
    { c0: { epoch: -1, last: 0, commit: 0 } },
  ]) {
    // Draining, or the manager would let it join, and wait for it.
    await zk.ensurePath('/catenary/drain/x')
    await zk.create('/catenary/servers/x', registration({ holds }))
    await zk.sync()
    await zk.delete('/catenary/servers/x')
  }
  await zk.delete('/catenary/drain/x')
  expect(await cluster.isWhole()).toBe(true)
})

test('a drain marker of a server that nobody knows', async () => {
  const { cluster, coordinator } = world()
  const zk = coordinator()
  await zk.ensurePath('/catenary/drain/nobody')
  await zk.ensurePath('/catenary/drain/a b')
  await zk.sync()
  expect(await cluster.isWhole()).toBe(true)
  await zk.delete('/catenary/drain/nobody')
  await zk.delete('/catenary/drain/a b')
})

test('a chain that is none', async () => {
  const { cluster, coordinator } = world()
  const zk = coordinator()
  await zk.create('/catenary/chains/garbage', DEEP)
  for (const server of cluster.servers)
    await saysSo(server, '/catenary/chains/garbage holds no configuration')
  await saysSo(cluster.process('coordinator-1'), 'garbage: its znode holds no readable configuration')
  expect(await cluster.isWhole()).toBe(true)
})

test('garbage in the configuration of a chain: what was known before stays in force until it is corrected', async () => {
  const { cluster, coordinator, connect } = world()
  const zk = coordinator()
  const client = await connect()
  const path = '/catenary/chains/c0'
  const good = Buffer.from((await zk.getData(path)).data).toString('utf8')
  const config = JSON.parse(good) as { epoch: number; members: { serving: boolean }[] }
  const next = (wrong: object) => JSON.stringify({ ...config, epoch: config.epoch + 1, ...wrong })
  const attempts = [
    '',
    '{{{',
    DEEP,
    '{"chain":"c0"}',
    next({ chain: 'c1' }),
    next({ chain: '../../../escaped' }),
    next({ epoch: 1e300 }),
    next({ epoch: -1 }),
    next({ members: [] }),
    next({ members: [...config.members, config.members[0]] }),
    next({ members: config.members.map((member) => ({ ...member, serving: false })) }),
    next({ members: [{ ...config.members[0], server: 'a/b' }] }),
    next({ slots: [[5, 99_999]] }),
    next({ slots: 'all' }),
  ]
  for (const attempt of attempts) {
    const said = cluster.servers.map(({ log }) => log.split(`${path} holds no configuration`).length)
    await zk.setData(path, attempt)
    for (const [i, server] of cluster.servers.entries())
      await saysSo(server, `${path} holds no configuration`, said[i])
    await client.put('meanwhile', attempt.slice(0, 100))
    expect((await client.get('meanwhile'))?.text()).toBe(attempt.slice(0, 100))
  }
  await saysSo(cluster.process('coordinator-1'), 'c0: its znode holds no readable configuration')
  expect(existsSync(join(cluster.options.directory, 'escaped'))).toBe(false)
  await zk.setData(path, good)
  expect(await cluster.isWhole()).toBe(true)
})

test('garbage in the options of the cluster: whoever starts meanwhile says so, and waits for the correction', async () => {
  const { cluster, coordinator } = world()
  const zk = coordinator()
  const path = '/catenary/cluster'
  const good = Buffer.from((await zk.getData(path)).data).toString('utf8')
  const n3 = cluster.process('n3')
  expect(await n3.stop()).toBe(0)
  for (const bad of [DEEP, JSON.stringify({ ...JSON.parse(good), chainCount: 1e9 })]) {
    const said = n3.log.split(`${path} holds no cluster options`).length
    await zk.setData(path, bad)
    n3.start()
    await saysSo(n3, `${path} holds no cluster options`, said)
    expect(await n3.stop()).toBe(0) // also while it waits
  }
  n3.start()
  await zk.setData(path, good)
  await cluster.untilWhole()
})
