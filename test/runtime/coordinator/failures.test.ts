import fs from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import type { CoordinatorOptions } from '../../../runtime/coordinator/options.ts'
import { Ensemble, eventually } from './ensemble.ts'
import { Disconnected, type RawClient } from './raw-client.ts'

const EPHEMERAL = 1

let ensemble: Ensemble
afterEach(() => ensemble.stop())

async function start(options: Partial<CoordinatorOptions> = {}): Promise<Ensemble> {
  ensemble = await Ensemble.start(3, options)
  return ensemble
}

/** Takes the session to another member, and gives its text back once that serves. */
async function resume(client: RawClient, number: number): Promise<RawClient> {
  await client.closed
  const { session, lastZxid } = client
  return ensemble.connect(number, { session, lastZxid, timeoutMs: 4_000 })
}

test.each(['leader', 'follower'] as const)(
  'a session survives the stop of the %s it was connected to',
  async (role) => {
    await start()
    const number = role === 'leader' ? await ensemble.leader() : await ensemble.follower()
    const client = await ensemble.connect(number)
    await client.create('/mine', 'kept', EPHEMERAL)
    await ensemble.down(number)
    const elsewhere = await resume(client, (number % 3) + 1)
    expect(await elsewhere.get('/mine')).toBe('kept')
    expect((await elsewhere.set('/mine', 'changed')).err).toBe(0)
    expect((await elsewhere.stat('/mine'))?.ephemeralOwner).toBe(client.session.id)
  },
)

test('when the leader stops, no acknowledged write is lost, and each client whose write is unanswered hears so', async () => {
  await start()
  const leader = await ensemble.leader()
  const client = await ensemble.connect((leader % 3) + 1)
  await client.create('/counter')
  let acknowledged = 0
  let lost = false
  const write = (n: number): Promise<void> =>
    client.set('/counter', String(n)).then(
      () => {
        acknowledged = n
      },
      (error) => {
        expect(error).toBeInstanceOf(Disconnected)
        lost = true
      },
    )
  const writes: Promise<void>[] = []
  let stopped: Promise<void> | null = null
  for (let n = 1; !lost && n <= 5_000; n += 1) {
    writes.push(write(n))
    if (n === 300) stopped = ensemble.down(leader)
    if (n % 20 === 0) await writes.at(-1)
  }
  await stopped
  await Promise.all(writes)
  expect(acknowledged).toBeGreaterThan(100)
  const again = await ensemble.connect(await ensemble.leader(), {
    session: client.session,
    lastZxid: client.lastZxid,
  })
  await again.sync()
  expect(Number(await again.get('/counter'))).toBeGreaterThanOrEqual(acknowledged)
})

test('a connection without unanswered writes outlives a change of leader', async () => {
  await start()
  const leader = await ensemble.leader()
  const number = await ensemble.follower()
  const client = await ensemble.connect(number)
  await client.create('/before')
  await ensemble.at(leader).stop() // hands over
  await eventually('another leader', () => ensemble.at(number).status().leader !== `coordinator-${leader}`)
  expect((await client.create('/after')).err).toBe(0)
})

test('a restart of all members keeps the tree, the sessions and their passwords', async () => {
  await start()
  const client = await ensemble.connect(1, { timeoutMs: 10_000 })
  await client.create('/kept', 'value')
  await client.create('/kept/ephemeral', '', EPHEMERAL)
  for (const number of ensemble.numbers) await ensemble.down(number)
  for (const number of ensemble.numbers) await ensemble.up(number)
  const again = await ensemble.connect(2, { session: client.session, lastZxid: client.lastZxid })
  expect(again.session.id).toBe(client.session.id)
  expect(await again.get('/kept')).toBe('value')
  expect(await again.children('/kept')).toEqual(['ephemeral'])
})

test('a member that was away for long gets a snapshot, and then everything else', async () => {
  const raftLimits = { retainedEntriesMax: 10, snapshotChunkBytesMax: 16 * 1024 }
  await start({ snapshotEntries: 200, raftLimits })
  const away = await ensemble.follower()
  await ensemble.down(away)
  const client = await ensemble.connect(await ensemble.leader(), { timeoutMs: 10_000 })
  await client.create('/data')
  await Promise.all(Array.from({ length: 1_000 }, (_, n) => client.create(`/data/${n}`, 'x'.repeat(100))))
  const leader = await ensemble.leader()
  await eventually('a snapshot', () => ensemble.at(leader).status().snapshotIndex > 800)
  await ensemble.up(away)
  await eventually('it has caught up', () => {
    const { applied } = ensemble.at(away).status()
    return applied >= ensemble.at(leader).status().commit
  })
  expect(ensemble.at(away).status().snapshotIndex).toBeGreaterThan(800)
  const there = await ensemble.connect(away, { session: client.session, lastZxid: client.lastZxid })
  expect((await there.children('/data'))?.length).toBe(1_000)
  // What it got is on its disk: it starts from there.
  await ensemble.down(away)
  await ensemble.up(away)
  await eventually('it has caught up again', () => ensemble.at(away).status().znodes >= 1_000)
})

test('writes go on while snapshots are taken, and a restart begins at the newest', async () => {
  ensemble = await Ensemble.start(1, { snapshotEntries: 100 })
  const client = await ensemble.connect(1)
  for (let n = 0; n < 10; n += 1)
    await Promise.all(Array.from({ length: 100 }, (_, i) => client.create(`/n-${n}-${i}`)))
  await eventually('a late snapshot', () => ensemble.at(1).status().snapshotIndex >= 900)
  const { znodes } = ensemble.at(1).status()
  await ensemble.down(1)
  await ensemble.up(1)
  await ensemble.leader()
  expect(ensemble.at(1).status()).toMatchObject({ znodes, role: 'leader' })
})

test('without a majority nothing is acknowledged, and clients are sent away', async () => {
  await start()
  const leader = await ensemble.leader()
  const client = await ensemble.connect(leader)
  const others = ensemble.numbers.filter((number) => number !== leader)
  await Promise.all(others.map((number) => ensemble.down(number)))
  await expect(client.create('/never')).rejects.toThrow(Disconnected)
  expect(await ensemble.tryConnect(leader)).toBeNull()
})

test('a member that comes with the data of another ensemble is not listened to', async () => {
  await start()
  const stray = await ensemble.follower()
  const client = await ensemble.connect(await ensemble.leader())
  await client.create('/ours')
  const others = await Ensemble.start(3)
  const otherClient = await others.connect(1)
  await Promise.all(Array.from({ length: 50 }, (_, n) => otherClient.create(`/theirs-${n}`)))
  await others.down(stray)
  await ensemble.down(stray)
  fs.rmSync(ensemble.dataPath(stray), { recursive: true })
  fs.cpSync(others.dataPath(stray), ensemble.dataPath(stray), { recursive: true })
  await others.stop()
  await ensemble.up(stray)
  await eventually('it was turned away', () =>
    ensemble.log.some(({ reason }) => reason?.includes('it belongs to ensemble')),
  )
  expect((await client.set('/ours', 'still')).err).toBe(0)
  expect(await ensemble.tryConnect(stray)).toBeNull()
})
