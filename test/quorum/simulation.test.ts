import { describe, expect, test } from 'vitest'
import { QuorumHost } from '../../lab/quorum/quorum-host.ts'
import type { MakeSimHost } from '../../lab/simulator/copy-groups.ts'
import { type SimulationOptions, simulate } from '../../lab/simulator/simulate.ts'
import { staleLeaderRun } from './stale-leader-plan.ts'

const TIMEOUT_MS = 120_000

/** Follows whoever the core alone would: a restart has forgotten the leader. */
class Disloyal extends QuorumHost {
  protected override mayHeed(): boolean {
    return true
  }
}

/** A leader that answers by itself, whoever may lead meanwhile. */
class Rash extends QuorumHost {
  override get leaseUntilMs(): number {
    return Number.POSITIVE_INFINITY
  }
}

const mutant =
  (Host: typeof QuorumHost, lease: boolean): MakeSimHost =>
  (process) =>
  (options) =>
    new Host({ ...options, lease, rng: process.rng.fork(`quorum ${options.chain} ${process.life}`) })

const failureOf = async (options: SimulationOptions) => (await simulate(options)).failure

/** What the first seed that notices has noticed. */
async function noticed(seeds: number, options: (seed: number) => SimulationOptions): Promise<string | null> {
  for (let seed = 1; seed <= seeds; seed++) {
    const failure = await failureOf(options(seed))
    if (failure !== null) return failure.kind
  }
  return null
}

describe('whole clusters of the other replications under faults', () => {
  test.each([
    ['raft', 1],
    ['raft', 7],
    ['raft-lease', 3],
    ['raft-lease', 5],
    ['chain', 3],
  ] as const)('%s, seed %i: all is well', { timeout: TIMEOUT_MS }, async (replication, seed) => {
    expect(await failureOf({ seed, replication, faultSeconds: 10, clients: 4 })).toBeNull()
  })

  test('a follower that lacks what is gone takes over the leader’s state', {
    timeout: TIMEOUT_MS,
  }, async () => {
    let taken = 0
    for (let seed = 1; seed <= 10 && taken === 0; seed++) {
      const result = await simulate({
        seed,
        replication: 'raft',
        faultSeconds: 10,
        clients: 4,
        shape: { retainedBytesMax: 100, thinkMs: [10, 100] },
        trace: (_, __, what) => {
          if (what.includes('takes over')) taken++
        },
      })
      expect(result.failure).toBeNull()
    }
    expect(taken).toBeGreaterThan(0)
  })
})

describe('what the judge notices', () => {
  test('nothing, where a restarted voter waits as long as a lease may last', {
    timeout: TIMEOUT_MS,
  }, async () => {
    expect(await noticed(3, (seed) => ({ ...staleLeaderRun(seed), replication: 'raft-lease' }))).toBeNull()
  })

  test('a voter that forgets its leader with its life', { timeout: TIMEOUT_MS }, async () => {
    const makeHost = mutant(Disloyal, true)
    const kind = await noticed(10, (seed) => ({
      ...staleLeaderRun(seed),
      replication: 'raft-lease',
      makeHost,
    }))
    expect(kind).toBe('history')
  })

  test('a leader that reads without asking anybody', { timeout: TIMEOUT_MS }, async () => {
    const makeHost = mutant(Rash, false)
    const kind = await noticed(10, (seed) => ({ ...staleLeaderRun(seed), replication: 'raft', makeHost }))
    expect(kind).toBe('history')
  })
})
