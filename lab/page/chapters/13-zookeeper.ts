import { lockWithHerd, lockWithoutHerd } from '../znode-stage/locks.ts'
import { readyComesBack, readyWithoutWatch, readyWithWatch } from '../znode-stage/ready-file.ts'
import { staleReads } from '../znode-stage/stale-reads.ts'
import type { Chapter } from './chapter.ts'
import { scene } from './scene.ts'

export const ZOOKEEPER: Chapter = {
  id: '13-zookeeper',
  number: 13,
  title: 'ZooKeeper: a service for coordination',
  summary: 'A small tree, with reads that may be old, and exactly those guarantees that make them useful.',
  file: '13-zookeeper.md',
  question: {
    text: 'Ann sets /x to 2 and is told ok. Bob, connected to another member, then reads /x. Must he get 2?',
    choices: [
      'yes: it is committed',
      'no: his member may not have applied it yet',
      'yes, if Ann has waited for the answer',
    ],
    answer: 1,
    because:
      'Reads are answered by the member that one is connected to, from what it has applied. A sync before the read brings it up to date.',
  },
  scenarios: [
    scene(
      'stale',
      'A stale read, and sync',
      'Bob reads 1; Ann cannot move to a member that is behind; after a sync Bob reads 2.',
      staleReads,
      ['The zxid of each member.'],
    ),
    scene('no-watch', 'Without a watch', 'The reader has the old /a and the new /b.', readyWithoutWatch, [
      'When the reader looks for /ready.',
    ]),
    scene(
      'ready-goes',
      '/ready goes while the reader reads',
      'The event comes before anything new; the reader starts again and has both new values.',
      readyWithWatch,
      ['The event, and what the reader could have seen before it.'],
    ),
    scene(
      'ready-back',
      '/ready comes back',
      'The reader waits for the new /ready and then has both new values.',
      readyComesBack,
      ['What Z2 has applied when the reader is told.'],
    ),
    scene(
      'herd',
      'A lock with a herd',
      'Six wake-ups, of which three were of use.',
      () => lockWithHerd().frames,
      ['How many wake up with each release.'],
    ),
    scene(
      'no-herd',
      'A lock without the herd',
      'Three wake-ups, first come, first served.',
      () => lockWithoutHerd().frames,
      ['Who watches whom.'],
    ),
  ],
}
