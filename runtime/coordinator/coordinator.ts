/** A member of the coordinator ensemble in a process of its own: gives `Member` its files, sockets and clocks. */
import { join } from 'node:path'
import { nodeTimers } from '../../client/node-timers.ts'
import type { MemberId } from '../../coordinator/raft/ids.ts'
import { asMemberId } from '../../coordinator/raft/ids.ts'
import { FrameError } from '../../protocol/frame.ts'
import type { Address, Transport } from '../../protocol/transport.ts'
import { closedLines } from '../closed-lines.ts'
import { DoorListener } from '../doors/zookeeper/listener.ts'
import { LatencyHistogram } from '../latency.ts'
import { Certificates } from '../security/certificates.ts'
import type { Wal } from '../storage/wal/wal.ts'
import { openServerTransport } from '../transport/open.ts'
import { hostFacts } from './host-facts.ts'
import { Member } from './member.ts'
import { addressesOf } from './member-addresses.ts'
import type { MemberPorts, PeerPort } from './member-ports.ts'
import { type CoordinatorOptions, ownMember } from './options.ts'
import { PeerLinks } from './peer-links.ts'
import { decodeBody } from './peer-messages.ts'
import { openRaftWal } from './raft-wal.ts'
import { SECRETS } from './secrets.ts'
import { SnapshotFiles } from './snapshot-files.ts'
import type { CoordinatorStatus } from './status.ts'

export interface Coordinator {
  readonly clientAddress: Address
  /** `null` where the transport needs none. */
  readonly peerAddress: Address | null
  status(): CoordinatorStatus
  /** By operation, from its packet's arrival to the reply; since the start, or `srst`. */
  readonly operationTimes: ReadonlyMap<string, LatencyHistogram>
  /** Of the log's fdatasyncs. */
  readonly syncTimes: LatencyHistogram
  /** Stops serving and puts everything on the disk. A leader hands over first, unless told not to. */
  stop(options?: { readonly handOver?: boolean }): Promise<void>
}

/**
 * Starts a member of a coordinator ensemble. Resolves once it listens; clients are served as soon as there is a leader.
 *
 * @throws where a port is taken, the options contradict each other, or the disk does not hold what this member once wrote:
 * {@link WalCorruptError}, {@link WalForeignError}, {@link SnapshotCorruptError}.
 *
 * @example
 * const data = openDataDirectory({ path: 'data/coordinator-1', kind: 'coordinator', id: 'coordinator-1' })
 * const coordinator = await startCoordinator({ id: 'coordinator-1', members, clusterName: 'main', data, logger })
 */
export async function startCoordinator(options: CoordinatorOptions): Promise<Coordinator> {
  ownMember(options) // before anything is made for a member that is none
  const host = new MemberHost(options)
  try {
    await host.start()
  } catch (error) {
    await host.stop({ handOver: false })
    throw error
  }
  return host
}

class MemberHost implements Coordinator {
  readonly syncTimes = new LatencyHistogram()
  readonly #options: CoordinatorOptions
  readonly #snapshots: SnapshotFiles
  #member: Member | null = null
  #wal: Wal | null = null
  #transport: Transport | null = null
  #links: PeerLinks | null = null
  #listener: DoorListener | null = null
  #clientAddress: Address | null = null
  #peerAddress: Address | null = null
  /** The snapshot that is being written. */
  #snapshotting: Promise<void> | null = null
  #failed = false
  #stopped = false

  constructor(options: CoordinatorOptions) {
    this.#options = options
    this.#snapshots = new SnapshotFiles(join(options.data.path, 'snapshots'))
  }

