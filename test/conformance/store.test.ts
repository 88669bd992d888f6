import fs from 'node:fs'
import os from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { CleanStore, SessionRecord, StoredItem } from '../../chain/clean-store.ts'
import { MemoryStore } from '../../chain/memory-store.ts'
import type { Entry, Origin } from '../../protocol/entry.ts'
import {
  asEpoch,
  asKey,
  asMillis,
  asRequestNumber,
  asSeq,
  asSessionId,
  type Key,
} from '../../protocol/ids.ts'
import { DeferredStore } from '../../runtime/storage/deferred-store.ts'
import type { DurableStore } from '../../runtime/storage/durable-store.ts'
import { openLmdbStore } from '../../runtime/storage/lmdb-store.ts'
import { StoreModel } from '../runtime/storage/store-model.ts'

/** A store under test. `disturb` is what must change nothing: a batch in the background, a restart. */
interface Subject {
  readonly store: CleanStore
  disturb(how: Disturbance): Promise<void>
  close(): Promise<void>
}
type Disturbance = 'begin-batch' | 'flush' | 'reopen'

let path: string
let open: Subject[]

beforeEach(() => {
  path = fs.mkdtempSync(join(os.tmpdir(), 'catenary-store-'))
  open = []
})

afterEach(async () => {
  for (const subject of open) await subject.close()
  fs.rmSync(path, { recursive: true, force: true })
})

const memory = (): Subject => ({
  store: new MemoryStore(),
  disturb: async () => {},
  close: async () => {},
})

let directories = 0
function lmdb(wrap: (store: DurableStore) => DurableStore = (store) => store): Subject {
  const directory = join(path, String(directories++))
  const begin = () => wrap(openLmdbStore({ path: directory, batchDelayMs: 1 }))
  let store = begin()
  return {
    get store() {
      return store
    },
    async disturb(how) {
      if (how === 'begin-batch')
        void store.flush() // not awaited: what follows meets a batch that is being written
      else if (how === 'flush') await store.flush()
      else {
        await store.close()
        store = begin()
      }
    },
    close: () => store.close(),
  }
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text, 'latin1'))
const key = (text: string) => asKey(text)
const put = (name: string, value: string | Uint8Array, expiresAtWallMs = 0) => ({
  key: key(name),
  value: typeof value === 'string' ? bytes(value) : value,
  expiresAtWallMs: asMillis(expiresAtWallMs),
})
const del = (name: string) => ({ key: key(name), value: null, expiresAtWallMs: asMillis(0) })
const entry = (seq: number, ...writes: Entry['writes'][number][]): Entry => ({
  epoch: asEpoch(1),
  seq: asSeq(seq),
  origin: null,
  writes,
  sessions: null,
})
const item = (name: string, value: string, version: number, expiresAtWallMs = 0): StoredItem => ({
  key: key(name),
  value: bytes(value),
  version: asSeq(version),
  expiresAtWallMs: asMillis(expiresAtWallMs),
})
const origin = (session: number, requestNumber: number, answeredBelow: number): Origin => ({
  session: asSessionId(session),
  requestNumber: asRequestNumber(requestNumber),
  answeredBelow: asRequestNumber(answeredBelow),
  result: {
    type: 'read-back',
    applied: true,
    version: asSeq(9),
    reads: [null, { value: bytes('old'), version: asSeq(3), expiresAtWallMs: asMillis(0) }],
  },
})
const text = (value: Uint8Array | undefined) =>
  value === undefined ? null : Buffer.from(value).toString('latin1')
const all = (store: CleanStore) => store.scan({ prefix: key(''), after: null, limit: 1e9 })
const names = (items: StoredItem[]) => items.map((found) => found.key)

