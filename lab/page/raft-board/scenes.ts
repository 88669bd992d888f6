/** What chapter 12 plays on the board. */
import type { StageFrame } from '../stage/frame.ts'
import { RaftBoard } from './raft-board.ts'

/** S1 led in terms 5, 6 and 7, and crashed each time before anybody else had the entry. S2 then leads term 8. May S1 lead again? */
export function whyNotTheLongest({
  longestLogWins,
}: {
  readonly longestLogWins: boolean
}): readonly StageFrame[] {
  const board = new RaftBoard({ logs: { S1: [5, 6, 7], S2: [5], S3: [5] }, longestLogWins })
  board.crash('S1')
  board.draw('S1 led terms 5, 6 and 7. Entries 6 and 7 reached nobody else before it crashed.')
  board.stand('S2')
  board.settle()
  board.draw(
    'S2 leads term 8. Its first entry is on two of three disks: it is committed, and clients may have been told so.',
  )
  board.crash('S2')
  board.restart('S1')
  board.draw('Now S2 crashes and S1 returns, with the longest log: 5 6 7 against 5 8.')
  board.stand('S1')
  board.settle()
  board.draw('S1 asked in term 7 and learns that there is a term 8. It asks again.')
  board.stand('S1')
  board.settle()
  if (board.violation !== null) return board.frames
  board.draw(
    'S1 gets no vote: its last entry is of term 7, that of S3 is of term 8. The committed entry stays.',
    {
      tone: 'good',
      cites: 'Raft §5.4.1',
    },
  )
  board.restart('S2')
  board.stand('S3')
  board.settle()
  board.draw('S3 is elected instead. S1 drops 6 and 7, which were never committed, and takes 8.', {
    tone: 'good',
    cites: 'Raft §5.3',
  })
  return board.frames
}

export type BackupCase = 'leader-lacks-term' | 'leader-has-term' | 'log-too-short'

const FOLLOWERS: Readonly<Record<BackupCase, readonly number[]>> = {
  'leader-lacks-term': [4, 5, 5],
  'leader-has-term': [4, 4, 4],
  'log-too-short': [4],
}

const BACKED_UP: Readonly<Record<BackupCase, string>> = {
  'leader-lacks-term':
    'The leader has no entry of term 5 (XTerm): it skips all of them at once and goes on from XIndex, 2.',
  'leader-has-term':
    'The leader has an entry of term 4 (XTerm): the two may agree up to its last one, so it goes on after that, from 2.',
  'log-too-short': 'The log of the follower ends at 1 (XLen): the leader goes on after that, from 2.',
}

/** S2 leads with 4 6 6; where does the log of S1 begin to differ? */
export function fastBackup(which: BackupCase): readonly StageFrame[] {
  const board = new RaftBoard({ logs: { S1: FOLLOWERS[which], S2: [4, 6, 6], S3: [4, 6, 6] } })
  board.cut('S1', 'S2')
  board.cut('S1', 'S3')
  board.draw('S1 has been away. S2 and S3 have 4 6 6.')
  board.stand('S2')
  board.settle()
  board.heal()
  board.draw('S2 leads term 7 and S1 is back. S2 does not know what S1 has.')
  board.heartbeat('S2')
  board.settle()
  board.draw(`${BACKED_UP[which]} One refusal was enough.`, { tone: 'good', cites: 'Raft §5.3' })
  return board.frames
}

/** S2 votes for S1, restarts, and is asked again in the same term. */
export function forgottenVote({ forgetful }: { readonly forgetful: boolean }): readonly StageFrame[] {
  const board = new RaftBoard({ logs: { S1: [], S2: [], S3: [] } })
  board.cut('S1', 'S3')
  board.draw('Three empty servers. S1 and S3 do not hear each other; both hear S2.')
  board.stand('S1')
  board.settle(() => board.leaders.includes('S1'))
  board.cut('S1', 'S2')
  board.crash('S2')
  board.settle()
  board.draw(
    'S1 leads term 1, by its own vote and that of S2. Before anybody hears of it S1 is cut off, and S2 crashes.',
  )
  board.restart('S2', { forgetful })
  board.draw(
    forgetful
      ? 'S2 returns. It kept neither its term nor its vote.'
      : 'S2 returns, and reads from its disk: term 1, voted for S1.',
  )
  board.stand('S3')
  if (forgetful) return twoLeaders(board)
  board.settle()
  board.draw('S3 asked in term 0 and learns that there is a term 1. It asks again.')
  board.stand('S3')
  board.settle()
  board.draw(
    'S3 leads term 2, and S1 still believes that it leads term 1. One leader a term: S1 cannot commit anything.',
    {
      tone: 'good',
      cites: 'Raft §5.1',
    },
  )
  return board.frames
}

function twoLeaders(board: RaftBoard): readonly StageFrame[] {
  board.settle(() => board.leaders.includes('S3'))
  board.draw('S3 leads term 1, too, by the second vote of S2 in that term: two leaders of one term.', {
    tone: 'bad',
    cites: 'Raft §5.2',
  })
  board.heal()
  board.heartbeat('S1')
  board.settle()
  return board.frames
}

/** A follower returns so late that the leader has thrown away what it lacks; then the snapshot arrives once more, out of the past. */
export function lateSnapshot(): readonly StageFrame[] {
  const board = new RaftBoard({ logs: { S1: [1, 1], S2: [1, 1], S3: [1] } })
  board.crash('S3')
  board.draw('S3 is down, with one entry.')
  board.stand('S1')
  board.settle()
  board.compact('S1')
  board.draw('S1 replaces all that is committed by a snapshot. The entries that S3 lacks are gone.', {
    cites: 'Raft §7',
  })
  board.restart('S3')
  board.draw('S3 returns. A client gives S1 another command.')
  board.propose('S1', 'a')
  const sent = board.settle().filter(({ message }) => message.type === 'snapshot-chunk')
  board.draw('S3 took the snapshot, and then the entry after it.', { tone: 'good' })
  for (const message of sent) board.again(message)
  board.settle()
  board.draw(
    'A copy of the snapshot arrived again, out of the past. S3 was further already and changed nothing.',
    {
      tone: 'good',
    },
  )
  return board.frames
}
