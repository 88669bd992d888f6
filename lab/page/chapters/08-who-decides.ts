import { BEGIN_MS, COORDINATORS, cut, put, slowLink } from './actions.ts'
import type { Chapter } from './chapter.ts'

/** n1 loses its session and is removed; client-2 still believes that n1 is the head, and so does n1: what n2 answers takes long to reach it. */
const oldHead = [
  put(0, 'client-2', 'x', '1'),
  slowLink(800, 'n2', 'n1', 300),
  ...COORDINATORS.flatMap((each) => [cut(900, 'n1', each), cut(900, 'client-2', each)]),
  put(6000, 'client-2', 'x', '2'),
]

export const WHO_DECIDES: Chapter = {
  id: '08-who-decides',
  number: 8,
  title: 'Who decides? The manager, and epochs',
  summary: 'Somebody else decides who is in the chain, and every message says by which decision it was sent.',
  file: '08-who-decides.md',
  question: {
    text: 'The link between head and middle breaks in both directions; everybody still reaches the coordinators. A client writes. What happens?',
    choices: [
      'it waits for ever: nobody is dead',
      'the head goes on alone, by itself',
      'somebody who is perfectly healthy is put out, and the write goes through',
    ],
    answer: 2,
    because:
      'The neighbours report that the link has stalled, and the manager takes one of them out. Whose fault it was does not matter.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'broken-link',
      title: 'A broken link inside the chain',
      watch: ['Sessions and leases: everybody is alive.', 'The epoch, and who is missing in it.'],
      outcome: 'A member is put out in a new epoch, and the write is answered.',
      options: { exactlyOnce: true },
      actions: [put(0, 'client-1', 'x', '1'), cut(900, 'n1', 'n2'), put(4000, 'client-1', 'x', '2')],
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 12_000,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
    {
      kind: 'board',
      id: 'old-head',
      title: 'The message of an old head',
      watch: [
        'Two heads: the epochs of n1 and n2 before the write comes.',
        'What n2 answers to the message of epoch 1.',
      ],
      outcome:
        'Two heads for a while, of two epochs; n2 refuses what n1 sends, the client goes to n2, and n1 ends as no member any more.',
      options: { exactlyOnce: true },
      actions: oldHead,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 16_000,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
  ],
}
