import type {
  Condition,
  Expiry,
  Mutation,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../protocol/commands.ts'
import type { Write } from '../protocol/entry.ts'
import { asMillis, type Key, type Millis, NO_SEQ, type Seq } from '../protocol/ids.ts'
import { unreachable } from '../protocol/invariants.ts'

/** What a command turns into: the entry's writes, and its answer once the entry has committed. */
export interface Outcome {
  readonly writes: readonly Write[]
  readonly result: WriteResult
}

/** What evaluation may look at. */
export interface Ground {
  /** Newest version, dirty or not; null where absent, deleted or expired. */
  newest(key: Key): Versioned | null
  /** The seq that the entry will have: the version of what it writes. */
  readonly seq: Seq
  readonly valueBytesMax: number
}

const NEVER = asMillis(0)

/** Runs one command at the head against the newest versions (CRAQ §4.1; departs: a condition may look at a dirty version). */
export function evaluate(command: WriteCommand, ground: Ground): Outcome {
  switch (command.type) {
    case 'open-session':
      return { writes: [], result: written(ground.seq) }
    case 'put':
    case 'delete':
      return conditional(command, command.condition, ground)
    case 'append':
    case 'prepend':
      return concatenated(command, ground)
    case 'increment':
      return incremented(command.key, command.by, ground)
    case 'get-and-set': {
      const old = ground.newest(command.key)
      const write =
        command.value === null
          ? { key: command.key, value: null, expiresAtWallMs: NEVER }
          : { key: command.key, value: command.value, expiresAtWallMs: expiryOf(command.expiry, old) }
      return {
        writes: [write],
        result: { type: 'read-back', applied: true, version: ground.seq, reads: [old] },
      }
    }
    case 'expire': {
      const old = ground.newest(command.key)
      if (old === null) return { writes: [], result: { type: 'unmatched', current: null } }
      return {
        writes: [{ key: command.key, value: old.value, expiresAtWallMs: command.atWallMs }],
        result: written(ground.seq),
      }
    }
    case 'transaction':
      return transaction(command, ground)
    default:
      return unreachable(command)
  }
}

const written = (version: Seq, number: number | null = null): WriteResult => ({
  type: 'written',
  version,
  number,
})

function conditional(command: Mutation, condition: Condition | null, ground: Ground): Outcome {
  if (condition !== null) {
    const current = ground.newest(command.key)
    if (!holds(condition, current)) return { writes: [], result: { type: 'unmatched', current } }
  }
  // Deleting what is absent writes nothing; the empty entry only proves that it was absent.
  if (command.type === 'delete' && ground.newest(command.key) === null)
    return { writes: [], result: written(NO_SEQ) }
  return { writes: [writeOf(command, ground)], result: written(ground.seq) }
}

function writeOf(mutation: Mutation, ground: Ground): Write {
  if (mutation.type === 'delete') return { key: mutation.key, value: null, expiresAtWallMs: NEVER }
  const old = mutation.expiry.type === 'keep' ? ground.newest(mutation.key) : null
  return { key: mutation.key, value: mutation.value, expiresAtWallMs: expiryOf(mutation.expiry, old) }
}

const expiryOf = (expiry: Expiry, old: Versioned | null): Millis =>
  expiry.type === 'set' ? expiry.atWallMs : (old?.expiresAtWallMs ?? NEVER)

/** Whether a condition holds for the newest version. */
export function holds(condition: Condition, current: Versioned | null): boolean {
  switch (condition.type) {
    case 'absent':
      return current === null
    case 'present':
      return current !== null
    case 'version':
      return current?.version === condition.version
    case 'value':
      return current !== null && sameBytes(current.value, condition.value)
    default:
      return unreachable(condition)
  }
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false
  return true
}

function concatenated(
  command: { type: 'append' | 'prepend'; key: Key; value: Uint8Array },
  ground: Ground,
): Outcome {
  const old = ground.newest(command.key)
  const before = old?.value ?? new Uint8Array(0)
  const length = before.length + command.value.length
  if (length > ground.valueBytesMax) {
    const message = `${command.type}: the value would have ${length} bytes; the limit is ${ground.valueBytesMax}`
    return { writes: [], result: { type: 'refused', code: 'TOO_LARGE', message } }
  }
  const value = new Uint8Array(length)
  const [first, second] = command.type === 'append' ? [before, command.value] : [command.value, before]
  value.set(first)
  value.set(second, first.length)
  const write = { key: command.key, value, expiresAtWallMs: old?.expiresAtWallMs ?? NEVER }
  return { writes: [write], result: written(ground.seq, length) }
}

/** A decimal integer exactly as this program writes it; NaN for anything else. */
function integerOf(value: Uint8Array): number {
  if (value.length > 17) return Number.NaN
  const text = String.fromCharCode(...value)
  const number = Number(text)
  return String(number) === text ? number : Number.NaN
}

function incremented(key: Key, by: number, ground: Ground): Outcome {
  const old = ground.newest(key)
  const number = old === null ? 0 : integerOf(old.value)
  const sum = number + by
  if (!Number.isSafeInteger(number) || !Number.isSafeInteger(sum)) {
    const message = `increment: the value is not an integer, or the result leaves ±${Number.MAX_SAFE_INTEGER}`
    return { writes: [], result: { type: 'refused', code: 'NOT_A_NUMBER', message } }
  }
  const value = Uint8Array.from(String(sum), (c) => c.charCodeAt(0))
  const write = { key, value, expiresAtWallMs: old?.expiresAtWallMs ?? NEVER }
  return { writes: [write], result: written(ground.seq, sum) }
}

/** Compare set, read set, write set, in this order, as one entry (Sinfonia's mini-transaction; CRAQ §4.1). */
function transaction(command: Extract<WriteCommand, { type: 'transaction' }>, ground: Ground): Outcome {
  const reads: (Versioned | null)[] = []
  let bytes = 0
  for (const key of command.reads) {
    const read = ground.newest(key)
    bytes += read?.value.length ?? 0
    // The answer travels down the chain in the entry, and must fit into a frame there.
    if (bytes > ground.valueBytesMax) {
      const message = `transaction: the values that it reads have more than ${ground.valueBytesMax} bytes together; read fewer keys`
      return { writes: [], result: { type: 'refused', code: 'TOO_LARGE', message } }
    }
    reads.push(read)
  }
  const applied = command.compares.every(({ key, condition }) => holds(condition, ground.newest(key)))
  if (!applied || command.writes.length === 0) {
    return { writes: [], result: { type: 'read-back', applied, version: ground.seq, reads } }
  }
  // Of several writes to one key the last one counts: an entry holds a key once.
  const byKey = new Map(command.writes.map((mutation) => [mutation.key, writeOf(mutation, ground)]))
  return { writes: [...byKey.values()], result: { type: 'read-back', applied, version: ground.seq, reads } }
}
