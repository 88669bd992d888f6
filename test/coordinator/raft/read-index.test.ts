import { describe, expect, test } from 'vitest'
import type { MemberId } from '../../../coordinator/raft/ids.ts'
import { asLogIndex, asReadId, asTerm } from '../../../coordinator/raft/ids.ts'
import { A, B, C, elect, Member } from './member.ts'

const read = (member: Member, id: number) => member.step({ type: 'read-index', id: asReadId(id) })
const answerRound = (leader: Member, from: MemberId, round: number, index = 1) =>
  leader.receive(from, {
    type: 'append-reply',
    term: leader.raft.term,
    round,
    outcome: { type: 'matched', index: asLogIndex(index) },
  })
const lead = (): Member => {
  const leader = new Member()
  elect(leader)
  answerRound(leader, B, 1)
  return leader
}
const follow = (member: Member, term: number, commit = 0) =>
  member.receive(B, {
    type: 'append-entries',
    term: asTerm(term),
    round: 1,
    prevIndex: asLogIndex(0),
    prevTerm: asTerm(0),
    commit: asLogIndex(commit),
    entries: [1, 2, 3].map((index) => ({ term: asTerm(1), index: asLogIndex(index), command: null })),
  })

describe('ReadIndex at the leader (Raft §8, thesis §6.4)', () => {
  test('a read is served once a round of heartbeats that began after it is confirmed', () => {
    const leader = lead()
    const asked = read(leader, 7)
    expect(asked.sent('append-entries').map(({ message }) => message.round)).toEqual([2, 2])
    expect(asked.of('read-ready')).toEqual([])
    expect(answerRound(leader, B, 1).of('read-ready')).toEqual([]) // of a round before it
    expect(answerRound(leader, B, 2).of('read-ready')).toEqual([{ type: 'read-ready', id: 7, index: 1 }])
  })

  test('reads that arrive meanwhile share the next round, not the one in flight', () => {
    const leader = lead()
    read(leader, 1)
    for (const id of [2, 3]) expect(read(leader, id).sent('append-entries')).toEqual([])
    const first = answerRound(leader, C, 2)
    expect(first.of('read-ready').map(({ id }) => id)).toEqual([1])
    expect(first.sent('append-entries', B)[0]?.message.round).toBe(3)
    expect(
      answerRound(leader, C, 3)
        .of('read-ready')
        .map(({ id }) => id),
    ).toEqual([2, 3])
  })

  test('a lost round is confirmed by the next heartbeat', () => {
    const leader = lead()
    read(leader, 1)
    const [heartbeat] = leader.tick(2).sent('append-entries', B)
    expect(answerRound(leader, B, heartbeat?.message.round ?? 0).of('read-ready')).toHaveLength(1)
  })

  test('not before an entry of the own term is committed (Raft §8)', () => {
    const leader = new Member()
    elect(leader)
    expect(read(leader, 1).all).toEqual([])
    const committed = answerRound(leader, B, 1)
    expect(committed.committed).toEqual([1])
    expect(committed.of('read-ready')).toEqual([])
    expect(answerRound(leader, B, 2).of('read-ready')).toHaveLength(1)
  })

  test('alone it is a quorum', () => {
    const alone = new Member({ voters: ['a'] })
    elect(alone)
    expect(read(alone, 1).of('read-ready')).toEqual([{ type: 'read-ready', id: 1, index: 1 }])
  })

  test('reads of a leader that resigns are refused', () => {
    const leader = lead()
    read(leader, 1)
    read(leader, 2)
    const effects = leader.receive(B, { type: 'vote-reply', term: asTerm(9), granted: false })
    expect(effects.of('read-refused').map(({ id }) => id)).toEqual([1, 2])
  })

  test('a reply of a lower term that returns when we lead the higher one confirms nothing', () => {
    const follower = new Member({ self: 'b' })
    follow(follower, 5)
    const stale = {
      type: 'append-entries',
      term: asTerm(3),
      round: 99,
      prevIndex: asLogIndex(0),
      prevTerm: asTerm(0),
      commit: asLogIndex(0),
      entries: [],
    } as const
    expect(follower.receive(A, stale).sent('append-reply')[0]?.message.round).toBe(0)
  })
})

