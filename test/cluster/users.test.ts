import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { coordinator } from '../../client/coordinator/client.ts'
import { isCoordinatorError } from '../../client/coordinator/errors.ts'
import { catenary as run } from '../cli/run-catenary.ts'
import { STORY_TIMEOUT_MS, startTestCluster, type TestCluster, until } from '../support/cluster.ts'

const SECRET = 'of nobody else at all'

let testing: TestCluster
let failed = true

beforeAll(async () => {
  testing = await startTestCluster({
    coordinators: 1,
    servers: 1,
    replication: 1,
    redis: 'cluster',
    secret: SECRET,
  })
}, STORY_TIMEOUT_MS)

afterAll(async () => {
  await testing?.close({ failed })
})

const catenary = (...words: string[]) => {
  const { cluster } = testing
  const where = ['--coordinator', cluster.coordinatorAddresses.join(',')]
  return run([...words, ...where], { env: { CATENARY_SECRET_FILE: cluster.secretFile ?? '' } })
}

function redis(credentials: object = {}): Redis {
  const { cluster } = testing
  const options = { ...credentials, retryStrategy: () => null, lazyConnect: true }
  const client = new Redis(cluster.redisPort('n1'), '127.0.0.1', options)
  client.on('error', () => {}) // calls say it, too
  return client
}

describe('a cluster with a secret', () => {
  test('a user is added, comes in, and is removed; nobody else comes in', async () => {
    const passwordFile = join(testing.cluster.options.directory, 'ann.password')
    writeFileSync(passwordFile, 'geheim\n')
    const added = await catenary('user', 'add', 'ann', 'write:users/', '--password-file', passwordFile)
    expect(added).toMatchObject({ status: 0, stdout: 'ann: write:users/\n' })

    const ann = redis({ username: 'ann', password: 'geheim' })
    await until('ann is known', async () => {
      try {
        return (await ann.set('users/1', 'Ann')) === 'OK'
      } catch {
        return false
      }
    })
    expect(await ann.get('users/1')).toBe('Ann')
    await expect(ann.get('other')).rejects.toThrow(/NOPERM/)
    const native = await testing.connect({ user: 'ann', password: 'geheim' })
    expect(await native.get('users/1')).not.toBe(null)
    await expect(native.get('other')).rejects.toMatchObject({ code: 'FORBIDDEN' })
    const stranger = redis()
    await expect(stranger.get('users/1')).rejects.toThrow(/NOAUTH/)
    stranger.disconnect()

    const { status } = await catenary('user', 'remove', 'ann')
    expect(status).toBe(0)
    await until('ann is out', () => ann.status === 'end')
  })

  test('strangers see nothing of its tree, and little at its http doors', async () => {
    const { cluster } = testing
    const zk = coordinator({ servers: cluster.coordinatorAddresses })
    const codes = await Promise.all(
      [
        zk.getData('/catenary/cluster'),
        zk.getChildren('/catenary/users'),
        zk.setData('/catenary/chains/c0', 'x'),
        zk.create('/catenary/drain/n1', null),
        zk.delete('/catenary/servers/n1'),
      ].map((work) =>
        work.then(
          () => 'done',
          (error: unknown) => (isCoordinatorError(error) ? error.code : error),
        ),
      ),
    )
    expect(new Set(codes)).toEqual(new Set(['NO_AUTH']))
    await zk.close()
    for (const name of ['n1', 'coordinator-1']) {
      const url = `http://127.0.0.1:${cluster.httpPort(name)}`
      expect((await fetch(`${url}/readyz`)).status).toBe(200)
      const refused = await fetch(`${url}/metrics`)
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([
        401,
        'Basic realm="catenary", charset="UTF-8"',
      ])
    }
  })

  test('neither its secret nor a password is anywhere in its logs', async () => {
    const { cluster } = testing
    const derived = [cluster.secret?.coordinatorPassword, cluster.secret?.httpPassword]
    const hidden = [SECRET, 'geheim', ...derived]
    const said = [cluster.processes.map(({ log }) => log), await cluster.serverStatus('n1')]
    for (const text of hidden) expect(JSON.stringify(said)).not.toContain(text)
    failed = false
  })
})
