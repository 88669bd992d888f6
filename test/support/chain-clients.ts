import type { ReplicaEvent } from '../../chain/events.ts'
import type { Rng } from '../../lab/simulator/kernel/rng.ts'
import type {
  Condition,
  Consistency,
  Expiry,
  Failure,
  Mutation,
  ReadCommand,
  ReadOptions,
  ReadResult,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../../protocol/commands.ts'
import type { Entry } from '../../protocol/entry.ts'
import { ERRORS } from '../../protocol/errors.ts'
import {
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asSessionId,
  type Key,
  type RequestId,
  type SessionId,
} from '../../protocol/ids.ts'
import { SequentialStore } from '../models/sequential-store.ts'
import { type ChainServer, type ChainWorld, Violation, type Watcher } from './chain-world.ts'

interface WriteOp {
  readonly client: Client
  readonly command: WriteCommand
  /** Null: without a session, and so never tried again. */
  readonly number: number | null
  readonly session: SessionId | null
  /** Entries that a head gave it; at most one of them may commit. */
  readonly entries: Entry[]
  refused: boolean
  done: boolean
}

interface ReadOp {
  readonly client: Client
  readonly command: ReadCommand
  readonly options: ReadOptions
  /** Every operation that ended before this read began rests on a point up to here. */
  readonly floor: number
  /** What the client had seen of each key when it asked, by weak reads. */
  readonly seen: ReadonlyMap<Key, number>
}

interface Client {
  session: SessionId | null
  opening: boolean
  nextNumber: number
  readonly pending: WriteOp[]
  token: number
  /** Newest write of each key that weak reads showed. */
  readonly seen: Map<Key, number>
}

export const KEYS = ['a', 'b', 'c', 'n'].map(asKey)
const text = (value: string) => Uint8Array.from(value, (c) => c.charCodeAt(0))
const show = (value: unknown) =>
  JSON.stringify(value, (_, part) => (part instanceof Uint8Array ? String.fromCharCode(...part) : part))

/**
 * Clients that draw their requests by lot, and the judge of what they get. The judge keeps the one order in which entries were committed, and holds every
 * answer against it: acknowledged writes stay, strong reads are linearizable, retries count once, nothing that was called committed vanishes.
 */
export class Clients implements Watcher {
  readonly committed = new SequentialStore()
  readonly stats = { writes: 0, acknowledged: 0, strongReads: 0, weakReads: 0, retries: 0, failures: 0 }
  readonly #world: ChainWorld
  readonly #rng: Rng
  readonly #clients: Client[]
  readonly #reads = new Map<RequestId, ReadOp>()
  readonly #writes = new Map<RequestId, WriteOp>()
  /** What the head evaluated, by entry. */
  readonly #commands = new Map<Entry, { command: WriteCommand; wallMs: number }>()
  readonly #opOf = new Map<WriteCommand, WriteOp>()
  readonly #results: WriteResult[] = []
  readonly #origins = new Map<string, number>()
  #floor = 0
  #values = 0

  constructor(world: ChainWorld, count: number) {
    this.#world = world
    this.#rng = world.rng
    this.#clients = Array.from({ length: count }, () => ({
      session: null,
      opening: false,
      nextNumber: 1,
      pending: [],
      token: 0,
      seen: new Map(),
    }))
    world.watcher = this
  }

  get waiting(): number {
    let waiting = this.#reads.size
    for (const { pending } of this.#clients) waiting += pending.length
    return waiting
  }

  // What clients do.

  /** A new request of some client, as an event for some server. */
  request(options: { weak: boolean }): ReplicaEvent {
    const client = this.#rng.pick(this.#clients)
    if (client.session === null && !client.opening) {
      client.opening = true
      return this.#write(client, { type: 'open-session' }, false)
    }
    if (this.#rng.chance(0.45) && client.pending.length < 3)
      return this.#write(client, this.#command(), client.session !== null && this.#rng.chance(0.8))
    return this.#read(client, options.weak)
  }

  put(key: Key, bytes: number): ReplicaEvent {
    const expiry = { type: 'keep' } as const
    const [client] = this.#clients
    if (client === undefined) throw new Violation('no clients')
    return this.#write(
      client,
      { type: 'put', key, value: new Uint8Array(bytes), expiry, condition: null },
      false,
    )
  }

  /** Some write that has not been answered, once more. Null where there is none. */
  retry(): ReplicaEvent | null {
    const pending = this.#clients.flatMap((client) => client.pending)
    if (pending.length === 0) return null
    this.stats.retries++
    return this.#send(this.#rng.pick(pending))
  }

  retryAll(): ReplicaEvent[] {
    return this.#clients.flatMap((client) => client.pending).map((op) => this.#send(op))
  }

  strongRead(): ReplicaEvent {
    const client = this.#rng.pick(this.#clients)
    return this.#ask(
      client,
      { type: 'get', keys: KEYS },
      { consistency: { type: 'strong' }, atLeast: asSeq(0) },
    )
  }

  #write(client: Client, command: WriteCommand, identified: boolean): ReplicaEvent {
    const op: WriteOp = {
      client,
      command,
      number: identified ? client.nextNumber++ : null,
      session: identified ? client.session : null,
      entries: [],
      refused: false,
      done: false,
    }
    this.stats.writes++
    this.#opOf.set(command, op)
    if (identified) client.pending.push(op)
    return this.#send(op)
  }

  #send(op: WriteOp): ReplicaEvent {
    const request = this.#world.nextRequest()
    this.#writes.set(request, op)
    const { session, number, command, client } = op
    const answeredBelow = asRequestNumber(
      Math.min(client.nextNumber, ...client.pending.map((o) => o.number ?? 0)),
    )
    const identity =
      session === null || number === null
        ? null
        : { session, requestNumber: asRequestNumber(number), answeredBelow }
    return { type: 'write', request, identity, command }
  }

  #read(client: Client, weak: boolean): ReplicaEvent {
    const consistency: Consistency =
      weak && this.#rng.chance(0.5) ? this.#weakConsistency() : { type: 'strong' }
    const atLeast = asSeq(consistency.type === 'strong' ? 0 : client.token)
    const limit = this.#rng.between(1, 6)
    const command: ReadCommand = this.#rng.chance(0.2)
      ? { type: 'scan', prefix: asKey(''), after: this.#rng.chance(0.5) ? asKey('a') : null, limit }
      : { type: 'get', keys: this.#rng.chance(0.5) ? [this.#rng.pick(KEYS)] : KEYS }
    return this.#ask(client, command, { consistency, atLeast })
  }

  #ask(client: Client, command: ReadCommand, options: ReadOptions): ReplicaEvent {
    const request = this.#world.nextRequest()
    this.#reads.set(request, { client, command, options, floor: this.#floor, seen: new Map(client.seen) })
    return { type: 'read', request, command, options }
  }

  #weakConsistency(): Consistency {
    return this.#rng.pick<Consistency>([
      { type: 'eventual' },
      { type: 'bounded-age', maxAgeMs: asMillis(this.#rng.below(300)) },
      { type: 'bounded-versions', maxVersions: this.#rng.below(3) },
    ])
  }

  #command(): WriteCommand {
    const key = this.#rng.pick(KEYS)
    const value = this.#value()
    switch (this.#rng.below(10)) {
      case 0:
      case 1:
      case 2:
        return { type: 'put', key, value, expiry: this.#expiry(), condition: this.#condition() }
      case 3:
        return { type: 'delete', key, condition: this.#condition() }
      case 4:
      case 5:
        return { type: 'increment', key: asKey('n'), by: this.#rng.between(-2, 3) }
      case 6:
        return { type: this.#rng.pick(['append', 'prepend'] as const), key, value }
      case 7:
        return {
          type: 'get-and-set',
          key,
          value: this.#rng.chance(0.3) ? null : value,
          expiry: this.#expiry(),
        }
      case 8:
        return {
          type: 'expire',
          key,
          atWallMs: asMillis(1_000_000 + this.#world.nowMs + this.#rng.below(500)),
        }
      default:
        return this.#transaction()
    }
  }

  #transaction(): WriteCommand {
    const compares = this.#rng.chance(0.5)
      ? [{ key: this.#rng.pick(KEYS), condition: this.#condition() ?? { type: 'present' as const } }]
      : []
    const writes = Array.from({ length: this.#rng.below(3) }, (): Mutation => {
      const key = this.#rng.pick(KEYS)
      return this.#rng.chance(0.3)
        ? { type: 'delete', key }
        : { type: 'put', key, value: this.#value(), expiry: { type: 'set', atWallMs: asMillis(0) } }
    })
    return { type: 'transaction', compares, reads: [this.#rng.pick(KEYS)], writes }
  }

  #value(): Uint8Array {
    return text(`${++this.#values}`)
  }

  #expiry(): Expiry {
    if (this.#rng.chance(0.8)) return { type: 'set', atWallMs: asMillis(0) }
    if (this.#rng.chance(0.5)) return { type: 'keep' }
    return { type: 'set', atWallMs: asMillis(1_000_000 + this.#world.nowMs + this.#rng.below(500)) }
  }

  #condition(): Condition | null {
    if (this.#rng.chance(0.5)) return null
    const version = asSeq(
      this.#rng.between(Math.max(1, this.committed.length - 4), this.committed.length + 2),
    )
    return this.#rng.pick<Condition>([{ type: 'absent' }, { type: 'present' }, { type: 'version', version }])
  }

  // What they get, and what it is worth.

  onAppended(entry: Entry, command: WriteCommand, wallMs: number): void {
    this.#commands.set(entry, { command, wallMs })
    this.#opOf.get(command)?.entries.push(entry)
  }

  onLost(requests: readonly RequestId[]): void {
    for (const request of requests) {
      this.#reads.delete(request)
      const op = this.#writes.get(request)
      if (op?.command.type === 'open-session') op.client.opening = false
      this.#writes.delete(request)
    }
  }

  onCommitted(server: ChainServer, entry: Entry): void {
    const { committed } = this
    const known = committed.order[entry.seq - 1]
    if (known !== undefined) {
      if (known.epoch === entry.epoch) return
      throw new Violation(
        `CleanMeansCommitted: ${server.id} calls ${entry.epoch}/${entry.seq} clean, committed was ${known.epoch}/${known.seq}`,
      )
    }
    if (entry.seq !== committed.length + 1)
      throw new Violation(`${server.id} commits ${entry.seq}, but the order ends at ${committed.length}`)
    this.#checkDurable(server, entry)
    this.#checkOutcome(entry)
    committed.append(entry)
  }

  /** AckAfterDurable: what its tail calls committed survives a power cut at every member. */
  #checkDurable(tail: ChainServer, entry: Entry): void {
    const epoch = tail.replica?.config?.epoch
    for (const member of this.#world.configs.find((config) => config.epoch === epoch)?.members ?? []) {
      const server = this.#world.server(member.server)
      if (server.incarnation !== member.incarnation) continue
      const held = server.log.durablyHolds(entry)
      if (held === 'entry' || (held === 'state' && server.store.flushedWhole)) continue
      throw new Violation(
        `AckAfterDurable: ${tail.id} commits ${entry.epoch}/${entry.seq}, which ${member.server} could still lose`,
      )
    }
  }

  /** The entry is what one store with one copy would have made of its command, and no request has two. */
  #checkOutcome(entry: Entry): void {
    const evaluated = this.#commands.get(entry)
    if (entry.origin !== null) {
      const { session, requestNumber } = entry.origin
      const name = `${session}/${requestNumber}`
      if (this.#origins.has(name)) throw new Violation(`ExactlyOnce: request ${name} has committed twice`)
      this.#origins.set(name, entry.seq)
    }
    if (evaluated === undefined) {
      // The head's own: what has expired is deleted.
      for (const { key, value } of entry.writes) {
        if (value !== null || this.committed.stateAt(key, entry.seq)?.expiresAtWallMs === 0)
          throw new Violation(`entry ${entry.seq} changes ${key} on nobody's behalf`)
      }
      return
    }
    if (this.#opOf.get(evaluated.command)?.refused)
      throw new Violation(`entry ${entry.seq} has committed, but its request was refused`)
    const { result, after } = this.committed.run(evaluated.command, evaluated.wallMs)
    this.#results[entry.seq] = result
    if (entry.origin !== null && !sameResult(entry.origin.result, result))
      throw new Violation(`entry ${entry.seq}: ${show(entry.origin.result)} instead of ${show(result)}`)
    const writes = new Map(entry.writes.map((write) => [write.key, write.value]))
    const wanted = new Map([...after].map(([key, now]) => [key, now?.value ?? null]))
    if (show([...writes].sort()) !== show([...wanted].sort()))
      throw new Violation(`entry ${entry.seq} writes ${show([...writes])} instead of ${show([...wanted])}`)
  }

  onReply(server: ChainServer, request: RequestId, result: WriteResult | ReadResult | Failure): void {
    const read = this.#reads.get(request)
    const write = this.#writes.get(request)
    this.#reads.delete(request)
    this.#writes.delete(request)
    if (result.type === 'failure') this.stats.failures++
    if (read !== undefined) {
      if (result.type === 'values' || result.type === 'page') this.#onReadReply(server, read, result)
      else if (result.type !== 'failure') throw new Violation(`a read was answered ${show(result)}`)
    } else if (write !== undefined) {
      if (result.type === 'values' || result.type === 'page')
        throw new Violation(`a write was answered ${show(result)}`)
      this.#onWriteReply(write, result)
    } else throw new Violation(`${server.id} answers request ${request}, which nobody made`)
  }

  #onWriteReply(op: WriteOp, result: WriteResult | Failure): void {
    const { client } = op
    if (op.command.type === 'open-session') client.opening = false
    if (result.type === 'failure') {
      if (op.number === null && ERRORS[result.code].outcome === 'definite') op.refused = true
      if (result.code === 'SESSION_LAPSED' || result.code === 'BAD_ARGUMENT') {
        // Only a late copy of a request that was answered may hear this.
        if (!op.done)
          throw new Violation(`request ${op.session}/${op.number}: ${result.code} ${result.message}`)
      }
      return
    }
    const entry = op.entries.find(({ epoch, seq }) => this.committed.order[seq - 1]?.epoch === epoch)
    if (entry === undefined)
      throw new Violation(`a write was acknowledged and is not committed: ${show(op.command)}`)
    const expected = this.#results[entry.seq]
    if (expected === undefined || !sameResult(expected, result))
      throw new Violation(`entry ${entry.seq} was answered ${show(result)} instead of ${show(expected)}`)
    this.stats.acknowledged++
    this.#floor = Math.max(this.#floor, entry.seq)
    client.token = Math.max(client.token, entry.seq)
    // Half of the answers never reach the client; the chain cannot know.
    if (op.number !== null && this.#rng.chance(0.3)) return
    op.done = true
    if (op.command.type === 'open-session' && result.type === 'written')
      client.session ??= asSessionId(result.version)
    const at = client.pending.indexOf(op)
    if (at >= 0) client.pending.splice(at, 1)
  }

  #onReadReply(
    server: ChainServer,
    op: ReadOp,
    result: Extract<ReadResult, { type: 'values' | 'page' }>,
  ): void {
    const strong = op.options.consistency.type === 'strong'
    if (strong && !result.committed) throw new Violation('a strong read shows what is not committed')
    if (strong) this.stats.strongReads++
    else this.stats.weakReads++
    const what = () =>
      `${op.options.consistency.type} ${op.command.type} at ${server.id} (began at ${op.floor}, committed ${this.committed.length}): ${show(result)}`
    if (result.committed) {
      // Atomic: all of it is what the store held at one point, and for a strong read none before it began.
      const first = strong ? op.floor : result.at
      const last = strong ? this.committed.length : result.at
      let point = first
      while (point <= last && !this.#shows(op.command, result, point)) point++
      if (point > last) throw new Violation(`not linearizable: ${what()}`)
      if (strong) this.#floor = Math.max(this.#floor, point)
    }
    if (!strong && op.command.type === 'get' && result.type === 'values')
      this.#checkMonotone(server, op, op.command.keys, result.values, what)
    op.client.token = Math.max(op.client.token, result.at)
  }

  #shows(command: ReadCommand, result: ReadResult, point: number): boolean {
    if (command.type === 'get' && result.type === 'values')
      return command.keys.every((key, i) =>
        sameVersion(result.values[i] ?? null, this.committed.stateAt(key, point)),
      )
    if (command.type !== 'scan' || result.type !== 'page') return false
    const following = this.committed
      .keysAt(point)
      .filter((key) => key.startsWith(command.prefix) && (command.after === null || key > command.after))
    const page = following.slice(0, result.keys.length)
    return (
      result.keys.every((key, i) => key === page[i]) &&
      result.values.every((value, i) => {
        const key = page[i]
        return key !== undefined && sameVersion(value, this.committed.stateAt(key, point))
      }) &&
      result.more === following.length > page.length
    )
  }

  /** The session token: what a client has seen of a key does not go back, unless it was never committed. */
  #checkMonotone(
    server: ChainServer,
    op: ReadOp,
    keys: readonly Key[],
    values: readonly (Versioned | null)[],
    what: () => string,
  ): void {
    keys.forEach((key, i) => {
      const log = server.replica?.log
      const value = values[i] ?? null
      // An absent key has no version: the newest tombstone that this replica can mean.
      const dirty = log?.dirtyVersions(key)?.findLast(({ write }) => write.value === null)?.seq
      const commit = log?.commit.seq ?? 0
      const clean = this.committed.writtenAt(key, commit)
      const shown = value?.version ?? dirty ?? clean
      const seen = op.seen.get(key) ?? 0
      if (shown < seen && this.committed.writtenAt(key, seen) === seen)
        throw new Violation(`a client that saw ${key} at ${seen} is shown ${shown}: ${what()}`)
      // And the oldest that it can mean is what the client has seen for certain.
      const certain = value?.version ?? (this.committed.stateAt(key, commit) === null ? clean : shown)
      op.client.seen.set(key, Math.max(op.client.seen.get(key) ?? 0, certain))
    })
  }
}

const sameVersion = (a: Versioned | null, b: Versioned | null): boolean =>
  a === null || b === null ? a === b : a.version === b.version && String(a.value) === String(b.value)

function sameResult(a: WriteResult, b: WriteResult): boolean {
  if (a.type === 'refused' && b.type === 'refused') return a.code === b.code
  return show(a) === show(b)
}
