import { describe, expect, test } from 'vitest'
import type { RejectReason } from '../../../coordinator/raft/events.ts'
import { asLogIndex, asMemberId, asProposalId, asTerm, type MemberId } from '../../../coordinator/raft/ids.ts'
import type { LogEntry } from '../../../coordinator/raft/log.ts'
import { decodeMembership, encodeMembership, type MemberRow } from '../../../coordinator/raft/membership.ts'
import { A, B, bytesOf, C, diskOf, type Effects, elect, Member } from './member.ts'

const D = asMemberId('d')
const voter = (id: MemberId): MemberRow => ({ id, voter: true, address: `at ${id}` })
const learner = (id: MemberId): MemberRow => ({ ...voter(id), voter: false })

const change = (member: Member, ...members: MemberRow[]): Effects =>
  member.step({ type: 'change-membership', id: asProposalId(9), members })
const refused = (effects: Effects): (RejectReason | undefined)[] =>
  effects.of('rejected').map(({ reason }) => reason)

/** This member holds all of the leader's log. */
function matched(leader: Member, from: MemberId): Effects {
  const { term, log } = leader.raft
  const outcome = { type: 'matched', index: log.last } as const
  return leader.receive(from, { type: 'append-reply', term, round: 1, outcome })
}

/** `a` leads b and c, and its first entry is committed. */
function settledLeader(): Member {
  const leader = new Member()
  elect(leader)
  matched(leader, B)
  return leader
}

describe('a change of membership (Raft thesis §4.1)', () => {
  test('counts as soon as it is in the leader’s log: a new voter must agree to its own addition', () => {
    const leader = settledLeader()
    const effects = change(leader, voter(A), voter(B), voter(C), voter(D))
    expect(leader.raft.voters).toEqual([A, B, C, D])
    expect(effects.sent('append-entries', D)).toHaveLength(1)
    leader.durable()
    expect(matched(leader, B).committed).toEqual([]) // two of four
    expect(matched(leader, D).committed).toEqual([2])
  })

  test('only one voter comes or goes at a time, and one is left', () => {
    const leader = settledLeader()
    expect(refused(change(leader, voter(A), voter(B)))).toEqual([])
    const other = settledLeader()
    expect(refused(change(other, voter(A)))).toEqual(['not-one-change'])
    expect(refused(change(other, voter(A), voter(B), voter(D)))).toEqual(['not-one-change'])
    expect(refused(change(other, voter(A), voter(B), learner(C), learner(D)))).toEqual([])
  })

  test('the next one waits until this one is committed', () => {
    const leader = settledLeader()
    change(leader, voter(A), voter(B), voter(C), voter(D))
    expect(refused(change(leader, voter(A), voter(B), voter(C)))).toEqual(['change-pending'])
    leader.durable()
    matched(leader, B)
    matched(leader, C)
    expect(refused(change(leader, voter(A), voter(B), voter(C)))).toEqual([])
  })

  test('a leader first commits an entry of its own term: else two changes, each unseen by the other, could both be committed', () => {
    // S1 led term 1 and has appended the addition of d, which nobody else holds. S2, `a` here, was elected without it.
    const leader = new Member()
    elect(leader)
    expect(refused(change(leader, voter(A), voter(B)))).toEqual(['change-pending'])
    // Its first entry is on the disks of a and b: whoever led before can be elected no more, and what it had not committed is void.
    matched(leader, B)
    expect(refused(change(leader, voter(A), voter(B)))).toEqual([])
  })

  test('the story of that bug (Ongaro, raft-dev, July 2015) ends well', () => {
    const four = ['a', 'b', 'c', 'd']
    const E = asMemberId('e')
    // 1. `a` leads term 1 and appends the addition of `e`, which reaches nobody else.
    const image = diskOf(1, [1])
    const command = encodeMembership([A, B, C, D, E].map(voter))
    image.entries.push({ term: asTerm(1), index: asLogIndex(2), command })
    const a = new Member({ voters: four, image })
    // 2. `b` is elected in term 2 by c and d, and is asked to remove `a`. Without the rule b and c, two of three, would commit that.
    const b = new Member({ self: 'b', voters: four, image: diskOf(1, [1]) })
    elect(b)
    expect(refused(change(b, voter(B), voter(C), voter(D)))).toEqual(['change-pending'])
    // 3. With it, three of four first hold b's first entry: d among them.
    const d = new Member({ self: 'd', voters: four, image: diskOf(1, [1]) })
    const { term, log } = b.raft
    d.receive(B, {
      type: 'append-entries',
      term,
      round: 1,
      prevIndex: asLogIndex(1),
      prevTerm: asTerm(1),
      commit: asLogIndex(0),
      entries: log.slice(asLogIndex(2), log.last),
    })
    expect(matched(b, C).committed).toEqual([])
    expect(matched(b, D).committed).toEqual([1, 2])
    expect(refused(change(b, voter(B), voter(C), voter(D)))).toEqual([])
    // 4. `a` comes back and wants to lead a, d and e, three of its five: d refuses, and what b committed is safe.
    d.tick(100)
    const { lastTerm, last: lastIndex } = a.raft.log
    const request = { type: 'vote-request', term: asTerm(9), lastIndex, lastTerm, transfer: false } as const
    expect(d.receive(A, request).sent('vote-reply')[0]?.message.granted).toBe(false)
  })

  test('an entry that is overwritten takes its configuration with it', () => {
    const image = diskOf(1, [1])
    const dropped: LogEntry = {
      term: asTerm(1),
      index: asLogIndex(2),
      command: encodeMembership([voter(A), voter(B), voter(C), voter(D)]),
    }
    image.entries.push(dropped)
    const follower = new Member({ image })
    expect(follower.raft.voters).toEqual([A, B, C, D])
    const entry = { term: asTerm(2), index: asLogIndex(2), command: bytesOf('x') }
    follower.receive(B, {
      type: 'append-entries',
      term: asTerm(2),
      round: 1,
      prevIndex: asLogIndex(1),
      prevTerm: asTerm(1),
      commit: asLogIndex(0),
      entries: [entry],
    })
    expect(follower.raft.voters).toEqual([A, B, C])
  })
})

