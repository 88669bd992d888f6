import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { check } from '../../lab/checker/check.ts'
import { readHistory } from '../../lab/checker/formats/read-history.ts'

function judge(name: string) {
  const text = readFileSync(new URL(`../../docs/examples/${name}.ndjson`, import.meta.url), 'utf8')
  const { operations, model, initial } = readHistory(text)
  const verdict = check(operations, { model, initial })
  const part = verdict.parts[0]
  if (part === undefined) throw new Error('no part')
  return { ...part, judgement: verdict.judgement }
}

describe('the histories of the MIT lecture on Raft', () => {
  test('1: the order is Wx1 Rx1 Wx2 Rx2', () => {
    const { judgement, longestPrefix, stateAfter } = judge('lecture-1-linearizable')
    expect(judgement).toBe('linearizable')
    expect(longestPrefix).toEqual([0, 3, 1, 2])
    expect(stateAfter).toBe('value 2')
  })

  test('2: a cycle', () => {
    const { judgement, reason, smallest } = judge('lecture-2-cycle')
    expect(judgement).toBe('not-linearizable')
    expect(reason).toBe(
      'read (process C1, 12 to 18) found 1, although read (process C1, 2 to 10) had found the newer 2 before',
    )
    expect(smallest).toHaveLength(4)
  })

  test('3: a read of 2 and then of 1, because the two writes overlap', () => {
    expect(judge('lecture-3-linearizable').judgement).toBe('linearizable')
  })

  test('4: two clients that see the two writes in different orders', () => {
    const { judgement, reason } = judge('lecture-4-two-orders')
    expect(judgement).toBe('not-linearizable')
    expect(reason).toContain('the other way round')
  })
})
