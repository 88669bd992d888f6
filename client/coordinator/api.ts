import type { Acl, Stat } from '../../protocol/zookeeper/records.ts'
import type { TlsSource } from '../transport/tls-options.ts'

export interface CoordinatorOptions {
  /** Members: `'host:port,host:port'`, optionally followed by a chroot as in ZooKeeper (`'a:2181,b:2181/app'`), or a list. */
  readonly servers: string | readonly string[]
  /** What to ask for; the ensemble may grant another, see `session`. Default: 6000. */
  readonly sessionTimeoutMs?: number
  /** Prefix of every path, for example `/app`. It must exist. Default: none. */
  readonly chroot?: string
  /** Open a new session by itself when the old one has expired. Default: false; `renew()` does it then. */
  readonly renewExpired?: boolean
  /** Who this is, shown to every member before anything is asked of it; as `addAuth` does it, and kept as long. Default: nobody in particular. */
  readonly auth?: readonly Identification[]
  /** Of what is created without an ACL of its own. Default: everyone everything. */
  readonly acl?: readonly Acl[]
  /** How members are spoken to: certificates in PEM. Default: in plain. */
  readonly tls?: TlsSource
}

/** `{ scheme: 'digest', auth: 'user:password' }`, for example. */
export interface Identification {
  readonly scheme: string
  readonly auth: string | Uint8Array
}

/**
 * `connected`: requests go out. `disconnected`: looking for a member; the session may live on. `expired`: the session is over, its
 * ephemeral znodes are gone, its one-shot watches are forgotten. `closed`: by `close`.
 */
export type CoordinatorState = 'connecting' | 'connected' | 'disconnected' | 'expired' | 'closed'

export interface WatchEvent {
  readonly type: 'created' | 'deleted' | 'data-changed' | 'children-changed'
  readonly path: string
}
export type WatchCallback = (event: WatchEvent) => void
export interface WatchOption {
  /** Called once, at the next change, even if that happens while disconnected; never if the session expires first. */
  readonly watch?: WatchCallback
}

export interface AddWatchOptions {
  /** The znode and everything below it. Default: the znode and the list of its children. */
  readonly recursive?: boolean
}

export interface CreateOptions {
  /** Goes with the session. */
  readonly ephemeral?: boolean
  /** Appends a number that grows with every child of the parent. */
  readonly sequential?: boolean
  /** The ensemble deletes it some time after its last child has gone. */
  readonly container?: boolean
  /** The ensemble deletes it once it has no children and has not been written for so long: 1 to 2^40 - 1. */
  readonly ttlMs?: number
  /** Who may do what with it; nothing is inherited. Default: the client's, which is everyone everything. */
  readonly acl?: readonly Acl[]
}

export type ZnodeData = Uint8Array | string | null

export interface Znode {
  readonly data: Uint8Array
  readonly stat: Stat
}

export interface ZnodeAcl {
  readonly acl: readonly Acl[]
  readonly stat: Stat
}

/** What the server takes a client for: `ip` and its address, `digest` and a user's name. */
export interface Identity {
  readonly scheme: string
  readonly user: string
}

export type MultiStep =
  | ({ readonly type: 'create'; readonly path: string; readonly data: ZnodeData } & CreateOptions)
  | { readonly type: 'delete'; readonly path: string; readonly version?: number }
  | { readonly type: 'setData'; readonly path: string; readonly data: ZnodeData; readonly version?: number }
  | { readonly type: 'check'; readonly path: string; readonly version: number }

/** One for each step: the path that was created, the new Stat, or null. */
export type MultiStepResult = { readonly path: string } | { readonly stat: Stat } | null

export interface Reconfiguration {
  readonly joining?: string
  readonly leaving?: string
  readonly version?: number
}

export interface SessionInfo {
  /** 0n = none yet. */
  readonly sessionId: bigint
  /** Granted by the ensemble. */
  readonly timeoutMs: number
  /** Newest change of the tree that this session has seen any trace of. */
  readonly lastZxid: number
}

/** Ends a subscription. Idempotent. */
export type Stop = () => void

/**
 * A session with an ensemble that speaks ZooKeeper's client protocol: ours, or Apache ZooKeeper.
 *
 * Requests may be pipelined: they are sent, take effect and are answered in call order. A watch callback runs before any reply that
 * reflects a later state resolves. After a break the client goes to another member, with the same session and watches.
 *
 * Every request may throw a `CoordinatorError`: `CONNECTION_LOSS` (a write may have happened, unless `outcome` is `definite`),
 * `SESSION_EXPIRED`, `CLOSED`, besides those named at it.
 *
 * @example
 * const zk = coordinator({ servers: '127.0.0.1:2181,127.0.0.1:2182', sessionTimeoutMs: 6000 })
 * const me = await zk.create('/app/members/m-', 'here', { ephemeral: true, sequential: true })
 * const stop = zk.watchChildren('/app/members', (members) => console.log(members))
 */
