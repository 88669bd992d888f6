/**
 * Apportioned queries (CRAQ §2.3, DESIGN 3.3 and 6). A strong read of clean keys is answered here, under a lease. Of dirty keys: the tail is
 * asked what is committed. Without a lease: a barrier travels the chain like a write. Either way, reads that arrive while a
 * question is in flight share the next one: joining the one in flight would not be linearizable, because the answer may be older than they are.
 */

import { tailOf } from '../protocol/chain-config.ts'
import type { Failure, ReadCommand, ReadOptions, Versioned } from '../protocol/commands.ts'
import type { Key, RequestId, Seq, ServerId } from '../protocol/ids.ts'
import { invariant } from '../protocol/invariants.ts'
import { learnCommit, recommit } from './commit.ts'
import type { Outbox } from './events.ts'
import { scanBounded } from './snapshot-outgoing.ts'
import { isHead, isTail, leaseLives, type Replica, selfMember, type WaitingRead } from './state.ts'
import { holdsToken, weakRead } from './weak-reads.ts'
import { failure, refuseKey } from './write-path.ts'

export function onRead(
  replica: Replica,
  read: { readonly request: RequestId; readonly command: ReadCommand; readonly options: ReadOptions },
  out: Outbox,
): void {
  const refusal = refuseRead(replica, read.command)
  if (refusal !== null) return out.reply(read.request, refusal)
  const { request, command, options } = read
  const strong = options.consistency.type === 'strong'
  if (strong && replica.tailReadsOnly && !isTail(replica)) return out.reply(request, notTheTail(replica))
  // The path of nearly every read: nothing is made for it but its answer.
  if (strong && mayAnswerHere(replica, command)) return answerHere(replica, read, out)
  const waiting: WaitingRead = { request, command, options, since: replica.nowMs }
  if (strong) return strongRead(replica, waiting, out)
  if (!holdsToken(replica, options.atLeast)) {
    replica.behindReads.push(waiting)
    return
  }
  weakRead(replica, waiting, out)
}

/** (Chain Replication §2.) Its client has an old map. */
const notTheTail = ({ self, chain }: Replica): Failure =>
  failure('NOT_SERVING', `${self} is not the tail of ${chain}, which alone answers reads; ask the tail`)

export function refuseRead(replica: Replica, command: ReadCommand): Failure | null {
  const { limits } = replica
  const member = selfMember(replica)
  if (!replica.serving || member === null || member.leaving) {
    return failure(
      'NOT_SERVING',
      `${replica.self} does not serve reads of ${replica.chain}; ask another replica`,
    )
  }
  const waiting =
    replica.waitingReads.length + replica.behindReads.length + (replica.question?.reads.length ?? 0)
  if (waiting >= limits.waitingReadsMax) {
    return failure(
      'OVERLOADED',
      `${replica.self}: ${waiting} reads of ${replica.chain} wait; try again later`,
    )
  }
  if (command.type === 'scan') {
    return command.limit >= 1 && command.limit <= limits.scanLimitMax
      ? null
      : failure('BAD_ARGUMENT', `scan: limit ${command.limit} is not between 1 and ${limits.scanLimitMax}`)
  }
  if (command.keys.length === 0 || command.keys.length > limits.keysPerCommandMax) {
    return failure(
      'BAD_ARGUMENT',
      `get: ${command.keys.length} keys; between 1 and ${limits.keysPerCommandMax} are allowed`,
    )
  }
  for (const key of command.keys) {
    const refusal = refuseKey(key, limits.keyBytesMax)
    if (refusal !== null) return refusal
  }
  return null
}

/** Answers now, or asks about it when this turn ends. */
export function strongRead(replica: Replica, read: WaitingRead, out: Outbox): void {
  if (mayAnswerHere(replica, read.command)) return answerHere(replica, read, out)
  replica.waitingReads.push(read)
}

const mayAnswerHere = (replica: Replica, command: ReadCommand): boolean =>
  leaseLives(replica) && (isTail(replica) || !touchesDirty(replica, command))

function answerHere(replica: Replica, read: Answerable, out: Outbox): void {
  replica.counters.localReads++
  answerClean(replica, read, out)
}

