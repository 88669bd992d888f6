/**
 * The ephemeral sequential znode with which a client stands in a line, and what it means to hold it.
 *
 * Two traps of every recipe live here. The reply to the `create` may be lost with its connection: a client that simply tried again would stand in the line twice, and wait
 * for itself. So the name carries a guid, by which it finds what it may have created. And a session may end, here or at the servers first: see `HeldZnode.signal`.
 */
import type { CoordinatorClient, Stop, ZnodeData } from '../coordinator/api.ts'
import { CoordinatorError, isCoordinatorError } from '../coordinator/errors.ts'
import { nodeTimers } from '../node-timers.ts'
import { persistently, untilFired, type WaitOptions } from './persistence.ts'

/** The number that the coordinator appended: order of arrival. */
export const sequenceOf = (name: string): number => Number(name.slice(-10))

/** `lock-<guid>-0000000007` */
export const isNamed = (name: string, label: string): boolean => name.startsWith(`${label}-`)

/** Names of a line, first come first. */
export const inOrder = (names: readonly string[]): string[] =>
  [...names].sort((a, b) => sequenceOf(a) - sequenceOf(b))

/**
 * Creates a sequential znode exactly once, also where the reply is lost.
 *
 * @returns its name below `parent`, which is made where it is missing.
 */
export async function createOnce(
  client: CoordinatorClient,
  options: {
    readonly parent: string
    readonly label: string
    readonly data?: ZnodeData
    readonly ephemeral: boolean
    readonly signal?: AbortSignal | undefined
  },
): Promise<string> {
  const { parent, label, data = null, ephemeral, signal } = options
  const prefix = `${label}-${crypto.randomUUID()}-`
  let doubtful = false
  return persistently(async () => {
    if (doubtful) {
      // What our session sent to the member before may have committed, and not have come to this one yet. It cannot commit later: the session has moved.
      await client.sync(parent)
      const found = (await client.getChildren(parent)).find((name) => name.startsWith(prefix))
      if (found !== undefined) return found
    }
    for (;;) {
      try {
        doubtful = true
        const path = await client.create(`${parent}/${prefix}`, data, { ephemeral, sequential: true })
        return path.slice(parent.length + 1)
      } catch (error) {
        if (!isCoordinatorError(error, 'NO_NODE')) throw error
        await client.ensurePath(parent)
      }
    }
  }, signal)
}

/**
 * Deletes a znode that we created, once: not the one that another has put in its place since.
 *
 * @param own.czxid - of ours; null where its name is unique, so that there is no other.
 * @param own.isSure - nothing can have happened to it since: the first try need not look.
 */
export async function deleteOwn(
  client: CoordinatorClient,
  own: { readonly path: string; readonly czxid: number | null; readonly isSure: boolean },
): Promise<void> {
  const { path, czxid } = own
  let look = !own.isSure
  try {
    await persistently(async () => {
      if (look && czxid !== null) {
        await client.sync(path)
        if ((await client.exists(path))?.czxid !== czxid) return
      }
      look = true
      await client.delete(path)
    })
  } catch (error) {
    if (!isCoordinatorError(error, 'NO_NODE', 'SESSION_EXPIRED', 'CLOSED')) throw error
  }
}

/** Whether a znode is there, with these words. */
export async function says(client: CoordinatorClient, path: string, words: string): Promise<boolean> {
  try {
    await client.sync(path)
    return new TextDecoder().decode((await client.getData(path)).data) === words
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return false
    throw error
  }
}

/** For names with a guid. */
export const deleteUnique = (client: CoordinatorClient, path: string): Promise<void> =>
  deleteOwn(client, { path, czxid: null, isSure: true })

/** Something that is held by an ephemeral znode: a lock, an office, a membership. */
export class HeldZnode implements AsyncDisposable {
  readonly path: string
  /**
   * Fencing token: greater than that of everybody who held it before. What is guarded has to refuse smaller ones than it has seen, because no lock can stop a
   * holder that has been asleep (docs/RECIPES.md).
   */
  readonly token: number
  readonly #client: CoordinatorClient
  readonly #lost = new AbortController()
  readonly #stop: Stop
  readonly #sessionId: bigint
  #released = false

  private constructor(client: CoordinatorClient, path: string, token: number) {
    this.#client = client
    this.#sessionId = client.session.sessionId
    this.path = path
    this.token = token
    this.#stop = this.#observe()
  }

