import type { CoordinatorClient, ZnodeData } from '../coordinator/api.ts'
import { isCoordinatorError } from '../coordinator/errors.ts'
import { persistently, untilFired, type WaitOptions } from './persistence.ts'

/**
 * Makes the place where a master will say where it is found, before anybody knows that (ZooKeeper §2.4, *Rendezvous*). Whoever starts master and workers
 * gives them the path.
 *
 * @param options.ephemeral - goes with this client's session, so that master and workers see that there is nothing left to do. Default: false.
 */
export async function openRendezvous(
  client: CoordinatorClient,
  path: string,
  { ephemeral = false }: { readonly ephemeral?: boolean } = {},
): Promise<void> {
  await persistently(async () => {
    try {
      await client.create(path, null, { ephemeral })
    } catch (error) {
      if (!isCoordinatorError(error, 'NODE_EXISTS')) throw error
    }
  })
}

/** The master says where it is. A later master may say so again: who comes afterwards finds the last word. */
export async function announce(client: CoordinatorClient, path: string, where: ZnodeData): Promise<void> {
  await persistently(() => client.setData(path, where))
}

/**
 * Waits until the master has said where it is.
 *
 * @throws {CoordinatorError} `NO_NODE`: the rendezvous is off, or was never opened; besides what every wait throws.
 */
export async function meet(
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<Uint8Array> {
  let data: Uint8Array = new Uint8Array(0)
  while (data.length === 0) {
    await untilFired(
      client,
      async (watch) => {
        data = (await client.getData(path, { watch })).data
        return data.length === 0
      },
      options,
    )
  }
  return data
}
