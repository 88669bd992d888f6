/** What a user may do at the native door of a server that asks who he is. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Client, type ConnectOptions, connect } from '../../../client/index.ts'
import { type SoloServer, startSoloServer } from '../../../lab/fuzz/redis/solo-server.ts'
import { ANYBODY, grantFromText, MEMBER, type Principal } from '../../../protocol/access.ts'
import { FrameError } from '../../../protocol/frame.ts'
import { asChainId, asServerId, NO_EPOCH } from '../../../protocol/ids.ts'
import type { UserDirectory } from '../../../protocol/scram.ts'
import { linkProof, memberCredentials } from '../../../runtime/security/link-proof.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'

const cluster = 'forbidden'
const secret = new ClusterSecret(new Uint8Array(32).fill(1))
const grants = ['write:users/', 'read:public/'].flatMap((text) => grantFromText(text) ?? [])
const ann: Principal = { name: 'ann', member: false, grants }
const password = 'of ann'

let solo: SoloServer
const open: Client[] = []
beforeAll(async () => {
  const record = await newRecord(password, 4096)
  const users: UserDirectory = {
    find: (name) => (name === 'ann' ? { ...record, principal: ann } : null),
  }
  solo = await startSoloServer({
    native: { cluster, proof: linkProof(secret, users), onProtocolError: () => {} },
  })
})
afterAll(async () => {
  await Promise.all(open.map((client) => client.close()))
  await solo.close()
})

async function connected(options: Partial<ConnectOptions>): Promise<Client> {
  const { host, port } = solo.server.address ?? { host: '', port: 0 }
  const client = await connect({ servers: [`${host}:${port}`], cluster, ...options })
  open.push(client)
  return client
}

test('ann does what she may, and what she may not is FORBIDDEN', async () => {
  const operator = await connected(memberCredentials(secret))
  await operator.put('public/a', 'for all')
  await operator.put('orders/1', 'not for her')
  const client = await connected({ user: 'ann', password })
  await client.put('users/1', 'hers')
  expect((await client.get('users/1'))?.text()).toBe('hers')
  expect((await client.get('public/a'))?.text()).toBe('for all')
  const code = 'FORBIDDEN'
  await expect(client.get('orders/1')).rejects.toMatchObject({ code, outcome: 'definite' })
  await expect(client.put('public/a', 'hers')).rejects.toMatchObject({ code })
  await expect(client.put('users', 'too short')).rejects.toThrow(/user ann may not write "users"/)
  expect((await operator.get('public/a'))?.text()).toBe('for all')
})

describe('connect() hears at once', () => {
  const cases: Record<string, { options: Partial<ConnectOptions>; message: RegExp }> = {
    'that he has to be a user': { options: {}, message: /asks who we are: give a user and his password/ },
    'that it is not his password': {
      options: { user: 'ann', password: 'guessed' },
      message: /^connect: as user "ann": no such user, or not his password$/,
    },
  }
  for (const [what, { options, message }] of Object.entries(cases))
    test(what, async () => {
      const begunMs = performance.now()
      const refused = connected({ ...options, connectTimeoutMs: 60_000 })
      await expect(refused).rejects.toMatchObject({ code: 'UNAUTHENTICATED' })
      await expect(refused).rejects.toThrow(message)
      expect(performance.now() - begunMs).toBeLessThan(30_000)
    })

  test('that a password alone says nothing', async () => {
    await expect(connected({ password })).rejects.toMatchObject({ code: 'BAD_ARGUMENT' })
    const transport = 'nats://127.0.0.1:1'
    await expect(connected({ user: 'ann', password, transport })).rejects.toThrow(
      /say who you are to the broker/,
    )
  })
})

test('replicas and doors are heard from members only', () => {
  const heard: Uint8Array[] = []
  solo.server.onDoorsTold = (body) => void heard.push(body)
  const tell = (principal: Principal) =>
    solo.server.onBatch(
      'n1',
      {
        type: 'chain',
        items: [
          { chain: asChainId('doors'), message: { type: 'other', epoch: NO_EPOCH, body: Uint8Array.of(1) } },
        ],
      },
      principal,
    )
  expect(solo.server.view.knows(asServerId('n1'))).toBe(true)
  expect(() => tell(ann)).toThrow(FrameError)
  expect(heard).toHaveLength(0)
  tell(MEMBER)
  tell(ANYBODY)
  expect(heard).toHaveLength(2)
})
