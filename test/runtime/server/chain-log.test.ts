import { expect, test } from 'vitest'
import { asChainId, asEpoch, asSeq, type ChainId } from '../../../protocol/ids.ts'
import { ChainLog } from '../../../runtime/server/chain-log.ts'
import type { ServerWal } from '../../../runtime/server/ports.ts'

/** A log in memory that says up to where it was cut. */
class CountingWal implements ServerWal {
  lastPosition = 0
  durablePosition = 0
  /** Everything below is gone. */
  cut = 1

  append(): number {
    this.durablePosition = ++this.lastPosition
    return this.lastPosition
  }
  appendHint(): void {}
  write(): void {}
  writeHints(): void {}
  dropBefore(position: number): void {
    this.cut = Math.max(this.cut, position)
  }
  close(): Promise<void> {
    return Promise.resolve()
  }
}

const [A, B] = [asChainId('a'), asChainId('b')]
const entry = (seq: number) =>
  ({
    type: 'entry',
    entry: { epoch: asEpoch(1), seq: asSeq(seq), origin: null, writes: [], sessions: null },
  }) as const

function written(...records: readonly [ChainId, Parameters<ChainLog['append']>[1]][]) {
  const wal = new CountingWal()
  const log = new ChainLog(wal)
  for (const [chain, record] of records) log.append(chain, record)
  log.write()
  return { wal, log }
}

/** Seed 64: the last serving member came back, and nothing said that it had ever been one. */
test('that a replica is a member stays in the log until its store says so, whatever other chains have stored', () => {
  const { wal, log } = written([A, entry(1)], [B, { type: 'member', epoch: asEpoch(4) }], [A, entry(2)])

  log.onStoreFlushed(A, 2, 1)
  expect(wal.cut, 'the record of b is the second').toBeLessThanOrEqual(2)

  log.onStoreFlushed(B, 0, 3) // a batch that was sealed before
  expect(wal.cut).toBeLessThanOrEqual(2)

  log.onStoreFlushed(B, 0, 4)
  expect(wal.cut).toBe(3)
})

test('a restart remembers which records a store may lack', () => {
  const wal = new CountingWal()
  wal.lastPosition = 7
  const log = new ChainLog(wal)
  log.collect([
    { chain: A, record: entry(1), walPosition: 5 },
    { chain: B, record: { type: 'member', epoch: asEpoch(2) }, walPosition: 6 },
    { chain: A, record: entry(2), walPosition: 7 },
  ])
  log.onStoreFlushed(A, 2, 1)
  expect(wal.cut).toBeLessThanOrEqual(6)
})
