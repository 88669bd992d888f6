import type { LogIndex, Term } from '../../../coordinator/raft/ids.ts'
import { asLogIndex } from '../../../coordinator/raft/ids.ts'
import type { LogEntry } from '../../../coordinator/raft/log.ts'
import type { Raft } from '../../../coordinator/raft/state.ts'
import type { ClusterSight, CoordinatorSight } from './sight.ts'
import { must } from './violation.ts'

/** What was seen of one member when it was last looked at. */
interface Seen {
  raft: Raft
  term: Term
  votedFor: string | null
  commit: number
  /** Term of the entry at each index, as far as looked at: what lies below is known to be equal. */
  readonly terms: number[]
  last: number
  lastTerm: number
  /** The term that it led, and its last entry then. */
  led: { readonly term: Term; readonly last: LogEntry | null; readonly lastIndex: number } | null
}

/** An entry, wherever it was seen: by LogMatching, index and term name one command and one predecessor. */
interface Known {
  readonly entry: LogEntry
  readonly previousTerm: number | null
}

/**
 * Raft's five properties (Raft §5, Figure 3), over all members and all time: who led which term, what was ever appended under an index and a term,
 * and what was committed. Looks at one member after each of its steps, and only at what is new there.
 */
export class RaftObserver {
  readonly #sight: ClusterSight
  readonly #sync: boolean
  readonly #seen = new Map<string, Seen>()
  readonly #leaders = new Map<number, string>()
  readonly #known = new Map<number, Map<number, Known>>()
  /** `#committed[i]` has index i + 1. */
  readonly #committed: LogEntry[] = []
  /** In which term: that of the leader which was the first to call it committed. An older entry is committed with one of its term (Raft §5.4.2). */
  readonly #committedIn: number[] = []
  /** Members whose disk was lost since they were last seen. */
  readonly #wiped = new Set<string>()
  readonly #onCommitted: (entry: LogEntry, who: string) => void

  /** `onCommitted` hears of each entry once, in order, at the moment when the first member calls it committed. */
  constructor(
    sight: ClusterSight,
    onCommitted: (entry: LogEntry, who: string) => void = () => {},
    sync = true,
  ) {
    this.#sight = sight
    this.#onCommitted = onCommitted
    this.#sync = sync
  }

  get committed(): readonly LogEntry[] {
    return this.#committed
  }

  /** The operator emptied a member's disk: it has forgotten what it promised. */
  wiped(name: string): void {
    this.#seen.delete(name)
    this.#wiped.add(name)
  }

  /** After a step of this member. */
  look(member: CoordinatorSight): void {
    const { raft, name } = member
    if (raft === null) return
    const seen = this.#seenOf(name, raft)
    if (isUnchanged(seen, raft)) return
    if (seen.raft === raft) this.#checkPromises(name, seen, raft)
    this.#checkRole(name, seen, raft)
    this.#checkLog(name, seen, raft)
    this.#checkCommit(name, seen, raft)
    seen.raft = raft
    seen.term = raft.term
    seen.votedFor = raft.votedFor
    seen.commit = raft.commit
    seen.lastTerm = raft.log.lastTerm
  }

