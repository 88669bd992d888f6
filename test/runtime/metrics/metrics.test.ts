import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { asChainId, asKey } from '../../../protocol/ids.ts'
import type { CoordinatorStatus } from '../../../runtime/coordinator/status.ts'
import { gatewayMetrics } from '../../../runtime/doors/nats/gateway-http.ts'
import { LatencyHistogram } from '../../../runtime/latency.ts'
import { coordinatorMetrics } from '../../../runtime/metrics/coordinator-metrics.ts'
import { managerMetrics } from '../../../runtime/metrics/manager-metrics.ts'
import { serverMetrics } from '../../../runtime/metrics/server-metrics.ts'
import type { DataServerStatus } from '../../../runtime/server/data-server.ts'
import { DoorTimes, kindOfRead, kindOfWrite } from '../../../runtime/server/door-times.ts'
import { unreadyReason } from '../../../runtime/server/readiness.ts'

const DOCS = join(import.meta.dirname, '..', '..', '..', 'docs')

type ReplicaNumbers = DataServerStatus['replicas'][number]

const replica = {
  chain: asChainId('c0'),
  role: 'head',
  epoch: 3,
  members: ['n1', 'n2', 'n3'].map((server) => ({ server, serving: true })),
  serving: true,
  leaving: false,
  holdsData: true,
  commit: 41,
  dirty: 2,
  successor: { server: 'n2', lag: 2, hopMs: 1.5 },
  counters: { writes: 43, localReads: 10, versionQueries: 2, versionQueryReads: 5 },
} as unknown as ReplicaNumbers

const status = (of: Partial<ReplicaNumbers> = {}, more: Partial<DataServerStatus> = {}) =>
  ({
    server: 'n1',
    storage: 'ok',
    admitted: true,
    leaseMs: 1500,
    pendingRequests: 7,
    replicas: [{ ...replica, ...of }],
    ...more,
  }) as unknown as DataServerStatus

function timesOfTwoTurns(): DoorTimes {
  const door = new DoorTimes()
  const read = kindOfRead({ type: 'get', keys: [asKey('k')] }, { type: 'strong' })
  const write = kindOfWrite({ type: 'append', key: asKey('k'), value: new Uint8Array() })
  door.arrived(1_000_000)
  const stamp = door.stamp
  door.answered(read, stamp)
  door.endTurn(1_000_000.2)
  door.arrived(1_000_004)
  door.answered(write, stamp)
  for (let i = 0; i < 5000; i++) door.answered(read, door.stamp)
  door.failed('OVERLOADED')
  door.endTurn(1_000_004.2)
  return door
}

const pageOfServer = () =>
  serverMetrics(() => ({
    status: status(),
    doors: new Map([['native', timesOfTwoTurns()]]),
    syncTimes: new LatencyHistogram(),
    configurationsOf: () => 4,
    unready: null,
  }))

async function allPages(): Promise<string> {
  const of = { role: 'leader', peers: [{ member: 'coordinator-2', match: 1, lag: 6 }] }
  const coordinator = coordinatorMetrics(() => ({
    status: of as unknown as CoordinatorStatus,
    operationTimes: new Map(),
    syncTimes: new LatencyHistogram(),
    unready: null,
    manager: null,
  }))
  const gateway = gatewayMetrics(() => ({ connected: true, atWork: 0, answered: 0, failed: 0 }))
  const pages = [pageOfServer(), coordinator, managerMetrics(() => ({ manager: null })), gateway]
  return (await Promise.all(pages.map((page) => page.text()))).join('\n')
}

/** As the pages declare them; a histogram has three names. */
function namesIn(text: string): Set<string> {
  const names = new Set<string>()
  for (const [, name = '', type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name)
    if (type === 'histogram') for (const end of ['bucket', 'sum', 'count']) names.add(`${name}_${end}`)
  }
  return names
}

describe('/metrics', () => {
  test('has what the dashboard asks for, and docs/OPERATIONS.md explains each number', async () => {
    const names = namesIn(await allPages())
    const dashboard = readFileSync(join(DOCS, 'operations', 'grafana.json'), 'utf8')
    const asked = new Set(dashboard.match(/\b(?:catenary|nodejs|process)_[a-z0-9_]+/g))
    expect(asked.size).toBeGreaterThan(30)
    expect([...asked].filter((name) => !names.has(name))).toEqual([])

    const explained = readFileSync(join(DOCS, 'OPERATIONS.md'), 'utf8')
    const own = [...names].filter((name) => /^catenary_/.test(name) && !/_(bucket|sum|count)$/.test(name))
    expect(own.filter((name) => !explained.includes(`\`${name}\``))).toEqual([])
    const told = explained.match(/`catenary_[a-z0-9_]+`/g) ?? []
    expect(told.map((name) => name.slice(1, -1)).filter((name) => !names.has(name))).toEqual([])
  })

  test('counts requests by operation and consistency, from their arrival to the end of the turn that answered them', async () => {
    const text = await pageOfServer().text()
    const get = 'door="native",operation="get",consistency="strong"'
    expect(text).toContain(`catenary_request_seconds_count{${get}} 5001`)
    expect(text).toContain(`catenary_request_seconds_bucket{${get},le="0.005"} 5001`)
    const append = 'door="native",operation="append",consistency=""'
    expect(text).toContain(`catenary_request_seconds_bucket{${append},le="0.0025"} 0`)
    expect(text).toContain(`catenary_request_seconds_bucket{${append},le="0.005"} 1`)
    expect(text).toContain('catenary_requests_failed_total{door="native",code="OVERLOADED"} 1')
    expect(text).toContain('catenary_link_lag_entries{chain="c0",successor="n2"} 2')
    expect(text).toContain('catenary_version_query_reads_total{chain="c0"} 5')
    expect(text).toContain('catenary_configurations_total{chain="c0"} 4')
    expect(text).toContain('catenary_replica_role{chain="c0",role="head"} 1')
  })
})

const [n2] = replica.members.filter(({ server }) => server === 'n2')
const OTHERS = n2 === undefined ? [] : [n2]

test.each([
  ['a member that serves', status(), null],
  ['a spare', status({}, { replicas: [] }), null],
  ['no lease, but admitted', status({}, { leaseMs: 0 }), null],
  ['not admitted', status({}, { admitted: false }), /have not admitted/],
  ['a failed disk', status({}, { storage: 'EIO' }), /the disk failed: EIO/],
  ['joining', status({ role: 'joining' }), /c0: joining/],
  ['leaving', status({ leaving: true }), /c0: leaving/],
  ['a member that waits for its handoff', status({ serving: false }), /not serving yet/],
  ['just restarted', status({ epoch: 0 as never, members: [], serving: false }), /not known here yet/],
  ['dropped, and needed again', status({ members: OTHERS, serving: false }), /short of members/],
  ['dropped, and replaced', status({ members: [...OTHERS, ...OTHERS, ...OTHERS], serving: false }), null],
])('/readyz of a data server: %s', (_, of, reason) => {
  const found = unreadyReason(of, 3)
  if (reason === null) expect(found).toBeNull()
  else expect(found).toMatch(reason)
})