type Answerable = Pick<WaitingRead, 'request' | 'command'>

function touchesDirty(replica: Replica, command: ReadCommand): boolean {
  if (!replica.log.hasDirtyKeys) return false
  if (command.type === 'get') {
    for (const key of command.keys) if (replica.log.isDirty(key)) return true
    return false
  }
  for (const key of replica.log.dirtyKeys()) if (key.startsWith(command.prefix)) return true
  return false
}

/** From the clean store, which stands at `commit` exactly: an atomic snapshot of however many keys. */
export function answerClean(replica: Replica, { request, command }: Answerable, out: Outbox): void {
  const at = replica.log.commit.seq
  if (command.type === 'get') {
    const values = valuesOf(replica, command.keys, (key) => replica.store.get(key))
    return out.reply(
      request,
      values === null ? tooLarge(replica) : { type: 'values', values, committed: true, at },
    )
  }
  const { prefix, after, limit } = command
  const { items, more } = scanBounded(replica.store, {
    prefix,
    after,
    limit,
    bytesMax: replica.limits.pageBytesMax,
  })
  out.reply(request, {
    type: 'page',
    keys: items.map((item) => item.key),
    values: items,
    more,
    committed: true,
    at,
  })
}

/** Null where they have more bytes than one reply may hold: the rest is not even looked up. */
export function valuesOf(
  { limits }: Replica,
  keys: readonly Key[],
  read: (key: Key) => Versioned | null,
): (Versioned | null)[] | null {
  const values: (Versioned | null)[] = []
  let bytes = 0
  for (const key of keys) {
    const value = read(key)
    values.push(value)
    bytes += value?.value.length ?? 0
    if (bytes > limits.readBytesMax) return null
  }
  return values
}

export const tooLarge = ({ limits }: Replica): Failure =>
  failure(
    'TOO_LARGE',
    `get: the values of these keys have more than ${limits.readBytesMax} bytes together; read fewer at a time`,
  )

/** Sends the next question, if reads wait for one and none is in flight. Called when a turn ends. */
export function askNext(replica: Replica, out: Outbox): void {
  if (replica.question !== null || replica.waitingReads.length === 0 || replica.config === null) return
  const reads = replica.waitingReads
  replica.waitingReads = []
  const kind = leaseLives(replica) && !replica.barrierNext ? 'version' : 'barrier'
  replica.barrierNext = false
  const id = ++replica.questions
  replica.question = { id, kind, askedAt: replica.nowMs, reads }
  const { epoch } = replica.config
  if (kind === 'version') {
    replica.counters.versionQueries++
    replica.counters.versionQueryReads += reads.length
    const tail = tailOf(replica.config)
    if (isTail(replica)) return onVersionReply(replica, id, replica.log.commit.seq, out)
    if (tail !== null) out.send(tail.server, { type: 'version-query', epoch, query: id })
    return
  }
  replica.counters.barriers++
  replica.counters.barrierReads += reads.length
  const head = replica.config.members[0]
  if (isHead(replica)) onBarrier(replica, id, replica.self, out)
  else if (head !== undefined)
    out.send(head.server, { type: 'barrier', epoch, query: id, origin: replica.self })
}

/** At the tail. It answers only under its own lease, and not once it is leaving (DESIGN section 5, trap 2). */
export function onVersionQuery(replica: Replica, from: ServerId, query: number, out: Outbox): void {
  if (replica.config === null || !isTail(replica)) return
  recommit(replica, out)
  const mayAnswer = replica.serving && leaseLives(replica) && selfMember(replica)?.leaving === false
  const commit = mayAnswer ? replica.log.commit.seq : null
  out.send(from, { type: 'version-reply', epoch: replica.config.epoch, query, commit })
}

export function onVersionReply(replica: Replica, query: number, commit: Seq | null, out: Outbox): void {
  const { question } = replica
  if (question === null || question.id !== query || question.kind !== 'version') return // an answer to a question given up
  replica.question = null
  if (commit === null || !leaseLives(replica)) {
    // Epoch fencing without clocks (DESIGN section 6).
    replica.barrierNext = true
    replica.waitingReads.unshift(...question.reads)
    return
  }
  answerAsked(replica, question.reads, { commit, proof: 'lease' }, out)
}