  #seenOf(name: string, raft: Raft): Seen {
    let seen = this.#seen.get(name)
    if (seen === undefined) {
      seen = {
        raft,
        term: raft.term,
        votedFor: raft.votedFor,
        commit: 0,
        terms: [],
        last: 0,
        lastTerm: -1,
        led: null,
      }
      this.#seen.set(name, seen)
    } else if (seen.raft !== raft) {
      // A restart: what it knew of commits is volatile, and what its log held unsynced may be gone.
      seen.commit = 0
      seen.led = null
    }
    return seen
  }

  /** Within one life, a term never goes back, and its vote never changes. (Across lives, a vote that was never sent may be lost.) */
  #checkPromises(name: string, seen: Seen, raft: Raft): void {
    must('ElectionSafety', raft.term >= seen.term, name, () => `term ${raft.term} after term ${seen.term}`)
    const keeps = raft.term > seen.term || seen.votedFor === null || raft.votedFor === seen.votedFor
    must(
      'ElectionSafety',
      keeps,
      name,
      () => `voted for ${seen.votedFor} and then for ${raft.votedFor} in term ${raft.term}`,
    )
  }

  #checkRole(name: string, seen: Seen, raft: Raft): void {
    if (raft.role.type !== 'leader') {
      seen.led = null
      return
    }
    const { term, log } = raft
    const known = this.#leaders.get(term)
    must(
      'ElectionSafety',
      known === undefined || known === name,
      name,
      () => `${known} leads term ${term}, too`,
    )
    if (known === undefined) {
      this.#leaders.set(term, name)
      this.#checkComplete(name, raft)
    }
    if (seen.led?.term === term) {
      const { last, lastIndex } = seen.led
      const held = log.slice(asLogIndex(lastIndex), asLogIndex(lastIndex))[0]
      const kept = lastIndex <= log.base.lastIndex || isSameEntry(last, held)
      must(
        'LeaderAppendOnly',
        log.last >= lastIndex && kept,
        name,
        () =>
          `led term ${term} with ${lastIndex} entries, of which the last is not in its log any more (${log.last})`,
      )
    }
    seen.led = { term, last: log.slice(log.last, log.last)[0] ?? null, lastIndex: log.last }
  }

  /** LeaderCompleteness at the moment of election: by LogMatching, the newest of what is committed speaks for all of it. */
  #checkComplete(name: string, raft: Raft): void {
    // A candidate may hear its last vote after somebody of a higher term has committed: of that it need not know.
    let last = this.#committed.length - 1
    while (last >= 0 && (this.#committedIn[last] ?? 0) >= raft.term) last--
    const newest = this.#committed[last]
    if (newest === undefined) return
    must(
      'LeaderCompleteness',
      holds(raft, newest.index, newest.term),
      name,
      () => `elected in term ${raft.term} without the committed entry ${newest.index} of term ${newest.term}`,
    )
  }

  /** LogMatching by induction: each entry that is new in this log equals what others hold under its index and term, and so does the one before it. */
  #checkLog(name: string, seen: Seen, raft: Raft): void {
    const { log } = raft
    const { terms } = seen
    for (let index: number = log.last; index > log.base.lastIndex; index--) {
      const term = log.termAt(asLogIndex(index))
      if (term === null) break
      // Equal here means equal below, unless the log was cut and grew again above an entry that stayed.
      if (index <= seen.last && terms[index] === term) break
      terms[index] = term
      this.#checkEntry(name, raft, index, term)
    }
    terms.length = Math.min(terms.length, log.last + 1)
    seen.last = log.last
  }

  #checkEntry(name: string, raft: Raft, index: number, term: Term): void {
    const entry = raft.log.slice(asLogIndex(index), asLogIndex(index))[0]
    if (entry === undefined) return
    const previousTerm = raft.log.termAt(asLogIndex(index - 1))
    let ofIndex = this.#known.get(index)
    if (ofIndex === undefined) {
      ofIndex = new Map()
      this.#known.set(index, ofIndex)
    }
    const known = ofIndex.get(term)
    if (known === undefined) {
      ofIndex.set(term, { entry, previousTerm })
      return
    }
    const samePrevious =
      previousTerm === null || known.previousTerm === null || previousTerm === known.previousTerm
    must(
      'LogMatching',
      samePrevious && sameCommand(known.entry, entry),
      name,
      () => `entry ${index} of term ${term} differs from another member's, or follows another entry`,
    )
  }

  #checkCommit(name: string, seen: Seen, raft: Raft): void {
    for (let index = seen.commit + 1; index <= raft.commit; index++) {
      const term = raft.log.termAt(asLogIndex(index))
      const known = this.#committed[index - 1]
      if (known !== undefined) {
        must(
          'StateMachineSafety',
          term === null || term === known.term,
          name,
          () => `commits entry ${index} of term ${term}; committed before: that of term ${known.term}`,
        )
      } else this.#firstCommit(name, raft, index)
    }
  }

  #firstCommit(name: string, raft: Raft, index: number): void {
    const entry = raft.log.slice(asLogIndex(index), asLogIndex(index))[0]
    must(
      'StateMachineSafety',
      entry !== undefined,
      name,
      () => `has a snapshot of entry ${index}, which nobody committed`,
    )
    if (this.#sync) this.#checkDurable(name, raft, entry)
    for (const { name: other, raft: leader } of this.#sight.coordinators) {
      if (leader?.role.type !== 'leader' || leader.term <= raft.term) continue
      must(
        'LeaderCompleteness',
        holds(leader, entry.index, entry.term),
        other,
        () => `leads term ${leader.term} without entry ${index} of term ${entry.term}, which ${name} commits`,
      )
    }
    this.#committed.push(entry)
    this.#committedIn.push(raft.term)
    // Nothing else can be appended here any more; a lagging log may still hold it under another term, though.
    this.#onCommitted(entry, name)
  }

  /** A majority would still hold it after a power cut of everything. */
  #checkDurable(name: string, raft: Raft, entry: LogEntry): void {
    const durableAt = (voter: string) => {
      if (this.#wiped.has(voter) && !this.#seen.has(voter)) return true // it may have held it
      const sight = this.#sight.coordinators.find((one) => one.name === voter)
      const member = sight?.raft ?? this.#seen.get(voter)?.raft
      return (
        member !== undefined &&
        member.writes.durableLast >= entry.index &&
        holds(member, entry.index, entry.term)
      )
    }
    const count = raft.voters.filter(durableAt).length
    must(
      'AckAfterDurable',
      count * 2 > raft.voters.length,
      name,
      () =>
        `commits entry ${entry.index} of term ${entry.term}, durable at ${count} of ${raft.voters.length}`,
    )
  }

  /** Every log once more, whole: slow. */
  check(): void {
    for (const { name, raft } of this.#sight.coordinators) {
      if (raft === null) continue
      for (let index = raft.log.base.lastIndex + 1; index <= raft.log.last; index++) {
        const term = raft.log.termAt(asLogIndex(index))
        const committed = this.#committed[index - 1]
        if (term !== null) this.#checkEntry(name, raft, index, term)
        const same = index > raft.commit || committed === undefined || committed.term === term
        must('StateMachineSafety', same, name, () => `entry ${index} is of term ${term} in its log`)
      }
    }
  }
}

/** Most events change nothing that anybody has to look at. A log that was cut and grew to the same end in one step has another last term. */
const isUnchanged = (seen: Seen, raft: Raft): boolean =>
  seen.raft === raft &&
  seen.commit === raft.commit &&
  seen.last === raft.log.last &&
  seen.lastTerm === raft.log.lastTerm &&
  seen.term === raft.term &&
  seen.votedFor === raft.votedFor &&
  (seen.led !== null) === (raft.role.type === 'leader')

/** Whether a log has this very entry, or a snapshot of it. */
function holds({ log }: Raft, index: LogIndex, term: Term): boolean {
  return index < log.base.lastIndex || log.termAt(index) === term
}

const isSameEntry = (a: LogEntry | null, b: LogEntry | undefined): boolean =>
  a === null || (b !== undefined && a.term === b.term && a.index === b.index && sameCommand(a, b))

function sameCommand(a: LogEntry, b: LogEntry): boolean {
  if (a === b || a.command === b.command) return true
  if (a.command === null || b.command === null || a.command.length !== b.command.length) return false
  for (let i = 0; i < a.command.length; i++) if (a.command[i] !== b.command[i]) return false
  return true
}
