import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { becomeLeader, leaderOf } from '../../client/recipes/election.ts'
import type { HeldZnode } from '../../client/recipes/held-znode.ts'
import { acquireLock, acquireSimpleLock } from '../../client/recipes/lock.ts'
import { acquireReadLock, acquireWriteLock } from '../../client/recipes/read-write-lock.ts'
import { eventually } from '../runtime/coordinator/ensemble.ts'
import { aborted, World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world.stop())

type Acquire = (
  client: CoordinatorClient,
  path: string,
  options: { onWakeUp: () => void },
) => Promise<HeldZnode>

/** Everybody wants it at once, has it once, and gives it back. @returns how often somebody was woken, and in which order they had it. */
async function contend(acquire: Acquire, path: string, count: number) {
  const clients = world.clients(count)
  const first = clients[0]
  if (first === undefined) throw new Error('nobody')
  const held = await acquire(first, path, { onWakeUp: () => {} })
  let wakeUps = 0
  let inside = 0
  const order: number[] = []
  const tokens: number[] = []
  const turns: Promise<void>[] = []
  for (const [n, client] of clients.entries()) {
    if (n === 0) continue
    const turn = async () => {
      const lock = await acquire(client, path, { onWakeUp: () => wakeUps++ })
      inside++
      expect(inside, 'two hold the lock').toBe(1)
      order.push(n)
      tokens.push(lock.token)
      inside--
      await lock.release()
    }
    turns.push(turn())
    // In line before the next one comes, so that the order of arrival is known.
    await eventually('it waits', async () => {
      await client.sync(path)
      return acquire === acquireLock
        ? (await client.getChildren(path)).length > n
        : client.state === 'connected'
    })
  }
  await held.release()
  await Promise.all(turns)
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b))
  return { wakeUps, order }
}

describe('locks (ZooKeeper §2.4)', () => {
  test('without herd: the end of one wakes one, first come first served', async () => {
    const { wakeUps, order } = await contend(acquireLock, '/locks/fair', 12)
    console.log(`lock without herd: 11 waiters, ${wakeUps} wake-ups`)
    expect(wakeUps).toBe(11)
    expect(order).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
  })

  test('simple: the end of one wakes all who wait', async () => {
    await world.client().ensurePath('/locks')
    const { wakeUps, order } = await contend(acquireSimpleLock, '/locks/simple', 12)
    console.log(`simple lock: 11 waiters, ${wakeUps} wake-ups, of which 11 could go on`)
    expect(order).toHaveLength(11)
    // 11 + 10 + ... + 1, less whoever was not waiting again yet when the next one ended.
    expect(wakeUps).toBeGreaterThan(22)
  })

  test('the reply to the create is lost: the client finds itself in the line, and does not wait for itself', async () => {
    const mortal = world.mortal()
    await mortal.client.ensurePath('/locks/lost-reply')
    mortal.loseNextReply()
    await using lock = await acquireLock(mortal.client, '/locks/lost-reply')
    await mortal.client.sync()
    expect(await mortal.client.getChildren('/locks/lost-reply')).toEqual([lock.path.split('/').at(-1)])
    await mortal.client.create('/locks/lost-simple', null)
    await mortal.client.delete('/locks/lost-simple')
    mortal.loseNextReply()
    await using simple = await acquireSimpleLock(mortal.client, '/locks/lost-simple')
    expect(simple.path).toBe('/locks/lost-simple')
  })

  test('the reply to the release is lost: the next holder keeps the lock, though its znode has the same name', async () => {
    const mortal = world.mortal()
    const other = world.client()
    await mortal.client.ensurePath('/locks')
    const first = await acquireSimpleLock(mortal.client, '/locks/lost-release')
    const waiting = acquireSimpleLock(other, '/locks/lost-release')
    await other.sync()
    mortal.loseNextReply()
    await first.release()
    const second = await waiting
    await other.sync()
    expect((await other.exists('/locks/lost-release'))?.czxid).toBe(second.token)
    // Two over one session are two, as well.
    const impatience = new AbortController()
    const third = acquireSimpleLock(other, '/locks/lost-release', { signal: impatience.signal })
    await other.sync()
    impatience.abort(new Error('enough'))
    await expect(third).rejects.toThrow('enough')
    await second.release()
  })

  test('a holder dies: the next one has it with a greater token; the dead one hears of it as soon as it can', async () => {
    const mortal = world.mortal({ sessionTimeoutMs: 500 })
    const first = await acquireLock(mortal.client, '/locks/dead')
    const next = acquireLock(world.client(), '/locks/dead')
    mortal.die()
    const lock = await next
    await aborted(first.signal) // by its own clock: nobody can tell it
    expect(lock.token).toBeGreaterThan(first.token)
    mortal.revive()
    await eventually('the session is known to be over', () => mortal.client.state === 'expired')
    await first.release()
    await lock.release()
  })

  test('an operator deletes its znode: the holder is told', async () => {
    const [client, operator] = world.clients(2)
    if (client === undefined || operator === undefined) throw new Error('nobody')
    const lock = await acquireLock(client, '/locks/deleted')
    await operator.delete(lock.path)
    await aborted(lock.signal)
    await lock.release()
  })

  test('whoever waits no longer leaves the line', async () => {
    const [client, other] = world.clients(2)
    if (client === undefined || other === undefined) throw new Error('nobody')
    const lock = await acquireLock(client, '/locks/impatient')
    const impatience = new AbortController()
    const waiting = acquireLock(other, '/locks/impatient', { signal: impatience.signal })
    await eventually('it waits', async () => (await client.getChildren('/locks/impatient')).length === 2)
    impatience.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await client.sync()
    expect(await client.getChildren('/locks/impatient')).toHaveLength(1)
    await lock.release()
  })

  test('the leader of the ensemble dies while they wait: everybody has it, one after the other', async () => {
    const clients = world.clients(5)
    let inside = 0
    let done = 0
    const turns = clients.map(async (client) => {
      for (let turn = 0; turn < 4; turn++) {
        const lock = await acquireLock(client, '/locks/killed')
        inside++
        expect(inside).toBe(1)
        await client.sync().catch(() => {})
        inside--
        done++
        await lock.release()
      }
    })
    await eventually('some have had it', () => done > 2)
    await world.killLeader()
    await Promise.all(turns)
    expect(done).toBe(20)
  })
})

