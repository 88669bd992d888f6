import { expect, test } from 'vitest'
import type { CoordinatorClient, CoordinatorState } from '../../../client/coordinator/api.ts'
import { asIncarnation, asServerId } from '../../../protocol/ids.ts'
import type { Timers } from '../../../protocol/timers.ts'
import type { ControlPorts } from '../../../runtime/control-ports.ts'
import { Membership } from '../../../runtime/server/membership.ts'

const TIMEOUT_MS = 6000

/** A session whose writes commit at once, and a clock that the test moves. */
async function leases(
  touchLagMs: number,
  lastZxid = 1,
): Promise<{ renewEveryMs: number; lefts: number[]; errors: number }> {
  let nowMs = 1000
  const leaseEnds: number[] = []
  const listeners: ((state: CoordinatorState) => void)[] = []
  const client = {
    session: { sessionId: 1n, timeoutMs: TIMEOUT_MS, lastZxid },
    onState: (listener: (state: CoordinatorState) => void) => listeners.push(listener),
    watchChildren: () => () => {},
    multi: async () => [],
  } as unknown as CoordinatorClient
  let renewEveryMs = 0
  let errors = 0
  let renew = () => {}
  const timers = {
    every: (ms: number, act: () => void) => {
      renewEveryMs = ms
      renew = act
      return { cancel: () => {} }
    },
  } as unknown as Timers
  const onBug = (error: unknown) => {
    throw error
  }
  const server = asServerId('n1')
  const membership = new Membership({
    server: {
      id: server,
      clock: { nowMs: () => nowMs },
      renewLease: (untilMs: number) => leaseEnds.push(untilMs - nowMs),
      storageError: null,
      holds: {},
    } as unknown as ConstructorParameters<typeof Membership>[0]['server'],
    coordinators: ['127.0.0.1:1'],
    sessionTimeoutMs: TIMEOUT_MS,
    touchLagMs,
    registration: { server, host: 'h', port: 1, httpPort: 0, zone: '', dataId: 'd' },
    nextIncarnation: () => asIncarnation(2),
    ports: {
      openSession: () => client,
      timers,
      logger: { info() {}, error: () => errors++ },
      onBug,
    } as unknown as ControlPorts,
  })
  membership.start(asIncarnation(1))
  for (const listener of listeners) listener('connected')
  await new Promise(setImmediate)
  for (let n = 0; n < 5; n++) {
    nowMs += renewEveryMs
    renew()
    await new Promise(setImmediate)
  }
  return { renewEveryMs, lefts: leaseEnds, errors }
}

test('a lease runs from the last committed renewal, whose coming our leader has seen itself', async () => {
  expect(await leases(0)).toEqual({ renewEveryMs: 2000, lefts: Array(6).fill(5400), errors: 0 })
})

test('with Apache ZooKeeper it runs from the newest renewal that was a tick old when the last one was sent', async () => {
  // The opening of the session counts at once; so the first lease shrinks until a renewal is a tick old.
  expect(await leases(1500)).toEqual({
    renewEveryMs: 1000,
    lefts: [5400, 4400, 3400, 3400, 3400, 3400],
    errors: 0,
  })
  expect(await leases(1000)).toEqual({
    renewEveryMs: 1000,
    lefts: [5400, 4400, 4400, 4400, 4400, 4400],
    errors: 0,
  })
})

test('no lease is taken from an Apache ZooKeeper whose tick is not known', async () => {
  expect(await leases(0, 2 ** 32 + 7)).toEqual({ renewEveryMs: 2000, lefts: [], errors: 1 })
  expect((await leases(1000, 2 ** 32 + 7)).lefts).toHaveLength(6)
})
