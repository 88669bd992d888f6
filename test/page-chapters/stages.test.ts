import { describe, expect, test } from 'vitest'
import { CHAPTERS } from '../../lab/page/chapters/chapters.ts'
import { whoCanWin } from '../../lab/page/raft-board/elections.ts'
import {
  fastBackup,
  forgottenVote,
  lateSnapshot,
  whyNotTheLongest,
} from '../../lab/page/raft-board/scenes.ts'
import type { StageFrame } from '../../lab/page/stage/frame.ts'
import { judgeStage } from '../../lab/page/stage/judge.ts'
import { lockWithHerd, lockWithoutHerd } from '../../lab/page/znode-stage/locks.ts'
import { readyComesBack, readyWithoutWatch, readyWithWatch } from '../../lab/page/znode-stage/ready-file.ts'
import { staleReads } from '../../lab/page/znode-stage/stale-reads.ts'

const stages = CHAPTERS.flatMap(({ id, scenarios }) =>
  scenarios.flatMap((scenario) =>
    scenario.kind === 'stage' ? [{ ...scenario, name: `${id} ${scenario.id}` }] : [],
  ),
)

const last = (frames: readonly StageFrame[]) => {
  const frame = frames.at(-1)
  if (frame === undefined) throw new Error('no frames')
  return frame
}
const nodeOf = (frame: StageFrame, id: string) => {
  const node = frame.nodes.find((each) => each.id === id)
  if (node === undefined) throw new Error(`no node ${id}`)
  return node
}
const logOf = (frame: StageFrame, id: string) =>
  nodeOf(frame, id)
    .slots.map(({ text }) => text)
    .join(' ')
const captions = (frames: readonly StageFrame[]) => frames.map(({ caption }) => caption).join('\n')

describe.each(stages)('$name', ({ frames, expect: expected }) => {
  test('the judge says what the chapter says', () => {
    expect(judgeStage(frames())?.judgement ?? null).toBe(expected)
  })

  test('every frame has the same nodes, a caption, and arrows between them; twice the same', () => {
    const all = frames()
    const ids = all[0]?.nodes.map(({ id }) => id) ?? []
    expect(ids.length).toBeGreaterThan(1)
    for (const frame of all) {
      expect(frame.nodes.map(({ id }) => id)).toEqual(ids)
      expect(frame.caption).not.toBe('')
      for (const { from, to } of frame.arrows) {
        expect(ids).toContain(from)
        expect(ids).toContain(to)
      }
    }
    expect(frames()).toEqual(all)
  })
})

