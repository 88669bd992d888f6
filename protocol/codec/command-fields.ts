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
import { type Field, type FieldReader, unknownKind, writeList } from './fields.ts'

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

export function writeVersioned(fields: Field[], versioned: Versioned | null): void {
  if (versioned === null) fields.push(null)
  else fields.push(versioned.value, versioned.version, versioned.expiresAtWallMs)
}

export function readVersioned(reader: FieldReader): Versioned | null {
  const value = reader.bytesOrNull()
  if (value === null) return null
  return { value, version: asSeq(reader.count()), expiresAtWallMs: reader.millis() }
}

export const readPresent = (reader: FieldReader): Versioned => ({
  value: reader.bytes(),
  version: asSeq(reader.count()),
  expiresAtWallMs: reader.millis(),
})

export const writeKey = (fields: Field[], key: Key): void => {
  fields.push(key)
}

export const readKey = (reader: FieldReader): Key => reader.key()

function writeExpiry(fields: Field[], expiry: Expiry): void {
  fields.push(expiry.type === 'keep' ? null : expiry.atWallMs)
}

function readExpiry(reader: FieldReader): Expiry {
  if (reader.isNull()) return KEEP_EXPIRY
  const atWallMs = reader.millis()
  return atWallMs === 0 ? NO_EXPIRY : { type: 'set', atWallMs }
}

function writeCondition(fields: Field[], condition: Condition | null): void {
  fields.push(condition === null ? CONDITION.none : CONDITION[condition.type])
  if (condition === null) return
  if (condition.type === 'version') fields.push(condition.version)
  if (condition.type === 'value') fields.push(condition.value)
}

function readConditionOrNull(reader: FieldReader): Condition | null {
  const kind = reader.count()
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

function writeCompare(fields: Field[], compare: Compare): void {
  fields.push(compare.key)
  writeCondition(fields, compare.condition)
}

function readCompare(reader: FieldReader): Compare {
  const key = reader.key()
  return { key, condition: readConditionOrNull(reader) ?? unknownKind('condition', CONDITION.none) }
}

function writeMutation(fields: Field[], mutation: Mutation): void {
  fields.push(MUTATION[mutation.type], mutation.key)
  if (mutation.type === 'delete') return
  fields.push(mutation.value)
  writeExpiry(fields, mutation.expiry)
}

function readMutation(reader: FieldReader): Mutation {
  const kind = reader.count()
  const key = reader.key()
  if (kind === MUTATION.delete) return { type: 'delete', key }
  if (kind !== MUTATION.put) return unknownKind('mutation', kind)
  return { type: 'put', key, value: reader.bytes(), expiry: readExpiry(reader) }
}

export function writeConsistency(fields: Field[], consistency: Consistency): void {
  fields.push(CONSISTENCY[consistency.type])
  if (consistency.type === 'bounded-age') fields.push(consistency.maxAgeMs)
  if (consistency.type === 'bounded-versions') fields.push(consistency.maxVersions)
}

export function readConsistency(reader: FieldReader): Consistency {
  const kind = reader.count()
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

export function writeWriteCommand(fields: Field[], command: WriteCommand): void {
  fields.push(COMMAND[command.type])
  switch (command.type) {
    case 'put':
      fields.push(command.key, command.value)
      writeExpiry(fields, command.expiry)
      writeCondition(fields, command.condition)
      break
    case 'delete':
      fields.push(command.key)
      writeCondition(fields, command.condition)
      break
    case 'append':
    case 'prepend':
      fields.push(command.key, command.value)
      break
    case 'increment':
      fields.push(command.key, command.by)
      break
    case 'get-and-set':
      fields.push(command.key, command.value)
      writeExpiry(fields, command.expiry)
      break
    case 'expire':
      fields.push(command.key, command.atWallMs)
      break
    case 'transaction':
      writeList(fields, command.compares, writeCompare)
      writeList(fields, command.reads, writeKey)
      writeList(fields, command.writes, writeMutation)
      break
    case 'open-session':
      break
    default:
      unreachable(command)
  }
}

export function readWriteCommand(reader: FieldReader): WriteCommand {
  const kind = reader.count()
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

export function writeWriteResult(fields: Field[], result: WriteResult): void {
  fields.push(RESULT[result.type])
  switch (result.type) {
    case 'written':
      fields.push(result.version, result.number)
      break
    case 'unmatched':
      writeVersioned(fields, result.current)
      break
    case 'read-back':
      fields.push(result.applied, result.version)
      writeList(fields, result.reads, writeVersioned)
      break
    case 'refused':
      fields.push(REFUSAL[result.code], result.message)
      break
    default:
      unreachable(result)
  }
}

export function readWriteResult(reader: FieldReader): WriteResult {
  const kind = reader.count()
  switch (kind) {
    case RESULT.written:
      return {
        type: 'written',
        version: asSeq(reader.count()),
        number: reader.isNull() ? null : reader.integer(),
      }
    case RESULT.unmatched:
      return { type: 'unmatched', current: readVersioned(reader) }
    case RESULT['read-back']: {
      const [applied, version] = [reader.flag(), asSeq(reader.count())]
      return { type: 'read-back', applied, version, reads: reader.list(readVersioned) }
    }
    case RESULT.refused: {
      const refusal = reader.count()
      if (refusal > REFUSAL.TOO_LARGE) return unknownKind('refusal', refusal)
      const code = refusal === REFUSAL.TOO_LARGE ? 'TOO_LARGE' : 'NOT_A_NUMBER'
      return { type: 'refused', code, message: reader.text() }
    }
    default:
      return unknownKind('result', kind)
  }
}
