import type { TimedAction } from '../board/action.ts'
import { BEGIN_MS, COORDINATORS, crash, get, put, slowLink } from './actions.ts'
import type { BoardScenario, Chapter } from './chapter.ts'

const dies = (id: string, title: string, fault: readonly TimedAction[], outcome: string): BoardScenario => ({
  kind: 'board',
  id,
  title,
  watch: ['Which servers have the write when it happens.', 'The epoch.', 'When the write is answered.'],
  outcome,
  options: { exactlyOnce: true },
  actions: [
    put(0, 'client-1', 'x', '1'),
    ...fault.filter(({ atMs }) => atMs < BEGIN_MS + 1000),
    put(1000, 'client-1', 'x', '2'),
    ...fault.filter(({ atMs }) => atMs >= BEGIN_MS + 1000),
    get(6000, 'client-2', 'x'),
  ],
  fromMs: BEGIN_MS + 800,
  untilMs: BEGIN_MS + 7000,
  speed: 0.25,
  expect: { verdict: 'linearizable' },
})

/** n1 has the write, and nobody else. */
const HEAD = [crash(1035, 'n1')]
/** n1 and n2 have it. */
const MIDDLE = [crash(1060, 'n2')]
/** n3 has committed it and shown it to a reader; its acknowledgement is slow, and dies with it. */
const TAIL = [slowLink(900, 'n3', 'n2', 100), get(1100, 'client-2', 'x', 'n3'), crash(1250, 'n3')]

export const MEMBERS_DIE: Chapter = {
  id: '04-members-die',
  number: 4,
  title: 'Head, middle or tail dies',
  summary:
    'Three cases, and in each of them what is left is a shorter chain that has every acknowledged write.',
  file: '04-members-die.md',
  question: {
    text: 'The middle server of a chain of three dies while a write is on its way. The coordinators are dead, too. What happens to the write?',
    choices: [
      'the head answers it: it has the write itself',
      'it stays open',
      'head and tail link up, and it goes through',
    ],
    answer: 1,
    because:
      'A write needs every member, and nobody is there who could say that the middle is none any more. Nothing is wrong; nobody is served.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'nobody-decides',
      title: 'Nobody decides',
      watch: ['The epoch.', 'The write that stays open.'],
      outcome: 'The write is never answered, and the epoch stays as it was.',
      options: { exactlyOnce: true },
      actions: [
        put(0, 'client-1', 'x', '1'),
        ...COORDINATORS.map((coordinator) => crash(900, coordinator)),
        crash(950, 'n2'),
        put(1000, 'client-1', 'x', '2'),
      ],
      fromMs: BEGIN_MS + 800,
      untilMs: BEGIN_MS + 9000,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
    dies(
      'head',
      'The head dies',
      HEAD,
      'n2 is the head; the client tries again, the write is done once, and the reader finds 2.',
    ),
    dies(
      'middle',
      'The middle dies',
      MIDDLE,
      'n1 resends what n3 lacks, the write is answered, and the reader finds 2.',
    ),
    dies(
      'tail',
      'The tail dies',
      TAIL,
      'n3 had committed the write and shown it, and nobody knew. n2 becomes the tail and commits it before anything else; the reader finds 2 again.',
    ),
  ],
}
