/** Every safety property that we claim; docs/INVARIANTS.md has one section per name, kept equal by a script. */
export const INVARIANTS = {
  UpdatePropagation: 'a successor’s history is a prefix of its predecessor’s',
  InprocessRequests:
    'what a predecessor holds is what its successor holds and what is on the way between them',
  CleanMeansCommitted: 'a clean version was committed by the tail of its epoch',
  AckAfterDurable: 'no commit covers an entry that some member could still lose to a power cut',
  EpochFence: 'a message from an older epoch changes no state',
  ReadUnderLease: 'a local strong read is answered only while the replica’s lease is live',
  ExactlyOnce: 'a request of a client session takes effect at most once, and a retry gets the first result',
  ServingNeverEmpty: 'a configuration never loses its last serving member',
  HandoffBeforeServing: 'a joiner serves only after its predecessor handed off in that epoch',
  ElectionSafety: 'at most one leader is elected in a term',
  LeaderAppendOnly: 'a leader never overwrites or deletes entries of its log',
  LogMatching: 'two logs that agree on an entry’s index and term agree on all before it',
  LeaderCompleteness: 'a committed entry is in the log of every later leader',
  StateMachineSafety: 'no two members apply different commands at one index',
  EphemeralOwner: 'an ephemeral znode never outlives its session',
  WatchBeforeRead: 'a watch event reaches a client before any reply that reflects a later state',
  ZxidMonotone: 'a session never sees the tree go back',
  SessionFifo: 'a session’s requests take effect and are answered in the order in which it sent them',
} as const

export type InvariantName = keyof typeof INVARIANTS

/** Our own bug. Nobody catches it; the process stops. */
export class InvariantViolation extends Error {
  readonly invariant: InvariantName

  constructor(invariant: InvariantName, message: string) {
    super(`${invariant}: ${message}`)
    this.name = 'InvariantViolation'
    this.invariant = invariant
  }
}

/** Stops the process where `holds` is false. `detail` is a thunk: a check that holds must cost no string building. */
export function invariant(name: InvariantName, holds: boolean, detail: () => string): asserts holds {
  if (!holds) throw new InvariantViolation(name, `${INVARIANTS[name]}: ${detail()}`)
}

/** Ends a total `switch`: a new case does not compile until it is handled. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`)
}
