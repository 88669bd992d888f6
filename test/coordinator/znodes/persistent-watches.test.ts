import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Change } from '../../../coordinator/znodes/transaction.ts'
import { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { WATCHER_TYPES, type WatcherType } from '../../../protocol/zookeeper/ops.ts'
import { WatchList } from '../../models/watch-list.ts'
import { MemberDriver } from './queue-driver.ts'
import { create, OPEN, openTree, remove, setData } from './tree-driver.ts'

function fired(watches: WatchTable, { type, path }: Pick<Change, 'type' | 'path'>): string[] {
  const events: string[] = []
  watches.fire({ type, path, acl: OPEN, parentAcl: OPEN }, (told) =>
    events.push(`${told.connection} ${told.type} ${told.path}`),
  )
  return events
}

const steps = (watches: WatchTable, ...changes: [Change['type'], string][]) =>
  changes.map(([type, path]) => fired(watches, { type, path }))

describe('watches that stay', () => {
  test('a persistent one hears of its node and of its children, again and again', () => {
    const watches = new WatchTable()
    watches.addPersistent('persistent', '/p', 1)
    for (let round = 0; round < 2; round += 1)
      expect(
        steps(
          watches,
          ['created', '/p'],
          ['data-changed', '/p'],
          ['created', '/p/n'],
          ['data-changed', '/p/n'],
          ['created', '/p/n/deeper'],
          ['deleted', '/p/n'],
          ['deleted', '/p'],
        ),
      ).toEqual([['1 1 /p'], ['1 3 /p'], ['1 4 /p'], [], [], ['1 4 /p'], ['1 2 /p']])
  })

  test('a recursive one hears of every node below, never of children', () => {
    const watches = new WatchTable()
    watches.addPersistent('recursive', '/p', 1)
    expect(
      steps(
        watches,
        ['created', '/p/n'],
        ['created', '/p/n/deeper'],
        ['data-changed', '/p'],
        ['deleted', '/p/n/deeper'],
        ['deleted', '/p/n'],
        ['deleted', '/p'],
        ['created', '/pp'],
      ),
    ).toEqual([
      ['1 1 /p/n'],
      ['1 1 /p/n/deeper'],
      ['1 3 /p'],
      ['1 2 /p/n/deeper'],
      ['1 2 /p/n'],
      ['1 2 /p'],
      [],
    ])
  })

  test('on the root', () => {
    const watches = new WatchTable()
    watches.addPersistent('recursive', '/', 1)
    watches.addPersistent('persistent', '/', 2)
    expect(steps(watches, ['created', '/a'], ['created', '/a/b'])).toEqual([
      ['1 1 /a', '2 4 /'],
      ['1 1 /a/b'],
    ])
  })

  test('several matching watches of a connection are one event for each trigger and table', () => {
    const watches = new WatchTable()
    watches.add('data', '/p/n', 1)
    watches.add('child', '/p/n', 1)
    watches.add('child', '/p', 1)
    watches.addPersistent('persistent', '/p/n', 1)
    for (const path of ['/p/n', '/p', '/']) watches.addPersistent('recursive', path, 1)
    expect(fired(watches, { type: 'deleted', path: '/p/n' })).toEqual(['1 2 /p/n', '1 4 /p'])
    // The one-shot watches are used up, those that stay are not.
    expect(fired(watches, { type: 'created', path: '/p/n' })).toEqual(['1 1 /p/n'])
  })

  test('the bounds hold for them, in bytes, too', () => {
    expect(new WatchTable(1).addPersistent('persistent', '/a', 1)).toBe(false) // it takes a place in both tables
    const watches = new WatchTable(100, 10)
    expect(watches.addPersistent('recursive', '/12345', 1)).toBe(true)
    expect(watches.add('data', '/1234', 1)).toBe(false)
    expect(watches.add('data', '/1234', 2)).toBe(true)
    watches.remove(WATCHER_TYPES.any, '/12345', 1)
    expect(watches.add('data', '/1234', 1)).toBe(true)
  })
})

test('setWatches2 sets them again without a word about what was missed', () => {
  const { driver, write } = openTree()
  write(create('/p'))
  write(create('/p/n'))
  write(setData('/p'))
  write(remove('/p/n'))
  const watches = new WatchTable()
  const events: string[] = []
  const restored = watches.restore(
    driver.tree,
    1,
    {
      type: 'setWatches2',
      relativeZxid: 1,
      data: ['/p'],
      exist: ['/p'],
      child: ['/p'],
      persistent: ['/p', '/gone'],
      persistentRecursive: ['/'],
    },
    (told) => events.push(`${told.type} ${told.path}`),
  )
  expect(restored).toBe(true)
  expect(events).toEqual(['3 /p', '1 /p', '4 /p'])
  expect(watches.countOf(1)).toBe(5)
  expect(fired(watches, { type: 'created', path: '/gone' })).toEqual(['1 1 /gone'])
})

test('answers of addWatch, removeWatches and checkWatches', () => {
  const member = new MemberDriver([])
  member.open(1)
  member.take()
  const ask = (type: 'removeWatches' | 'checkWatches', watcherType: number) =>
    member.request(1, 1, { type, path: '/p', watcherType })[0]?.split('zxid=1 ')[1]
  const add = (mode: number) => member.request(1, 1, { type: 'addWatch', path: '/p', mode })[0]?.slice(-15)
  expect(add(2)).toBe('arshallingError')
  expect(ask('checkWatches', 3)).toBe('NoWatcher')
  for (const mode of [0, 1]) expect(add(mode)).toBe('zxid=1 addWatch')
  expect([1, 2, 3, 4, 5, 6, 0].map((type) => ask('checkWatches', type))).toEqual([
    'NoWatcher',
    'NoWatcher',
    'checkWatches',
    'checkWatches',
    'checkWatches',
    'MarshallingError',
    'MarshallingError',
  ])
  expect([4, 4, 5, 3].map((type) => ask('removeWatches', type))).toEqual([
    'removeWatches',
    'NoWatcher',
    'removeWatches',
    'NoWatcher',
  ])
})

const PATHS = ['/', '/a', '/a/b', '/a/b/c', '/ab', '/c']
const path = fc.constantFrom(...PATHS)
const connection = fc.integer({ min: 1, max: 3 })
const watcherType = fc.constantFrom<WatcherType>(1, 2, 3, 4, 5)
const step = fc.oneof(
  fc.record({ f: fc.constantFrom('data', 'child', 'persistent', 'recursive', 'drop'), path, connection }),
  fc.record({ f: fc.constantFrom('remove', 'has'), path, connection, watcherType }),
  fc.record({
    f: fc.constant('fire' as const),
    type: fc.constantFrom<Change['type']>('created', 'deleted', 'data-changed'),
    path: fc.constantFrom(...PATHS.slice(1)),
  }),
)

/** Within one trigger the order of connections is free. */
function sortedTriggers(events: readonly string[]): string[] {
  const trigger = (event: string) => event.slice(event.indexOf(' '))
  const triggers = [...new Set(events.map(trigger))]
  return triggers.flatMap((one) => events.filter((event) => trigger(event) === one).sort())
}

test('random walks: the table tells what the plain list tells', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (walk) => {
      const watches = new WatchTable()
      const model = new WatchList()
      for (const each of walk) {
        if (each.f === 'fire') expect(sortedTriggers(fired(watches, each))).toEqual(model.fire(each))
        else if ('watcherType' in each) {
          const of = [each.watcherType, each.path, each.connection] as const
          if (each.f === 'remove') expect(watches.remove(...of)).toBe(model.remove(...of))
          else expect(watches.has(...of)).toBe(model.has(...of))
        } else take(each, watches, model)
      }
      for (const each of [1, 2, 3]) expect(watches.countOf(each)).toBe(model.countOf(each))
      for (const each of [1, 2, 3]) watches.drop(each)
      expect(watches.count).toBe(0)
    }),
    { numRuns: 500 },
  )
})

function take(
  { f, path: at, connection: who }: { f: string; path: string; connection: number },
  watches: WatchTable,
  model: WatchList,
): void {
  switch (f) {
    case 'data':
    case 'child':
      watches.add(f, at, who)
      model.add('standard', at, who, [f])
      break
    case 'persistent':
      watches.addPersistent(f, at, who)
      model.add(f, at, who, ['data', 'child'])
      break
    case 'recursive':
      watches.addPersistent(f, at, who)
      model.add(f, at, who, ['data'])
      break
    default:
      watches.drop(who)
      model.drop(who)
  }
}
