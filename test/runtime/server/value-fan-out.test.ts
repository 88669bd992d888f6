import { describe, expect, test } from 'vitest'
import type { Replica } from '../../../chain/state.ts'
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import { type Append, encodeFanOut } from '../../../protocol/codec/fan-out-codec.ts'
import type { Entry, Position } from '../../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asKey,
  asMillis,
  asSeq,
  asServerId,
  type Seq,
  type ServerId,
} from '../../../protocol/ids.ts'
import type { Timer, Timers } from '../../../protocol/timers.ts'
import { ValueFanOut } from '../../../runtime/server/value-fan-out.ts'

const chain = asChainId('c0')
const epoch = asEpoch(3)
const names = ['n1', 'n2', 'n3', 'n4'].map(asServerId)

const entry = (seq: number, bytes = 1000): Entry => ({
  epoch,
  seq: asSeq(seq),
  origin: null,
  writes: [{ key: asKey(`k${seq}`), value: new Uint8Array(bytes).fill(seq), expiresAtWallMs: asMillis(0) }],
  sessions: null,
})

const append = (...entries: Entry[]): Append => ({
  type: 'append',
  epoch,
  attempt: 1,
  previous: { epoch, seq: asSeq((entries[0]?.seq ?? 1) - 1) },
  entries,
  upstreamDurable: asSeq(0),
  commit: asSeq(0),
  sentAt: asMillis(0),
})

/** Four servers, each with a log that takes every append, and links that keep what is said until it is let through. */
class Row {
  readonly links = new Map<string, ChainMessage[]>()
  readonly toAll: { readonly from: ServerId; readonly message: ChainMessage }[] = []
  readonly logs = new Map<ServerId, Entry[]>(names.map((name) => [name, []]))
  readonly heard: string[] = []
  readonly broken: string[] = []
  readonly fanOuts = new Map<ServerId, ValueFanOut>()
  readonly #timers: { atMs: number; run: () => void }[] = []
  #nowMs = 0

  /** @param multiplies - whether the network brings one message to all. */
  constructor({ multiplies = false } = {}) {
    for (const self of names) {
      const deliver = (from: ServerId, _: unknown, message: ChainMessage) => this.#take(self, from, message)
      this.fanOuts.set(
        self,
        new ValueFanOut({
          self,
          minBytes: 500,
          timers: this.#clock,
          replica: () => this.#replica(self),
          send: (to, _, message) => this.link(self, to).push(message),
          sendToAll: (_, message) => {
            if (multiplies) this.toAll.push({ from: self, message })
            return multiplies
          },
          deliver,
          deliverLate: deliver,
          broke: (from) => this.broken.push(`${self} from ${from}`),
        }),
      )
    }
  }

  readonly #clock: Timers = {
    nowMs: () => this.#nowMs,
    after: (ms, run): Timer => {
      const due = { atMs: this.#nowMs + ms, run }
      this.#timers.push(due)
      return { cancel: () => void this.#timers.splice(this.#timers.indexOf(due) >>> 0, 1) }
    },
    every: () => ({ cancel: () => {} }),
  }

  #replica(self: ServerId): Replica {
    const log = this.logs.get(self) ?? []
    const entryAt = (seq: Seq) => log.find((one) => one.seq === seq) ?? null
    return {
      config: { epoch, members: names.map((server) => ({ server })) },
      log: { entryAt, has: ({ seq }: Position) => entryAt(seq) !== null, commit: { seq: 0 } },
    } as unknown as Replica
  }

  #take(self: ServerId, from: ServerId, message: ChainMessage): void {
    const what = message.type === 'append' ? message.entries.map(({ seq }) => seq).join() : message.type
    this.heard.push(`${self} ${from}: ${what}`)
    if (message.type !== 'append') return
    this.logs.get(self)?.push(...message.entries)
    const next = names[names.indexOf(self) + 1]
    if (next !== undefined) this.fanOuts.get(self)?.send(next, chain, message)
  }

  link(from: ServerId, to: ServerId): ChainMessage[] {
    const key = `${from} ${to}`
    const link = this.links.get(key) ?? []
    this.links.set(key, link)
    return link
  }

  /** The head writes. */
  write(...entries: Entry[]): void {
    const [head, next] = names as [ServerId, ServerId]
    this.logs.get(head)?.push(...entries)
    this.fanOuts.get(head)?.send(next, chain, append(...entries))
  }

  /** Everything on this link arrives. */
  pass(from: ServerId, to: ServerId): void {
    for (const message of this.link(from, to).splice(0)) this.fanOuts.get(to)?.receive(from, chain, message)
  }

  /** What was sent to all arrives at these. */
  passToAll(...receivers: readonly ServerId[]): void {
    for (const { from, message } of this.toAll.splice(0))
      for (const to of receivers) this.fanOuts.get(to)?.receive(from, chain, message)
  }

  wait(ms: number): void {
    this.#nowMs += ms
    for (const due of this.#timers.filter(({ atMs }) => atMs <= this.#nowMs)) {
      this.#timers.splice(this.#timers.indexOf(due), 1)
      due.run()
    }
  }
}

const [n1, n2, n3, n4] = names as [ServerId, ServerId, ServerId, ServerId]
const wireBytes = (messages: ChainMessage[]) =>
  messages.reduce((sum, message) => sum + (message.type === 'other' ? message.body.length : 10_000), 0)

