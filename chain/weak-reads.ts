/** Eventual and bounded reads (CRAQ §2.4): what this replica knows, committed or not, within a bound, and never behind what the client has seen. */
import type { Consistency, ReadOptions, Versioned } from '../protocol/commands.ts'
import type { Key, Seq } from '../protocol/ids.ts'
import { unreachable } from '../protocol/invariants.ts'
import type { Outbox } from './events.ts'
import type { DirtyVersion } from './log.ts'
import { failReads, strongRead, tooLarge, valuesOf } from './read-path.ts'
import { scanBounded } from './snapshot-outgoing.ts'
import { isHead, leaseLives, type Replica, selfMember, type WaitingRead } from './state.ts'

/**
 * Whether this replica has what a client with this session token has seen. A token is a seq, and the same seq may be given twice (trap 6): only a
 * replica that cannot have been deposed may count its dirty entries.
 */
export function holdsToken(replica: Replica, atLeast: Seq): boolean {
  const { log } = replica
  if (atLeast <= log.commit.seq) return true
  return atLeast <= log.last && leaseLives(replica) && selfMember(replica)?.serving === true
}

/** CRAQ §2.4: what this replica knows, within the bound that was asked for. */
export function weakRead(replica: Replica, read: WaitingRead, out: Outbox): void {
  const { command, options } = read
  const { consistency } = options
  if (consistency.type === 'bounded-age' && !heardWithin(replica, consistency.maxAgeMs)) {
    if (options.atLeast <= replica.log.commit.seq) return strongRead(replica, read, out)
    replica.behindReads.push(read) // what is committed is less than this client has seen
    return
  }
  if (command.type === 'scan') return weakScan(replica, read, out)
  let committed = true
  const values = valuesOf(replica, command.keys, (key) => {
    const dirty = visibleDirty(replica, key, options)
    if (dirty === null) return replica.store.get(key)
    committed = false
    return versionedOf(dirty)
  })
  if (values === null) return out.reply(read.request, tooLarge(replica))
  const at = committed ? replica.log.commit.seq : replica.log.last
  out.reply(read.request, { type: 'values', values, committed, at })
}

const versionedOf = ({ seq, write }: DirtyVersion): Versioned | null =>
  write.value === null ? null : { value: write.value, version: seq, expiresAtWallMs: write.expiresAtWallMs }

/** The newest dirty version that the bound lets through; null where the clean one is to be shown. */
function visibleDirty(
  replica: Replica,
  key: Key,
  { consistency, atLeast }: ReadOptions,
): DirtyVersion | null {
  const versions = replica.log.dirtyVersions(key)
  if (versions === null) return null
  let count = withinBound(replica, versions, consistency)
  // What the client has seen is shown again, whatever the bound: its token asks for it.
  while ((versions[count]?.seq ?? Number.POSITIVE_INFINITY) <= atLeast) count++
  return versions[count - 1] ?? null
}

/** How many of a key's dirty versions, oldest first, may be shown. */
function withinBound(replica: Replica, versions: readonly DirtyVersion[], consistency: Consistency): number {
  switch (consistency.type) {
    case 'strong':
      return 0
    case 'eventual':
      return versions.length
    case 'bounded-versions':
      return Math.min(consistency.maxVersions, versions.length)
    case 'bounded-age': {
      // The oldest uncommitted version decides: past the bound, its commit is overdue, and so is all that stands on it.
      const oldest = versions[0]
      const young = oldest !== undefined && replica.nowMs - oldest.receivedAt <= consistency.maxAgeMs
      return young ? versions.length : 0
    }
    default:
      return unreachable(consistency)
  }
}

/** Whether the chain above was heard within this time. The head is the chain's source: it has nobody to hear. */
function heardWithin(replica: Replica, maxAgeMs: number): boolean {
  if (isHead(replica)) return leaseLives(replica)
  return replica.upstream?.linked === true && replica.nowMs - replica.upstream.heardAt <= maxAgeMs
}

function weakScan(replica: Replica, read: WaitingRead, out: Outbox): void {
  if (read.command.type !== 'scan') return
  const { prefix, after, limit } = read.command
  const found = new Map<Key, Versioned | null>()
  for (const key of replica.log.dirtyKeys()) {
    if (!key.startsWith(prefix) || (after !== null && key <= after)) continue
    const dirty = visibleDirty(replica, key, read.options)
    if (dirty !== null) found.set(key, versionedOf(dirty))
  }
  const committed = found.size === 0
  const bytesMax = replica.limits.pageBytesMax
  const hiddenMax = found.size
  let present: [Key, Versioned][] = []
  let more = true
  // Once, unless all that was read is hidden by dirty tombstones: an empty page would have no last key to go on from.
  for (let from = after; more && present.length === 0; ) {
    const clean = scanBounded(replica.store, { prefix, after: from, limit: limit + hiddenMax, bytesMax })
    more = clean.more
    // What lies beyond the last clean key that was read belongs to a later page.
    const end = more ? (clean.items.at(-1)?.key ?? null) : null
    for (const item of clean.items) if (!found.has(item.key)) found.set(item.key, item)
    present = [...found]
      .filter((pair): pair is [Key, Versioned] => pair[1] !== null && (end === null || pair[0] <= end))
      .sort(([a], [b]) => (a < b ? -1 : 1))
    from = end
  }
  const page = present.slice(0, Math.min(limit, countWithin(present, bytesMax)))
  more ||= present.length > page.length
  const at = committed ? replica.log.commit.seq : replica.log.last
  out.reply(read.request, {
    type: 'page',
    keys: page.map(([key]) => key),
    values: page.map(([, value]) => value),
    more,
    committed,
    at,
  })
}

/** How many of the first items it takes to reach `bytesMax`. */
function countWithin(items: readonly (readonly [Key, Versioned])[], bytesMax: number): number {
  let bytes = 0
  const last = items.findIndex(([key, { value }]) => {
    bytes += key.length + value.length
    return bytes >= bytesMax
  })
  return last === -1 ? items.length : last + 1
}

/** New entries have arrived: weak reads whose session token asked for them can go. */
export function releaseBehindReads(replica: Replica, out: Outbox): void {
  if (replica.behindReads.length === 0) return
  const ready = replica.behindReads.filter((read) => holdsToken(replica, read.options.atLeast))
  if (ready.length === 0) return
  replica.behindReads = replica.behindReads.filter((read) => !holdsToken(replica, read.options.atLeast))
  for (const read of ready) weakRead(replica, read, out)
}

/** A token that nobody can satisfy names a write that has vanished (trap 19), or this replica lags: somebody else may know. */
export function giveUpBehindReads(replica: Replica, out: Outbox): void {
  const isLate = ({ since }: WaitingRead) => replica.nowMs - since >= replica.limits.stallMs
  const late = replica.behindReads.filter(isLate)
  if (late.length === 0) return
  replica.behindReads = replica.behindReads.filter((read) => !isLate(read))
  failReads(replica, late, 'is behind what this client has seen', out)
}
