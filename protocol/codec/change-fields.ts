/** The changefeed's command and its pages as fields. */
import type { ChangeRecord, ChangesCommand, ChangesResult } from '../commands.ts'
import { asSeq } from '../ids.ts'
import type { FieldWriter } from './field-writer.ts'
import type { FieldReader } from './fields.ts'

export function writeChangesCommand(to: FieldWriter, command: ChangesCommand): void {
  to.key(command.prefix)
  to.flag(command.after !== null)
  if (command.after !== null) to.count(command.after)
  to.count(command.limit)
  to.millis(command.waitMs)
}

export function readChangesCommand(reader: FieldReader): ChangesCommand {
  const prefix = reader.key()
  const after = reader.flag() ? asSeq(reader.count()) : null
  return { type: 'changes', prefix, after, limit: reader.count(), waitMs: reader.millis() }
}

export function writeChangesResult(to: FieldWriter, { next, changes }: ChangesResult): void {
  to.count(next)
  to.list(changes, writeChange)
}

export function readChangesResult(reader: FieldReader): ChangesResult {
  const next = asSeq(reader.count())
  return { type: 'changes', next, changes: reader.list(readChange) }
}

function writeChange(to: FieldWriter, change: ChangeRecord): void {
  to.key(change.key)
  to.count(change.seq)
  to.bytesOrNull(change.value)
  to.millis(change.expiresAtWallMs)
}

const readChange = (reader: FieldReader): ChangeRecord => ({
  key: reader.key(),
  seq: asSeq(reader.count()),
  value: reader.bytesOrNull(),
  expiresAtWallMs: reader.millis(),
})
