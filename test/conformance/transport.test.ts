import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { FrameError } from '../../protocol/frame.ts'
import type { Transport } from '../../protocol/transport.ts'
import {
  createMemoryFabric,
  createNatsFabric,
  createTcpFabric,
  Ear,
  type Fabric,
  numbered,
  numberOf,
} from '../runtime/transport/fabrics.ts'
import { type NatsServer, startNatsServer } from '../support/nats-server.ts'

const KIBIBYTE = 1024
const MEBIBYTE = 1024 * KIBIBYTE

/** What every transport promises, whatever carries it. */
function conforms(name: string, create: () => Promise<Fabric>): void {
  describe(`the ${name} transport`, () => {
    let fabric: Fabric
    beforeEach(async () => {
      fabric = await create()
    })
    afterEach(() => fabric.stop())

    test('delivers 10,000 frames in order, both ways at once', async () => {
      const [ears, nodes] = await openPair(fabric)
      const count = 10_000
      for (let n = 0; n < count; n++) {
        expect(nodes[0].send('n2', numbered(n))).toBe(true)
        expect(nodes[1].send('n1', numbered(n))).toBe(true)
        if (n % 500 === 0) await turn()
      }
      const inOrder = Array.from({ length: count }, (_, n) => n)
      for (const [ear, peer] of [
        [ears[0], 'n2'],
        [ears[1], 'n1'],
      ] as const) {
        await ear.until(`${count} bodies`, () => ear.bodies.length >= count)
        expect(ear.bodies.map(({ body }) => numberOf(body))).toEqual(inOrder)
        expect(new Set(ear.bodies.map(({ from }) => from))).toEqual(new Set([peer]))
        expect(ear.downs).toEqual([])
      }
    })

    test('carries bodies of 0 bytes, 1 byte, 64 KiB and 9 MiB between small ones', async () => {
      const [ears, nodes] = await openPair(fabric)
      const sizes = [0, 1, 64 * KIBIBYTE, 0, 9 * MEBIBYTE, 1, 9 * MEBIBYTE, 64 * KIBIBYTE + 1]
      for (const [index, size] of sizes.entries())
        expect(nodes[0].send('n2', patterned(size, index))).toBe(true)
      await ears[1].until('all bodies', () => ears[1].bodies.length === sizes.length)
      for (const [index, size] of sizes.entries()) {
        const body = ears[1].bodies[index]?.body ?? new Uint8Array()
        expect(body.length).toBe(size)
        expect(Buffer.compare(body, patterned(size, index))).toBe(0)
      }
    })

    test('answers a client that cannot be dialled', async () => {
      const server = new Ear()
      const client = new Ear()
      const n1 = await fabric.openServer('n1', server)
      const c1 = await fabric.openClient('client-1', client)
      for (let n = 0; n < 100; n++) c1.send('n1', numbered(n))
      await server.until('100 requests', () => server.bodies.length === 100)
      expect(server.bodies.every(({ from }) => from === 'client-1')).toBe(true)
      for (let n = 0; n < 100; n++) expect(n1.send('client-1', numbered(n))).toBe(true)
      await client.until('100 replies', () => client.bodies.length === 100)
      expect(client.bodies.map(({ body }) => numberOf(body))).toEqual(
        Array.from({ length: 100 }, (_, n) => n),
      )
    })

    test('what is sent to an unknown peer harms nobody', async () => {
      const [ears, nodes] = await openPair(fabric)
      nodes[0].send('nobody', numbered(0))
      nodes[0].send('n2', numbered(1))
      await ears[1].until('the other body', () => ears[1].bodies.length === 1)
      expect(ears[1].bodies.map(({ body }) => numberOf(body))).toEqual([1])
    })

    test('a body above the limit is refused, and the link goes on', async () => {
      const [ears, nodes] = await openPair(fabric, { frameBytesMax: 1000 })
      expect(nodes[0].send('n2', new Uint8Array(1001))).toBe(false)
      expect(nodes[0].send('n2', new Uint8Array(1000))).toBe(true)
      await ears[1].until('the legal body', () => ears[1].bodies.length === 1)
      expect(ears[1].bodies[0]?.body.length).toBe(1000)
      expect(ears[0].downs).toEqual([])
    })

    test('a body that its handler calls malformed breaks the link for a moment, and no more', async () => {
      const ear = new Ear()
      const sender = await fabric.openServer('n1', new Ear())
      await fabric.openServer('n2', {
        onBody: (from, body) => {
          if (numberOf(body) === 13) throw new FrameError('thirteen')
          ear.onBody(from, body)
        },
        onDown: (peer, reason) => ear.onDown(peer, reason),
        onProtocolError: (remote, reason) => ear.onProtocolError(remote, reason),
      })
      for (let n = 0; n < 500 && ear.errors.length === 0; n++) {
        sender.send('n2', numbered(13))
        await pause(10)
      }
      expect(ear.errors[0]?.reason).toMatch(/thirteen/)
      await ear.until('n2 hears of the break', () => ear.downs.some(({ peer }) => peer === 'n1'))
      await sendUntilHeard(sender, 'n2', ear, 14)
    })

    test('a full queue refuses, says that the link is down, and later carries again', async () => {
      const [ears, nodes] = await openPair(fabric, { queueBytesMax: 100_000 })
      let accepted = 0
      while (accepted < 1000 && nodes[0].send('n2', new Uint8Array(1000))) accepted++
      expect(accepted).toBeGreaterThan(50)
      expect(accepted).toBeLessThanOrEqual(100)
      await ears[0].until('the sender hears of it', () => ears[0].downs.some(({ peer }) => peer === 'n2'))
      await sendUntilHeard(nodes[0], 'n2', ears[1])
    })

    test('a restarted peer: frames may be lost, but none is reordered or repeated', async () => {
      const heard: number[] = []
      const ear = new Ear()
      const sender = await fabric.openServer('n1', ear)
      const listen = () => {
        const receiver = new Ear()
        return {
          receiver,
          events: {
            onBody: (from: string, body: Uint8Array) => {
              heard.push(numberOf(body))
              receiver.onBody(from, body)
            },
            onDown: receiver.onDown.bind(receiver),
          },
        }
      }
      let next = 0
      let life = listen()
      for (let restart = 0; restart < 3; restart++) {
        const peer = await fabric.openServer('n2', life.events)
        const { receiver } = life
        for (let round = 0; round < 2000 && receiver.bodies.length < 300; round++) {
          for (let n = 0; n < 20; n++) sender.send('n2', numbered(next++))
          await turn()
          if (receiver.bodies.length === 0) await pause(2) // its dial may be waiting
        }
        expect(receiver.bodies.length).toBeGreaterThanOrEqual(300)
        const downs = ear.downs.length
        for (let n = 0; n < 1000; n++) sender.send('n2', numbered(next++))
        await peer.close()
        // A loss is noticed at the latest when something is sent into it.
        for (let n = 0; n < 500 && ear.downs.length === downs; n++) {
          sender.send('n2', numbered(next++))
          await pause(10)
        }
        expect(ear.downs.length).toBeGreaterThan(downs)
        life = listen()
      }
      expect(heard.every((n, index) => index === 0 || n > (heard[index - 1] ?? 0))).toBe(true)
      expect(ear.downs.every(({ peer }) => peer === 'n2')).toBe(true)
    })

    test('a broken fabric: both ends hear of it, nothing is reordered or repeated, and frames flow again', async () => {
      const [ears, nodes] = await openPair(fabric)
      await sendUntilHeard(nodes[0], 'n2', ears[1])
      await sendUntilHeard(nodes[1], 'n1', ears[0])
      const start = 1_000_000
      let next = start
      const burst = () => {
        for (let n = 0; n < 500; n++) nodes[0].send('n2', numbered(next++))
      }
      burst()
      const broken = fabric.breakAll()
      for (let n = 0; n < 20; n++) {
        burst()
        await pause(5)
      }
      await broken
      await ears[0].until('n1 hears of the break', () => ears[0].downs.some(({ peer }) => peer === 'n2'))
      await ears[1].until('n2 hears of the break', () => ears[1].downs.some(({ peer }) => peer === 'n1'))
      const last = () => numberOf(ears[1].bodies.at(-1)?.body ?? numbered(0))
      const healed = next
      for (let n = 0; n < 500 && last() < healed; n++) {
        nodes[0].send('n2', numbered(next++))
        await pause(10)
      }
      expect(last()).toBeGreaterThanOrEqual(healed)
      const heard = ears[1].bodies.map(({ body }) => numberOf(body)).filter((n) => n >= start)
      expect(heard.every((n, index) => index === 0 || n > (heard[index - 1] ?? 0))).toBe(true)
    })

    test('close leaves no handle open', async () => {
      const before = handles()
      const [ears, nodes] = await openPair(fabric)
      await sendUntilHeard(nodes[0], 'n2', ears[1])
      await sendUntilHeard(nodes[1], 'n1', ears[0])
      await Promise.all(nodes.map((node) => node.close()))
      for (let n = 0; n < 1000 && handles() > before; n++) await turn()
      expect(handles()).toBeLessThanOrEqual(before)
    })

    test('nothing is heard after close, and send refuses', async () => {
      const [ears, nodes] = await openPair(fabric)
      await sendUntilHeard(nodes[0], 'n2', ears[1])
      await nodes[1].close()
      const heard = ears[1].bodies.length
      expect(nodes[1].send('n1', numbered(0))).toBe(false)
      nodes[0].send('n2', numbered(1))
      await turn()
      await pause(20)
      expect(ears[1].bodies.length).toBe(heard)
      expect(ears[1].downs).toEqual([])
    })
  })
}

