import { describe, expect, test } from 'vitest'
import { asLogIndex, asMemberId, asTerm } from '../../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../../coordinator/raft/limits.ts'
import { A, B, C, elect, Member } from './member.ts'

const matched = (leader: Member, index: number) =>
  leader.receive(B, {
    type: 'append-reply',
    term: leader.raft.term,
    round: 1,
    outcome: { type: 'matched', index: asLogIndex(index) },
  })

describe('leadership transfer (Raft thesis §3.10)', () => {
  test('the target is told to go once it holds the whole log', () => {
    const leader = new Member()
    elect(leader)
    expect(leader.step({ type: 'transfer-leadership', to: B }).sent('timeout-now')).toEqual([])
    expect(
      matched(leader, 1)
        .sent('timeout-now')
        .map(({ to }) => to),
    ).toEqual([B])
  })

  test('meanwhile proposals are rejected, naming the target', () => {
    const leader = new Member()
    elect(leader)
    leader.step({ type: 'transfer-leadership', to: B })
    expect(leader.propose('x').of('rejected')).toEqual([
      { type: 'rejected', id: 1, leader: B, reason: 'transferring' },
    ])
  })

  test('a target that does not take over in time is given up', () => {
    const leader = new Member()
    elect(leader)
    leader.step({ type: 'transfer-leadership', to: B })
    for (let n = 0; n < DEFAULT_RAFT_LIMITS.electionTicksMax; n += 1) {
      leader.tick()
      matched(leader, 0)
    }
    expect(leader.propose('x').of('proposed')).toHaveLength(1)
  })

  test('no effect elsewhere, to itself, to a stranger', () => {
    const leader = new Member()
    expect(leader.step({ type: 'transfer-leadership', to: B }).all).toEqual([])
    elect(leader)
    for (const to of [A, asMemberId('z')]) leader.step({ type: 'transfer-leadership', to })
    expect(leader.propose('x').of('proposed')).toHaveLength(1)
  })

  test('timeout-now: an election at once, without pre-vote, that live leaders do not hinder', () => {
    const member = new Member()
    const heartbeat = {
      type: 'append-entries',
      term: asTerm(1),
      round: 1,
      prevIndex: asLogIndex(0),
      prevTerm: asTerm(0),
      commit: asLogIndex(0),
      entries: [],
    } as const
    member.receive(B, heartbeat)
    const effects = member.receive(B, { type: 'timeout-now', term: asTerm(1) })
    expect(effects.sent('vote-request').map(({ message }) => [message.term, message.transfer])).toEqual([
      [2, true],
      [2, true],
    ])
    expect(member.receive(B, { type: 'timeout-now', term: asTerm(1) }).all).toEqual([]) // repeated
  })

  test('timeout-now from anyone but the leader of this term is ignored', () => {
    const member = new Member()
    expect(member.receive(C, { type: 'timeout-now', term: asTerm(0) }).all).toEqual([])
    expect(member.raft.role.type).toBe('follower')
  })
})