  /** @throws {CoordinatorError} `NO_NODE`: it is gone already, by an operator's hand or with the session. */
  static async of(client: CoordinatorClient, path: string, signal?: AbortSignal): Promise<HeldZnode> {
    let held: HeldZnode | null = null
    let gone = false
    const watch = () => {
      gone = true
      held?.lose(new CoordinatorError('NO_NODE', `${path} was deleted`))
    }
    const stat = await persistently(() => client.exists(path, { watch }), signal)
    if (stat === null || gone) throw new CoordinatorError('NO_NODE', `${path} was deleted`)
    held = new HeldZnode(client, path, stat.czxid)
    return held
  }

  /**
   * Aborted when it is held no longer, or can no longer be known to be: the session expired or was closed, the znode was deleted, or the
   * connection has been gone for so long that the session may have ended. Pass it on to whatever is done under the lock.
   */
  get signal(): AbortSignal {
    return this.#lost.signal
  }

  lose(reason: CoordinatorError): void {
    if (this.#released || this.#lost.signal.aborted) return
    this.#stop()
    this.#lost.abort(reason)
  }

  #observe(): Stop {
    let doubt: { cancel(): void } | null = null
    const stop = this.#client.onState((state) => {
      doubt?.cancel()
      doubt = null
      if (state === 'expired')
        this.lose(new CoordinatorError('SESSION_EXPIRED', `${this.path} went with its session`))
      if (state === 'closed') this.lose(new CoordinatorError('CLOSED', `${this.path} went with its client`))
      if (state !== 'disconnected') return
      // A client notices silence after two thirds of the timeout; what is left of it, less a margin for clocks.
      const leftMs = this.#client.session.timeoutMs * 0.3
      doubt = nodeTimers.after(leftMs, () =>
        this.lose(
          new CoordinatorError('CONNECTION_LOSS', `${this.path}: no coordinator was reached in time`),
        ),
      )
    })
    return () => {
      doubt?.cancel()
      stop()
    }
  }

  /**
   * Gives it up. Idempotent; where the session is over, there is nothing left to give up. Where no coordinator can be reached it resolves after the
   * session's timeout, and gives up what is left as soon as one can.
   */
  async release(): Promise<void> {
    this.#released = true
    this.#stop()
    const isSure = !this.signal.aborted && this.#client.session.sessionId === this.#sessionId
    const deleted = deleteOwn(this.#client, { path: this.path, czxid: this.token, isSure })
    deleted.catch(() => {}) // it may fail after nobody waits any more
    let late: { cancel(): void } | null = null
    const patience = new Promise<void>((resolve) => {
      late = nodeTimers.after(this.#client.session.timeoutMs, resolve)
    })
    try {
      await Promise.race([deleted, patience])
    } finally {
      ;(late as { cancel(): void } | null)?.cancel()
    }
  }

  /** `await using lock = await acquireLock(...)` releases at the end of the block. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.release()
  }
}

/**
 * Stands in a line until its turn comes.
 *
 * @param options.blockedBy - of the names in order, the one that has to go first; null where it is our turn.
 */
export async function standInLine(
  client: CoordinatorClient,
  options: {
    readonly parent: string
    readonly label: string
    readonly data?: ZnodeData
    readonly blockedBy: (own: string, line: readonly string[]) => string | null
  } & WaitOptions,
): Promise<HeldZnode> {
  const { parent, label, data = null, blockedBy, signal } = options
  const own = await createOnce(client, { parent, label, data, ephemeral: true, signal })
  const path = `${parent}/${own}`
  try {
    for (;;) {
      const line = inOrder(await persistently(() => client.getChildren(parent), signal))
      if (!line.includes(own)) throw new CoordinatorError('NO_NODE', `${path} was deleted while it waited`)
      const before = blockedBy(own, line)
      if (before === null) return await HeldZnode.of(client, path, signal)
      const watched = `${parent}/${before}`
      await untilFired(client, async (watch) => (await client.exists(watched, { watch })) !== null, options)
    }
  } catch (error) {
    await deleteUnique(client, path)
    throw error
  }
}

/** The one just before. */
export function predecessor(own: string, line: readonly string[]): string | null {
  return line[line.indexOf(own) - 1] ?? null
}
