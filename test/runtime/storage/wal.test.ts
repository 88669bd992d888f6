import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { WalCorruptError, WalFailedError, WalForeignError } from '../../../runtime/storage/wal/errors.ts'
import { openWal, type Wal, type WalOptions } from '../../../runtime/storage/wal/wal.ts'

let directory: string
let open: Wal[]

beforeEach(() => {
  directory = fs.mkdtempSync(join(os.tmpdir(), 'catenary-wal-'))
  open = []
})

afterEach(async () => {
  for (const wal of open) await wal.close().catch(() => {})
  fs.rmSync(directory, { recursive: true, force: true })
})

function start(options: Partial<WalOptions> = {}) {
  const { wal, replay } = openWal({ directory, owner: 'n1/c0', ...options })
  open.push(wal)
  return { wal, records: [...replay()] }
}

const text = (payload: Uint8Array) => Buffer.from(payload).toString()
const bytes = (content: string) => Buffer.from(content)
const segmentFiles = () => fs.readdirSync(directory).sort()
const segment = (number: number) => join(directory, `${String(number).padStart(8, '0')}.wal`)

/** A log with these payloads, closed. */
async function written(...payloads: (string | Uint8Array)[]) {
  const { wal } = start()
  for (const payload of payloads) wal.append(7, typeof payload === 'string' ? bytes(payload) : payload)
  await wal.close()
}

describe('appending and replaying', () => {
  test('what was flushed comes back in order, with types and positions', async () => {
    const { wal, records } = start()
    expect(records).toEqual([])
    expect(wal.append(1, bytes('one'))).toBe(1)
    expect(wal.append(255, bytes(''))).toBe(2)
    await wal.flush()
    expect(wal.durablePosition).toBe(2)
    wal.append(3, Buffer.alloc(3_000_000, 5))
    await wal.close()

    const again = start()
    expect(again.records.map(({ type, position, payload }) => [type, position, payload.length])).toEqual([
      [1, 1, 3],
      [255, 2, 0],
      [3, 3, 3_000_000],
    ])
    expect(text(again.records[0]?.payload ?? bytes(''))).toBe('one')
    expect(again.wal.durablePosition).toBe(3)
    expect(again.wal.append(1, bytes('four'))).toBe(4)
    await again.wal.close()
    expect(start().records.length).toBe(4)
  })

  test('appending before the replay has ended is refused', () => {
    const { wal } = openWal({ directory, owner: 'n1/c0' })
    expect(() => wal.append(1, bytes('x'))).toThrow('not open')
  })

  test('the payload is copied: the caller may reuse its buffer', async () => {
    const { wal } = start()
    const buffer = bytes('before')
    wal.append(1, buffer)
    buffer.fill(0)
    await wal.close()
    expect(start().records.map((r) => text(r.payload))).toEqual(['before'])
  })
})

