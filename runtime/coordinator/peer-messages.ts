/** Bodies between coordinators: Raft's messages, and the door's own. */
import { Packr } from 'msgpackr'
import { fromWire, type RaftMessage, toWire } from '../../coordinator/raft/messages.ts'
import { FrameError } from '../../protocol/frame.ts'
import { checkShape } from './msgpack-shape.ts'

export type PeerMessage =
  | { readonly type: 'raft'; readonly message: RaftMessage }
  /** To the leader: propose this command of a client of ours. May get lost; whether it took effect, the log tells. */
  | { readonly type: 'forward'; readonly command: Uint8Array }
  /** The answer to a `forward` that was not proposed, for this connection of the receiver. */
  | { readonly type: 'rejected'; readonly connection: number }
  /** To the leader: these sessions were heard since the last one. */
  | { readonly type: 'heard'; readonly sessions: readonly bigint[] }

/** Raft's own codes are below. */
const CODES = { forward: 100, rejected: 101, heard: 102 } as const

const packr = new Packr({ useRecords: false, int64AsType: 'number', copyBuffers: true })

/** One message as a positional array. */
export function toWireArray(message: PeerMessage): unknown[] {
  switch (message.type) {
    case 'raft':
      return toWire(message.message)
    case 'forward':
      return [CODES.forward, message.command]
    case 'rejected':
      return [CODES.rejected, message.connection]
    case 'heard':
      return [CODES.heard, new Uint8Array(BigInt64Array.from(message.sessions).buffer)]
  }
}

/** What one turn has to say to one peer. */
export interface PeerBody {
  /** '' from a member that has not learnt it yet. A member of another ensemble must not be listened to at all. */
  readonly ensembleId: string
  readonly messages: readonly PeerMessage[]
}

export const encodeBody = (ensembleId: string, arrays: readonly (readonly unknown[])[]): Uint8Array =>
  packr.pack([ensembleId, ...arrays])

/** @throws {FrameError} not a body of a coordinator. */
export function decodeBody(body: Uint8Array): PeerBody {
  // msgpackr copies in the class of its source; everybody behind here expects plain bytes.
  const source = new Uint8Array(body.buffer, body.byteOffset, body.byteLength)
  checkShape(source)
  let arrays: unknown
  try {
    arrays = packr.unpack(source)
  } catch (cause) {
    throw new FrameError('not a msgpack body', { cause })
  }
  const [ensembleId, ...rest] = Array.isArray(arrays) ? arrays : []
  if (typeof ensembleId !== 'string') throw new FrameError('a body is an array that begins with a name')
  return { ensembleId, messages: rest.map(fromWireArray) }
}

function fromWireArray(array: unknown): PeerMessage {
  const [code, value] = Array.isArray(array) ? array : []
  if (code === CODES.forward && value instanceof Uint8Array) return { type: 'forward', command: value }
  if (code === CODES.rejected && Number.isSafeInteger(value)) return { type: 'rejected', connection: value }
  if (code === CODES.heard && value instanceof Uint8Array && value.length % 8 === 0) {
    return { type: 'heard', sessions: [...new BigInt64Array(value.slice().buffer)] }
  }
  const message = fromWire(array)
  if (message === null) throw new FrameError(`not a message of a coordinator: code ${String(code)}`)
  return { type: 'raft', message }
}
