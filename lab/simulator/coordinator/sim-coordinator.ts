import { asMemberId } from '../../../coordinator/raft/ids.ts'
import { FrameError } from '../../../protocol/frame.ts'
import { Member } from '../../../runtime/coordinator/member.ts'
import type { MemberPorts } from '../../../runtime/coordinator/member-ports.ts'
import { type MemberSettings, ownMember } from '../../../runtime/coordinator/options.ts'
import { traceLog } from '../control/control-ports.ts'
import { CLIENT_DOOR, type SimPlace } from '../control/session-platform.ts'
import { type DiskModel, RottenLogError, SimDisk } from '../kernel/disk.ts'
import { type HarshModel, SimTransport } from '../kernel/transport.ts'
import { acceptClient } from './client-socket.ts'
import { IdentityDisk } from './identity-disk.ts'
import { type PeerCodec, receivedBody, SimPeers } from './peers.ts'
import { RaftLogDisk } from './raft-log-disk.ts'
import { simSecrets } from './sim-secrets.ts'
import { RottenSnapshotError, SnapshotDisk } from './snapshot-disk.ts'

/** The door of a coordinator for the other ones. */
export const PEER_DOOR = 'peer'
const STOP_LOOK_MS = 1

export interface SimCoordinatorOptions extends SimPlace {
  /** Names of all members' processes, this one's included; each ends in its number: `coordinator-1`. */
  readonly members: readonly string[]
  readonly settings?: Omit<Partial<MemberSettings>, 'id' | 'members'>
  readonly diskModel?: DiskModel
  /** Raft's messages are lost, doubled, late. Default: the links are as good as TCP. */
  readonly harsh?: HarshModel | null
  /** Peers exchange bytes. Default: null, messages by reference. */
  readonly codec?: PeerCodec | null
  /** This member takes no part any more; its process goes on, as in production. */
  readonly onFailure?: (error: Error) => void
}

/**
 * One coordinator of the simulated cluster: the real `Member` in the lives of one process, and the disk that outlives them. Clients dial its process at
 * `CLIENT_DOOR` and speak ZooKeeper's protocol with the real door.
 *
 * @example
 * const coordinator = new SimCoordinator({ process, network, members: ['coordinator-1'] })
 * coordinator.start()
 * process.crash()
 * coordinator.start() // with what the disk still holds
 */
export class SimCoordinator {
  readonly disk: SimDisk
  readonly #options: SimCoordinatorOptions
  readonly #settings: MemberSettings
  readonly #log: RaftLogDisk
  readonly #snapshots: SnapshotDisk
  readonly #identity: IdentityDisk
  #member: Member | null = null
  #failure: Error | null = null
  #refusal: Error | null = null

