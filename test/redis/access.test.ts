import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type SoloServer, startSoloServer } from '../../lab/fuzz/redis/solo-server.ts'
import { type Grant, grantFromText, type Principal } from '../../protocol/access.ts'
import type { Access } from '../../runtime/doors/redis/access.ts'
import { splitLine } from '../../runtime/doors/redis/request-reader.ts'
import { encodeRequest, type RealRedis, RedisWire, startRealRedis } from '../support/redis-wire.ts'

type Changeable = { -readonly [Field in keyof Principal]: Principal[Field] }

const grants = (...texts: string[]) =>
  texts.map(grantFromText).filter((grant): grant is Grant => grant !== null)
const userNamed = (name: string, ...texts: string[]): Changeable => ({
  name,
  member: false,
  grants: grants(...texts),
})

let ann: Changeable
let bob: Changeable
let changed: (principal: Principal, change: 'grants' | 'gone') => void = () => {}

const access: Access = {
  initial: null,
  login: async (user, password, remote) => {
    expect(remote).toBe('127.0.0.1')
    if (password === 'many') return 'busy'
    const found = access.users().find(({ name }) => name === user)
    return found !== undefined && password === 'gehört' ? found : 'refused'
  },
  users: () => [ann, bob, userNamed('default', 'admin:'), userNamed('eve', 'read:public/', 'write:eve/')],
  onChange: (listener) => {
    changed = listener
  },
}

let real: RealRedis
let solo: SoloServer
const open = () => RedisWire.open(solo.door.port)

async function openAs(user: string): Promise<RedisWire> {
  const wire = await open()
  expect(await wire.ask('AUTH', user, utf8('gehört'))).toBe('+OK\r\n')
  return wire
}

const utf8 = (text: string) => Buffer.from(text, 'utf8').toString('latin1')

beforeAll(async () => {
  ann = userNamed('ann', 'write:users/')
  bob = userNamed('bob', 'admin:')
  real = await startRealRedis()
  solo = await startSoloServer({ access })
})

beforeEach(() => {
  ann = userNamed('ann', 'write:users/')
})

afterAll(async () => {
  await real?.stop()
  await solo?.close()
  expect(solo.bugs).toEqual([])
})

/** What ann may do, in Redis's words. */
const ANN = `ACL SETUSER ann on >geheim resetchannels -@all +@read +@write +@connection +@transaction +@pubsub
  -dbsize -randomkey -flushall -flushdb -client|list -client|kill +acl|whoami +acl|cat ~users/* &users/*`

const REQUESTS = `
GET users/1
AUTH
AUTH ann wrong
AUTH nobody geheim
AUTH ann geheim more
ACL WHOAMI
HELLO 3
HELLO 3 AUTH ann wrong
NOSUCH thing
GET
AUTH ann geheim
ACL WHOAMI
SET users/1 one
GET users/1
GET other
SET other x
MSET users/1 a other b
MGET users/1 other
DEL other
COPY users/1 other
OBJECT ENCODING other
WATCH other
KEYS *
DBSIZE
RANDOMKEY
FLUSHALL
FLUSHDB ASYNC
CONFIG SET maxclients 3
CONFIG RESETSTAT
CLIENT KILL 127.0.0.1:1
CLIENT LIST
CLIENT NO-EVICT on
ACL LIST
ACL USERS
ACL GETUSER ann
ACL SETUSER ann off
ACL DRYRUN ann get users/1
SUBSCRIBE other
PSUBSCRIBE o*
SSUBSCRIBE other
PUBLISH other x
PUBLISH users/news x
SPUBLISH other x
MULTI
SET users/1 two
SET other x
EXEC
MULTI
SET users/1 three
GET users/1
EXEC
MULTI
CONFIG SET maxclients 3
DISCARD
ACL CAT nosuch
RESET
GET users/1
PING
`

describe('the words of Redis 7 for who may not', () => {
  test('request for request', async () => {
    const admin = await RedisWire.open(real.port)
    expect(await admin.ask(...ANN.split(/\s+/))).toBe('+OK\r\n')
    expect(await admin.ask('ACL', 'SETUSER', 'default', '>other')).toBe('+OK\r\n')
    const answers = async (port: number, password: string) => {
      const wire = await RedisWire.open(port)
      const replies: string[] = []
      for (const line of REQUESTS.trim().split('\n')) {
        const words = (splitLine(line) ?? []).map((word) => (word === 'geheim' ? password : word))
        wire.send(encodeRequest(words))
        replies.push(`${line} -> ${JSON.stringify(await wire.reply())}`)
      }
      wire.close()
      return replies
    }
    expect(await answers(solo.door.port, utf8('gehört'))).toEqual(await answers(real.port, 'geheim'))
    expect(await admin.ask('ACL', 'SETUSER', 'default', 'nopass')).toBe('+OK\r\n')
    admin.close()
  })

  test('ACL DRYRUN says it for others', async () => {
    const wire = await openAs('bob')
    const dryRun = (...words: string[]) => wire.ask('ACL', 'DRYRUN', ...words)
    const admin = await RedisWire.open(real.port)
    const realDryRun = (...words: string[]) => admin.ask('ACL', 'DRYRUN', ...words)
    for (const line of [
      'ann GET users/1',
      'ann GET other',
      'ann CONFIG SET a b',
      'ann SUBSCRIBE other',
      'nobody GET x',
      'ann NOSUCH x',
      'ann GET',
    ])
      expect(await dryRun(...line.split(' ')), line).toBe(await realDryRun(...line.split(' ')))
    wire.close()
    admin.close()
  })

  test('strangers send little', async () => {
    const wire = await open()
    wire.send(Buffer.from('*11\r\n'))
    expect(await wire.reply()).toBe('-ERR Protocol error: unauthenticated multibulk length\r\n')
    const other = await open()
    other.send(Buffer.from('*2\r\n$16385\r\n'))
    expect(await other.reply()).toBe('-ERR Protocol error: unauthenticated bulk length\r\n')
    await Promise.all([wire.untilClosed(), other.untilClosed()])
  })
})

