/**
 * Writes at the head (DESIGN 3.2; CRAQ §2.3, §4.1): exactly once, evaluated against the newest version, answered when committed.
 *
 * Departs: a command that changes nothing (a failed condition, a read-only transaction) becomes an entry without writes. Its answer rests on
 * what it saw, so it may leave only when that has committed and while this head is still the head; the entry's own commit says both.
 */
import type { RequestIdentity } from '../protocol/client-messages.ts'
import type { Failure, Versioned, WriteCommand, WriteResult } from '../protocol/commands.ts'
import { type Entry, type Origin, resultBytes, type SessionChange, type Write } from '../protocol/entry.ts'
import type { ErrorCode } from '../protocol/errors.ts'
import { asMillis, asSeq, type Key, type RequestId, type Seq, type SessionId } from '../protocol/ids.ts'
import { invariant } from '../protocol/invariants.ts'
import type { SessionResults } from './clean-store.ts'
import { evaluate, type Ground } from './evaluate.ts'
import type { Outbox } from './events.ts'
import { isHead, type Replica, type Waiter } from './state.ts'

export const failure = (code: ErrorCode, message: string): Failure => ({ type: 'failure', code, message })

export function onWrite(
  replica: Replica,
  write: {
    readonly request: RequestId
    readonly identity: RequestIdentity | null
    readonly command: WriteCommand
  },
  out: Outbox,
): void {
  const refusal = refuseWrite(replica, write.command)
  if (refusal !== null) return out.reply(write.request, refusal)
  if (write.identity !== null && answerRetry(replica, write.identity, write.request, out)) return
  const seq = asSeq(replica.log.last + 1)
  const ground = new HeadGround(replica, seq)
  const outcome = evaluate(write.command, ground)
  const writes = withLapsedKeys(outcome.writes, ground.lapsed)
  const sessions: SessionChange | null = write.command.type === 'open-session' ? { opens: true } : null
  const origin = write.identity === null ? null : originOf(write.identity, outcome.result)
  appendAtHead(replica, { origin, writes, sessions }, out)
  addWaiter(replica, seq, { request: write.request, result: outcome.result })
  replica.counters.writes++
}

/** Gives the next seq to what a request, or the head itself, wants written. */
export function appendAtHead(
  replica: Replica,
  change: {
    readonly origin: Origin | null
    readonly writes: readonly Write[]
    readonly sessions: SessionChange | null
  },
  out: Outbox,
): void {
  const seq = asSeq(replica.log.last + 1)
  const epoch = replica.config?.epoch
  invariant(
    'EpochFence',
    epoch !== undefined && replica.serving,
    () => `${replica.self} appends without a configuration`,
  )
  const entry: Entry = {
    epoch,
    seq,
    origin: change.origin,
    writes: change.writes,
    sessions: change.sessions,
  }
  replica.log.push(entry, replica.nowMs)
  if (change.sessions?.opens) replica.sessionHeard.set(seq as number as SessionId, replica.nowMs)
  out.persist({ type: 'entry', entry })
}

function refuseWrite(replica: Replica, command: WriteCommand): Failure | null {
  const { limits, log } = replica
  if (replica.storageFailed)
    return failure('NOT_SERVING', `${replica.self} has left its chains: its disk failed`)
  if (!isHead(replica)) return failure('NOT_HEAD', `${replica.self} is not the head of ${replica.chain}`)
  if (!replica.serving) return failure('NOT_SERVING', `${replica.self} does not serve ${replica.chain} yet`)
  if (
    log.dirtyCount >= limits.dirtyEntriesMax ||
    log.dirtyBytes + replica.waiterBytes >= limits.dirtyBytesMax
  ) {
    return failure(
      'OVERLOADED',
      `${replica.chain}: ${log.dirtyCount} writes wait for their commit; try again later`,
    )
  }
  if (command.type === 'open-session' && replica.store.sessionCount >= limits.sessionsMax) {
    return failure(
      'OVERLOADED',
      `${replica.chain}: ${limits.sessionsMax} client sessions are open; idle ones lapse`,
    )
  }
  return refuseSizes(command, replica)
}

/** What no head may take, whatever the chain holds. */
export function refuseSizes(command: WriteCommand, { limits }: Pick<Replica, 'limits'>): Failure | null {
  if (command.type === 'open-session') return null
  if (command.type !== 'transaction') {
    return (
      refuseKey(command.key, limits.keyBytesMax) ??
      refuseValue('value' in command ? command.value : null, limits.valueBytesMax)
    )
  }
  const keys = [...command.compares.map((c) => c.key), ...command.reads, ...command.writes.map((w) => w.key)]
  if (keys.length > limits.keysPerCommandMax) {
    return failure(
      'BAD_ARGUMENT',
      `transaction: ${keys.length} keys; the limit is ${limits.keysPerCommandMax}`,
    )
  }
  for (const key of keys) {
    const refusal = refuseKey(key, limits.keyBytesMax)
    if (refusal !== null) return refusal
  }
  let bytes = 0
  for (const write of command.writes) bytes += write.type === 'put' ? write.value.length : 0
  return bytes > limits.valueBytesMax
    ? failure(
        'TOO_LARGE',
        `transaction: its values have ${bytes} bytes; the limit is ${limits.valueBytesMax}`,
      )
    : null
}

export function refuseKey(key: Key, bytesMax: number): Failure | null {
  if (key.length === 0) return failure('BAD_ARGUMENT', 'the key is empty; a key has at least one byte')
  return key.length > bytesMax
    ? failure('TOO_LARGE', `the key has ${key.length} bytes; the limit is ${bytesMax}`)
    : null
}

const refuseValue = (value: Uint8Array | null, bytesMax: number) =>
  value !== null && value.length > bytesMax
    ? failure('TOO_LARGE', `the value has ${value.length} bytes; the limit is ${bytesMax}`)
    : null

