/** The answers to four-letter words, in ZooKeeper's form: clients and monitors parse them. */
import type { ConnectionSight, Pairs, ServerSight } from './server-sight.ts'

/** Clients match this line with a regular expression: keep its form. */
export const VERSION = '3.8.0-catenary, built on 01/01/2025 00:00 UTC'

export const sum = <Item>(items: Iterable<Item>, numberOf: (item: Item) => number): number => {
  let total = 0
  for (const item of items) total += numberOf(item)
  return total
}

const hex = (value: number | bigint): string =>
  `0x${(typeof value === 'bigint' ? BigInt.asUintN(64, value) : value).toString(16)}`

const outstanding = ({ connections }: ServerSight) => sum(connections, ({ traffic }) => traffic.outstanding)

/** As Java writes a double. */
function decimal(value: number): string {
  const rounded = Math.round(value * 10_000) / 10_000
  return Number.isInteger(rounded) ? `${rounded}.0` : String(rounded)
}

export const pairLines = (pairs: Pairs): string => pairs.map(([name, value]) => `${name}=${value}\n`).join('')

export function serverLines(sight: ServerSight): string {
  const { facts, traffic, connections } = sight
  const { latency } = traffic
  const times = `${Math.round(latency.minMs)}/${decimal(latency.meanMs)}/${Math.round(latency.maxMs)}`
  return [
    `Latency min/avg/max: ${times}`,
    `Received: ${traffic.received}`,
    `Sent: ${traffic.sent}`,
    `Connections: ${connections.length}`,
    `Outstanding: ${outstanding(sight)}`,
    `Zxid: ${hex(facts.zxid)}`,
    `Mode: ${facts.mode}`,
    `Node count: ${facts.nodeCount}`,
    '',
  ].join('\n')
}

/** What both forms of a connection's line begin with. */
function briefly({ remote, isReading, traffic }: ConnectionSight): string {
  const { outstanding: queued, received, sent } = traffic
  return ` /${remote}[${isReading ? 1 : 0}](queued=${queued},recved=${received},sent=${sent}`
}

export const clientLines = ({ connections }: ServerSight): string =>
  connections.map((connection) => `${briefly(connection)})\n`).join('')

export const connectionLines = ({ connections, wallOffsetMs }: ServerSight): string =>
  connections.map((connection) => `${inFull(connection, wallOffsetMs)})\n`).join('')

function inFull(connection: ConnectionSight, wallOffsetMs: number): string {
  const { session, timeoutMs, openedMs, traffic } = connection
  if (session === 0n) return briefly(connection)
  const { latency } = traffic
  const wall = (ms: number) => (ms === 0 ? 0 : Math.round(ms + wallOffsetMs))
  const parts = [
    briefly(connection),
    `sid=${hex(session)}`,
    `lop=${traffic.lastOperation}`,
    `est=${wall(openedMs)}`,
    `to=${timeoutMs}`,
    ...(traffic.lastXid >= 0 ? [`lcxid=${hex(traffic.lastXid)}`] : []),
    `lzxid=${hex(traffic.lastZxid)}`,
    `lresp=${wall(traffic.lastReplyMs)}`,
    `llat=${Math.round(traffic.lastLatencyMs)}`,
    `minlat=${Math.round(latency.minMs)}`,
    `avglat=${Math.round(latency.meanMs)}`,
    `maxlat=${Math.round(latency.maxMs)}`,
  ]
  return parts.join(',')
}

export function monitorLines(sight: ServerSight): string {
  const { facts, traffic, watches, connections } = sight
  const lines: (readonly [name: string, value: string | number])[] = [
    ['version', VERSION],
    ['server_state', facts.mode],
    ['uptime', Math.round(facts.upMs)],
    ['avg_latency', decimal(traffic.latency.meanMs)],
    ['min_latency', Math.round(traffic.latency.minMs)],
    ['max_latency', Math.round(traffic.latency.maxMs)],
    ['packets_received', traffic.received],
    ['packets_sent', traffic.sent],
    ['num_alive_connections', connections.length],
    ['outstanding_requests', outstanding(sight)],
    ['znode_count', facts.nodeCount],
    ['watch_count', watches.count],
    ['ephemerals_count', facts.ephemeralsCount],
    ['approximate_data_size', facts.dataBytes],
    ['global_sessions', facts.sessionCount],
    ['local_sessions', 0],
    ['election_count', facts.elections],
    ['log_entries', facts.logEntries],
    ['snapshot_zxid', facts.snapshotZxid],
  ]
  if (facts.followers !== null) {
    const { count, synced } = facts.followers
    lines.push(['learners', count], ['synced_followers', synced], ['synced_observers', 0])
  }
  for (const [op, histogram] of traffic.byOperation) {
    lines.push([`cnt_${op}_latency`, histogram.count], [`avg_${op}_latency`, decimal(histogram.meanMs)])
    lines.push([`p50_${op}_latency`, decimal(histogram.percentileMs(0.5))])
    lines.push([`p99_${op}_latency`, decimal(histogram.percentileMs(0.99))])
    lines.push([`max_${op}_latency`, decimal(histogram.maxMs)])
  }
  return lines.map(([name, value]) => `zk_${name}\t${value}\n`).join('')
}

/** The sessions of the ensemble, their ephemerals, and the connections of this member. */
export function dump({ sessions, connections }: ServerSight): string {
  const owners = sessions.filter(({ ephemerals }) => ephemerals.size > 0)
  const connected = connections.filter(({ session }) => session !== 0n)
  return [
    'SessionTracker dump:',
    `Global Sessions(${sessions.length}):`,
    ...sessions.map(({ id, timeoutMs }) => `${hex(id)}\t${timeoutMs}ms`),
    'ephemeral nodes dump:',
    `Sessions with Ephemerals (${owners.length}):`,
    ...owners.flatMap(({ id, ephemerals }) => [`${hex(id)}:`, ...[...ephemerals].map((path) => `\t${path}`)]),
    'Connections dump:',
    `Connections (${connected.length}):`,
    ...connected.map(({ remote, session }) => `\tip: /${remote} sessionId: ${hex(session)}`),
    '',
  ].join('\n')
}

export function watchSummary({ watches }: ServerSight): string {
  const { connections, paths } = watches.breadth()
  return `${connections} connections watching ${paths} paths\nTotal watches:${watches.count}\n`
}

/** By session. Of a large member this is long. */
export function watchesByConnection({ watches, connections }: ServerSight): string {
  const lines: string[] = []
  for (const { greeting, session } of connections) {
    const paths = watches.pathsOf(greeting?.number ?? -1)
    if (paths.size === 0) continue
    lines.push(hex(session))
    for (const path of paths) lines.push(`\t${path}`)
  }
  return [...lines, ''].join('\n')
}

/** By path. Of a large member this is long. */
export function watchesByPath({ watches, connections }: ServerSight): string {
  const byPath = new Map<string, string[]>()
  for (const { greeting, session } of connections) {
    for (const path of watches.pathsOf(greeting?.number ?? -1)) {
      const sessions = byPath.get(path)
      if (sessions === undefined) byPath.set(path, [hex(session)])
      else sessions.push(hex(session))
    }
  }
  const lines = [...byPath].flatMap(([path, sessions]) => [
    path,
    ...sessions.map((session) => `\t${session}`),
  ])
  return [...lines, ''].join('\n')
}
