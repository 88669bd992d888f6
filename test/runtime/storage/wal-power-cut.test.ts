/** Power cuts of a log whose file is longer than its records: whatever had not been synced reaches the disk sector by sector, in any order, or not at all. */
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { Rng } from '../../../lab/simulator/kernel/rng.ts'
import { WalCorruptError } from '../../../runtime/storage/wal/errors.ts'
import { openWal, type Wal } from '../../../runtime/storage/wal/wal.ts'

const SECTOR_BYTES = 512
const OWNER = 'n1/c0'

let directory: string

beforeEach(() => {
  directory = fs.mkdtempSync(join(os.tmpdir(), 'catenary-wal-cut-'))
})

afterEach(() => {
  vi.restoreAllMocks()
  fs.rmSync(directory, { recursive: true, force: true })
})

const segment = (directory: string) => join(directory, '00000001.wal')

/** The file as the disk has it, and what the page cache has beyond that. */
class Disk {
  #synced: Buffer = Buffer.alloc(0)
  #unsynced: { readonly at: number; readonly bytes: Uint8Array }[] = []
  #finish: (() => void) | null = null

  /** What the log does to its one file from now on happens here as well; an fdatasync ends when the test says so. */
  watch(file: string): void {
    this.#synced = fs.readFileSync(file)
    const { writevSync, writeSync } = fs
    vi.spyOn(fs, 'writevSync').mockImplementation((fd, buffers, position) => {
      let at = Number(position)
      for (const one of buffers as readonly Uint8Array[]) {
        this.#unsynced.push({ at, bytes: Uint8Array.from(one) })
        at += one.length
      }
      return writevSync(fd, buffers, position)
    })
    vi.spyOn(fs, 'write').mockImplementation(((
      fd: number,
      bytes: Uint8Array,
      from: number,
      length: number,
      at: number,
      done: (error: null, written: number) => void,
    ) => {
      this.#unsynced.push({ at, bytes: bytes.slice(from, from + length) })
      done(null, writeSync(fd, bytes, from, length, at))
    }) as typeof fs.write)
    vi.spyOn(fs, 'fdatasync').mockImplementation((_fd, done) => {
      const count = this.#unsynced.length
      this.#finish = () => {
        this.#synced = this.#with(this.#unsynced.splice(0, count), () => true)
        done(null)
      }
    })
  }

  async finishSync(wal: Wal): Promise<void> {
    const before = wal.durablePosition
    this.#finish?.()
    this.#finish = null
    await vi.waitUntil(() => wal.durablePosition > before, { interval: 0 })
  }

  /** What a power cut leaves now. */
  cut(rng: Rng): Buffer {
    const share = rng.below(11)
    return this.#with(this.#unsynced, () => rng.below(10) < share)
  }

  #with(
    writes: readonly { readonly at: number; readonly bytes: Uint8Array }[],
    arrives: () => boolean,
  ): Buffer {
    const length = Math.max(this.#synced.length, ...writes.map(({ at, bytes }) => at + bytes.length))
    const image = Buffer.alloc(length)
    this.#synced.copy(image)
    for (const { at, bytes } of writes) {
      for (let from = 0; from < bytes.length; ) {
        const to = Math.min(bytes.length, from + SECTOR_BYTES - ((at + from) % SECTOR_BYTES))
        if (arrives()) image.set(bytes.subarray(from, to), at + from)
        from = to
      }
    }
    return image
  }
}

/** Random bytes, zeros, and zeros between random bytes: what is missing and what was written so look alike. */
function payload(rng: Rng): Uint8Array {
  const bytes = Buffer.alloc(rng.below(rng.below(4) === 0 ? 5000 : 200))
  const kind = rng.below(4)
  for (let i = 0; i < bytes.length; i++)
    if (kind > 1 || (kind === 1 && (i < 20 || i > bytes.length - 20))) bytes[i] = rng.below(256)
  return bytes
}

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex')

function replayed(place: string): { wal: Wal; payloads: string[] } {
  const { wal, replay } = openWal({ directory: place, owner: OWNER, fsync: 'never' })
  return { wal, payloads: [...replay()].map((record) => hex(record.payload)) }
}

/** A directory whose log is this. */
function placed(image: Buffer): string {
  const place = fs.mkdtempSync(join(directory, 'image-'))
  fs.writeFileSync(segment(place), image)
  return place
}

/** A log with some writes on the disk, the last of which begins behind record `lastSynced`, and one more that is not. */
async function writtenLog(rng: Rng) {
  const place = fs.mkdtempSync(join(directory, 'log-'))
  const { wal, replay } = openWal({ directory: place, owner: OWNER })
  expect([...replay()]).toEqual([])
  const disk = new Disk()
  disk.watch(segment(place))
  const appended: string[] = []
  let lastSynced = 0
  for (let write = rng.below(6); write >= 0; write--) {
    const isLast = write === 0
    if (!isLast) lastSynced = wal.durablePosition
    for (let i = rng.below(6); i >= 0; i--) {
      const bytes = payload(rng)
      appended.push(hex(bytes))
      if (i > 0 && rng.below(4) === 0) wal.appendHint(2, bytes)
      else wal.append(1, bytes)
    }
    wal.write()
    if (!isLast) await disk.finishSync(wal)
  }
  vi.restoreAllMocks()
  fs.rmSync(place, { recursive: true })
  return { disk, appended, durable: wal.durablePosition, lastSynced }
}

describe('a power cut', () => {
  test('loses nothing that was durable, and keeps a prefix of the rest; the log goes on from there', async () => {
    let cuts = 0
    for (let seed = 1; seed <= 15; seed++) {
      const rng = new Rng(seed)
      const { disk, appended, durable } = await writtenLog(rng)
      for (let cut = 0; cut < 4; cut++) {
        const place = placed(disk.cut(rng))
        const { wal, payloads } = replayed(place)
        expect(payloads.length).toBeGreaterThanOrEqual(durable)
        expect(payloads).toEqual(appended.slice(0, payloads.length))
        if (wal.tornTail !== null) cuts++
        wal.append(1, Buffer.from('later'))
        await wal.close()
        const again = replayed(place)
        expect(again.payloads).toEqual([...payloads, hex(Buffer.from('later'))])
        await again.wal.close()
      }
    }
    expect(cuts).toBeGreaterThan(8)
  })

  test('does not excuse a flipped bit in what a later write had found on the disk', async () => {
    let flips = 0
    for (let seed = 1; seed <= 15; seed++) {
      const rng = new Rng(seed)
      const { disk, lastSynced } = await writtenLog(rng)
      const ends = recordEnds(disk.cut(rng))
      const [from = 0, to = 0] = [ends[0], ends[lastSynced]]
      for (let flip = 0; flip < 10 && lastSynced > 0; flip++, flips++) {
        const image = disk.cut(rng)
        const at = from + rng.below(to - from)
        image[at] = (image[at] ?? 0) ^ (1 << rng.below(8))
        const place = placed(image)
        expect(() => replayed(place)).toThrow(WalCorruptError)
      }
    }
    expect(flips).toBeGreaterThan(60)
  })
})

/** Where the header ends, and then each record. */
function recordEnds(image: Buffer): number[] {
  const ends = [30 + OWNER.length]
  for (;;) {
    const at = ends.at(-1) ?? 0
    const length = image.readUInt32LE(at) & 0x7fff_ffff
    if ((image.readUInt32LE(at) ^ image.readUInt32LE(at + 4)) >>> 0 !== image.readUInt32LE(12)) return ends
    ends.push(at + 13 + length)
  }
}
