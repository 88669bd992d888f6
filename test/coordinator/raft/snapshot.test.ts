import { describe, expect, test } from 'vitest'
import type { SnapshotPart } from '../../../coordinator/raft/events.ts'
import { asLogIndex, asMemberId, asTerm } from '../../../coordinator/raft/ids.ts'
import type { SnapshotMeta } from '../../../coordinator/raft/log.ts'
import type { SnapshotChunk, SnapshotReply } from '../../../coordinator/raft/messages.ts'
import { A, B, bytesOf, C, diskOf, elect, logOf, Member, textOf } from './member.ts'

const metaOf = (lastIndex: number, lastTerm: number): SnapshotMeta => ({
  lastIndex: asLogIndex(lastIndex),
  lastTerm: asTerm(lastTerm),
})
const STATE = 'the whole state'
const limits = { snapshotChunkBytesMax: 6, snapshotRetryTicks: 4, retainedEntriesMax: 0 }

const part = (meta: SnapshotMeta, offset: number): SnapshotPart => ({
  meta,
  offset,
  bytes: bytesOf(STATE.slice(offset, offset + 6)),
  done: offset + 6 >= STATE.length,
})
const chunk = (meta: SnapshotMeta, offset: number, term = 3): SnapshotChunk => ({
  type: 'snapshot-chunk',
  term: asTerm(term),
  round: 1,
  serial: 1 + offset / 6,
  membership: null,
  ...part(meta, offset),
})

/** A leader of term 3 whose log up to 4 has been compacted, while `b` holds nothing. */
function compactedLeader(): Member {
  const leader = new Member({ limits, image: diskOf(2, [1, 1, 2, 2]) })
  elect(leader)
  leader.receive(C, {
    type: 'append-reply',
    term: asTerm(3),
    round: 1,
    outcome: { type: 'matched', index: asLogIndex(5) },
  })
  leader.image.compact({ meta: metaOf(4, 2), bytes: bytesOf(STATE) }, true)
  leader.step({ type: 'compacted', meta: metaOf(4, 2) })
  return leader
}

/** `b` says that its log is empty. */
const emptyLog = (leader: Member) =>
  leader.receive(B, {
    type: 'append-reply',
    term: asTerm(3),
    round: 1,
    outcome: { type: 'conflict', prevIndex: asLogIndex(4), xTerm: null, xIndex: null, xLen: asLogIndex(0) },
  })
const read = (leader: Member, of: SnapshotPart) =>
  leader.step({ type: 'snapshot-chunk-read', to: B, ...of }).sent('snapshot-chunk', B)
const reply = (serial: number, nextOffset: number, installed = false): SnapshotReply => ({
  type: 'snapshot-reply',
  term: asTerm(3),
  round: 1,
  serial,
  lastIndex: asLogIndex(4),
  installed,
  nextOffset,
})

describe('log compaction (Raft §7)', () => {
  test('the prefix goes, its last term stays', () => {
    const { log } = compactedLeader().raft
    expect([log.base, log.snapshot, log.last]).toEqual([metaOf(4, 2), metaOf(4, 2), 5])
    expect([log.termAt(asLogIndex(3)), log.termAt(asLogIndex(4))]).toEqual([null, 2])
  })

  test('a few entries are retained, within both bounds', () => {
    const member = new Member({ limits: { retainedEntriesMax: 3, retainedBytesMax: 9 }, voters: ['a'] })
    elect(member)
    member.propose('1234', '1234', '1234', '1234')
    member.durable()
    member.image.compact({ meta: metaOf(4, 1), bytes: bytesOf('') }, false)
    member.step({ type: 'compacted', meta: metaOf(4, 1) })
    expect(member.raft.log.base.lastIndex).toBe(2)
    expect(member.raft.log.snapshot).toEqual(metaOf(4, 1))
  })

  test('a snapshot of what is not committed violates StateMachineSafety; a stale one is ignored', () => {
    const leader = compactedLeader()
    expect(() => leader.step({ type: 'compacted', meta: metaOf(6, 3) })).toThrow('StateMachineSafety')
    expect(leader.step({ type: 'compacted', meta: metaOf(2, 1) }).all).toEqual([])
    expect(leader.raft.log.snapshot).toEqual(metaOf(4, 2))
  })
})

