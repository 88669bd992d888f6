import type { ChainConfig } from './chain-config.ts'
import type { Versioned } from './commands.ts'
import type { Entry, Origin, Position } from './entry.ts'
import type { Epoch, Incarnation, Key, Millis, Seq, SessionId } from './ids.ts'

/**
 * Everything that replicas of one chain say to each other. Each message carries its sender's epoch: a lower one than the
 * receiver's changes nothing and is answered with the newer configuration; a higher one makes the receiver fetch it first.
 * Any message may be lost with its link; none is reordered or duplicated by the transport.
 */
export type ChainMessage =
  /**
   * Successor (or joiner) to predecessor (or tail): "this is what I hold; go on from there". Sent on every new pair or incarnation, when a gap in `append` is noticed,
   * and again until `link-accept` comes.
   */
  | {
      readonly type: 'link-request'
      readonly epoch: Epoch
      /** Of the sender: a request of an earlier life is void. */
      readonly incarnation: Incarnation
      /** Numbers the sender's attempts, so that a late `link-accept` of an earlier one is dropped. */
      readonly attempt: number
      readonly last: Position
      readonly commit: Position
      /** Snapshot that the sender is in the middle of receiving from this very peer; 0: its state is whole; -1: its state is a torso of somebody else's snapshot. */
      readonly transfer: number
    }
  /**
   * Predecessor's answer. The successor drops every entry above `from`, which is in both logs, and expects `append` to go on at `from.seq + 1`.
   * With a `transfer` other than the one it is receiving, it forgets everything, and the pages of the state at (or after) `from` come as well.
   */
  | {
      readonly type: 'link-accept'
      readonly epoch: Epoch
      readonly incarnation: Incarnation
      readonly attempt: number
      readonly from: Position
      /** 0: no snapshot. The request's own: that one goes on, pages counted from 0 again. Another: a new one begins. */
      readonly transfer: number
      /** The sender's newest entry: a joiner that durably holds it has caught up; a member that must be handed off to serves from there on. */
      readonly last: Seq
      /** The sender may hand off: it serves, and it has adopted this epoch. */
      readonly serving: boolean
    }
  /** Down: entries after `previous`, and the least `durable` of the sender and all above it (DESIGN 3.1). Empty as a heartbeat. */
  | {
      readonly type: 'append'
      readonly epoch: Epoch
      readonly attempt: number
      readonly previous: Position
      readonly entries: readonly Entry[]
      readonly upstreamDurable: Seq
      /** What the sender knows to be committed. Only joiners act on it: members learn from `ack`. */
      readonly commit: Seq
      /** Sender's monotonic clock, echoed in `ack`: measures the hop. */
      readonly sentAt: Millis
    }
  /** Up: the commit watermark: cumulative, idempotent (trap 5). `received` tells the predecessor what need not be sent again. */
  | {
      readonly type: 'ack'
      readonly epoch: Epoch
      readonly attempt: number
      readonly commit: Seq
      readonly received: Seq
      readonly echo: Millis
    }
  /** One page of a snapshot, read from the source's store at the moment of sending (a fuzzy snapshot: entries repair it). */
  | {
      readonly type: 'snapshot-page'
      readonly epoch: Epoch
      readonly attempt: number
      readonly page: number
      readonly items: readonly ({ readonly key: Key } & Versioned)[]
      readonly sessions: readonly SnapshotSession[]
      /** The last page. The state is complete once entries up to `upTo` have been applied over it. */
      readonly done: boolean
      readonly upTo: Seq
    }
  | { readonly type: 'snapshot-ack'; readonly epoch: Epoch; readonly attempt: number; readonly page: number }
  /** Dirty replica to tail: "what is committed?" (CRAQ §2.3). */
  | { readonly type: 'version-query'; readonly epoch: Epoch; readonly query: number }
  /** `commit` null: the tail may not answer (no lease, or not serving yet); the asker falls back to a barrier. */
  | {
      readonly type: 'version-reply'
      readonly epoch: Epoch
      readonly query: number
      readonly commit: Seq | null
    }
  /** Any replica to the head, then down the chain like a write, answered by the tail (DESIGN section 6). */
  | { readonly type: 'barrier'; readonly epoch: Epoch; readonly query: number; readonly origin: string }
  | { readonly type: 'barrier-reply'; readonly epoch: Epoch; readonly query: number; readonly commit: Seq }
  /** "Your epoch is old; this is the newest that I know." */
  | { readonly type: 'config'; readonly epoch: Epoch; readonly config: ChainConfig }
  /** "Yours is newer; send it to me." */
  | { readonly type: 'config-request'; readonly epoch: Epoch }
  /** Of another protocol than the chain's, in its own bytes. No replica of a chain sends or heeds it. */
  | { readonly type: 'other'; readonly epoch: Epoch; readonly body: Uint8Array }

export interface SnapshotSession {
  readonly session: SessionId
  readonly lastSeq: Seq
  readonly origins: readonly { readonly seq: Seq; readonly origin: Origin }[]
}
