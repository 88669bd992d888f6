import { BEGIN_MS, COORDINATORS, crash, get, put, restart, slowLink } from './actions.ts'
import type { Chapter } from './chapter.ts'

/** n3 comes back. The news that it is a member reaches n3 at once, and n1 and n2 a second later; the links between n2 and n3 are slow, too. */
const story = [
  put(0, 'client-1', 'x', '1'),
  crash(1000, 'n3'),
  put(8000, 'client-1', 'x', '2'),
  restart(10_000, 'n3'),
  slowLink(10_000, 'n2', 'n3', 20),
  ...COORDINATORS.flatMap((each) => [slowLink(11_500, each, 'n1', 75), slowLink(11_500, each, 'n2', 75)]),
  slowLink(11_900, 'n3', 'n2', 75),
  put(12_150, 'client-1', 'x', '3'),
  get(12_400, 'client-2', 'x', 'n3'),
  get(18_000, 'client-2', 'x', 'n3'),
]

export const JOINING: Chapter = {
  id: '10-joining',
  number: 10,
  title: 'Joining, the handoff, and the flag serving',
  summary: 'A newcomer must have everything before it may say anything.',
  file: '10-joining.md',
  question: {
    text: 'n3 has copied everything, and a configuration names it as a member. The news reaches n3 at once; n1 and n2 have not heard yet. A client writes x = 3 through n1 and n2 and is told ok. Then a reader asks n3, which serves from the moment when it is named. What does it get?',
    choices: ['3: it has copied everything', '2: the value before', 'a refusal'],
    answer: 1,
    because:
      'n1 and n2 go by the configuration that they know, and are right to commit without n3. n3 believes that it is the tail and that nothing can be committed without it.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'no-handoff',
      title: 'No handoff',
      watch: [
        'The epochs of n1, n2 and n3 when the write is acknowledged.',
        'What n3 holds when it answers.',
      ],
      outcome: 'n3 answers 2, after 3 was acknowledged: not linearizable.',
      options: { mutant: 'no-handoff' },
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 20_000,
      speed: 1,
      expect: { verdict: 'not-linearizable', violations: ['UpdatePropagation'] },
    },
    {
      kind: 'board',
      id: 'handoff',
      title: 'With the handoff',
      watch: [
        'n3 is joining, then a member that does not serve, then one that does.',
        'The epoch at each step.',
      ],
      outcome: 'n3 refuses until it was handed everything; then it answers 3.',
      options: {},
      actions: story,
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 20_000,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
  ],
}
