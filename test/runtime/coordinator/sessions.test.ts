import { afterAll, beforeAll, expect, test } from 'vitest'
import { EVENT_TYPES } from '../../../protocol/zookeeper/ops.ts'
import { Ensemble, eventually } from './ensemble.ts'
import { Disconnected, Expired, type RawClient } from './raw-client.ts'

const EPHEMERAL = 1
const TIMEOUT_MS = 1_000

let ensemble: Ensemble
/** Stays, and pings often enough. */
let witness: RawClient

beforeAll(async () => {
  ensemble = await Ensemble.start(3)
  witness = await ensemble.connect(1, { timeoutMs: 10_000 })
})
afterAll(() => ensemble.stop())

test('an ephemeral outlives its connection, not its session, and its watchers hear of its end', async () => {
  const mortal = await ensemble.connect(await ensemble.follower(), { timeoutMs: TIMEOUT_MS })
  await mortal.create('/mortal', '', EPHEMERAL)
  const heardMs = performance.now()
  await mortal.ping()
  await mortal.hangUp()
  await witness.sync()
  await witness.stat('/mortal', true)
  await eventually('the ephemeral is gone', () =>
    witness.events.some(({ type, path }) => type === EVENT_TYPES.deleted && path === '/mortal'),
  )
  const livedMs = performance.now() - heardMs
  expect(livedMs).toBeGreaterThan(TIMEOUT_MS)
  expect(livedMs).toBeLessThan(TIMEOUT_MS * 4)
  await expect(ensemble.connect(1, { session: mortal.session })).rejects.toThrow(Expired)
})

test('a session lives on as long as it pings, through any member', async () => {
  const number = await ensemble.follower()
  const alive = await ensemble.connect(number, { timeoutMs: TIMEOUT_MS })
  await alive.create('/alive', '', EPHEMERAL)
  const untilMs = performance.now() + 2.5 * TIMEOUT_MS
  while (performance.now() < untilMs) {
    expect((await alive.ping()).err).toBe(0)
    await new Promise((resolve) => setTimeout(resolve, TIMEOUT_MS / 4))
  }
  await witness.sync()
  expect((await witness.stat('/alive'))?.ephemeralOwner).toBe(alive.session.id)
  await alive.close()
  expect(await witness.stat('/alive')).toBeNull()
})

test('closing a session removes its ephemerals at once', async () => {
  const client = await ensemble.connect(2, { timeoutMs: 10_000 })
  await client.create('/brief', '', EPHEMERAL)
  await client.close()
  await witness.sync()
  expect(await witness.stat('/brief')).toBeNull()
  await expect(ensemble.connect(2, { session: client.session })).rejects.toThrow(Expired)
})

test('a session resumed at another member ends the old connection, which can change nothing any more', async () => {
  const [from, to] = [await ensemble.leader(), await ensemble.follower()]
  const before = await ensemble.connect(from, { timeoutMs: 10_000 })
  await before.create('/moving', 'before', EPHEMERAL)
  const after = await ensemble.connect(to, { session: before.session, lastZxid: before.lastZxid })
  expect(after.session).toEqual(before.session)
  expect(await after.get('/moving')).toBe('before')
  await before.closed
  await expect(before.set('/moving', 'stale')).rejects.toThrow(Disconnected)
  await after.set('/moving', 'after')
  expect(await after.get('/moving')).toBe('after')
  await after.close()
})

test('a wrong password gets no session, and the right one still does', async () => {
  const client = await ensemble.connect(3)
  const { id, password } = client.session
  await client.hangUp()
  const wrong = password.map((byte) => byte ^ 1)
  await expect(ensemble.connect(3, { session: { id, password: wrong } })).rejects.toThrow(Expired)
  const again = await ensemble.connect(2, { session: { id, password } })
  expect(again.session.id).toBe(id)
  await again.close()
})

test('a member that is behind what a client has seen hangs up', async () => {
  const ahead = witness.lastZxid + 1_000_000
  expect(await ensemble.tryConnect(1, { lastZxid: ahead })).toBeNull()
})