describe('over a network that multiplies', () => {
  test('values cross the head’s link once, in one message for all', () => {
    const row = new Row({ multiplies: true })
    row.write(entry(1), entry(2, 10), entry(3))
    expect(row.toAll).toHaveLength(1)
    expect(wireBytes(row.link(n1, n2))).toBeLessThan(200)
    row.passToAll(n2, n3, n4)
    row.pass(n1, n2)
    row.pass(n2, n3)
    row.pass(n3, n4)
    for (const name of names) expect(row.logs.get(name)).toEqual([entry(1), entry(2, 10), entry(3)])
    expect(row.fanOuts.get(n1)?.counts.fannedOut).toBe(2)
  })

  test('whom the one message did not reach asks its predecessor, the successor the head', () => {
    const row = new Row({ multiplies: true })
    row.write(entry(1))
    row.passToAll(n4)
    row.pass(n1, n2)
    row.wait(25)
    row.pass(n2, n1)
    row.pass(n1, n2)
    expect(row.logs.get(n2)).toEqual([entry(1)])
    row.pass(n2, n3)
    row.wait(25)
    row.pass(n3, n2)
    row.pass(n2, n3)
    row.pass(n3, n4)
    for (const name of names) expect(row.logs.get(name)).toEqual([entry(1)])
  })

  test('what is sent again goes whole down the chain', () => {
    const row = new Row({ multiplies: true })
    row.write(entry(1))
    row.link(n1, n2).splice(0)
    row.logs.get(n1)?.push(entry(2))
    row.fanOuts.get(n1)?.send(n2, chain, append(entry(1), entry(2)))
    expect(row.toAll).toHaveLength(2)
    row.passToAll()
    row.pass(n1, n2)
    expect(row.logs.get(n2)).toEqual([])
    row.wait(25)
    row.pass(n2, n1)
    expect(row.fanOuts.get(n2)?.counts.fetched).toBe(1)
    row.pass(n1, n2)
    expect(row.logs.get(n2)).toEqual([entry(1), entry(2)])
  })
})

describe('values fanned out', () => {
  test('reach all members from the head, and positions alone go down the chain', () => {
    const row = new Row()
    row.write(entry(1), entry(2, 10), entry(3))
    for (const to of [n3, n4]) row.pass(n1, to)
    row.pass(n1, n2)
    expect(wireBytes(row.link(n2, n3))).toBeLessThan(200)
    row.pass(n2, n3)
    expect(wireBytes(row.link(n3, n4))).toBeLessThan(200)
    row.pass(n3, n4)
    for (const name of names) expect(row.logs.get(name)).toEqual([entry(1), entry(2, 10), entry(3)])
    expect(row.fanOuts.get(n4)?.counts.fetched).toBe(0)
  })

  test('that are late hold back what comes behind their positions, and nothing overtakes', () => {
    const row = new Row()
    row.write(entry(1))
    row.write(entry(2, 10))
    row.pass(n1, n2)
    row.link(n2, n3).push({ type: 'config-request', epoch })
    row.pass(n2, n3)
    expect(row.heard.filter((what) => what.startsWith('n3'))).toEqual([])
    row.pass(n1, n3)
    expect(row.heard.filter((what) => what.startsWith('n3'))).toEqual([
      'n3 n2: 1',
      'n3 n2: 2',
      'n3 n2: config-request',
    ])
  })

  test('that were lost are fetched from the predecessor', () => {
    const row = new Row()
    row.write(entry(1))
    row.link(n1, n3).splice(0)
    row.pass(n1, n2)
    row.pass(n2, n3)
    row.wait(25)
    row.pass(n3, n2)
    row.pass(n2, n3)
    expect(row.logs.get(n3)).toEqual([entry(1)])
    expect(row.fanOuts.get(n3)?.counts.fetched).toBe(1)
  })

  test('that nobody has any more are as a link that broke', () => {
    const row = new Row()
    row.write(entry(1))
    row.link(n1, n3).splice(0)
    row.pass(n1, n2)
    row.pass(n2, n3)
    row.logs.set(n2, [])
    row.wait(25)
    row.pass(n3, n2)
    row.pass(n2, n3)
    expect(row.broken).toEqual(['n3 from n2'])
    expect(row.logs.get(n3)).toEqual([])
  })

  test('that nobody answers for are given up after some questions', () => {
    const row = new Row()
    row.write(entry(1))
    row.link(n1, n3).splice(0)
    row.pass(n1, n2)
    row.pass(n2, n3)
    for (let i = 0; i < 8; i++) row.wait(250)
    expect(row.link(n3, n2)).toHaveLength(4)
    expect(row.broken).toEqual(['n3 from n2'])
  })

  test('from an older epoch change nothing (EpochFence)', () => {
    const row = new Row()
    row.write(entry(1))
    const [values] = row.link(n1, n3).splice(0)
    row.pass(n1, n2)
    row.pass(n2, n3)
    if (values === undefined) throw new Error('nothing was fanned out')
    row.fanOuts.get(n3)?.receive(n1, chain, { ...values, epoch: asEpoch(2) })
    expect(row.logs.get(n3)).toEqual([])
  })

  test('sent again go the chain’s way only', () => {
    const row = new Row()
    row.write(entry(1))
    expect(row.link(n1, n4)).toHaveLength(1)
    row.fanOuts.get(n1)?.send(n2, chain, append(entry(1)))
    expect(row.link(n1, n4)).toHaveLength(1)
  })

  test('in bytes that are none are refused as a broken frame', () => {
    const row = new Row()
    const receive = (body: Uint8Array) => () =>
      row.fanOuts.get(n3)?.receive(n2, chain, { type: 'other', epoch, body })
    expect(receive(new Uint8Array())).toThrow()
    expect(receive(new Uint8Array([9, 9, 9]))).toThrow('unknown fan-out message kind 9')
    const whole = encodeFanOut(chain, { type: 'values', entries: [entry(1)] }).slice()
    for (let length = 1; length < whole.length; length += 7) expect(receive(whole.slice(0, length))).toThrow()
  })
})