  constructor(options: SimCoordinatorOptions) {
    const { process, members, settings, diskModel } = options
    this.#options = options
    this.#settings = { ...settings, id: process.name, members: members.map((id) => ({ id })) }
    ownMember(this.#settings)
    this.disk = new SimDisk(process, diskModel)
    this.#log = new RaftLogDisk(this.disk)
    this.#snapshots = new SnapshotDisk(this.disk)
    this.#identity = new IdentityDisk(this.disk)
  }

  get name(): string {
    return this.#options.process.name
  }

  /** In its present life; null while it has none. Only to look at: its `raft`, `tree` (with the sessions), `watches`, `status()`. */
  get member(): Member | null {
    return this.#member
  }

  /** Why the member of this life takes no part any more. */
  get failure(): Error | null {
    return this.#failure
  }

  /** Why the last start came to nothing: the disk is not to be trusted. The operator must `wipe`. */
  get refusal(): Error | null {
    return this.#refusal
  }

  /** Begins a life of the process, with nothing but the member in it. @returns as `boot` does. */
  start(): boolean {
    this.#options.process.start(() => this.boot())
    return this.#options.process.alive
  }

  /**
   * Builds the member from what the disk holds. To be called where a life of the process begins.
   *
   * @returns false where the disk is rotten: the process has ended.
   */
  boot(): boolean {
    const { process } = this.#options
    this.#failure = null
    this.#refusal = null
    try {
      this.#member = this.#recover()
    } catch (error) {
      if (!(error instanceof RottenLogError || error instanceof RottenSnapshotError)) throw error
      this.#refusal = error
      process.crash('refuses to start')
      return false
    }
    process.onCrash(() => {
      this.#member = null
    })
    this.#member.start()
    return true
  }

  #recover(): Member {
    const { process, network, harsh = null, codec = null } = this.#options
    // What is said by a member that has failed, or has yet to come, is neither heard nor sent.
    const present = () => (this.#failure === null ? this.#member : null)
    const transport = new SimTransport({
      network,
      process,
      door: PEER_DOOR,
      listens: true,
      harsh,
      events: {
        onBody: (from, body) => this.#onBody(from, body),
        onDown: (peer) => present()?.onLinkLost(asMemberId(peer)),
      },
    })
    network.listen(process, CLIENT_DOOR, (link, from) => {
      const member = present()
      return member === null ? null : acceptClient(process, member.door, link, from)
    })
    const snapshot = this.#snapshots.load()
    const { storage, stored } = this.#log.open(this.#snapshots.newest, {
      onDurable: (write) => this.#member?.onDurable(write),
      onFailure: (error) => this.#member?.fail(error),
    })
    const peers = new SimPeers(transport, () => this.#identity.clusterId ?? '', codec)
    return new Member(this.#settings, this.#ports(peers), { storage, stored, snapshot })
  }

  #ports(peers: SimPeers): MemberPorts {
    const { process } = this.#options
    const rng = process.rng.fork(`member ${process.life}`)
    return {
      timers: process.timers,
      wallMs: () => process.wallMs(),
      atTurnEnd: (run) => process.atTurnEnd(run),
      rng,
      secrets: simSecrets(rng),
      identity: this.#identity,
      peers: {
        send: (to, message) => peers.send(to, message),
        flush: () => (this.#failure === null ? peers.flush() : []),
      },
      snapshots: this.#snapshots,
      writeSnapshot: (meta, parts, done) => this.#snapshots.write(meta, parts, done),
      logger: traceLog(process),
      onFailure: (error) => {
        this.#failure = error
        this.#options.onFailure?.(error)
      },
    }
  }

  #onBody(from: string, body: unknown): void {
    const { process, network, codec = null } = this.#options
    if (this.#failure !== null) return
    process.note('hears')
    try {
      this.#member?.onBody(asMemberId(from), receivedBody(body, codec))
    } catch (error) {
      if (!(error instanceof FrameError)) throw error
      process.note('not our protocol', () => `${from}: ${error.message}`)
      network.break(process.name, from)
    }
  }

  // What operators and disks do.

  /** Ends the life in good order: hands over, writes everything to the disk, then the process is gone. */
  stop(): void {
    const { process } = this.#options
    const member = this.#member
    process.run(() =>
      member?.handOver(() => {
        member.stop()
        const looks = process.timers.every(STOP_LOOK_MS, () => {
          if (!this.#log.isSynced && this.#failure === null) return
          looks.cancel()
          process.crash('stop')
        })
      }),
    )
  }

  /** A bit flips in what is on the disk: the log, or the newest snapshot. The next start is refused. */
  rot(where: 'log' | 'snapshot'): boolean {
    if (where === 'snapshot') return this.#snapshots.rot()
    this.#log.rot()
    return true
  }

  /**
   * The operator replaces the data directory of a process that is down by an empty one. It has also forgotten how it voted: only while all
   * others are up, and stay up until it has caught up.
   */
  wipe(): void {
    if (this.#options.process.alive) throw new Error(`${this.name} still uses its disk`)
    this.#log.wipe()
    this.#snapshots.wipe()
    this.#identity.wipe()
    this.#options.process.note('wiped')
  }
}
