/** What a session is promised (ZooKeeper §2.3), on three real processes. The parts have tests of their own; here it holds for the whole. */
import { expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { CREATE_FLAGS } from '../../protocol/zookeeper/ops.ts'
import { Disconnected, Expired, RawClient, textOf } from '../runtime/coordinator/raw-client.ts'
import { STORY_TIMEOUT_MS, until } from '../support/cluster.ts'
import { type Coordinators, type LocatedClient, withCoordinators } from '../support/coordinators.ts'

const PIPELINED = 3000

/** Of many creates in flight at once, what happened is in the order of the calls, with one gap at most: what was on its way when the member died. */
async function pipelineAcrossMove(coordinators: Coordinators, first: string) {
  const { client, member } = await connectedTo(coordinators, first)
  const { killAndRestart } = coordinators
  const folder = `/fifo-${first}`
  await client.ensurePath(folder)
  const here = await client.create(`${folder}-here`, null, { ephemeral: true })
  const { sessionId } = client.session
  let acknowledged = 0
  let killing: Promise<void> | null = null
  const moved = new Promise<void>((resolve) => {
    let broken = false
    client.onState((state) => {
      broken ||= state === 'disconnected'
      if (broken && state === 'connected') resolve()
    })
  })
  const outcomes = await Promise.all(
    Array.from({ length: PIPELINED }, async (_, n) => {
      // The last third is asked for as soon as another member has taken the session over.
      if (n >= (PIPELINED * 2) / 3) await moved
      try {
        await client.create(`${folder}/n-`, String(n), { sequential: true })
        acknowledged++
        if (acknowledged === 200) killing = killAndRestart(first)
        return 'done'
      } catch (error) {
        if (!isCoordinatorError(error, 'CONNECTION_LOSS')) throw error
        return error.outcome
      }
    }),
  )
  await killing
  expect(member()).not.toBe(first)
  const happened = await numbersInOrder(client, folder)
  expect(happened).toEqual([...happened].sort((a, b) => a - b))
  const missing = outcomes.flatMap((outcome, n) => (happened.includes(n) ? [] : [{ n, outcome }]))
  expect(missing.filter(({ outcome }) => outcome === 'done')).toEqual([])
  expect(outcomes.slice((PIPELINED * 2) / 3)).toEqual(Array(PIPELINED / 3).fill('done'))
  const [begin, end] = [missing[0]?.n ?? 0, missing.at(-1)?.n ?? -1]
  expect(missing.length, 'a gap in the middle of what was sent over one connection').toBe(end - begin + 1)
  // The session is the same, and so is what hangs on it.
  expect(client.session.sessionId).toBe(sessionId)
  expect((await client.exists(here))?.ephemeralOwner).toBe(sessionId)
  console.log(
    `${first} killed after 200 of ${PIPELINED}: ${happened.length} done, ${missing.length} lost, in order; the session went to ${member()}`,
  )
}

/** A client goes on to the next member where the first one has no leader yet. */
async function connectedTo({ client: open }: Coordinators, first: string): Promise<LocatedClient> {
  let located = open({ first })
  await until(`a client is connected to ${first}`, async () => {
    await located.client.sync().catch(() => {})
    if (located.member() === first) return true
    await located.client.close()
    located = open({ first })
    return false
  })
  return located
}

async function numbersInOrder(client: CoordinatorClient, folder: string): Promise<number[]> {
  const names = [...(await client.getChildren(folder))].sort()
  const data = await Promise.all(names.map((name) => client.getData(`${folder}/${name}`)))
  return data.map((znode) => Number(textOf(znode.data)))
}

const addressOf = ({ cluster }: Coordinators, name: string) => ({
  host: '127.0.0.1',
  port: cluster.port(name),
})

test('a session keeps its promises', { timeout: STORY_TIMEOUT_MS }, () =>
  withCoordinators(async (coordinators) => {
    const { client: open, leader, follower, untilServing } = coordinators

    // FIFO client order, and sessions that survive the death of the member they are connected to: a follower, then the leader.
    await pipelineAcrossMove(coordinators, await follower())
    await untilServing()
    await pipelineAcrossMove(coordinators, await leader())
    await untilServing()

    await freshAfterLag(coordinators)

    // A watch event comes before any reply that shows what it tells of.
    const writer = open({ first: await leader() }).client
    await writer.create('/watched', '0')
    const reader = await RawClient.connect(addressOf(coordinators, await follower()))
    await reader.sync()
    for (let n = 1; n <= 20; n++) {
      await reader.getReply('/watched', true)
      const from = reader.arrivals.length
      const written = writer.setData('/watched', String(n))
      let shown = ''
      while (shown !== String(n)) {
        const replies = await Promise.all(Array.from({ length: 5 }, () => reader.get('/watched')))
        shown = replies.at(-1) ?? ''
      }
      await written
      const arrivals = reader.arrivals.slice(from)
      const event = arrivals.findIndex((arrival) => 'path' in arrival)
      const newer = arrivals.findIndex(
        (arrival) =>
          'response' in arrival &&
          arrival.response !== null &&
          'data' in arrival.response &&
          textOf(arrival.response.data) === String(n),
      )
      expect(event, 'no event').toBeGreaterThanOrEqual(0)
      expect(event, 'the new data came before the event').toBeLessThan(newer)
    }
    await reader.close()

    // An expired session is refused, on the connection that it had and on a new one.
    const silent = await RawClient.connect(addressOf(coordinators, await follower()), { timeoutMs: 1000 })
    await silent.create('/silent', '', CREATE_FLAGS.ephemeral)
    await until('the session has expired', async () => {
      await writer.sync()
      return (await writer.exists('/silent')) === null
    })
    await expect(silent.set('/watched', 'too late')).rejects.toThrow(Disconnected)
    const again = RawClient.connect(addressOf(coordinators, await leader()), { session: silent.session })
    await expect(again).rejects.toThrow(Expired)
    await writer.sync()
    expect(textOf((await writer.getData('/watched')).data)).toBe('20')
  }),
)

/** A member that was stopped lags. A session that has seen more is not served there until it has caught up; a `sync` brings one up that has not. */
async function freshAfterLag(coordinators: Coordinators): Promise<void> {
  const { cluster, client: open, follower, leader } = coordinators
  const lagging = await follower()
  const writer = open({ first: await leader() }).client
  await writer.create('/lag', 'old')
  const there = await RawClient.connect(addressOf(coordinators, lagging), { timeoutMs: 10_000 })
  const mover = await RawClient.connect(addressOf(coordinators, await leader()), { timeoutMs: 10_000 })
  await there.sync()
  cluster.process(lagging).signal('SIGSTOP')
  await writer.setData('/lag', 'new')
  await mover.sync()
  expect(await mover.get('/lag')).toBe('new')
  const synced = there.sync()
  const fresh = there.get('/lag')
  cluster.process(lagging).signal('SIGCONT')
  let moved: RawClient | null = null
  let refusals = 0
  await until('it is let in', async () => {
    moved = await RawClient.connect(addressOf(coordinators, lagging), {
      session: mover.session,
      lastZxid: mover.lastZxid,
      timeoutMs: 10_000,
    }).catch(() => null)
    if (moved === null) refusals++
    return moved !== null
  })
  const at = moved as RawClient | null
  expect(await at?.get('/lag'), 'a session moved to a member that is behind it').toBe('new')
  expect((await synced).err).toBe(0)
  expect(await fresh, 'stale after a sync').toBe('new')
  console.log(`${lagging} lagged: it refused ${refusals} times a session that had seen more`)
  await Promise.all([there.close(), at?.close()])
}
