import { pbkdf2Sync } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NODE_SCRAM as primitives } from '../../client/transport/node-scram.ts'
import { MEMBER } from '../../protocol/access.ts'
import { fromBase64, toBase64 } from '../../protocol/base64.ts'
import {
  ITERATIONS,
  ITERATIONS_MIN,
  recordOf,
  ScramClient,
  ScramError,
  ScramServer,
  type UserDirectory,
} from '../../protocol/scram.ts'

const derive = (password: string, salt: Uint8Array, iterations: number) =>
  pbkdf2Sync(password, salt, iterations, 32, 'sha256')
const strangersKey = new Uint8Array(32).fill(7)

/** RFC 7677 §3. */
const RFC = {
  clientNonce: 'rOprNGfwEbeRWgbNEkqO',
  serverNonce: '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
  salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
  first: 'n,,n=user,r=rOprNGfwEbeRWgbNEkqO',
  challenge: 'r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096',
  proof:
    'c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
  verdict: 'v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
}

/** Has one user, whose principal is not of interest. */
function directory(user: string, password: string, salt: Uint8Array = RFC.salt): UserDirectory {
  const salted = derive(password, salt, ITERATIONS_MIN)
  const record = recordOf(primitives, { salted, salt, iterations: ITERATIONS_MIN })
  return { find: (name) => (name === user ? { ...record, principal: MEMBER } : null) }
}

const users = directory('user', 'pencil')
const hellos = new Uint8Array(32).fill(1)

interface Story {
  readonly user?: string
  readonly password?: string
  readonly users?: UserDirectory
  /** What each side takes for the hellos. */
  readonly seen?: { readonly client: Uint8Array | null; readonly server: Uint8Array | null }
}

function prove({ user = 'user', password = 'pencil', seen, ...more }: Story = {}) {
  const { client: near, server: far } = seen ?? { client: hellos, server: hellos }
  const client = new ScramClient({ primitives, user, binding: near })
  const server = new ScramServer({ primitives, users: more.users ?? users, strangersKey, binding: far })
  const { salt, iterations } = client.onChallenge(server.onFirst(client.first))
  const proof = client.proof(derive(password, salt, iterations))
  return { client, server, proof, verdict: () => server.onFinal(proof) }
}

describe('SCRAM-SHA-256', () => {
  test('the exchange of RFC 7677 §3, word for word', () => {
    const client = new ScramClient({ primitives, binding: null, nonce: RFC.clientNonce, user: 'user' })
    const nonce = RFC.serverNonce
    const server = new ScramServer({ primitives, binding: null, nonce, users, strangersKey })
    expect(client.first).toBe(RFC.first)
    expect(server.onFirst(client.first)).toBe(RFC.challenge)
    const { salt, iterations } = client.onChallenge(RFC.challenge)
    expect(client.proof(derive('pencil', salt, iterations))).toBe(RFC.proof)
    expect(server.onFinal(RFC.proof)).toEqual({ type: 'proved', principal: MEMBER, text: RFC.verdict })
    client.onVerdict(RFC.verdict)
  })

  test('with the hellos bound, both sides are proved', () => {
    const { client, verdict } = prove()
    const found = verdict()
    if (found.type === 'refused') throw new Error(found.reason)
    client.onVerdict(found.text)
  })

  test('a wrong password and an unknown user look the same', () => {
    const wrong = prove({ password: 'pencils' }).verdict()
    const unknown = prove({ user: 'nobody' }).verdict()
    expect(wrong.type).toBe('refused')
    expect(unknown).toEqual(wrong)
  })

  test('a name that nobody has gets the same salt each time, another than the next name, and as many iterations as a new user', () => {
    const ask = (user: string) => {
      const client = new ScramClient({ primitives, user, binding: hellos })
      const server = new ScramServer({ primitives, users, strangersKey, binding: hellos })
      return client.onChallenge(server.onFirst(client.first))
    }
    expect(ask('nobody')).toEqual(ask('nobody'))
    expect(ask('nobody').salt).not.toEqual(ask('somebody').salt)
    expect(ask('nobody').iterations).toBe(ITERATIONS)
  })

  test('names that were changed on the way: the proof is worth nothing', () => {
    const other = new Uint8Array(32).fill(2)
    expect(prove({ seen: { client: hellos, server: other } }).verdict()).toEqual({
      type: 'refused',
      reason: 'has not seen the hellos that were said here',
    })
    // Somebody in between who puts in the `c` that the server wants has to sign it, too.
    const { server, proof } = prove({ seen: { client: other, server: hellos } })
    const right = prove().proof.split(',')[0] ?? ''
    expect(server.onFinal(proof.replace(/^c=[^,]+/, right)).type).toBe('refused')
  })

  test('to begin without a binding is refused by a server that has one, and the other way round', () => {
    expect(() => prove({ seen: { client: null, server: hellos } })).toThrow(/does not begin a proof/)
    expect(() => prove({ seen: { client: hellos, server: null } })).toThrow(/does not begin a proof/)
  })

  test('what was said in another exchange proves nothing in this one', () => {
    const before = prove()
    expect(before.verdict().type).toBe('proved')
    expect(() => prove().server.onFinal(before.proof)).toThrow(/answers another question/)
  })

  test('an impostor without the record cannot give a verdict', () => {
    const impostor = prove({ users: directory('user', 'guessed') })
    expect(impostor.verdict().type).toBe('refused')
    const { client } = prove()
    expect(() => client.onVerdict(RFC.verdict)).toThrow(/has not proved/)
    expect(() => client.onVerdict('e=invalid-proof')).toThrow(/no such user/)
    expect(() => client.onVerdict('v=')).toThrow(ScramError)
  })

  test('a challenge that asks for too few iterations, or another nonce, is no challenge', () => {
    const client = new ScramClient({ primitives, user: 'user', binding: hellos, nonce: 'mine' })
    for (const text of ['r=mineX,s=AAAA,i=1000', 'r=mineX,s=AAAA,i=9000000', 'r=mine,s=AAAA,i=4096'])
      expect(() => client.onChallenge(text), text).toThrow(ScramError)
    for (const text of ['r=yours,s=AAAA,i=4096', 'r=mineX,s=,i=4096', 'r=mineX,s=A,i=4096', ''])
      expect(() => client.onChallenge(text), text).toThrow(ScramError)
  })

  test('names may hold what separates the attributes', () => {
    const odd = 'a=2C,=3Db'
    expect(prove({ user: odd, users: directory(odd, 'pencil') }).verdict().type).toBe('proved')
  })

  test('whatever a stranger says instead, it is refused as such', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (first, final) => {
        const { server } = prove()
        expect(() => server.onFinal(final)).toThrow(ScramError)
        const next = new ScramServer({ primitives, users, strangersKey, binding: hellos })
        expect(() => next.onFirst(first)).toThrow(ScramError)
      }),
      { numRuns: 50 },
    )
  })
})

test('base64: as Node writes it, and nothing but that is read', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (bytes) => {
      const text = toBase64(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64'))
      expect(fromBase64(text)).toEqual(new Uint8Array(bytes))
    }),
  )
  for (const text of ['A', 'AB', 'AB=', 'AB==CD==', 'A B=', 'AB-_', '====', 'AR=='])
    expect(fromBase64(text), text).toBeNull()
})
