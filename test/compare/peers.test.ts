import { describe, expect, test } from 'vitest'
import type { RunningSystem, System } from '../../lab/compare/system.ts'
import type { PeerTarget } from '../../lab/load/peers/peer-target.ts'
import type { Operation } from '../../lab/load/target.ts'
import {
  bytes,
  isAlive,
  mustBeThere,
  openPeer,
  PEERS,
  processesIn,
  submitAll,
  submitOne,
  withFolder,
} from './peer-kit.ts'

/** What the installed version can do: the strictest first. */
function durabilityOf(system: System) {
  const durability = (['durable', 'relaxed'] as const).find((durability) =>
    system.supports({ durability, replicas: 3 }),
  )
  if (durability === undefined) throw new Error(`${system.id} supports neither durable nor relaxed`)
  return durability
}

/** Reads of JetStream may be behind; all others must show at once what was acknowledged. */
async function expectValue(system: System, target: PeerTarget, key: string, value: Uint8Array) {
  if (system.id === 'jetstream') await expect.poll(() => target.get(key), { timeout: 10_000 }).toEqual(value)
  else expect(await target.get(key)).toEqual(value)
}

/** Of those that read what was acknowledged, if there is one. */
function strongest({ variants }: RunningSystem) {
  const variant = variants.find(({ level }) => level === 'linearizable') ?? variants[0]
  if (variant === undefined) throw new Error('no variant')
  return variant
}

describe('a peer is started, driven and stopped', () => {
  test.each(PEERS)('$id', async (system) => {
    await mustBeThere(system)
    await withFolder(async (directory) => {
      const durability = durabilityOf(system)
      const running = await system.start({ directory, durability, replicas: 3 })
      const pids: number[] = []
      try {
        const processes = await running.processes()
        pids.push(...processes.map(({ pid }) => pid))
        expect(processes).toHaveLength(running.record.replicas)
        expect(processes.filter(({ part }) => part === 'leader' || part === 'master')).toHaveLength(1)
        expect(running.record).toMatchObject({ id: system.id, kind: 'peer' })
        expect(running.record.version).toMatch(/^[1-9]\d*\.\d+\.\d+$/)
        for (const variant of running.variants) await readSomething(variant)
        const target = await openPeer(strongest(running).target)
        try {
          await storesValues(system, target)
          await takesStrangeKeys(system, target)
          await takesMany(target)
          await answersScans(system, target)
        } finally {
          await target.close()
        }
      } finally {
        await running.stop()
      }
      expect(pids.filter(isAlive)).toEqual([])
      expect(await processesIn(directory)).toEqual([])
    })
  })
})

async function readSomething(variant: RunningSystem['variants'][number]) {
  const target = await openPeer(variant.target)
  try {
    expect(await submitOne(target, { type: 'read', key: 'absent' })).toBe(null)
    expect(await target.get('absent')).toBe(null)
  } finally {
    await target.close()
  }
}

async function storesValues(system: System, target: PeerTarget) {
  const large = new Uint8Array(300_000).map((_, i) => i % 251)
  expect(await submitOne(target, { type: 'insert', key: 'a', value: bytes('one') })).toBe(null)
  await expectValue(system, target, 'a', bytes('one'))
  expect(await submitOne(target, { type: 'update', key: 'a', value: bytes('two') })).toBe(null)
  await expectValue(system, target, 'a', bytes('two'))
  expect(await submitOne(target, { type: 'insert', key: 'a', value: bytes('again') })).toBe(null)
  await expectValue(system, target, 'a', bytes('again'))
  expect(await submitOne(target, { type: 'read-modify-write', key: 'a', value: bytes('three') })).toBe(null)
  await expectValue(system, target, 'a', bytes('three'))
  // Beyond every window and frame size that anybody begins with.
  expect(await submitOne(target, { type: 'update', key: 'a', value: large })).toBe(null)
  await expectValue(system, target, 'a', large)
}

async function takesStrangeKeys(system: System, target: PeerTarget) {
  const keys = ['.', '..', 'a/b', 'a.b', 'a b', '*', '>', '%25', '=25', '\xe9\xff', '\r\n', '\x01']
  const operations = keys.map((key): Operation => ({ type: 'insert', key, value: bytes(`of ${key}`) }))
  expect(await submitAll(target, operations)).toEqual(keys.map(() => null))
  for (const key of keys) await expectValue(system, target, key, bytes(`of ${key}`))
}

/** More in flight than any pool has connections. */
async function takesMany(target: PeerTarget) {
  const keys = Array.from({ length: 300 }, (_, i) => `key${String(i).padStart(4, '0')}`)
  const inserts = keys.map((key): Operation => ({ type: 'insert', key, value: bytes(key) }))
  expect((await submitAll(target, inserts)).filter((error) => error !== null)).toEqual([])
  const reads = keys.map((key): Operation => ({ type: 'read', key }))
  expect((await submitAll(target, reads)).filter((error) => error !== null)).toEqual([])
}

async function answersScans(system: System, target: PeerTarget) {
  const answer = await submitOne(target, { type: 'scan', key: 'key0000', limit: 10 })
  const name = system.id === 'redis-wait' ? 'redis' : system.id
  expect(answer).toBe(system.id === 'etcd' ? null : `scan: ${name} has no range reads`)
}
