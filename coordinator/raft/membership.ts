/**
 * Who belongs to the ensemble, as the log says it (Raft thesis §4): a configuration is an entry like any other, and counts as soon as
 * it is in a member's log, committed or not. Knows nothing of when a change is allowed.
 */
import type { LogIndex, MemberId } from './ids.ts'
import { asLogIndex, asMemberId, NO_INDEX } from './ids.ts'
import type { LogEntry } from './log.ts'

/** One member in a configuration. */
export interface MemberRow {
  readonly id: MemberId
  /** A learner gets the log, and neither votes nor counts (thesis §4.2.1). */
  readonly voter: boolean
  /** Where to find it: the runtime's own words. */
  readonly address: string
}

/** A configuration, and the entry that it came with; 0: the one that the member was started with. */
export interface Membership {
  readonly index: LogIndex
  /** Sorted by id. */
  readonly members: readonly MemberRow[]
}

/** What an ensemble is founded with. */
export const foundingMembership = (voters: readonly MemberId[]): Membership => ({
  index: NO_INDEX,
  members: sorted(voters.map((id) => ({ id, voter: true, address: '' }))),
})

export const votersIn = ({ members }: Membership): MemberId[] =>
  members.flatMap(({ id, voter }) => (voter ? [id] : []))

function sorted(members: readonly MemberRow[]): MemberRow[] {
  return [...members].sort((a, b) => (a.id < b.id ? -1 : 1))
}

const MAGIC = 'CTNM'
const encoder = new TextEncoder()
const decoder = new TextDecoder()

/** The command of a configuration entry. No other command begins like that. */
export function encodeMembership(members: readonly MemberRow[]): Uint8Array {
  const rows = sorted(members).map(({ id, voter, address }) => [id, voter, address])
  return encoder.encode(MAGIC + JSON.stringify(rows))
}

/** @returns null for an entry of another kind. */
export function decodeMembership(command: Uint8Array | null): readonly MemberRow[] | null {
  if (command === null || command.length < MAGIC.length) return null
  for (let n = 0; n < MAGIC.length; n += 1) if (command[n] !== MAGIC.charCodeAt(n)) return null
  return membersOf(JSON.parse(decoder.decode(command.subarray(MAGIC.length))))
}

/** Rows as arrays of plain values, as they travel with a snapshot. @returns null for anything else. */
export function membersOf(raw: unknown): readonly MemberRow[] | null {
  if (!Array.isArray(raw)) return null
  const members: MemberRow[] = []
  for (const row of raw) {
    if (!Array.isArray(row)) return null
    const [id, voter, address] = row
    if (typeof id !== 'string' || typeof voter !== 'boolean' || typeof address !== 'string') return null
    members.push({ id: asMemberId(id), voter, address })
  }
  return new Set(members.map(({ id }) => id)).size === members.length ? sorted(members) : null
}

/** The configurations that these entries bring. */
export function membershipsIn(entries: readonly LogEntry[]): Membership[] {
  const found: Membership[] = []
  for (const { index, command } of entries) {
    const members = decodeMembership(command)
    if (members !== null) found.push({ index, members })
  }
  return found
}

/** Kept behind the newest: a snapshot that is on its way to a follower needs the one that it was taken under. */
const KEPT = 64

/** The history of a log's configurations, oldest first, never empty. */
export function extended(
  history: readonly Membership[],
  entries: readonly LogEntry[],
): readonly Membership[] {
  const added = membershipsIn(entries)
  return added.length === 0 ? history : [...history, ...added].slice(-KEPT)
}

/** Without what came with this entry or a later one: they were never committed. */
export function truncatedFrom(history: readonly Membership[], from: LogIndex): readonly Membership[] {
  const kept = history.filter(({ index }) => index < from)
  return kept.length === 0 ? history.slice(0, 1) : kept
}

/** The newest of a history. */
export function newestOf(history: readonly Membership[]): Membership {
  return history.at(-1) ?? { index: NO_INDEX, members: [] }
}

/** The configuration of the state after this entry; null where it is not known any more, or no entry ever said it. */
export function membershipAt(history: readonly Membership[], lastIndex: LogIndex): Membership | null {
  const at = history.filter(({ index }) => index <= lastIndex).at(-1)
  return at === undefined || at.index === 0 ? null : { ...at, index: asLogIndex(at.index) }
}

/** How many voters two configurations do not share. */
export function votersChanged(a: Membership, b: readonly MemberRow[]): number {
  const before = new Set(votersIn(a))
  const after = b.filter(({ voter }) => voter).map(({ id }) => id)
  const shared = after.filter((id) => before.has(id)).length
  return before.size + after.length - 2 * shared
}
