/** Apache ZooKeeper: three members; reads from what a member has, or after a `sync`. */
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { freePorts } from '../../../runtime/processes/free-ports.ts'
import type { RunningSystem, System, SystemOptions } from '../system.ts'
import { missingUnless, outputOf, type Version, versionIn, versionText } from './installed.ts'
import { ask, PEERS_ADVICE, type PeerProcess } from './peer-process.ts'
import { PeerGroup } from './process-group.ts'

/** Debian's packages `zookeeper` and `libslf4j-java`; the first names everything else that it needs. */
const JAR = '/usr/share/java/zookeeper.jar'
const LOGGER_JAR = '/usr/share/java/slf4j-simple.jar'
const MAIN = 'org.apache.zookeeper.server.quorum.QuorumPeerMain'
const OLDEST: Version = [3, 5, 0]
/** It keeps its last 500 writes in memory: of a megabyte each, they must fit. */
const HEAP: readonly string[] = ['-Xms256m', '-Xmx2g']
/** Three virtual machines start on two cores that may be busy. */
const READY_MS = 60_000
const TICK_MS = 2000

export interface ZooKeeperMember {
  readonly process: PeerProcess
  readonly clientPort: number
}

export const zookeeper: System = {
  id: 'zookeeper',
  title: 'Apache ZooKeeper',
  kind: 'peer',
  effort: { ways: 2, startMs: 3500 },
  lacks: ['scan'],
  supports: ({ durability, replicas }) => replicas % 2 === 1 && durability !== 'relaxed',
  missing: async () => missing(),
  start,
}

function missing(): string | null {
  if (!existsSync(JAR)) return `zookeeper is not installed (no ${JAR}): ${PEERS_ADVICE}`
  if (!existsSync(LOGGER_JAR)) return `zookeeper has no logger (no ${LOGGER_JAR}): ${PEERS_ADVICE}`
  if (outputOf('java', ['-version']) === null) return `java is not installed: ${PEERS_ADVICE}`
  return missingUnless('zookeeper', version(), OLDEST)
}

/** The jar's own word. */
const version = () =>
  versionIn(outputOf('java', ['-cp', JAR, 'org.apache.zookeeper.version.VersionInfoMain']) ?? '')

async function start(options: SystemOptions): Promise<RunningSystem> {
  const { group, members } = await startZooKeeperMembers(options)
  return running(options, group, members)
}

export interface ZooKeeperMembersOptions
  extends Pick<SystemOptions, 'directory' | 'durability' | 'replicas'> {
  /** Flags of Java. Default: what the comparison measures with. */
  readonly heap?: readonly string[]
  readonly tickMs?: number
}

/**
 * An ensemble, and nothing else of a comparison.
 *
 * @throws where it does not come up in time, with its last words. Nothing is left running then.
 */
export async function startZooKeeperMembers(
  options: ZooKeeperMembersOptions,
): Promise<{ group: PeerGroup; members: readonly ZooKeeperMember[] }> {
  const ports = await freePorts(3 * options.replicas)
  const port = (place: number, which: number) => ports[3 * place + which] ?? 0
  const places = Array.from({ length: options.replicas }, (_, place) => place)
  const ensemble = places.map((place) => `server.${place + 1}=127.0.0.1:${port(place, 1)}:${port(place, 2)}`)
  const group = new PeerGroup({ readyMs: READY_MS })
  const members = await Promise.all(
    places.map(async (place): Promise<ZooKeeperMember> => {
      const name = `zookeeper-${place + 1}`
      const directory = join(options.directory, name)
      const data = join(directory, 'data')
      const configuration = join(directory, 'zoo.cfg')
      await mkdir(data, { recursive: true })
      await writeFile(join(data, 'myid'), `${place + 1}\n`)
      const lines = [
        `dataDir=${data}`,
        'clientPortAddress=127.0.0.1',
        `clientPort=${port(place, 0)}`,
        ...settings(options),
        ...(options.replicas === 1 ? [] : ensemble),
      ]
      await writeFile(configuration, `${lines.join('\n')}\n`)
      const command = {
        name,
        program: 'java',
        args: [...javaFlags(options), '-cp', `${JAR}:${LOGGER_JAR}`, MAIN, configuration],
        directory,
        ports: [0, 1, 2].map((which) => port(place, which)),
      }
      const process = group.add(command, isReady(port(place, 0)))
      return { process, clientPort: port(place, 0) }
    }),
  )
  await group.start()
  return { group, members }
}

const settings = ({ tickMs = TICK_MS }: Pick<ZooKeeperMembersOptions, 'tickMs'>): string[] => [
  `tickTime=${tickMs}`,
  'initLimit=10',
  'syncLimit=5',
  'maxClientCnxns=0',
  'admin.enableServer=false',
  '4lw.commands.whitelist=srvr,mntr',
]

const javaFlags = ({
  durability,
  heap = HEAP,
}: Pick<ZooKeeperMembersOptions, 'durability' | 'heap'>): string[] => [
  ...heap,
  `-Dzookeeper.forceSync=${durability === 'memory' ? 'no' : 'yes'}`,
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
]

const isReady = (clientPort: number) => async () => (await mode(clientPort)) !== null

async function mode(clientPort: number): Promise<string | null> {
  const answer = await ask(clientPort, 'srvr', () => false)
  return /^Mode: (\w+)$/m.exec(answer)?.[1] ?? null
}

function running(
  options: SystemOptions,
  group: PeerGroup,
  members: readonly ZooKeeperMember[],
): RunningSystem {
  const endpoints = members.map(({ clientPort }) => `127.0.0.1:${clientPort}`)
  return {
    record: {
      id: zookeeper.id,
      title: zookeeper.title,
      kind: zookeeper.kind,
      version: versionText(version() ?? [0, 0, 0]),
      replicas: members.length,
      durability:
        options.durability === 'memory'
          ? 'none (forceSync=no: the log is written, never waited for)'
          : 'fsync of the log of a majority before a write is acknowledged (forceSync=yes, the default)',
      flags: [
        ...javaFlags(options).slice(0, -1),
        ...settings({}),
        'sync, then read: the leader answers sync without asking a majority, so such a read is linearizable only while the leader is not deposed',
      ],
      client:
        'raw frames of the client protocol, no promise per operation, one write per turn; two sessions with each member, one for reads and one for writes ' +
        '(a session is answered in order, so reads behind writes would wait for them), round robin; the CPU share of the load process is recorded with every run',
    },
    variants: [
      { name: 'any member', level: 'stale', target: { kind: 'zookeeper', endpoints, reads: 'stale' } },
      {
        name: 'sync, then read',
        level: 'linearizable',
        target: { kind: 'zookeeper', endpoints, reads: 'sync' },
      },
    ],
    processes: () =>
      Promise.all(
        members
          .filter(({ process }) => process.running)
          .map(async ({ process, clientPort }) => ({
            name: process.name,
            pid: process.pid,
            part: (await mode(clientPort).catch(() => null)) ?? 'unknown',
          })),
      ),
    traffic: async () => null,
    kill: (name) => group.kill(name),
    restart: (name) => group.restart(name),
    limit: (percent) => group.limit(percent),
    stop: () => group.end(),
  }
}
