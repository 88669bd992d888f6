import type { MultiOp, MultiResult } from '../../protocol/zookeeper/multi.ts'
import { ADD_WATCH_MODES, WATCHER_TYPES } from '../../protocol/zookeeper/ops.ts'
import type { Acl, Stat } from '../../protocol/zookeeper/records.ts'
import { normalizedChroot, parseServers } from './addresses.ts'
import type {
  AddWatchOptions,
  CoordinatorClient,
  CoordinatorOptions,
  CoordinatorState,
  CreateOptions,
  Identity,
  MultiStep,
  MultiStepResult,
  Reconfiguration,
  SessionInfo,
  Stop,
  WatchCallback,
  WatchOption,
  Znode,
  ZnodeAcl,
  ZnodeData,
} from './api.ts'
import { CoordinatorError, errorOf, isCoordinatorError } from './errors.ts'
import { keepReading } from './keep-reading.ts'
import { createOp, EVERYBODY } from './new-znodes.ts'
import type { SessionPlatform } from './platform.ts'
import { Session } from './session.ts'

const SESSION_TIMEOUT_MS = 6_000
const ANY_VERSION = -1
const NOTHING = new Uint8Array(0)
const encoder = new TextEncoder()

/**
 * `coordinator`, in a world of your own: another clock, other dice, another network. Needs nothing of Node.js.
 *
 * @throws {CoordinatorError} `BAD_ARGUMENTS`: `servers` or `chroot` cannot be read.
 */
export function coordinatorOver(options: CoordinatorOptions, platform: SessionPlatform): CoordinatorClient {
  const { addresses, chroot } = parseServers(options.servers)
  const prefix = options.chroot === undefined ? chroot : normalizedChroot(options.chroot)
  const session = new Session({
    platform,
    addresses,
    sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_TIMEOUT_MS,
    renewExpired: options.renewExpired ?? false,
    chroot: prefix,
  })
  const client = new SessionClient({
    session,
    chroot: prefix,
    acl: options.acl ?? EVERYBODY,
    onBug: platform.onBug,
  })
  // Nobody waits for it: what an identity is refused, its requests are refused, too.
  for (const { scheme, auth } of options.auth ?? []) client.addAuth(scheme, auth).catch(() => {})
  return client
}

class SessionClient implements CoordinatorClient {
  readonly #session: Session
  readonly #chroot: string
  readonly #acl: readonly Acl[]
  readonly #onBug: SessionPlatform['onBug']

  constructor(options: {
    readonly session: Session
    readonly chroot: string
    readonly acl: readonly Acl[]
    readonly onBug: SessionPlatform['onBug']
  }) {
    this.#session = options.session
    this.#chroot = options.chroot
    this.#acl = options.acl
    this.#onBug = options.onBug
  }

  get state(): CoordinatorState {
    return this.#session.state
  }

  get session(): SessionInfo {
    return this.#session.info
  }

  onState(listener: (state: CoordinatorState) => void): Stop {
    return this.#session.onState(listener)
  }

  renew(): void {
    this.#session.renew()
  }

  close(): Promise<void> {
    return this.#session.close()
  }

  async create(path: string, data: ZnodeData, options: CreateOptions = {}): Promise<string> {
    const { type, ...request } = this.#newZnode(path, data, options)
    return this.#session.ask(type, request, `create ${path}`, (response) => this.#clientPath(response.path))
  }

  async ensurePath(path: string): Promise<void> {
    const names = path.split('/').filter((name) => name !== '')
    for (const i of names.keys()) {
      try {
        await this.create(`/${names.slice(0, i + 1).join('/')}`, null)
      } catch (error) {
        if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
      }
    }
  }

  delete(path: string, version = ANY_VERSION): Promise<void> {
    const request = { path: this.#serverPath(path), version }
    return this.#session.ask('delete', request, `delete ${path}`, () => undefined)
  }

  exists(path: string, { watch }: WatchOption = {}): Promise<Stat | null> {
    const full = this.#serverPath(path)
    const { watches } = this.#session
    return this.#session.ask<'exists', Stat | null>(
      'exists',
      { path: full, watch: watch !== undefined },
      `exists ${path}`,
      ({ stat }) => {
        if (watch) watches.add('data', full, watch)
        return stat
      },
      (error) => {
        if (error.code !== 'NO_NODE') throw error
        if (watch) watches.add('exist', full, watch)
        return null
      },
    )
  }

