/** Bodies that clients and servers send each other, and such as nobody would. */
import type { ChainMessage } from '../../../protocol/chain-messages.ts'
import type { ClientMessage, RequestIdentity } from '../../../protocol/client-messages.ts'
import { type ChainItem, encodeChainBatch } from '../../../protocol/codec/chain-codec.ts'
import { encodeClientBatch, encodeServerBatch } from '../../../protocol/codec/client-codec.ts'
import { encodeFanOut, type FanOutMessage } from '../../../protocol/codec/fan-out-codec.ts'
import type { Condition, Expiry, ReadOptions, WriteCommand } from '../../../protocol/commands.ts'
import type { Entry, Position } from '../../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asServerId,
  asSessionId,
  type ChainId,
  type Key,
} from '../../../protocol/ids.ts'
import type { Rng } from '../../simulator/kernel/rng.ts'
import { changedOnce, randomBytes } from '../mutations.ts'

const NUMBERS = [0, 1, 2, 3, 7, 127, 128, 2 ** 31 - 1, 2 ** 32, 2 ** 40, Number.MAX_SAFE_INTEGER]
/** What is written over four bytes of a body: numbers as they stand there, and ends of long ones. */
const INTS = [0, 1, -1, 0x7f7f7f7f, -0x7f7f7f80, 0x80808080, 0x01ffffff, 0x00010203, 0xff]
const CHAINS = ['c0', 'c0', 'c0', 'c0', 'c0', 'c1', 'doors', '', '../..', '__proto__', 'x'.repeat(300)]
/** Few, so that requests meet; and none of the witness's. */
const KEYS = Array.from({ length: 40 }, (_, n) => `hostile-${n}`)
const ODD_KEYS = ['', '\0', '\xff\xfe', 'k'.repeat(4097), '{', '{}', '{a}b', '__proto__']
const COMMANDS = [
  ...[
    'put',
    'put',
    'put',
    'delete',
    'append',
    'prepend',
    'increment',
    'get-and-set',
    'expire',
    'transaction',
  ],
] as const
const CHAIN_KINDS = [
  ...['append', 'append', 'ack', 'ack', 'version-query', 'version-reply', 'barrier', 'barrier-reply'],
  ...['link-request', 'link-accept', 'snapshot-page', 'snapshot-ack', 'config', 'config-request', 'other'],
] as const
/** An epoch that is over, and one that will never come: in both nothing may follow from what is said. */
const FENCED_EPOCHS = [0, 2 ** 40, Number.MAX_SAFE_INTEGER]
const UNFENCED = new Set<string>(['config', 'other'])

export class BodyMaker {
  readonly #rng: Rng
  #call = 0
  #last: Uint8Array = encodeClientBatch([{ type: 'map-request', call: 0 }])

  constructor(rng: Rng) {
    this.#rng = rng
  }

