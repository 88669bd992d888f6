/** The reader's own logs: who can be elected? */
import type { StageFrame } from '../stage/frame.ts'
import { RaftBoard } from './raft-board.ts'

const SERVERS = [2, 7] as const
const ENTRIES_MAX = 12
const TERM_MAX = 99

/**
 * Lets each server stand once, on a board of its own.
 *
 * @param texts - of each server, the terms in its log: `5 6 7`.
 * @throws {RangeError} with a sentence for the reader, where no ensemble can come to have such logs.
 */
export function whoCanWin(texts: Readonly<Record<string, string>>): readonly StageFrame[] {
  const logs = Object.fromEntries(Object.entries(texts).map(([id, text]) => [id, termsOf(id, text)]))
  checkMatching(logs)
  const frames: StageFrame[] = []
  const winners: string[] = []
  for (const id of Object.keys(logs)) {
    const board = new RaftBoard({ logs })
    board.draw(`${id} is the first whose timer runs out.`)
    board.stand(id)
    board.settle(() => board.leaders.length > 0)
    const won = board.leaders.includes(id)
    if (won) winners.push(id)
    board.draw(won ? `${id} is elected.` : `${id} is not elected.`, { tone: won ? 'good' : 'plain' })
    frames.push(...board.frames)
  }
  const last = frames.at(-1)
  if (last !== undefined)
    frames.push({
      ...last,
      arrows: [],
      tone: 'plain',
      cites: 'Raft §5.4.1',
      caption: `Who can be elected: ${winners.join(', ')}.`,
    })
  return frames
}

function termsOf(id: string, text: string): readonly number[] {
  const words = text.trim() === '' ? [] : text.trim().split(/[\s,]+/)
  if (words.length > ENTRIES_MAX)
    throw new RangeError(`${id}: ${words.length} entries; the board has room for ${ENTRIES_MAX}`)
  const terms = words.map((word) => {
    if (!/^\d{1,2}$/.test(word) || word === '0' || word === '00')
      throw new RangeError(
        `${id}: "${word.slice(0, 12)}" is no term; write numbers from 1 to ${TERM_MAX}, for example 5 6 7`,
      )
    return Number(word)
  })
  for (const [i, term] of terms.entries())
    if (term < (terms[i - 1] ?? 0))
      throw new RangeError(`${id}: ${term} follows ${terms[i - 1]}; terms never fall along a log`)
  return terms
}

/** Two logs with the same term in the same place are the same up to there (Raft §5.3, Log Matching). */
function checkMatching(logs: Readonly<Record<string, readonly number[]>>): void {
  const ids = Object.keys(logs)
  if (ids.length < SERVERS[0] || ids.length > SERVERS[1])
    throw new RangeError(`${ids.length} servers; the board shows ${SERVERS[0]} to ${SERVERS[1]}`)
  for (const a of ids)
    for (const b of ids) {
      const [ours, theirs] = [logs[a] ?? [], logs[b] ?? []]
      const differs = ours.findIndex((term, i) => i < theirs.length && term !== theirs[i])
      const meets = ours.findIndex((term, i) => differs !== -1 && i > differs && term === theirs[i])
      if (meets !== -1)
        throw new RangeError(
          `${a} and ${b} both have term ${ours[meets]} at ${meets + 1} but differ at ${differs + 1}: that cannot happen (log matching, Raft §5.3)`,
        )
    }
}
