/** `client.watch` over servers that only pretend: what it asks for, and when. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Client } from '../../client/client.ts'
import { connectOver } from '../../client/connect.ts'
import type { Change, Watch } from '../../client/watch.ts'
import { createMemoryNetwork } from '../../runtime/transport/memory.ts'
import { FakeCluster, fakeChain, fakeMap } from '../support/fake-server.ts'

let cluster: FakeCluster
let client: Client

beforeAll(async () => {
  const network = createMemoryNetwork()
  cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: ['n1', 'n2'] })]))
  for (const server of ['n1', 'n2']) await cluster.listen(server, (events) => network.open(server, events))
  const limits = { tryTimeoutMs: 50, backoffFirstMs: 2, backoffMaxMs: 10, suspectMs: 20, mapPauseMs: 5 }
  const options = { servers: ['n1', 'n2'], transport: 'nats://test', timeoutMs: 500, limits }
  client = await connectOver(options, (events) => network.open('client-1', events))
})

afterAll(() => client?.close())

const asked = () => cluster.received.filter(({ message }) => message.type === 'changes').length

async function take(watch: Watch, count: number): Promise<Change[]> {
  const changes: Change[] = []
  for await (const change of watch) {
    changes.push(change)
    if (changes.length === count) break
  }
  return changes
}

test('what is written once it is ready, in order, with what a transaction wrote together', async () => {
  const watch = client.watch('a:')
  await watch.ready()
  await client.put('a:1', 'x')
  await client.put('b:1', 'y')
  await client.transaction({
    write: [
      { key: 'a:2', value: 'both' },
      { key: 'a:1', value: null },
    ],
  })
  const [first, second, third] = await take(watch, 3)
  expect([first?.key, first?.text(), first?.deleted]).toEqual(['a:1', 'x', false])
  expect([second?.key, second?.text()]).toEqual(['a:2', 'both'])
  expect([third?.key, third?.deleted, third?.seq]).toEqual(['a:1', true, second?.seq])
  expect((await watch.next()).done).toBe(true)
  // Nobody has said that the last one was handled: its whole entry is shown again.
  const again = await take(client.watch('a:', { fromSeq: watch.positions }), 2)
  expect(again.map(({ key, seq }) => `${seq} ${key}`)).toEqual(
    [second, third].map((c) => `${c?.seq} ${c?.key}`),
  )
})

test('a slow reader is asked nothing for, and asks for no more than a page', async () => {
  const start = client.watch('slow:')
  await start.ready()
  const { positions } = start
  start.close()
  await Promise.all(Array.from({ length: 2_500 }, (_, n) => client.put(`slow:${n}`, 'x')))
  const before = asked()
  const watch = client.watch('slow:', { fromSeq: start.positions['c0'] ?? positions['c0'] ?? 1 })
  await take(await firstOf(watch), 999)
  await new Promise((resolve) => setTimeout(resolve, 30))
  expect(asked() - before).toBe(1)
})

/** A watch that does not end where a loop over it does. */
async function firstOf(watch: Watch): Promise<Watch> {
  expect((await watch.next()).value).toMatchObject({ key: 'slow:0' })
  return watch
}

test('servers that do not answer, or refuse, are waited for', async () => {
  const watch = client.watch('w:')
  await watch.ready()
  let refused = 0
  cluster.intercept = (_, message) => {
    if (message.type !== 'changes' || refused++ > 8) return null
    if (refused % 2 === 0) return 'drop'
    const failure = { type: 'failure', code: 'NOT_SERVING', message: 'not now' } as const
    return { type: 'failed', call: message.call, failure, map: null }
  }
  await client.put('w:1', 'x')
  expect((await take(watch, 1))[0]?.key).toBe('w:1')
  cluster.intercept = () => null
})

test('a lost position is lost once all replicas have said so', async () => {
  const lostAt: string[] = []
  cluster.intercept = (server, message) => {
    if (message.type !== 'changes') return null
    lostAt.push(server)
    const failure = { type: 'failure', code: 'POSITION_LOST', message: 'gone' } as const
    return { type: 'failed', call: message.call, failure, map: null }
  }
  await expect(client.watch('', { fromSeq: 1 }).next()).rejects.toMatchObject({ code: 'POSITION_LOST' })
  expect(lostAt.sort()).toEqual(['n1', 'n2'])
  lostAt.length = 0
  cluster.intercept = (server, message) => {
    if (message.type !== 'changes' || lostAt.length > 0) return null
    lostAt.push(server)
    const failure = { type: 'failure', code: 'POSITION_LOST', message: 'gone' } as const
    return { type: 'failed', call: message.call, failure, map: null }
  }
  expect((await client.watch('', { fromSeq: 1 }).next()).done).toBe(false)
  cluster.intercept = () => null
})

test('what makes no sense is refused, and a closed client ends its watches', async () => {
  expect(() => client.watch('', { fromSeq: 0 })).toThrow(/fromSeq 0/)
  expect(() => client.watch('', { fromSeq: 1, snapshot: true })).toThrow(/either/)
  const watch = client.watch('nothing:')
  await watch.ready()
  const next = watch.next()
  await client.close()
  await expect(next).rejects.toMatchObject({ code: 'CLOSED' })
})
