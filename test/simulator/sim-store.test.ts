import { describe, expect, test } from 'vitest'
import { CommittedHistory, WeakReadJudge, WeakReadViolation } from '../../lab/simulator/client/weak-reads.ts'
import { SimDisk, SimLog } from '../../lab/simulator/kernel/disk.ts'
import { SimProcess } from '../../lab/simulator/kernel/process.ts'
import { Rng } from '../../lab/simulator/kernel/rng.ts'
import { Scheduler } from '../../lab/simulator/kernel/scheduler.ts'
import { Trace } from '../../lab/simulator/kernel/trace.ts'
import { SimStore } from '../../lab/simulator/server/sim-store.ts'
import { DurableIndex, SimWal } from '../../lab/simulator/server/sim-wal.ts'
import type { Entry } from '../../protocol/entry.ts'
import { asChainId, asEpoch, asKey, asMillis, asSeq } from '../../protocol/ids.ts'
import type { StoredRecord } from '../../runtime/server/ports.ts'

const C0 = asChainId('c0')
const KEY = asKey('k')

const entry = (seq: number, epoch = 1): Entry => ({
  epoch: asEpoch(epoch),
  seq: asSeq(seq),
  origin: null,
  writes: [{ key: KEY, value: new Uint8Array([seq]), expiresAtWallMs: asMillis(0) }],
  sessions: null,
})

function machine(seed: number) {
  const scheduler = new Scheduler()
  const bugs: unknown[] = []
  const kernel = { scheduler, trace: new Trace(), onBug: (_: SimProcess, error: unknown) => bugs.push(error) }
  const process = new SimProcess(kernel, 'n1', new Rng(seed))
  const disk = new SimDisk(process)
  return { scheduler, process, disk, bugs }
}

function store(seed: number) {
  const { disk, process, ...rest } = machine(seed)
  const sim = new SimStore(disk, 100)
  const flushed: number[] = []
  const failures: string[] = []
  const begin = () =>
    process.start(() =>
      sim.begin({
        onFlushed: ({ seq }) => flushed.push(seq),
        onFailure: ({ message }) => failures.push(message),
        onApply: () => {},
      }),
    )
  begin()
  return { ...rest, disk, process, sim, flushed, failures, begin }
}

describe('a simulated store', () => {
  test('reaches the disk by itself, batch by batch', async () => {
    const { sim, scheduler, flushed } = store(1)
    for (let seq = 1; seq <= 3; seq++) sim.apply(entry(seq))
    expect(sim.get(KEY)?.version).toBe(3)
    expect(sim.flushedPosition.seq).toBe(0)
    await scheduler.runUntil(1_000_000)
    expect(flushed).toEqual([3])
    expect(sim.flushedPosition.seq).toBe(3)
    expect(scheduler.pending).toBe(0)
  })

  test('a crash keeps whole batches, at least those that were synced', async () => {
    const kept = new Set<number>()
    for (let seed = 1; seed <= 40; seed++) {
      const { sim, scheduler, process, disk, begin } = store(seed)
      disk.slowness = 10_000 // nothing is synced before the crash but the first batch
      sim.apply(entry(1))
      let flushes = 0
      void sim.flush().then(() => flushes++)
      await scheduler.runUntil(10_000_000_000)
      expect(flushes).toBe(1)
      for (const seq of [2, 3, 4, 5]) {
        sim.apply(entry(seq))
        if (seq % 2 === 1) void sim.flush()
      }
      sim.apply(entry(6))
      process.crash()
      begin()
      const { seq } = sim.meta.applied
      expect([1, 3, 5]).toContain(seq)
      expect(sim.get(KEY)?.version).toBe(seq)
      expect(sim.keyCount).toBe(1)
      kept.add(seq)
    }
    expect(kept.size).toBe(3)
  })

  test('a process that is killed leaves behind what it has written', async () => {
    const { sim, process, disk, begin } = store(1)
    disk.keepsCache = true
    sim.apply(entry(1))
    void sim.flush()
    sim.apply(entry(2)) // in memory only
    process.crash('kill')
    begin()
    expect(sim.meta.applied.seq).toBe(1)
  })

  test('a full disk is told once, and nothing is synced after it', async () => {
    const { sim, scheduler, disk, failures, flushed } = store(1)
    disk.full = true
    sim.apply(entry(1))
    await scheduler.runUntil(1_000_000)
    disk.full = false
    sim.apply(entry(2))
    await scheduler.runUntil(2_000_000)
    expect(failures).toHaveLength(1)
    expect(flushed).toEqual([])
  })
})

