import { describe, expect, test } from 'vitest'
import { asLogIndex, asMemberId, asTerm } from '../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../coordinator/raft/limits.ts'
import type { LogEntry } from '../../coordinator/raft/log.ts'
import { createRaft, EMPTY_SNAPSHOT, type Raft } from '../../coordinator/raft/state.ts'
import { RaftObserver } from '../../lab/simulator/observer/raft-observer.ts'

const MEMBERS = ['coordinator-1', 'coordinator-2', 'coordinator-3']

const entry = (index: number, term: number, command = `${index} of ${term}`): LogEntry => ({
  index: asLogIndex(index),
  term: asTerm(term),
  command: new TextEncoder().encode(command),
})
const log = (...terms: number[]) => terms.map((term, i) => entry(i + 1, term))

/** A member as its disk brought it back, and what was done to it by hand. */
function member(self: string, term: number, entries: readonly LogEntry[]): Raft {
  return createRaft({
    self: asMemberId(self),
    voters: MEMBERS.map(asMemberId),
    hardState: { term: asTerm(term), votedFor: null },
    entries,
    snapshot: EMPTY_SNAPSHOT,
    rng: { next: () => 0.5 },
    limits: DEFAULT_RAFT_LIMITS,
  })
}

function lead(raft: Raft, term: number = raft.term): void {
  raft.term = asTerm(term)
  raft.role = {
    type: 'leader',
    progress: new Map(),
    noopIndex: raft.log.last,
    round: 0,
    snapshotSerial: 0,
    heartbeatElapsed: 0,
    quorumElapsed: 0,
    transfer: null,
    reads: { waiting: [], confirming: null },
  }
}

/** Three members with these logs, in this term, looked at once. */
function world(term: number, ...logs: (readonly LogEntry[])[]) {
  const rafts = MEMBERS.map((name, i) => member(name, term, logs[i] ?? []))
  const coordinators = MEMBERS.map((name, i) => ({
    name,
    get raft() {
      return rafts[i] ?? null
    },
    tree: null,
  }))
  const committed: LogEntry[] = []
  const observer = new RaftObserver({ coordinators, servers: [] }, (one) => committed.push(one))
  const look = (i: number) => {
    const sight = coordinators[i]
    if (sight !== undefined) observer.look(sight)
  }
  const at = (i: number) => rafts[i] as Raft
  const restart = (i: number, raft: Raft) => {
    rafts[i] = raft
  }
  for (const i of [0, 1, 2]) look(i)
  return { observer, look, at, restart, committed }
}

const commit = (raft: Raft, index: number) => {
  raft.commit = asLogIndex(index)
}

