/** The part of HTTP/2 (RFC 9113) that a gRPC client needs who always sends the same headers and never reads those that come back. */
import type { OutBuffer } from './out-buffer.ts'

export const FRAME = {
  data: 0,
  headers: 1,
  resetStream: 3,
  settings: 4,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
} as const

export const FLAG = { endStream: 1, ack: 1, endHeaders: 4, padded: 8 } as const
export const SETTING = { enablePush: 2, maxConcurrentStreams: 3, initialWindow: 4, maxFrame: 5 } as const

export const FRAME_HEADER_BYTES = 9
/** What both sides may send without having agreed on more. */
export const FRAME_BYTES_DEFAULT = 16_384
export const WINDOW_DEFAULT = 65_535
/** The largest that there is. */
export const WINDOW_MAX = 0x7fff_ffff

const PREFACE = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'

/** Preface, SETTINGS and the connection's window: answers are small, so the windows are opened once and never felt. */
export function putGreeting(out: OutBuffer): void {
  out.text(PREFACE)
  putFrameHeader(out, 12, FRAME.settings, 0, 0)
  putSetting(out, SETTING.enablePush, 0)
  putSetting(out, SETTING.initialWindow, WINDOW_MAX)
  putWindowUpdate(out, WINDOW_MAX - WINDOW_DEFAULT)
}

export function putFrameHeader(
  out: OutBuffer,
  length: number,
  type: number,
  flags: number,
  streamId: number,
): void {
  out.reserve(FRAME_HEADER_BYTES)
  const { bytes } = out
  let at = out.end
  bytes[at++] = length >>> 16
  bytes[at++] = length >>> 8
  bytes[at++] = length
  bytes[at++] = type
  bytes[at++] = flags
  out.end = bytes.writeUInt32BE(streamId, at)
}

/** Of the connection. */
export function putWindowUpdate(out: OutBuffer, bytes: number): void {
  putFrameHeader(out, 4, FRAME.windowUpdate, 0, 0)
  out.int32(bytes)
}

/** The compressed headers of one gRPC method: literals without indexing, so that no table changes and the same bytes serve for ever (RFC 7541 §6.2.2). */
export function headerBlock(path: string, authority: string): Uint8Array {
  const POST = 0x83
  const SCHEME_HTTP = 0x86
  return Buffer.concat([
    Buffer.from([POST, SCHEME_HTTP]),
    Buffer.from([0x04]), // :path
    literal(path),
    Buffer.from([0x01]), // :authority
    literal(authority),
    Buffer.from([0x0f, 0x10]), // content-type, entry 31 of the static table
    literal('application/grpc'),
    Buffer.from([0x00]), // a name that is in no table
    literal('te'),
    literal('trailers'),
  ])
}

function literal(text: string): Buffer {
  if (text.length > 126) throw new Error(`header of ${text.length} bytes: ${text}`)
  return Buffer.concat([Buffer.from([text.length]), Buffer.from(text, 'latin1')])
}

function putSetting(out: OutBuffer, name: number, value: number): void {
  out.byte(name >>> 8)
  out.byte(name)
  out.int32(value)
}
