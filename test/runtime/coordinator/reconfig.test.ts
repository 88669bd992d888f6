import { afterEach, describe, expect, test } from 'vitest'
import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { configOf, textOfRow } from '../../../coordinator/znodes/ensemble-rows.ts'
import type { CoordinatorOptions } from '../../../runtime/coordinator/options.ts'
import { Ensemble, eventually } from './ensemble.ts'

const CONFIG = '/zookeeper/config'
const open: { close(): Promise<void> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

/** Members 1 to 3, and others that are prepared. */
async function three(prepared: number, options: Partial<CoordinatorOptions> = {}): Promise<Ensemble> {
  const ensemble = await Ensemble.prepare(prepared, options)
  open.push({ close: () => ensemble.stop() })
  for (const n of [1, 2, 3]) await ensemble.up(n, { members: ensemble.members.slice(0, 3) })
  await ensemble.leader()
  return ensemble
}

function clientOf(ensemble: Ensemble): CoordinatorClient {
  const servers = ensemble.members.map(({ host, clientPort }) => `${host}:${clientPort}`).join(',')
  const client = coordinator({ servers })
  open.push(client)
  return client
}

function rowOf(ensemble: Ensemble, number: number, role: 'participant' | 'observer' = 'participant'): string {
  const member = ensemble.members[number - 1]
  if (member === undefined) throw new RangeError(`${number}`)
  const { host, peerPort, clientPort } = member
  return textOfRow({
    number,
    host,
    peerPort,
    electionPort: peerPort,
    role,
    clientHost: host,
    clientPort,
  })
}

/** A member that was removed, and one that takes in a snapshot, sends its clients to another one. */
const configAt = (client: CoordinatorClient) =>
  eventually('a member says who belongs to the ensemble', () =>
    toldConfig(client).catch((error: { code: string }) => {
      if (error.code === 'CONNECTION_LOSS') return null
      throw error
    }),
  )

async function toldConfig(client: CoordinatorClient) {
  await client.sync(CONFIG)
  const config = configOf(new TextDecoder().decode((await client.getData(CONFIG)).data))
  return config?.rows.map(({ number, role }) => `${number} ${role}`)
}

/** A leader may resign while all begin, on a busy machine. */
const founded = (client: CoordinatorClient) =>
  eventually('the founding is written down', () => toldConfig(client).catch(() => null))

const code = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: { code: string }) => error.code,
  )

describe('reconfig', () => {
  test('adds a member that has to take in a snapshot, and removes one; /zookeeper/config tells, and its watches fire', async () => {
    const ensemble = await three(4, {
      snapshotEntries: 50,
      raftLimits: { retainedEntriesMax: 5, snapshotChunkBytesMax: 2000 },
    })
    const client = clientOf(ensemble)
    expect(await founded(client)).toEqual(['1 participant', '2 participant', '3 participant'])
    await Promise.all(Array.from({ length: 200 }, (_, n) => client.create(`/n${n}`, 'x'.repeat(50))))
    let fired = 0
    await client.getData(CONFIG, { watch: () => (fired += 1) })
    await ensemble.up(4, { joins: true })
    const answered = await client.reconfig({ joining: rowOf(ensemble, 4), leaving: '3' })
    expect(new TextDecoder().decode(answered.data)).toContain(rowOf(ensemble, 4))
    expect(answered.stat.version).toBeGreaterThan(1)
    expect(fired).toBe(1)
    expect(await configAt(client)).toEqual(['1 participant', '2 participant', '4 participant'])
    expect(ensemble.at(4).status().znodes).toBeGreaterThan(200)
    // What it has been told outlives its process, and the list that it was started with.
    await ensemble.down(4)
    await ensemble.down(3)
    await ensemble.up(4, { joins: true, members: ensemble.members.slice(3) })
    await ensemble.down(1)
    await eventually('the old and the new one are a majority', async () => {
      const end = await code(client.create('/after', null))
      return end === 'done' || end === 'NODE_EXISTS'
    })
  })

  test('an observer serves clients and never votes', async () => {
    const ensemble = await three(4)
    const client = clientOf(ensemble)
    await ensemble.up(4, { joins: true })
    await client.reconfig({ joining: rowOf(ensemble, 4, 'observer') })
    expect(await configAt(client)).toContain('4 observer')
    await eventually('it serves', async () => {
      const there = await ensemble.tryConnect(4)
      await there?.close()
      return there
    })
    expect(ensemble.at(4).status().role).toBe('follower')
  })

  test('what cannot be is refused: a wrong version, nonsense, another one under way, too few left', async () => {
    const ensemble = await three(4, { reconfigPatienceMs: 300 })
    const client = clientOf(ensemble)
    await founded(client)
    expect(await code(client.reconfig({ leaving: '3', version: 1_000_000 }))).toBe('BAD_VERSION')
    expect(await code(client.reconfig({ joining: 'server.4=nowhere' }))).toBe('BAD_ARGUMENTS')
    expect(await code(client.reconfig({ leaving: '1,2,3' }))).toBe('BAD_ARGUMENTS')
    // Member 4 does not run: it is given up; meanwhile nobody else gets his way.
    const [first, second] = [client.reconfig({ joining: rowOf(ensemble, 4) }), clientOf(ensemble)]
    const ends = code(first)
    expect(await code(second.reconfig({ leaving: '3' }))).toBe('RECONFIG_IN_PROGRESS')
    expect(await ends).toBe('NEW_CONFIG_NO_QUORUM')
    await client.reconfig({ leaving: '4' })
    const leader = await ensemble.leader()
    const [dead = 0, alive = 0] = [1, 2, 3].filter((n) => n !== leader)
    await ensemble.down(dead)
    // Without the other one, the leader were alone of two.
    await eventually('it is refused', async () => {
      const end = await code(client.reconfig({ leaving: String(alive) }))
      if (end !== 'CONNECTION_LOSS') expect(end).toBe('NEW_CONFIG_NO_QUORUM')
      return end !== 'CONNECTION_LOSS'
    })
    expect(await code(client.reconfig({ leaving: String(dead) }))).toBe('done')
  })

  test('where an administrator is named, nobody else may', async () => {
    const ensemble = await three(3, { superDigest: 'super:D/InIHSb7yEEbrWz8b9l71RjZJU=' })
    const client = clientOf(ensemble)
    await founded(client)
    expect(await code(client.reconfig({ leaving: '3' }))).toBe('NO_AUTH')
    await client.addAuth('digest', 'super:test')
    expect(await code(client.reconfig({ leaving: '3' }))).toBe('done')
  })
})