/** On its way: the head begins, each member of this epoch passes it on behind the entries it has sent, the tail answers. */
export function onBarrier(replica: Replica, query: number, origin: ServerId, out: Outbox): void {
  if (replica.config === null || selfMember(replica) === null) return
  // A tail that was not handed off to yet answers as soon as it was (see `answerHeldBarriers`).
  if (!isTail(replica) || !replica.serving) {
    replica.barriers.set(origin, query)
    return
  }
  recommit(replica, out)
  const commit = replica.log.commit.seq
  if (origin === replica.self) return onBarrierReply(replica, query, commit, out)
  out.send(origin, { type: 'barrier-reply', epoch: replica.config.epoch, query, commit })
}

/** Passes barriers on, behind this turn's entries: only the link's order makes them a barrier. */
export function passBarriers(replica: Replica, out: Outbox): void {
  if (replica.barriers.size === 0 || replica.config === null || replica.downstream === null) return
  for (const [origin, query] of replica.barriers) {
    out.send(replica.downstream.server, { type: 'barrier', epoch: replica.config.epoch, query, origin })
  }
  replica.barriers.clear()
}

/** A new tail has just begun to serve. */
export function answerHeldBarriers(replica: Replica, out: Outbox): void {
  const held = [...replica.barriers]
  replica.barriers.clear()
  for (const [origin, query] of held) onBarrier(replica, query, origin, out)
}

export function onBarrierReply(replica: Replica, query: number, commit: Seq, out: Outbox): void {
  const { question } = replica
  if (question === null || question.id !== query || question.kind !== 'barrier') return
  replica.question = null
  answerAsked(replica, question.reads, { commit, proof: 'barrier' }, out)
}

/**
 * The tail has named a commit point after these reads began. It is learned as an ack would be, so that the clean store stands at it, or at a newer one that an
 * ack brought meanwhile: what the tail committed before it sent that ack is safe to show.
 */
function answerAsked(
  replica: Replica,
  reads: readonly WaitingRead[],
  answer: { readonly commit: Seq; readonly proof: 'lease' | 'barrier' },
  out: Outbox,
): void {
  if (!isTail(replica)) learnCommit(replica, answer.commit, out)
  invariant(
    'ReadUnderLease',
    replica.serving && (answer.proof === 'barrier' || leaseLives(replica)),
    () => `${replica.chain} at ${replica.self}: answers ${reads.length} reads without a lease`,
  )
  if (selfMember(replica)?.leaving !== false) return failReads(replica, reads, 'is leaving the chain', out)
  for (const read of reads) {
    // Its client may have gone meanwhile, or been given too much to read: values are not looked up for nobody.
    if (out.isWanted?.(read.request) !== false) answerClean(replica, read, out)
  }
}

/** Another epoch: what was asked in the old one means nothing. The reads are asked about again (trap 4). */
export function forgetQuestion(replica: Replica): void {
  takeBackQuestion(replica)
  replica.barriers.clear()
}

function takeBackQuestion(replica: Replica): void {
  if (replica.question !== null) replica.waitingReads.unshift(...replica.question.reads)
  replica.question = null
}

export function repeatQuestion(replica: Replica): void {
  const { question } = replica
  if (question === null || replica.nowMs - question.askedAt < replica.limits.retryMs) return
  takeBackQuestion(replica)
}

export function abandonReads(replica: Replica, reason: string, out: Outbox): void {
  forgetQuestion(replica)
  const reads = [...replica.waitingReads, ...replica.behindReads]
  replica.waitingReads = []
  replica.behindReads = []
  failReads(replica, reads, reason, out)
}

export function failReads(
  replica: Replica,
  reads: readonly WaitingRead[],
  reason: string,
  out: Outbox,
): void {
  const message = `${replica.self} ${reason}; ask another replica`
  for (const { request } of reads) out.reply(request, failure('NOT_SERVING', message))
}
