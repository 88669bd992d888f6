/** Connections of strangers: to every port, with anything but our protocol, or with a little too much of it. */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { type ChainItem, encodeChainBatch } from '../../protocol/codec/chain-codec.ts'
import { encodeClientBatch } from '../../protocol/codec/client-codec.ts'
import { encodeFrame } from '../../protocol/frame.ts'
import { asChainId, asEpoch, asIncarnation, asKey, asMillis, asSeq } from '../../protocol/ids.ts'
import { memberAt, membersOf, until } from '../support/cluster.ts'
import { rawBody } from '../support/raw-body.ts'
import {
  besideLoad,
  bytes,
  helloOf,
  knockAt,
  put,
  read,
  Stranger,
  throwAt,
  write,
} from './bad-input-stranger.ts'

const MIB = 1024 * 1024
/** Far above what a server needs, far below what it would take if it took everything. */
const RESIDENT_MAX = 700 * MIB
/** Of n1, to `slow`. */
const HELLO_BYTES = 27
const world = besideLoad()

const length = (value: number) => {
  const header = Buffer.alloc(4)
  header.writeUInt32BE(value)
  return header
}

/** The peer port of a coordinator is known to its members only. */
function peerPort(): number {
  const command = readFileSync(`/proc/${world().cluster.coordinators[0]?.pid}/cmdline`, 'utf8').split('\0')
  return Number(command[command.indexOf('--members') + 1]?.split(':')[1])
}

const ports = () => {
  const { cluster } = world()
  return {
    native: cluster.port('n2'),
    'http of a server': cluster.httpPort('n2'),
    'coordinator, clients': cluster.port('coordinator-1'),
    'coordinator, peers': peerPort(),
    'http of a coordinator': cluster.httpPort('coordinator-1'),
  }
}
type Port = keyof ReturnType<typeof ports>
const PORTS: readonly Port[] = [
  'native',
  'http of a server',
  'coordinator, clients',
  'coordinator, peers',
  'http of a coordinator',
]

async function memoryOf(server: string): Promise<number> {
  return (await world().cluster.serverStatus(server))?.residentBytes ?? Infinity
}

describe('not our protocol', () => {
  test.each(PORTS)('garbage: %s', async (name) => {
    const port = ports()[name]
    const garbage = [
      randomBytes(100_000),
      randomBytes(7),
      bytes(50_000),
      'GET / HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET // HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET http://[ HTTP/1.1\r\nhost: x\r\n\r\n',
      'GET /healthz?%zz# HTTP/9.9\r\n\r\n',
      '\x16\x03\x01\x02\x00\x01\x00\x01\xfc',
      '*1\r\n$4\r\nPING\r\n',
      'ruok',
      length(0),
      length(0x7fffffff),
      length(0xffffffff),
      Buffer.concat([length(1000), bytes(10)]),
      helloOf('x y'),
      helloOf(''),
      helloOf('n2', true),
      Buffer.concat([helloOf('stranger-1'), randomBytes(10_000)]),
      Buffer.concat([helloOf('stranger-2'), encodeFrame(randomBytes(500))]),
      Buffer.concat([helloOf('stranger-3'), length(60 * MIB), bytes(1000)]),
      Buffer.concat([helloOf('coordinator-2', true), encodeFrame(randomBytes(500))]),
    ]
    await Promise.all(garbage.map((one) => throwAt(port, one)))
    expect(await world().cluster.leader()).toBe('coordinator-1')
  })

  test.each(PORTS)('thousands of connections, opened and dropped: %s', async (name) => {
    await knockAt(ports()[name], 1500)
    const { cluster } = world()
    expect(await cluster.serverStatus('n2')).not.toBeNull()
    expect(await cluster.coordinatorStatus('coordinator-1')).not.toBeNull()
  })

  test('mutated batches of a client', async () => {
    const { cluster } = world()
    const body = encodeClientBatch([
      read({ type: 'get', keys: [asKey('mutated/1'), asKey('mutated/2')] })(1),
      write(put('mutated/3', 10))(2),
      read({ type: 'scan', prefix: asKey('mutated/'), after: asKey('a'), limit: 10 })(3),
      write({
        type: 'transaction',
        compares: [],
        reads: [asKey('mutated/4')],
        writes: [put('mutated/5', 3)],
      })(4),
    ])
    for (let round = 0; round < 300; round++) {
      const mutant = Uint8Array.from(body)
      for (const [place, byte] of [randomBytes(2), randomBytes(2)].map((pair) => [
        pair[0] ?? 0,
        pair[1] ?? 0,
      ]))
        mutant[(place ?? 0) % mutant.length] = byte ?? 0
      const stranger = new Stranger(cluster.port('n1'))
      stranger.body(mutant)
      if (round % 50 === 0)
        await until('it is heard', () => stranger.isClosed || stranger.replies.length > 0, 5000).catch(
          () => {},
        )
      else await sleep(2)
      stranger.end()
    }
    expect(await membersOf(cluster)).toHaveLength(3)
  })

  test('bodies that are small on the wire and large in memory', async () => {
    const { cluster } = world()
    const head = await memberAt(cluster, 'head')
    // A get of ten million empty keys; seventeen thousand questions for the map; appends of entries without writes.
    const keys = Buffer.alloc(10 * MIB)
    keys.set(rawBody(1, 2, 1, 'c0', 0, 0, 0xff, 0xff, 0xff, 4))
    const manyMessages = rawBody(1, Buffer.alloc(34_000, 5))
    const entries = Buffer.alloc(10 * MIB)
    entries.set(rawBody(3, 'c0', 0, 1, 1, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 4))
    for (const body of [keys, manyMessages, entries, Buffer.alloc(5 * MIB, 0x91)]) {
      const stranger = new Stranger(cluster.port(head))
      await until('it is greeted', () => stranger.isGreeted)
      stranger.body(body)
      await until('it is cut off', () => stranger.isClosed)
    }
    expect(await memoryOf(head)).toBeLessThan(RESIDENT_MAX)
  })
})

