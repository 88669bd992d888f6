import type { ClientMessage, ServerMessage } from '../client-messages.ts'
import { type ChainItem, readChainItems } from './chain-codec.ts'
import { FAMILY, readClientMessages, readServerMessages } from './client-codec.ts'
import { CodecError, FieldReader, unknownKind } from './fields.ts'

/** What one body may bring: a data server hears clients and other servers on one port. */
export type Batch =
  | { readonly type: 'client'; readonly messages: readonly ClientMessage[] }
  | { readonly type: 'server'; readonly messages: readonly ServerMessage[] }
  | { readonly type: 'chain'; readonly items: readonly ChainItem[] }

/** What a data server hears: nobody has replies for it. */
export type RequestBatch = Exclude<Batch, { readonly type: 'server' }>

/**
 * Decodes what came to a data server. Replies are not even looked at: the maps in them are JSON, which costs far more than it weighs.
 *
 * @throws {CodecError} it is nothing for a data server.
 */
export function decodeRequests(body: Uint8Array): RequestBatch {
  if (body[0] === FAMILY.server) throw new CodecError('replies, where only requests are heard')
  return decodeBatch(body) as RequestBatch
}

/** Decodes a body of any family. @throws {CodecError} it is of none. */
export function decodeBatch(body: Uint8Array): Batch {
  const reader = new FieldReader(body)
  const family = reader.byte()
  switch (family) {
    case FAMILY.client:
      return { type: 'client', messages: readClientMessages(reader) }
    case FAMILY.server:
      return { type: 'server', messages: readServerMessages(reader) }
    case FAMILY.chain:
      return { type: 'chain', items: readChainItems(reader) }
    default:
      return unknownKind('batch', family)
  }
}
