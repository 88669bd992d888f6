import { describe, expect, test } from 'vitest'
import type { MemberId } from '../../../coordinator/raft/ids.ts'
import { asLogIndex, asMemberId, asTerm } from '../../../coordinator/raft/ids.ts'
import type { LogEntry } from '../../../coordinator/raft/log.ts'
import { RaftLog } from '../../../coordinator/raft/log.ts'
import type { AppendEntries, Conflict } from '../../../coordinator/raft/messages.ts'
import { nextAfterConflict } from '../../../coordinator/raft/replication.ts'
import { EMPTY_SNAPSHOT, statusOf } from '../../../coordinator/raft/state.ts'
import { A, B, C, diskOf, elect, logOf, Member } from './member.ts'

interface Append {
  readonly term: number
  readonly prev: readonly [index: number, term: number]
  readonly entries?: readonly LogEntry[]
  readonly commit?: number
}
const append = ({ term, prev, entries = [], commit = 0 }: Append): AppendEntries => ({
  type: 'append-entries',
  term: asTerm(term),
  round: 1,
  prevIndex: asLogIndex(prev[0]),
  prevTerm: asTerm(prev[1]),
  commit: asLogIndex(commit),
  entries,
})
const matched = (leader: Member, from: MemberId, index: number) =>
  leader.receive(from, {
    type: 'append-reply',
    term: leader.raft.term,
    round: 1,
    outcome: { type: 'matched', index: asLogIndex(index) },
  })
const conflict = (leader: Member, from: MemberId, outcome: Omit<Conflict, 'type'>) =>
  leader.receive(from, {
    type: 'append-reply',
    term: leader.raft.term,
    round: 1,
    outcome: { type: 'conflict', ...outcome },
  })
const outcomeOf = (member: Member, message: AppendEntries) =>
  member.receive(B, message).sent('append-reply', B)[0]?.message.outcome
const indexes = (entries: readonly LogEntry[] | undefined) => entries?.map((entry) => entry.index)

/** What a follower with one log says to a leader with another, and where the leader then goes on. */
function backUp(leaderTerms: readonly number[], followerTerms: readonly number[]): number {
  const follower = new Member({ image: diskOf(7, followerTerms) })
  const prev = [leaderTerms.length, leaderTerms.at(-1) ?? 0] as const
  const outcome = outcomeOf(follower, append({ term: 7, prev }))
  if (outcome?.type !== 'conflict') throw new Error('no conflict')
  return nextAfterConflict(new RaftLog(EMPTY_SNAPSHOT, logOf(...leaderTerms)), outcome)
}

describe('fast backup by XTerm, XIndex, XLen (Raft §5.3, end)', () => {
  test('the leader lacks XTerm: it goes on at XIndex', () => {
    expect(backUp([4, 6, 6, 6], [4, 5, 5, 5])).toBe(2)
  })

  test('the leader has XTerm: it goes on after its last entry of that term', () => {
    expect(backUp([4, 4, 6, 6], [4, 4, 4, 4])).toBe(3)
  })

  test('the follower’s log is too short: the leader goes on where it ends', () => {
    expect(backUp([4, 6, 6, 6], [4])).toBe(2)
    expect(backUp([4, 6, 6, 6], [])).toBe(1)
  })

  test('a leader backs up one term a round, and then replaces what disagrees', () => {
    const leader = new Member({ image: diskOf(6, [4, 4, 6, 6]) })
    const follower = new Member({ self: 'b', image: diskOf(6, [4, 5, 5, 5, 5, 5]) })
    let request = elect(leader).sent('append-entries', B)[0]?.message
    const prevs: number[] = []
    for (let round = 0; round < 10 && request !== undefined; round += 1) {
      prevs.push(request.prevIndex)
      const reply = follower.receive(A, request).sent('append-reply', A)[0]?.message
      if (reply === undefined) throw new Error('no reply')
      request = leader.receive(B, reply).sent('append-entries', B)[0]?.message
    }
    expect(prevs.slice(0, 2)).toEqual([4, 1])
    expect(follower.terms).toEqual([4, 4, 6, 6, 7])
  })

  test('a conflict that comes late changes nothing', () => {
    const leader = new Member({ image: diskOf(6, [4, 4, 6, 6]) })
    elect(leader)
    matched(leader, B, 5)
    const late = { prevIndex: asLogIndex(4), xTerm: null, xIndex: null, xLen: asLogIndex(0) }
    expect(conflict(leader, B, late).sent('append-entries')).toEqual([])
    expect(leader.leader.progress.get(B)).toMatchObject({ match: 5, next: 6, mode: { type: 'pipelining' } })
  })
})

