import { BEGIN_MS, COORDINATORS, cut, get, put } from './actions.ts'
import type { Chapter } from './chapter.ts'

/** Only client-2 still reaches n2. */
const story = [
  put(0, 'client-1', 'x', '1'),
  ...['n1', 'n3', 'client-1', ...COORDINATORS].map((other) => cut(1000, 'n2', other)),
  put(6000, 'client-1', 'x', '2'),
  get(7000, 'client-2', 'x', 'n2'),
]

export const LEASES: Chapter = {
  id: '09-leases',
  number: 9,
  title: 'The deposed replica, and leases',
  summary:
    'A server that was removed, and has not heard of it, must stop by itself, before anybody goes on without it.',
  file: '09-leases.md',
  question: {
    text: 'n2 is cut off from everybody but client 2, and has been removed from the chain. Client 1 writes x = 2 and is told ok. Then client 2 reads x at n2, which knows nothing of all this. Without leases, what does it get?',
    choices: ['2', '1', 'a refusal: n2 is no member any more'],
    answer: 1,
    because:
      'n2 holds x = 1, clean: nothing tells it that there is anything newer. The epoch does not help, because the read needs nobody else.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'no-lease',
      title: 'No lease',
      watch: ['The new epoch, which n2 has not heard of.', 'The read at n2.'],
      outcome: 'n2 answers 1, after 2 was acknowledged: not linearizable.',
      options: { mutant: 'no-lease-check' },
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 18_000,
      speed: 1,
      expect: { verdict: 'not-linearizable', violations: ['ReadUnderLease'] },
    },
    {
      kind: 'board',
      id: 'lease',
      title: 'With leases',
      watch: ['The ring at n2 drains, and ends before the new epoch begins.'],
      outcome: 'n2 does not answer; the read ends without an answer, and nobody sees 1 again.',
      options: {},
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 18_000,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
  ],
}
