/**
 * A queue, first in first out, that loses no item when a taker dies (ZooKeeper's recipes, *Queues*, and what they leave open).
 *
 * The usual recipe deletes an item and then works on it: if the taker dies in between, or the reply to its `delete` is lost, the item is gone and nobody has done it. Here a
 * taker first claims an item by an ephemeral znode, and deletes both at once when it is done. If it dies, its claim goes with its session, and another takes
 * the item. So each item is done at least once; whoever needs *exactly once* makes the work's own effect conditional (docs/RECIPES.md).
 */
import type { CoordinatorClient, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { createOnce, deleteOwn, inOrder, says } from './held-znode.ts'
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
      const item = await claimOne(client, path, name, options.signal)
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
  // Claims last: an item whose claim and self were deleted in between is missed by `claimOne`, and no other harm is done.
  const items = await client.getChildren(`${path}/items`, { watch })
  const claims = new Set(await client.getChildren(`${path}/claims`, { watch }))
  return inOrder(items.filter((name) => !claims.has(name)))
}

async function claimOne(
  client: CoordinatorClient,
  path: string,
  name: string,
  signal: AbortSignal | undefined,
): Promise<QueueItem | null> {
  const item = `${path}/items/${name}`
  const claim = `${path}/claims/${name}`
  const guid = crypto.randomUUID()
  let doubtful = false
  return persistently(async () => {
    const before = doubtful
    doubtful = true
    try {
      await client.multi([
        { type: 'check', path: item, version: -1 },
        { type: 'create', path: claim, data: guid, ephemeral: true },
      ])
    } catch (error) {
      if (isCoordinatorError(error, 'NO_NODE')) return null
      if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
      // Ours where the reply to an earlier try was lost.
      if (!before || !(await says(client, claim, guid))) return null
    }
    const [claimStat, znode] = await Promise.all([client.exists(claim), client.getData(item)])
    if (claimStat === null) return null
    const found = { item, claim, claimZxid: claimStat.czxid, data: znode.data, token: znode.stat.czxid }
    return new Claimed(client, found)
  }, signal)
}

interface Found {
  readonly item: string
  readonly claim: string
  readonly claimZxid: number
  readonly data: Uint8Array
  readonly token: number
}

class Claimed implements QueueItem {
  readonly data: Uint8Array
  readonly token: number
  readonly #client: CoordinatorClient
  readonly #found: Found
  readonly #sessionId: bigint

  constructor(client: CoordinatorClient, found: Found) {
    this.#client = client
    this.#found = found
    this.#sessionId = client.session.sessionId
    this.data = found.data
    this.token = found.token
  }

  /** While the session lives, so does the claim. What is sent in another one could hit the claim of whoever took the item since. */
  get #isHeld(): boolean {
    return this.#client.session.sessionId === this.#sessionId
  }

  async done(): Promise<boolean> {
    const { item, claim } = this.#found
    let doubtful = false
    try {
      return await persistently(async () => {
        const before = doubtful
        if (!this.#isHeld) return false
        doubtful = true
        try {
          await this.#client.multi([
            { type: 'delete', path: claim },
            { type: 'delete', path: item },
          ])
        } catch (error) {
          // An earlier try of ours did it.
          if (!(before && isCoordinatorError(error, 'NO_NODE'))) throw error
        }
        return true
      })
    } catch (error) {
      if (isCoordinatorError(error, 'NO_NODE', 'SESSION_EXPIRED', 'CLOSED')) return false
      throw error
    }
  }

  async giveBack(): Promise<void> {
    const { claim, claimZxid } = this.#found
    if (this.#isHeld) await deleteOwn(this.#client, { path: claim, czxid: claimZxid, isSure: true })
  }
}
