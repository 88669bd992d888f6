import { setTimeout as sleep } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import type { Client } from '../../client/index.ts'
import { publishAtOnce, readAtOnce } from '../../client/recipes/configuration.ts'
import { addTo } from '../../client/recipes/counter.ts'
import { enterBarrier } from '../../client/recipes/double-barrier.ts'
import { acquireLock, acquireSimpleLock } from '../../client/recipes/lock.ts'
import { dequeue, enqueue } from '../../client/recipes/queue.ts'
import { withApacheZooKeeper } from '../support/apache-zookeeper.ts'
import {
  memberAt,
  ms,
  STORY_TIMEOUT_MS,
  type TestCluster,
  until,
  untilDropped,
  withCluster,
} from '../support/cluster.ts'
import { ClusterLoad } from '../support/cluster-load.ts'

const TICK_MS = 200
const SESSION_TIMEOUT_MS = 3000
/** Access lists of the tree are ZooKeeper's to hold, too. */
const SECRET = 'of these servers alone'

test(
  'data servers, a manager and clients with Apache ZooKeeper as the ensemble, of which a member and then its leader dies, and a data server',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withApacheZooKeeper({ tickMs: TICK_MS }, (zookeeper) =>
      withCluster(
        { ensemble: zookeeper, sessionTimeoutMs: SESSION_TIMEOUT_MS, secret: SECRET },
        async (test) => {
          const { cluster } = test
          const leased = async () => {
            const statuses = await Promise.all(cluster.servers.map(({ name }) => cluster.serverStatus(name)))
            return statuses.filter((status) => status?.replicas[0]?.leaseLives === true).length
          }
          const load = await ClusterLoad.start(test)
          await until('every lease lives', async () => (await leased()) === 3)
          await load.progress()
          load.cut('undisturbed')

          const follower = ((await zookeeper.leader()) + 1) % 3
          await zookeeper.kill(follower)
          await load.progress()
          load.cut('a follower of ZooKeeper is dead')
          await zookeeper.restart(follower)

          const tail = await memberAt(cluster, 'tail')
          await cluster.process(tail).kill()
          await untilDropped(cluster, tail)
          await load.progress()
          load.cut(`${tail}, the tail, is dead`)

          await zookeeper.kill(await zookeeper.leader())
          cluster.process(tail).start()
          await cluster.untilWhole()
          await until('every lease lives', async () => (await leased()) === 3)
          await load.progress()
          load.cut('the leader of ZooKeeper is dead, the data server is back')
          await fencedWrites(test)
          await load.verify()
          expect(load.errors).toEqual([])
        },
      ),
    ),
)

/** As docs/RECIPES.md has it. */
async function putFenced(store: Client, key: string, value: string, token: number): Promise<void> {
  for (;;) {
    const found = await store.get(key)
    const before = found === null ? null : (JSON.parse(found.text()) as { token: number })
    if (before !== null && before.token > token) throw new Error('somebody else has the lock by now')
    const next = JSON.stringify({ token, value })
    const outcome = await store.compareAndSet(key, found?.version ?? null, next)
    if (outcome.applied) return
  }
}

/** A holder that slept through the end of its lock writes too late. */
async function fencedWrites({ connect, coordinator: open }: TestCluster): Promise<void> {
  const [store, sleeper, next] = [await connect(), open(), open()]
  const slept = await acquireLock(sleeper, '/locks/report')
  const waiting = acquireLock(next, '/locks/report')
  await putFenced(store, 'report', 'first', slept.token)
  await next.sync()
  await next.delete(slept.path) // as the end of its session would
  const held = await waiting
  await putFenced(store, 'report', 'second', held.token)
  await expect(putFenced(store, 'report', 'first, again', slept.token)).rejects.toThrow('somebody else')
  expect((await store.get('report'))?.text()).toBe(JSON.stringify({ token: held.token, value: 'second' }))
  expect(slept.signal.aborted).toBe(true)
  await held.release()
}

/** Recipes know nothing of whose ensemble it is. */
async function recipesThere(clients: readonly [CoordinatorClient, CoordinatorClient]): Promise<void> {
  const [one, other] = clients
  const inside = await Promise.all(clients.map((client) => enterBarrier(client, '/barrier', 2)))
  await Promise.all(inside.map((participant) => participant.leave()))
  await Promise.all(clients.flatMap((client) => [addTo(client, '/counter'), addTo(client, '/counter')]))
  expect(await addTo(one, '/counter')).toBe(5)
  await enqueue(one, '/queue', 'item')
  const item = await dequeue(other, '/queue')
  expect(await item.done()).toBe(true)
  await publishAtOnce(one, '/configuration', { a: '1', b: '1' })
  await other.sync()
  expect([...(await readAtOnce(other, '/configuration')).keys()]).toEqual(['a', 'b'])
  const simple = await acquireSimpleLock(other, '/simple')
  await simple.release()
}

/**
 * What a lease rests on (docs/OPERATIONS.md): a session ends a timeout after the *leader* heard of a touch. Writes that a follower passes on
 * are no touches, so the last one before the follower's death may not count.
 */
test(
  'Apache ZooKeeper ends a session a timeout after its leader heard of it: not earlier, and perhaps earlier than a timeout after the last write',
  { timeout: STORY_TIMEOUT_MS },
  () =>
    withApacheZooKeeper({ tickMs: TICK_MS }, async ({ addresses, leader, signal }) => {
      const place = await leader()
      const [witnessPlace, followerPlace] = [0, 1, 2].filter((other) => other !== place)
      const witness = coordinator({ servers: addresses[witnessPlace ?? 0] ?? '', sessionTimeoutMs: 3500 })
      const bounds = coordinator({ servers: addresses[place] ?? '', sessionTimeoutMs: 1 })
      const victim = coordinator({
        servers: addresses[followerPlace ?? 0] ?? '',
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
      })
      await bounds.sync()
      expect(bounds.session.timeoutMs, 'at least two ticks').toBe(2 * TICK_MS)
      await victim.create('/victim', 'alive', { ephemeral: true })
      await witness.sync()
      expect(victim.session.timeoutMs).toBe(SESSION_TIMEOUT_MS)
      const ended = new Promise<number>((resolve) => {
        witness.watchChildren('/', (names) => {
          if (names?.includes('victim') === false) resolve(performance.now())
        })
      })

      const sent: number[] = []
      for (let n = 0; n < 3; n++) {
        await sleep(SESSION_TIMEOUT_MS / 6)
        sent.push(performance.now())
        await victim.setData('/victim', String(n))
      }
      signal(followerPlace ?? 0, 'SIGSTOP') // in the moment of the last write's reply
      const endedAt = await ended
      signal(followerPlace ?? 0, 'SIGCONT')
      const [, previous = 0, last = 0] = sent
      console.log(
        `the session ended ${ms(endedAt - last)} after its last write, ${ms(endedAt - previous)} after the one before; timeout ${SESSION_TIMEOUT_MS} ms`,
      )
      expect(endedAt - previous).toBeGreaterThanOrEqual(SESSION_TIMEOUT_MS)
      expect(endedAt - last).toBeLessThan(SESSION_TIMEOUT_MS + 2 * TICK_MS + 1000)
      const other = coordinator({ servers: addresses })
      await recipesThere([witness, other])
      await Promise.all([witness, bounds, victim, other].map((client) => client.close()))
    }),
)
