import { describe, expect, test } from 'vitest'
import { isUpToDate } from '../../../coordinator/raft/election.ts'
import { asLogIndex, asTerm, asWriteId } from '../../../coordinator/raft/ids.ts'
import { DEFAULT_RAFT_LIMITS } from '../../../coordinator/raft/limits.ts'
import { RaftLog } from '../../../coordinator/raft/log.ts'
import type { PreVoteRequest, RaftMessage, VoteRequest } from '../../../coordinator/raft/messages.ts'
import { EMPTY_SNAPSHOT } from '../../../coordinator/raft/state.ts'
import { A, B, C, diskOf, elect, logOf, Member } from './member.ts'

const { electionTicksMin, electionTicksMax } = DEFAULT_RAFT_LIMITS

const voteRequest = (term: number, lastIndex: number, lastTerm: number, transfer = false): VoteRequest => ({
  type: 'vote-request',
  term: asTerm(term),
  lastIndex: asLogIndex(lastIndex),
  lastTerm: asTerm(lastTerm),
  transfer,
})
const preVoteRequest = (term: number, lastIndex: number, lastTerm: number): PreVoteRequest => ({
  type: 'pre-vote-request',
  term: asTerm(term),
  lastIndex: asLogIndex(lastIndex),
  lastTerm: asTerm(lastTerm),
})
const heartbeat = (term: number): RaftMessage => ({
  type: 'append-entries',
  term: asTerm(term),
  round: 1,
  prevIndex: asLogIndex(0),
  prevTerm: asTerm(0),
  commit: asLogIndex(0),
  entries: [],
})
const upToDate = (candidate: readonly number[], voter: readonly number[]) => {
  const log = new RaftLog(EMPTY_SNAPSHOT, logOf(...voter))
  return isUpToDate({ lastTerm: asTerm(candidate.at(-1) ?? 0), lastIndex: asLogIndex(candidate.length) }, log)
}

describe('the election restriction (Raft §5.4.1)', () => {
  test('the longest log does not win: 5 6 7 against 5 8', () => {
    expect(upToDate([5, 6, 7], [5, 8])).toBe(false)
    expect(upToDate([5, 8], [5, 6, 7])).toBe(true)
  })

  test('in the same last term, at least the length', () => {
    expect(upToDate([1, 2], [1, 2])).toBe(true)
    expect(upToDate([1, 2, 2], [1, 2])).toBe(true)
    expect(upToDate([1, 2], [1, 2, 2])).toBe(false)
    expect(upToDate([], [])).toBe(true)
  })

  test('a voter with 5 8 refuses the candidate with 5 6 7, and stays free to vote for another with 5 8', () => {
    const voter = new Member({ image: diskOf(8, [5, 8]) })
    const refused = voter.receive(B, voteRequest(9, 3, 7))
    expect(refused.sent('vote-reply', B)[0]?.message.granted).toBe(false)
    expect(voter.raft.votedFor).toBe(null)
    expect(voter.receive(C, voteRequest(9, 2, 8)).sent('vote-reply', C)[0]?.message.granted).toBe(true)
  })
})

