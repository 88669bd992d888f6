import { describe, expect, test } from 'vitest'
import { checkProposal } from '../../../coordinator/manager/assertions.ts'
import type { PlannerLimits } from '../../../coordinator/manager/limits.ts'
import { plan } from '../../../coordinator/manager/planner.ts'
import { isAtRest } from '../../../coordinator/manager/rest.ts'
import {
  type ChainView,
  type ManagerView,
  newPlannerState,
  type Proposal,
} from '../../../coordinator/manager/view.ts'
import type { ChainConfig, Member } from '../../../protocol/chain-config.ts'
import type { ReplicaReport, ServerRegistration } from '../../../protocol/cluster.ts'
import { asChainId, asEpoch, asIncarnation, asMillis, asServerId } from '../../../protocol/ids.ts'
import { InvariantViolation } from '../../../protocol/invariants.ts'
import { SLOT_COUNT } from '../../../protocol/slots.ts'

const C0 = asChainId('c0')

interface ServerSketch {
  readonly life?: number
  readonly zone?: string
  readonly holds?: Record<string, { epoch: number; last: number }>
  readonly draining?: boolean
}

function server(id: string, { life = 1, zone = id, holds = {}, draining = false }: ServerSketch = {}) {
  const registration: ServerRegistration = {
    server: asServerId(id),
    incarnation: asIncarnation(life),
    host: 'h',
    port: 1,
    httpPort: 2,
    zone,
    dataId: id,
    holds: Object.fromEntries(
      Object.entries(holds).map(([chain, { epoch, last }]) => [
        chain,
        { epoch: asEpoch(epoch), last, commit: last },
      ]),
    ),
    draining,
  }
  return registration
}

/** `n1 n2* n3-`: `*` does not serve yet, `-` leaves; `n2@4` is life 4 (else 1). */
function config(epoch: number, members: string, joining: string | null = null): ChainConfig {
  const parsed = members.split(' ').map((text): Member => {
    const [, id = '', life = '1', flags = ''] = /^(\w+)(?:@(\d+))?([*-]*)$/.exec(text) ?? []
    return {
      server: asServerId(id),
      incarnation: asIncarnation(Number(life)),
      serving: !flags.includes('*'),
      leaving: flags.includes('-'),
    }
  })
  const joiner = joining ? { server: asServerId(joining), incarnation: asIncarnation(1) } : null
  return { chain: C0, epoch: asEpoch(epoch), members: parsed, joining: joiner, slots: [[0, SLOT_COUNT - 1]] }
}

const show = (c: ChainConfig) =>
  c.members
    .map(
      ({ server: id, incarnation, serving, leaving }) =>
        `${id}${incarnation === 1 ? '' : `@${incarnation}`}${serving ? '' : '*'}${leaving ? '-' : ''}`,
    )
    .join(' ') + (c.joining ? ` +${c.joining.server}` : '')

function report(
  id: string,
  epoch: number,
  state: ReplicaReport['state'],
  suspects: string | null = null,
): ReplicaReport {
  return {
    server: asServerId(id),
    incarnation: asIncarnation(1),
    epoch: asEpoch(epoch),
    state,
    suspects: suspects === null ? null : asServerId(suspects),
  }
}

interface ViewSketch {
  readonly nowMs?: number
  readonly electedAtMs?: number
  readonly servers: readonly ServerRegistration[]
  readonly chain?: ChainConfig
  readonly reports?: readonly ReplicaReport[]
  readonly drains?: readonly string[]
  readonly reset?: ChainView['reset']
  readonly factor?: number
  readonly chainCount?: number
}

