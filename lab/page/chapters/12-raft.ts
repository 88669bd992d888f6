import { whoCanWin } from '../raft-board/elections.ts'
import { fastBackup, forgottenVote, lateSnapshot, whyNotTheLongest } from '../raft-board/scenes.ts'
import type { Chapter } from './chapter.ts'
import { scene } from './scene.ts'

const LOGS = { S1: '5 6 7', S2: '5 8', S3: '5 8' }

const REFUSAL = ['What the follower says when it refuses.', 'From where on the leader sends next.']

export const RAFT: Chapter = {
  id: '12-raft',
  number: 12,
  title: 'Raft: how the coordinators agree',
  summary: 'Raft makes several machines behave like one that does not die.',
  file: '12-raft.md',
  question: {
    text: 'S1 has the log 5 6 7 (terms), S3 has 5 8, and S2, which has 5 8 as well, has just crashed. May S1 be elected?',
    choices: [
      'yes: it has the longest log',
      'no: its last term is lower than that of S3',
      'yes, if S3 is asked first',
    ],
    answer: 1,
    because:
      'Entry 8 is on two of three disks: committed. Whoever votes must not let a leader in who lacks it, and the last term tells (Raft §5.4.1).',
  },
  scenarios: [
    scene(
      'longest',
      'The longest log wins',
      'S1 is elected without the committed entry; S3 stops rather than give it up (LeaderCompleteness).',
      () => whyNotTheLongest({ longestLogWins: true }),
      ['The vote of S3.', 'What S1 asks S3 to give up.'],
    ),
    scene(
      'last-term',
      'The higher last term wins',
      'S1 gets no vote; S3 is elected, and S1 drops 6 and 7.',
      () => whyNotTheLongest({ longestLogWins: false }),
      ['The answer to S1.', 'The log of S1 at the end.'],
    ),
    {
      ...scene(
        'your-logs',
        'Your own logs: who can win?',
        'With 5 6 7 against 5 8 and 5 8: S2 and S3.',
        () => whoCanWin(LOGS),
        ['Write other terms, and predict first.'],
      ),
      logs: { initial: LOGS, frames: whoCanWin },
    },
    scene(
      'backup-lacks',
      'Fast backup: the leader lacks XTerm',
      'One refusal, and the leader goes on from XIndex, 2.',
      () => fastBackup('leader-lacks-term'),
      REFUSAL,
    ),
    scene(
      'backup-has',
      'Fast backup: the leader has XTerm',
      'One refusal, and the leader goes on after its last entry of term 4, from 2.',
      () => fastBackup('leader-has-term'),
      REFUSAL,
    ),
    scene(
      'backup-short',
      'Fast backup: the log is too short',
      'One refusal, and the leader goes on after XLen, from 2.',
      () => fastBackup('log-too-short'),
      REFUSAL,
    ),
    scene(
      'forgotten',
      'A forgotten vote',
      'Two leaders of term 1; the one that meets the other stops (ElectionSafety).',
      () => forgottenVote({ forgetful: true }),
      ['For whom S2 votes in term 1, before and after.'],
    ),
    scene(
      'kept',
      'A vote on the disk',
      'S3 leads term 2; term 1 has one leader.',
      () => forgottenVote({ forgetful: false }),
      ['What S2 knows after its restart.'],
    ),
    scene(
      'snapshot',
      'A late snapshot',
      'S3 takes the snapshot; a copy of it that comes later changes nothing.',
      lateSnapshot,
      ['Slots that a snapshot stands for.'],
    ),
  ],
}
