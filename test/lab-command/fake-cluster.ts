/** Processes of a cluster as their http doors show them, without the processes. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface FakeProcess {
  readonly address: string
  status: unknown
  metrics: string
  kill(): Promise<void>
}

export async function fakeProcess(status: unknown, metrics = ''): Promise<FakeProcess> {
  const server: Server = createServer((request, response) => {
    response.end(request.url === '/metrics' ? fake.metrics : JSON.stringify(fake.status))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const fake: FakeProcess = {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    status,
    metrics,
    kill: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
  return fake
}

export function serverStatus(server: string, options: { epoch?: number; members?: readonly string[] } = {}) {
  const { epoch = 3, members = ['n1', 'n2', 'n3'] } = options
  const role = server === members[0] ? 'head' : server === members.at(-1) ? 'tail' : 'middle'
  return {
    server,
    incarnation: 1,
    leaseMs: 1500,
    storage: 'ok',
    pendingRequests: 0,
    residentBytes: 1,
    replicas: [
      {
        ...{ chain: 'c0', role, epoch, serving: true, last: 9, durable: 9, commit: 8, dirty: 1, keys: 4 },
        members: members.map((name) => ({ server: name, serving: true, leaving: false })),
        joining: null,
      },
    ],
  }
}

export const coordinatorStatus = (member: string, role = 'leader', term = 2) => ({
  member,
  role,
  term,
  leader: role === 'leader' ? member : null,
  manager: { leads: true, lastChange: null },
})

const name = 'catenary_request_seconds'

/** `fast` requests of at most 1 ms and `slow` ones of at most 10 ms. */
export const requestMetrics = (operation: string, fast: number, slow: number) =>
  [
    `# TYPE ${name} histogram`,
    `${name}_bucket{le="0.001",door="native",operation="${operation}",consistency="strong"} ${fast}`,
    `${name}_bucket{le="0.01",door="native",operation="${operation}",consistency="strong"} ${fast + slow}`,
    `${name}_bucket{le="+Inf",door="native",operation="${operation}",consistency="strong"} ${fast + slow}`,
    `${name}_sum{door="native",operation="${operation}",consistency="strong"} 1`,
    `${name}_count{door="native",operation="${operation}",consistency="strong"} ${fast + slow}`,
  ].join('\n')
