import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { update } from '../../client/recipes/compare-and-set.ts'
import { addTo } from '../../client/recipes/counter.ts'
import { enterBarrier } from '../../client/recipes/double-barrier.ts'
import { joinGroup, watchGroup } from '../../client/recipes/group.ts'
import { dequeue, enqueue } from '../../client/recipes/queue.ts'
import { announce, meet, openRendezvous } from '../../client/recipes/rendezvous.ts'
import { eventually } from '../runtime/coordinator/ensemble.ts'
import { World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await World.start()
})
afterAll(() => world.stop())

const text = (data: Uint8Array | null | undefined) => new TextDecoder().decode(data ?? new Uint8Array(0))

describe('compare-and-set', () => {
  test('of many who add at the same time while the leader dies, each acknowledged one counts once', async () => {
    const clients = world.clients(4)
    let acknowledged = 0
    let unknown = 0
    const sums: number[] = []
    const turns = clients.map(async (client) => {
      for (let n = 0; n < 15; n++) {
        try {
          sums.push(await addTo(client, '/counter'))
          acknowledged++
        } catch (error) {
          if (!isCoordinatorError(error, 'CONNECTION_LOSS') || error.outcome !== 'indefinite') throw error
          unknown++
        }
      }
    })
    await eventually('some have added', () => acknowledged > 10)
    await world.killLeader()
    await Promise.all(turns)
    const [client] = clients
    await client?.sync()
    const sum = Number(text((await client?.getData('/counter'))?.data))
    expect(sum).toBeGreaterThanOrEqual(acknowledged)
    expect(sum).toBeLessThanOrEqual(acknowledged + unknown)
    expect(new Set(sums).size, 'no two saw the same sum').toBe(sums.length)
  })

  test('the reply to a write is lost: nobody says that it was done, or not, without knowing', async () => {
    const mortal = world.mortal()
    await addTo(mortal.client, '/lost')
    let calls = 0
    const adding = update(mortal.client, '/lost', (data) => {
      calls++
      mortal.loseNextReply()
      return String(Number(text(data)) + 1)
    })
    await expect(adding).rejects.toMatchObject({ code: 'CONNECTION_LOSS', outcome: 'indefinite' })
    expect(calls).toBe(1)
    expect(await addTo(mortal.client, '/lost')).toBe(3)
    expect(await update(mortal.client, '/lost', () => null)).toBeNull()
  })
})

test('rendezvous (ZooKeeper §2.4): workers that start before the master find it', async () => {
  const [starter, master, worker] = world.clients(3) as [
    CoordinatorClient,
    CoordinatorClient,
    CoordinatorClient,
  ]
  await openRendezvous(starter, '/rendezvous')
  await worker.sync()
  const early = meet(worker, '/rendezvous')
  await world.killLeader()
  await announce(master, '/rendezvous', 'host7:4000')
  expect(text(await early)).toBe('host7:4000')
  await starter.sync()
  expect(text(await meet(starter, '/rendezvous'))).toBe('host7:4000')
  const off = meet(worker, '/nowhere')
  await expect(off).rejects.toMatchObject({ code: 'NO_NODE' })
})

test('group membership (ZooKeeper §2.4): who dies is out when its session ends', async () => {
  const mortal = world.mortal({ sessionTimeoutMs: 500 })
  const [steady, watcher] = world.clients(2) as [CoordinatorClient, CoordinatorClient]
  let members: readonly string[] = []
  const stop = watchGroup(watcher, '/group', (names) => {
    members = names
  })
  await mortal.client.ensurePath('/group')
  mortal.loseNextReply()
  const doomed = await joinGroup(mortal.client, '/group', { name: 'doomed' })
  const member = await joinGroup(steady, '/group', { name: 'steady', data: 'host1' })
  await eventually('both are in', () => members.length === 2)
  mortal.die()
  await eventually('one is left', () => members.length === 1)
  expect(members).toEqual([member.path.slice('/group/'.length)])
  await member.release()
  await eventually('nobody is left', () => members.length === 0)
  stop()
  await doomed.release() // to nobody: it does not wait for ever
})

