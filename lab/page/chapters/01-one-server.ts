import { oneServer } from '../stage/one-server.ts'
import type { Chapter } from './chapter.ts'

export const ONE_SERVER: Chapter = {
  id: '01-one-server',
  number: 1,
  title: 'One server',
  summary: 'One copy of the data is simple and right, until its machine stops.',
  file: '01-one-server.md',
  question: {
    text: 'A client writes x = 1 and is told ok. The power fails and comes back. The client reads x. What does it find, if the server kept x in memory only?',
    choices: [
      'x = 1: the write was acknowledged',
      'nothing',
      'an error: the server knows that it has lost something',
    ],
    answer: 1,
    because:
      'Memory is gone, and the server does not even know that there was anything. The acknowledgement was a promise that it could not keep.',
  },
  scenarios: [
    {
      kind: 'stage',
      id: 'memory',
      title: 'In memory',
      watch: ['What the server holds when it answers the write, and after the power has returned.'],
      outcome: 'The acknowledged write is gone: the read finds nothing.',
      frames: () => oneServer({ durable: false }),
      expect: 'not-linearizable',
    },
    {
      kind: 'stage',
      id: 'disk',
      title: 'On a disk',
      watch: ['How long the read stays open.'],
      outcome: 'The read finds 1, but only once the server is back.',
      frames: () => oneServer({ durable: true }),
      expect: 'linearizable',
    },
  ],
}
