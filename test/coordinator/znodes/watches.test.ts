import { describe, expect, test } from 'vitest'
import type { Change } from '../../../coordinator/znodes/transaction.ts'
import { WatchTable } from '../../../coordinator/znodes/watches.ts'
import { create, OPEN, openTree, remove, setData } from './tree-driver.ts'

const NAMES = ['', 'created', 'deleted', 'data', 'children']

/** What one change tells, as `connection:event path`. */
function fired(watches: WatchTable, type: Change['type'], path: string): string[] {
  const events: string[] = []
  watches.fire({ type, path, acl: OPEN, parentAcl: OPEN }, (n) =>
    events.push(`${n.connection}:${NAMES[n.type]} ${n.path}`),
  )
  return events
}

// Which watch hears of which change, as ZooKeeper's table has it. The node is /p/n.
const TRIGGERS: Record<Change['type'], { nodeData: string[]; nodeChild: string[]; parentChild: string[] }> = {
  created: { nodeData: ['1:created /p/n'], nodeChild: [], parentChild: ['1:children /p'] },
  deleted: {
    nodeData: ['1:deleted /p/n'],
    nodeChild: ['1:deleted /p/n'],
    parentChild: ['1:children /p'],
  },
  'data-changed': { nodeData: ['1:data /p/n'], nodeChild: [], parentChild: [] },
}

describe('what fires what', () => {
  for (const type of ['created', 'deleted', 'data-changed'] as const) {
    test(type, () => {
      const rows = [
        ['data', '/p/n', TRIGGERS[type].nodeData],
        ['child', '/p/n', TRIGGERS[type].nodeChild],
        ['child', '/p', TRIGGERS[type].parentChild],
        ['data', '/p', []],
        ['child', '/', []],
        ['data', '/p/n/below', []],
      ] as const
      for (const [kind, path, expected] of rows) {
        const watches = new WatchTable()
        watches.add(kind, path, 1)
        expect(fired(watches, type, '/p/n')).toEqual(expected)
        expect(fired(watches, type, '/p/n')).toEqual([]) // one-shot
        expect(watches.countOf(1)).toBe(expected.length === 0 ? 1 : 0)
      }
    })
  }

  test('in order: data of the node, child of the node, child of the parent', () => {
    const watches = new WatchTable()
    watches.add('child', '/p', 1)
    watches.add('child', '/p/n', 2)
    watches.add('data', '/p/n', 3)
    expect(fired(watches, 'deleted', '/p/n')).toEqual(['3:deleted /p/n', '2:deleted /p/n', '1:children /p'])
  })

  test('one NodeDeleted for a connection with both watches; both are gone', () => {
    const watches = new WatchTable()
    watches.add('data', '/n', 1)
    watches.add('child', '/n', 1)
    expect(fired(watches, 'deleted', '/n')).toEqual(['1:deleted /n'])
    expect(watches.countOf(1)).toBe(0)
  })

  test('children of the root', () => {
    const watches = new WatchTable()
    watches.add('child', '/', 1)
    expect(fired(watches, 'created', '/n')).toEqual(['1:children /'])
  })

  test('registered twice is one watch; every connection has its own', () => {
    const watches = new WatchTable()
    for (const connection of [1, 1, 2]) watches.add('data', '/n', connection)
    expect(fired(watches, 'data-changed', '/n')).toEqual(['1:data /n', '2:data /n'])
  })

  test('gone with the connection', () => {
    const watches = new WatchTable()
    watches.add('data', '/n', 1)
    watches.add('child', '/', 1)
    watches.add('data', '/n', 2)
    watches.drop(1)
    expect(fired(watches, 'deleted', '/n')).toEqual(['2:deleted /n'])
  })

  test('bounded for each connection; what is there already may be set again', () => {
    const watches = new WatchTable(2)
    expect(watches.add('data', '/a', 1)).toBe(true)
    expect(watches.add('child', '/a', 1)).toBe(true)
    expect(watches.add('data', '/b', 1)).toBe(false)
    expect(watches.add('data', '/a', 1)).toBe(true)
    expect(watches.add('data', '/b', 2)).toBe(true)
    fired(watches, 'deleted', '/a')
    expect(watches.add('data', '/b', 1)).toBe(true)
  })
})

describe('setWatches after a reconnect', () => {
  test('tells what was missed and registers the rest', () => {
    const { driver, write } = openTree()
    // The last one is created at relativeZxid itself: that the client has seen.
    for (const path of ['/changed', '/grown', '/gone', '/same']) write(create(path))
    const relativeZxid = driver.tree.zxid
    write(setData('/changed'))
    write(create('/grown/child'))
    write(remove('/gone'))

    const watches = new WatchTable()
    const events: string[] = []
    const paths = ['/same', '/changed', '/grown', '/gone']
    const request = { type: 'setWatches', relativeZxid, data: paths, exist: paths, child: paths } as const
    const restored = watches.restore(driver.tree, 1, request, (n) =>
      events.push(`${NAMES[n.type]} ${n.path}`),
    )
    expect(restored).toBe(true)
    expect(events).toEqual([
      'data /changed',
      'deleted /gone',
      'created /same',
      'created /changed',
      'created /grown',
      'children /grown',
      'deleted /gone',
    ])
    // Registered: data of /same and /grown, existence of /gone, children of /same and /changed.
    expect(watches.countOf(1)).toBe(5)
    expect(fired(watches, 'created', '/gone')).toEqual(['1:created /gone'])
    expect(fired(watches, 'created', '/changed/child')).toEqual(['1:children /changed'])
    expect(fired(watches, 'deleted', '/same')).toEqual(['1:deleted /same'])
    expect(fired(watches, 'data-changed', '/grown')).toEqual(['1:data /grown'])
    expect(watches.countOf(1)).toBe(0)
  })

  test('says so where there are too many', () => {
    const { driver } = openTree()
    const request = {
      type: 'setWatches',
      relativeZxid: 0,
      data: [],
      exist: ['/a', '/b'],
      child: [],
    } as const
    expect(new WatchTable(1).restore(driver.tree, 1, request, () => {})).toBe(false)
  })
})