const view = (sketch: ViewSketch): ManagerView => ({
  nowMs: asMillis(sketch.nowMs ?? 100_000),
  electedAtMs: asMillis(sketch.electedAtMs ?? 0),
  options: {
    clusterId: 'x',
    chainCount: sketch.chainCount ?? 1,
    replicationFactor: sketch.factor ?? 3,
    durability: 'sync',
    replication: 'craq',
    sessionTimeoutMs: 6_000,
  },
  servers: new Map(sketch.servers.map((one) => [one.server, one])),
  chains: sketch.chain
    ? new Map([
        [
          C0,
          {
            config: sketch.chain,
            dataVersion: 7,
            reports: sketch.reports ?? [],
            reset: sketch.reset ?? null,
          },
        ],
      ])
    : new Map(),
  drains: new Set((sketch.drains ?? []).map(asServerId)),
})

/** What comes out for c0, as `step: members`. */
function next(sketch: ViewSketch, state = newPlannerState()): string {
  const { proposals, waiting, refusedResets } = plan(view(sketch), state)
  const [proposal] = proposals
  if (!proposal) return `nothing: ${[...refusedResets, ...waiting].map(({ reason }) => reason).join(' | ')}`
  if (sketch.chain) {
    expect(proposal.expectedVersion).toBe(7)
    expect(proposal.config.epoch).toBe(sketch.chain.epoch + 1)
  }
  return `${proposal.step}: ${show(proposal.config)}`
}

const three = [server('n1'), server('n2'), server('n3')]

describe('creation', () => {
  test('waits for as many servers as a chain needs, or for things to settle', () => {
    const state = newPlannerState()
    expect(next({ servers: [server('n1')] }, state)).toBe('nothing: c0 waits for 3 servers to register')
    expect(next({ servers: [server('n1')], nowMs: 109_999 }, state)).toMatch(/^nothing/)
    expect(next({ servers: [server('n1')], nowMs: 110_000 }, state)).toBe('create: n1')
    expect(next({ servers: three })).toBe('create: n1 n2 n3')
    expect(next({ servers: [] }, state)).toMatch(/^nothing/)
  })

  test('spreads zones first, then heads, tails and members', () => {
    const servers = ['a', 'b', 'c', 'd', 'e', 'f'].map((id, i) => server(id, { zone: `z${i % 3}` }))
    const { proposals } = plan(view({ servers, chainCount: 12 }))
    const count = (pick: (c: ChainConfig) => (string | undefined)[]) => {
      const counts = new Map<string, number>()
      for (const { config: c } of proposals)
        for (const id of pick(c)) if (id) counts.set(id, (counts.get(id) ?? 0) + 1)
      return [...counts.values()]
    }
    for (const { config: c } of proposals) {
      expect(new Set(c.members.map((m) => servers.find((s) => s.server === m.server)?.zone)).size).toBe(3)
    }
    expect(count((c) => [c.members[0]?.server])).toEqual([2, 2, 2, 2, 2, 2])
    expect(count((c) => [c.members.at(-1)?.server])).toEqual([2, 2, 2, 2, 2, 2])
    expect(count((c) => c.members.map((m) => m.server))).toEqual([6, 6, 6, 6, 6, 6])
    const slots = proposals.flatMap(({ config: c }) => c.slots)
    expect([slots[0]?.[0], slots.at(-1)?.[1]]).toEqual([0, SLOT_COUNT - 1])
    for (const [i, [first]] of slots.entries()) if (i > 0) expect(first).toBe((slots[i - 1]?.[1] ?? 0) + 1)
  })

  test('never over data that somebody holds: the coordinator has lost its tree', () => {
    const servers = [...three, server('n4', { holds: { c0: { epoch: 3, last: 9 } } })]
    expect(next({ servers })).toMatch(/^nothing: c0 has no configuration, but n4 holds data/)
  })
})

