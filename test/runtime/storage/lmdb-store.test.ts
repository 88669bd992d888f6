import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Entry } from '../../../protocol/entry.ts'
import { asEpoch, asKey, asMillis, asSeq } from '../../../protocol/ids.ts'
import { type LmdbStore, type LmdbStoreOptions, openLmdbStore } from '../../../runtime/storage/lmdb-store.ts'

let path: string
let open: LmdbStore[]

beforeEach(() => {
  path = fs.mkdtempSync(join(os.tmpdir(), 'catenary-lmdb-'))
  open = []
})

afterEach(async () => {
  for (const store of open) await store.close().catch(() => {})
  fs.rmSync(path, { recursive: true, force: true })
})

function start(options: Partial<LmdbStoreOptions> = {}): LmdbStore {
  const store = openLmdbStore({ path: join(path, 'store'), ...options })
  open.push(store)
  return store
}

const entry = (seq: number, name: string, value: Uint8Array): Entry => ({
  epoch: asEpoch(1),
  seq: asSeq(seq),
  origin: null,
  writes: [{ key: asKey(name), value, expiresAtWallMs: asMillis(0) }],
  sessions: null,
})
const turn = () => new Promise((resolve) => setImmediate(resolve))

describe('reaching the disk', () => {
  test('flush names a position that covers the call, and onFlushed only goes on', async () => {
    const flushed: number[] = []
    const store = start({ batchKeys: 50, onFlushed: ({ seq }) => flushed.push(seq) })
    for (let seq = 1; seq <= 1000; seq++) {
      store.apply(entry(seq, `k${seq % 300}`, new Uint8Array(100)))
      if (seq % 200 === 0) expect((await store.flush()).seq).toBe(seq)
      if (seq % 30 === 0) await turn()
    }
    expect(flushed).toEqual(flushed.toSorted((a, b) => a - b))
    expect(flushed.at(-1)).toBe(1000)
    expect(flushed.length).toBeGreaterThan(10)
    expect(store.flushedPosition).toEqual({ epoch: 1, seq: 1000 })
    expect(store.overlayBytes).toBe(0)
  })

  test('what nobody flushes reaches the disk by itself, by time or by size', async () => {
    const byTime = await new Promise<number>((resolve) => {
      const store = start({ batchDelayMs: 5, onFlushed: ({ seq }) => resolve(seq) })
      store.apply(entry(1, 'a', new Uint8Array(1)))
    })
    expect(byTime).toBe(1)
    const bySize = await new Promise<number>((resolve) => {
      const options = { path: join(path, 'other'), batchDelayMs: 3_600_000, batchBytes: 10_000 }
      const store = start({ ...options, onFlushed: ({ seq }) => resolve(seq) })
      store.apply(entry(1, 'a', new Uint8Array(1)))
      store.apply(entry(2, 'b', new Uint8Array(20_000)))
    })
    expect(bySize).toBe(2)
  })

  test('flushes that overlap all resolve', async () => {
    const store = start()
    const positions = Array.from({ length: 20 }, (_, i) => {
      store.apply(entry(i + 1, `k${i}`, new Uint8Array(10)))
      return store.flush()
    })
    for (const [i, position] of (await Promise.all(positions)).entries()) {
      expect(position.seq).toBeGreaterThanOrEqual(i + 1)
    }
    expect((await store.flush()).seq).toBe(20)
  })

  test('a copy of the file after a flush is the whole state: nothing is kept elsewhere', async () => {
    const store = start()
    for (let seq = 1; seq <= 5000; seq++) store.apply(entry(seq, `k${seq % 700}`, Buffer.from(String(seq))))
    await store.flush()
    fs.mkdirSync(join(path, 'copy'))
    fs.copyFileSync(join(path, 'store', 'data.mdb'), join(path, 'copy', 'data.mdb'))
    const copy = start({ path: join(path, 'copy') })
    expect([copy.meta.applied.seq, copy.keyCount]).toEqual([5000, 700])
    const everything = { prefix: asKey(''), after: null, limit: 1000 }
    expect(copy.scan(everything)).toEqual(store.scan(everything))
  })

  test('opening does not read the items, and a large store keeps its count', async () => {
    const store = start()
    for (let seq = 1; seq <= 30_000; seq++) {
      store.apply(entry(seq, `key:${seq}`, new Uint8Array(100)))
      if (seq % 1000 === 0) await turn()
    }
    await store.close()
    const begin = performance.now()
    const again = start()
    expect(again.keyCount).toBe(30_000)
    expect(performance.now() - begin).toBeLessThan(500)
  })
})

describe('a full disk', () => {
  test('is reported once; reads stay right; what was flushed comes back as one state', async () => {
    const disk = join(path, 'small')
    fs.mkdirSync(disk)
    try {
      execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'tmpfs', disk], { stdio: 'ignore' })
    } catch {
      return // no right to mount: the failure path is then covered where there is one
    }
    const quiet = vi.spyOn(console, 'error').mockImplementation(() => {}) // the library prints its commit errors
    try {
      const failures: Error[] = []
      const flushed: number[] = []
      const options = { path: join(disk, 'store'), batchKeys: 10 }
      const store = start({
        ...options,
        onFailure: (e) => failures.push(e),
        onFlushed: ({ seq }) => flushed.push(seq),
      })
      let seq = 0
      while (failures.length === 0 && seq < 2000) {
        store.apply(entry(++seq, `k${seq}`, new Uint8Array(5000).fill(seq)))
        if (seq % 10 === 0) await store.flush().catch(() => {})
      }
      expect(failures.length).toBe(1)
      expect(failures[0]?.message).toContain('cannot be written')
      await expect(store.flush()).rejects.toThrow('cannot be written')
      for (let i = 1; i <= seq; i++) expect(store.get(asKey(`k${i}`))?.value[0]).toBe(i & 0xff)
      expect(store.keyCount).toBe(seq)
      await store.close()
      expect(failures.length).toBe(1)

      const again = openLmdbStore(options)
      const applied = again.meta.applied.seq
      expect(applied).toBeGreaterThanOrEqual(flushed.at(-1) ?? 1)
      expect(again.keyCount).toBe(applied)
      for (let i = 1; i <= seq; i++)
        expect(again.get(asKey(`k${i}`))?.value[0]).toBe(i <= applied ? i & 0xff : undefined)
      await again.close()
    } finally {
      quiet.mockRestore()
      execFileSync('umount', ['--lazy', disk]) // the failed store keeps its file open
    }
  })
})
