import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { mayOver, type Principal } from '../../../protocol/access.ts'
import { asKey } from '../../../protocol/ids.ts'
import { isPasswordOf, newRecord } from '../../../runtime/security/passwords.ts'
import { problemOfName, userFromJson, userToJson } from '../../../runtime/security/user-znode.ts'
import { Users } from '../../../runtime/security/users.ts'

const silent = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const FEW = 4096

const json = async (password: string, ...grants: string[]) => {
  const { salt, iterations, storedKey, serverKey } = await newRecord(password, FEW)
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  return JSON.stringify({
    grants,
    salt: base64(salt),
    iterations,
    storedKey: base64(storedKey),
    serverKey: base64(serverKey),
  })
}

describe('what is kept of a password', () => {
  test('is a record of SCRAM-SHA-256, as RFC 5802 §3 makes it', async () => {
    const record = await newRecord('pencil', FEW)
    const salted = pbkdf2Sync('pencil', record.salt, FEW, 32, 'sha256')
    const hmac = (text: string) => createHmac('sha256', salted).update(text).digest()
    expect(Buffer.from(record.serverKey)).toEqual(hmac('Server Key'))
    expect(Buffer.from(record.storedKey)).toEqual(createHash('sha256').update(hmac('Client Key')).digest())
    expect(await isPasswordOf(record, 'pencil')).toBe(true)
    expect(await isPasswordOf(record, 'Pencil')).toBe(false)
    expect(record.salt).not.toEqual((await newRecord('pencil', FEW)).salt)
  })

  test('a znode says what was written into it', async () => {
    const text = await json('x', 'write:usérs/', 'read:')
    const znode = userFromJson(text)
    expect(znode?.grants).toHaveLength(2)
    expect(znode && userToJson(znode)).toBe(text)
  })

  test('garbage is no user, and no error', async () => {
    const good = JSON.parse(await json('x', 'read:')) as Record<string, unknown>
    for (const wrong of [
      { grants: 'read:' },
      { grants: ['read'] },
      { grants: [7] },
      { grants: Array(65).fill('read:') },
      { grants: [`read:${'x'.repeat(200_000)}`] },
      { iterations: 1 },
      { iterations: 1e9 },
      { iterations: '4096' },
      { salt: '' },
      { salt: 'AA==' },
      { salt: '%%%%%%%%%%%%' },
      { storedKey: 'AAAA' },
      { serverKey: null },
    ])
      expect(userFromJson(JSON.stringify({ ...good, ...wrong })), JSON.stringify(wrong).slice(0, 80)).toBe(
        null,
      )
    for (const text of ['', 'null', '[]', '7', '{', '{}', '"ann"', '\0'])
      expect(userFromJson(text)).toBe(null)
    expect(problemOfName('member')).toMatch(/servers/)
    for (const name of ['', '..', 'a/b', 'a b', '-a', 'ä', 'x'.repeat(65)])
      expect(problemOfName(name)).not.toBe(null)
    for (const name of ['ann', 'default', 'a.b@c-d_1']) expect(problemOfName(name)).toBe(null)
  })
})

describe('users change in the hands of who holds them', () => {
  test('grants at once; with another password, or removed, they are nobody', async () => {
    const users = new Users(silent)
    const told: string[] = []
    users.onChange((principal, change) => told.push(`${principal.name} ${change}`))
    const first = await json('one', 'read:a/')
    users.learn('ann', first)
    const ann = users.find('ann')?.principal as Principal
    const may = (role: 'read' | 'write') => mayOver(ann, role, asKey('a/1'))
    expect([may('read'), may('write')]).toEqual([true, false])
    users.learn('ann', JSON.stringify({ ...JSON.parse(first), grants: ['write:a/'] }))
    expect(users.find('ann')?.principal).toBe(ann)
    expect(may('write')).toBe(true)
    users.learn('ann', await json('two', 'write:a/'))
    expect(users.find('ann')?.principal).not.toBe(ann)
    expect(may('read')).toBe(false)
    users.learn('ann', 'garbage')
    expect(users.find('ann')).toBe(null)
    users.learn('member', first)
    expect(users.list()).toEqual([])
    expect(told).toEqual(['ann grants', 'ann gone', 'ann gone'])
  })
})
