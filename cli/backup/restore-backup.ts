import type { Client } from '../../client/index.ts'
import { decodeItems } from '../../runtime/backup/format.ts'
import { Importer, OUTSTANDING_BYTES_MAX } from '../records/importer.ts'
import type { Progress } from '../records/progress.ts'
import { readBackup } from './backup-file.ts'

export interface Restored {
  readonly stored: number
  /** Left out: their time is over. */
  readonly expired: number
}

/**
 * Puts every item of a backup, with the moment at which it expires.
 *
 * @throws the first put that failed, or damage. What was put before stays.
 */
export async function restoreBackup(
  path: string,
  client: Pick<Client, 'put'>,
  options: { readonly outstandingMax: number; readonly progress?: Progress },
): Promise<Restored> {
  const { outstandingMax, progress } = options
  const importer = new Importer(client, {
    outstandingMax,
    outstandingBytesMax: OUTSTANDING_BYTES_MAX,
    unit: 'item',
  })
  let expired = 0
  let number = 0
  try {
    await readBackup(path, {
      onBytes: (count) => progress?.addBytes(count),
      onBlock: async ({ type, payload }) => {
        if (type !== 'items') return
        for (const { key, value, expiresAtWallMs } of decodeItems(payload)) {
          number++
          if (expiresAtWallMs > 0 && expiresAtWallMs <= Date.now()) {
            expired++
            continue
          }
          await importer.put(number, {
            key: Buffer.from(key, 'latin1'),
            value: Buffer.from(value), // the block's bytes are the reader's
            expiresAt: expiresAtWallMs > 0 ? new Date(expiresAtWallMs) : null,
          })
          if (importer.error !== null) throw importer.error
        }
        progress?.records(importer.stored)
      },
    })
  } finally {
    await importer.settle()
  }
  if (importer.error !== null) throw importer.error
  return { stored: importer.stored, expired }
}