describe('Raft on the board', () => {
  test('the longest log wins: S1 is elected without what was committed, and a core stops', () => {
    const frames = whyNotTheLongest({ longestLogWins: true })
    const end = last(frames)
    expect(end.tone).toBe('bad')
    expect(end.caption).toContain('S3 stops: LeaderCompleteness')
    expect(nodeOf(end, 'S1').role).toBe('leader')
    expect(logOf(end, 'S3')).toBe('5 8')
    expect(nodeOf(end, 'S3').slots.every(({ mark }) => mark === 'committed')).toBe(true)
  })

  test('the higher last term wins: S3 is elected, and S1 drops 6 and 7', () => {
    const frames = whyNotTheLongest({ longestLogWins: false })
    expect(captions(frames)).toContain('S3 would not vote for S1.')
    expect(frames.some((frame) => nodeOf(frame, 'S1').role === 'leader')).toBe(false)
    const dropped = frames.flatMap((frame) => nodeOf(frame, 'S1').dropped.map(({ text }) => text))
    expect(dropped).toEqual(['6', '7'])
    expect(nodeOf(last(frames), 'S3').role).toBe('leader')
    for (const id of ['S1', 'S2', 'S3']) expect(logOf(last(frames), id)).toBe('5 8 9')
  })

  test.each([
    ['leader-lacks-term', 'XTerm 5, XIndex 2', ['5', '5']],
    ['leader-has-term', 'XTerm 4, XIndex 1', ['4', '4']],
    ['log-too-short', 'XLen 1', []],
  ] as const)('fast backup, %s: one refusal, then all from 2 on', (which, said, dropped) => {
    const frames = fastBackup(which)
    const refusals = frames.flatMap(({ arrows }) => arrows.filter(({ outcome }) => outcome === 'refused'))
    expect(refusals).toHaveLength(1)
    expect(captions(frames)).toContain(said)
    expect(captions(frames)).toContain('S2 sends 6 6 7, to follow entry 1 of term 4.')
    expect(frames.flatMap((frame) => nodeOf(frame, 'S1').dropped.map(({ text }) => text))).toEqual(dropped)
    expect(logOf(last(frames), 'S1')).toBe('4 6 6 7')
  })

  test('a forgotten vote makes two leaders of one term', () => {
    const frames = forgottenVote({ forgetful: true })
    const both = frames.some((frame) => {
      const leaders = frame.nodes.filter(({ role }) => role === 'leader')
      return leaders.length === 2 && leaders.every(({ term }) => term === 1)
    })
    expect(both).toBe(true)
    expect(last(frames).caption).toContain('ElectionSafety')
  })

  test('with the vote on the disk no term has two', () => {
    for (const frame of forgottenVote({ forgetful: false })) {
      const terms = frame.nodes.filter(({ role }) => role === 'leader').map(({ term }) => term)
      expect(new Set(terms).size).toBe(terms.length)
    }
    const end = last(forgottenVote({ forgetful: false }))
    expect(nodeOf(end, 'S3')).toMatchObject({ role: 'leader', term: 2 })
  })

  test('a late snapshot: taken once, and of no effect when it comes again', () => {
    const frames = lateSnapshot()
    const chunks = frames.flatMap(({ arrows }, i) =>
      arrows.some(({ label }) => label.startsWith('snapshot up to')) ? [i] : [],
    )
    expect(chunks).toHaveLength(2)
    const [, again = 0] = chunks
    const before = frames[again - 1]
    const after = frames[again]
    if (before === undefined || after === undefined) throw new Error('no frame')
    expect(nodeOf(after, 'S3')).toEqual(nodeOf(before, 'S3'))
    expect(logOf(last(frames), 'S3')).toBe(logOf(last(frames), 'S1'))
  })

  test('who can win, by the logs that the reader writes', () => {
    const winners = (logs: Record<string, string>) => last(whoCanWin(logs)).caption
    expect(winners({ S1: '5 6 7', S2: '5 8', S3: '5 8' })).toBe('Who can be elected: S2, S3.')
    expect(winners({ S1: '3', S2: '3 3 4', S3: '3 3 5' })).toBe('Who can be elected: S2, S3.')
    expect(winners({ S1: '', S2: '', S3: '' })).toBe('Who can be elected: S1, S2, S3.')
  })

  test.each([
    [{ S1: '5 6 x', S2: '5', S3: '5' }, 'S1: "x" is no term'],
    [{ S1: '5 4', S2: '5', S3: '5' }, 'terms never fall along a log'],
    [{ S1: '5 6 8', S2: '5 8 8', S3: '5' }, 'that cannot happen'],
    [{ S1: '1 '.repeat(13), S2: '1', S3: '1' }, '13 entries'],
    [{ S1: '1' }, '1 servers'],
  ])('logs that cannot be: %o', (logs, reason) => {
    expect(() => whoCanWin(logs as Record<string, string>)).toThrow(reason)
  })
})

describe('znodes', () => {
  const reader = (frames: readonly StageFrame[]) => nodeOf(last(frames), 'reader').notes

  test('the ready file: mixed without a watch, whole with one, in both interleavings', () => {
    expect(reader(readyWithoutWatch())).toEqual(['a = old', 'b = new'])
    expect(last(readyWithoutWatch()).tone).toBe('bad')
    expect(reader(readyWithWatch())).toEqual(['a = new', 'b = new'])
    expect(reader(readyComesBack())).toEqual(['a = new', 'b = new'])
  })

  test('the event comes before the reader has seen anything new', () => {
    const frames = readyWithWatch()
    const told = frames.findIndex(({ arrows }) =>
      arrows.some(({ label }) => label === 'watch: /ready deleted'),
    )
    const sawNew = frames.findIndex(({ arrows }) =>
      arrows.some(({ to, label }) => to === 'reader' && label === 'new'),
    )
    expect(told).toBeGreaterThan(0)
    expect(sawNew).toBeGreaterThan(told)
  })

  test('a stale read, a member that is behind, and sync', () => {
    const frames = staleReads()
    const read = frames.flatMap(({ arrows }) =>
      arrows.filter(({ to, label }) => to === 'Bob' && /^\d$/.test(label)).map(({ label }) => label),
    )
    expect(read).toEqual(['1', '2'])
    const refused = frames.flatMap(({ arrows }) => arrows.filter(({ outcome }) => outcome === 'refused'))
    expect(refused).toMatchObject([{ from: 'Ann', to: 'Z2' }])
  })

  test('locks: six wake-ups with a herd, three without', () => {
    expect(lockWithHerd().wakeUps).toBe(6)
    expect(lockWithoutHerd().wakeUps).toBe(3)
  })
})
