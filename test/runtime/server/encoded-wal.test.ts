/** The log of a data server on a real disk: what is appended comes back, however it was put together into records. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import type { LogRecord } from '../../../chain/events.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { asChainId, asEpoch, asKey, asMillis, asSeq } from '../../../protocol/ids.ts'
import { storedRecords } from '../../../runtime/server/chain-records.ts'
import { EncodedWal } from '../../../runtime/server/encoded-wal.ts'
import { openWal } from '../../../runtime/storage/wal/wal.ts'

const directory = mkdtempSync(join(tmpdir(), 'catenary-encoded-wal-'))
afterEach(() => rmSync(directory, { recursive: true, force: true }))
const [c0, c1] = [asChainId('c0'), asChainId('c1')]

function entry(seq: number, bytes = 10): LogRecord {
  const write = {
    key: asKey(`k${seq}`),
    value: new Uint8Array(bytes).fill(seq),
    expiresAtWallMs: asMillis(0),
  }
  const made: Entry = { epoch: asEpoch(1), seq: asSeq(seq), origin: null, writes: [write], sessions: null }
  return { type: 'entry', entry: made }
}

function open() {
  const { wal, replay } = openWal({ directory, owner: 'n1' })
  const records = [...replay()]
  return { wal: new EncodedWal(wal), records }
}

describe('records', () => {
  test('entries of one chain in a turn are one record; all of them come back, in order', async () => {
    const { wal } = open()
    const truncate: LogRecord = { type: 'truncate', to: { epoch: asEpoch(1), seq: asSeq(2) } }
    const commit: LogRecord = { type: 'commit', position: { epoch: asEpoch(1), seq: asSeq(1) } }
    const appended: [typeof c0, LogRecord][] = [
      [c0, entry(1)],
      [c0, entry(2)],
      [c0, entry(3)],
      [c1, entry(1)],
      [c0, truncate],
      [c0, entry(3, 200_000)],
      [c0, entry(4, 200_000)],
      [c0, entry(5, 200_000)],
    ]
    const positions = appended.map(([chain, record]) => {
      const position = wal.append(chain, record)
      expect(wal.lastPosition).toBe(position)
      return position
    })
    wal.appendHint(c0, commit)
    expect(positions).toEqual([1, 1, 1, 2, 3, 4, 4, 5])
    await wal.close()

    const again = open()
    const stored = again.records.flatMap((record) => [...storedRecords(record)])
    const shown = (chain: string, record: LogRecord) =>
      record.type === 'entry'
        ? [chain, record.entry.seq, record.entry.writes[0]?.key, record.entry.writes[0]?.value?.length]
        : [chain, record]
    expect(stored.map(({ chain, record }) => shown(chain, record))).toEqual(
      [...appended, [c0, commit] as const].map(([chain, record]) => shown(chain, record)),
    )
    expect(stored.map(({ walPosition }) => walPosition)).toEqual([...positions, 6])
    await again.wal.close()
  })

  test('the end of a turn ends a record', async () => {
    const { wal } = open()
    expect(wal.append(c0, entry(1))).toBe(1)
    wal.write()
    expect(wal.append(c0, entry(2))).toBe(2)
    wal.writeHints()
    expect(wal.lastPosition).toBe(2)
    await wal.close()
    expect(wal.durablePosition).toBe(2)
  })
})
