/** The changefeed on a simulated cluster: what watchers were shown is what was committed, whoever dies meanwhile. */
import { expect, test } from 'vitest'
import type { OperationResult } from '../../client/core/events.ts'
import { type Change, Watch } from '../../client/watch.ts'
import type { ChangesResult, ReadResult } from '../../protocol/commands.ts'
import { asChainId, asKey } from '../../protocol/ids.ts'
import { StoreWorld } from './store-world.ts'

const C0 = asChainId('c0')

/** A watch by one of the world's clients, and what it was shown. */
function watcher(world: StoreWorld, options: { prefix?: string; fromSeq?: number; snapshot?: boolean } = {}) {
  const client = world.clients[0]
  if (client === undefined) throw new Error('the world has no client')
  const prefix = asKey(options.prefix ?? '')
  const submit = <Result>(command: unknown) =>
    new Promise<Result>((resolve, reject) => {
      const operation = {
        type: 'read',
        place: { type: 'chain', chain: C0 },
        command: command as { type: 'changes' } & never,
        consistency: { type: 'strong' },
        policy: 'spread',
        timeoutMs: 10_000,
        bytes: 0,
      } as const
      client.submit(operation, {
        done: (result: OperationResult) => resolve(result as Result),
        failed: reject,
      })
    })
  const start = { chain: C0, fromSeq: options.fromSeq ?? null, snapshot: options.snapshot ?? false }
  const watch = new Watch([start], {
    prefix,
    askChanges: (_, command) => submit<ChangesResult>(command),
    readPage: (_, after) => submit<ReadResult>({ type: 'scan', prefix, after, limit: 3 }),
    pause: () => new Promise((resolve) => client.process.timers.after(100, resolve)),
  })
  const shown: Change[] = []
  const state: { error: unknown } = { error: null }
  const pump = async () => {
    for await (const change of watch) shown.push(change)
  }
  void pump().catch((error: unknown) => {
    state.error = error
  })
  return { watch, shown, state }
}

const text = ({ seq, key, value }: { seq: number; key: string; value: Uint8Array | null }) =>
  `${seq} ${key} ${value === null ? '-' : Buffer.from(value).toString('hex')}`

const committedWrites = (world: StoreWorld, from = 1) =>
  world
    .committedEntries(C0)
    .filter(({ seq }) => seq >= from)
    .flatMap(({ seq, writes }) => writes.map(({ key, value }) => text({ seq, key, value })))

test.each([21, 22, 23])(
  'every committed write once and in order, through the death of each member (seed %i)',
  async (seed) => {
    const world = new StoreWorld({ seed })
    expect(await world.until(() => world.isWhole())).toBe(true)
    const all = watcher(world, { fromSeq: 1 })
    for (const role of [0, 1, 2]) {
      await world.seconds(1)
      const victim = world.server(world.config()?.members[role]?.server ?? 'n1')
      victim.process.crash(role === 1 ? 'power' : undefined)
      await world.seconds(3)
      victim.boot()
      expect(await world.until(() => world.isWhole())).toBe(true)
    }
    await world.finish()
    await world.seconds(5)
    expect(world.bugs).toEqual([])
    expect(all.state.error).toBeNull()
    expect(all.shown.length).toBeGreaterThan(100)
    expect(all.shown.map(text)).toEqual(committedWrites(world))
    // Resumed in the middle: from there on the same, the entry at that place included.
    const from = all.shown[Math.floor(all.shown.length / 2)]?.seq ?? 1
    const rest = watcher(world, { fromSeq: from })
    await world.seconds(5)
    expect(rest.state.error ?? rest.shown.map(text)).toEqual(committedWrites(world, from))
  },
)

test('a snapshot, then what changes: together they are the state at any time', async () => {
  const world = new StoreWorld({ seed: 24, clients: 6 })
  expect(await world.until(() => world.isWhole())).toBe(true)
  await world.seconds(2)
  const { shown, state } = watcher(world, { snapshot: true })
  await world.seconds(2)
  await world.finish()
  await world.seconds(5)
  expect(state.error).toBeNull()
  expect(shown.filter(({ snapshot }) => snapshot).length).toBeGreaterThan(5)
  const seen = new Map<string, string>()
  const seqs = new Map<string, number>()
  for (const change of shown) {
    expect(change.seq).toBeGreaterThan(seqs.get(change.key) ?? 0) // none twice, none out of order
    seqs.set(change.key, change.seq)
    if (change.value === null) seen.delete(change.key)
    else seen.set(change.key, text(change))
  }
  const expected = new Map<string, string>()
  for (const { seq, writes } of world.committedEntries(C0))
    for (const { key, value } of writes) {
      if (value === null) expected.delete(key)
      else expected.set(key, text({ seq, key, value }))
    }
  expect([...seen].sort()).toEqual([...expected].sort())
})

test('a position that nobody keeps is lost, and the error says what to do', async () => {
  const world = new StoreWorld({ seed: 25, server: { limits: { retainedBytesMax: 2_000 } } })
  expect(await world.until(() => world.isWhole())).toBe(true)
  await world.seconds(5)
  const { shown, state, watch } = watcher(world, { fromSeq: 1 })
  await world.seconds(1)
  expect(shown).toEqual([])
  expect(state.error).toMatchObject({
    code: 'POSITION_LOST',
    message: expect.stringContaining('snapshot: true'),
  })
  expect((await watch.next()).done).toBe(true)
})
