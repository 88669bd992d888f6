/** Each a way to make a server keep much for little. */
import { setTimeout as sleep } from 'node:timers/promises'
import { encodeClientBatch } from '../../../protocol/codec/client-codec.ts'
import { encodeFrame, encodeHello } from '../../../protocol/frame.ts'
import { asChainId, asKey, asSeq } from '../../../protocol/ids.ts'
import { encodeConnectRequest } from '../../../protocol/zookeeper/packets.ts'
import { joined } from '../mutations.ts'
import type { Swarm } from './swarm.ts'

export type Port = 'native' | 'peer' | 'zookeeper' | 'redis' | 'http'

export interface Scenario {
  readonly port: Port
  readonly what: string
  attack(swarm: Swarm): Promise<void>
}

const MIB = 1024 * 1024
/** A value of 8 MiB is there for all to read. */
export const LARGE_KEY = 'large'
const ASKED_AT_ONCE = 8
const ADDRESSES = 40
const reads = { addresses: ADDRESSES, reads: true }
const isDeaf = { addresses: ADDRESSES, reads: false }

const hello = (to: string, from: string) =>
  encodeFrame(encodeHello({ from, to, cluster: 'catenary', listens: false, auth: 'none' }))
const named = (n: number) => hello('', `stranger-${n}`)

/** The header of a long frame, and a part of it. */
function begunFrame(length: number, sent: number): Uint8Array {
  const bytes = new Uint8Array(4 + sent)
  new DataView(bytes.buffer).setUint32(0, length)
  return bytes
}

const ascii = (text: string) => Uint8Array.from(text, (character) => character.charCodeAt(0))

/** A byte at a time, for so long. */
async function trickle(swarm: Swarm, bytes: Uint8Array, seconds: number): Promise<void> {
  for (let n = 0; n < seconds && swarm.open > 0; n++) {
    swarm.say(bytes.subarray(n, n + 1))
    await sleep(1000)
  }
}

const largeGets = encodeFrame(
  encodeClientBatch(
    Array.from({ length: ASKED_AT_ONCE }, (_, call) => ({
      ...{ type: 'read', call, chain: asChainId('c0') },
      command: { type: 'get', keys: [asKey(LARGE_KEY)] },
      options: { consistency: { type: 'strong' }, atLeast: asSeq(0) },
    })),
  ),
)

const statusRequests = encodeFrame(
  encodeClientBatch(Array.from({ length: 16_384 }, (_, call) => ({ type: 'status-request', call }))),
)

/** A transaction of a million comparisons with nothing, in four bytes each; and a get of as many empty keys. */
function manyNothings(): Uint8Array {
  const count = [0x80, 0x80, 0x40] // 2^20
  const get = joined(Uint8Array.from([1, 2, 1, 2, 0x63, 0x30, 0, 0, ...count]), new Uint8Array(MIB))
  const compares = joined(
    Uint8Array.from([1, 4, 1, 2, 0x63, 0x30, 0, 7, ...count]),
    Uint8Array.from({ length: 2 * MIB }, (_, n) => n % 2),
    Uint8Array.of(0, 0),
  )
  return joined(encodeFrame(get), encodeFrame(compares))
}

const msgpackBomb = (): Uint8Array => {
  const arrays = Array.from({ length: 100 }, () => [0xdd, 1, 0xff, 0xff, 0xff]).flat()
  return encodeFrame(Uint8Array.from(arrays))
}