describe('followers (Raft §5.3)', () => {
  test('append what follows, acknowledge it only when durable', () => {
    const follower = new Member()
    const effects = follower.receive(B, append({ term: 1, prev: [0, 0], entries: logOf(1, 1) }))
    const [reply] = effects.sent('append-reply', B)
    expect(reply?.message.outcome).toEqual({ type: 'matched', index: 2 })
    const record = effects.of('persist').at(-1)?.record
    expect(record?.entries).toHaveLength(2)
    expect(reply?.after).toBe(record?.write)
  })

  test('a repeated message persists nothing, yet its reply waits for the first write', () => {
    const follower = new Member()
    const message = append({ term: 1, prev: [0, 0], entries: logOf(1, 1) })
    const write = follower.receive(B, message).of('persist').at(-1)?.record.write
    const again = follower.receive(B, message)
    expect(again.of('persist')).toEqual([])
    expect(again.sent('append-reply')[0]?.after).toBe(write)
    follower.durable()
    expect(follower.receive(B, message).sent('append-reply')[0]?.after).toBe(0)
  })

  test('an ancient message does not truncate what followed it', () => {
    const follower = new Member()
    follower.receive(B, append({ term: 1, prev: [0, 0], entries: logOf(1, 1, 1) }))
    expect(outcomeOf(follower, append({ term: 1, prev: [0, 0], entries: logOf(1) }))).toEqual({
      type: 'matched',
      index: 1,
    })
    expect(follower.terms).toEqual([1, 1, 1])
  })

  test('a conflicting entry goes, with all after it, in one record with what replaces it', () => {
    const follower = new Member({ image: diskOf(2, [1, 2, 2, 2]) })
    const entries = logOf(1, 3).slice(1)
    const effects = follower.receive(B, append({ term: 3, prev: [1, 1], entries }))
    expect(effects.of('persist').at(-1)?.record).toMatchObject({ truncateFrom: 2, entries })
    expect(follower.terms).toEqual([1, 3])
  })

  test('commit goes no further than the message vouches for (Raft Figure 2, AppendEntries rule 5)', () => {
    const follower = new Member({ image: diskOf(2, [1, 2, 2, 2]) })
    const effects = follower.receive(B, append({ term: 3, prev: [1, 1], commit: 4 }))
    expect(effects.committed).toEqual([1])
  })

  test('to overwrite what is committed violates StateMachineSafety', () => {
    const follower = new Member()
    follower.receive(B, append({ term: 1, prev: [0, 0], entries: logOf(1, 1), commit: 2 }))
    expect(() =>
      follower.receive(C, append({ term: 2, prev: [1, 1], entries: logOf(1, 2).slice(1) })),
    ).toThrow('StateMachineSafety')
    expect(() => follower.receive(C, append({ term: 2, prev: [2, 2] }))).toThrow('LeaderCompleteness')
  })

  test('a candidate that hears the leader of its term follows it (Raft §5.2)', () => {
    const member = new Member()
    member.tick(10)
    member.receive(B, { type: 'pre-vote-reply', term: asTerm(0), forTerm: asTerm(0), granted: true })
    member.receive(C, append({ term: 1, prev: [0, 0] }))
    expect([member.raft.role.type, member.raft.leader]).toEqual(['follower', C])
  })
})