/**
 * Exactly once (trap 13): a request whose entry is committed gets the first result again; one whose entry is still dirty waits
 * for that entry. True where the request is dealt with.
 */
function answerRetry(replica: Replica, identity: RequestIdentity, request: RequestId, out: Outbox): boolean {
  const { session, requestNumber } = identity
  replica.sessionHeard.set(session, replica.nowMs)
  const results = replica.store.results(session)
  if (replica.log.lapsesSession(session) || (results === null && !replica.log.opensSession(session))) {
    const message = `client session ${session} is unknown to ${replica.chain}: it lapsed after being idle, or never was`
    replica.sessionHeard.delete(session)
    answerBehindEntry(replica, request, failure('SESSION_LAPSED', message), out)
    return true
  }
  const dirty = replica.log.dirtyRequest(session, requestNumber)
  if (dirty !== null) {
    const result = replica.log.entryAt(dirty)?.origin?.result
    invariant(
      'ExactlyOnce',
      result !== undefined,
      () => `${replica.chain}: entry ${dirty} has lost its origin`,
    )
    addWaiter(replica, dirty, { request, result })
    return true
  }
  const first = results?.result(requestNumber) ?? null
  if (first !== null) {
    out.reply(request, first)
    return true
  }
  // Not the newest request's alone: one that was held up on its way knew less than those before it in the log.
  if (requestNumber >= (results?.answeredBelow ?? 0)) {
    const refusal = refuseFullSession(replica, identity, results)
    if (refusal !== null) out.reply(request, refusal)
    return refusal !== null
  }
  const message = `request ${requestNumber} of session ${session} was answered before; its result is forgotten`
  out.reply(request, failure('BAD_ARGUMENT', message))
  return true
}

/**
 * Every replica keeps these results, and a snapshot carries those of one session in one page. The lowest request that its client has no answer to is
 * never refused: all others may have been answered, and only its own answer, or its own entry, lets them be forgotten.
 */
function refuseFullSession(
  { log, limits, chain }: Replica,
  { session, requestNumber, answeredBelow }: RequestIdentity,
  clean: SessionResults | null,
): Failure | null {
  const dirty = log.dirtyResults(session)
  const [count, bytes] = [(clean?.count ?? 0) + dirty.count, (clean?.bytes ?? 0) + dirty.bytes]
  const isFull = count >= limits.sessionResultsMax || bytes >= limits.sessionResultBytesMax
  if (!isFull || requestNumber === answeredBelow) return null
  return failure(
    'OVERLOADED',
    `${chain}: ${count} results with ${bytes} bytes of values are kept for client session ${session}, which has not said that they arrived`,
  )
}

function addWaiter(replica: Replica, seq: Seq, waiter: Waiter): void {
  const waiters = replica.waiters.get(seq)
  if (waiters === undefined) replica.waiters.set(seq, [waiter])
  else waiters.push(waiter)
  replica.waiterBytes += resultBytes(waiter.result)
}

/** A deposed head does not know the sessions that were opened since: such an answer rests on an entry, too. */
function answerBehindEntry(replica: Replica, request: RequestId, answer: Failure, out: Outbox): void {
  appendAtHead(replica, { origin: null, writes: [], sessions: null }, out)
  addWaiter(replica, replica.log.last, { request, result: answer })
}

/** Newest version of a key, dirty or not. Null where absent or deleted. */
export function newestOf(replica: Replica, key: Key): Versioned | null {
  const dirty = replica.log.newestDirtyVersion(key)
  if (dirty === null) return replica.store.get(key)
  const { value, expiresAtWallMs } = dirty.write
  return value === null ? null : { value, version: dirty.seq, expiresAtWallMs }
}

/** What the head evaluates a command against. */
class HeadGround implements Ground {
  readonly seq: Seq
  readonly valueBytesMax: number
  /** Keys that were found lapsed; null where none was. */
  lapsed: Key[] | null = null
  readonly #replica: Replica

  constructor(replica: Replica, seq: Seq) {
    this.#replica = replica
    this.seq = seq
    this.valueBytesMax = replica.limits.valueBytesMax
  }

  /** A key whose time has passed is absent already. */
  newest(key: Key): Versioned | null {
    const newest = newestOf(this.#replica, key)
    if (newest === null || newest.expiresAtWallMs === 0 || newest.expiresAtWallMs > this.#replica.wallMs)
      return newest
    this.lapsed ??= []
    this.lapsed.push(key)
    return null
  }
}

const originOf = (
  { session, requestNumber, answeredBelow }: RequestIdentity,
  result: WriteResult,
): Origin => ({ session, requestNumber, answeredBelow, result })

/** A command that found a key lapsed deletes it in the same entry, so that no replica shows it any more afterwards. */
function withLapsedKeys(writes: readonly Write[], lapsed: readonly Key[] | null): readonly Write[] {
  if (lapsed === null) return writes
  const written = new Set(writes.map((write) => write.key))
  const tombstones = [...new Set(lapsed)].filter((key) => !written.has(key))
  return [...writes, ...tombstones.map((key) => ({ key, value: null, expiresAtWallMs: asMillis(0) }))]
}

/** A head that steps down: these writes may still commit without it, so their outcome is unknown here. */
export function abandonWrites(replica: Replica, reason: string, out: Outbox): void {
  const seqs: Seq[] = [...replica.waiters.keys()]
  for (const seq of seqs) {
    for (const { request } of replica.waiters.get(seq) ?? []) {
      out.reply(request, failure('CONNECTION_LOST', `${replica.self} ${reason}; the write may have happened`))
    }
  }
  replica.waiters.clear()
  replica.waiterBytes = 0
}
