import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UsageError } from '../../cli/arguments.ts'
import {
  addUser,
  changeUser,
  listUsers,
  removeUser,
  toGrants,
  toUserName,
  withGrants,
  withoutGrants,
} from '../../cli/users.ts'
import { type CoordinatorClient, coordinator } from '../../client/coordinator/client.ts'
import { textOfGrant } from '../../protocol/access.ts'
import { newRecord } from '../../runtime/security/passwords.ts'
import type { UserZnode } from '../../runtime/security/user-znode.ts'
import { TinyCoordinator } from '../runtime/manager/tiny-coordinator.ts'

const tiny = new TinyCoordinator()
let client: CoordinatorClient
let znode: UserZnode

beforeAll(async () => {
  await tiny.start()
  client = coordinator({ servers: tiny.address })
  znode = { grants: toGrants(['write:a/']), record: await newRecord('x', 4096) }
})

afterAll(async () => {
  await client.close()
  await tiny.stop()
})

const texts = (grants: UserZnode['grants']) => grants.map(textOfGrant)

describe('grants, as people write them', () => {
  test('are added once, and taken away only where they are', () => {
    const had = toGrants(['read:', 'write:usérs/'])
    expect(texts(withGrants(had, toGrants(['read:', 'admin:x', 'admin:x'])))).toEqual([
      'read:',
      'write:usérs/',
      'admin:x',
    ])
    expect(texts(withoutGrants(had, toGrants(['read:'])))).toEqual(['write:usérs/'])
    expect(() => withoutGrants(had, toGrants(['read:x']))).toThrow(/there are read:, write:usérs\//)
  })

  test('what is none is refused with an example', () => {
    for (const text of ['read', 'reader:x', '', 'x:read']) expect(() => toGrants([text])).toThrow(UsageError)
    expect(() => toGrants(['users/'])).toThrow(/such as write:users\//)
    expect(() => toUserName('member')).toThrow(/servers of the cluster/)
    expect(() => toUserName('a/b')).toThrow(UsageError)
  })
})

test('a user is added, changed and removed; each error says what to do', async () => {
  expect(await listUsers(client)).toEqual([])
  await addUser(client, 'ann', znode)
  await expect(addUser(client, 'ann', znode)).rejects.toThrow(/exists already.*passwd/)
  const grants = toGrants(['read:b/'])
  await Promise.all(
    ['c/', 'd/', 'e/'].map((prefix) =>
      changeUser(client, 'ann', (had) => ({
        ...had,
        grants: withGrants(had.grants, toGrants([`read:${prefix}`])),
      })),
    ),
  )
  const [ann] = await listUsers(client)
  expect(texts(ann?.znode?.grants ?? []).sort()).toEqual(['read:c/', 'read:d/', 'read:e/', 'write:a/'])
  const many = toGrants(Array.from({ length: 65 }, (_, i) => `read:${i}`))
  await expect(changeUser(client, 'ann', (had) => ({ ...had, grants: many }))).rejects.toThrow(
    /at most 64 grants/,
  )
  await expect(changeUser(client, 'bob', (had) => ({ ...had, grants }))).rejects.toThrow(
    /no user bob.*user list/,
  )
  await client.setData('/catenary/users/ann', 'garbage')
  expect(await listUsers(client)).toEqual([{ name: 'ann', znode: null }])
  await expect(changeUser(client, 'ann', (had) => had)).rejects.toThrow(/holds no user.*remove ann/)
  await removeUser(client, 'ann')
  await expect(removeUser(client, 'ann')).rejects.toThrow(/no user ann/)
})
