import { BEGIN_MS, get, put, slowLink } from './actions.ts'
import type { Chapter } from './chapter.ts'

const story = [
  put(0, 'client-1', 'x', '1'),
  slowLink(900, 'n2', 'n1', 50),
  put(1000, 'client-1', 'x', '2'),
  get(1300, 'client-2', 'x', 'n3'),
  get(1500, 'client-2', 'x', 'n1'),
]

export const OLD_CLEAN_VALUE: Chapter = {
  id: '07-old-clean-value',
  number: 7,
  title: 'Why not the old clean value?',
  summary: 'The committed value that you have is not the committed value that there is.',
  file: '07-old-clean-value.md',
  question: {
    text: 'The tail has committed x = 2; the acknowledgement is slow on its way back. Dirty servers answer with the newest value that they know to be committed, and ask nobody. A client reads x at the tail, and after that at the head, where 1 is clean and 2 is dirty. What does it get?',
    choices: ['2, and then 2', '2, and then 1', '1, and then 1', '1, and then 2'],
    answer: 1,
    because:
      'The head does not know that 2 is committed. 1 was committed, and is old by now; somebody has seen the newer one already.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'shortcut',
      title: 'Answer the old clean value',
      watch: ['The head holds 1, clean, and 2, dirty.', 'The order of the two reads.'],
      outcome: 'The first read finds 2, the later one finds 1: not linearizable.',
      options: { mutant: 'old-clean-value' },
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 4000,
      speed: 0.25,
      expect: { verdict: 'not-linearizable' },
    },
    {
      kind: 'board',
      id: 'ask',
      title: 'Ask the tail',
      watch: ['The version query from the head, and its reply.'],
      outcome: 'Both reads find 2.',
      options: {},
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 4000,
      speed: 0.25,
      expect: { verdict: 'linearizable' },
    },
  ],
}
