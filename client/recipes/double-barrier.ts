/**
 * Several processes begin a computation together and end it together (ZooKeeper §2.4, *Double Barrier*), round after round.
 *
 * As in the paper, nobody counts more than he has to: to enter, one waits for the child `ready`, which is made by whoever completes the number; to leave, for one particular child to
 * disappear. What the paper leaves open is how the next round begins while the last one ends. Here the barrier's dataVersion is the number of the round: one
 * transaction ends it, which deletes `ready` and raises the version, and whoever registers does so in a round.
 */
import type { CoordinatorClient, MultiStep } from '../coordinator/api.ts'
import { CoordinatorError, isCoordinatorError } from '../coordinator/errors.ts'
import { deleteUnique, inOrder } from './held-znode.ts'
import { persistently, untilFired, untilGone, type WaitOptions } from './persistence.ts'

const READY = 'ready'

/** One process, inside the barrier. */
export interface Inside extends AsyncDisposable {
  /** From 0, of this barrier. */
  readonly round: number
  /** Waits until everybody else in this round leaves, too, or has died. */
  leave(options?: WaitOptions): Promise<void>
}

/**
 * Enters once `count` processes want to. One that comes while a round is under way waits for the next.
 *
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`, or the signal's reason.
 *
 * @example
 * const inside = await enterBarrier(zk, '/app/barrier', 4)
 * await compute()
 * await inside.leave()
 */
export async function enterBarrier(
  client: CoordinatorClient,
  path: string,
  count: number,
  options: WaitOptions = {},
): Promise<Inside> {
  await persistently(() => client.ensurePath(path), options.signal)
  for (;;) {
    const round = await openRound(client, path, options)
    const own = await register(client, path, round, options)
    if (own === null) continue // the round began, or ended, without us
    try {
      await untilReady(client, { path, round, count }, options)
      return new Participant(client, { path, round, own })
    } catch (error) {
      await deleteUnique(client, own)
      throw error
    }
  }
}

/** Waits while a round is under way. */
async function openRound(client: CoordinatorClient, path: string, options: WaitOptions): Promise<number> {
  for (;;) {
    const round = await persistently(() => roundOf(client, path), options.signal)
    const { ready, names } = await persistently(() => look(client, path), options.signal)
    if (!ready) return round
    // All who were in it have died.
    if (names.length === 0) await endRound(client, path, round)
    else await untilGone(client, `${path}/${READY}`, options)
  }
}

async function roundOf(client: CoordinatorClient, path: string): Promise<number> {
  await client.sync(path)
  return (await client.getData(path)).stat.version
}

async function look(
  client: CoordinatorClient,
  path: string,
): Promise<{ ready: boolean; names: readonly string[] }> {
  const children = await client.getChildren(path)
  return { ready: children.includes(READY), names: inOrder(children.filter((name) => name !== READY)) }
}

/** Null where the round is no longer open to newcomers. */
async function register(
  client: CoordinatorClient,
  path: string,
  round: number,
  { signal }: WaitOptions,
): Promise<string | null> {
  const prefix = `${path}/process-${crypto.randomUUID()}-`
  let doubtful = false
  return persistently(async () => {
    if (doubtful) {
      await client.sync(path)
      const { names } = await look(client, path)
      const found = names.map((name) => `${path}/${name}`).find((name) => name.startsWith(prefix))
      if (found !== undefined) return found
    }
    doubtful = true
    const own: MultiStep = { type: 'create', path: prefix, data: null, ephemeral: true, sequential: true }
    try {
      const [, made] = await client.multi([{ type: 'check', path, version: round }, own])
      return made !== null && made !== undefined && 'path' in made ? made.path : null
    } catch (error) {
      if (isCoordinatorError(error, 'BAD_VERSION')) return null
      throw error
    }
  }, signal)
}

async function untilReady(
  client: CoordinatorClient,
  { path, round, count }: { readonly path: string; readonly round: number; readonly count: number },
  options: WaitOptions,
): Promise<void> {
  const { names } = await persistently(() => look(client, path), options.signal)
  if (names.length >= count) await makeReady(client, path, round)
  const arm = async (watch: () => void) => (await client.exists(`${path}/${READY}`, { watch })) === null
  await untilFired(client, arm, options)
}

async function makeReady(client: CoordinatorClient, path: string, round: number): Promise<void> {
  try {
    await persistently(() =>
      client.multi([
        { type: 'check', path, version: round },
        { type: 'create', path: `${path}/${READY}`, data: null },
      ]),
    )
  } catch (error) {
    if (!isCoordinatorError(error, 'NODE_EXISTS', 'BAD_VERSION')) throw error
  }
}

/** In one step, and once: who comes too late, or finds that it was done by a try whose reply was lost, changes nothing. */
async function endRound(client: CoordinatorClient, path: string, round: number, own?: string): Promise<void> {
  const steps: MultiStep[] = [
    { type: 'setData', path, data: null, version: round },
    { type: 'delete', path: `${path}/${READY}` },
  ]
  if (own !== undefined) steps.push({ type: 'delete', path: own })
  try {
    await persistently(() => client.multi(steps))
  } catch (error) {
    if (!isCoordinatorError(error, 'BAD_VERSION', 'NO_NODE')) throw error
  }
}

class Participant implements Inside {
  readonly round: number
  readonly #client: CoordinatorClient
  readonly #path: string
  readonly #own: string

  constructor(
    client: CoordinatorClient,
    { path, round, own }: { readonly path: string; readonly round: number; readonly own: string },
  ) {
    this.#client = client
    this.#path = path
    this.round = round
    this.#own = own
  }

  /** The first in order leaves last, so that all others have one child to watch, and it has the last one. */
  async leave(options: WaitOptions = {}): Promise<void> {
    const path = this.#path
    for (;;) {
      if ((await persistently(() => roundOf(this.#client, path), options.signal)) !== this.round) return
      const { names } = await persistently(() => look(this.#client, path), options.signal)
      const own = this.#own.slice(path.length + 1)
      const [first] = names
      const last = names.at(-1)
      if (first === undefined) await endRound(this.#client, path, this.round)
      else if (first === own && last === own) await endRound(this.#client, path, this.round, this.#own)
      else if (first === own) await untilGone(this.#client, `${path}/${last}`, options)
      else {
        if (names.includes(own)) await deleteUnique(this.#client, this.#own)
        await untilGone(this.#client, `${path}/${first}`, options)
      }
      if (this.#client.state === 'expired' || this.#client.state === 'closed')
        throw new CoordinatorError('SESSION_EXPIRED', `${path}: the session ended inside the barrier`)
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.leave()
  }
}
