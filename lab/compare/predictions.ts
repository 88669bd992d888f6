/**
 * What the protocols cost on paper, as pure functions: the reasons are in docs/guide/chain-or-quorum.md. Counts are for one operation that is alone
 * unless a batch is given; latencies are in message delays (one way), and each side of a call counts as one.
 */

export const PROTOCOLS = ['chain', 'craq', 'raft', 'primary-backup'] as const
export type Protocol = (typeof PROTOCOLS)[number]

export interface Setup {
  readonly protocol: Protocol
  /** Replicas, at least 1. */
  readonly n: number
  readonly valueBytes: number
  /** Writes that share messages and disk syncs, at least 1. */
  readonly batch: number
}

/**
 * How Raft reads: the leader hears from a majority first (`read-index`); it trusts its lease; or any replica asks the leader, which hears from a majority,
 * and waits until it has applied what the leader had committed.
 */
export type RaftRead = 'read-index' | 'lease' | 'follower-read-index'

export interface Costs {
  /** Between replicas, for one write; shared by the writes of a batch. */
  readonly messagesPerWrite: number
  /** Between replicas, for one read of a clean key, and of a dirty one (CRAQ alone knows the difference). */
  readonly messagesPerRead: number
  readonly messagesPerDirtyRead: number
  /** Bytes of values that the busiest replica sends for one write: its link is what ends first. */
  readonly busiestSendsBytes: number
  /** All links together. */
  readonly totalBytes: number
  /** Disk syncs of all replicas for one write; shared by the writes of a batch. */
  readonly syncsPerWrite: number
  /** From the client's request to its answer, and disk writes that must follow each other on that way. */
  readonly writeDelays: number
  readonly writeDisks: number
  readonly readDelays: number
  readonly dirtyReadDelays: number
  /** Replicas that may answer a linearizable read: what the rate of reads grows with. */
  readonly readers: number
  /** Replicas that may fail with no write lost and the service going on, once the others were told. */
  readonly failuresSurvived: number
}

export const majority = (n: number): number => Math.floor(n / 2) + 1

export function costs(setup: Setup, read: RaftRead = 'read-index'): Costs {
  const { protocol, n, valueBytes, batch } = setup
  if (!(n >= 1 && batch >= 1)) throw new RangeError('n and batch are at least 1')
  const others = n - 1
  const common = {
    messagesPerWrite: (2 * others) / batch,
    totalBytes: others * valueBytes,
    syncsPerWrite: n / batch,
    messagesPerRead: 0,
    messagesPerDirtyRead: 0,
    readDelays: 2,
    dirtyReadDelays: 2,
    readers: 1,
  }
  switch (protocol) {
    // The head sends to one neighbour. All disks work at the same time, since an entry is passed on before it is synced; it commits at the tail, and the
    // acknowledgement walks back: n - 1 hops down, n - 1 up, and the client's two (van Renesse and Schneider let the tail answer: n - 1 fewer hops).
    case 'chain':
      return { ...common, ...chainCosts(n, valueBytes) }
    case 'craq':
      return {
        ...common,
        ...chainCosts(n, valueBytes),
        messagesPerDirtyRead: n === 1 ? 0 : 2,
        dirtyReadDelays: n === 1 ? 2 : 4,
        readers: n,
      }
    // The leader sends to everybody, and waits for the fastest majority.
    case 'raft':
      return {
        ...common,
        busiestSendsBytes: others * valueBytes,
        writeDelays: n === 1 ? 2 : 4,
        writeDisks: 1,
        ...raftReads(n, read),
        failuresSurvived: n - majority(n),
      }
    // The primary sends to everybody, and waits for all.
    case 'primary-backup':
      return {
        ...common,
        busiestSendsBytes: others * valueBytes,
        writeDelays: n === 1 ? 2 : 4,
        writeDisks: 1,
        failuresSurvived: others,
      }
  }
}

