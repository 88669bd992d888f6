/** Commands and their results as fields: what the client's messages and the chain's entries have in common. */
import type {
  Compare,
  Condition,
  Consistency,
  Expiry,
  Mutation,
  Versioned,
  WriteCommand,
  WriteResult,
} from '../commands.ts'
import { asMillis, asSeq, type Key } from '../ids.ts'
import { unreachable } from '../invariants.ts'
import type { FieldWriter } from './field-writer.ts'
import { type FieldReader, unknownKind } from './fields.ts'

export const NO_EXPIRY: Expiry = { type: 'set', atWallMs: asMillis(0) }
const KEEP_EXPIRY: Expiry = { type: 'keep' }

const CONDITION = { none: 0, absent: 1, present: 2, version: 3, value: 4 } as const
const CONSISTENCY = { strong: 0, eventual: 1, 'bounded-age': 2, 'bounded-versions': 3 } as const
const RESULT = { written: 0, unmatched: 1, 'read-back': 2, refused: 3 } as const
const REFUSAL = { NOT_A_NUMBER: 0, TOO_LARGE: 1 } as const
const MUTATION = { put: 0, delete: 1 } as const
const COMMAND = {
  put: 0,
  delete: 1,
  append: 2,
  prepend: 3,
  increment: 4,
  'get-and-set': 5,
  expire: 6,
  transaction: 7,
  'open-session': 8,
} as const

export function writeVersioned(to: FieldWriter, versioned: Versioned | null): void {
  if (versioned === null) return to.bytesOrNull(null)
  to.bytesOrNull(versioned.value)
  to.count(versioned.version)
  to.millis(versioned.expiresAtWallMs)
}

export function readVersioned(reader: FieldReader): Versioned | null {
  const value = reader.bytesOrNull()
  if (value === null) return null
  return { value, version: asSeq(reader.count()), expiresAtWallMs: reader.millis() }
}

/** Where there is always a value. */
export function writePresent(to: FieldWriter, { value, version, expiresAtWallMs }: Versioned): void {
  to.bytes(value)
  to.count(version)
  to.millis(expiresAtWallMs)
}

export const readPresent = (reader: FieldReader): Versioned => ({
  value: reader.bytes(),
  version: asSeq(reader.count()),
  expiresAtWallMs: reader.millis(),
})

export const writeKey = (to: FieldWriter, key: Key): void => to.key(key)

export const readKey = (reader: FieldReader): Key => reader.key()

function writeExpiry(to: FieldWriter, expiry: Expiry): void {
  to.flag(expiry.type === 'keep')
  if (expiry.type === 'set') to.millis(expiry.atWallMs)
}

function readExpiry(reader: FieldReader): Expiry {
  if (reader.flag()) return KEEP_EXPIRY
  const atWallMs = reader.millis()
  return atWallMs === 0 ? NO_EXPIRY : { type: 'set', atWallMs }
}

function writeCondition(to: FieldWriter, condition: Condition | null): void {
  to.byte(condition === null ? CONDITION.none : CONDITION[condition.type])
  if (condition === null) return
  if (condition.type === 'version') to.count(condition.version)
  if (condition.type === 'value') to.bytes(condition.value)
}

function readConditionOrNull(reader: FieldReader): Condition | null {
  const kind = reader.byte()
  switch (kind) {
    case CONDITION.none:
      return null
    case CONDITION.absent:
      return { type: 'absent' }
    case CONDITION.present:
      return { type: 'present' }
    case CONDITION.version:
      return { type: 'version', version: asSeq(reader.count()) }
    case CONDITION.value:
      return { type: 'value', value: reader.bytes() }
    default:
      return unknownKind('condition', kind)
  }
}

function writeCompare(to: FieldWriter, compare: Compare): void {
  to.key(compare.key)
  writeCondition(to, compare.condition)
}

function readCompare(reader: FieldReader): Compare {
  const key = reader.key()
  return { key, condition: readConditionOrNull(reader) ?? unknownKind('condition', CONDITION.none) }
}

function writeMutation(to: FieldWriter, mutation: Mutation): void {
  to.byte(MUTATION[mutation.type])
  to.key(mutation.key)
  if (mutation.type === 'delete') return
  to.bytes(mutation.value)
  writeExpiry(to, mutation.expiry)
}

function readMutation(reader: FieldReader): Mutation {
  const kind = reader.byte()
  const key = reader.key()
  if (kind === MUTATION.delete) return { type: 'delete', key }
  if (kind !== MUTATION.put) return unknownKind('mutation', kind)
  return { type: 'put', key, value: reader.bytes(), expiry: readExpiry(reader) }
}

