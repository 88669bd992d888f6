import type { CoordinatorClient } from '../coordinator/api.ts'
import { CoordinatorError, isCoordinatorError } from '../coordinator/errors.ts'

/** What every recipe that waits takes. */
export interface WaitOptions {
  /** Stops waiting: the recipe takes back what it left in the tree, and rejects with the signal's reason. Default: waits without end. */
  readonly signal?: AbortSignal
  /** Called each time that this client is woken to look again: what a herd costs. */
  readonly onWakeUp?: () => void
}

/**
 * Repeats a request whose connection broke, for as long as the session lasts. Only for what may be carried out twice, or looks first
 * whether it has been.
 */
export async function persistently<Result>(
  act: () => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  for (;;) {
    signal?.throwIfAborted()
    try {
      return await act()
    } catch (error) {
      // The client keeps the next request until a member answers, or all have been tried: this loop does not spin.
      if (!isCoordinatorError(error, 'CONNECTION_LOSS', 'SESSION_MOVED')) throw error
    }
  }
}

/**
 * Leaves a watch and waits until it has fired.
 *
 * @param arm - reads with the watch, and says whether there is anything to wait for.
 * @throws {CoordinatorError} `SESSION_EXPIRED`, `CLOSED`: its watches are gone, too. Or the signal's reason.
 */
export async function untilFired(
  client: CoordinatorClient,
  arm: (watch: () => void) => Promise<boolean>,
  { signal, onWakeUp }: WaitOptions = {},
): Promise<void> {
  const { promise, resolve, reject } = withResolvers()
  promise.catch(() => {}) // it may end while the watch is still being set
  const onAbort = () => reject(signal?.reason)
  const stop = client.onState((state) => {
    if (state === 'expired')
      reject(new CoordinatorError('SESSION_EXPIRED', 'the session expired while waiting'))
    if (state === 'closed') reject(new CoordinatorError('CLOSED', 'the client was closed while waiting'))
  })
  signal?.addEventListener('abort', onAbort)
  try {
    if (!(await persistently(() => arm(() => resolve()), signal))) return
    await promise
    onWakeUp?.()
  } finally {
    stop()
    signal?.removeEventListener('abort', onAbort)
  }
}

function withResolvers() {
  let resolve = () => {}
  let reject: (reason: unknown) => void = () => {}
  const promise = new Promise<void>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

/** Waits until a znode is gone; returns at once where there is none. */
export const untilGone = (
  client: CoordinatorClient,
  path: string,
  options: WaitOptions = {},
): Promise<void> =>
  untilFired(client, async (watch) => (await client.exists(path, { watch })) !== null, options)
