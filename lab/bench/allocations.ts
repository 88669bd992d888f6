/**
 * What the hot paths allocate: a count, not a time, so that it says the same on every machine, busy or not. The real cores and the real codec, three replicas in
 * one process, without sockets and disks. Run it without optimizing compilers and with a young generation that is never collected meanwhile, or it measures those:
 *
 *     node --expose-gc --no-opt --no-sparkplug --min-semi-space-size=256 --max-semi-space-size=256 dist/lab/bench/allocations.js
 */
import type { Outbox, ReplicaEvent } from '../../chain/events.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import { createReplica, type Replica } from '../../chain/state.ts'
import { step } from '../../chain/step.ts'
import type { ChainConfig } from '../../protocol/chain-config.ts'
import type { ClientMessage, ServerMessage } from '../../protocol/client-messages.ts'
import { type ChainItem, decodeChainBatch, encodeChainBatch } from '../../protocol/codec/chain-codec.ts'
import {
  decodeClientBatch,
  decodeServerBatch,
  encodeClientBatch,
  encodeServerBatch,
} from '../../protocol/codec/client-codec.ts'
import type { Failure, ReadResult, WriteResult } from '../../protocol/commands.ts'
import {
  asChainId,
  asEpoch,
  asIncarnation,
  asKey,
  asMillis,
  asRequestId,
  asRequestNumber,
  asServerId,
  asSessionId,
  NO_SEQ,
  type RequestId,
  type ServerId,
} from '../../protocol/ids.ts'
import { invariant } from '../../protocol/invariants.ts'

const CHAIN = asChainId('c0')
const OUTSTANDING = 64
const KEYS = 1000
const VALUE_BYTES = 100
const WARM_UP_TURNS = 30
const TURNS = 60

/** Bytes of heap that one operation takes, on all replicas together, the client's side of the codec included. */
export interface Allocations {
  readonly readBytes: number
  readonly writeBytes: number
}

/** A replica whose log is durable at once, and whose messages pass through their bytes. */
class Node implements Outbox {
  readonly replica: Replica
  readonly #outgoing = new Map<ServerId, ChainItem[]>()
  #replies: ServerMessage[] = []

  constructor(id: ServerId) {
    const incarnation = asIncarnation(1)
    this.replica = createReplica({ chain: CHAIN, self: id, incarnation, store: new MemoryStore() })
  }

  step(event: ReplicaEvent): void {
    step(this.replica, event, this)
  }

  persist: Outbox['persist'] = () => {}

  send: Outbox['send'] = (to, message) => {
    const items = this.#outgoing.get(to)
    if (items === undefined) this.#outgoing.set(to, [{ chain: CHAIN, message }])
    else items.push({ chain: CHAIN, message })
  }

  reply(request: RequestId, result: WriteResult | ReadResult | Failure): void {
    invariant('ExactlyOnce', result.type !== 'failure', () => `${request}: ${JSON.stringify(result)}`)
    const call: number = request
    const read = result.type === 'values' || result.type === 'page'
    this.#replies.push(
      read
        ? { type: 'read-reply', call, result }
        : { type: 'write-reply', call, result: result as WriteResult },
    )
  }

  report: Outbox['report'] = () => {}
  flushStore: Outbox['flushStore'] = () => {}
  note: Outbox['note'] = () => {}

  takeReplies(): readonly ServerMessage[] {
    const replies = this.#replies
    this.#replies = []
    return replies
  }

  /** The turn ends, and the log has it: what there is to say, as bytes. */
  endTurn(): [ServerId, Uint8Array][] {
    const { log, rewrites } = this.replica
    this.step({ type: 'durable', position: log.lastPosition, rewrites })
    this.step({ type: 'flush' })
    const bodies = [...this.#outgoing].map(([to, items]): [ServerId, Uint8Array] => [
      to,
      encodeChainBatch(items),
    ])
    this.#outgoing.clear()
    return bodies
  }
}

