import type { CoordinatorClient } from '../coordinator/api.ts'
import { update } from './compare-and-set.ts'

const decoder = new TextDecoder()
const numberOf = (data: Uint8Array | null): number => Number(decoder.decode(data ?? new Uint8Array(0)) || 0)

/**
 * Adds to a counter that many share: a compare-and-set loop over a znode that holds a number as text. A missing znode is 0; its parent exists.
 *
 * @returns the sum, which no other call of `addTo` returns with the same `delta` greater than 0.
 * @throws {CoordinatorError} as `update`: after `CONNECTION_LOSS` the number may or may not count.
 * @throws {TypeError} the znode holds no whole number.
 */
export async function addTo(client: CoordinatorClient, path: string, delta = 1): Promise<number> {
  const data = await update(client, path, (before) => {
    const sum = numberOf(before) + delta
    if (!Number.isSafeInteger(sum))
      throw new TypeError(`${path} holds no whole number, or the sum is too large`)
    return String(sum)
  })
  return numberOf(data)
}
