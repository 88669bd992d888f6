/** etcd: three members, Raft; linearizable reads through ReadIndex, and serializable ones from what a member has. */
import { join } from 'node:path'
import { freePorts } from '../../../runtime/processes/free-ports.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import { missingUnless, outputOf, type Version, versionOf, versionText } from './installed.ts'
import { askJson, type PeerProcess } from './peer-process.ts'
import { PeerGroup } from './process-group.ts'

const READY_MS = 30_000
/** With HTTP's JSON under /v3, by which we ask who leads. */
const OLDEST: Version = [3, 4, 0]
/** A long comparison keeps every revision: the default of 2 GiB would end it. */
const QUOTA_BYTES = 8 * 1024 ** 3

interface Member {
  readonly process: PeerProcess
  readonly clientPort: number
}

export const etcd: System = {
  id: 'etcd',
  title: 'etcd',
  kind: 'peer',
  effort: { ways: 2, startMs: 2000 },
  supports: ({ durability, replicas }) =>
    replicas % 2 === 1 && (durability === 'durable' || (durability === 'memory' && canSkipFsync())),
  missing: async () => missingUnless('etcd', version(), OLDEST),
  start,
}

const version = () => versionOf('etcd', ['--version'])

/** Since 3.5. There is nothing in between: etcd syncs always, or never. */
const canSkipFsync = () => outputOf('etcd', ['--help'])?.includes('--unsafe-no-fsync') === true

async function start(options: SystemOptions): Promise<RunningSystem> {
  const ports = await freePorts(2 * options.replicas)
  const names = Array.from({ length: options.replicas }, (_, place) => `etcd-${place + 1}`)
  const peerUrl = (place: number) => `http://127.0.0.1:${ports[2 * place + 1]}`
  const cluster = names.map((name, place) => `${name}=${peerUrl(place)}`).join(',')
  const group = new PeerGroup({ readyMs: READY_MS })
  const members = names.map((name, place): Member => {
    const clientPort = ports[2 * place] ?? 0
    const clientUrl = `http://127.0.0.1:${clientPort}`
    const directory = join(options.directory, name)
    const args = [
      `--name=${name}`,
      `--data-dir=${join(directory, 'data')}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl(place)}`,
      `--initial-advertise-peer-urls=${peerUrl(place)}`,
      `--initial-cluster=${cluster}`,
      '--initial-cluster-state=new',
      ...settings(options),
    ]
    const both = [clientPort, ports[2 * place + 1] ?? 0]
    const command = { name, program: 'etcd', args, directory, ports: both }
    return { process: group.add(command, isReady(clientPort)), clientPort }
  })
  await group.start()
  return running(options, group, members)
}

const settings = ({ durability }: SystemOptions): string[] => [
  `--quota-backend-bytes=${QUOTA_BYTES}`,
  ...['--logger=zap', '--log-outputs=stderr', '--log-level=error'],
  ...(durability === 'memory' ? ['--unsafe-no-fsync'] : []),
]

/** It knows a leader. */
const isReady = (clientPort: number) => async () => {
  const answer = await askJson(`http://127.0.0.1:${clientPort}/health`)
  return (answer as { health?: unknown } | null)?.health === 'true'
}

function running(options: SystemOptions, group: PeerGroup, members: readonly Member[]): RunningSystem {
  const endpoints = members.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
  return {
    record: {
      id: etcd.id,
      title: etcd.title,
      kind: etcd.kind,
      version: versionText(version() ?? [0, 0, 0]),
      replicas: members.length,
      durability:
        options.durability === 'memory'
          ? 'none (--unsafe-no-fsync)'
          : 'fsync of the log of a majority before a write is acknowledged (the default)',
      flags: [...settings(options), 'everything else as by default (heartbeat 100 ms, election 1000 ms)'],
      client:
        'gRPC by hand over one plain HTTP/2 connection per member, constant headers, no promise per operation, one write per turn; ' +
        'reads and writes round robin over the members, as etcd’s own benchmark does; the CPU share of the load process is recorded with every run',
    },
    variants: [
      {
        name: 'linearizable (ReadIndex)',
        level: 'linearizable',
        target: { kind: 'etcd', endpoints, reads: 'linearizable' },
      },
      { name: 'serializable', level: 'stale', target: { kind: 'etcd', endpoints, reads: 'serializable' } },
    ],
    processes: () =>
      Promise.all(
        members
          .filter(({ process }) => process.running)
          .map(async (member) => ({
            name: member.process.name,
            pid: member.process.pid,
            part: await partOf(member),
          })),
      ),
    traffic: async () => null,
    kill: (name) => group.kill(name),
    restart: (name) => group.restart(name),
    limit: (percent) => group.limit(percent),
    stop: () => group.end(),
  }
}

async function partOf({ clientPort }: Member): Promise<string> {
  try {
    const answer = await askJson(`http://127.0.0.1:${clientPort}/v3/maintenance/status`, {})
    const { header, leader } = answer as { header?: { member_id?: string }; leader?: string }
    if (leader === undefined || leader === '0') return 'unknown'
    return header?.member_id === leader ? 'leader' : 'follower'
  } catch {
    return 'unknown'
  }
}