  get clientAddress(): Address {
    if (this.#clientAddress === null) throw new Error('the coordinator does not listen')
    return this.#clientAddress
  }

  get peerAddress(): Address | null {
    return this.#peerAddress
  }

  get operationTimes(): ReadonlyMap<string, LatencyHistogram> {
    return this.#member?.door.traffic.byOperation ?? new Map()
  }

  status(): CoordinatorStatus {
    if (this.#member === null) throw new Error('the coordinator has not started')
    return this.#member.status()
  }

  /** Recovers what the disk holds, then takes part, then serves. */
  async start(): Promise<void> {
    const { clientListen, tls = null, logger } = this.#options
    const own = ownMember(this.#options)
    const member = this.#recover()
    this.#member = member
    await this.#openPeers(member)
    const listener = new DoorListener(member.door, logger, tls)
    this.#listener = listener
    this.#clientAddress = await listener.listen(clientListen ?? { host: own.host, port: own.clientPort })
    member.start()
    const { lastIndex } = member.applied
    logger.info({ client: this.#clientAddress, peer: this.#peerAddress, snapshot: lastIndex }, 'started')
  }

  #recover(): Member {
    const { id, data, fsync = 'sync', logger } = this.#options
    const snapshot = this.#snapshots.load()
    const { storage, stored, wal } = openRaftWal(
      {
        directory: join(data.path, 'wal'),
        owner: `coordinator ${id} ${data.dataId}`,
        fsync,
        syncTimes: this.syncTimes,
        onDurable: (write) => this.#member?.onDurable(write),
        onFailure: (error) => this.#member?.fail(error),
      },
      this.#snapshots.newest,
    )
    this.#wal = wal
    if (wal.tornTail !== null)
      logger.warn(wal.tornTail, 'the log ended in an incomplete record, which was cut')
    return new Member(this.#options, this.#ports, { storage, stored, snapshot })
  }

  async #openPeers(member: Member): Promise<void> {
    const {
      id,
      clusterName,
      members,
      peerListen,
      transport: kind = 'tcp',
      proof,
      tls: secure = null,
      data,
      logger,
    } = this.#options
    const own = ownMember(this.#options)
    const { transport, address } = await openServerTransport({
      transport: kind,
      self: id,
      cluster: clusterName,
      listen: peerListen ?? { host: own.host, port: own.peerPort },
      ...proof,
      secure,
      // Users have no business there.
      ...(proof === undefined && secure?.mutual && { certificates: new Certificates(null) }),
      events: {
        onBody: (from, body, { member: isMember }) => {
          if (!isMember) throw new FrameError('it is no process of this cluster')
          member.onBody(asMemberId(from), decodeBody(body))
        },
        onDown: (peer) => member.onLinkLost(asMemberId(peer)),
        onProtocolError: closedLines(logger, 'peer connection closed: not our protocol, or nobody of ours'),
      },
    })
    this.#transport = transport
    this.#peerAddress = address
    this.#links = new PeerLinks(transport, () => data.clusterId ?? '')
    for (const peer of members) {
      if (peer.id !== id) transport.setAddress(peer.id, { host: peer.host, port: peer.peerPort })
    }
  }

  get #ports(): MemberPorts {
    const { data, logger } = this.#options
    return {
      timers: nodeTimers,
      wallMs: () => Date.now(),
      atTurnEnd: (run) => void setImmediate(run),
      rng: { next: () => Math.random() },
      secrets: SECRETS,
      identity: data,
      peers: this.#peers,
      snapshots: this.#snapshots,
      writeSnapshot: (meta, parts, done) => {
        this.#snapshotting = this.#snapshots.write(meta, parts).then(() => done(null), done)
      },
      logger,
      host: hostFacts(this.#options, () => this.#clientAddress?.port ?? 0),
      onFailure: (error) => this.#onFailure(error),
    }
  }

  /** Before there are links, nothing is said. */
  readonly #peers: PeerPort = {
    learn: (members) => {
      for (const member of members) {
        const addresses = addressesOf(member)
        if (addresses !== null && member.id !== this.#options.id)
          this.#transport?.setAddress(member.id, addresses.peer)
      }
    },
    send: (to, message) => this.#links?.send(to, message),
    flush: (): readonly MemberId[] => this.#links?.flush() ?? [],
  }

  /** The process stays up to tell why; it cannot be reached any more. */
  #onFailure(error: Error): void {
    this.#failed = true
    void this.#transport?.close()
    void this.#listener?.close()
    this.#options.onFailure?.(error)
  }

  async stop({ handOver = true }: { readonly handOver?: boolean } = {}): Promise<void> {
    if (this.#stopped) return
    const member = this.#member
    if (handOver && member !== null) await new Promise<void>((resolve) => member.handOver(resolve))
    this.#stopped = true
    const closed = this.#listener?.close()
    member?.stop()
    await closed
    await this.#transport?.close()
    await this.#snapshotting
    this.#snapshots.close()
    if (!this.#failed) await this.#wal?.close()
  }
}
