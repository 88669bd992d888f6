import fs from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { asLogIndex, asMemberId, asTerm, asWriteId } from '../../../coordinator/raft/ids.ts'
import type { LogEntry, SnapshotMeta } from '../../../coordinator/raft/log.ts'
import { EMPTY_SNAPSHOT } from '../../../coordinator/raft/state.ts'
import { openRaftWal } from '../../../runtime/coordinator/raft-wal.ts'
import { SnapshotCorruptError, SnapshotFiles } from '../../../runtime/coordinator/snapshot-files.ts'
import { WalCorruptError, WalForeignError } from '../../../runtime/storage/wal/errors.ts'
import { eventually } from './ensemble.ts'
import { textOf, utf8 } from './raw-client.ts'

let directory: string
beforeEach(() => {
  directory = fs.mkdtempSync(join(tmpdir(), 'catenary-raft-storage-'))
})
afterEach(() => fs.rmSync(directory, { recursive: true, force: true }))

const metaOf = (lastIndex: number, lastTerm = 1): SnapshotMeta => ({
  lastIndex: asLogIndex(lastIndex),
  lastTerm: asTerm(lastTerm),
})
const entry = (index: number, term = 1, text: string | null = `e${index}`): LogEntry => ({
  index: asLogIndex(index),
  term: asTerm(term),
  command: text === null ? null : utf8(text),
})
const run = (from: number, to: number, term = 1): LogEntry[] =>
  Array.from({ length: to - from + 1 }, (_, n) => entry(from + n, term))

describe('the log', () => {
  function open(options: { snapshot?: SnapshotMeta; owner?: string } = {}) {
    let durable = 0
    const opened = openRaftWal(
      {
        directory: join(directory, 'wal'),
        owner: options.owner ?? 'coordinator-1',
        fsync: 'sync',
        segmentBytesMax: 2_000,
        onDurable: (write) => {
          durable = write
        },
        onFailure: (error) => {
          throw error
        },
      },
      options.snapshot ?? EMPTY_SNAPSHOT,
    )
    return { ...opened, durable: () => durable }
  }
  const indexes = (entries: readonly LogEntry[]) => entries.map(({ index, term }) => `${index}t${term}`)
  const segments = () => fs.readdirSync(join(directory, 'wal')).length

  test('a restart finds hard state, entries and truncations', async () => {
    const first = open()
    expect(first.stored).toEqual({ hardState: { term: 0, votedFor: null }, entries: [] })
    const hardState = { term: asTerm(2), votedFor: asMemberId('coordinator-3') }
    first.storage.persist({ write: asWriteId(1), hardState, entries: run(1, 5) })
    first.storage.persist({
      write: asWriteId(2),
      truncateFrom: asLogIndex(4),
      entries: [entry(4, 2, null), entry(5, 2, '')],
    })
    await first.wal.close()
    expect(first.durable()).toBe(2)
    const { stored, wal } = open()
    expect(stored.hardState).toEqual(hardState)
    expect(indexes(stored.entries)).toEqual(['1t1', '2t1', '3t1', '4t2', '5t2'])
    expect(stored.entries.map(({ command }) => (command === null ? null : textOf(command)))).toEqual([
      'e1',
      'e2',
      'e3',
      null,
      '',
    ])
    await wal.close()
  })

  test('what a snapshot stands for is dropped; the hard state that lay there is not lost', async () => {
    const { storage, durable, wal } = open()
    const hardState = { term: asTerm(1), votedFor: asMemberId('coordinator-2') }
    storage.persist({ write: asWriteId(1), hardState })
    for (let n = 0; n < 50; n += 1) {
      storage.persist({ write: asWriteId(n + 2), entries: run(10 * n + 1, 10 * n + 10) })
      await eventually('durable', () => durable() === n + 2)
    }
    const before = segments()
    storage.compacted(metaOf(455))
    await eventually('segments are gone', () => segments() < before / 2)
    await wal.close()
    const again = open({ snapshot: metaOf(455) })
    expect(again.stored.hardState).toEqual(hardState)
    expect(again.stored.entries.at(-1)?.index).toBe(500)
    expect(again.stored.entries[0]?.index).toBeLessThanOrEqual(456)
    await again.wal.close()
    expect(() => open({ snapshot: metaOf(300) })).toThrow(WalCorruptError)
  })

  test('an installed snapshot replaces the log', async () => {
    const { storage, wal } = open()
    storage.persist({ write: asWriteId(1), entries: run(1, 20) })
    storage.installed(asWriteId(2), metaOf(100, 3))
    storage.persist({ write: asWriteId(3), entries: run(101, 103, 3) })
    await wal.close()
    const again = open({ snapshot: metaOf(100, 3) })
    expect(indexes(again.stored.entries)).toEqual(['101t3', '102t3', '103t3'])
    await again.wal.close()
    expect(() => open()).toThrow(WalCorruptError)
  })

  test('another member’s log is refused', async () => {
    const { storage, wal } = open()
    storage.persist({ write: asWriteId(1), entries: run(1, 2) })
    await wal.close()
    expect(() => open({ owner: 'coordinator-2' })).toThrow(WalForeignError)
  })
})

