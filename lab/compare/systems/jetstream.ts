/** NATS JetStream: a key-value bucket with a replica on each server, Raft for writes, direct gets from any replica. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { connect, DiscardPolicy, RetentionPolicy, StorageType } from 'nats'
import { freePorts } from '../../../runtime/processes/free-ports.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import { atLeast, missingUnless, type Version, versionOf, versionText } from './installed.ts'
import { askJson, type PeerProcess } from './peer-process.ts'
import { PeerGroup } from './process-group.ts'

const BUCKET = 'bench'
const READY_MS = 30_000
/** Direct gets. */
const OLDEST: Version = [2, 9, 0]
/** `sync_interval` can be set, to `always` too. */
const SYNC_ALWAYS: Version = [2, 10, 0]

const DURABILITY = {
  durable: 'sync_interval: always: fsync of each write',
  relaxed:
    'file storage, sync_interval as by default (2 minutes): a write is acknowledged once a majority has it in files that are not yet synced',
  memory: 'memory storage',
} as const

interface Member {
  readonly process: PeerProcess
  readonly clientPort: number
  readonly httpPort: number
}

export const jetstream: System = {
  id: 'jetstream',
  title: 'NATS JetStream KV',
  kind: 'peer',
  effort: { ways: 1, startMs: 1500 },
  lacks: ['scan'],
  supports: ({ durability, replicas }) =>
    replicas % 2 === 1 &&
    replicas <= 5 &&
    (durability !== 'durable' || atLeast(version() ?? [0, 0, 0], SYNC_ALWAYS)),
  missing: async () => missingUnless('nats-server', version(), OLDEST),
  start,
}

const version = () => versionOf('nats-server', ['--version'])

async function start(options: SystemOptions): Promise<RunningSystem> {
  const ports = await freePorts(3 * options.replicas)
  const port = (place: number, which: number) => ports[3 * place + which] ?? 0
  const places = Array.from({ length: options.replicas }, (_, place) => place)
  const routes = places.map((place) => `nats://127.0.0.1:${port(place, 1)}`)
  const group = new PeerGroup({ readyMs: READY_MS })
  const members = await Promise.all(
    places.map(async (place): Promise<Member> => {
      const name = `jetstream-${place + 1}`
      const directory = join(options.directory, name)
      const configuration = join(directory, 'nats.conf')
      await mkdir(directory, { recursive: true })
      const lines = [
        `server_name: ${name}`,
        `listen: 127.0.0.1:${port(place, 0)}`,
        `http: 127.0.0.1:${port(place, 2)}`,
        `jetstream { store_dir: ${JSON.stringify(join(directory, 'data'))}${syncSetting(options)} }`,
        ...(options.replicas === 1
          ? []
          : [
              `cluster { name: bench, listen: 127.0.0.1:${port(place, 1)}, routes: ${JSON.stringify(routes)} }`,
            ]),
      ]
      await writeFile(configuration, `${lines.join('\n')}\n`)
      const command = {
        name,
        program: 'nats-server',
        args: ['--config', configuration],
        directory,
        ports: [0, 1, 2].map((which) => port(place, which)),
      }
      const process = group.add(command, isReady(port(place, 2)))
      return { process, clientPort: port(place, 0), httpPort: port(place, 2) }
    }),
  )
  await group.start()
  try {
    await makeBucket(options, members)
  } catch (error) {
    await group.end()
    throw error
  }
  return running(options, group, members)
}

const syncSetting = ({ durability }: SystemOptions) =>
  durability === 'durable' ? ', sync_interval: always' : ''

/** Its JetStream is up, and current with the others. */
const isReady = (httpPort: number) => async () => {
  const answer = await askJson(`http://127.0.0.1:${httpPort}/healthz`)
  return (answer as { status?: unknown } | null)?.status === 'ok'
}

/** The stream that a bucket is. Refused until the servers have found each other and a leader, so it is asked for again. */
async function makeBucket(options: SystemOptions, members: readonly Member[]): Promise<void> {
  const servers = members.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
  const connection = await connect({ servers, timeout: 5000 })
  const endMs = performance.now() + READY_MS
  try {
    for (;;) {
      for (const { process } of members) process.assertRunning()
      try {
        const manager = await connection.jetstreamManager()
        await manager.streams.add({
          name: `KV_${BUCKET}`,
          subjects: [`$KV.${BUCKET}.>`],
          storage: options.durability === 'memory' ? StorageType.Memory : StorageType.File,
          num_replicas: options.replicas,
          max_msgs_per_subject: 1,
          retention: RetentionPolicy.Limits,
          discard: DiscardPolicy.New,
          allow_direct: true,
          allow_rollup_hdrs: true,
          deny_delete: true,
        })
        return
      } catch (error) {
        if (performance.now() > endMs)
          throw new Error(`jetstream: no bucket with ${options.replicas} replicas in ${READY_MS} ms`, {
            cause: error,
          })
        await pause(100)
      }
    }
  } finally {
    await connection.close()
  }
}

function running(options: SystemOptions, group: PeerGroup, members: readonly Member[]): RunningSystem {
  const endpoints = members.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
  return {
    record: {
      id: jetstream.id,
      title: jetstream.title,
      kind: jetstream.kind,
      version: versionText(version() ?? [0, 0, 0]),
      replicas: members.length,
      durability: DURABILITY[options.durability],
      flags: [
        `bucket: num_replicas ${options.replicas}, ${options.durability === 'memory' ? 'memory' : 'file'} storage, history 1, allow_direct`,
        ...(options.durability === 'durable' ? ['sync_interval: always'] : []),
        'everything else as by default',
      ],
      client:
        'the text protocol by hand over one connection per server, no promise per operation, one write per turn; round robin; reads are direct gets, ' +
        'answered by any replica; the CPU share of the load process is recorded with every run',
    },
    variants: [
      { name: 'direct get', level: 'stale', target: { kind: 'jetstream', endpoints, bucket: BUCKET } },
    ],
    async processes() {
      const leader = await leaderOf(members)
      return members
        .filter(({ process }) => process.running)
        .map(({ process }) => ({
          name: process.name,
          pid: process.pid,
          part: leader === null ? 'unknown' : process.name === leader ? 'leader' : 'follower',
        }))
    },
    traffic: async () => null,
    kill: (name) => group.kill(name),
    restart: (name) => group.restart(name),
    limit: (percent) => group.limit(percent),
    stop: () => group.end(),
  }
}

interface StreamStatus {
  readonly account_details?: readonly {
    readonly stream_detail?: readonly {
      readonly name?: string
      readonly cluster?: { readonly leader?: string }
    }[]
  }[]
}

/** Of the bucket's stream, as the first member that knows tells it. A single server leads itself. */
async function leaderOf(members: readonly Member[]): Promise<string | null> {
  const [only] = members
  if (members.length === 1 && only !== undefined) return only.process.name
  for (const { httpPort, process } of members) {
    if (!process.running) continue
    try {
      const status = (await askJson(
        `http://127.0.0.1:${httpPort}/jsz?accounts=true&streams=true`,
      )) as StreamStatus
      const streams = (status.account_details ?? []).flatMap((account) => account.stream_detail ?? [])
      const leader = streams.find(({ name }) => name === `KV_${BUCKET}`)?.cluster?.leader
      if (leader !== undefined && leader !== '') return leader
    } catch {
      // The next one may know.
    }
  }
  return null
}
