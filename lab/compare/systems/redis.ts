/** Redis: one server, and one server with replicas whose writes wait for them (WAIT). */
import { join } from 'node:path'
import { freePorts } from '../../../runtime/processes/free-ports.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import { missingUnless, type Version, versionOf, versionText } from './installed.ts'
import { ask, type PeerProcess } from './peer-process.ts'
import { PeerGroup } from './process-group.ts'

const READY_MS = 20_000
const OLDEST: Version = [5, 0, 0]

const DURABILITY = {
  durable: { flags: ['--appendonly yes', '--appendfsync always'], says: 'appendfsync always' },
  relaxed: { flags: ['--appendonly yes', '--appendfsync everysec'], says: 'appendfsync everysec' },
  memory: { flags: ['--appendonly no'], says: 'appendonly no' },
} as const

interface Member {
  readonly process: PeerProcess
  readonly port: number
}

export const redis: System = {
  id: 'redis',
  title: 'Redis, one server',
  kind: 'peer',
  effort: { ways: 1, startMs: 500 },
  lacks: ['scan'],
  // Not replicated at all: it is measured once, beside stores of three replicas, and has no place where the number of replicas varies.
  supports: ({ replicas }) => replicas === 3,
  missing: async () => missingUnless('redis-server', version(), OLDEST),
  start: (options) => start(options, 1),
}

export const redisWait: System = {
  id: 'redis-wait',
  title: 'Redis, SET then WAIT for all replicas',
  kind: 'peer',
  effort: { ways: 1, startMs: 500 },
  lacks: ['scan'],
  supports: ({ replicas }) => replicas >= 2,
  missing: async () => missingUnless('redis-server', version(), OLDEST),
  start: (options) => start(options, options.replicas),
}

const version = () => versionOf('redis-server', ['--version'])

async function start(options: SystemOptions, replicas: number): Promise<RunningSystem> {
  const ports = await freePorts(replicas)
  const group = new PeerGroup({ readyMs: READY_MS })
  const members = ports.map((_, place) => member(options, group, ports, place))
  await group.start()
  return running(options, group, members)
}

function member(options: SystemOptions, group: PeerGroup, ports: readonly number[], place: number): Member {
  const port = ports[place] ?? 0
  const name = place === 0 ? 'redis-master' : `redis-replica-${place}`
  const directory = join(options.directory, name)
  const args = [
    ...['--port', String(port), '--bind', '127.0.0.1', '--dir', directory],
    ...settings(options.durability).flatMap((setting) => setting.split(' ')),
    ...(place === 0 ? [] : ['--replicaof', '127.0.0.1', String(ports[0])]),
  ]
  const isReady = async () => {
    const said = await info(port, 'replication')
    return place === 0 || said.includes('master_link_status:up')
  }
  const command = { name, program: 'redis-server', args, directory, ports: [port] }
  return { process: group.add(command, isReady), port }
}

const settings = (durability: SystemOptions['durability']): string[] => [
  // No snapshots in between: they are neither durability nor part of what is compared.
  '--save ',
  ...DURABILITY[durability].flags,
  // A replica that asks gets its first copy at once, over the socket.
  '--repl-diskless-sync yes',
  '--repl-diskless-sync-delay 0',
]

function running(options: SystemOptions, group: PeerGroup, members: readonly Member[]): RunningSystem {
  const [master] = members
  if (master === undefined) throw new Error('redis without a server')
  const wait = members.length - 1
  const { id, title, kind } = wait === 0 ? redis : redisWait
  const target = { kind: 'redis', endpoint: `127.0.0.1:${master.port}`, wait } as const
  return {
    record: {
      id,
      title: wait === 0 ? title : `Redis, SET then WAIT ${wait}`,
      kind,
      version: versionText(version() ?? [0, 0, 0]),
      replicas: members.length,
      durability: durabilityText(options.durability, wait),
      flags: [
        ...settings(options.durability),
        ...(wait === 0
          ? []
          : [`${wait} replicas: --replicaof, same durability`, `writes: SET, WAIT ${wait} 5000`]),
      ],
      client: clientText(wait),
    },
    // With replicas: reads are never behind the master, but may show what its replicas do not have, and a failover then takes back.
    variants: [{ name: 'master', level: wait === 0 ? 'linearizable' : 'none', target }],
    async processes() {
      return Promise.all(
        members
          .filter(({ process }) => process.running)
          .map(async ({ process, port }) => ({
            name: process.name,
            pid: process.pid,
            part: (await role(port)) ?? 'unknown',
          })),
      )
    },
    traffic: async () => null,
    stop: () => group.end(),
  }
}

function durabilityText(durability: SystemOptions['durability'], wait: number): string {
  const { says } = DURABILITY[durability]
  if (wait === 0) return says
  return `${says} on every server; WAIT ${wait} confirms that ${wait} replicas have received the write`
}

function clientText(wait: number): string {
  const common = 'RESP2 by hand, no promise per operation, one write per turn and connection'
  if (wait === 0) return `${common}; one connection, all that is outstanding pipelined`
  return `${common}; WAIT holds its connection up, so each outstanding write has one of 64 connections (like redis-benchmark -c 64); reads have their own`
}

async function info(port: number, section: string): Promise<string> {
  const answer = await ask(port, `INFO ${section}\r\nQUIT\r\n`, (said) => said.endsWith('+OK\r\n'))
  if (!answer.startsWith('$')) throw new Error(answer.trim() || 'no answer')
  return answer
}

async function role(port: number): Promise<string | null> {
  const answer = await info(port, 'replication').catch(() => '')
  const found = /role:(\w+)/.exec(answer)?.[1]
  if (found === undefined) return null
  return found === 'slave' ? 'replica' : found
}
