/** What the four-letter words tell of the process and its machine. */
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import type { HostFacts, Pairs } from '../doors/zookeeper/server-sight.ts'
import { doorLimits } from './door-limits.ts'
import { type CoordinatorOptions, memberNumberOf, ownMember } from './options.ts'

export function hostFacts(options: CoordinatorOptions, clientPort: () => number): HostFacts {
  const log = join(options.data.path, 'wal')
  const snapshots = join(options.data.path, 'snapshots')
  return {
    configuration: () => configurationOf(options, clientPort()),
    environment: () => [
      ['host.name', os.hostname()],
      ['node.version', process.version],
      ['os.name', os.type()],
      ['os.arch', os.arch()],
      ['os.version', os.release()],
      ['user.dir', process.cwd()],
      ['os.memory.free', `${megabytes(os.freemem())}MB`],
      ['os.memory.max', `${megabytes(os.totalmem())}MB`],
      ['process.memory', `${megabytes(process.memoryUsage.rss())}MB`],
    ],
    dataBytes: () => bytesIn(snapshots),
    logBytes: () => bytesIn(log),
  }
}

function configurationOf(options: CoordinatorOptions, clientPort: number): Pairs {
  const { sessionTimeout, maxClientConnections, packetBytesMax, tickMs } = doorLimits(options)
  const { path } = options.data
  return [
    ['clientPort', clientPort],
    ['dataDir', join(path, 'snapshots')],
    ['dataDirSize', bytesIn(join(path, 'snapshots'))],
    ['dataLogDir', join(path, 'wal')],
    ['dataLogSize', bytesIn(join(path, 'wal'))],
    ['tickTime', tickMs],
    ['maxClientCnxns', maxClientConnections],
    ['minSessionTimeout', sessionTimeout.minMs],
    ['maxSessionTimeout', sessionTimeout.maxMs],
    ['jute.maxbuffer', packetBytesMax],
    ['serverId', memberNumberOf(options.id)],
    ['peerPort', ownMember(options).peerPort],
    ...options.members.map(
      ({ id, host, peerPort, clientPort: port }) =>
        [
          `server.${memberNumberOf(id)}`,
          `${host}:${peerPort}:${peerPort}:participant;${host}:${port}`,
        ] as const,
    ),
  ]
}

const megabytes = (bytes: number) => Math.round(bytes / (1024 * 1024))

/** Of the files of a flat directory. One that goes meanwhile counts nothing. */
function bytesIn(directory: string): number {
  let bytes = 0
  for (const name of namesIn(directory)) {
    bytes += fs.statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0
  }
  return bytes
}

function namesIn(directory: string): readonly string[] {
  try {
    return fs.readdirSync(directory)
  } catch {
    return [] // not made yet
  }
}