describe('votes (Raft §5.2)', () => {
  test('one vote a term, first come, first served; a repeated request gets the same answer', () => {
    const voter = new Member()
    expect(voter.receive(B, voteRequest(1, 0, 0)).sent('vote-reply')[0]?.message.granted).toBe(true)
    expect(voter.receive(C, voteRequest(1, 5, 0)).sent('vote-reply')[0]?.message.granted).toBe(false)
    const again = voter.receive(B, voteRequest(1, 0, 0))
    expect(again.sent('vote-reply')[0]?.message.granted).toBe(true)
    expect(again.of('persist')).toEqual([])
  })

  test('term and vote are durable before the reply that promises them (Raft §5.1)', () => {
    const voter = new Member()
    const effects = voter.receive(B, voteRequest(3, 0, 0))
    const vote = effects.of('persist').at(-1)?.record
    expect(vote?.hardState).toEqual({ term: 3, votedFor: B })
    expect(effects.sent('vote-reply')[0]?.after).toBe(vote?.write)
  })

  test('the vote survives a restart', () => {
    const voter = new Member()
    voter.receive(B, voteRequest(1, 0, 0))
    const restarted = new Member({ image: voter.image })
    expect(restarted.receive(C, voteRequest(1, 0, 0)).sent('vote-reply')[0]?.message.granted).toBe(false)
  })

  test('a candidate counts its own vote only once it is durable: alone it leads after `durable`', () => {
    const alone = new Member({ voters: ['a'] })
    alone.tick(electionTicksMin)
    expect(alone.raft.role.type).toBe('candidate')
    alone.durable()
    expect(alone.raft.role.type).toBe('leader')
    expect(alone.durable().committed).toEqual([1])
  })

  test('a majority makes a leader, which starts its term with a no-op (Raft §8)', () => {
    const member = new Member()
    const effects = elect(member)
    expect(member.raft.role.type).toBe('leader')
    expect(effects.of('role')).toEqual([{ type: 'role', role: 'leader', term: 1, leader: A }])
    expect(effects.sent('append-entries', B)[0]?.message.entries).toEqual([
      { term: 1, index: 1, command: null },
    ])
  })

  test('vote requests wait for the vote, and go to peers in sorted order', () => {
    const member = new Member({ self: 'b' })
    member.tick(electionTicksMin)
    const effects = member.receive(C, {
      type: 'pre-vote-reply',
      term: asTerm(0),
      forTerm: asTerm(0),
      granted: true,
    })
    const write = effects.of('persist')[0]?.record.write
    expect(effects.sent('vote-request').map(({ to, after }) => [to, after])).toEqual([
      [A, write],
      [C, write],
    ])
  })

  test('late, refused, repeated and strangers’ replies count for nothing', () => {
    const member = new Member({ voters: ['a', 'b', 'c', 'd', 'e'] })
    member.tick(electionTicksMin)
    for (const from of [B, C])
      member.receive(from, { type: 'pre-vote-reply', term: asTerm(0), forTerm: asTerm(0), granted: true })
    member.durable()
    const reply = { type: 'vote-reply', term: asTerm(1), granted: true } as const
    member.receive(B, reply)
    member.receive(B, reply)
    member.receive(C, { ...reply, granted: false })
    member.receive(C, { ...reply, term: asTerm(0) })
    member.receive('z' as typeof B, reply)
    expect(member.raft.role.type).toBe('candidate')
    member.receive(C, reply)
    expect(member.raft.role.type).toBe('leader')
  })

  test('election timeouts are drawn between the limits (Raft §5.2)', () => {
    for (const dice of [0, 0.5, 0.999]) {
      const member = new Member({ rng: { next: () => dice } })
      const due = electionTicksMin + Math.floor(dice * (electionTicksMax - electionTicksMin + 1))
      expect(member.tick(due - 1).sent('pre-vote-request')).toEqual([])
      expect(member.tick().sent('pre-vote-request')).toHaveLength(2)
    }
  })

  test('a second leader in one term violates ElectionSafety', () => {
    const member = new Member()
    member.receive(B, heartbeat(1))
    expect(() => member.receive(C, heartbeat(1))).toThrow('ElectionSafety')
  })
})

