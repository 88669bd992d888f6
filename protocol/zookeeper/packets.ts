/**
 * Whole packets. What encodes returns the frame, length first, ready for the socket; what decodes takes one packet
 * as `FrameSplitter` yields it, without the length.
 */

import type { JuteWriter, Layout, RecordOf } from './jute.ts'
import { encoded, JuteError, JuteReader, readRecord, writeFields, writeRecord } from './jute.ts'
import type { OpName, Request, Response, ResponseOf } from './ops.ts'
import { OPS, opNameOf, XIDS } from './ops.ts'
import type { ConnectRequest, ConnectResponse, ReplyHeader, WatcherEvent } from './records.ts'
import { CONNECT_REQUEST, CONNECT_RESPONSE, REPLY_HEADER, REQUEST_HEADER, WATCHER_EVENT } from './records.ts'

/** What a packet after the first one asks for. */
export type DecodedRequest =
  | { readonly type: 'request'; readonly xid: number; readonly request: Request }
  /** Answer Unimplemented, then close. */
  | { readonly type: 'unknown-op'; readonly xid: number; readonly code: number }
  /** Answer MarshallingError; the connection stays. */
  | { readonly type: 'malformed'; readonly xid: number; readonly message: string }

/**
 * Decodes a request. Bytes after the record are ignored, as ZooKeeper does.
 *
 * @throws {JuteError} the header itself is cut short: there is no xid to answer, close the connection.
 */
export function decodeRequest(packet: Uint8Array): DecodedRequest {
  const reader = new JuteReader(packet)
  const { xid, code } = readRecord(reader, REQUEST_HEADER)
  const type = opNameOf(code)
  if (type === undefined) return { type: 'unknown-op', xid, code }
  try {
    const request = { type, ...readRecord<Layout>(reader, OPS[type].request) } as Request
    return { type: 'request', xid, request }
  } catch (error) {
    if (error instanceof JuteError) return { type: 'malformed', xid, message: error.message }
    throw error
  }
}

export function encodeRequest(xid: number, request: Request): Uint8Array {
  return framed((writer) => {
    const row = OPS[request.type]
    writeRecord(writer, REQUEST_HEADER, { xid, code: row.code })
    writeFields(writer, row.request, request)
  })
}

/** A reply. The body goes out only with `err` 0: clients count on 16 bytes otherwise. */
export function encodeReply(header: ReplyHeader, response: Response | null): Uint8Array {
  return framed((writer) => {
    writeRecord(writer, REPLY_HEADER, header)
    if (header.err === 0 && response !== null) writeFields(writer, OPS[response.type].response, response)
  })
}

/** A watch event. Its zxid is -1, as in the deployed servers; clients ignore it. */
export function encodeNotification(event: WatcherEvent): Uint8Array {
  return framed((writer) => {
    writeRecord(writer, REPLY_HEADER, { xid: XIDS.notification, zxid: -1, err: 0 })
    writeRecord(writer, WATCHER_EVENT, event)
  })
}

/**
 * Splits what a server sent into its header and a reader that stands at the body. The xid tells what the body is:
 * `decodeNotification` for -1, else `decodeResponse` with the request's operation, if `err` is 0.
 */
export function readReply(packet: Uint8Array): { readonly header: ReplyHeader; readonly body: JuteReader } {
  const body = new JuteReader(packet)
  return { header: readRecord(body, REPLY_HEADER), body }
}

export function decodeResponse<N extends OpName>(type: N, body: JuteReader): ResponseOf<N> {
  return { type, ...readRecord<Layout>(body, OPS[type].response) } as ResponseOf<N>
}

export const decodeNotification = (body: JuteReader): WatcherEvent => readRecord(body, WATCHER_EVENT)

export const encodeConnectRequest = (request: ConnectRequest) => framedRecord(CONNECT_REQUEST, request)
export const encodeConnectResponse = (response: ConnectResponse) => framedRecord(CONNECT_RESPONSE, response)
/** @throws {JuteError} close the connection. */
export const decodeConnectRequest = (packet: Uint8Array): ConnectRequest =>
  readRecord(new JuteReader(packet), CONNECT_REQUEST)
/** @throws {JuteError} close the connection. */
export const decodeConnectResponse = (packet: Uint8Array): ConnectResponse =>
  readRecord(new JuteReader(packet), CONNECT_RESPONSE)

function framedRecord<L extends Layout>(layout: L, value: RecordOf<L>): Uint8Array {
  return framed((writer) => writeRecord(writer, layout, value))
}

function framed(write: (writer: JuteWriter) => void): Uint8Array {
  return encoded((writer) => {
    writer.int(0) // the length, once it is known
    write(writer)
    writer.patchInt(0, writer.length - 4)
  })
}
