/** The http door of a gateway: whether it is well, and its numbers. */
import type { Address } from '../../../protocol/transport.ts'
import { type Family, MetricPage, one } from '../../metrics/metric-page.ts'
import { type HttpDoor, openHttpDoor } from '../http.ts'
import type { NatsGateway, NatsGatewayStatus } from './gateway.ts'

const FAMILIES: readonly Family<NatsGatewayStatus>[] = [
  {
    type: 'gauge',
    name: 'catenary_ready',
    help: '1 where /readyz answers 200',
    rows: ({ connected }) => one(connected ? 1 : 0),
  },
  {
    type: 'gauge',
    name: 'catenary_gateway_pending',
    help: 'Requests without an answer yet',
    rows: ({ atWork }) => one(atWork),
  },
  {
    type: 'counter',
    name: 'catenary_gateway_answered_total',
    help: 'Requests that were answered',
    rows: ({ answered }) => one(answered),
  },
  {
    type: 'counter',
    name: 'catenary_gateway_failed_total',
    help: 'Requests that were answered by an error',
    rows: ({ failed }) => one(failed),
  },
]

export const gatewayMetrics = (look: () => NatsGatewayStatus) => new MetricPage(FAMILIES, look)

/** @throws where the port is taken. */
export function openGatewayHttp(
  gateway: Pick<NatsGateway, 'status' | 'subjects'>,
  listen: Address,
): Promise<HttpDoor> {
  return openHttpDoor({
    ...listen,
    status: () => ({ subjects: gateway.subjects, ...gateway.status() }),
    unhealthy: () => null, // a bug ends the process
    unready: () => (gateway.status().connected ? null : 'no broker is connected'),
    metrics: async () => gatewayMetrics(() => gateway.status()),
  })
}
