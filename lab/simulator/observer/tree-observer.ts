import type { LogEntry } from '../../../coordinator/raft/log.ts'
import type { ApplyResult } from '../../../coordinator/znodes/apply.ts'
import { type Command, decodeCommand } from '../../../coordinator/znodes/command.ts'
import { snapshotTree } from '../../../coordinator/znodes/snapshot.ts'
import type { ZnodeTree } from '../../../coordinator/znodes/tree.ts'
import type { Change } from '../../../coordinator/znodes/writes.ts'
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

  /** By session, the connections that had it, and the order of the last write of the one that has it. */
  readonly #owners = new Map<bigint, { newest: string; readonly before: Set<string>; order: number }>()

  constructor(sight: ClusterSight, listener: TreeListener) {
    this.#sight = sight
    this.#listener = listener
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
   * that one never gets the session back.
   */
  #checkOrder(command: Command, result: ApplyResult, who: string): void {
    const { owner, order, op } = command
    for (const session of result.closed) this.#owners.delete(session)
    if (owner === null || result.status !== 'applied' || result.err === ZK_ERRORS.SessionMoved) return
    const name = `connection ${owner.connection} of member ${owner.member}`
    const session = result.opened === 0n ? command.session : result.opened
    const now = this.#owners.get(session)
    if (result.opened !== 0n) {
      if (now?.newest === name) return
      must(
        'SessionFifo',
        now?.before.has(name) !== true,
        who,
        () => `${result.zxid} gives session ${session.toString(16)} back to ${name}, which had lost it`,
      )
      const before = now === undefined ? [] : [...now.before, now.newest]
      this.#owners.set(session, { newest: name, before: new Set(before), order: 0 })
      return
    }
    if (now === undefined || op.type === 'expire-session' || result.err === ZK_ERRORS.SessionExpired) return
    must(
      'SessionFifo',
      now.newest === name && order === now.order + 1,
      who,
      () =>
        `${result.zxid} is write ${order} of ${name}; the one before it was ${now.order} of ${now.newest}`,
    )
    now.order = order
  }

  #textOf(path: string): string {
    return TEXT.decode(this.tree.nodes.get(path)?.data ?? new Uint8Array(0))
  }

  #onChange({ type, path }: Change, zxid: number): void {
    this.#note('data', path, zxid)
    if (type === 'deleted') this.#note('child', path, zxid)
    if (type !== 'data-changed') this.#note('child', path.slice(0, path.lastIndexOf('/')) || '/', zxid)
    if (type === 'deleted' || !path.startsWith(CHAINS)) return
    const name = path.slice(CHAINS.length)
    const config = name.includes('/') ? null : configFromJson(this.#textOf(path))
    if (config === null || config.chain !== name) return
    const before = this.config(name)
    this.#configs.set(name, config)
    this.#listener.onConfig(before, config)
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
