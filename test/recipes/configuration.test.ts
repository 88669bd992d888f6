import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CoordinatorClient } from '../../client/coordinator/api.ts'
import {
  type Configuration,
  publishAtOnce,
  publishWithReady,
  readAtOnce,
  readWithReady,
  tryReadWithReady,
  watchConfiguration,
} from '../../client/recipes/configuration.ts'
import { eventually } from '../runtime/coordinator/ensemble.ts'
import { World } from './world.ts'

let world: World
let reader: CoordinatorClient
let writer: CoordinatorClient
beforeAll(async () => {
  world = await World.start()
  // Members of their own: what the writer's has acknowledged may not have come to the reader's.
  reader = world.client({ member: 1 })
  writer = world.client({ member: 2 })
})
afterAll(() => world.stop())

const decoder = new TextDecoder()
const wordsOf = (configuration: Configuration) =>
  [...configuration].map(([name, data]) => `${name}=${decoder.decode(data)}`).join(' ')
const parts = (word: string) => ({ a: word, b: word })
const whole = (word: string) => `a=${word} b=${word}`

/** The reader, before whose `place`-th request something else happens and has come to its member. */
function interrupted(place: number, happens: () => Promise<void>): CoordinatorClient {
  let count = 0
  const turn = async <Result>(request: () => Promise<Result>): Promise<Result> => {
    if (count++ === place) {
      await happens()
      await reader.sync()
    }
    return request()
  }
  return Object.assign(Object.create(reader) as CoordinatorClient, {
    exists: (...args: Parameters<CoordinatorClient['exists']>) => turn(() => reader.exists(...args)),
    getData: (...args: Parameters<CoordinatorClient['getData']>) => turn(() => reader.getData(...args)),
    getChildren: (...args: Parameters<CoordinatorClient['getChildren']>) =>
      turn(() => reader.getChildren(...args)),
  })
}

describe('ready file (ZooKeeper §2.3)', () => {
  /** The writer's steps by themselves, so that the reader can come between any two of them. */
  const steps = (path: string, word: string): (() => Promise<unknown>)[] => [
    () => writer.delete(`${path}/ready`),
    () => writer.setData(`${path}/a`, word),
    () => writer.setData(`${path}/b`, word),
    () => writer.create(`${path}/ready`, null),
  ]

  test('the reader sees old or new or nothing, wherever the writer comes between its requests', async () => {
    const seen = { old: 0, new: 0, nothing: 0 }
    // The reader asks for: ready, the names, a, b. The writer has done `first` of its steps before it begins, and goes on until `last` before a request.
    const interleaving = async (place: number, first: number, last: number) => {
      const path = `/ready/${place}-${first}-${last}`
      await publishWithReady(writer, path, parts('old'))
      const todo = steps(path, 'new')
      for (const step of todo.slice(0, first)) await step()
      await reader.sync()
      const client = interrupted(place, async () => {
        for (const step of todo.slice(first, last)) await step()
      })
      const found = await tryReadWithReady(client, path)
      const words = found === null ? null : wordsOf(found)
      expect([null, whole('old'), whole('new')], `${path}: torn`).toContain(words)
      seen[words === null ? 'nothing' : words === whole('old') ? 'old' : 'new']++
    }
    const all: Promise<void>[] = []
    for (let place = 0; place < 4; place++)
      for (let first = 0; first <= 4; first++)
        for (let last = first; last <= 4; last++) all.push(interleaving(place, first, last))
    await Promise.all(all)
    console.log(`60 interleavings: ${JSON.stringify(seen)}`)
    expect(Math.min(seen.old, seen.new, seen.nothing)).toBeGreaterThan(0)
  })
})

describe('one transaction', () => {
  test('the reader sees old or new, wherever the writer comes between its requests', async () => {
    for (let place = 0; place < 5; place++) {
      const path = `/once/${place}`
      await publishAtOnce(writer, path, parts('old'))
      await reader.sync()
      const client = interrupted(place, () => publishAtOnce(writer, path, parts('new')))
      expect([whole('old'), whole('new')]).toContain(wordsOf(await readAtOnce(client, path)))
      expect(wordsOf(await readAtOnce(reader, path))).toBe(whole('new'))
    }
  })

  test('two writers: one after the other, and parts that are named no more are gone', async () => {
    await publishAtOnce(writer, '/two', { a: '0', b: '0', c: '0' })
    const other = world.client()
    await Promise.all([publishAtOnce(writer, '/two', parts('1')), publishAtOnce(other, '/two', parts('2'))])
    await reader.sync()
    expect([whole('1'), whole('2')]).toContain(wordsOf(await readAtOnce(reader, '/two')))
  })
})

// Last, because the clients above know one member each.
test('a reader that waits gets the next whole one; the leader dies in between', async () => {
  await publishWithReady(writer, '/service', parts('one'))
  const everybody = world.client()
  const seen: string[] = []
  const stop = watchConfiguration(everybody, '/service', (configuration) => seen.push(wordsOf(configuration)))
  await eventually('the first', () => seen.includes(whole('one')))
  const other = world.client()
  await other.sync()
  await other.delete('/service/ready')
  await other.setData('/service/a', 'two')
  const waiting = readWithReady(world.client(), '/service')
  await world.killLeader()
  await publishWithReady(other, '/service', parts('two'))
  expect(wordsOf(await waiting)).toBe(whole('two'))
  await eventually('the second', () => seen.at(-1) === whole('two'))
  expect(new Set(seen)).toEqual(new Set([whole('one'), whole('two')]))
  stop()
})
