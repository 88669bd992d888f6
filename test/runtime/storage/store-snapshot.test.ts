import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { StoredItem } from '../../../chain/clean-store.ts'
import type { Entry } from '../../../protocol/entry.ts'
import { asEpoch, asKey, asMillis, asSeq, type Key } from '../../../protocol/ids.ts'
import type { StoreSnapshot } from '../../../runtime/storage/durable-store.ts'
import { openLmdbStore } from '../../../runtime/storage/lmdb-store.ts'

const path = mkdtempSync(join(tmpdir(), 'catenary-snapshot-'))
afterAll(() => rmSync(path, { recursive: true, force: true }))

const write = (key: string, value: string | null) => ({
  key: asKey(key),
  value: value === null ? null : new Uint8Array(Buffer.from(value)),
  expiresAtWallMs: asMillis(value === null ? 0 : 77),
})
const entry = (seq: number, ...writes: Entry['writes'][number][]): Entry => ({
  epoch: asEpoch(2),
  seq: asSeq(seq),
  origin: null,
  writes,
  sessions: null,
})

function textOf(snapshot: StoreSnapshot, bytesMax: number): string[] {
  const all: StoredItem[] = []
  for (let after: Key | null = null; ; ) {
    const page = snapshot.page(after, bytesMax)
    all.push(...page)
    const last = page.at(-1)
    if (last === undefined) break
    after = last.key
  }
  return all.map(({ key, value, version }) => `${key}=${Buffer.from(value)}@${version}`)
}

test('a snapshot stays as it was: what was on the disk, on its way there, or still in memory, is changed, deleted and written out meanwhile', async () => {
  const store = openLmdbStore({ path: join(path, 'store'), batchDelayMs: 1 })
  const long = 'l'.repeat(3000)
  store.apply(entry(1, write('a', 'disk'), write('b', 'disk'), write('c', 'disk'), write(long, 'long')))
  await store.flush()
  store.apply(entry(2, write('b', 'sealed'), write('d', 'sealed')))
  const flushing = store.flush() // its batch is under way
  store.apply(entry(3, write('c', null), write('e', 'active')))

  const snapshot = store.snapshot()
  const wanted = ['a=disk@1', 'b=sealed@2', 'd=sealed@2', 'e=active@3', `${long}=long@1`]
  expect(snapshot.applied).toEqual({ epoch: 2, seq: 3 })
  expect(snapshot.keyCount).toBe(5)
  expect(textOf(snapshot, 1)).toEqual(wanted)

  for (let seq = 4; seq < 40; seq++) {
    store.apply(
      entry(seq, write('a', null), write('b', `${seq}`), write('c', `${seq}`), write(`n${seq}`, '')),
    )
    if (seq % 5 === 0) await store.flush()
    if (seq === 20) store.clear()
    expect(textOf(snapshot, 9)).toEqual(wanted)
    await new Promise((resolve) => setImmediate(resolve))
  }
  await flushing
  await store.flush()
  const later = store.snapshot()
  expect(textOf(later, 1e6)).not.toEqual(wanted)
  expect(textOf(snapshot, 1e6)).toEqual(wanted)
  snapshot.close()
  snapshot.close()
  expect(() => snapshot.page(null, 1)).toThrow(/was closed/)

  await store.close() // with one still open
  expect(() => later.page(null, 1)).toThrow(/was closed/)
})
