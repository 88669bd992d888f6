import { KEY_BYTES_MAX, KEYS_PER_COMMAND_MAX, READ_BYTES_MAX, VALUE_BYTES_MAX } from '../protocol/limits.ts'

/** Every bound of a replica. Checked against each other when a replica is made. */
export interface ChainLimits {
  readonly keyBytesMax: number
  readonly valueBytesMax: number
  /** What the values of one multi-get may have together. */
  readonly readBytesMax: number
  /** Keys that one transaction or multi-get may name. */
  readonly keysPerCommandMax: number
  /** Entries above the commit watermark at the head; more writes are answered OVERLOADED. */
  readonly dirtyEntriesMax: number
  readonly dirtyBytesMax: number
  /** Reads that wait for an answer of the tail, or for the replica to catch up. */
  readonly waitingReadsMax: number
  readonly scanLimitMax: number
  /** A page of a scan ends once its values have this many bytes. */
  readonly pageBytesMax: number
  /** A page of changes ends with the entry that brings it to so many bytes. */
  readonly changesPageBytes: number
  /** Whoever watches hears at least so often that nothing has changed. */
  readonly changesWaitMsMax: number
  /** Committed entries kept in memory for successors, joiners and watchers that lack them: enough after a short absence. */
  readonly retainedBytesMax: number
  /** Entries in one `append`. */
  readonly appendBytesMax: number
  /**
   * Bytes of entries, and as many of a snapshot, that may be on the way to a successor before it confirms some; exceeded by what was begun. For all
   * chains that two servers share this must stay below what the transport queues for a peer, or the link breaks whenever so much is to be sent.
   */
  readonly inFlightBytesMax: number
  readonly snapshotPageBytes: number
  /** Snapshot pages that may be on the way unconfirmed. */
  readonly snapshotPagesInFlight: number
  /** Client sessions kept per chain. */
  readonly sessionsMax: number
  /** Results kept for one client session because it has not said that they arrived; more of its writes are answered OVERLOADED. */
  readonly sessionResultsMax: number
  readonly sessionResultBytesMax: number
  /** An idle client session lapses after this long; a client never retries for longer than half of it. */
  readonly sessionIdleMs: number
  /** A link request or question that was not answered is repeated after this long. */
  readonly retryMs: number
  /** The link's heartbeat. */
  readonly heartbeatMs: number
  /** A neighbour that is silent for this long is reported as suspect. */
  readonly stallMs: number
}

export const CHAIN_LIMITS: ChainLimits = {
  keyBytesMax: KEY_BYTES_MAX,
  valueBytesMax: VALUE_BYTES_MAX,
  readBytesMax: READ_BYTES_MAX,
  keysPerCommandMax: KEYS_PER_COMMAND_MAX,
  dirtyEntriesMax: 65_536,
  dirtyBytesMax: 256 * 1024 * 1024,
  waitingReadsMax: 65_536,
  scanLimitMax: 10_000,
  pageBytesMax: 4 * 1024 * 1024,
  changesPageBytes: 1024 * 1024,
  changesWaitMsMax: 10_000,
  retainedBytesMax: 64 * 1024 * 1024,
  appendBytesMax: 1024 * 1024,
  inFlightBytesMax: 8 * 1024 * 1024,
  snapshotPageBytes: 256 * 1024,
  snapshotPagesInFlight: 4,
  sessionsMax: 100_000,
  sessionResultsMax: 20_000,
  sessionResultBytesMax: 32 * 1024 * 1024,
  sessionIdleMs: 3_600_000,
  retryMs: 250,
  heartbeatMs: 100,
  stallMs: 3_000,
}

/** Throws where the bounds contradict each other. */
export function checkLimits(limits: ChainLimits): ChainLimits {
  const wrong: string[] = []
  if (limits.heartbeatMs >= limits.retryMs) wrong.push('heartbeatMs must be below retryMs')
  if (limits.retryMs * 4 > limits.stallMs) wrong.push('stallMs must be at least four times retryMs')
  if (limits.valueBytesMax > limits.dirtyBytesMax)
    wrong.push('dirtyBytesMax must hold one value of valueBytesMax')
  if (limits.appendBytesMax > limits.inFlightBytesMax) wrong.push('inFlightBytesMax must hold one append')
  for (const [name, value] of Object.entries(limits)) if (!(value > 0)) wrong.push(`${name} must be positive`)
  if (wrong.length > 0) throw new RangeError(`chain limits: ${wrong.join('; ')}`)
  return limits
}
