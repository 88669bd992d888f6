import { afterEach, expect, test } from 'vitest'
import { connect } from '../../client/index.ts'
import { openTcp } from '../../runtime/transport/tcp.ts'
import { FakeCluster, fakeChain, fakeMap } from '../support/fake-server.ts'

const closers: (() => Promise<void>)[] = []

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** Fake servers that listen on ports of this machine. Returns where. */
async function listening(names: readonly string[], cluster: FakeCluster): Promise<string[]> {
  const ports: Record<string, number> = {}
  for (const self of names) {
    const server = await cluster.listen(self, (events) =>
      openTcp({ self, cluster: 'catenary', host: '127.0.0.1', port: 0, events }),
    )
    closers.push(async () => server.close())
    ports[self] = server.address?.port ?? 0
  }
  const addresses = names.map((name) => [name, { host: '127.0.0.1', port: ports[name] ?? 0, zone: 'z' }])
  cluster.map = { ...cluster.map, addresses: Object.fromEntries(addresses) }
  return names.map((name) => `127.0.0.1:${ports[name]}`)
}

test('over tcp one address is enough: the others are learnt, and named', async () => {
  const cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: ['n1', 'n2', 'n3'] })]))
  const [, second = ''] = await listening(['n1', 'n2', 'n3'], cluster)
  const client = await connect({ servers: [second] })
  closers.push(() => client.close())
  await client.put('k', 'v')
  const values = await Promise.all(Array.from({ length: 9 }, () => client.get('k')))
  expect(values.map((value) => value?.text())).toEqual(new Array(9).fill('v'))
  const readers = cluster.received.filter((item) => item.message.type === 'read').map((item) => item.server)
  expect(new Set(readers)).toEqual(new Set(['n1', 'n2', 'n3']))
})

test('an address where nobody listens is passed over', async () => {
  const cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })]))
  const [address = ''] = await listening(['n1'], cluster)
  const client = await connect({ servers: ['127.0.0.1:1', address, '127.0.0.1:2'] })
  closers.push(() => client.close())
  expect((await client.put('k', 'v')).applied).toBe(true)
})

test('values of 8 MiB, several at once', async () => {
  const cluster = new FakeCluster(fakeMap([fakeChain({ chain: 'c0', servers: ['n1'] })]))
  const [address = ''] = await listening(['n1'], cluster)
  const client = await connect({ servers: [address] })
  closers.push(() => client.close())
  const value = new Uint8Array(8 * 1024 * 1024).fill(9)
  await Promise.all(['a', 'b', 'c'].map((key) => client.put(key, value)))
  const read = await client.getMany(['a', 'b', 'c'])
  expect(read.map((item) => Buffer.compare(item?.value ?? Buffer.alloc(0), value))).toEqual([0, 0, 0])
})
