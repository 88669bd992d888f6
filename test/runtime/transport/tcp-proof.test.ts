/** Who comes in over tcp where a proof is asked for, and who does not; and that nobody else suffers from those who do not. */
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { Credentials } from '../../../client/transport/node-scram.ts'
import { openTcpDial } from '../../../client/transport/tcp-dial.ts'
import { MEMBER, type Principal } from '../../../protocol/access.ts'
import { encodeFrame, encodeHello, type Hello } from '../../../protocol/frame.ts'
import type { UserDirectory } from '../../../protocol/scram.ts'
import type { Transport } from '../../../protocol/transport.ts'
import { type LinkProof, linkProof, memberCredentials } from '../../../runtime/security/link-proof.ts'
import { newRecord } from '../../../runtime/security/passwords.ts'
import { ClusterSecret } from '../../../runtime/security/secret.ts'
import { type ListeningTransport, openTcp, type TcpListenOptions } from '../../../runtime/transport/tcp.ts'
import { Ear, numbered, numberOf } from './fabrics.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((closable) => closable.close()))
})

const secretOf = (fill: number) => new ClusterSecret(new Uint8Array(32).fill(fill))
const SECRET = secretOf(1)
const MEMBERS = memberCredentials(SECRET)
const REFUSAL_MS = 150
const [ANNS, BOBS]: readonly Credentials[] = [
  { user: 'ann', password: 'of ann' },
  { user: 'bob', password: 'of bob' },
] as const
const RECORDS = new Map(
  await Promise.all(
    [ANNS, BOBS].map(async (who) => {
      const { user = '', password = '' } = who ?? {}
      const principal: Principal = { name: user, member: false, grants: [] }
      return [user, { ...(await newRecord(password, 4096)), principal }] as const
    }),
  ),
)

/** Ann and Bob. */
class People implements UserDirectory {
  knowsAll = true
  #listener: (principal: Principal, change: 'gone') => void = () => {}
  find(name: string) {
    return RECORDS.get(name) ?? null
  }
  isComplete(): boolean {
    return this.knowsAll
  }
  onChange(listener: (principal: Principal, change: 'gone') => void): () => void {
    this.#listener = listener
    return () => {}
  }
  remove(name: string): void {
    const found = this.find(name)
    if (found !== null) this.#listener(found.principal, 'gone')
  }
}

let people: People
let ear: Ear
let n1: ListeningTransport

function proofOf(secret = SECRET): LinkProof {
  const proof = linkProof(secret, people)
  return { ...proof, gate: { ...proof.gate, refusalMs: REFUSAL_MS } }
}

async function listen(self: string, to: Ear, more: Partial<TcpListenOptions>): Promise<ListeningTransport> {
  const options = { self, cluster: 'test', host: '127.0.0.1', port: 0, events: to }
  const transport = await openTcp({ ...options, ...more })
  open.push(transport)
  return transport
}

beforeEach(async () => {
  people = new People()
  ear = new Ear()
  n1 = await listen('n1', ear, proofOf())
})

interface Client {
  readonly transport: Transport
  readonly ear: Ear
}

/** Says something to n1 at once. */
function dial(self: string, credentials: Credentials | undefined, to = n1): Client {
  const own = new Ear()
  const options = { self, cluster: 'test', events: own }
  const transport = openTcpDial({ ...options, ...(credentials !== undefined && { credentials }) })
  open.push(transport)
  transport.setAddress('n1', to.address)
  transport.send('n1', numbered(1))
  return { transport, ear: own }
}

/** Says what it likes, byte for byte. */
function stranger(hello: Partial<Hello>, ...bodies: readonly Uint8Array[]) {
  const socket: Socket = connect({ ...n1.address })
  open.push({ close: () => socket.destroy() })
  socket.on('error', () => {})
  socket.resume()
  const said: Hello = { from: 'x', to: 'n1', cluster: 'test', listens: false, auth: 'scram', ...hello }
  socket.write(Buffer.concat([encodeHello(said), ...bodies].map(encodeFrame)))
  return { socket, closed: new Promise<void>((resolve) => socket.once('close', () => resolve())) }
}

const reasons = () => ear.errors.map(({ reason }) => reason)
const heard = (from: string) => ear.bodies.some((item) => item.from === from)

describe('who proves who he is comes in', () => {
  test('as himself; he is heard, and answered over his connection', async () => {
    const ann = dial('client-1', ANNS)
    await ear.until('ann is heard', () => heard('client-1'))
    expect(ear.bodies[0]?.principal).toBe(RECORDS.get('ann')?.principal)
    n1.send('client-1', numbered(2))
    await ann.ear.until('the answer', () => ann.ear.bodies.length === 1)
    expect(ann.ear.bodies.map(({ body, principal }) => [numberOf(body), principal])).toEqual([[2, MEMBER]])
    expect(ear.errors).toEqual([])
  })

  test('servers as members, both ways', async () => {
    const other = new Ear()
    const n2 = await listen('n2', other, proofOf())
    n1.setAddress('n2', n2.address)
    n2.setAddress('n1', n1.address)
    n1.send('n2', numbered(1))
    n2.send('n1', numbered(2))
    await ear.until('n2 is heard', () => heard('n2'))
    await other.until('n1 is heard', () => other.bodies.length === 1)
    expect([ear.bodies[0]?.principal, other.bodies[0]?.principal]).toEqual([MEMBER, MEMBER])
  })
})