describe('snapshot files', () => {
  const text = (body: Uint8Array | undefined) => textOf(body)

  test('the newest whole one is loaded, two are kept, and what a crash left is removed', async () => {
    const files = new SnapshotFiles(directory)
    expect(files.load()).toBeNull()
    for (const index of [10, 20, 30]) await files.write(metaOf(index), [utf8('state '), utf8(`at ${index}`)])
    expect(fs.readdirSync(directory).length).toBe(2)
    fs.writeFileSync(join(directory, 'half.tmp'), 'half')
    const again = new SnapshotFiles(directory)
    const loaded = again.load()
    expect([loaded?.meta, text(loaded?.body)]).toEqual([metaOf(30), 'state at 30'])
    expect(fs.readdirSync(directory).length).toBe(2)
  })

  test('it travels in parts; a part of one that is gone begins the newest instead', async () => {
    const [from, to] = ['from', 'to'].map((name) => new SnapshotFiles(join(directory, name)))
    if (from === undefined || to === undefined) throw new Error('unreachable')
    await from.write(metaOf(7, 2), [utf8('x'.repeat(1_000))])
    let offset = 0
    for (let done = false; !done; ) {
      const part = from.read({ meta: offset === 0 ? null : metaOf(7, 2), offset, bytesMax: 100 })
      if (part === null) throw new Error('no part')
      to.stage(part)
      offset += part.bytes.length
      done = part.done
    }
    expect(text(to.finishStaged(metaOf(7, 2)))).toBe('x'.repeat(1_000))
    expect(to.newest).toEqual(metaOf(7, 2))
    expect(from.read({ meta: metaOf(5), offset: 300, bytesMax: 100 })).toMatchObject({
      meta: metaOf(7, 2),
      offset: 0,
    })
  })

  test('one flipped bit is found, wherever it is', async () => {
    const files = new SnapshotFiles(directory)
    await files.write(metaOf(3), [utf8('precious')])
    const file = join(directory, fs.readdirSync(directory)[0] ?? '')
    const whole = fs.readFileSync(file)
    for (let at = 0; at < whole.length; at += 1) {
      const damaged = Buffer.from(whole)
      damaged.writeUInt8((whole[at] ?? 0) ^ 4, at)
      fs.writeFileSync(file, damaged)
      expect(() => new SnapshotFiles(directory).load()).toThrow(SnapshotCorruptError)
    }
    fs.writeFileSync(file, whole.subarray(0, whole.length - 1))
    expect(() => new SnapshotFiles(directory).load()).toThrow(SnapshotCorruptError)
  })
})
