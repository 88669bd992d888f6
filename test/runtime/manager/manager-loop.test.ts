import pino from 'pino'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { coordinator } from '../../../client/coordinator/client.ts'
import { configFromJson } from '../../../protocol/chain-config.ts'
import type { Manager } from '../../../runtime/manager/manager-loop.ts'
import { startManager } from '../../../runtime/manager/start-manager.ts'
import { PretendServer } from './pretend-server.ts'
import { TinyCoordinator } from './tiny-coordinator.ts'

let zk: TinyCoordinator
let managers: Manager[]
let servers: PretendServer[]
let lines: string[]

beforeEach(async () => {
  zk = new TinyCoordinator()
  await zk.start()
  managers = []
  servers = []
  lines = []
})
afterEach(async () => {
  for (const manager of managers) await manager.stop()
  for (const { client } of servers) await client.close()
  await zk.stop()
})

function manage(name: string, chainCount = 1): Manager {
  const logger = pino(
    { level: 'debug' },
    { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) },
  )
  const manager = startManager({
    coordinator: zk.address,
    name,
    options: {
      chainCount,
      replicationFactor: 3,
      durability: 'sync',
      replication: 'craq',
      sessionTimeoutMs: 2_000,
    },
    logger,
    limits: { graceMs: 0, rejoinBackoffMs: 0 },
  })
  managers.push(manager)
  return manager
}

async function serve(id: string, holds: PretendServer['holds'] = {}): Promise<PretendServer> {
  const server = new PretendServer(id, zk.address, holds)
  servers.push(server)
  await server.register()
  return server
}

/** `n1 n2* +n3`, with `*` for one that does not serve yet and `+` for a joiner. */
function chain(id = 'c0'): string {
  const config = configFromJson(zk.text(`/catenary/chains/${id}`) ?? '')
  if (!config) return 'none'
  const members = config.members.map((m) => `${m.server}${m.serving ? '' : '*'}${m.leaving ? '-' : ''}`)
  return [...members, ...(config.joining ? [`+${config.joining.server}`] : [])].join(' ')
}
const until = (read: () => unknown, value: unknown) =>
  expect.poll(read, { timeout: 5_000, interval: 10 }).toEqual(value)

const told = (line: string) => expect.poll(() => lines, { timeout: 5_000 }).toContain(line)

describe('one manager', () => {
  test('founds the cluster, creates chains, replaces who dies, empties who is drained', async () => {
    const manager = manage('m1', 2)
    for (const id of ['n1', 'n2', 'n3']) await serve(id)
    await until(() => chain('c0'), 'n1 n2 n3')
    await until(() => chain('c1'), 'n2 n3 n1')
    expect(JSON.parse(zk.text('/catenary/cluster') ?? '')).toMatchObject({
      chainCount: 2,
      replicationFactor: 3,
    })

    await serve('n4')
    zk.expire(servers[0]?.client.session.sessionId ?? 0n)
    await until(() => chain('c0'), 'n2 n3 n4')
    await until(() => chain('c1'), 'n2 n3 n4')
    await told('n1 has lost its session: dropped from c0; n2 -> n3 remain')
    await told('n4 was handed off to and serves c0 from now on')

    const operator = coordinator({ servers: zk.address })
    await serve('n5')
    await operator.create('/catenary/drain/n2', null)
    await until(() => chain('c0'), 'n3 n4 n5')
    await until(() => chain('c1'), 'n3 n4 n5')
    await operator.close()
    expect(manager.status()).toMatchObject({ leads: true, waiting: [] })
    expect(manager.status().changes).toBeGreaterThan(10)
  })

  test('ServingNeverEmpty: waits for the last to return, and lets it', async () => {
    const manager = manage('m1')
    for (const id of ['n1', 'n2', 'n3']) await serve(id)
    await until(() => chain(), 'n1 n2 n3')
    await until(() => servers.every(({ holds }) => holds['c0']), true)
    for (const { client } of servers) zk.expire(client.session.sessionId)
    await until(() => manager.status().waiting.map(({ chain: id }) => id), ['c0'])
    expect(chain()).toMatch(/n\d/)
    const last = chain().split(' ')[0] ?? ''
    await serve(last) // wiped
    await expect
      .poll(() => manager.status().waiting[0]?.reason)
      .toContain(`${last} is back, but without the data`)
    zk.expire(servers.at(-1)?.client.session.sessionId ?? 0n)
    await serve(last, servers.find(({ id }) => id === last)?.holds)
    await until(() => manager.status().lastChange?.includes('is back with its data'), true)
    await serve('n8')
    await until(() => chain(), `${last} n8`)
  })

  test('goes on after an outage of the coordinator, and after the loss of its own session', async () => {
    const manager = manage('m1')
    for (const id of ['n1', 'n2', 'n3']) await serve(id)
    await until(() => chain(), 'n1 n2 n3')
    await zk.stop()
    await until(() => manager.status().leads, false)
    zk.expire(servers[1]?.client.session.sessionId ?? 0n)
    await zk.start()
    await until(() => chain(), 'n1 n3')
    const [candidate] = [...zk.tree.nodes]
      .filter(([path]) => path.startsWith('/catenary/manager/'))
      .map(([, n]) => n)
    zk.expire(candidate?.ephemeralOwner ?? 0n)
    await until(() => lines.filter((line) => line.startsWith('elected')).length, 2)
    await serve('n9')
    await until(() => chain(), 'n1 n3 n9')
  })

  test('obeys an operator’s reset once, and refuses one beside a living member', async () => {
    manage('m1')
    for (const id of ['n1', 'n2', 'n3']) await serve(id)
    await until(() => chain(), 'n1 n2 n3')
    const operator = coordinator({ servers: zk.address })
    await operator.create('/catenary/chains/c0/reset', JSON.stringify({ server: 'n1' }))
    await until(() => zk.tree.nodes.has('/catenary/chains/c0/reset'), false)
    await told('refused: reset of c0: member n1 is alive; stop or drain it instead')
    for (const { client } of servers) zk.expire(client.session.sessionId)
    await serve('n7')
    await operator.create('/catenary/chains/c0/reset', JSON.stringify({ server: 'n7' }))
    await until(() => chain(), 'n7')
    await until(() => zk.tree.nodes.has('/catenary/chains/c0/reset'), false)
    await until(() => lines.filter((line) => line.startsWith('OPERATOR RESET')).length, 1)
    await operator.close()
  })
})

describe('several managers', () => {
  test('one leads; the next takes over, and nothing is done twice', async () => {
    const first = manage('m1')
    await until(() => first.status().leads, true)
    const second = manage('m2')
    const third = manage('m3')
    for (const id of ['n1', 'n2', 'n3', 'n4']) await serve(id)
    await until(() => chain(), 'n1 n2 n3')
    expect([second.status().leads, third.status().leads]).toEqual([false, false])
    await first.stop()
    await until(() => [second, third].filter((m) => m.status().leads).length, 1)
    zk.expire(servers[0]?.client.session.sessionId ?? 0n)
    await until(() => chain(), 'n2 n3 n4')
    const epochs = configFromJson(zk.text('/catenary/chains/c0') ?? '')?.epoch
    // Each epoch was written by one of them, and by one only. (What the tree shows is told a moment later.)
    await until(() => [first, second, third].reduce((sum, m) => sum + m.status().changes, 0), epochs)
    const ids = new Set([second, third].map((m) => m.status().cluster?.clusterId))
    expect(ids.size).toBe(1)
  })
})
