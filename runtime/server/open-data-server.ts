/** A data server in a real process: LMDB, the log, sockets and timers of this machine. */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Logger } from 'pino'
import { endWithBug } from '../../client/node-bug.ts'
import { nodeTimers } from '../../client/node-timers.ts'
import { decodeRequests, type RequestBatch } from '../../protocol/codec/batch.ts'
import { encodeChainBatch } from '../../protocol/codec/chain-codec.ts'
import { encodeServerBatch } from '../../protocol/codec/client-codec.ts'
import { CodecError } from '../../protocol/codec/fields.ts'
import { FrameError } from '../../protocol/frame.ts'
import { asChainId } from '../../protocol/ids.ts'
import type { Address, Transport, TransportGroups } from '../../protocol/transport.ts'
import { LeaseClock } from '../clock.ts'
import { closedLines } from '../closed-lines.ts'
import type { Certificates } from '../security/certificates.ts'
import type { LinkProof } from '../security/link-proof.ts'
import type { NodeTls } from '../security/tls.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import { openLmdbStore } from '../storage/lmdb-store.ts'
import { openWal, type Wal } from '../storage/wal/wal.ts'
import { openServerTransport } from '../transport/open.ts'
import { storedRecords } from './chain-records.ts'
import { DataServer, type DataServerOptions } from './data-server.ts'
import { EncodedWal } from './encoded-wal.ts'
import type { Carrier, DataServerPorts, StoredRecord, Traffic, WalEvents } from './ports.ts'

export interface OpenDataServerOptions extends DataServerOptions {
  readonly data: DataDirectory
  readonly clusterName: string
  readonly transport: string
  readonly listen: Address
  /** What is proved and asked for on native connections. Default: nothing. */
  readonly proof?: LinkProof
  /** Of native connections over tcp. Default: null, in plain. */
  readonly tls?: NodeTls | null
  /** Without `proof`: who comes in is told by his certificate. Default: null, everybody is let in. */
  readonly certificates?: Certificates | null
  readonly logger: Logger
  /** Told how long each fdatasync of the log took. */
  readonly syncTimes?: { add(ms: number): void }
}

/** Recovers what the disk holds, then listens. */
export async function openDataServer(options: OpenDataServerOptions): Promise<DataServer> {
  const { id, transport, clusterName, listen, proof, tls: secure = null, certificates, logger } = options
  const sent = { messages: 0, bodies: 0, bytes: 0 }
  const server = new DataServer(options, nodePorts(options, sent))
  const opened = await openServerTransport({
    transport,
    self: id,
    cluster: clusterName,
    listen,
    ...proof,
    secure,
    ...(certificates !== undefined && { certificates }),
    events: {
      onBody: (from, body, principal) => server.onBatch(from, batchOf(body), principal),
      onDown: (peer) => server.onDown(peer),
      onProtocolError: closedLines(logger, 'connection closed: not our protocol, or nobody of ours'),
    },
  })
  server.listen(carrierOver(opened.transport, sent), opened.address)
  return server
}

/** The transport closes the connection that brought what is no batch, reports it once, and goes on. */
export function batchOf(body: Uint8Array): RequestBatch {
  try {
    return decodeRequests(body)
  } catch (error) {
    throw error instanceof CodecError ? new FrameError(error.message) : error
  }
}

type Sent = Omit<Traffic, 'syncs'>

export const carrierOver = (
  transport: Transport,
  sent: { -readonly [Count in keyof Sent]: number },
): Carrier => ({
  toServer: (to, items) => {
    const body = encodeChainBatch(items)
    sent.messages += items.length
    sent.bodies++
    sent.bytes += body.length
    transport.send(to, body)
  },
  toClient: (to, messages) => transport.send(to, encodeServerBatch(messages)),
  ...(transport.groups !== undefined && toGroups(transport.groups, sent)),
  flush: () => transport.flush(),
  setAddress: (server, address) => transport.setAddress(server, address),
  close: () => transport.close(),
})

const toGroups = (
  groups: TransportGroups,
  sent: { -readonly [Count in keyof Sent]: number },
): Pick<Carrier, 'toAll' | 'hearAll'> => ({
  toAll: (chain, message) => {
    const body = encodeChainBatch([{ chain, message }])
    if (!groups.send(chain, body)) return false
    sent.messages++
    sent.bodies++
    sent.bytes += body.length
    return true
  },
  hearAll: (chain) => groups.join(chain),
})

function nodePorts(options: OpenDataServerOptions, sent: Sent): DataServerPorts {
  let log: Wal | null = null
  const chainsPath = join(options.data.path, 'chains')
  return {
    clock: new LeaseClock(),
    timers: nodeTimers,
    log: options.logger,
    atTurnEnd: setImmediate,
    onBug: endWithBug,
    openWal: (events) => {
      const { wal, encoded, records } = openServerWal(options, events)
      log = wal
      return { wal: encoded, records }
    },
    storedChains: () => (existsSync(chainsPath) ? readdirSync(chainsPath).map(asChainId) : []),
    openStore: (chain, events) => openLmdbStore({ path: join(chainsPath, chain), ...events }),
    resources: () => ({
      residentBytes: process.memoryUsage.rss(),
      uptimeMs: Math.round(performance.now()),
      traffic: { ...sent, syncs: log?.syncs ?? 0 },
    }),
  }
}

function openServerWal({ id, data, fsync, logger, syncTimes }: OpenDataServerOptions, events: WalEvents) {
  const { wal, replay } = openWal({
    directory: join(data.path, 'wal'),
    owner: `server ${id} ${data.dataId}`,
    fsync,
    ...(syncTimes !== undefined && { syncTimes }),
    ...events,
  })
  function* records(): Generator<StoredRecord> {
    for (const record of replay()) yield* storedRecords(record)
    if (wal.tornTail !== null)
      logger.warn(wal.tornTail, 'the log ended in an incomplete record, which was cut')
  }
  return { wal, encoded: new EncodedWal(wal), records: records() }
}