export function writeConsistency(to: FieldWriter, consistency: Consistency): void {
  to.byte(CONSISTENCY[consistency.type])
  if (consistency.type === 'bounded-age') to.millis(consistency.maxAgeMs)
  if (consistency.type === 'bounded-versions') to.count(consistency.maxVersions)
}

export function readConsistency(reader: FieldReader): Consistency {
  const kind = reader.byte()
  switch (kind) {
    case CONSISTENCY.strong:
      return { type: 'strong' }
    case CONSISTENCY.eventual:
      return { type: 'eventual' }
    case CONSISTENCY['bounded-age']:
      return { type: 'bounded-age', maxAgeMs: reader.millis() }
    case CONSISTENCY['bounded-versions']:
      return { type: 'bounded-versions', maxVersions: reader.count() }
    default:
      return unknownKind('consistency', kind)
  }
}

export function writeWriteCommand(to: FieldWriter, command: WriteCommand): void {
  to.byte(COMMAND[command.type])
  if (command.type === 'open-session') return
  if (command.type !== 'transaction') to.key(command.key)
  switch (command.type) {
    case 'put':
      to.bytes(command.value)
      writeExpiry(to, command.expiry)
      writeCondition(to, command.condition)
      break
    case 'delete':
      writeCondition(to, command.condition)
      break
    case 'append':
    case 'prepend':
      to.bytes(command.value)
      break
    case 'increment':
      to.integer(command.by)
      break
    case 'get-and-set':
      to.bytesOrNull(command.value)
      writeExpiry(to, command.expiry)
      break
    case 'expire':
      to.millis(command.atWallMs)
      break
    case 'transaction':
      to.list(command.compares, writeCompare)
      to.list(command.reads, writeKey)
      to.list(command.writes, writeMutation)
      break
    default:
      unreachable(command)
  }
}

export function readWriteCommand(reader: FieldReader): WriteCommand {
  const kind = reader.byte()
  switch (kind) {
    case COMMAND.put: {
      const [key, value, expiry] = [reader.key(), reader.bytes(), readExpiry(reader)]
      return { type: 'put', key, value, expiry, condition: readConditionOrNull(reader) }
    }
    case COMMAND.delete:
      return { type: 'delete', key: reader.key(), condition: readConditionOrNull(reader) }
    case COMMAND.append:
      return { type: 'append', key: reader.key(), value: reader.bytes() }
    case COMMAND.prepend:
      return { type: 'prepend', key: reader.key(), value: reader.bytes() }
    case COMMAND.increment:
      return { type: 'increment', key: reader.key(), by: reader.integer() }
    case COMMAND['get-and-set']:
      return {
        type: 'get-and-set',
        key: reader.key(),
        value: reader.bytesOrNull(),
        expiry: readExpiry(reader),
      }
    case COMMAND.expire:
      return { type: 'expire', key: reader.key(), atWallMs: reader.millis() }
    case COMMAND.transaction: {
      const [compares, reads] = [reader.list(readCompare), reader.list(readKey)]
      return { type: 'transaction', compares, reads, writes: reader.list(readMutation) }
    }
    case COMMAND['open-session']:
      return { type: 'open-session' }
    default:
      return unknownKind('command', kind)
  }
}

export function writeWriteResult(to: FieldWriter, result: WriteResult): void {
  to.byte(RESULT[result.type])
  switch (result.type) {
    case 'written':
      to.count(result.version)
      to.flag(result.number !== null)
      if (result.number !== null) to.integer(result.number)
      break
    case 'unmatched':
      writeVersioned(to, result.current)
      break
    case 'read-back':
      to.flag(result.applied)
      to.count(result.version)
      to.list(result.reads, writeVersioned)
      break
    case 'refused':
      to.byte(REFUSAL[result.code])
      to.text(result.message)
      break
    default:
      unreachable(result)
  }
}

export function readWriteResult(reader: FieldReader): WriteResult {
  const kind = reader.byte()
  switch (kind) {
    case RESULT.written:
      return {
        type: 'written',
        version: asSeq(reader.count()),
        number: reader.flag() ? reader.integer() : null,
      }
    case RESULT.unmatched:
      return { type: 'unmatched', current: readVersioned(reader) }
    case RESULT['read-back']: {
      const [applied, version] = [reader.flag(), asSeq(reader.count())]
      return { type: 'read-back', applied, version, reads: reader.list(readVersioned) }
    }
    case RESULT.refused: {
      const refusal = reader.byte()
      if (refusal > REFUSAL.TOO_LARGE) return unknownKind('refusal', refusal)
      const code = refusal === REFUSAL.TOO_LARGE ? 'TOO_LARGE' : 'NOT_A_NUMBER'
      return { type: 'refused', code, message: reader.text() }
    }
    default:
      return unknownKind('result', kind)
  }
}
