import { setTimeout as sleep } from 'node:timers/promises'
import type { CoordinatorClient } from '../client/coordinator/client.ts'
import { isCoordinatorError } from '../client/coordinator/errors.ts'
import { type ClusterTree, readClusterTree } from './cluster-tree.ts'
import { interrupted, note } from './output.ts'

const LOOK_EVERY_MS = 250

/**
 * Looks at the cluster again and again until there is nothing to wait for, and tells whenever the reason changes. Ctrl-C ends the process with
 * `ifInterrupted`.
 */
export async function waitFor(
  client: CoordinatorClient,
  reason: (tree: ClusterTree) => string | null,
  ifInterrupted: string,
): Promise<void> {
  interrupted().then((signal) => {
    note(ifInterrupted)
    process.exit(signal === 'SIGTERM' ? 143 : 130)
  })
  let told: string | null = null
  for (;;) {
    const now = await look(client, reason)
    if (now === null) return
    if (now !== told) note(`${new Date().toISOString()}  waiting: ${now}`)
    told = now
    await sleep(LOOK_EVERY_MS)
  }
}

async function look(
  client: CoordinatorClient,
  reason: (tree: ClusterTree) => string | null,
): Promise<string | null> {
  try {
    return reason(await readClusterTree(client))
  } catch (error) {
    // A coordinator went away; another one will answer.
    if (isCoordinatorError(error, 'CONNECTION_LOSS', 'SESSION_EXPIRED', 'SESSION_MOVED')) return error.message
    throw error
  }
}
