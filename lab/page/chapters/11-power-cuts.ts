import { at, BEGIN_MS, COORDINATORS, get, put, restart } from './actions.ts'
import type { Chapter } from './chapter.ts'

/** Disks that take their time, so that there is a moment to see. */
const SLOW_DISKS = { fsyncMs: 100, sessionTimeoutMs: 2000 }

const story = [
  put(0, 'client-1', 'x', '1'),
  put(2000, 'client-1', 'x', '2'),
  at(2150, { type: 'blackout' }),
  ...COORDINATORS.map((coordinator) => restart(3000, coordinator)),
  ...['n1', 'n2', 'n3'].map((server) => restart(3000, server)),
  get(14_000, 'client-2', 'x'),
]

export const POWER_CUTS: Chapter = {
  id: '11-power-cuts',
  number: 11,
  title: 'Power cuts and durability',
  summary: 'Replication protects from machines that fail one by one. A power cut takes all of them at once.',
  file: '11-power-cuts.md',
  question: {
    text: 'x is 1, and on every disk. A write x = 2 is acknowledged when it has arrived at every server, before any disk has it. Then everything loses its power at once, and comes back. What does a read find?',
    choices: ['2: three servers had it', '1', '2, once the servers have compared their memories'],
    answer: 1,
    because: 'Three memories are as empty as one. Copies help against failures that come one by one.',
  },
  scenarios: [
    {
      kind: 'board',
      id: 'memory',
      title: 'In memory only',
      watch: ['When the client has its answer, and when the power fails.'],
      outcome: 'The acknowledged write is gone: the reader finds 1, not linearizable.',
      options: { ...SLOW_DISKS, durability: 'memory' },
      actions: story,
      fromMs: BEGIN_MS + 1900,
      untilMs: BEGIN_MS + 15_500,
      speed: 1,
      expect: { verdict: 'not-linearizable' },
    },
    {
      kind: 'board',
      id: 'before-disk',
      title: 'Acknowledge before the disk',
      watch: [
        'The marks last, durable and commit when the client has its answer.',
        'What the observer says, and when.',
      ],
      outcome: 'The observer names a broken promise, AckAfterDurable, although nothing has failed.',
      options: { fsyncMs: 400, mutant: 'ack-before-durable' },
      actions: [put(0, 'client-1', 'x', '1')],
      fromMs: BEGIN_MS - 100,
      untilMs: BEGIN_MS + 2000,
      speed: 0.25,
      expect: { verdict: 'linearizable', violations: ['AckAfterDurable'] },
    },
    {
      kind: 'board',
      id: 'after-disk',
      title: 'Acknowledge after the disk',
      watch: ['last runs ahead, durable follows, commit comes last.', 'The chain forms again by itself.'],
      outcome:
        'When the power fails the write is not acknowledged yet; nothing that was acknowledged is lost.',
      options: SLOW_DISKS,
      actions: story,
      fromMs: BEGIN_MS + 1900,
      untilMs: BEGIN_MS + 15_500,
      speed: 1,
      expect: { verdict: 'linearizable' },
    },
  ],
}
