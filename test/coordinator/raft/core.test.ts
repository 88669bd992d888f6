import { describe, expect, test } from 'vitest'
import type { PersistRecord, RaftOutbox } from '../../../coordinator/raft/events.ts'
import { asLogIndex, asMemberId, asTerm, asWriteId } from '../../../coordinator/raft/ids.ts'
import { checkRaftLimits, DEFAULT_RAFT_LIMITS } from '../../../coordinator/raft/limits.ts'
import { RaftLog } from '../../../coordinator/raft/log.ts'
import { EMPTY_SNAPSHOT } from '../../../coordinator/raft/state.ts'
import { step } from '../../../coordinator/raft/step.ts'
import { WriteLedger } from '../../../coordinator/raft/write-ledger.ts'
import { A, B, diskOf, elect, logOf, Member, seededRng } from './member.ts'

const SILENT: RaftOutbox = {
  persist: () => {},
  send: () => {},
  commit: () => {},
  proposed: () => {},
  rejectProposal: () => {},
  readReady: () => {},
  readRefused: () => {},
  readSnapshot: () => {},
  installSnapshot: () => {},
  roleChanged: () => {},
}

describe('term, vote and log never change unless something is persisted (Raft §5.1, AckAfterDurable)', () => {
  // Every step of every test here goes through `Member`, which compares; this shows that the comparison sees
  // a forgotten persist.
  const forgetful = (terms: readonly number[], act: (member: Member) => void) => () => {
    const member = new Member({ image: diskOf(2, terms) })
    act(member)
    member.checkPersisted()
  }

  test('the comparison fails on a forgotten term, vote and log', () => {
    const request = {
      type: 'vote-request',
      lastIndex: asLogIndex(9),
      lastTerm: asTerm(2),
      transfer: false,
    } as const
    const from = B
    const vote = (term: number) =>
      ({ type: 'message', from, message: { ...request, term: asTerm(term) } }) as const
    expect(forgetful([], (member) => step(member.raft, vote(3), SILENT))).toThrow('not persisted')
    expect(forgetful([], (member) => step(member.raft, vote(2), SILENT))).toThrow('not persisted')
    expect(forgetful([1, 2], (member) => member.raft.log.truncateFrom(asLogIndex(2)))).toThrow(
      'not persisted',
    )
    expect(forgetful([1], (member) => member.raft.log.append(logOf(1, 2).slice(1)))).toThrow('not persisted')
    expect(forgetful([1, 2], () => {})).not.toThrow()
  })

  test('a step that changes any of them names a write, and the messages of that step wait for it', () => {
    const member = new Member({ image: diskOf(1, [1]) })
    const effects = member.receive(B, {
      type: 'append-entries',
      term: asTerm(4),
      round: 1,
      prevIndex: asLogIndex(1),
      prevTerm: asTerm(1),
      commit: asLogIndex(0),
      entries: logOf(1, 4).slice(1),
    })
    const records: readonly PersistRecord[] = effects.of('persist').map(({ record }) => record)
    expect(records.map(({ write }) => write)).toEqual([1, 2])
    expect(effects.of('send').map(({ after }) => after)).toEqual([2])
  })
})

describe('determinism', () => {
  test('same state, same events, same effects', () => {
    const play = () => {
      const member = new Member({ rng: seededRng(7) })
      const effects = [...elect(member).all, ...member.propose('x', 'y').all, ...member.tick(20).all]
      return effects
    }
    expect(play()).toEqual(play())
  })
})

describe('the write ledger', () => {
  test('an older write does not make durable what was truncated after it', () => {
    const ledger = new WriteLedger(asLogIndex(2))
    ledger.issueLog(asLogIndex(5))
    ledger.truncated(asLogIndex(3))
    ledger.issueLog(asLogIndex(4))
    ledger.onDurable(asWriteId(1))
    expect(ledger.durableLast).toBe(3)
    ledger.onDurable(asWriteId(2))
    ledger.onDurable(asWriteId(1))
    expect(ledger.durableLast).toBe(4)
    expect(() => ledger.onDurable(asWriteId(3))).toThrow(RangeError)
  })
})

describe('the log', () => {
  test('terms are found by binary search', () => {
    const log = new RaftLog(EMPTY_SNAPSHOT, logOf(1, 1, 3, 3, 3, 6))
    expect([1, 3, 6].map((term) => log.lastOfTerm(asTerm(term)))).toEqual([2, 5, 6])
    expect([2, 5, 7].map((term) => log.lastOfTerm(asTerm(term)))).toEqual([null, null, null])
    expect([2, 4, 6].map((index) => log.firstOfTermAt(asLogIndex(index)))).toEqual([1, 3, 6])
  })

  test('bytes are counted through appends, truncations and compactions', () => {
    const log = new RaftLog(EMPTY_SNAPSHOT, logOf(1, 1, 1, 1, 1, 1)) // four bytes each
    log.truncateFrom(asLogIndex(6))
    log.compact(asLogIndex(2), { lastIndex: asLogIndex(2), lastTerm: asTerm(1) })
    log.append([{ term: asTerm(2), index: asLogIndex(6), command: new Uint8Array(10) }])
    expect(log.bytesBetween(asLogIndex(0), log.last)).toBe(22)
    expect(log.bytesBetween(asLogIndex(4), asLogIndex(5))).toBe(4)
    expect(log.batch(asLogIndex(3), { entriesMax: 9, bytesMax: 8 }).map(({ index }) => index)).toEqual([3, 4])
    expect(log.batch(asLogIndex(6), { entriesMax: 9, bytesMax: 1 }).map(({ index }) => index)).toEqual([6])
  })
})

describe('construction', () => {
  test('limits are checked against each other', () => {
    const limits = DEFAULT_RAFT_LIMITS
    expect(() => checkRaftLimits(limits)).not.toThrow()
    expect(() => checkRaftLimits({ ...limits, electionTicksMin: 4 })).toThrow(
      'electionTicksMin > 2 * heartbeatTicks',
    )
    expect(() => checkRaftLimits({ ...limits, electionTicksMax: 10 })).toThrow('electionTicksMax')
    expect(() => checkRaftLimits({ ...limits, inflightBytesMax: 10 })).toThrow('inflightBytesMax')
    expect(() => checkRaftLimits({ ...limits, batchEntriesMax: 0 })).toThrow('batchEntriesMax')
    expect(() => new Member({ limits: { heartbeatTicks: 9 } })).toThrow(RangeError)
  })

  test('voters are sorted, and none is named twice', () => {
    expect(new Member({ voters: ['c', 'a', 'b'] }).raft.voters).toEqual(['a', 'b', 'c'])
    expect(() => new Member({ voters: ['a', 'b', 'a'] })).toThrow(RangeError)
  })

  test('who is no voter calls no election', () => {
    const observer = new Member({ self: 'z', voters: [A, B, asMemberId('c')] })
    expect(observer.tick(100).all).toEqual([])
  })
})
