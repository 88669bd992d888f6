import type { Logger } from 'pino'
import type { RaftLimits } from '../../coordinator/raft/limits.ts'
import type { Address } from '../../protocol/transport.ts'
import type { LinkProof } from '../security/link-proof.ts'
import type { NodeTls } from '../security/tls.ts'
import type { DataDirectory } from '../storage/data-directory.ts'
import type { FsyncPolicy } from '../storage/wal/wal.ts'

/** One member of the ensemble, as every member is told of it. */
export interface EnsembleMember {
  /** Ends in its number, from 1 to 127: `coordinator-1`. Session ids and connections carry the number, so it never changes. */
  readonly id: string
  readonly host: string
  readonly peerPort: number
  readonly clientPort: number
}

/** What a member is told, wherever it runs. */
export interface MemberSettings {
  readonly id: string
  /** All members, this one included; the same list at each of them. Counts until the ensemble has written down its members, soon after its founding. */
  readonly members: readonly Pick<EnsembleMember, 'id'>[]
  /** It joins an ensemble that is there: it waits until that adds it, and `members` need name no more than itself. Default: false. */
  readonly joins?: boolean
  /** Length of a Raft tick: elections begin after 10 to 20 of them. Default: 50. */
  readonly tickMs?: number
  readonly raftLimits?: Partial<RaftLimits>
  /** ZooKeeper's `tickTime`. Default: 500. */
  readonly zookeeperTickMs?: number
  /** Default: 2 and 20 ZooKeeper ticks. */
  readonly minSessionTimeoutMs?: number
  readonly maxSessionTimeoutMs?: number
  /** A snapshot is taken after so many entries, or so many bytes of commands. Default: 10,000 and 64 MiB. */
  readonly snapshotEntries?: number
  readonly snapshotBytes?: number
  /** ZooKeeper's `maxClientCnxns`: connections of one address; further ones are closed at once. 0: any number. Default: 60. */
  readonly maxClientConnections?: number
  /** ZooKeeper's `jute.maxbuffer`: bytes of one packet; a longer one ends its connection. Default: 1,048,575. */
  readonly packetBytesMax?: number
  /** ZooKeeper's `4lw.commands.whitelist`; `*` is all of them. Default: `srvr` and `isro`. */
  readonly fourLetterWords?: readonly string[]
  /** ZooKeeper's `superDigest`: `user:digest` of an administrator whom no ACL stops. Default: nobody. */
  readonly superDigest?: string
  /** ZooKeeper's `extendedTypesEnabled`: clients may create TTL znodes. Default, unlike ZooKeeper's: true. */
  readonly extendedTypesEnabled?: boolean
  /** ZooKeeper's `znode.container.checkIntervalMs`: how often the leader looks for containers and TTL znodes whose time has come. Default: 60,000. */
  readonly containerCheckMs?: number
  /** New members that have not caught up by then are given up, and the `reconfig` with them. Default: 30,000. */
  readonly reconfigPatienceMs?: number
  /** A client that does not read its replies for so long is closed. Default: 30,000. */
  readonly slowClientMs?: number
  /** What all clients' connections together may hold in memory, unfinished requests and unread replies: beyond it whoever holds most is closed. Default: 256 MiB. */
  readonly heldBytesMax?: number
}

/** What the ZooKeeper door grants and takes. */
export type DoorSettings = Pick<
  MemberSettings,
  | 'zookeeperTickMs'
  | 'minSessionTimeoutMs'
  | 'maxSessionTimeoutMs'
  | 'maxClientConnections'
  | 'packetBytesMax'
  | 'fourLetterWords'
  | 'superDigest'
  | 'extendedTypesEnabled'
  | 'containerCheckMs'
>

export interface CoordinatorOptions extends MemberSettings {
  readonly members: readonly EnsembleMember[]
  readonly clusterName: string
  /** Opened by the caller, and closed by him after `stop`. */
  readonly data: DataDirectory
  /** Default: the host and port of this member in `members`. Port 0 takes a free one. */
  readonly clientListen?: Address
  readonly peerListen?: Address
  /** `tcp`, or `nats://host:port`. Default: `tcp`. */
  readonly transport?: string
  /** At the client port, and between members over tcp. Default: null, in plain. */
  readonly tls?: NodeTls | null
  /** What is proved and asked for at the peer port. Default: nothing. */
  readonly proof?: LinkProof
  readonly logger: Logger
  /** Default: `sync`. Anything else may lose acknowledged writes, or elect two leaders in one term, in a power cut. */
  readonly fsync?: FsyncPolicy
  /** The disk failed, or what it held is no longer to be trusted: this member has stopped taking part. Called once. */
  readonly onFailure?: (error: Error) => void
}

const NUMBER = /-(\d{1,3})$/

/** The number at the end of a member's id. @throws {RangeError} there is none from 1 to 127. */
export function memberNumberOf(id: string): number {
  const number = Number(NUMBER.exec(id)?.[1] ?? 0)
  if (number < 1 || number > 127)
    throw new RangeError(`coordinator "${id}": its id must end in a number from 1 to 127`)
  return number
}

/** This member's row of the list. @throws {RangeError} it is not in the list, or a number is used twice. */
export function ownMember<Row extends Pick<EnsembleMember, 'id'>>({
  id,
  members,
}: {
  readonly id: string
  readonly members: readonly Row[]
}): Row {
  const numbers = new Set(members.map((member) => memberNumberOf(member.id)))
  if (numbers.size !== members.length)
    throw new RangeError('members: two coordinators have the same number at the end of their ids')
  const own = members.find((member) => member.id === id)
  if (own === undefined) throw new RangeError(`members: "${id}" itself is not among them`)
  return own
}