describe('durability', () => {
  test('sync: one fdatasync for a turn, and one for all that came while it ran', async () => {
    const writes = vi.spyOn(fs, 'writevSync')
    const syncs = vi.spyOn(fs, 'fdatasync')
    const durable: number[] = []
    const { wal } = start({ onDurable: (position) => durable.push(position) })
    writes.mockClear()
    for (let i = 0; i < 1000; i++) wal.append(1, bytes(`record ${i}`))
    expect(wal.durablePosition).toBe(0)
    await new Promise((resolve) => setImmediate(resolve))
    for (let i = 0; i < 500; i++) wal.append(1, bytes(`later ${i}`))
    await wal.flush()
    expect(durable).toEqual([1000, 1500])
    expect(writes).toHaveBeenCalledTimes(2)
    expect(syncs).toHaveBeenCalledTimes(2)
    writes.mockRestore()
    syncs.mockRestore()
  })

  test('durable positions only grow, and reach what was appended', async () => {
    const durable: number[] = []
    const { wal } = start({ segmentBytesMax: 4096, onDurable: (position) => durable.push(position) })
    for (let round = 0; round < 50; round++) {
      for (let i = 0; i < 20; i++) wal.append(1, Buffer.alloc(round * 10, i))
      if (round % 3 === 0) await wal.flush()
      else await new Promise((resolve) => setImmediate(resolve))
    }
    await wal.flush()
    expect(durable).toEqual([...new Set(durable)].sort((a, b) => a - b))
    expect(durable.at(-1)).toBe(1000)
  })

  test('interval: reported once written, synced by the timer, and flush syncs at once', async () => {
    const syncs = vi.spyOn(fs, 'fdatasync')
    try {
      const { wal } = start({ fsync: 'interval', intervalMs: 3_600_000 })
      wal.append(1, bytes('x'))
      wal.write()
      expect([wal.durablePosition, syncs.mock.calls.length]).toEqual([1, 0])
      await wal.flush()
      expect(syncs).toHaveBeenCalledTimes(1)
      const timed = start({ fsync: 'interval', intervalMs: 5 }).wal
      timed.append(1, bytes('x'))
      await vi.waitUntil(() => timed.syncs === 1)
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('interval: no write waits for a running fdatasync, and who asks while it runs gets one of his own', async () => {
    const { wal } = start({ fsync: 'interval', intervalMs: 3_600_000 })
    const finish: (() => void)[] = []
    const slow = vi.spyOn(fs, 'fdatasync').mockImplementation(((
      _fd: number,
      done: (error: Error | null) => void,
    ) => {
      finish.push(() => done(null))
    }) as typeof fs.fdatasync)
    try {
      wal.append(1, bytes('x'))
      const first = wal.flush()
      await vi.waitUntil(() => finish.length === 1)
      wal.append(1, bytes('y'))
      wal.write()
      expect(wal.durablePosition).toBe(2)
      const second = wal.flush()
      finish[0]?.()
      await first
      await vi.waitUntil(() => finish.length === 2)
      finish[1]?.()
      await second
      expect(slow).toHaveBeenCalledTimes(2)
    } finally {
      vi.restoreAllMocks()
    }
  })

  test('never: reported as soon as it is written', async () => {
    const reported = new Promise<number>((resolve) => {
      start({ fsync: 'never', onDurable: resolve }).wal.append(1, bytes('x'))
    })
    expect(await reported).toBe(1)
  })

  test('never: write reports before it returns', () => {
    const durable: number[] = []
    const { wal } = start({ fsync: 'never', onDurable: (position) => durable.push(position) })
    wal.append(1, bytes('x'))
    expect(durable).toEqual([])
    wal.write()
    expect(durable).toEqual([1])
  })

  test('a hint causes no write and no fdatasync of its own, and goes with what follows', async () => {
    const writes = vi.spyOn(fs, 'writevSync')
    const syncs = vi.spyOn(fs, 'fdatasync')
    try {
      const { wal } = start()
      writes.mockClear()
      wal.appendHint(2, bytes('payload'), bytes('prefix '))
      wal.write()
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      expect(writes).toHaveBeenCalledTimes(0)
      wal.append(1, bytes('record'))
      await wal.flush()
      expect([writes.mock.calls.length, syncs.mock.calls.length, wal.durablePosition]).toEqual([1, 1, 2])
      await new Promise((resolve) => setImmediate(resolve))
      wal.appendHint(2, bytes('written alone'))
      wal.writeHints()
      // At once, or when the thread that writes zeros ahead of it is done.
      await vi.waitFor(() => expect([writes.mock.calls.length, syncs.mock.calls.length]).toEqual([2, 1]))
      await wal.close()
      expect(start().records.map(({ payload }) => text(payload))).toEqual([
        'prefix payload',
        'record',
        'written alone',
      ])
    } finally {
      writes.mockRestore()
      syncs.mockRestore()
    }
  })

  test('what a killed process left in the page cache is synced before anything counts as durable', async () => {
    await written('in the page cache')
    const synced: number[] = []
    const sync = vi.spyOn(fs, 'fsyncSync').mockImplementation((fd) => void synced.push(fs.fstatSync(fd).ino))
    try {
      const { wal, replay } = openWal({ directory, owner: 'n1/c0' })
      open.push(wal)
      for (const _ of replay()) expect([wal.durablePosition, synced]).toEqual([0, []])
      expect(wal.durablePosition).toBe(1)
      expect(synced).toEqual([fs.statSync(segment(1)).ino, fs.statSync(directory).ino])
    } finally {
      sync.mockRestore()
    }
  })
})

describe('a torn tail', () => {
  test('is cut wherever in the last record the write stopped', async () => {
    await written('first', 'second', 'the last record, torn')
    const whole = fs.readFileSync(segment(1))
    const lastRecordAt = whole.length - 'the last record, torn'.length - 13
    for (let length = lastRecordAt; length < whole.length; length++) {
      fs.writeFileSync(segment(1), whole.subarray(0, length))
      const { wal, records } = start()
      expect(records.map((r) => text(r.payload))).toEqual(['first', 'second'])
      const torn =
        length === lastRecordAt
          ? null
          : { file: segment(1), offset: lastRecordAt, bytes: length - lastRecordAt }
      expect(wal.tornTail).toEqual(torn)
      expect(wal.append(1, bytes('third'))).toBe(3)
      await wal.close()
      expect(start().records.map((r) => text(r.payload))).toEqual(['first', 'second', 'third'])
    }
  })

  test('a last record whose bytes did not all arrive is cut, also if zeros did', async () => {
    await written('first', 'second')
    const whole = fs.readFileSync(segment(1))
    whole.fill(0, whole.length - 3)
    fs.writeFileSync(segment(1), Buffer.concat([whole, Buffer.alloc(5000)]))
    expect(start().records.map((r) => text(r.payload))).toEqual(['first'])
  })

  test('bytes of another log inside a torn record are not taken for a record of this one', async () => {
    await written('someone else’s record')
    const foreign = fs.readFileSync(segment(1))
    fs.rmSync(segment(1))
    await written('first', Buffer.concat([foreign, bytes('tail')]))
    const whole = fs.readFileSync(segment(1))
    fs.writeFileSync(segment(1), whole.subarray(0, whole.length - 1))
    expect(start().records.map((r) => text(r.payload))).toEqual(['first'])
  })
})

describe('zeros behind the records', () => {
  /** The file of a log that was not closed, as a kill leaves it. */
  async function unclosed(...writes: (readonly Uint8Array[])[]) {
    const { wal } = start()
    for (const payloads of writes) {
      for (const payload of payloads) wal.append(7, payload)
      await wal.flush()
    }
    const whole = fs.readFileSync(segment(1))
    await wal.close()
    return { whole, closedBytes: fs.statSync(segment(1)).size }
  }

  test('are room for more: a replay ends at them, and a closed log has none', async () => {
    const { whole, closedBytes } = await unclosed([bytes('first')], [bytes('second')])
    expect(whole.length).toBeGreaterThan(closedBytes + 100_000)
    fs.writeFileSync(segment(1), whole)
    const { wal, records } = start()
    expect([records.map((r) => text(r.payload)), wal.tornTail]).toEqual([['first', 'second'], null])
  })

  test('are cut from a full segment before the next one begins', async () => {
    const { wal } = start({ segmentBytesMax: 1000 })
    for (const size of [500, 600, 100]) {
      wal.append(1, Buffer.alloc(size, 1))
      await wal.flush()
    }
    const first = fs.readFileSync(segment(1))
    expect(first.length).toBeLessThan(1300)
    expect(fs.statSync(segment(2)).size).toBeGreaterThan(100_000)
    fs.writeFileSync(segment(1), Buffer.concat([first, Buffer.alloc(1)]))
    expect(() => start()).toThrow('another segment follows')
  })

  test('of records that were written together, one whose sector is missing is cut with those behind it', async () => {
    const random = Buffer.alloc(3000, 'x')
    const { whole } = await unclosed([bytes('durable')], [random, random, bytes('last')])
    const secondAt = whole.indexOf('xxx') - 13
    const missing = Buffer.from(whole)
    missing.fill(0, 512, 1024)
    fs.writeFileSync(segment(1), missing)
    const { wal, records } = start()
    expect([records.map((r) => text(r.payload)), wal.tornTail?.offset]).toEqual([['durable'], secondAt])
  })

  test('do not excuse a record with all its sectors that is broken, or one that was synced before the next was written', async () => {
    const random = Buffer.alloc(3000, 'x')
    const { whole, closedBytes } = await unclosed([random, random], [random, bytes('last')])
    for (const at of [700, 3700, 7000]) {
      const flipped = Buffer.from(whole)
      flipped[at] = 0
      fs.writeFileSync(segment(1), flipped)
      expect(() => start()).toThrow(WalCorruptError)
    }
    const missing = Buffer.from(whole)
    missing.fill(0, 512, 1024)
    fs.writeFileSync(segment(1), missing)
    expect(() => start()).toThrow(WalCorruptError)
    const closed = Buffer.from(whole.subarray(0, closedBytes))
    closed.fill(0, 7168, 7680)
    fs.writeFileSync(segment(1), closed)
    expect(() => start()).toThrow(WalCorruptError)
  })

  test('records of a log that syncs no single write vouch for all before them', async () => {
    const { wal } = start({ fsync: 'interval' })
    for (let i = 0; i < 3; i++) wal.append(1, Buffer.alloc(3000, 'x'))
    await wal.close()
    const whole = fs.readFileSync(segment(1))
    whole.fill(0, 512, 1024)
    fs.writeFileSync(segment(1), Buffer.concat([whole, Buffer.alloc(5000)]))
    expect(() => start()).toThrow(WalCorruptError)
  })
})

describe('corruption', () => {
  test('any flipped byte before the last record is refused, with file, offset and repair', async () => {
    await written('first', 'second', 'third')
    const whole = fs.readFileSync(segment(1))
    const records = whole.length - (13 * 3 + 'firstsecondthird'.length)
    const lastRecordAt = whole.length - 13 - 'third'.length
    for (let offset = records; offset < lastRecordAt; offset++) {
      const damaged = Buffer.from(whole)
      damaged[offset] = (damaged[offset] ?? 0) ^ 0x40
      fs.writeFileSync(segment(1), damaged)
      const recordAt = offset < records + 13 + 5 ? records : records + 13 + 5
      expect(() => start()).toThrow(WalCorruptError)
      expect(() => start()).toThrow(`00000001.wal is corrupt at byte ${recordAt}`)
      expect(() => start()).toThrow('rejoins')
    }
  })

  test('a damaged header, a gap between segments, a bad end of an earlier segment', async () => {
    const { wal } = start({ segmentBytesMax: 100 })
    for (let i = 0; i < 4; i++) {
      wal.append(1, Buffer.alloc(200, i))
      await wal.flush()
    }
    await wal.close()
    expect(segmentFiles().length).toBe(4)
    const second = fs.readFileSync(segment(2))

    const header = Buffer.from(second)
    header[17] = (header[17] ?? 0) ^ 1
    fs.writeFileSync(segment(2), header)
    expect(() => start()).toThrow('checksum of the header')

    fs.writeFileSync(segment(2), second.subarray(0, second.length - 1))
    expect(() => start()).toThrow('another segment follows')

    fs.rmSync(segment(2))
    expect(() => start()).toThrow('00000002.wal is corrupt at byte 0: this segment is missing')
  })

  test('a segment of another owner, of another format, or of no log at all', async () => {
    await written('first')
    expect(() => start({ owner: 'n2/c0' })).toThrow(WalForeignError)
    expect(() => start({ owner: 'n2/c0' })).toThrow('belongs to "n1/c0", not to "n2/c0"')
    const whole = fs.readFileSync(segment(1))
    whole.writeUInt32LE(1, 8)
    fs.writeFileSync(segment(1), whole)
    expect(() => start()).toThrow('format 1')
    fs.writeFileSync(segment(1), Buffer.alloc(1000, 'x'))
    expect(() => start()).toThrow('not a log segment')
  })
})

describe('segments', () => {
  test('a full segment is followed by another, and a replay reads them all', async () => {
    const { wal } = start({ segmentBytesMax: 1000 })
    for (let i = 0; i < 30; i++) {
      wal.append(1, Buffer.alloc(100, i))
      if (i % 2 === 0) await wal.flush()
    }
    await wal.close()
    expect(segmentFiles().length).toBeGreaterThan(2)
    expect(start().records.map((r) => r.payload[0])).toEqual(Array.from({ length: 30 }, (_, i) => i))
  })

  test('dropBefore deletes whole segments below the position, and what is left replays with its positions', async () => {
    const { wal } = start({ segmentBytesMax: 100 })
    for (let i = 1; i <= 6; i++) {
      wal.append(1, Buffer.alloc(200, i))
      await wal.flush()
    }
    wal.dropBefore(4)
    expect(segmentFiles()).toEqual(['00000004.wal', '00000005.wal', '00000006.wal'])
    wal.dropBefore(1_000)
    expect(segmentFiles()).toEqual(['00000006.wal'])
    await wal.close()
    const again = start({ segmentBytesMax: 100 })
    expect(again.records.map((r) => [r.position, r.payload[0]])).toEqual([[6, 6]])
    expect(again.wal.append(1, bytes('seven'))).toBe(7)
  })

  test('of format 2 are read, and what follows goes to a new one', async () => {
    await written('first', 'second')
    const old = fs.readFileSync(segment(1))
    const headerEnd = 26 + 'n1/c0'.length
    old.writeUInt32LE(2, 8)
    old.writeUInt32LE(crc32(old.subarray(0, headerEnd)), headerEnd)
    for (const guard of [0, 4]) {
      const top = headerEnd + 4 + guard + 3
      old[top] = (old[top] ?? 0) ^ 0x80 // no record of format 2 vouches
    }
    fs.writeFileSync(segment(1), old)
    const { wal, records } = start()
    expect(records.map((r) => text(r.payload))).toEqual(['first', 'second'])
    wal.append(1, bytes('third'))
    await wal.close()
    expect([segmentFiles(), fs.readFileSync(segment(1))]).toEqual([['00000001.wal', '00000002.wal'], old])
    expect(start().records.map((r) => text(r.payload))).toEqual(['first', 'second', 'third'])

    const damaged = Buffer.from(old)
    damaged[headerEnd + 4 + 14] = 0
    fs.rmSync(segment(2))
    fs.writeFileSync(segment(1), Buffer.concat([damaged, Buffer.alloc(5000)]))
    expect(() => start()).toThrow(WalCorruptError)
  })

  test('a segment whose creation was interrupted is forgotten', async () => {
    await written('first')
    fs.writeFileSync(`${segment(2)}.tmp`, 'half a head')
    expect(start().records.length).toBe(1)
    expect(segmentFiles()).toEqual(['00000001.wal'])
  })
})

describe('a failing disk', () => {
  /** A file system of 1 MiB: really full, and not by a mock. */
  function smallDisk(): string | null {
    const path = join(directory, 'small')
    fs.mkdirSync(path)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', path], { stdio: 'ignore' })
      return path
    } catch {
      return null
    }
  }

  test('full: reported once, nothing durable afterwards, and what was durable comes back', async () => {
    const disk = smallDisk()
    const path = disk ?? join(directory, 'limited')
    const failures: WalFailedError[] = []
    const durable: number[] = []
    // Without the right to mount, the write fails as a full disk's does: with an error from the system call.
    const refused = disk === null ? vi.spyOn(fs, 'writevSync') : null
    try {
      const { wal } = start({
        directory: path,
        onFailure: (error) => failures.push(error),
        onDurable: (position) => durable.push(position),
      })
      for (let i = 0; i < 40 && failures.length === 0; i++) {
        if (i === 10)
          refused?.mockImplementation(() => {
            throw new Error('ENOSPC: no space left on device')
          })
        wal.append(1, Buffer.alloc(100_000, i))
        await wal.flush().catch((error: unknown) => expect(error).toBeInstanceOf(WalFailedError))
      }
      const durableAtFailure = wal.durablePosition
      expect(failures.length).toBe(1)
      expect(failures[0]?.message).toContain('ENOSPC')
      wal.append(1, bytes('x'))
      await expect(wal.flush()).rejects.toThrow(WalFailedError)
      expect(failures.length).toBe(1)
      expect(durable.at(-1)).toBe(durableAtFailure)
      await wal.close()
      refused?.mockRestore()
      const { wal: again, replay } = openWal({ directory: path, owner: 'n1/c0' })
      let count = 0
      for (const record of replay()) expect(record.payload[0]).toBe(count++)
      expect(count).toBe(durableAtFailure)
      await again.close()
    } finally {
      refused?.mockRestore()
      if (disk !== null) execFileSync('umount', [disk])
    }
  })

  test('a failed fdatasync is never tried again: the kernel may have dropped the pages and would report success', async () => {
    const failures: WalFailedError[] = []
    const durable: number[] = []
    const { wal } = start({ onFailure: (e) => failures.push(e), onDurable: (p) => durable.push(p) })
    wal.append(1, bytes('durable'))
    await wal.flush()
    const sync = vi
      .spyOn(fs, 'fdatasync')
      .mockImplementation((_fd, done) => done(new Error('EIO: i/o error')))
    try {
      wal.append(1, bytes('lost'))
      await expect(wal.flush()).rejects.toThrow('EIO')
      wal.append(1, bytes('lost, too'))
      await expect(wal.flush()).rejects.toThrow('EIO')
      await wal.close()
      expect(sync).toHaveBeenCalledTimes(1)
      expect([failures.length, durable]).toEqual([1, [1]])
    } finally {
      sync.mockRestore()
    }
  })
})