async function openPair(
  fabric: Fabric,
  limits: { frameBytesMax?: number; queueBytesMax?: number } = {},
): Promise<[[Ear, Ear], [Transport, Transport]]> {
  const ears: [Ear, Ear] = [new Ear(), new Ear()]
  const n1 = await fabric.openServer('n1', ears[0], limits)
  const n2 = await fabric.openServer('n2', ears[1], limits)
  return [ears, [n1, n2]]
}

/** Sends until something arrives: after a break the first bodies may still be lost. */
async function sendUntilHeard(transport: Transport, to: string, ear: Ear, number = 0): Promise<void> {
  const before = ear.bodies.length
  for (let n = 0; n < 500 && ear.bodies.length === before; n++) {
    transport.send(to, numbered(number))
    await pause(10)
  }
  expect(ear.bodies.length).toBeGreaterThan(before)
}

/** Sockets, listeners and timers of this process that keep it alive. */
const handles = () =>
  process.getActiveResourcesInfo().filter((name) => /^(TCP|Timeout|Pipe)/.test(name)).length

const turn = () => new Promise((resolve) => setImmediate(resolve))
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

function patterned(size: number, seed: number): Uint8Array {
  const body = new Uint8Array(size)
  for (let at = 0; at < size; at++) body[at] = at * 31 + (at >>> 11) + seed
  return body
}

conforms('memory', createMemoryFabric)
conforms('tcp', createTcpFabric)

describe('with a broker', () => {
  let broker: NatsServer
  beforeAll(async () => {
    broker = await startNatsServer()
  })
  afterAll(() => broker?.dispose())
  conforms('nats', () => createNatsFabric(broker))
})
