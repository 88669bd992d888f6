import type { LogEntry } from '../../../coordinator/raft/log.ts'
import { decodeMembership } from '../../../coordinator/raft/membership.ts'
import type { ApplyResult } from '../../../coordinator/znodes/apply.ts'
import { type Command, decodeCommand } from '../../../coordinator/znodes/command.ts'
import { snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import type { Change } from '../../../coordinator/znodes/transaction.ts'
import type { Owner, ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import { type ChainConfig, configFromJson } from '../../../protocol/chain-config.ts'
import type { ServerRegistration } from '../../../protocol/cluster.ts'
import { ZK_ERRORS } from '../../../protocol/zookeeper/errors.ts'
import { registrationFromJson } from '../../../runtime/cluster-znodes.ts'
import { decodeFounding } from '../../../runtime/coordinator/ensemble.ts'
import { StateMachine } from '../../../runtime/coordinator/state-machine.ts'
import type { ClusterSight, CoordinatorSight } from './sight.ts'
import { must } from './violation.ts'

const CHAINS = '/catenary/chains/'
const SERVERS = '/catenary/servers/'
const TEXT = new TextDecoder()

/** Who wants to know what was committed in the coordinators' log. */
export interface TreeListener {
  /** A configuration was written; `before` is the one that it replaces. */
  onConfig(before: ChainConfig | null, config: ChainConfig): void
  /** A session ended because it was not heard, and with it this server's registration. */
  onServerExpired(registration: ServerRegistration): void
  /** A server's registration was written, by a session that lasts so long unheard. */
  onServerRenewed?(server: string, sessionTimeoutMs: number): void
}

/** Kinds of watches, as a member of the ensemble tells them apart. */
export type WatchKind = 'data' | 'child'

/**
 * The tree as the committed log makes it: applied here once more, entry by entry, at the moment of their commit. It says what was true at each zxid, whichever
 * members are up; theirs must be equal to it.
 */
export class TreeObserver {
  readonly #sight: ClusterSight
  readonly #listener: TreeListener
  readonly #machine = new StateMachine()
  readonly #configs = new Map<string, ChainConfig>()
  /** By kind and path, the zxids at which it changed, ascending. */
  readonly #changes: Record<WatchKind, Map<string, number[]>> = { data: new Map(), child: new Map() }

  /** By session: who has it, the order of that one's last write, and of each member the newest connection that had it. */
  readonly #owners = new Map<bigint, { owner: Owner; order: number; readonly newest: Map<number, number> }>()

  constructor(sight: ClusterSight, listener: TreeListener) {
    this.#sight = sight
    this.#listener = listener
  }

  get zxid(): number {
    return this.tree.zxid
  }

  get tree(): ZnodeTree {
    return this.#machine.tree
  }

  /** Newest committed configuration of a chain. */
  config(chain: string): ChainConfig | null {
    return this.#configs.get(chain) ?? null
  }

  get chains(): IterableIterator<string> {
    return this.#configs.keys()
  }

  /** Zxid of the first change of this kind after `after`, or null. */
  firstChange(kind: WatchKind, path: string, after: number): number | null {
    const zxids = this.#changes[kind].get(path)
    if (zxids === undefined || (zxids.at(-1) ?? 0) <= after) return null
    let low = 0
    let high = zxids.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((zxids[middle] ?? 0) > after) high = middle
      else low = middle + 1
    }
    return zxids[low] ?? null
  }

  /** The next entry of the committed log. */
  commit(entry: LogEntry, who: string): void {
    const gone = this.#registrationsEndedBy(entry)
    const { command, result } = this.#machine.apply(entry)
    this.#checkOrder(command, result, who)
    for (const change of result.changes) this.#onChange(change, result.zxid)
    if (result.changes.length > 0 || result.closed.length > 0) checkOwners(this.tree, who)
    for (const registration of gone) this.#listener.onServerExpired(registration)
  }

  /** What the expiry of a session takes with it, before it does. */
  #registrationsEndedBy(entry: LogEntry): ServerRegistration[] {
    if (entry.command === null || decodeFounding(entry.command) !== null) return []
    if (decodeMembership(entry.command) !== null) return []
    const command = decodeCommand(entry.command)
    if (command.op.type !== 'expire-session') return []
    const registrations: ServerRegistration[] = []
    for (const path of this.tree.sessions.get(command.session)?.ephemerals ?? []) {
      const registration = path.startsWith(SERVERS) ? registrationFromJson(this.#textOf(path)) : null
      if (registration !== null) registrations.push(registration)
    }
    return registrations
  }

  /**
   * SessionFifo, where it is decided: a session's writes take effect in the order in which each connection sent them, and none of a connection that it has left, because
   * neither that one nor an older one ever gets the session back.
   */
  #checkOrder(command: Command, result: ApplyResult, who: string): void {
    const { owner, order } = command
    for (const session of result.closed) this.#owners.delete(session)
    if (owner === null || result.status !== 'applied' || result.err === ZK_ERRORS.SessionMoved) return
    if (result.opened !== 0n) return this.#checkOwner(result.opened, owner, who)
    const now = this.#owners.get(command.session)
    if (now === undefined || result.err === ZK_ERRORS.SessionExpired) return
    must(
      'SessionFifo',
      isSame(now.owner, owner) && order === now.order + 1,
      who,
      () =>
        `write ${order} of ${nameOf(owner)} takes effect after write ${now.order} of ${nameOf(now.owner)}`,
    )
    now.order = order
  }

  #checkOwner(session: bigint, owner: Owner, who: string): void {
    const now = this.#owners.get(session)
    if (now !== undefined && isSame(now.owner, owner)) return // asked for twice
    const newest = now?.newest ?? new Map<number, number>()
    const before = newest.get(owner.member) ?? -1
    must(
      'SessionFifo',
      owner.connection > before,
      who,
      () =>
        `${nameOf(owner)} gets session ${session.toString(16)} back, which went on to its connection ${before}`,
    )
    newest.set(owner.member, owner.connection)
    this.#owners.set(session, { owner, order: 0, newest })
  }

  #textOf(path: string): string {
    return TEXT.decode(this.tree.nodes.get(path)?.data ?? new Uint8Array(0))
  }

  #onChange({ type, path }: Change, zxid: number): void {
    this.#note('data', path, zxid)
    if (type === 'deleted') this.#note('child', path, zxid)
    if (type !== 'data-changed') this.#note('child', path.slice(0, path.lastIndexOf('/')) || '/', zxid)
    if (type === 'deleted') return
    if (path.startsWith(SERVERS)) this.#onRenewed(path)
    if (!path.startsWith(CHAINS)) return
    const name = path.slice(CHAINS.length)
    const config = name.includes('/') ? null : configFromJson(this.#textOf(path))
    if (config === null || config.chain !== name) return
    const before = this.config(name)
    this.#configs.set(name, config)
    this.#listener.onConfig(before, config)
  }

  #onRenewed(path: string): void {
    const owner = this.tree.nodes.get(path)?.ephemeralOwner ?? 0n
    const session = this.tree.sessions.get(owner)
    if (session !== undefined) this.#listener.onServerRenewed?.(path.slice(SERVERS.length), session.timeoutMs)
  }

  #note(kind: WatchKind, path: string, zxid: number): void {
    const zxids = this.#changes[kind].get(path)
    if (zxids === undefined) this.#changes[kind].set(path, [zxid])
    else if (zxids.at(-1) !== zxid) zxids.push(zxid)
  }

  /** After a step of this member: no state of the tree holds an ephemeral without its session. Only where something was applied. */
  look({ name, tree }: CoordinatorSight): void {
    if (tree === null) return
    must(
      'StateMachineSafety',
      tree.zxid <= this.tree.zxid,
      name,
      () => `has applied ${tree.zxid}, committed are ${this.tree.zxid}`,
    )
  }

  /** Slow: members that stand where this one stands have the same tree, to the last byte. */
  check(): void {
    checkOwners(this.tree, 'the committed log')
    let mine: string | null = null
    for (const { name, tree } of this.#sight.coordinators) {
      if (tree === null) continue
      checkOwners(tree, name)
      if (tree.zxid !== this.tree.zxid) continue
      mine ??= String(snapshotTree(this.tree))
      must(
        'StateMachineSafety',
        String(snapshotTree(tree)) === mine,
        name,
        () => `its tree differs at ${tree.zxid}`,
      )
    }
  }
}

const isSame = (a: Owner, b: Owner) => a.member === b.member && a.connection === b.connection
const nameOf = ({ member, connection }: Owner) => `connection ${connection} of member ${member}`

/** EphemeralOwner: in no committed state does the owner of an ephemeral not exist. */
export function checkOwners(tree: ZnodeTree, who: string): void {
  for (const [path, { ephemeralOwner }] of tree.nodes) {
    if (ephemeralOwner === 0n) continue
    const owner = tree.sessions.get(ephemeralOwner)
    must(
      'EphemeralOwner',
      owner?.ephemerals.has(path) === true,
      who,
      () => `${path} at zxid ${tree.zxid} belongs to session ${ephemeralOwner.toString(16)}, which is over`,
    )
  }
}
