import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { runBareFixedRelay } from '../../lab/bench/bare-fixed-relay.ts'
import { runBareFixedServer } from '../../lab/bench/bare-fixed-server.ts'
import { runBareRelay } from '../../lab/bench/bare-relay.ts'
import { runBareServer } from '../../lab/bench/bare-server.ts'
import { loadRecords } from '../../lab/load/load-records.ts'
import { openTarget } from '../../lab/load/open-target.ts'
import { runLoad } from '../../lab/load/run-load.ts'
import { resultOf } from '../../lab/load/tally.ts'
import type { Operation, Target } from '../../lab/load/target.ts'
import { ycsb } from '../../lab/workload/ycsb.ts'
import { loadTask } from './fake-target.ts'

const ask = (target: Target, operation: Operation) =>
  new Promise<string | null>((resolve) => {
    target.submit(operation, resolve)
    target.flush()
  })

const SERVERS = {
  fixed: runBareFixedServer,
  fields: () => runBareServer({ keys: 0, valueBytes: 0 }),
} as const

describe.each(['fixed', 'fields'] as const)('a bare server in %s', (codec) => {
  test('answers what is asked of it, values of every size', async () => {
    const target = await openTarget({ kind: 'bare', port: await SERVERS[codec](), codec })
    for (const bytes of [0, 1, 1000, 100_000, 1_000_000]) {
      const key = `k${bytes}`.padEnd(60, 'é')
      expect(await ask(target, { type: 'insert', key, value: new Uint8Array(bytes) })).toBeNull()
      expect(await ask(target, { type: 'read', key })).toBeNull()
    }
    expect(await ask(target, { type: 'read', key: 'nothing' })).toBeNull()
    expect(await ask(target, { type: 'scan', key: 'a', limit: 3 })).toBe('a bare yardstick knows no scan')
    await target.close()
    expect(await ask(target, { type: 'read', key: 'a' })).toContain('closed')
  })

  test('holds a load, loaded first', async () => {
    const spec = { kind: 'bare', port: await SERVERS[codec](), codec } as const
    const workload = ycsb('A', { recordCount: 300, valueBytes: 100 })
    let done = 0
    await loadRecords(spec, workload, { onProgress: (now, total) => (done = now / total) })
    expect(done).toBe(1)
    const target = await openTarget(spec)
    const result = resultOf([await runLoad(loadTask({ target: spec, workload }), target)])
    await target.close()
    expect(result.errors).toBe(0)
    expect(result.all.count).toBeGreaterThan(100)
  })
})

const RELAYS = { fixed: runBareFixedRelay, fields: runBareRelay } as const

describe.each(['fixed', 'fields'] as const)('a bare relay in %s', (codec) => {
  test.each([false, true])('acknowledges each write once all have it (on a disk: %s)', async (onDisk) => {
    const folder = mkdtempSync(join(tmpdir(), 'catenary-relay-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    let port = 0
    for (const name of ['tail', 'middle', 'head'])
      port = await RELAYS[codec]({ next: port, file: onDisk ? join(folder, name) : null })
    const spec = { kind: 'bare', port, codec } as const
    const workload = { ...ycsb('A', { recordCount: 50, valueBytes: 20_000 }), shares: { update: 1 } }
    const target = await openTarget(spec)
    const result = resultOf([await runLoad(loadTask({ target: spec, workload }), target)])
    await target.close()
    expect(result.errors).toBe(0)
    expect(result.all.count).toBeGreaterThan(0)
    if (onDisk) {
      const sizes = ['head', 'middle', 'tail'].map((name) => statSync(join(folder, name)).size)
      expect(sizes[0]).toBeGreaterThanOrEqual(result.all.count * 20_000)
      expect(new Set(sizes).size).toBe(1)
    }
  })
})

test('a server that goes away in the middle of a run ends it with a clear error', async () => {
  const { createServer } = await import('node:net')
  const server = createServer((socket) => setTimeout(() => socket.destroy(), 100))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as { port: number }
  const spec = { kind: 'bare', port, codec: 'fixed' } as const
  const target = await openTarget(spec)
  await expect(runLoad(loadTask({ target: spec }), target)).rejects.toThrow(
    'a read failed: the bare process: the connection was closed (0 operations had succeeded',
  )
  server.close()
  await expect(openTarget(spec)).rejects.toThrow('ECONNREFUSED')
})

test('loading gives up with the last error, and at the signal', async () => {
  const workload = ycsb('A', { recordCount: 10, valueBytes: 10 })
  const failing: Target = {
    submit: (_, done) => setImmediate(() => done('no room')),
    flush() {},
    close: async () => {},
  }
  await expect(loadRecords(failing, workload)).rejects.toThrow(
    'was refused 20 times after 0 records; the last time: no room',
  )
  const silent: Target = { submit() {}, flush() {}, close: async () => {} }
  const stop = new AbortController()
  const loading = loadRecords(silent, workload, { signal: stop.signal })
  stop.abort(new Error('enough'))
  await expect(loading).rejects.toThrow('enough')
})
