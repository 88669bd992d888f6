/**
 * Every bound of the Raft core. A tick is as long as the runtime makes it, 10 to 100 ms.
 * Sizes are bytes of commands; framing comes on top.
 */
export interface RaftLimits {
  /**
   * A follower that has not heard a leader for a random number of ticks in [min, max] calls an election (Raft
   * §5.2).
   */
  readonly electionTicksMin: number
  readonly electionTicksMax: number
  /** The leader is heard at least this often. */
  readonly heartbeatTicks: number
  /** The largest command that may be proposed. */
  readonly commandBytesMax: number
  /** One AppendEntries carries at most this much, or one entry if that alone is larger. */
  readonly batchEntriesMax: number
  readonly batchBytesMax: number
  /** Sent to one follower and not yet acknowledged; may be exceeded by one entry. */
  readonly inflightEntriesMax: number
  readonly inflightBytesMax: number
  /** In the leader's log and not yet committed; beyond it proposals are rejected as `overloaded`. */
  readonly uncommittedEntriesMax: number
  readonly uncommittedBytesMax: number
  /** Kept in memory behind the snapshot, so that a follower that lags a little needs no snapshot. */
  readonly retainedEntriesMax: number
  readonly retainedBytesMax: number
  readonly snapshotChunkBytesMax: number
  /** A chunk unanswered for this long is read and sent again. */
  readonly snapshotRetryTicks: number
  /** Reads that wait for an answer, on the leader and on each follower. */
  readonly pendingReadsMax: number
  /** A forwarded read unanswered for this long is refused. */
  readonly readTicksMax: number
}

const KiB = 1024
const MiB = 1024 * KiB

export const DEFAULT_RAFT_LIMITS: RaftLimits = {
  electionTicksMin: 10,
  electionTicksMax: 20,
  heartbeatTicks: 2,
  commandBytesMax: 4 * MiB,
  batchEntriesMax: 1024,
  batchBytesMax: MiB,
  inflightEntriesMax: 8192,
  inflightBytesMax: 8 * MiB,
  uncommittedEntriesMax: 16384,
  uncommittedBytesMax: 64 * MiB,
  retainedEntriesMax: 4096,
  retainedBytesMax: 16 * MiB,
  snapshotChunkBytesMax: 256 * KiB,
  snapshotRetryTicks: 20,
  pendingReadsMax: 65536,
  readTicksMax: 40,
}

/** Checks limits against each other. @throws {RangeError} naming the rule that does not hold. */
export function checkRaftLimits(limits: RaftLimits): void {
  for (const [name, value] of Object.entries(limits)) {
    const least = name.startsWith('retained') ? 0 : 1
    if (!Number.isSafeInteger(value) || value < least)
      throw new RangeError(`${name}: ${value} is not a whole number >= ${least}`)
  }
  const rules: readonly (readonly [holds: boolean, rule: string])[] = [
    // One lost heartbeat must not look like a dead leader.
    [limits.electionTicksMin > 2 * limits.heartbeatTicks, 'electionTicksMin > 2 * heartbeatTicks'],
    // Without a spread, candidates split the vote again and again (Raft §5.2).
    [limits.electionTicksMax > limits.electionTicksMin, 'electionTicksMax > electionTicksMin'],
    [limits.inflightEntriesMax >= limits.batchEntriesMax, 'inflightEntriesMax >= batchEntriesMax'],
    [limits.inflightBytesMax >= limits.batchBytesMax, 'inflightBytesMax >= batchBytesMax'],
    [limits.uncommittedEntriesMax >= limits.batchEntriesMax, 'uncommittedEntriesMax >= batchEntriesMax'],
    [limits.uncommittedBytesMax >= limits.commandBytesMax, 'uncommittedBytesMax >= commandBytesMax'],
    [limits.readTicksMax > limits.heartbeatTicks, 'readTicksMax > heartbeatTicks'],
  ]
  for (const [holds, rule] of rules) if (!holds) throw new RangeError(`raft limits: ${rule} does not hold`)
}
