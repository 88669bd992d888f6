/** What carries bodies between nodes. Types and limits only: the sockets live in client/transport and runtime/transport. */

import type { Principal } from './access.ts'
import { StoreError } from './errors.ts'

const MEBIBYTE = 1024 * 1024

export interface Address {
  readonly host: string
  readonly port: number
}

export interface TransportLimits {
  /** Largest body. A longer one is refused by `send`, and is a protocol error where it arrives. */
  readonly frameBytesMax: number
  /** What may wait for one peer. Beyond it the link is broken, so that a peer that never reads costs no more than this. */
  readonly queueBytesMax: number
}

/** A frame holds the largest value (8 MiB) several times over, because one frame carries the batch of a whole turn. */
export const TRANSPORT_LIMITS: TransportLimits = {
  frameBytesMax: 64 * MEBIBYTE,
  queueBytesMax: 64 * MEBIBYTE,
}

/** Carries bodies between named nodes. FIFO per ordered pair while the link is up; may lose everything on a break; never reorders or duplicates. */
export interface Transport {
  readonly self: string
  /**
   * Queues one frame body, which belongs to the transport from here on: the caller does not write to it again.
   * Everything queued in one event-loop turn for one peer leaves in one socket write, at the end of the turn or at `flush`.
   *
   * @returns false, and drops the body, where the peer is unknown, the body is too long or the link's queue is full. A full queue also
   * breaks the link, so that a peer never sees a gap without an `onDown`. True promises nothing: only a reply tells that a body arrived.
   */
  send(to: string, body: Uint8Array): boolean
  /** Writes what this turn has queued now, instead of at its end. For a runtime that drains its outbox once per turn. */
  flush(): void
  /**
   * Where a peer can be dialled; null forgets it (and closes the link). tcp: {host, port}; nats and memory need none.
   * Over tcp a peer named `@...` stands for whoever listens there: how a client reaches a server whose id it does not know yet.
   */
  setAddress(peer: string, address: Address | null): void
  /** Where the network itself multiplies messages. Absent: it does not. */
  readonly groups?: TransportGroups
  /** Writes what is queued if the peers still read, closes every link and frees every handle. No event follows. */
  close(): PromiseLike<void>
}

/** One message for many. In no order with what `send` sends, and it may get lost without a word: what it says must stand for itself. */
export interface TransportGroups {
  /** From here on this node hears what others send to the group, by `onBody`. */
  join(group: string): void
  /** False, and nothing was sent, where the body is too long or too much waits. */
  send(group: string, body: Uint8Array): boolean
}

/** Called by a transport, never from inside one of its own methods: a handler may use the transport freely. */
export interface TransportEvents {
  /**
   * `body` may be a view of a larger buffer: whoever keeps a part of it for long copies that part. Nobody writes to it.
   *
   * A handler that throws `FrameError` says that the body is malformed: the link is broken (`onProtocolError`, `onDown`) and nothing else
   * suffers. Whatever else it throws is a bug and ends the process.
   *
   * `principal`: who has proved that he is behind `from`; `ANYBODY` where nobody has to.
   */
  onBody(from: string, body: Uint8Array, principal: Principal): void
  /** A link to or from this peer broke: anything in flight may be lost. Repeated for as long as what is sent to it cannot leave. */
  onDown(peer: string, reason: string): void
  /** A link to or from this peer is there. */
  onUp?(peer: string): void
  /** This peer does not take us for whom we say we are, or is not who it should be. `onDown` follows; to try again helps only once somebody has changed something. */
  onRefused?(peer: string, reason: string): void
  /** Bytes that are not ours, or not for us. The connection has been closed; deserves one line in the log. */
  onProtocolError?(remote: string, reason: string): void
}

const NODE_ID = /^[A-Za-z0-9_-]{1,64}$/

/** Ids that are safe in every transport: a NATS subject would be cut or widened by a dot, a blank, `*` or `>`. */
export const isNodeId = (id: string): boolean => NODE_ID.test(id)

/** @throws {StoreError} `BAD_ARGUMENT`: a name that some transport could not carry. */
export function checkNodeName(what: 'cluster' | 'node', name: string): void {
  if (isNodeId(name)) return
  throw new StoreError(
    'BAD_ARGUMENT',
    `${what} name ${JSON.stringify(name)}: use 1 to 64 letters, digits, "_" or "-"`,
  )
}