/** A question to the leader can be shared by all reads that wait for its answer: batches make these messages few, not the delays. */
function raftReads(n: number, read: RaftRead) {
  const asked = read === 'lease' ? 0 : 2 * (n - 1)
  const forwarded = read === 'follower-read-index' && n > 1
  const messages = asked + (forwarded ? 2 : 0)
  const delays = n === 1 || read === 'lease' ? 2 : forwarded ? 6 : 4
  return {
    messagesPerRead: messages,
    messagesPerDirtyRead: messages,
    readDelays: delays,
    dirtyReadDelays: delays,
    readers: forwarded ? n : 1,
  }
}

function chainCosts(n: number, valueBytes: number) {
  return {
    busiestSendsBytes: n === 1 ? 0 : valueBytes,
    writeDelays: 2 + 2 * (n - 1),
    writeDisks: 1,
    failuresSurvived: n - 1,
  }
}

/** Writes in a second that one link of so many bytes in a second lets through; infinite for one replica. */
export function writesPerSecondOfLink(setup: Setup, bytesPerSecond: number): number {
  const { busiestSendsBytes } = costs(setup)
  return busiestSendsBytes === 0 ? Infinity : bytesPerSecond / busiestSendsBytes
}

/** Reads in a second of all replicas together, where each serves so many by itself. */
export function readsPerSecond(setup: Setup, perReplica: number): number {
  return costs(setup).readers * perReplica
}

/**
 * Share of the reads that meet a version which may not have committed: reads of one key at all replicas alike, while it is written so often, evenly in time,
 * and each write stays dirty at the head for `dirtyMs`. Further down it is dirty for less, at the tail never (CRAQ §2.3).
 */
export function dirtyShare(load: { n: number; writesPerSecond: number; dirtyMs: number }): number {
  const { n, writesPerSecond, dirtyMs } = load
  if (n <= 1) return 0
  let sum = 0
  for (let fromTail = 0; fromTail < n; fromTail++)
    sum += Math.min(1, (writesPerSecond * dirtyMs * fromTail) / (1000 * (n - 1)))
  return sum / n
}

export const PARTS = ['head', 'middle', 'tail', 'leader', 'follower', 'primary', 'backup'] as const
export type Part = (typeof PARTS)[number]

export interface Outage {
  readonly part: Part
  readonly writes: string
  readonly reads: string
}

/** What stands still between the failure of a part and the moment at which the others have been told. */
export function outages(protocol: Protocol): readonly Outage[] {
  switch (protocol) {
    case 'chain':
      return [
        { part: 'head', writes: 'stop until the failure is detected and the chain is told', reads: 'go on' },
        { part: 'middle', writes: 'stop likewise, none is lost', reads: 'go on' },
        { part: 'tail', writes: 'stop likewise', reads: 'stop likewise' },
      ]
    case 'craq':
      return [
        {
          part: 'head',
          writes: 'stop until the failure is detected and the chain is told',
          reads: 'go on elsewhere; clean keys everywhere',
        },
        { part: 'middle', writes: 'stop likewise, none is lost', reads: 'go on elsewhere' },
        { part: 'tail', writes: 'stop likewise', reads: 'clean keys go on elsewhere; dirty keys wait' },
      ]
    case 'raft':
      return [
        {
          part: 'leader',
          writes: 'stop for an election timeout and an election',
          reads: 'stop likewise, where they ask the leader',
        },
        { part: 'follower', writes: 'go on', reads: 'go on' },
      ]
    case 'primary-backup':
      return [
        { part: 'primary', writes: 'stop until the failure is detected', reads: 'stop likewise' },
        { part: 'backup', writes: 'stop until the failure is detected', reads: 'go on' },
      ]
  }
}

/**
 * How many times longer a write takes where one replica is `slowdown` times slower than the others (disk and links), the worst replica for the protocol:
 * the slowest of a chain is waited for by every write, a majority waits for the fastest of its members.
 */
export function slowNode(
  { protocol, n }: Pick<Setup, 'protocol' | 'n'>,
  slowdown: number,
): { worst: number; other: number } {
  if (n === 1) return { worst: slowdown, other: 1 }
  switch (protocol) {
    case 'chain':
    case 'craq':
    case 'primary-backup':
      return { worst: slowdown, other: slowdown }
    case 'raft':
      // A slow leader slows all; a slow follower nobody, while the others are a majority with the leader.
      return { worst: slowdown, other: n - 1 >= majority(n) ? 1 : slowdown }
  }
}