export interface CoordinatorClient {
  /**
   * Creates a znode.
   *
   * @returns its path, with the number if `sequential`.
   * @throws {CoordinatorError} `NODE_EXISTS`, `NO_NODE` (no parent), `NO_CHILDREN_FOR_EPHEMERALS`.
   */
  create(path: string, data: ZnodeData, options?: CreateOptions): Promise<string>
  /**
   * Creates what is missing of a path, as persistent znodes without data. Existing ones stay as they are.
   */
  ensurePath(path: string): Promise<void>
  /**
   * Deletes a znode without children.
   *
   * @param version - the dataVersion that it must have; -1, the default, is any.
   * @throws {CoordinatorError} `NO_NODE`, `BAD_VERSION`, `NOT_EMPTY`.
   */
  delete(path: string, version?: number): Promise<void>
  /** @returns the Stat, or null where there is no such znode; then `watch` tells of its creation. */
  exists(path: string, options?: WatchOption): Promise<Stat | null>
  /**
   * Reads a znode at the member that this session is connected to: never older than what the session has seen, but perhaps older
   * than what others have written. `sync` before it closes that gap.
   *
   * @throws {CoordinatorError} `NO_NODE`; no watch is set then.
   */
  getData(path: string, options?: WatchOption): Promise<Znode>
  /**
   * Writes a znode by compare-and-set.
   *
   * @param version - the dataVersion that it must have; -1, the default, is any.
   * @throws {CoordinatorError} `NO_NODE`, `BAD_VERSION`.
   */
  setData(path: string, data: ZnodeData, version?: number): Promise<Stat>
  /** @throws {CoordinatorError} `NO_NODE`; no watch is set then. */
  getChildren(path: string, options?: WatchOption): Promise<readonly string[]>
  /**
   * Changes who belongs to the ensemble. Resolves once that is done: new members have caught up and vote, others have left.
   *
   * @param change.joining - `server.4=host:peerPort:electionPort[:observer];clientHost:clientPort`, several with commas between.
   * @param change.leaving - numbers, with commas between.
   * @param change.version - of `/zookeeper/config`, as its last line has it; -1, the default, is any.
   * @returns the data of `/zookeeper/config`.
   * @throws {CoordinatorError} `NO_AUTH`, `BAD_VERSION`, `BAD_ARGUMENTS`, `RECONFIG_IN_PROGRESS`, `NEW_CONFIG_NO_QUORUM`.
   */
  reconfig(change: Reconfiguration): Promise<Znode>
  /** Resolves once the connected member has caught up with every write that was acknowledged to anybody before the call. */
  sync(path?: string): Promise<void>
  /**
   * Carries out all steps or none.
   *
   * @throws {CoordinatorError} with the code of the step that failed and its place in `index`.
   */
  multi(steps: readonly MultiStep[]): Promise<readonly MultiStepResult[]>

  /** @throws {CoordinatorError} `NO_NODE`; `NO_AUTH`: neither READ nor ADMIN. Without ADMIN digests are shown as `user:x`. */
  getAcl(path: string): Promise<ZnodeAcl>
  /**
   * Replaces the ACL. Watches do not hear of it.
   *
   * @param version - the `aversion` that the znode must have; -1, the default, is any.
   * @throws {CoordinatorError} `NO_NODE`, `NO_AUTH` (no ADMIN), `INVALID_ACL`, `BAD_VERSION`.
   * @example
   * await zk.addAuth('digest', 'ann:secret')
   * await zk.setAcl('/app', [{ perms: 31, id: { scheme: 'auth', id: '' } }]) // for ann alone
   */
  setAcl(path: string, acl: readonly Acl[], version?: number): Promise<Stat>
  /**
   * Shows an identity, for all that is asked from now on, also at the members to come: `addAuth('digest', 'user:password')`. Waits for a
   * member, however long that takes.
   *
   * @throws {CoordinatorError} `AUTH_FAILED`: the server refuses it, and ends the connection.
   */
  addAuth(scheme: string, auth: string | Uint8Array): Promise<void>
  /** Needs Apache ZooKeeper 3.7 or ours. */
  whoAmI(): Promise<readonly Identity[]>
  /** Paths of this session's ephemeral znodes that begin with `prefix`. Default: all. */
  getEphemerals(prefix?: string): Promise<readonly string[]>
  /** How many znodes are below this one, at any depth. @throws {CoordinatorError} `NO_NODE`, `NO_AUTH`. */
  getAllChildrenNumber(path: string): Promise<number>

  /** Calls back with the data now and after every change: null where there is no such znode. May skip states, never the last. */
  watchData(path: string, deliver: (znode: Znode | null) => void): Stop
  /** Calls back with the children's names, in byte order, now and after every change: null where there is no such znode. */
  watchChildren(path: string, deliver: (children: readonly string[] | null) => void): Stop
  /**
   * Watches a znode, which need not be there, until it is stopped or the session ends: every change of it, and of the list of its
   * children. With `recursive` every change of it and of all znodes below it; `children-changed` is not told then, because each
   * creation and deletion is. After a break the watch is set again at the next member; what happened meanwhile is not told, so look
   * again at `connected`.
   *
   * @returns ends it.
   * @throws {CoordinatorError} of the server, where that is an Apache ZooKeeper older than 3.6.
   * @example
   * const stop = await zk.addWatch('/app', ({ type, path }) => console.log(type, path), { recursive: true })
   */
  addWatch(path: string, deliver: WatchCallback, options?: AddWatchOptions): Promise<Stop>
  onState(listener: (state: CoordinatorState) => void): Stop

  readonly state: CoordinatorState
  readonly session: SessionInfo
  /** Opens a new session after the old one expired. */
  renew(): void
  /** Ends the session, and with it its ephemeral znodes, if a member can be reached within a second; resolves in any case. */
  close(): Promise<void>
}
