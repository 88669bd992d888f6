import type { Timers } from '../../protocol/timers.ts'
import type { Address } from './addresses.ts'

/** What comes over a link. Called from the event loop, never from inside `dial`, `write` or `destroy`. */
export interface LinkEvents {
  /** The member has taken the call: from now on `write` reaches it. */
  onConnect(): void
  /** Bytes in order, cut anywhere. */
  onData(chunk: Uint8Array): void
  /** The link is over, or never came to be; the last call. */
  onClose(reason: string): void
}

/** One stream of bytes to one member. */
export interface Link {
  write(bytes: Uint8Array): void
  /** Ends it at once; what is still under way may be lost. Idempotent. */
  destroy(): void
}

/** The world as a session sees it: sockets and the clock of Node.js, or the simulator's. */
export interface SessionPlatform {
  readonly timers: Timers
  /** From 0 to below 1. */
  random(): number
  dial(address: Address, events: LinkEvents): Link
  /** An error that nobody waits for and that is no outcome of a request: a bug of ours, or of a callback. It must end the process. */
  readonly onBug: (error: unknown) => void
}
