import { BEGIN_MS, get, put, slowLink } from './actions.ts'
import type { Chapter } from './chapter.ts'

const story = [
  put(0, 'client-1', 'x', '1'),
  slowLink(900, 'n1', 'n2', 50),
  put(1000, 'client-1', 'x', '2'),
  get(1200, 'client-2', 'x', 'n1'),
  get(1400, 'client-2', 'x', 'n3'),
]

export const READS_AT_THE_TAIL: Chapter = {
  id: '05-reads-at-the-tail',
  number: 5,
  title: 'Why reads only at the tail',
  summary: 'A server in the middle has values that may never have happened.',
  file: '05-reads-at-the-tail.md',
  question: {
    text: 'x is 1. A write x = 2 has reached the head and is slow on its way to the others. Every server answers with the newest value that it has. A client reads x at the head, and after that at the tail. What does it get?',
    choices: ['2, and then 2', '2, and then 1', '1, and then 1'],
    answer: 1,
    because:
      'The head has 2, the tail does not have it yet. A later read shows an older value: no single server could have answered so.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'newest',
      title: 'Read anywhere, newest value',
      watch: ['The dirty version at the head.', 'The two reads, and what the judge says of them.'],
      outcome: 'The first read finds 2, the later one finds 1: not linearizable.',
      options: { mutant: 'dirty-reads' },
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 4000,
      speed: 0.25,
      expect: { verdict: 'not-linearizable' },
    },
    {
      kind: 'board',
      id: 'tail',
      title: 'Read at the tail',
      watch: ['The head sends the reader away.', 'The tail answers 1 while the write is on its way.'],
      outcome: 'The head refuses; the tail answers 1, which is right as long as the write is open.',
      options: { replication: 'chain' },
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 4000,
      speed: 0.25,
      expect: { verdict: 'linearizable' },
    },
  ],
}
