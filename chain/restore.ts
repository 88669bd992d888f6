/** Recovery: what the write-ahead log and the store brought back becomes a replica's state again. */
import { type Entry, type Position, samePosition } from '../protocol/entry.ts'
import { asMillis, type Epoch, NO_EPOCH, NO_SEQ } from '../protocol/ids.ts'
import { unreachable } from '../protocol/invariants.ts'
import type { LogRecord, Outbox } from './events.ts'
import { persistRewrite } from './rewrite.ts'
import type { Replica } from './state.ts'

const EMPTY: Position = { epoch: NO_EPOCH, seq: NO_SEQ }

interface Replayed {
  /** Position before the first entry, where it is known. */
  base: Position | null
  entries: Entry[]
  commit: Position
  memberEpoch: Epoch
}

/**
 * Fills a fresh replica from `records`, in the order in which they were persisted. Entries above the last known commit come back dirty: a rejoiner drops them,
 * the last serving member keeps them (trap 10). Where log and store do not fit together, as after a snapshot that was cut short, everything is
 * forgotten: the replica comes back empty, and holds nothing that could seed a chain.
 *
 * What comes back counts as durable: whoever opens log and store syncs them first, since a process that was killed leaves behind what no disk has yet.
 */
export function restoreReplica(replica: Replica, records: Iterable<LogRecord>, out: Outbox): void {
  const replayed = replay(records)
  const { store, log } = replica
  const { applied } = store.meta
  const fits = !store.meta.receivingSnapshot && placeEntries(replica, replayed, applied, out)
  if (!fits) {
    out.note(`log and store do not fit together (applied ${applied.seq}): comes back empty`)
    store.clear()
    store.setMeta({ receivingSnapshot: false, memberEpoch: NO_EPOCH })
    log.reset(EMPTY)
    persistRewrite(replica, { type: 'reset', to: EMPTY }, out)
    return
  }
  while (log.commit.seq < Math.min(replayed.commit.seq, log.last)) store.apply(log.commitNext())
  replica.walDurable = log.last
  if (replayed.memberEpoch > store.meta.memberEpoch) store.setMeta({ memberEpoch: replayed.memberEpoch })
}

function replay(records: Iterable<LogRecord>): Replayed {
  const state: Replayed = { base: null, entries: [], commit: EMPTY, memberEpoch: NO_EPOCH }
  for (const record of records) {
    switch (record.type) {
      case 'entry':
        state.entries.push(record.entry)
        break
      case 'truncate':
        while ((state.entries.at(-1)?.seq ?? 0) > record.to.seq) state.entries.pop()
        break
      case 'reset':
        state.base = record.to
        state.entries = []
        state.commit = record.to
        state.memberEpoch = NO_EPOCH
        break
      case 'commit':
        state.commit = record.position
        break
      case 'member':
        state.memberEpoch = record.epoch
        break
      case 'other':
        break // no replica of a chain writes it
      default:
        unreachable(record)
    }
  }
  return state
}

/** Puts the entries behind what the store has applied. False where there is a gap between the two, or they disagree. */
function placeEntries(
  replica: Replica,
  { base, entries }: Replayed,
  applied: Position,
  out: Outbox,
): boolean {
  const { log } = replica
  const first = entries[0]
  if (first === undefined) {
    log.reset(applied)
    return base === null || base.seq <= applied.seq
  }
  const last = entries.at(-1) ?? first
  if (last.seq <= applied.seq) {
    log.reset(applied)
    // The log ends before the store: a joiner applies what is committed elsewhere before its own log is synced. What comes next is not behind its last entry.
    if (last.seq < applied.seq) persistRewrite(replica, { type: 'reset', to: applied }, out)
    return true
  }
  const known = base !== null && base.seq === first.seq - 1 ? base : first.seq === 1 ? EMPTY : null
  log.reset(known ?? { epoch: first.epoch, seq: first.seq })
  if (log.base.seq > applied.seq && !samePosition(log.base, applied)) {
    return joinsApplied(replica, entries, applied)
  }
  for (const entry of known === null ? entries.slice(1) : entries) log.push(entry, asMillis(0))
  if (!log.has(applied)) return false
  while (log.commit.seq < applied.seq) log.commitNext()
  return true
}

/** The log was cut right behind what the store had applied. */
function joinsApplied({ log }: Replica, entries: readonly Entry[], applied: Position): boolean {
  const first = entries[0]
  if (first?.seq !== applied.seq + 1 || first.epoch < applied.epoch) return false
  log.reset(applied)
  for (const entry of entries) log.push(entry, asMillis(0))
  return true
}
