import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type CoordinatorClient, coordinator } from '../../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../../client/coordinator/errors.ts'
import type { Log } from '../../../runtime/log.ts'
import { startManager } from '../../../runtime/manager/start-manager.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { treeAccess } from '../../../runtime/security/tree-access.ts'
import { userToJson } from '../../../runtime/security/user-znode.ts'
import { Users } from '../../../runtime/security/users.ts'
import { Ensemble, eventually } from '../coordinator/ensemble.ts'

const SECRET = { coordinatorPassword: 'from-the-secret' }
const OPTIONS = {
  chainCount: 1,
  replicationFactor: 1,
  durability: 'memory',
  replication: 'craq',
  sessionTimeoutMs: 2000,
} as const

let ensemble: Ensemble
let servers: string[]
const said: string[] = []
const note = (...words: unknown[]) => void said.push(String(words.at(-1)))
const logger: Log = { debug: () => {}, info: () => {}, warn: note, error: note }
const silent: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} }
const sessions: CoordinatorClient[] = []

function session(options: object = {}): CoordinatorClient {
  const client = coordinator({ servers, sessionTimeoutMs: 4000, ...options })
  sessions.push(client)
  return client
}

beforeAll(async () => {
  ensemble = await Ensemble.start(1)
  servers = ensemble.members.map(({ host, clientPort }) => `${host}:${clientPort}`)
})

afterAll(async () => {
  for (const client of sessions) await client.close()
  await ensemble?.stop()
})

const codeOf = (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (isCoordinatorError(error) ? error.code : String(error)),
  )

describe('the tree of a cluster with a secret', () => {
  test('what was open is closed, and stays closed', async () => {
    const open = startManager({ coordinator: servers, name: 'open', options: OPTIONS, logger: silent })
    const stranger = session()
    await eventually('a cluster', async () => (await stranger.exists('/catenary/cluster')) !== null)
    await open.stop()
    await stranger.ensurePath('/catenary/chains/c0/synced')
    await stranger.create('/elsewhere', 'of no concern')

    const access = treeAccess(SECRET)
    const manager = startManager({ coordinator: servers, name: 'closed', options: OPTIONS, logger, access })
    await eventually('a word about it', () => said.some((line) => /were open to others/.test(line)))
    for (const path of ['/catenary', '/catenary/cluster', '/catenary/chains/c0/synced']) {
      expect(await codeOf(stranger.getData(path)), path).toBe('NO_AUTH')
      expect(await codeOf(stranger.setData(path, 'x')), path).toBe('NO_AUTH')
      expect(await codeOf(stranger.create(`${path}/x`, null)), path).toBe('NO_AUTH')
      expect(await codeOf(stranger.getChildren(path)), path).toBe('NO_AUTH')
      expect(await codeOf(stranger.getAcl(path)), path).toBe('NO_AUTH')
    }
    expect(await codeOf(stranger.delete('/catenary/chains/c0/synced'))).toBe('NO_AUTH')
    expect(await codeOf(stranger.create('/zookeeper/quota/catenary/zookeeper_limits', 'count=1'))).toBe(
      'NO_AUTH',
    )
    expect(await codeOf(stranger.getData('/elsewhere'))).toBe('done')

    const guesser = session({ auth: [{ scheme: 'digest', auth: 'catenary:guess' }] })
    expect(await codeOf(guesser.getData('/catenary/cluster'))).toBe('NO_AUTH')
    const operator = session(access)
    await operator.create('/catenary/users', null)
    expect(await codeOf(stranger.getChildren('/catenary/users'))).toBe('NO_AUTH')
    await manager.stop()
  })

  test('another secret takes the tree over, with the former at hand', async () => {
    const next = { coordinatorPassword: 'from-the-next' }
    said.length = 0
    const manager = startManager({
      ...{ coordinator: servers, name: 'next', options: OPTIONS, logger },
      access: treeAccess(next, SECRET),
    })
    await eventually('a word about it', () => said.some((line) => /were open to others/.test(line)))
    await manager.stop()
    const [old, heir] = [session(treeAccess(SECRET)), session(treeAccess(next, SECRET))]
    expect(await codeOf(old.getData('/catenary/cluster'))).toBe('NO_AUTH')
    const back = startManager({
      ...{ coordinator: servers, name: 'back', options: OPTIONS, logger: silent },
      access: treeAccess(SECRET, next),
    })
    await eventually(
      'the tree is back',
      async () => (await codeOf(old.getData('/catenary/users'))) === 'done',
    )
    expect((await heir.getAcl('/catenary')).acl).toHaveLength(1)
    await back.stop()
  })

  test('a manager without the secret, or with another, says so', async () => {
    said.length = 0
    const manager = startManager({ coordinator: servers, name: 'late', options: OPTIONS, logger })
    await eventually('a word about it', () => said.some((line) => /start this manager with/.test(line)))
    await manager.stop()
  })

  test('users are followed, from one session to the next', async () => {
    const znode = { grants: [], record: await newRecord('x', 4096) }
    const operator = session(treeAccess(SECRET))
    const users = new Users(logger)
    const first = session(treeAccess(SECRET))
    expect(users.isComplete()).toBe(false)
    users.follow(first)
    await eventually('that there is nobody', () => users.isComplete())
    await operator.ensurePath('/catenary/users')
    await operator.create('/catenary/users/ann', userToJson(znode))
    await eventually('ann', () => users.find('ann'))
    await operator.create('/catenary/users/bob', 'garbage')
    await eventually('a word about bob', () => said.some((line) => /users\/bob holds no user/.test(line)))
    await first.close()
    expect(users.find('ann')).not.toBe(null) // nobody can tell
    const ann = users.find('ann')?.principal
    users.follow(session(treeAccess(SECRET)))
    await operator.setData('/catenary/users/bob', userToJson(znode))
    await eventually('bob', () => users.find('bob'))
    expect(users.find('ann')?.principal).toBe(ann) // who is logged in stays so
    await operator.delete('/catenary/users/ann')
    await eventually('ann has gone', () => users.find('ann') === null)
  })
})