export const SCENARIOS: readonly Scenario[] = [
  ...(['native', 'peer'] as const).flatMap((port): Scenario[] => [
    {
      port,
      what: '2000 hellos, a byte a second',
      attack: async (swarm) => {
        await swarm.grow(2000, reads)
        await trickle(swarm, named(0), 8)
      },
    },
    {
      port,
      what: '120 frames of 64 MiB, 16 MiB of each sent',
      attack: async (swarm) => {
        const sockets = await swarm.grow(120, reads)
        for (const [n, socket] of sockets.entries()) {
          socket.write(joined(named(n), begunFrame(64 * MIB, 0)))
          for (let sent = 0; sent < 16; sent++) socket.write(new Uint8Array(MIB))
          await sleep(20)
        }
        await sleep(3000)
      },
    },
    {
      port,
      what: '4000 connections that say hello and no more',
      attack: async (swarm) => {
        await swarm.grow(4000, { ...reads, greeting: named })
        await sleep(3000)
      },
    },
  ]),
  {
    port: 'native',
    what: '60 clients ask for 64 MiB each and never read',
    attack: async (swarm) => {
      for (const [n, socket] of (await swarm.grow(60, isDeaf)).entries()) {
        socket.write(joined(named(n), largeGets))
        await sleep(20)
      }
      await sleep(3000)
    },
  },
  {
    port: 'native',
    what: '10 bodies of a million keys of no length each',
    attack: async (swarm) => {
      const bomb = manyNothings()
      for (const [n, socket] of (await swarm.grow(10, reads)).entries()) socket.write(joined(named(n), bomb))
      await sleep(3000)
    },
  },
  {
    port: 'native',
    what: '20 bodies that ask 16,384 times for the status',
    attack: async (swarm) => {
      for (const [n, socket] of (await swarm.grow(20, isDeaf)).entries())
        socket.write(joined(named(n), statusRequests))
      await sleep(5000)
    },
  },
  {
    port: 'peer',
    what: '1000 bodies of arrays that claim 256 MiB each',
    attack: async (swarm) => {
      const bomb = msgpackBomb()
      for (const [n, socket] of (await swarm.grow(1000, reads)).entries())
        socket.write(joined(named(n), bomb))
      await sleep(2000)
    },
  },
  {
    port: 'zookeeper',
    what: '2000 greetings, a byte a second',
    attack: async (swarm) => {
      await swarm.grow(2000, reads)
      await trickle(swarm, new Uint8Array(44), 14)
    },
  },
  {
    port: 'zookeeper',
    what: '2000 packets of 1 MiB, all but the end sent',
    attack: async (swarm) => {
      const greeting = encodeConnectRequest({
        ...{ protocolVersion: 0, lastZxidSeen: 0, timeoutMs: 10_000, sessionId: 0n },
        ...{ password: new Uint8Array(16), readOnly: false },
      })
      for (const socket of await swarm.grow(2000, reads))
        socket.write(joined(greeting, begunFrame(0xf0000, 0xe0000)))
      await sleep(5000)
    },
  },
  {
    port: 'redis',
    what: '4000 connections that say nothing',
    attack: async (swarm) => {
      await swarm.grow(4000, reads)
      await sleep(1000)
    },
  },
  {
    port: 'redis',
    what: '120 requests of 8 MiB, all but the end sent',
    attack: async (swarm) => {
      const begun = joined(ascii('*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$8388608\r\n'), new Uint8Array(8 * MIB - 10))
      for (const socket of await swarm.grow(120, reads)) {
        socket.write(begun)
        await sleep(20)
      }
      await sleep(3000)
    },
  },
  {
    port: 'redis',
    what: '200 clients ask for 160 MiB each and never read',
    attack: async (swarm) => {
      for (const socket of await swarm.grow(200, isDeaf)) {
        socket.write(ascii(`GET ${LARGE_KEY}\r\n`.repeat(20)))
        await sleep(10)
      }
      await sleep(3000)
    },
  },
  {
    port: 'http',
    what: '500 requests, a byte a second',
    attack: async (swarm) => {
      await swarm.grow(500, reads)
      await trickle(swarm, ascii('GET /status HTTP/1.1\r\nHost: x\r\n'), 12)
    },
  },
  {
    port: 'http',
    what: '100 clients ask 2000 times for the metrics and never read',
    attack: async (swarm) => {
      for (const socket of await swarm.grow(100, isDeaf))
        socket.write(ascii('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2000)))
      await sleep(5000)
    },
  },
]