describe.each([
  { name: 'memory', start: memory },
  { name: 'lmdb', start: () => lmdb() },
  { name: 'lmdb, deferred', start: () => lmdb((store) => new DeferredStore(store)) },
])('a clean store: $name', ({ start }) => {
  function begin(): Subject {
    const subject = start()
    open.push(subject)
    return subject
  }

  /** Runs the checks at once, while a batch is being written, after it, and after a restart. */
  async function everywhere(subject: Subject, check: (store: CleanStore) => void): Promise<void> {
    check(subject.store)
    for (const how of ['begin-batch', 'flush', 'reopen'] as const) {
      await subject.disturb(how)
      check(subject.store)
    }
  }

  test('a fresh store is empty', async () => {
    await everywhere(begin(), (store) => {
      expect(store.meta).toEqual({ applied: { epoch: 0, seq: 0 }, memberEpoch: 0, receivingSnapshot: false })
      expect([store.keyCount, store.sessionCount, all(store).length]).toEqual([0, 0, 0])
      expect(store.get(key('a'))).toBeNull()
    })
  })

  test('an entry’s writes are visible at once and move `applied`', async () => {
    const subject = begin()
    subject.store.apply(entry(1, put('a', 'one'), put('b', 'two', 500)))
    subject.store.apply(entry(2, put('a', 'three'), del('nothing')))
    subject.store.setMeta({ memberEpoch: asEpoch(4), receivingSnapshot: true })
    await everywhere(subject, (store) => {
      expect(store.get(key('a'))).toEqual({ value: bytes('three'), version: 2, expiresAtWallMs: 0 })
      expect(store.get(key('b'))).toEqual({ value: bytes('two'), version: 1, expiresAtWallMs: 500 })
      expect(store.meta).toEqual({ applied: { epoch: 1, seq: 2 }, memberEpoch: 4, receivingSnapshot: true })
      expect(store.keyCount).toBe(2)
    })
    subject.store.apply(entry(3, del('a')))
    await everywhere(subject, (store) => {
      expect(store.get(key('a'))).toBeNull()
      expect(names(all(store))).toEqual(['b'])
      expect(store.keyCount).toBe(1)
    })
  })

  test('several writes of one key in one entry: the last one counts', async () => {
    const subject = begin()
    subject.store.apply(entry(1, put('a', 'x'), del('a'), put('b', 'y'), put('b', 'z')))
    await everywhere(subject, (store) => expect(names(all(store))).toEqual(['b']))
    expect(text(subject.store.get(key('b'))?.value)).toBe('z')
  })

  test('any bytes are a key: empty, zeros, all 256 values, and 4096 of them, in byte order', async () => {
    const subject = begin()
    const every = Array.from({ length: 256 }, (_, i) => String.fromCharCode(i))
    const long = (first: string, last: string) => first.repeat(4096 - last.length) + last
    const keys = [
      ...['', '\0', '\0\0', '\xff', '\xff\xff', '\0\xff', every.join('')],
      ...every.slice(1, 255),
      ...['\0', 'a', '\xff'].flatMap((first) => [
        long(first, ''),
        long(first, '\0'),
        long(first, '\xff'),
        long(first, 'zz'),
      ]),
      ...[1939, 1940, 1941, 1956, 1957].flatMap((length) => ['a'.repeat(length), `${'a'.repeat(length)}\0`]),
    ]
    const unique = [...new Set(keys)]
    for (const [i, name] of unique.toReversed().entries())
      subject.store.apply(entry(i + 1, put(name, name.slice(-5), 7)))
    const sorted = unique.toSorted()
    await everywhere(subject, (store) => {
      expect(names(all(store))).toEqual(sorted)
      for (const name of unique) expect(text(store.get(key(name))?.value)).toBe(name.slice(-5))
      expect(new Set(store.expired(asMillis(7), 1e9))).toEqual(new Set(unique))
      // Page by page, from each key to the next.
      for (const [i, name] of sorted.entries()) {
        const page = store.scan({ prefix: key(''), after: key(name), limit: 1 })
        expect(names(page)).toEqual(sorted.slice(i + 1, i + 2))
      }
      const prefix = 'a'.repeat(1950)
      const found = store.scan({ prefix: key(prefix), after: null, limit: 100 })
      expect(names(found)).toEqual(sorted.filter((name) => name.startsWith(prefix)))
    })
    for (const [i, name] of unique.entries()) subject.store.apply(entry(1000 + i, del(name)))
    await everywhere(subject, (store) => expect([store.keyCount, all(store).length]).toEqual([0, 0]))
  })

  test('a value that was read stays what it was, whatever is read or written later', async () => {
    const subject = begin()
    const sizes = [0, 1, 100, 5000, 40_000, 300_000, 2_000_000]
    for (const [i, size] of sizes.entries())
      subject.store.apply(entry(i + 1, put(`k${i}`, new Uint8Array(size).fill(i + 1))))
    await subject.disturb('reopen')
    const read = sizes.map((_, i) => subject.store.get(key(`k${i}`))?.value)
    const scanned = all(subject.store)
    for (let i = 0; i < sizes.length; i++)
      subject.store.apply(entry(100 + i, put(`k${i}`, new Uint8Array(3000).fill(99))))
    await subject.disturb('flush')
    for (let i = 0; i < sizes.length; i++) subject.store.get(key(`k${i}`))
    for (const [i, size] of sizes.entries()) {
      const expected = new Uint8Array(size).fill(i + 1)
      expect(Buffer.compare(read[i] ?? bytes('absent'), expected)).toBe(0)
      expect(Buffer.compare(scanned[i]?.value ?? bytes('absent'), expected)).toBe(0)
    }
  })

  test('scan: prefix, after, limit, and what is deleted', async () => {
    const subject = begin()
    const users = ['user:1', 'user:2', 'user:3', 'user:4']
    subject.store.apply(entry(1, ...['use', ...users, 'user;', 'v'].map((name) => put(name, name))))
    await subject.disturb('flush')
    subject.store.apply(entry(2, del('user:2'), put('user:25', 'new'), put('user:3', 'changed')))
    await everywhere(subject, (store) => {
      const scan = (after: string | null, limit: number) =>
        store.scan({ prefix: key('user:'), after: after === null ? null : key(after), limit })
      expect(names(scan(null, 100))).toEqual(['user:1', 'user:25', 'user:3', 'user:4'])
      expect(scan(null, 3).map((found) => text(found.value))).toEqual(['user:1', 'new', 'changed'])
      expect(names(scan('user:1', 1))).toEqual(['user:25'])
      expect(names(scan('user:2', 10))).toEqual(['user:25', 'user:3', 'user:4'])
      expect(names(scan('a', 1))).toEqual(['user:1'])
      expect(names(scan('user:4', 10))).toEqual([])
      expect(names(scan('z', 10))).toEqual([])
      expect(names(scan(null, 0))).toEqual([])
    })
  })

  test('expired: soonest first, up to the limit, never what was deleted, renewed or made permanent', async () => {
    const subject = begin()
    subject.store.apply(
      entry(1, put('late', 'x', 300), put('soon', 'x', 100), put('never', 'x'), put('mid', 'x', 200)),
    )
    subject.store.apply(entry(2, put('renewed', 'x', 50), put('deleted', 'x', 50), put('kept', 'x', 50)))
    await subject.disturb('flush')
    subject.store.apply(entry(3, put('renewed', 'x', 1000), del('deleted'), put('kept', 'x')))
    await everywhere(subject, (store) => {
      expect(store.expired(asMillis(99), 10)).toEqual([])
      expect(store.expired(asMillis(100), 10)).toEqual(['soon'])
      expect(store.expired(asMillis(999), 10)).toEqual(['soon', 'mid', 'late'])
      expect(store.expired(asMillis(1000), 2)).toEqual(['soon', 'mid'])
      expect(store.expired(asMillis(1000), 9)).toEqual(['soon', 'mid', 'late', 'renewed'])
    })
  })

  test('a snapshot item never replaces a newer version, and does not move `applied`', async () => {
    const subject = begin()
    subject.store.apply(entry(5, put('a', 'five')))
    subject.store.putSnapshotItem(item('a', 'four', 4))
    subject.store.putSnapshotItem(item('b', 'nine', 9, 77))
    await everywhere(subject, (store) => {
      expect(text(store.get(key('a'))?.value)).toBe('five')
      expect(store.get(key('b'))).toEqual({ value: bytes('nine'), version: 9, expiresAtWallMs: 77 })
      expect(store.meta.applied.seq).toBe(5)
      expect(store.keyCount).toBe(2)
    })
    subject.store.putSnapshotItem(item('a', 'six', 6))
    expect(text(subject.store.get(key('a'))?.value)).toBe('six')
  })

  test('entries over a fuzzy snapshot end in the state at its end, deletes included', async () => {
    const entries = [
      entry(1, put('a', '1'), put('b', '1'), put('c', '1', 10)),
      entry(2, put('d', '2'), del('a')),
      entry(3, put('a', '3'), put('b', '3', 50)),
      entry(4, del('c'), del('d'), put('e', '4')),
      entry(5, del('a'), put('d', '5')),
      entry(6, put('a', '6'), del('e')),
    ]
    const expected = new StoreModel()
    for (const applied of entries) expected.apply(applied)
    // Each item is read from the source at another moment, in key order: the snapshot is no state of the chain.
    for (let skew = 0; skew <= 6; skew++) {
      const subject = begin()
      subject.store.setMeta({ receivingSnapshot: true, applied: { epoch: asEpoch(1), seq: asSeq(1) } })
      for (const [i, name] of ['a', 'b', 'c', 'd', 'e'].entries()) {
        const source = new StoreModel()
        for (const applied of entries.slice(0, 1 + ((i + skew) % 6))) source.apply(applied)
        const found = source.get(key(name))
        if (found !== null) subject.store.putSnapshotItem({ key: key(name), ...found })
        if (i === 2) await subject.disturb('flush')
      }
      for (const applied of entries.slice(1)) subject.store.apply(applied)
      await everywhere(subject, (store) => {
        expect(all(store)).toEqual(expected.items())
        expect(store.keyCount).toBe(expected.items().length)
        expect(store.meta.applied.seq).toBe(6)
      })
    }
  })

  test('applying entries again changes nothing', async () => {
    const subject = begin()
    const entries = [
      entry(1, put('a', '1', 5)),
      entry(2, put('b', '2')),
      entry(3, del('a')),
      entry(4, put('a', '4')),
    ]
    for (const applied of entries) subject.store.apply(applied)
    const before = all(subject.store)
    await subject.disturb('flush')
    for (const applied of entries) subject.store.apply(applied)
    await everywhere(subject, (store) => {
      expect(all(store)).toEqual(before)
      expect(store.keyCount).toBe(2)
      expect(store.expired(asMillis(100), 10)).toEqual([])
    })
  })

  test('clear forgets everything but the epoch of membership', async () => {
    const subject = begin()
    subject.store.apply({ ...entry(1, put('a', '1', 5), put('b', '2')), sessions: { opens: true } })
    subject.store.setMeta({ memberEpoch: asEpoch(3), receivingSnapshot: true })
    await subject.disturb('flush')
    subject.store.apply(entry(2, put('c', '3')))
    subject.store.clear()
    const cleared = (store: CleanStore) => {
      expect(store.meta).toEqual({ applied: { epoch: 0, seq: 0 }, memberEpoch: 3, receivingSnapshot: false })
      expect([store.keyCount, store.sessionCount, all(store).length]).toEqual([0, 0, 0])
      expect([store.get(key('a')), store.expired(asMillis(9), 9), store.session(asSessionId(1))]).toEqual([
        null,
        [],
        null,
      ])
    }
    await everywhere(subject, cleared)
    subject.store.apply(entry(1, put('a', 'again')))
    await subject.disturb('begin-batch')
    subject.store.clear() // while a batch is being written
    await everywhere(subject, cleared)
    subject.store.apply(entry(1, put('z', 'again')))
    await everywhere(subject, (store) => expect(names(all(store))).toEqual(['z']))
  })

  test('sessions: opened, answered, forgotten up to what was answered, lapsed', async () => {
    const subject = begin()
    const session = asSessionId(1)
    subject.store.apply({ ...entry(1), sessions: { opens: true } })
    subject.store.apply({ ...entry(2), origin: origin(1, 1, 1) })
    subject.store.apply({ ...entry(3), origin: origin(1, 2, 1) })
    await everywhere(subject, (store) => {
      expect(store.session(session)).toEqual({
        session,
        lastSeq: 3,
        origins: [
          { seq: 2, origin: origin(1, 1, 1) },
          { seq: 3, origin: origin(1, 2, 1) },
        ],
      })
    })
    const [before] = subject.store.sessionsAfter(asSessionId(0), 1) // a copy, as a page of a snapshot keeps it
    subject.store.apply({ ...entry(4), origin: origin(1, 3, 3) })
    expect(before?.origins.length).toBe(2)
    subject.store.apply({ ...entry(3), origin: origin(1, 2, 1) }) // again: already known
    await everywhere(subject, (store) => {
      const expected = { session, lastSeq: 4, origins: [{ seq: 4, origin: origin(1, 3, 3) }] }
      expect(store.session(session)).toEqual(expected)
      expect(store.sessionCount).toBe(1)
    })
    subject.store.apply({ ...entry(5), sessions: { lapses: [session] } })
    await everywhere(subject, (store) =>
      expect([store.session(session), store.sessionCount]).toEqual([null, 0]),
    )
  })

  test('session records of a snapshot: the newer copy wins; pages ascend', async () => {
    const subject = begin()
    const record = (session: number, lastSeq: number): SessionRecord => ({
      session: asSessionId(session),
      lastSeq: asSeq(lastSeq),
      origins: [{ seq: asSeq(lastSeq), origin: origin(session, lastSeq, 1) }],
    })
    for (const session of [900, 7, 30, 1000]) subject.store.putSnapshotSession(record(session, 2000))
    subject.store.putSnapshotSession(record(7, 1500))
    subject.store.putSnapshotSession(record(30, 2500))
    await everywhere(subject, (store) => {
      const page = store.sessionsAfter(asSessionId(0), 3)
      expect(page).toEqual([record(7, 2000), record(30, 2500), record(900, 2000)])
      expect(store.sessionsAfter(asSessionId(900), 3)).toEqual([record(1000, 2000)])
      expect(store.sessionsAfter(asSessionId(1000), 3)).toEqual([])
    })
  })

  test('whatever happens, it agrees with the obvious model', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step(), { minLength: 1, maxLength: 60 }), async (steps) => {
        const subject = start()
        const model = new StoreModel()
        try {
          for (const next of steps) await run(subject, model, next)
          await run(subject, model, { type: 'disturb', how: 'reopen' })
        } finally {
          await subject.close()
        }
      }),
      { numRuns: 40 },
    )
  })
})

