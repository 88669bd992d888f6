/**
 * The changefeed: what has been committed behind a position of the log, for whoever asks. Any serving replica answers, from its own log and without a lease: what
 * is committed stays committed, and a replica that does not hear of newer entries is only late. The asker holds the position, so a replica
 * remembers nothing of it but the one question that waits, and a slow asker costs it nothing.
 */
import type { ChangeRecord, ChangesCommand, ChangesResult, Failure } from '../protocol/commands.ts'
import type { RequestId, Seq } from '../protocol/ids.ts'
import type { Outbox } from './events.ts'
import { type Replica, selfMember, type WaitingChanges } from './state.ts'
import { failure } from './write-path.ts'

/** Entries that one question looks at in one turn: most may be of other keys. */
const LOOKED_AT_MAX = 8192

export function onChanges(
  replica: Replica,
  { request, command }: { readonly request: RequestId; readonly command: ChangesCommand },
  out: Outbox,
): void {
  const refusal = refuse(replica, command)
  if (refusal !== null) return out.reply(request, refusal)
  const { commit } = replica.log
  if (command.after === null) return out.reply(request, { type: 'changes', changes: [], next: commit.seq })
  const waiting = { request, command, after: command.after, since: replica.nowMs }
  if (!answer(replica, waiting, out)) replica.waitingChanges.push(waiting)
}

function refuse(replica: Replica, command: ChangesCommand): Failure | null {
  const { limits, self, chain, waitingChanges } = replica
  const member = selfMember(replica)
  if (!replica.serving || member === null || member.leaving)
    return failure('NOT_SERVING', `${self} does not serve reads of ${chain}; ask another replica`)
  if (waitingChanges.length >= limits.waitingReadsMax)
    return failure(
      'OVERLOADED',
      `${self}: ${waitingChanges.length} watches of ${chain} wait; try again later`,
    )
  if (command.limit < 1 || command.limit > limits.scanLimitMax)
    return failure(
      'BAD_ARGUMENT',
      `watch: limit ${command.limit} is not between 1 and ${limits.scanLimitMax}`,
    )
  return null
}

/** False where there is nothing to say yet. */
function answer(replica: Replica, waiting: WaitingChanges, out: Outbox): boolean {
  const { log } = replica
  if (waiting.after < log.base.seq) {
    out.reply(waiting.request, lost(replica, waiting.after))
    return true
  }
  const page = pageAfter(replica, waiting)
  if (page.changes.length === 0 && page.next >= log.commit.seq) {
    waiting.after = page.next
    return false
  }
  out.reply(waiting.request, page)
  return true
}

const lost = ({ self, chain, log }: Replica, after: Seq): Failure =>
  failure(
    'POSITION_LOST',
    `watch: ${self} keeps the changes of ${chain} from seq ${log.base.seq + 1} on, and not from ${after + 1} on any more; ` +
      'start again with what there is now (watch with snapshot: true), and forget what you had',
  )

/** Whole entries: a transaction is shown in one page. */
function pageAfter({ log, limits }: Replica, { after, command }: WaitingChanges): ChangesResult {
  const changes: ChangeRecord[] = []
  let bytes = 0
  let next = after
  const end = Math.min(log.commit.seq, after + LOOKED_AT_MAX)
  while (next < end && changes.length < command.limit && bytes < limits.changesPageBytes) {
    const entry = log.entryAt((next + 1) as Seq)
    if (entry === null) break
    next = entry.seq
    for (const { key, value, expiresAtWallMs } of entry.writes) {
      if (!key.startsWith(command.prefix)) continue
      changes.push({ key, seq: entry.seq, value, expiresAtWallMs })
      bytes += key.length + (value?.length ?? 0)
    }
  }
  return { type: 'changes', changes, next }
}

/** The end of a turn: those whom this turn's commits concern are told. */
export function releaseChanges(replica: Replica, out: Outbox): void {
  const { waitingChanges, log, changesShown } = replica
  if (log.commit.seq === changesShown) return // in most turns nothing was committed, however many wait
  replica.changesShown = log.commit.seq
  if (waitingChanges.length === 0) return
  replica.waitingChanges = waitingChanges.filter((waiting) => {
    if (waiting.after >= log.commit.seq) return true
    if (out.isWanted?.(waiting.request) === false) return false
    return !answer(replica, waiting, out)
  })
}

/** Nothing has happened for as long as they would wait: they learn that, and how far they have come. */
export function giveUpChanges(replica: Replica, out: Outbox): void {
  const { waitingChanges, nowMs, limits } = replica
  if (waitingChanges.length === 0) return
  const isLate = ({ since, command }: WaitingChanges) =>
    nowMs - since >= Math.min(command.waitMs, limits.changesWaitMsMax)
  if (!waitingChanges.some(isLate)) return
  replica.waitingChanges = waitingChanges.filter((waiting) => !isLate(waiting))
  for (const waiting of waitingChanges)
    if (isLate(waiting)) out.reply(waiting.request, { type: 'changes', changes: [], next: waiting.after })
}

/** Where something else than a chain keeps the copies alike. */
export const noChangefeed = (self: string): Failure =>
  failure(
    'BAD_ARGUMENT',
    `watch: ${self} belongs to a cluster that is not kept by a chain; only chains can be watched`,
  )

export function abandonChanges(replica: Replica, reason: string, out: Outbox): void {
  const waitingChanges = replica.waitingChanges
  replica.waitingChanges = []
  const message = `${replica.self} ${reason}; ask another replica`
  for (const { request } of waitingChanges) out.reply(request, failure('NOT_SERVING', message))
}