  /** What a client may send. */
  client(): Uint8Array {
    const count = this.#rng.scale(1, 12)
    const body = encodeClientBatch(Array.from({ length: count }, () => this.#request())).slice()
    this.#last = body
    return body
  }

  /** The same, changed. */
  changed(body = this.client()): Uint8Array {
    const rng = this.#rng
    let spoilt = body
    for (let left = rng.chance(0.6) ? 1 : rng.scale(2, 10); left > 0; left--)
      spoilt = changedOnce(rng, spoilt, { headerBytes: 2, numbers: INTS, other: this.#last })
    return spoilt
  }

  /** Replicas' messages with numbers that make no sense. */
  chain(): Uint8Array {
    const items = Array.from({ length: this.#rng.scale(1, 8) }, () => this.#item(this.#rng.pick(NUMBERS)))
    return this.#spoiltAtTimes(encodeChainBatch(items).slice())
  }

  /** The same, of epochs that are over or will never come: what a member may say without any effect. */
  fenced(): Uint8Array {
    const items: ChainItem[] = []
    while (items.length < 4) {
      const item = this.#item(this.#rng.pick(FENCED_EPOCHS))
      if (!UNFENCED.has(item.message.type)) items.push(item)
    }
    return encodeChainBatch(items).slice()
  }

  /** What a server tells clients. */
  replies(): Uint8Array {
    return this.#spoiltAtTimes(
      encodeServerBatch([
        { type: 'status-reply', call: this.#number(), json: '['.repeat(this.#rng.scale(1, 5000)) },
        { type: 'write-reply', call: 1, result: { type: 'written', version: asSeq(1), number: null } },
      ]).slice(),
    )
  }

  /** Headers of lists and values that claim far more than there is, and lists of very many nothings. */
  bomb(): Uint8Array {
    const rng = this.#rng
    const huge = rng.pick([
      [0xff, 0xff, 0xff, 0x7f],
      [0x80, 0x80, 0x80, 1],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f],
      new Array<number>(12).fill(0xff),
    ])
    const start = rng.pick([
      [1, 2, 1, 2, 0x63, 0x30, 0, 0, ...huge], // a get of so many keys
      [1, 1, 1, 2, 0x63, 0x30, 0, 1, 0x6b, ...huge], // a value of so many bytes
      [1, 4, 1, 2, 0x63, 0x30, 0, 7, ...huge], // a transaction of so many comparisons
      [3, 2, 0x63, 0x30, 0, 1, 1, 1, 1, 1, 1, 0, ...huge], // an append of so many entries
      [3, 2, 0x63, 0x30, 10, 1, ...huge], // a configuration of so many bytes
      [3, ...huge],
    ])
    const filler = new Uint8Array(rng.scale(1, 20_000)).fill(rng.pick([0, 1, 0x5b, 0xff]))
    return Uint8Array.from([...start, ...filler])
  }

  noise(): Uint8Array {
    return randomBytes(this.#rng, this.#rng.scale(1, 300))
  }

  #spoiltAtTimes(body: Uint8Array): Uint8Array {
    return this.#rng.chance(0.4) ? this.changed(body) : body
  }

  #number = (): number => this.#rng.pick(NUMBERS)

  #key(): Key {
    return asKey(this.#rng.pick(this.#rng.chance(0.97) ? KEYS : ODD_KEYS))
  }

  #value(): Uint8Array {
    return new Uint8Array(this.#rng.scale(1, this.#rng.chance(0.99) ? 200 : 20_000)).fill(
      this.#rng.below(256),
    )
  }

  #keys(): Key[] {
    return Array.from({ length: this.#rng.scale(1, 6) }, () => this.#key())
  }

  #chain(): ChainId {
    return asChainId(this.#rng.chance(0.9) ? 'c0' : this.#rng.pick(CHAINS))
  }

  #request(): ClientMessage {
    const rng = this.#rng
    const [call, chain] = [++this.#call, this.#chain()]
    const kind = rng.fraction()
    if (kind < 0.02) return { type: 'map-request', call }
    if (kind < 0.03) return { type: 'status-request', call }
    if (kind < 0.05) {
      const after = rng.chance(0.5) ? null : asSeq(this.#number())
      const command = { type: 'changes', prefix: this.#key(), after, limit: this.#number() } as const
      return { type: 'changes', call, chain, command: { ...command, waitMs: asMillis(rng.pick([0, 1, 50])) } }
    }
    if (kind < 0.5) return { type: 'write', call, chain, identity: this.#identity(), command: this.#write() }
    const command = rng.chance(0.9)
      ? ({ type: 'get', keys: this.#keys() } as const)
      : ({
          type: 'scan',
          prefix: this.#key(),
          after: null,
          limit: rng.pick([0, 1, 10, 10_000, 2 ** 40]),
        } as const)
    return { type: 'read', call, chain, command, options: this.#readOptions() }
  }

  /** Mostly none: a session that nobody has opened costs an entry. */
  #identity(): RequestIdentity | null {
    if (this.#rng.chance(0.95)) return null
    const [requestNumber, answeredBelow] = [asRequestNumber(this.#number()), asRequestNumber(this.#number())]
    return { session: asSessionId(1 + Math.floor(this.#number() / 2)), requestNumber, answeredBelow }
  }

  #readOptions(): ReadOptions {
    const rng = this.#rng
    const consistency = rng.pick([
      { type: 'strong' },
      { type: 'eventual' },
      { type: 'bounded-age', maxAgeMs: asMillis(rng.scale(1, 1e9)) },
      { type: 'bounded-versions', maxVersions: this.#number() },
    ] as const)
    // One that waits for a version of the far future is answered when its time is over.
    return { consistency, atLeast: asSeq(rng.chance(0.98) ? 0 : rng.below(100)) }
  }

  #condition(): Condition | null {
    return this.#rng.pick([
      null,
      { type: 'absent' },
      { type: 'present' },
      { type: 'version', version: asSeq(this.#number()) },
      { type: 'value', value: this.#value() },
    ] as const)
  }

  #expiry(): Expiry {
    const rng = this.#rng
    return rng.chance(0.2)
      ? { type: 'keep' }
      : { type: 'set', atWallMs: asMillis(rng.pick([0, 1, 1e12, 1e15])) }
  }

  #write(): WriteCommand {
    const rng = this.#rng
    const [key, value, condition] = [this.#key(), this.#value(), this.#condition()]
    const type = rng.chance(0.001) ? 'open-session' : rng.pick(COMMANDS)
    switch (type) {
      case 'open-session':
        return { type }
      case 'put':
        return { type, key, value, condition, expiry: this.#expiry() }
      case 'delete':
        return { type, key, condition }
      case 'append':
      case 'prepend':
        // Else the few keys would grow up to the limit.
        return rng.chance(0.2) ? { type, key, value } : { type: 'delete', key, condition: null }
      case 'increment':
        return { type, key, by: rng.pick([1, -1, Number.MAX_SAFE_INTEGER, -Number.MAX_SAFE_INTEGER]) }
      case 'get-and-set':
        return { type, key, value: rng.chance(0.5) ? value : null, expiry: this.#expiry() }
      case 'expire':
        return { type, key, atWallMs: asMillis(rng.pick([0, 1, 1e15])) }
      case 'transaction':
        return {
          type,
          compares: this.#keys().map((one) => ({ key: one, condition: condition ?? { type: 'absent' } })),
          reads: this.#keys(),
          writes: [
            { type: 'put', key, value, expiry: this.#expiry() },
            { type: 'delete', key: this.#key() },
          ],
        }
    }
  }

  // What replicas say.

  #item(epoch: number): ChainItem {
    return { chain: this.#chain(), message: this.#chainMessage(epoch) }
  }

  #position(): Position {
    return { epoch: asEpoch(this.#number()), seq: asSeq(this.#number()) }
  }

  #entry(): Entry {
    const writes = [
      { key: this.#key(), value: this.#value(), expiresAtWallMs: asMillis(this.#number() % 1e15) },
    ]
    return {
      ...this.#position(),
      origin: null,
      writes,
      sessions: this.#rng.chance(0.1) ? { opens: true } : null,
    }
  }

  #entries(): Entry[] {
    return Array.from({ length: this.#rng.below(4) }, () => this.#entry())
  }

  #chainMessage(of: number): ChainMessage {
    const rng = this.#rng
    const type = rng.pick(CHAIN_KINDS)
    const epoch = asEpoch(of)
    const [attempt, query, page] = [this.#number(), this.#number(), this.#number()]
    const [commit, last] = [asSeq(this.#number()), asSeq(this.#number())]
    const incarnation = asIncarnation(this.#number())
    const transfer = rng.pick([-1, 0, 1, 2 ** 40])
    switch (type) {
      case 'append':
        return {
          ...{ type, epoch, attempt, previous: this.#position(), entries: this.#entries() },
          ...{ upstreamDurable: last, commit, sentAt: asMillis(1) },
        }
      case 'ack':
        return { type, epoch, attempt, commit, received: last, echo: asMillis(rng.pick([-1, 0, 1e15])) }
      case 'version-query':
      case 'snapshot-ack':
        return type === 'version-query' ? { type, epoch, query } : { type, epoch, attempt, page }
      case 'version-reply':
        return { type, epoch, query, commit: rng.chance(0.2) ? null : commit }
      case 'barrier':
        return { type, epoch, query, origin: rng.pick(['n1', 'n2', '', '../', 'x'.repeat(500)]) }
      case 'barrier-reply':
        return { type, epoch, query, commit }
      case 'link-request':
        return {
          type,
          epoch,
          incarnation,
          attempt,
          last: this.#position(),
          commit: this.#position(),
          transfer,
        }
      case 'link-accept':
        return {
          ...{ type, epoch, incarnation, attempt, from: this.#position() },
          ...{ transfer, last, serving: rng.chance(0.5) },
        }
      case 'snapshot-page': {
        const items = [
          { key: this.#key(), value: this.#value(), version: last, expiresAtWallMs: asMillis(0) },
        ]
        return { type, epoch, attempt, page, items, sessions: [], done: rng.chance(0.5), upTo: last }
      }
      case 'config': {
        const member = { server: asServerId('stranger'), incarnation, serving: true, leaving: false }
        const config = { chain: asChainId('c0'), epoch, members: [member], joining: null, slots: [] }
        return { type, epoch, config }
      }
      case 'config-request':
        return { type, epoch }
      case 'other':
        return {
          type,
          epoch,
          body: rng.chance(0.5) ? this.noise() : encodeFanOut(this.#chain(), this.#fanOut(epoch)),
        }
    }
  }

  #fanOut(epoch: number): FanOutMessage {
    const type = this.#rng.pick(['values', 'thin-append', 'wanted', 'gone'] as const)
    switch (type) {
      case 'values':
        return { type, entries: this.#entries() }
      case 'wanted':
        return { type, positions: [this.#position(), this.#position()] }
      case 'gone':
        return { type }
      case 'thin-append': {
        const entries = this.#entries()
        const append = { type: 'append', epoch: asEpoch(epoch), attempt: this.#number(), entries } as const
        const rest = {
          previous: this.#position(),
          upstreamDurable: asSeq(0),
          commit: asSeq(0),
          sentAt: asMillis(1),
        }
        return { type, append: { ...append, ...rest }, thinned: entries.map(({ seq }) => seq) }
      }
    }
  }
}