class Chain {
  readonly nodes = new Map<ServerId, Node>()

  constructor() {
    const ids = ['n1', 'n2', 'n3'].map(asServerId)
    for (const id of ids) this.nodes.set(id, new Node(id))
    const members = ids.map((server) => ({
      server,
      incarnation: asIncarnation(1),
      serving: true,
      leaving: false,
    }))
    const config: ChainConfig = {
      chain: CHAIN,
      epoch: asEpoch(1),
      members,
      joining: null,
      slots: [[0, 16383]],
    }
    for (const node of this.nodes.values()) {
      node.step({ type: 'lease', untilMs: asMillis(Number.MAX_SAFE_INTEGER) })
      node.step({ type: 'config', config })
    }
    this.settle()
  }

  node(id: string): Node {
    const node = this.nodes.get(asServerId(id))
    if (node === undefined) throw new Error(`no node ${id}`)
    return node
  }

  /** Turns until nobody has anything to say. */
  settle(): void {
    for (let busy = true; busy; ) {
      busy = false
      for (const [from, node] of this.nodes)
        for (const [to, body] of node.endTurn()) {
          busy = true
          for (const { message } of decodeChainBatch(body))
            this.node(to).step({ type: 'message', from, message })
        }
    }
  }

  /** A client's batch to one node, until it has every answer. */
  serve(id: string, messages: readonly ClientMessage[]): void {
    const node = this.node(id)
    for (const message of decodeClientBatch(encodeClientBatch(messages))) {
      const request = asRequestId(message.call)
      if (message.type === 'write')
        node.step({ type: 'write', request, identity: message.identity, command: message.command })
      else if (message.type === 'read')
        node.step({ type: 'read', request, command: message.command, options: message.options })
    }
    this.settle()
    const answers = decodeServerBatch(encodeServerBatch(node.takeReplies()))
    if (answers.length !== messages.length)
      throw new Error(`${answers.length} answers to ${messages.length} requests`)
  }
}

/** Needs `--expose-gc`; see above for the rest. */
export function measureAllocations(): Allocations {
  const chain = new Chain()
  chain.serve('n1', [
    { type: 'write', call: 0, chain: CHAIN, identity: null, command: { type: 'open-session' } },
  ])
  const session = asSessionId(1)
  let call = 0
  const value = new Uint8Array(VALUE_BYTES).fill(7)
  const write = (): ClientMessage => ({
    type: 'write',
    call: ++call,
    chain: CHAIN,
    identity: {
      session,
      requestNumber: asRequestNumber(call),
      answeredBelow: asRequestNumber(call - (call % OUTSTANDING)),
    },
    command: {
      type: 'put',
      key: asKey(`user/${call % KEYS}`),
      value,
      condition: null,
      expiry: { type: 'set', atWallMs: asMillis(0) },
    },
  })
  const read = (): ClientMessage => ({
    type: 'read',
    call: ++call,
    chain: CHAIN,
    command: { type: 'get', keys: [asKey(`user/${call % KEYS}`)] },
    options: { consistency: { type: 'strong' }, atLeast: NO_SEQ },
  })
  const batch = (make: () => ClientMessage) => Array.from({ length: OUTSTANDING }, make)
  const writeBytes = bytesOf(() => chain.serve('n1', batch(write)))
  const readBytes = bytesOf(() => chain.serve('n2', batch(read)))
  return { readBytes, writeBytes }
}

function bytesOf(turn: () => void): number {
  const { gc } = globalThis
  if (gc === undefined) throw new Error('run this with --expose-gc')
  for (let i = 0; i < WARM_UP_TURNS; i++) turn()
  gc()
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < TURNS; i++) turn()
  return Math.round((process.memoryUsage().heapUsed - before) / (TURNS * OUTSTANDING))
}

if (process.argv[1] === import.meta.filename) console.log(JSON.stringify(measureAllocations()))
