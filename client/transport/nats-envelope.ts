/**
 * What the nats transport puts around a body. A broker neither keeps a link nor says what it lost, so each message names its sender, the life of the
 * sender's stream to this peer, and its number in it: that is enough to notice loss and to drop what is late.
 */

import { FrameError } from '../../protocol/frame.ts'

export interface Envelope {
  readonly from: string
  /** A random number. The sender draws a new one when its stream to this peer starts or has lost something. */
  readonly life: number
  /** Number of the message in this life: consecutive, from 0. */
  readonly id: number
  /** Which fragment of the message this is, of how many. */
  readonly index: number
  readonly count: number
  /** True where the sender leaves for good: its peers need not wait to miss it. */
  readonly bye: boolean
  readonly fragment: Uint8Array
}

const VERSION = 1
const FIXED_BYTES = 27
/** A message in more pieces than this is not ours: it would take a broker that carries less than 1 KiB. */
export const FRAGMENTS_MAX = 65_536
const NO_BYTES = new Uint8Array(0)

/** Cuts a body so that each envelope, its header included, has at most `payloadBytesMax` bytes. */
export function encodeMessage(
  head: { readonly from: string; readonly life: number; readonly id: number },
  body: Uint8Array,
  payloadBytesMax: number,
): Uint8Array[] {
  const room = Math.max(1, payloadBytesMax - FIXED_BYTES - head.from.length)
  const count = Math.max(1, Math.ceil(body.length / room))
  const envelopes: Uint8Array[] = []
  for (let index = 0; index < count; index++) {
    const fragment = body.subarray(index * room, (index + 1) * room)
    envelopes.push(encodeEnvelope({ ...head, index, count, bye: false, fragment }))
  }
  return envelopes
}

export const encodeBye = (head: { readonly from: string; readonly life: number; readonly id: number }) =>
  encodeEnvelope({ ...head, index: 0, count: 1, bye: true, fragment: NO_BYTES })

function encodeEnvelope(envelope: Envelope): Uint8Array {
  const { from, fragment } = envelope
  const start = FIXED_BYTES + from.length
  const bytes = new Uint8Array(start + fragment.length)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  bytes[1] = envelope.bye ? 1 : 0
  bytes[2] = from.length
  view.setFloat64(3, envelope.life)
  view.setFloat64(11, envelope.id)
  view.setUint32(19, envelope.index)
  view.setUint32(23, envelope.count)
  for (let at = 0; at < from.length; at++) bytes[FIXED_BYTES + at] = from.charCodeAt(at)
  bytes.set(fragment, start)
  return bytes
}

/** @throws {FrameError} not an envelope, or one of another version. */
export function decodeEnvelope(bytes: Uint8Array): Envelope {
  const start = FIXED_BYTES + (bytes[2] ?? 0)
  if (bytes.length < start || bytes[0] !== VERSION) throw new FrameError('not an envelope of this version')
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [life, id] = [view.getFloat64(3), view.getFloat64(11)]
  const [index, count] = [view.getUint32(19), view.getUint32(23)]
  if (!Number.isSafeInteger(life) || !Number.isSafeInteger(id) || id < 0)
    throw new FrameError('bad message number')
  if (index >= count || count > FRAGMENTS_MAX) throw new FrameError(`bad fragment ${index} of ${count}`)
  const from = String.fromCharCode(...bytes.subarray(FIXED_BYTES, start))
  return { from, life, id, index, count, bye: bytes[1] === 1, fragment: bytes.subarray(start) }
}
