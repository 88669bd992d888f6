/** Reads: strong ones at the primary, under its lease, or after all backups have said that they still follow it; eventual ones anywhere. */
import type { Outbox, ReplicaEvent } from '../../chain/events.ts'
import { answerClean, failReads, refuseRead } from '../../chain/read-path.ts'
import { leaseLives, type WaitingRead } from '../../chain/state.ts'
import { holdsToken, weakRead } from '../../chain/weak-reads.ts'
import { failure } from '../../chain/write-path.ts'
import type { Seq, ServerId } from '../../protocol/ids.ts'
import { isPrimary, type PrimaryBackup } from './state.ts'

type Read = Extract<ReplicaEvent, { type: 'read' }>

export function onRead(star: PrimaryBackup, { request, command, options }: Read, out: Outbox): void {
  const { replica } = star
  const refusal = refuseRead(replica, command)
  if (refusal !== null) return out.reply(request, refusal)
  const read: WaitingRead = { request, command, options, since: replica.nowMs }
  switch (options.consistency.type) {
    case 'strong':
      return strongRead(star, read, out)
    case 'eventual':
      if (holdsToken(replica, options.atLeast)) weakRead(replica, read, out)
      else replica.behindReads.push(read)
      return
    default:
      return out.reply(
        request,
        failure('BAD_ARGUMENT', 'primary/backup answers strong and eventual reads, no bounded ones'),
      )
  }
}

function strongRead(star: PrimaryBackup, read: WaitingRead, out: Outbox): void {
  const { replica } = star
  if (!isPrimary(star)) {
    const message = `${replica.self} is a backup of ${replica.chain}; the primary answers strong reads`
    return out.reply(read.request, failure('NOT_SERVING', message))
  }
  if (star.waitingReads.length >= replica.limits.waitingReadsMax) {
    const message = `${replica.self}: ${star.waitingReads.length} reads of ${replica.chain} wait; try again later`
    return out.reply(read.request, failure('OVERLOADED', message))
  }
  if (mayAnswer(star)) answer(star, [read], out)
  else star.waitingReads.push(read)
}

/** The primary alone decides what is committed, so that its clean store is the state. */
const mayAnswer = (star: PrimaryBackup): boolean => isReadable(star) && leaseLives(star.replica)

/** A new primary first commits all that the one before it may have committed, and shown. */
const isReadable = ({ replica, readableFrom }: PrimaryBackup): boolean =>
  replica.log.commit.seq >= readableFrom

function answer({ replica }: PrimaryBackup, reads: readonly WaitingRead[], out: Outbox): void {
  for (const read of reads) {
    replica.counters.localReads++
    if (out.isWanted?.(read.request) !== false) answerClean(replica, read, out)
  }
}

/** The end of a turn: answers what can be answered; without a lease, asks the backups. Reads that arrive meanwhile share the next round. */
export function askBackups(star: PrimaryBackup, out: Outbox): void {
  const { replica, config } = star
  if (star.waitingReads.length === 0 || config === null || !isPrimary(star) || !isReadable(star)) return
  if (leaseLives(replica)) return answer(star, star.waitingReads.splice(0), out)
  if (star.round !== null) return
  const backups = config.members.filter(({ server }) => server !== replica.self)
  const query = ++star.rounds
  star.round = {
    query,
    waitsFor: new Set(backups.map(({ server }) => server)),
    reads: star.waitingReads.splice(0),
    askedAt: replica.nowMs,
  }
  replica.counters.barriers++
  replica.counters.barrierReads += star.round.reads.length
  for (const { server } of backups)
    out.send(server, { type: 'barrier', epoch: config.epoch, query, origin: replica.self })
  answerRound(star, out)
}

export function onBarrierReply(star: PrimaryBackup, from: ServerId, query: number, out: Outbox): void {
  if (star.round?.query !== query) return
  star.round.waitsFor.delete(from)
  answerRound(star, out)
}

/** All members of this epoch followed this primary after the reads had begun: no other one can have committed anything before that. */
function answerRound(star: PrimaryBackup, out: Outbox): void {
  const { round } = star
  if (round === null || round.waitsFor.size > 0) return
  star.round = null
  answer(star, round.reads, out)
}

/** A backup's word: it was asked in this very epoch. */
export function onBarrier(
  { replica, config }: PrimaryBackup,
  from: ServerId,
  query: number,
  out: Outbox,
): void {
  if (config === null) return
  const commit: Seq = replica.log.commit.seq
  out.send(from, { type: 'barrier-reply', epoch: config.epoch, query, commit })
}

export function takeBackRound(star: PrimaryBackup): void {
  if (star.round !== null) star.waitingReads.unshift(...star.round.reads)
  star.round = null
}

export function repeatRound(star: PrimaryBackup): void {
  const { round, replica } = star
  if (round !== null && replica.nowMs - round.askedAt >= replica.limits.retryMs) takeBackRound(star)
}

export function abandonReads(star: PrimaryBackup, reason: string, out: Outbox): void {
  takeBackRound(star)
  failReads(star.replica, star.waitingReads.splice(0), reason, out)
}