describe('roles over prefixes', () => {
  test('KEYS and SCAN show each his own', async () => {
    const [admin, eve] = await Promise.all([openAs('bob'), openAs('eve')])
    await admin.ask('MSET', '{k}x', '1', 'public/{k}', '2')
    for (const key of ['public/1', 'eve/1', 'other']) await admin.ask('SET', key, 'v')
    expect(await eve.ask('KEYS', '*')).toBe('*3\r\n$5\r\neve/1\r\n$8\r\npublic/1\r\n$10\r\npublic/{k}\r\n')
    expect(await eve.ask('SCAN', '0', 'COUNT', '100')).toContain('*3\r\n')
    expect(await eve.ask('GET', 'public/1')).toBe('$1\r\nv\r\n')
    expect(await eve.ask('SET', 'public/1', 'w')).toMatch(/^-NOPERM .*keys/)
    expect(await eve.ask('CLUSTER', 'GETKEYSINSLOT', '0', '10')).toMatch(/^-NOPERM/)
    expect(await admin.ask('DBSIZE')).toMatch(/^:\d/)
    admin.close()
    eve.close()
  })

  test('what happens to keys is told to who may read them', async () => {
    const eve = await openAs('eve')
    const refused = /^-NOPERM .*channels/
    for (const pattern of [
      '*',
      '__key*',
      '_[_]*',
      '__keyspace@0__:*',
      '__keyevent@0__:*',
      '__keyspace@0__:e*',
    ])
      expect(await eve.ask('PSUBSCRIBE', pattern), pattern).toMatch(refused)
    for (const channel of ['__keyevent@0__:set', '__keyspace@0__:other', 'news'])
      expect(await eve.ask('SUBSCRIBE', channel), channel).toMatch(refused)
    expect(await eve.ask('PUBLISH', '__keyspace@0__:eve/1', 'set')).toMatch(refused)
    expect(await eve.ask('PSUBSCRIBE', '__keyspace@0__:eve/*', 'public/*')).toMatch(/^\*3/)
    eve.close()
  })

  test('users as Redis would show them, and changed elsewhere', async () => {
    const wire = await openAs('bob')
    expect(await wire.ask('ACL', 'USERS')).toBe(
      '*4\r\n$3\r\nann\r\n$3\r\nbob\r\n$7\r\ndefault\r\n$3\r\neve\r\n',
    )
    const list = await wire.ask('ACL', 'LIST')
    expect(list).toContain('user ann on ~users/* resetchannels &users/* -@all +@read +@write\r\n')
    expect(list).toContain('user bob on ~* &* +@all\r\n')
    expect(list).toContain(
      'user eve on ~public/* resetchannels &public/* -@all +@read (~eve/* resetchannels &eve/* -@all +@read +@write)',
    )
    expect(await wire.ask('ACL', 'GETUSER', 'nobody')).toBe('$-1\r\n')
    expect(await wire.ask('ACL', 'GETUSER', 'ann')).toContain('passwords\r\n*0\r\n')
    expect(await wire.ask('ACL', 'SETUSER', 'ann', 'on')).toMatch(/^-ERR users are kept by the coordinators/)
    wire.close()
  })

  test('too many at a time are told so', async () => {
    const wire = await open()
    expect(await wire.ask('AUTH', 'ann', 'many')).toMatch(/^-ERR this login was not checked/)
    expect(await wire.ask('GET', 'x')).toBe('-NOAUTH Authentication required.\r\n')
    wire.close()
  })
})

describe('changes reach open connections', () => {
  test('grants', async () => {
    const wire = await openAs('ann')
    expect(await wire.ask('SET', 'users/2', 'x')).toBe('+OK\r\n')
    await wire.ask('MULTI')
    await wire.ask('SET', 'users/2', 'y')
    ann.grants = grants('read:users/')
    changed(ann, 'grants')
    expect(await wire.ask('EXEC')).toMatch(/^-NOPERM ACLs rules changed between/)
    expect(await wire.ask('SET', 'users/2', 'y')).toMatch(/^-NOPERM .*'set' command/)
    expect(await wire.ask('GET', 'users/2')).toBe('$1\r\nx\r\n')
    wire.close()
  })

  test('who listens to what he may not hear any more, or is gone, loses the connection', async () => {
    const [listener, other] = await Promise.all([openAs('ann'), openAs('ann')])
    await listener.ask('SUBSCRIBE', 'users/news')
    ann.grants = grants('read:elsewhere/')
    changed(ann, 'grants')
    await listener.untilClosed()
    expect(await other.ask('PING')).toBe('+PONG\r\n')
    changed(ann, 'gone')
    await other.untilClosed()
  })
})