describe('commit (Raft §5.4.2)', () => {
  test('Figure 8: an entry of an earlier term on a majority is not committed by counting, but with one of the own term', () => {
    // S1 leads term 4 with the entry of term 2 that it once wrote; it gets that entry to a majority of five.
    const voters = ['a', 'b', 'c', 'd', 'e']
    const s1 = new Member({ voters, image: diskOf(3, [1, 2]) })
    elect(s1)
    expect(s1.raft.term).toBe(4)
    expect(matched(s1, B, 2).committed).toEqual([])
    expect(matched(s1, C, 2).committed).toEqual([])
    // (d) of the figure: S5, whose last entry is of term 3, may still win those voters and overwrite it.
    const voter = new Member({ self: 'b', voters, image: diskOf(4, [1, 2]) })
    const request = {
      type: 'vote-request',
      term: asTerm(5),
      lastIndex: asLogIndex(2),
      lastTerm: asTerm(3),
      transfer: false,
    } as const
    expect(voter.receive(asMemberId('e'), request).sent('vote-reply')[0]?.message.granted).toBe(true)
    // (e): once the entry of term 4 is on a majority, everything before it is committed with it.
    matched(s1, B, 3)
    expect(matched(s1, C, 3).committed).toEqual([1, 2, 3])
  })

  test('a leader counts itself only once its own entry is durable', () => {
    const leader = new Member()
    elect(leader)
    matched(leader, B, 1)
    const effects = leader.propose('x')
    expect(effects.sent('append-entries', B)[0]?.after).toBe(0) // it does not wait to send
    expect(matched(leader, B, 2).committed).toEqual([])
    expect(leader.durable().committed).toEqual([2])
  })

  test('without the leader’s disk, a majority of followers suffices', () => {
    const leader = new Member()
    elect(leader)
    leader.propose('x')
    matched(leader, B, 2)
    expect(leader.raft.commit).toBe(1)
    expect(matched(leader, C, 2).committed).toEqual([2])
  })

  test('followers hear of a commit at once', () => {
    const leader = new Member()
    elect(leader)
    const effects = matched(leader, B, 1)
    expect(effects.sent('append-entries', B).at(-1)?.message).toMatchObject({ commit: 1, entries: [] })
  })

  test('matched is true for ever: late and repeated replies move nothing back', () => {
    const leader = new Member()
    elect(leader)
    leader.propose('x', 'y')
    matched(leader, B, 3)
    matched(leader, B, 1)
    expect(leader.leader.progress.get(B)?.match).toBe(3)
  })
})

describe('proposals', () => {
  test('only a leader takes them; others name it', () => {
    const follower = new Member()
    expect(follower.propose('x').of('rejected')).toMatchObject([
      { id: 1, leader: null, reason: 'not-leader' },
    ])
    follower.receive(B, append({ term: 1, prev: [0, 0] }))
    expect(follower.propose('x').of('rejected')).toMatchObject([{ id: 1, leader: B, reason: 'not-leader' }])
  })

  test('a batch is one record and one message to each', () => {
    const leader = new Member()
    elect(leader)
    matched(leader, B, 1)
    matched(leader, C, 1)
    const effects = leader.propose('x', 'y', 'z')
    expect(effects.of('persist')).toHaveLength(1)
    expect(effects.of('proposed').map(({ index, term }) => [index, term])).toEqual([
      [2, 1],
      [3, 1],
      [4, 1],
    ])
    expect(effects.sent('append-entries').map(({ to, message }) => [to, indexes(message.entries)])).toEqual([
      [B, [2, 3, 4]],
      [C, [2, 3, 4]],
    ])
  })

  test('what is not committed is bounded, in entries and in bytes', () => {
    const limits = {
      uncommittedEntriesMax: 4,
      batchEntriesMax: 4,
      uncommittedBytesMax: 10,
      commandBytesMax: 6,
    }
    const leader = new Member({ limits })
    elect(leader)
    matched(leader, B, 1)
    const effects = leader.propose('1234567', '123456', '12345', '1234', '')
    expect(effects.of('proposed').map(({ id }) => id)).toEqual([2, 4, 5])
    expect(effects.of('rejected').map(({ id, reason }) => [id, reason])).toEqual([
      [1, 'too-large'],
      [3, 'overloaded'],
    ])
    expect(
      leader
        .propose('', '')
        .of('rejected')
        .map(({ id }) => id),
    ).toEqual([2])
  })
})