describe('members that are gone', () => {
  const chain = config(4, 'n1 n2 n3')

  test('are dropped, all in one configuration', () => {
    expect(next({ servers: [server('n2')], chain })).toBe('drop-gone: n2')
  })

  test('also those that are registered in another life', () => {
    expect(next({ servers: [server('n1', { life: 2 }), server('n2'), server('n3')], chain })).toBe(
      'drop-gone: n2 n3',
    )
  })

  test('stay during the grace after an election (trap 17)', () => {
    expect(next({ servers: [server('n2')], chain, electedAtMs: 95_000 })).toMatch(
      /^nothing: c0 misses n1, n3/,
    )
  })

  test('take an order to leave with them that the last one had', () => {
    expect(next({ servers: [server('n2')], chain: config(4, 'n1 n2-') })).toBe('drop-gone: n2')
  })
})

describe('ServingNeverEmpty: all serving members are gone', () => {
  const chain = config(4, 'n1 n2 n3*')

  test('nobody returned: nothing changes', () => {
    expect(next({ servers: [], chain })).toBe(
      'nothing: c0 is down: it waits for n1 or n2 to return with its data',
    )
    expect(next({ servers: [server('n3'), server('n4')], chain })).toMatch(/^nothing: c0 is down/)
  })

  test('the one that returns with its data goes on alone; a living newcomer stays behind it', () => {
    const back = server('n2', { life: 2, holds: { c0: { epoch: 4, last: 8 } } })
    expect(next({ servers: [back, server('n3')], chain })).toBe('return: n2@2 n3*')
    expect(next({ servers: [back], chain })).toBe('return: n2@2')
  })

  test('the most advanced of several', () => {
    const backs = [
      server('n1', { life: 2, holds: { c0: { epoch: 3, last: 99 } } }),
      server('n2', { life: 2, holds: { c0: { epoch: 4, last: 8 } } }),
    ]
    expect(next({ servers: backs, chain })).toBe('return: n2@2')
  })

  test('not a wiped directory, nor one that was never a member’s, nor one from the future', () => {
    for (const holds of [{}, { c0: { epoch: 0, last: 5 } }, { c0: { epoch: 9, last: 5 } }]) {
      expect(next({ servers: [server('n1', { life: 2, holds })], chain })).toMatch(
        /^nothing: c0 is down.*n1 is back, but/,
      )
    }
  })

  test('a new manager waits before it chooses among several, not for the only one', () => {
    const back = server('n1', { life: 2, holds: { c0: { epoch: 4, last: 8 } } })
    expect(next({ servers: [back], chain, electedAtMs: 99_000 })).toMatch(
      /^nothing: c0 is down: n1 may return/,
    )
    expect(next({ servers: [back], chain: config(4, 'n1'), electedAtMs: 99_000 })).toBe('return: n1@2')
  })

  test('one that was handed off to is marked first, and carries on', () => {
    const state = newPlannerState()
    expect(next({ servers: [server('n3')], chain, reports: [report('n3', 4, 'serving')] }, state)).toBe(
      'serve: n1 n2 n3',
    )
    expect(next({ servers: [server('n3')], chain: config(5, 'n1 n2 n3') }, state)).toBe('drop-gone: n3')
  })
})

