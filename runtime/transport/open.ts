import { type OpenTransportOptions, unknownTransport } from '../../client/transport/open.ts'
import type { Address, Transport } from '../../protocol/transport.ts'
import type { Certificates } from '../security/certificates.ts'
import type { NodeTls } from '../security/tls.ts'
import type { GateOptions } from './gate.ts'
import { openTcp } from './tcp.ts'

export interface OpenServerTransportOptions extends OpenTransportOptions {
  /** Where tcp listens; port 0 takes a free one. nats does not listen. */
  readonly listen: Address
  /** Over tcp: who may come in. Default: everybody, and nobody is asked. */
  readonly gate?: GateOptions
  /** Over tcp: what is spoken here and to others. Over nats the broker's address says it. Default: no TLS. */
  readonly secure?: NodeTls | null
  /** Over tcp, without a gate: who comes in is told by his certificate. Default: null, everybody is let in. */
  readonly certificates?: Certificates | null
}

export interface ServerTransport {
  readonly transport: Transport
  /** Where peers dial this server; null where they need no address. */
  readonly address: Address | null
}

/**
 * Opens the transport of a server.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: no such transport. Otherwise as `openTcp` and `openNats` do.
 */
export async function openServerTransport(options: OpenServerTransportOptions): Promise<ServerTransport> {
  const { transport: kind, listen } = options
  if (kind === 'tcp') {
    const transport = await openTcp({ ...options, host: listen.host, port: listen.port })
    return { transport, address: transport.address }
  }
  if (kind.startsWith('nats:')) {
    const { openNats } = await import('../../client/transport/nats.ts')
    return { transport: await openNats({ ...options, url: kind }), address: null }
  }
  throw unknownTransport(kind)
}
