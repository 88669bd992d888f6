/** Lab 4: a leader and a follower whose logs differ as Raft's can; how many rounds until they agree, and is anything lost? */
import { Rng } from '../simulator/kernel/rng.ts'
import {
  type AppendEntries,
  type AppendReply,
  Failure,
  type Grade,
  type LogEntry,
  type StudentBackup,
  studentTurn,
} from './contract.ts'

const SEEDS = 400

interface Pair {
  readonly leader: readonly LogEntry[]
  readonly follower: readonly LogEntry[]
}

/** The lecture's three cases first; then logs at random, the short ones first. */
export function gradeBackup(student: StudentBackup): Grade {
  const pairs = [
    pairOf([4, 6, 6, 6], [4, 5, 5]),
    pairOf([4, 6, 6, 6], [4, 4, 4]),
    pairOf([4, 6, 6, 6], [4]),
    pairOf([4, 4, 6], [4, 4, 6]),
    ...Array.from({ length: SEEDS }, (_, i) => randomPair(new Rng(i + 1), 2 + Math.floor(i / 40))),
  ]
  for (const [i, pair] of pairs.entries()) {
    const steps = [`leader's log: ${logText(pair.leader)}`, `follower's log: ${logText(pair.follower)}`]
    try {
      converge(student, pair, steps)
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { property, message } = error
      return { passed: false, lab: 4, runs: i + 1, property, detail: message, steps, html: null }
    }
  }
  return { passed: true, lab: 4, runs: pairs.length }
}

function converge(student: StudentBackup, { leader, follower }: Pair, steps: string[]): void {
  let log = follower
  let nextIndex = leader.length + 1
  const roundsMax = roundsAllowed({ leader, follower })
  for (let round = 1; ; round++) {
    const message = messageAt(leader, nextIndex)
    const answer = append(student, log, message, steps)
    log = answer.log
    if (answer.reply.success) break
    const next = studentTurn('nextIndexAfter', () => student.nextIndexAfter(leader, nextIndex, answer.reply))
    steps.push(`leader: nextIndex ${nextIndex} becomes ${next}`)
    if (!Number.isInteger(next) || next < 1 || next >= nextIndex)
      throw new Failure('nextIndex goes back', `after a refusal it is ${next}, and was ${nextIndex}`)
    nextIndex = next
    if (round >= roundsMax)
      throw new Failure(
        'back up by terms, not by entries (Raft §5.3)',
        `${round} refusals; with one for each term that the logs disagree on, ${roundsMax - 1} were enough`,
      )
  }
  if (!isSame(log, leader))
    throw new Failure('LogMatching (Raft §5.3)', `after a success the follower holds ${logText(log)}`)
  // An old message arrives once more: it agrees with what is there, and must take nothing away.
  const old = { ...messageAt(leader, 1), entries: leader.slice(0, Math.max(0, leader.length - 1)) }
  const { log: after, reply } = append(student, log, old, steps)
  if (!reply.success) throw new Failure('an old message that agrees succeeds', 'the follower refused it')
  if (!isSame(after, leader))
    throw new Failure(
      'an old message takes nothing away (Raft figure 2, step 3 of AppendEntries)',
      `it agreed with the log, and the follower now holds ${logText(after)}`,
    )
  if (reply.match !== undefined && reply.match > old.entries.length)
    throw new Failure(
      'match claims no more than was compared',
      `the message reached to ${old.entries.length}, the reply says ${reply.match}`,
    )
}

function append(
  student: StudentBackup,
  log: readonly LogEntry[],
  message: AppendEntries,
  steps: string[],
): { readonly log: readonly LogEntry[]; readonly reply: AppendReply } {
  const { prevIndex, prevTerm, entries } = message
  steps.push(`leader -> follower: prevIndex ${prevIndex}, prevTerm ${prevTerm}, ${logText(entries)}`)
  const answer = studentTurn('onAppendEntries', () =>
    student.onAppendEntries(structuredClone(log), structuredClone(message)),
  )
  if (!Array.isArray(answer?.log) || typeof answer.reply?.success !== 'boolean')
    throw new Failure('the code runs', 'onAppendEntries must return { log, reply: { success, ... } }')
  steps.push(`  follower: ${JSON.stringify(answer.reply)}, log ${logText(answer.log)}`)
  const agrees = prevIndex === 0 || log[prevIndex - 1]?.term === prevTerm
  if (agrees !== answer.reply.success)
    throw new Failure(
      'the consistency check (Raft §5.3)',
      agrees ? 'the follower has that entry, and refused' : 'the follower lacks that entry, and accepted',
    )
  if (!agrees && !isSame(answer.log, log) && !isPrefix(answer.log, log))
    throw new Failure('a refusal adds nothing', `the log is now ${logText(answer.log)}`)
  return answer
}

function messageAt(leader: readonly LogEntry[], nextIndex: number): AppendEntries {
  const prevIndex = nextIndex - 1
  return { prevIndex, prevTerm: leader[prevIndex - 1]?.term ?? 0, entries: leader.slice(prevIndex) }
}

/** One refusal for each term that is the follower's alone, one for a log that is too short, one where a shared term goes on; then it agrees. */
function roundsAllowed({ leader, follower }: Pair): number {
  const shared = sharedLength(leader, follower)
  return new Set(follower.slice(shared).map(({ term }) => term)).size + 3
}

function sharedLength(a: readonly LogEntry[], b: readonly LogEntry[]): number {
  const at = a.findIndex(({ term }, i) => b[i]?.term !== term)
  return at < 0 ? a.length : at
}

const pairOf = (leader: readonly number[], follower: readonly number[]): Pair => ({
  leader: entriesOf(leader, 'L', leader),
  follower: entriesOf(follower, 'F', leader),
})

/** Where index and term agree, so do the entries. */
const entriesOf = (terms: readonly number[], who: string, leader: readonly number[]): LogEntry[] =>
  terms.map((term, i) => ({
    term,
    command: leader[i] === term ? `${term}.${i + 1}` : `${term}.${i + 1}${who}`,
  }))

/** Past what they share, no term is in both: a term has one leader, and its entries are one run of one log. */
function randomPair(rng: Rng, length: number): Pair {
  const shared: number[] = []
  let term = 1
  for (let i = rng.below(length); i > 0; i--) {
    term += rng.below(2)
    shared.push(term)
  }
  const leader = [...shared]
  const follower = [...shared]
  // The term in which they part may go on in one of them.
  const goesOn = rng.below(3)
  for (let i = rng.below(3); i > 0 && goesOn < 2 && shared.length > 0; i--)
    (goesOn === 0 ? leader : follower).push(term)
  for (let runs = rng.below(length + 1); runs > 0; runs--) {
    term++
    const log = rng.below(2) === 0 ? leader : follower
    for (let i = 1 + rng.below(3); i > 0; i--) log.push(term)
  }
  // It was elected after all of them, and has begun its own term.
  leader.push(term + 1)
  return pairOf(leader, follower)
}

const isSame = (a: readonly LogEntry[], b: readonly LogEntry[]) => a.length === b.length && isPrefix(a, b)
const isPrefix = (a: readonly LogEntry[], b: readonly LogEntry[]) =>
  a.every(({ term, command }, i) => b[i]?.term === term && b[i]?.command === command)
const logText = (log: readonly LogEntry[]) =>
  log.length === 0 ? '(no entries)' : `[${log.map(({ term }) => term).join(' ')}]`
