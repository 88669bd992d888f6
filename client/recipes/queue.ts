/**
 * A queue, first in first out, that loses no item when a taker dies (ZooKeeper's recipes, *Queues*, and what they leave open).
 *
 * The usual recipe deletes an item and then works on it: if the taker dies in between, or the reply to its `delete` is lost, the item is gone and nobody has done it. Here a
 * taker first claims an item by an ephemeral znode, and deletes both at once when it is done. If it dies, its claim goes with its session, and another takes
 * the item. So each item is done at least once; whoever needs *exactly once* makes the work's own effect conditional (docs/RECIPES.md).
 */
import type { CoordinatorClient, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { createOnce, deleteOwn, inOrder } from './held-znode.ts'
import { persistently, untilFired, type WaitOptions } from './persistence.ts'

export interface QueueItem {
  readonly data: Uint8Array
  /** Order of the items: greater for later ones. */
  readonly token: number
  /** Removes it for good. @returns false where the claim was lost before, so that another may do it again. */
  done(): Promise<boolean>
  /** Leaves it to another. */
  giveBack(): Promise<void>
}

/** Appends an item, once, also where the reply to the first try was lost. */
export async function enqueue(client: CoordinatorClient, path: string, data: ZnodeData): Promise<void> {
  await createOnce(client, { parent: `${path}/items`, label: 'item', data, ephemeral: false })
}

/**
 * Takes the first item that nobody works on; waits for one.
 *
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`, or the signal's reason.
 */
export async function dequeue(
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<QueueItem> {
  for (const below of ['items', 'claims']) await persistently(() => client.ensurePath(`${path}/${below}`))
  for (;;) {
    let changed = () => {}
    const fired = { now: false }
    const watch = () => {
      fired.now = true
      changed()
    }
    const free = await persistently(() => freeItems(client, path, watch), options.signal)
    for (const name of free) {
      const item = await persistently(() => tryClaim(client, path, name), options.signal)
      if (item !== null) return item
    }
    const arm = async (wake: () => void) => {
      changed = wake
      return !fired.now
    }
    await untilFired(client, arm, options)
  }
}

/** With a watch on both lists: an item comes, or a claim goes. */
async function freeItems(client: CoordinatorClient, path: string, watch: () => void): Promise<string[]> {
  // Claims last: an item whose claim and self were deleted in between is missed by `tryClaim`, and no other harm is done.
  const items = await client.getChildren(`${path}/items`, { watch })
  const claims = new Set(await client.getChildren(`${path}/claims`, { watch }))
  return inOrder(items.filter((name) => !claims.has(name)))
}

async function tryClaim(client: CoordinatorClient, path: string, name: string): Promise<QueueItem | null> {
  const item = `${path}/items/${name}`
  const claim = `${path}/claims/${name}`
  try {
    await client.multi([
      { type: 'check', path: item, version: -1 },
      { type: 'create', path: claim, data: null, ephemeral: true },
    ])
  } catch (error) {
    if (isCoordinatorError(error, 'NO_NODE')) return null
    if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    // Perhaps ours: the reply to an earlier try was lost.
    const stat = await client.exists(claim)
    if (stat?.ephemeralOwner !== client.session.sessionId || held(client).has(claim)) return null
  }
  held(client).add(claim)
  try {
    const { data, stat } = await client.getData(item)
    return new Claimed(client, { item, claim, data, token: stat.czxid })
  } catch (error) {
    held(client).delete(claim)
    throw error
  }
}

/** The claims of each client that it knows to be its own: two takers over one session must not take one item. */
const claims = new WeakMap<CoordinatorClient, Set<string>>()

function held(client: CoordinatorClient): Set<string> {
  const known = claims.get(client) ?? new Set()
  claims.set(client, known)
  return known
}

class Claimed implements QueueItem {
  readonly data: Uint8Array
  readonly token: number
  readonly #client: CoordinatorClient
  readonly #item: string
  readonly #claim: string

  constructor(
    client: CoordinatorClient,
    found: {
      readonly item: string
      readonly claim: string
      readonly data: Uint8Array
      readonly token: number
    },
  ) {
    this.#client = client
    this.#item = found.item
    this.#claim = found.claim
    this.data = found.data
    this.token = found.token
  }

  async done(): Promise<boolean> {
    let doubtful = false
    try {
      await persistently(async () => {
        const before = doubtful
        doubtful = true
        try {
          // The claim first: an item that somebody else has claimed since is his.
          await this.#client.multi([
            { type: 'delete', path: this.#claim, version: 0 },
            { type: 'delete', path: this.#item },
          ])
        } catch (error) {
          // An earlier try of ours did it.
          if (!(before && isCoordinatorError(error, 'NO_NODE'))) throw error
        }
      })
      return true
    } catch (error) {
      if (isCoordinatorError(error, 'NO_NODE', 'SESSION_EXPIRED', 'CLOSED')) return false
      throw error
    } finally {
      held(this.#client).delete(this.#claim)
    }
  }

  async giveBack(): Promise<void> {
    await deleteOwn(this.#client, this.#claim)
    held(this.#client).delete(this.#claim)
  }
}
