import { expect, test } from 'vitest'
import { connectOver } from '../../client/connect.ts'
import type { ErrorCode } from '../../protocol/errors.ts'
import { createMemoryNetwork } from '../../runtime/transport/memory.ts'
import { FakeCluster, fakeChain, fakeMap, type Intercept } from '../support/fake-server.ts'

/** A linear congruential generator: the same faults on every run. */
function dice(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return state / 0x1_0000_0000
  }
}

/** All of them definite, so that the write may be tried again. A lapsed session is not among them: with it, doubt would be for ever. */
const REFUSALS: readonly ErrorCode[] = ['OVERLOADED', 'NOT_SERVING', 'NOT_HEAD', 'STALE_EPOCH']

/** Loses one message in ten, the answer to another, refuses a third: what happened to a write, its client cannot see. */
function faulty(draw: () => number): Intercept {
  return (server, message) => {
    const fate = draw()
    if (message.type === 'map-request' || fate > 0.3) return null
    if (fate < 0.1) return 'drop'
    if (fate < 0.2) return 'drop-answer'
    const code = REFUSALS[Math.floor(draw() * REFUSALS.length)] ?? 'OVERLOADED'
    const failure = { type: 'failure', code, message: `${server} is unwell` } as const
    return { type: 'failed', call: message.call, failure, map: null }
  }
}

test.each([1, 2, 3, 4])('every increment happens once, whatever is lost (seed %i)', async (seed) => {
  const draw = dice(seed)
  const network = createMemoryNetwork()
  const cluster = new FakeCluster(
    fakeMap([
      fakeChain({ chain: 'c0', servers: ['n1', 'n2'], share: [0, 2] }),
      fakeChain({ chain: 'c1', servers: ['n2', 'n1'], share: [1, 2] }),
    ]),
  )
  for (const server of ['n1', 'n2']) await cluster.listen(server, (events) => network.open(server, events))
  const limits = {
    tryTimeoutMs: 30,
    backoffFirstMs: 2,
    backoffMaxMs: 20,
    suspectMs: 20,
    mapPauseMs: 5,
    sessionWindowMax: 16,
  }
  const options = { servers: ['n1', 'n2'], transport: 'nats://test', timeoutMs: 20_000, limits }
  const client = await connectOver(options, (events) => network.open('client-1', events))
  cluster.intercept = faulty(draw)
  const keys = ['a', 'b', 'c', 'd']
  const sums = await Promise.all(
    Array.from({ length: 200 }, (_, i) => client.increment(keys[i % keys.length] ?? 'a')),
  )
  // Each of 1 to 50 was returned once by each of the four counters.
  expect(sums.sort((a, b) => a - b)).toEqual(
    Array.from({ length: 200 }, (_, i) => Math.floor(i / keys.length) + 1),
  )
  const values = await client.getMany(keys)
  expect(values.map((value) => value?.text())).toEqual(['50', '50', '50', '50'])
  await client.close()
})
