import { twoOrders } from '../stage/two-orders.ts'
import { BEGIN_MS, get, put } from './actions.ts'
import type { Chapter } from './chapter.ts'

export const CHAIN_REPLICATION: Chapter = {
  id: '03-chain-replication',
  number: 3,
  title: 'Chain replication',
  summary: 'Put the copies in a line. Writes enter at one end, and what comes out at the other end is safe.',
  file: '03-chain-replication.md',
  question: {
    text: 'Two clients write x = 1 and x = 2 to both copies at the same time. After both have been told ok, Ann reads at A and then at B, and Bob at B and then at A. What can they see?',
    choices: [
      'all the same value: both writes have reached both copies',
      'Ann sees 2 and then 1, Bob sees 1 and then 2',
      'a mixture, but only for a moment',
    ],
    answer: 1,
    because:
      'Each copy keeps the write that came last, and they came in different orders. Nothing will ever put that right.',
  },
  scenarios: [
    {
      kind: 'stage',
      id: 'every-copy',
      title: 'Clients write to every copy',
      watch: ['In which order each copy gets the two writes.'],
      outcome: 'One copy ends with 1 and the other one with 2.',
      frames: twoOrders,
      expect: 'not-linearizable',
    },
    {
      kind: 'board',
      id: 'chain',
      title: 'A chain of three',
      watch: [
        'Both writes go to the head, which numbers them.',
        'The entries walk down, and the acknowledgements walk back.',
        'A version is drawn as dirty until the acknowledgement has come.',
      ],
      outcome: 'Both writes have their answers, and both readers find the same value.',
      options: { replication: 'chain' },
      actions: [
        put(0, 'client-1', 'x', '1'),
        put(0, 'client-2', 'x', '2'),
        get(1000, 'client-1', 'x'),
        get(1000, 'client-2', 'x'),
      ],
      fromMs: BEGIN_MS - 200,
      untilMs: BEGIN_MS + 2000,
      speed: 0.1,
      expect: { verdict: 'linearizable' },
    },
  ],
}
