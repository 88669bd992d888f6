/** Members of a quorum in one process: messages and logs by hand, no network and no disk. */
import type { LogRecord } from '../../chain/events.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import { makeQuorumHosts } from '../../lab/quorum/make-quorum-hosts.ts'
import { QuorumHost } from '../../lab/quorum/quorum-host.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ChainMessage } from '../../protocol/chain-messages.ts'
import type { ChangesResult, Failure, ReadResult, WriteResult } from '../../protocol/commands.ts'
import type { Position } from '../../protocol/entry.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asMillis,
  asRequestId,
  asServerId,
  type ServerId,
} from '../../protocol/ids.ts'
import { SLOT_COUNT } from '../../protocol/slots.ts'
import { DeferredStore } from '../../runtime/storage/deferred-store.ts'
import type { DurableStore } from '../../runtime/storage/durable-store.ts'

export const CHAIN = asChainId('c0')
export const NAMES = ['n1', 'n2', 'n3'].map(asServerId)
const TICK_MS = 25

export const CONFIG: ChainConfig = {
  chain: CHAIN,
  epoch: asEpoch(1),
  members: NAMES.map((server) => ({ server, incarnation: asIncarnation(1), serving: true, leaving: false })),
  joining: null,
  slots: [[0, SLOT_COUNT - 1]],
}

/** A store that is on its disk when the test says so. */
class ManualStore extends MemoryStore implements DurableStore {
  readonly overlayBytes = 0
  flushes: (() => void)[] = []

  flush(): Promise<Position> {
    return new Promise((resolve) => this.flushes.push(() => resolve(this.meta.applied)))
  }

  async close(): Promise<void> {}
}

export type Answer = WriteResult | ReadResult | ChangesResult | Failure

export class Node {
  readonly store: ManualStore
  readonly host: QuorumHost
  readonly answers = new Map<number, Answer>()
  readonly records: LogRecord[]
  readonly notes: string[] = []
  sent: { readonly to: ServerId; readonly message: ChainMessage }[] = []
  #touched = false
  #durable = 0

  constructor(
    who: { readonly name: ServerId; readonly lease: boolean },
    disk: { store: ManualStore; records: LogRecord[] } = { store: new ManualStore(), records: [] },
  ) {
    const { name, lease } = who
    this.store = disk.store
    this.records = disk.records
    const dice = new Rng(name.charCodeAt(1))
    const make = makeQuorumHosts({ lease, rng: () => dice })
    const host = make({
      chain: CHAIN,
      self: name,
      incarnation: asIncarnation(1),
      store: new DeferredStore(this.store),
      limits: { retainedBytesMax: 1 },
      services: {
        persist: (_, record) => this.records.push(record),
        send: (to, _, message) => this.sent.push({ to, message }),
        reply: (request, answer) => this.answers.set(request, answer),
        isWanted: () => true,
        report: () => {},
        note: (_, text) => this.notes.push(text),
        storageFailed: (error) => {
          throw error
        },
        bug: (error) => {
          throw error
        },
        release: () => {},
        touched: () => {
          this.#touched = true
        },
      },
    })
    if (!(host instanceof QuorumHost)) throw new Error('not a quorum')
    this.host = host
    host.restore([...this.records])
  }

  /** Ends the turn; what was written is durable at once. */
  endTurn(): boolean {
    if (!this.#touched) return false
    this.#touched = false
    this.host.flush()
    const newest = this.records.at(-1)
    const written = this.records.length > this.#durable
    this.#durable = this.records.length
    if (written && newest?.type === 'other')
      this.host.step({ type: 'durable', position: newest.to, rewrites: 0 })
    return true
  }
}

export class QuorumWorld {
  readonly nodes = new Map<ServerId, Node>()
  /** Whom nobody hears, and who hears nobody. */
  readonly cut = new Set<ServerId>()
  readonly #lease: boolean
  nowMs = 1_000
  #requests = 0

  constructor(options: { readonly lease: boolean } = { lease: false }) {
    this.#lease = options.lease
    for (const name of NAMES) this.start(name)
  }

  /** Also a restart, with what the disk holds. */
  start(name: ServerId): Node {
    const before = this.nodes.get(name)
    const node = new Node({ name, lease: this.#lease }, before)
    this.nodes.set(name, node)
    this.#clock(node)
    node.host.step({ type: 'config', config: CONFIG })
    return node
  }

  node(name: ServerId): Node {
    const node = this.nodes.get(name)
    if (node === undefined) throw new Error(`${name} is nobody`)
    return node
  }

  get leader(): Node | null {
    return [...this.nodes.values()].find(({ host }) => host.raft?.role.type === 'leader') ?? null
  }

  nameOf(node: Node): ServerId {
    for (const [name, one] of this.nodes) if (one === node) return name
    throw new Error('a stranger')
  }

  #clock({ host }: Node): void {
    host.setClock(asMillis(this.nowMs), asMillis(this.nowMs))
  }

  /** Everything that can be said is said. */
  settle(): void {
    for (let again = true; again; ) {
      again = false
      for (const [from, node] of this.nodes) {
        if (node.endTurn()) again = true
        for (const { to, message } of node.sent.splice(0)) {
          if (this.cut.has(from) || this.cut.has(to)) continue
          again = true
          this.#clock(this.node(to))
          this.node(to).host.step({ type: 'message', from, message })
        }
      }
    }
  }

  pass(ms: number): void {
    for (const end = this.nowMs + ms; this.nowMs < end; ) {
      this.nowMs += TICK_MS
      for (const node of this.nodes.values()) {
        this.#clock(node)
        node.host.step({ type: 'tick' })
      }
      this.settle()
    }
  }

  elected(): Node {
    for (let i = 0; i < 400 && this.leader === null; i++) this.pass(TICK_MS)
    this.pass(4 * TICK_MS)
    if (this.leader === null) throw new Error('nobody leads')
    return this.leader
  }

  /** @returns the request, whose answer comes to this node. */
  ask(node: Node, event: Parameters<QuorumHost['step']>[0] & { readonly type: 'read' | 'write' }): number {
    this.#clock(node)
    node.host.step(event)
    this.settle()
    return event.request
  }

  request() {
    return asRequestId(++this.#requests)
  }
}