describe('pre-vote (Raft thesis §9.6)', () => {
  test('a timeout raises no term and persists nothing until a majority would grant its vote', () => {
    const member = new Member()
    const effects = member.tick(3 * electionTicksMax)
    expect(effects.of('persist')).toEqual([])
    expect(member.raft.term).toBe(0)
    expect(member.raft.role.type).toBe('pre-candidate')
    member.receive(B, { type: 'pre-vote-reply', term: asTerm(0), forTerm: asTerm(0), granted: true })
    expect([member.raft.role.type, member.raft.term, member.raft.votedFor]).toEqual(['candidate', 1, A])
  })

  test('granted only to a log that could win, in a term not behind, and it changes nothing here', () => {
    const voter = new Member({ image: diskOf(8, [5, 8]) })
    const granted = (request: PreVoteRequest) => {
      const effects = voter.receive(B, request)
      expect(effects.of('persist')).toEqual([])
      return effects.sent('pre-vote-reply')[0]?.message.granted
    }
    expect(granted(preVoteRequest(8, 2, 8))).toBe(true)
    expect(granted(preVoteRequest(8, 3, 7))).toBe(false)
    expect(granted(preVoteRequest(7, 2, 8))).toBe(false)
    expect(granted(preVoteRequest(12, 2, 8))).toBe(true)
    expect(voter.raft.term).toBe(8)
  })

  test('refused while a leader lives', () => {
    const voter = new Member()
    voter.receive(C, heartbeat(1))
    const granted = () => voter.receive(B, preVoteRequest(1, 0, 0)).sent('pre-vote-reply')[0]?.message.granted
    expect(granted()).toBe(false)
    voter.tick(electionTicksMin - 1)
    expect(granted()).toBe(false)
    voter.tick()
    expect(granted()).toBe(true)
  })

  test('a grant for an earlier term is late', () => {
    const member = new Member({ image: diskOf(4, []) })
    member.tick(electionTicksMin)
    member.receive(B, { type: 'pre-vote-reply', term: asTerm(4), forTerm: asTerm(3), granted: true })
    expect(member.raft.role.type).toBe('pre-candidate')
  })
})

describe('check-quorum (Raft thesis §6.2, §4.2.3)', () => {
  test('a leader that hears no majority resigns, and refuses its reads', () => {
    const leader = new Member()
    elect(leader)
    const effects = leader.tick(2 * electionTicksMin)
    expect(leader.raft.role.type).toBe('follower')
    expect(effects.of('role').at(-1)).toMatchObject({ role: 'follower', leader: null })
  })

  test('a leader that hears a majority stays', () => {
    const leader = new Member()
    elect(leader)
    for (let n = 0; n < 5 * electionTicksMin; n += 1) {
      leader.tick()
      const outcome = { type: 'matched', index: asLogIndex(1) } as const
      leader.receive(B, { type: 'append-reply', term: asTerm(1), round: 1, outcome })
    }
    expect(leader.raft.role.type).toBe('leader')
  })

  test('followers with a live leader do not answer a vote request, nor take its term', () => {
    const voter = new Member()
    voter.receive(C, heartbeat(1))
    const effects = voter.receive(B, voteRequest(7, 9, 6))
    expect(effects.all).toEqual([])
    expect(voter.raft.term).toBe(1)
  })

  test('nor does the leader', () => {
    const leader = new Member()
    elect(leader)
    expect(leader.receive(B, voteRequest(7, 9, 6)).all).toEqual([])
    expect(leader.raft.role.type).toBe('leader')
  })

  test('a transfer overrides it (Raft thesis §3.10)', () => {
    const voter = new Member()
    voter.receive(C, heartbeat(1))
    expect(voter.receive(B, voteRequest(2, 9, 1, true)).sent('vote-reply')[0]?.message.granted).toBe(true)
  })
})

describe('terms (Raft §5.1)', () => {
  test('a higher term makes a leader a follower', () => {
    const leader = new Member()
    elect(leader)
    const effects = leader.receive(B, { type: 'vote-reply', term: asTerm(5), granted: false })
    expect([leader.raft.role.type, leader.raft.term, leader.raft.votedFor]).toEqual(['follower', 5, null])
    expect(effects.of('persist')[0]?.record).toEqual({
      write: asWriteId(3),
      hardState: { term: 5, votedFor: null },
    })
  })

  test('a stale leader is told the new term, in a reply that confirms none of its rounds', () => {
    const member = new Member({ image: diskOf(5, []) })
    const [reply] = member.receive(B, heartbeat(3)).sent('append-reply', B)
    expect(reply?.message).toMatchObject({ term: 5, round: 0 })
    expect(member.raft.leader).toBe(null)
  })

  test('a stale candidate is told the new term', () => {
    const member = new Member({ image: diskOf(5, []) })
    const [reply] = member.receive(B, voteRequest(4, 9, 4)).sent('vote-reply', B)
    expect(reply?.message).toEqual({ type: 'vote-reply', term: 5, granted: false })
  })
})