describe('our protocol, ill used', () => {
  test('a client that never reads what it asked for', async () => {
    const { cluster, connect: open } = world()
    const head = await memberAt(cluster, 'head')
    await (await open()).put('heavy', bytes(8 * MIB))
    const stranger = new Stranger(cluster.port(head))
    await until('it is greeted', () => stranger.isGreeted)
    stranger.socket.pause()
    const asks = Array.from({ length: 4000 }, (_, call) =>
      read({ type: 'get', keys: [asKey('heavy')] })(call),
    )
    let highest = 0
    for (let round = 0; round < 3; round++) {
      stranger.send(asks)
      await sleep(300)
      highest = Math.max(highest, await memoryOf(head))
    }
    expect(highest).toBeLessThan(RESIDENT_MAX)
    stranger.socket.resume()
    await until('it is cut off', () => stranger.isClosed)
  })

  test('a client that sends one byte at a time', async () => {
    const { cluster } = world()
    const frame = Buffer.concat([
      helloOf('slow'),
      encodeFrame(encodeClientBatch([read({ type: 'get', keys: [asKey('a')] })(1)])),
    ])
    const slow = connect(cluster.port('n1'), '127.0.0.1')
    slow.on('error', () => {})
    let answered = 0
    slow.on('data', (chunk) => {
      answered += chunk.length
    })
    for (const byte of frame) {
      slow.write(Uint8Array.of(byte))
      await sleep(5)
    }
    await until('it is answered all the same', () => answered > HELLO_BYTES || slow.destroyed)
    expect(slow.destroyed).toBe(false)
    slow.destroy()
    // One that does not come to the end of its hello in five seconds is cut off.
    const slower = connect(cluster.port('n1'), '127.0.0.1')
    let isClosed = false
    slower.on('error', () => {})
    slower.on('data', () => {})
    slower.on('close', () => {
      isClosed = true
    })
    for (let at = 0; at < 40 && !isClosed; at++) {
      slower.write(frame.subarray(at, at + 1))
      await sleep(1000)
    }
    expect(isClosed).toBe(true)
  })

  test('a client id that is used twice: the newer connection replaces the older', async () => {
    const { cluster } = world()
    const first = new Stranger(cluster.port('n1'), { from: 'client-twin' })
    expect((await first.ask(write(put('twin', 1)))).type).toMatch(/write-reply|failed/)
    const second = new Stranger(cluster.port('n1'), { from: 'client-twin' })
    expect((await second.ask(write(put('twin', 2)))).type).toMatch(/write-reply|failed/)
    await until('the first is gone', () => first.isClosed)
    expect((await second.ask(write(put('twin', 3)))).type).toMatch(/write-reply|failed/)
    second.end()
  })

  test('messages between replicas from somebody who is none, of chains that are none, and of no epoch', async () => {
    const { cluster } = world()
    const status = await cluster.chain()
    if (status === null) throw new Error('there is no chain')
    const [HUGE, far] = [Number.MAX_SAFE_INTEGER, 2 ** 40]
    const nowhere = { epoch: asEpoch(HUGE), seq: asSeq(HUGE) }
    const entry = { epoch: asEpoch(1), seq: asSeq(far), origin: null, writes: [], sessions: null }
    const append = {
      previous: nowhere,
      upstreamDurable: asSeq(HUGE),
      commit: asSeq(HUGE),
      sentAt: asMillis(1),
    }
    const [id, other] = [{ incarnation: asIncarnation(7), attempt: far }, 'nobody' as const]
    const accept = { last: asSeq(HUGE), transfer: 3, serving: true, from: nowhere }
    const items = [0, status.epoch, status.epoch + 9, HUGE].flatMap((number): ChainItem[] => {
      const epoch = asEpoch(number)
      const messages: ChainItem['message'][] = [
        { type: 'link-request', epoch, ...id, last: nowhere, commit: nowhere, transfer: -1 },
        { type: 'link-accept', epoch, ...id, ...accept },
        { type: 'append', epoch, attempt: far, ...append, entries: [entry, entry] },
        { type: 'ack', epoch, attempt: far, commit: asSeq(HUGE), received: asSeq(HUGE), echo: asMillis(0) },
        {
          type: 'snapshot-page',
          epoch,
          attempt: far,
          page: 0,
          items: [],
          sessions: [],
          done: true,
          upTo: asSeq(HUGE),
        },
        { type: 'snapshot-ack', epoch, attempt: far, page: HUGE },
        { type: 'version-query', epoch, query: HUGE },
        { type: 'version-reply', epoch, query: HUGE, commit: asSeq(HUGE) },
        { type: 'barrier', epoch, query: HUGE, origin: other },
        { type: 'barrier-reply', epoch, query: HUGE, commit: asSeq(HUGE) },
        { type: 'config-request', epoch },
      ]
      const chains = ['c0', 'c9', '__proto__', '../../c0', ''].map(asChainId)
      return chains.flatMap((chain) => messages.map((message) => ({ chain, message })))
    })
    const names = status.members.map(({ server }) => server)
    for (const target of names) {
      for (const from of [...names, 'n9', 'client-1']) {
        const stranger = new Stranger(cluster.port(target), { from, listens: from !== 'client-1' })
        await until('it is greeted', () => stranger.isGreeted)
        stranger.body(encodeChainBatch(items))
        await sleep(20)
        stranger.end()
      }
    }
    await cluster.untilWhole()
  })
})
