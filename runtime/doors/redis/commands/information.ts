/** INFO. */
import type { Session } from '../session.ts'
import { LIMITS } from '../settings.ts'
import { REDIS_VERSION } from './connection.ts'

type Fields = Readonly<Record<string, string | number>>

const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(2)}M`

function server({ door }: Session): Fields {
  const uptime = Math.floor(process.uptime())
  return {
    redis_version: REDIS_VERSION,
    redis_mode: 'cluster',
    catenary_version: door.version,
    catenary_server: door.store.id,
    os: `${process.platform} ${process.arch}`,
    arch_bits: 64,
    process_id: process.pid,
    run_id: door.topology.idOf(door.store.id),
    tcp_port: door.port,
    server_time_usec: Math.floor(door.wallMs() * 1000),
    uptime_in_seconds: uptime,
    uptime_in_days: Math.floor(uptime / 86_400),
    executable: process.execPath,
    config_file: '',
  }
}

function clients({ door }: Session): Fields {
  return {
    connected_clients: door.sessionCount,
    cluster_connections: 0,
    maxclients: LIMITS.connectionsMax,
    blocked_clients: 0,
    tracking_clients: 0,
  }
}

function memory(): Fields {
  const { rss, heapUsed, heapTotal } = process.memoryUsage()
  return {
    used_memory: heapUsed,
    used_memory_human: megabytes(heapUsed),
    used_memory_rss: rss,
    used_memory_rss_human: megabytes(rss),
    total_system_memory: heapTotal,
    maxmemory: 0,
    maxmemory_human: '0B',
    maxmemory_policy: 'noeviction',
    mem_allocator: 'v8',
  }
}

const persistence = (): Fields => ({
  loading: 0,
  async_loading: 0,
  rdb_changes_since_last_save: 0,
  rdb_bgsave_in_progress: 0,
  aof_enabled: 1,
  aof_rewrite_in_progress: 0,
  aof_last_write_status: 'ok',
})

function stats({ door }: Session): Fields {
  const { statistics } = door
  return {
    total_connections_received: statistics.connectionsReceived,
    total_commands_processed: statistics.commands,
    total_net_input_bytes: statistics.inputBytes,
    total_net_output_bytes: statistics.outputBytes,
    rejected_connections: statistics.connectionsRejected,
    keyspace_hits: statistics.hits,
    keyspace_misses: statistics.misses,
    total_error_replies: statistics.errors,
    evicted_keys: 0,
    expired_keys: 0,
    moved_replies: statistics.redirections,
    protocol_errors: statistics.protocolErrors,
  }
}

function replication({ door }: Session): Fields {
  const { topology, store } = door
  const led = topology.routes.find((route) => route.isHead)
  const id = topology.idOf(store.id)
  if (led !== undefined) {
    const others = topology.membersOf(led.config).filter((server) => server !== store.id)
    const fields: Record<string, string | number> = { role: 'master', connected_slaves: others.length }
    for (const [i, server] of others.entries()) {
      const address = topology.addressOf(server)
      fields[`slave${i}`] =
        `ip=${address?.host},port=${address?.port},state=online,offset=${store.committed(led.chain)},lag=0`
    }
    return { ...fields, master_replid: id, master_repl_offset: store.committed(led.chain) }
  }
  const followed = topology.routes.find((route) => route.isReader)
  const head = followed?.config.members[0]?.server
  const address = head === undefined ? null : topology.addressOf(head)
  return {
    role: 'slave',
    master_host: address?.host ?? '',
    master_port: address?.port ?? 0,
    master_link_status: followed === undefined ? 'down' : 'up',
    master_last_io_seconds_ago: 0,
    master_sync_in_progress: 0,
    slave_repl_offset: followed === undefined ? 0 : store.committed(followed.chain),
    slave_read_only: 1,
    connected_slaves: 0,
    master_replid: id,
  }
}

function cpu(): Fields {
  const { user, system } = process.cpuUsage()
  return { used_cpu_sys: (system / 1e6).toFixed(6), used_cpu_user: (user / 1e6).toFixed(6) }
}

function errorStats({ door }: Session): Fields {
  const fields: Record<string, string> = {}
  for (const [code, count] of door.statistics.errorCodes) fields[`errorstat_${code}`] = `count=${count}`
  return fields
}

function keyspace({ door }: Session): Fields {
  let keys = 0
  for (const { chain, isReader, isHead } of door.topology.routes)
    if (isReader || isHead) keys += door.store.keyCount(chain) ?? 0
  return keys === 0 ? {} : { db0: `keys=${keys},expires=0,avg_ttl=0` }
}

const SECTIONS: Readonly<Record<string, (session: Session) => Fields>> = {
  Server: server,
  Clients: clients,
  Memory: memory,
  Persistence: persistence,
  Stats: stats,
  Replication: replication,
  CPU: cpu,
  Modules: () => ({}),
  Errorstats: errorStats,
  Cluster: () => ({ cluster_enabled: 1 }),
  Keyspace: keyspace,
}

/** @param wanted - names of sections; none, or `all`, `default`, `everything`: all of them. */
export function informationOf(session: Session, wanted: readonly string[]): string {
  const names = wanted.map((name) => name.toLowerCase())
  const all = names.length === 0 || names.some((name) => ['all', 'default', 'everything'].includes(name))
  const shown = Object.entries(SECTIONS).filter(([title]) => all || names.includes(title.toLowerCase()))
  return shown
    .map(([title, fields]) => {
      const lines = Object.entries(fields(session)).map(([name, value]) => `${name}:${value}\r\n`)
      return `# ${title}\r\n${lines.join('')}`
    })
    .join('\r\n')
}
