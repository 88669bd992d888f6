import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type SoloServer, startSoloServer } from '../../lab/fuzz/redis/solo-server.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { encodeRequest, type RealRedis, RedisWire, startRealRedis } from '../support/redis-wire.ts'

let real: RealRedis
let solo: SoloServer

beforeAll(async () => {
  real = await startRealRedis({ cluster: false })
  solo = await startSoloServer({ proxies: true })
})

afterAll(async () => {
  await real?.stop()
  await solo?.close()
  expect(solo.bugs).toEqual([])
})

const KEYS = ['a', 'b', 'c', '{t}d', '\xff\x00']
const VALUES = ['1', '-7', '9007199254740990', 'text', '', '0.5', 'x'.repeat(300)]

function randomRequest(rng: Rng): string[] {
  const pick = (from: readonly string[]) => from[rng.below(from.length)] ?? ''
  const key = pick(KEYS)
  const requests: string[][] = [
    ...[
      ['GET', key],
      ['GET', key],
      ['GET', key],
      ['STRLEN', key],
      ['EXISTS', key, pick(KEYS)],
    ],
    ...[
      ['MGET', key, pick(KEYS), pick(KEYS)],
      ['SET', key, pick(VALUES)],
      ['SET', key, pick(VALUES), 'NX'],
    ],
    ...[
      ['SET', key, pick(VALUES), 'XX', 'GET'],
      ['DEL', key],
      ['DEL', key, pick(KEYS)],
      ['INCR', key],
    ],
    ...[
      ['INCRBY', key, pick(VALUES)],
      ['DECR', key],
      ['APPEND', key, pick(VALUES)],
      ['GETSET', key, pick(VALUES)],
    ],
    ...[
      ['GETDEL', key],
      ['SETRANGE', key, '3', 'zz'],
      ['RENAME', key, pick(KEYS)],
      ['INCRBYFLOAT', key, '0.25'],
    ],
    ...[
      ['MULTI'],
      ['EXEC'],
      ['EXEC'],
      ['DISCARD'],
      ['WATCH', 'w'],
      ['SET', 'w', pick(VALUES)],
      ['PING'],
      ['ECHO', key],
      ['NOSUCH', key],
    ],
    ...[['MSET', key, '1', pick(KEYS), '2'], ['MSETNX', key, '1', pick(KEYS), '2'], ['GET'], ['TYPE', key]],
    ...[
      ['EXPIRE', key, '1000'],
      ['TTL', key],
      ['PERSIST', key],
      ['COPY', key, pick(KEYS)],
    ],
  ]
  return requests[rng.below(requests.length)] ?? ['PING']
}

/** All at once, cut where the dice say; then all replies. */
async function answers(port: number, requests: readonly string[][], rng: Rng): Promise<string[]> {
  const wire = await RedisWire.open(port)
  await wire.ask('FLUSHALL')
  const bytes = Buffer.concat(requests.map(encodeRequest))
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + 1 + rng.below(rng.chance(0.5) ? 40 : 20_000))
    wire.send(bytes.subarray(at, end))
    if (rng.chance(0.05)) await new Promise((resolve) => setImmediate(resolve))
    at = end
  }
  const replies: string[] = []
  for (const request of requests)
    replies.push(`${JSON.stringify(request)} -> ${JSON.stringify(await wire.reply())}`)
  wire.close()
  return replies
}

describe('pipelines', () => {
  test('6 of 500 random requests each: in order, and as Redis answers them', async () => {
    for (let seed = 1; seed <= 6; seed++) {
      const rng = new Rng(seed)
      const requests = Array.from({ length: 500 }, () => randomRequest(rng))
      const ours = await answers(solo.door.port, [...requests], rng)
      expect(ours, `seed ${seed}`).toEqual(await answers(real.port, [...requests], rng))
    }
  })

  const BROKEN = [
    '*1\r\n$4\r\nPING\r\n*1\r\nPING\r\n',
    '*abc\r\n',
    '*9999999999\r\n',
    '*-5\r\nPING\r\nQUIT\r\n',
    '*1\r\n$-1\r\n',
    '*1\r\n$abc\r\n',
    '*1\r\n$99999999999\r\n',
    '*2\r\n$3\r\nGET\r\n:5\r\n',
    'SET a "unbalanced\r\n',
    "SET a 'unbalanced\r\n",
    'SET a "b"c\r\n',
    '\r\n\r\nPING\r\nQUIT\r\n',
    'set q "a b\\x41\\n"\r\nget q\r\nQUIT\r\n',
    '*0\r\n*1\r\n$4\r\nQUIT\r\n',
    `*${'1'.repeat(70_000)}`,
    `*1\r\n$${'1'.repeat(70_000)}`,
    'x'.repeat(70_000),
  ]

  test('what is no request: the same error, and the connection closed', async () => {
    for (const text of BROKEN) {
      const replies = await Promise.all([solo.door.port, real.port].map((port) => everything(port, text)))
      expect(replies[0], JSON.stringify(text.slice(0, 60))).toBe(replies[1])
    }
  })

  async function everything(port: number, text: string): Promise<string> {
    const wire = await RedisWire.open(port)
    wire.send(Buffer.from(text, 'latin1'))
    await wire.untilClosed()
    return wire.reply()
  }

  test('one that asks for much and reads nothing costs little, and nobody else waits', async () => {
    const [greedy, other] = await Promise.all([
      RedisWire.open(solo.door.port),
      RedisWire.open(solo.door.port),
    ])
    await other.ask('SET', 'big', 'x'.repeat(1024 * 1024))
    greedy.pause()
    for (let i = 0; i < 500; i++) greedy.send(encodeRequest(['GET', 'big']))
    for (let i = 0; i < 50; i++) expect(await other.ask('STRLEN', 'big')).toBe(':1048576\r\n')
    const [first] = solo.door.sessions
    expect(first?.outputBytes).toBeLessThan(20 * 1024 * 1024)
    greedy.close()
    other.close()
  })

  test('a value of 8 MiB in small pieces', async () => {
    const wire = await RedisWire.open(solo.door.port)
    const request = encodeRequest(['SET', 'long', 'y'.repeat(8 * 1024 * 1024)])
    for (let at = 0; at < request.length; at += 10_007) wire.send(request.subarray(at, at + 10_007))
    expect(await wire.reply()).toBe('+OK\r\n')
    expect(await wire.ask('STRLEN', 'long')).toBe(':8388608\r\n')
    expect(await wire.ask('DEL', 'long')).toBe(':1\r\n')
    wire.close()
  })
})
