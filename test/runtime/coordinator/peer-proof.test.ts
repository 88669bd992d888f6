/** Coordinators with a secret: they find a leader over links that are proved, and whoever has no proof does not get as far as Raft. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import { linkProof, memberCredentials } from '../../../runtime/security/link-proof.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'
import { Ear } from '../transport/fabrics.ts'
import { Ensemble, eventually } from './ensemble.ts'

const secretOf = (fill: number) => new ClusterSecret(new Uint8Array(32).fill(fill))

let ensemble: Ensemble
beforeAll(async () => {
  ensemble = await Ensemble.start(3, { proof: linkProof(secretOf(1), null) })
})
afterAll(() => ensemble.stop())

test('they serve', async () => {
  const client = await ensemble.connect(2, { timeoutMs: 10_000 })
  await client.create('/a', 'x')
})

const reasons = () => ensemble.log.map(({ reason }) => reason ?? '')

test('who takes the name of a member without the secret is not heard, and nobody misses the member', async () => {
  const leader = await ensemble.leader()
  const before = ensemble.log.length
  for (const proof of [{}, { credentials: memberCredentials(secretOf(2)) }]) {
    const ear = new Ear()
    const peer = openTcpDial({ self: 'coordinator-3', cluster: 'test', events: ear, ...proof })
    const [first] = ensemble.members
    peer.setAddress('coordinator-1', { host: '127.0.0.1', port: first?.peerPort ?? 0 })
    peer.send('coordinator-1', Uint8Array.of(1, 2, 3))
    await ear.until('it is refused', () => ear.refusals.length === 1)
    await peer.close()
  }
  await eventually('both lines', () => reasons().length >= before + 2)
  const said = reasons().slice(before)
  expect(said[0]).toMatch(/offers no proof of who it is/)
  expect(said[1]).toMatch(/^user "member" has not proved who he is/)
  expect(await ensemble.leader()).toBe(leader)
})