test('read/write lock (ZooKeeper §2.4, as the FAQ corrects it): readers together, writers alone, none overtakes', async () => {
  const path = '/locks/shared'
  const clients = world.clients(6)
  const [a, b, c, d, e, f] = clients as [
    CoordinatorClient,
    CoordinatorClient,
    CoordinatorClient,
    CoordinatorClient,
    CoordinatorClient,
    CoordinatorClient,
  ]
  const inLine = (count: number) =>
    eventually(`${count} in line`, async () => {
      await a.sync(path)
      return (await a.getChildren(path)).length === count
    })
  const events: string[] = []
  let wakeUps = 0
  const note = (name: string, held: Promise<HeldZnode>) =>
    held.then((lock) => {
      events.push(name)
      return lock
    })
  const onWakeUp = () => wakeUps++
  const reads = await Promise.all([acquireReadLock(a, path), acquireReadLock(b, path)])
  const firstWrite = note('write 1', acquireWriteLock(c, path, { onWakeUp }))
  await inLine(3)
  const secondWrite = note('write 2', acquireWriteLock(d, path, { onWakeUp }))
  await inLine(4)
  // The paper's `goto 3` would look for ever at the list of this moment, in which both writers stand.
  const lateReads = [e, f].map((client) => note('read', acquireReadLock(client, path, { onWakeUp })))
  await inLine(6)
  expect(events).toEqual([])
  for (const read of reads) await read.release()
  await (await firstWrite).release()
  await (await secondWrite).release()
  for (const read of await Promise.all(lateReads)) await read.release()
  expect(events).toEqual(['write 1', 'write 2', 'read', 'read'])
  // The second reader's end for the first writer, whose end for the second, whose end for both readers.
  expect(wakeUps).toBeLessThanOrEqual(5)
})

test('read/write lock: a writer dies, and the readers behind it go on together', async () => {
  const mortal = world.mortal({ sessionTimeoutMs: 500 })
  const [a, b] = world.clients(2) as [CoordinatorClient, CoordinatorClient]
  const writer = await acquireWriteLock(mortal.client, '/locks/dead-writer')
  const readers = [a, b].map((client) => acquireReadLock(client, '/locks/dead-writer'))
  mortal.die()
  for (const reader of await Promise.all(readers)) {
    expect(reader.token).toBeGreaterThan(writer.token)
    await reader.release()
  }
})

test('election: the next in line leads when the leader dies, with a greater token', async () => {
  const path = '/election'
  const mortal = world.mortal({ sessionTimeoutMs: 500 })
  const [next, watcher] = world.clients(2) as [CoordinatorClient, CoordinatorClient]
  const first = await becomeLeader(mortal.client, path, { data: 'one' })
  const second = becomeLeader(next, path, { data: 'two' })
  await watcher.sync(path)
  expect(new TextDecoder().decode((await leaderOf(watcher, path))?.data)).toBe('one')
  mortal.die()
  const office = await second
  expect(office.token).toBeGreaterThan(first.token)
  await watcher.sync(path)
  const leader = await leaderOf(watcher, path)
  expect(leader?.token).toBe(office.token)
  await office.release()
  await watcher.sync(path)
  expect(await leaderOf(watcher, path)).toBeNull()
})