const NAMES = [
  '',
  'a',
  'aa',
  'ab',
  'b',
  '\0',
  '\xff',
  'l'.repeat(1940),
  ...['m', 'z', 'a'].map((end) => 'l'.repeat(4000) + end),
]
const name = () => fc.constantFrom(...NAMES)
const value = () => fc.constantFrom('', 'x', 'some value', 'y'.repeat(3000))
const expiry = () => fc.constantFrom(0, 0, 10, 20, 30)
const write = () =>
  fc.oneof(
    { weight: 2, arbitrary: fc.tuple(name(), value(), expiry()).map(([n, v, e]) => put(n, v, e)) },
    { weight: 1, arbitrary: name().map(del) },
  )

type Step = ReturnType<typeof step> extends fc.Arbitrary<infer Value> ? Value : never
function step() {
  const sessionNumber = fc.integer({ min: 1, max: 4 })
  return fc.oneof(
    {
      weight: 12,
      arbitrary: fc.record({
        type: fc.constant('apply' as const),
        writes: fc.array(write(), { maxLength: 4 }),
        back: fc.constantFrom(0, 0, 0, 1, 3), // entries are applied again over a fuzzy snapshot
        request: fc.option(fc.tuple(sessionNumber, fc.integer({ min: 1, max: 3 }))),
        sessions: fc.constantFrom(null, null, { opens: true }, { lapses: [asSessionId(1), asSessionId(2)] }),
      }),
    },
    {
      weight: 3,
      arbitrary: fc.record({
        type: fc.constant('item' as const),
        item: fc
          .tuple(name(), value(), fc.integer({ min: 1, max: 40 }), expiry())
          .map((args) => item(...args)),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        type: fc.constant('session' as const),
        session: sessionNumber,
        lastSeq: fc.integer({ min: 1, max: 40 }),
      }),
    },
    { weight: 1, arbitrary: fc.constant({ type: 'clear' as const }) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant('disturb' as const),
        how: fc.constantFrom<Disturbance>('begin-batch', 'begin-batch', 'flush', 'reopen'),
      }),
    },
  )
}

