/** Large values go from the head to every member at once, and only their positions down the chain (CRAQ §4.2). */
import type { Replica } from '../../chain/state.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import {
  type Append,
  decodeFanOut,
  encodeFanOut,
  type FanOutMessage,
} from '../../protocol/codec/fan-out-codec.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import { type Entry, entryBytes, type Position } from '../../protocol/entry.ts'
import { FrameError } from '../../protocol/frame.ts'
import type { ChainId, Epoch, Seq, ServerId } from '../../protocol/ids.ts'
import type { Timer, Timers } from '../../protocol/timers.ts'

export interface FanOutPorts {
  readonly self: ServerId
  /** Entries of so many bytes are fanned out, and thinned down the chain. Null: none; what others fan out is understood all the same. */
  readonly minBytes: number | null
  readonly timers: Timers
  /** The replica of a chain here; null where there is none. */
  replica(chain: ChainId): Replica | null
  send(to: ServerId, chain: ChainId, message: ChainMessage): void
  /** One message to everybody who hosts the chain, where the network multiplies. False: it does not, or not now. */
  sendToAll(chain: ChainId, message: ChainMessage): boolean
  /** To the replica, as if the network had brought it now. */
  deliver(from: ServerId, chain: ChainId, message: ChainMessage): void
  /** The same for what was held back: the clock has moved on. */
  deliverLate(from: ServerId, chain: ChainId, message: ChainMessage): void
  /** What was on the way from there is lost. */
  broke(from: ServerId, chain: ChainId): void
}

/** How long values may be later than their positions before they are asked for. */
const PATIENCE_MS = 20
/** How often they are asked for again, and how many times. */
const AGAIN_MS = 250
const QUESTIONS_MAX = 4
/** What has come ahead of the chain, for all chains. Beyond it the oldest is dropped, and asked for when its position comes. */
const AHEAD_BYTES_MAX = 64 * 1024 * 1024

/** What one neighbour has said about one chain and cannot be told to the replica yet, in order. The first is the append that lacks entries. */
interface Held {
  readonly from: ServerId
  readonly chain: ChainId
  readonly items: (ChainMessage | ThinAppend)[]
  timer: Timer | null
  questions: number
}

type ThinAppend = FanOutMessage & { readonly type: 'thin-append' }

/**
 * Stands between the cores and the network, on both sides. The core sees the same messages in the same order as without it, at most later: an append whose values are
 * not here yet holds back all that its sender says behind it. An entry is known by epoch and seq, so an entry that came ahead is the one that is meant. Values that were lost are
 * fetched from the predecessor, which holds every entry that it forwards until it is committed.
 */
export class ValueFanOut {
  readonly #ports: FanOutPorts
  readonly #ahead = new Map<
    string,
    { readonly chain: ChainId; readonly entry: Entry; readonly bytes: number }
  >()
  #aheadBytes = 0
  readonly #held = new Map<string, Held>()
  /** Up to where the head here has fanned out: what it sends again, the chain brings whole. */
  readonly #fanned = new Map<ChainId, Position>()
  /** For `status` and for tests. */
  readonly counts = { fannedOut: 0, thinned: 0, fetched: 0 }

  constructor(ports: FanOutPorts) {
    this.#ports = ports
  }

  /** Sends it, or what stands for it. */
  send(to: ServerId, chain: ChainId, message: ChainMessage): void {
    const { minBytes } = this.#ports
    if (minBytes === null || message.type !== 'append') return this.#ports.send(to, chain, message)
    const large = message.entries.filter((entry) => entryBytes(entry) >= minBytes)
    const members = (large.length > 0 && this.#ports.replica(chain)?.config?.members) || []
    // A joiner gets everything from its source: nobody fans out to it.
    const at = members.findIndex(({ server }) => server === to)
    if (at < 1) return this.#ports.send(to, chain, message)
    const isHead = members[0]?.server === this.#ports.self
    const thin = isHead ? this.#fanOut(chain, message.epoch, large, members.slice(2)) : large
    if (thin.length > 0) this.#sendThin(to, chain, message, thin)
    else this.#ports.send(to, chain, message)
  }

  /** @returns what the successor gets by it, too: where the network multiplies, values cross the head's link once. */
  #fanOut(
    chain: ChainId,
    epoch: Epoch,
    large: readonly Entry[],
    others: readonly { readonly server: ServerId }[],
  ): readonly Entry[] {
    const before = this.#fanned.get(chain)
    const entries =
      before === undefined || before.epoch !== epoch ? large : large.filter(({ seq }) => seq > before.seq)
    const last = entries.at(-1)
    if (last === undefined || others.length === 0) return []
    this.#fanned.set(chain, { epoch, seq: last.seq })
    const body = encodeFanOut(chain, { type: 'values', entries })
    const values = { type: 'other', epoch, body } as const
    if (this.#ports.sendToAll(chain, values)) {
      this.counts.fannedOut += entries.length
      return entries
    }
    this.counts.fannedOut += entries.length * others.length
    for (const { server } of others) this.#ports.send(server, chain, values)
    return []
  }

