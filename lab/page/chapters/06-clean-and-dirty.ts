import { BEGIN_MS, get, put, slowLink } from './actions.ts'
import type { Chapter } from './chapter.ts'

export const CLEAN_AND_DIRTY: Chapter = {
  id: '06-clean-and-dirty',
  number: 6,
  title: 'CRAQ: clean, dirty, and the version query',
  summary:
    'A server knows by itself whether it may answer. Only when it does not, it asks the tail one short question.',
  file: '06-clean-and-dirty.md',
  question: {
    text: 'A write of x has passed the middle and is not acknowledged yet. Nobody is writing y. Two reads come to the middle, one of x and one of y. Which of them causes messages between servers?',
    choices: ['both', 'only that of x', 'only that of y', 'none'],
    answer: 1,
    because:
      'y is clean: the middle knows that nothing newer is committed. x is dirty: it may be, so the tail is asked.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'refused',
      title: 'Chain replication: ask the middle',
      watch: ['What the middle holds, and what it answers.'],
      outcome: 'The middle has the value, committed, and refuses.',
      options: { replication: 'chain' },
      actions: [put(0, 'client-1', 'y', '1'), get(1000, 'client-2', 'y', 'n2')],
      fromMs: BEGIN_MS - 200,
      untilMs: BEGIN_MS + 2000,
      speed: 0.25,
      expect: { verdict: 'linearizable' },
    },
    {
      kind: 'board',
      id: 'craq',
      title: 'CRAQ: clean and dirty reads',
      watch: [
        'The shape of x at the middle while the write is on its way.',
        'The version query to the tail, and its reply.',
      ],
      outcome: 'The read of y is answered at once; the read of x waits for one question to the tail.',
      options: {},
      actions: [
        put(0, 'client-1', 'x', '1'),
        put(0, 'client-2', 'y', '1'),
        slowLink(900, 'n3', 'n2', 20),
        put(1000, 'client-1', 'x', '2'),
        get(1100, 'client-2', 'y', 'n2'),
        get(1100, 'client-2', 'x', 'n2'),
      ],
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 3000,
      speed: 0.25,
      expect: { verdict: 'linearizable' },
    },
  ],
}