describe('joining', () => {
  const servers = [...three, server('n4')]

  test('a spare joins, is appended when synced, serves when handed off to (HandoffBeforeServing)', () => {
    expect(next({ servers, chain: config(4, 'n1 n2') })).toBe('join: n1 n2 +n3')
    const joining = config(5, 'n1 n2', 'n3')
    expect(next({ servers, chain: joining })).toMatch(/^nothing/)
    expect(next({ servers, chain: joining, reports: [report('n3', 5, 'synced')] })).toBe('append: n1 n2 n3*')
    const appended = config(6, 'n1 n2 n3*')
    expect(next({ servers, chain: appended, reports: [report('n3', 6, 'serving')] })).toBe('serve: n1 n2 n3')
  })

  test('a report of another epoch, or of another life, is void (trap 14)', () => {
    expect(next({ servers, chain: config(5, 'n1 n2', 'n3'), reports: [report('n3', 4, 'synced')] })).toMatch(
      /^nothing/,
    )
    const appended = config(6, 'n1 n2 n3*')
    expect(next({ servers, chain: appended, reports: [report('n3', 5, 'serving')] })).toMatch(/^nothing/)
    const other = { ...report('n3', 6, 'serving'), incarnation: asIncarnation(3) }
    expect(next({ servers, chain: appended, reports: [other] })).toMatch(/^nothing/)
  })

  test('a joiner or newcomer that failed is dropped, and another one is tried before it', () => {
    const state = newPlannerState()
    const chain = config(5, 'n1 n2', 'n3')
    expect(next({ servers, chain, reports: [report('n3', 5, 'failed')] }, state)).toBe('cancel-join: n1 n2')
    expect(next({ servers, chain: config(6, 'n1 n2') }, state)).toBe('join: n1 n2 +n4')
    expect(next({ servers: three, chain: config(6, 'n1 n2') }, state)).toMatch(/no spare/)
    expect(next({ servers: three, chain: config(6, 'n1 n2'), nowMs: 105_001 }, state)).toBe('join: n1 n2 +n3')
    const appended = config(6, 'n1 n2 n3*')
    expect(next({ servers, chain: appended, reports: [report('n3', 6, 'failed')] })).toBe(
      'drop-failed: n1 n2',
    )
  })

  test('a joiner that is gone, drained, or not needed any more is let go', () => {
    expect(next({ servers: three, chain: config(5, 'n1 n2', 'n4') })).toBe('cancel-join: n1 n2')
    expect(next({ servers, chain: config(5, 'n1 n2', 'n4'), drains: ['n4'] })).toBe('cancel-join: n1 n2')
    expect(next({ servers, chain: config(5, 'n1 n2 n3', 'n4') })).toBe('cancel-join: n1 n2 n3')
  })

  test('prefers a zone of its own, then data on the disk', () => {
    const spares = [
      server('n1', { zone: 'a' }),
      server('n2', { zone: 'b' }),
      server('n3', { zone: 'a' }),
      server('n4', { zone: 'c' }),
      server('n5', { zone: 'c', holds: { c0: { epoch: 2, last: 5 } } }),
    ]
    expect(next({ servers: spares, chain: config(5, 'n1 n2') })).toBe('join: n1 n2 +n5')
  })
})

describe('leaving', () => {
  const servers = [...three, server('n4')]

  test('a drain: the replacement serves first, then the member stops, then it is dropped', () => {
    const drains = ['n2']
    expect(next({ servers, drains, chain: config(5, 'n1 n2 n3') })).toBe('join: n1 n2 n3 +n4')
    expect(next({ servers, drains, chain: config(6, 'n1 n2 n3', 'n4') })).toMatch(
      /once its replacement serves/,
    )
    expect(next({ servers, drains, chain: config(8, 'n1 n2 n3 n4') })).toBe('leave: n1 n2- n3 n4')
    const leaving = config(9, 'n1 n2- n3 n4')
    expect(next({ servers, drains, chain: leaving })).toMatch(/^nothing/)
    expect(next({ servers, drains, chain: leaving, reports: [report('n2', 8, 'left')] })).toMatch(/^nothing/)
    expect(next({ servers, drains, chain: leaving, reports: [report('n2', 9, 'left')] })).toBe(
      'drop-left: n1 n3 n4',
    )
  })

  test('without a spare it leaves at once; a registration that says so counts as a drain', () => {
    const stopping = [server('n1'), server('n2', { draining: true }), server('n3')]
    expect(next({ servers: stopping, chain: config(5, 'n1 n2 n3') })).toBe('leave: n1 n2- n3')
  })

  test('the last one that serves stays', () => {
    expect(next({ servers: [server('n1')], drains: ['n1'], chain: config(5, 'n1') })).toMatch(/^nothing/)
    const chain = config(6, 'n1 n2-')
    const gone = { servers: [server('n2')], chain, electedAtMs: 99_000, reports: [report('n2', 6, 'left')] }
    expect(next(gone)).toBe('stay: n1 n2')
  })

  test('one that serves and fails leaves in two steps, too', () => {
    const chain = config(5, 'n1 n2 n3')
    expect(next({ servers: three, chain, reports: [report('n3', 5, 'failed')] })).toBe('leave: n1 n2 n3-')
    expect(
      next({ servers: three, chain: config(6, 'n1 n2 n3-'), reports: [report('n3', 6, 'failed')] }),
    ).toBe('drop-left: n1 n2')
  })
})

