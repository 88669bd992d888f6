import { afterEach, beforeEach, expect, test } from 'vitest'
import type { CoordinatorClient, WatchEvent } from '../../../client/coordinator/api.ts'
import { coordinator } from '../../../client/coordinator/client.ts'
import { EVENT_TYPES } from '../../../protocol/zookeeper/ops.ts'
import { type FakeConnection, FakeMember } from './fake-member.ts'

let member: FakeMember
let client: CoordinatorClient
let events: string[]
const tell = ({ type, path }: WatchEvent) => events.push(`${type} ${path}`)

beforeEach(async () => {
  events = []
  member = await FakeMember.listen()
  client = coordinator({ servers: `${member.address}/app`, sessionTimeoutMs: 4_000 })
})
afterEach(async () => {
  await member.close()
  await client.close()
})

async function add(connection: FakeConnection, path: string, recursive: boolean) {
  const added = client.addWatch(path, tell, { recursive })
  const { xid, request } = await connection.next('addWatch')
  expect(request).toMatchObject({ path: path === '/' ? '/app' : `/app${path}`, mode: recursive ? 1 : 0 })
  connection.reply(xid, 9, { type: 'addWatch', err: 0 })
  return added
}

test('calls back again and again, each callback once for an event', async () => {
  const connection = await member.accept()
  await add(connection, '/p', false)
  await add(connection, '/', true)
  await add(connection, '/p', true)
  const { created, childrenChanged, dataChanged } = EVENT_TYPES
  for (const type of [created, childrenChanged, dataChanged]) connection.notify(type, '/app/p')
  connection.notify(created, '/app/p/below')
  connection.notify(created, '/app/pp')
  await expect
    .poll(() => events)
    .toEqual([
      ...['created /p', 'created /p', 'created /p'], // three callbacks
      'children-changed /p',
      ...['data-changed /p', 'data-changed /p', 'data-changed /p'],
      ...['created /p/below', 'created /p/below'],
      'created /pp',
    ])
})

test('is set again at the next member, until it is stopped', async () => {
  const one = await member.accept()
  const stop = await add(one, '/p', false)
  const stopDeep = await add(one, '/q', true)
  one.destroy()
  const two = await member.accept()
  const { xid, request } = await two.next('setWatches2')
  expect(xid).toBe(-8)
  expect(request).toMatchObject({
    relativeZxid: 9,
    data: [],
    persistent: ['/app/p'],
    persistentRecursive: ['/app/q'],
  })
  two.reply(-8, 9, { type: 'setWatches2' })
  two.notify(EVENT_TYPES.created, '/app/q/n')
  await expect.poll(() => events).toEqual(['created /q/n'])
  stop()
  stop()
  expect((await two.next('removeWatches')).request).toMatchObject({ path: '/app/p', watcherType: 4 })
  stopDeep()
  expect((await two.next('removeWatches')).request).toMatchObject({ path: '/app/q', watcherType: 5 })
  two.notify(EVENT_TYPES.created, '/app/q/n')
  two.destroy()
  const three = await member.accept()
  const later = client.sync('/')
  const { xid: last } = await three.next('sync') // nothing is left to be set again
  three.reply(last, 9, { type: 'sync', path: '/app' })
  await later
  expect(events).toHaveLength(1)
})

test('a server that knows no such watch says so', async () => {
  const connection = await member.accept()
  const added = client.addWatch('/p', tell)
  connection.fail((await connection.next('addWatch')).xid, 9, 'Unimplemented')
  await expect(added).rejects.toThrow(/addWatch \/p/)
})