test('double barrier (ZooKeeper §2.4): all begin together and end together, round after round, though the leader dies', async () => {
  const clients = world.clients(4)
  const inside: number[] = [0, 0, 0]
  const entered: number[] = [0, 0, 0]
  const rounds = clients.map(async (client) => {
    for (let n = 0; n < 3; n++) {
      const barrier = await enterBarrier(client, '/barrier', 4)
      expect(barrier.round).toBe(n)
      entered[n] = (entered[n] ?? 0) + 1
      inside[n] = (inside[n] ?? 0) + 1
      await eventually('all have entered', () => entered[n] === 4)
      await barrier.leave()
      // Nobody comes out before everybody has begun to leave.
      expect(entered[n]).toBe(4)
    }
  })
  await eventually('the first round is over', () => (entered[1] ?? 0) > 0)
  await world.killLeader()
  await Promise.all(rounds)
  expect(entered).toEqual([4, 4, 4])
})

test('double barrier: the others leave without one who dies inside', async () => {
  const mortal = world.mortal({ sessionTimeoutMs: 500 })
  const [a, b] = world.clients(2) as [CoordinatorClient, CoordinatorClient]
  // The first in order is the one for whom the others wait.
  const doomed = enterBarrier(mortal.client, '/deadly', 3)
  await eventually('it is the first', async () => {
    await a.sync()
    return (await a.exists('/deadly'))?.numChildren === 1
  })
  const both = await Promise.all([enterBarrier(a, '/deadly', 3), enterBarrier(b, '/deadly', 3)])
  await doomed
  mortal.die()
  await Promise.all(both.map((inside) => inside.leave()))
  const again = await Promise.all([enterBarrier(a, '/deadly', 2), enterBarrier(b, '/deadly', 2)])
  expect(again.map(({ round }) => round)).toEqual([1, 1])
  await Promise.all(again.map((inside) => inside.leave()))
})

test('queue: in order, and what a dead taker had begun is taken again', async () => {
  const mortal = world.mortal({ sessionTimeoutMs: 500 })
  const [producer, taker] = world.clients(2) as [CoordinatorClient, CoordinatorClient]
  for (const word of ['one', 'two', 'three']) await enqueue(producer, '/queue', word)
  const begun = await dequeue(mortal.client, '/queue')
  expect(text(begun.data)).toBe('one')
  const second = await dequeue(taker, '/queue')
  expect(text(second.data)).toBe('two')
  expect(await second.done()).toBe(true)
  mortal.die()
  const third = await dequeue(taker, '/queue')
  expect(text(third.data)).toBe('three')
  await third.giveBack()
  const words: string[] = []
  await eventually('the first item is free again', async () => {
    const item = await dequeue(taker, '/queue')
    words.push(text(item.data))
    const isFirst = text(item.data) === 'one'
    if (isFirst) await item.done()
    else await item.giveBack()
    return isFirst
  })
  mortal.revive()
  expect(await begun.done(), 'the claim is lost').toBe(false)
  expect(text((await dequeue(taker, '/queue')).data)).toBe('three')
})

test('queue: no item is lost or done twice by those who live, while the leader dies and replies are lost', async () => {
  const producer = world.mortal()
  const takers = world.clients(3)
  const done: string[] = []
  const stop = new AbortController()
  const working = takers.map(async (client) => {
    for (;;) {
      const item = await dequeue(client, '/work', { signal: stop.signal })
      if (await item.done()) done.push(text(item.data))
    }
  })
  const ended = Promise.allSettled(working)
  for (let n = 0; n < 30; n++) {
    if (n % 10 === 5) producer.loseNextReply()
    await enqueue(producer.client, '/work', `item ${n}`)
    if (n === 12) await world.killLeader()
  }
  await eventually('all is done', () => done.length >= 30)
  stop.abort(new Error('home'))
  await ended
  expect(done.sort()).toEqual(Array.from({ length: 30 }, (_, n) => `item ${n}`).sort())
})
