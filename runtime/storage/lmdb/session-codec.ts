import type { SessionRecord } from '../../../chain/clean-store.ts'
import { readWriteResult, writeWriteResult } from '../../../protocol/codec/command-fields.ts'
import { beginBody } from '../../../protocol/codec/field-writer.ts'
import { FieldReader } from '../../../protocol/codec/fields.ts'
import { asRequestNumber, asSeq, asSessionId } from '../../../protocol/ids.ts'

/** A client session as the store keeps it. */
export function encodeSession(record: SessionRecord): Uint8Array {
  const body = beginBody()
  body.count(record.session)
  body.count(record.lastSeq)
  body.list(record.origins, (to, { seq, origin }) => {
    to.count(seq)
    to.count(origin.requestNumber)
    to.count(origin.answeredBelow)
    writeWriteResult(to, origin.result)
  })
  return body.end()
}

export function decodeSession(bytes: Uint8Array): SessionRecord {
  const reader = new FieldReader(bytes)
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