describe('learners (thesis §4.2.1)', () => {
  test('get the log, and count neither for commits nor for the quorum that a leader must hear', () => {
    const leader = settledLeader()
    change(leader, voter(A), voter(B), voter(C), learner(D))
    leader.durable()
    expect(matched(leader, D).committed).toEqual([])
    expect(matched(leader, B).committed).toEqual([2])
    leader.tick(10)
    matched(leader, D)
    leader.tick(10)
    expect(leader.raft.role.type).toBe('follower')
  })

  test('never stand for election, and are handed no leadership', () => {
    const image = diskOf(1, [])
    image.entries.push({
      term: asTerm(1),
      index: asLogIndex(1),
      command: encodeMembership([learner(A), voter(B), voter(C)]),
    })
    const own = new Member({ image, membership: null, voters: [] })
    expect(own.tick(100).of('send')).toEqual([])
    const leader = settledLeader()
    change(leader, voter(A), voter(B), voter(C), learner(D))
    leader.step({ type: 'transfer-leadership', to: D })
    expect(leader.leader.transfer).toBeNull()
  })
})

describe('removal', () => {
  test('a leader that removes itself leads on until that is committed, does not count itself, then lets another one take over (thesis §4.2.2)', () => {
    const leader = settledLeader()
    change(leader, voter(B), voter(C))
    leader.durable()
    expect(matched(leader, B).committed).toEqual([])
    expect(leader.raft.role.type).toBe('leader')
    const effects = matched(leader, C)
    expect(effects.committed).toEqual([2])
    expect(effects.sent('timeout-now', B)).toHaveLength(1)
    expect(leader.raft.role.type).toBe('follower')
    expect(leader.tick(100).of('send')).toEqual([]) // and never stands again
  })

  test('who is removed hears of it, then of nothing any more', () => {
    const leader = settledLeader()
    matched(leader, C)
    const effects = change(leader, voter(A), voter(B))
    expect(effects.sent('append-entries', C)[0]?.message.entries).toHaveLength(1)
    leader.durable()
    expect(matched(leader, B).sent('append-entries', C).at(-1)?.message.commit).toBe(2)
    expect(leader.tick(10).sent('append-entries', C)).toEqual([])
  })

  test('a removed member disturbs nobody: while a leader lives, neither a vote nor a pre-vote is answered with yes (thesis §4.2.3)', () => {
    const follower = new Member({ self: 'b' })
    follower.receive(A, {
      type: 'append-entries',
      term: asTerm(1),
      round: 1,
      prevIndex: asLogIndex(0),
      prevTerm: asTerm(0),
      commit: asLogIndex(0),
      entries: [],
    })
    const last = { lastIndex: asLogIndex(9), lastTerm: asTerm(1) }
    const asked = follower.receive(C, { type: 'pre-vote-request', term: asTerm(1), ...last })
    expect(asked.sent('pre-vote-reply')[0]?.message.granted).toBe(false)
    follower.receive(C, { type: 'vote-request', term: asTerm(7), ...last, transfer: false })
    expect(follower.raft.term).toBe(1)
  })

  test('who is left out by what may never be committed may still have to lead (thesis §4.2.2)', () => {
    const image = diskOf(1, [1])
    image.entries.push({
      term: asTerm(1),
      index: asLogIndex(2),
      command: encodeMembership([voter(B), voter(C)]),
    })
    const left = new Member({ image })
    elect(left)
    expect(left.raft.role.type).toBe('leader')
  })
})

test('a snapshot brings the configuration that it was taken under', () => {
  const leader = settledLeader()
  change(leader, voter(A), voter(B), voter(C), learner(D))
  const { memberships } = leader.raft
  const joiner = new Member({ self: 'd', voters: [] })
  const meta = { lastIndex: asLogIndex(2), lastTerm: asTerm(1) }
  joiner.receive(A, {
    type: 'snapshot-chunk',
    term: asTerm(1),
    round: 1,
    serial: 1,
    meta,
    membership: memberships.at(-1) ?? null,
    offset: 0,
    bytes: bytesOf('state'),
    done: true,
  })
  expect(joiner.raft.voters).toEqual([A, B, C])
  expect(joiner.raft.memberships.at(-1)?.members.map(({ address }) => address)).toContain('at d')
})

test('commands of other kinds are no configurations', () => {
  expect(decodeMembership(null)).toBeNull()
  expect(decodeMembership(bytesOf('CT'))).toBeNull()
  expect(decodeMembership(encodeMembership([voter(B), learner(A)]))).toEqual([learner(A), voter(B)])
})