describe('Raft’s properties, over all members and all time', () => {
  test('accepts an ordinary story: elected, appended, committed, deposed, caught up', () => {
    const { look, at, committed, observer } = world(1, log(1), log(1), log(1))
    lead(at(0))
    look(0)
    for (const i of [0, 1, 2]) {
      commit(at(i), 1)
      look(i)
    }
    at(0).log.append([entry(2, 1)])
    look(0)
    lead(at(1), 2)
    at(1).log.append([entry(2, 2)])
    look(1)
    at(0).role = { type: 'follower' }
    at(0).term = asTerm(2)
    at(0).log.truncateFrom(asLogIndex(2))
    at(0).log.append([entry(2, 2)])
    look(0)
    expect(committed.map(({ index }) => index)).toEqual([1])
    observer.check()
  })

  test('accepts a leader that lacks what a later term committed (Raft §5.4.2)', () => {
    const { look, at, committed } = world(2, log(2), log(2), [])
    // Of term 3, which nobody else has heard of; then an older entry is committed with one of term 4.
    at(2).log.append([entry(1, 3)])
    lead(at(2), 3)
    look(2)
    for (const i of [0, 1]) {
      at(i).log.append([entry(2, 4)])
      at(i).term = asTerm(4)
      at(i).writes.onDurable(at(i).writes.issueLog(asLogIndex(2)))
    }
    lead(at(0), 4)
    look(0)
    look(1)
    commit(at(0), 2)
    look(0)
    expect(committed.map(({ term }) => term)).toEqual([2, 4])
    // Later leaders must have it.
    at(2).role = { type: 'follower' }
    at(2).term = asTerm(5)
    look(2)
    lead(at(2), 5)
    expect(() => look(2)).toThrow(/LeaderCompleteness.*elected in term 5 without the committed entry 2/)
  })

  test('ElectionSafety: a second leader of a term, however much later', () => {
    const { look, at } = world(3)
    lead(at(0))
    look(0)
    at(0).role = { type: 'follower' }
    at(0).term = asTerm(4)
    look(0)
    lead(at(1), 3)
    expect(() => look(1)).toThrow(/ElectionSafety.*coordinator-2.*coordinator-1 leads term 3/)
  })

  test('ElectionSafety: two votes in one term, and a term that goes back', () => {
    const { look, at } = world(3)
    at(0).votedFor = asMemberId('coordinator-2')
    look(0)
    at(0).votedFor = asMemberId('coordinator-3')
    expect(() => look(0)).toThrow(/ElectionSafety.*voted for coordinator-2 and then for coordinator-3/)
    at(1).term = asTerm(2)
    expect(() => look(1)).toThrow(/ElectionSafety.*term 2 after term 3/)
  })

  test('a vote may change with its term, and in another life', () => {
    const { look, at, restart } = world(3)
    at(0).votedFor = asMemberId('coordinator-2')
    look(0)
    restart(0, member('coordinator-1', 2, []))
    look(0)
    at(0).term = asTerm(3)
    at(0).votedFor = asMemberId('coordinator-3')
    expect(() => look(0)).not.toThrow()
  })

  test('LeaderAppendOnly: a leader that replaces its last entry', () => {
    const { look, at } = world(2, log(1, 1), log(1), log(1))
    lead(at(0))
    look(0)
    at(0).log.truncateFrom(asLogIndex(2))
    at(0).log.append([entry(2, 2)])
    expect(() => look(0)).toThrow(/LeaderAppendOnly.*coordinator-1/)
  })

  test('LogMatching: one index and term with two commands, or two predecessors', () => {
    expect(() => world(2, log(1, 2), [entry(1, 1), entry(2, 2, 'another')])).toThrow(
      /LogMatching.*coordinator-2.*entry 2 of term 2/,
    )
    expect(() => world(2, [entry(1, 1), entry(2, 2)], [entry(1, 2), entry(2, 2)])).toThrow(
      /LogMatching.*coordinator-2.*entry 2 of term 2/,
    )
  })

  test('StateMachineSafety: two entries committed at one index', () => {
    const { look, at, restart } = world(2, log(1), log(1), log(1))
    commit(at(0), 1)
    look(0)
    restart(1, member('coordinator-2', 2, [entry(1, 2)]))
    commit(at(1), 1)
    expect(() => look(1)).toThrow(/StateMachineSafety.*coordinator-2.*term 2.*term 1/)
  })

  test('LeaderCompleteness: elected without what is committed', () => {
    const { look, at } = world(2, log(1), log(1), [])
    commit(at(0), 1)
    look(0)
    lead(at(2), 3)
    expect(() => look(2)).toThrow(/LeaderCompleteness.*coordinator-3.*term 3.*entry 1/)
  })

  test('LeaderCompleteness: committed although a later leader lacks it', () => {
    const { look, at } = world(2, log(1), log(1), [])
    lead(at(2), 3)
    look(2)
    commit(at(0), 1)
    expect(() => look(0)).toThrow(/LeaderCompleteness.*coordinator-3/)
  })

  test('AckAfterDurable: committed, and on one disk only', () => {
    const { look, at } = world(1, log(1), [], [])
    at(1).log.append(log(1)) // received, and not durable: no write was issued for it
    look(1)
    commit(at(0), 1)
    expect(() => look(0)).toThrow(/AckAfterDurable.*coordinator-1.*durable at 1 of 3/)
  })

  test('a member that is down still holds what it held', () => {
    const { look, at, restart } = world(1, log(1), log(1), [])
    restart(1, null as never)
    commit(at(0), 1)
    expect(() => look(0)).not.toThrow()
  })
})
