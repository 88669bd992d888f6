import { at, BEGIN_MS, put } from './actions.ts'
import type { BoardScenario, Chapter } from './chapter.ts'

const chainOf = (servers: number, id: string, title: string, outcome: string): BoardScenario => ({
  kind: 'board',
  id,
  title,
  watch: ['The way of the write: down and back, one hop after another.'],
  outcome,
  options: { servers, replicationFactor: servers },
  actions: [put(-1500, 'client-1', 'x', '1'), put(0, 'client-1', 'x', '2')],
  fromMs: BEGIN_MS - 100,
  untilMs: BEGIN_MS + 1000,
  speed: 0.1,
  expect: { verdict: 'linearizable' },
})

export const CHAIN_OR_QUORUM: Chapter = {
  id: '15-chain-or-quorum',
  number: 15,
  title: 'Chain or quorum? The costs',
  summary: 'They differ in who speaks to whom, who is waited for, and who may answer.',
  file: '15-chain-or-quorum.md',
  question: {
    text: 'One of three servers becomes slow: it is alive, and whatever it handles takes it 60 ms. A write that took about 130 ms: what becomes of it in a chain, and in a majority?',
    choices: [
      'both take far longer',
      'the chain takes far longer; a majority would not notice',
      'the chain would not notice; a majority takes far longer',
    ],
    answer: 1,
    because:
      'A chain waits for every member, a majority for its fastest members (unless the slow one leads).',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'slow-member',
      title: 'One slow member',
      watch: ['Where the write waits.'],
      outcome: 'The write takes longer than half a second.',
      options: {},
      actions: [
        put(-1500, 'client-1', 'x', '1'),
        at(-500, { type: 'slow', node: 'n2', costMs: 60 }),
        put(0, 'client-1', 'x', '2'),
      ],
      fromMs: BEGIN_MS - 200,
      untilMs: BEGIN_MS + 6000,
      speed: 0.25,
      expect: { verdict: 'linearizable' },
    },
    chainOf(
      3,
      'three',
      'A chain of three',
      'The write takes about 130 ms: six delays of 20 ms, and the disks.',
    ),
    chainOf(
      5,
      'five',
      'A chain of five',
      'The write takes about 200 ms: ten delays of 20 ms, and the disks.',
    ),
  ],
}