describe('a simulated log', () => {
  const wal = (seed: number, fsync: 'sync' | 'interval' | 'never') => {
    const { disk, process, scheduler } = machine(seed)
    const log = new SimLog<StoredRecord>(disk)
    const events: number[] = []
    const failures: string[] = []
    const open = () => {
      let opened: SimWal | null = null
      process.start(() => {
        opened = new SimWal({
          disk,
          log,
          fsync,
          codec: true,
          onAppend: () => {},
          events: {
            onDurable: () => events.push(scheduler.nowUs),
            onFailure: ({ message }) => failures.push(message),
          },
        })
      })
      return opened as unknown as SimWal
    }
    return { disk, process, scheduler, log, events, failures, open, index: new DurableIndex(log) }
  }

  test('syncs as its policy says', async () => {
    const waits: Record<string, number | undefined> = {}
    for (const fsync of ['sync', 'interval', 'never'] as const) {
      const { scheduler, events, open } = wal(1, fsync)
      const opened = open()
      opened.append(C0, { type: 'entry', entry: entry(1) })
      expect(opened.durablePosition).toBe(0)
      opened.write()
      await scheduler.runUntil(1_000_000)
      expect(opened.durablePosition).toBe(1)
      waits[fsync] = events[0]
    }
    expect(waits['never']).toBe(0)
    expect(waits['sync']).toBeGreaterThan(0)
    expect(waits['interval']).toBe(0)
  })

  test('hints alone cause no sync', async () => {
    const { scheduler, events, open } = wal(1, 'sync')
    const opened = open()
    opened.appendHint(C0, { type: 'commit', position: entry(1) })
    opened.write()
    await scheduler.runUntil(1_000_000)
    expect(events).toEqual([])
  })

  test('brings back a prefix that has at least what was durable, as it was written', async () => {
    for (let seed = 1; seed <= 20; seed++) {
      const { scheduler, process, open } = wal(seed, 'sync')
      const opened = open()
      opened.append(C0, { type: 'entry', entry: entry(1) })
      opened.write()
      await scheduler.runUntil(1_000_000)
      opened.append(C0, { type: 'entry', entry: entry(2) })
      opened.append(C0, { type: 'truncate', to: entry(1) })
      opened.write()
      process.crash()
      const { records } = open()
      expect(records.length).toBeGreaterThanOrEqual(1)
      expect(records.map(({ walPosition }) => walPosition)).toEqual(records.map((_, i) => i + 1))
      expect(records[0]?.record).toEqual({ type: 'entry', entry: entry(1) })
    }
  })

  test('tells what a power cut would leave of each chain', async () => {
    const { scheduler, open, index } = wal(1, 'sync')
    const opened = open()
    const settle = async () => {
      opened.write()
      await scheduler.runUntil(scheduler.nowUs + 1_000_000)
    }
    for (const seq of [1, 2, 3]) opened.append(C0, { type: 'entry', entry: entry(seq) })
    expect(index.holds(C0, entry(1))).toBeNull()
    await settle()
    expect(index.holds(C0, entry(3))).toBe('entry')
    expect(index.holds(C0, entry(3, 2))).toBeNull()
    opened.append(C0, { type: 'truncate', to: entry(1) })
    opened.append(C0, { type: 'entry', entry: entry(2, 2) })
    await settle()
    expect(index.holds(C0, entry(2))).toBeNull()
    expect(index.holds(C0, entry(2, 2))).toBe('entry')
    expect(index.holds(C0, entry(3))).toBeNull()
    expect(index.last(C0)).toBe(2)
    opened.append(C0, { type: 'reset', to: entry(9) })
    await settle()
    expect(index.holds(C0, entry(2, 2))).toBe('state')
    expect(index.last(C0)).toBe(9)
  })

  test('a full disk is told once', async () => {
    const { scheduler, disk, failures, open } = wal(1, 'sync')
    const opened = open()
    disk.full = true
    for (const seq of [1, 2]) {
      opened.append(C0, { type: 'entry', entry: entry(seq) })
      opened.write()
    }
    await scheduler.runUntil(1_000_000)
    expect(failures).toHaveLength(1)
    expect(opened.durablePosition).toBe(0)
  })
})

describe('the judge of weak reads', () => {
  const history = [entry(1), { ...entry(2), writes: [] }, entry(3)]
  const judge = () => new WeakReadJudge('client', new CommittedHistory((_, seq) => history[seq - 1] ?? null))
  const values = (at: number, version: number | null, committed = true) =>
    ({
      type: 'values',
      committed,
      at: asSeq(at),
      values: [
        version === null
          ? null
          : { value: new Uint8Array([version]), version: asSeq(version), expiresAtWallMs: asMillis(0) },
      ],
    }) as const
  const read = (result: ReturnType<typeof values>, floor = 0) =>
    judge().judge({ chain: C0, keys: [KEY], floor, result })

  test('lets pass what was committed, and what may vanish', () => {
    read(values(1, 1))
    read(values(2, 1))
    read(values(3, 3))
    read(values(4, 4, false))
    read(values(0, null))
    read(values(1, 1), 2)
  })

  test('finds a step back, a version that was overwritten, one that nobody wrote, one from the future', () => {
    const wrong = [
      () => read(values(1, 1), 3),
      () => read(values(5, 1, false), 3),
      () => read(values(3, 1)),
      () => read(values(3, 2)),
      () => read(values(3, null)),
      () => read(values(9, 9)),
      () => read(values(1, 3)),
    ]
    for (const one of wrong) expect(one).toThrow(WeakReadViolation)
  })
})
