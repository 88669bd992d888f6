import { StoreError } from '../../protocol/errors.ts'
import type { Transport, TransportEvents, TransportLimits } from '../../protocol/transport.ts'
import { withoutSecrets } from './nats-url.ts'
import type { Credentials } from './node-scram.ts'
import { openTcpDial } from './tcp-dial.ts'
import type { TlsSource } from './tls-options.ts'

export interface OpenTransportOptions {
  /** `tcp`, or `nats://host:port`. */
  readonly transport: string
  readonly self: string
  readonly cluster: string
  readonly events: TransportEvents
  readonly limits?: Partial<TransportLimits>
  /** Over tcp: who this node is to those that it dials. Over nats the broker's accounts decide. Default: nobody proves anything. */
  readonly credentials?: Credentials
  /** Over tcp: how those that are dialled are spoken to. Over nats the broker’s address says it. Default: in plain. */
  readonly tls?: TlsSource
}

/**
 * Opens the transport of a native client.
 *
 * @throws {StoreError} `BAD_ARGUMENT`: no such transport. Otherwise as `openTcpDial` and `openNats` do.
 */
export async function openClientTransport(options: OpenTransportOptions): Promise<Transport> {
  const { transport } = options
  if (transport === 'tcp') return openTcpDial(options)
  // Those who have no broker load nothing of it.
  if (transport.startsWith('nats:'))
    return (await import('./nats.ts')).openNats({ ...options, url: transport })
  throw unknownTransport(transport)
}

/** @throws {StoreError} `BAD_ARGUMENT`: no such transport. For whoever opens it only later. */
export function checkTransport(transport: string): void {
  if (transport !== 'tcp' && !transport.startsWith('nats:')) throw unknownTransport(transport)
}

export const unknownTransport = (transport: string) =>
  new StoreError(
    'BAD_ARGUMENT',
    `transport ${JSON.stringify(withoutSecrets(transport))}: use "tcp" or "nats://host:port"`,
  )