describe('suspicion', () => {
  const chain = config(5, 'n1 n2 n3')
  const limits: Partial<PlannerLimits> = { suspicionMs: 3_000 }
  const accuse = (by: string, suspect: string) => report(by, 5, 'member', suspect)

  test('must last, and must not be interrupted', () => {
    const state = newPlannerState(limits)
    const reports = [accuse('n1', 'n2')]
    expect(next({ servers: three, chain, reports }, state)).toMatch(/^nothing/)
    expect(next({ servers: three, chain, nowMs: 102_000 }, state)).toMatch(/^nothing/)
    expect(next({ servers: three, chain, reports, nowMs: 103_000 }, state)).toMatch(/^nothing/)
    expect(next({ servers: three, chain, reports, nowMs: 106_000 }, state)).toBe('leave: n1 n2- n3')
  })

  test('of two that accuse each other the successor goes', () => {
    const state = newPlannerState(limits)
    const reports = [accuse('n1', 'n2'), accuse('n2', 'n1')]
    next({ servers: three, chain, reports }, state)
    expect(next({ servers: three, chain, reports, nowMs: 104_000 }, state)).toBe('leave: n1 n2- n3')
  })

  test('never below two that serve, and at most one in 30 s (trap 16)', () => {
    const state = newPlannerState(limits)
    const pair = config(5, 'n1 n2')
    next({ servers: three.slice(0, 2), chain: pair, reports: [accuse('n1', 'n2')] }, state)
    expect(
      next({ servers: three.slice(0, 2), chain: pair, reports: [accuse('n1', 'n2')], nowMs: 104_000 }, state),
    ).toMatch(/too few would serve/)

    const servers = [...three, server('n4')]
    const four = config(5, 'n1 n2 n3 n4')
    next({ servers, chain: config(4, 'n1 n2 n3 n4-'), nowMs: 100_000 }, state)
    next({ servers, chain: four, reports: [accuse('n1', 'n2')], nowMs: 100_500 }, state)
    expect(next({ servers, chain: four, reports: [accuse('n1', 'n2')], nowMs: 110_000 }, state)).toMatch(
      /a moment ago/,
    )
    expect(next({ servers, chain: four, reports: [accuse('n1', 'n2')], nowMs: 130_001 }, state)).toBe(
      'leave: n1 n2- n3 n4',
    )
  })

  test('whom suspicion has demoted comes back soon where one member is left alone', () => {
    const state = newPlannerState({ ...limits, rejoinBackoffMs: 5_000, demotedBackoffMs: 60_000 })
    next({ servers: three, chain: config(5, 'n1 n2 n3-'), nowMs: 100_000 }, state)
    const pair = { servers: three, chain: config(6, 'n1 n2') }
    expect(next({ ...pair, nowMs: 106_000 }, state)).toMatch(/^nothing/)
    const alone = { servers: three.filter((one) => one.server !== 'n2'), chain: config(7, 'n1') }
    expect(next({ ...alone, nowMs: 104_000 }, state)).toMatch(/^nothing/)
    expect(next({ ...alone, nowMs: 106_000 }, state)).toBe('join: n1 +n3')
    expect(next({ ...pair, nowMs: 161_000 }, state)).toBe('join: n1 n2 +n3')
  })

  test('a newcomer that holds the chain up goes, even if only one is left', () => {
    const state = newPlannerState(limits)
    const pair = config(5, 'n1 n2*')
    next({ servers: three, chain: pair, reports: [accuse('n1', 'n2')] }, state)
    expect(next({ servers: three, chain: pair, reports: [accuse('n1', 'n2')], nowMs: 104_000 }, state)).toBe(
      'leave: n1 n2*-',
    )
  })
})

