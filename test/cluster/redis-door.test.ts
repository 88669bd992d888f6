import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { Cluster } from 'ioredis'
import { createCluster } from 'redis'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { STORY_TIMEOUT_MS, startTestCluster, type TestCluster } from '../support/cluster.ts'
import { RedisWire } from '../support/redis-wire.ts'

const run = promisify(execFile)
const WRITES = 150
const PATIENCE = { timeout: 20_000, interval: 50 }

let testing: TestCluster
let failed = true

beforeAll(async () => {
  testing = await startTestCluster({ redis: 'cluster', coordinators: 1, sessionTimeoutMs: 1000 })
})

afterAll(async () => {
  await testing?.close({ failed })
})

const portOf = (server: string) => testing.cluster.redisPort(server)

async function members(): Promise<string[]> {
  return (await testing.cluster.chain())?.members.map(({ server }) => server) ?? []
}

const cli = async (server: string, ...words: string[]) => {
  const { stdout } = await run('redis-cli', ['-p', String(portOf(server)), ...words])
  return stdout.trim()
}

describe('a chain of three, as clients of Redis Cluster see it', () => {
  test('the head is the master, the others are its replicas', async () => {
    const [head = '', middle = '', tail = ''] = await members()
    const nodes = (await cli(middle, 'cluster', 'nodes')).split('\n')
    expect(nodes.filter((line) => line.includes('master')).join()).toContain(`:${portOf(head)}@`)
    expect(nodes.filter((line) => line.includes('slave'))).toHaveLength(2)
    expect(await cli(tail, 'cluster', 'info')).toContain('cluster_state:ok')
    expect(await cli(middle, 'role')).toMatch(/^slave/)
    expect(await cli(head, 'wait', '2', '0')).toBe('2')
  })

  test('redis-cli: a replica says MOVED, -c follows, READONLY reads here', async () => {
    const [head = '', , tail = ''] = await members()
    expect(await cli(tail, 'set', 'k', '1')).toBe(`MOVED 7629 127.0.0.1:${portOf(head)}`)
    expect(await cli(tail, '-c', 'set', 'k', '1')).toBe('OK')
    expect(await cli(tail, 'get', 'k')).toMatch(/^MOVED/)
    const wire = await RedisWire.open(portOf(tail))
    expect(await wire.ask('READONLY')).toBe('+OK\r\n')
    expect(await wire.ask('GET', 'k')).toBe('$1\r\n1\r\n')
    expect(await wire.ask('SET', 'k', '2')).toMatch(/^-MOVED/)
    wire.close()
  })

  test('what is published at one member is heard at another', async () => {
    const [head = '', , tail = ''] = await members()
    const listener = await RedisWire.open(portOf(tail))
    await listener.ask('SUBSCRIBE', 'news')
    await listener.ask('SUBSCRIBE', '__keyevent@0__:set')
    expect(await cli(head, 'publish', 'news', 'hello')).toBe('0')
    expect(await listener.reply()).toBe('*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$5\r\nhello\r\n')
    await cli(head, 'set', 'k', '3')
    expect(await listener.reply()).toContain('__keyevent@0__:set\r\n$1\r\nk\r\n')
    listener.close()
  })

  test('redis-benchmark runs', async () => {
    const options = ['-t', 'set,get', '-n', '2000', '-c', '10', '-P', '4', '--csv']
    const [head = ''] = await members()
    const { stdout } = await run('redis-benchmark', ['-p', String(portOf(head)), ...options])
    expect(stdout).toMatch(/"GET","[\d.]+"/)
  })

  test('ioredis and redis: no acknowledged write is lost, and no read is stale, while the head is killed', async () => {
    const order = await members()
    const ioredis = new Cluster(
      order.map((server) => ({ host: '127.0.0.1', port: portOf(server) })),
      { scaleReads: 'slave', enableAutoPipelining: true, slotsRefreshInterval: 500 },
    )
    const stock = createCluster({ rootNodes: order.map((s) => ({ url: `redis://127.0.0.1:${portOf(s)}` })) })
    stock.on('error', () => {})
    await stock.connect()
    const last = new Map<string, number>()
    const stale: string[] = []
    let failures = 0
    const attempt = async (work: () => Promise<void>) => {
      try {
        await work()
      } catch {
        failures++
      }
    }
    const story = async (worker: number) => {
      const key = `counter:${worker}`
      for (let i = 1; i <= WRITES; i++) {
        await attempt(async () => {
          if (worker % 2 === 0) await ioredis.set(key, i)
          else await stock.set(key, i)
          last.set(key, i)
        })
        const atLeast = last.get(key) ?? 0
        // An unanswered write may show, an answered one must.
        await attempt(async () => {
          const seen = Number(await ioredis.get(key))
          if (seen < atLeast) stale.push(`${key}: ${seen} after ${atLeast}`)
        })
        if (worker === 0 && i === WRITES / 2) await testing.cluster.process(order[0] ?? '').kill()
      }
    }
    await Promise.all(Array.from({ length: 8 }, (_, worker) => story(worker)))
    expect(stale).toEqual([])
    expect(last.size).toBe(8)
    for (const [key, number] of last) expect(Number(await ioredis.get(key))).toBeGreaterThanOrEqual(number)
    expect(failures).toBeLessThan(WRITES * 8)
    ioredis.disconnect()
    stock.destroy()
    failed = false
  })
})

test(
  '--redis-proxy: one server answers for all chains, to a client that knows of no cluster',
  async () => {
    const shape = { servers: 2, chains: 2, replication: 1, coordinators: 1, durability: 'memory' } as const
    const proxied = await startTestCluster({ ...shape, redis: 'proxy' })
    try {
      // The other one may have both chains before this one is up.
      const wire = await vi.waitFor(() => RedisWire.open(proxied.cluster.redisPort('n1')), PATIENCE)
      await vi.waitFor(async () => expect(await wire.ask('SET', 'up', '1')).toBe('+OK\r\n'), PATIENCE)
      // The chain of `up` may serve before the other one does.
      const set = async (i: number) => expect(await wire.ask('SET', `key:${i}`, `${i}`)).toBe('+OK\r\n')
      for (let i = 0; i < 20; i++) await vi.waitFor(() => set(i), PATIENCE)
      wire.send(
        Buffer.from(Array.from({ length: 20 }, (_, i) => `INCR key:${i}\r\nGET key:${i}\r\n`).join('')),
      )
      for (let i = 0; i < 20; i++) {
        expect(await wire.reply()).toBe(`:${i + 1}\r\n`)
        expect(await wire.reply()).toMatch(new RegExp(`\r\n${i + 1}\r\n$`))
      }
      expect((await wire.ask('KEYS', '*')).startsWith('*21\r\n')).toBe(true)
      wire.close()
    } finally {
      await proxied.close({ failed: false })
    }
  },
  STORY_TIMEOUT_MS,
)
