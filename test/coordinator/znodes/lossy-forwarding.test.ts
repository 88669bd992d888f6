import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Log, MemberDriver } from './queue-driver.ts'
import { create } from './tree-driver.ts'

const CONNECTIONS = [1, 2]

type Step =
  | { readonly type: 'write' | 'read'; readonly member: number; readonly connection: number }
  /** What happens to a forwarded command: it is committed, lost, or committed twice, first or last of those on the way. */
  | { readonly type: 'commit' | 'lose' | 'twice'; readonly member: number; readonly last: boolean }
  | { readonly type: 'apply' | 'again'; readonly member: number }

const member = fc.nat(1)
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    type: fc.constantFrom('write', 'read'),
    member,
    connection: fc.constantFrom(...CONNECTIONS),
  }),
  fc.record({ type: fc.constantFrom('commit', 'commit', 'lose', 'twice'), member, last: fc.boolean() }),
  fc.record({ type: fc.constantFrom('apply', 'apply', 'again'), member }),
) as fc.Arbitrary<Step>

/** Two members with two sessions each; every client appends to a directory of its own and lists it. */
class World {
  readonly log: Log = []
  readonly members = [new MemberDriver(this.log, 1), new MemberDriver(this.log, 2)]
  readonly sent = new Map<string, ('write' | 'read')[]>()

  constructor() {
    for (const [m, driver] of this.members.entries()) {
      for (const connection of CONNECTIONS) {
        this.sent.set(`${m}/${connection}`, [])
        driver.connect(connection)
        driver.request(connection, 0, create(`/${m}${connection}`))
      }
      driver.commit()
    }
    for (let round = 0; round < 2; round += 1) {
      for (const driver of this.members) driver.applyAll()
      for (const driver of this.members) driver.commit()
    }
    for (const driver of this.members) driver.applyAll()
  }

  run(step: Step): void {
    const driver = this.members[step.member]
    if (driver === undefined) return
    switch (step.type) {
      case 'write':
      case 'read': {
        const requests = this.sent.get(`${step.member}/${step.connection}`)
        requests?.push(step.type)
        const path = `/${step.member}${step.connection}`
        const request =
          step.type === 'write'
            ? create(`${path}/`, 2)
            : ({ type: 'getChildren', path, watch: false } as const)
        driver.request(step.connection, requests?.length ?? 0, request)
        break
      }
      case 'apply':
        driver.applyOne()
        break
      case 'again':
        driver.do({ type: 'forward-again' })
        break
      default: {
        const command = step.last ? driver.forwarded.pop() : driver.forwarded.shift()
        if (command === undefined) break
        if (step.type !== 'lose') this.log.push(command)
        if (step.type === 'twice') this.log.push(command)
      }
    }
  }

  /** No more losses: everything must be answered now. */
  settle(): void {
    for (let round = 0; round < 3; round += 1) {
      for (const driver of this.members) {
        driver.do({ type: 'forward-again' })
        driver.commit()
      }
      for (const driver of this.members) driver.applyAll()
    }
  }
}

test('forwards lost, doubled and out of order: every write once, every reply in order, reads see the writes before', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 80 }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
      world.settle()
      for (const [key, requests] of world.sent) {
        const [m, connection] = key.split('/').map(Number)
        const replies = world.members[m ?? 0]?.replies.filter((r) => r.connection === connection && r.xid > 0)
        expect(replies?.map((r) => r.xid)).toEqual(requests.map((_, i) => i + 1))
        let written = 0
        for (const [i, reply] of (replies ?? []).entries()) {
          expect(reply.err).toBe(0)
          if (requests[i] === 'write') {
            expect(reply.response).toEqual({
              type: 'create',
              path: `/${m}${connection}/${String(written).padStart(10, '0')}`,
            })
            written += 1
          } else {
            // Its own directory: exactly its own writes so far.
            expect(reply.response).toMatchObject({ children: { length: written } })
          }
        }
      }
      expect(world.members[0]?.tree).toEqual(world.members[1]?.tree)
    }),
    { numRuns: 300 },
  )
})