describe('InstallSnapshot, leader (Raft §7)', () => {
  test('a follower that lacks compacted entries gets the snapshot, chunk by chunk, and then the rest of the log', () => {
    const leader = compactedLeader()
    expect(emptyLog(leader).of('read-snapshot')).toEqual([
      { type: 'read-snapshot', to: B, meta: null, offset: 0, bytesMax: 6 },
    ])
    const meta = metaOf(4, 2)
    for (const [serial, offset] of [
      [1, 0],
      [2, 6],
    ] as const) {
      expect(read(leader, part(meta, offset))[0]?.message).toEqual({ ...chunk(meta, offset), serial })
      const next = leader.receive(B, reply(serial, offset + 6)).of('read-snapshot')
      expect(next).toMatchObject([{ meta, offset: offset + 6 }])
    }
    expect(read(leader, part(meta, 12))[0]?.message.done).toBe(true)
    const after = leader.receive(B, reply(3, 0, true))
    expect(after.sent('append-entries', B)[0]?.message).toMatchObject({ prevIndex: 4, prevTerm: 2 })
    expect(leader.leader.progress.get(B)).toMatchObject({ match: 4, next: 6, mode: { type: 'pipelining' } })
  })

  test('a chunk without an answer is read and sent again', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    read(leader, part(metaOf(4, 2), 0))
    expect(leader.tick(3).of('read-snapshot')).toEqual([])
    expect(leader.tick(1).of('read-snapshot')).toMatchObject([{ offset: 0, meta: metaOf(4, 2) }])
  })

  test('repeated replies, and chunks read twice, do not start a second copy', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    read(leader, part(metaOf(4, 2), 0))
    expect(read(leader, part(metaOf(4, 2), 0))).toEqual([])
    leader.receive(B, reply(1, 6))
    expect(leader.receive(B, reply(1, 6)).of('read-snapshot')).toEqual([])
    read(leader, part(metaOf(4, 2), 6))
    expect(leader.receive(B, reply(1, 6)).of('read-snapshot')).toEqual([])
  })

  test('a follower that restarted asks to start over', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    read(leader, part(metaOf(4, 2), 0))
    leader.receive(B, reply(1, 6))
    read(leader, part(metaOf(4, 2), 6))
    expect(leader.receive(B, reply(2, 0)).of('read-snapshot')).toMatchObject([{ offset: 0 }])
  })

  test('where the runtime has a newer snapshot by now, that one is sent from its start', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    read(leader, part(metaOf(4, 2), 0))
    leader.receive(B, reply(1, 6))
    expect(read(leader, part(metaOf(5, 3), 6))).toEqual([])
    expect(read(leader, part(metaOf(5, 3), 0))[0]?.message).toMatchObject({ meta: metaOf(5, 3), offset: 0 })
  })

  test('a snapshot that is compacted away while it travels is followed by the next one', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    read(leader, part(metaOf(4, 2), 0))
    leader.image.compact({ meta: metaOf(5, 3), bytes: bytesOf(STATE) }, true)
    leader.step({ type: 'compacted', meta: metaOf(5, 3) })
    const after = leader.receive(B, reply(1, 0, true))
    expect(after.of('read-snapshot')).toMatchObject([{ meta: null, offset: 0 }])
  })

  test('chunks are bounded: a larger one is a bug of the runtime', () => {
    const leader = compactedLeader()
    emptyLog(leader)
    const tooLarge = { meta: metaOf(4, 2), offset: 0, bytes: bytesOf(STATE), done: true }
    expect(() => read(leader, tooLarge)).toThrow(RangeError)
  })
})