describe('ReadIndex at a follower', () => {
  const pending = { limits: { pendingReadsMax: 2, readTicksMax: 8 }, rng: { next: () => 0.25 } }

  test('batches go to the leader, and are served once committed that far', () => {
    const member = new Member(pending)
    follow(member, 1, 1)
    const [request] = read(member, 1).sent('read-index-request', B)
    expect(read(member, 2).sent('read-index-request')).toEqual([]) // shares the next one
    if (request === undefined) throw new Error('not asked')
    const { life, batch, term } = request.message
    const reply = { type: 'read-index-reply', term, life, batch, index: asLogIndex(3) } as const
    const answered = member.receive(B, reply)
    expect(answered.of('read-ready')).toEqual([])
    expect(answered.sent('read-index-request', B)[0]?.message).toMatchObject({ life, batch: batch + 1 })
    const reached = follow(member, 1, 3)
    expect(reached.committed).toEqual([2, 3])
    expect(reached.all.at(-1)).toEqual({ type: 'read-ready', id: 1, index: 3 }) // after the commit
    expect(member.receive(B, reply).of('read-ready')).toEqual([]) // repeated
  })

  test('an ancient reply to an earlier life of this process answers nothing', () => {
    const member = new Member(pending)
    follow(member, 1, 1)
    const [request] = read(member, 1).sent('read-index-request')
    const life = (request?.message.life ?? 0) + 1
    const ancient = {
      type: 'read-index-reply',
      term: asTerm(1),
      life,
      batch: 1,
      index: asLogIndex(0),
    } as const
    expect(member.receive(B, ancient).all).toEqual([])
  })

  test('a lost request is repeated, and given up in the end', () => {
    const member = new Member(pending)
    follow(member, 1, 1)
    read(member, 1)
    expect(member.tick(2).sent('read-index-request')).toHaveLength(1)
    expect(member.tick(6).of('read-refused')).toEqual([{ type: 'read-refused', id: 1 }])
  })

  test('refused without a leader, with a new leader, by the leader, and beyond the bound', () => {
    const member = new Member(pending)
    expect(read(member, 1).of('read-refused')).toHaveLength(1)
    follow(member, 1, 1)
    const [request] = read(member, 2).sent('read-index-request')
    read(member, 3)
    expect(
      read(member, 4)
        .of('read-refused')
        .map(({ id }) => id),
    ).toEqual([4])
    const { life, batch, term } = request?.message ?? { life: 0, batch: 0, term: asTerm(1) }
    const refused = member.receive(B, { type: 'read-index-reply', term, life, batch, index: null })
    expect(refused.of('read-refused').map(({ id }) => id)).toEqual([2])
    const deposed = member.receive(C, { type: 'vote-reply', term: asTerm(2), granted: false })
    expect(deposed.of('read-refused').map(({ id }) => id)).toEqual([3])
  })

  test('the leader answers a forwarded batch once, after a round', () => {
    const leader = lead()
    const request = { type: 'read-index-request', term: asTerm(1), life: 5, batch: 9 } as const
    leader.receive(C, request)
    leader.receive(C, request)
    const [reply] = answerRound(leader, B, 2).sent('read-index-reply', C)
    expect(reply?.message).toEqual({ type: 'read-index-reply', term: 1, life: 5, batch: 9, index: 1 })
  })

  test('whoever does not lead refuses', () => {
    const member = new Member()
    const request = { type: 'read-index-request', term: asTerm(0), life: 5, batch: 9 } as const
    expect(member.receive(C, request).sent('read-index-reply', C)[0]?.message.index).toBe(null)
  })
})
