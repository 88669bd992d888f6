import type { Chapter, HistoryScenario } from './chapter.ts'

/** A bar of the lecture's pictures: who, what, from when to when, and what a read returned. */
type Bar = readonly [
  process: string,
  what: { readonly write: number } | { readonly read: number },
  from: number,
  to: number,
]

/** In our own format (docs/CHECKER.md), in the order of time. */
export function ndjsonOf(name: string, bars: readonly Bar[]): string {
  const header = {
    format: 'catenary-history',
    version: 1,
    model: 'register',
    about: { from: `MIT 6.824, lecture on Raft: linearizability, ${name}` },
  }
  const events = bars.flatMap(([process, what, from, to], op) => {
    const writes = 'write' in what
    const input = writes ? { f: 'write', value: what.write } : { f: 'read' }
    return [
      { at: from, line: { type: 'invoke', op, process, time: from, input } },
      { at: to, line: { type: 'ok', op, time: to, output: writes ? {} : { value: what.read } } },
    ]
  })
  events.sort((a, b) => a.at - b.at)
  return [header, ...events.map(({ line }) => line)].map((line) => `${JSON.stringify(line)}\n`).join('')
}

const history = (
  number: number,
  expect: HistoryScenario['expect'],
  outcome: string,
  bars: readonly Bar[],
): HistoryScenario => ({
  kind: 'history',
  id: `history-${number}`,
  title: `History ${number}`,
  watch: ['Say your verdict before you ask the judge.'],
  outcome,
  ndjson: ndjsonOf(`history ${number}`, bars),
  expect,
})

export const LINEARIZABILITY: Chapter = {
  id: '14-linearizability',
  number: 14,
  title: 'Linearizability: what "right" means',
  summary: 'A history is right if one copy, doing one operation at a time, could have given those answers.',
  file: '14-linearizability.md',
  question: {
    text: 'In both histories x is written twice, 1 and then 2, one after the other. In history 1 two reads overlap and return 2 and 1. In history 2 one read returns 2, and a read that begins after it has ended returns 1. Which of them is linearizable?',
    choices: ['both', 'only history 1', 'only history 2', 'none'],
    answer: 1,
    because:
      'Reads that overlap may be put in either order. In history 2 real time puts the read of 2 first, and nothing can bring 1 back.',
  },
  scenarios: [
    history(1, 'linearizable', 'Linearizable: Wx1, Rx1, Wx2, Rx2.', [
      ['writer', { write: 1 }, 0, 6],
      ['writer', { write: 2 }, 8, 14],
      ['C1', { read: 2 }, 2, 12],
      ['C2', { read: 1 }, 4, 10],
    ]),
    history(2, 'not-linearizable', 'Not linearizable: a read found 1 after another one had found 2.', [
      ['writer', { write: 1 }, 0, 6],
      ['writer', { write: 2 }, 8, 14],
      ['C1', { read: 2 }, 2, 10],
      ['C1', { read: 1 }, 12, 18],
    ]),
    history(3, 'linearizable', 'Linearizable: the two writes overlap, and 2 may come before 1.', [
      ['W1', { write: 0 }, 0, 8],
      ['W1', { write: 1 }, 11, 19],
      ['W2', { write: 2 }, 12, 20],
      ['C1', { read: 2 }, 8.5, 14],
      ['C1', { read: 1 }, 16, 22],
    ]),
    history(4, 'not-linearizable', 'Not linearizable: two readers see the writes in opposite orders.', [
      ['W1', { write: 0 }, 0, 8],
      ['W1', { write: 1 }, 11, 19],
      ['W2', { write: 2 }, 12, 20],
      ['C1', { read: 2 }, 8.5, 14],
      ['C1', { read: 1 }, 16, 22],
      ['C2', { read: 1 }, 8.5, 14],
      ['C2', { read: 2 }, 16, 22],
    ]),
  ],
}
