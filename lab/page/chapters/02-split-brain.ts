import { managerDecides, splitBrain } from '../stage/split-brain.ts'
import type { Chapter } from './chapter.ts'

export const SPLIT_BRAIN: Chapter = {
  id: '02-split-brain',
  number: 2,
  title: 'Primary and backup, and the split brain',
  summary: 'Two copies are easy while both live. The trouble is to agree on who is dead.',
  file: '02-split-brain.md',
  question: {
    text: 'The link between primary A and backup B breaks; both take the other for dead and go on alone. Ann writes x = 2 at A and is told ok. After that, Bob reads x at B. What does he get?',
    choices: ['2', '1', 'no answer: B knows that it may be wrong'],
    answer: 1,
    because:
      'B made itself primary and never heard of 2. Dead and unreachable look the same from the inside.',
  },
  scenarios: [
    {
      kind: 'stage',
      id: 'each-decides',
      title: 'Each decides alone',
      watch: ['How many primaries there are after the link has broken.'],
      outcome: 'Bob is told 1 after Ann was told that 2 is written.',
      frames: splitBrain,
      expect: 'not-linearizable',
    },
    {
      kind: 'stage',
      id: 'third-party',
      title: 'A third party decides',
      watch: ['Who waits, and for what.', 'The number of the configuration.'],
      outcome: 'Ann waits until B is put out; Bob is sent to A and is told 2.',
      frames: managerDecides,
      expect: 'linearizable',
    },
  ],
}