async function run(subject: Subject, model: StoreModel, next: Step): Promise<void> {
  if (next.type === 'disturb') await subject.disturb(next.how)
  for (const store of [subject.store, model]) {
    if (next.type === 'item') store.putSnapshotItem(next.item)
    if (next.type === 'clear') store.clear()
    if (next.type === 'session') {
      const { session, lastSeq } = next
      const origins = [{ seq: asSeq(lastSeq), origin: origin(session, 1, 1) }]
      store.putSnapshotSession({ session: asSessionId(session), lastSeq: asSeq(lastSeq), origins })
    }
    if (next.type === 'apply') {
      const seq = Math.max(1, store.meta.applied.seq + 1 - next.back)
      const request =
        next.request === null ? null : origin(next.request[0], seq, Math.max(1, seq - next.request[1]))
      store.apply({ ...entry(seq, ...next.writes), origin: request, sessions: next.sessions })
    }
  }
  compare(subject.store, model)
}

function compare(store: CleanStore, model: StoreModel): void {
  const items = all(store)
  expect(items).toEqual(model.items())
  expect(store.keyCount).toBe(items.length)
  expect(store.meta).toEqual(model.meta)
  for (const n of NAMES) expect(store.get(key(n))).toEqual(model.get(key(n)))
  for (const after of NAMES) {
    const page = { prefix: key(after.slice(0, 1)), after: key(after), limit: 3 }
    expect(store.scan(page)).toEqual(model.scan(page))
  }
  for (const [at, limit] of [
    [10, 100],
    [30, 100],
    [30, 2],
  ] as const) {
    const due = (keys: Key[]) => keys.map((k) => model.get(k)?.expiresAtWallMs)
    const found = store.expired(asMillis(at), limit)
    expect(due(found)).toEqual(due(model.expired(asMillis(at), limit)))
    expect(new Set(found).size).toBe(found.length)
  }
  expect(store.sessionsAfter(asSessionId(0), 100)).toEqual(model.sessionsAfter(asSessionId(0), 100))
  expect(store.sessionCount).toBe(model.sessionCount)
}