describe('InstallSnapshot, follower (Raft §7)', () => {
  const meta = metaOf(4, 2)

  test('chunks go to the runtime; the last one replaces log and state, and the reply waits for it', () => {
    const follower = new Member({ image: diskOf(2, [1, 1, 1, 1, 1]) })
    expect(follower.receive(B, chunk(meta, 0)).sent('snapshot-reply')[0]?.message).toMatchObject({
      installed: false,
      nextOffset: 6,
    })
    follower.receive(B, chunk(meta, 6))
    expect(follower.terms).toEqual([1, 1, 1, 1, 1])
    const effects = follower.receive(B, chunk(meta, 12))
    const [install] = effects.of('install')
    const [answer] = effects.sent('snapshot-reply', B)
    expect(answer).toMatchObject({ after: install?.write, message: { installed: true, lastIndex: 4 } })
    expect(textOf(follower.image.snapshot.bytes)).toBe(STATE)
    expect([follower.raft.commit, follower.raft.log.last, follower.raft.log.lastTerm]).toEqual([4, 4, 2])
  })

  test('late, repeated and ancient chunks change nothing', () => {
    const follower = new Member()
    follower.receive(B, chunk(meta, 0))
    expect(follower.receive(B, chunk(meta, 12)).of('install')).toEqual([]) // one is missing
    follower.receive(B, chunk(meta, 6))
    const again = follower.receive(B, chunk(meta, 0))
    expect(again.of('install')).toEqual([])
    expect(again.sent('snapshot-reply')[0]?.message).toMatchObject({ installed: false, nextOffset: 12 })
    expect(follower.receive(B, chunk(metaOf(2, 1), 0)).of('install')).toEqual([]) // an older snapshot
    follower.receive(B, chunk(meta, 12))
    for (const offset of [0, 6, 12]) {
      const late = follower.receive(B, chunk(meta, offset))
      expect(late.of('install')).toEqual([])
      expect(late.sent('snapshot-reply')[0]?.message.installed).toBe(true)
    }
    const stale = follower.receive(B, chunk(metaOf(9, 2), 0, 2))
    expect(stale.of('install')).toEqual([])
    expect(stale.sent('snapshot-reply')[0]?.message).toMatchObject({ term: 3, round: 0, serial: 0 })
  })

  test('chunks of two leaders are never mixed', () => {
    const follower = new Member()
    follower.receive(B, chunk(meta, 0))
    const other = follower.receive(C, chunk(meta, 6, 4))
    expect(other.of('install')).toEqual([])
    expect(other.sent('snapshot-reply')[0]?.message.nextOffset).toBe(0)
    expect(follower.receive(C, chunk(meta, 0, 4)).of('install')).toHaveLength(1)
  })

  test('a log that has the snapshot’s last entry keeps what follows it (Raft §7, receiver rule 6)', () => {
    const follower = new Member({ image: diskOf(2, [1, 1, 2, 2, 2]) })
    const effects = follower.receive(B, chunk(meta, 0))
    expect(effects.committed).toEqual([1, 2, 3, 4])
    expect(effects.of('install')).toEqual([])
    expect(effects.sent('snapshot-reply')[0]?.message.installed).toBe(true)
    expect(follower.raft.log.last).toBe(5)
  })

  test('entries follow the snapshot', () => {
    const follower = new Member()
    for (const offset of [0, 6, 12]) follower.receive(B, chunk(meta, offset))
    const effects = follower.receive(B, {
      type: 'append-entries',
      term: asTerm(3),
      round: 2,
      prevIndex: asLogIndex(2),
      prevTerm: asTerm(1),
      commit: asLogIndex(5),
      entries: logOf(1, 1, 2, 2, 3).slice(2),
    })
    expect(effects.committed).toEqual([5])
    expect(effects.sent('append-reply')[0]?.message.outcome).toEqual({ type: 'matched', index: 5 })
  })
})

describe('restart', () => {
  test('from snapshot and log: what the snapshot covers is skipped, the rest is not committed yet', () => {
    const image = diskOf(2, [1, 1, 2, 2, 2])
    image.snapshot = { meta: metaOf(3, 2), bytes: bytesOf(STATE) }
    const { raft } = new Member({ image })
    expect([raft.log.base.lastIndex, raft.log.last, raft.commit]).toEqual([3, 5, 3])
  })

  for (const [name, terms] of [
    ['disagrees with it', [1, 1, 1, 1, 1]],
    ['ends before it', [1, 1]],
  ] as const) {
    test(`a crash after "snapshot stored", before "log dropped": a log that ${name} goes, with the next entry written`, () => {
      const image = diskOf(2, terms)
      image.snapshot = { meta: metaOf(3, 2), bytes: bytesOf(STATE) }
      const member = new Member({ image })
      expect([member.raft.log.last, member.raft.log.lastTerm]).toEqual([3, 2])
      const effects = member.receive(asMemberId('b'), {
        type: 'append-entries',
        term: asTerm(2),
        round: 1,
        prevIndex: asLogIndex(3),
        prevTerm: asTerm(2),
        commit: asLogIndex(3),
        entries: logOf(1, 1, 2, 2).slice(3),
      })
      expect(effects.of('persist')[0]?.record.truncateFrom).toBe(1)
      expect(new Member({ image: member.image }).raft.log.last).toBe(4)
    })
  }

  test('a gap between snapshot and log is a broken disk, not a short log', () => {
    const image = diskOf(2, [1, 1, 2, 2, 2])
    image.entries = image.entries.slice(2)
    expect(() => new Member({ self: A, image })).toThrow('LogMatching')
  })
})