describe('the pipeline (Raft thesis §10.2.1)', () => {
  const limits = { batchEntriesMax: 2, inflightEntriesMax: 4, uncommittedEntriesMax: 100 }

  test('it sends on before it is answered, in batches, up to a bound', () => {
    const leader = new Member({ limits })
    elect(leader)
    matched(leader, B, 1)
    const effects = leader.propose('a', 'b', 'c', 'd', 'e', 'f')
    expect(effects.sent('append-entries', B).map(({ message }) => indexes(message.entries))).toEqual([
      [2, 3],
      [4, 5],
    ])
    const more = matched(leader, B, 3).sent('append-entries', B)
    expect(more.flatMap(({ message }) => indexes(message.entries))).toEqual([6, 7])
  })

  test('bytes in flight are bounded, and one entry always fits', () => {
    const leader = new Member({ limits: { batchBytesMax: 8, inflightBytesMax: 8 } })
    elect(leader)
    matched(leader, B, 1)
    const effects = leader.propose('123456789012', '1', '2')
    expect(effects.sent('append-entries', B).map(({ message }) => indexes(message.entries))).toEqual([[2]])
    expect(
      matched(leader, B, 2)
        .sent('append-entries', B)
        .flatMap(({ message }) => indexes(message.entries)),
    ).toEqual([3, 4])
  })

  test('a rejection goes back to probing: one message at a time until logs agree', () => {
    const leader = new Member({ limits })
    elect(leader)
    matched(leader, B, 1)
    leader.propose('a', 'b', 'c', 'd')
    const tooShort = { prevIndex: asLogIndex(3), xTerm: null, xIndex: null, xLen: asLogIndex(1) }
    const probe = conflict(leader, B, tooShort).sent('append-entries', B)
    expect(probe.map(({ message }) => [message.prevIndex, indexes(message.entries)])).toEqual([[1, [2, 3]]])
    expect(leader.leader.progress.get(B)?.mode.type).toBe('probing')
    // Of the same loss
    expect(conflict(leader, B, { ...tooShort, prevIndex: asLogIndex(5) }).sent('append-entries')).toEqual([])
    expect(leader.propose('e').sent('append-entries', B)).toEqual([])
    const resumed = matched(leader, B, 3).sent('append-entries', B)
    expect(resumed.flatMap(({ message }) => indexes(message.entries))).toEqual([4, 5, 6])
  })

  test('a heartbeat finds what was lost last', () => {
    const leader = new Member()
    elect(leader)
    matched(leader, B, 1)
    leader.propose('lost')
    const [heartbeat] = leader.tick(2).sent('append-entries', B)
    expect(heartbeat?.message).toMatchObject({ prevIndex: 2, entries: [] })
    const tooShort = { prevIndex: asLogIndex(2), xTerm: null, xIndex: null, xLen: asLogIndex(1) }
    expect(
      conflict(leader, B, tooShort)
        .sent('append-entries', B)
        .flatMap(({ message }) => indexes(message.entries)),
    ).toEqual([2])
  })

  test('status shows each peer', () => {
    const leader = new Member()
    elect(leader)
    matched(leader, B, 1)
    expect(statusOf(leader.raft)).toMatchObject({
      role: 'leader',
      term: 1,
      leader: A,
      last: 1,
      commit: 1,
      peers: [
        { member: B, match: 1, next: 2, mode: 'pipelining' },
        { member: C, match: 0, next: 1, mode: 'probing' },
      ],
    })
  })
})
