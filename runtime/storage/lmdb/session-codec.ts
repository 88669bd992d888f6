import type { SessionRecord } from '../../../chain/clean-store.ts'
import { readWriteResult, writeWriteResult } from '../../../protocol/codec/command-fields.ts'
import { type Field, packFields, unpackFields, writeList } from '../../../protocol/codec/fields.ts'
import { asRequestNumber, asSeq, asSessionId } from '../../../protocol/ids.ts'

/** A client session as the store keeps it. */
export function encodeSession(record: SessionRecord): Uint8Array {
  const fields: Field[] = [record.session, record.lastSeq]
  writeList(fields, record.origins, (to, { seq, origin }) => {
    to.push(seq, origin.requestNumber, origin.answeredBelow)
    writeWriteResult(to, origin.result)
  })
  return packFields(fields)
}

export function decodeSession(bytes: Uint8Array): SessionRecord {
  const reader = unpackFields(bytes)
  const session = asSessionId(reader.count())
  const lastSeq = asSeq(reader.count())
  const origins = reader.list(() => ({
    seq: asSeq(reader.count()),
    origin: {
      session,
      requestNumber: asRequestNumber(reader.count()),
      answeredBelow: asRequestNumber(reader.count()),
      result: readWriteResult(reader),
    },
  }))
  reader.end()
  return { session, lastSeq, origins }
}
