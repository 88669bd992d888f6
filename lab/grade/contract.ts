/** What a student's file must export, and what it is given. docs/labs tells the same in words; the skeletons repeat these types, so that they import nothing. */

export interface Config {
  readonly epoch: number
  /** Head first. */
  readonly members: readonly string[]
  /** Lab 3: it receives what the tail holds, and is the next tail. */
  readonly joining: string | null
}

export interface Out {
  /** Links are FIFO. A message is copied when it is sent. */
  send(to: string, message: unknown): void
  /** Answers a client: `null` where a get found nothing; a put's answer is ignored. */
  reply(request: number, value: string | null): void
  /** Lab 3: this replica is not the one to ask. */
  refuse(request: number): void
  /** Lab 3, at the joiner: it holds all that the tail held, in this epoch. */
  caughtUp(epoch: number): void
}

export interface StudentReplica {
  onConfig(config: Config): void
  onPut(request: number, key: string, value: string): void
  onGet(request: number, key: string): void
  onMessage(from: string, message: unknown): void
  /** Requests of the puts that it holds, the oldest first. */
  log(): readonly number[]
}

export type CreateReplica = (self: string, out: Out) => StudentReplica

export interface LogEntry {
  readonly term: number
  readonly command: string
}

/** Lab 4. Logs count from index 1, as in the paper; index 0 has term 0. */
export interface AppendEntries {
  readonly prevIndex: number
  readonly prevTerm: number
  readonly entries: readonly LogEntry[]
}

export interface AppendReply {
  readonly success: boolean
  /** Of a success: how far the follower is now known to agree. */
  readonly match?: number
  /** Of a refusal: the term of the follower's entry at `prevIndex`, null where it has none; where that term begins; and the length of its log. */
  readonly conflict?: { readonly xTerm: number | null; readonly xIndex: number; readonly xLen: number }
}

export interface StudentBackup {
  onAppendEntries(
    log: readonly LogEntry[],
    message: AppendEntries,
  ): { readonly log: readonly LogEntry[]; readonly reply: AppendReply }
  /** After a refusal. */
  nextIndexAfter(log: readonly LogEntry[], nextIndex: number, reply: AppendReply): number
}

export const LABS = ['chain replication', 'CRAQ reads', 'failures', 'Raft’s log backup'] as const
export type LabNumber = 1 | 2 | 3 | 4

/** What a grader found. */
export type Grade =
  | { readonly passed: true; readonly lab: LabNumber; readonly runs: number }
  | {
      readonly passed: false
      readonly lab: LabNumber
      readonly runs: number
      /** The name of the property. */
      readonly property: string
      readonly detail: string
      /** The shortest way there that was found, in words. */
      readonly steps: readonly string[]
      /** A page that shows what clients saw; null where clients were not the ones to see it. */
      readonly html: string | null
    }

/** The student's code has done what must not be. */
export class Failure extends Error {
  readonly property: string

  constructor(property: string, detail: string) {
    super(detail)
    this.property = property
  }
}

/** Runs a turn of the student's code. Whatever it throws is a finding. */
export function studentTurn<Result>(what: string, turn: () => Result): Result {
  try {
    return turn()
  } catch (error) {
    if (error instanceof Failure) throw error
    const message = error instanceof Error ? error.message : String(error)
    throw new Failure('the code runs', `${what} threw: ${message}`)
  }
}