  #sendThin(to: ServerId, chain: ChainId, append: Append, large: readonly Entry[]): void {
    const thinned = large.map(({ seq }) => seq)
    const gone = new Set(thinned)
    const entries = append.entries.map((entry) =>
      gone.has(entry.seq) ? { ...entry, origin: null, writes: [], sessions: null } : entry,
    )
    this.counts.thinned += thinned.length
    this.#say(to, chain, append.epoch, { type: 'thin-append', append: { ...append, entries }, thinned })
  }

  #say(to: ServerId, chain: ChainId, epoch: Epoch, message: FanOutMessage): void {
    this.#ports.send(to, chain, { type: 'other', epoch, body: encodeFanOut(chain, message) })
  }

  /** What a neighbour says. Reaches the replica now, later, or not at all. @throws {FrameError} it is none of our messages. */
  receive(from: ServerId, chain: ChainId, message: ChainMessage): void {
    if (message.type !== 'other')
      return this.#held.size === 0
        ? this.#ports.deliver(from, chain, message)
        : this.#inOrder(from, chain, message)
    const said = parse(message.body)
    // EpochFence: nothing follows from what an older epoch says, not even that something else may go on.
    if (said.type !== 'thin-append' && this.#isOld(chain, message.epoch)) return
    switch (said.type) {
      case 'values':
        this.#keep(chain, said.entries)
        return this.#goOn(chain)
      case 'wanted':
        return this.#answer(from, chain, message.epoch, said.positions)
      case 'gone': {
        const held = this.#held.get(heldKey(from, chain))
        return held === undefined ? undefined : this.#giveUp(held)
      }
      case 'thin-append':
        return this.#inOrder(from, chain, said)
    }
  }

  #inOrder(from: ServerId, chain: ChainId, message: ChainMessage | ThinAppend): void {
    const key = heldKey(from, chain)
    const held = this.#held.get(key)
    if (held !== undefined) {
      held.items.push(message)
      return
    }
    if (message.type !== 'thin-append') return this.#ports.deliver(from, chain, message)
    const whole = this.#whole(chain, message)
    if (whole !== null) return this.#ports.deliver(from, chain, whole)
    const waits: Held = { from, chain, items: [message], timer: null, questions: 0 }
    this.#held.set(key, waits)
    this.#askAfter(waits, PATIENCE_MS)
  }

  #isOld(chain: ChainId, epoch: Epoch): boolean {
    return epoch < (this.#ports.replica(chain)?.config?.epoch ?? 0)
  }

  #keep(chain: ChainId, entries: readonly Entry[]): void {
    for (const entry of entries) {
      const key = entryKey(chain, entry)
      if (this.#ahead.has(key) || this.#ports.replica(chain)?.log.has(entry) === true) continue
      const bytes = entryBytes(entry)
      this.#ahead.set(key, { chain, entry, bytes })
      this.#aheadBytes += bytes
    }
    for (const key of this.#ahead.keys()) {
      if (this.#aheadBytes <= AHEAD_BYTES_MAX || this.#ahead.size === 1) break
      this.#forget(key)
    }
  }

  #forget(key: string): void {
    this.#aheadBytes -= this.#ahead.get(key)?.bytes ?? 0
    this.#ahead.delete(key)
  }

  #find(chain: ChainId, position: Position): Entry | null {
    const ahead = this.#ahead.get(entryKey(chain, position))
    if (ahead !== undefined) return ahead.entry
    const log = this.#ports.replica(chain)?.log // sent again over a new link
    return log?.has(position) === true ? log.entryAt(position.seq) : null
  }

  /** The append with what it lacks; null while something of it is not here. */
  #whole(chain: ChainId, { append, thinned }: ThinAppend): Append | null {
    // The core answers it with the newer configuration, and looks no further.
    if (this.#isOld(chain, append.epoch)) return { ...append, entries: [] }
    const thin = new Set(thinned)
    const entries: Entry[] = []
    for (const entry of append.entries) {
      const whole = thin.has(entry.seq) ? this.#find(chain, entry) : entry
      if (whole === null) return null
      entries.push(whole)
    }
    for (const entry of entries) if (thin.has(entry.seq)) this.#forget(entryKey(chain, entry))
    return { ...append, entries }
  }

  #goOn(chain: ChainId): void {
    for (const held of [...this.#held.values()]) if (held.chain === chain) this.#release(held)
  }

  #release(held: Held): void {
    const { from, chain, items } = held
    while (items.length > 0) {
      const [first] = items as [ChainMessage | ThinAppend]
      const message = first.type === 'thin-append' ? this.#whole(chain, first) : first
      if (message === null) {
        held.questions = 0
        return this.#askAfter(held, PATIENCE_MS)
      }
      items.shift()
      if (items.length === 0) this.#drop(held)
      this.#ports.deliverLate(from, chain, message)
      if (items.length > 0 && this.#held.get(heldKey(from, chain)) !== held) return
    }
  }

  #drop(held: Held): void {
    held.timer?.cancel()
    this.#held.delete(heldKey(held.from, held.chain))
  }

  #askAfter(held: Held, ms: number): void {
    held.timer?.cancel()
    held.timer = this.#ports.timers.after(ms, () => this.#ask(held))
  }

  #ask(held: Held): void {
    const [first] = held.items
    if (first?.type !== 'thin-append') return
    if (held.questions++ >= QUESTIONS_MAX) return this.#giveUp(held)
    const { from, chain } = held
    const lacking = first.append.entries.filter(
      (entry) => first.thinned.includes(entry.seq) && this.#find(chain, entry) === null,
    )
    const positions = lacking.map(({ epoch, seq }) => ({ epoch, seq }))
    this.counts.fetched += positions.length
    this.#say(from, chain, first.append.epoch, { type: 'wanted', positions })
    this.#askAfter(held, AGAIN_MS)
  }

  #answer(to: ServerId, chain: ChainId, epoch: Epoch, positions: readonly Position[]): void {
    const entries: Entry[] = []
    for (const position of positions) {
      const entry = this.#find(chain, position)
      if (entry === null) return this.#say(to, chain, epoch, { type: 'gone' })
      entries.push(entry)
    }
    this.#say(to, chain, epoch, { type: 'values', entries })
  }

  /** What was held is as lost as by a link that broke, and the link is made anew. */
  #giveUp(held: Held): void {
    this.#drop(held)
    this.#ports.broke(held.from, held.chain)
  }

  /** The link to a peer broke: what it said before is void, since what came behind it is lost. */
  onDown(peer: ServerId): void {
    for (const held of [...this.#held.values()]) if (held.from === peer) this.#drop(held)
  }

  /** Forgets what came ahead and then came another way. */
  tick(): void {
    for (const [key, { chain, entry }] of this.#ahead) {
      const log = this.#ports.replica(chain)?.log
      if (log === undefined || entry.seq <= log.commit.seq) this.#forget(key)
    }
  }

  close(): void {
    for (const held of [...this.#held.values()]) this.#drop(held)
  }
}

const heldKey = (from: ServerId, chain: ChainId) => `${chain} ${from}`
const entryKey = (chain: ChainId, { epoch, seq }: { readonly epoch: Epoch; readonly seq: Seq }) =>
  `${chain} ${epoch}:${seq}`

function parse(body: Uint8Array): FanOutMessage {
  try {
    return decodeFanOut(body)
  } catch (error) {
    throw error instanceof CodecError ? new FrameError(error.message) : error
  }
}