describe('who does not is refused', () => {
  const wrong: Record<string, Credentials> = {
    'a wrong password': { user: 'ann', password: 'guessed-in-vain' },
    'a user that is not there': { user: 'eve', password: 'guessed-in-vain' },
    'a wrong secret': { ...memberCredentials(secretOf(2)) },
  }
  for (const [what, credentials] of Object.entries(wrong)) {
    test(`${what}: late, with one line that names him and not what he said`, async () => {
      const begunMs = performance.now()
      const eve = dial('client-1', credentials)
      await eve.ear.until('he hears of it', () => eve.ear.refusals.length === 1)
      expect(performance.now() - begunMs).toBeGreaterThan(REFUSAL_MS)
      const reason = `as user "${credentials.user}": no such user, or not his password`
      expect(eve.ear.refusals).toEqual([{ peer: 'n1', reason }])
      expect(reasons()).toEqual([
        `user "${credentials.user}" has not proved who he is: no such user, or not his password`,
      ])
      expect(JSON.stringify(ear.errors)).not.toContain(credentials.password)
      expect([ear.ups, ear.bodies]).toEqual([[], []])
    })
  }

  test('no credentials: at once, and both sides say why', async () => {
    const nobody = dial('client-1', undefined)
    await nobody.ear.until('he hears of it', () => nobody.ear.refusals.length === 1)
    expect(nobody.ear.refusals[0]?.reason).toMatch(/"n1" asks who we are: give a user and his password/)
    await ear.until('the line', () => ear.errors.length === 1)
    expect(reasons()[0]).toMatch(/offers no proof of who it is/)
  })

  test('who wants a proof is not satisfied by a server that has no secret', async () => {
    const open = await listen('n1', new Ear(), {})
    const ann = dial('client-1', ANNS, open)
    await ann.ear.until('she hears of it', () => ann.ear.refusals.length === 1)
    expect(ann.ear.refusals[0]?.reason).toMatch(/"n1" asks nobody who he is, so it cannot prove who it is/)
  })

  test('while users are still being read, who is not found is told to come again', async () => {
    people.knowsAll = false
    const eve = dial('client-1', { user: 'eve', password: 'x' })
    await eve.ear.until('the link breaks', () => eve.ear.downs.length === 1)
    expect(eve.ear.refusals).toEqual([])
    expect(eve.ear.downs[0]?.reason).toMatch(/does not look at proofs at the moment/)
  })

  test('of one address few wrong proofs wait at a time; servers come in all the same', async () => {
    const proof = proofOf()
    const slow = await listen('n1', ear, { ...proof, gate: { ...proof.gate, refusalMs: 60_000 } })
    for (let n = 0; n < 17; n++) dial(`eve-${n}`, { user: 'ann', password: `${n}` }, slow)
    await ear.until('one too many', () => reasons().some((reason) => /no proof is looked at/.test(reason)))
    expect(reasons().filter((reason) => /has not proved/.test(reason))).toHaveLength(16)
    dial('n7', MEMBERS, slow)
    await ear.until('a server is heard', () => heard('n7'))
  })

  test('bodies before the proof are not even read, and long ones not waited for', async () => {
    await stranger({}, numbered(1)).closed
    await stranger({}, new Uint8Array(2000)).closed
    expect(reasons()[0]).toMatch(/^no proof: it does not begin a proof/)
    expect(reasons()[1]).toMatch(/^frame of 2000 bytes/)
    expect(ear.bodies).toEqual([])
  })

  test('a proof that does not come in time', async () => {
    const late = new Ear()
    n1 = await listen('n1', late, { ...proofOf(), helloTimeoutMs: 80 })
    await stranger({}).closed
    expect(late.ups).toEqual([])
  })
})

describe('names', () => {
  test('a connection is replaced only by one that is proved to be of the same', async () => {
    const first = dial('twin', ANNS)
    await ear.until('the first', () => ear.ups.length === 1)
    await stranger({ from: 'twin' }, numbered(9)).closed
    const bob = dial('twin', BOBS)
    await ear.until('bob is refused', () =>
      reasons().some((reason) => /takes the name of another/.test(reason)),
    )
    expect([ear.downs, first.ear.downs]).toEqual([[], []])
    await bob.transport.close()
    dial('twin', ANNS)
    await ear.until('the second', () => ear.ups.length === 2)
    expect(ear.downs).toEqual([{ peer: 'twin', reason: 'replaced by a newer connection' }])
  })

  test('the name of a server is for servers: who takes it without the secret disturbs nobody', async () => {
    const other = new Ear()
    const n2 = await listen('n2', other, proofOf())
    n2.setAddress('n1', n1.address)
    n1.setAddress('n2', n2.address)
    n2.send('n1', numbered(1))
    await ear.until('n2 is heard', () => heard('n2'))
    await stranger({ from: 'n2', listens: true }, numbered(9)).closed
    dial('n2', ANNS)
    await ear.until('ann is refused', () =>
      reasons().some((reason) => /in the name of a server/.test(reason)),
    )
    n2.send('n1', numbered(2))
    await ear.until('n2 is still heard', () => ear.bodies.length === 2)
    expect([ear.downs, other.downs]).toEqual([[], []])
  })

  test('who is removed loses his connection, and nobody else does', async () => {
    const ann = dial('client-1', ANNS)
    const bob = dial('client-2', BOBS)
    await ear.until('both', () => ear.ups.length === 2)
    people.remove('ann')
    await ann.ear.until('ann is out', () => ann.ear.downs.length === 1)
    expect(ear.downs.map(({ peer }) => peer)).toEqual(['client-1'])
    bob.transport.send('n1', numbered(2))
    await ear.until('bob is heard', () => ear.bodies.filter(({ from }) => from === 'client-2').length === 2)
  })
})
