import { DEFAULT_RAFT_LIMITS, type RaftLimits } from '../../coordinator/raft/limits.ts'

/** The core's tick, as long as a data server's own. */
export const QUORUM_TICK_MS = 25

/** Clock rates of two machines are assumed to differ by less than this, as for the chain's leases (DESIGN section 5). */
export const DRIFT_BOUND = 0.1

const MiB = 1024 * 1024

/**
 * A follower waits for 1.5 to 2.5 s without a word of the leader, 2 s in the middle: as long as a data server's session with the coordinators lasts by default, so
 * that a quorum and a chain notice a dead machine at about the same time. The heartbeat is the chain's: 100 ms.
 */
export const QUORUM_RAFT_LIMITS: RaftLimits = {
  ...DEFAULT_RAFT_LIMITS,
  electionTicksMin: 60,
  electionTicksMax: 100,
  heartbeatTicks: 4,
  // A transaction may bring 8 MiB of values, and a thousand keys of 4 KiB.
  commandBytesMax: 16 * MiB,
  uncommittedEntriesMax: 65_536,
  uncommittedBytesMax: 256 * MiB,
  retainedEntriesMax: 65_536,
  snapshotRetryTicks: 40,
  readTicksMax: 80,
}

/**
 * Who has heard the leader helps nobody else to lead for this long. The timer counts ticks of its own clock, and the first one may come at once: hence one less.
 */
export const ELECTION_MIN_MS = (QUORUM_RAFT_LIMITS.electionTicksMin - 1) * QUORUM_TICK_MS
/** A read that nobody could confirm for this long is refused; the client asks another member. */
export const READ_GIVE_UP_MS = 1_000