  getData(path: string, { watch }: WatchOption = {}): Promise<Znode> {
    const full = this.#serverPath(path)
    return this.#session.ask(
      'getData',
      { path: full, watch: watch !== undefined },
      `getData ${path}`,
      ({ data, stat }) => {
        if (watch) this.#session.watches.add('data', full, watch)
        return { data: data ?? NOTHING, stat }
      },
    )
  }

  setData(path: string, data: ZnodeData, version = ANY_VERSION): Promise<Stat> {
    const request = { path: this.#serverPath(path), data: bytesOf(data), version }
    return this.#session.ask('setData', request, `setData ${path}`, ({ stat }) => stat)
  }

  getChildren(path: string, { watch }: WatchOption = {}): Promise<readonly string[]> {
    const full = this.#serverPath(path)
    return this.#session.ask(
      'getChildren',
      { path: full, watch: watch !== undefined },
      `getChildren ${path}`,
      ({ children }) => {
        if (watch) this.#session.watches.add('child', full, watch)
        return children
      },
    )
  }

  reconfig({ joining = '', leaving = '', version = ANY_VERSION }: Reconfiguration): Promise<Znode> {
    const request = { joining, leaving, newMembers: '', currentConfigId: version }
    return this.#session.ask('reconfig', request, 'reconfig', ({ data, stat }) => ({
      data: data ?? NOTHING,
      stat,
    }))
  }

  sync(path = '/'): Promise<void> {
    const request = { path: this.#serverPath(path) }
    return this.#session.ask('sync', request, `sync ${path}`, () => undefined)
  }

  multi(steps: readonly MultiStep[]): Promise<readonly MultiStepResult[]> {
    const ops = steps.map((step) => this.#multiOp(step))
    const what = `multi of ${steps.map(({ type, path }) => `${type} ${path}`).join(', ')}`
    return this.#session.ask('multi', { ops }, what, ({ results }) => {
      throwFailure(results, what)
      return results.map((result) => this.#stepResult(result))
    })
  }

  addWatch(path: string, deliver: WatchCallback, { recursive = false }: AddWatchOptions = {}): Promise<Stop> {
    const full = this.#serverPath(path)
    const kind = recursive ? 'persistentRecursive' : 'persistent'
    const { watches } = this.#session
    const callback: WatchCallback = (event) => deliver(event) // added twice, it is called twice
    const request = { path: full, mode: ADD_WATCH_MODES[kind] }
    return this.#session.ask('addWatch', request, `addWatch ${path}`, () => {
      watches.add(kind, full, callback)
      return () => {
        if (watches.remove(kind, full, callback)) this.#forgetWatch(kind, full)
      }
    })
  }

  /** ZooKeeper 3.8 knows no such type: it goes on to tell, and nobody is called. */
  #forgetWatch(kind: keyof typeof ADD_WATCH_MODES, path: string): void {
    if (this.state !== 'connected') return // it is not set again
    const request = { path, watcherType: WATCHER_TYPES[kind] }
    this.#session
      .ask('removeWatches', request, `removeWatches ${path}`, () => undefined)
      .catch((error: unknown) => {
        if (!isCoordinatorError(error)) this.#onBug(error)
      })
  }

  getAcl(path: string): Promise<ZnodeAcl> {
    const request = { path: this.#serverPath(path) }
    return this.#session.ask('getACL', request, `getAcl ${path}`, ({ acl, stat }) => ({ acl, stat }))
  }

  setAcl(path: string, acl: readonly Acl[], version = ANY_VERSION): Promise<Stat> {
    const request = { path: this.#serverPath(path), acl, version }
    return this.#session.ask('setACL', request, `setAcl ${path}`, ({ stat }) => stat)
  }

  addAuth(scheme: string, auth: string | Uint8Array): Promise<void> {
    return this.#session.addAuth(scheme, typeof auth === 'string' ? encoder.encode(auth) : auth)
  }

  whoAmI(): Promise<readonly Identity[]> {
    return this.#session.ask('whoAmI', {}, 'whoAmI', ({ identities }) => identities)
  }

  getEphemerals(prefix = '/'): Promise<readonly string[]> {
    const request = { prefix: this.#serverPath(prefix) }
    return this.#session.ask('getEphemerals', request, `getEphemerals ${prefix}`, ({ paths }) =>
      paths.map((path) => this.#clientPath(path)),
    )
  }

  getAllChildrenNumber(path: string): Promise<number> {
    const request = { path: this.#serverPath(path) }
    return this.#session.ask(
      'getAllChildrenNumber',
      request,
      `getAllChildrenNumber ${path}`,
      ({ total }) => total,
    )
  }

  watchData(path: string, deliver: (znode: Znode | null) => void): Stop {
    const read = async (watch: WatchCallback): Promise<Znode | null> => {
      for (;;) {
        try {
          return await this.getData(path, { watch })
        } catch (error) {
          if (!isCoordinatorError(error, 'NO_NODE')) throw error
        }
        // Created between the two: the watch on it is set already, and one more is the same watch.
        if ((await this.exists(path, { watch })) === null) return null
      }
    }
    return this.#keepReading(read, deliver)
  }

  watchChildren(path: string, deliver: (children: readonly string[] | null) => void): Stop {
    const read = async (watch: WatchCallback): Promise<readonly string[] | null> => {
      for (;;) {
        try {
          return [...(await this.getChildren(path, { watch }))].sort()
        } catch (error) {
          if (!isCoordinatorError(error, 'NO_NODE')) throw error
        }
        if ((await this.exists(path, { watch })) === null) return null
      }
    }
    return this.#keepReading(read, deliver)
  }

  #keepReading<Value>(read: (watch: WatchCallback) => Promise<Value>, deliver: (value: Value) => void): Stop {
    return keepReading({
      read,
      deliver,
      onBug: this.#onBug,
      onState: (listener) => this.onState(listener),
    })
  }

  #serverPath(path: string): string {
    if (!path.startsWith('/'))
      throw new CoordinatorError('BAD_ARGUMENTS', `a path starts with "/", unlike "${path}"`)
    return path === '/' ? this.#chroot || '/' : this.#chroot + path
  }

  #clientPath = (path: string) => path.slice(this.#chroot.length) || '/'

  #newZnode(path: string, data: ZnodeData, options: CreateOptions) {
    const { acl = this.#acl } = options
    return createOp(this.#serverPath(path), bytesOf(data), { ...options, acl })
  }

  #multiOp(step: MultiStep): MultiOp {
    const path = this.#serverPath(step.path)
    switch (step.type) {
      case 'create':
        return this.#newZnode(step.path, step.data, step)
      case 'delete':
        return { type: 'delete', path, version: step.version ?? ANY_VERSION }
      case 'setData':
        return { type: 'setData', path, data: bytesOf(step.data), version: step.version ?? ANY_VERSION }
      case 'check':
        return { type: 'check', path, version: step.version }
    }
  }

  #stepResult(result: MultiResult): MultiStepResult {
    if ('path' in result) return { path: this.#clientPath(result.path) }
    return result.type === 'setData' ? { stat: result.stat } : null
  }
}

/** The failing step has a code of its own; those before it say 0 and those after it RuntimeInconsistency. */
function throwFailure(results: readonly MultiResult[], what: string): void {
  const failed = results.map((result) => (result.type === 'error' ? result.err : null))
  if (failed.every((err) => err === null)) return
  const index = failed.findIndex((err) => err !== null && err !== 0)
  throw errorOf(failed[index] ?? 0, `${what}, at ${index}`, index)
}

const bytesOf = (data: ZnodeData): Uint8Array | null =>
  typeof data === 'string' ? encoder.encode(data) : data