describe('the operator’s reset', () => {
  const chain = config(4, 'n1 n2')
  const reset = { server: asServerId('n3'), incarnation: null }

  test('seeds a chain whose members are all lost', () => {
    expect(next({ servers: [server('n3')], chain, reset })).toBe('reset: n3')
    const { proposals } = plan(view({ servers: [server('n3')], chain, reset }))
    expect(proposals[0]?.reason).toMatch(/^OPERATOR RESET of c0: n3 seeds it, holding NOTHING/)
  })

  test('is refused beside a living member, for an absent server, for another life', () => {
    expect(next({ servers: three, chain, reset })).toMatch(/member n1 is alive/)
    expect(next({ servers: [server('n4')], chain, reset })).toMatch(/n3 is not registered/)
    const stale = { server: asServerId('n3'), incarnation: asIncarnation(9) }
    expect(next({ servers: [server('n3')], chain, reset: stale })).toMatch(/has restarted since/)
  })

  test('goes beyond every epoch that the seed has seen', () => {
    const servers = [server('n3', { holds: { c0: { epoch: 9, last: 5 } } })]
    const { proposals } = plan(view({ servers, chain, reset }))
    expect(proposals[0]?.config.epoch).toBe(10)
  })
})

describe('production assertions', () => {
  const check = (before: ChainConfig, after: ChainConfig, step: Proposal['step'] = 'serve') =>
    checkProposal(view({ servers: three, chain: before }), {
      chain: C0,
      config: after,
      expectedVersion: 7,
      step,
      reason: 'wrong',
    })
  const broken = (name: string) => expect.objectContaining({ name: 'InvariantViolation', invariant: name })

  test.each([
    ['HandoffBeforeServing', config(4, 'n1 n2*'), config(5, 'n1 n2')],
    ['ServingNeverEmpty', config(4, 'n1 n2*'), config(5, 'n2*')],
    ['ServingNeverEmpty', config(4, 'n1'), config(5, 'n1-')],
    ['ReadUnderLease', config(4, 'n1 n2'), config(5, 'n1')],
    ['UpdatePropagation', config(4, 'n1 n2'), config(5, 'n2 n1')],
    ['EpochFence', config(4, 'n1 n2'), config(6, 'n1 n2')],
  ] as const)('%s', (name, before, after) => {
    expect(() => check(before, after)).toThrow(InvariantViolation)
    expect(() => check(before, after)).toThrow(broken(name))
  })
})

describe('at rest: only a change of the tree can change the next plan', () => {
  const rests = (sketch: ViewSketch, state = newPlannerState()) => {
    const seen = view(sketch)
    return isAtRest(seen, state, plan(seen, state))
  }
  const whole = { servers: three, chain: config(4, 'n1 n2 n3') }

  test('a whole chain', () => {
    expect(rests(whole)).toBe(true)
  })

  test('not in the grace after an election', () => {
    expect(rests({ ...whole, nowMs: 7_000, electedAtMs: 2_000 })).toBe(false)
  })

  test('not where somebody is suspected, waits to join again, or is waited for', () => {
    expect(rests({ ...whole, reports: [report('n1', 4, 'serving', 'n2')] })).toBe(false)
    const state = newPlannerState()
    state.backoffs.set('c0/n4', { untilMs: asMillis(100_001), whileAloneMs: asMillis(100_001) })
    expect(rests(whole, state)).toBe(false)
    expect(rests({ servers: [server('n1')] })).toBe(false)
    expect(rests({ ...whole, servers: [...three.slice(1)] })).toBe(false)
  })
})
