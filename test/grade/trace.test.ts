import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { decodeTrace, encodeTrace, traceFrames } from '../../lab/page/stage/trace.ts'

const trace = {
  title: 'lab 3, failures',
  failure: 'an acknowledged write is at every member: put #1 was acknowledged, and n2 does not hold it',
  steps: [
    'c2 asks n1: put y=v1 (#1)',
    'n1 -> n2: {"kind":"append"}',
    'n3 learns of epoch 2: n1 n2',
    'n2 crashes; what it had sent is lost',
    '  n1 answers #1',
  ],
}

describe('the trace of a graded run', () => {
  test('is the same after its way through an address', () => {
    expect(decodeTrace(encodeTrace(trace))).toEqual(trace)
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), fc.array(fc.string()), (failure, steps) => {
        expect(decodeTrace(encodeTrace({ title: 't', failure, steps }))).toEqual({
          title: 't',
          failure,
          steps,
        })
      }),
      { numRuns: 50 },
    )
  })

  test('that is too long keeps its end', () => {
    const steps = Array.from({ length: 400 }, (_, i) => `${i} ${'x'.repeat(1000)}`)
    const read = decodeTrace(encodeTrace({ ...trace, steps }))
    if ('error' in read) throw new Error(read.error)
    expect(read.steps.at(-1)).toBe(steps.at(-1))
  })

  test('in a damaged address is a sentence', () => {
    const link = encodeTrace(trace)
    for (const text of ['', '2.x', 'rubbish', link.slice(0, -9), `1.${'-'.repeat(1000)}`, '1.W10'])
      expect(decodeTrace(text)).toHaveProperty('error')
  })

  test('is drawn: who spoke to whom, who is down, and the failure at the end', () => {
    const frames = traceFrames(trace)
    expect(frames.map(({ arrows: [arrow] }) => arrow && `${arrow.from} ${arrow.to}`)).toEqual([
      'c2 n1',
      'n1 n2',
      undefined,
      undefined,
      'n1 c2',
      undefined,
    ])
    expect(frames.at(-1)).toMatchObject({ tone: 'bad', caption: trace.failure })
    expect(frames.at(-1)?.nodes.map(({ id, state }) => `${id} ${state}`)).toEqual([
      'c2 up',
      'n1 up',
      'n2 down',
      'n3 up',
    ])
  })
})
